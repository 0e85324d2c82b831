"""Landscape: the loss over one or two weights, and the path that training walked on it.

When the weights on the axes are all the weights there are, the path lies exactly on the surface: the heights of the path are
the losses of the trace. When there are more, the surface is a slice that holds the others still; the path is then only the
shadow it casts on that slice, and the picture says so. The slice through the main directions of the path is the one on which
that shadow is nearest to the path itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch

from bestline.calls import one_of
from bestline.errors import OptionError
from bestline.numerics import Bowl
from bestline.pictures.axis_labels import called, labels, updates
from bestline.pictures.levels import VALLEY, valley
from bestline.pictures.marks import Numbers, numbers
from bestline.training import Fit, Plane, RowLoss, Stop, planes
from bestline.training.surfaces import Surface, heights, surface
from bestline.wording import percent, said, without

Pair: TypeAlias = Sequence[str] | str | None  # names of weights, "path", or the usual
Span: TypeAlias = Sequence[tuple[float, float]] | None  # (low, high) of each axis; None is what shows the path and the bottom
UNITS = ("data", "trained")  # of the weights on the axes

SHADOW = "The path is projected onto these two weights; the others changed as well."
END = "Only the end of the path is shown, for the other weights changed as well."  # in place of SHADOW where it has no height

_FINE = 181  # grid values an axis, where the loss is a closed form
_ROWWISE, _FEW_ROWS = (81, 41), 2_000  # the same where every row is read for each of them: of up to so many rows, and of more
MESH = 61  # grid values an axis of a surface in space, which shows no finer
_HIGH = 5.0  # times the height of the path: without a closed form, what rises higher is cut off
_FAR, _BESIDE = 60.0, 4.0  # times the start's loss: a diverging path is followed no further, alone and beside others


@dataclass(frozen=True, slots=True, eq=False)
class Landscape:
    """The loss of one target over some weights, and the part of the path that fits into view.

    Attributes
    ----------
    surface : Surface
    steps : tuple of int
        Number of updates made at each point of the path.
    path : tuple of Numbers
        The path's coordinates, one column a weight on the axes.
    losses : Numbers
        Loss at each point of the path.
    kept : int
        Which point of the path has the weights that were kept; -1 when it is out of view.
    exact : bool
        Whether the path lies on the surface: the axes are all the weights.
    closed : bool
        Whether the place of least loss is known exactly; else it is the least that was seen.
    fit : Fit
        Whose path it is.
    target : int
        Whose loss it is.
    shadow : Numbers
        Height of the surface under each point of the path; empty where the path itself lies on the surface, and where it would
        take many passes over the rows.
    cap : float or None
        Where the surface was cut off, for it rises far above the path, or beyond all numbers.
    """

    surface: Surface
    steps: tuple[int, ...]
    path: tuple[Numbers, ...]
    losses: Numbers
    kept: int
    exact: bool
    closed: bool
    fit: Fit
    target: int
    shadow: Numbers = ()
    cap: float | None = None

    @property
    def axes(self) -> tuple[str, ...]:
        """Labels of the axes."""
        where = self.surface.plane
        if where.share:
            shares = [
                f"{name} of the path ({percent(share)} of its movement)"
                for name, share in zip(where.names, where.share, strict=True)
            ]
            return tuple(shares)
        told = labels(self.fit, self.surface.names)
        return tuple(f"{label} (as trained)" for label in told) if where.trained else told

    @property
    def note(self) -> str:
        """What must be known to read it right."""
        facts = []
        where = self.surface.plane
        if where.share:
            facts.append(_directions(where, called(self.fit.trace.names)))
        if self.surface.kind == "profile":
            rest = "all else is as it fits" if where.share else "the weights that are not on an axis are those that fit"
            facts.append(f"At every point {rest} best there.")
        elif self.surface.held:
            short = called(self.fit.trace.names)
            held = [f"{short[name]} = {said(value)}" for name, value in list(self.surface.held.items())[:4]]
            more = f" and {len(self.surface.held) - 4} more" if len(self.surface.held) > 4 else ""
            facts.append(f"The other weights are held where training left them: {', '.join(held)}{more}.")
        if not self.exact and where.share:
            facts.append("The surface is exact on the plane of the axes, onto which the path is projected.")
        elif not self.exact:
            facts.append(SHADOW)
        if self.cut:
            facts.append(f"Training diverged: {len(self.steps) - 1} of {updates(int(self.fit.trace.step[-1]))} are in view.")
        if self.cap is not None:
            facts.append(f"The surface is cut off at a loss of {said(self.cap)}; it goes on, or is no number there.")
        if self.surface.rows is not None:
            facts.append(f"The surface is the loss of {self.surface.rows:,} rows, drawn at random; the path's is that of all.")
        if self.fit.objective.penalty:
            facts.append("Training also had a penalty, which keeps it from the place of least loss.")
        return " ".join(filter(None, (*facts, without(self.fit.trace.names))))

    @property
    def cut(self) -> bool:
        """Whether the path goes on where nobody can see it: it diverged."""
        return self.steps[-1] < int(self.fit.trace.step[-1])

    @property
    def span(self) -> tuple[tuple[float, float], ...]:
        """Range of each axis."""
        return tuple((float(axis[0]), float(axis[-1])) for axis in self.surface.axes)


def landscape(
    fit: Fit,
    names: Pair | Plane = None,
    *,
    target: int = 0,
    span: Span = None,
    resolution: int | None = None,
    kind: str = "slice",
    units: str = "data",
) -> Landscape:
    """The loss over one or two weights, by default the first slope and the intercept, around the path of this fit.

    With "path" for names it lies over the two main directions of the path, which are those of the columns as trained; weights are
    in the `units` of the "data", or as "trained".
    """
    return landscapes([fit], names, target=target, span=span, resolution=resolution, kind=kind, units=units)[0]


def landscapes(
    fits: Sequence[Fit],
    names: Pair | Plane = None,
    *,
    target: int = 0,
    span: Span = None,
    resolution: int | None = None,
    kind: str = "slice",
    units: str = "data",
) -> tuple[Landscape, ...]:
    """The paths of several fits on one surface, that of the first, which shows all of them, or the range `span` of each axis.

    Raises OptionError when the fits do not have the same loss at the same weights: then no surface is true for all.
    """
    first = fits[0]
    _check_target(first, target)
    every = [path_losses(fit, target) for fit in fits]
    far = _FAR if all(fit.stop is Stop.DIVERGED for fit in fits) else _BESIDE
    counts = [_in_view(fit, losses, far) for fit, losses in zip(fits, every, strict=True)]
    where = planes.of_path(fits, target, counts) if names == planes.PATH else over(fits, names, target, units)
    _check_same(fits, target)
    paths = [where.coordinates(fit.trace.weights[:n, :, target]) for fit, n in zip(fits, counts, strict=True)]
    # The coarsest surface there is: it costs next to nothing, and says where the bottom is and how wide to look.
    hint = surface(first, where, resolution=2, kind=kind, target=target)
    # A path that is cut short fills the view by itself: no axis needs to be widened for it.
    whole = all(n == len(fit.trace) for fit, n in zip(fits, counts, strict=True))
    least = _widths(first, hint, target) if whole else [0.0] * len(where.names)
    if span is None:
        around = [_around(*triple) for triple in zip(torch.cat(paths).T.tolist(), hint.bottom, least, strict=True)]
        span = _square(around) if where.trained else around
    closed = isinstance(first.objective.smooth, Bowl)
    points = grid_values(first) if resolution is None else resolution
    found = surface(first, where, span=span, resolution=points, kind=kind, target=target)
    if resolution is None and closed and valley(found) < VALLEY:  # narrow: it takes a finer grid to be seen
        found = surface(first, where, span=span, resolution=2 * _FINE - 1, kind=kind, target=target)
    # Of a bowl the bottom is known and all is finite; of other losses neither is sure.
    cap = None
    if not closed:
        walked = [(losses[:n], path) for losses, n, path in zip(every, counts, paths, strict=True)]
        found, cap = _cut(
            _lowest_seen(found, walked if _lies_on(first, found) else []), max(max(losses) for losses, _ in walked)
        )
    return tuple(
        _walked(fit, found, losses[:n], path, target, cap)
        for fit, losses, n, path in zip(fits, every, counts, paths, strict=True)
    )


def refuse_units(units: str) -> None:
    """Raise OptionError for units of weights that there are not."""
    if not one_of(units, UNITS):
        raise OptionError(f"`units` must be {' or '.join(map(repr, UNITS))}; got {units!r}.")


def over(fits: Sequence[Fit], names: Pair | Plane, target: int, units: str) -> Plane:
    """The plane of some weights in units of the data or of the columns as trained: of the first run whose columns were scaled."""
    refuse_units(units)
    scaled = next((fit for fit in fits if is_scaled(fit)), None)
    if units == "data" or scaled is None or isinstance(names, Plane):
        return planes.plane(fits[0], names, target)
    return planes.as_trained(scaled, (names,) if isinstance(names, str) else names, target)


def is_scaled(fit: Fit) -> bool:
    """Whether the columns as trained are not those of the data."""
    return bool((fit.scaling.scale != 1).any() or (fit.scaling.center != 0).any())


def _square(span: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Ranges of one width, about the same middles: a unit is as long on either axis, so that what is round looks round."""
    width = max(high - low for low, high in span)
    return [((low + high - width) / 2, (low + high + width) / 2) for low, high in span]


