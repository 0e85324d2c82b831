"""Path: lines of least squares under a whole series of penalties, each solved exactly, from second moments alone.

    minimise   w' G w - 2 h' w + square + l1 sum_j f_j |w_j| + l2 sum_j f_j w_j^2        G = X'X / n   h = X'y / n

Ridge takes one eigendecomposition for all its penalties; a lasso or an elastic net takes active sets, from the largest penalty
down. Every solution comes with its duality gap, a bound on what any other weights could still gain, so that nobody has to
believe in its digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.errors import DataError, OptionError, ShapeError
from bestline.numerics import Comoments, Scaling, eigenvectors, minimum_norm, second_moments
from bestline.numerics.semidefinite import RANK_TOLERANCE, minimum_norms
from bestline.training.solvers.active_sets import ROUNDING
from bestline.training.solvers.shortlist import active_sets

_EIGEN_MISS = 1e-13  # of ridge by eigenvectors, beyond which it is solved penalty by penalty


@dataclass(frozen=True, slots=True, eq=False)
class Normal:
    """Mean squared errors of a line as a function of its slopes: square - 2 linear' w + w' curvature w. Of s data sets at once.

    Attributes
    ----------
    curvature : Tensor (s, p, p)
        Second moments of the features, about the mean when the line has an intercept. A column of zeros has weight 0.
    linear : Tensor (s, p, k)
        Second moments of features and targets.
    square : Tensor (s, k)
        Second moments of the targets.
    """

    curvature: Tensor
    linear: Tensor
    square: Tensor

    def __post_init__(self) -> None:
        s, p, k = self.linear.shape
        if self.curvature.shape != (s, p, p) or self.square.shape != (s, k):
            raise ShapeError(
                f"`Normal` needs curvature ({s}, {p}, {p}) and square ({s}, {k}) beside linear {(s, p, k)}; "
                f"got {tuple(self.curvature.shape)} and {tuple(self.square.shape)}."
            )

    @classmethod
    def of(cls, statistics: Sequence[Comoments], scalings: Sequence[Scaling]) -> Normal:
        """The squared errors on the rows behind each statistic, in its columns as trained; at least one row each."""
        parts = [_second_moments(moments.cpu(), scaling) for moments, scaling in zip(statistics, scalings, strict=True)]
        joint, p = torch.stack(parts), scalings[0].p
        return cls(joint[:, :p, :p], joint[:, :p, p:], joint[:, p:, p:].diagonal(dim1=1, dim2=2))

    def losses(self, weights: Tensor, pull: Tensor | None = None) -> Tensor:
        """Mean squared errors (s, m, k) of the lines with slopes (s, m, p, k); their pull, where it is known, need not be found."""
        away = (self.pull(weights) if pull is None else pull) + self.linear[:, None]  # h + (h - G w)
        return (self.square[:, None] - away.mul_(weights).sum(2)).clamp(min=0)

    def pull(self, weights: Tensor) -> Tensor:
        """The pull h - G w, half the downhill gradient, (s, m, p, k) as the weights are."""
        s, m, p, k = weights.shape
        flat = weights.permute(0, 2, 1, 3).reshape(s, p, m * k)
        return self.linear[:, None] - (self.curvature @ flat).reshape(s, p, m, k).permute(0, 2, 1, 3)


@dataclass(frozen=True, slots=True, eq=False)
class SolutionPath:
    """Solutions under m penalties.

    Attributes
    ----------
    weights : Tensor (s, m, p, k)
        Slopes of the columns as trained; exactly 0 outside the support.
    gap : Tensor (s, m, k)
        Duality gap: no weights at all have an objective smaller by more than this. In the units of `square`.
    rounds : int
        How often the equations were solved.
    """

    weights: Tensor
    gap: Tensor
    rounds: int

    @property
    def support(self) -> Tensor:
        """Which weights are not zero, (s, m, p, k)."""
        return self.weights != 0


def solve(
    normal: Normal,
    l1: Tensor | float,
    l2: Tensor | float,
    *,
    factors: Tensor | None = None,
    positive: bool = False,
    start: Tensor | None = None,
) -> SolutionPath:
    """Minimise the penalised squared error for every data set, target and penalty.

    Parameters
    ----------
    normal : Normal
    l1, l2 : float, or Tensor (m,) or (m, k)
        Penalties, not negative, in the units of `normal`; with (m, k) each target has a series of its own. Quickest in
        descending order.
    factors : Tensor (p,), optional
        f: how much of the penalties each column takes; 0 leaves it free. By default 1.
    positive : bool
        Slopes must not be negative (free columns neither).
    start : Tensor (s, p, k), optional
        Slopes near the first solution.

    Returns
    -------
    SolutionPath
        Every solution with its duality gap, rounding only unless columns are collinear to 13 digits. Where columns are collinear and the solution is not unique, least squares and
        free columns have the smallest norm, the lasso an independent set of columns.

    Raises
    ------
    OptionError, ShapeError
        For penalties or factors that are negative, not finite, or of the wrong number.
    DataError
        For moments that are not finite.
    """
    s, p, k = normal.linear.shape
    l1, l2, factors = checked(l1, l2, factors, p, k)
    m = len(l1)
    # A sum too large means the same as a number too large.
    if not all(bool(part.sum().isfinite()) for part in (normal.curvature, normal.linear, normal.square)):
        raise DataError("The columns are too large for float64 as they stand; standardise them, or use other units.")
    weights = torch.zeros(s, m, p, k, dtype=torch.float64)
    # What is left to solve are the held columns, those that are penalised, in three ways: without l1 from eigenvectors, with l1 by
    # active sets, and without any penalty by least squares of smallest norm.
    # Free columns are solved for last: what is left over from them obeys the same equations (Frisch & Waugh 1933).
    held = (factors > 0) | torch.tensor(positive)
    free = _partialled(normal, held)
    inner, f = free.rest, factors[held]
    rounds = 0
    smooth = (l1 == 0).all(1) & (not positive)
    plain = [] if positive or not bool(((l1 == 0) & (l2 == 0)).any()) else [minimum_norms(G) for G in inner.curvature]
    if bool(smooth.any()):
        weights[:, smooth.nonzero()[:, :1], held.nonzero()[:, 0]] = _ridge(inner, l2[smooth], f, plain)
    if bool(held.any()) and not bool(smooth.all()):
        first = None if start is None else start[:, held]
        found, rounds = active_sets(
            inner.curvature,
            inner.linear,
            inner.square,
            l1[~smooth],
            l2[~smooth],
            factors=f,
            positive=positive,
            start=first,
            top=top(inner, f).amax(0),
        )
        weights[:, (~smooth).nonzero()[:, :1], held.nonzero()[:, 0]] = found
    gap = _gaps(inner, weights[:, :, held], l1, l2, f, plain, positive=positive)
    weights[:, :, ~held] = free.slopes(weights[:, :, held])
    return SolutionPath(weights, gap, rounds)


def checked(l1: Tensor | float, l2: Tensor | float, factors: Tensor | None, p: int, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Penalties as (m, k) and factors as (p,), in float64; raises OptionError and ShapeError as `solve` says."""
    l1, l2 = _series("l1", l1, k), _series("l2", l2, k)
    m = max(len(l1), len(l2))
    if {len(l1), len(l2)} - {1, m}:
        raise ShapeError(f"`l1` and `l2` are two series of one length, or one value each; got {len(l1)} and {len(l2)}.")
    factors = torch.ones(p, dtype=torch.float64) if factors is None else factors.to(torch.float64)
    if factors.shape != (p,) or not bool((factors >= 0).all() & factors.isfinite().all()):
        raise OptionError(f"`factors` must be {p} finite numbers that are not negative, one for each column.")
    return l1.expand(m, k), l2.expand(m, k), factors


