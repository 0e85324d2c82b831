"""Effects: what each column does to the target, and how far off the predictions are, as sentences for anybody.

Only what the line says is said: a column whose variable is in several terms (x and x^2, or an interaction) has no effect that
could be told by itself, for it cannot change alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from bestline.data.design import Change, change_of
from bestline.export.report.words import LONGEST_NAME
from bestline.inference.classical import Coefficient
from bestline.inference.fitted import FittedLine
from bestline.inference.turned_back import effects_on_own
from bestline.inference.uncertainty import tables
from bestline.wording import apart, count, plain, rounded, whole_percent

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
    changes = {column.name: change_of(model.design, j) for j, column in enumerate(model.design.columns) if varies[j]}
    alone = {name: change for name, change in changes.items() if change is not None}
    sources = list(dict.fromkeys(factor.column for factor in model.design.factors))
    names = dict(zip(sources, apart(sources, LONGEST_NAME), strict=True))
    others = ", the other columns unchanged" if len(model.design.columns) > 1 else ""
    for term, change in list(alone.items())[:_MOST_EFFECTS]:
        yield _effect(names[change.variable], change, table[term], name, others)
    if len(alone) > _MOST_EFFECTS:
        yield f"{count(len(alone) - _MOST_EFFECTS, 'column')} more: see the table."
    on_own = list(effects_on_own(model, target, _MOST_EFFECTS))
    if on_own:
        yield f"In units of {plain(model.inverses[target].column)} itself{others}: {'; '.join(on_own)}."  # type: ignore[union-attr]
    entangled = len(changes) - len(alone)
    if entangled:
        yield (
            f"{count(entangled, 'column')} belong{'s' if entangled == 1 else ''} to terms that share a variable, so their effects "
            f"cannot be told one by one: see the table."
        )


def _effect(variable: str, change: Change, c: Coefficient, target: str, others: str) -> str:
    amount = rounded(abs(c.estimate))
    more = "less" if c.estimate < 0 else "more"
    if change.is_category:
        rather = f" rather than {plain(change.reference)}" if change.reference else ""
        who = f"{variable} = {plain(change.level)}{rather}"
    else:
        who = f"One more unit of {variable}"
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
            said += f". It explains {whole_percent(r2)} of the variation" if r2 > 0 else ". It is no better than the mean"
        yield f"{said}."
