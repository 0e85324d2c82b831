"""Opening: whatever holds a table becomes a Source: data in memory, or files, one or many, of any format."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from bestline.data.passes import PartT, Pass
from bestline.data.progress import Progress, Share, counted, share_of
from bestline.data.runner import summed
from bestline.data.tables.batch import Batch, Layout
from bestline.data.tables.cells import Kind
from bestline.data.tables.columnar import ArrowFile, ParquetFile, check_types
from bestline.data.tables.delimited import DelimitedFile
from bestline.data.tables.derived.shifts import Numbers
from bestline.data.tables.formats import format_of
from bestline.data.tables.lazy import Lazy, lazy_frame
from bestline.data.tables.memory import no_table, open_memory
from bestline.data.tables.once import refuse_once
from bestline.data.tables.packed import SUFFIXES, chosen
from bestline.data.tables.partitions import by_folders
from bestline.data.tables.places import Place, found
from bestline.data.tables.source import NoRowsError, Source, turns
from bestline.data.tables.streams import Stream
from bestline.data.tables.table_file import Portion, TableFile, silent
from bestline.data.tables.writing import stored
from bestline.errors import ColumnError, DataError, FileError, OptionError, listed, readable

ArrowTable: TypeAlias = pa.Table

# One row a format; what is none of these is delimited text, packed or not.
OPENERS: dict[str, Callable[[Place], TableFile]] = {
    "parquet": ParquetFile,
    "arrow": partial(ArrowFile, stream=False),
    "stream": partial(ArrowFile, stream=True),
}


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Data, and the engine that is to read them: a Dask client, its address, or the name of an engine."""

    data: Any
    engine: Any


def placed(data: Any, engine: Any = None) -> Any:
    """The data, to be read by an engine where one is named."""
    return data if engine is None else Placed(data, engine)


# Engines are above this room, which knows none of them: each that brings data of its own, as a Source, puts its function here.
BRINGERS: list[Callable[[Any, Collection[str]], Any]] = []


def open_source(data: Any, *, text: Collection[str] = (), extra: Mapping[str, Any] | None = None) -> Source:
    """Open anything that holds a table.

    Parameters
    ----------
    data : path, list of paths, frame, mapping, array, tensor or pair (X, y)
        A path may be a folder of parts, a glob, an URL-like `scheme://` path or `-` (standard input); files are CSV, TSV (other
        delimiters, also packed by gzip, bzip2, xz, zstandard or zip), Parquet, Feather or Arrow. Frames are pandas, polars, pyarrow or whatever
        narwhals knows; lazy ones (Polars, DuckDB, Ibis) are read as files are, a batch at a time. Arrays alone have the columns
        x0, x1, ...; y has y, or y0, y1, ...
    text : collection of str
        Columns of words that are to stay words whatever they look like, such as codes.
    extra : mapping, optional
        Columns (n,) in memory to lay beside data in memory.

    Returns
    -------
    Source

    Raises
    ------
    FileError, ColumnError, ShapeError, DataError
        When the data cannot be read as a table; DataError when it has no rows.
    """
    for bring in BRINGERS:
        data = bring(data, text)
    if isinstance(data, Source):
        if extra and not data.resident:
            raise OptionError(f"{listed(extra)} was given as an array beside {data.label}; name a column of it instead.")
        return data
    if isinstance(data, Stream):
        if extra:
            raise OptionError(f"{listed(extra)} was given as an array beside a stream; name a column of its pieces instead.")
        return data.opened(text)
    refuse_once(data)
    paths = [data] if isinstance(data, str | os.PathLike) else _paths(data)
    if paths is not None:
        # Arrays cannot be laid beside a file that is read in parts.
        if extra:
            raise OptionError(f"{listed(extra)} was given as an array beside a file; name a column of the file instead.")
        return _open_files(paths, text)
    frame = lazy_frame(data)
    if frame is not None:
        if extra:
            raise OptionError(f"{listed(extra)} was given as an array beside a lazy frame; name a column of the frame instead.")
        return Lazy(frame, text)
    if data is None or isinstance(data, bytes | bytearray | int | float):
        raise no_table(data)
    return open_memory(data, extra, text)


def _paths(data: Any) -> list[Any] | None:
    """The list of paths that an iterable is, or None when it is something else."""
    if isinstance(data, Mapping | Tensor | np.ndarray) or not isinstance(data, Iterable) or hasattr(data, "columns"):
        return None
    # A list of numbers is data in memory, and so is whatever else can be gone through.
    if not isinstance(data, list | tuple | set | frozenset):
        return None
    if not data:
        raise DataError("The list of data is empty; give at least one path.")
    paths = [part for part in data if isinstance(part, str | os.PathLike)]
    if not paths:
        return None
    if len(paths) < len(data):
        raise DataError("The list mixes paths with other things; give paths only.")
    # Sets have no order, and the rows' numbers must not change from run to run.
    return sorted(paths, key=str) if isinstance(data, set | frozenset) else paths


def read_table(path: str | os.PathLike[str]) -> ArrowTable:
    """A whole file in memory, with the care that `open_source` takes.

    Numbers are float64, true and false boolean, text is text; missing is null.
    """
    source = open_source(path)
    tables = [
        pa.table([stored(batch, field) for field in source.fields], names=list(source.names)) for batch in source.batches()
    ]
    return pa.concat_tables([table.cast(tables[0].schema) for table in tables]).combine_chunks()


def _open_files(paths: Sequence[str | os.PathLike[str]], text: Collection[str] = ()) -> Source:
    """The source of one or more paths, globs or URL-like paths."""
    sought = [found(path) for path in paths]
    places = [place for each in sought for place in each.places]
    if not places:
        raise FileError("There is no file in the list; give at least one path.")
    first = _part(places[0], text)
    parts = _settled([first, *(_next_part(place, text, first) for place in places[1:])])
    return Files(by_folders(parts, text), tuple(note for each in sought for note in each.notes))


