"""Figures: from a fit to a Picture. Every number is in the data's units, and every title counts the updates made.

A picture of one step takes all its panels from one row of the trace, so they cannot be out of step with each other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import torch

import bestline.pictures.data_space as dataspace
from bestline.errors import FileError, OptionError, readable
from bestline.pictures import clouds
from bestline.pictures.axis_labels import is_squared, labels, loss_label, updates
from bestline.pictures.findings import of_directions, of_losses, stating
from bestline.pictures.landscape import END, MESH, SHADOW, Landscape, Pair, Span, grid_values, landscape, path_losses
from bestline.pictures.landscape_marks import beside, contour_marks, of_the_arrow, relief, seen, trained
from bestline.pictures.marks import Arrow, Band, Line, Panel, Picture, Points, Table, numbers, run_role
from bestline.pictures.sample import Sample
from bestline.training import Fit, Stop, planes
from bestline.wording import count, said, shown

_MOST_PANELS = 4  # side by side; more would be too narrow to read
_MOST_EARLIER = 12  # faint lines
_MOST_WEIGHTS = 3  # columns of a table of steps
_MOST_SQUEEZED = 4.0  # times that one scale for two panels may be as high as one of them needs

HalfWidth: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
# Slope and intercept; or what a generator records of them, as a mapping, in a JSON file, or on the data it made.
Truth: TypeAlias = Sequence[float] | Mapping[str, Any] | str | PathLike[str]


def true_line(truth: Any) -> tuple[float, float]:
    """Slope and intercept of the line that data were made from, in any form that a generator or a person gives them.

    Raises OptionError where there is no such line, and FileError for a file that cannot be read.
    """
    told = getattr(truth, "truth", truth)
    if isinstance(told, str | PathLike):
        try:
            told = json.loads(Path(told).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FileError(f"{readable(str(told))} is no readable JSON file of a truth; give (slope, intercept).") from error
    try:
        if isinstance(told, Mapping):
            # What the noise adds on the mean is part of the line that a fit comes near to.
            told = (told["slope"], told.get("expected_intercept", told.get("intercept", 0.0)))
        slope, intercept = (float(value[0] if isinstance(value, Sequence) and len(value) == 1 else value) for value in told)
    except (KeyError, TypeError, ValueError) as error:
        raise OptionError(
            f"`truth` is (slope, intercept), a mapping with `slope` and `intercept`, or the .json file beside generated data; got {truth!r}."
        ) from error
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise OptionError(f"`truth` needs finite numbers; got {truth!r}.")
    return slope, intercept


def data(
    sample: Sample,
    *,
    target: int = 0,
    truth: Truth | None = None,
    fit: Fit | None = None,
    others: Mapping[str, Fit] | None = None,
    half: HalfWidth | None = None,
) -> Picture:
    """The rows, with the line they were made from and the line that was fitted, as far as these are known.

    With several features and no fit: one panel for each of the first four features. With several features and a fit:
    predicted against actual.

    Parameters
    ----------
    sample : Sample
    target : int
    truth : (slope, intercept), mapping or path, optional
        Of the line that the data were made from; for one feature.
    fit : Fit, optional
    others : mapping of label to Fit, optional
        Further lines over the same feature, such as quantiles, or other penalties.
    half : callable, optional
        Half the width (m,) of the 95 % confidence interval of the line's mean at rows (m, p) of its columns; for one feature.
    """
    y, name = sample.y(target), sample.targets[target]
    if others and len(sample.features) != 1:
        raise OptionError(
            f"Several lines are drawn over one feature; this data has {len(sample.features)}: draw each model alone."
        )
    if fit is not None and len(sample.features) != 1:
        return predicted(sample, fit, target=target)
    # Without a fit there is nothing to be predicted, and a plane over several features cannot be drawn.
    if len(sample.features) != 1 or any(sample.levels):
        return _each_feature(sample, target)
    feature = sample.features[0]
    lines: list[Line] = []
    if truth is not None:
        slope, intercept = true_line(truth)
        at = dataspace.ends([sample])[:, 0]
        label = f"true: slope {said(slope)}, intercept {said(intercept)}"
        lines.append(Line(numbers(at.tolist()), numbers((slope * at + intercept).tolist()), "true", label))
    if fit is not None:
        lines.append(_line_of(sample, fit, target, "fitted", dataspace.described(fit, fit.weights, target)))
    for i, (other_name, other) in enumerate((others or {}).items()):
        # The first look is that of the points, the second that of the line.
        lines.append(_line_of(sample, other, target, run_role(i + 2), shown(other_name)))
    band = None if fit is None or half is None else _mean_of(sample, fit, target, half)
    sides = [] if band is None else [Line(band.x, band.low), Line(band.x, band.high)]
    view = clouds.cloud(sample, dataspace.feature_and_target(target, [*lines, *sides]))
    span = f"{name} from {said(float(y.min()))} to {said(float(y.max()))}" if sample.whole else name
    alt = [f"{count(sample.of, 'row')}: {span} against {feature}.", *(f"The line {line.label}." for line in lines)]
    panel = Panel("", feature, name, (*view.marks, *([] if band is None else [band]), *lines), xlim=view.xlim, ylim=view.ylim)
    return Picture((panel,), f"{name} against {feature}", clouds.note(sample, view), " ".join(alt))


def _mean_of(sample: Sample, fit: Fit, target: int, half: HalfWidth) -> Band:
    """What is known of the line's mean along the feature: a band about a straight line is curved."""
    ends = dataspace.ends([sample], fit)[:, 0]
    at = torch.linspace(float(ends[0]), float(ends[-1]), dataspace.CURVE, dtype=torch.float64)[:, None]
    height = sample.predictions(fit, at, fit.weights)[:, target]
    wide = half(at if sample.columns is None else sample.columns(at))
    low, high = numbers((height - wide).tolist()), numbers((height + wide).tolist())
    of = "mean" if is_squared(fit) else "line"
    return Band(numbers(at[:, 0].tolist()), low, high, "fitted", f"95% confidence interval of the {of}")


