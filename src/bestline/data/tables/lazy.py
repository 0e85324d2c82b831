"""Lazy: the rows of a query that an engine runs, as a table: a lazy frame of Polars, a relation of DuckDB, a table of Ibis.

The query is run anew for every pass, with the columns that are read and no others, and its rows come as Arrow batches: memory is
constant, however many there are. Nobody but the engine knows the order of its rows, so nothing here depends on it.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from typing import Any

import narwhals as nw
import pyarrow as pa
import torch

from bestline.data.passes import CannotAddError, PartT, Pass
from bestline.data.progress import Progress, Share
from bestline.data.tables.adder import FrameAdder
from bestline.data.tables.batch import Batch, Layout
from bestline.data.tables.cells import Cells, declared
from bestline.data.tables.columnar import field_of, noticing
from bestline.data.tables.judgement import JUDGED, judged_fields, spellings
from bestline.data.tables.noticed import Noticed
from bestline.data.tables.source import NoRowsError, Source
from bestline.data.tables.table_file import Block, remarks_on, silent, sized, unique_names
from bestline.data.tables.words import wordy
from bestline.errors import DataError, ShapeError, first_line

# What people call the engines, and those that Ibis reaches.
_SAID = {
    nw.Implementation.POLARS: "Polars",
    nw.Implementation.DUCKDB: "DuckDB",
    nw.Implementation.IBIS: "Ibis",
    nw.Implementation.SQLFRAME: "SQLFrame",
}
_READ = "All rows were read from"
_SAID_OF_IBIS = {"bigquery": "BigQuery", "duckdb": "DuckDB", "mysql": "MySQL", "postgres": "PostgreSQL", "sqlite": "SQLite"}


def lazy_frame(data: Any) -> nw.LazyFrame[Any] | None:
    """The data as a lazy frame of narwhals, where they are a lazy frame of any library; nothing is run, and no library is loaded."""
    of_library = (
        nw.dependencies.is_narwhals_lazyframe,
        nw.dependencies.is_polars_lazyframe,
        nw.dependencies.is_duckdb_relation,
        nw.dependencies.is_ibis_table,
        nw.dependencies.is_sqlframe_dataframe,
    )
    if not any(is_it(data) for is_it in of_library):
        return None
    frame = nw.from_native(data)
    return frame if frame.implementation in _SAID else None


class Lazy(Source):
    """The rows of a lazy frame, whose columns `text` are read as words."""

    label, afar = "the data", True
    scattered = "an engine's rows have no order of their own; make the column there, as LAG(x) OVER (ORDER BY week) does in SQL"

    def __init__(self, frame: nw.LazyFrame[Any], text: Collection[str] = ()) -> None:
        self.frame, self.engine, self.count = frame, _name(frame), None
        with self._answering():
            types = {name: _arrow_type(frame, name, kind) for name, kind in frame.collect_schema().items()}
        if not types:
            raise ShapeError("The data has no columns; give at least one.")
        unique_names([*types], "The data")
        self.types = types
        self.said_of_passes: list[str] = []
        words = self._words(types)
        typed = [field_of(name, kind, declared(words[name]) if name in words else None) for name, kind in types.items()]
        self.fields, judgements = judged_fields(typed, words, text)
        self.spelling = spellings(judgements)
        self.noticed = (Noticed(),)
        self.remarks = {field.name: remarks_on(field, judgements.get(field.name)) for field in self.fields}

    def __getstate__(self) -> dict[str, Any]:
        """For pickles: a query of Polars is a value; those of other engines have a connection, which is none."""
        if self.frame.implementation is not nw.Implementation.POLARS:
            raise DataError(
                f"Rows in {self.engine} cannot be pickled, nor can a model of them; save the model: model.save('name.bestline')."
            )
        return self.__dict__

    @property
    def about(self) -> tuple[str, ...]:  # type: ignore[override]
        """How its passes were run, a sentence each."""
        return tuple(self.said_of_passes)

    def reduce(self, over: Pass[Batch, PartT], *, progress: Progress | None = None) -> PartT:
        """As in Source; by the engine, where it can add up what the pass needs."""
        found = self.told(over, progress=progress)
        return super().reduce(over, progress=progress) if found is None else found

    def told(self, over: Pass[Batch, PartT], *, progress: Progress | None = None) -> PartT | None:
        """As in Source."""
        adder = FrameAdder(self.frame, self.engine, self.fields, self.types, tuple(self.spelling), self.said_of_passes)
        try:
            found = over.inside(adder)
        except CannotAddError as why:
            if not any(sentence.startswith(_READ) for sentence in self.said_of_passes):  # the first reason is enough
                adder.say(f"{_READ} {self.engine}, a batch at a time, and not added up there: {why}.")
            return None
        if found is not None and progress is not None:
            progress(over.what, 1.0)
        return found

    def _words(self, types: Mapping[str, Any]) -> dict[str, Cells]:
        """The columns of words and of categories, as many of their first rows as such are judged by: these may be numbers, those declare levels."""
        worded = [name for name, kind in types.items() if wordy(kind) or pa.types.is_dictionary(kind)]
        with self._answering():
            first = collected(self.frame.select(worded).head(JUDGED) if worded else self.frame.select([*types][:1]).head(1))
        if not first.num_rows:
            raise NoRowsError("The data has no rows.")
        return {name: first.column(name) for name in worded}

    def _batches(self, names: tuple[str, ...], size: int, progress: Share, order: torch.Generator | None) -> Iterator[Batch]:
        del order  # the engine's own
        layout = Layout.of([names], self.fields, self.spelling, *self.noticed)
        start = 0
        total = 0 if progress is silent else self.length  # asked before, for a connection may have one query at a time
        # Without a column wanted, one is read all the same: the rows must be counted.
        with closing(sized(self._blocks(list(names or self.names[:1]), size), size)) as blocks:
            for block in blocks:
                yield Batch(start, block.num_rows, layout, [block], lambda i, start=start: f"row {start + i + 1}")  # type: ignore[misc]
                start += block.num_rows
                if total:
                    progress(min(start / total, 1.0))
        progress(1.0)

    def _blocks(self, names: list[str], size: int) -> Generator[Block]:
        row = 0
        with self._answering(), closing(_batches_of(self.frame.select(names), size)) as batches:
            for block in batches:
                yield noticing(block, self.noticed[0], row)
                row += block.num_rows

    @cached_property
    def length(self) -> int:
        """How many rows there are, as the engine counts them; at least 1."""
        with self._answering():
            return max(1, int(self.frame.select(nw.len()).collect("pyarrow").item()))

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Turn whatever an engine says of its own failure into a DataError."""
        try:
            yield
        except Exception as error:
            raise DataError(f"{self.engine} cannot give the data: {first_line(error)}.") from error