def top(normal: Normal, factors: Tensor | None = None) -> Tensor:
    """The least l1 under which no column that is penalised has a weight, (s, k). Free columns, of factor 0, are in the line."""
    p = normal.linear.shape[1]
    factors = torch.ones(p, dtype=torch.float64) if factors is None else factors.to(torch.float64)
    held = factors > 0
    if not bool(held.any()):
        return torch.zeros_like(normal.square)
    return (2 * _partialled(normal, held).rest.linear.abs() / factors[held, None]).amax(1)


def _second_moments(moments: Comoments, scaling: Scaling) -> Tensor:
    joint = second_moments(moments, scaling)
    if not scaling.intercept:
        return joint
    # About its mean a constant column is nothing but rounding, which no weight may rest on.
    constant = moments.spread == 0
    constant[scaling.p :] = False
    if bool(constant.any()):
        joint[constant] = 0
        joint[:, constant] = 0
    return joint


def _series(name: str, given: Tensor | float, k: int) -> Tensor:
    value = torch.as_tensor(given, dtype=torch.float64)
    value = value.reshape(-1, 1) if value.ndim < 2 else value
    if value.ndim != 2 or value.shape[1] not in (1, k) or not bool((value >= 0).all() & value.isfinite().all()):
        raise OptionError(f"`{name}` must be a series of finite penalties that are not negative, (m,) or (m, {k}).")
    return value


