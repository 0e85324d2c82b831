"""Memory: frames, dictionaries, arrays and tensors as a source, without copying what is already numbers."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from bestline.data.progress import Share
from bestline.data.tables.batch import Batch, Layout
from bestline.data.tables.cells import BOOL, LARGE, Field, Kind, beyond, declared, may_be_beyond
from bestline.data.tables.columnar import field_of
from bestline.data.tables.indexes import index_notes
from bestline.data.tables.judgement import ColumnJudgement, judged_fields, spellings
from bestline.data.tables.noticed import Noticed
from bestline.data.tables.once import refuse_once
from bestline.data.tables.source import NoRowsError, Source, turns
from bestline.data.tables.table_file import Block, remarks_on, unique_names
from bestline.data.tables.values import arrow_column, refusal, refused, table_of
from bestline.errors import ColumnError, DataError, ShapeError, listed, readable
from bestline.wording import count

# Where rows are computed with as they come. Others hand theirs over, batch by batch: Apple's graphics (mps) know no float64, nor do
# many of Intel's (xpu), and with fewer bits no digit could be promised.
COMPUTING = ("cpu", "cuda")
_FLOATS = (torch.float16, torch.float32, torch.float64)  # of torch's, those that NumPy has
# What torch holds as NumPy does; other numbers become float64.
_KEPT = tuple(np.dtype(t) for t in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "?"))


class Memory(Source):
    """Columns in memory: blocks of neighbouring columns, each a tensor (n, k) or a pyarrow table."""

    resident = True

    def __init__(
        self,
        blocks: Sequence[tuple[tuple[str, ...], Block]],
        target: tuple[str, ...] | None = None,
        text: Collection[str] = (),
        *,
        like: Mapping[str, ColumnJudgement] | None = None,
        noticed: Noticed | None = None,
    ) -> None:
        self.label, self.target = "the data", target
        names = [name for held, _ in blocks for name in held]
        if not names:
            raise ShapeError("The data has no columns; give at least one.")
        unique_names(names, "The data")
        # A block is a tensor (n, columns) or a table; len of either is its number of rows.
        lengths = {len(values) for _, values in blocks}
        if len(lengths) > 1:
            sizes = ", ".join(f"{listed(held, most=3)} {len(values)}" for held, values in blocks[:6])
            raise ShapeError(f"The columns differ in their number of rows: {sizes}; give all the same.")
        self.count = lengths.pop()
        if not self.count:
            raise NoRowsError("The data has no rows.")
        self._values = [values for _, values in blocks]
        declared = [field for held, values in blocks for field in _fields(held, values)]
        columns = {n: v.column(i) for held, v in blocks if not isinstance(v, Tensor) for i, n in enumerate(held)}
        self.fields, self.judgements = judged_fields(declared, columns, text, like)
        self.noticed = (Noticed() if noticed is None else noticed,)
        self._layout = Layout.of([held for held, _ in blocks], self.fields, spellings(self.judgements), *self.noticed)
        self.on_cpu = all(v.device.type not in COMPUTING[1:] for v in self._values if isinstance(v, Tensor))
        self.remarks = {f.name: remarks_on(f, self.judgements.get(f.name)) for f in self.fields}

    def _batches(self, names: tuple[str, ...], size: int, progress: Share, order: torch.Generator | None) -> Iterator[Batch]:
        n = self.count or 0
        starts = range(0, n, size)
        # Another order is one of the batches, not of the rows in them: whoever shuffles does the rest.
        for done, start in enumerate((starts[i] for i in turns(len(starts), order)), 1):
            stop = min(start + size, n)
            blocks = [_here(v[start:stop]) if isinstance(v, Tensor) else v.slice(start, stop - start) for v in self._values]
            yield Batch(start, stop - start, self._layout, blocks, lambda i, start=start: f"row {start + i + 1}")  # type: ignore[misc]
            progress(done / len(starts))


def _here(block: Tensor) -> Tensor:
    return block if block.device.type in COMPUTING else block.cpu()


def _fields(names: tuple[str, ...], values: Block) -> Iterator[Field]:
    if isinstance(values, Tensor):
        note = BOOL if values.dtype is torch.bool else ""
        whole = values.dtype is torch.int64
        beyond_exact = (values.abs() > 2**53).any(0).cpu().tolist() if whole else [False] * len(names)  # of all columns at once
        for name, rounded in zip(names, beyond_exact, strict=True):
            yield Field(name, Kind.NUMBER, None, LARGE if rounded else note)
        return
    for name, column, kind in zip(names, values.columns, values.schema, strict=True):
        if (why := refusal(kind)) is not None:
            yield Field(name, Kind.OTHER, None, why)
            continue
        field = field_of(name, column.type, declared(column))
        empty = column.null_count == len(column)
        large = may_be_beyond(column.type) and beyond(column)
        yield Field(name, Kind.EMPTY if empty and len(column) else field.kind, field.levels, LARGE if large else field.note)


# --- what is given -------------------------------------------------------------------------------------------------------


def open_memory(data: Any, extra: Mapping[str, Any] | None = None, text: Collection[str] = ()) -> Memory:
    """The source of a frame, a mapping of columns, one array or tensor, or a pair (X, y); `text` names columns of words that stay words."""
    blocks, target = blocks_of(data)
    for name, values in (extra or {}).items():
        blocks.append(((name,), _column(name, values)))
    source = Memory(blocks, target, text)
    source.about = index_notes(data, extra)
    return source


Blocks: TypeAlias = list[tuple[tuple[str, ...], Block]]  # the names of neighbouring columns, and their values


def blocks_of(data: Any, names: Collection[str] | None = None) -> tuple[Blocks, tuple[str, ...] | None]:
    """The columns of what holds a table in memory, and the names of the targets of a pair (X, y); of frames and mappings only `names`."""
    target: tuple[str, ...] | None = None
    if isinstance(data, tuple):
        if len(data) != 2:
            raise ShapeError(f"A tuple as data is a pair (X, y); got {len(data)} parts.")
        for part in data:
            refuse_once(part)
        left, right = _blocks(data[0], "x", names), _blocks(data[1], "y", names)
        if [name for held, _ in right for name in held] == ["y0"]:
            right = [(("y",), right[0][1])]
        n, m = (len(side[0][1]) if side else 0 for side in (left, right))
        if n != m and left and right:
            raise ShapeError(f"X has {count(n, 'row')} but y has {m:,}; give one y for every row of X.")
        return [*left, *right], tuple(name for held, _ in right for name in held)
    return _blocks(data, "x", names), target


def _blocks(data: Any, prefix: str, wanted: Collection[str] | None = None) -> Blocks:
    """The columns of one object, of frames and mappings those that are `wanted`; arrays have no names, and get the prefix and a number."""
    if isinstance(data, Mapping):
        return [
            ((str(name),), _column(str(name), values)) for name, values in data.items() if wanted is None or str(name) in wanted
        ]
    if isinstance(data, list) and data and all(isinstance(row, Mapping) for row in data):  # rows by name, as JSON has them
        return _blocks(
            {name: [row.get(name) for row in data] for name in dict.fromkeys(name for row in data for name in row)},
            prefix,
            wanted,
        )
    if isinstance(data, Tensor):
        return _matrix(plain_tensor(data, "X" if prefix == "x" else prefix), prefix)
    if not isinstance(data, np.ndarray | list):
        frame = nw.from_native(_frame(data), pass_through=True, allow_series=True)
        if isinstance(frame, nw.LazyFrame):
            what = "X" if prefix == "x" else "y"
            raise DataError(
                f"{what} is a lazy frame, whose rows have no numbers to lay others beside; give one frame with features and target."
            )
        if isinstance(frame, nw.DataFrame):
            return _frame_blocks(frame, wanted)
        if isinstance(frame, nw.Series):
            name = f"{prefix}0" if frame.name in (None, "") else str(frame.name)
            return [((name,), table_of([name], [_series(frame)]))]
        if not isinstance(data, Sequence) and not any(
            hasattr(data, name) for name in ("__array__", "__array_interface__", "__dlpack__", "toarray")
        ):
            raise no_table(data)
    return _matrix(_array(data, prefix), prefix)


def _frame(data: Any) -> Any:
    """The frame itself, after a look at names that narwhals would refuse in its own words; Arrow batches become a table."""
    if isinstance(data, pa.RecordBatch):
        data = pa.Table.from_batches([data])
    names: list[Any] = []
    if isinstance(data, pa.Table):
        names = data.column_names
    elif nw.dependencies.is_pandas_like_dataframe(data):
        names = list(data.columns)
    # pandas' MultiIndex.
    if any(isinstance(name, tuple) for name in names):
        raise ColumnError("The data has columns of several levels (a MultiIndex); join each name into one text first.")
    unique_names([str(name) for name in names], "The data")
    return data


def _frame_blocks(frame: Any, wanted: Collection[str] | None) -> Blocks:
    unique_names([str(name) for name in frame.columns], "The data")
    # Not by `frame[name]`: a name may be a number, which would mean a row.
    kept = [column for column in frame.iter_columns() if wanted is None or str(column.name) in wanted]
    names = tuple(str(column.name) for column in kept)
    return [(names, table_of(names, [_series(column) for column in kept]))] if names else []


def _series(series: Any) -> tuple[Any, Any]:
    native = series.to_native()
    if isinstance(native, pa.ChunkedArray | pa.Array) or series.implementation.is_pandas_like():
        return arrow_column(native)
    # polars hands objects of Python over as bytes.
    return arrow_column(series.to_list() if series.dtype == nw.Object else series.to_arrow())


def _column(name: str, values: Any) -> Block:
    """One named column (n,) or (n, 1): a tensor (n, 1), or a table of one column when it holds text or dates."""
    if isinstance(values, Tensor):
        # Refused only where somebody uses it, as columns of other libraries are.
        if values.ndim == 1 and values.layout is not torch.strided:
            return table_of([name], [refused(len(values), "a sparse tensor (make it dense with .to_dense())")])
        if values.ndim == 1 and _holds_nothing(values):
            return table_of([name], [refused(len(values), "a tensor of the device meta, which holds no numbers")])
        if values.ndim == 1 and values.is_complex():
            return table_of([name], [refused(len(values), "made of complex numbers")])
        return _single(name, plain_tensor(values, name))
    if isinstance(values, np.ndarray):
        # torch has none of 64 bits without a sign; Arrow has, and knows what float64 would make of them.
        unsigned = values.dtype == np.uint64 and values.ndim == 1 and not isinstance(values, np.ma.MaskedArray)
        if values.dtype.kind in "fiub" and not unsigned:
            return _single(name, _tensor_of(values))
        if values.ndim != 1:
            raise ShapeError(f"Column {readable(name)} has the shape {values.shape}; a column is one-dimensional.")
        if isinstance(values, np.ma.MaskedArray):  # masked cells are missing
            values = np.ma.filled(values.astype(object), None)
    elif not isinstance(values, list | tuple | range):
        frame = nw.from_native(values, pass_through=True, allow_series=True, series_only=False)
        if isinstance(frame, nw.Series):
            return table_of([name], [_series(frame)])
        of_rows = hasattr(values, "__len__") and hasattr(values, "__getitem__")
        if not of_rows or isinstance(values, Mapping | str | bytes | bytearray):
            raise ColumnError(
                f"Column {readable(name)} is given as {readable(type(values).__name__)}, which is no sequence of values; give a list or "
                f"an array of them."
            )
    return table_of([name], [arrow_column(values)])


def _single(name: str, values: Tensor) -> Tensor:
    if values.ndim == 2 and values.shape[1] == 1:
        return values
    if values.ndim != 1:
        raise ShapeError(f"Column {readable(name)} has the shape {tuple(values.shape)}; a column is one-dimensional.")
    return values[:, None]


def _matrix(values: Tensor, prefix: str) -> Blocks:
    if values.ndim == 1:
        values = values[:, None]
    what = "X" if prefix == "x" else "y"
    if values.ndim != 2:
        raise ShapeError(f"{what} has the shape {tuple(values.shape)}; give a table (n, p) or one column (n,).")
    if not values.shape[1]:
        raise ShapeError(f"{what} has no columns; its shape is {tuple(values.shape)}.")
    return [(tuple(f"{prefix}{j}" for j in range(values.shape[1])), values)]


def _holds_nothing(values: Tensor) -> bool:
    """Whether a tensor has a shape and no numbers: those of torch's device meta; kinds of tensors of others may hold theirs elsewhere."""
    return values.is_meta and type(values) is Tensor


