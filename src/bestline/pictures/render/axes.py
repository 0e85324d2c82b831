"""Axes: titles, limits, ticks and grid of a panel, flat or in space; whatever the user's own settings are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import FixedLocator, Formatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from bestline.errors import one_line
from bestline.pictures.marks import Intervals, Panel, Table
from bestline.pictures.palette import Palette
from bestline.pictures.render.legend import BODY, HEAD, SMALL
from bestline.wording import power_of_ten, tick

_MOST_NAMES = 12  # levels of a category that are named on its axis
_BESIDE = 36  # letters of them that stand beside each other
_LONG = 4  # letters of a tick's label beyond which five of them run together in space


def dress(ax: Any, panel: Panel, palette: Palette) -> None:
    """Titles, labels, limits, ticks and grid; every colour and size is set here, whatever the user's own settings are."""
    text: dict[str, Any] = {"fontsize": BODY, "color": palette.ink, "parse_math": False}
    ax.set_facecolor(palette.paper)
    if panel.title:
        ax.set_title(panel.title, fontsize=HEAD, color=palette.ink, parse_math=False, pad=8)
    ax.set_xlabel(panel.xlabel, **text)
    ax.set_ylabel(panel.ylabel, **text)
    if panel.log_x:
        ax.set_xscale("log")
    if panel.even_within > 0:
        ax.set_xscale("symlog", linthresh=panel.even_within)
    if panel.log_y:
        ax.set_yscale("log")
    if panel.xlim:
        ax.set_xlim(panel.xlim)
    if panel.ylim:
        ax.set_ylim(panel.ylim)
    if panel.even and panel.zlabel is None:
        ax.set_aspect("equal", adjustable="box")
    # What follows is for flat panels: an axes in space has panes in place of spines.
    if panel.zlabel is not None:
        _dress_space(ax, panel, palette, text)
        return
    if any(isinstance(mark, Table) for mark in panel.marks):
        ax.set_axis_off()
        return
    ax.grid(visible=True, color=palette.grid, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(colors=palette.quiet, labelsize=SMALL, length=3)
    for name, spine in ax.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(palette.quiet)
    named = any(isinstance(mark, Intervals) for mark in panel.marks)
    _dress_across(ax, panel)
    if panel.log_y:
        _factors(ax.yaxis)
    elif not named:
        _ticks(ax.yaxis)


def _dress_across(ax: Any, panel: Panel) -> None:
    """Ticks of the horizontal axis."""
    if panel.top:
        _dress_top(ax, panel)
    if panel.even_within > 0:
        _either_side(ax.xaxis, panel.even_within)
        return
    (_factors if panel.log_x else _ticks)(ax.xaxis)
    if not panel.log_x and any("×" in text for text in distinct(ax.get_xticks())):
        _ticks(ax.xaxis, 4)  # labels with powers of ten are wide
    if panel.xlabel == "updates made":
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9))
    if panel.xnames:
        _name_places(ax, panel.xnames)