def _part(place: Place, text: Collection[str], like: TableFile | None = None) -> TableFile:
    form = format_of(place)
    # What a file of text says of its columns is nothing to a typed one, and the other way round.
    known = like.judgements if like is not None and isinstance(like, DelimitedFile) is (form not in OPENERS) else None
    if form in OPENERS:
        part = OPENERS[form](place)
        part.judge(text, known)
        return part
    packed = form if form in SUFFIXES.values() else ""
    return DelimitedFile(chosen(place) if packed == "zip" else place, packed=packed, text=text, like=known)


def _next_part(place: Place, text: Collection[str], first: TableFile) -> TableFile:
    part = _part(place, text, first)
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

    def __init__(self, parts: Sequence[TableFile], notes: tuple[str, ...] = ()) -> None:
        self.parts = parts
        first = parts[0]
        self.label = first.place.label if len(parts) == 1 else f"{len(parts)} files"
        # A column may be empty in one file and full in another: the first file that knows its kind decides.
        known = {f.name: f for part in reversed(parts) for f in part.fields if f.kind is not Kind.EMPTY}
        fields = [known.get(f.name, f) for f in first.fields]
        # Levels that one file declares are not those of the others, so several files declare none.
        self.fields = tuple(fields if len(parts) == 1 else [replace(f, levels=None) for f in fields])
        counts = [part.count for part in parts]
        self.count = sum(n for n in counts if n is not None) if None not in counts else None
        if self.count == 0:
            raise NoRowsError(f"{readable(first.place.shown) if len(parts) == 1 else self.label} has no rows.")
        self.about = tuple(dict.fromkeys((*notes, *(note for part in parts for note in part.notes))))
        self.remarks = {name: tuple(dict.fromkeys(r for part in parts for r in part.remarks(name))) for name in self.names}
        self.noticed = [part.noticed for part in parts]

    def split(self, most: int) -> list[Files]:
        """The same rows as tables of one file, or part of one, each; of large files about so many altogether."""
        sizes = [max(part.place.size, 1) for part in self.parts]
        shares = [max(1, round(most * size / sum(sizes))) for size in sizes]
        return [self._alone(part) for whole, share in zip(self.parts, shares, strict=True) for part in whole.split(share)]

    def units(self, each: int) -> list[list[Files]]:
        """Of every file the same rows as tables of a part of it, of about so many bytes; other files change nothing in them."""
        return [[self._alone(part) for part in whole.split(max(1, whole.place.size // each))] for whole in self.parts]

    def _alone(self, part: TableFile) -> Files:
        # What all files together say of the columns holds for each.
        one = copy(self)
        one.parts, one.count, one.noticed = [part], part.count, [part.noticed]
        return one

    def verbatim(self) -> Source:
        """The same files with zero-padded and very large numbers as the words they are."""
        return Files([part.verbatim() for part in self.parts])

    def reduce(self, over: Pass[Batch, PartT], *, progress: Progress | None = None) -> PartT:
        """The pass, each portion of a file decoded and looked at in one thread, and several portions at once."""
        stored = self._read_from(over.columns)
        portions = counted(
            lambda share: self._portions(stored, over.size, share, None), share_of(progress, over.what) or silent
        )
        return summed(portions, partial(_found_in, over, self.shifted(over.columns)), over.empty())

    def _batches(self, names: tuple[str, ...], size: int, progress: Share, order: torch.Generator | None) -> Iterator[Batch]:
        for portion in self._portions(names, size, progress, order):
            yield from portion.batches(size)

    def _portions(
        self, names: tuple[str, ...], size: int, progress: Share, order: torch.Generator | None
    ) -> Generator[NumberedPortion]:
        sizes = [max(part.place.size, 1) for part in self.parts]
        start, before = 0, 0
        # In another order only where the number of every row is known beforehand.
        order = None if self.count is None else order
        for i in turns(len(self.parts), order):
            part, own = self.parts[i], sizes[i]
            # Rows keep their numbers in whatever order the files are read: messages and folds depend on them.
            start = start if order is None else sum(p.count or 0 for p in self.parts[:i])
            layout = Layout.of([names], self.fields, part.spelling, part.noticed)

            def tick(share: float, before: int = before, own: int = own) -> None:
                progress((before + share * own) / sum(sizes))

            # Without a column wanted, one is read all the same: the rows must be counted.
            for portion in part.portions(names or self.names[:1], size, tick):
                yield NumberedPortion(start, portion, layout)
                start += portion.rows
            before += own
        progress(1.0)


@dataclass(frozen=True, slots=True, eq=False)
class NumberedPortion:
    """A portion of a file whose first row is row `start` of the whole source."""

    start: int
    portion: Portion
    layout: Layout

    @property
    def rows(self) -> int:
        """How many it has."""
        return self.portion.rows

    def batches(self, size: int) -> Iterator[Batch]:
        """Its rows, decoded, at most `size` at a time."""
        row = 0
        for block in self.portion.blocks():
            for first in range(0, block.num_rows, size):
                some = block.slice(first, size)
                yield Batch(self.start + row, some.num_rows, self.layout, [some], partial(self._where, row))
                row += some.num_rows

    def _where(self, first: int, row: int) -> str:
        return self.portion.where(first + row)


def _found_in(over: Pass[Batch, PartT], shifted: Mapping[str, Numbers], portion: NumberedPortion) -> PartT:
    batches = portion.batches(over.size)
    parts = map(over.of, (batch.beside(shifted) for batch in batches) if shifted else batches)
    return reduce(add, parts, first) if (first := next(parts, None)) is not None else over.empty()
