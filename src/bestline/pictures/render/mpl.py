"""Still pictures by matplotlib: for notebooks, files and terminals without a screen.

Only matplotlib's objects are used: no pyplot, no current figure, no settings of the process are read on purpose or changed.
"""

from __future__ import annotations

import io
import itertools
import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import IO, Any, TypeAlias

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap, LogNorm, PowerNorm
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import Formatter, LogLocator, MaxNLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation
from mpl_toolkits.mplot3d import Axes3D

from bestline.errors import OptionError
from bestline.pictures.marks import (
    Arrow,
    Band,
    Bins,
    Contours,
    Horizontal,
    Intervals,
    Line,
    Mark,
    Mesh,
    Numbers,
    Panel,
    Path,
    Picture,
    Points,
    Table,
    Text,
    Vertical,
)
from bestline.pictures.palette import Palette, Style, themed
from bestline.wording import power_of_ten, tick

__all__ = ["FORMATS", "Stage", "draw", "save", "stage", "titled"]

FORMATS = ("png", "svg", "pdf")

Key: TypeAlias = tuple[Line2D, str]  # an entry of a legend

_TITLE, _HEAD, _BODY, _SMALL = 14, 11.5, 10.5, 9.5  # sizes of text, in points
_SHADE = 0.22  # opacity of a band: lines and grid are seen through it
_STEPS_AS_DOTS = 80  # a path of more steps is drawn as a line alone


class Drawing(Figure):
    """A matplotlib Figure that a notebook shows by itself, whether or not pyplot was imported."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", facecolor=self.get_facecolor())
        return file.getvalue()


def draw(picture: Picture, *, theme: str = "light", width: float | None = None, dpi: float = 100) -> Drawing:
    """The picture as a matplotlib figure.

    Parameters
    ----------
    picture : Picture
    theme : {"light", "dark"}
    width : float, optional
        In inches; by default what the panels need.
    dpi : float
        Pixels an inch.

    Raises
    ------
    OptionError
        A theme that does not exist, or a size that makes no sense.
    TypeError
        A mark that this renderer does not know.
    """
    return stage(picture, theme=theme, width=width, dpi=dpi).figure


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A drawn picture, and which of matplotlib's artists each of its marks became.

    Attributes
    ----------
    figure : Drawing
    axes : tuple
        One a panel.
    artists : tuple of tuples
        For each panel, for each of its marks, what was drawn.
    title : Text
        The picture's title.
    """

    figure: Drawing
    axes: tuple[Any, ...]
    artists: tuple[tuple[tuple[Any, ...], ...], ...]
    title: Any


