"""Landscape: the loss over one or two weights as marks, and the path that training walked on it.

When the weights on the axes are all the weights there are, the path lies exactly on the surface: the heights of the path are
the losses of the trace. When there are more, the surface is a slice that holds the others still; the path is then only the
shadow it casts on that slice, and the picture says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bestline.bowl import Bowl
from bestline.errors import ColumnError, OptionError
from bestline.fitting import Fit
from bestline.objective import SquaredRows
from bestline.pictures.marks import Contours, Line, Mark, Mesh, Numbers, Path, Points, numbers
from bestline.pictures.sample import said, shown
from bestline.solvers.base import Stop
from bestline.surfaces import Surface, default_pair, surface

SHADOW = "The path is only its shadow here, for the other weights moved too."

_BANDS = 16
_VALLEY = 0.1  # of the height of the corners: with a start below this, the path lies in a valley
_FINE, _COARSE = 181, 41  # grid values an axis, where the loss is a closed form and where every row is read for each
_FAR = 60.0  # times the start's loss: a diverging path is followed no further


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
    all_steps : int
        Updates made in all.
    penalised : bool
        Whether training had a penalty, which this loss does not contain.
    closed : bool
        Whether the place of lowest loss is known exactly; else it is the lowest that was seen.
    """

    surface: Surface
    steps: tuple[int, ...]
    path: tuple[Numbers, ...]
    losses: Numbers
    kept: int
    exact: bool
    all_steps: int
    penalised: bool
    closed: bool

    @property
    def axes(self) -> tuple[str, ...]:
        """Labels of the axes."""
        return tuple(weight_label(name) for name in self.surface.names)

    @property
    def note(self) -> str:
        """What must be known to read it right."""
        facts = []
        if self.surface.kind == "profile":
            facts.append("At every point the weights that are not on an axis are those that fit best there.")
        elif self.surface.held:
            held = [f"{shown(name, 24)} = {said(value)}" for name, value in self.surface.held.items()]
            more = f" and {len(held) - 4} more" if len(held) > 4 else ""
            facts.append(f"The other weights are held where training left them: {', '.join(held[:4])}{more}.")
        if not self.exact:
            facts.append(SHADOW)
        if self.steps[-1] < self.all_steps:
            facts.append(f"Training diverged: {len(self.steps) - 1} of {updates(self.all_steps)} are in view.")
        if self.penalised:
            facts.append("Training also had a penalty, which keeps it from the place of lowest loss.")
        return " ".join(facts)

    @property
    def span(self) -> tuple[tuple[float, float], ...]:
        """Range of each axis."""
        return tuple((float(axis[0]), float(axis[-1])) for axis in self.surface.axes)


def landscape(
    fit: Fit, names: Sequence[str] | None = None, *, target: int = 0, resolution: int | None = None, kind: str = "slice"
) -> Landscape:
    """The loss over one or two weights, by default the first slope and the intercept, around the path of this fit."""
    names = _names(fit, names, target)
    index = [fit.trace.names.index(name) for name in names]
    heights = path_losses(fit, target)
    last = _in_view(fit, heights)
    points = fit.trace.weights[:last, index, target]
    hint = surface(fit, names, resolution=2, kind=kind, target=target)
    least = _widths(fit, hint, target) if last == len(fit.trace) else [0.0] * len(names)
    span = [_around(*triple) for triple in zip(points.T.tolist(), hint.bottom, least, strict=True)]
    if resolution is None:
        resolution = _FINE if isinstance(fit.objective.smooth, Bowl) else _COARSE
    found = surface(fit, names, span=span, resolution=resolution, kind=kind, target=target)
    if not isinstance(fit.objective.smooth, Bowl):
        found = _lowest_seen(found)
    steps = fit.trace.step[:last].tolist()
    alone = len(fit.trace.targets) == 1 or isinstance(fit.objective.smooth, Bowl)
    return Landscape(
        surface=found,
        steps=tuple(steps),
        path=tuple(numbers(column) for column in points.T.tolist()),
        losses=numbers(heights[:last]),
        kept=steps.index(fit.step) if fit.step in steps else -1,
        exact=len(names) == len(fit.trace.names) and alone,
        all_steps=int(fit.trace.step[-1]),
        penalised=bool(fit.objective.penalty),
        closed=isinstance(fit.objective.smooth, Bowl),
    )


