"""Rows gone through block by block: whatever the blocks, groups and weights, the sums are those of exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bestline.numerics import centred
from bestline.numerics.comoments import Comoments, by_group
from bestline.numerics.rows import Rows, fingerprint, odd_numbers, range_of, shared_out
from numerics.moments import table


def exact_scatter(Z: torch.Tensor, w: torch.Tensor) -> np.ndarray:
    """Weighted sums of products of deviations from the weighted mean, by fractions."""
    rows = [[Fraction(v) for v in row] for row in Z.tolist()]
    weights = [Fraction(v) for v in w.tolist()]
    whole = sum(weights)
    means = [sum(v * row[j] for v, row in zip(weights, rows, strict=True)) / whole for j in range(Z.shape[1])]
    away = [[value - mean for value, mean in zip(row, means, strict=True)] for row in rows]
    q = range(Z.shape[1])
    return np.array([[float(sum(v * r[i] * r[j] for v, r in zip(weights, away, strict=True))) for j in q] for i in q])


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 70),
    p=st.integers(1, 14),
    held=st.sampled_from([1, 30, 200, 2**18]),
    groups=st.integers(1, 4),
    weighted=st.booleans(),
    offset=st.sampled_from([0.0, -3.0, 1e7]),
)
def test_blocks_of_any_size_give_the_sums_that_fractions_give(
    seed: int, n: int, p: int, held: int, groups: int, weighted: bool, offset: float
) -> None:
    Z, draw = table(seed, n, p + 1, offset=offset), torch.Generator().manual_seed(seed)
    group = torch.randint(-1, groups, (n,), generator=draw)
    w = torch.rand(n, generator=draw, dtype=torch.float64) if weighted else None
    patches = (mock.patch.object(centred, "_HELD", held), mock.patch.object(centred, "_SHORT", 2))
    with patches[0], patches[1], mock.patch.object(centred, "_WORTH", 1):
        found = by_group(Rows(Z[:, :p], Z[:, p:], w), group, groups)
    share = torch.ones(n, dtype=torch.float64) if w is None else w
    for i, moments in enumerate(found):
        own = (group == i) & (share > 0)
        assert moments.count == int(own.sum())
        if not moments.count:
            continue
        expected = exact_scatter(Z[own], share[own])
        size = np.sqrt(np.diag(expected))
        # Rounding of sums of products; and of a mean that stands far from zero, once for each row.
        least = 1e-15 * abs(offset) * np.sqrt(float(share[own].sum()))
        room = 1e-13 * np.outer(size, size) + least * (size[:, None] + size[None, :]) + least**2
        assert (np.abs(moments.scatter.numpy() - expected) <= room + 1e-300).all()


@pytest.mark.parametrize("q", [3, 12, 47, 48, 61, 130])
def test_sums_of_rows_of_any_width_are_alike_on_both_sides_of_the_diagonal(q: int) -> None:
    found = Comoments.of(table(3, 900, q))
    assert torch.equal(found.scatter, found.scatter.T)
    away = table(3, 900, q) - table(3, 900, q).mean(0)
    torch.testing.assert_close(found.scatter, away.T @ away, rtol=1e-12, atol=1e-10)


@given(st.integers(1, 2**31 - 1), st.lists(st.integers(0, 2**31 - 1), min_size=1))
def test_rows_are_shared_out_by_the_remainder(groups: int, hashes: list[int]) -> None:
    multiples = [h // groups * groups for h in hashes]
    some = [*hashes, *multiples, *(max(m - 1, 0) for m in multiples)]
    assert shared_out(torch.tensor(some), groups).tolist() == [h % groups for h in some]


@given(st.integers(0, 100), st.integers(1, 60), st.integers(1, 4), st.sampled_from([torch.float64, torch.float32]))
def test_a_row_has_one_fingerprint_whatever_stands_beside_it(seed: int, n: int, p: int, dtype: torch.dtype) -> None:
    Z, odd = table(seed, n, p + 1).to(dtype), odd_numbers(p + 1, torch.Generator().manual_seed(seed))
    Z[Z.abs() < 0.4] = 0.0
    minus = torch.where((Z == 0) & (torch.arange(n)[:, None] % 2 == 0), -0.0, Z)  # 0.0 and -0.0 are one number
    rows = Rows(minus[:, :p], minus[:, p:])
    alone = torch.cat([fingerprint(rows[i : i + 1], odd) for i in range(n)])
    assert torch.equal(fingerprint(rows, odd), alone)
    assert torch.equal(fingerprint(Rows(Z[:, :p], Z[:, p:]), odd), alone)
    assert torch.equal(fingerprint(rows.to("cpu"), odd), alone)  # float32 numbers are the same numbers in float64


@pytest.mark.parametrize("p", [1, 2, 7, 640, 700])
@pytest.mark.parametrize("n", [1, 2, 90, 641, 3_000])
@pytest.mark.parametrize("laid", ["by rows", "by columns", "apart"])
def test_the_range_is_that_of_every_number(n: int, p: int, laid: str) -> None:
    X = table(n, n, 2 * p)[:, :p]
    X = X.contiguous() if laid == "by rows" else X.T.contiguous().T if laid == "by columns" else X
    low, high = range_of(X)
    assert torch.equal(low, X.amin(0))
    assert torch.equal(high, X.amax(0))
    X[n // 2, p // 2] = float("nan")
    assert bool(range_of(X)[0].isnan().any())
