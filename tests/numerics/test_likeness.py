"""Moments of the same rows are alike however they were added up, and those of other rows are not; and what a sum keeps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bestline.numerics import comoments
from bestline.numerics.comoments import Comoments, total

f64 = torch.float64
OFF = 1e-4  # of a spread: a hundred times what rounding may do, and less than any picture shows


def rows(seed: int = 0, n: int = 60, q: int = 3) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    Z = torch.randn(n, q, generator=g, dtype=f64) @ torch.randn(q, q, generator=g, dtype=f64)
    return Z + 5


@given(st.integers(0, 1_000), st.integers(2, 9), st.sampled_from([0.0, 1e3, 1e9]))
def test_the_same_rows_in_other_parts_and_another_order(seed: int, parts: int, offset: float) -> None:
    Z = rows(seed) + offset
    turned = Z[torch.randperm(60, generator=torch.Generator().manual_seed(seed))]
    whole = Comoments.of(Z)
    other = total((Comoments.of(part) for part in turned.chunk(parts)), 3)
    assert whole.like(other)
    assert other.like(whole)


@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("what", ["mean", "spread", "correlation"])
def test_one_thing_that_differs_is_seen(what: str, column: int) -> None:
    """Each alone: the others are as they were, and so is the number of rows."""
    Z = rows()
    center, spread = Z.mean(0), Z.std(0, correction=0)
    away = (Z - center) / spread
    if what == "mean":
        changed = Z.clone()
        changed[:, column] += OFF * spread[column]
    elif what == "spread":
        changed = Z.clone()
        changed[:, column] = center[column] + (1 + OFF) * (Z[:, column] - center[column])
    else:
        # The column turned a little towards what none of the columns says, and stretched back.
        extra = torch.randn(60, 1, generator=torch.Generator().manual_seed(9), dtype=f64)
        known = torch.cat([torch.ones(60, 1, dtype=f64), away], 1)
        fresh = extra - known @ torch.linalg.lstsq(known, extra).solution
        turned = away[:, column] + 0.01 * fresh[:, 0] / fresh.std(correction=0)
        changed = Z.clone()
        changed[:, column] = center[column] + spread[column] * turned / turned.std(correction=0)
    before, after = Comoments.of(Z), Comoments.of(changed)
    same = {
        "mean": (before.center - after.center).abs().max() < 1e-12,
        "spread": (before.spread - after.spread).abs().max() < 1e-12,
        "correlation": np.allclose(np.corrcoef(Z.T), np.corrcoef(changed.T), rtol=0, atol=1e-12),
    }
    assert [name for name, alike in same.items() if not alike] == [what]
    assert not before.like(after)
    assert not after.like(before)


def test_more_rows_and_fewer_rows_are_other_rows() -> None:
    """Every row twice: the means, spreads and correlations are the same."""
    Z = rows()
    once, twice = Comoments.of(Z), Comoments.of(torch.cat([Z, Z]))
    assert not once.like(twice)
    assert not twice.like(once)


@given(st.integers(0, 100), st.integers(1, 5))
def test_logarithms_of_weights_add_up_over_chunks_and_parts(seed: int, chunks: int) -> None:
    n = 37 * chunks
    w = torch.rand(n, generator=torch.Generator().manual_seed(seed), dtype=f64) + 0.01
    w[::5] = 0
    size = comoments.chunk_size
    comoments.chunk_size = lambda q: 37  # a table of several chunks, without its many rows
    try:
        found = Comoments.of(rows(seed, n), w)
    finally:
        comoments.chunk_size = size
    present = w[w > 0].numpy()
    assert found.count == len(present)
    assert found.log_weight == pytest.approx(np.log(present).sum(), rel=1e-12)
    parts = Comoments.of(rows(seed, n)[: n // 2], w[: n // 2]) + Comoments.of(rows(seed, n)[n // 2 :], w[n // 2 :])
    assert parts.log_weight == pytest.approx(np.log(present).sum(), rel=1e-12)
    rest = found - Comoments.of(rows(seed, n)[: n // 2], w[: n // 2])
    assert rest.log_weight == pytest.approx(np.log(w[n // 2 :][w[n // 2 :] > 0].numpy()).sum(), rel=1e-9, abs=1e-9)


def test_what_is_taken_away_tells_how_much_weight_it_took() -> None:
    """Nearly all of the weight is taken away: the digits that cancelled are told, though the columns' scatter is still there."""
    Z, w = rows(), torch.ones(60, dtype=f64)
    w[:30] = 1e6
    Z[:30] = Z[:30].mean(0) + 1e-3 * (Z[:30] - Z[:30].mean(0))  # heavy, and no spread to speak of
    whole, heavy = Comoments.of(Z, w), Comoments.of(Z[:30], w[:30])
    rest = whole - heavy
    assert rest.cancelled >= 0.99 * whole.weight / rest.weight
    assert (rest + heavy).cancelled == rest.cancelled
