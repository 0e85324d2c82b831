"""Held out: how large the errors are on rows that training did not see.

With a split these are the rows of the test part, or of the validation part. Otherwise every fold is predicted by a line trained
on all others. For squared loss that needs no row: the moments of the others are the total less the fold's own.

Where moments in float64 leave too few digits of that error, the rows are read once more, if they can be: the lines of the folds are
solved exactly, and what they leave is added up without rounding. If they cannot be, only the digits that are right are told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bestline.data.exact_sums import Sums
from bestline.data.folds import Grouping
from bestline.data.moments import Moments
from bestline.data.unknown_levels import ByKnown, Unknown, unknown_levels
from bestline.errors import DataError
from bestline.inference.again import Again, GroupedRows
from bestline.inference.classical import determined
from bestline.inference.scores import Errors, Judged, Scores, fold_kind, judged_folds, on_moments, on_mse, out_of_fold
from bestline.numerics import (
    Alias,
    Comoments,
    LossDigits,
    Refined,
    Rows,
    Scaling,
    Weights,
    others,
    read_loss_digits,
    rests,
    right_loss_digits,
)
from bestline.numerics.digits import MOST
from bestline.numerics.exact_solve import solved
from bestline.training import Part, Parts, Plan
from bestline.wording import count

ABSORBED = "absorbed effects learn from every fold; give `split` for rows kept from them"
_CHANGED = "the data have changed since the line was fitted"
_ENOUGH = 8  # digits of an error below which the rows are read once more
_MOST_WORK = 1e7  # folds times the cube of weights beyond which exact solutions would take more than some ten seconds


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Scores of rows held out, or why there are none; without both, the usual reasons."""

    scores: Scores | None = None
    reason: str | None = None


def judged(
    plan: Plan,
    weights: Weights,
    parts: Parts,
    scaling: Scaling,
    moments: Callable[[], Moments],
    *,
    folds: int,
    again: Again | None = None,
    refined: Refined | None = None,
) -> HeldOut:
    """The held-out scores of a line with weights (d, k).

    Parameters
    ----------
    plan : Plan
        How it was trained; carried out again on all folds but one, where no rows were set apart.
    parts : Parts
        The rows by their roles.
    scaling : Scaling
        Of the training rows.
    moments : callable
        Gives the moments of the folds; raises DataError when they cannot be told any more.
    folds : int
        How many there are.
    again : Again or None
        The rows, where there are any: for more digits, and to leave out those whose level is in no other fold.
    refined : Refined or None
        The exact solution, where these are its weights.
    """
    apart = _set_apart(parts)
    if apart is not None:
        return HeldOut(_of_part(plan, weights, parts, apart, scaling, again, refined))
    if not plan.solver.again:
        return HeldOut(reason="the steps were made in a loop of your own, which cannot be run on other rows here")
    if plan.of_rows and (parts.training.rows is None or parts.fold is None):
        return HeldOut()
    try:
        found = moments()
    except DataError:
        return HeldOut(reason=_CHANGED)
    unknown = unknown_levels(found.folds, found.design)
    if plan.of_rows:
        return _by_rows(plan, parts, folds, unknown)

    # Moments of the other folds are the total less one fold, so K-fold costs K small solves and no pass.
    def retrained(rest: Comoments) -> Weights | None:
        fit = plan.run(Part(rest))
        return None if fit.stop.failed else fit.weights

    if unknown:
        return _known(plan, found, retrained, unknown, again)
    lines = judged_folds(found.folds, scaling, retrained)
    if not lines:
        return HeldOut()
    kind, of = fold_kind(len(found.folds), parts.by), GroupedRows.of_folds(plan, found)
    if not plan.exact_least_squares:
        return HeldOut(_as_trained(plan, lines, kind, again, of))
    known = [_digits(plan, line.rest, line.held, line.weights, line.mse) for line in lines]
    doubtful = any(of_fold.doubtful for of_fold in known)
    # What moments take for one in all rows is told of the line itself; in a fold alone nobody would know.
    whole = parts.training.moments
    blind = doubtful and not _doubtful(plan, whole, _aliased(plan, whole))
    certain = _Certain.none(len(lines[0].mse)) if blind else _Certain.least(known)
    lacking = doubtful or certain.lacking
    again = None if refined is None or not lacking else again  # who asked for no more digits of the line asks for none here
    exactly = None if again is None else _folds_exactly(plan, lines, of, again)
    if exactly is None:
        return HeldOut(_together(lines, [line.mse for line in lines], kind).known_to(certain.digits, certain.off))
    mse, digits = exactly
    return HeldOut(_together(lines, mse, kind).known_to(torch.full_like(mse[0], digits), certain.off))


