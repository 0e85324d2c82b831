"""Parquet and Arrow (Feather) files: typed columns, read a few row groups at a time.

The types are the file's own, so nothing is guessed. But pyarrow trusts what a file says of itself, to the point of ending the process
where it lies; so every block is validated before anything is made of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from functools import partial
from itertools import accumulate
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bestline.data.progress import Share
from bestline.data.tables.cells import Field, Kind, beyond, declared, may_be_beyond, typed
from bestline.data.tables.noticed import Noticed
from bestline.data.tables.places import Place, reason
from bestline.data.tables.remote.web import RemoteError
from bestline.data.tables.table_file import Block, Portion, TableFile, unique_names
from bestline.errors import ColumnError, FileError, readable

_STEP = 1 << 16  # bytes
_WORTH = 1 << 16  # rows of a portion, at least, and of a block, at most
_FEW = 4  # portions, fewer of which are not shared among threads


@contextmanager
def _intact(place: Place, what: str) -> Iterator[None]:
    """Turn whatever pyarrow says about a damaged file into a FileError."""
    try:
        yield
    except RemoteError as error:
        raise FileError(f"{readable(place.shown)} cannot be read: {reason(error)}.") from error
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise FileError(
            f"{readable(place.shown)} is not a readable {what} file, or it is damaged ({reason(error)}); "
            f"write or download it again."
        ) from error


def _sound(block: Block) -> Block:
    """The block, once its offsets, indices and text are known to be valid: pyarrow trusts them, and a damaged file lies."""
    block.validate(full=True)
    return block


def field_of(name: str, kind: Any, levels: tuple[str, ...] | None = None) -> Field:
    """The Field of a column of that pyarrow type."""
    what, note = typed(kind)
    return Field(name, what, levels, note)


class ParquetFile(TableFile):
    """A Parquet file: its number of rows is known, and only the columns asked for are decoded."""

    groups: range | None = None  # the row groups that it has of the file; None: all
    before = 0  # rows of the file before them

    def __init__(self, place: Place) -> None:
        self.place, self.spelling, self.noticed = place, {}, Noticed()
        with _intact(place, "Parquet"), place.open() as source:
            file = pq.ParquetFile(source)
            self.count, schema = file.metadata.num_rows, file.schema_arrow
            # Before anything is read by name: of two columns of one name only one would ever be seen.
            unique_names(schema.names, readable(place.shown))
            self.fields = tuple(self._field(file, column) for column in schema)

    def _field(self, file: Any, column: Any) -> Field:
        levels = None
        # Row groups may carry different dictionaries; only an ordered type promises that each has all levels.
        if pa.types.is_dictionary(column.type) and file.num_row_groups and (file.num_row_groups == 1 or column.type.ordered):
            levels = declared(_sound(file.read_row_group(0, columns=[column.name])).column(0))
        return field_of(column.name, column.type, levels)

    def blocks(self, names: tuple[str, ...], size: int, progress: Share) -> Iterator[Block]:
        """The rows in order, decoded a batch at a time."""
        done = 0
        for block in self._decoded(names, size, 0, groups=self.groups, threads=True):
            progress((done + block.num_rows) / max(self.count or 1, 1))
            yield block
            done += block.num_rows

    def portions(self, names: tuple[str, ...], size: int, progress: Share) -> Iterator[Portion]:
        """The rows in portions of some row groups, each of which is decoded in the thread that asks for it."""
        with _intact(self.place, "Parquet"), self.place.open() as source:
            about = pq.ParquetFile(source, pre_buffer=False).metadata
            own = range(about.num_row_groups) if self.groups is None else self.groups
            portions = _together(own, [about.row_group(i).num_rows for i in own])
        # Of a few large portions, one thread would wait for the last; so such a file is decoded while others look at the rows.
        if len(portions) < _FEW:
            yield from super().portions(names, size, progress)
            return
        row = 0
        for groups, rows in portions:
            progress(row / max(self.count or 1, 1))
            blocks = partial(self._decoded, names, size, row, groups=groups, about=about)
            yield Portion(rows, blocks, partial(self.where_from, row))
            row += rows
        progress(1.0)

    def _decoded(
        self,
        names: tuple[str, ...],
        size: int,
        row: int,
        *,
        groups: range | None = None,
        about: Any = None,
        threads: bool = False,
    ) -> Iterator[Block]:
        """The rows of some row groups, or of all, the first of which is row `row`."""
        with _intact(self.place, "Parquet"), self.place.open() as source:
            # Without pre_buffer, which would hold whole row groups in memory; a batch is decoded when it is asked for.
            # From a disk it is read in small steps; from a network a column's part of a row group at once, for each step takes its time.
            step = _STEP if self.place.system is None else 0
            file = pq.ParquetFile(source, metadata=about, pre_buffer=False, buffer_size=step)
            most = min(size, _WORTH)
            chosen = None if groups is None else [*groups]
            for block in file.iter_batches(batch_size=most, row_groups=chosen, columns=list(names), use_threads=threads):
                yield noticing(_sound(block).select(list(names)), self.noticed, row)
                row += block.num_rows

    def split(self, most: int) -> Sequence[TableFile]:
        """Neighbouring row groups, as nearly as many rows in each part as they allow."""
        with _intact(self.place, "Parquet"), self.place.open() as source:
            metadata = pq.ParquetFile(source).metadata
            ends = list(accumulate(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)))
        parts: list[TableFile] = []
        group = before = 0
        for number in range(1, most + 1):
            # Up to the group in which this part's share of the rows ends; the last takes what is left.
            end = bisect_left(ends, number * (self.count or 0) / most) + 1 if number < most else len(ends)
            if group < min(end, len(ends)):
                part = copy(self)
                part.groups, part.before, part.noticed = range(group, min(end, len(ends))), before, Noticed()
                group, after = part.groups.stop, ends[part.groups.stop - 1]
                part.count, before = after - before, after
                parts.append(part)
        return parts or [self]

    def where(self, row: int) -> str:
        """Where a row stands in the file."""
        return super().where(self.before + row)


def _together(groups: range, rows: Sequence[int]) -> list[tuple[range, int]]:
    """Row groups with so many rows each, put together to portions that are worth a thread's while: which, and their rows."""
    found, first, held = [], groups.start, 0
    for i, n in zip(groups, rows, strict=True):
        held += n
        if held >= _WORTH or (held and i + 1 == groups.stop):
            found.append((range(first, i + 1), held))
            first, held = i + 1, 0
    return found


