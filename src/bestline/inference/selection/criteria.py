"""Criteria: what each of all subsets of terms is worth, the least first.

    AIC = n log(RSS / n) + 2 k        BIC = n log(RSS / n) + log(n) k        (but for what all lines have in common)
    Cp = RSS / s^2 - n + 2 k          s^2 of the line of all terms           (Mallows 1973, Technometrics 15:661-675)
    adjusted R2: the least RSS / (n - k)
    CV: the mean squared error of rows out of fold, each fold predicted by the line of all others

k counts the weights that the data determine, and those of absorbed effects.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.data.unknown_levels import unknown_levels
from bestline.errors import NumericalError, OptionError
from bestline.inference.classical import Inference
from bestline.inference.fitted import FittedLine
from bestline.inference.selection.space import TermSpace
from bestline.numerics import (
    Comoments,
    Scaling,
    all_subsets,
    read_loss_digits,
    rests,
    second_moments,
    subsets_work,
    trained_moments,
)

_MOST_WORK = 3e9  # numbers, of which one core makes some 1e8 in a second
_ROUNDING = 64 * torch.finfo(torch.float64).eps
_SMALL = 1e-8  # of what the target varies: a line that leaves less explains it all


@dataclass(frozen=True, slots=True, eq=False)
class Left:
    """What the lines of all subsets leave of the target, and with how many weights.

    Attributes
    ----------
    share : Tensor (2^m,)
        Share of the target's second moment; the last subset is that of all terms.
    k : Tensor (2^m,)
        Weights that count.
    n : int
        Rows.
    error : Tensor (2^m,)
        Mean squared error out of fold; NaN where it was not asked for.
    """

    share: Tensor
    k: Tensor
    n: int
    error: Tensor

    @property
    def cp(self) -> Tensor:
        """Mallows' Cp, (2^m,)."""
        return self.share / self.share[-1] * (self.n - int(self.k[-1])) - self.n + 2.0 * self.k


@dataclass(frozen=True, slots=True, eq=False)
class Criterion:
    """By what lines are judged.

    Attributes
    ----------
    said : str
        As a sentence has it.
    figure, head : str
        The figure of a subset that shows it, and the head of its column.
    value : callable
        The smaller the better, but for what all lines have in common.
    likelihood : bool
        Whether it takes errors for independent and alike, which a sample with probability weights has not.
    information : bool
        Whether differences of it have a meaning whatever the data.
    by_folds : bool
        Whether it needs the moments of the folds.
    """

    said: str
    figure: str
    head: str
    value: Callable[[Left], Tensor]
    likelihood: bool = False
    information: bool = False
    by_folds: bool = False


CRITERIA: dict[str, Criterion] = {
    "aic": Criterion("AIC", "aic", "AIC", lambda of: of.n * of.share.log() + 2.0 * of.k, likelihood=True, information=True),
    "bic": Criterion(
        "BIC", "bic", "BIC", lambda of: of.n * of.share.log() + math.log(of.n) * of.k, likelihood=True, information=True
    ),
    "cp": Criterion("Mallows' Cp", "cp", "Cp", lambda of: of.cp, likelihood=True),
    "adj_r_squared": Criterion("adjusted R2", "adj_r_squared", "adj. R2", lambda of: of.share / (of.n - of.k)),
    "cv": Criterion("error out of fold", "cv_rmse", "RMSE out of fold", lambda of: of.error, by_folds=True),
}


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """What every subset of a space is worth, of one target.

    Attributes
    ----------
    order : Tensor, int (c,)
        The subsets that can be, the best first.
    value : Tensor (2^m,)
        The criterion, the smaller the better, but for what all have in common.
    left : Tensor (2^m,)
        Share of the target's second moment that each leaves.
    rank : Tensor, int (2^m,)
        How many columns of each count.
    error : Tensor (2^m,)
        Mean squared error out of fold; NaN where it was not asked for.
    floor : float
        The share below which what is left is rounding.
    lost : float
        The share by which what is left may be wrong; of columns that are nearly collinear it is a bound far too large.
    """

    order: Tensor
    value: Tensor
    left: Tensor
    rank: Tensor
    error: Tensor
    floor: float
    lost: float

    def close(self, most: float) -> int:
        """How many other lines are within so much of the best; subsets whose columns span the same are one line."""
        value = self.value[self.order]
        some = self.order[value <= value[0] + most]
        # A subset with all the terms that add no rank to it: the same of all subsets that span the same.
        whole = some.clone()
        for i in range(len(self.rank).bit_length() - 1):
            whole |= torch.where(self.rank[some | 1 << i] == self.rank[some], 1 << i, 0)
        return len(whole.unique()) - 1


