"""Marks: what a picture shows, as plain numbers. A picture has panels, a panel has marks.

Nothing here knows a drawing library or a tensor, so anything that can draw points and lines can draw a Picture, and anybody
can read its numbers back: `picture.table()`. A mark says what it means (its role), never its colour; colours are the
renderer's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from bestline.errors import OptionError, ShapeError, listed
from bestline.wording import count

Numbers: TypeAlias = tuple[float, ...]
Grid: TypeAlias = tuple[Numbers, ...]  # one tuple a row: grid[i][j] belongs to y[i] and x[j]
Cell: TypeAlias = tuple[str, float | None, float | None, float | None]  # label, x, y, z

RUNS = 7  # looks that can be told apart, in colour and without
ROLES = (
    "data",  # rows the line was trained on
    "held_out",  # rows, or their loss, that training never saw
    "true",  # the line the data were made from
    "fitted",  # the line that was learnt
    "earlier",  # the same line at earlier steps
    "start",  # where training began
    "path",  # the weights passed through
    "kept",  # the step whose weights were kept, when it is not the last
    "optimum",  # where the loss is least
    "floor",  # the least loss there is
    "reference",  # a help for the eye: zero, or the diagonal
    "gradient",  # which way is down, or how steep it is
    *(f"run{i}" for i in range(RUNS)),  # one of several runs on one plot
    *(f"held_out{i}" for i in range(RUNS)),  # the held-out loss of one of several runs
)


def numbers(values: Iterable[float]) -> Numbers:
    """Plain Python numbers, whatever they were before."""
    return tuple(float(value) for value in values)


def run_role(index: int) -> str:
    """The role of the run of this number; after the seventh they begin anew."""
    return f"run{index % RUNS}"


def held_out_role(index: int) -> str:
    """The role of the held-out loss of the run of this number."""
    return f"held_out{index % RUNS}"


def _checked(mark: str, role: str, *columns: Numbers | None) -> None:
    if role not in ROLES:
        raise OptionError(f"There is no role {role!r} for `{mark}`; the roles are {listed(ROLES, most=len(ROLES))}.")
    # Checked where a mark is made, not where it is drawn: there nobody knows any more who made it.
    lengths = {len(column) for column in columns if column is not None}
    if len(lengths) > 1:
        raise ShapeError(f"`{mark}` needs columns of one length; got lengths {sorted(lengths)}.")


def _cells(label: str, x: Numbers, y: Numbers, z: Numbers | None) -> Iterator[Cell]:
    for i in range(len(x)):
        yield label, x[i], y[i], None if z is None else z[i]


@dataclass(frozen=True, slots=True)
class _Places:
    """Places on a plane; with z, in space."""

    x: Numbers
    y: Numbers
    role: str = "data"
    label: str = ""
    z: Numbers | None = None

    def __post_init__(self) -> None:
        _checked(type(self).__name__, self.role, self.x, self.y, self.z)

    def cells(self) -> Iterator[Cell]:
        """The numbers, one cell a point."""
        return _cells(self.label, self.x, self.y, self.z)


@dataclass(frozen=True, slots=True)
class Points(_Places):
    """Separate points; with z, in space."""


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
        _checked("Band", self.role, self.x, self.low, self.high)

    def cells(self) -> Iterator[Cell]:
        """The lower line, then the upper one, one cell a point."""
        # One after the other, so that either is read as a line.
        yield from _cells(self.label, self.x, self.low, None)
        yield from _cells(self.label, self.x, self.high, None)


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

    def cells(self) -> Iterator[Cell]:
        """The grid, row by row."""
        for i, row in enumerate(self.z):
            for j, height in enumerate(row):
                yield self.label, self.x[j], self.y[i], height


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
    """

    levels: Numbers = ()
    scale: bool = True

    def __post_init__(self) -> None:
        _Heights.__post_init__(self)
        if any(b <= a for a, b in zip(self.levels, self.levels[1:], strict=False)):
            raise OptionError(f"The levels of `Contours` must ascend; got {self.levels}.")


