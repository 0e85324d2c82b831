"""Page: a model as one page that anyone can read. What was fitted on what, what it means, what it is worth, how it was trained,
what to look at, and how to do it again. The page is self-contained, plays without a network, and prints.

Each section is a function that gives plain texts, numbers and pictures; `report.html.j2` says where they stand.
"""

from __future__ import annotations

import math
import os
import platform
from dataclasses import dataclass, replace
from typing import Any

import torch

from bestline.errors import BestlineError, DataError, NumericalError, clean
from bestline.export.report.effects import effects, in_short
from bestline.export.report.words import (
    LONGEST_NAME,
    Coefficients,
    coefficients,
    digits_said,
    equation_of,
    errors_said,
    loss_told,
    no_errors,
    on_what,
    penalty_told,
    scores_of,
)
from bestline.files import refuse_early
from bestline.inference.classical import Glance
from bestline.inference.diagnostics.diagnosis import Diagnosis
from bestline.inference.diagnostics.findings import told
from bestline.inference.diagnostics.second_pass import diagnoses
from bestline.inference.fitted import FittedLine
from bestline.inference.hypotheses import statistic_of
from bestline.inference.prediction import interval_of_mean
from bestline.inference.summary_text import how_trained
from bestline.inference.training_rows import check_training
from bestline.inference.uncertainty import errors_name, errors_of, glances, tables, whole_test
from bestline.inference.why_not import why_no_errors, why_not
from bestline.pictures import figures
from bestline.pictures.diagnostics import panels
from bestline.pictures.findings import of_coefficients, of_errors, of_kept, of_line, of_residuals, of_training, stating
from bestline.pictures.loss_curves import loss
from bestline.pictures.marks import Picture
from bestline.pictures.overview import overview
from bestline.pictures.parallel import lines_of_levels
from bestline.pictures.render.html import PARTS, Page, Still, document, style_of, templates
from bestline.pictures.render.stills import compact, still
from bestline.pictures.sample import Sample, rows_shown
from bestline.pictures.watch import session_of
from bestline.pictures.weights import coefficients as dots
from bestline.pictures.weights.penalty_paths import coefficient_path, error_curve
from bestline.training import Stop
from bestline.wording import VERSION, fixed, on_columns, p_value, plain, rounded, typeset, without

__all__ = ["report"]

_ROOM = "bestline.export.report"
_MOST_FINDINGS = 3
_MOST_INFLUENTIAL = 5
_MOST_TARGETS = 6  # with pictures and a second look at the rows
_MOST_TABLES = 40  # of coefficients, and equations, one a target
_LONGEST_HEADING = 120  # of letters
_DPI = 90
_NO_PLAYER = "The rows make the loss surface, and a loaded model of this loss has none: fit again to play its training."


def report(model: FittedLine, data: Any = None, path: str | os.PathLike[str] | None = None, *, overwrite: bool = False) -> Page:
    """A page about a model.

    Parameters
    ----------
    model : FittedLine
    data
        The training rows, for a model that has none of its own; without them the page says what is left out.
    path
        Where to write the page; by default nowhere.
    overwrite : bool

    Raises
    ------
    DataError
        When `data` are other rows: a page about these would say of them what is true of the training rows.
    """
    if path is not None:
        refuse_early(path, overwrite=overwrite)
    if data is not None:
        check_training(model, data)
    looks = _looks(model, data)
    # The rows to show, chosen at one pass for all pictures of them.
    sample = None if data is None and model.source is None else rows_shown(model, data)
    training = _training(model, data, sample)
    drawn, told = _first(model, _MOST_TARGETS), _first(model, _MOST_TABLES)
    failed = model.stop.failed
    html = document(
        templates(_ROOM).get_template("report.html.j2"),
        f"{on_columns(model.design.formula, model.design.p)} (bestline)",
        session=training.session,
        styles=[PARTS, style_of(_ROOM, "report.css")],
        heading=on_columns(model.design.formula, model.design.p, _LONGEST_HEADING),
        formula=clean(model.design.formula),
        on_what=on_what(model),
        fitted_by=loss_told(model),
        equations=[equation_of(model, i) for i in told],
        left_out=_left_out(model),
        shared=without(model.names, LONGEST_NAME),
        warnings=_warnings(model, failed),
        meaning=None
        if failed
        else {"effects": [said for i in drawn for said in effects(model, i)], "in_short": [*in_short(model)][:_MOST_TABLES]},
        findings=None if isinstance(looks, str) else _findings(looks),
        no_findings=[] if isinstance(looks, str) else _no_findings(looks),
        estimates=[_estimates(model, i, drawn=i in drawn) for i in told],
        errors=_errors_told(model),
        penalty=_penalty(model),
        digits=digits_said(model),
        worth=[*scores_of(model), *_glances(model)],
        training=training,
        rows=_rows(model, sample),
        undiagnosed=looks if isinstance(looks, str) else "",
        diagnostics=None if isinstance(looks, str) else [_look(found) for found in looks],
        again=_again(model),
    )
    page = Page(html)
    if path is not None:
        page.save(path, overwrite=overwrite)
    return page