def _together(lines: Sequence[Judged], mse: Sequence[Tensor], kind: str) -> Scores:
    held = [line.held for line in lines]
    return out_of_fold(held, mse, held[0].q - len(mse[0]), kind)


def _as_trained(plan: Plan, lines: Sequence[Judged], kind: str, again: Again | None, of: GroupedRows) -> Scores:
    """The scores of lines that are what training made of them, under a penalty or on its way: no other weights would be righter."""
    found = _together(lines, [line.mse for line in lines], kind)
    known = [_as_read(plan, line.rest, line.held, line.weights, line.mse) for line in lines]
    weights = {line.number: line.weights for line in lines}
    return _read(found, known, plan, weights, again, of)


def read_again(
    found: Scores,
    plan: Plan,
    moments: tuple[Comoments, Comoments],
    weights: Weights,
    again: Again | None,
    number: int,
) -> Scores:
    """Scores from moments, to the digits that these have of them; where these are few, from the rows of the part of this number.

    The moments are those of the rows that the weights (d, k) were trained on, and of the part's own.
    """
    known = _as_read(plan, *moments, weights, torch.tensor(found.mse, dtype=torch.float64))
    of = None if again is None else again.part(number, moments[1])
    return _read(found, [known], plan, {number: weights}, again, of)


def _as_read(plan: Plan, training: Comoments, held: Comoments, weights: Weights, mse: Tensor) -> _Certain:
    """What moments have of the root of `mse` (k,) of weights (d, k)."""
    p = len(plan.features)
    known = read_loss_digits(training, held, p, weights[:p], mse, intercept=plan.intercept)
    return _Certain.of(known, training.spread[p:], doubtful=False)


def _read(
    found: Scores,
    known: Sequence[_Certain],
    plan: Plan,
    lines: dict[int, Weights],
    again: Again | None,
    of: GroupedRows | None,
) -> Scores:
    """The scores by the lines of the rows' groups, from the rows themselves where moments know them to few digits.

    Those of rows are the errors of the predictions that people get, and right as such.
    """
    certain = _Certain.least(known)
    errors = None if again is None or of is None or not certain.lacking else again.errors(plan, of, lines)
    if errors is None:
        return found.known_to(certain.digits, certain.off)
    # As moments, without the absolute errors: what is told does not hang on how many digits there were.
    return replace(errors.scores(found.of, found.kind, about_zero=found.r2_about_mean is not None), mae=None)


def judged_beside_effects(plan: Plan, weights: Weights, parts: Parts, again: Again | None) -> HeldOut:
    """The scores of the part that a split has set apart, of a line with absorbed effects: one pass, for moments are of rests alone."""
    apart = _set_apart(parts)
    if again is None or again.labels is None or apart is None:
        return HeldOut(reason=ABSORBED)
    found = again.errors(plan, again.part(apart.number, apart.part.moments), {apart.number: weights})
    if found is None:
        return HeldOut(reason=_CHANGED)
    count = found.moments.count
    return HeldOut(found.scores(*apart.said(count))) if count else HeldOut(reason="no row held out has its levels")


@dataclass(frozen=True, slots=True)
class _Apart:
    """The part that a split has set apart for the held-out error, its number and its name."""

    part: Part
    number: int
    name: str

    def said(self, rows: int) -> tuple[str, str]:
        """Which rows these are, and their kind, as `Scores` have it."""
        return f"{rows:,} {self.name} rows", self.name


def _set_apart(parts: Parts) -> _Apart | None:
    # A test part comes before a validation part: the latter may have chosen when to stop, and so flatters.
    if parts.test is not None:
        return _Apart(parts.test, 2, "test")
    return None if parts.held_out is None else _Apart(parts.held_out, 1, "validation")


def _of_part(
    plan: Plan,
    weights: Weights,
    parts: Parts,
    apart: _Apart,
    scaling: Scaling,
    again: Again | None,
    refined: Refined | None,
) -> Scores:
    """The scores of the part that was set apart, to the digits that are right."""
    training, held, number = parts.training.moments, apart.part.moments, apart.number
    found = scores_of(plan, apart.part, weights, scaling, apart.said(held.count))
    if apart.part.rows is not None:
        return found
    if not plan.exact_least_squares:
        return read_again(found, plan, (training, held), weights, again, number)
    known = _digits(plan, training, held, weights, torch.tensor(found.mse, dtype=torch.float64))
    # An exact line may rest on what moments do not see: then they say nothing of what it leaves.
    blind = known.doubtful and refined is not None
    known = _Certain.none(len(found.mse)) if blind else known
    if known.lacking and refined is not None and again is not None and again.labels is not None:
        sums = again.sums(again.part(number, held), training.count + held.count)
        if sums is not None:
            found = on_mse(refined.squares_left(sums[number].products) / held.weight, held, found.of, found.kind)
            return found.known_to(torch.full_like(known.digits, _within(refined)), known.off)
    return found.known_to(known.digits, known.off)