@dataclass(frozen=True, slots=True, eq=False)
class _Partialled:
    """What is left of the data sets when the free columns have explained what they can, and the way back."""

    rest: Normal
    alone: Tensor  # (s, u, k): slopes of the free columns without the others
    onto: Tensor  # (s, u, p - u): slopes of the others on the free columns

    def slopes(self, others: Tensor) -> Tensor:
        """Slopes (s, m, u, k) of the free columns beside slopes (s, m, p - u, k) of the others."""
        return self.alone[:, None] - self.onto[:, None] @ others


def _partialled(normal: Normal, held: Tensor) -> _Partialled:
    s, p, k = normal.linear.shape
    if bool(held.all()):
        nothing = torch.zeros(s, 0, k + p, dtype=torch.float64)
        return _Partialled(normal, nothing[:, :, :k], nothing[:, :, k:])
    G, h = normal.curvature, normal.linear
    cross = G[:, ~held][:, :, held]
    # The free columns' slopes for all that is to be explained at once, (s, u, k + p - u).
    both = torch.stack([minimum_norm(G[i][~held][:, ~held], torch.cat([h[i][~held], cross[i]], 1)) for i in range(s)])
    alone, onto = both[:, :, :k], both[:, :, k:]
    curvature = G[:, held][:, :, held] - cross.mT @ onto
    # A column that the free ones explain has nothing left but rounding, in proportion to all that was taken away.
    size = G.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()
    taken = size[:, held] + (size[:, ~held, None] * onto.abs()).sum(1)
    gone = curvature.diagonal(dim1=1, dim2=2) <= RANK_TOLERANCE * taken**2
    curvature = curvature.masked_fill(gone[:, :, None] | gone[:, None, :], 0.0)
    linear = (h[:, held] - cross.mT @ alone).masked_fill(gone[:, :, None], 0.0)
    square = (normal.square - (h[:, ~held] * alone).sum(1)).clamp(min=0)
    return _Partialled(Normal((curvature + curvature.mT) / 2, linear, square), alone, onto)


def _ridge(normal: Normal, l2: Tensor, factors: Tensor, plain: Sequence[Callable[[Tensor], Tensor]]) -> Tensor:
    """Ridge under all penalties (m, k) from one eigendecomposition a data set, (s, m, p, k); least squares where l2 is 0.

    `plain` solves the equations without penalty, for each data set.
    """
    s, p, k = normal.linear.shape
    found, exact = torch.zeros(s, len(l2), p, k, dtype=torch.float64), torch.zeros(s, len(l2), k, dtype=torch.bool)
    if p and bool((l2 > 0).any()):
        # In z = sqrt(f) w the penalty is l2 |z|^2 for every column, and with F^-1/2 G F^-1/2 = V L V' one decomposition gives all
        # solutions: z = V (L + l2)^-1 V' F^-1/2 h.
        root = factors.sqrt()
        values, vectors = eigenvectors(normal.curvature / torch.outer(root, root))
        turned = vectors.mT @ (normal.linear / root[:, None])
        shrunk = values.clamp(min=0)[:, :, None, None] + l2  # (s, p, m, k)
        flat = vectors @ (turned[:, :, None] / shrunk.clamp(min=1e-300)).flatten(2) / root[:, None]
        found = flat.unflatten(2, l2.shape).transpose(1, 2).contiguous()
        # How far h - G w is from l2 f w, against the size of what was added up in it.
        miss = (normal.pull(found) - l2[:, None, :] * factors[:, None] * found).abs()
        exact = (miss <= _EIGEN_MISS * _reach(normal, found)).all(2) & (l2 > 0)
    # What eigenvectors cannot do: columns of very different sizes, and no penalty at all.
    for i, j, column in (~exact).nonzero().tolist():
        curb = l2[j, column] * factors
        solution = minimum_norms(normal.curvature[i] + torch.diag(curb)) if bool(curb.any()) else plain[i]
        found[i, j, :, column] = solution(normal.linear[i, :, column : column + 1])[:, 0]
    return found


