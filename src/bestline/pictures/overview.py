"""Overview: training at a glance, after any number of updates: the rows and the line, the loss surface from above and in space
with the path on it, and the loss so far. Several runs share the panels.

All panels show the same number of updates. From one number to another only what moved is another mark; what stands still is the
very same object, so whoever draws a series of overviews can tell what to draw again.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

import bestline.pictures.data_space as dataspace
import bestline.pictures.landscape_marks as over
from bestline.errors import OptionError
from bestline.inference.fitted import FittedLine
from bestline.pictures.axis_labels import updates
from bestline.pictures.landscape import MESH, SHADOW, Landscape, Pair, landscapes
from bestline.pictures.loss_curves import as_runs, axis_label, by_factors, floors, of_targets, stops
from bestline.pictures.marks import Line, Mark, Panel, Path, Picture, numbers, run_role
from bestline.pictures.sample import Sample
from bestline.training import Fit
from bestline.wording import said, shown

_MOST_ROWS = 300  # of a plot where every point moves
_MOST_SAID = 3  # runs whose losses a title tells


def overview(
    fits: Fit | Mapping[str, Fit],
    sample: Sample | None = None,
    *,
    step: int | None = None,
    target: int = 0,
    pair: Pair = None,
    log: bool | None = None,
    units: str = "data",
) -> Picture:
    """Data space, the loss from above and in space, and the loss after each update, of one run or several.

    Parameters
    ----------
    fits : Fit, or mapping of label to Fit
        Runs with the same loss at the same weights.
    sample : Sample, optional
        The rows; without them there is no panel of them.
    step : int, optional
        Number of updates made; a run that made fewer rests at its end. By default all.
    target : int
    pair : sequence of str or "path", optional
        What the surface lies over; by default the first slope and the intercept.
    log : bool, optional
        Whether the loss grows by factors along its axis. By default where it spans more than two decades.
    units : {"data", "trained"}
        Of the weights on the axes.

    Raises
    ------
    OptionError
        When there are no runs, or their losses differ at the same weights.
    """
    scene = _Scene.of(fits, sample, target, pair, log, units)
    return scene.at(scene.last if step is None else step)


def overviews(
    fits: Fit | Mapping[str, Fit],
    sample: Sample | None,
    steps: Sequence[int],
    *,
    target: int = 0,
    pair: Pair = None,
    units: str = "data",
) -> Iterator[Picture]:
    """The overviews after these numbers of updates, the surface computed once; parameters as for `overview`."""
    scene = _Scene.of(fits, sample, target, pair, None, units)
    return (scene.at(step) for step in steps)


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """What stands still, and what the rest is made from.

    Attributes
    ----------
    runs : dict of label to Fit
    sample : Sample or None
    target : int
    grounds : tuple of Landscape
        One a run, of one surface.
    stills : dict of str to (Panel, tuple of Mark)
        By name, each panel with the marks that stand still behind what moves, and those that stand still in front of it.
    """

    runs: dict[str, Fit]
    sample: Sample | None
    target: int
    grounds: tuple[Landscape, ...]
    stills: dict[str, tuple[Panel, tuple[Mark, ...]]]

    @classmethod
    def of(
        cls, fits: Fit | Mapping[str, Fit], sample: Sample | None, target: int, pair: Pair, log: bool | None, units: str
    ) -> _Scene:
        runs = as_runs(fits)
        every = list(runs.values())
        grounds = landscapes(every, pair, target=target, units=units)
        ground = grounds[0]
        stills: dict[str, tuple[Panel, tuple[Mark, ...]]] = {}
        if sample is not None:
            # So few rows that each can move in every picture of a series, where the rows themselves move.
            sample = sample if len(sample.features) == 1 else sample.few(_MOST_ROWS)
            stills["data"] = _still_data(every, sample, target), ()
        if len(ground.path) == 1:
            side = replace(over.beside(ground, "Weight space", "loss"), marks=(over.curve(ground),))
            stills["curve"] = side, (over.best(ground),)
        else:
            # Room is scarce beside three other panels; the long names stand in the note.
            x, y = (axis.replace(" of the path", "").replace(" of its movement", "") for axis in ground.axes)
            # The highest bands are the darkest on paper and the lightest on a dark ground: on both they are the bluest.
            above, title = (over.shaded(ground, scale=False),), "Weight space, bluer where the loss is higher"
            even = ground.surface.plane.trained
            plan = Panel(title, x, y, above, xlim=ground.span[0], ylim=ground.span[1], even=even)
            stills["plan"] = plan, (over.best(ground),)
            # From above every grid value is a pixel or so; in space a coarser grid shows as much and is drawn sooner.
            coarse = ground
            if ground.closed:
                coarse = landscapes(every, ground.surface.plane, target=target, resolution=MESH)[0]
            space = replace(over.relief(ground, "Loss surface", (over.mesh(coarse),)), zlabel="loss")
            stills["space"] = space, (over.best(ground, space=True),)
        log = by_factors(every, held_out=len(every) == 1) if log is None else log
        stills["loss"] = _still_loss(runs, log=log)
        return cls(runs, sample, target, grounds, stills)

    @property
    def last(self) -> int:
        """The most updates that any run made."""
        return max(int(fit.trace.step[-1]) for fit in self.runs.values())

    def role(self, run: int, alone: str) -> str:
        """The role of a run."""
        return alone if len(self.runs) == 1 else run_role(run)

    def label(self, name: str, alone: str) -> str:
        """What a run is called in the legend."""
        return alone if len(self.runs) == 1 else shown(name)

    def at(self, step: int) -> Picture:
        """The picture after so many updates."""
        if not isinstance(step, int) or not 0 <= step <= self.last:
            raise OptionError(f"There is no step {step!r}; training made {updates(self.last)}.")
        moving: dict[str, Callable[[int], Iterator[Mark]]] = {
            "data": self._predictions,
            "curve": self._walks,
            "plan": self._walks,
            "space": partial(self._walks, space=True),
            "loss": self._curves,
        }
        panels = [
            replace(panel, marks=(*panel.marks, *moving[name](step), *front)) for name, (panel, front) in self.stills.items()
        ]
        title = f"After {updates(step)}: {self._losses(step)}"
        # Facts that hold for all steps: so the note stands still in a film.
        note = " ".join(fact for fact in (self._facts(), self.sample.note if self.sample else "") if fact)
        if "space" in self.stills and not self.grounds[0].exact and not self.grounds[0].shadow:
            note = note.replace(SHADOW, f"{SHADOW} In space it would have no true height.")
        return Picture(tuple(panels), title, note, f"{title}. {self._alt()}", 2 if len(panels) == 4 else len(panels))

    def _losses(self, step: int) -> str:
        losses = {shown(name, 18): float(fit.trace.loss[_row(fit, step)]) for name, fit in self.runs.items()}
        whose = of_targets(next(iter(self.runs.values())))
        if len(losses) > _MOST_SAID:
            name = min(losses, key=lambda name: losses[name])
            return f"least loss{whose} {said(losses[name])} ({name})"
        return f"loss{whose} " + ", ".join(
            said(loss) + (f" ({name})" if len(self.runs) > 1 else "") for name, loss in losses.items()
        )

    def _facts(self) -> str:
        """What must be known of the surface and the paths on it."""
        first, *others = self.grounds
        gone = [shown(name) for name, ground in list(zip(self.runs, self.grounds, strict=True))[1:] if ground.cut]
        note = first.note
        if others and first.cut:
            note = note.replace("Training diverged", f"{shown(next(iter(self.runs)))} diverged")
        return f"{note} Cut where it left the view: {', '.join(gone)}.".strip() if gone else note

    def _alt(self) -> str:
        where = " and ".join(self.grounds[0].axes)
        rows = "the rows with the line, " if self.sample is not None and len(self.sample.features) == 1 else ""
        rows = "predicted against actual, " if self.sample is not None and not rows else rows
        return f"Panels: {rows}the loss over {where} with the path, and the loss after each update."

    def _predictions(self, step: int) -> Iterator[Mark]:
        sample = self.sample
        if sample is None:
            return
        # All panels ask `_row` for the same step: that is what keeps them together.
        for i, (label, fit) in enumerate(self.runs.items()):
            weights = fit.trace.weights[_row(fit, step)]
            alone = ("fitted", _line(sample, fit)) if len(sample.features) == 1 else ("data", "rows")
            role, said_as = self.role(i, alone[0]), self.label(label, alone[1])
            yield dataspace.predicted(sample, fit, weights, self.target, role=role, label=said_as)

    def _walks(self, step: int, *, space: bool = False) -> Iterator[Mark]:
        for i, (label, ground) in enumerate(zip(self.runs, self.grounds, strict=True)):
            for path in over.walk(ground, step, space=space):
                yield replace(path, role=self.role(i, "path"), label=self.label(label, path.label), end="")
        # One kept mark a run would hide the paths of several.
        if len(self.runs) > 1:
            return
        ground = self.grounds[0]
        for mark in over.kept(ground, space=space):  # empty until it is reached
            # The same mark in every picture, empty until then: a film needs the same kinds of marks in each.
            reached = ground.steps[ground.kept] <= step
            yield mark if reached else replace(mark, x=(), y=(), z=() if space else None)

    def _curves(self, step: int) -> Iterator[Mark]:
        for i, (label, fit) in enumerate(self.runs.items()):
            # Up to and with the step: what is still to come is not given away.
            many = _row(fit, step) + 1
            steps = numbers(fit.trace.step[:many].tolist())
            if fit.trace.held_out is not None and len(self.runs) == 1:
                yield Line(steps, numbers(fit.trace.held_out[:many].tolist()), "held_out", "held-out loss")
            losses = numbers(fit.trace.loss[:many].tolist())
            yield Path(steps, losses, self.role(i, "path"), self.label(label, ""), start="", end="")


def _line(sample: Sample, fit: Fit) -> str:
    """What is drawn over the rows of one feature."""
    return "line" if sample.straight(fit) else "curve"


def _row(fit: Fit, step: int) -> int:
    """The row of the trace at or before a number of updates."""
    return max(0, bisect_right(fit.trace.step.tolist(), step) - 1)


def _still_data(fits: Sequence[Fit], sample: Sample, target: int) -> Panel:
    """The rows and the line at the start, and limits that show the rows large: what lies far off is cut."""
    actual = numbers(sample.y(target).tolist())
    line = len(sample.features) == 1
    xlim = dataspace.reach(dataspace.ends([sample])[:, 0].tolist() if line else actual)
    low, high = min(actual), max(actual)
    # Of one value there is no height to take a share of: then from where a line begins, at 0, to it.
    wide = high - low or 1.5 * abs(low) or 1.0
    seen = list(actual)
    for fit in fits:
        for weights in (fit.trace.weights[0], fit.weights):
            said_by = dataspace.predicted(sample, fit, weights, target).y
            # A start far from the rows would leave them a thin band: it may take no more than 0.8 of their height on each side.
            seen += [min(max(y, low - 0.8 * wide), high + 0.8 * wide) for y in said_by if math.isfinite(y)]
    still = Panel("", *dataspace.axis_names(sample, target), (), xlim=xlim, ylim=dataspace.reach(seen))
    if not line:
        return replace(still, title="Predicted against actual", marks=(dataspace.diagonal(xlim),))
    first = fits[0]
    label = f"{_line(sample, first)} at the start"
    began = dataspace.predicted(sample, first, first.trace.weights[0], target, role="earlier", label=label)
    # Only where all runs began with the same line is there one line to show.
    same = all(torch.equal(fit.trace.weights[0], first.trace.weights[0]) for fit in fits)
    marks = (dataspace.points(sample, target), *((began,) if same else ()))
    return replace(still, title="Data space", marks=marks)


def _still_loss(runs: Mapping[str, Fit], *, log: bool) -> tuple[Panel, tuple[Mark, ...]]:
    """The steps that stand out, and the losses of the exact solutions in front; limits that hold all steps."""
    fits = list(runs.values())
    front = floors(runs, 0.0 if log else -math.inf)[0]
    columns = [fit.trace.loss for fit in fits]
    behind: tuple[Mark, ...] = ()
    if len(fits) == 1:
        # The steps that stand out are called as in the other panels.
        kept = f"kept: after {updates(fits[0].step)}"
        behind = tuple(replace(mark, label=kept) if mark.role == "kept" else mark for mark in stops(fits[0]))
        columns += [fits[0].trace.held_out] if fits[0].trace.held_out is not None else []
    values = [v for column in columns for v in column.tolist()] + [floor.y for floor in front]
    last = max(int(fit.trace.step[-1]) for fit in fits) or 1
    ylim = dataspace.reach(values)
    positive = [v for v in values if 0 < v < math.inf]
    if log and positive:
        # Air of a twentieth of the decades, as `reach` gives a twentieth of the width.
        factor = max(1.3, (max(positive) / min(positive)) ** 0.05)
        ylim = (min(positive) / factor, max(positive) * factor)
    xlim = (-0.03 * last, 1.03 * last)
    label = axis_label(fits[0], log=log)
    panel = Panel("Loss after each update", "updates made", label, behind, xlim=xlim, ylim=ylim, log_y=log)
    return panel, tuple(front)


def lines_by_label(lines: object) -> dict[str, FittedLine]:
    """Several lines by their labels, none for None; OptionError for anything else."""
    if lines is None:
        return {}
    if not isinstance(lines, Mapping) or not all(isinstance(line, FittedLine) for line in lines.values()):
        raise OptionError(
            f"Several models are given by their labels, {{'adam': model}}; got an object of the type {type(lines).__name__}."
        )
    return dict(lines)
