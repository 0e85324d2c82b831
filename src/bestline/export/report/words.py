"""Words: what card and report say alike: on what a model was fitted, its equation, its scores, its coefficients as a table.

Nothing here is HTML: texts and cells are plain, and whoever shows them escapes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from bestline.inference.fitted import FittedLine
from bestline.inference.scores import Scores
from bestline.inference.summary_text import weights_said
from bestline.inference.turned_back import own_scores, units_said
from bestline.inference.uncertainty import tables
from bestline.inference.why_not import why_no_errors
from bestline.wording import apart, cell, count, equation, fixed, p_value, plain, rounded, typeset

LONGEST_NAME = 48  # of a column, in letters
_MOST_VALUES = 8  # weights of an own forward function
_MOST_ROWS = 200  # of a coefficient table
_SHOWN_DIGITS = 6  # of a number in it
_ENOUGH = 12  # right digits that nobody has to be told of, as in the summary


@dataclass(frozen=True, slots=True)
class Coefficients:
    """The coefficients of one target as cells of text; of very many the first ones, of `of` in all."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    of: int


def on_what(model: FittedLine) -> str:
    """How many rows it was fitted to, of what, in which parts, and what was left out or filled in."""
    # The name of the file alone: its whole path stands with the call that makes the model again.
    used = sum(model.sizes.values())
    where = (
        ""
        if model.source is None
        else f" of {PurePath(model.source.label).name if model.recipe and model.recipe.data else model.source.label}"
    )
    parts = "" if len(model.sizes) == 1 else f" ({', '.join(f'{n:,} {name}' for name, n in model.sizes.items())})"
    dropped = f"; {model.collected.dropped:,} left out because a value was missing" if model.collected.dropped else ""
    filled = sum(model.collected.imputed.values())
    imputed = f"; {count(filled, 'missing value')} filled in" if filled else ""
    weighted = "" if model.design.weights is None else f"; weighted by {plain(model.design.weights)}"
    kind = weights_said(model)
    return f"Fitted to {count(used, 'row')}{where}{parts}{dropped}{imputed}{weighted}.{f' {kind}' if kind else ''}"


def equation_of(model: FittedLine, target: int) -> str:
    """The line of one target with its numbers; of an own forward function its first weights."""
    name, weights = model.targets[target], model.weights[:, target].tolist()
    if model.plan.forward is None:
        return equation(name, model.names, weights)
    # What an own function does with its weights nobody can write as an equation.
    values = [f"{plain(weight)} = {rounded(value)}" for weight, value in zip(model.names, weights, strict=True)]
    more = f" and {len(values) - _MOST_VALUES} more" if len(values) > _MOST_VALUES else ""
    return f"{plain(name)} from a forward function of your own, {', '.join(values[:_MOST_VALUES])}{more}"


def scores_of(model: FittedLine) -> list[str]:
    """Training and held-out error, one line a target."""
    return [
        *_score(model, "Training", model.fitted_scores),
        *_score(model, "Held-out", model.held_out),
        *(said for label, scores in own_scores(model) if scores is not None for said in _in_own_units(model, label, scores)),
        *units_said(model),
    ]


def _in_own_units(model: FittedLine, label: str, scores: Scores) -> Iterator[str]:
    for i, back in enumerate(model.inverses):
        if back is not None:
            mae = "" if scores.mae is None else f", MAE {rounded(scores.mae[i])}"
            r2 = f", {typeset(scores.r2_said(i))}" if math.isfinite(scores.r2[i]) else ""
            yield f"{label} in units of {plain(back.column)}: RMSE {rounded(scores.rmse[i])}{mae}{r2} ({scores.of})."


def _score(model: FittedLine, which: str, scores: Scores | None) -> list[str]:
    if scores is None:
        return [f"{which} error: none: {model.unheld}."]
    lines = []
    for i, target in enumerate(model.targets):
        of = f" of {plain(target)}" if len(model.targets) > 1 else ""
        mae = "" if scores.mae is None else f", MAE {rounded(scores.mae[i])}"
        r2 = f", {typeset(scores.r2_said(i))}" if math.isfinite(scores.r2[i]) else ""
        lines.append(f"{which} error{of}: RMSE {rounded(scores.rmse[i])}{mae}{r2} ({scores.of}).")
    return lines


