"""Scores: how large the errors are, and on which rows that was measured.

    MSE = sum w r^2 / sum w    RMSE = sqrt(MSE)    MAE = sum w |r| / sum w    R2 = 1 - MSE / variance of y on the same rows

For a line without a constant R2 compares with 0 instead of the mean on the rows that it was fitted to, as R and statsmodels have
it; what was held out is always held against the mean.

Every score says which rows it is of: error on the rows a line was fitted to flatters it. By default the error is out of fold:
each fifth of the rows is predicted by a line fitted to the other four, at no further pass over the data, since the moments of
four folds are the total less the fifth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bestline.calls import with_hints
from bestline.numerics import Bowl, Comoments, Rows, Scaling, Weights, rests, total
from bestline.wording import fixed

_SHOWN = 6  # digits of an error that people are shown
_LITTLE = 1e-4  # of the target's variance: a mean squared error off by less leaves R2 the digits that people are shown
_OF_SQUARE = math.log10(2)  # digits that a square has less than its root
Trainer = Callable[[Comoments], Weights | None]  # moments of training rows -> weights (d, k) in the data's units


@with_hints
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
    r2_about_mean : tuple of float or None
        Where `r2` compares with 0, because the line has no constant: the same beside the mean. None where `r2` itself is that.
    r2_within : tuple of float or None
        Where effects are absorbed: how much the columns explain of what varies within their levels. `r2` counts the effects, too.
    """

    of: str
    kind: str
    rows: int
    mse: tuple[float, ...]
    rmse: tuple[float, ...]
    r2: tuple[float, ...]
    mae: tuple[float, ...] | None = None
    r2_about_mean: tuple[float, ...] | None = None
    r2_within: tuple[float, ...] | None = None

    def beside_effects(self, squares: Tensor, weight: float) -> Scores:
        """Scores on rests of the targets as those of the targets, whose weighted sums of squares about their means are `squares` (k,)."""
        total = torch.where(squares > 0, squares, float("nan"))
        r2 = tuple((1 - torch.tensor(self.mse, dtype=torch.float64) * weight / total).tolist())
        return replace(self, r2=r2, r2_about_mean=None, r2_within=self.r2)

    def known_to(self, digits: Tensor, off: Tensor) -> Scores:
        """The same without the digits that are not right, where of a root mean squared error fewer than six are, (k,).

        Errors may be too small for any of their digits to be right, and R2 is known all the same where the mean squared errors are
        off by `off` (k,) of the targets' variances at the most.
        """
        known = [*zip(digits.tolist(), off.tolist(), strict=True)]
        if float(digits.amin()) >= _SHOWN:
            return self

        def told(values: tuple[float, ...], rounded: Callable[[float, float, float], float]) -> tuple[float, ...]:
            return tuple(v if d >= _SHOWN else rounded(v, d, o) for v, (d, o) in zip(values, known, strict=True))

        return replace(
            self,
            rmse=told(self.rmse, lambda v, d, _: _rounded(v, d)),
            mse=told(self.mse, lambda v, d, _: _rounded(v, d - _OF_SQUARE)),
            r2=told(self.r2, _rounded_r2),
            r2_about_mean=None if self.r2_about_mean is None else told(self.r2_about_mean, _rounded_r2),
            r2_within=None if self.r2_within is None else told(self.r2_within, _rounded_r2),
        )

    def r2_said(self, target: int) -> str:
        """R2 as people are told it, with what it compares with where that is not the mean."""
        if self.r2_within is not None:
            return f"R2 {fixed(self.r2[target], 4)}, within {fixed(self.r2_within[target], 4)}"
        if self.r2_about_mean is None:
            return f"R2 {fixed(self.r2[target], 4)}"
        return f"R2 (about zero) {fixed(self.r2[target], 4)}, about the mean {fixed(self.r2_about_mean[target], 4)}"


def _rounded(value: float, digits: float) -> float:
    """The value without the digits that are not right; NaN where none is."""
    return float(f"{value:.{math.floor(digits) - 1}e}") if digits >= 1 else math.nan


def _rounded_r2(r2: float, digits: float, off: float) -> float:
    """1 - R2 is known to as many digits as the mean squared error, and to so many places as `off` leaves."""
    if digits - _OF_SQUARE < 1 and off < _LITTLE:
        # A tiny error need not be known itself: that it is tiny beside the variance is what R2 says.
        return round(r2, math.floor(-math.log10(off))) if off > 0 else r2
    return 1 - _rounded(1 - r2, digits - _OF_SQUARE)


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
    def of(cls, prediction: Tensor, y: Tensor, w: Tensor | None, *, copies: bool = False) -> Errors:
        """Errors of predictions (n, k) of targets (n, k) with weights (n,), `copies` as in Rows."""
        # Residual and target in one table of moments: variances, means and R2 come from what adds up.
        r = prediction - y
        absolute = r.abs().sum(0) if w is None else (w[:, None] * r.abs()).sum(0)
        return cls(Comoments.of_rows(Rows(r[:, :0], torch.cat([r, y], 1), w, copies)).cpu(), absolute.cpu())

    def __add__(self, other: Errors) -> Errors:
        return Errors(self.moments + other.moments, self.absolute + other.absolute)

    def scores(self, of: str, kind: str, *, about_zero: bool = False) -> Scores:
        """The scores; NaN throughout for no rows. `about_zero` as in `on_moments`."""
        k, m = len(self.absolute), self.moments
        weight = m.weight or float("nan")
        # The mean square of a residual is its variance and the square of its mean.
        square = (m.scatter.diagonal() * m.unit**2 / weight) + m.center**2  # about zero
        variance = m.scatter.diagonal()[k:] * m.unit[k:] ** 2 / weight
        # A target that does not vary has no variance to explain, and R2 no meaning.
        variance = torch.where(m.spread[k:] > 0, variance, float("nan"))
        return _scores(of, kind, m.count, square[:k], variance, square[k:] if about_zero else None, mae=self.absolute / weight)


