"""Writing: a source's own columns, and new ones computed batch by batch, to a file that appears whole or not at all."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
from torch import Tensor

from bestline.data.progress import Share
from bestline.data.tables.batch import Batch
from bestline.data.tables.cells import BOOL, LARGE, PADDED, Field, Kind
from bestline.data.tables.places import reason
from bestline.data.tables.source import Source
from bestline.data.tables.words import text_words, wordy
from bestline.errors import ColumnError, FileError, clean, listed, readable
from bestline.files import fresh, is_stream
from bestline.wording import NO_FORMULA, RUN, as_cell

_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".csv.gz": "csv.gz",
    ".tsv.gz": "tsv.gz",
    ".parquet": "parquet",
    ".feather": "arrow",
    ".arrow": "arrow",
}


def write_with(
    source: Source,
    path: str | os.PathLike[str] | None,
    extra: Callable[[Batch], Mapping[str, Tensor]],
    *,
    overwrite: bool = False,
    names: Sequence[str] | None = None,
    also: Sequence[str] = (),
    progress: Share | None = None,
    raw_cells: bool = False,
) -> int:
    """Write the source's columns and new ones beside them.

    Parameters
    ----------
    source : Source
        The table whose columns are written.
    path : path or None
        A .csv, .tsv, .csv.gz, .tsv.gz, .parquet, .feather or .arrow file; None writes CSV to standard output.
    extra : callable
        Gives the new columns of a batch: name to float64 (rows,); the same names for every batch.
    overwrite : bool
        Whether an existing file may be replaced.
    names : sequence of str, optional
        The source's columns to write; all of them when left out. `extra` sees all columns.
    also : sequence of str
        Columns that `extra` reads beside those of the table, such as lags.
    progress : callable, optional
        Is told the share that is done, from 0 to 1.
    raw_cells : bool
        Whether words in a file of text stay as they are; otherwise a spreadsheet takes none for a formula: see `wording.as_cell`.

    Returns
    -------
    int
        Number of rows written.

    Raises
    ------
    ColumnError
        When a new column has the name of one that is written, or a column's values have no place in such a file.
    """
    kept = [source.field(name) for name in (source.names if names is None else names)]
    if path is None:
        return _write(
            _tables(source, kept, also, extra, verbatim, progress), lambda schema: _csv(_stdout(), schema, ",", raw_cells)
        )
    target = Path(path)
    form = _form(target)
    convert = stored if form in ("parquet", "arrow") else verbatim
    with fresh(target, overwrite=overwrite) as temporary:
        try:
            return _write(
                _tables(source, kept, also, extra, convert, progress),
                lambda schema: _opened(temporary, form, schema, raw_cells),
            )
        except pa.ArrowException as error:
            raise FileError(f"{readable(str(target))} cannot be written: {reason(error)}.") from error


def _form(path: Path) -> str:
    name = path.name.lower()
    # The longest suffix that fits: x.csv.gz ends in .csv.gz, and is no .csv.
    form = next((form for suffix, form in sorted(_SUFFIXES.items(), key=lambda s: -len(s[0])) if name.endswith(suffix)), None)
    if form is None and is_stream(path):  # its name says nothing: text is what the next program most likely reads
        return "csv"
    if form is None:
        raise FileError(f"{readable(str(path))} has a suffix that says no format; use one of {', '.join(_SUFFIXES)}.")
    return form


def _write(tables: Iterator[Any], opened: Callable[[Any], Any]) -> int:
    first = next(tables)  # a file has one schema, that of its first batch, and it must be known before anything is written
    rows = 0
    with opened(first.schema) as put:
        for table in chain([first], tables):
            # Later batches may come in other types (a column of words that turned out numbers): the file has one.
            put(_alike(table, first.schema))
            rows += table.num_rows
    return rows


def _alike(table: Any, schema: Any) -> Any:
    try:
        return table.cast(schema)
    except pa.ArrowInvalid:
        odd = [f.name for f, g in zip(table.schema, schema, strict=True) if pa.types.is_string(f.type) and f.type != g.type]
        raise ColumnError(
            f"Column {listed(odd)} begins with numbers, and holds other words further on, so it cannot be written as one kind; correct it, "
            f"or leave the column out."
        ) from None


# --- batches to tables ---------------------------------------------------------------------------------------------------


def _tables(
    source: Source,
    kept: Sequence[Field],
    also: Sequence[str],
    extra: Callable[[Batch], Mapping[str, Tensor]],
    convert: Callable[[Batch, Field], Any],
    progress: Share | None,
) -> Iterator[Any]:
    plain, shifted = source.verbatim(), source.shifted(also)
    names = [field.name for field in kept]
    for batch in plain.batches(progress=progress):
        added = extra(batch.beside(shifted) if shifted else batch)
        if clash := [name for name in added if name in names]:
            raise ColumnError(
                f"The data already has the column {listed(clash)}, which would be written twice; rename it first."
            )
        arrays = [convert(batch, field) for field in kept]
        arrays += [pa.array(values.detach().cpu().double().numpy(), from_pandas=True) for values in added.values()]
        yield pa.table(arrays, names=[*names, *added])


def verbatim(batch: Batch, field: Field) -> Any:
    """As `stored`, but the words of a text column stay as they were: for files of text."""
    # NA stays NA in a file of text; in a typed file it is a missing value.
    if field.kind is Kind.TEXT and batch.words(field.name):
        return batch.cells(field.name)
    array = stored(batch, field)
    return batch.cells(field.name) if field.kind is Kind.NUMBER and pa.types.is_string(array.type) else array


def stored(batch: Batch, field: Field) -> Any:
    """The column's values as a pyarrow array of a type that is the same for every batch, null where missing."""
    cells = batch.cells(field.name)
    if isinstance(cells, Tensor):
        # Arrow has no bfloat16, and float16 is written by few readers; float32 holds both.
        small = cells.is_floating_point() and cells.element_size() < 4
        return pa.array((cells.float() if small else cells).cpu().numpy(), from_pandas=True)
    if field.kind is Kind.NUMBER and wordy(cells.type) and field.note not in (PADDED, LARGE):
        try:
            numbers = pa.array(batch.numbers([field.name])[:, 0].numpy(), from_pandas=True)
        except ColumnError:  # `5 kg`: whoever needs it as a number has been told so already, and here it is as it was
            return text_words(cells)
        return pc.cast(numbers, pa.bool_()) if field.note == BOOL else numbers
    if pa.types.is_dictionary(cells.type):
        cells = pc.cast(cells, cells.type.value_type)
    if pa.types.is_string_view(cells.type):
        cells = pc.cast(cells, pa.large_string())
    if field.kind is Kind.TEXT and batch.words(field.name):
        return text_words(cells)
    if pa.types.is_floating(cells.type) and not pa.types.is_float16(cells.type):
        return pc.if_else(pc.is_nan(cells), pa.scalar(None, cells.type), cells)
    return cells


