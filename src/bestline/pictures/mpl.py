"""Still pictures by matplotlib: for notebooks, files and terminals without a screen.

Only matplotlib's objects are used: no pyplot, no current figure, no settings of the process are read on purpose or changed.
"""

from __future__ import annotations

import io
import itertools
import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path as FilePath
from typing import IO, Any, TypeAlias

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import Formatter, LogLocator, MaxNLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation
from mpl_toolkits.mplot3d import Axes3D

from bestline.errors import OptionError
from bestline.pictures.marks import (
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
    Text,
    Vertical,
)
from bestline.pictures.palette import Palette, Style, themed

__all__ = ["FORMATS", "animate", "draw", "save"]

FORMATS = ("png", "svg", "pdf")

Key: TypeAlias = tuple[Line2D, str]  # an entry of a legend

_TITLE, _HEAD, _BODY, _SMALL = 14, 11.5, 10.5, 9.5  # sizes of text, in points
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_STEPS_AS_DOTS = 80  # a path of more steps is drawn as a line alone


class Drawing(Figure):
    """A matplotlib Figure that a notebook shows by itself, whether or not pyplot was imported."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", facecolor=self.get_facecolor())
        return file.getvalue()


def draw(picture: Picture, *, theme: str = "light", width: float | None = None, dpi: float = 100) -> Figure:
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
    palette = themed(theme)
    if not 0 < dpi < 10_000 or not (width is None or 1 <= width <= 200):
        raise OptionError(f"`width` must be from 1 to 200 inches and `dpi` positive; got {width!r} and {dpi!r}.")
    size = _size(picture, width)
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1, wspace=0.04)
    figure = Drawing(figsize=size, dpi=dpi, layout=layout, facecolor=palette.paper)
    FigureCanvasAgg(figure)
    for i, panel in enumerate(picture.panels):
        _panel(figure, panel, (1, len(picture.panels), i + 1), size[0] / len(picture.panels), palette)
    if picture.title:
        title = textwrap.fill(picture.title, max(20, int(size[0] * 8)))
        figure.suptitle(title, fontsize=_TITLE, fontweight="bold", color=palette.ink, parse_math=False)
    if picture.note:
        figure.supxlabel(
            "\n".join(_wrapped(picture.note, size[0])),
            x=0.015,
            ha="left",
            fontsize=_SMALL,
            color=palette.quiet,
            parse_math=False,
        )
    return figure


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


def animate(
    pictures: Iterable[Picture],
    file: str | FilePath | IO[bytes],
    *,
    seconds: float = 0.4,
    theme: str = "light",
    width: float | None = None,
    dpi: float = 80,
) -> None:
    """Write pictures one after the other as a GIF that repeats, each shown for `seconds`, the last one five times as long."""
    from PIL import Image

    images = []
    for picture in pictures:
        canvas = FigureCanvasAgg(draw(picture, theme=theme, width=width, dpi=dpi))
        canvas.draw()
        images.append(Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba()).convert("RGB").quantize(128))
    if not images:
        raise OptionError("There are no pictures to animate; give at least one.")
    lasts = [round(1000 * seconds)] * (len(images) - 1) + [round(5000 * seconds)]
    images[0].save(file, format="GIF", save_all=True, append_images=images[1:], duration=lasts, loop=0)


def _size(picture: Picture, width: float | None) -> tuple[float, float]:
    """Width and height in inches: panels of pleasant proportions, and room below for legend and note."""
    panels = max(len(picture.panels), 1)
    rows = max((len(m.names) for p in picture.panels for m in p.marks if isinstance(m, Intervals)), default=0)
    space = any(panel.zlabel for panel in picture.panels)
    natural = {1: 8.6 if space else 7.8, 2: 13.0, 3: 15.0}.get(panels, 4.4 * panels)
    width = width or natural
    height = 1.7 + 0.3 * rows if rows else width / panels * (0.82 if space else 0.62 if panels == 1 else 0.74)
    keys = max((_entries(panel) for panel in picture.panels), default=0)
    lines = len(_wrapped(picture.note, width))
    return width, height + 0.17 * lines + 0.22 * -(-keys // 2)


def _wrapped(note: str, width: float) -> list[str]:
    return [part for line in note.splitlines() for part in textwrap.wrap(line, max(30, int(width * 13.5)))]


def _entries(panel: Panel) -> int:
    if not panel.legend:
        return 0
    return sum((3 if isinstance(mark, Path) else 1) for mark in panel.marks if getattr(mark, "label", ""))


def _panel(figure: Figure, panel: Panel, place: tuple[int, int, int], width: float, palette: Palette) -> None:
    space = panel.zlabel is not None
    ax = figure.add_subplot(*place, **({"axes_class": Axes3D, "computed_zorder": False} if space else {}))
    keys: list[Key] = []
    for order, mark in enumerate(panel.marks):
        if type(mark) not in _DRAW:
            raise TypeError(f"This renderer cannot draw a {type(mark).__name__}.")
        keys += _DRAW[type(mark)](ax, mark, palette, 2.0 + 0.01 * order)
    _dress(ax, panel, palette)
    if panel.legend and keys:
        _legend(ax, keys, width, palette, below=6 if space else 26 + (20 if panel.xlabel else 0))


def _dress(ax: Any, panel: Panel, palette: Palette) -> None:
    """Titles, labels, limits, ticks and grid; every colour and size is set here, whatever the user's own settings are."""
    text: dict[str, Any] = {"fontsize": _BODY, "color": palette.ink, "parse_math": False}
    ax.set_facecolor(palette.paper)
    if panel.title:
        ax.set_title(panel.title, fontsize=_HEAD, color=palette.ink, parse_math=False, pad=8)
    ax.set_xlabel(panel.xlabel, **text)
    ax.set_ylabel(panel.ylabel, **text)
    if panel.log_y:
        ax.set_yscale("log")
    if panel.xlim:
        ax.set_xlim(panel.xlim)
    if panel.ylim:
        ax.set_ylim(panel.ylim)
    if panel.zlabel is not None:
        _dress_space(ax, panel, palette, text)
        return
    ax.grid(visible=True, color=palette.grid, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(colors=palette.quiet, labelsize=_SMALL, length=3)
    for name, spine in ax.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(palette.quiet)
    named = any(isinstance(mark, Intervals) for mark in panel.marks)
    _ticks(ax.xaxis)
    if panel.log_y:
        ax.yaxis.set_major_locator(LogLocator(numticks=8))
        ax.yaxis.set_major_formatter(_Powers())
        ax.yaxis.set_minor_formatter(NullFormatter())
    elif not named:
        _ticks(ax.yaxis)
    if panel.xlabel == "updates made":
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9))