def _name_places(ax: Any, names: Sequence[str]) -> None:
    """Words at 0, 1, 2, ... of the horizontal axis: every one, or of many as many as can be read."""
    every = -(-len(names) // _MOST_NAMES)
    ax.set_xlim(-0.5, len(names) - 0.5)
    ax.set_xticks(
        range(0, len(names), every), [one_line(name, 18, head=11, tail=6) for name in names[::every]], parse_math=False
    )
    if sum(map(len, names[::every])) > _BESIDE:
        ax.tick_params(axis="x", labelrotation=35)
        for label in ax.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")


def _dress_space(ax: Any, panel: Panel, palette: Palette, text: dict[str, Any]) -> None:
    ax.set_zlabel(panel.zlabel, **text)
    ax.view_init(elev=panel.view[0], azim=panel.view[1])
    ax.set_box_aspect((1, 1, 0.75), zoom=1.06)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color(palette.paper)
        axis.pane.set_edgecolor(palette.grid)
        axis.line.set_color(palette.quiet)
        axis._axinfo["grid"].update(color=palette.grid, linewidth=0.8)  # there is no public way to set it
        # Seen at a slant an axis is short: the longer its labels, the fewer stand apart.
        longest = max(map(len, distinct(axis.get_ticklocs())), default=0)
        wide = longest > _LONG
        # Where two axes meet, their outermost labels would lie on each other.
        axis.set_major_locator(MaxNLocator(nbins=3 if wide else 5, prune=None if axis is ax.zaxis else "both"))
        axis.set_major_formatter(_Ticks())
        axis.set_tick_params(colors=palette.quiet, labelcolor=palette.quiet, labelsize=SMALL)
        axis.labelpad = (10 if axis is ax.zaxis else 8) + (4 if wide else 0)
    # Some air below the floor, so that path and optimum do not touch the box.
    low, high = ax.get_zlim()
    ax.set_zlim(low - 0.06 * (high - low), high)


def _dress_top(ax: Any, panel: Panel) -> None:
    """Words along the upper edge, coloured as the ticks below."""
    top = ax.secondary_xaxis("top")
    top.set_xticks([x for x, _ in panel.top], [text for _, text in panel.top], parse_math=False)
    top.minorticks_off()
    colour = ax.xaxis.get_tick_params()["labelcolor"]
    top.tick_params(colors=colour, labelsize=SMALL, length=3)
    top.spines["top"].set_visible(False)
    top.set_xlabel(panel.toplabel, color=colour, fontsize=SMALL, parse_math=False)


def _either_side(axis: Any, within: float) -> None:
    """Ticks of an axis that grows by factors on either side of zero: zero, and powers of ten as far as labels stand apart."""
    low, high = axis.get_view_interval()
    first = round(math.log10(within))
    reach = [math.floor(math.log10(end)) if end >= within else first - 1 for end in (-low, high)]
    every = max(1, -(-sum(end - first + 1 for end in reach) // 6))
    # Counted from zero outwards, alike on both sides; where the axis is long, the first powers would run into zero's label.
    powers = [[10.0**e for e in range(first + every - 1, end + 1, every)] for end in reach]
    axis.set_major_locator(FixedLocator([*(-p for p in reversed(powers[0])), 0.0, *powers[1]]))
    axis.set_major_formatter(_Powers())
    axis.set_minor_locator(NullLocator())


class _Ticks(Formatter):
    """Labels of ticks as plain text, with as few digits as tell them apart."""

    def __call__(self, value: float, _pos: int | None = None) -> str:
        return tick(value)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        return distinct(values)


class _Powers(Formatter):
    """Labels of an axis that grows by factors."""

    def __call__(self, value: float, _pos: int | None = None) -> str:
        exponent = round(math.log10(abs(value))) if value else 0
        sign = "\N{MINUS SIGN}" if value < 0 else ""
        return f"{sign}{power_of_ten(exponent)}" if abs(exponent) > 4 else tick(value)


def _ticks(axis: Any, most: int = 7) -> None:
    axis.set_major_formatter(_Ticks())
    axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]))


def _factors(axis: Any) -> None:
    axis.set_major_locator(LogLocator(numticks=8))
    axis.set_major_formatter(_Powers())
    axis.set_minor_formatter(NullFormatter())


def distinct(values: Sequence[float]) -> list[str]:
    """Numbers as text, all with as many digits: the fewest, from three up, that keep every one near itself and apart."""
    largest = max((abs(value) for value in values), default=0.0)
    # Rounding must not move a tick by more than a fiftieth of the distance to its neighbour, or labels would lie.
    gap = min((b - a for a, b in itertools.pairwise(sorted(values)) if b > a), default=0.0)
    for digits in range(3, 13):
        rounded = [float(f"{value:.{digits}g}") for value in values]
        if all(abs(r - value) <= 0.02 * gap for r, value in zip(rounded, values, strict=True)):
            break
    if largest < 1e6:
        return [tick(0.0 if abs(r) < 1e-9 * gap else r, 12) for r in rounded]
    return [tick(value, digits) for value in rounded]
