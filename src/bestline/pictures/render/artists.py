"""Artists: how matplotlib draws each kind of mark. One function a kind: it adds to the axes, and gives the legend's entries.

A mark says what it means, the palette how that looks; `order` says how far in front it lies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap, LogNorm, PowerNorm
from mpl_toolkits.mplot3d import Axes3D

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
    Path,
    Points,
    Table,
    Text,
    Vertical,
)
from bestline.pictures.palette import Palette, Style
from bestline.pictures.render.legend import BODY, SMALL, Key, key
from bestline.pictures.render.table import draw_table
from bestline.wording import tick

_SHADE = 0.22  # opacity of a band: lines and grid are seen through it
_STEPS_AS_DOTS = 80  # a path of more steps is drawn as a line alone


def _points(ax: Any, mark: Points, palette: Palette, order: float) -> list[Key]:
    style = palette.styles[mark.role]
    single = mark.role in ("start", "kept", "optimum")
    n = len(mark.x)
    size = style.size if single or n <= 150 else 4.0 if n <= 600 else 2.6
    # Many points overlap: the fainter and smaller, the more of them, so that crowds look dense and not flat.
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
    return key(style, mark.label, line=False, marker=True, edge=edge)


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
    return key(style, mark.label, line=True, marker=len(mark.x) == 1)


def _band(ax: Any, mark: Band, palette: Palette, order: float) -> list[Key]:
    style = replace(palette.styles[mark.role], marker="s", size=9.0, alpha=_SHADE)
    ax.fill_between(mark.x, mark.low, mark.high, color=style.colour, alpha=_SHADE, linewidth=0, zorder=order)
    return key(style, mark.label, line=False, marker=True)


def _path(ax: Any, mark: Path, palette: Palette, order: float) -> list[Key]:
    style, start = palette.styles[mark.role], palette.styles["start"]
    few = len(mark.x) <= _STEPS_AS_DOTS
    columns = _columns(mark.x, mark.y, mark.z)
    common: dict[str, Any] = {"color": style.colour, "linestyle": style.dash, "linewidth": style.width, "alpha": style.alpha}
    ax.plot(*columns, marker=style.marker if few else "", markersize=3.6, zorder=order + 1, **common)
    # Start in front of end: before the first step both are at one place, and that is the start.
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
        *key(start, mark.start, line=False, marker=True, edge=palette.paper),
        *(key(replace(style, size=4), mark.label, line=True, marker=few) if len(mark.x) > 1 else []),
        *(key(end, mark.end, line=False, marker=True, edge=palette.paper) if len(mark.x) > 1 else []),
    ]


def _contours(ax: Any, mark: Contours, palette: Palette, order: float) -> list[Key]:
    levels = list(mark.levels)
    if len(levels) < 2:
        ax.text(0.5, 0.5, f"the {mark.label} is the same everywhere", ha="center", transform=ax.transAxes, color=palette.quiet)
        return []
    # One colour a band and not one a height: bands near the floor, where levels are close, are told apart as well.
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
    bar.ax.tick_params(colors=palette.quiet, labelsize=SMALL, length=2)
    bar.ax.minorticks_off()
    bar.outline.set_edgecolor(palette.quiet)
    bar.set_label(mark.label, color=palette.ink, fontsize=BODY)
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


def _across(ax: Any, mark: Vertical | Horizontal, palette: Palette, order: float) -> list[Key]:
    style = palette.styles[mark.role]
    line, place = (ax.axvline, mark.x) if isinstance(mark, Vertical) else (ax.axhline, mark.y)
    line(place, color=style.colour, linestyle=style.dash, linewidth=style.width, zorder=order)
    return key(style, mark.label, line=True, marker=False)


def _arrow(ax: Any, mark: Arrow, palette: Palette, order: float) -> list[Key]:
    style = palette.styles[mark.role]
    if mark.x:
        look = {"arrowstyle": "-|>,head_width=0.32,head_length=0.6", "shrinkA": 0, "shrinkB": 0, "linewidth": style.width}
        tail, tip = zip(mark.x, mark.y, strict=True)
        drawn = ax.annotate("", tip, tail, arrowprops={**look, "color": style.colour}, zorder=order + 3.5)
        # An arrow may point out of the panel; it must not push the panel smaller.
        drawn.set_in_layout(False)
    return key(style, mark.label if mark.x else "", line=True, marker=True)


def _text(ax: Any, mark: Text, palette: Palette, order: float) -> list[Key]:
    place: dict[str, Any] = {"transform": ax.transAxes, "color": palette.ink, "fontsize": BODY, "parse_math": False}
    (ax.text2D if isinstance(ax, Axes3D) else ax.text)(mark.x, mark.y, mark.text, zorder=order + 4, **place)
    return []


def _intervals(ax: Any, mark: Intervals, palette: Palette, order: float) -> list[Key]:
    style = palette.styles[mark.role]
    places = range(len(mark.names))
    ax.hlines(places, mark.low, mark.high, color=style.colour, linewidth=2.2, zorder=order + 0.5)
    ax.plot(mark.estimate, places, linestyle="none", marker="o", markersize=7, color=style.colour, zorder=order + 1)
    ax.set_yticks(list(places), list(mark.names), parse_math=False)
    # The first name on top: the axis runs downwards.
    ax.set_ylim(len(mark.names) - 0.4, -0.6)
    return key(Style(style.colour, marker="o", width=2.2), mark.label, line=True, marker=True)


def _bins(ax: Any, mark: Bins, palette: Palette, order: float) -> list[Key]:
    colours = LinearSegmentedColormap.from_list("cells", [palette.bands[1], palette.styles["data"].colour])
    most = max(mark.count, default=1.0)
    # Drawn as one collection: ten thousand rectangles one by one would take seconds.
    corners = [
        [(a, c), (b, c), (b, d), (a, d)] for a, b, c, d in zip(mark.left, mark.right, mark.bottom, mark.top, strict=True)
    ]
    cells = PolyCollection(corners, cmap=colours, norm=LogNorm(1, max(most, 2)), linewidths=0, zorder=order)
    cells.set_array(np.asarray(mark.count))
    ax.add_collection(cells)
    return key(Style(palette.styles["data"].colour, marker="s", size=8), mark.label, line=False, marker=True)


def _columns(x: Numbers, y: Numbers, z: Numbers | None) -> list[Numbers]:
    return [x, y] if z is None else [x, y, z]


DRAW: dict[type[Mark], Callable[[Any, Any, Palette, float], list[Key]]] = {
    Points: _points,
    Line: _line,
    Band: _band,
    Path: _path,
    Contours: _contours,
    Mesh: _mesh,
    Vertical: _across,
    Horizontal: _across,
    Arrow: _arrow,
    Text: _text,
    Intervals: _intervals,
    Table: draw_table,
    Bins: _bins,
}
