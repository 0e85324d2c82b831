"""Diagnostics: the four panels in which people look for trouble with a line, the same for 50 rows and for 50 million.

Few rows are shown one by one; many as cells, the stronger the more rows they hold, with the most extreme rows as points. Residuals
are standardised: over their own standard deviation, so that 2 is rare and 4 needs a reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bestline.errors import NumericalError
from bestline.inference.diagnostics.diagnosis import Diagnosis
from bestline.inference.diagnostics.findings import FITTED, LEVERAGE, QUANTILES, SPREAD
from bestline.inference.diagnostics.residual_sums import (
    COLUMNS,
    DECADES,
    FINE,
    MOST,
    REACH,
    ROOTS,
    TENTH,
    TOP,
    at_or_above,
    quantile_of,
)
from bestline.pictures.clouds import Limits, beyond, limits
from bestline.pictures.marks import Bins, Horizontal, Line, Mark, Outside, Panel, Picture, Points, Text, numbers
from bestline.wording import said, shown

_MOST_CELLS = 72  # of a picture, each way: the pass counts finer than the eye sees
_SHARES = 2_000  # quantiles that stand for many rows
_AIR = 0.06  # of the range, on either side of it
_NAMED = 3  # rows that a panel names
_CONTOURS = (0.5, 1.0)  # of Cook's distance
_AT = {name: i for i, name in enumerate(COLUMNS)}


@dataclass(frozen=True, slots=True, eq=False)
class _Cloud:
    """What one panel shows: rows as points or as cells, the rows to be named, and the limits that hold them."""

    points: tuple[Tensor, Tensor]
    cells: Bins | None
    named: Tensor  # (m, 3): x, y, number
    xlim: Limits
    ylim: Limits
    outside: Outside
    log_x: bool = False

    def panel(self, title: str, xlabel: str, ylabel: str, *between: Mark, label: str = "rows") -> Panel:
        """The rows with other marks: those lie over rows that are shown one by one, but under the extreme ones over cells."""
        x, y = (numbers(column.tolist()) for column in self.points)
        marks: tuple[Mark, ...]
        if self.cells is None:
            marks = (Points(x, y, "data", label), *between)
        else:
            marks = (self.cells, *between, Points(x, y, "held_out", "the most extreme rows"))
        marks = (*marks, *self._names(), *([self.outside] if self.outside.texts else []))
        return Panel(title, xlabel, ylabel, marks, xlim=self.xlim, ylim=self.ylim, log_x=self.log_x)

    def _names(self) -> list[Mark]:
        """Row numbers beside their points: right, left, above or below, where they hide neither each other nor the frame."""
        # In shares of the panel, not in units of the data: only so is it known how much room a text takes.
        texts: list[Mark] = []
        taken: list[tuple[float, float, float]] = []  # left, lower edge, width
        for x, y, number in self.named.tolist():
            if not (self.xlim[0] <= x <= self.xlim[1] and self.ylim[0] <= y <= self.ylim[1]):
                continue  # the note says where it is
            name = f"{int(number) + 1:,}"
            width, up = 0.019 * len(name) + 0.01, self._share(y, self.ylim) - 0.015
            across = self._share(x, self.xlim, log=self.log_x)
            left, middle = across - 0.02 - width, across - width / 2
            for at in ((across + 0.015, up), (left, up), (middle, up + 0.05), (middle, up - 0.07)):
                free = all(at[0] + width < a or a + w < at[0] or abs(at[1] - b) > 0.055 for a, b, w in taken)
                if free and at[0] >= 0 and at[0] + width <= 1 and 0 <= at[1] <= 0.96:
                    texts.append(Text(*at, name))
                    taken.append((*at, width))
                    break
        return texts

    @staticmethod
    def _share(value: float, limits: tuple[float, float], *, log: bool = False) -> float:
        low, high, value = (math.log(v) for v in (*limits, value)) if log else (*limits, value)
        return (value - low) / (high - low)


def panels(diagnosis: Diagnosis) -> Picture:
    """R's four panels: residuals against fitted, normal quantiles, scale and location, residuals against leverage.

    Raises
    ------
    NumericalError
        When no row has a standardised residual: without residual degrees of freedom, or when the line goes through every point.
    """
    evidence = diagnosis.evidence
    if not int(evidence.sketch.sum()):
        raise NumericalError(
            "There are no residuals to draw: the line goes through every point, or no degrees of freedom are left."
        )
    few = evidence.rows <= MOST
    table = evidence.kept if few else evidence.top
    drawn = table[:, _AT["std_resid"]].isfinite()
    # Leverage 1: the line goes through the row whatever its y is, so residual over its standard deviation is 0 / 0.
    alone = [f"{int(row) + 1:,}" for row in table[~drawn, _AT["number"]].tolist()] if few else []
    table = table[drawn]
    what = "Every point is a row." if few else f"All {evidence.rows:,} rows are counted, in cells."
    sight = _sight(diagnosis, table)
    note = f"{what} Numbers are those of rows, from 1.{_far(table, sight)}{_cooks(diagnosis)}"
    if alone:
        note += f" Not drawn, for no residual is left where a row alone determines a weight (leverage 1): row {', '.join(alone[:5])}."
    found = [f.text for f in diagnosis.findings if f.panel in (FITTED, QUANTILES, SPREAD, LEVERAGE)][:2]
    alt = " ".join([f"Four panels of the residuals of {diagnosis.rows:,} rows.", *found])
    each = tuple(panel(diagnosis, table, sight) for panel in (_against_fitted, _quantiles, _scale, _leverage))
    return Picture(each, f"Diagnostics of {shown(diagnosis.target)}", note, alt, columns=2)


@dataclass(frozen=True, slots=True, eq=False)
class _Sight:
    """Limits of fitted values and of standardised residuals, which a few far rows do not stretch, and how many rows lie beyond.

    Of many rows each edge is counted by itself; a row in a corner lies beyond both.
    """

    fitted: Limits
    residual: Limits
    outside: Outside
    larger: int  # rows whose residual is larger, of either sign, than the farther of both limits

    @property
    def size(self) -> float:
        """The farther limit of the residuals."""
        return max(map(abs, self.residual))

    @property
    def up_and_down(self) -> Outside:
        """The rows beyond the limits of the residuals, for panels of another width."""
        return replace(self.outside, left=0, right=0)


def _sight(diagnosis: Diagnosis, table: Tensor) -> _Sight:
    x, r = table[:, _AT["fitted"]], table[:, _AT["std_resid"]]
    if _few(diagnosis):
        fitted, residual = limits(x, _AIR), limits(r, _AIR)
        larger = int((r.abs() > max(map(abs, residual))).sum())
        return _Sight(fitted, residual, beyond(x, r, fitted, residual, whole=True), larger)
    share = (torch.arange(_SHARES, dtype=torch.float64) + 0.5) / _SHARES
    sketch, profile = diagnosis.evidence.sketch, diagnosis.evidence.profile[:, 0]
    low, high = limits(torch.cat([quantile_of(sketch, share), r]), _AIR)
    # Limits on edges of cells, so that what lies beyond is counted and not guessed; farther out there are no cells.
    bottom, above_bottom = at_or_above(sketch, max(low, -float(REACH)))
    top, above = at_or_above(sketch, min(high, float(REACH)))
    below, farther = int(sketch.sum()) - above_bottom, max(abs(bottom), abs(top))
    larger = at_or_above(sketch, farther)[1] + int(sketch.sum()) - at_or_above(sketch, -farther)[1]
    start, step = _fitted_edges(diagnosis)
    inner = profile[1:-1].cumsum(0)
    at = torch.searchsorted(inner, share * inner[-1]).clamp(max=len(inner) - 1)
    left, right = limits(torch.cat([start + (at.double() + 0.5) * step, x]), _AIR)
    first = min(max(math.floor((left - start) / step), 0), len(inner) - 1)
    last = max(min(math.ceil((right - start) / step), len(inner)), first + 1)
    sides = (int(profile[: first + 1].sum()), int(profile[last + 1 :].sum()))
    fitted = start + first * step, start + last * step
    return _Sight(fitted, (bottom, top), Outside(above, below, *sides), larger)


def _far(table: Tensor, sight: _Sight) -> str:
    """Which rows lie beyond the panels, the farthest first."""
    r, number = table[:, _AT["std_resid"]], table[:, _AT["number"]]
    gone = ((r < sight.residual[0]) | (r > sight.residual[1])).nonzero()[:, 0]
    if not len(gone):
        return ""
    first = gone[r[gone].abs().argsort(descending=True, stable=True)][:_NAMED].tolist()
    rows = ", ".join(f"{int(number[i]) + 1:,} ({said(float(r[i]))})" for i in first)
    return f" Farthest outside, with the standardised residual: row{'s' if len(first) > 1 else ''} {rows}."


def _cooks(diagnosis: Diagnosis) -> str:
    """What the contours of Cook's distance would say, where none is in sight."""
    most = max((row.cooksd for row in diagnosis.influential if math.isfinite(row.cooksd)), default=math.nan)
    return f" Cook's distance is at most {said(most, 2)}." if most < _CONTOURS[0] else ""