def plain_tensor(values: Tensor, name: str) -> Tensor:
    """A tensor of real numbers that NumPy can see into, in the caller's memory where it is one. Raises DataError for one that is none."""
    # Sparse tensors have no rows to slice.
    if values.layout is not torch.strided:
        raise ShapeError(f"{readable(name)} is a sparse tensor; make it dense with .to_dense().")
    if _holds_nothing(values):
        raise DataError(
            f"{readable(name)} is a tensor of the device meta, which holds no numbers; give one of the CPU or a GPU."
        )
    if values.is_complex():
        raise ColumnError(f"{readable(name)} holds complex numbers; give real ones.")
    values = (values.dequantize() if values.is_quantized else values).detach().resolve_neg()
    # NumPy has neither bfloat16 nor floats of 8 bits; all their numbers are numbers of float32 too.
    return values.to(torch.float32) if values.is_floating_point() and values.dtype not in _FLOATS else values


def _array(data: Any, prefix: str) -> Tensor:
    """Any other array-like as a tensor."""
    what = "X" if prefix == "x" else "y"
    if hasattr(data, "toarray"):
        raise ShapeError(f"{what} is a sparse matrix; make it dense with .toarray().")
    if isinstance(data, list) and data and all(isinstance(part, Tensor) for part in data):
        data = torch.stack([part.detach() for part in data])
        return plain_tensor(data, what)
    try:
        array = data if isinstance(data, np.ndarray) else np.asarray(data)
    except ValueError as error:
        raise ShapeError(f"{what} is a list whose rows differ in length; give every row the same number of cells.") from error
    if array.dtype.names:
        raise ShapeError(f"{what} is a structured array; give a frame or a dict of its fields instead.")
    if array.ndim == 0:
        raise no_table(data)
    if array.dtype.kind == "O":
        array = _objects(array, what)
    if array.dtype.kind not in "fiub":
        kind = {"U": "text", "S": "text", "T": "text", "M": "dates", "m": "durations", "c": "complex numbers"}.get(
            array.dtype.kind
        )
        raise ColumnError(
            f"{what} holds {kind or array.dtype}, not numbers; give numbers, or a frame with named columns for categories."
        )
    return _tensor_of(array)


