"""Spark: passes over a Spark DataFrame, or over files, by the executors of a session.

    partition -> part, by `mapInArrow` where it lies      parts -> the driver, as bytes in a column of binary      their sum, in order

A partition's record batches go through the pass one after the other, so a worker holds one of them; what goes to the driver is some
kB for each partition.
"""

from __future__ import annotations

import os
import pickle
import sys
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial, reduce
from operator import add
from typing import Any

import pyarrow as pa
import torch

from bestline.data.passes import PartT, Pass
from bestline.data.progress import Share
from bestline.data.tables import Batch, Files, Kind, Source, open_source
from bestline.data.tables.columnar import field_of
from bestline.data.tables.judgement import JUDGED
from bestline.data.tables.streams import Pieces, Schema
from bestline.engines.partitioned import Partitioned, Reply, found_in, partition
from bestline.errors import BestlineError, DataError, OptionError, readable

_REPLIES = "partition long, reply binary"
_TOGETHER = 8  # parts that are added at a time, as elsewhere: the order of a sum is part of its bits
_EACH = 3  # partitions of files for each core, so that none waits long for the last

Work = Callable[
    [Iterator[pa.RecordBatch], int], Any
]  # what is done with a partition: its record batches and its number -> a reply


class OnSpark(Partitioned):
    """A table whose partitions are those of a frame of Spark."""

    def found(self, over: Pass[Batch, PartT], firsts: Sequence[int | None], progress: Share | None) -> Reply[PartT] | None:
        """A reply of each partition, added in their order."""
        replies = _replies(self.frame(over.columns), self.work(over, firsts))
        found = [replies[number] for number in sorted(replies)]
        if over.numbered and any(reply.rows.get(i) != self.sizes.get(i) for i, reply in replies.items()):
            raise DataError(
                "The partitions of the Spark frame had other rows each time they were read; keep it as it is, by frame.persist(), or "
                "write it to files, and run this again."
            )
        while len(found) > 1:
            found = [reduce(add, found[i : i + _TOGETHER]) for i in range(0, len(found), _TOGETHER)]
        if progress is not None:
            progress(1.0)
        return found[0] if found else None

    @abstractmethod
    def frame(self, names: Collection[str]) -> Any:
        """The frame of Spark, with the columns that are read."""

    @abstractmethod
    def work(self, over: Pass[Batch, PartT], firsts: Sequence[int | None]) -> Work:
        """What is done with each of its partitions."""


class SparkFrame(OnSpark):
    """A DataFrame of Spark."""

    label = "the data"

    def __init__(self, frame: Any, text: Collection[str]) -> None:
        self.data = frame
        with _answering():
            known = _schema(frame, text)
            rows = _replies(frame.select(frame.columns[:1]), _rows)
        super().__init__(known, max(rows, default=-1) + 1, [rows.get(i, 0) for i in range(max(rows, default=-1) + 1)])

    def frame(self, names: Collection[str]) -> Any:
        """Spark reads no other columns, where it reads files."""
        wanted = self.stored(list(names)) or self.names[:1]
        return self.data.select(*(f"`{name.replace('`', '``')}`" for name in wanted))

    def work(self, over: Pass[Batch, PartT], firsts: Sequence[int | None]) -> Work:
        """The pass over its record batches."""
        assert isinstance(self.known, Schema)  # noqa: S101  as `_schema` gave it
        return partial(_of_rows, over, self.known, list(firsts))

    def _batches(self, names: tuple[str, ...], size: int, progress: Share, order: torch.Generator | None) -> Iterator[Batch]:
        assert isinstance(self.known, Schema)  # noqa: S101  as `_schema` gave it
        job = self.frame(names).mapInArrow(_packed, "batch binary")

        def pieces() -> Iterator[pa.Table]:
            for row in job.toLocalIterator():
                yield pa.ipc.open_stream(row.batch).read_all()

        with _answering():
            yield from Pieces(pieces, self.known, self.label).batches(names, size=size, progress=progress)


class FilesOnSpark(OnSpark):
    """Files that the executors read: some row groups of a Parquet file each, or a file."""

    def __init__(self, files: Files, session: Any) -> None:
        self.files, self.session, self.label = files, session, files.label
        with _answering():
            self.split = files.split(_EACH * session.sparkContext.defaultParallelism)
        super().__init__(files, len(self.split), [part.count for part in self.split])

    def frame(self, names: Collection[str]) -> Any:
        """Numbers, one in each partition: each is that of a part of the files."""
        return self.session.range(0, self.partitions, 1, self.partitions)

    def work(self, over: Pass[Batch, PartT], firsts: Sequence[int | None]) -> Work:
        """The pass over that part."""
        return partial(_of_files, over, self.split, list(firsts))

    def _batches(self, names: tuple[str, ...], size: int, progress: Share, order: torch.Generator | None) -> Iterator[Batch]:
        return self.files.batches(names, size=size, progress=progress, order=order)