def worth(line: FittedLine, inference: Inference, space: TermSpace, criterion: Criterion, target: int, most: int) -> Worth:
    """What every subset of at most so many terms is worth by a criterion."""
    training, intercept, at = line.training, line.design.intercept, [*space.columns, line.design.p + target]
    widths = [len(space.terms[term]) for term in space.free]
    fixed = sum(len(space.terms[term]) for term in space.kept)
    folds = _folds(line) if criterion.by_folds else []
    # Rows held out go through the same steps beside those of training.
    if subsets_work(widths, kept=fixed) * (1 + 2 * len(folds)) > _MOST_WORK:
        raise OptionError(
            f"All subsets of {len(widths)} terms with {sum(widths):,} columns{f' and {len(folds):,} folds' if folds else ''} are too much "
            f"work; name terms that stay, as `keep`, or let a lasso choose: fit(..., cv='lasso')."
        )
    own = training[at]
    scaling = Scaling.of(own, len(at) - 1, intercept=intercept, standardize=True)
    second = second_moments(own, scaling)
    found = all_subsets(second, widths, kept=fixed)
    lost = _lost(line, inference, target)
    # A bound that is no small share says that digits are unknown, not that all lines are alike.
    floor = lost if lost < _SMALL else _ROUNDING
    # What differs by no more than rounding is alike, so that of such lines the smallest is taken, on every machine.
    left = (found.left / floor).round().clamp(min=1) * floor
    n, k = training.count, (found.rank + intercept + line.design.levels_taken).double()
    error = torch.full_like(left, math.nan)
    if criterion.by_folds:
        # To the same rounding as what is left in training: squares of errors held out have no more digits.
        unit = floor * float(inference.tss[target]) / training.weight
        error = (_out_of_fold(folds, at, widths, fixed, intercept=intercept) / unit).round() * unit
    value = criterion.value(Left(left, k, n, error))
    # A line with as many weights as rows goes through them all, and none of these figures is defined.
    allowed = space.possible & (k < n) & (space.size <= most)
    if not intercept or line.design.absorbed is not None:
        # Without a term and a constant there is no line, but the number 0; nor does a formula say so.
        allowed &= space.size > 0
    index = torch.nonzero(allowed)[:, 0]
    if not len(index):
        raise NumericalError("Every subset has as many weights as there are rows, so none leaves anything to judge it by.")
    # Sorted twice, the second time stably: lines that are alike stay in the order of `ties`.
    index = index[space.ties()[index].argsort()]
    return Worth(index[value[index].argsort(stable=True)], value, left, found.rank, error, floor, lost)


def _lost(line: FittedLine, inference: Inference, target: int) -> float:
    """The share of the target's second moment that the moments do not tell from nothing."""
    p, whole = line.design.p, float(inference.tss[target])
    if whole <= 0:
        raise NumericalError("The target does not vary, so no term explains anything of it.")
    mse = inference.rss / line.training.weight
    known = read_loss_digits(line.training, line.training, p, line.exact_weights[:p], mse, intercept=line.design.intercept)
    lost = float(known.error[target]) * line.training.weight / whole
    return max(_ROUNDING, lost) if math.isfinite(lost) else math.inf


def _folds(line: FittedLine) -> list[Comoments]:
    """The moments of the folds that have rows; raises OptionError where lines cannot be judged fold by fold."""
    if line.design.absorbed is not None:
        raise OptionError("by='cv' judges lines fold by fold, and absorbed effects have no folds; choose by='bic'.")
    if unknown_levels(line.moments.folds, line.design):
        raise OptionError(
            "by='cv' needs every level in two folds or more, and some stand in one fold alone, whose rows moments cannot leave out; join rare "
            "levels, fit with other folds, or choose by='bic'."
        )
    folds = [fold for fold in line.moments.folds if fold.count]
    if len(folds) < 2:
        raise OptionError(
            "by='cv' needs the moments of two folds or more, and here are those of all rows together, as a model file has them; fit "
            "the table, with `folds`, and ask that model."
        )
    return folds


def _out_of_fold(
    folds: Sequence[Comoments], at: Sequence[int], widths: Sequence[int], fixed: int, *, intercept: bool
) -> Tensor:
    """The mean squared error (2^m,) of all rows, each predicted by the line of the other folds."""
    squares = torch.zeros(1 << len(widths), dtype=torch.float64)
    for fold, rest in zip(folds, rests(folds), strict=True):
        squares += fold.weight * _of_fold(fold[at], rest[at], widths, fixed, intercept=intercept)
    return squares / sum(fold.weight for fold in folds)


def _of_fold(fold: Comoments, rest: Comoments, widths: Sequence[int], fixed: int, *, intercept: bool) -> Tensor:
    """The mean squared error (2^m,) of a fold by the lines of the rest, which its rows are centred and scaled by."""
    scaling = Scaling.of(rest, rest.q - 1, intercept=intercept, standardize=True)
    mean, joint = trained_moments(fold, scaling)
    second = second_moments(rest, scaling)
    found = all_subsets(second, widths, kept=fixed, held=joint + torch.outer(mean, mean))
    assert found.held is not None  # noqa: S101  it was asked for
    return found.held * second[-1, -1] * scaling.target_scale[0] ** 2
