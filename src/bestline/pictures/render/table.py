"""Table: numbers drawn in rows and columns, every column with as many digits as it needs, its own width, its name above."""

from __future__ import annotations

import math
from typing import Any

from bestline.pictures.marks import Numbers, Table
from bestline.pictures.palette import Palette
from bestline.pictures.render.legend import BODY, Key
from bestline.wording import broken, said, width

ROW_HEIGHT, _CHARACTER = 0.27, 0.083  # height of a table's row and breadth of one of its characters, in inches
_HEADING = 18  # letters of a heading's line
_MOST_DIGITS = 9  # of a number of a column in which all have as many decimals
_LARGE = 1e9  # beyond it a number has a power of ten


def breadths(mark: Table) -> list[float]:
    """Of the columns of a table, in inches."""
    # By characters, not by pixels: the size must be known before there is anything to measure with.
    texts = [_cells(column) for column in mark.columns]
    widest = [
        max([*map(len, text), *map(width, broken(name, _HEADING) or [""])])
        for name, text in zip(mark.names, texts, strict=True)
    ]
    return [_CHARACTER * most + 0.42 for most in widest]


def heading(mark: Table) -> float:
    """Rows that the names of the columns take."""
    return 0.35 + 0.8 * max(len(broken(name, _HEADING) or [""]) for name in mark.names)


def draw_table(ax: Any, mark: Table, palette: Palette, order: float) -> list[Key]:
    """Draw a table, which fills its panel."""
    wide, high = breadths(mark), heading(mark)
    total, depth = sum(wide), high + mark.rows
    words: dict[str, Any] = {"ha": "right", "va": "center", "parse_math": False, "zorder": order + 1}
    right = 0.0
    for name, column, breadth in zip(mark.names, mark.columns, wide, strict=True):
        right += breadth
        head = "\n".join(broken(name, _HEADING))
        ax.text(right - 0.16, high / 2, head, fontsize=BODY, fontweight="bold", color=palette.ink, **words)
        for i, cell in enumerate(_cells(column)):
            ax.text(right - 0.16, high + i + 0.5, cell, fontsize=BODY, color=palette.ink, **words)
    for i in mark.breaks:
        ax.axhline(high + i, color=palette.quiet, linestyle=(0, (1.5, 2.5)), linewidth=1.2, zorder=order + 0.5)
    for i in range(0, mark.rows, 2):
        band = {"facecolor": palette.grid, "alpha": 0.5, "linewidth": 0}
        ax.axhspan(high + i, high + i + 1, zorder=order, **band)
    ax.axhline(high, color=palette.quiet, linewidth=1.0, zorder=order + 0.5)
    # One unit is an inch across and a row down, from the top.
    ax.set_xlim(0, total)
    ax.set_ylim(depth, 0)
    return []


def _cells(values: Numbers) -> list[str]:
    """A column of numbers as text: five digits of the largest, and never fewer than two of any."""
    finite = [abs(v) for v in values if v and math.isfinite(v)]
    if all(v == round(v) for v in values if math.isfinite(v)) and max(finite, default=0.0) < _LARGE:
        return ["" if math.isnan(v) else said(v, 12) for v in values]
    decimals = max(4 - math.floor(math.log10(max(finite, default=1.0))), 0)
    # Decimals for all alike, so that points stand below each other; where that would hide digits, digits for all alike.
    if finite:  # two digits of the least
        decimals = max(decimals, 1 - math.floor(math.log10(min(finite))))
    before = max(math.floor(math.log10(max(finite, default=1.0))), 0) + 1
    if before + decimals <= _MOST_DIGITS and max(finite, default=0.0) < _LARGE:
        return ["" if math.isnan(v) else f"{v:,.{decimals}f}".replace("-", "\N{MINUS SIGN}") for v in values]
    return ["" if math.isnan(v) else said(v) for v in values]