def _against_fitted(diagnosis: Diagnosis, table: Tensor, sight: _Sight) -> Panel:
    x, y = table[:, _AT["fitted"]], table[:, _AT["std_resid"]]
    cells = None
    if not _few(diagnosis):
        across, up = _fine(sight.fitted, _fitted_edges(diagnosis)[1]), _fine(sight.residual, 1 / FINE)
        counts = diagnosis.evidence.by_fitted
        cells = _cells(counts, *_fitted_edges(diagnosis), *_level_edges(), across=across, up=up)
    cloud = _cloud(x, y, table[:, _AT["number"]], y.abs(), cells, sight.fitted, sight.residual, sight.outside)
    return cloud.panel(
        FITTED, "fitted value", "standardised residual", Horizontal(0.0, "reference"), _trend(diagnosis, 1, sight)
    )


def _scale(diagnosis: Diagnosis, table: Tensor, sight: _Sight) -> Panel:
    x, y = table[:, _AT["fitted"]], table[:, _AT["std_resid"]].abs().sqrt()
    # sqrt|r| of normal residuals is far less skewed than |r|, so a change of its level is seen at once.
    ylim = 0.0, sight.size**0.5
    cells, outside = None, replace(sight.outside, above=sight.larger, below=0)
    if _few(diagnosis):
        outside = beyond(x, y, sight.fitted, ylim, whole=True)
    else:
        across, up = _fine(sight.fitted, _fitted_edges(diagnosis)[1]), _fine(ylim, 1 / ROOTS)
        cells = _cells(diagnosis.evidence.by_size, *_fitted_edges(diagnosis), 0.0, 1 / ROOTS, across=across, up=up)
    cloud = _cloud(x, y, table[:, _AT["number"]], y, cells, sight.fitted, ylim, outside)
    return cloud.panel(SPREAD, "fitted value", "√|standardised residual|", _trend(diagnosis, 2, sight))