def no_errors(model: FittedLine) -> str:
    """Why this model has no standard errors."""
    return f"No standard errors: {why_no_errors(model)}."


def errors_said(model: FittedLine) -> str:
    """Which standard errors the tables and intervals have; empty for classical ones, which are expected."""
    if model.restricted is not None:
        held = model.restricted
        return f"Standard errors: {held.title}; Student's t on {held.df:,} degrees of freedom."
    if model.robust is None:
        return ""
    return f"Standard errors: {model.robust.said} ({model.robust.kind.holds}); Student's t on {model.robust.df:,} degrees of freedom."


def loss_told(model: FittedLine) -> str:
    """What the line was fitted by, and what of the target it therefore estimates; empty for least squares, which is what is expected."""
    cost = model.plan.cost
    if cost.squared:
        return ""
    comes_to = (
        f" It estimates the {cost.estimates} of {' and '.join(map(plain, model.targets))}, not the mean."
        if cost.estimates
        else ""
    )
    return f"Fitted by {cost.told}.{comes_to}"


def penalty_told(model: FittedLine) -> Iterator[str]:
    """What the penalty does to the weights, and to what can be said of them."""
    plan, p = model.plan, len(model.design.columns)
    if not plan.penalised:
        yield "Cross-validation found no penalty that predicts better than none: these are the weights of least squares."
        return
    size = " and ".join(f"{name} = {rounded(value)}" for name, value in (("l1", plan.l1), ("l2", plan.l2)) if value)
    scaled = " of standardised columns" if plan.standardize else ""
    free = ", not the intercept" if plan.intercept else ""
    yield f"The penalty, {size}, pulls the weights{scaled} towards zero{free}; least squares would have larger ones."
    if plan.l1:
        kept = int((model.weights[:p] != 0).any(dim=1).sum())
        yield f"Its l1 part (the lasso's) can set weights to exactly zero: {kept} of {count(p, 'column')} have a weight other than zero."
    else:
        yield "It is a ridge penalty: it makes weights smaller, and sets none to exactly zero."
    yield (
        "It trades bias for variance. Classical standard errors do not hold under a penalty: so this page has no intervals and no "
        "p-values, and the held-out error says what the line is worth."
    )


def digits_said(model: FittedLine) -> str:
    """How far rounding reaches into the coefficients as shown, the worst of all; nothing where that is not known."""
    digits = model.right_digits.flatten().tolist()
    # Of weights on their way to the solution it is not rounding that tells them from it, and why they are not there is said elsewhere.
    if not model.settled or not digits or not all(map(math.isfinite, digits)):
        return ""
    # The least of all: a promise for the table as a whole.
    least = int(min(digits))
    if least >= _SHOWN_DIGITS:
        return "The coefficients are right in every digit shown, given the data as stored."
    if least > 0:
        return f"Rounding reaches into the coefficients as shown: of the worst, no more than {count(least, 'digit')} can be relied on."
    return "Not every coefficient is right in its first digit: the rounding of the computer's numbers is as large as the coefficient."


def coefficients(model: FittedLine, target: int) -> Coefficients:
    """The table of one target: estimates, and what is known of their errors and digits."""
    table = tables(model)[target]
    digits = model.right_digits[:, target].numpy()
    known = model.settled and all(map(math.isfinite, digits)) and min(digits, default=_ENOUGH) < _ENOUGH
    # A column that has no number for any term is left out.
    errors = any(math.isfinite(c.std_error) for c in table)
    intervals = any(math.isfinite(c.conf_low) for c in table)
    head = ["term", "estimate"]
    head += ["std error"] if errors else []
    head += ["t", "p", "95% CI low", "95% CI high"] if intervals else []
    head += ["right digits"] if known else []
    rows = []
    names = apart([c.term for c in table], LONGEST_NAME)
    for name, c, d in list(zip(names, table, digits, strict=True))[:_MOST_ROWS]:
        cells = [name, cell(c.estimate)]
        cells += [cell(c.std_error)] if errors else []
        cells += (
            [
                typeset(fixed(c.statistic, 2)) if math.isfinite(c.statistic) else "",
                p_value(c.p_value, absent=""),
                cell(c.conf_low),
                cell(c.conf_high),
            ]
            if intervals
            else []
        )
        cells += [f"{d:.0f}"] if known else []
        rows.append(tuple(cells))
    return Coefficients(tuple(head), tuple(rows), len(table))
