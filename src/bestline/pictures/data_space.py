"""Data space: the rows as points, and what a line with given weights says about them.

With one feature that is the classic scatter with the line through it. With more, no line can be drawn; then predicted is
plotted against actual, where a perfect fit has all its points on the diagonal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from bestline.numerics import Rows, Weights
from bestline.pictures.clouds import FAR_APART, Axes, around, beyond, core, limits
from bestline.pictures.marks import Line, Mark, Panel, Points, numbers
from bestline.pictures.sample import Sample, is_straight
from bestline.training import Fit
from bestline.wording import said

CURVE = 201  # points that draw what may not be straight: one every few pixels


def points(sample: Sample, target: int, role: str = "data", label: str = "data") -> Points:
    """The rows of one feature and one target."""
    return Points(numbers(sample.rows.X[:, 0].tolist()), numbers(sample.y(target).tolist()), role, label)


def reach(values: Iterable[float], margin: float = 0.05) -> tuple[float, float]:
    """Limits around the finite ones of these values, with some air; never of no width."""
    finite = [v for v in values if math.isfinite(v)]
    return around(min(finite, default=0.0), max(finite, default=1.0), margin)


def ends(samples: Sequence[Sample], fit: Fit | None = None) -> Tensor:
    """Values of the feature at which a line is drawn, (m, 1): from the least to the largest of the data.

    Through a single value of the feature it is drawn from 0, else nothing of it would be seen.
    """
    # Over all samples together, so that one line serves several panels.
    x = torch.cat([sample.rows.X for sample in samples])
    count = 2 if fit is None or samples[0].straight(fit) else CURVE
    low, high = float(x.min()), float(x.max())
    if low == high:
        low, high = (min(low, 0.0), max(high, 0.0)) if low else (-1.0, 1.0)
    return torch.linspace(low, high, count, dtype=torch.float64)[:, None]


def across(sample: Sample, fit: Fit, target: int) -> tuple[float, float]:
    """Limits of the horizontal axis: of the feature, or of several of the actual values; a few far rows do not stretch it."""
    x = sample.rows.X[:, 0] if len(sample.features) == 1 else sample.y(target)
    # Through a single value of the feature the line is drawn from 0.
    one = len(sample.features) == 1 and bool((x == x[0]).all())
    return reach(ends([sample], fit)[:, 0].tolist()) if one else limits(x)


def with_outside(panel: Panel, sample: Sample) -> Panel:
    """The panel with the number of rows that lie beyond its limits, told at its edges."""
    rows = next((mark for mark in panel.marks if isinstance(mark, Points)), None)
    if rows is None or panel.xlim is None or panel.ylim is None:
        return panel
    x, y = (torch.tensor(values, dtype=torch.float64) for values in (rows.x, rows.y))
    outside = beyond(x, y, panel.xlim, panel.ylim, whole=sample.whole)
    return replace(panel, marks=(*panel.marks, outside)) if outside.texts else panel


def predicted(
    sample: Sample, fit: Fit, weights: Weights, target: int, *, role: str = "fitted", label: str = "", at: Tensor | None = None
) -> Line | Points:
    """What these weights (d, k) say of the rows: a line over their feature, or over its values `at` (m, 1); of several features
    predicted against actual.
    """
    at = _places(sample, fit) if at is None else at
    y = numbers(sample.predictions(fit, at, weights)[:, target].tolist())
    if len(sample.features) == 1:
        return Line(numbers(at[:, 0].tolist()), y, role, label)
    return Points(numbers(sample.y(target).tolist()), y, role, label)


def _places(sample: Sample, fit: Fit) -> Tensor:
    """Values of the columns that are shown, (m, p), at which a prediction is drawn."""
    return ends([sample], fit) if len(sample.features) == 1 else sample.rows.X


def axis_names(sample: Sample, target: int) -> tuple[str, str]:
    """What stands at the axes: the feature and the target, or of several features actual and predicted."""
    name = sample.targets[target]
    return (sample.features[0], name) if len(sample.features) == 1 else (f"actual {name}", f"predicted {name}")


def described(fit: Fit, weights: Weights, target: int) -> str:
    """A line of one feature in words."""
    if fit.scaling.p != 1 or not is_straight(fit):
        return "fitted"
    slope = f"slope {said(float(weights[0, target]))}"
    return f"fitted: {slope}, intercept {said(float(weights[1, target]))}" if fit.scaling.intercept else f"fitted: {slope}"


def panel(
    sample: Sample,
    fit: Fit,
    weights: Weights,
    target: int,
    title: str,
    *,
    earlier: Sequence[Weights] = (),
    later: Sequence[Weights] = (),
    role: str = "data",
) -> Panel:
    """What these weights (d, k) say about the rows, with faint lines for earlier weights.

    `later` weights are not drawn, only given room: a series of panels whose weights are all among the later ones of the panels
    before can only zoom in.
    """
    behind: list[Mark] = []
    span, at = across(sample, fit, target), _places(sample, fit)
    if len(sample.features) == 1:
        # Room is given to what lies between these limits.
        at = at[(at[:, 0] >= span[0]) & (at[:, 0] <= span[1])]
        behind.append(points(sample, target, role, "test rows" if role == "held_out" else "data"))
        for i, old in enumerate(earlier):
            behind.append(predicted(sample, fit, old, target, role="earlier", label="" if i else "earlier steps"))
        now = predicted(sample, fit, weights, target, label=described(fit, weights, target))
    else:
        now = predicted(sample, fit, weights, target, role=role, label="rows")
    # Room for later lines without drawing them: limits of a series then only shrink.
    told = [sample.predictions(fit, at, each)[:, target] for each in (weights, *later)]
    ylim = reach([end for values in (sample.y(target), *told) for end in core(values)])
    if len(sample.features) == 1:
        return Panel(title, *axis_names(sample, target), (*behind, now), xlim=span, ylim=ylim)
    # Axes alike, so that the diagonal goes from corner to corner and what misses it is seen to miss; not where predictions are so
    # far off that nothing of the actual values would be left.
    even = ylim[1] - ylim[0] <= FAR_APART * (span[1] - span[0])
    span = ylim if even else span
    return Panel(title, *axis_names(sample, target), (diagonal(span), now), xlim=span, ylim=ylim, even=even)


def actual_and_predicted(sample: Sample, fit: Fit, target: int) -> Axes:
    """Axes for the predictions of a fit, against what they should be: both axes alike."""

    def place(rows: Rows) -> tuple[Tensor, Tensor]:
        return rows.y[:, target], sample.predictions(fit, rows.X, fit.weights)[:, target]

    return Axes(place, alike=True)


def feature_and_target(target: int, lines: Sequence[Line], feature: int = 0, levels: int = 0) -> Axes:
    """Axes for one target over one feature, with room for lines over it."""
    return Axes(
        lambda rows: (rows.X[:, feature], rows.y[:, target]),
        levels=levels,
        room=(lambda xlim: [y for line in lines for y in _heights(line, xlim)]) if lines else None,
    )


def _heights(line: Line, xlim: tuple[float, float]) -> Iterator[float]:
    """Heights of a line between limits of x, where it is finite: those of its points, and where it enters and leaves."""
    yield from (y for x, y in zip(line.x, line.y, strict=True) if xlim[0] <= x <= xlim[1] and math.isfinite(y))
    for (x0, y0), (x1, y1) in pairwise(zip(line.x, line.y, strict=True)):
        for edge in xlim:
            if x0 < edge < x1 and math.isfinite(y0) and math.isfinite(y1):
                yield y0 + (edge - x0) / (x1 - x0) * (y1 - y0)


def diagonal(span: tuple[float, float]) -> Line:
    """Where predicted and actual are the same."""
    return Line(span, span, "reference", "predicted = actual")