# --- formats -------------------------------------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path, form: str, schema: Any, raw_cells: bool) -> Iterator[Callable[[Any], None]]:
    if form == "parquet":
        with pq.ParquetWriter(path, schema) as writer:
            yield writer.write_table
    elif form == "arrow":
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            yield writer.write_table
    else:
        delimiter = "\t" if form.startswith("tsv") else ","
        packed = "gzip" if form.endswith("gz") else None
        with pa.output_stream(str(path), compression=packed) as sink, _csv(sink, schema, delimiter, raw_cells) as put:
            yield put


@contextmanager
def _csv(sink: Any, schema: Any, delimiter: str, raw_cells: bool) -> Iterator[Callable[[Any], None]]:
    nested = [
        f.name for f in schema if pa.types.is_nested(f.type) or pa.types.is_binary(f.type) or pa.types.is_large_binary(f.type)
    ]
    if nested:
        raise ColumnError(f"Column {listed(nested)} cannot be written as text; write Parquet, or leave the column out.")
    # "needed" quotes every text cell, and no number.
    options = pc_csv.WriteOptions(delimiter=delimiter, quoting_style="needed")
    if raw_cells:
        with pc_csv.CSVWriter(sink, schema, write_options=options) as writer:
            yield writer.write_table
        return
    names = [as_cell(name) for name in schema.names]
    safe = pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])
    with pc_csv.CSVWriter(sink, safe, write_options=options) as writer:
        yield lambda table: writer.write_table(pa.table([_guarded(cells) for cells in table.columns], names=names).cast(safe))


def _guarded(cells: Any) -> Any:
    """A column whose words no spreadsheet runs."""
    if not (pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)):
        return cells
    run = pc.match_substring_regex(cells, RUN)
    if not pc.any(run).as_py():
        return cells
    run = pc.and_(run, pc.invert(pc.match_substring_regex(cells, NO_FORMULA)))
    return pc.if_else(run, pc.binary_join_element_wise(pa.scalar("'", cells.type), cells, pa.scalar("", cells.type)), cells)


def _stdout() -> Any:
    return _Lines() if sys.stdout.isatty() else getattr(sys.stdout, "buffer", None) or _Lines()


class _Lines:
    """Standard output where it takes text only (a notebook, a test), or is a terminal, which would obey what a cell says."""

    closed = False

    def __init__(self) -> None:
        self.letters = codecs.getincrementaldecoder("utf-8")()  # a piece may end within a letter
        self.keep = "\n\t" if sys.stdout.isatty() else None

    def write(self, data: bytes) -> int:
        text = self.letters.decode(bytes(data))
        sys.stdout.write(text if self.keep is None else clean(text, self.keep))
        return len(data)

    def flush(self) -> None:
        sys.stdout.flush()

    def close(self) -> None:
        self.flush()