def _quantiles(diagnosis: Diagnosis, table: Tensor, sight: _Sight) -> Panel:
    """The residuals in order against what normal ones would be."""
    n = int(diagnosis.evidence.sketch.sum())
    y = table[:, _AT["std_resid"]]
    order = y.argsort()
    number = table[order, _AT["number"]]
    y = y[order]
    if _few(diagnosis):
        # Places (i - a) / (n + 1 - 2 a) with Blom's (1958) a for few rows, Hazen's for more, as R's ppoints has them.
        a = 3 / 8 if n <= 10 else 1 / 2
        x = torch.special.ndtri((torch.arange(1, n + 1, dtype=torch.float64) - a) / (n + 1 - 2 * a))
    else:
        low, high = y[:TOP], y[-TOP:]  # the most extreme are known to the last digit, the others from the sketch
        tail = (torch.arange(TOP, dtype=torch.float64) + 0.5) / n
        edge = float(torch.special.ndtri(torch.tensor((TOP + 0.5) / n, dtype=torch.float64)))
        middle = torch.linspace(edge, -edge, 101, dtype=torch.float64)
        x = torch.cat([torch.special.ndtri(tail), middle, -torch.special.ndtri(tail).flip(0)])
        y = torch.cat([low, quantile_of(diagnosis.evidence.sketch, torch.special.ndtr(middle)), high])
        number = torch.cat([number[:TOP], torch.full((101,), -1.0, dtype=torch.float64), number[-TOP:]])
    ends = _wider([float(x.min()), float(x.max())])
    cloud = _cloud(x, y, number, y.abs(), None, ends, sight.residual, sight.up_and_down)
    # Standardised residuals of a true model lie on y = x; it is drawn where both axes see it.
    reach = (max(cloud.xlim[0], cloud.ylim[0]), min(cloud.xlim[1], cloud.ylim[1]))
    normal = Line(reach, reach, "reference", "normal")
    label = "rows" if _few(diagnosis) else "quantiles"
    return cloud.panel(QUANTILES, "normal quantile", "standardised residual", normal, label=label)


