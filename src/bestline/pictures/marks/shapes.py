"""Shapes: points, lines, surfaces, arrows, words and tables, as plain numbers with a role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bestline.errors import OptionError, ShapeError
from bestline.pictures.marks.roles import Cell, Grid, Numbers, cells_of, checked


@dataclass(frozen=True, slots=True)
class _Places:
    """Places on a plane; with z, in space."""

    x: Numbers
    y: Numbers
    role: str = "data"
    label: str = ""
    z: Numbers | None = None

    def __post_init__(self) -> None:
        checked(type(self).__name__, self.role, self.x, self.y, self.z)

    def cells(self) -> Iterator[Cell]:
        """The numbers, one cell a point."""
        return cells_of(self.label, self.x, self.y, self.z)


@dataclass(frozen=True, slots=True)
class Points(_Places):
    """Separate points; with z, in space.

    Attributes
    ----------
    crowd : int
        How many points there are with those of the marks beside it, where they are parts of one cloud: all look alike but for colour.
    """

    crowd: int = 0


@dataclass(frozen=True, slots=True)
class Line(_Places):
    """Points joined in order, themselves not shown; with z, in space."""

    role: str = "fitted"


@dataclass(frozen=True, slots=True)
class Band:
    """What lies between two lines over the same x, shaded."""

    x: Numbers
    low: Numbers
    high: Numbers
    role: str = "fitted"
    label: str = ""

    def __post_init__(self) -> None:
        checked("Band", self.role, self.x, self.low, self.high)

    def cells(self) -> Iterator[Cell]:
        """The lower line, then the upper one, one cell a point."""
        # One after the other, so that either is read as a line.
        yield from cells_of(self.label, self.x, self.low, None)
        yield from cells_of(self.label, self.x, self.high, None)


@dataclass(frozen=True, slots=True)
class Path(_Places):
    """Points in the order they were visited, joined; the first and the last stand out. With z, in space.

    Attributes
    ----------
    label, start, end : str
        Names of the whole, of its first and of its last point; an empty one stays out of the legend.
    """

    role: str = "path"
    label: str = "path"
    start: str = "start"
    end: str = "end"


@dataclass(frozen=True, slots=True)
class _Heights:
    """Heights over a grid.

    Attributes
    ----------
    x, y : tuple of float
        Grid values, (c,) and (r,).
    z : tuple of tuples
        Heights, r rows of c.
    """

    x: Numbers
    y: Numbers
    z: Grid
    label: str = "height"

    def __post_init__(self) -> None:
        if len(self.z) != len(self.y) or any(len(row) != len(self.x) for row in self.z):
            many = f"{len(self.y)} rows of {len(self.x)} heights"
            raise ShapeError(f"`{type(self).__name__}` needs {many}, one for each pair of x and y.")

    def place(self, i: int, j: int) -> tuple[float, float]:
        """Where the height z[i][j] lies."""
        return self.x[j], self.y[i]

    def cells(self) -> Iterator[Cell]:
        """The grid, row by row."""
        for i, row in enumerate(self.z):
            for j, height in enumerate(row):
                yield self.label, *self.place(i, j), height


@dataclass(frozen=True, slots=True)
class Mesh(_Heights):
    """A surface in space over a grid."""


@dataclass(frozen=True, slots=True)
class Contours(_Heights):
    """Lines of equal height over a grid, the bands between them shaded.

    Attributes
    ----------
    levels : tuple of float
        Heights of the lines, ascending; fewer than two where there is nothing to tell apart.
    scale : bool
        Whether a scale beside the panel says what the shades mean.
    lean : (up, across)
        How far the place of a height moves upwards for each unit of x, and across for each unit of y: so a grid follows a valley.
    """

    levels: Numbers = ()
    scale: bool = True
    lean: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        _Heights.__post_init__(self)
        if any(b <= a for a, b in zip(self.levels, self.levels[1:], strict=False)):
            raise OptionError(f"The levels of `Contours` must ascend; got {self.levels}.")

    def place(self, i: int, j: int) -> tuple[float, float]:
        """Where the height z[i][j] lies."""
        return self.x[j] + self.lean[1] * self.y[i], self.y[i] + self.lean[0] * self.x[j]


@dataclass(frozen=True, slots=True)
class Vertical:
    """A line straight up at x, across the whole panel."""

    x: float
    role: str = "reference"
    label: str = ""

    def __post_init__(self) -> None:
        checked("Vertical", self.role)

    def cells(self) -> Iterator[Cell]:
        """Its place."""
        yield self.label, self.x, None, None


@dataclass(frozen=True, slots=True)
class Horizontal:
    """A level line at y, across the whole panel."""

    y: float
    role: str = "reference"
    label: str = ""

    def __post_init__(self) -> None:
        checked("Horizontal", self.role)

    def cells(self) -> Iterator[Cell]:
        """Its place."""
        yield self.label, None, self.y, None


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow from (x[0], y[0]) to (x[1], y[1]); none where both are empty."""

    x: Numbers
    y: Numbers
    role: str = "gradient"
    label: str = ""

    def __post_init__(self) -> None:
        checked("Arrow", self.role, self.x, self.y)
        if len(self.x) not in (0, 2):
            raise ShapeError(f"`Arrow` needs two points, from and to; got {len(self.x)}.")

    def cells(self) -> Iterator[Cell]:
        """Where it begins, and where it points."""
        return cells_of(self.label, self.x, self.y, None)


