"""Clouds: rows as points, or from some thousands on as hexagons of all rows, within limits that a few far rows do not stretch.

One row at 130 standard deviations would press all others into a line. Where a few rows lie beyond the fences of Tukey (1977), set
four times as far out as his, the panel shows what lies within, and says at its edges how many rows do not.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.numerics import Rows
from bestline.pictures.marks import Bins, Hexagons, Mark, Outside, Points, numbers, run_role
from bestline.pictures.sample import Sample
from bestline.wording import apart, count

POINTS = 5_000  # rows up to which each is a point
_FENCE = 6.0  # quartile ranges beyond the quartiles: normal errors lie there once in 1e18
_STRETCH = 3.0  # times as wide with the far rows as without: less, and everything is shown
_ACROSS = 46  # hexagons across a panel, and lines of them up
_UP = 34
_LINE = 2 * _ACROSS + 4  # places of middles in a line of hexagons: two for each width, and those on the edges
_COLOURS = 7  # levels that have a colour of their own; as many as there are roles for runs
FAR_APART = 20.0  # times as wide on one axis as on the other: equal axes would leave a line of one of them

Limits = tuple[float, float]
Place = Callable[[Rows], tuple[Tensor, Tensor]]  # x (n,) and y (n,) of some rows


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """What a panel shows of the rows.

    Attributes
    ----------
    marks : tuple of Mark
        Points, or hexagons; and how many rows lie outside.
    xlim, ylim : (low, high)
    even : bool
        Whether both axes are alike.
    lacking : int
        Rows that have no place, for lack of a number.
    """

    marks: tuple[Mark, ...]
    xlim: Limits
    ylim: Limits
    even: bool
    lacking: int

    @property
    def coloured(self) -> bool:
        """Whether colours say which category a row is of: then no line may have one of them."""
        return any(isinstance(mark, Points) and mark.role.startswith("run") for mark in self.marks)

    @property
    def counted(self) -> bool:
        """Whether all rows are counted in it, rather than some of them drawn."""
        return isinstance(self.marks[0], Hexagons | Bins)


def limits(values: Tensor, margin: float = 0.05) -> Limits:
    """Limits around the finite ones of these values (n,), with some air, and without the few that lie far from all others."""
    if not bool(values.isfinite().any()):
        return 0.0, 1.0
    return around(*core(values), margin)


def around(low: float, high: float, margin: float = 0.05) -> Limits:
    """Limits with some air on either side; never of no width."""
    # Of one value there is no width to take a share of; of zero alone not even its own size.
    air = margin * (high - low) or 0.1 * abs(low) or 1.0
    return low - air, high + air


def core(values: Tensor) -> Limits:
    """From where to where the finite ones of these values (n,) lie, but for those few that would stretch this three times and more."""
    ordered = values[values.isfinite()].double().sort().values
    n = len(ordered)
    if not n:
        return math.nan, math.nan
    low, high = float(ordered[0]), float(ordered[-1])
    first, third = ordered.quantile(torch.tensor([0.25, 0.75], dtype=torch.float64)).tolist()
    fence = _FENCE * (third - first)
    inside = ((ordered >= first - fence) & (ordered <= third + fence)).nonzero()[:, 0]
    # At most so many on either side: what more rows do is no exception.
    most = min(max(3, n // 100), n // 10)
    start, end = min(int(inside[0]), most), max(int(inside[-1]), n - 1 - most)
    bulk = float(ordered[start]), float(ordered[end])
    return bulk if 0 < _STRETCH * (bulk[1] - bulk[0]) < high - low else (low, high)


@dataclass(frozen=True, slots=True, eq=False)
class Axes:
    """What a cloud is drawn on.

    Attributes
    ----------
    place : callable
        Where some rows lie: x (n,) and y (n,).
    alike : bool
        Whether both axes have the same limits.
    levels : int
        Above 0: x is the place of one of so many levels of a category.
    room : callable or None
        Heights that must be seen as well, between these limits of x: those of a line.
    """

    place: Place
    alike: bool = False
    levels: int = 0
    room: Callable[[Limits], Iterable[float]] | None = None

    def limits(self, x: Tensor, y: Tensor, *, whole: bool) -> tuple[Limits, Limits, bool]:
        """Limits of x and of y for these rows, and whether both axes are alike."""
        # All rows reach a little farther than some of them.
        margin = 0.05 if whole else 0.12
        xlim, ylim = (limits(x, margin) if not self.levels else (-0.5, self.levels - 0.5)), limits(y, margin)
        if self.room is not None:
            heights = list(self.room(xlim)) or [*ylim]
            air = 0.04 * (max(heights) - min(heights))
            wider = min(ylim[0], min(heights) - air), max(ylim[1], max(heights) + air)
            # A line that left the rows far behind, as of a run that diverged, would leave nothing of them to be seen.
            ylim = wider if wider[1] - wider[0] <= FAR_APART * (ylim[1] - ylim[0]) else ylim
        both = min(xlim[0], ylim[0]), max(xlim[1], ylim[1])
        widths = sorted(high - low for low, high in (xlim, ylim))
        even = self.alike and widths[1] <= FAR_APART * widths[0]
        return (both, both, True) if even else (xlim, ylim, False)


def clouds(sample: Sample, each: Sequence[Axes], *, role: str = "data", label: str = "data") -> tuple[Cloud, ...]:
    """The rows of a sample on each of these axes, or where they are too many for points and can be read again, all rows counted
    in hexagons, or for levels in cells: at one pass for all axes.

    `role` and `label` are those of points that no category colours.
    """
    placed = [(axes.place(sample.rows), axes) for axes in each]
    views = [axes.limits(x, y, whole=sample.whole) for (x, y), axes in placed]
    if sample.of <= POINTS or sample.again is None:
        return tuple(
            _cloud(tuple(_points(sample, x, y, role, label)), beyond(x, y, *view[:2], whole=sample.whole), _lacking(x, y), view)
            for ((x, y), _), view in zip(placed, views, strict=True)
        )
    counting = [(_Strips if axes.levels else _Lattice)(*view[:2]) for axes, view in zip(each, views, strict=True)]
    for batch in sample.again():
        there = (batch if batch.w is None else batch[batch.w > 0]).to("cpu")
        for counts, axes in zip(counting, each, strict=True):
            counts.add(*axes.place(there))
    return tuple(
        _cloud((counts.mark(),), counts.outside, counts.lacking, view) for counts, view in zip(counting, views, strict=True)
    )


def cloud(sample: Sample, axes: Axes, *, role: str = "data", label: str = "data") -> Cloud:
    """The same on one pair of axes."""
    return clouds(sample, [axes], role=role, label=label)[0]


def _cloud(rows: tuple[Mark, ...], outside: Outside, lacking: int, view: tuple[Limits, Limits, bool]) -> Cloud:
    return Cloud((*rows, *([outside] if outside.texts else [])), *view, lacking)


def _lacking(x: Tensor, y: Tensor) -> int:
    return int((x.isnan() | y.isnan()).sum())


def beyond(x: Tensor, y: Tensor, xlim: Limits, ylim: Limits, *, whole: bool) -> Outside:
    """How many rows lie beyond the limits; in a corner they are above or below."""
    above, below = y > ylim[1], y < ylim[0]
    level = ~(above | below) & ~y.isnan()
    left, right = level & (x < xlim[0]), level & (x > xlim[1])
    what = "row" if whole else "drawn row"
    return Outside(int(above.sum()), int(below.sum()), int(left.sum()), int(right.sum()), what)


def _points(sample: Sample, x: Tensor, y: Tensor, role: str, label: str) -> Iterator[Points]:
    """The rows one by one, those of each level in its colour; of many levels the most frequent ones, and the others in grey."""
    if sample.group is None:
        yield Points(numbers(x.tolist()), numbers(y.tolist()), role, label)
        return
    code, n = sample.group.long(), len(x)
    many = Counter(code.tolist())
    # The first come first where as many rows have them: the same colours for the same data.
    frequent = sorted(many, key=lambda level: (-many[level], level))
    own = sorted(frequent if len(frequent) <= _COLOURS else frequent[: _COLOURS - 1])
    if 2 * sum(many[level] for level in own) < len(code):  # most rows would be others: colours would say nothing
        yield Points(numbers(x.tolist()), numbers(y.tolist()), role, label)
        return
    rest = [level for level in frequent if level not in own]
    if rest:
        those = torch.isin(code, torch.tensor(rest))
        yield Points(
            numbers(x[those].tolist()), numbers(y[those].tolist()), "reference", f"others ({count(len(rest), 'level')})"
        )
    names = apart([sample.levels_of[level] for level in own], 24)
    for i, level in enumerate(own):
        those = code == level
        yield Points(numbers(x[those].tolist()), numbers(y[those].tolist()), run_role(i), names[i], crowd=n)


class _Counts(ABC):
    """Rows counted in cells of a panel, batch by batch, and those beyond it."""

    def __init__(self, xlim: Limits, ylim: Limits) -> None:
        self.xlim, self.ylim = xlim, ylim
        self.cells: Counter[int] = Counter()
        self.outside = Outside()
        self.lacking = 0

    def add(self, x: Tensor, y: Tensor) -> None:
        """Some more rows."""
        self.lacking += _lacking(x, y)
        self.outside += beyond(x, y, self.xlim, self.ylim, whole=True)
        inside = (x >= self.xlim[0]) & (x <= self.xlim[1]) & (y >= self.ylim[0]) & (y <= self.ylim[1])
        cells, many = self.cell(x[inside], y[inside]).unique(return_counts=True)
        self.cells.update(dict(zip(cells.tolist(), many.tolist(), strict=True)))

    @abstractmethod
    def cell(self, x: Tensor, y: Tensor) -> Tensor:
        """The numbers of the cells in which rows at (x, y) lie, both (n,)."""

    @abstractmethod
    def mark(self) -> Hexagons | Bins:
        """The cells that hold rows."""


class _Lattice(_Counts):
    """Hexagons: two lattices of rectangles, each half a cell from the other; a row goes to the nearer middle.

    Carr, Littlefield, Nicholson & Littlefield (1987), Scatterplot matrix techniques for large N.
    """

    @property
    def size(self) -> Limits:
        """From a middle to the next one in its line, and from line to line."""
        return (self.xlim[1] - self.xlim[0]) / _ACROSS, (self.ylim[1] - self.ylim[0]) / _UP

    def cell(self, x: Tensor, y: Tensor) -> Tensor:
        """Line by line; in a line by halves, for the middles of every other line stand half a width further."""
        width, height = self.size
        u, v = (x - self.xlim[0]) / width, (y - self.ylim[0]) / height
        even = torch.stack([2 * u.round(), 2 * (v / 2).round()])
        odd = torch.stack([2 * u.floor() + 1, 2 * (v / 2).floor() + 1])
        # Regular hexagons of width 1 have lines √3 / 2 apart.
        away = [(u - at[0] / 2) ** 2 + 0.75 * (v - at[1]) ** 2 for at in (even, odd)]
        half, line = torch.where(away[0] <= away[1], even, odd).long()
        return line * _LINE + half

    def mark(self) -> Hexagons:
        """The hexagons that hold rows."""
        width, height = self.size
        places = [divmod(cell, _LINE) for cell in sorted(self.cells)]
        x = numbers(self.xlim[0] + half / 2 * width for _, half in places)
        y = numbers(self.ylim[0] + line * height for line, _ in places)
        return Hexagons(x, y, numbers(self.cells[cell] for cell in sorted(self.cells)), width, height)


class _Strips(_Counts):
    """Cells one above the other, a strip for each level of a category."""

    def cell(self, x: Tensor, y: Tensor) -> Tensor:
        """Strip by strip."""
        up = ((y - self.ylim[0]) / (self.ylim[1] - self.ylim[0]) * _UP).floor().clamp(max=_UP - 1)
        return x.round().long() * _UP + up.long()

    def mark(self) -> Bins:
        """The cells that hold rows."""
        places = [divmod(cell, _UP) for cell in sorted(self.cells)]
        high = (self.ylim[1] - self.ylim[0]) / _UP
        return Bins(
            numbers(level - 0.4 for level, _ in places),
            numbers(level + 0.4 for level, _ in places),
            numbers(self.ylim[0] + up * high for _, up in places),
            numbers(self.ylim[0] + (up + 1) * high for _, up in places),
            numbers(self.cells[cell] for cell in sorted(self.cells)),
            "rows in a cell",
        )


def note(sample: Sample, *seen: Cloud, lacking_what: str = "without a number") -> str:
    """What must be said of the rows that are shown; `lacking_what` of those that have no place."""
    told = [sample.note]
    if any(cloud.counted for cloud in seen):
        kinds = {Hexagons: "hexagons", Bins: "cells"}
        what = " and ".join(said for kind, said in kinds.items() if any(isinstance(cloud.marks[0], kind) for cloud in seen))
        weights = "" if sample.rows.w is None else "Rows count alike whatever their weight."
        told = [sample.within, f"All {sample.of:,} rows are counted, in {what}.", weights]
    lacking = max(cloud.lacking for cloud in seen)
    if lacking:
        told.append(f"{count(lacking, 'row')} {lacking_what} {'is' if lacking == 1 else 'are'} not drawn.")
    return " ".join(part for part in told if part)
