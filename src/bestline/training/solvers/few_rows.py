"""Few rows: lines through few rows of very many columns, from the rows themselves. Second moments would be p x p; no one forms them.

    minimise   |y - X w|^2 / W + l1 sum_j f_j |w_j| + l2 sum_j f_j w_j^2            X (n, p), n < p, W the rows' weight

An n-row lasso gives few columns a weight. From the largest penalty down, only those are solved for that pull hard enough to have
one soon (the sequential strong rule of Tibshirani et al. 2012): exactly, by `path.solve`, on their own second moments. Then every
column is asked, by one product X'r, whether it was left out rightly; those that were not are taken in, until none is left. So the
rule is a guess that costs nothing when it is wrong, and the duality gap of each solution is that of all p columns.

Ridge and least squares take the singular values of the rows, which are those of a triangle (n, n).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.errors import DataError
from bestline.numerics import Rows, singular_vectors
from bestline.training.solvers.active_sets import ROUNDING, ladder
from bestline.training.solvers.path import Normal, SolutionPath, checked, gaps, reach
from bestline.training.solvers.path import solve as solve_moments

_EPS = torch.finfo(torch.float64).eps
_TOGETHER = 0.75  # penalties down to this share of the last one are solved for at once, on the same columns
_MOST = 8  # and no more of them than this
_FIRST = 100  # columns that are taken in at once, when there are fewer rows


@dataclass(frozen=True, slots=True, eq=False)
class CentredRows:
    """A few rows, centred, each times the root of its weight.

    Attributes
    ----------
    X, y : Tensor (n, p), (n, k)
    root : Tensor (n,)
        Roots of the weights.
    x_mean, y_mean : Tensor (p,), (k,)
    """

    X: Tensor
    y: Tensor
    root: Tensor
    x_mean: Tensor
    y_mean: Tensor

    @classmethod
    def of(cls, rows: Rows, *, intercept: bool) -> CentredRows:
        """Rows of weight 0 stay, as rows of zeros."""
        X, y = rows.X.to(torch.float64), rows.y
        n = len(rows)
        if n == 0:
            raise DataError("There are no rows to fit a line to.")
        w = torch.ones(n, dtype=torch.float64) if rows.w is None else rows.w
        x_mean, y_mean = torch.zeros(X.shape[1], dtype=torch.float64), torch.zeros(y.shape[1], dtype=torch.float64)
        if intercept:
            x_mean, y_mean = (w @ X) / w.sum(), (w @ y) / w.sum()
            # What is constant is so in the data themselves: about its mean rounding may be left of it.
            low, high = (X if rows.w is None else X[w > 0]).aminmax(dim=0)
            # Twice, for a mean far from 0 has few digits of its own to spare.
            X = X - x_mean
            left = (w @ X) / w.sum()  # what rounding of the mean has left
            X, x_mean = X - left, x_mean + left
            X, x_mean = torch.where(low == high, 0.0, X), torch.where(low == high, low, x_mean)
            y = y - y_mean
        root = w.sqrt()
        return cls(X * root[:, None], y * root[:, None], root, x_mean, y_mean)

    @property
    def square(self) -> Tensor:
        """Mean squares of the targets, (k,)."""
        return (self.y**2).sum(0) / (self.root**2).sum()

    @property
    def linear(self) -> Tensor:
        """Second moments of features and targets, (p, k)."""
        return self.X.T @ self.y / (self.root**2).sum()

    def level(self, slopes: Tensor) -> Tensor:
        """Intercepts (..., k) that belong to slopes (..., p, k); 0 where nothing was centred."""
        return self.y_mean - (self.x_mean[:, None] * slopes).sum(-2)

    def solved(self, alpha: Tensor) -> tuple[Tensor, int]:
        """Slopes (p, k) of least |y - X b|^2 + alpha |b|^2, alpha (k,), and how many directions the rows tell apart.

        Of several solutions the one of smallest norm; neither depends on the columns' units.
        """
        slopes = torch.zeros(self.X.shape[1], len(alpha), dtype=torch.float64)
        free = alpha == 0
        plain = _Directions.of(self.X)
        if bool(free.any()):
            slopes[:, free] = plain.least_norm(self.y[:, free])
        if not bool(free.all()):  # b = V s / (s^2 + alpha) U'y: alpha shrinks what small singular values would blow up
            U, s, Vt = _svd(self.X)
            slopes[:, ~free] = Vt.T @ (s[:, None] / (s[:, None] ** 2 + alpha[~free]) * (U.T @ self.y[:, ~free]))
        return slopes, len(plain.s)


def solve_rows(
    few: CentredRows,
    l1: Tensor | float,
    l2: Tensor | float,
    *,
    factors: Tensor | None = None,
    positive: bool = False,
    start: Tensor | None = None,
) -> SolutionPath:
    """Minimise the penalised mean squared error on a few rows, for every target and penalty, as `path.solve` does from moments.

    Parameters
    ----------
    few : CentredRows
    l1, l2 : float, or Tensor (m,) or (m, k)
        Penalties, not negative; with (m, k) each target has a series of its own. Quickest in descending order.
    factors : Tensor (p,), optional
        f: how much of the penalties each column takes; 0 leaves it free. By default 1.
    positive : bool
        Slopes must not be negative (free columns neither).
    start : Tensor (p, k), optional
        Slopes near the first solution.

    Returns
    -------
    SolutionPath
        Of one data set, s = 1. Where the solution is not unique, least squares and free columns have the smallest norm, the
        lasso an independent set of columns.

    Raises
    ------
    OptionError, ShapeError
        For penalties or factors that are negative, not finite, or of the wrong number.
    DataError
        For columns too large for float64.
    """
    p, k = few.X.shape[1], few.y.shape[1]
    l1, l2, factors = checked(l1, l2, factors, p, k)
    height = few.root.norm()
    X, y = few.X / height, few.y / height
    if not bool((X**2).sum(0).isfinite().all() & (y**2).sum(0).isfinite().all()):
        raise DataError("The columns are too large for float64 as they stand; standardise them, or use other units.")
    held = (factors > 0) | torch.tensor(positive)
    free = _FreeColumns.of(X, y, held)
    weights, rounds = torch.zeros(1, len(l1), p, k, dtype=torch.float64), 0
    gap = torch.zeros(1, len(l1), k, dtype=torch.float64)
    for i in range(k if bool(held.any()) else 0):
        first = None if start is None else start[held, i]
        problem = _DualProblem.of(free.X, free.y[:, i], factors[held], positive=positive)
        smooth = (l1[:, i] == 0) & (not positive)
        if bool(smooth.any()):
            weights[0, smooth.nonzero(), held.nonzero()[:, 0], i], gap[0, smooth, i] = problem.ridge(l2[smooth, i])
        if not bool(smooth.all()):
            found, gap[0, ~smooth, i], turns = problem.descend(l1[~smooth, i], l2[~smooth, i], start=first)
            weights[0, (~smooth).nonzero(), held.nonzero()[:, 0], i] = found
            rounds += turns
    weights[:, :, ~held] = free.slopes(weights[:, :, held])
    return SolutionPath(weights, gap, rounds)


@dataclass(frozen=True, slots=True, eq=False)
class _FreeColumns:
    """What the free columns leave of the others and of the targets (Frisch & Waugh 1933), and the way back."""

    X: Tensor  # (n, p - u)
    y: Tensor  # (n, k)
    alone: Tensor  # (u, k): slopes of the free columns without the others
    onto: Tensor  # (u, p - u): slopes of the others on the free columns

    @classmethod
    def of(cls, X: Tensor, y: Tensor, held: Tensor) -> _FreeColumns:
        if bool(held.all()):
            nothing = torch.zeros(0, y.shape[1] + X.shape[1], dtype=torch.float64)
            return cls(X, y, nothing[:, : y.shape[1]], nothing[:, y.shape[1] :])
        free, others = _Directions.of(X[:, ~held]), X[:, held]
        # A column that the free ones explain has nothing left but rounding.
        rest = free.without(others)
        gone = rest.norm(dim=0) <= 32 * _EPS * len(X) ** 0.5 * others.norm(dim=0)
        return cls(torch.where(gone, 0.0, rest), free.without(y), free.least_norm(y), free.least_norm(others))

    def slopes(self, others: Tensor) -> Tensor:
        """Slopes (1, m, u, k) of the free columns beside slopes (1, m, p - u, k) of the others."""
        return self.alone - self.onto @ others


@dataclass(frozen=True, slots=True, eq=False)
class _DualProblem:
    """One target: minimise |y - X w|^2 + l1 sum f |w| + l2 sum f w^2, with X (n, p), y (n,), f (p,), |x_j| = size_j, |y|^2 = square."""

    X: Tensor
    y: Tensor
    factors: Tensor
    size: Tensor
    square: Tensor
    positive: bool

    @classmethod
    def of(cls, X: Tensor, y: Tensor, factors: Tensor, *, positive: bool) -> _DualProblem:
        return cls(X, y, factors, X.norm(dim=0), y @ y, positive)

    def ridge(self, l2: Tensor) -> tuple[Tensor, Tensor]:
        """Slopes (m, p) without an l1 penalty, and gaps (m,); least squares of smallest norm where l2 is 0 as well."""
        slopes = torch.zeros(len(l2), self.X.shape[1], dtype=torch.float64)
        lost, plain = torch.zeros_like(l2), l2 == 0
        if bool(plain.any()):
            directions = _Directions.of(self.X)
            slopes[plain] = directions.least_norm(self.y[:, None])[:, 0]
            left = self.y - self.X @ slopes[plain][0]
            lost[plain] = ((directions.U.T @ left) ** 2).sum()
        if not bool(plain.all()):
            root = self.factors.sqrt()
            U, s, Vt = _svd(self.X / root)
            shrunk = s / (s**2 + l2[~plain, None]) * (U.T @ self.y)
            slopes[~plain] = shrunk @ Vt / root
            lost[~plain] = self._gaps(slopes[~plain], self.pulls(slopes[~plain]), torch.zeros_like(l2[~plain]), l2[~plain])
        return slopes, lost

    def descend(self, l1: Tensor, l2: Tensor, *, start: Tensor | None) -> tuple[Tensor, Tensor, int]:
        """Slopes (m, p), gaps (m,) and the rounds made."""
        w = torch.zeros(self.X.shape[1], dtype=torch.float64) if start is None else start.clone()
        w = torch.where(self.size > 0, w.clamp(min=0) if self.positive else w, 0.0)
        pull = self.pulls(w[None])[0]
        top = torch.where(self.factors > 0, self._force(pull) / self.factors, 0.0).amax().clamp(min=0)
        last = top if start is None else l1[0]
        steps, curbs, told = ladder(l1[:, None], l2[:, None], last[None])
        steps, curbs = steps[:, 0], curbs[:, 0]
        slopes, gap = torch.zeros(len(steps), len(w), dtype=torch.float64), torch.zeros(len(steps), dtype=torch.float64)
        at = rounds = 0
        working = (w != 0).nonzero()[:, 0]
        # Invariant: steps[: at] are solved, each proved by the pulls of all columns; w and pull are of the last of them, and `last`
        # is its l1. The working columns are those that may have a weight; no column outside is trusted, each is asked.
        while at < len(steps):
            near = (steps[at : at + _MOST] >= _TOGETHER * last).long().cumprod(0)
            here = slice(at, at + max(1, int(near.sum())))
            # The strong rule: as a rule 2 |pull_j| changes no faster than l1 f_j does. So by the end of these penalties a column can
            # have a weight only if it pulls harder than f_j (2 l1_end - l1_last) now.
            soon = self._force(pull) - self.factors * (2 * steps[here].amin() - last).clamp(min=0)
            working = self._with_hardest((w != 0).nonzero()[:, 0], soon)
            done = 0
            while not done:
                found, pulls, turns = self._on(working, steps[here], curbs[here], start=w)
                rounds += turns
                excess = self._excess(found, pulls, steps[here])
                excess[:, working] = -1.0  # solved for, so they pull as they should
                done = int((excess <= 0).all(1).long().cumprod(0).sum())
                # Where not even the first penalty's solution stands, take in what pulls too hard, from the weights found.
                if not done:
                    w = found[0]
                    working = self._with_hardest(working, excess.amax(0))
            settled = slice(at, at + done)
            slopes[settled] = found[:done]
            gap[settled] = self._gaps(found[:done], pulls[:done], steps[settled], curbs[settled])
            w, pull, last = found[done - 1], pulls[done - 1], steps[at + done - 1]
            at += done
        return slopes[told], gap[told], rounds

    def pulls(self, slopes: Tensor) -> Tensor:
        """The pull X'(y - X w) of every column at slopes (m, p), (m, p)."""
        return self._residual(slopes) @ self.X

    def _residual(self, slopes: Tensor) -> Tensor:
        used = (slopes != 0).any(0).nonzero()[:, 0]
        return self.y - slopes[:, used] @ self.X[:, used].T

    def _on(self, working: Tensor, l1: Tensor, l2: Tensor, *, start: Tensor) -> tuple[Tensor, Tensor, int]:
        """Solutions (c, p) with the working columns only, the pulls of all columns there, and the rounds made."""
        columns = self.X[:, working]
        normal = Normal((columns.T @ columns)[None], (columns.T @ self.y)[None, :, None], self.square[None, None])
        path = solve_moments(
            normal, l1, l2, factors=self.factors[working], positive=self.positive, start=start[None, working, None]
        )
        found = torch.zeros(len(l1), len(self.size), dtype=torch.float64)
        found[:, working] = path.weights[0, :, :, 0]
        return found, self.pulls(found), path.rounds

    def _force(self, pull: Tensor) -> Tensor:
        return 2 * (pull if self.positive else pull.abs())

    def _excess(self, slopes: Tensor, pulls: Tensor, l1: Tensor) -> Tensor:
        """By how much columns without a weight pull harder than they may, beyond rounding, (c, p)."""
        return self._force(pulls) - l1[:, None] * self.factors - 2 * ROUNDING * self._reach(slopes)[0, :, :, 0]

    def _reach(self, slopes: Tensor) -> Tensor:
        return reach(self.size[None], self.square[None, None], slopes[None, :, :, None])

    def _gaps(self, slopes: Tensor, pulls: Tensor, l1: Tensor, l2: Tensor) -> Tensor:
        loss = (self._residual(slopes) ** 2).sum(1)
        found = gaps(
            slopes[None, :, :, None],
            pulls[None, :, :, None],
            loss[None, :, None],
            self._reach(slopes),
            l1[:, None],
            l2[:, None],
            self.factors,
            positive=self.positive,
        )
        return found[0, :, 0]

    def _with_hardest(self, working: Tensor, force: Tensor) -> Tensor:
        """The working columns and those whose force is above 0, the hardest first, as many as could have a weight at once."""
        force = force.clone()
        force[working] = -1.0
        entering = (force > 0).nonzero()[:, 0]
        most = max(len(self.y), _FIRST)
        if len(entering) > most:
            entering = force.topk(most).indices
        return torch.cat([working, entering]).sort().values


