"""Still pictures by matplotlib: for notebooks, files and terminals without a screen.

Only matplotlib's objects are used: no pyplot, no current figure, no settings of the process are read on purpose or changed.
"""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import IO, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from bestline.errors import OptionError
from bestline.pictures.marks import Intervals, Panel, Picture, Table
from bestline.pictures.palette import Palette, themed
from bestline.pictures.render.artists import DRAW
from bestline.pictures.render.axes import dress
from bestline.pictures.render.fonts import legible, spell
from bestline.pictures.render.legend import (
    SMALL,
    TITLE,
    Key,
    labels_of,
    legend_below,
    named_at_their_ends,
    shared_legend,
    shared_rows,
)
from bestline.pictures.render.settle import Space, settle
from bestline.pictures.render.table import ROW_HEIGHT, breadths, heading
from bestline.wording import evenly

__all__ = ["FORMATS", "Drawing", "Stage", "draw", "save", "stage", "titled", "write_drawing"]

FORMATS = ("png", "svg", "pdf")


class Drawing(Figure):
    """A matplotlib Figure that a notebook shows by itself, whether or not pyplot was imported.

    Attributes
    ----------
    heading, alt : str
        The picture's title, and what is seen, for those who cannot see it.
    """

    heading: str = ""
    alt: str = ""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", facecolor=self.get_facecolor())
        return file.getvalue()


