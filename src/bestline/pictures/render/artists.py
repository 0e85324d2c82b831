"""Artists: how matplotlib draws each kind of mark. One function a kind: it adds to the axes, and gives the legend's entries.

A mark says what it means, the palette how that looks; `order` says how far in front it lies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap, LogNorm, PowerNorm
from matplotlib.patheffects import withStroke
from mpl_toolkits.mplot3d import Axes3D

from bestline.pictures import marks
from bestline.pictures.palette import Palette, Style
from bestline.pictures.render.axes import heights
from bestline.pictures.render.legend import BODY, SMALL, Key, key
from bestline.pictures.render.table import draw_table
from bestline.wording import said

_SHADE = 0.22  # opacity of a band: lines and grid are seen through it
_STEPS_AS_DOTS = 80  # a path of more steps is drawn as a line alone


def _points(ax: Any, mark: marks.Points, palette: Palette, order: float) -> list[Key]:
    style = palette.styles[mark.role]
    style = replace(style, marker=style.marker or "o")
    single = mark.role in ("start", "end", "kept", "optimum")
    n = max(len(mark.x), mark.crowd)
    size = style.size if single or n <= 150 else 4.0 if n <= 600 else 2.6
    # Many points overlap: the fainter and smaller, the more of them, so that crowds look dense and not flat.
    alpha = style.alpha if single else min(style.alpha, 0.75) if n <= 150 else 0.6 if n <= 600 else 0.42
    edge = palette.paper if single else style.colour
    ring = {"markeredgecolor": edge, "markeredgewidth": 1.0 if single else 0.0}
    _dots(ax, _columns(mark), style, size, alpha=alpha, zorder=order + (4 if single else 0), **ring)
    return key(style, mark.label, line=False, marker=True, edge=edge)


def _line(ax: Any, mark: marks.Line, palette: Palette, order: float) -> list[Key]:
    style = palette.styles[mark.role]
    single = len(mark.x) == 1  # a line of one place would not be seen
    marker = style.marker or "o" if single else ""
    # One of several has an edge of paper: it may cross cells of its own colour.
    edge: dict[str, Any] = (
        {"path_effects": [withStroke(linewidth=style.width + 1.6, foreground=palette.paper)]}
        if mark.role.startswith("run")
        else {}
    )
    ax.plot(*_columns(mark), marker=marker, zorder=order + 0.5, solid_capstyle="round", **_stroke(style), **edge)
    return key(style, mark.label, line=True, marker=single)


def _band(ax: Any, mark: marks.Band, palette: Palette, order: float) -> list[Key]:
    style = replace(palette.styles[mark.role], marker="s", size=9.0, alpha=_SHADE)
    ax.fill_between(mark.x, mark.low, mark.high, color=style.colour, alpha=_SHADE, linewidth=0, zorder=order)
    return key(style, mark.label, line=False, marker=True)


def _path(ax: Any, mark: marks.Path, palette: Palette, order: float) -> list[Key]:
    style, start = palette.styles[mark.role], palette.styles["start"]
    few = len(mark.x) <= _STEPS_AS_DOTS
    columns = _columns(mark)
    ax.plot(*columns, marker=style.marker if few else "", markersize=3.6, zorder=order + 1, **_stroke(style))
    # Start in front of end: before the first step both are at one place, and that is the start.
    ring, dark = ({"markeredgecolor": colour, "markeredgewidth": 1.2} for colour in (palette.paper, palette.ink))
    _dots(ax, [column[:1] for column in columns], start, start.size, zorder=order + 3, **dark)
    _dots(ax, [column[-1:] for column in columns], style, 9.0, zorder=order + 2, **ring)
    end = Style(style.colour, marker=style.marker, size=8)
    return [
        *key(start, mark.start, line=False, marker=True, edge=palette.ink),
        *(key(replace(style, size=4), mark.label, line=True, marker=few) if len(mark.x) > 1 else []),
        *(key(end, mark.end, line=False, marker=True, edge=palette.paper) if len(mark.x) > 1 else []),
    ]


def _contours(ax: Any, mark: marks.Contours, palette: Palette, order: float) -> list[Key]:
    levels = list(mark.levels)
    if len(levels) < 2:
        ax.text(0.5, 0.5, f"the {mark.label} is the same everywhere", ha="center", transform=ax.transAxes, color=palette.quiet)
        return []
    # One colour a band and not one a height: bands near the floor, where levels are close, are told apart as well.
    colours = LinearSegmentedColormap.from_list("bands", palette.bands, N=len(levels) - 1)
    norm = BoundaryNorm(levels, len(levels) - 1)
    x, y = np.meshgrid(mark.x, mark.y)
    x, y = x + mark.lean[1] * y, y + mark.lean[0] * x
    bands = ax.contourf(x, y, mark.z, levels=levels, cmap=colours, norm=norm, zorder=order, extend="neither")
    ax.contour(x, y, mark.z, levels=levels[1:-1], colors=palette.contour, linewidths=0.7, zorder=order + 0.1)
    if not mark.scale:
        return []
    shown = levels[:: max(1, len(levels) // 8)]
    texts, unit = heights(shown)
    _scale(ax, bands, ", ".join(filter(None, (mark.label, unit))), dict(zip(shown, texts, strict=True)), palette)
    return []


def _scale(ax: Any, drawn: Any, label: str, ticks: dict[float, str], palette: Palette) -> None:
    """A scale beside the panel that says what its colours mean."""
    bar = ax.get_figure().colorbar(drawn, ax=ax, spacing="uniform", fraction=0.045, pad=0.02)
    bar.set_ticks(list(ticks), labels=list(ticks.values()))
    bar.ax.tick_params(colors=palette.quiet, labelsize=SMALL, length=2)
    bar.ax.minorticks_off()
    bar.outline.set_edgecolor(palette.quiet)
    bar.set_label(label, color=palette.ink, fontsize=BODY, parse_math=False)


def _mesh(ax: Any, mark: marks.Mesh, palette: Palette, order: float) -> list[Key]:
    colours = LinearSegmentedColormap.from_list("bands", palette.bands)
    x, y = np.meshgrid(mark.x, mark.y)
    z = np.asarray(mark.z)
    low, high = float(z.min()), float(z.max())
    norm = PowerNorm(0.5, low, high if high > low else low + 1)  # as many shades near the floor as higher up
    ax.plot_surface(x, y, z, cmap=colours, norm=norm, rcount=61, ccount=61, linewidth=0, antialiased=False, zorder=order)
    wire = {"rcount": 16, "ccount": 16, "linewidth": 0.6, "color": palette.contour, "alpha": 0.8}
    ax.plot_wireframe(x, y, z, zorder=order + 0.1, **wire)
    return []


def _across(ax: Any, mark: marks.Vertical | marks.Horizontal, palette: Palette, order: float) -> list[Key]:
    style = palette.styles[mark.role]
    line, place = (ax.axvline, mark.x) if isinstance(mark, marks.Vertical) else (ax.axhline, mark.y)
    line(place, color=style.colour, linestyle=style.dash, linewidth=style.width, zorder=order)
    return key(style, mark.label, line=True, marker=False)


def _arrow(ax: Any, mark: marks.Arrow, palette: Palette, order: float) -> list[Key]:
    style = palette.styles[mark.role]
    if mark.x:
        look = {"arrowstyle": "-|>,head_width=0.32,head_length=0.6", "shrinkA": 0, "shrinkB": 0, "linewidth": style.width}
        tail, tip = zip(mark.x, mark.y, strict=True)
        drawn = ax.annotate("", tip, tail, arrowprops={**look, "color": style.colour}, zorder=order + 3.5)
        # An arrow may point out of the panel; it must not push the panel smaller.
        drawn.set_in_layout(False)
    return key(style, mark.label if mark.x else "", line=True, marker=True)


def _text(ax: Any, mark: marks.Text, palette: Palette, order: float) -> list[Key]:
    place: dict[str, Any] = {"transform": ax.transAxes, "color": palette.ink, "fontsize": BODY, "parse_math": False}
    # With an edge of paper, so that it can be read over lines and points.
    edge = [withStroke(linewidth=2.5, foreground=palette.paper)]
    (ax.text2D if isinstance(ax, Axes3D) else ax.text)(mark.x, mark.y, mark.text, zorder=order + 4, path_effects=edge, **place)
    return []


def _intervals(ax: Any, mark: marks.Intervals, palette: Palette, order: float) -> list[Key]:
    style = palette.styles[mark.role]
    style = style if style.marker else replace(style, marker="o")
    rows = range(len(mark.names))
    places = [row + mark.below for row in rows]
    ax.hlines(places, mark.low, mark.high, color=style.colour, linewidth=2.2, zorder=order + 0.5)
    _dots(ax, [mark.estimate, places], style, 7, zorder=order + 1)
    ax.set_yticks(list(rows), list(mark.names), parse_math=False)
    # The first name on top: the axis runs downwards.
    ax.set_ylim(len(mark.names) - 0.4, -0.6)
    return key(Style(style.colour, marker=style.marker, width=2.2), mark.label, line=True, marker=True)


def _bins(ax: Any, mark: marks.Bins, palette: Palette, order: float) -> list[Key]:
    corners = [
        [(a, c), (b, c), (b, d), (a, d)] for a, b, c, d in zip(mark.left, mark.right, mark.bottom, mark.top, strict=True)
    ]
    return _counted(ax, corners, mark, palette, order)


def _hexagons(ax: Any, mark: marks.Hexagons, palette: Palette, order: float) -> list[Key]:
    # A hexagon that stands on a corner, of any height and width: neighbours share their sides.
    across, up = np.array([0, 1, 1, 0, -1, -1]) * mark.width / 2, np.array([2, 1, -1, -2, -1, 1]) * mark.height / 3
    corners = np.stack([np.add.outer(mark.x, across), np.add.outer(mark.y, up)], -1)
    return _counted(ax, corners, mark, palette, order)


def _counted(ax: Any, corners: Any, mark: marks.Bins | marks.Hexagons, palette: Palette, order: float) -> list[Key]:
    """Areas coloured by the rows that they hold, and a scale that says which colour is how many."""
    colours = LinearSegmentedColormap.from_list("cells", [palette.bands[2], palette.styles["data"].colour, palette.ink])
    most = max(mark.count, default=1.0)
    # Drawn as one collection: ten thousand areas one by one would take seconds.
    cells = PolyCollection(corners, cmap=colours, norm=LogNorm(1, max(most, 2)), linewidths=0, zorder=order)
    cells.set_array(np.asarray(mark.count))
    ax.add_collection(cells)
    shown = [float(step) for step in (1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9) if step <= max(most, 2)]
    # Within one power of ten the ends say more than the powers.
    shown = shown if len(shown) > 2 else [1.0, float(most)] if most > 1 else [1.0]
    _scale(ax, cells, mark.label, {step: said(step) for step in shown}, palette)
    return []


_EDGES = {  # place in shares of the panel, points from there, how the text lies, and the arrow
    "above": ((0.5, 1.0), (0, -4), "center", "top", 0, "\N{BLACK UP-POINTING TRIANGLE}"),
    "below": ((0.5, 0.0), (0, 4), "center", "bottom", 0, "\N{BLACK DOWN-POINTING TRIANGLE}"),
    "left": ((0.0, 0.5), (4, 0), "left", "center", 90, "\N{BLACK UP-POINTING TRIANGLE}"),
    "right": ((1.0, 0.5), (-4, 0), "right", "center", 270, "\N{BLACK UP-POINTING TRIANGLE}"),
}


def _outside(ax: Any, mark: marks.Outside, palette: Palette, order: float) -> list[Key]:
    look: dict[str, Any] = {"color": palette.ink, "fontsize": SMALL, "parse_math": False, "xycoords": "axes fraction"}
    # On paper of its own, so that it can be read over whatever lies there; not over the axis, however small the panel is.
    paper = {"facecolor": palette.paper, "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
    for side, words in mark.texts.items():
        place, points, ha, va, turned, arrow = _EDGES[side]
        look |= {"xytext": points, "textcoords": "offset points", "rotation": turned, "ha": ha, "va": va}
        ax.annotate(f"{arrow} {words}", place, bbox=paper, zorder=order + 5, **look)
    return []


def _names(ax: Any, mark: marks.Names, palette: Palette, order: float) -> list[Key]:
    for name, x, y, height, role in zip(mark.names, mark.x, mark.y, mark.at, mark.roles, strict=True):
        colour = palette.styles[role].colour
        beside = (1.03, height)
        ax.annotate(
            name,
            (x, y),
            beside,
            textcoords=ax.get_yaxis_transform(),
            va="center",
            color=palette.as_text(colour),
            fontsize=SMALL,
            parse_math=False,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8, "shrinkA": 1, "shrinkB": 0, "relpos": (0, 0.5)},
            zorder=order + 4,
        )
    return []


def _columns(mark: marks.Points | marks.Line | marks.Path) -> list[marks.Numbers]:
    return [column for column in (mark.x, mark.y, mark.z) if column is not None]


def _stroke(style: Style) -> dict[str, Any]:
    return {"color": style.colour, "linestyle": style.dash, "linewidth": style.width, "alpha": style.alpha}


def _dots(ax: Any, columns: Sequence[Sequence[float]], style: Style, size: float, **look: Any) -> None:
    """Markers that no line joins."""
    ax.plot(*columns, linestyle="none", marker=style.marker or "o", markersize=size, color=style.colour, **look)


DRAW: dict[type[marks.Mark], Callable[[Any, Any, Palette, float], list[Key]]] = {
    marks.Points: _points,
    marks.Line: _line,
    marks.Band: _band,
    marks.Path: _path,
    marks.Contours: _contours,
    marks.Mesh: _mesh,
    marks.Vertical: _across,
    marks.Horizontal: _across,
    marks.Arrow: _arrow,
    marks.Text: _text,
    marks.Intervals: _intervals,
    marks.Table: draw_table,
    marks.Bins: _bins,
    marks.Hexagons: _hexagons,
    marks.Outside: _outside,
    marks.Names: _names,
}