@dataclass(frozen=True, slots=True)
class Vertical:
    """A line straight up at x, across the whole panel."""

    x: float
    role: str = "reference"
    label: str = ""

    def __post_init__(self) -> None:
        _checked("Vertical", self.role)

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
        _checked("Horizontal", self.role)

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
        _checked("Arrow", self.role, self.x, self.y)
        if len(self.x) not in (0, 2):
            raise ShapeError(f"`Arrow` needs two points, from and to; got {len(self.x)}.")

    def cells(self) -> Iterator[Cell]:
        """Where it begins, and where it points."""
        return _cells(self.label, self.x, self.y, None)


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
    """

    names: tuple[str, ...]
    estimate: Numbers
    low: Numbers
    high: Numbers
    role: str = "fitted"
    label: str = "estimate"

    def __post_init__(self) -> None:
        _checked("Intervals", self.role, self.estimate, self.low, self.high)
        if len(self.names) != len(self.estimate):
            raise ShapeError(f"`Intervals` needs one name an estimate; got {len(self.names)} and {len(self.estimate)}.")

    def cells(self) -> Iterator[Cell]:
        """Three cells a name: its estimate, and both ends; y is its place from the top."""
        for i, name in enumerate(self.names):
            yield name, self.estimate[i], float(i), None
            yield f"{name} (low)", self.low[i], float(i), None
            yield f"{name} (high)", self.high[i], float(i), None


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
        _checked("Table", "data", *self.columns)
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
        _checked("Bins", "data", self.left, self.right, self.bottom, self.top, self.count)

    def cells(self) -> Iterator[Cell]:
        """The middle of every cell, and its rows."""
        x = numbers((a + b) / 2 for a, b in zip(self.left, self.right, strict=True))
        y = numbers((a + b) / 2 for a, b in zip(self.bottom, self.top, strict=True))
        return _cells(self.label, x, y, self.count)


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
        _checked("Hexagons", "data", self.x, self.y, self.count)

    def cells(self) -> Iterator[Cell]:
        """The middle of every hexagon, and its rows."""
        return _cells(self.label, self.x, self.y, self.count)


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
            _checked("Names", role, self.x, self.y, self.at)
        if not len(self.names) == len(self.roles) == len(self.x):
            raise ShapeError(
                f"`Names` needs one name and one role a curve; got {len(self.names)} names for {len(self.x)} curves."
            )

    def cells(self) -> Iterator[Cell]:
        """The end of every curve."""
        for name, x, y in zip(self.names, self.x, self.y, strict=True):
            yield name, x, y, None


Mark: TypeAlias = (
    Points
    | Line
    | Band
    | Path
    | Contours
    | Mesh
    | Vertical
    | Horizontal
    | Arrow
    | Text
    | Intervals
    | Table
    | Bins
    | Hexagons
    | Outside
    | Names
)


@dataclass(frozen=True, slots=True)
class Panel:
    """One set of axes and the marks on it.

    Attributes
    ----------
    title, xlabel, ylabel : str
    marks : tuple of Mark
        From back to front.
    zlabel : str, optional
        With it the panel is a space of three dimensions.
    xlim, ylim : (low, high), optional
        What must be seen; by default everything.
    log_x, log_y : bool
        Whether the axis grows by factors. Only numbers above 0 are then shown.
    legend : bool
    view : (elevation, azimuth)
        Where the eye stands, in degrees; for a space of three dimensions.
    even : bool
        Whether a unit is as long on one axis as on the other.
    xnames : tuple of str
        What stands at 0, 1, 2, ... of the horizontal axis in place of numbers: the levels of a category.
    even_within : float
        Above 0: the horizontal axis grows by factors on either side of zero, and evenly up to this far from it.
    top : tuple of (float, str)
        What stands along the upper edge, above places of the horizontal axis; `toplabel` says what it is.
    """

    title: str
    xlabel: str
    ylabel: str
    marks: tuple[Mark, ...]
    zlabel: str | None = None
    xlim: tuple[float, float] | None = None
    ylim: tuple[float, float] | None = None
    log_y: bool = False
    legend: bool = True
    view: tuple[float, float] = (34.0, -60.0)
    log_x: bool = False
    even: bool = False
    xnames: tuple[str, ...] = ()
    even_within: float = 0.0
    top: tuple[tuple[float, str], ...] = ()
    toplabel: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """Panels side by side, with a title, a note below, and a text for those who cannot see it.

    Attributes
    ----------
    panels : tuple of Panel
    columns : int
        With it, so many panels stand in a row, and one legend below speaks for all of them. By default all stand in one row,
        each with a legend of its own.
    title : str
    note : str
        What one must know to read it right; may be empty.
    alt : str
        What is seen, in a sentence or two, with numbers.
    """

    panels: tuple[Panel, ...]
    title: str = ""
    note: str = ""
    alt: str = ""
    columns: int = 0

    def table(self) -> dict[str, list[Any]]:
        """All numbers of the picture in long form: columns panel, mark, label, x, y, z, all of one length."""
        places = [(panel, mark) for panel in self.panels for mark in panel.marks]
        cells = [(panel.title, type(mark).__name__, *cell) for panel, mark in places for cell in mark.cells()]
        return {name: [cell[i] for cell in cells] for i, name in enumerate(("panel", "mark", "label", "x", "y", "z"))}
