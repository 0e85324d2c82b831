"""Held out: how large the errors are on rows that training did not see.

With a split these are the rows of the test part, or of the validation part. Otherwise every fold is predicted by a line trained
on all others. For squared loss that needs no row: the moments of the others are the total less the fold's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.data.moments import Moments
from bestline.errors import DataError
from bestline.inference.scores import Errors, Scores, on_moments, out_of_fold, out_of_fold_rows
from bestline.numerics import Comoments, Rows, Scaling, Weights
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
    """
    # A test part comes before a validation part: the latter may have chosen when to stop, and so flatters.
    for part, name in ((parts.test, "test"), (parts.held_out, "validation")):
        if part is not None:
            of = (f"{part.moments.count:,} {name} rows", name)
            return HeldOut(scores_of(plan, part, weights, scaling, of))
    if plan.of_rows:
        return HeldOut(_by_rows(plan, parts, folds))
    try:
        held = moments().folds
    except DataError:
        return HeldOut(reason="the data have changed since the line was fitted")

    # Moments of the other folds are the total less one fold, so K-fold costs K small solves and no pass.
    def retrained(rest: Comoments) -> Weights | None:
        fit = plan.run(Part(rest))
        return None if fit.stop in _FAILED else fit.weights

    return HeldOut(out_of_fold(held, scaling, retrained, by=parts.by))


def _by_rows(plan: Plan, parts: Parts, folds: int) -> Scores | None:
    if parts.training.rows is None or parts.fold is None:
        return None

    # Losses with edges and own forward functions need the rows of the other folds, one training each.
    def predictor(rows: Rows) -> Callable[[Tensor], Tensor] | None:
        fit = plan.run(Part(Comoments.of_rows(rows), rows))
        return None if fit.stop in _FAILED else plan.predictor(fit.weights)

    return out_of_fold_rows(parts.training.rows, parts.fold, folds, predictor, by=parts.by)


def scores_of(
    plan: Plan, part: Part, weights: Weights, scaling: Scaling, of: tuple[str, str], *, about_zero: bool = False
) -> Scores:
    """Scores on a part: from its rows where it has any, else from its moments. `of` names the rows, and their kind."""
    if part.rows is None:
        return on_moments(part.moments, weights, scaling, *of, about_zero=about_zero)
    with torch.no_grad():
        prediction = plan.predictor(weights)(part.rows.X)
    return Errors.of(prediction, part.rows.y, part.rows.w).scores(*of, about_zero=about_zero)
