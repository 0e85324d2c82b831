"""Levels: the heights of contour lines, chosen so that they show what there is to see.

Above the floor of a bowl z = c s^2 at the distance s, so heights that grow with the square of their number lie evenly. A long
valley would leave such lines only on its slopes, and a flat surface would bunch them where it is steep: each has its own rule.
"""

from __future__ import annotations

import math

import torch

from bestline.pictures.marks import Numbers
from bestline.training.surfaces import Surface

VALLEY = 1 / 32  # of the height of the corners: where the floor of the valley stays below this, it needs levels of its own
_BANDS = 16
_RINGS = 5  # of the bands, those that lie in a valley when there is one
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


def _heights(found: Surface) -> tuple[float, float]:
    return min(found.floor, float(found.loss.min())), float(found.loss.max())


def valley(found: Surface) -> float:
    """How high the floor of a valley rises in view, as a share of what the highest corner rises; a round bowl has a fourth."""
    low, top = _heights(found)
    # The floor of a valley along an axis is the least loss at each of its values; where it leaves the view it is highest.
    highest = min(float(found.loss.amin(axis).max()) for axis in range(found.loss.ndim))
    return (highest - low) / (top - low) if low < top < math.inf else 1.0
