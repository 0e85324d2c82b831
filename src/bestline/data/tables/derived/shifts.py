"""Shifts: columns that hold what another row of the table holds: lags, leads and differences.

    lag(x, k)_t = x_{t-k}        lead(x, k)_t = x_{t+k}        diff(x, k)_t = x_t - x_{t-k}

"The row before" is the row before in the order of `order`, among the rows of the same level of `by`; left out, the table's own order and
all its rows. Rows are counted and not units of time, as SQL's LAG, dplyr and pandas do. The name of such a column holds all that is
needed to compute it, so a line that was fitted to it reads any other table alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bestline.errors import ColumnError, readable
from bestline.numerics import Doubled
from bestline.numerics.steps import Steps, sizes_of

Numbers: TypeAlias = NDArray[np.float64]

SHIFTS = ("lag", "lead", "diff")
_ONE = r"[^,()`]+"  # a column's name, as it can stand in the name of a shift
_NAME = re.compile(
    rf"(?P<kind>{'|'.join(SHIFTS)})\((?P<column>{_ONE})(?:, (?P<rows>[1-9]\d*))?(?:, order=(?P<order>{_ONE}))?(?:, by=(?P<by>{_ONE}))?\)"
)


@dataclass(frozen=True, slots=True)
class Shift:
    """A column made of what other rows hold.

    Attributes
    ----------
    kind : {"lag", "lead", "diff"}
    column : str
        The column whose values they are.
    rows : int
        How many rows away.
    order : str or None
        The column that says which row comes before which; None: as the table stands.
    by : str or None
        The column within whose levels rows follow each other, such as the firm of a panel.
    """

    kind: str
    column: str
    rows: int = 1
    order: str | None = None
    by: str | None = None

    @property
    def name(self) -> str:
        """What the column is called, by which `shift_of` knows it again."""
        told = [self.column, *([str(self.rows)] if self.rows != 1 else [])]
        told += [f"{word}={name}" for word, name in (("order", self.order), ("by", self.by)) if name is not None]
        return f"{self.kind}({', '.join(told)})"

    @property
    def read(self) -> tuple[str, ...]:
        """The columns of the table that it is made of."""
        return tuple(dict.fromkeys(name for name in (self.column, self.order, self.by) if name is not None))


@lru_cache(maxsize=10_000)
def shift_of(name: str) -> Shift | None:
    """The shift that a column's name stands for, or None."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    return Shift(found["kind"], found["column"], int(found["rows"] or 1), found["order"], found["by"])


@dataclass(frozen=True, slots=True, eq=False)
class Shifted:
    """A shift of a whole table: its values (n,), NaN where it has none, over how many gaps of its order it reaches, and whether float64
    has rounded any of the values.
    """

    values: Numbers
    gaps: int = 0
    rounded: bool = False

    def said(self, shift: Shift) -> tuple[str, ...]:
        """What people should know of it."""
        if not self.gaps:
            return ()
        order, many = readable(str(shift.order)), f"{self.gaps:,} gap{'s' * (self.gaps != 1)}"
        return (
            f"{readable(shift.name)} counts rows: column {order} has {many}, and a row after one follows the row before it.",
        )


class SomeRows(Protocol):
    """Some rows of a table, as far as shifts look at them."""

    rows: int

    def numbers(self, names: Sequence[str]) -> Tensor:
        """Columns of numbers (rows, columns), NaN where missing."""

    def text(self, name: str) -> tuple[Tensor, tuple[str, ...]]:
        """Codes of a column (rows,), -1 where missing, and the levels they are codes of."""


def worked_out(shift: Shift, order: str | None, batches: Iterable[SomeRows]) -> Shifted:
    """A shift of a whole table.

    Parameters
    ----------
    shift : Shift
    order : str or None
        The name under which its order is read as numbers.
    batches : iterable of SomeRows
        All rows, in order. A row without a place in the order, or without a level of `by`, has no value and is no row before another.

    Raises
    ------
    ColumnError
        Where two rows of one level have the same place.
    """
    values, level, place = _read(shift, order, batches)
    placed = np.flatnonzero((level >= 0) & ~np.isnan(place))
    # By level, and within it by place: then the row before is the one before.
    at = placed[np.lexsort((place[placed], level[placed]))]
    steps, within = np.diff(place[at]), level[at][1:] == level[at][:-1]
    twice = np.flatnonzero(within & (steps == 0))
    if len(twice):
        raise _same_place(shift, *sorted(int(at[twice[0] + i]) + 1 for i in (0, 1)))
    # Within levels alone: from one to the next there is no step.
    gaps = 0 if order is None else Steps(sizes=sizes_of(torch.from_numpy(steps[within]))).uneven
    other = _moved(values, at, level[at], shift.rows, back=shift.kind == "lead")
    if shift.kind != "diff":
        return Shifted(other, gaps)
    a, b = torch.from_numpy(values), torch.from_numpy(other)
    # What float64 leaves out of a difference is a float64 number too, and known without error; beyond its range it is none.
    left_out = (Doubled.of(a) - Doubled.of(b)).low
    return Shifted((a - b).numpy(), gaps, bool((left_out.isfinite() & (left_out != 0)).any()))


def _read(shift: Shift, order: str | None, batches: Iterable[SomeRows]) -> tuple[Numbers, NDArray[np.int64], Numbers]:
    """Of every row its value, the number of its level, -1 where that is missing, and its place, NaN where that is missing, (n,) each."""
    names = [shift.column, *([] if order is None else [order])]
    numbers, levels = [np.empty((0, len(names)))], [np.empty(0, dtype=np.int64)]
    known: dict[str, int] = {}
    for batch in batches:
        numbers.append(batch.numbers(names).cpu().numpy().copy())
        if shift.by is None:
            levels.append(np.zeros(batch.rows, dtype=np.int64))
            continue
        codes, seen = batch.text(shift.by)
        own = np.array([*(known.setdefault(level, len(known)) for level in seen), -1], dtype=np.int64)
        levels.append(own[codes.cpu().numpy()])  # a missing value has the code -1 in the batch: what stands last
    read = np.concatenate(numbers)
    place = np.arange(len(read), dtype=np.float64) if order is None else read[:, 1]
    return read[:, 0], np.concatenate(levels), place


def _moved(values: Numbers, at: NDArray[np.intp], level: NDArray[np.int64], rows: int, *, back: bool) -> Numbers:
    """The values (n,) of the rows so many before, or behind them, where the rows `at` (m,) stand in order, their levels (m,) side by side."""
    out = np.full(len(values), np.nan)
    # A level's rows stand together, so two rows of one level have only rows of it between them.
    within = level[:-rows] == level[rows:]
    earlier, later = at[:-rows][within], at[rows:][within]
    to, of = (earlier, later) if back else (later, earlier)
    out[to] = values[of]
    return out


def _same_place(shift: Shift, first: int, second: int) -> ColumnError:
    order, advice = readable(str(shift.order)), "give each row a place of its own"
    if shift.by is None:
        advice += (
            f", or say within what rows follow each other, as in {shift.kind}({shift.column}, order={shift.order}, by=firm)"
        )
    else:
        advice += f" within its {readable(shift.by)}"
    return ColumnError(
        f"{readable(shift.name)}: column {order} holds the same value in rows {first:,} and {second:,}, so neither is the row before the other; "
        f"{advice}."
    )
