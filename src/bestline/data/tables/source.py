"""Source: a table of any size, from anywhere, as a schema and its rows in batches, in order and as often as asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

import torch

from bestline.data.passes import PartT, Pass
from bestline.data.progress import Progress, Share, counted, share_of
from bestline.data.runner import summed
from bestline.data.tables.batch import Batch
from bestline.data.tables.cells import LARGE, MIXED, Field, Kind
from bestline.data.tables.derived.days import NoDateError, days_of, starting
from bestline.data.tables.derived.shifts import Numbers, Shift, Shifted, shift_of, worked_out
from bestline.data.tables.judgement import said_large
from bestline.data.tables.noticed import Noticed
from bestline.data.tables.table_file import silent
from bestline.errors import ColumnError, DataError, OptionError, readable


class NoRowsError(DataError):
    """A table without rows, known to have none before they are read."""


MANY = 65_536  # rows of a batch: enough that a batch's own cost is nothing, few enough for the cache of a core
_ELSEWHERE = 32  # times as many where another device computes: each question to it costs as much as thousands of rows
_FOURS = 4  # of more than two batches there are a multiple of so many: two threads or four then end together


class Source(ABC):
    """A table of any size: a schema, and its rows in batches, as often as asked for.

    Attributes
    ----------
    label : str
        What messages call it: "cars.csv", "12 files", "the data".
    fields : tuple of Field
        The columns.
    count : int or None
        Number of rows, when it is known without reading them.
    about : tuple of str
        What the user should know about how it was opened, a sentence each.
    remarks : Mapping
        Column -> sentences about it.
    noticed : sequence of Noticed
        What was met while it was read.
    target : tuple of str or None
        The names of y's columns when the data was a pair (X, y).
    resident : bool
        Whether the rows are in memory, where going through them again costs little.
    afar : bool
        Whether an engine holds the rows: what it adds up itself is told sooner than they are read.
    scattered : str or None
        Why no row is known to come behind another, with what to do about it, as the end of a sentence; None: each has its place.
    on_cpu : bool
        Whether the processor computes with them; another device has its own queue, and several threads only fill the same one.
    """

    label: str
    fields: tuple[Field, ...]
    count: int | None
    about: tuple[str, ...] = ()
    remarks: Mapping[str, Sequence[str]] = MappingProxyType({})
    noticed: Sequence[Noticed] = ()
    target: tuple[str, ...] | None = None
    resident: bool = False
    afar: bool = False
    scattered: str | None = None
    on_cpu: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(field.name for field in self.fields)

    def said(self, names: Sequence[str], words: Collection[str] = ()) -> tuple[str, ...]:
        """What the user should know of the table and of some of its columns, as far as it has been read; a sentence each.

        Columns that serve as `words` alone lose nothing where float64 would.
        """
        stored = self.stored(names)
        by_column = [*(self.remarks.get(name, ()) for name in stored), *(n.of(name) for name in stored for n in self.noticed)]
        by_column += [self._shifts[name].said(shift) for name, shift in self.shifts(names).items() if name in self._shifts]
        kept = {said_large(name) for name in words}
        return tuple(dict.fromkeys((*self.about, *(s for said in by_column for s in said if s not in kept))))

    @property
    def notes(self) -> tuple[str, ...]:
        """The same of all columns."""
        return self.said(self.names)

    def rounded(self, names: Collection[str]) -> tuple[str, ...]:
        """Those of some columns that float64 rounds, as far as they have been read: whole numbers, shifts of such, and differences.

        Beside a shift of rounded whole numbers stands their own column.
        """
        shifts, notes = self.shifts(tuple(names)), {f.name: f.note for f in self.fields}
        read = [*(name for name in self.names if name in names), *(shift.column for shift in shifts.values())]
        large = {name for name in read if notes.get(name) == LARGE or any(n.is_large(name) for n in self.noticed)}
        made = {name for name in self._shifts if name in shifts and self._shifts[name].rounded}
        made |= {name for name, shift in shifts.items() if shift.column in large}
        return (*(f.name for f in self.fields if f.name in large), *sorted(made))

    def field(self, name: str) -> Field:
        """The column of that name; ColumnError with the nearest names when there is none."""
        found = self._by_name.get(name)
        if found is None and (days := days_of(name)) is not None:
            base = self.field(days.column)
            if base.kind not in (Kind.DATE, Kind.EMPTY):
                advice = (
                    f"give them as numbers of days in a column called {readable(name)}"
                    if days.origin is None
                    else "write dates as 2024-02-01"
                )
                what = "durations" if days.origin is None else "dates"
                raise ColumnError(f"Column {readable(days.column)} holds {base.kind.value}, not {what}; {advice}.")
            return Field(name, base.kind if base.kind is Kind.EMPTY else Kind.NUMBER)
        if found is None and (shift := shift_of(name)) is not None:
            return self._shift_field(shift)
        if found is None:
            raise ColumnError.missing(name, self.names, self.label)
        return found

    def in_days(self, name: str) -> str:
        """The name under which a column of dates or durations gives days: since its first one, for dates.

        Raises ColumnError where that cannot be said.
        """
        shown = readable(name)
        if self.field(name).note == MIXED:
            raise ColumnError(f"Column {shown} mixes several ways to write a date; write them all as 2024-02-01.")
        for batch in self.batches([name]):
            try:
                found = starting(name, batch.cells(name))
            except NoDateError as odd:
                said = (
                    "holds times of day"
                    if odd.word is None
                    else f"has dates such as {readable(odd.word)} at {batch.where(odd.index)}"
                )
                raise ColumnError(
                    f"Column {shown} {said}, which cannot be read as days; write dates as 2024-02-01, or turn them into numbers."
                ) from None
            if found is not None:
                return found.name
        raise ColumnError(f"Column {shown} has no values at all: every one is missing; leave it out.")

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {field.name: field for field in reversed(self.fields)}

    def stored(self, names: Sequence[str]) -> tuple[str, ...]:
        """The columns of the table that some columns are read from: those in days from the dates."""
        return tuple(dict.fromkeys(own for name in names for own in self._made_of(name)))

    def _made_of(self, name: str) -> tuple[str, ...]:
        if name in self._by_name:
            return (name,)
        if (days := days_of(name)) is not None:
            return (days.column,)
        shift = shift_of(name)
        return (name,) if shift is None else shift.read

    def _shift_field(self, shift: Shift) -> Field:
        """The column that a shift gives. Raises ColumnError where there is none to be had."""
        if self.scattered is not None:
            raise ColumnError(f"{readable(shift.name)} needs the rows one behind the other, and {self.scattered}.")
        for name in shift.read:
            self.field(name)
        base = self.field(shift.column)
        if base.kind not in (Kind.NUMBER, Kind.EMPTY):
            raise ColumnError(
                f"{readable(shift.name)}: column {readable(base.name)} holds {base.kind.value}, and shifts are of numbers; make the column "
                f"before fitting."
            )
        return Field(shift.name, base.kind)

    @cached_property
    def _shifts(self) -> dict[str, Shifted]:
        """What shifts have been worked out, each of the whole table, and held."""
        return {}

    def shifted(self, names: Sequence[str]) -> dict[str, Numbers]:
        """Those of some columns that hold what other rows hold, of the whole table (n,); one more reading for each that is new."""
        shifts = self.shifts(names)
        for name, shift in shifts.items():
            if name not in self._shifts:
                self.field(name)
                order = None if shift.order is None else self.in_order(shift.order)
                wanted = [n for n in (shift.column, order, shift.by) if n is not None]
                self._shifts[name] = worked_out(shift, order, self.batches(wanted))
        return {name: self._shifts[name].values for name in shifts}

    def in_order(self, name: str) -> str:
        """The name under which a column that puts rows in order is read as numbers: dates in days. Raises ColumnError for words."""
        kind = self.field(name).kind
        if kind is Kind.DATE:
            return self.in_days(name)
        if kind is not Kind.NUMBER:
            raise ColumnError(
                f"Column {readable(name)} holds {kind.value}; rows are in order of numbers or dates. Make one of it, such as "
                f"year + (quarter - 1) / 4 for 2018Q3, or number the periods."
            )
        return name

    def batches(
        self,
        names: Sequence[str] | None = None,
        *,
        size: int = MANY,
        progress: Share | None = None,
        order: torch.Generator | None = None,
    ) -> Iterator[Batch]:
        """All rows, in order, in batches of `size` (a file's last batch may be smaller); can be called again.

        Parameters
        ----------
        names : sequence of str, optional
            The columns wanted; the others are not decoded. All of them when left out.
        size : int
            Most rows of a batch.
        progress : callable, optional
            Is told the share that has been read, from 0 to 1; and rows, if it has a method `rows(number)`.
        order : Generator, optional
            Draws another order of the batches, as far as the source can read them in another: data in memory can, and of
            several files those that know how many rows they have are read in another order.
        """
        if size < 1:
            raise OptionError(f"A batch needs at least one row; got size={size}.")
        wanted = self.names if names is None else names
        stored = self._read_from(wanted)
        found = counted(lambda share: self._batches(stored, size, share, order), progress or silent)
        shifted = self.shifted(wanted)
        return (batch.beside(shifted) for batch in found) if shifted else found

    def shifts(self, names: Sequence[str]) -> dict[str, Shift]:
        """Those of some columns that hold what other rows hold; a column of the table by such a name is none."""
        return {n: shift for n in names if n not in self._by_name and (shift := shift_of(n)) is not None}

    def _read_from(self, names: Sequence[str]) -> tuple[str, ...]:
        """The columns of the table that some columns are read from. Raises ColumnError for one that is not there."""
        stored = self.stored(names)
        unknown = set(stored).difference(self.names)
        if unknown:
            raise ColumnError.missing(min(unknown), self.names, self.label)
        return stored

    def reduce(self, over: Pass[Batch, PartT], *, progress: Progress | None = None) -> PartT:
        """Run a pass over all rows, where the rows are: here by `runner.summed`, on a cluster by whatever an engine has.

        Parameters
        ----------
        over : Pass
        progress : callable, optional
            Hears (what, share).
        """
        size = even(self.count, over.size if self.on_cpu else _ELSEWHERE * over.size)
        rows = self.batches(over.columns, size=size, progress=share_of(progress, over.what))
        return summed(rows, over.of, over.empty(), threads=None if self.on_cpu else 1)

    def told(self, over: Pass[Batch, PartT], *, progress: Progress | None = None) -> PartT | None:
        """What the pass finds, where that can be told without reading the rows; None where it cannot."""
        del over, progress
        return None

    @abstractmethod
    def _batches(
        self, names: tuple[str, ...], size: int, progress: Share, order: torch.Generator | None
    ) -> Iterator[Batch]: ...

    def verbatim(self) -> Source:
        """The same table with cells that keep what numbers cannot hold, such as the zeros of `000097`."""
        return self


def even(rows: int | None, most: int) -> int:
    """The rows of a batch, at most so many, so that batches are alike and few threads have as much to do as each other."""
    batches = -(-(rows or 0) // most)
    if batches < 2:
        return most
    return -(-(rows or 0) // (batches if batches == 2 else -(-batches // _FOURS) * _FOURS))


def turns(n: int, order: torch.Generator | None) -> Sequence[int]:
    """The numbers 0 to n - 1, in order or in one that is drawn."""
    return range(n) if order is None else torch.randperm(n, generator=order).tolist()