def _line_of(sample: Sample, fit: Fit, target: int, role: str, label: str) -> Line:
    """A fit as a line over the one feature."""
    line = dataspace.predicted(sample, fit, fit.weights, target, role=role, label=label)
    return line if isinstance(line, Line) else Line(line.x, line.y, role, label)


def predicted(sample: Sample, fit: Fit, *, target: int = 0) -> Picture:
    """What a fit predicts, against what it should be, with the diagonal of perfect prediction; both axes alike."""
    sample.y(target)  # refuses a target that is not there
    name = sample.targets[target]
    view = clouds.cloud(sample, dataspace.actual_and_predicted(sample, fit, target), label="rows")
    span = max(view.xlim[0], view.ylim[0]), min(view.xlim[1], view.ylim[1])
    line = [dataspace.diagonal(span)] if span[0] < span[1] else []
    axes = f"actual {name}", f"predicted {name}"
    panel = Panel("", *axes, (*view.marks, *line), xlim=view.xlim, ylim=view.ylim, even=view.even)
    alt = f"{count(sample.of, 'row')}: predicted against actual {name}, with the diagonal of perfect prediction."
    return Picture((panel,), f"{name}: predicted against actual", clouds.note(sample, view), alt)


def _each_feature(sample: Sample, target: int) -> Picture:
    name = sample.targets[target]
    if not sample.features:
        y = numbers(sample.y(target).tolist())
        panel = Panel("", "row", name, (Points(numbers(range(len(y))), y, "data", "data"),), legend=False)
        return Picture(
            (panel,), f"{name}, row by row", sample.note, f"{count(sample.of, 'row')}: {name} against the number of the row."
        )
    features = sample.features[:_MOST_PANELS]
    levels = [tuple(map(shown, names)) for names in sample.levels[:_MOST_PANELS]] or [()] * len(features)
    each = [dataspace.feature_and_target(target, (), j, len(names)) for j, names in enumerate(levels)]
    views = clouds.clouds(sample, each)
    panels = tuple(
        Panel("", feature, name, own.marks, xlim=own.xlim, ylim=own.ylim, legend=False, xnames=names)
        for feature, own, names in zip(features, views, levels, strict=True)
    )
    note = clouds.note(sample, *views)
    if len(sample.features) > _MOST_PANELS:
        note = f"The first {_MOST_PANELS} of {len(sample.features)} features are shown. {note}".strip()
    alt = f"{count(sample.of, 'row')}: {name} against {', '.join(features)}."
    return Picture(panels, f"{name} against {features[0] if len(features) == 1 else 'each feature'}", note, alt)