def _first(model: FittedLine, most: int) -> range:
    """The first targets, so many at most: a page of hundreds of pictures is read by nobody."""
    return range(min(len(model.targets), most))


def _left_out(model: FittedLine) -> str:
    """What the page does not show of very many targets; empty where it shows all."""
    many = len(model.targets)
    if many <= _MOST_TARGETS:
        return ""
    tables = f", {_MOST_TABLES} have a table of coefficients" if many > _MOST_TABLES else ""
    return f"Of {many:,} targets the first {_MOST_TARGETS} have pictures and diagnostics{tables}; `model.plot` draws any by its name."


# -- sections ----------------------------------------------------------------------------------------------------------


def _warnings(model: FittedLine, failed: bool) -> list[str]:
    return [*([f"This is no result: {model.advice}"] if failed else []), *(n for n in model.notes if n != model.advice)]


@dataclass(frozen=True, slots=True)
class _Estimates:
    """The coefficients of one target: their table, and their picture where there are several with an interval."""

    target: str
    table: Coefficients
    still: Still | None


def _estimates(model: FittedLine, target: int, *, drawn: bool) -> _Estimates:
    # The intercept, often far from all slopes, would press them together.
    slopes = [c for c in tables(model)[target] if c.term != "Intercept" and math.isfinite(c.conf_low)]
    cov = errors_name(errors_of(model))
    picture = dots.coefficients(slopes, target=model.targets[target], cov=cov) if drawn and len(slopes) > 1 else None
    shown = None if picture is None else _still(picture, of_coefficients(model, target))
    return _Estimates(plain(model.targets[target]), coefficients(model, target), shown)


def _errors_told(model: FittedLine) -> str:
    """Which standard errors these are, or why there are none; empty for classical ones, and where the section on the penalty says it."""
    if model.plan.penalised:
        return ""
    return errors_said(model) if why_no_errors(model) is None else no_errors(model)


@dataclass(frozen=True, slots=True)
class _Penalty:
    """What the penalty does, in sentences, and pictures of how it was chosen."""

    told: tuple[str, ...]
    stills: tuple[Still, ...]


def _penalty(model: FittedLine) -> _Penalty | None:
    """None for a line that has no penalty and for which none was tried."""
    chosen = model.cv
    if not model.plan.penalised and chosen is None:
        return None
    stills: list[Still] = []
    if chosen is not None:
        # Per standard deviation, so that slopes of columns in different units can be compared.
        scales = model.training.spread[: model.design.p].tolist()
        paths = [coefficient_path(chosen, target=i, scales=scales) for i in _first(model, _MOST_TARGETS)]
        stills = [_still(error_curve(chosen), of_errors(chosen)), *(_still(shown, of_kept(chosen)) for shown in paths)]
    return _Penalty(tuple(penalty_told(model)), tuple(stills))


def _glances(model: FittedLine) -> list[str]:
    """One line a target of what people look for beside the scores: sigma, F, AIC, BIC."""
    lines = []
    for target, g in zip(model.targets, glances(model) or (), strict=False):
        if math.isfinite(g.statistic):
            of = f" ({plain(target)})" if len(model.targets) > 1 else ""
            whole = whole_test(model, model.robust, g, model.targets.index(target))
            test = (
                ""
                if whole is None
                else f" {statistic_of(whole.df)} {rounded(whole.statistic)} (p {p_value(whole.p_value, below='below ')});"
            )
            about = " (about zero)" if model.about_zero and model.design.absorbed is None else ""
            lines.append(
                f"Residual standard deviation{of} {rounded(g.sigma)} on {g.df_residual:,} degrees of freedom; adjusted R2{about} "
                f"{fixed(g.adj_r_squared, 4)};{test} {_criteria(g)}"
            )
    return lines


def _criteria(g: Glance) -> str:
    """AIC and BIC, where there is a likelihood."""
    return (
        "no likelihood." if math.isnan(g.aic) else typeset(f"AIC {fixed(g.aic, 1)}, BIC {fixed(g.bic, 1)} (sigma not counted).")
    )


