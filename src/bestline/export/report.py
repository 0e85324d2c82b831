"""Report: a model as one page that anyone can read. What was fitted on what, what it means, what it is worth, how it was trained,
what to look at, and how to do it again. The page is self-contained, plays without a network, and prints.
"""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import torch

from bestline.data.design import Column
from bestline.errors import BestlineError, DataError, NumericalError
from bestline.export.card import _digits, _equation, _no_errors, _on_what, _scores, _table
from bestline.inference.classical import Coefficient, glance
from bestline.inference.diagnosis import Diagnosis
from bestline.inference.fitted import FittedLine
from bestline.inference.second_pass import diagnosis
from bestline.inference.uncertainty import tables
from bestline.inference.why_not import why_not
from bestline.pictures import figures
from bestline.pictures.diagnostics import panels
from bestline.pictures.marks import Picture
from bestline.pictures.render import html as pages
from bestline.pictures.render.html import Page
from bestline.pictures.render.png import compact
from bestline.pictures.sample import Sample, rows_shown
from bestline.pictures.watch import session_of
from bestline.training.solvers.base import Stop
from bestline.wording import VERSION, cell, count, p_value, plain, rounded

_MOST_EFFECTS = 10
_MOST_FINDINGS = 3
_DPI = 90

_STYLE = """
.report { max-width: 1000px; margin: 0 auto; }
.report h1 { font-size: 1.6rem; line-height: 1.25; margin: 0.6em 0 0.1em; overflow-wrap: anywhere; }
.report > h2 { font-size: 1.15rem; margin: 1.8em 0 0.5em; border-bottom: 1px solid #d0d7de; padding-bottom: 0.2em; }
.report .quiet { color: #57606a; }
.report .equation { font-size: 1.15rem; background: #f3f6f9; border-left: 4px solid #0072B2; padding: 0.6em 0.9em; overflow-wrap: anywhere; }
.report .warning { border-left: 4px solid #D55E00; background: #fdf3ec; padding: 0.4em 0.9em; margin: 0.5em 0; }
.report .scroll { overflow-x: auto; }
.report > pre { background: #f3f6f9; padding: 0.7em 0.9em; white-space: pre-wrap; overflow-wrap: anywhere; }
.report > figure { margin: 1em 0; }
.report > ul > li { margin: 0.2em 0; }
@media screen and (prefers-color-scheme: dark) {
  .report .quiet { color: #9aa6b2; }
  .report .equation, .report > pre { background: #1d242c; }
  .report .warning { background: #2b211a; }
  .report > h2 { border-color: #2a323b; }
  .report > figure { background: #fff; padding: 6px; border-radius: 6px; }
}
@media print { .report > h2 { break-after: avoid; } .report > figure, .report tr { break-inside: avoid; } }
"""


def report(model: FittedLine, data: Any = None, path: str | os.PathLike[str] | None = None, *, overwrite: bool = False) -> Page:
    """A page about a model.

    Parameters
    ----------
    model : FittedLine
    data
        Rows to show, for a model that has none of its own; without them the page says what is left out.
    path
        Where to write the page; by default nowhere.
    overwrite : bool
    """
    looks = _looks(model, data)
    failed = model.stop in (Stop.DIVERGED, Stop.INTERRUPTED)
    sections = [
        _head(model),
        _warnings(model),
        [] if failed else _meaning(model),
        _findings(looks),
        _coefficients(model),
        _worth(model),
        _training(model, data),
        _rows(model, data),
        _diagnostics(looks),
        _again(model),
    ]
    body = [piece for section in sections for piece in section]
    page = Page(pages.document(f"{model.design.formula} (bestline)", ['<main class="report">', *body, "</main>"], style=_STYLE))
    if path is not None:
        page.save(path, overwrite=overwrite)
    return page


# -- sections ----------------------------------------------------------------------------------------------------------


def _head(model: FittedLine) -> list[str]:
    return [
        f"<h1>{escape(model.design.formula)}</h1>",
        f'<p class="quiet">{escape(_on_what(model))}</p>',
        *(f'<p class="equation">{escape(_equation(model, i))}</p>' for i in range(len(model.targets))),
    ]