def _leverage(diagnosis: Diagnosis, table: Tensor, sight: _Sight) -> Panel:
    """With the lines on which Cook's distance is 0.5 and 1, where they are in sight."""
    basis = diagnosis.lens.basis
    x, y = table[:, _AT["hat"]], table[:, _AT["std_resid"]]
    cells = None
    if not _few(diagnosis):
        step = 1 / TENTH
        start = DECADES[0] + math.log10(basis.rank / basis.count)
        flat = _cells(
            diagnosis.evidence.by_leverage, start, step, *_level_edges(), across=1, up=_fine(sight.residual, 1 / FINE)
        )
        cells = flat and replace(flat, left=tuple(10**v for v in flat.left), right=tuple(10**v for v in flat.right))
    xlim = 0.0, min(1.06 * float(x.max()), 1.02)
    if cells is not None:
        xlim = _wider([float(x.min()), float(x.max()), min(cells.left), max(cells.right)], log=True)
    key = table[:, _AT["cooksd"]]
    cloud = _cloud(x, y, table[:, _AT["number"]], key, cells, xlim, sight.residual, sight.up_and_down, log_x=cells is not None)
    between: list[Mark] = [Horizontal(0.0, "reference")]
    for level in _CONTOURS:
        # Cook's distance D = r^2 h / (rank (1 - h)), so r = sqrt(D rank (1 - h) / h) for standardised r (Cook 1977).
        h = torch.linspace(max(cloud.xlim[0], 1e-9), min(cloud.xlim[1], 0.999), 400, dtype=torch.float64)
        r = (level * max(basis.rank, 1) * (1 - h) / h).sqrt()
        label, role = f"Cook's distance {level:g}", "run4" if level < 1 else "run1"
        for height in (r, -r):
            seen = (height <= cloud.ylim[1]) & (height >= cloud.ylim[0])
            if int(seen.sum()) > 1:
                between.append(Line(numbers(h[seen].tolist()), numbers(height[seen].tolist()), role, label))
                label = ""  # both arms have one entry in the legend
    xlabel = "leverage" if cells is None else "leverage (log scale)"
    return cloud.panel(LEVERAGE, xlabel, "standardised residual", *between)


def _few(diagnosis: Diagnosis) -> bool:
    return diagnosis.evidence.rows <= MOST


def _cloud(
    x: Tensor,
    y: Tensor,
    number: Tensor,
    key: Tensor,
    cells: Bins | None,
    xlim: Limits,
    ylim: Limits,
    outside: Outside,
    *,
    log_x: bool = False,
) -> _Cloud:
    """Rows at (x, y), of which those with the largest keys are named by their numbers; a number below 0 is no row."""
    far = key.nan_to_num(-1.0).argsort(descending=True, stable=True)[:_NAMED]
    far = far[number[far] >= 0]
    named = torch.stack([x[far], y[far], number[far]], 1)
    return _Cloud((x, y), cells, named, xlim, ylim, outside, log_x)


def _fine(view: Limits, step: float) -> int:
    """How many cells of the evidence make one of the picture: as few as leave cells that can be seen."""
    many = (view[1] - view[0]) / step
    return next(merged for merged in (1, 2, 4, 8, 16) if many <= _MOST_CELLS * merged or merged == 16)


def _wider(values: Sequence[float], *, log: bool = False) -> tuple[float, float]:
    low, high = min(values), max(values)
    if log:
        room = (high / low) ** 0.05 if high > low else 2.0
        return low / room, high * room
    room = 0.06 * (high - low) if high > low else max(abs(high), 1.0) * 0.1
    return low - room, high + room


