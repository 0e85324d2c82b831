"""Unnamed columns: arrays, lists and tensors without names, and which columns of the training table they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bestline.data.design import Design
from bestline.errors import ShapeError, listed


def with_names(data: Any, design: Design, *, single: bool) -> Any:
    """Bare numbers as columns called as in training; anything with names of its own is left alone."""
    if single:
        data = [float(data)]
    if isinstance(data, tuple) and len(data) == 2 and not _paths(data):  # (X, y)
        X, targets = with_names(data[0], design, single=False), design.target_columns
        try:
            y = _numbers(data[1] if isinstance(data[1], Tensor) else np.asarray(data[1]))
        except (TypeError, ValueError, RuntimeError):  # no numbers: told by whoever opens them
            return data
        if y.ndim not in (1, 2) or y.numel() != len(targets) * len(y):
            return data
        beside = {name: y.reshape(len(y), -1)[:, j] for j, name in enumerate(targets)}
        return {**X, **beside} if isinstance(X, dict) else (X, beside)
    named = hasattr(data, "columns") or hasattr(data, "column_names") or hasattr(data, "keys")
    looks_bare = isinstance(data, Tensor) or hasattr(data, "__array__") or (isinstance(data, list | tuple) and not _paths(data))
    if named or not looks_bare:
        return data
    try:
        X = _numbers(data)
    except (TypeError, ValueError, RuntimeError):
        return data
    X = X.reshape(-1, 1) if X.ndim <= 1 and len(design.needs) == 1 else X
    names = _names_of_bare(design, X.shape[1] if X.ndim == 2 else -1, tuple(X.shape))
    return {name: X[:, j] for j, name in enumerate(names)}


def _numbers(values: Any) -> Tensor:
    # torch warns of memory that nobody may write to, such as a frame's; nobody here does, and a copy is small.
    if isinstance(values, np.ndarray) and not values.flags.writeable:
        values = values.copy()
    return torch.as_tensor(values, dtype=torch.float64).detach()


def _names_of_bare(design: Design, width: int, shape: tuple[int, ...]) -> Sequence[str]:
    """What the columns of an array without names are: the training table's, or those the line needs, if in the same order."""
    if width == len(design.table):
        return design.table
    needed = [name for name in design.table if name in design.needs]
    if width == len(needed) and (needed == design.needs or width == 1):
        return needed
    if width == len(needed):
        raise ShapeError(f"Which column is which? The line needs {listed(needed, most=8)}; give a table with these names.")
    raise ShapeError(
        f"The line needs {len(needed)} number{'s' if len(needed) != 1 else ''} a row ({listed(needed, most=8)}); got an array of shape {shape}."
    )


def _paths(data: Sequence[Any]) -> bool:
    return any(isinstance(item, str | os.PathLike) for item in data)
