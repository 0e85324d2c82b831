"""Groups: the weights of many lines in order, with their intervals; each group's rows with its line; and weights as windows move on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bestline.calls import no_such
from bestline.data.grouped import Key, rows_of_group
from bestline.data.tables import Source
from bestline.errors import OptionError
from bestline.inference.groups.lines import GroupLines
from bestline.inference.groups.tables import common_line, tidy
from bestline.pictures.marks import Band, Horizontal, Intervals, Line, Mark, Panel, Picture, Points, Vertical, numbers
from bestline.pictures.render.mpl import Drawing, draw
from bestline.wording import count, level_of, said, shown

_NAMED = 40  # groups one below the other on a page, each by its name
_PANELS = 12  # groups with a panel of their own
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
    """One weight of every group in order of its size. Raises OptionError for a weight that is not there, or that no group determines."""
    name = _term(lines, term)
    estimate, low, high = _ranged(lines, name, level)
    order = [int(i) for i in np.argsort(estimate, kind="stable") if np.isfinite(estimate[i])]
    if not order:
        raise OptionError(f"No group determines {shown(name)}; the column `note` of glance() says why.")
    ranged = bool(np.isfinite(low).any())
    interval = f"{level_of(level)} interval" if ranged else ""
    whole = common_line(lines)[lines.terms.index(name)]
    what, unit = f"{shown(name)} of each group", f"change of {shown(lines.design.targets[0], 20)} per unit"
    label = f"estimate and {interval}" if ranged else "estimate"
    if len(order) <= _NAMED:
        names = tuple(", ".join(shown(value, 20) for value in lines.name(i)) for i in order)
        own = Intervals(names, numbers(estimate[order]), numbers(low[order]), numbers(high[order]), label=label)
        marks: tuple[Mark, ...] = (Vertical(whole, "reference", "one line for all rows"), own)
        panel = Panel("", unit if name != "Intercept" else shown(lines.design.targets[0]), "", marks)
    else:
        place = numbers(range(1, len(order) + 1))
        known = [i for i in range(len(order)) if np.isfinite(low[order[i]])]
        band = Band(
            numbers(place[i] for i in known), numbers(low[order][known]), numbers(high[order][known]), "fitted", interval
        )
        marks = (
            *((band,) if known else ()),
            Horizontal(whole, "reference", "one line for all rows"),
            Line(place, numbers(estimate[order]), "fitted", "estimate"),
        )
        panel = Panel(
            "", f"groups, by their {shown(name, 20)}", unit if name != "Intercept" else shown(lines.design.targets[0]), marks
        )
    apart = int(((low > whole) | (high < whole)).sum())
    title = f"{shown(name)}: {said(estimate[order[0]])} to {said(estimate[order[-1]])} over {count(len(order), 'group')}"
    alt = f"{what}, from {said(estimate[order[0]])} to {said(estimate[order[-1]])}; one line for all rows has {said(whole)}."
    notes = [
        f"{count(apart, 'interval')} of {len(order):,} {'does' if apart == 1 else 'do'} not contain the weight of one line for all rows."
    ]
    if len(order) < len(lines):
        notes.append(f"{count(len(lines) - len(order), 'group')} without an estimate not drawn.")
    return Picture((panel,), title, " ".join(notes if ranged else notes[1:]), f"{alt} {notes[0] if ranged else ''}".strip())


def small_multiples(lines: GroupLines, keys: tuple[Key, ...], source: Source) -> Picture:
    """The rows of each group and its line. Raises OptionError where the line is not one over one column of numbers."""
    design = lines.design
    if design.p != 1 or design.factors[0].kind != "number" or design.responses[0].kind != "number":
        raise OptionError("This picture is of a line over one column of numbers; `slopes(term)` draws a weight of every group.")
    x, y = design.names[0], design.targets[0]
    # The groups of most rows: a line of three rows is no sight.
    drawn = sorted(sorted(range(len(lines)), key=lambda g: -int(lines.whole.count[g]))[:_PANELS])
    whole = common_line(lines)
    ends, heights = (_room(float(lines.whole.low[drawn, j].min()), float(lines.whole.high[drawn, j].max())) for j in (0, 1))
    panels = []
    for g in drawn:
        rows = rows_of_group(source, design, tuple(lines.labels), keys[g])
        every = max(1, -(-len(rows[x]) // _ROWS))
        own = (float(lines.whole.low[g, 0]), float(lines.whole.high[g, 0]))
        marks = (
            Points(numbers(rows[x][::every]), numbers(rows[y][::every]), "data", "rows"),
            _line(whole, ends, "reference", "one line for all rows", intercept=design.intercept),
            _line(lines.weights[g, :, 0].tolist(), own, "fitted", "line of the group", intercept=design.intercept),
        )
        panels.append(
            Panel(
                ", ".join(shown(value, 20) for value in lines.name(g)),
                shown(x, 20),
                shown(y, 20),
                marks,
                xlim=ends,
                ylim=heights,
            )
        )
    left = len(lines) - len(drawn)
    note = f"The {len(drawn)} groups of most rows, of {len(lines):,}." if left else ""
    alt = f"{count(len(drawn), 'group')}, each with its rows and its line, and the line of all rows: {y} over {x}."
    columns = min(4, len(panels)) if len(panels) > 1 else 0
    return Picture(tuple(panels), f"{shown(y)} against {shown(x)}, group by group", note, alt, columns=columns)


def _room(low: float, high: float) -> tuple[float, float]:
    """Limits a little beyond the rows, so that none is cut."""
    air = 0.04 * (high - low) or 1.0
    return low - air, high + air


def _line(weights: list[float], ends: tuple[float, float], role: str, label: str, *, intercept: bool) -> Line:
    level = weights[1] if intercept else 0.0
    return Line(numbers(ends), numbers(level + weights[0] * x for x in ends), role, label)


def moving(lines: GroupLines, term: str | None = None, *, level: float = 0.95) -> Picture:
    """One weight as the windows move on. Raises OptionError for a weight that is not there."""
    name = _term(lines, term)
    estimate, low, high = _ranged(lines, name, level)
    last = lines.labels["last"]
    dates = last.dtype.kind == "M"
    x = (last - last[0]) / np.timedelta64(1, "D") if dates else last.astype(float)
    xlabel = f"last row of the window, in days since {str(last[0])[:10]}" if dates else "last row of the window"
    known = np.isfinite(low)
    interval = f"{level_of(level)} interval"
    band = Band(numbers(x[known]), numbers(low[known]), numbers(high[known]), "fitted", interval)
    marks = (*((band,) if known.any() else ()), Line(numbers(x), numbers(estimate), "fitted", "estimate"))
    unit = shown(lines.design.targets[0], 20)
    panel = Panel("", xlabel, unit if name == "Intercept" else f"change of {unit} per unit", marks)
    finite = estimate[np.isfinite(estimate)]
    if not len(finite):
        raise OptionError(f"No window determines {shown(name)}; the column `note` of glance() says why.")
    title = f"{shown(name)}: {said(finite[0])} in the first window, {said(finite[-1])} in the last"
    alt = f"{title}; from {said(finite.min())} to {said(finite.max())} over {count(len(lines), 'window')}."
    return Picture((panel,), title, "Neighbouring windows share rows, so their estimates move together.", alt)


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