def before_after(sample: Sample, fit: Fit, *, target: int = 0) -> Picture:
    """The line where training started, and the line of the weights that were kept.

    Both panels have one vertical scale, unless the first line lies so far off that the rows would be pressed flat: then each has
    its own, and the note says so.
    """
    first, at = fit.trace.weights[0], updates(fit.step)
    panels = (
        dataspace.panel(sample, fit, first, target, f"Before training: {updates(int(fit.trace.step[0]))}"),
        dataspace.panel(sample, fit, fit.weights, target, f"After training: {at}"),
    )
    on_one, apart = _on_one_scale(panels)
    drawn = tuple(dataspace.with_outside(panel, sample) for panel in on_one)
    kept = int((fit.trace.step - fit.step).abs().argmin())  # a saved trace is thinned: the step nearest to that of the weights
    walked = path_losses(fit, target)
    losses = walked[0], walked[kept]
    alt = f"The line before training, and after {at}."
    note = _sentences(fit.ending, "Each panel has its own vertical scale." if apart else "", sample.note)
    return stating(Picture(drawn, "Before and after training", note, alt), of_losses(fit, losses))


def _on_one_scale(panels: tuple[Panel, ...]) -> tuple[tuple[Panel, ...], bool]:
    """The panels on one vertical scale, where that leaves each of them readable; and whether each has its own instead."""
    heights = [panel.ylim[1] - panel.ylim[0] for panel in panels if panel.ylim is not None]
    if max(heights) > _MOST_SQUEEZED * min(heights):
        return panels, True
    ylim = _union([panel.ylim for panel in panels])
    return tuple(replace(panel, ylim=ylim) for panel in panels), False


def train_test(train: Sample, test: Sample, fit: Fit, errors: tuple[float, float], *, target: int = 0) -> Picture:
    """The line on the rows it was trained on, and on rows it never saw, on the same axes.

    `errors` are the mean squared errors of all rows of both parts, of which the samples may be a choice.
    """
    panels = [
        dataspace.panel(sample, fit, fit.weights, target, f"{what}: {count(sample.of, 'row')}", role=role)
        for sample, what, role in ((train, "Train", "data"), (test, "Test", "held_out"))
    ]
    xlim, heights = _union([panel.xlim for panel in panels]), [panel.ylim for panel in panels]
    if len(train.features) == 1:
        # One and the same line in both panels: as long as both parts of the rows reach.
        at, label = dataspace.ends([train, test], fit), dataspace.described(fit, fit.weights, target)
        line = dataspace.predicted(train, fit, fit.weights, target, label=label, at=at)
        panels = [replace(panel, marks=(*panel.marks[:-1], line)) for panel in panels]
        heights.append(dataspace.reach(y for x, y in zip(line.x, line.y, strict=True) if xlim[0] <= x <= xlim[1]))
    else:
        panels = [replace(panel, marks=(dataspace.diagonal(xlim), *panel.marks[1:])) for panel in panels]
    # The same axes in both panels, else a worse fit could look like a better one.
    same = tuple(
        dataspace.with_outside(replace(panel, xlim=xlim, ylim=_union(heights)), sample)
        for panel, sample in zip(panels, (train, test), strict=True)
    )
    # Of a run that diverged or was interrupted the error of the test rows is not known.
    known = all(map(math.isfinite, errors))
    errors_told = f"Mean squared error: {said(errors[0])} of training rows, {said(errors[1])} of test rows" if known else ""
    note = _sentences(*(f"{what}: {s.note}" for what, s in (("Train", train), ("Test", test)) if s.note))
    alt = f"Two panels with the fitted line: {count(train.of, 'row')} of training, {count(test.of, 'row')} of the test."
    # What is drawn stands above each panel, so the picture's own name would add nothing to its note.
    return Picture(
        same,
        errors_told or "Train and test",
        note,
        " ".join(filter(None, (errors_told and f"Train and test: {errors_told}.", alt))),
    )


