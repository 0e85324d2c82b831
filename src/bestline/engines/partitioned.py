"""Partitioned: a table whose partitions lie somewhere else, as any engine has it. What comes back of each is a part, its number of
rows, and what was noticed in them.

    reduce(pass) = empty + of(partition 1) + of(partition 2) + ...        in a fixed order, so the bits are the same in every run
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import Any, Generic

from bestline.data.passes import PartT, Pass
from bestline.data.progress import Progress, Share, share_of
from bestline.data.tables import Batch, Source
from bestline.data.tables.noticed import Noticed
from bestline.data.tables.streams import Pieces, Schema, row_of
from bestline.engines.base import part_of
from bestline.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class Reply(Generic[PartT]):
    """What a pass found in some partitions.

    Attributes
    ----------
    part
    rows : mapping
        Number of the partition -> its rows.
    noticed : Noticed
        Facts that its rows tell of the columns.
    """

    part: PartT
    rows: Mapping[int, int] = field(default_factory=dict)
    noticed: Noticed = field(default_factory=Noticed)

    def __add__(self, other: Reply[PartT]) -> Reply[PartT]:
        return Reply(self.part + other.part, {**self.rows, **other.rows}, self.noticed + other.noticed)


@dataclass(frozen=True, slots=True)
class _Counted(Generic[PartT]):
    """A part, and of how many rows."""

    part: PartT
    rows: int = 0

    def __add__(self, other: _Counted[PartT]) -> _Counted[PartT]:
        return _Counted(self.part + other.part, self.rows + other.rows)


@dataclass(frozen=True, eq=False)
class _Counting(Pass[Batch, _Counted[PartT]]):
    """A pass that counts the rows on the way."""

    over: Pass[Batch, PartT]

    @property
    def columns(self) -> Sequence[str]:
        return self.over.columns

    @property
    def size(self) -> int:
        return self.over.size

    def empty(self) -> _Counted[PartT]:
        return _Counted(self.over.empty())

    def of(self, batch: Batch) -> _Counted[PartT]:
        return _Counted(self.over.of(batch), batch.rows)


def found_in(over: Pass[Batch, PartT], partition: Source, number: int, first: int | None) -> Reply[PartT]:
    """What an engine runs where a partition lies: the pass over its rows, which are counted from `first`, as far as that is known."""
    # Without the true numbers of their rows partitions still follow each other.
    first = number << 40 if first is None else first
    counted = part_of(_Counting(over), partition, first)
    noticed = sum((n.after(first) for n in partition.noticed), start=Noticed())
    return Reply(counted.part, {number: counted.rows}, noticed)


def partition(pieces: Any, known: Schema, number: int, first: int | None) -> Source:
    """The rows of one partition, as frames or record batches, with the columns as the first rows of the table have them."""
    place = partial(_numbered, first) if first is not None else partial(_within, number)
    return Pieces(lambda: pieces, known, f"partition {number + 1}", place)


def _numbered(first: int, row: int) -> str:
    return row_of(first + row)


def _within(number: int, row: int) -> str:
    return f"{row_of(row)} of partition {number + 1}"


@dataclass(frozen=True)
class _Rows(Pass[Batch, int]):
    """The pass that only counts; it reads the column that costs least."""

    column: str

    what = "counting the rows"
    numbered = False

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def empty(self) -> int:
        return 0

    def of(self, batch: Batch) -> int:
        return batch.rows


class Partitioned(Source):
    """A table in partitions that lie elsewhere; how many rows each of them has is learnt by the first pass."""

    partitions: int
    scattered = "the row before may lie in another partition; make the column before fitting"

    def __init__(self, known: Schema | Source, partitions: int, rows: Sequence[int | None] = ()) -> None:
        self.known, self.partitions = known, partitions
        self.fields, self.about, self.remarks, self.target = known.fields, known.about, known.remarks, known.target
        self.noticed = [Noticed()]
        self.sizes: dict[int, int] = {i: n for i, n in enumerate(rows) if n is not None}
        self._counted()

    def reduce(self, over: Pass[Batch, PartT], *, progress: Progress | None = None) -> PartT:
        """The pass on every partition, where it lies; the parts are added in the order of the partitions."""
        if over.numbered and self.count is None:
            self._count(progress)
        told = share_of(progress, over.what)
        try:
            found = self.found(over, self.firsts, told)
        except DataError:
            if self.count is not None:
                raise
            # Once more, to say in which row of the table it is.
            self._count(progress)
            found = self.found(over, self.firsts, told)
        if found is None:
            return over.empty()
        self.sizes.update(found.rows)
        self._counted()
        self.noticed = [sum((*self.noticed, found.noticed), start=Noticed())]
        return over.empty() + found.part

    @property
    def firsts(self) -> Sequence[int | None]:
        """The number of each partition's first row; None as long as not all partitions are counted."""
        if self.count is None:
            return [None] * self.partitions
        return list(accumulate((self.sizes[i] for i in range(self.partitions - 1)), initial=0)) if self.partitions else []

    def _count(self, progress: Progress | None) -> None:
        self.reduce(_Rows(self.names[0]), progress=progress)

    def _counted(self) -> None:
        self.count = sum(self.sizes.values()) if len(self.sizes) == self.partitions else None

    @abstractmethod
    def found(self, over: Pass[Batch, PartT], firsts: Sequence[int | None], progress: Share | None) -> Reply[PartT] | None:
        """What `found_in` finds in all partitions, added up; None of no partitions."""
