"""Values: one column of whatever a frame or a list holds, as a pyarrow array, or as the reason why it is none.

A column that cannot be used is no error as long as nobody uses it, so the reason is kept beside nulls, and told to who asks for its
numbers or levels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa

from bestline.errors import readable

_REASON = b"why it is none"
_FAILED = (pa.ArrowException, TypeError, ValueError, OverflowError)


def refused(n: int, why: str) -> tuple[Any, Any]:
    """A column that holds nothing that can be used: its type in a schema, and n nulls."""
    return pa.field("", pa.null(), metadata={_REASON: why.encode()}), pa.nulls(n)


def refusal(field: Any) -> str | None:
    """Why a column of a table cannot be used, if it cannot."""
    why = (field.metadata or {}).get(_REASON)
    return None if why is None else why.decode()


def table_of(names: Sequence[str], columns: Sequence[tuple[Any, Any]]) -> Any:
    """The pyarrow table of some columns made by `arrow_column`."""
    return pa.table(
        [values for _, values in columns],
        schema=pa.schema([kind.with_name(n) for n, (kind, _) in zip(names, columns, strict=True)]),
    )


def arrow_column(values: Any) -> tuple[Any, Any]:
    """The type (n,) as a field without a name, and the values as a pyarrow array; nulls with a reason where they are no column."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return pa.field("", values.type), values
    pandas = nw.dependencies.get_pandas()
    if pandas is not None and isinstance(values, pandas.api.extensions.ExtensionArray | pandas.Index):
        values = pandas.Series(values)
    if pandas is not None and isinstance(values, pandas.Series):
        return _of_pandas(values, pandas)
    return _settled(lambda: pa.array(values, from_pandas=True), values)


def _settled(convert: Any, values: Any) -> tuple[Any, Any]:
    """What a conversion gives; where Arrow cannot take the values, what Python makes of them one by one."""
    try:
        made = convert()
    except _FAILED:
        made = _one_by_one(values)
    if isinstance(made, str):
        return refused(len(values), made)
    return pa.field("", made.type), made


def _of_pandas(series: Any, pandas: Any) -> tuple[Any, Any]:
    kind = series.dtype
    # Types of pandas' own that Arrow has no like of: intervals are ordered categories, a period is the time at which it begins.
    if isinstance(kind, pandas.PeriodDtype):
        series = series.dt.to_timestamp()
    elif isinstance(kind, pandas.IntervalDtype):
        series = series.astype("category")
    elif isinstance(kind, pandas.SparseDtype):
        series = pandas.Series(np.asarray(series))
    elif pandas.api.types.is_object_dtype(kind) and pandas.api.types.infer_dtype(series, skipna=True) == "interval":
        series = pandas.Series(pandas.arrays.IntervalArray(series)).astype("category")
    if isinstance(series.dtype, pandas.CategoricalDtype):
        levels = series.cat.categories
        if not (levels.dtype.kind in "biuf" or isinstance(levels.dtype, pandas.StringDtype)):
            ordered = series.cat.ordered or isinstance(levels.dtype, pandas.IntervalDtype)
            series = series.cat.rename_categories([str(level) for level in levels]).cat.set_categories(
                [str(level) for level in levels], ordered=ordered
            )
    return _settled(lambda: pa.Array.from_pandas(series), series)


def _one_by_one(values: Any) -> Any:
    """Numbers of any kind as float64, numbers among words as words; or, as a text, what else the values are."""
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
    if array.dtype.kind == "c":
        return "made of complex numbers"
    if array.ndim != 1:
        return f"made of arrays of the shape {array.shape[1:]}"
    if array.dtype.kind in "fiub":  # of another byte order, or longer than float64
        return pa.array(array.astype(np.float64), from_pandas=True)
    cells = [_plain(cell) for cell in array.tolist()]
    there = [cell for cell in cells if cell is not None]
    odd = next((cell for cell in there if not isinstance(cell, Real | str)), None)
    if odd is not None:
        kinds = sorted({type(cell).__name__ for cell in there})
        return f"a mix of {', '.join(kinds[:4])}" if len(kinds) > 1 else f"made of {readable(kinds[0])} objects"
    if any(isinstance(cell, int) and abs(cell) >= 1 << 63 for cell in there):
        return "made of integers of more than 64 bits"
    try:
        if any(isinstance(cell, str) for cell in there):
            return pa.array([cell if cell is None else str(cell) for cell in cells], pa.string())
        return pa.array([None if cell is None else float(cell) for cell in cells], pa.float64())
    except _FAILED as error:
        return f"not numbers throughout ({str(error).splitlines()[0]})"


def _plain(cell: Any) -> Any:
    """A cell without what libraries wrap around it; None where it is missing."""
    # Scalars of NumPy and tensors without axes are numbers.
    if hasattr(cell, "item") and getattr(cell, "ndim", 1) == 0:
        cell = cell.item()
    if cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and math.isnan(cell)):
        return None
    return cell
