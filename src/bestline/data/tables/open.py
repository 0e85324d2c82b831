"""Opening: whatever holds a table becomes a Source."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from torch import Tensor

from bestline.data.tables.files import open_files
from bestline.data.tables.memory import no_table, open_memory
from bestline.data.tables.source import Source
from bestline.data.tables.writing import stored
from bestline.errors import DataError, OptionError, listed

ArrowTable: TypeAlias = pa.Table


def open_source(data: Any, *, text: Collection[str] = (), extra: Mapping[str, Any] | None = None) -> Source:
    """Open anything that holds a table.

    Parameters
    ----------
    data : path, list of paths, frame, mapping, array, tensor or pair (X, y)
        A path may be a glob or an URL-like `scheme://` path; files are CSV, TSV (also gzipped, other delimiters), Parquet,
        Feather or Arrow. Frames are pandas, polars, pyarrow or whatever narwhals knows. Arrays alone have the columns
        x0, x1, ...; y has y, or y0, y1, ...
    text : collection of str
        Columns of text files that are to be read as text whatever they look like, such as codes.
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
    if isinstance(data, Source):
        return data
    paths = [data] if isinstance(data, str | os.PathLike) else _paths(data)
    if paths is not None:
        # Arrays cannot be laid beside a file that is read in parts.
        if extra:
            raise OptionError(f"{listed(extra)} was given as an array beside a file; name a column of the file instead.")
        return open_files(paths, text)
    if data is None or isinstance(data, bytes | bytearray | int | float):
        raise no_table(data)
    return open_memory(data, extra)


def _paths(data: Any) -> list[Any] | None:
    """The list of paths that an iterable is, or None when it is something else."""
    if isinstance(data, Mapping | Tensor | np.ndarray) or not isinstance(data, Iterable) or hasattr(data, "columns"):
        return None
    if hasattr(data, "__next__"):  # a generator of paths, which can be gone through once only
        data = list(data)
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