def draw(picture: Picture, *, theme: str = "light", dpi: float = 100) -> Drawing:
    """The picture as a matplotlib figure.

    Parameters
    ----------
    picture : Picture
    theme : {"light", "dark"}
    dpi : float
        Pixels an inch.

    Raises
    ------
    OptionError
        A theme that does not exist, or a number of pixels that makes no sense.
    TypeError
        A mark that this renderer does not know.
    """
    return stage(picture, theme=theme, dpi=dpi).figure


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A drawn picture, and which of matplotlib's artists each of its marks became.

    Attributes
    ----------
    figure : Drawing
    artists : tuple of tuples
        For each panel, for each of its marks, what was drawn.
    title : Text
        The picture's title.
    """

    figure: Drawing
    artists: tuple[tuple[tuple[Any, ...], ...], ...]
    title: Any


def stage(picture: Picture, *, theme: str = "light", dpi: float = 100) -> Stage:
    """The picture as a matplotlib figure whose parts can be found again; parameters and errors as for `draw`."""
    palette = themed(theme)
    if not 0 < dpi < 10_000:
        raise OptionError(f"`dpi` must be positive and below 10,000; got {dpi!r}.")
    size = _size(picture)
    # Letters are up to a tenth wider at fewer pixels an inch than those they are measured at: names at the edges need that much air.
    layout = ConstrainedLayoutEngine(w_pad=0.24, h_pad=0.1, wspace=0.04)
    # The engine makes room for titles, legends and notes by itself; no pyplot, so no figure is kept anywhere.
    figure = Drawing(figsize=size, dpi=dpi, layout=layout, facecolor=palette.paper)
    FigureCanvasAgg(figure)
    figure.heading, figure.alt = picture.title, picture.alt
    picture = legible(picture)
    artists, keys, every = [], [], []
    panels, columns = len(picture.panels), picture.columns or max(len(picture.panels), 1)
    # Rounded up; of no panel one row, for a figure has a size anyway.
    rows = -(-panels // columns) or 1
    lines = shared_rows(picture, size[0]) if picture.columns else 0
    below = 0.26 * lines / ((size[1] - 0.6) / rows)  # the legend's height, in panels
    grid = figure.add_gridspec(rows + (lines > 0), columns, height_ratios=[1.0] * rows + [below] * (lines > 0))
    for i, panel in enumerate(picture.panels):
        # What lies in front is ours to say, by `zorder`: by depth matplotlib would sort whole artists, a path behind its own surface.
        space = {"axes_class": Space, "computed_zorder": False} if panel.zlabel is not None else {}
        ax = figure.add_subplot(grid[i // columns, i % columns], **space)
        drawn, own = _panel(ax, panel, palette)
        artists.append(drawn)
        every.append(ax)
        keys += own
        if panel.legend and own and not picture.columns:
            off = 24 if space else 26 + (20 if panel.xlabel else 0)
            legend_below(ax, own, size[0] / panels, palette, below=off)
    if lines:
        shared_legend(figure.add_subplot(grid[rows, :]), keys, size[0], palette)
    bold: dict[str, Any] = {"fontsize": TITLE, "fontweight": "bold", "color": palette.ink, "parse_math": False}
    title = figure.suptitle(titled(picture, size[0]), **bold)
    if picture.note:
        note = "\n".join(_wrapped(picture.note, size[0]))
        figure.supxlabel(note, x=0.015, ha="left", fontsize=SMALL, color=palette.quiet, parse_math=False)
    spell(figure)
    settle(figure, every)
    return Stage(figure, tuple(artists), title)


def titled(picture: Picture, width: float) -> str:
    """The title as it is broken into lines of so many inches."""
    # Some eight letters of the title fit in an inch.
    return "\n".join(evenly(picture.title, max(20, int(width * 8))))


def save(
    picture: Picture,
    file: str | FilePath | IO[bytes],
    *,
    format: str | None = None,  # noqa: A002  matplotlib's name for it
    theme: str = "light",
    dpi: float = 150,
) -> None:
    """Write the picture as PNG, SVG or PDF, its text for those who cannot see it inside.

    The same picture gives the same bytes. A path is written as it is: whether it may be overwritten is the caller's decision.

    Parameters
    ----------
    picture : Picture
    file : path or binary file
    format : {"png", "svg", "pdf"}, optional
        By default what the path ends in; for an open file PNG.
    theme, dpi
        As for `draw`.
    """
    if format is None:
        format = FilePath(file).suffix.lstrip(".").lower() if isinstance(file, str | FilePath) else "png"  # noqa: A001
    if format not in FORMATS:
        raise OptionError(f"Pictures are written as {', '.join(FORMATS)}; got {format!r}.")
    write_drawing(draw(picture, theme=theme, dpi=dpi), file, format, dpi=dpi)


def write_drawing(figure: Drawing, file: str | FilePath | IO[bytes], format: str, *, dpi: float = 150) -> None:  # noqa: A002
    """Write a drawn picture, as `save` does."""
    title, alt = figure.heading, figure.alt
    # No date: the same picture gives the same bytes.
    metadata: dict[str, dict[str, str | None]] = {
        "png": {"Title": title, "Description": alt},
        "svg": {"Title": title, "Description": alt, "Date": None},
        "pdf": {"Title": title, "Subject": alt, "CreationDate": None},
    }
    # Drawn first and written then: a full disk is told by the system, and not by what a writer of PDF stumbles over.
    drawn = io.BytesIO()
    figure.savefig(drawn, format=format, dpi=dpi, facecolor=figure.get_facecolor(), metadata=metadata[format])
    if isinstance(file, str | FilePath):
        FilePath(file).write_bytes(drawn.getvalue())
    else:
        file.write(drawn.getvalue())


def _size(picture: Picture) -> tuple[float, float]:
    """Width and height in inches: panels of pleasant proportions, and room below for legend and note."""
    panels = max(len(picture.panels), 1)
    space = any(panel.zlabel for panel in picture.panels)
    if picture.columns:
        width = {1: 7.8, 2: 9.6, 3: 13.0, 4: 13.0}.get(picture.columns, 4.4 * picture.columns)
        rows = -(-panels // picture.columns)
        height = rows * width / picture.columns * (0.84 if space and picture.columns > 2 else 0.72) + 0.5
        lines = len(_wrapped(picture.note, width))
        return width, height + 0.17 * lines + 0.26 * shared_rows(picture, width)
    named = [[m for m in p.marks if isinstance(m, Intervals)] for p in picture.panels]
    # Several intervals a name stand one below the other.
    names = max((len(ms[0].names) * (1 + 0.45 * (len(ms) - 1)) for ms in named if ms), default=0)
    tables = [m for p in picture.panels for m in p.marks if isinstance(m, Table)]
    width = {1: 8.6 if space else 7.8, 2: 9.6 if _square(picture) else 11.4, 3: 15.0}.get(panels, 4.4 * panels)
    # A table is as wide as its numbers; panels have proportions.
    if tables:
        width = max(5.0, *(sum(breadths(m)) + 0.6 for m in tables))
    # Room for what stands below is added, not taken from the panels.
    lines = len(_wrapped(picture.note, width))
    if tables:
        return width, max(m.rows + heading(m) for m in tables) * ROW_HEIGHT + 0.75 + 0.19 * lines
    height = 1.7 + 0.3 * names if names else width / panels * _tall(picture)
    keys = max((len(labels_of(panel.marks)) for panel in picture.panels if panel.legend), default=0)
    height += 0.55 * any(panel.top for panel in picture.panels)
    return width, height + 0.17 * lines + 0.22 * -(-keys // 2)


def _square(picture: Picture) -> bool:
    """Whether all panels have equal axes, which fill a panel that is about square."""
    return all(panel.even for panel in picture.panels)


def _tall(picture: Picture) -> float:
    """Heights of panels beside each other, in their widths."""
    if any(panel.zlabel for panel in picture.panels):
        return 0.82
    if len(picture.panels) <= 1:
        return 0.82 if picture.panels and _square(picture) else 0.62
    return 0.96 if _square(picture) else 0.74


def _wrapped(note: str, width: float) -> list[str]:
    """A note in lines of so many inches; what a name is equal to stays with it."""
    tied = (line.replace(" = ", "\u00a0=\u00a0") for line in note.splitlines())
    parts = (part for line in tied for part in textwrap.wrap(line, max(30, int(width * 12.5))))
    return [part.replace("\u00a0=\u00a0", " = ") for part in parts]


def _panel(ax: Any, panel: Panel, palette: Palette) -> tuple[tuple[tuple[Any, ...], ...], list[Key]]:
    """Draw a panel; the artists of each mark, and the entries of the legend."""
    keys: list[Key] = []
    artists: list[tuple[Any, ...]] = []
    for order, mark in enumerate(panel.marks):
        if type(mark) not in DRAW:
            raise TypeError(f"This renderer cannot draw a {type(mark).__name__}.")
        # Whatever is new among the children is what this mark became; a film moves just these.
        known = set(ax.get_children())
        said = DRAW[type(mark)](ax, mark, palette, 2.0 + 0.01 * order)
        artists.append(tuple(a for a in ax.get_children() if a not in known))
        keys += said if panel.legend else []
    dress(ax, panel, palette)
    named = named_at_their_ends(panel.marks)
    return tuple(artists), [(handle, label) for handle, label in keys if label not in named]
