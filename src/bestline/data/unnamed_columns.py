"""Unnamed columns: arrays, lists, tensors and single rows, and which columns of the training table they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from numbers import Number
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from bestline.data.design import Design
from bestline.data.tables.indexes import is_series
from bestline.data.tables.memory import plain_tensor
from bestline.errors import ShapeError, listed

# Columns as people name them: those of a frame may be called by numbers, those of an array have nothing else.
Which: TypeAlias = str | int | Sequence[str | int]


def asked_names(which: Which | None, names: Sequence[str]) -> list[str] | None:
    """The names of the columns that were asked for, each once, of a table with these `names`; None for None.

    A number is the column that is called so; of an array, whose columns are called x0, x1, ..., it is the place.
    """
    if which is None:
        return None
    each: Any = [which] if isinstance(which, str) or not isinstance(which, Iterable) else which
    return list(dict.fromkeys(asked_name(one, names) for one in each))


def asked_name(one: str | int, names: Sequence[str]) -> str:
    """The same of one column."""
    if isinstance(one, int | np.integer) and not isinstance(one, bool) and str(one) not in names:
        place = int(one) + len(names) if one < 0 else int(one)
        if 0 <= place < len(names) and names[place] == f"x{place}":
            return names[place]
    return str(one)  # whether there is such a column is seen by whoever reads it


def with_names(data: Any, design: Design) -> Any:
    """Values as columns called as in training; a table with names of its own is left alone.

    One row is a mapping or a Series of values by name, or its values in the order of the training table; where the line needs one
    column, that many values are as many rows.
    """
    if data is None:
        return data
    if isinstance(data, tuple) and hasattr(data, "_asdict"):  # a row of `itertuples`, say
        data = {name: value for name, value in data._asdict().items() if name in design.table}
    if isinstance(data, Mapping):
        return _as_columns(data)
    if isinstance(data, tuple) and len(data) == 2 and not _scalar(data[0]):  # (X, y)
        return _pair(data[0], data[1], design)
    if is_series(data):
        names = [str(label) for label in data.index]
        if set(design.needs) <= set(names):
            return {name: [value] for name, value in zip(names, data.tolist(), strict=True)}
        if data.name is not None:  # a column with its name
            return data
    # The type is asked first: a lazy frame would look into its files to say which columns it has.
    named = any(hasattr(whose, name) for name in ("columns", "column_names", "keys") for whose in (type(data), data))
    bare = isinstance(data, Tensor | list | tuple) or hasattr(data, "__array__") or _scalar(data)
    if (named and not is_series(data)) or not bare or _paths(data, design):
        return data
    X = _matrix(data)
    if X is None:
        return data
    shape = tuple(X.shape)
    if X.ndim < 2:  # one value after the other: rows of the one column there is, or the columns of one row
        X = X.reshape(-1, 1) if len(design.needs) == 1 else X.reshape(1, -1)
    columns = _names_of_bare(design, X.shape[1] if X.ndim == 2 else -1, shape)
    return {name: X[:, j] if isinstance(X, Tensor) else X[:, j].tolist() for j, name in enumerate(columns)}


def _as_columns(data: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Columns, of which those that are one value have it in every row."""
    single = [name for name, value in data.items() if _single(value)]
    if not single:
        return data
    rows = next((len(value) for name, value in data.items() if name not in single), 1)
    return {name: [_plain(value)] * rows if name in single else value for name, value in data.items()}


def _pair(X: Any, y: Any, design: Design) -> Any:
    """X and y beside each other, under the names of training as far as they have none of their own."""
    features, targets = with_names(X, design), design.target_columns
    try:
        values = _numbers(y if isinstance(y, Tensor) else np.asarray(y), "y")
    except (TypeError, ValueError, RuntimeError):  # no numbers: told by whoever opens them
        return X, y
    if values.ndim not in (1, 2) or values.numel() != len(targets) * len(values):
        return X, y
    beside = {name: values.reshape(len(values), -1)[:, j] for j, name in enumerate(targets)}
    return {**features, **beside} if isinstance(features, dict) else (features, beside)


def _matrix(data: Any) -> Tensor | np.ndarray[Any, Any] | None:
    """Values as an array, of objects where not all of them are numbers; None where they are no array of single values."""
    if getattr(getattr(data, "dtype", None), "names", None):  # records have names of their own
        return None
    if is_series(data):
        data = np.array(data)  # a copy: torch warns of memory that nobody may write to
    # What is wrong with a tensor is an error of its own, and not to be taken for cells that are no numbers.
    if isinstance(data, Tensor):
        return _numbers(data)
    try:
        return _numbers(data)
    except (TypeError, ValueError, RuntimeError):
        try:
            X = np.array(data, dtype=object)
        except ValueError:  # rows that differ in length
            return None
    return X if all(_single(value) for value in X.flat) else None


def _numbers(values: Any, what: str = "X") -> Tensor:
    """Values as float64; raises what torch raises for others, and DataError for tensors without real numbers."""
    if isinstance(values, Tensor):
        values = plain_tensor(values, what)
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        values = np.asarray(values, dtype=np.float64)
        # torch takes no strides that go backwards, and warns of memory that nobody may write to, such as a frame's.
        if not values.flags.writeable or any(stride < 0 for stride in values.strides):
            values = values.copy()
    return torch.as_tensor(values, dtype=torch.float64).detach()


def _names_of_bare(design: Design, width: int, shape: tuple[int, ...]) -> Sequence[str]:
    """What the columns of an array without names are: the training table's, or those the line needs, if in the same order."""
    if width == len(design.table):
        return design.table
    needed = [name for name in design.table if name in design.needs]
    written = list(dict.fromkeys(c for f in design.factors for c in (f.numbers or [f.column])))
    if width == len(needed) and (needed in (design.needs, written) or width == 1):
        return needed
    if width == len(needed):
        raise ShapeError(f"Which column is which? The line needs {listed(needed, most=8)}; give a table with these names.")
    raise ShapeError(
        f"The line needs {len(needed)} value{'s' if len(needed) != 1 else ''} a row ({listed(needed, most=8)}); got an array of shape {shape}."
    )


def _scalar(value: Any) -> bool:
    """Whether this is one value."""
    return value is None or isinstance(value, str | bytes | Number) or getattr(value, "ndim", None) == 0


def _single(value: Any) -> bool:
    """Whether this can be a cell of a table, and is no column: dates are such, too."""
    return _scalar(value) or not isinstance(value, Iterable)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _paths(data: Any, design: Design) -> bool:
    """Whether these are paths of files, and not the levels of one row."""
    if isinstance(data, str | os.PathLike):
        return True
    if not isinstance(data, list | tuple) or not any(isinstance(item, str | os.PathLike) for item in data):
        return False
    if not all(isinstance(item, str | os.PathLike) for item in data):
        return False  # a row of numbers and levels
    levels = len(design.texts) == len(design.needs) and (
        len(design.needs) == 1 or len(data) in (len(design.table), len(design.needs))
    )
    return not levels or any(os.path.exists(item) for item in data)  # noqa: PTH110  may be no valid path at all
