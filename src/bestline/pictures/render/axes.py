"""Axes: titles, limits, ticks and grid of a panel, flat or in space; whatever the user's own settings are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import FixedLocator, Formatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from bestline.pictures.marks import Intervals, Panel, Table
from bestline.pictures.palette import Palette
from bestline.pictures.render.legend import BODY, HEAD, SMALL
from bestline.wording import plain, power_of_ten, said, scientific

_MOST_NAMES = 12  # levels of a category that are named on its axis
_BESIDE = 36  # letters of them that stand beside each other
_ROUND = (1, 2, 5, 10)  # times a power of ten: the distances of ticks
_SHORT = 4  # letters of a tick's label of which five stand apart in space
_ONE_POWER, _FEW_POWERS = 0.7, 2.3  # of ten, from one end of an axis to the other
_MOST_DIGITS = 5  # of a tick's label: beyond them an axis counts from a number of its own


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
    if panel.dates:
        _days(ax.xaxis)
        return
    (_factors if panel.log_x else _ticks)(ax.xaxis)
    if panel.xlabel == "updates made":
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9, steps=_ROUND))
    if panel.xnames:
        _name_places(ax, panel.xnames)


def _name_places(ax: Any, names: Sequence[str]) -> None:
    """Words at 0, 1, 2, ... of the horizontal axis: every one, or of many as many as can be read."""
    every = -(-len(names) // _MOST_NAMES)
    ax.set_xlim(-0.5, len(names) - 0.5)
    ax.set_xticks(range(0, len(names), every), [plain(name, 18) for name in names[::every]], parse_math=False)
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
        # Seen at a slant an axis is short. Where two axes meet, their outermost labels would lie on each other.
        longest = max(map(len, Scale.of(*axis.get_view_interval()).texts(axis.get_ticklocs())), default=0)
        _ticks(axis, 5 if longest <= _SHORT else 3, prune=None if axis is ax.zaxis else "both")
        axis.set_tick_params(colors=palette.quiet, labelcolor=palette.quiet, labelsize=SMALL)
        axis.labelpad = 2 + 3 * longest if axis is ax.zaxis else 8 + (4 if longest > _SHORT else 0)
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


@dataclass(frozen=True, slots=True)
class Scale:
    """How the numbers of an axis are written: less an offset that all are near to, in units of a power of ten."""

    offset: float = 0.0
    power: int = 0

    @classmethod
    def of(cls, low: float, high: float) -> Scale:
        """Of an axis between two ends: plain where its labels are short."""
        span, size = high - low, max(abs(low), abs(high))
        if not 0 < span < math.inf:
            return cls()
        # Labels five apart need so many digits; what they all begin with is said once.
        offset = 0.0
        if size > span * 10.0 ** (_MOST_DIGITS - 1):
            unit = 10.0 ** math.floor(math.log10(span))
            offset = math.floor(low / unit) * unit
            size = max(abs(low - offset), abs(high - offset))
        thousands = 3 * math.floor(math.log10(size) / 3)
        return cls(offset, thousands if not 1e-3 <= size < 1e6 else 0)

    @property
    def told(self) -> str:
        """What the label of the axis has to say of it."""
        far = f"{self.offset:,.0f}" if 1 <= abs(self.offset) < 1e15 else said(self.offset, 15)
        counted = f"counted from {far}".replace("-", "\N{MINUS SIGN}") if self.offset else ""
        unit = f"in units of {power_of_ten(self.power)}" if self.power else ""
        return ", ".join(filter(None, (counted, unit)))

    def texts(self, values: Sequence[float]) -> list[str]:
        """Labels of ticks: all with as many decimals, the fewest that keep every one near itself and apart from the others."""
        # Divided, not multiplied by 0.000001, which is no number of its own.
        unit = 10.0 ** abs(self.power)
        scaled = [(v - self.offset) / unit if self.power > 0 else (v - self.offset) * unit for v in values]
        # Rounding must not move a tick by more than a fiftieth of the distance to its neighbour, or labels would lie.
        gap = min((b - a for a, b in itertools.pairwise(sorted(scaled)) if b > a), default=abs(scaled[0]) if scaled else 0.0)
        near = (d for d in range(17) if all(abs(round(v, d) - v) <= 0.02 * gap for v in scaled))
        decimals = next(near, 17)
        return [f"{round(v, decimals) + 0.0:,.{decimals}f}".replace("-", "\N{MINUS SIGN}") for v in scaled]


class _Ticks(Formatter):
    """Labels of ticks as plain text, on one scale."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale

    def __call__(self, value: float, _pos: int | None = None) -> str:
        return self.scale.texts([value])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        return self.scale.texts(values)