def _names(fit: Fit, names: Sequence[str] | None, target: int) -> tuple[str, ...]:
    have = fit.trace.names
    if not have:
        raise OptionError("This fit has no weights, so there is no loss surface to draw.")
    if not 0 <= target < len(fit.trace.targets):
        raise OptionError(f"There is no target {target}; this fit has {len(fit.trace.targets)}, counted from 0.")
    chosen = tuple(names) if names is not None else default_pair(have)
    for name in chosen:
        if name not in have:
            raise ColumnError.missing(name, have, "the weights")
    return chosen


def path_losses(fit: Fit, target: int = 0) -> list[float]:
    """Loss of one target at every step: the trace's own where there is one target, else from the bowl."""
    smooth = fit.objective.smooth
    if len(fit.trace.targets) == 1 or not isinstance(smooth, Bowl):
        return [float(loss) for loss in fit.trace.loss]
    weights = fit.scaling.to_trained(fit.trace.weights).to(smooth.curvature.device)
    losses = smooth.losses(weights)[:, target].cpu()
    return [float(loss) for loss in losses * fit.scaling.target_scale[target] ** 2]


def _lowest_seen(found: Surface) -> Surface:
    """The same surface, its bottom looked up: without a closed form only the grid and the kept weights are known."""
    flat = found.loss.flatten()
    at = int(flat.argmin())
    if float(flat[at]) >= found.floor:
        return found
    x = at % len(found.axes[0])
    place = (float(found.axes[0][x]), *(float(axis[at // len(found.axes[0])]) for axis in found.axes[1:]))
    return replace(found, bottom=place, floor=float(flat[at]))


def _in_view(fit: Fit, losses: Sequence[float]) -> int:
    """How many points of the path to show: all, unless it diverged."""
    if fit.stop is not Stop.DIVERGED:
        return len(losses)
    return max(2, next((i for i, loss in enumerate(losses) if loss > _FAR * losses[0]), len(losses)))


def _widths(fit: Fit, hint: Surface, target: int) -> list[float]:
    """How wide each axis must be at the least: as `surface` says, but so that each of them lifts the loss visibly.

    Where the line fits perfectly there is nothing to scale by but the other axis, or at last the weight itself.
    """
    widths = [float(axis[1] - axis[0]) for axis in hint.axes]
    lifts = []
    for name, bottom in zip(hint.names, hint.bottom, strict=True):
        around = [(bottom - 1.0, bottom + 1.0)]
        one = surface(fit, (name,), span=around, resolution=3, target=target).loss
        lifts.append(max(float(one[0] + one[2]) / 2 - float(one[1]), 0.0))
    most = max(lift * width**2 for lift, width in zip(lifts, widths, strict=True))
    return [
        max(width, (0.01 * most / lift) ** 0.5 if lift > 0 else 0.0, 0.2 * (abs(bottom) or 1.0) if width < 1e-6 else 0.0)
        for width, lift, bottom in zip(widths, lifts, hint.bottom, strict=True)
    ]


def _around(column: Sequence[float], bottom: float, least: float) -> tuple[float, float]:
    """A range that shows the path with some air, and enough beyond the bottom to see that the loss rises again there."""
    low, high = min(*column, bottom), max(*column, bottom)
    if high - low < 0.7 * least:  # hardly any path along this axis: what `surface` itself would show
        low, high = (low + high - least) / 2, (low + high + least) / 2
    width = max(high - low, 1e-6 * abs(bottom), 1e-12)
    return min(low - 0.12 * width, bottom - 0.45 * width), max(high + 0.12 * width, bottom + 0.45 * width)


def contour_marks(ground: Landscape, upto: int | None = None) -> tuple[Mark, ...]:
    """Contours, optimum, and the path up to a number of updates (by default the whole)."""
    axes = [numbers(axis.tolist()) for axis in ground.surface.axes]
    grid = tuple(numbers(row) for row in ground.surface.loss.tolist())
    shaded = Contours(axes[0], axes[1], grid, levels(ground), label="loss")
    return (shaded, *path_marks(ground, upto))


def mesh_marks(ground: Landscape) -> tuple[Mark, ...]:
    """The surface, its lowest place, and the path exactly on it, or, where it is not on it, only its end."""
    axes = [numbers(axis.tolist()) for axis in ground.surface.axes]
    grid = tuple(numbers(row) for row in ground.surface.loss.tolist())
    return (Mesh(axes[0], axes[1], grid, label="loss"), *path_marks(ground, space=True))


def curve_marks(ground: Landscape, upto: int | None = None) -> tuple[Mark, ...]:
    """The loss against one weight, its lowest place, and the path on it."""
    x, z = numbers(ground.surface.axes[0].tolist()), numbers(ground.surface.loss.tolist())
    return (Line(x, z, "run0", "loss"), *path_marks(ground, upto))


def path_marks(ground: Landscape, upto: int | None = None, *, space: bool = False) -> tuple[Mark, ...]:
    """The path and the optimum, on a plane or in space."""
    marks: list[Mark] = []
    one = len(ground.path) == 1
    heights = ground.losses if one or space else None
    many = ground.steps.index(upto) + 1 if upto in ground.steps else len(ground.steps)
    columns = [*(column[:many] for column in ground.path), *([heights[:many]] if heights else [])]
    floor = (ground.surface.floor,) if one or space else ()
    best = [(value,) for value in (*ground.surface.bottom, *floor)]
    on_it = ground.exact or not (one or space)
    if on_it:
        name = "path" if ground.exact else "path (its shadow)"
        end = f"after {updates(ground.steps[many - 1])}"
        marks.append(Path(columns[0], columns[1], name, end=end, z=columns[2] if space else None))
    early = ground.kept < len(ground.steps) - 1
    lies = ground.surface.kind == "slice" if not on_it else early and ground.kept < many
    if ground.kept >= 0 and lies:
        at = [(column[ground.kept],) for column in (*ground.path, *([heights] if heights else []))]
        marks.append(
            Points(
                at[0],
                at[1],
                "kept",
                f"{'kept: ' if early else ''}after {updates(ground.steps[ground.kept])}",
                at[2] if space else None,
            )
        )
    marks.append(
        Points(best[0], best[1], "optimum", "lowest loss" if ground.closed else "lowest loss seen", best[2] if space else None)
    )
    return tuple(marks)


def levels(ground: Landscape) -> Numbers:
    """Heights of contour lines: close together near the floor, further apart above, as a bowl needs.

    Heights above the floor grow with the square of their number, so that the lines of a round bowl are evenly spaced. In a
    long valley, where the path lies far below the corners, they do so up to the start only, and grow by factors from there.
    """
    low = min(ground.surface.floor, float(ground.surface.loss.min()))
    top = float(ground.surface.loss.max())
    height = top - low
    if not 0 < height < math.inf or height <= 1e-12 * abs(top):
        return ()
    share = max(ground.losses[0] - low, ground.losses[-1] - low) / height
    if share > _VALLEY or share <= 0:
        heights = [height * (i / _BANDS) ** 2 for i in range(_BANDS)]
    else:
        share, below = max(share, 1e-9), _BANDS // 2
        heights = [height * share * (i / below) ** 2 for i in range(below)]
        heights += [height * share ** (1 - i / below) for i in range(below)]
    # The last level lies a hair above the top, lest rounding leave the highest corner blank.
    return tuple(sorted({*(low + h for h in heights), top + 1e-9 * height}))


def view(ground: Landscape) -> tuple[float, float]:
    """Where to stand so that the path is seen on the inside of the bowl: across from the start, a little to one side."""
    away = []
    for column, bottom, (low, high) in zip(ground.path, ground.surface.bottom, ground.span, strict=True):
        away.append((bottom - column[0]) / (high - low))
    direction = math.degrees(math.atan2(away[1], away[0])) if any(away) else 45.0
    return 32.0, round(direction + 35.0, 1)


def loss_label(fit: Fit) -> str:
    """What the loss is called on an axis."""
    squared = isinstance(fit.objective.smooth, Bowl | SquaredRows)
    return "loss (mean squared error)" if squared else "loss"


def weight_label(name: str) -> str:
    """What a weight is called on an axis."""
    return "intercept" if name == "Intercept" else f"weight of {shown(name)}"


def updates(count: int) -> str:
    """A number of updates in words."""
    return f"{count:,} update{'' if count == 1 else 's'}"
