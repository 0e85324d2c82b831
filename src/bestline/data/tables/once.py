"""Once: what can be gone through a single time is refused before it is touched, with the sentence that says what to pass.

A fit may read its rows more than once, and says so only after the first time: then a generator would be empty, and one without end
would never be.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping, MappingView, Sequence
from typing import Any

import pyarrow as pa

from bestline.errors import DataError, readable

_STREAM = "bestline.stream(make_reader) with a function that makes a new one each time"


def refuse_once(data: Any) -> None:
    """Raise DataError for an iterator, a reader, an open file, a loader of batches, or a view of a dict."""
    if isinstance(data, str | os.PathLike | Mapping | Sequence | set | frozenset) or hasattr(type(data), "columns"):
        return
    advice = _advice(data)
    if advice:
        kind = readable(type(data).__name__)
        raise DataError(
            f"Data of the type {kind} may be gone through once only, and a fit reads its rows more often; {advice}."
        )


def _advice(data: Any) -> str:
    """What to pass instead; empty for what may be a table."""
    if isinstance(data, pa.RecordBatchReader):
        return f"pass the table that it reads, reader.read_all(), the path of its file, or {_STREAM}"
    if isinstance(data, io.StringIO | io.BytesIO):
        return "write its text to a file and pass the path, or pass a frame (pandas.read_csv)"
    if callable(getattr(data, "read", None)):
        name = getattr(data, "name", None)
        return f"pass its path, {readable(str(name))}" if isinstance(name, str | os.PathLike) else "pass the path of its file"
    if hasattr(data, "__next__"):
        return f"pass a path, a frame, arrays (X, y), a list of paths, or {_STREAM}"
    if isinstance(data, MappingView):
        return "pass the dict itself, or a list"
    if hasattr(data, "dataset"):
        return "pass the tensors of its dataset, as (X, y), or bestline.stream(loader)"
    if hasattr(data, "to_table"):
        return "pass its table, .to_table(), the paths of its files, or bestline.stream(lambda: dataset.scanner().to_reader())"
    # Whatever can only be gone through: tables and arrays can be indexed, or say how they become one.
    known = ("__getitem__", "__array__", "__dataframe__", "__arrow_c_stream__", "__arrow_c_array__", "__narwhals_dataframe__")
    if isinstance(data, Iterable) and not any(hasattr(data, name) for name in known):
        return f"pass a path, a frame, arrays (X, y), a list of paths, or {_STREAM}"
    return ""