def _fitted_edges(diagnosis: Diagnosis) -> tuple[float, float]:
    lens = diagnosis.lens
    width = (lens.width or 1.0) * lens.unit
    return lens.center - REACH * width, width / FINE


def _level_edges() -> tuple[float, float]:
    return -float(REACH), 1 / FINE


def _cells(
    counts: Tensor, left: float, across_step: float, bottom: float, up_step: float, *, across: int, up: int
) -> Bins | None:
    """Counted cells, merged into coarser ones; those with rows only."""
    # Neighbouring cells summed: axis 0 is across, axis 1 up.
    coarse = counts.reshape(counts.shape[0] // across, across, counts.shape[1] // up, up).sum((1, 3))
    i, j = torch.nonzero(coarse, as_tuple=True)
    if not len(i):
        return None
    # Numbers of cells as float64: torch takes whole ones times a number for float32, which loses the cells of values far from zero.
    x, y = left + i.double() * (across * across_step), bottom + j.double() * (up * up_step)
    xs, ys = ([numbers(side.tolist()) for side in sides] for sides in ((x, x + across * across_step), (y, y + up * up_step)))
    return Bins(xs[0], xs[1], ys[0], ys[1], numbers(coarse[i, j].tolist()), "rows in a cell")


def _trend(diagnosis: Diagnosis, column: int, sight: _Sight) -> Line:
    """The local mean along the fitted values: of the standardised residual (1), or of the root of its size (2)."""
    label = "local mean"
    if _few(diagnosis):
        rows = diagnosis.evidence.kept
        r = rows[:, _AT["std_resid"]]
        # Of the rows in sight: one far off would draw the mean out of the panel. NaN is none of them.
        rows = rows[(r >= sight.residual[0]) & (r <= sight.residual[1])]
        label = label if len(rows) == int(r.isfinite().sum()) else f"local mean of {len(rows):,} rows"
        x, value = rows[:, _AT["fitted"]], rows[:, _AT["std_resid"]]
        value = value if column == 1 else value.abs().sqrt()
        weight = torch.ones_like(x)
    else:
        # Of many rows the pass has kept sums by cells of the fitted value; the outermost hold what lies beyond.
        profile = diagnosis.evidence.profile[1:-1]
        start, step = _fitted_edges(diagnosis)
        own = profile[:, 0] > 0
        x = (start + (torch.arange(len(profile), dtype=torch.float64) + 0.5) * step)[own]
        weight, value = profile[own, 0], profile[own, column] / profile[own, 0]
    at, mean = smoothed(x, value, weight)
    return Line(numbers(at.tolist()), numbers(mean.tolist()), "fitted", label)


def smoothed(x: Tensor, y: Tensor, weight: Tensor, *, span: float = 2 / 3, places: int = 41) -> tuple[Tensor, Tensor]:
    """A local straight line through weighted points, at places that follow them (Cleveland 1979, tricube, no robustness).

    Each place takes the nearest points, a share `span` of the weight.
    """
    order = x.argsort()
    x, y, weight = x[order], y[order], weight[order]
    upto = weight.cumsum(0) / weight.sum()
    at = x[torch.searchsorted(upto, torch.linspace(0.005, 0.995, places, dtype=torch.float64)).clamp(max=len(x) - 1)].unique()
    means = []
    for place in at:
        away = (x - place).abs()
        near = away.argsort()
        reached = near[: int(torch.searchsorted(weight[near].cumsum(0), span * weight.sum())) + 1]
        # A hair wider, so that the farthest row itself has some weight.
        radius = float(away[reached].max()) * (1 + 1e-9)
        w = weight * (1 - (away / radius).clamp(max=1) ** 3) ** 3 if radius > 0 else weight * (away == 0)
        mean_x, mean_y = (w @ x) / w.sum(), (w @ y) / w.sum()
        square = w @ (x - mean_x) ** 2
        # Without spread of x near here there is no slope to see: then the mean alone.
        slope = (w @ ((x - mean_x) * (y - mean_y))) / square if square > 1e-12 * radius**2 * w.sum() else torch.zeros(())
        means.append(float(mean_y + slope * (place - mean_x)))
    return at, torch.tensor(means, dtype=torch.float64)