@dataclass(frozen=True, slots=True)
class Text:
    """Words inside the panel, at a place given in shares of it: (0, 0) is the lower left corner, (1, 1) the upper right."""

    x: float
    y: float
    text: str

    def cells(self) -> Iterator[Cell]:
        """The words; their place is none of the data's."""
        yield self.text, None, None, None


@dataclass(frozen=True, slots=True)
class Intervals:
    """Estimates as dots, each with the interval that it may lie in, one below the other.

    Attributes
    ----------
    names : tuple of str
        From top to bottom.
    estimate, low, high : tuple of float
        NaN where there is none.
    below : float
        How far below their names they stand, in rows: of several marks with the same names each has its own place.
    """

    names: tuple[str, ...]
    estimate: Numbers
    low: Numbers
    high: Numbers
    role: str = "fitted"
    label: str = "estimate"
    below: float = 0.0

    def __post_init__(self) -> None:
        checked("Intervals", self.role, self.estimate, self.low, self.high)
        if len(self.names) != len(self.estimate):
            raise ShapeError(f"`Intervals` needs one name an estimate; got {len(self.names)} and {len(self.estimate)}.")

    def cells(self) -> Iterator[Cell]:
        """Three cells a name: its estimate, and both ends; y is its place from the top."""
        for i, name in enumerate(self.names):
            y = i + self.below
            yield name, self.estimate[i], y, None
            yield f"{name} (low)", self.low[i], y, None
            yield f"{name} (high)", self.high[i], y, None


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers in rows and columns, to be read; a panel with a table has nothing else.

    Attributes
    ----------
    names : tuple of str
        Of the columns, from left to right.
    columns : tuple of tuples
        Numbers of each column, all of one length; NaN for an empty cell.
    breaks : tuple of int
        Rows above which others were left out; a dotted line says so.
    """

    names: tuple[str, ...]
    columns: tuple[Numbers, ...]
    breaks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        checked("Table", "data", *self.columns)
        if len(self.names) != len(self.columns):
            raise ShapeError(f"`Table` needs one name a column; got {len(self.names)} and {len(self.columns)}.")

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.columns[0]) if self.columns else 0

    def cells(self) -> Iterator[Cell]:
        """One cell a number: its column's name, itself as x, the number of its row as y."""
        for name, column in zip(self.names, self.columns, strict=True):
            for i, value in enumerate(column):
                yield name, value, float(i), None


@dataclass(frozen=True, slots=True)
class Names:
    """Names of curves beside the right edge, each joined to the end of its own.

    Attributes
    ----------
    names : tuple of str
    x, y : tuple of float
        Where the curves end.
    at : tuple of float
        Heights at which the names stand, so that none hides another.
    roles : tuple of str
        Of the curves.
    """

    names: tuple[str, ...]
    x: Numbers
    y: Numbers
    at: Numbers
    roles: tuple[str, ...]

    def __post_init__(self) -> None:
        for role in self.roles:
            checked("Names", role, self.x, self.y, self.at)
        if not len(self.names) == len(self.roles) == len(self.x):
            raise ShapeError(
                f"`Names` needs one name and one role a curve; got {len(self.names)} names for {len(self.x)} curves."
            )

    def cells(self) -> Iterator[Cell]:
        """None: the curves themselves have these numbers."""
        return iter(())
