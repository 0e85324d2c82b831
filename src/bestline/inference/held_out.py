"""Held out: how large the errors are on rows that training did not see.

With a split these are the rows of the test part, or of the validation part. Otherwise every fold is predicted by a line trained
on all others. For squared loss that needs no row: the moments of the others are the total less the fold's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from bestline.data.folds import ByHash, ByValue
from bestline.data.moments import Moments
from bestline.data.tables import Source
from bestline.data.unknown_levels import ByKnown, Unknown, unknown_levels
from bestline.errors import DataError
from bestline.inference.judged_folds import JudgeFolds
from bestline.inference.scores import Errors, Scores, fold_kind, on_moments, out_of_fold
from bestline.numerics import Comoments, Scaling, Weights, rests
from bestline.training import Part, Parts, Plan, Stop

_FAILED = (Stop.DIVERGED, Stop.INTERRUPTED)


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
    source: Source | None = None,
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
    source : Source or None
        The rows, where there are any: to leave out those whose level is in no other fold.
    """
    # A test part comes before a validation part: the latter may have chosen when to stop, and so flatters.
    for part, name in ((parts.test, "test"), (parts.held_out, "validation")):
        if part is not None:
            of = (f"{part.moments.count:,} {name} rows", name)
            return HeldOut(scores_of(plan, part, weights, scaling, of))
    if not plan.solver.again:
        return HeldOut(reason="the steps were made in a loop of your own, which cannot be run on other rows here")
    if plan.of_rows and (parts.training.rows is None or parts.fold is None):
        return HeldOut()
    try:
        collected = moments()
    except DataError:
        return HeldOut(reason="the data have changed since the line was fitted")
    unknown = unknown_levels(collected.folds, collected.design)
    if plan.of_rows:
        return _by_rows(plan, parts, folds, unknown)

    # Moments of the other folds are the total less one fold, so K-fold costs K small solves and no pass.
    def retrained(rest: Comoments) -> Weights | None:
        fit = plan.run(Part(rest))
        return None if fit.stop in _FAILED else fit.weights

    if unknown:
        return _known(plan, collected, retrained, unknown, source)
    return HeldOut(out_of_fold(collected.folds, scaling, retrained, by=parts.by))


def _known(
    plan: Plan,
    moments: Moments,
    retrained: Callable[[Comoments], Weights | None],
    unknown: dict[int, Unknown],
    source: Source | None,
) -> HeldOut:
    """The scores of the rows that the other folds know: one more pass."""
    if source is None:
        return HeldOut(reason="some levels are in one fold alone, and moments cannot leave their rows out")
    lines = {i: retrained(rest) for i, rest in zip(unknown, rests([moments.folds[i] for i in unknown]), strict=True)}
    trained = {i: line for i, line in lines.items() if line is not None and bool(line.isfinite().all())}
    if len(trained) < len(lines):
        return HeldOut()
    folds = len(moments.folds)
    grouping = ByHash.of(moments.design, folds, plan.seed) if moments.by is None else ByValue(moments.by, moments.values)
    known = source.reduce(JudgeFolds(moments.design, plan, ByKnown(grouping, unknown), trained))
    return _said(known, moments.rows, fold_kind(folds, moments.by))


def _said(known: Errors, all_rows: int, kind: str) -> HeldOut:
    rows = known.moments.count
    if not rows:
        return HeldOut(reason="every row has a level that the other folds lack")
    left = f", {all_rows - rows:,} left out for a level that the other folds lack" if rows < all_rows else ""
    return HeldOut(known.scores(f"{kind}, {rows:,} rows{left}", kind))


def _by_rows(plan: Plan, parts: Parts, folds: int, unknown: dict[int, Unknown]) -> HeldOut:
    """The same by training on rows: losses with edges and own forward functions need those of the other folds, one training each."""
    rows, fold = parts.training.rows, parts.fold
    assert rows is not None  # noqa: S101  the caller has looked
    assert fold is not None  # noqa: S101
    used = fold.unique().tolist()
    if len(used) < 2:
        return HeldOut()
    known = Errors.empty(rows.y.shape[1])
    for f in used:
        rest, held = rows[fold != f], rows[fold == f]
        fit = plan.run(Part(Comoments.of_rows(rest), rest))
        if fit.stop in _FAILED:
            return HeldOut()
        if unknown:
            held = held[~unknown[f].rows(held.X)]
        known = known + Errors.of(plan.predictor(fit.weights)(held.X), held.y, held.w)
    return _said(known, parts.training.moments.count, fold_kind(folds, parts.by))


def scores_of(
    plan: Plan, part: Part, weights: Weights, scaling: Scaling, of: tuple[str, str], *, about_zero: bool = False
) -> Scores:
    """Scores on a part: from its rows where it has any, else from its moments. `of` names the rows, and their kind."""
    if part.rows is None:
        return on_moments(part.moments, weights, scaling, *of, about_zero=about_zero)
    with torch.no_grad():
        prediction = plan.predictor(weights)(part.rows.X)
    return Errors.of(prediction, part.rows.y, part.rows.w).scores(*of, about_zero=about_zero)
