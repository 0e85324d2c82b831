"""Streams: a table that comes in pieces, from a function of the caller's that gives a new reader each time.

    make_reader() -> pieces of rows, one after the other        as often as the rows are read; one piece is held at a time

A piece is whatever holds a table in memory: a frame, a record batch, a dict of columns, (X, y), or a single row of such. What the
first pieces say of the columns (numbers, words, dates) holds for all of them.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from numbers import Number
from typing import Any, Self

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from bestline.calls import checked
from bestline.data.progress import Share
from bestline.data.tables.batch import Batch
from bestline.data.tables.cells import Field, Kind
from bestline.data.tables.indexes import index_notes
from bestline.data.tables.judgement import ColumnJudgement
from bestline.data.tables.memory import Memory, blocks_of
from bestline.data.tables.noticed import Noticed
from bestline.data.tables.source import NoRowsError, Source
from bestline.errors import ColumnError, DataError, OptionError, readable

_ENOUGH = (
    16_384  # rows: smaller pieces of one kind are joined to about so many, or the cost of a piece would be that of its rows
)
_COLUMNS = ("columns", "column_names", "to_arrow", "__array__", "__dataframe__", "__arrow_c_stream__", "__narwhals_dataframe__")


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """Rows that a function gives anew each time; made by `bestline.stream`, and taken wherever data are taken."""

    make_reader: Callable[[], Any]

    def opened(self, text: Collection[str] = ()) -> Source:
        """The stream as a table; its first pieces are read."""
        return Pieces.opened(_Again(self.make_reader), text, label="the stream")


@checked
def stream(make_reader: Any) -> Stream:
    """Rows that do not lie in a file or a frame, read as often as a fit needs them and never held.

    `bestline.fit(bestline.stream(make_reader), "y ~ x")` reads a piece, takes what it needs of it and forgets it, so memory is that
    of one piece. Of frames and record batches only the columns that are read are kept.

    Parameters
    ----------
    make_reader : callable
        Without arguments; each call gives a new reader of the same rows: an Arrow RecordBatchReader, a generator of frames, record
        batches, dicts of columns, (X, y) or single rows, or a DataLoader or IterableDataset of torch. What can be gone through as
        often as asked, such as a DataLoader or a list of frames, may be given itself. A loader that shuffles gives other rows their
        numbers each time, so a `split` needs one that does not.

    Returns
    -------
    Stream

    Raises
    ------
    OptionError
        For what is no function and can be gone through once only, or not at all.

    Examples
    --------
    >>> bl.fit(bl.stream(lambda: pyarrow.dataset.dataset("parts").scanner().to_reader()), "price ~ area")
    >>> bl.fit(bl.stream(lambda: pandas.read_csv("big.csv", chunksize=100_000)), "price ~ area")
    """
    if isinstance(make_reader, Stream):
        return make_reader
    if callable(make_reader) and not isinstance(make_reader, type):
        _check_arguments(make_reader)
        return Stream(make_reader)
    again = isinstance(make_reader, Iterable) or _is_dataset(make_reader)
    if (
        again
        and not isinstance(make_reader, str | bytes)
        and not hasattr(make_reader, "__next__")
        and not is_table(make_reader)
    ):
        return Stream(lambda: make_reader)
    kind = readable(type(make_reader).__name__)
    once = hasattr(make_reader, "__next__") or callable(getattr(make_reader, "read", None))
    why = "which can be gone through once only" if once else "which is no function"
    if is_table(make_reader):
        why = "which bestline.fit takes as it is"
    raise OptionError(
        f"bestline.stream takes a function that gives a new reader each time it is called, such as "
        f"lambda: pandas.read_csv('big.csv', chunksize=100_000); got {kind}, {why}."
    )


def _check_arguments(make_reader: Callable[..., Any]) -> None:
    """Raise OptionError for a function that cannot be called without arguments."""
    try:
        inspect.signature(make_reader).bind()
    except TypeError:
        raise OptionError(
            f"The function of a stream is called without arguments, and {readable(getattr(make_reader, '__name__', 'this one'))} needs some; "
            f"write lambda: {getattr(make_reader, '__name__', 'it')}(...)."
        ) from None
    except ValueError:  # one that Python cannot look into
        return


class _Again:
    """The readers of a stream, one for each time it is gone through; raises DataError where the function gives a used one."""

    def __init__(self, make_reader: Callable[[], Any]) -> None:
        self.make_reader, self.last = make_reader, None

    def __call__(self) -> Iterator[Any]:
        return quietly(self._reader)

    def _reader(self) -> Any:
        reader = self.make_reader()
        if reader is self.last and hasattr(reader, "__next__"):
            raise DataError(
                "The function of the stream gave the same reader twice, and it has been read to its end; give a function that makes a "
                "new one each time."
            )
        self.last = reader if hasattr(reader, "__next__") else None
        return reader


def quietly(make_reader: Callable[[], Any]) -> Iterator[Any]:
    """The pieces of a new reader.

    Loaders of torch draw their seed, and the order of their rows, from the generator of all when they begin; so each time it is the
    same order, and nobody else notices.
    """
    with torch.random.fork_rng(devices=[]):
        items = items_of(make_reader())
        first = list(islice(items, 1))
    yield from first
    yield from items


def items_of(reader: Any) -> Iterator[Any]:
    """The pieces that a reader gives, or the one table that it is. Raises DataError for what is no reader."""
    if reader is None or isinstance(reader, str | bytes | os.PathLike):
        raise DataError(
            f"The function of a stream gives a reader of rows, such as a generator of frames; this one gave {reader!r:.60}. A path is read "
            f"as it is: bestline.fit('table.csv', 'y ~ x')."
        )
    if isinstance(reader, pa.RecordBatchReader):
        return iter(reader)
    if is_table(reader):
        return iter([reader])
    if isinstance(reader, Iterable):
        return iter(reader)
    return (reader[i] for i in range(len(reader))) if _is_dataset(reader) else iter([reader])


def _is_dataset(data: Any) -> bool:
    """Whether this is rows by their numbers, as a Dataset of torch is."""
    return hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, str | bytes | Mapping)


def is_table(data: Any) -> bool:
    """Whether this is a table itself, and no row of tables."""
    if isinstance(data, Mapping | tuple) or (isinstance(data, list) and _is_pair(data)):
        return True
    return not isinstance(data, list) and not isinstance(data, pa.RecordBatchReader) and any(hasattr(data, n) for n in _COLUMNS)


def _is_pair(data: Any) -> bool:
    """Whether this is X and y, as the loaders of torch give them."""
    return len(data) == 2 and all(isinstance(part, Tensor | np.ndarray) for part in data)


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """What the first pieces say of the columns of all.

    Attributes
    ----------
    fields : tuple of Field
    judgements : mapping
        Of the columns of words.
    remarks : mapping
        Column -> sentences about it.
    about : tuple of str
        What people should know of the table.
    target : tuple of str or None
        The names of y's columns where the pieces are pairs (X, y).
    on_cpu : bool
    """

    fields: tuple[Field, ...]
    judgements: Mapping[str, ColumnJudgement]
    remarks: Mapping[str, tuple[str, ...]]
    about: tuple[str, ...] = ()
    target: tuple[str, ...] | None = None
    on_cpu: bool = True

    @classmethod
    def of(cls, pieces: Iterable[Any], text: Collection[str] = (), label: str = "the data") -> Self:
        """From so many of the pieces that each column has a value. Raises DataError where there are no rows."""
        known: Self | None = None
        for piece in pieces:
            first = opened_piece(piece, text=text)
            if first is None:
                continue
            # Arrow's batches each have a dictionary of their own; frames declare what all of them may hold.
            own = isinstance(piece, pa.Table | pa.RecordBatch)
            found = cls(
                tuple(replace(f, levels=None) if own else f for f in first.fields),
                first.judgements,
                {name: tuple(said) for name, said in first.remarks.items()},
                first.about,
                first.target,
                first.on_cpu,
            )
            known = found if known is None else known._filled(found)
            # A column that is empty so far may be full later on: so all is read, if need be.
            if not any(f.kind is Kind.EMPTY for f in known.fields):
                break
        if known is None:
            raise DataError(f"There are no rows in {label}; a fit needs at least two.")
        return known

    def _filled(self, later: Schema) -> Self:
        """The same, its columns without values as a later piece has them."""
        there = {f.name: f for f in later.fields}
        new = {f.name for f in self.fields if f.kind is Kind.EMPTY and f.name in there}
        return replace(
            self,
            fields=tuple(there[f.name] if f.name in new else f for f in self.fields),
            judgements={**self.judgements, **{n: j for n, j in later.judgements.items() if n in new}},
            remarks={**self.remarks, **{n: said for n, said in later.remarks.items() if n in new}},
        )


def opened_piece(
    piece: Any,
    names: Collection[str] | None = None,
    *,
    text: Collection[str] = (),
    like: Schema | None = None,
    noticed: Noticed | None = None,
    label: str = "the data",
) -> Memory | None:
    """A piece as a table of the columns `names`; None where it has no rows. Raises ColumnError where it lacks a column."""
    blocks, target = blocks_of(piece, names)
    if like is not None and names is not None:
        held = [name for own, _ in blocks for name in own]
        for name in names:
            if name not in held:
                raise ColumnError.missing(name, held, label)
    try:
        found = Memory(blocks, target, text, like=None if like is None else like.judgements, noticed=noticed)
    except NoRowsError:
        return None
    found.about = index_notes(piece)
    return found


def row_of(row: int) -> str:
    """How messages call a row, numbered from 0."""
    return f"row {row + 1}"


class Pieces(Source):
    """A table in pieces, of which one is held at a time."""

    def __init__(
        self, make: Callable[[], Iterable[Any]], known: Schema, label: str, place: Callable[[int], str] = row_of
    ) -> None:
        self.make, self.known, self.label, self.place = make, known, label, place
        self.fields, self.about, self.remarks, self.target = known.fields, known.about, known.remarks, known.target
        self.on_cpu, self.count = known.on_cpu, None
        self.noticed = (Noticed(),)

    @classmethod
    def opened(cls, make: Callable[[], Iterable[Any]], text: Collection[str] = (), *, label: str) -> Self:
        """The table, once its first pieces are read."""
        return cls(make, Schema.of(joined(make()), text, label), label)

    def _batches(self, names: tuple[str, ...], size: int, progress: Share, order: torch.Generator | None) -> Iterator[Batch]:
        start = 0
        for number, piece in enumerate(joined(self.make()), 1):
            label = f"piece {number} of {self.label}"
            table = opened_piece(piece, names or self.names[:1], like=self.known, noticed=self.noticed[0], label=label)
            if table is None:
                continue
            for batch in table.batches(size=size):
                yield batch.after(start, place=self.place)
            start += table.count or 0
            if self.count:
                progress(start / self.count)
        if self.count not in (None, start):
            raise DataError(
                f"{self.label.capitalize()} had {self.count:,} rows and now has {start:,}; give a function that makes a new reader of the "
                f"same rows each time."
            )
        self.count = start
        progress(1.0)


# --- small pieces become larger ones -------------------------------------------------------------------------------------


def joined(items: Iterable[Any]) -> Iterator[Any]:
    """The same rows in pieces of about 16,384 where smaller ones of one kind follow each other; single rows become tables."""
    held: list[Any] = []
    kind: Any = None
    rows = 0
    for given in items:
        item = tuple(given) if isinstance(given, list) and _is_pair(given) else given
        own, count = _kind(item)
        if held and (own is None or own != kind or rows >= _ENOUGH):
            yield _together(held, kind)
            held, rows = [], 0
        if own is None:
            yield item
            continue
        held.append(item)
        kind, rows = own, rows + count
    if held:
        yield _together(held, kind)


def _kind(item: Any) -> tuple[Any, int]:
    """What an item has in common with those that it can be joined to, and its number of rows; None for what stands alone."""
    if isinstance(item, pa.RecordBatch):
        return ("batches", item.schema), item.num_rows
    if isinstance(item, Mapping) and item and all(_scalar(value) for value in item.values()):
        return ("rows by name", tuple(item)), 1
    if isinstance(item, tuple) and len(item) == 2:
        X, y = item
        if (_scalar(X) or getattr(X, "ndim", 0) == 1) and (_scalar(y) or (getattr(y, "shape", None) == (1,) and len(X) != 1)):
            return ("rows", getattr(X, "shape", ())), 1
        if all(isinstance(part, Tensor) and part.ndim for part in item) and len(X) == len(y) < _ENOUGH:
            return ("tensors", X.dtype, y.dtype, X.shape[1:], y.shape[1:], X.device), len(X)
    return None, 0


def _together(items: list[Any], kind: tuple[Any, ...]) -> Any:
    if kind[0] == "batches":
        return pa.Table.from_batches(items)
    if kind[0] == "rows by name":
        return {name: [_plain(row[name]) for row in items] for name in items[0]}
    if kind[0] == "rows":
        X, y = (torch.stack([torch.as_tensor(row[i]).reshape(-1) for row in items]) for i in (0, 1))
        return X, y[:, 0] if y.shape[1] == 1 else y
    return tuple(torch.cat([item[i] for item in items]) if len(items) > 1 else items[0][i] for i in (0, 1))


def _scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | bytes | Number) or getattr(value, "ndim", None) == 0


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
