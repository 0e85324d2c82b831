"""Levels: the heights of contour lines, chosen so that they show what there is to see.

Above the floor of a bowl z = c s^2 at the distance s, so heights that grow with the square of their number lie evenly. A long
valley would leave such lines only on its slopes, and a flat surface would bunch them where it is steep: each has its own rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch

from bestline.pictures.marks import Grid, Numbers, numbers
from bestline.training.surfaces import Surface

VALLEY = 1 / 32  # of the height of the corners: where the floor of the valley stays below this, it needs levels of its own
_BANDS = 16
_RINGS = 5  # of the bands, those that lie in a valley when there is one
_ACROSS = 121  # heights on either side of a valley's bed
_FLAT = 1 / 64  # of the height of the corners: where half of the view lies below this, and there is no bowl


def levels(found: Surface, *, closed: bool) -> Numbers:
    """Heights of contour lines: close together near the floor, further apart above, as a bowl needs.

    Heights above the floor grow with the square of their number, so that the lines of a round bowl are evenly spaced. In a
    long valley the floor of the valley stays far below the corners of the view: then a few lines do so up to the height at
    which the valley leaves the view, and the rest grow by factors from there. A surface that is no bowl may be all but flat in
    most of the view: then between any two lines there is as much of the view as between any others.
    """
    low, top = _heights(found)
    height = top - low
    if not 0 < height < math.inf or height <= 1e-12 * abs(top):
        return ()
    # Quantiles of the heights: between neighbours lies a sixteenth of the view each.
    if not closed:
        share = torch.linspace(0, 1, _BANDS + 1, dtype=torch.float64)[:-1]
        even = found.loss.flatten().quantile(share).tolist()
        if even[_BANDS // 2] - low < _FLAT * height:
            return tuple(sorted({low, *even, top + 1e-9 * height}))
    grain = height * (1.5 / len(found.axes[0])) ** 2  # what a grid value beside the valley's floor may be too high
    rim = max(valley(found) * height, 2 * grain)
    if rim > VALLEY * height:
        lines = [height * (i / _BANDS) ** 2 for i in range(_BANDS)]
    else:
        above = _BANDS - _RINGS
        lines = [h for h in (rim * (i / _RINGS) ** 2 for i in range(_RINGS)) if h == 0 or h > grain]
        lines += [rim * (height / rim) ** (i / above) for i in range(above)]
    # The last level lies a hair above the top, lest rounding leave the highest corner blank.
    return tuple(sorted({*(low + h for h in lines), top + 1e-9 * height}))


def curvatures(found: Surface) -> tuple[float, float, float]:
    """a, b and c of a bowl over two weights, floor + a u^2 + 2 b u v + c v^2, from second differences of its heights."""
    x, y = found.axes
    m, n = (len(x) - 1) // 2, (len(y) - 1) // 2
    z, u, v = found.loss, float(x[m] - x[0]), float(y[n] - y[0])
    a = float(z[0, 0] - 2 * z[0, m] + z[0, 2 * m]) / (2 * u * u)
    c = float(z[0, 0] - 2 * z[n, 0] + z[2 * n, 0]) / (2 * v * v)
    return a, float(z[0, 0] - z[0, m] - z[n, 0] + z[n, m]) / (2 * u * v), c


def along_the_valley(
    found: Surface, loss: Callable[[float, float], float] | None = None
) -> tuple[Numbers, Numbers, Grid, tuple[float, float]]:
    """The heights of a bowl over two weights on a grid that follows its valley: x, y, heights, and how far the grid leans.

    On an upright grid the lines of a valley that is narrower than a cell are stairs. With s = v + (b / c) u the height is
    floor + c s^2 + (a - b^2 / c) u^2: lines of equal s run along the valley, and stand close where it is deepest. How its bed rises
    is told by the `loss` at one of its places, where that is known: the difference may be all rounding.
    """
    a, b, c = curvatures(found)
    (x, y), (cx, cy) = found.axes, found.bottom
    if a * float(x[-1] - x[0]) ** 2 > c * float(y[-1] - y[0]) ** 2:  # steeper across than upwards: the same, turned over
        turned = replace(found, axes=(y, x), bottom=(cy, cx), loss=found.loss.T)
        along, across, z, (lean, _) = along_the_valley(turned, loss and (lambda x, y: loss(y, x)))
        return across, along, tuple(zip(*z, strict=True)), (0.0, lean)
    lean = -b / c
    bed = cy + lean * (x - cx)  # where the valley lies
    low, high = min(float(y[0] - bed.max()), 0.0), max(float(y[-1] - bed.min()), 0.0)
    share = torch.linspace(0, 1, _ACROSS, dtype=torch.float64) ** 2
    s = torch.cat([low * share.flip(0), high * share[1:]]) if low < 0 < high else torch.linspace(low, high, 2 * _ACROSS - 1)
    rise = a - b * b / c if loss is None else (loss(float(x[0]), float(bed[0])) - found.floor) / float(x[0] - cx) ** 2
    height = found.floor + c * s[:, None] ** 2 + max(rise, 0.0) * (x - cx)[None, :] ** 2
    return numbers(x.tolist()), numbers((s + cy - lean * cx).tolist()), tuple(map(numbers, height.tolist())), (lean, 0.0)


def _heights(found: Surface) -> tuple[float, float]:
    return min(found.floor, float(found.loss.min())), float(found.loss.max())


def valley(found: Surface) -> float:
    """How high the floor of a valley rises in view, as a share of what the highest corner rises; a round bowl has a fourth."""
    low, top = _heights(found)
    # The floor of a valley along an axis is the least loss at each of its values; where it leaves the view it is highest.
    highest = min(float(found.loss.amin(axis).max()) for axis in range(found.loss.ndim))
    return (highest - low) / (top - low) if low < top < math.inf else 1.0