@dataclass(frozen=True, slots=True)
class _Training:
    """How it was trained, in words, and as an animation; or its loss curve, and the reason why there is no more."""

    told: str
    session: dict[str, Any] | None = None
    still: Still | None = None
    reason: str = ""


def _training(model: FittedLine, data: Any, sample: Sample | None) -> _Training:
    told = f"{how_trained(model)} {model.fit.ending}"
    # Solved in one step there is nothing to watch.
    if len(model.trace) < 2 or model.stop is Stop.DONE or model.plan.limits is not None:
        return _Training(told)
    if model.traced.task is None:  # what a surface would be drawn of is not known any more; the curve needs the trace alone
        curve = replace(loss(model.traced), note="")  # which says what `told` says
        return _Training(told, still=_still(curve, of_training(model.traced)), reason=_NO_PLAYER)
    # What cannot be played, as an own module of many weights, is said in place of the player.
    try:
        session = session_of(model, data)
        last = overview(model.trained, sample)
    except BestlineError as error:
        return _Training(told, reason=str(error))
    # For paper alone: so it needs no dark colours.
    printed = Still(
        compact(last, dpi=_DPI), f"Training of {on_columns(model.design.formula, model.design.p)}: {model.fit.ending}"
    )
    return _Training(told, session, printed)


def _rows(model: FittedLine, sample: Sample | None) -> list[Still]:
    """The line over the training rows, target by target; none where there are no rows."""
    if sample is None:
        return []
    try:
        fit = model.trained
    except NumericalError:  # a loaded model of another loss: its line cannot be drawn, but the rows can
        fit = None
    half = interval_of_mean(model)
    shown = {
        i: (fit and lines_of_levels(model, sample, target=i)) or figures.data(sample, target=i, fit=fit, half=half)
        for i in _first(model, _MOST_TARGETS)
    }
    return [_still(picture, of_line(model, i)) for i, picture in shown.items()]


def _looks(model: FittedLine, data: Any) -> list[Diagnosis] | str:
    """A second look at the rows, target by target, or why there is none."""
    reason = why_not(model)
    if reason is None and model.design.absorbed is not None:
        reason = "the leverage of a row counts its absorbed effects, which is not computed"
    if reason is not None:
        return reason
    if data is None and model.source is None:
        return ""
    try:
        return diagnoses(model, data, targets=_first(model, _MOST_TARGETS))
    except DataError as error:
        return str(error)


def _findings(looks: list[Diagnosis]) -> list[str]:
    said = []
    for found in looks:
        of = f"{plain(found.target)}: " if len(looks) > 1 else ""
        said += [f"{of}{typeset(finding.text)} (Picture: {finding.panel}.)" for finding in found.findings[:_MOST_FINDINGS]]
    return said


def _no_findings(looks: list[Diagnosis]) -> list[str]:
    """What is said of a target without findings."""
    several = len(looks) > 1
    return [f"{plain(f.target)}: {f.headline}" if several else f.headline for f in looks if not f.findings]


@dataclass(frozen=True, slots=True)
class _Look:
    """A second look at the rows of one target: four panels, the tests in words, the rows that move the line most."""

    target: str
    still: Still | None = None
    tests: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()
    reason: str = ""


def _look(found: Diagnosis) -> _Look:
    target = plain(found.target)
    # A line through every point leaves no residuals: the reason stands where the picture would.
    try:
        shown = _still(panels(found), of_residuals(found))
    except NumericalError as error:
        return _Look(target, reason=str(error))
    tests = tuple(f"{test}. {test.about[0].upper()}{test.about[1:]}" for test in found.tests)
    tests += (found.coverage_said,) if found.coverage_said else ()
    rows = [tuple(map(typeset, cells)) for cells in told(found.influential[:_MOST_INFLUENTIAL])]
    return _Look(target, shown, tests, tuple(rows))


def _again(model: FittedLine) -> dict[str, list[str]]:
    """The call and the command that make the model again, and what must be said about them."""
    recipe = model.recipe
    code, notes = [], []
    if recipe is not None:
        # A call that no command can express, as one with an own loss, has the Python line only.
        code = [text for text in (recipe.python(), recipe.command()) if text]
        if not recipe.data:
            notes.append("The data were in memory: `data` stands for them.")
        if recipe.unsaid:
            notes.append(f"{', '.join(recipe.unsaid)}: not plain values, so not written out here.")
    versions = f"bestline {VERSION}, torch {torch.__version__}, Python {platform.python_version()}, seed {model.plan.seed}"
    return {"code": code, "notes": [*notes, f"{versions}."]}


def _still(shown: Picture, finding: str = "") -> Still:
    return still(stating(shown, finding), dpi=_DPI)