def grid_values(fit: Fit) -> int:
    """How many values an axis has, if nobody asks for another number."""
    smooth = fit.objective.smooth
    if isinstance(smooth, Bowl):
        return _FINE
    return _ROWWISE[isinstance(smooth, RowLoss) and len(smooth.rows) > _FEW_ROWS]


def _lies_on(fit: Fit, found: Surface) -> bool:
    """Whether paths lie on the surface: its axes are all the weights, and its loss is the one that the trace has."""
    # With several targets the trace has the sum of their losses, which only a bowl can take apart.
    closed = isinstance(fit.objective.smooth, Bowl)
    return len(found.names) == len(fit.trace.names) and (len(fit.trace.targets) == 1 or closed)


def _walked(fit: Fit, found: Surface, losses: Sequence[float], path: torch.Tensor, target: int, cap: float | None) -> Landscape:
    closed = isinstance(fit.objective.smooth, Bowl)
    steps = fit.trace.step[: len(losses)].tolist()
    exact = _lies_on(fit, found)
    # Heights under the shadow cost a pass over the rows each, but for a bowl nothing.
    below = bool(found.plane.share) and not exact and closed and found.kind == "slice"
    return Landscape(
        surface=found,
        steps=tuple(steps),
        path=tuple(numbers(column) for column in path.T.tolist()),
        losses=numbers(losses),
        kept=steps.index(fit.step) if fit.step in steps else -1,
        exact=exact,
        closed=closed,
        fit=fit,
        target=target,
        shadow=numbers(heights(fit, found.plane, path, target).tolist()) if below else (),
        cap=cap,
    )


