"""Landscape marks: a landscape as something to draw, from above, from the side or in space, with the path that training walked.

A path has a height only where one is known: where it lies on the surface its own losses, and of its shadow the surface below it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import partial

import torch

from bestline.numerics import Bowl
from bestline.pictures.axis_labels import loss_label, updates
from bestline.pictures.landscape import Landscape
from bestline.pictures.levels import VALLEY, along_the_valley, curvatures, levels, valley
from bestline.pictures.marks import Arrow, Contours, Grid, Line, Mark, Mesh, Numbers, Panel, Path, Points, numbers
from bestline.training import Fit, Plane, planes
from bestline.training.surfaces import heights
from bestline.wording import said, shown

_EDGE = 22.0  # degrees that the eye stands aside of an edge of the box at the least
_AT_BOTTOM = 0.004  # widths of the view, in which a point lies on the place of least loss
_ARROW = 0.2  # length of the gradient's arrow, in widths of the view


def contour_marks(ground: Landscape, upto: int | None = None, *, arrow: int | None = None) -> tuple[Mark, ...]:
    """Contours, optimum, and the path up to a number of updates (by default the whole); with `arrow`, downhill at that step."""
    found = (downhill(ground, arrow),) if arrow is not None else ()
    return (shaded(ground), *path_marks(ground, upto), *found)


def shaded(ground: Landscape, *, scale: bool = True) -> Contours:
    """The surface from above."""
    found = ground.surface
    lines = levels(found, closed=ground.closed)
    if _narrow(ground) and len(lines) > 1:
        x, y, z, lean = along_the_valley(found, partial(_loss_at, ground) if found.kind == "slice" else None)
        # The grid goes on beyond the view, where it rises further: all of that is above the last line but one.
        top = float(found.loss.max())
        return Contours(x, y, tuple(tuple(min(height, top) for height in row) for row in z), "loss", lines, scale, lean)
    return Contours(*_grid(ground), "loss", lines, scale)


def _loss_at(ground: Landscape, x: float, y: float) -> float:
    place = torch.tensor([[x, y]], dtype=torch.float64)
    return float(heights(ground.fit, ground.surface.plane, place, ground.target))


def _narrow(ground: Landscape) -> bool:
    """Whether the surface is a bowl with a valley."""
    return ground.closed and len(ground.path) == 2 and len(ground.surface.axes[0]) > 2 and valley(ground.surface) < VALLEY


def mesh(ground: Landscape) -> Mesh:
    """The surface in space."""
    return Mesh(*_grid(ground), "loss")


def _grid(ground: Landscape) -> tuple[Numbers, Numbers, Grid]:
    x, y = (numbers(axis.tolist()) for axis in ground.surface.axes)
    return x, y, tuple(numbers(row) for row in ground.surface.loss.tolist())


def curve(ground: Landscape) -> Line:
    """The loss over one weight."""
    x, z = numbers(ground.surface.axes[0].tolist()), numbers(ground.surface.loss.tolist())
    return Line(x, z, "run0", "loss")


def path_marks(ground: Landscape, upto: int | None = None, *, space: bool = False) -> tuple[Mark, ...]:
    """The path, the weights that were kept, and the optimum, on a plane or in space."""
    return (*walk(ground, upto, space=space), *kept(ground, upto, space=space), best(ground, space=space))


def seen(ground: Landscape, upto: int | None) -> int:
    """How many points of the path lie at or before a number of updates: at least the start."""
    return len(ground.steps) if upto is None else max(1, bisect_right(ground.steps, upto))


def walk(ground: Landscape, upto: int | None = None, *, space: bool = False) -> tuple[Path, ...]:
    """The path up to a number of updates; nothing where it does not lie on what is drawn."""
    heights_of = ground.losses if ground.exact else ground.shadow
    if not heights_of and _upright(ground, space=space):
        return ()
    many = seen(ground, upto)
    # The heights come last: over one weight they are the second column, in space the third, from above none that is drawn.
    columns = [column[:many] for column in (*ground.path, heights_of)]
    label = "path" if ground.exact else "path (projected)"
    end = f"after {updates(ground.steps[many - 1])}"
    return (Path(columns[0], columns[1], "path", label, columns[2] if space else None, end=end),)


def _upright(ground: Landscape, *, space: bool) -> bool:
    """Whether heights are drawn too."""
    return space or len(ground.path) == 1


def kept(ground: Landscape, upto: int | None = None, *, space: bool = False) -> tuple[Points, ...]:
    """The weights that were kept, where the end of the path does not show them already."""
    drawn = bool(not _upright(ground, space=space) or ground.exact or ground.shadow)
    # The last point is marked as the path's end anyway.
    early = ground.kept < len(ground.steps) - 1
    lies = early and ground.kept < seen(ground, upto) if drawn else ground.surface.kind == "slice"
    if ground.kept < 0 or not lies:
        return ()
    heights_of = ground.shadow if drawn and not ground.exact else ground.losses
    # In a profile the surface follows the weights off the axes, so kept weights need not lie on it.
    at = [column[ground.kept : ground.kept + 1] for column in (*ground.path, heights_of)]
    label = f"{'kept: ' if early else ''}after {updates(ground.steps[ground.kept])}"
    return (Points(at[0], at[1], "kept" if early else "end", label, at[2] if space else None),)


def best(ground: Landscape, *, space: bool = False) -> Points:
    """Where the loss is least."""
    place = [(value,) for value in (*ground.surface.bottom, ground.surface.floor)]
    label = "least loss" if ground.closed else "least loss seen"
    return Points(place[0], place[1], "optimum", label, place[2] if space else None)


def trained(fit: Fit, step: int) -> torch.Tensor:
    """Weights (d, k) as trained after so many updates, where the loss can take them."""
    weights = fit.scaling.to_trained(fit.trace.weights[fit.trace.step.tolist().index(step)])
    smooth = fit.objective.smooth
    return weights.to(smooth.curvature if isinstance(smooth, Bowl) else smooth.rows.X)  # type: ignore[attr-defined]


def downhill(ground: Landscape, step: int) -> Arrow:
    """An arrow from the path's point at a step along minus the gradient there; of one length, that it can be seen.

    It points where a step of plain descent goes: the gradient is that of the columns as trained, for it is these it walks on,
    and its opposite is seen on the axes. Empty where the gradient is 0 as far as anybody can see, or the point is out of view.
    """
    if step not in ground.steps:
        return Arrow((), ())
    sizes = [high - low for low, high in ground.span]
    at = torch.stack([trained(ground.fit, k) for k in (step, ground.steps[0])])
    down, first = ways_down(ground.fit, ground.surface.plane, at, ground.target).tolist()
    # Lengths as seen in the picture; a billionth of the first gradient is no direction any more but rounding.
    length, most = (math.hypot(*(d / size for d, size in zip(way, sizes, strict=True))) for way in (down, first))
    if not 1e-9 * most < length < math.inf:
        return Arrow((), ())
    here = [column[ground.steps.index(step)] for column in ground.path]
    # At the least loss, as far as anybody can see, an arrow of a fifth of the view would point away from it.
    left = [(b - a) / size for a, b, size in zip(here, ground.surface.bottom, sizes, strict=True)]
    if ground.exact and math.hypot(*left) < _AT_BOTTOM:
        return Arrow((), ())
    tip = [a + _ARROW * d / length for a, d in zip(here, down, strict=True)]
    return Arrow((here[0], tip[0]), (here[1], tip[1]), label="minus the gradient: where a plain step goes (not to scale)")


def ways_down(fit: Fit, where: Plane, at: torch.Tensor, target: int) -> torch.Tensor:
    """Which way plain descent steps on a plane, (t, r), from weights as trained (t, d, k): minus the gradient, as it is seen there."""
    # Descent moves the weights as trained by -g; in the data's units by J (-g), on the plane by its dual basis.
    change = where.dual @ planes.trained_to_data(fit, target)
    bowl = fit.objective.whole_bowl
    if bowl is not None:  # all at once: the gradient of a bowl is 2 H (w - bottom), its ridge penalty a part of it
        gradients = 2 * (bowl.curvature @ (at.to(bowl.curvature) - bowl.bottom))
    else:
        gradients = torch.stack([fit.objective.evaluate(weights)[1] for weights in at])
    return -gradients.detach()[:, :, target].to(change) @ change.T


def of_the_arrow(runs: Mapping[str, Fit]) -> str:
    """What the arrow of a picture means, and which runs do not step along it."""
    told = [
        "The arrow is minus the gradient of the weights as trained, as it is seen on these axes: plain gradient descent steps along it."
    ]
    ways = {name: _another_way(fit) for name, fit in runs.items()}
    for way in dict.fromkeys(filter(None, ways.values())):
        who = [shown(name, 30) for name, other in ways.items() if other == way]
        steps = "here" if len(runs) == 1 else f"of {', '.join(who)}"
        told.append(f"The steps {steps} do not: they {way}.")
    return " ".join(told)


def _another_way(fit: Fit) -> str:
    """How a run steps, where not along the gradient of all rows."""
    loop = fit.solver.loop
    if not fit.solver.again:  # of a loop that was recorded nobody knows
        return ""
    if loop is not None and loop.batch_size is not None:
        return "follow the gradient of some of the rows"
    name = fit.solver.optimizer_name
    if loop is None or name == "own":
        return "go by another rule"
    return "" if name == "sgd" else "also depend on the steps before"


def tangent(ground: Landscape, step: int) -> Line:
    """The tangent at a step of a path over one weight: its slope is the gradient. Empty where the point is out of view."""
    if step not in ground.steps or not ground.exact:
        return Line((), (), "gradient")
    i = ground.steps.index(step)
    x, z, (low, high) = ground.path[0][i], ground.losses[i], ground.span[0]
    fit = ground.fit
    gradient = fit.objective.smooth.evaluate(trained(fit, step))[1].to("cpu", torch.float64)
    steep = float(fit.scaling.gradient_to_data(gradient, fit.loss_units)[0, ground.target])
    top = max(*ground.losses, float(ground.surface.loss.max())) - ground.surface.floor
    # Short enough to touch and not to leave the picture: by width, or by height where it is steep.
    reach = min(0.22 * (high - low), 0.45 * top / abs(steep) if steep else math.inf)
    at = (x - reach, x + reach)
    label = f"tangent after {updates(step)}: slope {said(steep)}" if step else f"tangent at the start: slope {said(steep)}"
    return Line(at, (z - reach * steep, z + reach * steep), "gradient", label)


def relief(ground: Landscape, title: str, marks: Sequence[Mark] | None = None) -> Panel:
    """The landscape in space, by default its lowest place and the path exactly on it, or, where it is not on it, only its end."""
    drawn = (mesh(ground), *path_marks(ground, space=True)) if marks is None else tuple(marks)
    x, y = (
        label.split(" of the path (")[0] if ground.surface.plane.share else label.removesuffix(" (as trained)")
        for label in ground.axes
    )  # room is scarce
    return Panel(title, x, y, drawn, zlabel=loss_label(ground.fit), view=view(ground))


def beside(ground: Landscape, title: str, ylabel: str, upto: int | None = None, *, touch: int | None = None) -> Panel:
    """A landscape over one weight from the side, its lowest place, and the path on it; with `touch`, the tangent at that step."""
    known = [*ground.losses, *ground.surface.loss.tolist(), ground.surface.floor]
    air = 0.05 * (max(known) - min(known)) or 0.1 * abs(known[0]) or 1.0
    ylim = (min(known) - air, max(known) + air)
    found = (tangent(ground, touch),) if touch is not None else ()
    marks = (curve(ground), *found, *path_marks(ground, upto))
    return Panel(title, ground.axes[0], ylabel, marks, xlim=ground.span[0], ylim=ylim)


def view(ground: Landscape) -> tuple[float, float]:
    """Where to stand so that the path is seen on the inside of the bowl: across from its highest point, a little to one side."""
    away = []
    # The highest point of the path lies on the far wall; from across, 35 degrees aside, one looks into the bowl at it.
    top = max(range(len(ground.losses)), key=lambda i: ground.losses[i])
    for column, bottom, (low, high) in zip(ground.path, ground.surface.bottom, ground.span, strict=True):
        away.append((bottom - column[top]) / (high - low))
    turned = math.degrees(math.atan2(away[1], away[0])) + 35.0 if any(away) else 80.0
    if _narrow(ground):
        # Along the valley, a little aside, its two walls are seen; from beside it only the back of one is.
        bed = _bed(ground)
        turned = min(
            (bed + side for side in (-30.0, 30.0, 150.0, 210.0)), key=lambda other: abs((other - turned + 180) % 360 - 180)
        )
    # Along an edge of the box one side of it would hide behind the other.
    quarter = 90 * math.floor(turned / 90)
    return 32.0, round(quarter + min(max(turned - quarter, _EDGE), 90 - _EDGE), 1)


def _bed(ground: Landscape) -> float:
    """The direction of the valley in the box, in degrees."""
    a, b, c = curvatures(ground.surface)
    wide, high = (end - start for start, end in ground.span)
    flat, steep, mixed = a * wide * wide, c * high * high, b * wide * high
    # Of the main axes of a u^2 + 2 b u v + c v^2 the one along which it rises least.
    return math.degrees(math.atan2(2 * mixed, flat - steep) / 2) + 90.0