def stage(picture: Picture, *, theme: str = "light", width: float | None = None, dpi: float = 100) -> Stage:
    """The picture as a matplotlib figure whose parts can be found again; parameters and errors as for `draw`."""
    palette = themed(theme)
    if not 0 < dpi < 10_000 or not (width is None or 1 <= width <= 200):
        raise OptionError(f"`width` must be from 1 to 200 inches and `dpi` positive; got {width!r} and {dpi!r}.")
    size = _size(picture, width)
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1, wspace=0.04)
    figure = Drawing(figsize=size, dpi=dpi, layout=layout, facecolor=palette.paper)
    FigureCanvasAgg(figure)
    axes, artists, keys = [], [], []
    panels, columns = len(picture.panels), picture.columns or max(len(picture.panels), 1)
    rows = -(-panels // columns) or 1
    lines = len(_legend_rows(_shared(picture), size[0])) if picture.columns else 0
    below = 0.26 * lines / ((size[1] - 0.6) / rows)  # the legend's height, in panels
    grid = figure.add_gridspec(rows + (lines > 0), columns, height_ratios=[1.0] * rows + [below] * (lines > 0))
    for i, panel in enumerate(picture.panels):
        space = {"axes_class": Axes3D, "computed_zorder": False} if panel.zlabel is not None else {}
        ax = figure.add_subplot(grid[i // columns, i % columns], **space)
        drawn, own = _panel(ax, panel, palette)
        axes.append(ax)
        artists.append(drawn)
        keys += own
        if panel.legend and own and not picture.columns:
            off = 24 if space else 26 + (20 if panel.xlabel else 0)
            _legend(ax, own, size[0] / panels, palette, below=off)
    if lines:
        _shared_legend(figure.add_subplot(grid[rows, :]), keys, size[0], palette)
    bold: dict[str, Any] = {"fontsize": _TITLE, "fontweight": "bold", "color": palette.ink, "parse_math": False}
    title = figure.suptitle(titled(picture, size[0]), **bold)
    if picture.note:
        note = "\n".join(_wrapped(picture.note, size[0]))
        figure.supxlabel(note, x=0.015, ha="left", fontsize=_SMALL, color=palette.quiet, parse_math=False)
    return Stage(figure, tuple(axes), tuple(artists), title)


def titled(picture: Picture, width: float) -> str:
    """The title as it is broken into lines of so many inches."""
    return textwrap.fill(picture.title, max(20, int(width * 8)))


def save(
    picture: Picture,
    file: str | FilePath | IO[bytes],
    *,
    format: str | None = None,  # noqa: A002  matplotlib's name for it
    theme: str = "light",
    width: float | None = None,
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
    theme, width, dpi
        As for `draw`.
    """
    if format is None:
        format = FilePath(file).suffix.lstrip(".").lower() if isinstance(file, str | FilePath) else "png"  # noqa: A001
    if format not in FORMATS:
        raise OptionError(f"Pictures are written as {', '.join(FORMATS)}; got {format!r}.")
    figure = draw(picture, theme=theme, width=width, dpi=dpi)
    title, alt = picture.title, picture.alt
    metadata: dict[str, dict[str, str | None]] = {
        "png": {"Title": title, "Description": alt},
        "svg": {"Title": title, "Description": alt, "Date": None},
        "pdf": {"Title": title, "Subject": alt, "CreationDate": None},
    }
    figure.savefig(file, format=format, facecolor=figure.get_facecolor(), metadata=metadata[format])


def _size(picture: Picture, width: float | None) -> tuple[float, float]:
    """Width and height in inches: panels of pleasant proportions, and room below for legend and note."""
    panels = max(len(picture.panels), 1)
    space = any(panel.zlabel for panel in picture.panels)
    if picture.columns:
        width = width or {1: 7.8, 2: 9.6, 3: 13.0}.get(picture.columns, 4.4 * picture.columns)
        rows = -(-panels // picture.columns)
        height = rows * width / picture.columns * (0.84 if space and picture.columns > 2 else 0.72) + 0.5
        lines = len(_wrapped(picture.note, width))
        return width, height + 0.17 * lines + 0.26 * len(_legend_rows(_shared(picture), width))
    names = max((len(m.names) for p in picture.panels for m in p.marks if isinstance(m, Intervals)), default=0)
    tables = [m for p in picture.panels for m in p.marks if isinstance(m, Table)]
    natural = {1: 8.6 if space else 7.8, 2: 13.0, 3: 15.0}.get(panels, 4.4 * panels)
    if tables:
        natural = max(5.0, *(sum(_breadths(m)) + 0.6 for m in tables))
    width = width or natural
    lines = len(_wrapped(picture.note, width))
    if tables:
        return width, max(m.rows + _heading(m) for m in tables) * _ROW + 0.75 + 0.19 * lines
    height = 1.7 + 0.3 * names if names else width / panels * (0.82 if space else 0.62 if panels == 1 else 0.74)
    keys = max((_entries(panel) for panel in picture.panels), default=0)
    return width, height + 0.17 * lines + 0.22 * -(-keys // 2)


def _wrapped(note: str, width: float) -> list[str]:
    return [part for line in note.splitlines() for part in textwrap.wrap(line, max(30, int(width * 13.0)))]


def _entries(panel: Panel) -> int:
    return len(_labels(panel.marks)) if panel.legend else 0


def _labels(marks: Sequence[Mark]) -> list[str]:
    """What the marks ask a legend to say."""
    said: list[str] = []
    for mark in marks:
        said += [mark.start, mark.label, mark.end] if isinstance(mark, Path) else [getattr(mark, "label", "")]
    return [label for label in said if label]


def _shared(picture: Picture) -> list[str]:
    """The labels of a legend for all panels, each once."""
    kept = (m for p in picture.panels if p.legend for m in p.marks if not isinstance(m, Contours | Mesh))
    return list(dict.fromkeys(_labels(list(kept))))


def _panel(ax: Any, panel: Panel, palette: Palette) -> tuple[tuple[tuple[Any, ...], ...], list[Key]]:
    """Draw a panel; the artists of each mark, and the entries of the legend."""
    keys: list[Key] = []
    artists: list[tuple[Any, ...]] = []
    for order, mark in enumerate(panel.marks):
        if type(mark) not in _DRAW:
            raise TypeError(f"This renderer cannot draw a {type(mark).__name__}.")
        known = set(ax.get_children())
        said = _DRAW[type(mark)](ax, mark, palette, 2.0 + 0.01 * order)
        artists.append(tuple(a for a in ax.get_children() if a not in known))
        keys += said if panel.legend else []
    _dress(ax, panel, palette)
    return tuple(artists), keys


def _dress(ax: Any, panel: Panel, palette: Palette) -> None:
    """Titles, labels, limits, ticks and grid; every colour and size is set here, whatever the user's own settings are."""
    text: dict[str, Any] = {"fontsize": _BODY, "color": palette.ink, "parse_math": False}
    ax.set_facecolor(palette.paper)
    if panel.title:
        ax.set_title(panel.title, fontsize=_HEAD, color=palette.ink, parse_math=False, pad=8)
    ax.set_xlabel(panel.xlabel, **text)
    ax.set_ylabel(panel.ylabel, **text)
    if panel.log_x:
        ax.set_xscale("log")
    if panel.log_y:
        ax.set_yscale("log")
    if panel.xlim:
        ax.set_xlim(panel.xlim)
    if panel.ylim:
        ax.set_ylim(panel.ylim)
    if panel.zlabel is not None:
        _dress_space(ax, panel, palette, text)
        return
    if any(isinstance(mark, Table) for mark in panel.marks):
        ax.set_axis_off()
        return
    ax.grid(visible=True, color=palette.grid, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(colors=palette.quiet, labelsize=_SMALL, length=3)
    for name, spine in ax.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(palette.quiet)
    named = any(isinstance(mark, Intervals) for mark in panel.marks)
    (_factors if panel.log_x else _ticks)(ax.xaxis)
    if not panel.log_x and any("×" in text for text in _distinct(ax.get_xticks())):
        _ticks(ax.xaxis, 4)  # labels with powers of ten are wide
    if panel.log_y:
        _factors(ax.yaxis)
    elif not named:
        _ticks(ax.yaxis)
    if panel.xlabel == "updates made":
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9))


def _dress_space(ax: Any, panel: Panel, palette: Palette, text: dict[str, Any]) -> None:
    ax.set_zlabel(panel.zlabel, **text)
    ax.view_init(elev=panel.view[0], azim=panel.view[1])
    ax.set_box_aspect((1, 1, 0.75), zoom=1.06)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color(palette.paper)
        axis.pane.set_edgecolor(palette.grid)
        axis.line.set_color(palette.quiet)
        axis._axinfo["grid"].update(color=palette.grid, linewidth=0.8)  # there is no public way to set it
        # Where two axes meet, their outermost labels would lie on each other.
        wide = any("×" in text for text in _distinct(axis.get_ticklocs()))
        axis.set_major_locator(MaxNLocator(nbins=3 if wide else 5, prune=None if axis is ax.zaxis else "both"))
        axis.set_major_formatter(_Ticks())
        axis.set_tick_params(colors=palette.quiet, labelcolor=palette.quiet, labelsize=_SMALL)
        axis.labelpad = (10 if axis is ax.zaxis else 8) + (4 if wide else 0)
    low, high = ax.get_zlim()
    ax.set_zlim(low - 0.06 * (high - low), high)


class _Ticks(Formatter):
    """Labels of ticks as plain text, with as few digits as tell them apart."""

    def __call__(self, value: float, pos: int | None = None) -> str:
        return tick(value)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        return _distinct(values)


class _Powers(Formatter):
    """Labels of an axis that grows by factors."""

    def __call__(self, value: float, pos: int | None = None) -> str:
        exponent = round(math.log10(value)) if value > 0 else 0
        return power_of_ten(exponent) if abs(exponent) > 4 else tick(value)


def _ticks(axis: Any, most: int = 7) -> None:
    axis.set_major_formatter(_Ticks())
    axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]))


