"""Penalised problems and their solutions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import Tensor

from bestline.numerics.comoments import Comoments, by_group
from bestline.numerics.rows import Rows
from bestline.numerics.scaling import Scaling
from bestline.training.solvers import shortlist as module
from bestline.training.solvers.path import Normal

f64 = torch.float64


def table(n: int = 120, p: int = 8, seed: int = 0, *, k: int = 1, correlation: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """Columns each correlated with the one before, a third of them of use, a target off zero."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    for j in range(1, p):
        X[:, j] = correlation * X[:, j - 1] + (1 - correlation**2) ** 0.5 * X[:, j]
    slopes = np.where(rng.random((p, k)) < 0.4, rng.normal(size=(p, k)), 0)
    return X + rng.normal(size=p), 3 + X @ slopes + rng.normal(size=(n, k))


def normal_of(X: np.ndarray, y: np.ndarray, *, intercept: bool = True, w: np.ndarray | None = None) -> Normal:
    weights = None if w is None else torch.tensor(w)
    rows = Rows(torch.tensor(X), torch.tensor(y.reshape(len(y), -1)), weights)
    statistic = Comoments.of_rows(rows)
    scaling = Scaling.of(statistic, X.shape[1], intercept=intercept, standardize=False)
    return Normal.of([statistic], [scaling])


def series(*values: float) -> Tensor:
    return torch.tensor(values, dtype=f64)


def folds_of(X: np.ndarray, y: np.ndarray, count: int = 5, w: np.ndarray | None = None) -> tuple[list[Comoments], np.ndarray]:
    number = np.random.default_rng(9).permutation(len(y)) % count
    rows = Rows(torch.tensor(X), torch.tensor(y.reshape(len(y), -1)), None if w is None else torch.tensor(w))
    return by_group(rows, torch.tensor(number), count), number


@contextmanager
def shortlist(columns: int | None) -> Iterator[None]:
    """Paths decide about so many columns at a time, or about all when None."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MANY", 1_000_000 if columns is None else 1)
        patch.setattr(module, "_SHORT", columns)
        yield