def _dress_space(ax: Any, panel: Panel, palette: Palette, text: dict[str, Any]) -> None:
    ax.set_zlabel(panel.zlabel, **text)
    ax.view_init(elev=panel.view[0], azim=panel.view[1])
    ax.set_box_aspect((1, 1, 0.75), zoom=1.0)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color(palette.paper)
        axis.pane.set_edgecolor(palette.grid)
        axis.line.set_color(palette.quiet)
        axis._axinfo["grid"].update(color=palette.grid, linewidth=0.8)  # there is no public way to set it
        axis.set_major_locator(MaxNLocator(nbins=5))
        axis.set_major_formatter(_Ticks())
        axis.set_tick_params(colors=palette.quiet, labelcolor=palette.quiet, labelsize=_SMALL)
        axis.labelpad = 14 if axis is ax.zaxis else 8


class _Ticks(Formatter):
    """Labels of ticks as plain text, with as few digits as tell them apart."""

    def __call__(self, value: float, pos: int | None = None) -> str:
        return _plain(value)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        return _distinct(values)


class _Powers(Formatter):
    """Labels of an axis that grows by factors."""

    def __call__(self, value: float, pos: int | None = None) -> str:
        exponent = round(math.log10(value)) if value > 0 else 0
        return f"10{str(exponent).translate(_RAISED)}" if abs(exponent) > 4 else _plain(value)


