"""Counts: marks of rows that are too many, or too far away, to be seen one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bestline.pictures.marks.roles import Cell, Numbers, cells_of, checked, numbers
from bestline.wording import count


@dataclass(frozen=True, slots=True)
class Bins:
    """Rectangles that hold so many rows each: the stronger, the more.

    Attributes
    ----------
    left, right, bottom, top : tuple of float
        Sides of the cells.
    count : tuple of float
        Rows in each, above 0.
    """

    left: Numbers
    right: Numbers
    bottom: Numbers
    top: Numbers
    count: Numbers
    label: str = "rows"

    def __post_init__(self) -> None:
        checked("Bins", "data", self.left, self.right, self.bottom, self.top, self.count)

    def cells(self) -> Iterator[Cell]:
        """The middle of every cell, and its rows."""
        x = numbers((a + b) / 2 for a, b in zip(self.left, self.right, strict=True))
        y = numbers((a + b) / 2 for a, b in zip(self.bottom, self.top, strict=True))
        return cells_of(self.label, x, y, self.count)


@dataclass(frozen=True, slots=True)
class Hexagons:
    """A plane of hexagons that hold so many rows each: the stronger, the more. For rows too many to be seen one by one.

    Attributes
    ----------
    x, y : tuple of float
        Middles of those that hold rows.
    count : tuple of float
        Rows in each, above 0.
    width, height : float
        From a middle to the next one in its line, and from line to line.
    """

    x: Numbers
    y: Numbers
    count: Numbers
    width: float
    height: float
    label: str = "rows in a hexagon"

    def __post_init__(self) -> None:
        checked("Hexagons", "data", self.x, self.y, self.count)

    def cells(self) -> Iterator[Cell]:
        """The middle of every hexagon, and its rows."""
        return cells_of(self.label, self.x, self.y, self.count)


@dataclass(frozen=True, slots=True)
class Outside:
    """How many rows lie beyond the limits of the panel, told at its edges; one that lies in a corner is above or below.

    Attributes
    ----------
    above, below, left, right : int
    what : str
        What is counted, one of them.
    """

    above: int = 0
    below: int = 0
    left: int = 0
    right: int = 0
    what: str = "row"

    def __add__(self, other: Outside) -> Outside:
        """Those of these rows and of other ones."""
        sides = (self.above + other.above, self.below + other.below, self.left + other.left, self.right + other.right)
        return Outside(*sides, what=self.what)

    @property
    def texts(self) -> dict[str, str]:
        """What stands at each edge beyond which there are rows."""
        sides = {"above": self.above, "below": self.below, "left": self.left, "right": self.right}
        where = {"left": "further left", "right": "further right"}
        return {side: f"{count(many, self.what)} {where.get(side, side)}" for side, many in sides.items() if many}

    def cells(self) -> Iterator[Cell]:
        """One cell an edge beyond which there are rows: how many, as z."""
        for side in self.texts:
            yield f"{self.what}s outside: {side}", None, None, float(getattr(self, side))