def _objects(array: np.ndarray[Any, Any], what: str) -> np.ndarray[Any, Any]:
    for index, value in np.ndenumerate(array):
        if value is not None and not isinstance(value, Real | np.number | np.bool_):
            where = f"row {index[0] + 1}" + (f", column {index[1] + 1}" if len(index) > 1 else "")
            raise ColumnError(
                f"{what} holds {readable(str(value))} at {where}, not a number; give numbers, or a frame with named columns."
            )
    return array.astype(np.float64)


def _tensor_of(array: np.ndarray[Any, Any]) -> Tensor:
    """A tensor of the array's own memory where torch can hold it; masked is NaN."""
    if isinstance(array, np.ma.MaskedArray):
        array = np.ma.filled(array.astype(np.float64), np.nan) if np.ma.is_masked(array) else np.asarray(array)
    if array.dtype.kind == "u" and array.itemsize > 1 and (not array.size or int(array.max()) < 2**63):
        array = array.astype(np.int64)  # float64 would round what is beyond 2^53
    if array.dtype.newbyteorder("=") not in _KEPT or not array.dtype.isnative:
        array = array.astype(np.float64)
    # torch knows no negative strides (x[::-1]) and none between elements (a field of a record).
    if any(stride < 0 or stride % array.itemsize for stride in array.strides):
        array = np.ascontiguousarray(array)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a read-only array: nobody here writes to the tensor
        return torch.from_numpy(np.asarray(array))


def no_table(data: Any) -> DataError:
    """The error for an object that holds no table."""
    if data is None:
        return DataError("The data are missing: None was given for them; give a path, a frame, a dict of arrays, or (X, y).")
    if hasattr(data, "tensors"):
        return DataError("A dataset of torch is not a table; give its tensors as X and y: X, y = dataset.tensors.")
    kind = readable(type(data).__name__)
    return DataError(f"Data of the type {kind} is not a table; give a path, a frame, a dict of arrays, or (X, y).")