class _Powers(Formatter):
    """Labels of an axis that grows by factors: all with powers of ten, or none."""

    def __call__(self, value: float, _pos: int | None = None) -> str:
        return self.format_ticks([value])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        ends = self.axis.get_view_interval() if self.axis is not None else ()
        # Where few powers are in sight numbers are written as they are in titles and legends.
        most = 1e9 if len(ends) and _powers_within(*ends) < _FEW_POWERS else 1e4
        far = any(v and not 1e-4 <= abs(v) < most for v in (*values, *ends))
        return [_power(v) if far and v else said(v) for v in values]


def _power(value: float) -> str:
    return scientific(value, 1).replace("1×", "")


def _ticks(axis: Any, most: int = 7, *, prune: str | None = None) -> None:
    scale = Scale.of(*sorted(axis.get_view_interval()))
    axis.set_major_formatter(_Ticks(scale))
    axis.set_major_locator(MaxNLocator(nbins=most, steps=_ROUND, prune=prune))
    if scale.told:
        axis.set_label_text(", ".join(filter(None, (axis.get_label_text(), scale.told))))


def _powers_within(one: float, other: float) -> float:
    """Powers of ten from one end of an axis to the other."""
    low, high = sorted((one, other))
    return math.log10(high / low) if 0 < low < high else math.inf


def _days(axis: Any) -> None:
    """Ticks at round dates, all written as ISO 8601 has them, to the same unit."""
    locator = AutoDateLocator(maxticks=7)
    # From years to parts of a second. No word of any language, and no second line for what all share.
    forms = ["%Y", "%Y-%m", "%Y-%m-%d", "%m-%d %H:%M", "%H:%M", "%S.%f"]
    axis.set_major_locator(locator)
    axis.set_major_formatter(
        ConciseDateFormatter(locator, formats=forms, zero_formats=forms, offset_formats=forms, show_offset=False)
    )


def _factors(axis: Any) -> None:
    """Ticks at powers of ten; at 2 and 5 times these too where few are in sight, and within one of them plain ticks."""
    decades = _powers_within(*axis.get_view_interval())
    axis.set_minor_formatter(NullFormatter())
    if decades < _ONE_POWER:
        _ticks(axis)
        axis.set_minor_locator(NullLocator())
        return
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades < _FEW_POWERS else (1.0,), numticks=8))
    axis.set_major_formatter(_Powers())


def heights(levels: Sequence[float]) -> tuple[list[str], str]:
    """Heights that are not evenly spaced as text, with as few digits as tell them apart; and their unit."""
    scale = Scale(0.0, Scale.of(0.0, max(map(abs, levels), default=0.0)).power)
    least = min((abs(v) for v in levels if v), default=1.0)
    # From a thousandth of their unit down, each has a power of its own.
    own = least < 10.0 ** (scale.power - 3)
    unit = 10.0**scale.power
    second = min((abs(v) for v in levels if abs(v) > least), default=least)
    # It is the floor alone that is next to nothing, and so it is written.
    if own and scale.power <= 0 and second >= 10.0 ** (scale.power - 3):
        decimals = max(1 - math.floor(math.log10(second / unit)), 0)
        return [f"{v / unit:,.{decimals}f}" for v in levels], scale.told
    for digits in range(3, 13):
        if own:
            texts = [scientific(v, digits) if v else "0" for v in levels]
        else:
            texts = [said(v / 10.0**scale.power if scale.power >= 0 else v * 10.0**-scale.power, digits) for v in levels]
        if len(set(texts)) == len(levels):
            break
    return texts, "" if own else scale.told