def _schema(frame: Any, text: Collection[str]) -> Schema:
    """What the types and the first rows say of the columns."""
    first = frame.limit(JUDGED).toArrow()
    known = Schema.of([first], text, "the Spark frame")
    # A column that is empty in the first rows has a type all the same.
    fields = (
        field_of(f.name, kind.type) if f.kind is Kind.EMPTY else f for f, kind in zip(known.fields, first.schema, strict=True)
    )
    return replace(known, fields=tuple(fields))


# --- what the executors do -----------------------------------------------------------------------------------------------


def _of_rows(
    over: Pass[Batch, PartT], known: Schema, firsts: Sequence[int | None], batches: Iterator[pa.RecordBatch], number: int
) -> Reply[PartT]:
    first = firsts[number] if number < len(firsts) else None
    return found_in(over, partition(batches, known, number, first), number, first)


def _of_files(
    over: Pass[Batch, PartT],
    split: Sequence[Files],
    firsts: Sequence[int | None],
    batches: Iterator[pa.RecordBatch],
    number: int,
) -> Reply[PartT]:
    for _ in batches:  # the number that it holds is the partition's own
        pass
    return found_in(over, split[number], number, firsts[number])


def _rows(batches: Iterator[pa.RecordBatch], number: int) -> int:
    del number
    return sum(batch.num_rows for batch in batches)


def _packed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Each record batch as bytes: so they come to the driver as they are, and not row by row."""
    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        yield pa.record_batch([pa.array([sink.getvalue().to_pybytes()], pa.binary())], ["batch"])


def _replies(frame: Any, work: Work) -> Mapping[int, Any]:
    """What the work gives for each partition, by its number; an error of ours, of the first partition that has one, is raised."""

    def there(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext  # an optional library

        context = TaskContext.get()
        number = 0 if context is None else context.partitionId()
        try:
            reply = work(batches, number)
        except BestlineError as error:
            reply = error
        yield pa.record_batch(
            [pa.array([number], pa.int64()), pa.array([pickle.dumps(reply)], pa.binary())], ["partition", "reply"]
        )

    with _answering():
        rows = frame.mapInArrow(there, _REPLIES).collect()
    replies = {int(row.partition): pickle.loads(bytes(row.reply)) for row in rows}  # noqa: S301  our own, of our own executors
    failed = [number for number, reply in replies.items() if isinstance(reply, BestlineError)]
    if failed:
        raise replies[min(failed)]
    return replies


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what Spark says of its own failure into a DataError; errors of ours are raised as they are."""
    try:
        yield
    except BestlineError:
        raise
    except Exception as error:
        text = str(error)
        said = next((line.strip() for line in reversed(text.splitlines()) if "Error:" in line), " ".join(text.split())[:300])
        if "No module named 'bestline'" in text:
            said = "No module named 'bestline'; install it, in this version, where the executors run"
        raise DataError(f"Spark could not do the work ({type(error).__name__}): {said.rstrip('.')}.") from error


# --- the engine ----------------------------------------------------------------------------------------------------------


class Spark:
    """The engine of Spark DataFrames; files are read by the executors of a session, or of one that is started here."""

    name = "spark"

    def owns(self, data: Any) -> bool:
        """A DataFrame of Spark, or of pandas on Spark."""
        return type(data).__module__.startswith("pyspark.") and type(data).__name__ in ("DataFrame", "Series", "Column", "RDD")

    def open(self, data: Any, text: Collection[str] = ()) -> Source:
        """A DataFrame, by its own session."""
        kind = type(data)  # by its name: a Column of Spark has every attribute that anybody asks for
        if kind.__name__ != "DataFrame":
            raise DataError(f"A {readable(type(data).__name__)} of Spark is no table; give a DataFrame.")
        frame = data.to_spark() if kind.__module__.startswith("pyspark.pandas.") else data
        if not frame.columns:
            raise DataError("The Spark frame has no columns; give at least one.")
        return SparkFrame(frame, text)

    def serves(self, engine: Any) -> bool:
        """A session, or "spark"."""
        return engine == self.name if isinstance(engine, str) else type(engine).__module__.startswith("pyspark.")

    def read(self, data: Any, engine: Any, text: Collection[str] = ()) -> Source:
        """A DataFrame or files, by that session."""
        if self.owns(data):
            return self.open(data, text)
        source = open_source(data, text=text)
        if not isinstance(source, Files):
            raise OptionError("`engine` reads files and Spark frames; these data are in this process, so leave it out.")
        return FilesOnSpark(source, _session(engine))


def _session(engine: Any) -> Any:
    """The session that is meant: itself, or one of this machine."""
    if not isinstance(engine, str):
        if not hasattr(engine, "range") or not hasattr(engine, "sparkContext"):
            raise OptionError(f"`engine` is a Spark session, or 'spark'; got {readable(type(engine).__name__)}.")
        return engine
    try:
        from pyspark.sql import SparkSession  # an optional library
    except ImportError as error:
        raise OptionError("Spark is not installed here; pip install 'bestline[spark]'.") from error
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.driver.bindAddress": "127.0.0.1"}
    try:
        session = SparkSession.builder.appName("bestline").config(map=settings).getOrCreate()
    except Exception as error:
        raise DataError("Spark could not be started; it needs Java 17 (Debian: apt install default-jre-headless).") from error
    session.sparkContext.setLogLevel("OFF")
    return session
