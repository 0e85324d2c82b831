"""Effects: what each column does to the target, and how far off the predictions are, as sentences for anybody.

Only what the line says is said: a column whose variable is in several terms (x and x^2, or an interaction) has no effect that
could be told by itself, for it cannot change alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from bestline.data.design import Column
from bestline.inference.classical import Coefficient
from bestline.inference.fitted import FittedLine
from bestline.inference.uncertainty import tables
from bestline.wording import count, plain, rounded

__all__ = ["effects", "in_short"]

_MOST_EFFECTS = 10


def effects(model: FittedLine, target: int = 0) -> Iterator[str]:
    """What each column does to the target, as sentences; none for an own forward function."""
    if model.plan.forward is not None:
        return
    # What the line estimates moves: of least squares that goes without saying.
    aim = "" if model.plan.cost.squared else model.plan.cost.estimates
    name = f"{'in the ' if aim else ''}{aim}{' of ' if aim else ''}{plain(model.targets[target])}"
    table = {c.term: c for c in tables(model)[target]}
    # A column that never varied has no effect that these data could show.
    varies = (model.training.spread > 0).tolist()
    alone = [c for j, c in enumerate(model.design.columns) if varies[j] and _stands_alone(model, j)]
    others = ", the other columns unchanged" if len(model.design.columns) > 1 else ""
    for column in alone[:_MOST_EFFECTS]:
        yield _effect(model, column, table[column.name], name, others)
    if len(alone) > _MOST_EFFECTS:
        yield f"{count(len(alone) - _MOST_EFFECTS, 'column')} more: see the table."
    entangled = sum(varies[: len(model.design.columns)]) - len(alone)
    if entangled:
        yield (
            f"{count(entangled, 'column')} belong{'s' if entangled == 1 else ''} to terms that share a variable, so their effects "
            f"cannot be told one by one: see the table."
        )


def _stands_alone(model: FittedLine, j: int) -> bool:
    """Whether column j alone depends on its variable, but for other levels of the same category."""
    design = model.design
    mine = design.columns[j]
    if len(mine.parts) != 1 or design.factors[mine.parts[0][0]].kind == "expression":
        return False
    # Dummies of one category change together, and yet each is a choice of its own: same term, no obstacle.
    variable = design.factors[mine.parts[0][0]].column
    for other in design.columns:
        for at, _ in other.parts:
            factor = design.factors[at]
            if other.term != mine.term and (
                factor.column == variable or (factor.kind == "expression" and variable in factor.text)
            ):
                return False
    return True


def _effect(model: FittedLine, column: Column, c: Coefficient, target: str, others: str) -> str:
    factor_at, component = column.parts[0]
    factor = model.design.factors[factor_at]
    amount = rounded(abs(c.estimate))
    more = "less" if c.estimate < 0 else "more"
    if factor.kind == "category":
        level, reference = plain(factor.levels[component]), plain(factor.levels[0])
        # Without an intercept all levels have a column of their own, and none is the reference.
        full = sum(other.term == column.term for other in model.design.columns) == len(factor.levels)
        who = f"{plain(factor.column)} = {level}" + ("" if full else f" rather than {reference}")
    else:
        who = f"One more unit of {plain(factor.column)}"
    if amount == "0":
        return f"{who} changes nothing in {target}{others}."
    interval = (
        f" (95% interval of the coefficient: {rounded(c.conf_low)} to {rounded(c.conf_high)})"
        if math.isfinite(c.conf_low)
        else ""
    )
    unsure = ""
    # "No evidence of an effect" is not "no effect": so it is said what the data leave open.
    if math.isfinite(c.conf_low) and c.conf_low <= 0 <= c.conf_high:
        unsure = " The interval holds zero: the data do not say whether it is more or less."
    return f"{who} goes with {amount} {more} {target}{others}{interval}.{unsure}"


def in_short(model: FittedLine) -> Iterator[str]:
    """How far off the predictions of each target are, beside those of the mean, on held-out rows where there are any."""
    best = model.held_out or model.fitted_scores
    where = "rows it had not seen" if model.held_out is not None else "the rows it was fitted to, which flatters it"
    for i, target in enumerate(model.targets):
        rmse, r2 = best.rmse[i], (best.r2_about_mean or best.r2)[i]
        if not math.isfinite(rmse):
            continue
        off = f"On {where}, its predictions of {plain(target)} are off by"
        cost = model.plan.cost
        if not cost.squared and best.mae is not None:
            # R2 and the mean's error are about squares, which this line did not make small.
            aim = (
                "" if cost.estimates in ("", "median") else f"; a line of the {cost.estimates} is not meant to keep that small"
            )
            yield f"{off} {rounded(best.mae[i])} on average (mean absolute error){aim}."
            continue
        said = f"{off} {rounded(rmse)} (root mean squared error)"
        if math.isfinite(r2) and r2 < 1:
            # R2 = 1 - MSE / variance, so the root of the variance, which is the mean's own error, is rmse / sqrt(1 - R2).
            said += f"; always predicting the mean would be off by {rounded(rmse / (1 - r2) ** 0.5)}"
            said += f". It explains {r2:.0%} of the variation" if r2 > 0 else ". It is no better than the mean"
        yield f"{said}."