def _factors(axis: Any) -> None:
    axis.set_major_locator(LogLocator(numticks=8))
    axis.set_major_formatter(_Powers())
    axis.set_minor_formatter(NullFormatter())


def _distinct(values: Sequence[float]) -> list[str]:
    """Numbers as text, all with as many digits: the fewest, from three up, that keep every one near itself and apart."""
    largest = max((abs(value) for value in values), default=0.0)
    gap = min((b - a for a, b in itertools.pairwise(sorted(values)) if b > a), default=0.0)
    for digits in range(3, 13):
        rounded = [float(f"{value:.{digits}g}") for value in values]
        if all(abs(r - value) <= 0.02 * gap for r, value in zip(rounded, values, strict=True)):
            break
    if largest < 1e6:
        return [tick(0.0 if abs(r) < 1e-9 * gap else r, 12) for r in rounded]
    return [tick(value, digits) for value in rounded]


def _legend(ax: Any, keys: list[Key], width: float, palette: Palette, *, below: float) -> None:
    """Below the axes, where it can hide nothing, in as many columns as fit."""
    columns = len(_legend_rows([label for _, label in keys], width - 0.4)[0])
    down = ScaledTranslation(0, -below / 72, ax.get_figure().dpi_scale_trans)
    _keys(ax, keys, columns, palette, loc="upper center", bbox_to_anchor=(0.5, 0.0), bbox_transform=ax.transAxes + down)


