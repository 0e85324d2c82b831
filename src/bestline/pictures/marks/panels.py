"""Panels: a picture has panels, a panel has marks, and anybody can read their numbers back: `picture.table()`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from bestline.pictures.marks.counts import Bins, Hexagons, Outside
from bestline.pictures.marks.shapes import (
    Arrow,
    Band,
    Contours,
    Horizontal,
    Intervals,
    Line,
    Mesh,
    Names,
    Path,
    Points,
    Table,
    Text,
    Vertical,
)

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
    dates : bool
        Whether the horizontal axis is of dates, in days from 1970-01-01.
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
    dates: bool = False


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