def noticing(block: Block, noticed: Noticed, row: int) -> Block:
    """The block, once its whole numbers that float64 rounds are noted.

    A Parquet file's own statistics would tell at once, but pyarrow ends the process when a damaged file has wrong ones.
    """
    for name, column in zip(block.schema.names, block.columns, strict=True):
        if may_be_beyond(column.type) and not noticed.is_large(name) and beyond(column):
            noticed.large(name, row)
    return block


class ArrowFile(TableFile):
    """An Arrow IPC file, which Feather (version 2) is, or an Arrow stream."""

    def __init__(self, place: Place, *, stream: bool) -> None:
        self.place, self.stream, self.spelling, self.noticed = place, stream, {}, Noticed()
        with _intact(place, "Arrow"), place.open() as source:
            reader = self._reader(source)
            batches = 2 if stream else reader.num_record_batches  # a stream does not say
            first = next(iter(reader), None) if stream else reader.get_batch(0) if batches else None
            if first is not None:
                _sound(first)
            count = None if stream else reader.count_rows() if hasattr(reader, "count_rows") else None
            schema = reader.schema
            unique_names(schema.names, readable(place.shown))
        self.count = 0 if first is None else count
        self.fields = tuple(
            field_of(f.name, f.type, declared(first.column(i)) if first and (batches == 1 or _ordered(f.type)) else None)
            for i, f in enumerate(schema)
        )

    def blocks(self, names: tuple[str, ...], size: int, progress: Share) -> Iterator[Block]:
        """The rows in order, a record batch at a time."""
        order = [field.name for field in self.fields]
        # Columns are left out while decoding; they come in the file's order, so they are selected once more.
        options = pa.ipc.IpcReadOptions(included_fields=[order.index(name) for name in names])
        total = max(self.place.size, 1)
        with _intact(self.place, "Arrow"), self.place.open() as source:
            reader = self._reader(source, options)
            blocks = reader if self.stream else map(reader.get_batch, range(reader.num_record_batches))
            row = 0
            for done, block in enumerate(blocks, 1):
                progress(min(source.tell() / total, 1.0) if self.stream else done / reader.num_record_batches)
                yield noticing(_sound(block).select(list(names)), self.noticed, row)
                row += block.num_rows

    def _reader(self, source: Any, options: Any = None) -> Any:
        return (pa.ipc.open_stream if self.stream else pa.ipc.open_file)(source, options=options)


def _ordered(kind: Any) -> bool:
    return bool(pa.types.is_dictionary(kind) and kind.ordered)


def check_types(part: TableFile, fields: tuple[Field, ...]) -> None:
    """Raise ColumnError when a later file holds another kind of values in a column than the first file."""
    kinds = {field.name: field.kind for field in part.fields}
    for field in fields:
        kind = kinds[field.name]
        if kind is not field.kind and Kind.EMPTY not in (kind, field.kind):
            raise ColumnError(
                f"Column {readable(field.name)} holds {kind.value} in {readable(part.place.shown)} but {field.kind.value} "
                f"in the file before it; give both the same type."
            )
