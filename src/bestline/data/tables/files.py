"""Files: one or many, of any format, as one source."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import pyarrow as pa
import torch

from bestline.data.progress import Share
from bestline.data.tables.cells import ColumnJudgement, Field, Kind
from bestline.data.tables.columnar import ArrowFile, ParquetFile, check_types
from bestline.data.tables.delimited import DelimitedFile
from bestline.data.tables.places import Place, format_of, found
from bestline.data.tables.source import Batch, Block, Layout, Source, TableFile, remarks
from bestline.errors import ColumnError, DataError, FileError, listed, readable

# One row a format; what is none of these is delimited text, packed or not.
OPENERS: dict[str, Callable[[Place], TableFile]] = {
    "parquet": ParquetFile,
    "arrow": partial(ArrowFile, stream=False),
    "stream": partial(ArrowFile, stream=True),
}


def open_files(paths: Sequence[str | os.PathLike[str]], text: Collection[str] = ()) -> Source:
    """The source of one or more paths, globs or URL-like paths."""
    places = [place for path in paths for place in found(path)]
    if not places:
        raise FileError("There is no file in the list; give at least one path.")
    first = _part(places[0], text)
    return Files(_settled([first, *(_next_part(place, text, first) for place in places[1:])]))


def _part(place: Place, text: Collection[str], like: Mapping[str, ColumnJudgement] | None = None) -> TableFile:
    form = format_of(place)
    return OPENERS[form](place) if form in OPENERS else DelimitedFile(place, packed=form == "gzip", text=text, like=like)


def _next_part(place: Place, text: Collection[str], first: TableFile) -> TableFile:
    part = _part(place, text, first.judgements if isinstance(first, DelimitedFile) else None)
    _same_columns(part, first)
    if not isinstance(part, DelimitedFile) or not isinstance(first, DelimitedFile):
        check_types(part, first.fields)
    return part


def _same_columns(part: TableFile, first: TableFile) -> None:
    here, there = {f.name for f in part.fields}, {f.name for f in first.fields}
    if here == there:
        return
    lacks = [f.name for f in first.fields if f.name not in here]
    extra = [f.name for f in part.fields if f.name not in there]
    what = " and ".join(([f"lacks the column {listed(lacks)}"] if lacks else []) + ([f"adds {listed(extra)}"] if extra else []))
    raise ColumnError(
        f"{readable(part.place.shown)} {what}, unlike {readable(first.place.shown)}; give files with the same columns."
    )


def _settled(parts: list[TableFile]) -> list[TableFile]:
    """Columns without values in the first text file are settled by the files after it."""
    texts = [part for part in parts if isinstance(part, DelimitedFile)]
    # Once every column has a kind, the files after that are not looked into.
    for later in texts[1:]:
        empty = [f.name for f in texts[0].fields if f.kind is Kind.EMPTY]
        if not empty:
            break
        later.look_further(list(empty))
        for part in texts:
            part.adopt({name: later.judgements[name] for name in empty if name in later.judgements})
    return parts


class Files(Source):
    """Rows of several files, one after the other."""

    def __init__(self, parts: list[TableFile]) -> None:
        self.parts = parts
        first = parts[0]
        self.label = first.place.label if len(parts) == 1 else f"{len(parts)} files"
        # A column may be empty in one file and full in another: the first file that knows its kind decides.
        known = {f.name: f for part in reversed(parts) for f in part.fields if f.kind is not Kind.EMPTY}
        self.fields = tuple(self._field(f, known) for f in first.fields)
        counts = [part.count for part in parts]
        self.count = sum(n for n in counts if n is not None) if None not in counts else None
        if self.count == 0:
            raise DataError(f"{readable(first.place.shown) if len(parts) == 1 else self.label} has no rows.")
        said = () if isinstance(first, DelimitedFile) else remarks(self.fields)
        self.notes = tuple(dict.fromkeys((*said, *(note for part in parts for note in part.notes))))

    def _field(self, field: Field, known: dict[str, Field]) -> Field:
        kept = known.get(field.name, field)
        # Levels that one file declares are not those of the others, so several files declare none.
        return kept if len(self.parts) == 1 else replace(kept, levels=None)

    def verbatim(self) -> Source:
        """The same files with zero-padded and very large numbers as the words they are."""
        return Files([part.verbatim() for part in self.parts])

    def _batches(self, names: tuple[str, ...], size: int, progress: Share, order: torch.Generator | None) -> Iterator[Batch]:
        sizes = [max(part.place.size, 1) for part in self.parts]
        start, before = 0, 0
        for i in self._turns(order):
            part, own = self.parts[i], sizes[i]
            # Rows keep their numbers in whatever order the files are read: messages and folds depend on them.
            start = start if order is None or self.count is None else sum(p.count or 0 for p in self.parts[:i])
            layout = Layout.of([names], self.fields, part.spelling)

            def tick(share: float, before: int = before, own: int = own) -> None:
                progress((before + share * own) / sum(sizes))

            offset = start
            # Without a column wanted, one is read all the same: the rows must be counted.
            for block in sized(part.blocks(names or self.names[:1], size, tick), size):

                def place(i: int, part: TableFile = part, row: int = start - offset) -> str:
                    return part.where(row + i)

                yield Batch(start, block.num_rows, layout, [block], place)
                start += block.num_rows
            before += own
        progress(1.0)

    def _turns(self, order: torch.Generator | None) -> Sequence[int]:
        """The files in their order; in another only where the number of every row is known beforehand."""
        n = len(self.parts)
        return range(n) if order is None or self.count is None else torch.randperm(n, generator=order).tolist()


def sized(blocks: Iterator[Block], size: int) -> Iterator[Block]:
    """The same rows in blocks of `size`, the last one smaller."""
    held: list[Block] = []
    rows = 0
    for block in blocks:
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
