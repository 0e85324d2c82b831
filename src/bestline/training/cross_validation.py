"""Cross-validation: which penalty predicts rows best that a line has never seen. Every penalty is tried on every fold.

    error(penalty) = sum over folds of (fold's share of the weight) * MSE(fold, by the line trained on the other folds)

Nothing here reads the data: the training part of a fold has the moments of all other folds, added up, and a line's squared error
on a fold follows from the fold's own:

    MSE(fold) = square - 2 linear' w + w' curvature w + (mean_y - mean_x' w)^2     of the fold, about the training part's means

Each training part standardises its columns by itself, so no fold sees another.

Two answers are given: the penalty of least error, and the largest whose error is within one standard error of the least (the
1-SE rule, Breiman et al. 1984, 3.4.3), which leaves more columns out. Standard errors are those of the mean of the folds'
errors, weighted as the folds are, as in glmnet (Friedman, Hastie & Tibshirani 2010).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bestline.errors import DataError, OptionError
from bestline.numerics import Comoments, Rows, Scaling, eigenvectors, rank_tolerance, rests, trained_mean
from bestline.training.solvers.path import Normal, SolutionPath, solve, top

if TYPE_CHECKING:
    from pandas import DataFrame

KINDS = ("ridge", "lasso", "enet")
RATIOS = (0.1, 0.5, 0.7, 0.9, 0.95, 0.99, 1.0)  # shares of the absolute penalty that "enet" tries
_COUNT = 100
_FEW_DIGITS = 1e-8  # of the terms that are added up: half of their digits are gone in a smaller mean square
_AT_ONCE = 2**23  # residuals


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Cross-validation of a series of penalties, from the largest to none at all, which is last.

    Attributes
    ----------
    kind : {"ridge", "lasso", "enet"}
    names, targets : tuple of str
        Names of the weights (d,), the intercept last, and of the targets (k,).
    rows, folds : int
        How many rows, and the number of folds that have some.
    l1, l2 : Tensor (g,)
        Penalties of the columns as trained. With "enet" one series for each ratio, one after the other.
    ratio : Tensor (g,)
        l1 / (l1 + 2 l2), which is scikit-learn's `l1_ratio`; NaN without any penalty.
    share : Tensor (f,)
        Each fold's share of the weight.
    fold_mse : Tensor (f, g, k)
        Mean squared error of each fold, in the data's units.
    error : Tensor (g,)
        Out-of-fold mean squared error over the target's variance, the mean of the targets.
    std_error : Tensor (g,)
        Standard error of `error`.
    difference : Tensor (g,)
        Standard error of what `error` differs from that without penalty, fold by fold.
    weights : Tensor (g, d, k)
        Of the line trained on all rows, in the data's units.
    gap : Tensor (g,)
        Largest duality gap of any line under this penalty, over the target's second moment.
    best, one_se : int
        Where the error is least; and the largest penalty, of the same ratio, within one standard error of that.
    """

    kind: str
    names: tuple[str, ...]
    targets: tuple[str, ...]
    rows: int
    folds: int
    l1: Tensor
    l2: Tensor
    ratio: Tensor
    share: Tensor
    fold_mse: Tensor
    error: Tensor
    std_error: Tensor
    difference: Tensor
    weights: Tensor
    gap: Tensor
    best: int
    one_se: int

    @property
    def p(self) -> int:
        """How many columns there are."""
        return len(self.names) - (self.names[-1:] == ("Intercept",))

    @property
    def scale(self) -> str:
        """Which penalty grows along the series: "l1", or of ridge "l2"."""
        return "l2" if self.kind == "ridge" else "l1"

    @property
    def nonzero(self) -> Tensor:
        """How many columns have a weight, in any target, (g,)."""
        return (self.weights[:, : self.p] != 0).any(2).sum(1)

    @property
    def gain(self) -> float:
        """By which share the least error is below that without penalty."""
        plain = float(self.error[-1])
        return (plain - float(self.error[self.best])) / plain if plain > 0 else 0.0

    @property
    def columns(self) -> dict[str, list[float] | list[int]]:
        """The table of `frame` as plain numbers."""
        table: dict[str, list[float] | list[int]] = {
            name: getattr(self, name).tolist() for name in ("l1", "l2", "ratio", "error", "std_error", "nonzero", "gap")
        }
        mean = (self.share[:, None, None] * self.fold_mse).sum(0)
        for i, target in enumerate(self.targets):
            table["mse" if len(self.targets) == 1 else f"mse:{target}"] = mean[:, i].tolist()
        return table

    def frame(self) -> DataFrame:
        """One row a penalty: l1, l2, ratio, error, std_error, nonzero, gap, and mse in the data's units. A pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.columns)

    def coefficients(self) -> DataFrame:
        """The coefficient path: one row a penalty, indexed by l1 and l2, and one column a weight, in the data's units.

        Rows are in the order of `frame`, from the largest penalty to none. With several targets the columns are called
        "weight:target", target by target. A pandas frame (g, d k).
        """
        import pandas as pd

        several = len(self.targets) > 1
        names = [f"{name}:{target}" if several else name for target in self.targets for name in self.names]
        rows = pd.MultiIndex.from_arrays([self.l1.tolist(), self.l2.tolist()], names=["l1", "l2"])
        return pd.DataFrame(self.weights.transpose(1, 2).flatten(1).numpy().copy(), index=rows, columns=names)


def geometric(largest: float, *, count: int = _COUNT, smallest: float = 1e-3) -> Tensor:
    """Penalties from `largest` down to `smallest` times that, each the same factor below the one before; float64."""
    if not (count >= 1 and 0 < smallest <= 1 and 0 <= largest < float("inf")):
        raise OptionError(
            f"A series of penalties needs a count of 1 or more, a largest that is finite and a smallest share in (0, 1]; got "
            f"count={count!r}, largest={largest!r}, smallest={smallest!r}."
        )
    exponent = torch.linspace(0, 1, count, dtype=torch.float64) if count > 1 else torch.zeros(1, dtype=torch.float64)
    return largest * smallest**exponent


def select(
    kind: str,
    folds: Sequence[Comoments],
    p: int,
    *,
    intercept: bool,
    standardize: bool = True,
    unscaled: Sequence[int] = (),
    factors: Tensor | None = None,
    ratios: Sequence[float] | None = None,
    names: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    judged: Sequence[Comoments] | None = None,
) -> Selection | None:
    """Try a series of penalties on every fold.

    The series of "lasso" and "enet" is glmnet's: for each ratio 100 values from the least that leaves no column in, down to
    1e-4 of it, or 1e-2 where there are fewer rows than columns; then none. That of "ridge" is 61 values from 1e4 down to 1e-6,
    times the columns' mean variance when they are not standardised; then none.

    Parameters
    ----------
    kind : {"ridge", "lasso", "enet"}
    folds : sequence of Comoments
        Of the rows of each fold, or of each group for leave-one-group-out; features first, then targets.
    p : int
        Number of features.
    intercept : bool
    standardize : bool
        Whether the penalties act on columns and targets of standard deviation 1, in each training part its own.
    unscaled : sequence of int
        Columns that are centred only.
    factors : Tensor (p,), optional
        How much of the penalties each column takes; 0 leaves it free.
    ratios : sequence of float, optional
        For "enet": l1 / (l1 + 2 l2), each above 0 and at most 1.
    names, targets : sequence of str, optional
        What the features and the targets are called.
    judged : sequence of Comoments, optional
        Of the rows of each fold in which errors are looked at; by default all.

    Returns
    -------
    Selection or None
        None when fewer than two folds have rows, to train on and to look at.

    Raises
    ------
    OptionError
        For another kind, or ratios that are none.
    """
    if kind not in KINDS:
        raise OptionError(f"`cv` chooses the penalty of 'ridge', 'lasso' or 'enet'; got {kind!r}.")
    used = [f.cpu() for f in folds if f.count]
    seen = [f.cpu() for f, own in zip(judged or folds, folds, strict=True) if own.count]
    if len(used) < 2 or sum(f.count > 0 for f in seen) < 2:
        return None
    # Total minus fold, but by adding up the others: subtraction would cancel digits where one fold holds most of the weight.
    others = rests(used)
    whole = others[-1] + used[-1]
    k = whole.q - p
    others = [rest for rest, f in zip(others, seen, strict=True) if f.count]
    seen = [f for f in seen if f.count]
    trained = _Trained.on([*others, whole], p, intercept=intercept, standardize=standardize, unscaled=unscaled)
    mixtures = _mixtures(kind, ratios)
    l1, l2 = _ridge_series(whole, p, standardize) if kind == "ridge" else _series(mixtures, trained, whole, factors)
    path = trained.solve(l1, l2, factors=factors)  # (f + 1, m, r, p, k)
    errors = trained.errors(seen, path.weights[:-1])
    m, r = l1.shape
    # Every series ends with no penalty at all, which is one and the same line: it is kept once, as the last.
    once = [*(i + m * j for j in range(r) for i in range(m - 1)), m - 1]  # no penalty is the same in every series
    weights = trained.in_data_units(path.weights)[-1].transpose(0, 1).flatten(0, 1)[once]
    l1, l2 = l1.T.flatten()[once], l2.T.flatten()[once]
    fold_mse = errors.transpose(1, 2).flatten(1, 2)[:, once]
    gap = (path.gap / _or_one(trained.normal.square)[:, None, None]).amax((0, 3)).T.flatten()[once]
    share = torch.tensor([f.weight for f in seen], dtype=torch.float64)
    share = share / share.sum() if judged else share / whole.weight
    # Several targets are weighed alike, each in units of its own variance.
    relative = (fold_mse / _or_one(whole.spread[p:] ** 2)).mean(2)
    error, std_error = _weighted(relative, share)
    ratio = mixtures.repeat_interleave(m)[once]
    ratio[-1] = torch.nan
    best = int(error.argmin())
    # The one-standard-error rule, among penalties of the mixture that does best: the first of the series, from the largest down,
    # whose error is within the standard error of the best.
    alike = ratio == ratio[error[:-1].argmin()]
    alike[-1] = True
    within = alike & (error <= error[best] + std_error[best])
    return Selection(
        kind=kind,
        names=(*(names or (f"x{j}" for j in range(p))), *(("Intercept",) if intercept else ())),
        targets=tuple(targets or (f"y{i}" for i in range(k))),
        rows=whole.count,
        folds=len(seen),
        l1=l1,
        l2=l2,
        ratio=ratio,
        share=share,
        fold_mse=fold_mse,
        error=error,
        std_error=std_error,
        difference=_weighted(relative - relative[:, -1:], share)[1],
        weights=weights,
        gap=gap,
        best=best,
        one_se=int(within.long().argmax()),
    )


def fold_errors(
    folds: Sequence[Comoments],
    p: int,
    l1: Tensor,
    l2: Tensor,
    *,
    intercept: bool,
    standardize: bool = False,
    positive: bool = False,
    training: Sequence[Comoments] | None = None,
    rows: Callable[[int], Rows] | None = None,
) -> Tensor:
    """Mean squared error of every fold by lines trained on the others, in the data's units.

    Parameters
    ----------
    folds : sequence of Comoments
        At least two, each of one row or more.
    l1, l2 : Tensor (m,) or (m, r)
        r series of m penalties, on the columns as trained.
    intercept, standardize : bool
    positive : bool
        Slopes must not be negative.
    training : sequence of Comoments, optional
        What each fold's lines are trained on, where that is not all other folds.
    rows : callable, optional
        Gives those of a fold by its number, where they are at hand: errors of which moments tell few digits are taken from them.

    Returns
    -------
    Tensor (f, m, k) or (f, m, r, k)
    """
    parts = [f.cpu() for f in folds]
    if training is None:
        if len(folds) < 2 or any(f.count == 0 for f in folds):
            raise DataError(f"Cross-validation needs at least two folds, each with rows; got {[f.count for f in folds]} rows.")
        training = rests(parts)
    trained = _Trained.on(list(training), p, intercept=intercept, standardize=standardize, unscaled=())
    flat = l1.ndim == 1
    path = trained.solve(l1[:, None] if flat else l1, l2[:, None] if flat else l2, factors=None, positive=positive)
    errors = trained.errors(parts, path.weights)
    if rows is not None:
        errors = torch.stack([trained.read(i, part, rows, path.weights[i], errors[i]) for i, part in enumerate(parts)])
    return errors[:, :, 0] if flat else errors


def leave_one_out(rows: Rows, whole: Comoments, l2: Tensor, *, intercept: bool) -> Tensor:
    """Residuals of some rows, each by the ridge line trained on all rows but that one, for every penalty.

    With d_i the row's leverage, its own share in its prediction, that residual is r_i / (1 - d_i) (Allen 1974): one more pass
    over the rows, whose moments are at hand, and no further fit. The penalty counts in full, W l2 with W the weight of all
    rows, for the lines that lack a row too; this is scikit-learn's `RidgeCV(alphas=W l2)`.

    Parameters
    ----------
    rows : Rows
        Any of the rows, a batch at a time; X (n, p), y (n, k).
    whole : Comoments
        Of all rows.
    l2 : Tensor (m,)
        On the columns in the data's units.
    intercept : bool

    Returns
    -------
    Tensor (n, m, k)
        Residuals y - prediction; infinite or NaN where a row alone decides its prediction.
    """
    p = rows.X.shape[1]
    identity = Scaling.of(whole, p, intercept=intercept, standardize=False)
    center = whole.center if intercept else torch.zeros(whole.q, dtype=torch.float64)
    normal = Normal.of([whole], [replace(identity, center=center)])
    values, vectors = eigenvectors(normal.curvature[0])
    values = values.clamp(min=0)
    shrunk = values + l2[:, None]  # (m, p)
    # Directions that float64 cannot tell from flat have no leverage, unless a penalty holds them.
    firm = (shrunk > 0) & ((l2[:, None] > 0) | (values > values.amax(0, keepdim=True) * rank_tolerance(p)))
    inverse = torch.where(firm, 1 / shrunk.clamp(min=1e-300), 0.0)
    # In the eigenvectors of G the inverse is diagonal, one row a penalty: leverage and prediction of every row under all of them.
    turned = (rows.X.to(torch.float64) - center[:p]) @ vectors
    slopes = inverse[:, :, None] * (vectors.T @ normal.linear[0])  # (m, p, k)
    residual = (rows.y.to(torch.float64) - center[p:])[:, None] - torch.einsum("np,mpk->nmk", turned, slopes)
    leverage = turned**2 @ inverse.T + (1.0 if intercept else 0.0)  # (n, m)
    share = torch.full((len(rows),), 1.0, dtype=torch.float64) if rows.w is None else rows.w.to(torch.float64)
    return residual / (1 - leverage * (share / whole.weight)[:, None])[:, :, None]


@dataclass(frozen=True, slots=True, eq=False)
class _Trained:
    """Several training parts, each with its own scaling, as one batch of problems."""

    statistics: list[Comoments]
    scalings: list[Scaling]
    normal: Normal

    @classmethod
    def on(
        cls, statistics: list[Comoments], p: int, *, intercept: bool, standardize: bool, unscaled: Sequence[int]
    ) -> _Trained:
        scalings = []
        for moments in statistics:
            scaling = Scaling.of(moments, p, intercept=intercept, standardize=standardize, unscaled=unscaled)
            # Slopes do not feel where the columns are centred, but digits do.
            scalings.append(replace(scaling, center=moments.center) if intercept else scaling)
        return cls(statistics, scalings, Normal.of(statistics, scalings))

    def solve(self, l1: Tensor, l2: Tensor, *, factors: Tensor | None, positive: bool = False) -> SolutionPath:
        """Slopes (s, m, r, p, k) and gaps (s, m, r, k) under r series (m, r) of penalties."""
        k, r = self.normal.square.shape[1], l1.shape[1]
        many = Normal(self.normal.curvature, self.normal.linear.repeat(1, 1, r), self.normal.square.repeat(1, r))
        path = solve(many, l1.repeat_interleave(k, 1), l2.repeat_interleave(k, 1), factors=factors, positive=positive)
        return SolutionPath(path.weights.unflatten(3, (r, k)).transpose(2, 3), path.gap.unflatten(2, (r, k)), path.rounds)

    def errors(self, held: Sequence[Comoments], slopes: Tensor) -> Tensor:
        """Mean squared errors (s, m, r, k), in the data's units, of slopes (s, m, r, p, k) on other rows."""
        s, m, r, p, k = slopes.shape
        statistics, scalings = self.statistics[:s], self.scalings[:s]
        # The fold's errors about its own mean, and how far the line passes that mean by: their squares add up.
        losses = Normal.of(held, scalings).losses(slopes.reshape(s, m * r, p, k)).reshape(s, m, r, k)
        if scalings[0].intercept:
            means = zip(statistics, held, scalings, strict=True)
            away = torch.stack([trained_mean(h, c) - trained_mean(t, c) for t, h, c in means])  # (s, q)
            losses = losses + (away[:, None, None, p:] - (slopes * away[:, None, None, :p, None]).sum(3)) ** 2
        return losses * torch.stack([c.target_scale**2 for c in scalings])[:, None, None]

    def read(self, i: int, held: Comoments, rows: Callable[[int], Rows], slopes: Tensor, errors: Tensor) -> Tensor:
        """Mean squared errors (m, r, k) of part i's slopes (m, r, p, k), from the rows where moments have too few digits."""
        p = slopes.shape[2]
        slopes = self.in_data_units(slopes[None], i)[0][..., :p, :]
        # Moments add up terms as large as the targets, and their rounding stays when the terms cancel.
        terms = (slopes.abs() * held.spread[:p, None]).sum(2) + held.spread[p:]
        doubtful = (errors < _FEW_DIGITS * terms**2).any(-1)
        if not doubtful.any():
            return errors
        center = self.statistics[i].center if self.scalings[i].intercept else torch.zeros(held.q, dtype=torch.float64)
        own = rows(i)
        X, y = own.X.to(torch.float64) - center[:p], own.y.to(torch.float64) - center[p:]
        w = torch.ones(len(own), dtype=torch.float64) if own.w is None else own.w.to(torch.float64)
        some = slopes[doubtful].split(max(1, _AT_ONCE // max(1, y.numel())))
        squares = [torch.einsum("n,nmk->mk", w, (y[:, None] - torch.einsum("np,mpk->nmk", X, few)) ** 2) for few in some]
        found = errors.clone()
        found[doubtful] = torch.cat(squares) / w.sum()
        return found

    def in_data_units(self, slopes: Tensor, first: int = 0) -> Tensor:
        """Weights (s, m, r, d, k) of slopes (s, m, r, p, k), those of the parts from the first on."""
        scalings = self.scalings[first : first + len(slopes)]
        if scalings[0].intercept:
            slopes = torch.cat([slopes, torch.zeros_like(slopes[..., :1, :])], -2)
        return torch.stack([scaling.to_data(w) for scaling, w in zip(scalings, slopes, strict=True)])


def _ridge_series(whole: Comoments, p: int, standardize: bool) -> tuple[Tensor, Tensor]:
    series = torch.cat([torch.logspace(4, -6, 61, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)])
    if not standardize and p:  # the penalty acts on the data's own units
        series = series * float((whole.spread[:p] ** 2).mean())
    return torch.zeros(len(series), 1, dtype=torch.float64), series[:, None]


def _mixtures(kind: str, ratios: Sequence[float] | None) -> Tensor:
    if kind != "enet":
        return torch.tensor([0.0 if kind == "ridge" else 1.0], dtype=torch.float64)
    mixtures = torch.tensor(RATIOS if ratios is None else tuple(ratios), dtype=torch.float64)
    if not len(mixtures) or not bool(((mixtures > 0) & (mixtures <= 1)).all()):
        raise OptionError(f"`ratios` must be numbers above 0 and at most 1, such as 0.5; got {ratios!r}.")
    return mixtures


def _series(mixtures: Tensor, trained: _Trained, whole: Comoments, factors: Tensor | None) -> tuple[Tensor, Tensor]:
    # From the least penalty that leaves nothing in, on all rows: one series for all folds, so that their errors can be compared.
    largest = float(top(trained.normal, factors)[-1].amax()) or 1.0  # of all rows, and all targets
    few = whole.count <= len(trained.normal.curvature[0])
    series = geometric(largest, smallest=1e-2 if few else 1e-4)
    l1 = torch.cat([series, torch.zeros(1, dtype=torch.float64)])[:, None].expand(-1, len(mixtures))
    return l1.contiguous(), l1 * (1 - mixtures) / (2 * mixtures)


def _weighted(values: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over the folds of values (f, g), and its standard error."""
    # Each fold counts by its share of the weight; its spread about the mean, over f - 1 folds, is the mean's variance.
    mean = (share[:, None] * values).sum(0)
    return mean, ((share[:, None] * (values - mean) ** 2).sum(0) / (len(values) - 1)).sqrt()


def _or_one(values: Tensor) -> Tensor:
    return torch.where(values > 0, values, 1.0)