def surface(
    fit: Fit,
    pair: Pair = None,
    *,
    target: int = 0,
    kind: str = "slice",
    units: str = "data",
    span: Span = None,
    resolution: int | None = None,
) -> Picture:
    """The loss as a surface over two weights, with the path of training exactly on it.

    The path is drawn when the two weights are all there are; else only its end, for only that lies on this slice. With "path"
    for `pair` the surface lies over the main directions of the path, and its shadow is drawn on it. `units` are those of the "data",
    or of the weights as "trained". `span` is the range of each axis, `resolution` how many values each has.
    """
    # In space a finer grid costs time and shows nothing more.
    points = min(MESH, grid_values(fit)) if resolution is None else resolution
    ground = landscape(fit, _two(fit, pair), target=target, span=span, resolution=points, kind=kind, units=units)
    return Picture((relief(ground, ""),), _over(ground), ground.note.replace(SHADOW, END), _ground_alt(ground, "Surface"))


def contour(
    fit: Fit,
    pair: Pair = None,
    *,
    target: int = 0,
    kind: str = "slice",
    step: int | None = None,
    units: str = "data",
    span: Span = None,
    resolution: int | None = None,
) -> Picture:
    """The loss over two weights seen from above: lines of equal loss, the path of training, and where the loss is least.

    With `step` the path ends after so many updates, and an arrow shows where a step of plain descent goes from there. `units` are
    those of the "data", or of the weights as "trained".
    """
    ground = landscape(fit, _two(fit, pair), target=target, span=span, resolution=resolution, kind=kind, units=units)
    _row_of(fit, 0 if step is None else step)
    panel = _plan(ground, "", step)
    title = _over(ground) + ("" if step is None else f", after {updates(step)}")
    return Picture((panel,), title, _sentences(ground.note, _of_its_arrow(panel, fit)), _ground_alt(ground, "Contours", step))


def main_directions(fit: Fit, *, target: int = 0) -> Picture:
    """The loss over the two main directions of the path, from above and in space: what shows most of it with many weights."""
    ground = landscape(fit, _two(fit, planes.PATH), target=target)
    panels = (_plan(ground, "From above"), relief(ground, "In space"))
    title = f"The path of training, {updates(ground.steps[-1])}, along its main directions"
    shown = Picture(panels, title, ground.note, _ground_alt(ground, "Surface"))
    # A single step is a straight line: that one direction holds it is no finding.
    steps = ground.steps[-1] > 1
    return stating(shown, of_directions(ground.surface.plane.share, len(fit.trace.names)) if steps else "")


def weight(fit: Fit, name: str | None = None, *, target: int = 0, resolution: int = 201, step: int | None = None) -> Picture:
    """The loss against one weight, with the path of training on the curve and its lowest place.

    With one weight in all, the tangent at the start shows the gradient there; with `step` the path ends after so many updates,
    and the tangent is drawn there.
    """
    if name is not None and not isinstance(name, str):
        raise OptionError(f"A weight is named, such as {next(iter(fit.trace.names), 'x')!r}; got {name!r:.60}.")
    chosen = name if name is not None else next(iter(fit.trace.names), "")
    ground = landscape(fit, (chosen,) if chosen else None, target=target, resolution=resolution)
    _row_of(fit, 0 if step is None else step)
    # The gradient is asked for where a learner looks for it: at the start, or at the step that is shown.
    panel = beside(ground, "", loss_label(fit), step, touch=ground.steps[0] if step is None else step)
    note = ground.note.replace(SHADOW, END)
    title = f"Loss against the {ground.axes[0]}" + ("" if step is None else f", after {updates(step)}")
    return Picture((panel,), title, note, _ground_alt(ground, "Curve", step))