def _check_target(fit: Fit, target: int) -> None:
    if not 0 <= target < len(fit.trace.targets):
        raise OptionError(f"There is no target {target}; this fit has {len(fit.trace.targets)}, counted from 0.")


def _check_same(fits: Sequence[Fit], target: int) -> None:
    """That every fit has the same loss at the same weights: those where the first began and ended."""
    first = fits[0]
    if all(fit.objective is first.objective for fit in fits):
        return
    for other in fits[1:]:
        same = other.trace.names == first.trace.names and len(other.trace.targets) == len(first.trace.targets)
        if same:
            where = planes.of_weights(first, None, target)
            # Losses that agree where both runs began are taken to be the same: other rows, columns or units would show there.
            at = where.coordinates(torch.stack([fit.trace.weights[0, :, target] for fit in (first, other)]))
            here, there = (heights(fit, where, at, target) for fit in (first, replace(other, weights=first.weights)))
            same = bool(torch.allclose(here, there, rtol=1e-6, atol=1e-12 * float(here.abs().max())))
        if not same:
            raise OptionError(
                "These runs have different losses at the same weights (other rows, columns or loss), so one surface cannot hold "
                "their paths; draw each alone, or only their losses."
            )


def path_losses(fit: Fit, target: int = 0) -> list[float]:
    """Loss of one target at every step: the trace's own where there is one target, else from the bowl."""
    smooth = fit.objective.smooth
    if len(fit.trace.targets) == 1 or not isinstance(smooth, Bowl):
        return [float(loss) for loss in fit.trace.loss]
    # The trace sums over targets; the bowl gives each target's loss, in its own units.
    weights = fit.scaling.to_trained(fit.trace.weights).to(smooth.curvature.device)
    losses = smooth.losses(weights)[:, target].cpu()
    return [float(loss) for loss in losses * fit.scaling.target_scale[target] ** 2]