def _shared_legend(ax: Any, keys: list[Key], width: float, palette: Palette) -> None:
    """One for all panels, on axes of its own: every label once."""
    ax.set_axis_off()
    once = list({label: (handle, label) for handle, label in keys}.values())  # the last, of a path, has line and marker
    columns = len(_legend_rows([label for _, label in once], width)[0])
    _keys(ax, once, columns, palette, loc="center", borderpad=0.0)


def _legend_rows(labels: Sequence[str], width: float) -> list[Sequence[str]]:
    """Labels cut into rows of as many as fit beside each other."""
    columns = len(labels)
    while columns > 1 and sum(max(map(len, labels[i::columns])) + 8 for i in range(columns)) > (width - 0.6) * 12.9:
        columns -= 1
    return [labels[i : i + columns] for i in range(0, len(labels), columns or 1)]


def _keys(ax: Any, keys: list[Key], columns: int, palette: Palette, **place: Any) -> None:
    ordered = [key for i in range(columns) for key in keys[i::columns]]  # by row: matplotlib fills column by column
    legend = ax.legend(
        [handle for handle, _ in ordered],
        [str(i) for i in range(len(ordered))],
        ncols=columns,
        frameon=False,
        fontsize=_SMALL,
        labelcolor=palette.ink,
        handlelength=2.4,
        columnspacing=1.6,
        borderaxespad=0.0,
        **place,
    )
    for text, (_, label) in zip(legend.get_texts(), ordered, strict=True):
        text.set_parse_math(False)
        text.set_text(label)  # set late: a label that begins with "_" would be left out


def _key(style: Style, label: str, *, line: bool, marker: bool, edge: str | None = None) -> list[Key]:
    if not label:
        return []
    handle = Line2D(
        [],
        [],
        color=style.colour,
        linestyle=style.dash if line else "none",
        linewidth=style.width,
        marker=style.marker if marker else "",
        markersize=min(style.size, 8),
        markeredgecolor=edge or style.colour,
        alpha=max(style.alpha, 0.5),
    )
    return [(handle, label)]