def _over(ground: Landscape) -> str:
    if ground.surface.plane.share:
        return "Loss over the main directions of the path"
    return f"Loss over {' and '.join(ground.axes)}"


def _two(fit: Fit, pair: Pair) -> Pair:
    planes.refuse_nameless(pair, fit.trace.names)
    many = len(fit.trace.names) if pair in (None, planes.PATH) else len(tuple(pair or ()))
    if many == 1 or (pair not in (None, planes.PATH) and many != 2):
        raise OptionError("This picture needs two weights; for one weight draw `weight`.")
    return pair


def _plan(ground: Landscape, title: str, step: int | None = None) -> Panel:
    """The landscape from above, or with one weight from the side; with a step, only up to it, and which way is down."""
    if len(ground.path) == 1:
        return beside(ground, title, "loss", step, touch=step)
    # Limits are those of the grid, so no blank edge is left where the surface is not known.
    x, y = ground.axes
    even = ground.surface.plane.trained
    return Panel(title, x, y, contour_marks(ground, step, arrow=step), xlim=ground.span[0], ylim=ground.span[1], even=even)


def _ground_alt(ground: Landscape, what: str, step: int | None = None) -> str:
    over = " and ".join(ground.axes)
    where = ", ".join(f"{axis} {said(value)}" for axis, value in zip(ground.axes, ground.surface.bottom, strict=True))
    last = seen(ground, step) - 1
    walked = (
        f"The path goes from loss {said(ground.losses[0])} to {said(ground.losses[last])} in {updates(ground.steps[last])}."
    )
    return f"{what} of the loss over {over}, least ({said(ground.surface.floor)}) at {where}. {walked}"


def frame(sample: Sample, fit: Fit, step: int, *, target: int = 0, pair: Pair = None, units: str = "data") -> Picture:
    """Data space and weight space after `step` updates, both from the same row of the trace; weights in `units` as for `contour`.

    From step to step the data panel only ever zooms in, never out, unless training diverged.
    """
    ground = landscape(fit, pair, target=target, units=units)
    row = _row_of(fit, step)
    trace = fit.trace
    weights, value = trace.weights[row], path_losses(fit, target)[row]
    # Rows of the trace for the faint lines: evenly spread over the steps made so far, the current one left out.
    before = sorted({round(i * row / _MOST_EARLIER) for i in range(_MOST_EARLIER)} - {row}) if row else []
    # What comes later has room already, so that from frame to frame the axes never grow; a diverged run would need all room.
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
    left = dataspace.with_outside(left, sample)
    right = _plan(ground, f"Weight space after {updates(step)}", step)
    at, out = "outside", "This step lies outside the right panel."
    if step in ground.steps:
        place = [column[ground.steps.index(step)] for column in ground.path]
        at, out = ", ".join(f"{axis} {said(value)}" for axis, value in zip(ground.axes, place, strict=True)), ""
    alt = f"After {updates(step)} the loss is {said(value)}. Left: the rows and the line. Right: the path so far, now at {at}."
    title = f"After {updates(step)}: loss {said(value)}"
    return Picture((left, right), title, _sentences(ground.note, out, _of_its_arrow(right, fit), sample.note), alt)


def _of_its_arrow(panel: Panel, fit: Fit) -> str:
    """What the arrow of a panel means; nothing where it has none, as at the least loss."""
    return of_the_arrow({"": fit}) if any(isinstance(mark, Arrow) and mark.x for mark in panel.marks) else ""


def _row_of(fit: Fit, step: int) -> int:
    """The row of the trace with this number of updates."""
    steps = fit.trace.step.tolist()
    if step not in steps:
        raise OptionError(f"There is no step {step!r}; training passed through the steps {steps[0]} to {steps[-1]}.")
    return steps.index(step)