def _name(frame: nw.LazyFrame[Any]) -> str:
    """What people call the engine that runs the query."""
    if frame.implementation is nw.Implementation.IBIS:
        try:
            name = str(frame.to_native().get_backend().name)
        except Exception:  # a table that no engine has yet
            return "Ibis"
        return _SAID_OF_IBIS.get(name, name.capitalize())
    return _SAID[frame.implementation]


def _arrow_type(frame: nw.LazyFrame[Any], name: str, kind: Any) -> Any:
    """The Arrow type of a column; where narwhals has no name for it, as the engine has it in a table without rows."""
    try:
        return nw.Schema({name: kind}).to_arrow().field(0).type
    except (AssertionError, NotImplementedError, TypeError):
        return collected(frame.select(name).head(0)).schema.field(0).type


def collected(frame: nw.LazyFrame[Any]) -> pa.Table:
    """All rows of a few."""
    return frame.collect("pyarrow").to_native()


def _batches_of(frame: nw.LazyFrame[Any], size: int) -> Generator[Block]:
    """The rows, in tables or record batches of up to `size` rows; whoever stops early closes the query."""
    native: Any = frame.to_native()
    match frame.implementation:
        case nw.Implementation.POLARS if hasattr(native, "collect_batches"):
            for some in native.collect_batches(chunk_size=size, maintain_order=True):
                yield some.to_arrow()
        case nw.Implementation.DUCKDB:
            yield from _of_duckdb(native, size)
        case nw.Implementation.IBIS:
            backend = native.get_backend()
            if backend.name == "duckdb":  # Ibis 12 asks it for batches by a name that DuckDB 2 has not any more
                yield from _of_duckdb(backend.con.sql(backend.compile(native)), size)
            else:
                yield from native.to_pyarrow_batches(chunk_size=size)
        case _:
            yield collected(frame)


def _of_duckdb(relation: Any, size: int) -> Iterator[Block]:
    # A connection has one open result at a time: whoever stops early must close it.
    with closing(
        relation.to_arrow_reader(size) if hasattr(relation, "to_arrow_reader") else relation.fetch_record_batch(size)
    ) as reader:
        yield from reader