def _ticks(axis: Any) -> None:
    axis.set_major_formatter(_Ticks())
    axis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 2.5, 5, 10]))


def _plain(value: float, digits: int = 6) -> str:
    text = f"{value:.{digits}g}"
    if "e" in text and 1 <= abs(value) < 1e6:
        text = f"{float(text):.0f}"
    mantissa, exponent = text.split("e") if "e" in text else (text, "")
    power = f"×10{str(int(exponent)).translate(_RAISED)}" if exponent else ""
    return mantissa.replace("-", "\N{MINUS SIGN}") + power


def _distinct(values: Sequence[float]) -> list[str]:
    """Numbers as text, all with as many digits: the fewest, from three up, that keep every one near itself and apart."""
    largest = max((abs(value) for value in values), default=0.0)
    gap = min((b - a for a, b in itertools.pairwise(sorted(values)) if b > a), default=0.0)
    for digits in range(3, 13):
        rounded = [float(f"{value:.{digits}g}") for value in values]
        if all(abs(r - value) <= 0.02 * gap for r, value in zip(rounded, values, strict=True)):
            break
    if largest < 1e6:
        return [_plain(0.0 if abs(r) < 1e-9 * gap else r, 12) for r in rounded]
    return [_plain(value, digits) for value in rounded]


def _legend(ax: Any, keys: list[Key], width: float, palette: Palette, *, below: float) -> None:
    """Below the axes, where it can hide nothing, in as many columns as fit."""
    room = (width - 1.0) * 12.9
    columns = len(keys)
    while columns > 1 and sum(max(len(label) for _, label in keys[i::columns]) + 8 for i in range(columns)) > room:
        columns -= 1
    # Filled row by row: matplotlib fills column by column.
    ordered = [key for i in range(columns) for key in keys[i::columns]]
    down = ScaledTranslation(0, -below / 72, ax.get_figure().dpi_scale_trans)
    legend = ax.legend(
        [handle for handle, _ in ordered],
        [str(i) for i in range(len(ordered))],
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=ax.transAxes + down,
        ncols=columns,
        frameon=False,
        fontsize=_SMALL,
        labelcolor=palette.ink,
        handlelength=2.4,
        columnspacing=1.6,
        borderaxespad=0.0,
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


def _path(ax: Any, mark: Path, palette: Palette, order: float) -> list[Key]:
    style, start = palette.styles[mark.role], palette.styles["start"]
    if not mark.x:
        return []
    few = len(mark.x) <= _STEPS_AS_DOTS
    columns = _columns(mark.x, mark.y, mark.z)
    common: dict[str, Any] = {"color": style.colour, "linewidth": style.width, "alpha": style.alpha}
    ax.plot(*columns, marker=style.marker if few else "", markersize=3.6, zorder=order + 1, **common)
    for at, look, size in ((0, start, start.size), (-1, style, 9.0)):
        ax.plot(
            *([column[at]] for column in columns),
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
        *(_key(Style(style.colour, size=4, width=style.width), mark.label, line=True, marker=few) if len(mark.x) > 1 else []),
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
    shown = levels[:: max(1, len(levels) // 8)]
    bar = ax.get_figure().colorbar(bands, ax=ax, spacing="uniform", fraction=0.045, pad=0.02, ticks=shown)
    told = [[_plain(level, digits) for level in shown] for digits in range(3, 13)]
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


def _columns(x: Numbers, y: Numbers, z: Numbers | None) -> list[Numbers]:
    return [x, y] if z is None else [x, y, z]


_DRAW: dict[type[Mark], Callable[[Any, Any, Palette, float], list[Key]]] = {
    Points: _points,
    Line: _line,
    Path: _path,
    Contours: _contours,
    Mesh: _mesh,
    Vertical: _vertical,
    Horizontal: _horizontal,
    Text: _text,
    Intervals: _intervals,
}
