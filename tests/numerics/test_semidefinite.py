"""What second moments determine: the smallest solution, columns that others say, and that no unit decides about either."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bestline.numerics import aliases, inverse, minimum_norm, of_one_size, rank_tolerance

UNITS = torch.tensor([1.0, 1e-6, 1e9, 1e3], dtype=torch.float64)
TOLERANCE = 1e-9  # of solutions of systems whose condition is a few hundred


def columns(n: int = 200) -> Tensor:
    """Three columns on their own, and a fourth that is the first less twice the second."""
    X = torch.randn(n, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return torch.cat([X, X[:, :1] - 2 * X[:, 1:2]], 1)


def test_columns_of_one_size_have_a_diagonal_of_one():
    A = columns().T @ columns() * torch.outer(UNITS, UNITS)
    C, size = of_one_size(A)
    assert torch.allclose(C.diagonal(), torch.ones(4).double(), rtol=1e-15)
    assert torch.allclose(C * torch.outer(size, size), A, rtol=1e-15)


def test_a_column_of_zeros_keeps_its_size():
    A = torch.diag(torch.tensor([4.0, 0.0], dtype=torch.float64))
    C, size = of_one_size(A)
    assert size.tolist() == [2.0, 1.0]
    assert C.tolist() == [[1.0, 0.0], [0.0, 0.0]]


def test_an_inverse_is_given_or_refused():
    X = columns()[:, :3]
    V = inverse(X.T @ X)
    assert V is not None
    assert torch.allclose(V @ X.T @ X, torch.eye(3).double(), atol=1e-12)
    assert inverse(-X.T @ X) is None
    assert inverse(torch.zeros(0, 0).double()) is not None


@pytest.mark.parametrize("units", [torch.ones(4).double(), UNITS])
def test_of_many_solutions_the_smallest(units: Tensor):
    X = columns() * units
    y = torch.randn(200, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    # All solutions are w + t n with X n = 0, and the smallest has no share of n.
    some = torch.cat([torch.linalg.lstsq(X[:, :3] / units[:3], y).solution / units[:3, None], torch.zeros(1, 2).double()])
    null = torch.tensor([1.0, -2.0, 0.0, -1.0], dtype=torch.float64) / units
    smallest = some - torch.outer(null, null @ some) / (null @ null)
    found = minimum_norm(X.T @ X, X.T @ y)
    assert torch.allclose(X @ found, X @ smallest, rtol=TOLERANCE, atol=TOLERANCE)
    assert torch.allclose(found * units[:, None], smallest * units[:, None], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("units", [torch.ones(4).double(), UNITS])
def test_what_others_say_is_named_with_its_coefficients(units: Tensor):
    X = columns() * units
    (found,) = aliases(X.T @ X)
    assert found.column == 3
    ratio = {j: value * float(units[j] / units[3]) for j, value in found.on.items()}
    assert ratio == pytest.approx({0: 1.0, 1: -2.0}, rel=TOLERANCE)


def test_columns_apart_have_no_aliases():
    X = columns()[:, :3] * UNITS[:3]
    assert aliases(X.T @ X) == []


def test_the_tolerance_grows_as_a_root():
    assert rank_tolerance(0) == rank_tolerance(1)
    assert rank_tolerance(400) == pytest.approx(20 * rank_tolerance(1))
