"""Scores: how large the errors are, and on which rows that was measured.

    MSE = sum w r^2 / sum w    RMSE = sqrt(MSE)    MAE = sum w |r| / sum w    R2 = 1 - MSE / variance of y on the same rows

Every score says which rows it is of: error on the rows a line was fitted to flatters it. By default the error is out of fold:
each fifth of the rows is predicted by a line fitted to the other four, at no further pass over the data, since the moments of
four folds are the total less the fifth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.numerics import Bowl, Comoments, Rows, Scaling, Weights, rests, total, trained_moments

Trainer = Callable[[Comoments], Weights | None]  # moments of training rows -> weights (d, k) in the data's units


@dataclass(frozen=True, slots=True)
class Scores:
    """Errors on some rows, target by target.

    Attributes
    ----------
    of : str
        Which rows these are, as people say it: "276 training rows", "5-fold, 342 rows".
    kind : str
        "training", "5-fold", "validation", "test" or "data".
    rows : int
        How many rows.
    mse, rmse, r2 : tuple of float
        One for each target; r2 is NaN where y does not vary.
    mae : tuple of float or None
        None where only moments were at hand: mean absolute errors need the rows.
    """

    of: str
    kind: str
    rows: int
    mse: tuple[float, ...]
    rmse: tuple[float, ...]
    r2: tuple[float, ...]
    mae: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """Mergeable errors of predictions: the moments of residual and target together, and the absolute residuals."""

    moments: Comoments
    absolute: Tensor

    @classmethod
    def empty(cls, k: int) -> Errors:
        """Errors of no rows."""
        return cls(Comoments.empty(2 * k), torch.zeros(k, dtype=torch.float64))

    @classmethod
    def of(cls, prediction: Tensor, y: Tensor, w: Tensor | None) -> Errors:
        """Errors of predictions (n, k) of targets (n, k) with weights (n,)."""
        r = prediction - y
        absolute = r.abs().sum(0) if w is None else (w[:, None] * r.abs()).sum(0)
        return cls(Comoments.of(torch.cat([r, y], 1), w).cpu(), absolute.cpu())

    def __add__(self, other: Errors) -> Errors:
        return Errors(self.moments + other.moments, self.absolute + other.absolute)

    def scores(self, of: str, kind: str, *, about_zero: bool = False) -> Scores:
        """The scores; NaN throughout for no rows. `about_zero` as in `on_moments`."""
        k, m = len(self.absolute), self.moments
        weight = m.weight or float("nan")
        # The mean square of a residual is its variance and the square of its mean.
        square = (m.scatter.diagonal() * m.unit**2 / weight) + m.center**2  # about zero
        variance = m.scatter.diagonal()[k:] * m.unit[k:] ** 2 / weight
        variance = square[k:] if about_zero else torch.where(m.spread[k:] > 0, variance, float("nan"))
        return _scores(of, kind, m.count, square[:k], variance, self.absolute / weight)


def _scores(of: str, kind: str, rows: int, mse: Tensor, variance: Tensor, mae: Tensor | None = None) -> Scores:
    rmse, r2, absolute = mse.sqrt().tolist(), (1 - mse / variance).tolist(), None if mae is None else tuple(mae.tolist())
    return Scores(of, kind, rows, tuple(mse.tolist()), tuple(rmse), tuple(r2), absolute)


def on_moments(
    moments: Comoments, weights: Weights, scaling: Scaling, of: str, kind: str, *, about_zero: bool = False
) -> Scores:
    """Scores of a line with weights (d, k), in the data's units, on the rows behind `moments`.

    With `about_zero`, R2 compares with predicting 0 and not the mean: the convention for lines without an intercept.
    """
    mse, variance = _squares(moments, weights, scaling, about_zero=about_zero)
    return _scores(of, kind, moments.count, mse, variance)


def on_sums(rss: Tensor, tss: Tensor, moments: Comoments, of: str, kind: str) -> Scores:
    """Scores of a line on the rows behind `moments`, from its residual and total sums of squares (k,)."""
    variance = torch.where(tss > 0, tss, float("nan")) / moments.weight
    return _scores(of, kind, moments.count, rss / moments.weight, variance)


def _squares(moments: Comoments, weights: Weights, scaling: Scaling, *, about_zero: bool = False) -> tuple[Tensor, Tensor]:
    units = scaling.target_scale**2
    mse = Bowl.of(moments, scaling).losses(scaling.to_trained(weights)) * units
    mean, covariance = trained_moments(moments, scaling)
    p = scaling.p
    variance = covariance.diagonal()[p:] * units
    if about_zero:
        return mse, variance + (mean[p:] ** 2) * units
    return mse, torch.where(moments.spread[p:] > 0, variance, float("nan"))


def out_of_fold(
    folds: Sequence[Comoments], scaling: Scaling, train: Trainer, *, about_zero: bool = False, by: str | None = None
) -> Scores | None:
    """Scores of rows predicted by lines that never saw them.

    `train` is called with the moments of all rows but a fold's; it may return None, and then there is no score. There is none
    either when fewer than two folds have rows. `by` is the column whose values are the folds, if they are.
    """
    used = [f for f in folds if f.count]
    if len(used) < 2:
        return None
    k = used[0].q - scaling.p
    squares, whole = torch.zeros(k, dtype=torch.float64), total(used, used[0].q)
    for fold, rest in zip(used, rests(used), strict=True):
        weights = train(rest)
        if weights is None or not bool(weights.isfinite().all()):
            return None
        # Every row is scored once, by the line of the other folds; scaling is the whole's, in which lines differ by rounding alone.
        squares += fold.weight * _squares(fold, weights, scaling)[0]
    # R2 compares with the variance of all rows together: folds' own means would flatter it.
    nothing = torch.zeros(scaling.p + scaling.intercept, k, dtype=torch.float64)
    _, variance = _squares(whole, nothing, scaling, about_zero=about_zero)
    kind = _kind(len(folds), by)
    return _scores(f"{kind}, {whole.count:,} rows", kind, whole.count, squares / whole.weight, variance)


def out_of_fold_rows(
    rows: Rows,
    fold: Tensor,
    folds: int,
    predictor: Callable[[Rows], Callable[[Tensor], Tensor] | None],
    *,
    by: str | None = None,
) -> Scores | None:
    """The same by training on rows: `predictor` trains on some rows and returns X -> predictions, or None."""
    errors = Errors.empty(rows.y.shape[1])
    used = [f for f in range(folds) if bool((fold == f).any())]
    if len(used) < 2:
        return None
    for f in used:
        predict = predictor(rows[fold != f])
        if predict is None:
            return None
        held = rows[fold == f]
        errors = errors + Errors.of(predict(held.X), held.y, held.w)
    kind = _kind(folds, by)
    return errors.scores(f"{kind}, {errors.moments.count:,} rows", kind)


def _kind(folds: int, by: str | None) -> str:
    return f"{folds}-fold" if by is None else f"leave-one-{by}-out"
