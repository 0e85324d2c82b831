"""Groups: the weights of many lines in order, with their intervals; each group's rows with its line; and weights as windows move on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bestline.calls import no_such
from bestline.data.design import Key
from bestline.data.grouped import rows_of_group
from bestline.data.tables import Source
from bestline.errors import OptionError
from bestline.inference.groups.lines import GroupLines
from bestline.inference.groups.tables import common_line, tidy
from bestline.pictures.clouds import Limits, beyond, limits
from bestline.pictures.marks import (
    Band,
    Horizontal,
    Intervals,
    Line,
    Mark,
    Outside,
    Panel,
    Picture,
    Points,
    Vertical,
    numbers,
)
from bestline.pictures.render.mpl import Drawing, draw
from bestline.wording import apart, count, level_of, said, shown, without

_NAMED = 40  # groups one below the other on a page, each by its name
_PANELS = 12  # groups with a panel of their own
_COLUMNS = 4  # of panels
_ROWS = 300  # drawn of each


@dataclass(frozen=True, slots=True, eq=False)
class GroupGallery:
    """The pictures of the lines of groups.

    Attributes
    ----------
    lines_of : GroupLines
    keys : tuple of Key
    source : Source
    theme : {"light", "dark"}
    """

    lines_of: GroupLines
    keys: tuple[Key, ...]
    source: Source
    theme: str = "light"

    @property
    def dark(self) -> GroupGallery:
        """The same pictures on a dark background."""
        return GroupGallery(self.lines_of, self.keys, self.source, "dark")

    def slopes(self, term: str | None = None, *, level: float = 0.95) -> Drawing:
        """One weight of every group, in order of its size, with its interval, and that of one line for all rows."""
        return draw(slopes(self.lines_of, term, level=level), theme=self.theme)

    def lines(self) -> Drawing:
        """The rows of each group with its line, and the line of all rows; for one feature, and twelve groups at the most."""
        return draw(small_multiples(self.lines_of, self.keys, self.source), theme=self.theme)


@dataclass(frozen=True, slots=True, eq=False)
class WindowGallery:
    """The pictures of the lines of windows.

    Attributes
    ----------
    lines_of : GroupLines
    theme : {"light", "dark"}
    """

    lines_of: GroupLines
    theme: str = "light"

    @property
    def dark(self) -> WindowGallery:
        """The same pictures on a dark background."""
        return WindowGallery(self.lines_of, "dark")

    def weights(self, term: str | None = None, *, level: float = 0.95) -> Drawing:
        """One weight as the windows move on, with its interval."""
        return draw(moving(self.lines_of, term, level=level), theme=self.theme)


def slopes(lines: GroupLines, term: str | None = None, *, level: float = 0.95) -> Picture:
    """One weight of every group in order of its size; the few that reach far beyond all others do not stretch the axis.

    Raises OptionError for a weight that is not there, or that no group determines.
    """
    name = _term(lines, term)
    estimate, low, high = _ranged(lines, name, level)
    order = [int(i) for i in np.argsort(estimate, kind="stable") if np.isfinite(estimate[i])]
    if not order:
        raise OptionError(f"No group determines {shown(name)}; the column `note` of glance() says why.")
    ends = np.stack([estimate, low, high])[:, order]
    ranged, whole = bool(np.isfinite(low).any()), common_line(lines)[lines.terms.index(name)]
    label = f"estimate and {level_of(level)} interval" if ranged else "estimate"
    unit, by = _unit(lines, name), _listed(lines.labels)
    short, left_out = _names(lines, order)
    room = limits(torch.from_numpy(ends[np.isfinite(ends)]))
    reach = min(room[0], whole), max(room[1], whole)
    if len(order) <= _NAMED:
        own = Intervals(tuple(short[i] for i in order), numbers(ends[0]), numbers(ends[1]), numbers(ends[2]), label=label)
        marks: tuple[Mark, ...] = (Vertical(whole, "reference", "one line for all rows"), own)
        panel = Panel("", unit, by, marks, xlim=reach)
    else:
        left_out = ""
        panel = Panel("", f"groups, by their {shown(name)}", unit, _ribbon(ends, whole, level), ylim=reach)
    apart = int(((low > whole) | (high < whole)).sum())
    far, gone = int(((ends < reach[0]) | (ends > reach[1])).any(0).sum()), len(lines) - len(order)
    first, last = (said(estimate[order[i]], _digits(estimate[order])) for i in (0, -1))
    span = f"{first} to {last} over {count(len(order), 'group')}" if len(order) > 1 else f"{first} in the one group"
    notes = [
        f"{count(apart, 'interval')} of {len(order):,} {'does' if apart == 1 else 'do'} not contain the weight of one line for all rows."
        if ranged and len(lines) > 1
        else "",
        f"{count(far, 'group')} {'reaches' if far == 1 else 'reach'} beyond the axis." if far else "",
        f"{count(gone, 'group')} {'has' if gone == 1 else 'have'} no estimate and {'is' if gone == 1 else 'are'} not drawn."
        if gone
        else "",
        left_out,
    ]
    alt = f"{shown(name)} of each group, from {first} to {last}; one line for all rows has {said(whole)}. {notes[0]}".strip()
    return Picture((panel,), f"{shown(name)}: {span}", " ".join(filter(None, notes)), alt)


def _ribbon(ends: np.ndarray, whole: float, level: float) -> tuple[Mark, ...]:
    """Estimates and ends of intervals (3, groups), in order, as a line in a band."""
    place, known = np.arange(1, ends.shape[1] + 1), np.isfinite(ends[1])
    inside = numbers(place[known]), numbers(ends[1, known]), numbers(ends[2, known])
    band: list[Mark] = [Band(*inside, "fitted", f"{level_of(level)} interval")] if known.any() else []
    line = Line(numbers(place), numbers(ends[0]), "fitted", "estimate")
    return *band, Horizontal(whole, "reference", "one line for all rows"), line


def _unit(lines: GroupLines, name: str) -> str:
    """What a weight is measured in."""
    target = shown(lines.targets[0])
    return target if name == "Intercept" else f"change of {target} per unit"


def _names(lines: GroupLines, which: Sequence[int]) -> tuple[dict[int, str], str]:
    """What these groups are called, no two alike, and what their names are shown without."""
    whole = {g: lines.name(g) for g in which}
    columns = [list(dict.fromkeys(values)) for values in zip(*whole.values(), strict=True)]
    longest = 30 if len(columns) == 1 else 20
    short = [dict(zip(values, apart(values, longest), strict=True)) for values in columns]
    called = {g: ", ".join(told[value] for told, value in zip(short, name, strict=True)) for g, name in whole.items()}
    return called, " ".join(filter(None, (without(values, longest) for values in columns)))


def _listed(columns: Iterable[str]) -> str:
    """The columns that make the groups: `store`, `species and sex`."""
    *others, last = [shown(column) for column in columns]
    return f"{', '.join(others)} and {last}" if others else last


def _digits(values: np.ndarray) -> int:
    """As many digits as tell these values apart, four at least."""
    finite = values[np.isfinite(values)]
    size, spread = np.abs(finite).max(), np.ptp(finite)
    return int(min(max(4, 3 + math.floor(math.log10(size / spread))), 12)) if 0 < spread < size else 4


def small_multiples(lines: GroupLines, keys: tuple[Key, ...], source: Source) -> Picture:
    """The rows of each group and its line, on axes alike. Raises OptionError where the line is not one over one column of numbers."""
    design = lines.design
    if design.p != 1 or design.factors[0].kind != "number" or design.responses[0].kind != "number":
        raise OptionError("This picture is of a line over one column of numbers; `slopes(term)` draws a weight of every group.")
    x, y = design.names[0], design.targets[0]
    # The groups of most rows: a line of three rows is no sight.
    drawn = sorted(sorted(range(len(lines)), key=lambda g: -int(lines.whole.count[g]))[:_PANELS])
    rows = [_rows(rows_of_group(source, design, tuple(lines.labels), keys[g]), (x, y)) for g in drawn]
    ends, heights = (limits(torch.cat([at[j] for at in rows])) for j in (0, 1))
    short, left_out = _names(lines, drawn)
    columns = min(_COLUMNS, len(drawn)) if len(drawn) > 1 else 0
    panels = []
    for i, (g, at) in enumerate(zip(drawn, rows, strict=True)):
        lowest, leftmost = i + columns >= len(drawn), not columns or i % columns == 0
        named = shown(x) if lowest else "", shown(y) if leftmost else ""  # axes alike are named at the edges, once
        every = len(at[0]) == int(lines.whole.count[g])
        marks = _marks(
            lines,
            g,
            at,
            ends,
            crowd=max(len(each[0]) for each in rows),
            outside=beyond(at[0], at[1], ends, heights, whole=every),
        )
        panels.append(Panel(short[g], *named, marks, xlim=ends, ylim=heights))
    bare = sum(not bool(lines.weights[g, :, 0].isfinite().all()) for g in drawn)
    notes = [
        f"The {len(drawn)} groups of most rows, of {len(lines):,}." if len(lines) > len(drawn) else "",
        f"{count(bare, 'group')} drawn {'has' if bare == 1 else 'have'} no line: the rows do not determine one."
        if bare
        else "",
        left_out,
    ]
    by = _listed(lines.labels)
    alt = f"{count(len(drawn), 'group')}, each with its rows and its line, and the line of all rows: {y} over {x}."
    title = f"{shown(y)} against {shown(x)}, by {by}"
    return Picture(tuple(panels), title, " ".join(filter(None, notes)), alt, columns=columns)


def _rows(table: Mapping[str, Any], columns: Sequence[str]) -> tuple[torch.Tensor, ...]:
    """So many of the rows of a group as a panel shows, each column (n,)."""
    every = max(1, -(-len(table[columns[0]]) // _ROWS))
    return tuple(torch.tensor(table[name][::every], dtype=torch.float64) for name in columns)


def _marks(
    lines: GroupLines, g: int, at: tuple[torch.Tensor, ...], ends: Limits, *, crowd: int, outside: Outside
) -> tuple[Mark, ...]:
    """The rows of a group, at (x, y), its line as far as they reach, and the line of all rows; points as large as of `crowd` rows."""
    own = (float(lines.whole.low[g, 0]), float(lines.whole.high[g, 0]))
    intercept = lines.design.intercept
    return (
        Points(numbers(at[0].tolist()), numbers(at[1].tolist()), "data", "rows", crowd=crowd),
        _line(common_line(lines), ends, "reference", "one line for all rows", intercept=intercept),
        _line(lines.weights[g, :, 0].tolist(), own, "fitted", "line of the group", intercept=intercept),
        *([outside] if outside.texts else []),
    )


def _line(weights: list[float], ends: tuple[float, float], role: str, label: str, *, intercept: bool) -> Line:
    level = weights[1] if intercept else 0.0
    return Line(numbers(ends), numbers(level + weights[0] * x for x in ends), role, label)


def moving(lines: GroupLines, term: str | None = None, *, level: float = 0.95) -> Picture:
    """One weight as the windows move on. Raises OptionError for a weight that is not there, or that no window determines."""
    name = _term(lines, term)
    estimate, low, high = _ranged(lines, name, level)
    finite = estimate[np.isfinite(estimate)]
    if not len(finite):
        raise OptionError(f"No window determines {shown(name)}; the column `note` of glance() says why.")
    last = lines.labels["last"]
    dates = last.dtype.kind == "M"
    x = numbers((last - np.datetime64(0, "D")) / np.timedelta64(1, "D") if dates else last.astype(float))
    # Windows without an interval stay in the band as gaps: joined across them it would state what nobody knows.
    interval = f"{level_of(level)} interval"
    band: list[Mark] = [Band(x, numbers(low), numbers(high), "fitted", interval)] if np.isfinite(low).any() else []
    marks = (*band, Line(x, numbers(estimate), "fitted", "estimate"))
    panel = Panel("", "last row of the window", _unit(lines, name), marks, dates=dates)
    first, latest, least, most = (said(v, _digits(finite)) for v in (finite[0], finite[-1], finite.min(), finite.max()))
    title = f"{shown(name)}: {first} in the first window, {latest} in the last"
    alt = f"{title}; from {least} to {most} over {count(len(lines), 'window')}."
    gone = len(lines) - len(finite)
    lacking = f"{count(gone, 'window')} without an estimate {'is a gap' if gone == 1 else 'are gaps'}. " if gone else ""
    return Picture((panel,), title, f"{lacking}Neighbouring windows share rows, so their estimates move together.", alt)


def _term(lines: GroupLines, term: str | None) -> str:
    if term is None:
        return lines.terms[0]
    if term not in lines.terms:
        raise no_such("weight", term, lines.terms)
    return term


def _ranged(lines: GroupLines, name: str, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = tidy(lines, level)
    own = table[table["term"] == name].iloc[: len(lines)]  # of several targets the first
    estimate, low, high = (own[column].to_numpy(dtype=float) for column in ("estimate", "conf_low", "conf_high"))
    return estimate, low, high