@dataclass(frozen=True, slots=True, eq=False)
class _Directions:
    """What columns X (n, p) tell apart, whatever their units: X = Z diag(size), Z = U diag(s) V' without what is rounding."""

    U: Tensor
    s: Tensor
    Vt: Tensor
    size: Tensor

    @classmethod
    def of(cls, X: Tensor) -> _Directions:
        size = X.norm(dim=0)
        U, s, Vt = _svd(X / torch.where(size > 0, size, 1.0))
        kept = s > s[:1] * max(X.shape) * _EPS
        return cls(U[:, kept], s[kept], Vt[kept], size)

    def without(self, Y: Tensor) -> Tensor:
        """What the columns cannot explain of Y (n, c)."""
        rest = Y - self.U @ (self.U.T @ Y)
        return rest - self.U @ (self.U.T @ rest)  # once more, for the digits that cancelled

    def least_norm(self, Y: Tensor) -> Tensor:
        """Slopes b (p, c) of smallest norm with U diag(s) V' diag(size) b = U U' Y.

        They lie in the range of diag(size) V = Q R: b = Q c with R' c = diag(1 / s) U' Y. Columns of like size lie together, so
        that Householder's QR is accurate row by row.
        """
        order = self.size.argsort(descending=True)
        Q, R = torch.linalg.qr((self.Vt.T * self.size[:, None])[order])
        found = torch.empty(len(self.size), Y.shape[1], dtype=torch.float64)
        found[order] = Q @ torch.linalg.solve_triangular(R.T, (self.U.T @ Y) / self.s[:, None], upper=False)
        return found


def _svd(A: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Singular values and vectors of A (n, p): those of a triangle, where A is wider than long."""
    if len(A) >= A.shape[1]:
        return singular_vectors(A)
    # A' = Q R, so A = R' Q', and the triangle R' (n, n) has A's singular values.
    Q, R = torch.linalg.qr(A.T)
    U, s, Vt = singular_vectors(R.T)
    return U, s, Vt @ Q.T