def _scores(
    of: str, kind: str, rows: int, mse: Tensor, variance: Tensor, square: Tensor | None = None, *, mae: Tensor | None = None
) -> Scores:
    """Scores by the targets' variance, or by their mean square (k,) where R2 is about zero."""
    about_mean = tuple((1 - mse / variance).tolist())
    r2 = about_mean if square is None else tuple((1 - mse / torch.where(square > 0, square, float("nan"))).tolist())
    absolute = None if mae is None else tuple(mae.tolist())
    beside = None if square is None else about_mean
    return Scores(of, kind, rows, tuple(mse.tolist()), tuple(mse.sqrt().tolist()), r2, absolute, beside)


def on_moments(
    moments: Comoments, weights: Weights, scaling: Scaling, of: str, kind: str, *, about_zero: bool = False
) -> Scores:
    """Scores of a line with weights (d, k), in the data's units, on the rows behind `moments`.

    With `about_zero`, R2 compares with predicting 0 and not the mean: the convention for lines without a constant.
    """
    mse, (variance, square) = _mse(moments, weights, scaling), _variances(moments, scaling.p)
    return _scores(of, kind, moments.count, mse, variance, square if about_zero else None)


def on_mse(mse: Tensor, moments: Comoments, of: str, kind: str) -> Scores:
    """The same from the mean squared errors (k,) themselves."""
    variance, _ = _variances(moments, moments.q - len(mse))
    return _scores(of, kind, moments.count, mse, variance)


def on_sums(rss: Tensor, tss: Tensor, moments: Comoments, of: str, kind: str, *, about_zero: bool = False) -> Scores:
    """Scores of a line on the rows behind `moments`, from its residual and total sums of squares (k,), about zero if it says so."""
    total = torch.where(tss > 0, tss, float("nan")) / moments.weight
    if not about_zero:
        return _scores(of, kind, moments.count, rss / moments.weight, total)
    variance, _ = _variances(moments, moments.q - len(tss))
    return _scores(of, kind, moments.count, rss / moments.weight, variance, total)


def _mse(moments: Comoments, weights: Weights, scaling: Scaling) -> Tensor:
    return Bowl.of(moments, scaling).losses(scaling.to_trained(weights)) * scaling.target_scale**2


def _variances(moments: Comoments, p: int) -> tuple[Tensor, Tensor]:
    """Variance of the targets (k,), NaN of constants, and their mean square."""
    variance, center = moments.spread[p:] ** 2, moments.center[p:]
    return torch.where(variance > 0, variance, float("nan")), variance + center**2


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A fold, and the line of all others.

    Attributes
    ----------
    number : int
        Of the fold, among all.
    held, rest : Comoments
        Of its rows, and of those of the other folds.
    weights : Tensor (d, k)
        Of the line trained on the latter, in the data's units.
    mse : Tensor (k,)
        Its mean squared error on the fold.
    """

    number: int
    held: Comoments
    rest: Comoments
    weights: Weights
    mse: Tensor


def judged_folds(folds: Sequence[Comoments], scaling: Scaling, train: Trainer) -> list[Judged]:
    """Each fold that has rows, predicted by the line of the others.

    `train` is called with the moments of all rows but a fold's; it may return None, and then there are none. There are none either
    when fewer than two folds have rows.
    """
    used, found = {i: fold for i, fold in enumerate(folds) if fold.count}, []
    for (i, fold), rest in zip(used.items(), rests([*used.values()]), strict=True) if len(used) > 1 else ():
        weights = train(rest)
        if weights is None or not bool(weights.isfinite().all()):
            return []
        # Scaling is the whole's, in which lines differ by rounding alone.
        found.append(Judged(i, fold, rest, weights, _mse(fold, weights, scaling)))
    return found


def out_of_fold(held: Sequence[Comoments], mse: Sequence[Tensor], p: int, kind: str) -> Scores:
    """Scores of rows predicted by lines that never saw them: of each fold its moments and mean squared errors (k,)."""
    whole = total(held, held[0].q)
    # Every row is scored once, by the line of the other folds.
    squares = sum(
        (fold.weight * own for fold, own in zip(held, mse, strict=True)), torch.zeros(whole.q - p, dtype=torch.float64)
    )
    # R2 compares with the variance of all rows together: folds' own means would flatter it.
    variance, _ = _variances(whole, p)
    return _scores(f"{kind}, {whole.count:,} rows", kind, whole.count, squares / whole.weight, variance)


def fold_kind(folds: int, by: str | None) -> str:
    """What scores of rows held out fold by fold are called."""
    return f"{folds}-fold" if by is None else f"leave-one-{by}-out"