def _points(ax: Any, mark: Points, palette: Palette, order: float) -> list[Key]:
    style = palette.styles[mark.role]
    single = mark.role in ("start", "kept", "optimum")
    n = len(mark.x)
    size = style.size if single or n <= 150 else 4.0 if n <= 600 else 2.6
    alpha = style.alpha if single or n <= 150 else 0.6 if n <= 600 else 0.42
    edge = palette.paper if single else style.colour
    ax.plot(
        *_columns(mark.x, mark.y, mark.z),
        linestyle="none",
        marker=style.marker or "o",
        markersize=size,
        color=style.colour,
        alpha=alpha,
        markeredgecolor=edge,
        markeredgewidth=1.0 if single else 0.0,
        zorder=order + (4 if single else 0),
    )
    return _key(style, mark.label, line=False, marker=True, edge=edge)


def _line(ax: Any, mark: Line, palette: Palette, order: float) -> list[Key]:
    style = palette.styles[mark.role]
    ax.plot(
        *_columns(mark.x, mark.y, mark.z),
        color=style.colour,
        linestyle=style.dash,
        linewidth=style.width,
        alpha=style.alpha,
        zorder=order + 0.5,
        marker=style.marker or "o" if len(mark.x) == 1 else "",
        solid_capstyle="round",
    )
    return _key(style, mark.label, line=True, marker=len(mark.x) == 1)


def _band(ax: Any, mark: Band, palette: Palette, order: float) -> list[Key]:
    style = replace(palette.styles[mark.role], marker="s", size=9.0, alpha=_SHADE)
    ax.fill_between(mark.x, mark.low, mark.high, color=style.colour, alpha=_SHADE, linewidth=0, zorder=order)
    return _key(style, mark.label, line=False, marker=True)


def _path(ax: Any, mark: Path, palette: Palette, order: float) -> list[Key]:
    style, start = palette.styles[mark.role], palette.styles["start"]
    few = len(mark.x) <= _STEPS_AS_DOTS
    columns = _columns(mark.x, mark.y, mark.z)
    common: dict[str, Any] = {"color": style.colour, "linestyle": style.dash, "linewidth": style.width, "alpha": style.alpha}
    ax.plot(*columns, marker=style.marker if few else "", markersize=3.6, zorder=order + 1, **common)
    for at, look, size in ((0, start, start.size), (-1, style, 9.0)):
        ax.plot(
            *(column[at:][:1] for column in columns),
            linestyle="none",
            marker=look.marker,
            markersize=size,
            color=look.colour,
            markeredgecolor=palette.paper,
            markeredgewidth=1.2,
            zorder=order + (3 if at == 0 else 2),
        )
    end = Style(style.colour, marker=style.marker, size=8)
    return [
        *_key(start, mark.start, line=False, marker=True, edge=palette.paper),
        *(_key(replace(style, size=4), mark.label, line=True, marker=few) if len(mark.x) > 1 else []),
        *(_key(end, mark.end, line=False, marker=True, edge=palette.paper) if len(mark.x) > 1 else []),
    ]