def table_of_steps(fit: Fit, *, target: int = 0, most: int = 16) -> Picture:
    """Descent as a spreadsheet: after each number of updates the weights, the loss, the gradient, and the update that follows.

    With one or two weights each has a column of its own; with more, the first three are shown, and of gradient and update their
    lengths. Of many steps the first and the last are shown, and ever fewer between.

    Parameters
    ----------
    fit : Fit
    target : int
    most : int
        Rows of the table.
    """
    if not isinstance(most, int) or most < 2:
        raise OptionError(f"`most` must be a whole number of at least 2; got {most!r:.60}.")
    trace, losses = fit.trace, path_losses(fit, target)
    weights = trace.weights[:, :, target]
    rows = _few(len(trace), most)
    steps = trace.step.tolist()
    gradients = torch.stack([_gradient(fit, steps[row], target) for row in rows])
    # An update is the next recorded weights less these; where steps were left out of the trace there is none.
    follows = [row + 1 < len(trace) and steps[row + 1] == steps[row] + 1 for row in rows]
    moved = torch.stack(
        [weights[r + 1] - weights[r] if f else weights[r] * math.nan for r, f in zip(rows, follows, strict=True)]
    )
    names = list(labels(fit, trace.names))
    apart = len(names) <= 2
    columns: list[tuple[str, list[float]]] = [("updates made", [float(steps[row]) for row in rows])]
    columns += [(name, weights[rows, j].tolist()) for j, name in enumerate(names[:_MOST_WEIGHTS])]
    columns.append(("loss", [losses[row] for row in rows]))
    for what, values in (("gradient", gradients), ("next update", moved)):
        if apart:
            columns += [(f"{what}: {name}" if len(names) > 1 else what, values[:, j].tolist()) for j, name in enumerate(names)]
        else:
            columns.append((f"length of the {what}", values.norm(dim=1).tolist()))
    # A dotted line wherever rows of the trace are left out.
    breaks = tuple(i for i in range(1, len(rows)) if rows[i] > rows[i - 1] + 1)
    table = Table(tuple(name for name, _ in columns), tuple(numbers(values) for _, values in columns), breaks)
    more = f"The first {_MOST_WEIGHTS} of {len(names)} weights are shown." if len(names) > _MOST_WEIGHTS else ""
    rate = "" if fit.rate is None else f"The learning rate is {said(fit.rate)}."
    scaled = "Training ran on standardised columns, so an update is not the rate times this gradient, which is the data's."
    note = _sentences(rate, scaled if rate and bool((fit.scaling.scale != 1).any()) else "", more)
    alt = f"A table of {len(rows)} of {len(trace)} steps: the loss goes from {said(losses[0])} to {said(losses[-1])}."
    return Picture((Panel("", "", "", (table,), legend=False),), f"Step by step: {updates(steps[-1])}", note, alt)


def _few(many: int, most: int) -> list[int]:
    """Rows of the trace to show: the first, the last, and ever fewer between."""
    if many <= most:
        return list(range(many))
    # Evenly spread in log(1 + row): the first steps move most.
    return each_once([round(math.expm1(math.log(many) * i / (most - 1))) for i in range(most)], many)


def each_once(rows: Sequence[int], many: int) -> list[int]:
    """Ascending rows, of `many`, of which some may be there twice, moved so far that each is there once."""
    chosen: list[int] = []
    # Each is at least one after the last, and leaves room for those that follow.
    for i, row in enumerate(rows):
        least = chosen[-1] + 1 if chosen else 0
        chosen.append(min(max(row, least), many - len(rows) + i))
    return chosen


def _gradient(fit: Fit, step: int, target: int) -> torch.Tensor:
    """Gradient (d,) of the objective in the data's units after so many updates."""
    # The gradient as trained, by the chain rule carried to the data's units: dL/dw = (dL/dw') (dw'/dw).
    gradient = fit.objective.evaluate(trained(fit, step))[1].detach().to("cpu", torch.float64)
    return fit.scaling.gradient_to_data(gradient, fit.loss_units)[:, target]


def _sentences(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _union(limits: Sequence[tuple[float, float] | None]) -> tuple[float, float]:
    known = [limit for limit in limits if limit is not None]
    return min(low for low, _ in known), max(high for _, high in known)
