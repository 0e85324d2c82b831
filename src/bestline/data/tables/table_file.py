"""Table file: one file of a table, whatever its format: its columns, and its rows in portions that any thread may decode."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import pyarrow as pa

from bestline.data.progress import Share
from bestline.data.tables.cells import LARGE, Field, Kind
from bestline.data.tables.judgement import JUDGED, ColumnJudgement, judged_fields, said_large, spellings
from bestline.data.tables.noticed import Noticed
from bestline.data.tables.places import Place
from bestline.data.tables.words import Spelling
from bestline.errors import ColumnError, listed, readable

Block: TypeAlias = Any  # neighbouring columns: a tensor (n, k), or a pyarrow table or record batch


@dataclass(frozen=True, slots=True, eq=False)
class Portion:
    """Some consecutive rows of a file.

    Attributes
    ----------
    rows : int
        How many they are.
    blocks : callable
        Gives them as pyarrow blocks, in order; what is to be decoded is decoded then, in the thread that asks.
    where : callable
        Says where the row of that number, from 0 in this portion, stands.
    """

    rows: int
    blocks: Callable[[], Iterable[Block]]
    where: Callable[[int], str]


class TableFile(ABC):
    """One file: its schema, and its rows as pyarrow blocks of whatever size the format likes."""

    place: Place
    fields: tuple[Field, ...]
    count: int | None = None
    notes: tuple[str, ...] = ()
    typed: bool = True  # the file says itself what its columns are
    noticed: Noticed
    judgements: dict[str, ColumnJudgement]
    spelling: Mapping[str, Spelling]

    def judge(self, text: Collection[str], like: Mapping[str, ColumnJudgement] | None = None) -> None:
        """Decide whether columns of words hold numbers, by their first rows, or as the file before it did (`like`).

        `text` names columns that stay words.
        """
        worded = tuple(f.name for f in self.fields if f.kind is Kind.TEXT)
        first = next((b for b in self.blocks(worded, JUDGED, silent) if b.num_rows), None) if worded else None
        columns = {} if first is None else {name: first.column(name) for name in worded}
        self.fields, self.judgements = judged_fields(self.fields, columns, text, like)
        self.spelling = spellings(self.judgements)

    def remarks(self, name: str) -> tuple[str, ...]:
        """What the user should know of a column, from its first rows."""
        judgement = self.judgements.get(name)
        if not self.typed:
            return () if judgement is None else judgement.remarks
        return tuple(remark for f in self.fields if f.name == name for remark in remarks_on(f, judgement))

    @abstractmethod
    def blocks(self, names: tuple[str, ...], size: int, progress: Share) -> Iterator[Block]:
        """The rows in order, with the named columns in the order asked for; progress from 0 to 1 over this file."""

    def portions(self, names: tuple[str, ...], size: int, progress: Share) -> Iterator[Portion]:
        """The same rows in portions; where a format does not say how to decode them elsewhere, decoded when they are given."""
        row = 0
        for block in sized(self.blocks(names, size, progress), size):
            yield Portion(block.num_rows, partial(iter, (block,)), partial(self.where_from, row))
            row += block.num_rows

    def where_from(self, first: int, row: int) -> str:
        """Where a row stands, counted from another."""
        return self.where(first + row)

    def where(self, row: int) -> str:
        """Where a row (from 0) stands, for messages."""
        return f"row {row + 1} of {self.place.label}"

    def split(self, most: int) -> Sequence[TableFile]:
        """The same rows, in order, as parts that can be read beside each other: at most so many, or the one that it is."""
        del most
        return [self]

    def verbatim(self) -> TableFile:
        """The same file, read so that every cell keeps its exact value."""
        return self


def sized(blocks: Iterable[Block], size: int) -> Generator[Block]:
    """The same rows in blocks of `size`, the last one smaller."""
    held: list[Block] = []
    rows = 0
    for block in blocks:
        if not block.num_rows:
            continue
        # Here `held` has `rows` rows, fewer than `size`, which have not been given away.
        # A text file's column may turn from numbers into words on the way: such blocks stay apart.
        if held and held[0].schema != block.schema:
            yield _joined(held)
            held, rows = [], 0
        position = 0
        while rows + block.num_rows - position >= size:
            piece = block.slice(position, size - rows)
            position += piece.num_rows
            yield _joined([*held, piece])
            held, rows = [], 0
        if position < block.num_rows:
            held.append(block.slice(position))
            rows += block.num_rows - position
    if rows:
        yield _joined(held)


def _joined(blocks: list[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]
    tables = [pa.Table.from_batches([block]) if isinstance(block, pa.RecordBatch) else block for block in blocks]
    return pa.concat_tables(tables).combine_chunks()


def silent(_: float) -> None:
    """Progress that nobody wants to hear of."""
    return


def remarks_on(field: Field, judgement: ColumnJudgement | None = None) -> tuple[str, ...]:
    """What the name and the type of a typed column say that the user should know, and its words where it is one of words."""
    said = [said_large(field.name)] if field.note == LARGE and judgement is None else []
    # pandas writes an index without a name as "Unnamed: 0" or "__index_level_0__".
    if not field.name.strip() or field.name.startswith(("Unnamed: ", "__index_level_")):
        said.append(
            f"Column {readable(field.name)} is unnamed, as an index saved with the table is; leave it out if it is no measurement."
        )
    return (*said, *(() if judgement is None else judgement.remarks))


def unique_names(names: Sequence[str], where: str) -> None:
    """Raise ColumnError when a name stands twice."""
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1] if len(set(names)) < len(names) else []
    if twice:
        raise ColumnError(f"{where} has more than one column named {listed(twice)}; give every column its own name.")
