"""Figures: from a fit to a Picture. Every number is in the data's units, and every title counts the updates made.

A picture of one step takes all its panels from one row of the trace, so they cannot be out of step with each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import torch

from bestline.bowl import Bowl
from bestline.errors import OptionError, ShapeError
from bestline.fitting import Fit
from bestline.pictures import dataspace
from bestline.pictures.landscape import (
    SHADOW,
    Landscape,
    contour_marks,
    curve_marks,
    landscape,
    loss_label,
    mesh_marks,
    updates,
    view,
    weight_label,
)
from bestline.pictures.marks import Horizontal, Intervals, Line, Mark, Panel, Picture, Points, Vertical, numbers, run_role
from bestline.pictures.sample import Sample, said, shown
from bestline.solvers.base import Stop
from bestline.surfaces import Surface

_MOST_PANELS = 4
_MOST_EARLIER = 12  # faint lines
_MOST_INTERVALS = 40

Truth = tuple[float, float]  # slope, intercept


def data(sample: Sample, *, target: int = 0, truth: Truth | None = None, fit: Fit | None = None) -> Picture:
    """The rows, with the line they were made from and the line that was fitted, as far as these are known.

    With several features and no fit: one panel for each of the first four features. With several features and a fit:
    predicted against actual.

    Parameters
    ----------
    sample : Sample
    target : int
    truth : (slope, intercept), optional
        Of the line that the data were made from; for one feature.
    fit : Fit, optional
    """
    name = sample.targets[target] if 0 <= target < len(sample.targets) else ""
    y = sample.y(target)
    if fit is not None and len(sample.features) != 1:
        panel = dataspace.panel(sample, fit, fit.weights, target, "Predicted against actual")
        alt = f"{_rows(sample)}: predicted against actual {name}, with the diagonal of perfect prediction."
        return Picture((panel,), f"{name}: predicted and actual", sample.note, alt)
    if len(sample.features) != 1:
        return _each_feature(sample, target)
    feature = sample.features[0]
    marks: list[Mark] = [dataspace.points(sample, target)]
    alt = f"{_rows(sample)}: {name} from {said(float(y.min()))} to {said(float(y.max()))} against {feature}."
    if truth is not None:
        slope, intercept = truth
        at = dataspace.ends([sample])[:, 0]
        label = f"true: slope {said(slope)}, intercept {said(intercept)}"
        marks.append(Line(numbers(at.tolist()), numbers((slope * at + intercept).tolist()), "true", label))
        alt += f" The line {label}."
    if fit is not None:
        label = dataspace.described(fit, fit.weights, target)
        marks.append(dataspace.fitted(fit, dataspace.ends([sample], fit), fit.weights, target, label=label))
        alt += f" The line {label}."
    return Picture((Panel("", feature, name, tuple(marks)),), f"{name} against {feature}", sample.note, alt)


def _each_feature(sample: Sample, target: int) -> Picture:
    name, y = sample.targets[target], numbers(sample.y(target).tolist())
    panels = [
        Panel("", feature, name, (Points(numbers(sample.rows.X[:, j].tolist()), y, "data", "data"),), legend=False)
        for j, feature in enumerate(sample.features[:_MOST_PANELS])
    ]
    if not panels:
        panels = [Panel("", "row", name, (Points(numbers(range(len(y))), y, "data", "data"),), legend=False)]
    note = sample.note
    if len(sample.features) > _MOST_PANELS:
        note = f"The first {_MOST_PANELS} of {len(sample.features)} features are shown. {note}".strip()
    alt = f"{_rows(sample)}: {name} against {', '.join(sample.features[:_MOST_PANELS]) or 'the number of the row'}."
    return Picture(tuple(panels), f"{name} against each feature", note, alt)


def before_after(sample: Sample, fit: Fit, *, target: int = 0) -> Picture:
    """The line where training started, and the line of the weights that were kept. Each panel has its own vertical scale."""
    first, at = fit.trace.weights[0], updates(fit.step)
    panels = (
        dataspace.panel(sample, fit, first, target, f"Before training: {updates(int(fit.trace.step[0]))}"),
        dataspace.panel(sample, fit, fit.weights, target, f"After training: {at}"),
    )
    kept = fit.trace.step.tolist().index(fit.step) if fit.step in fit.trace.step.tolist() else -1
    losses = float(fit.trace.loss[0]), float(fit.trace.loss[kept])
    alt = f"The line before training, and after {at}: the loss went from {said(losses[0])} to {said(losses[1])}."
    note = _sentences(fit.advice, "Each panel has its own vertical scale.", sample.note)
    return Picture(panels, "Before and after training", note, alt)


def train_test(train: Sample, test: Sample, fit: Fit, *, target: int = 0) -> Picture:
    """The line on the rows it was trained on, and on rows it never saw, on the same axes."""
    panels = []
    for sample, what, role in ((train, "Train", "data"), (test, "Test", "held_out")):
        panels.append(dataspace.panel(sample, fit, fit.weights, target, f"{what}: {_rows(sample)}", role=role))
    if len(train.features) == 1:
        at = dataspace.ends([train, test], fit)
        line = dataspace.fitted(fit, at, fit.weights, target, label=dataspace.described(fit, fit.weights, target))
        panels = [_with(panel, (*panel.marks[:-1], line)) for panel in panels]
    xlim, ylim = _union([panel.xlim for panel in panels]), _union([panel.ylim for panel in panels])
    if len(train.features) != 1 and xlim is not None:
        diagonal = Line(xlim, xlim, "reference", "predicted = actual")
        panels = [_with(panel, (diagonal, *panel.marks[1:])) for panel in panels]
    same = tuple(
        Panel(p.title, p.xlabel, p.ylabel, p.marks, xlim=xlim, ylim=_union([ylim, *(_lines(p) for p in panels)]))
        for p in panels
    )
    errors = [f"{what} {said(dataspace.mean_squared_error(s, fit, target))}" for what, s in (("train", train), ("test", test))]
    sampled = "" if train.whole and test.whole else ", of the rows shown"
    sentence = f"Mean squared error{sampled}: {', '.join(errors)}."
    shown_of = _sentences(*(f"{what}: {s.note}" for what, s in (("Train", train), ("Test", test)) if s.note))
    return Picture(same, "Train and test", _sentences(sentence, shown_of), f"Two panels with the fitted line. {sentence}")


def loss(fits: Fit | Mapping[str, Fit], *, log: bool | None = None) -> Picture:
    """Loss after every number of updates, of one run or of several.

    Parameters
    ----------
    fits : Fit, or mapping of label to Fit
    log : bool, optional
        Whether the loss grows by factors along the axis. By default only when a run diverged.
    """
    runs = {"": fits} if isinstance(fits, Fit) else dict(fits)
    if not runs:
        raise OptionError("There are no runs to draw; give at least one.")
    if log is None:
        log = any(fit.stop is Stop.DIVERGED for fit in runs.values())
    marks: list[Mark] = []
    for i, (label, fit) in enumerate(runs.items()):
        marks += _curves(fit, shown(label), "path" if len(runs) == 1 else run_role(i))
    least = min((y for mark in marks if isinstance(mark, Line) for y in mark.y if y > 0), default=0.0)
    drawn, hidden = _floors(runs, 1e-9 * least if log else -math.inf)
    label = loss_label(next(iter(runs.values())))
    if len(runs) > 1 and any(fit.trace.held_out is not None for fit in runs.values()):
        label = f"{label} of the training rows"
    title = "Loss after each update" if len(runs) == 1 else "Loss after each update, run by run"
    zero = "A loss of 0 cannot be shown on this axis." if log and hidden else ""
    panel = Panel("", "updates made", label, (*marks, *drawn), log_y=log and least > 0)
    advice = [f"{shown(name)}: {fit.advice}" if name else fit.advice for name, fit in list(runs.items())[:4]]
    return Picture(
        (panel,), title, "\n".join(filter(None, [*advice, zero])), _sentences(*(_loss_alt(*run) for run in runs.items()))
    )


def _curves(fit: Fit, label: str, role: str) -> list[Mark]:
    trace = fit.trace
    steps = numbers(trace.step.tolist())
    prefix = f"{label}: " if label else ""
    alone = not label  # beside other runs a second curve for each would hide what is compared
    plain = label or ("training loss" if trace.held_out is not None else "loss")
    marks: list[Mark] = [Line(steps, numbers(trace.loss.tolist()), role, plain)]
    if trace.held_out is not None and alone:
        marks.append(Line(steps, numbers(trace.held_out.tolist()), "held_out", "held-out loss"))
    if fit.step != int(trace.step[-1]):
        marks.append(Vertical(float(fit.step), "kept", f"{prefix}weights kept: {updates(fit.step)}"))
    return marks


def floor_of(fit: Fit) -> float | None:
    """Loss of the exact solution, summed over the targets; None where there is no closed form."""
    smooth, penalty = fit.objective.smooth, fit.objective.penalty
    if not isinstance(smooth, Bowl) or penalty.l1 > 0:
        return None
    best = smooth.with_ridge(penalty.l2 * penalty.factors).bottom if penalty else smooth.bottom
    return float((smooth.losses(best).cpu() * fit.scaling.target_scale**2).sum())


def _floors(runs: Mapping[str, Fit], above: float) -> tuple[list[Mark], bool]:
    """One level line for each different floor, of those that lie above `above`; and whether any does not."""
    levels: list[float] = []
    for fit in runs.values():
        floor = floor_of(fit)
        if floor is not None and not any(math.isclose(floor, other, rel_tol=1e-9) for other in levels):
            levels.append(floor)
    drawn: list[Mark] = [Horizontal(v, "floor", f"loss of the exact solution: {said(v)}") for v in levels if v > above]
    return drawn, len(drawn) < len(levels)


def _loss_alt(name: str, fit: Fit) -> str:
    start, end = float(fit.trace.loss[0]), float(fit.trace.loss[-1])
    who = f"{shown(name)}: loss" if name else "Loss"
    floor = floor_of(fit)
    least = "" if floor is None else f"; the exact solution has {said(floor)}"
    return f"{who} from {said(start)} at the start to {said(end)} after {updates(int(fit.trace.step[-1]))}{least}."


def surface(
    fit: Fit, pair: Sequence[str] | None = None, *, target: int = 0, resolution: int = 61, kind: str = "slice"
) -> Picture:
    """The loss as a surface over two weights, with the path of training exactly on it.

    The path is drawn when the two weights are all there are; else only its end, for only that lies on this slice.
    """
    ground = landscape(fit, _two(fit, pair), target=target, resolution=resolution, kind=kind)
    x, y = ground.axes
    panel = Panel("", x, y, mesh_marks(ground), zlabel=loss_label(fit), view=view(ground))
    note = ground.note.replace(SHADOW, "Only the end of the path is shown, for the other weights moved too.")
    return Picture((panel,), f"Loss over {x} and {y}", note, _ground_alt(ground, "Surface"))


def contour(
    fit: Fit, pair: Sequence[str] | None = None, *, target: int = 0, resolution: int | None = None, kind: str = "slice"
) -> Picture:
    """The loss over two weights seen from above: lines of equal loss, the path of training, and where the loss is least."""
    ground = landscape(fit, _two(fit, pair), target=target, resolution=resolution, kind=kind)
    x, y = ground.axes
    panel = _plan(ground, "")
    return Picture((panel,), f"Loss over {x} and {y}", ground.note, _ground_alt(ground, "Contours"))


def weight(fit: Fit, name: str | None = None, *, target: int = 0, resolution: int = 201) -> Picture:
    """The loss against one weight, with the path of training on the curve and its lowest place."""
    chosen = name if name is not None else next(iter(fit.trace.names), "")
    ground = landscape(fit, (chosen,) if chosen else None, target=target, resolution=resolution)
    panel = Panel("", ground.axes[0], loss_label(fit), curve_marks(ground))
    note = ground.note.replace(SHADOW, "Only the end of the path is shown, for the other weights moved too.")
    return Picture((panel,), f"Loss against the {ground.axes[0]}", note, _ground_alt(ground, "Curve"))


def _two(fit: Fit, pair: Sequence[str] | None) -> tuple[str, ...] | None:
    many = len(fit.trace.names) if pair is None else len(tuple(pair))
    if many == 1 or (pair is not None and many != 2):
        raise OptionError("This picture needs two weights; for one weight draw `weight`.")
    return None if pair is None else tuple(pair)


def _plan(ground: Landscape, title: str, upto: int | None = None) -> Panel:
    """The landscape from above, or with one weight from the side."""
    if len(ground.path) == 1:
        ylim = dataspace.reach([*ground.losses, *ground.surface.loss.tolist(), ground.surface.floor])
        return Panel(title, ground.axes[0], "loss", curve_marks(ground, upto), ylim=ylim)
    x, y = ground.axes
    return Panel(title, x, y, contour_marks(ground, upto), xlim=ground.span[0], ylim=ground.span[1])


def _ground_alt(ground: Landscape, what: str) -> str:
    over = " and ".join(ground.axes)
    where = ", ".join(f"{axis} {said(value)}" for axis, value in zip(ground.axes, ground.surface.bottom, strict=True))
    walked = f"The path goes from loss {said(ground.losses[0])} to {said(ground.losses[-1])} in {updates(ground.steps[-1])}."
    return f"{what} of the loss over {over}, lowest ({said(ground.surface.floor)}) at {where}. {walked}"


def frame(sample: Sample, fit: Fit, step: int, *, target: int = 0, pair: Sequence[str] | None = None) -> Picture:
    """Data space and weight space after `step` updates, both from the same row of the trace."""
    return next(frames(sample, fit, [step], target=target, pair=pair))


def frames(
    sample: Sample, fit: Fit, steps: Sequence[int] | None = None, *, target: int = 0, pair: Sequence[str] | None = None
) -> Iterator[Picture]:
    """The frames of several steps, by default of all in view; the landscape is computed once.

    From frame to frame the data panel only ever zooms in, never out, unless training diverged.
    """
    ground = landscape(fit, pair, target=target)
    for step in ground.steps if steps is None else steps:
        yield _frame(sample, fit, ground, step, target)


def _frame(sample: Sample, fit: Fit, ground: Landscape, step: int, target: int) -> Picture:
    row = _row_of(fit, step)
    trace = fit.trace
    weights, value = trace.weights[row], float(trace.loss[row])
    before = sorted({round(i * row / _MOST_EARLIER) for i in range(_MOST_EARLIER)} - {row}) if row else []
    after = [] if fit.stop is Stop.DIVERGED else torch.linspace(row, len(trace) - 1, min(len(trace) - row, 200)).long().tolist()
    left = dataspace.panel(
        sample,
        fit,
        weights,
        target,
        f"Data space after {updates(step)}",
        earlier=[trace.weights[i] for i in before],
        later=[trace.weights[i] for i in after],
    )
    right = _plan(ground, f"Weight space after {updates(step)}", step)
    out = "" if step in ground.steps else "This step lies outside the right panel."
    at = (
        ", ".join(
            f"{axis} {said(column[ground.steps.index(step)])}" for axis, column in zip(ground.axes, ground.path, strict=True)
        )
        if not out
        else "outside"
    )
    alt = f"After {updates(step)} the loss is {said(value)}. Left: the rows and the line. Right: the path so far, now at {at}."
    title = f"After {updates(step)}: loss {said(value)}"
    return Picture((left, right), title, _sentences(ground.note, out, sample.note), alt)


def _row_of(fit: Fit, step: int) -> int:
    """The row of the trace with this number of updates."""
    steps = fit.trace.step.tolist()
    if step not in steps:
        raise OptionError(f"There is no step {step!r}; training passed through the steps {steps[0]} to {steps[-1]}.")
    return steps.index(step)


def coefficients(
    names: Sequence[str], estimates: Sequence[float], low: Sequence[float], high: Sequence[float], *, level: float = 0.95
) -> Picture:
    """Estimates as dots with their intervals, and a line at zero: what is surely above it, surely below it, or neither.

    Of more than 40, those are shown that lie farthest from zero for the width of their interval.
    """
    if not len(names) == len(estimates) == len(low) == len(high):
        raise ShapeError("Coefficients need a name, an estimate, a lower and an upper end each.")
    order = list(range(len(names)))
    if len(order) > _MOST_INTERVALS:
        strength = [_strength(estimates[i], low[i], high[i]) for i in order]
        order = sorted(sorted(order, key=lambda i: -strength[i])[:_MOST_INTERVALS])
    kept = [numbers(column[i] for i in order) for column in (estimates, low, high)]
    labels = tuple(shown(names[i], 30) + ("" if math.isfinite(estimates[i]) else " (no estimate)") for i in order)
    marks = (
        Vertical(0.0, "reference", "no effect"),
        Intervals(labels, kept[0], kept[1], kept[2], label=f"estimate and {level:.0%} interval"),
    )
    clear = sum(lo > 0 or hi < 0 for lo, hi in zip(low, high, strict=True))
    note = f"{len(order)} of {len(names)} shown: the farthest from zero for their width." if len(order) < len(names) else ""
    alt = f"{len(names)} coefficients with their {level:.0%} intervals; {clear} of the intervals do not contain zero."
    panel = Panel("", "effect of one unit more, in units of the target", "", marks)
    return Picture((panel,), f"Coefficients with {level:.0%} intervals", note, alt)


def _strength(estimate: float, low: float, high: float) -> float:
    width = high - low
    return abs(estimate) / width if width > 0 else (abs(estimate) if math.isfinite(estimate) else -1.0)


def _rows(sample: Sample) -> str:
    return f"{sample.of:,} row{'' if sample.of == 1 else 's'}"


def _sentences(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _with(panel: Panel, marks: tuple[Mark, ...]) -> Panel:
    return Panel(panel.title, panel.xlabel, panel.ylabel, marks, xlim=panel.xlim, ylim=panel.ylim)


def _union(limits: Sequence[tuple[float, float] | None]) -> tuple[float, float] | None:
    known = [limit for limit in limits if limit is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None


def _lines(panel: Panel) -> tuple[float, float] | None:
    values = [y for mark in panel.marks if isinstance(mark, Line) and mark.role == "fitted" for y in mark.y]
    return dataspace.reach(values) if values else None


__all__ = [
    "Surface",
    "before_after",
    "coefficients",
    "contour",
    "data",
    "floor_of",
    "frame",
    "frames",
    "loss",
    "surface",
    "train_test",
    "weight",
    "weight_label",
]
