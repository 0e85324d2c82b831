"""Rows on another device: it is waited for once a batch, nothing is mixed, and one without float64 hands its rows over."""

from __future__ import annotations

from unittest import mock

import pytest
import torch

import bestline as bl
from bestline.data.tables import memory, source
from bestline.errors import BestlineError
from elsewhere import Device

# Other devices add up in another order; these numbers are sums of a few thousand products.
ROUNDING = 1e-12


@pytest.fixture(autouse=True)
def computing(request: pytest.FixtureRequest):
    """The stand-in computes itself, unless the test is of one that does not."""
    if "hands" in request.node.name:
        yield
        return
    with mock.patch.object(memory, "COMPUTING", ("cpu", "cuda", "meta")), mock.patch.object(source, "_ELSEWHERE", 1):
        yield


def table(n: int, p: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    X = torch.randn(n, p, generator=draw, dtype=dtype)
    return X, X.sum(1, keepdim=True) + torch.randn(n, 1, generator=draw, dtype=dtype)


def assert_alike(found: bl.Moments, expected: bl.Moments) -> None:
    for a, b in zip(found.folds, expected.folds, strict=True):
        assert a.scatter.device.type == "cpu"
        assert a.count == b.count
        torch.testing.assert_close(a.scatter, b.scatter, rtol=ROUNDING, atol=ROUNDING * a.count)
        torch.testing.assert_close(a.center, b.center, rtol=ROUNDING, atol=ROUNDING)
    assert torch.equal(found.low, expected.low)
    assert torch.equal(found.high, expected.high)


@pytest.mark.parametrize("folds", [1, 5, 40])
@pytest.mark.parametrize("p", [1, 12, 60])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_pass_waits_once_a_batch_and_never_for_a_column(folds: int, p: int, dtype: torch.dtype) -> None:
    X, y = table(130_000, p, dtype)
    expected = bl.Moments.collect((X, y), folds=folds)
    device = Device()
    with device:
        found = bl.Moments.collect((device.put(X), device.put(y)), folds=folds)
    batches = -(-len(X) // bl.data.tables.source.even(len(X), bl.numerics.chunk_size(p + 1)))
    # Of very many groups it has to be known where each one begins, once more.
    assert len(device.looks) <= batches * (1 if folds <= 32 else 2), device.looks
    assert_alike(found, expected)


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
@pytest.mark.parametrize("column", ["X", "y"])
def test_what_is_missing_or_infinite_elsewhere_is_said_as_here(odd: float, column: str) -> None:
    X, y = table(3_000, 1)
    (X if column == "X" else y)[1_234, 0] = odd
    with pytest.raises(BestlineError) as here:
        bl.Moments.collect((X, y))
    device = Device()
    with device, pytest.raises(BestlineError) as there:
        bl.Moments.collect((device.put(X), device.put(y)))
    assert str(there.value) == str(here.value)
    assert ("row 1235" if odd == float("inf") else "1 of the 3,000 rows") in str(here.value)


def test_rows_of_integers_elsewhere_are_looked_at_once_for_all_columns() -> None:
    draw = torch.Generator().manual_seed(2)
    X, y = torch.randint(0, 9, (5_000, 40), generator=draw), torch.randint(0, 9, (5_000, 1), generator=draw)
    device = Device()
    with device:
        bl.Moments.collect((device.put(X), device.put(y)), folds=1)
    assert len(device.looks) < 20, device.looks


@pytest.mark.parametrize("folds", [1, 5])
def test_a_device_without_float64_hands_its_rows_over(folds: int) -> None:
    X, y = table(140_000, 3, torch.float32)
    expected = bl.Moments.collect((X, y), folds=folds)
    device = Device(double=False)
    with device:
        found = bl.Moments.collect((device.put(X), device.put(y)), folds=folds)
    assert_alike(found, expected)
    assert set(device.looks) == {"_to_copy"}
    assert len(device.looks) == 2 * -(-len(X) // source.even(len(X), bl.numerics.chunk_size(4)))