def _reach(normal: Normal, weights: Tensor) -> Tensor:
    size = normal.curvature.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()
    return reach(size, normal.square, weights)


def reach(size: Tensor, square: Tensor, weights: Tensor) -> Tensor:
    """The size of what is added up in h - G w, at most, (s, m, p, k): rounding is in proportion to it.

    Of columns of size (s, p), the roots of G's diagonal, targets of mean square (s, k) and weights (s, m, p, k).
    """
    size = size[:, None, :, None]
    return size * (square[:, None, None].sqrt() + (size * weights.abs()).sum(2, keepdim=True))


def gaps(
    weights: Tensor,
    pull: Tensor,
    loss: Tensor,
    spread: Tensor,
    l1: Tensor,
    l2: Tensor,
    factors: Tensor,
    *,
    positive: bool,
) -> Tensor:
    """Duality gap at weights (s, m, p, k), (s, m, k): the least of the bounds that hold, each a sum of terms not negative.

    With an l1 penalty, the residuals r (those of the ridge's own rows included) are shrunk by c into the dual's domain:
    (1 - c)^2 |r|^2 + sum_j (l1 f_j |w_j| - 2 c w_j g_j), g = h - G w - l2 f w. With an l2 penalty the dual has no edge, and
    q = h - G w itself will do: sum_j (l1 f_j |w_j| + l2 f_j w_j^2 + (2 |q_j| - l1 f_j)_+^2 / (4 l2 f_j) - 2 w_j q_j).

    Parameters
    ----------
    weights, pull, spread : Tensor (s, m, p, k)
        w, h - G w, and what `reach` says of them.
    loss : Tensor (s, m, k)
        Mean squared errors.
    l1, l2 : Tensor (m, k)
    factors : Tensor (p,)
    positive : bool
    """
    # Weak duality: any residuals, shrunk until no column pulls harder than its bound, give a lower bound of the least objective.
    # Written as a sum of terms that are not negative, so that the gap keeps digits where the two objectives agree to the last.
    bound, curb = l1[:, None, :] * factors[:, None], l2[:, None, :] * factors[:, None]
    ridged = bool((curb > 0).any())
    rest = pull - curb * weights if ridged else pull
    allowed = bound + 2 * ROUNDING * spread
    force = 2 * (rest if positive else rest.abs())
    inside = torch.where(force > allowed, allowed / force.clamp(min=1e-300), 1.0).amin(2)  # c
    residual = loss + (curb * weights**2).sum(2) if ridged else loss
    slack = bound * weights.abs() - 2 * inside[:, :, None] * weights * rest
    gap = (1 - inside) ** 2 * residual + slack.abs().sum(2)
    if not ridged:
        return gap
    # The second bound: conjugate of each weight's own penalty at 2 q_j, which is finite wherever there is a ridge.
    over = (2 * (pull if positive else pull.abs()) - bound).clamp(min=0)
    conjugate = torch.where(curb > 0, over**2 / (4 * curb.clamp(min=1e-300)), torch.inf)
    smooth = (bound * weights.abs() + curb * weights**2 + conjugate - 2 * weights * pull).sum(2).clamp(min=0)
    return torch.minimum(gap, smooth)


def _gaps(
    normal: Normal,
    weights: Tensor,
    l1: Tensor,
    l2: Tensor,
    factors: Tensor,
    plain: Sequence[Callable[[Tensor], Tensor]],
    *,
    positive: bool,
) -> Tensor:
    """Of all solutions; without any penalty the gap is what least squares can still gain, g' G^+ g with g = h - G w."""
    s, m, p, k = weights.shape
    if p == 0:
        return torch.zeros(s, m, k, dtype=torch.float64)
    pull, spread = normal.pull(weights), _reach(normal, weights)
    gap = gaps(weights, pull, normal.losses(weights, pull), spread, l1, l2, factors, positive=positive)
    for j in () if positive else ((l1 == 0) & (l2 == 0)).any(1).nonzero()[:, 0].tolist():
        lost = torch.stack([(pull[i, j] * plain[i](pull[i, j])).sum(0) for i in range(s)])
        gap[:, j] = torch.where((l1[j] == 0) & (l2[j] == 0), lost.clamp(min=0), gap[:, j])
    return gap