def _meaning(model: FittedLine) -> list[str]:
    said = [sentence for i in range(len(model.targets)) for sentence in effects(model, i)]
    return ["<h2>In words</h2>", _list(said), *(f"<p>{escape(text)}</p>" for text in _in_short(model))]


def _warnings(model: FittedLine) -> list[str]:
    unfinished = model.stop in (Stop.DIVERGED, Stop.INTERRUPTED)
    notes = [*([f"This is no result: {model.advice}"] if unfinished else []), *(n for n in model.notes if n != model.advice)]
    return ["<h2>Take care</h2>", *(f'<p class="warning">{escape(note)}</p>' for note in notes)] if notes else []


def _coefficients(model: FittedLine) -> list[str]:
    pieces = ["<h2>Coefficients</h2>"]
    for i, target in enumerate(model.targets):
        if len(model.targets) > 1:
            pieces.append(f"<h3>{escape(plain(target))}</h3>")
        pieces.append(_table(model, i))
        slopes = [c for c in tables(model)[i] if c.term != "Intercept" and math.isfinite(c.conf_low)]
        if len(slopes) > 1:
            columns = [[c.estimate for c in slopes], [c.conf_low for c in slopes], [c.conf_high for c in slopes]]
            pieces.append(_figure(figures.coefficients([c.term for c in slopes], *columns)))
    if model.inference is None:
        pieces.append(f'<p class="quiet">{escape(_no_errors(model))}</p>')
    elif not model.settled:
        pieces.append(
            '<p class="quiet">Standard errors are those of the exact solution; training stopped before it, so there are no '
            "intervals.</p>"
        )
    return [*pieces, f'<p class="quiet">{escape(_digits(model))}</p>']


def _worth(model: FittedLine) -> list[str]:
    lines = _scores(model)
    if model.inference is not None and model.settled and model.inference.df_resid > 0:
        for i, target in enumerate(model.targets):
            g = glance(model.training, model.inference, intercept=model.design.intercept, target=i)
            if math.isfinite(g.statistic):
                of = f" ({plain(target)})" if len(model.targets) > 1 else ""
                p = p_value(g.p_value, below="below ")
                lines.append(
                    f"Residual standard deviation{of} {rounded(g.sigma)} on {g.df_residual:,} degrees of freedom; adjusted R2 "
                    f"{g.adj_r_squared:.4f}; F {rounded(g.statistic)} (p {p}); AIC {rounded(g.aic, 6)}, BIC {rounded(g.bic, 6)}."
                )
    return ["<h2>What it is worth</h2>", _list(lines)]


def _training(model: FittedLine, data: Any) -> list[str]:
    pieces = ["<h2>Training</h2>", f"<p>{escape(model.solver)}. {escape(model.advice)}</p>"]
    if len(model.trace) < 2 or model.stop.name == "DONE":
        return pieces
    try:
        told = session_of(model, data)
        still = compact(_last_state(model, data), dpi=_DPI)
    except BestlineError as error:
        return [*pieces, f'<p class="quiet">{escape(str(error))}</p>']
    return [*pieces, pages.animation(told, still, f"Training of {model.design.formula}: {model.advice}")]


def _last_state(model: FittedLine, data: Any) -> Picture:
    from bestline.pictures.render import film as motion
    from bestline.pictures.watch import label

    return motion.still({label(model): model.trained}, _sample(model, data))


def _rows(model: FittedLine, data: Any) -> list[str]:
    pieces = ["<h2>The line and the rows</h2>"]
    sample = _sample(model, data)
    if sample is None:
        return [
            *pieces,
            '<p class="quiet">A loaded model has no rows. Give the data, and their pictures and diagnostics are here.</p>',
        ]
    try:
        fit = model.trained
    except NumericalError:  # a loaded model of another loss: its line cannot be drawn, but the rows can
        fit = None
    pieces += [_figure(figures.data(sample, target=i, fit=fit)) for i in range(len(model.targets))]
    return pieces


def _looks(model: FittedLine, data: Any) -> list[Diagnosis] | str:
    """A second look at the rows, target by target, or why there is none."""
    reason = why_not(model)
    if reason is not None:
        return reason
    if data is None and model.source is None:
        return ""
    try:
        return [diagnosis(model, data, target=i) for i in range(len(model.targets))]
    except DataError as error:
        return str(error)