def _lowest_seen(found: Surface, walked: Sequence[tuple[Sequence[float], torch.Tensor]]) -> Surface:
    """The same surface, its bottom looked up: without a closed form only the grid, the kept weights and the paths are known."""
    # NaN is nowhere the least.
    flat = found.loss.flatten().nan_to_num(math.inf)
    at = int(flat.argmin())
    x = at % len(found.axes[0])
    place = (float(found.axes[0][x]), *(float(axis[at // len(found.axes[0])]) for axis in found.axes[1:]))
    seen_at = [(found.floor, found.bottom), (float(flat[at]), place)]
    for losses, path in walked:
        row = min(range(len(losses)), key=lambda i: losses[i])
        seen_at.append((losses[row], tuple(path[row].tolist())))
    floor, bottom = min(seen_at)
    return replace(found, bottom=bottom, floor=floor)


def _cut(found: Surface, highest: float) -> tuple[Surface, float | None]:
    """The same surface, cut off where it rises so far above the path that nothing else could be seen; and where that is."""
    # An own loss may grow like exp: five times the path's height leaves the path a fifth of the picture.
    cap = found.floor + _HIGH * (highest - found.floor)
    finite = found.loss[found.loss.isfinite()]
    top = float(finite.max()) if len(finite) else found.floor
    if len(finite) == found.loss.numel() and (top <= cap or not cap > found.floor):
        return found, None
    cap = min(cap, top) if cap > found.floor else top
    return replace(found, loss=found.loss.nan_to_num(math.inf).clamp(max=cap)), cap


def _in_view(fit: Fit, losses: Sequence[float], far: float) -> int:
    """How many points of the path to show: all, unless it diverged; beside others that did not, perhaps only its start."""
    if fit.stop is not Stop.DIVERGED:
        return len(losses)
    least = 2 if far == _FAR else 1
    return max(least, next((i for i, loss in enumerate(losses) if loss > far * losses[0]), len(losses)))


def _widths(fit: Fit, hint: Surface, target: int) -> list[float]:
    """How wide each axis must be at the least: as `surface` says, but so that each of them lifts the loss visibly.

    Where the line fits perfectly there is nothing to scale by but the other axis, or at last the weight itself.
    """
    widths = [float(axis[1] - axis[0]) for axis in hint.axes]
    steps = [max(width / 2, 1e-6 * abs(bottom)) for width, bottom in zip(widths, hint.bottom, strict=True)]
    around = [(bottom - step, bottom + step) for bottom, step in zip(hint.bottom, steps, strict=True)]
    # Second differences at the bottom give the curvature c of each axis: L rises by c w^2 at the distance w.
    near = surface(fit, hint.plane, span=around, resolution=3, target=target).loss
    rows = [near] if near.ndim == 1 else [near[1], near[:, 1]]
    lifts = [max(float(row[0] + row[2]) / 2 - float(row[1]), 0.0) / step**2 for row, step in zip(rows, steps, strict=True)]
    # Each axis is to lift the loss by a hundredth at least of what the steepest one does: w = sqrt(0.01 most / c).
    most = max(lift * width**2 for lift, width in zip(lifts, widths, strict=True))
    return [
        max(width, (0.01 * most / lift) ** 0.5 if lift > 0 else 0.0, 0.2 * abs(bottom) if width < 1e-6 * abs(bottom) else 0.0)
        for width, lift, bottom in zip(widths, lifts, hint.bottom, strict=True)
    ]


def _around(column: Sequence[float], bottom: float, least: float) -> tuple[float, float]:
    """A range that shows the path with some air, and enough beyond the bottom to see that the loss rises again there."""
    low, high = min(*column, bottom), max(*column, bottom)
    if high - low < 0.7 * least:  # hardly any path along this axis: what `surface` itself would show
        low, high = (low + high - least) / 2, (low + high + least) / 2
    width = max(high - low, 1e-6 * abs(bottom)) or 1e-12
    return min(low - 0.12 * width, bottom - 0.45 * width), max(high + 0.12 * width, bottom + 0.45 * width)


def _directions(where: Plane, short: Mapping[str, str]) -> str:
    """The main directions of a path in words."""
    told = []
    for name, leading in zip(where.names, where.leading, strict=True):
        parts = [f"{short[weight]} ({'+' if part > 0 else chr(0x2212)}{abs(part):.2f})" for weight, part in leading]
        told.append(f"{name} is mostly {' and '.join(parts)}")
    both = f"Together they hold {percent(min(1.0, sum(where.share)))} of the path's movement; " if len(told) > 1 else ""
    return f"{both}{', '.join(told)}, in the columns as trained."
