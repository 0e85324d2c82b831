"""Findings: what a picture shows, as a sentence for its title, where the numbers say so; else nothing, and it keeps its plain name.

Every number is one that was computed before. Of estimates something is said where they are those of least squares, more than
chance and more than a little: nothing under a penalty, of descent that did not arrive, or without degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bestline.data.design import Change, change_of
from bestline.inference.classical import Coefficient
from bestline.inference.diagnostics.diagnosis import Diagnosis
from bestline.inference.diagnostics.findings import FITTED, LEVERAGE, QUANTILES, SPREAD
from bestline.inference.fitted import FittedLine
from bestline.inference.marginal import Marginal
from bestline.inference.marginal.table import MarginalEstimate
from bestline.inference.uncertainty import glances, tables
from bestline.inference.why_not import why_not
from bestline.pictures.axis_labels import called, updates, variables
from bestline.pictures.loss_curves import floors, near
from bestline.pictures.marks import Picture
from bestline.training import Fit, Selection, Stop
from bestline.training.early_stopping import held_out_minimum
from bestline.training.foresight.sweep import SweptRuns
from bestline.wording import count, percent, plain, rounded, said, shown, significant, typeset, whole_percent

_CHANCE = 0.05  # p-values above it say nothing
_LITTLE = 0.2  # of the target's standard deviation: a difference below is small by Cohen's (1988) measure
_SHARE = 0.02  # of the variance: a line that explains less has a small effect by the same measure, f2 = 0.02
_FEWEST = 20  # rows: of fewer the tests of the spread have hardly any power, and no objection is no finding
_GAIN = 0.01  # of the error without penalty: less is a little
_SWING = 0.01  # of the loss: a rise below it is the noise of batches
_NAMED = 2  # columns that are alike, by their names
_LONGEST = 28  # of a level, in letters


def stating(picture: Picture, finding: str) -> Picture:
    """The picture under its finding; its plain name is the heading of its panel where it has one alone, else it begins the note.

    Without a finding it stays as it is.
    """
    if not finding:
        return picture
    panels, note = picture.panels, picture.note
    if len(panels) == 1 and not panels[0].title:
        panels = (replace(panels[0], title=picture.title),)
    else:
        note = f"{picture.title}. {note}".strip()
    return replace(picture, panels=panels, note=note, title=finding, alt=f"{picture.title}: {finding}. {picture.alt}")


# -- the line ----------------------------------------------------------------------------------------------------------


def of_line(line: FittedLine, target: int = 0) -> str:
    """How much of the target the line explains, on the rows that it was fitted to."""
    if line.traced.stop is Stop.DIVERGED:
        return _beyond(line.traced) or "Training diverged: this line says nothing of the data"
    found = glances(line, line.robust)
    if found is None or line.about_zero:
        return ""
    glance = found[target]
    if not glance.p_value < _CHANCE or not glance.r_squared >= _SHARE:
        return ""
    explained = whole_percent(glance.r_squared)
    return f"The line explains {explained} of the variance of {shown(line.targets[target])} (training rows)"


def of_coefficients(line: FittedLine, target: int = 0, level: float = 0.95) -> str:
    """The largest change of the target among those that are more than chance and more than a little, all else alike."""
    if why_not(line) is not None:
        return ""
    table = tables(line, level)[target][: line.design.p]
    tested = sum(c.p_value == c.p_value for c in table)
    # Chosen among so many the largest is far by chance as many times as often as one alone is (Bonferroni).
    chance = min(_CHANCE, 1 - level) / max(tested, 1)
    found = [one for j, c in enumerate(table) if (one := _sizeable(line, j, c, chance, target)) is not None]
    return _alike(line, *max(found, key=lambda one: one[0])[1:], target) if found else ""


def of_column(line: FittedLine, column: str, target: int = 0) -> str:
    """The same of one column, where it is more than chance and more than a little."""
    if why_not(line) is not None or column not in line.features:
        return ""
    j = line.features.index(column)
    found = _sizeable(line, j, tables(line)[target][j], _CHANCE, target)
    return _alike(line, *found[1:], target) if found else ""


def _sizeable(line: FittedLine, j: int, c: Coefficient, chance: float, target: int) -> tuple[float, Change, Coefficient] | None:
    """How far the target changes with column j, and with what; None where that may be chance, or is little."""
    spread, change = line.training.spread.tolist(), change_of(line.design, j)
    if change is None or not c.p_value < chance or (change.is_category and not change.reference):
        return None
    # Two standard deviations of a number are as far as one level from another of equal size (Gelman 2008).
    size = abs(c.estimate) * (1.0 if change.is_category else 2 * spread[j])
    return (size, change, c) if size >= _LITTLE * spread[line.design.p + target] else None


def _alike(line: FittedLine, change: Change, c: Coefficient, target: int) -> str:
    """What changes with what, and what else is held."""
    short = called(variables(line.design))
    others = [name for variable, name in short.items() if variable != change.variable]
    alike = f"{' and '.join(others)} alike" if len(others) <= _NAMED else "the other columns alike"
    sentence = _change(change, short[change.variable], c, shown(line.targets[target]))
    return f"{sentence}, {alike}" if others else sentence


def _change(change: Change, variable: str, c: Coefficient, target: str) -> str:
    more = f"{rounded(abs(c.estimate))} {'less' if c.estimate < 0 else 'more'} {target}"
    if change.is_category:
        level, reference = plain(change.level, _LONGEST), plain(change.reference, _LONGEST)
        return f"{variable} {level} goes with {more} than {reference}"
    return f"One more unit of {variable} goes with {more}"


def of_marginal(found: Marginal, what: str, line: FittedLine, target: int = 0, *, slope_in: str = "") -> str:
    """Which mean is the largest and which the least, the largest difference, or that the target rises or falls with a column everywhere.

    `what` they are, as "marginal mean". Something is said of means whose intervals lie apart, and of differences and slopes that are more than chance.
    """
    name, of_target = found.targets[target], line.training.spread[line.design.p + target].item()
    own = [place for place in found.places if place.target == name]
    known = all(math.isfinite(end) for place in own for end in (place.conf_low, place.conf_high))
    if not own or not known or dict(found.turned_back).get(name) is not None:
        return ""
    least, largest = (end(own, key=lambda place: place.estimate) for end in (min, max))
    chance = _CHANCE / len(own)
    if slope_in:
        clear = all(place.p_value < chance for place in own) and least.estimate * largest.estimate > 0
        across = 2 * line.training.spread[line.features.index(slope_in)].item() if slope_in in line.features else 0.0
        if not clear or across * min(abs(least.estimate), abs(largest.estimate)) < _LITTLE * of_target:
            return ""
        short = called(list(dict.fromkeys([slope_in, *found.columns])))
        everywhere = f" for every {' and '.join(short[column] for column in found.columns)}" if len(own) > 1 else ""
        return f"{shown(name)} {'rises' if least.estimate > 0 else 'falls'} with {short[slope_in]}{everywhere}"
    # Nothing is told of a single estimate without a name, and of numbers, which are drawn as lines.
    if not own[0].at or not all(isinstance(part, str) for place in own for part in place.at):
        return ""
    if found.columns[0] == "contrast":
        far = max(own, key=lambda place: abs(place.estimate))
        if not far.p_value < chance or abs(far.estimate) < _LITTLE * of_target:
            return ""
        which = "The largest difference" if len(own) > 1 else "The difference"
        return f"{which} of {shown(name)} is {_where(far)}, {rounded(far.estimate)}"
    if len(own) < 2 or least.conf_high >= largest.conf_low or largest.estimate - least.estimate < _LITTLE * of_target:
        return ""
    return f"{_where(largest)} has the largest {what} of {shown(name)}, {_where(least)} the least"


def _where(place: MarginalEstimate) -> str:
    """The levels of an estimate; between two that differ stands a real minus."""
    return ", ".join(plain(level, 2 * _LONGEST) for level in place.at).replace(" - ", " \N{MINUS SIGN} ")


def of_residuals(diagnosis: Diagnosis, panels: Sequence[str] = (FITTED, QUANTILES, SPREAD, LEVERAGE)) -> str:
    """The gravest thing that these panels show; where nothing stands out, that the spread is alike, if the tests have no objection."""
    whose = f"{shown(diagnosis.target)}: " if len(diagnosis.lens.basis.unit) > 1 else ""
    for finding in diagnosis.findings:
        if finding.panel in panels:
            return whose + typeset(finding.short)
    spread = [test.p_value for test in diagnosis.tests[:2]]
    if SPREAD not in panels or diagnosis.findings or diagnosis.rows < _FEWEST or not min(spread) >= _CHANCE:
        return ""
    return f"{whose}Errors spread alike, as far as {count(diagnosis.rows, 'row')} can tell (p = {significant(min(spread), 2)})"


# -- training ----------------------------------------------------------------------------------------------------------


def of_training(fit: Fit) -> str:
    """What became of a run: a rate beyond its limit, a least held-out loss on the way, or how soon it came near its aim."""
    beyond = _beyond(fit)
    if beyond or fit.stop.failed:
        return beyond
    least = held_out_minimum(fit)
    if least and not _swings(fit, least):
        return f"Held-out loss is least after {updates(least)}"
    return _arrived(fit)


def _swings(fit: Fit, step: int) -> bool:
    """Whether the loss of training itself rises after this step: then a path that swings passed by, and nothing was overfitted."""
    after = fit.trace.loss[fit.trace.step >= step]
    return bool((after > (1 + _SWING) * after[0]).any())


def of_losses(fit: Fit, losses: tuple[float, float]) -> str:
    """From which loss training came to which; of a run that failed only why, where that is known."""
    if fit.stop.failed or not losses[1] < losses[0]:
        return _beyond(fit)
    return f"Training took the loss from {said(losses[0])} to {said(losses[1])}"


def _beyond(fit: Fit) -> str:
    """That the rate is too large, where the loss shows it."""
    if fit.rate is None or fit.rate_limit is None or fit.rate <= fit.rate_limit:
        return ""
    grew = float(fit.trace.loss[-1]) > float(fit.trace.loss[0])
    became = "training diverged" if fit.stop is Stop.DIVERGED else "the loss grows" if grew else ""
    return became and f"The rate {said(fit.rate)} lies beyond the limit {said(fit.rate_limit)}: {became}"


def _arrived(fit: Fit) -> str:
    # A line that was solved for arrives at once, and that is no finding; of an objective with a penalty the loss is only a part.
    step = None if fit.solver.loop is None else near(fit.trace)
    return (
        "" if step is None or step < 2 or fit.objective.penalty else f"99% of the reducible loss is gone after {updates(step)}"
    )


def of_runs(runs: Mapping[str, Fit]) -> str:
    """Of one run what became of it; of several on the same rows, which one is near the aim the soonest."""
    if len(runs) == 1:
        return of_training(next(iter(runs.values())))
    levels, _ = floors(runs, float("-inf"))
    if len(levels) != 1 or any(fit.trace.gap is None or fit.objective.penalty for fit in runs.values()):
        return ""
    steps = {
        name: near(fit.trace) for name, fit in runs.items() if fit.solver.loop is not None and fit.stop is not Stop.DIVERGED
    }
    reached = sorted((step, name) for name, step in steps.items() if step is not None)
    if len(steps) < 2 or not reached or (len(reached) > 1 and reached[0][0] == reached[1][0]):
        return ""
    step, name = reached[0]
    return f"{shown(name, 30)} is soonest: 99% of the reducible loss is gone after {updates(step)}"


def of_directions(shares: Sequence[float], weights: int) -> str:
    """How much of the path of so many weights its main directions hold."""
    if weights <= len(shares) or not shares:
        return ""
    return f"Two directions hold {percent(min(sum(shares), 1.0))} of the path's movement"


def of_sweep(runs: SweptRuns) -> str:
    """Which run takes the fewest steps."""
    best = runs.best()
    if best is None:
        return "All runs diverged" if bool((runs.diverged_at >= 0).all()) else ""
    who = f"{runs.optimizers[best]} at the rate" if len(set(runs.optimizers)) > 1 else "the rate"
    rate, fewest = said(float(runs.lrs[best])), int(runs.steps_to()[best])
    return f"Fastest is {who} {rate}: 0.1% of the reducible loss remains after {count(fewest, 'step')}"


# -- penalties ---------------------------------------------------------------------------------------------------------


def of_errors(selection: Selection) -> str:
    """Where the out-of-fold error is least, if it is lower than without penalty by more than its standard error."""
    best, none = selection.best, len(selection.error) - 1
    gain = float(selection.error[none] - selection.error[best])
    if not math.isfinite(gain):
        return ""
    if best == none or not gain > float(selection.difference[best]):
        return "No penalty lowers the out-of-fold error by more than a standard error"
    if selection.gain < _GAIN:
        return ""
    at = said(float(getattr(selection, selection.scale)[best]))
    return f"Out-of-fold error is least at {selection.scale} = {at}, {percent(selection.gain)} below that without penalty"


def of_kept(selection: Selection) -> str:
    """How many columns have a weight where the out-of-fold error is least; a ridge keeps them all."""
    kept = int(selection.nonzero[selection.best])
    if selection.kind == "ridge" or kept == selection.p:
        return ""
    return f"{kept} of {selection.p} columns have a weight where the out-of-fold error is least"