def _findings(looks: list[Diagnosis] | str) -> list[str]:
    if isinstance(looks, str):
        return []
    said = []
    for found in looks:
        of = f"{plain(found.target)}: " if len(looks) > 1 else ""
        said += [f"{of}{finding.text} (Picture: {finding.panel}.)" for finding in found.findings[:_MOST_FINDINGS]]
    return ["<h2>What to look at</h2>", _list(said) or "<p>Nothing stands out in a second look at the rows.</p>"]


def _diagnostics(looks: list[Diagnosis] | str) -> list[str]:
    if isinstance(looks, str):
        return [f'<p class="quiet">No diagnostics: {escape(looks)}</p>'] if looks else []
    pieces = ["<h2>Diagnostics</h2>"]
    for found in looks:
        if len(looks) > 1:
            pieces.append(f"<h3>{escape(plain(found.target))}</h3>")
        try:
            pieces.append(_figure(panels(found)))
        except NumericalError as error:
            pieces.append(f'<p class="quiet">{escape(str(error))}</p>')
            continue
        tests = [f"{test.about[0].upper()}{test.about[1:]} {test}." for test in found.tests]
        rows = [
            pages.row((r.row, *map(cell, (r.fitted, r.resid, r.hat, r.std_resid, r.cooksd))), "td")
            for r in found.influential[:5]
        ]
        head = pages.row(("row", "fitted", "residual", "leverage", "standardised residual", "Cook's distance"), "th")
        pieces.append(_list(tests))
        pieces.append("<p>The rows that move the line most, counted from 1 over the whole table:</p>")
        pieces.append(f'<div class="scroll"><table class="numbers">{head}{"".join(rows)}</table></div>')
    return pieces


def _again(model: FittedLine) -> list[str]:
    pieces = ["<h2>How to do it again</h2>"]
    recipe = model.recipe
    if recipe is not None:
        command = recipe.command()
        pieces += [f"<pre>{escape(text)}</pre>" for text in (recipe.python(), command) if text]
        if not recipe.data:
            pieces.append('<p class="quiet">The data were in memory: `data` stands for them.</p>')
        if recipe.unsaid:
            pieces.append(
                f'<p class="quiet">{escape(", ".join(recipe.unsaid))}: not plain values, so not written out here.</p>'
            )
    versions = f"bestline {VERSION}, torch {torch.__version__}, Python {platform.python_version()}, seed {model.plan.seed}"
    return [*pieces, f'<p class="quiet">{escape(versions)}.</p>']


def effects(model: FittedLine, target: int = 0) -> Iterator[str]:
    """What each column does to the target, as sentences; for a line of squared loss and without own forward function."""
    if model.plan.forward is not None:
        return
    name = plain(model.targets[target])
    table = {c.term: c for c in tables(model)[target]}
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
    if math.isfinite(c.conf_low) and c.conf_low <= 0 <= c.conf_high:
        unsure = " The interval holds zero: the data do not say whether it is more or less."
    return f"{who} goes with {amount} {more} {target}{others}{interval}.{unsure}"


def _in_short(model: FittedLine) -> Iterator[str]:
    best = model.held_out or model.fitted_scores
    where = "rows it had not seen" if model.held_out is not None else "the rows it was fitted to, which flatters it"
    for i, target in enumerate(model.targets):
        rmse, r2 = best.rmse[i], best.r2[i]
        if not math.isfinite(rmse):
            continue
        said = f"On {where}, its predictions of {plain(target)} are off by {rounded(rmse)} (root mean squared error)"
        if math.isfinite(r2) and r2 < 1 and not (model.plan.forward is None and not model.design.intercept):
            said += f"; always predicting the mean would be off by {rounded(rmse / (1 - r2) ** 0.5)}"
            said += f". It explains {r2:.0%} of the variation" if r2 > 0 else ". It is no better than the mean"
        yield f"{said}."


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""


def _figure(shown: Picture) -> str:
    return f"<figure>{pages.picture(compact(shown, dpi=_DPI), shown.alt)}</figure>"


def _sample(model: FittedLine, data: Any) -> Sample | None:
    if data is None and model.source is None:
        return None
    return rows_shown(model, data)