@dataclass(frozen=True, slots=True, eq=False)
class _Certain:
    """What is certain of the errors of k targets.

    Attributes
    ----------
    digits : Tensor (k,)
        Of the root mean squared error.
    off : Tensor (k,)
        How far the mean squared error may be off, over its target's variance.
    doubtful : bool
        Whether moments may have taken columns for one that the rows tell apart.
    """

    digits: Tensor
    off: Tensor
    doubtful: bool

    @classmethod
    def of(cls, known: LossDigits, spread: Tensor, *, doubtful: bool) -> _Certain:
        return cls(known.digits, (known.error / spread**2).nan_to_num(math.inf), doubtful)

    @classmethod
    def none(cls, k: int) -> _Certain:
        """Nothing is, of k targets."""
        return cls(torch.zeros(k, dtype=torch.float64), torch.full((k,), math.inf, dtype=torch.float64), doubtful=True)

    @classmethod
    def least(cls, known: Sequence[_Certain]) -> _Certain:
        """What is certain of errors that come together."""
        digits, off = torch.stack([one.digits for one in known]), torch.stack([one.off for one in known])
        # The sum of several is known no better than the worst of them.
        return cls(digits.amin(0), off.amax(0), any(one.doubtful for one in known))

    @property
    def lacking(self) -> bool:
        """Whether some error has few digits."""
        return bool((self.digits < _ENOUGH).any())


def _aliased(plan: Plan, rest: Comoments) -> Sequence[Alias]:
    """The columns that moments take for combinations of others."""
    return determined(rest, Scaling.of(rest, len(plan.features), intercept=plan.intercept, standardize=True))[0]


def _doubtful(plan: Plan, rest: Comoments, aliased: Sequence[Alias]) -> bool:
    """Whether moments take columns for combinations of others which the rows might tell apart."""
    # As many columns as rows say all that can be said: then there is no doubt.
    return any(alias.on for alias in aliased) and rest.count > len(plan.features) - len(aliased) + plan.intercept


def _digits(plan: Plan, rest: Comoments, held: Comoments, weights: Weights, mse: Tensor) -> _Certain:
    """What is right of the errors (k,) on some rows of a least-squares line of others."""
    p, aliased = len(plan.features), _aliased(plan, rest)
    doubtful = _doubtful(plan, rest, aliased)
    # The same line by the columns that are not redundant alone.
    slopes = weights[:p].clone()
    for alias in aliased:
        for j, share in alias.on.items():
            # What a redundant column says goes to those that say it: the line stays, and is one of columns apart.
            slopes[j] += share * weights[alias.column]
    kept = sorted(set(range(p)) - {alias.column for alias in aliased})
    own = [*kept, *range(p, rest.q)]
    known = right_loss_digits(rest[own], held[own], len(kept), slopes[kept], mse, intercept=plan.intercept)
    return _Certain.of(known, rest.spread[p:], doubtful=doubtful)


def _folds_exactly(plan: Plan, lines: Sequence[Judged], of: GroupedRows, again: Again) -> tuple[list[Tensor], float] | None:
    """Mean squared errors (k,) of the folds by lines solved exactly, and the digits that columns allow which float64 computed."""
    if len(lines) * len(plan.names) ** 3 > _MOST_WORK:
        return None
    # Moments of a fold and its rest are all rows, whichever fold it is.
    sums = again.sums(of, lines[0].held.count + lines[0].rest.count)
    if sums is None or len(sums) != len(lines):
        return None
    own, mse, digits = [sums[fold] for fold in sorted(sums)], [], float(MOST)
    for line, held, rest in zip(lines, own, others(own), strict=True):
        found = _solved(plan, rest, line.rest)
        if found is None:
            return None
        mse.append(found.squares_left(held.products) / line.held.weight)
        # The fold that knows least speaks for all: its squares are in the sum.
        digits = min(digits, _within(found))
    return mse, digits


def _solved(plan: Plan, sums: Sums, moments: Comoments) -> Refined | None:
    """The line of some rows exactly, as the line of all is solved; how redundant columns share an effect does not move it."""
    aliased, _ = determined(moments, Scaling.of(moments, len(plan.features), intercept=plan.intercept, standardize=True))
    found = solved(sums.products, len(plan.names), intercept=plan.intercept, rounding=bool(aliased))
    return None if found is None else found.known_to(sums.lost)


