"""Turned back: what is to be said of a line whose target is a function of a column, as `log(y)`: in facts, and in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from bestline.data.design import Design, change_of
from bestline.inference.fitted import FittedLine
from bestline.inference.scores import Scores
from bestline.wording import count, finite, plain, rounded

_FEW = 5  # effects in a summary
_BASES = {"log": 1.0, "log10": math.log(10), "log2": math.log(2)}


def own_scores(line: FittedLine) -> list[tuple[str, Scores | None]]:
    """Training and held-out errors in units of the targets' own columns, where any target is turned back."""
    own = line.own_units
    if own is None or not any(own.inverses):
        return []
    return [("Training error", own.training), ("Held-out error", own.held_out)]


def units_facts(line: FittedLine, target: int) -> dict[str, Any] | None:
    """How one target is turned back, and its errors in units of its own column, as JSON; None for a column as it is."""
    back, own = line.inverses[target], line.own_units
    if back is None:
        return None
    facts: dict[str, Any] = {"target": back.column, "inverse": back.said, "smearing_factor": None, "rmse": None}
    if own is None:
        return facts

    def measures(scores: Scores) -> dict[str, Any]:
        mae = None if scores.mae is None else finite(scores.mae[target])
        return {"rmse": finite(scores.rmse[target]), "mae": mae, "r2": finite(scores.r2[target])}

    held = own.held_out
    facts |= {"smearing_factor": own.factors[target], **measures(own.training)}
    return facts | {"held_out": None if held is None else {"kind": held.kind, "rows": held.rows, **measures(held)}}


def units_said(line: FittedLine) -> Iterator[str]:
    """For every target that is turned back a sentence: which numbers are in which units, and what predictions are."""
    for target, back in zip(line.targets, line.inverses, strict=True):
        if back is None:
            continue
        i, own = line.targets.index(target), line.own_units
        factor = None if own is None else own.factors[i]
        what = "median" if line.plan.cost.squared else line.plan.cost.estimates or "prediction"
        mean = "" if own is None else "; the mean is that of it and the training residuals (Duan's smearing)"
        if factor is not None and back.base == 0:
            mean = f"; the mean is {rounded(factor)} times that (Duan's smearing factor, from the training residuals)"
        yield (
            f"The coefficients are in units of {plain(target)}, predictions in units of {plain(back.column)}: {back.said} is the {what}{mean}."
        )


def effects_on_own(line: FittedLine, target: int = 0, most: int = _FEW) -> Iterator[str]:
    """What one more of each column does to y itself, in percent, for a line of log(y); none for other functions."""
    back = line.inverses[target]
    if back is None or back.rate is None or back.base != 0 or line.plan.forward is not None:
        return
    design, weights = line.design, line.weights[:, target].tolist()
    varies = (line.training.spread > 0).tolist()
    told = 0
    for j in range(design.p):
        change, weight = change_of(design, j), weights[j] * back.rate
        who = None
        if change is not None and varies[j]:
            rather = f" rather than {plain(change.reference)}" if change.reference else ""
            level = f"{plain(change.variable)} = {plain(change.level)}{rather}"
            who, share = (level if change.is_category else f"1 more {plain(change.variable)}"), math.expm1(min(weight, 700.0))
        elif varies[j] and (log := _logarithm(design, j)):
            # Of two logarithms the weight is the elasticity; of 1 % more of x exactly 1.01^b - 1.
            who, share = f"1% more {plain(log[0])}", math.expm1(min(weight / log[1] * math.log(1.01), 700.0))
        if who is None:
            continue
        told += 1
        if told <= most:
            yield f"{who} goes with {rounded(abs(share) * 100, 3)}% {'less' if share < 0 else 'more'} {plain(back.column)}"
    if told > most:
        yield f"{count(told - most, 'column')} more in the same way"


def _logarithm(design: Design, j: int) -> tuple[str, float] | None:
    """The column of which column j of the design is the logarithm, if it is in no other term, and the logarithm of the base in e."""
    mine = design.columns[j]
    factor = design.factors[mine.parts[0][0]]
    name, _, rest = factor.text.removeprefix("np.").partition("(")
    variable = rest.removesuffix(")").strip()
    if len(mine.parts) != 1 or factor.kind != "expression" or name not in _BASES or factor.numbers != [variable]:
        return None
    others = [design.factors[at] for k, other in enumerate(design.columns) if k != j for at, _ in other.parts]
    return None if any(variable in (*other.numbers, other.column) for other in others) else (variable, _BASES[name])
