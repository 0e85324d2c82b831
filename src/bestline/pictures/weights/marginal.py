"""Marginal: means, contrasts and slopes as dots with their intervals, one below the other; over a column of numbers as lines with bands.

Groups stand side by side, each in its own colour: where lines of groups are not parallel, the term and the groups interact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bestline.errors import OptionError
from bestline.inference.marginal import Marginal
from bestline.inference.marginal.table import MarginalEstimate
from bestline.pictures.axis_labels import called
from bestline.pictures.marks import RUNS, Band, Horizontal, Intervals, Line, Mark, Panel, Picture, Vertical, numbers, run_role
from bestline.wording import apart, count, errors_told, level_of, plain, said, shown, typeset, without

_MINUS = "\N{MINUS SIGN}"
_MOST_HELD = 4  # columns whose means are told
_NAME = 60  # letters of where an estimate is
_MOST = 40  # one below the other on a page


def marginal(
    found: Marginal, what: str, by: Sequence[str] = (), *, variables: Sequence[str] = (), slope_in: str = "", target: int = 0
) -> Picture:
    """A picture of estimates: `what` they are of the target, as "marginal mean", `by` which columns, of those that the line has.

    With `slope_in` they are slopes in that column. Estimates of targets such as log(y) that were turned back are named by what
    they are now, medians of y.

    Raises OptionError where there are more groups of lines than can be told apart.
    """
    name = found.targets[target]
    own = [place for place in found.places if place.target == name]
    interval = f"{level_of(found.level)} interval"
    ranged = any(math.isfinite(place.conf_low) for place in own)
    short = called(list(dict.fromkeys([*variables, *by, *([slope_in] if slope_in else [])])))
    where = f"in {short[slope_in]}" if slope_in else f"by {' and '.join(short[column] for column in by)}" if by else ""
    # A difference and a slope may be none at all; a mean of zero is like any other.
    zero = not what.startswith("marginal")
    own_column = dict(found.turned_back).get(name)
    if own_column is not None:
        what, name = "median", own_column
    title = (
        f"{what[0].upper()}{what[1:]}s of {' '.join(filter(None, (shown(name), where)))}{f', {interval}s' if ranged else ''}"
    )
    axis = f"{what} of {shown(name)}{f' per unit of {short[slope_in]}' if slope_in else ''}"
    numeric = (
        len({place.at[0] for place in own}) > 2 and all(isinstance(place.at[0], float) for place in own) if own[0].at else False
    )
    panel = (
        _lines(found, own, axis, short[found.columns[0]], zero=zero)
        if numeric
        else _dots(found, own, f"{what} {where}".strip(), axis, interval, zero=zero)
    )
    left_out = [] if numeric or len(own) <= _MOST else [f"{_MOST} of {len(own)} shown."]
    clear = [place for place in own if place.conf_low > 0 or place.conf_high < 0]
    low, high = _end(own, min, named=not numeric), _end(own, max, named=not numeric)
    seen = f"{count(len(own), what)} of {shown(name)}, {_end(own, min) if len(own) == 1 else f'from {low} to {high}'}."
    if zero and ranged:
        seen += f" {len(clear)} of the intervals do{'es' if len(clear) == 1 else ''} not contain zero."
    # The first note lists all means, of however many columns. Backquotes mark names in a terminal, with the keyboard's minus.
    notes = [typeset(note.replace("`", "")) for note in (found.notes[1:] if found.at_means else found.notes)]
    notes = [*_held(found.at_means, short), *notes]
    lost = without(list(short)) if any(short[column] != shown(column) for column in (*by, slope_in) if column) else ""
    return Picture((panel,), title, " ".join(filter(None, [*notes, errors_told(found.cov), *left_out, lost])), seen)


def _held(at_means: Sequence[tuple[str, float]], short: Mapping[str, str]) -> list[str]:
    """At which values numbers stand, of the first few of them."""
    if not at_means:
        return []
    first = [f"{short.get(column, shown(column))} at {said(value)}" for column, value in at_means[:_MOST_HELD]]
    more = len(at_means) - len(first)
    return [f"Numbers at their training mean: {', '.join(first)}{f', and {more} more' if more else ''}."]


def _end(own: Sequence[MarginalEstimate], end: Any, *, named: bool = False) -> str:
    """The least or the largest estimate; `named` after where it is, such as a level."""
    known = [place for place in own if math.isfinite(place.estimate)]
    if not known:
        return "unknown"
    place = end(known, key=lambda one: one.estimate)
    where = plain(_said(place.at), _NAME).replace(" - ", f" {_MINUS} ") if named else ""
    return f"{said(place.estimate)}{f' ({where})' if where else ''}"


def _grouped(found: Marginal, own: Sequence[MarginalEstimate], first: int) -> dict[str, list[MarginalEstimate]]:
    """The places by what stands in the columns from `first` on."""
    groups: dict[str, list[MarginalEstimate]] = {}
    for place in own:
        groups.setdefault(_said(place.at[first:]), []).append(place)
    return groups


def _said(cells: Sequence[Any]) -> str:
    return ", ".join(cell if isinstance(cell, str) else said(cell) for cell in cells)


def _lines(found: Marginal, own: Sequence[MarginalEstimate], axis: str, across: str, *, zero: bool) -> Panel:
    """Estimates over the numbers of the first column, a line for each group of the others."""
    # A colour says which line it is, and there are so many that everybody can tell apart.
    groups = _grouped(found, own, 1)
    if len(groups) > RUNS:
        raise OptionError(f"{len(groups)} lines cannot be told apart in one picture; choose {RUNS} at the most with `at`.")
    marks: list[Mark] = [Horizontal(0.0, "reference", "no effect")] if zero else []
    short = apart(list(groups), 24)
    for i, (label, places) in enumerate(zip(short, groups.values(), strict=True)):
        there = sorted((place for place in places if math.isfinite(place.estimate)), key=lambda place: place.at[0])
        x = numbers(place.at[0] for place in there)
        low, high = (numbers(getattr(place, end) for place in there) for end in ("conf_low", "conf_high"))
        if x and all(map(math.isfinite, low)):
            marks.append(Band(x, low, high, run_role(i)))
        marks.append(Line(x, numbers(place.estimate for place in there), run_role(i), label if len(groups) > 1 else ""))
    return Panel("", across, axis, tuple(marks))


def _dots(found: Marginal, own: Sequence[MarginalEstimate], whole: str, axis: str, interval: str, *, zero: bool) -> Panel:
    """Estimates one below the other, a colour for each group of the last columns; `whole` is what a single one is called."""
    own = own[:_MOST]
    # The first column alone names the rows, unless the others have too many values for colours.
    groups = _grouped(found, own, 1) if len(found.columns) > 1 else {"": list(own)}
    if not 1 < len(groups) <= RUNS:
        groups = {"": list(own)}
    alone = len(groups) == 1
    rows = list(dict.fromkeys(_said(place.at if alone else place.at[:1]) for place in own))
    # Between two levels stands a minus, which in names of columns of frames is the keyboard's.
    said_so = [
        (row or whole).replace(" - ", f" {_MINUS} ") if found.columns[:1] == ("contrast",) else row or whole for row in rows
    ]
    names = dict(zip(rows, apart(said_so), strict=True))
    marks: list[Mark] = [Vertical(0.0, "reference", "no effect")] if zero else []
    for i, (label, places) in enumerate(groups.items()):
        by_row = {_said(place.at if alone else place.at[:1]): place for place in places}
        estimate, low, high = (
            numbers(getattr(by_row[row], end) if row in by_row else math.nan for row in rows)
            for end in ("estimate", "conf_low", "conf_high")
        )
        below = (i - (len(groups) - 1) / 2) * (0.8 / len(groups))  # together they take four fifths of a row
        role, told = ("fitted", f"estimate and {interval}") if alone else (run_role(i), label)
        marks.append(Intervals(tuple(names[row] for row in rows), estimate, low, high, role, told, below))
    return Panel("", axis, "", tuple(marks))