def _within(line: Refined) -> float:
    """Digits of the size of residuals that columns allow which float64 has computed."""
    known = line.std_error_digits[~line.std_error_digits.isnan()]
    return float(known.amin()) if len(known) else float(MOST)


def _known(
    plan: Plan,
    moments: Moments,
    retrained: Callable[[Comoments], Weights | None],
    unknown: dict[int, Unknown],
    again: Again | None,
) -> HeldOut:
    """The scores of the rows that the other folds know: one more pass."""
    if again is None:
        return HeldOut(reason="some levels are in one fold alone, and moments cannot leave their rows out")
    lines = {i: retrained(rest) for i, rest in zip(unknown, rests([moments.folds[i] for i in unknown]), strict=True)}
    trained = {i: line for i, line in lines.items() if line is not None and bool(line.isfinite().all())}
    if len(trained) < len(lines):
        return HeldOut()
    of = GroupedRows.of_folds(plan, moments)
    known = again.errors(plan, of, trained, unknown)
    return HeldOut(reason=_CHANGED) if known is None else _said(known, moments.rows, fold_kind(of.number, moments.by))


def _said(known: Errors, all_rows: int, kind: str) -> HeldOut:
    rows = known.moments.count
    if not rows:
        return HeldOut(reason="every row has a level that the other folds lack")
    left = f", {all_rows - rows:,} left out for a level that the other folds lack" if rows < all_rows else ""
    return HeldOut(known.scores(f"{kind}, {count(rows, 'row')}{left}", kind))


def _by_rows(plan: Plan, parts: Parts, folds: int, unknown: dict[int, Unknown]) -> HeldOut:
    """The same by training on rows: losses with edges and own forward functions need those of the other folds, one training each."""
    rows, fold = parts.training.rows, parts.fold
    assert rows is not None  # noqa: S101  the caller has looked
    assert fold is not None  # noqa: S101
    if not parts.training.unchanged:
        return HeldOut(reason=_CHANGED)
    lines = _trained_on_rows(plan, rows, fold)
    if lines is None:
        return HeldOut()
    known = Errors.empty(rows.y.shape[1])
    for f, weights in lines.items():
        held = rows[fold == f]
        if unknown:
            held = held[~unknown[f].rows(held.X)]
        known = known + Errors.of(plan.predictor(weights)(held.X), held.y, held.w, copies=held.copies)
    return _said(known, parts.training.moments.count, fold_kind(folds, parts.by))


def _trained_on_rows(plan: Plan, rows: Rows, fold: Tensor) -> dict[int, Weights] | None:
    """The weights (d, k) of the line of all other folds, by fold; None where there are fewer than two folds, or one failed."""
    used = fold.unique().tolist()
    lines: dict[int, Weights] = {}
    for f in used if len(used) > 1 else ():
        rest = rows[fold != f]
        fit = plan.run(Part(Comoments.of_rows(rest), rest))
        if fit.stop.failed:
            return None
        lines[f] = fit.weights
    return lines or None


def lines_of_folds(plan: Plan, parts: Parts, moments: Moments) -> tuple[Grouping, dict[int, Weights]] | None:
    """How rows are told their fold, and by fold the weights (d, k) of the line of all others; rows these know nothing of are in none.

    None where such lines cannot be had.
    """
    unknown, grouping = unknown_levels(moments.folds, moments.design), GroupedRows.of_folds(plan, moments).grouping
    if plan.of_rows:
        if parts.training.rows is None or parts.fold is None or not parts.training.unchanged:
            return None
        lines = _trained_on_rows(plan, parts.training.rows, parts.fold)
    else:
        used = [f for f, fold in enumerate(moments.folds) if fold.count]
        fits = [plan.run(Part(rest)) for rest in (rests([moments.folds[f] for f in used]) if len(used) > 1 else ())]
        lines = None if any(fit.stop.failed for fit in fits) else dict(zip(used, (fit.weights for fit in fits), strict=False))
    return (ByKnown(grouping, unknown) if unknown else grouping, lines) if lines else None


def scores_of(
    plan: Plan, part: Part, weights: Weights, scaling: Scaling, of: tuple[str, str], *, about_zero: bool = False
) -> Scores:
    """Scores on a part: from its rows where it has any, else from its moments. `of` names the rows, and their kind."""
    if part.rows is None:
        return on_moments(part.moments, weights, scaling, *of, about_zero=about_zero)
    with torch.no_grad():
        prediction = plan.predictor(weights)(part.rows.X)
    return Errors.of(prediction, part.rows.y, part.rows.w, copies=part.rows.copies).scores(*of, about_zero=about_zero)