def _contours(ax: Any, mark: Contours, palette: Palette, order: float) -> list[Key]:
    levels = list(mark.levels)
    if len(levels) < 2:
        ax.text(0.5, 0.5, f"the {mark.label} is the same everywhere", ha="center", transform=ax.transAxes, color=palette.quiet)
        return []
    colours = LinearSegmentedColormap.from_list("bands", palette.bands, N=len(levels) - 1)
    norm = BoundaryNorm(levels, len(levels) - 1)
    bands = ax.contourf(mark.x, mark.y, mark.z, levels=levels, cmap=colours, norm=norm, zorder=order, extend="neither")
    ax.contour(mark.x, mark.y, mark.z, levels=levels[1:-1], colors=palette.contour, linewidths=0.7, zorder=order + 0.1)
    if not mark.scale:
        return []
    shown = levels[:: max(1, len(levels) // 8)]
    bar = ax.get_figure().colorbar(bands, ax=ax, spacing="uniform", fraction=0.045, pad=0.02, ticks=shown)
    told = [[tick(level, digits) for level in shown] for digits in range(3, 13)]
    bar.set_ticks(shown, labels=next(said for said in told if len(set(said)) == len(shown) or said is told[-1]))
    bar.ax.tick_params(colors=palette.quiet, labelsize=_SMALL, length=2)
    bar.ax.minorticks_off()
    bar.outline.set_edgecolor(palette.quiet)
    bar.set_label(mark.label, color=palette.ink, fontsize=_BODY)
    return []


def _mesh(ax: Any, mark: Mesh, palette: Palette, order: float) -> list[Key]:
    colours = LinearSegmentedColormap.from_list("bands", palette.bands)
    x, y = np.meshgrid(mark.x, mark.y)
    z = np.asarray(mark.z)
    low, high = float(z.min()), float(z.max())
    norm = PowerNorm(0.5, low, high if high > low else low + 1)  # as many shades near the floor as higher up
    ax.plot_surface(x, y, z, cmap=colours, norm=norm, rcount=61, ccount=61, linewidth=0, antialiased=False, zorder=order)
    wire = {"rcount": 16, "ccount": 16, "linewidth": 0.6, "color": palette.contour, "alpha": 0.8}
    ax.plot_wireframe(x, y, z, zorder=order + 0.1, **wire)
    return []


def _vertical(ax: Any, mark: Vertical, palette: Palette, order: float) -> list[Key]:
    style = palette.styles[mark.role]
    ax.axvline(mark.x, color=style.colour, linestyle=style.dash, linewidth=style.width, zorder=order)
    return _key(style, mark.label, line=True, marker=False)


def _horizontal(ax: Any, mark: Horizontal, palette: Palette, order: float) -> list[Key]:
    style = palette.styles[mark.role]
    ax.axhline(mark.y, color=style.colour, linestyle=style.dash, linewidth=style.width, zorder=order)
    return _key(style, mark.label, line=True, marker=False)


def _arrow(ax: Any, mark: Arrow, palette: Palette, order: float) -> list[Key]:
    style = palette.styles[mark.role]
    if mark.x:
        look = {"arrowstyle": "-|>,head_width=0.32,head_length=0.6", "shrinkA": 0, "shrinkB": 0, "linewidth": style.width}
        tail, tip = zip(mark.x, mark.y, strict=True)
        drawn = ax.annotate("", tip, tail, arrowprops={**look, "color": style.colour}, zorder=order + 3.5)
        drawn.set_in_layout(False)
    return _key(style, mark.label if mark.x else "", line=True, marker=True)


def _text(ax: Any, mark: Text, palette: Palette, order: float) -> list[Key]:
    place: dict[str, Any] = {"transform": ax.transAxes, "color": palette.ink, "fontsize": _BODY, "parse_math": False}
    (ax.text2D if isinstance(ax, Axes3D) else ax.text)(mark.x, mark.y, mark.text, zorder=order + 4, **place)
    return []


def _intervals(ax: Any, mark: Intervals, palette: Palette, order: float) -> list[Key]:
    style = palette.styles[mark.role]
    places = range(len(mark.names))
    ax.hlines(places, mark.low, mark.high, color=style.colour, linewidth=2.2, zorder=order + 0.5)
    ax.plot(mark.estimate, places, linestyle="none", marker="o", markersize=7, color=style.colour, zorder=order + 1)
    ax.set_yticks(list(places), list(mark.names), parse_math=False)
    ax.set_ylim(len(mark.names) - 0.4, -0.6)
    return _key(Style(style.colour, marker="o", width=2.2), mark.label, line=True, marker=True)


_ROW, _CHARACTER = 0.27, 0.083  # height of a table's row and breadth of one of its characters, in inches


def _breadths(mark: Table) -> list[float]:
    """Of the columns of a table, in inches."""
    texts = [_cells(column) for column in mark.columns]
    widest = [
        max([*map(len, text), *map(len, textwrap.wrap(name, 16) or [""])]) for name, text in zip(mark.names, texts, strict=True)
    ]
    return [_CHARACTER * most + 0.42 for most in widest]


def _heading(mark: Table) -> float:
    """Rows that the names of the columns take."""
    return 0.35 + 0.8 * max(len(textwrap.wrap(name, 16) or [""]) for name in mark.names)


def _cells(values: Numbers) -> list[str]:
    """A column of numbers as text: five digits of the largest, and never fewer than two of any."""
    finite = [abs(v) for v in values if v and math.isfinite(v)]
    if all(v == round(v) for v in values if math.isfinite(v)) and max(finite, default=0.0) < 1e6:
        return ["" if math.isnan(v) else tick(v, 12) for v in values]
    decimals = 4 - math.floor(math.log10(max(finite, default=1.0)))
    fixed = 0 <= decimals <= 8
    small = 10.0 ** (1 - decimals)
    return ["" if math.isnan(v) else _cell(v, decimals if fixed and (v == 0 or abs(v) >= small) else None) for v in values]


def _cell(value: float, decimals: int | None) -> str:
    if value == 0:
        return "0"
    return tick(value, 4) if decimals is None else f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def _table(ax: Any, mark: Table, palette: Palette, order: float) -> list[Key]:
    breadths, heading = _breadths(mark), _heading(mark)
    total, depth = sum(breadths), heading + mark.rows
    words: dict[str, Any] = {"ha": "right", "va": "center", "parse_math": False, "zorder": order + 1}
    right = 0.0
    for name, column, breadth in zip(mark.names, mark.columns, breadths, strict=True):
        right += breadth
        head = "\n".join(textwrap.wrap(name, 16))
        ax.text(right - 0.16, heading / 2, head, fontsize=_BODY, fontweight="bold", color=palette.ink, **words)
        for i, cell in enumerate(_cells(column)):
            ax.text(right - 0.16, heading + i + 0.5, cell, fontsize=_BODY, color=palette.ink, **words)
    for i in mark.breaks:
        ax.axhline(heading + i, color=palette.quiet, linestyle=(0, (1.5, 2.5)), linewidth=1.2, zorder=order + 0.5)
    for i in range(0, mark.rows, 2):
        band = {"facecolor": palette.grid, "alpha": 0.5, "linewidth": 0}
        ax.axhspan(heading + i, heading + i + 1, zorder=order, **band)
    ax.axhline(heading, color=palette.quiet, linewidth=1.0, zorder=order + 0.5)
    ax.set_xlim(0, total)
    ax.set_ylim(depth, 0)
    return []


def _bins(ax: Any, mark: Bins, palette: Palette, order: float) -> list[Key]:
    colours = LinearSegmentedColormap.from_list("cells", [palette.bands[1], palette.styles["data"].colour])
    most = max(mark.count, default=1.0)
    corners = [
        [(a, c), (b, c), (b, d), (a, d)] for a, b, c, d in zip(mark.left, mark.right, mark.bottom, mark.top, strict=True)
    ]
    cells = PolyCollection(corners, cmap=colours, norm=LogNorm(1, max(most, 2)), linewidths=0, zorder=order)
    cells.set_array(np.asarray(mark.count))
    ax.add_collection(cells)
    return _key(Style(palette.styles["data"].colour, marker="s", size=8), mark.label, line=False, marker=True)


def _columns(x: Numbers, y: Numbers, z: Numbers | None) -> list[Numbers]:
    return [x, y] if z is None else [x, y, z]


_DRAW: dict[type[Mark], Callable[[Any, Any, Palette, float], list[Key]]] = {
    Points: _points,
    Line: _line,
    Band: _band,
    Path: _path,
    Contours: _contours,
    Mesh: _mesh,
    Vertical: _vertical,
    Horizontal: _horizontal,
    Arrow: _arrow,
    Text: _text,
    Intervals: _intervals,
    Table: _table,
    Bins: _bins,
}
