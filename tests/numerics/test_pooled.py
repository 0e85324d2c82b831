"""Pooled: moments from sums of groups are those of the rows, and sums in two pieces are exact whoever adds them up."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bestline.numerics import Comoments, Rows
from bestline.numerics.pooled import PooledSums, is_exact, lost, pooled, splitter

AGREE = 1e-13


def sums_of(Z: Tensor, group: Tensor, center: Tensor, w: Tensor | None = None) -> PooledSums:
    """The sums that an engine would make."""
    weight = torch.ones(len(Z), dtype=torch.float64) if w is None else w
    own = [(Z[group == g], weight[group == g]) for g in range(int(group.max()) + 1)]
    return PooledSums(
        torch.tensor([len(z) for z, _ in own]),
        torch.stack([v.sum() for _, v in own]),
        torch.stack([v.log().sum() for _, v in own]),
        center,
        torch.stack([((z - center) * v[:, None]).sum(0) for z, v in own]),
        torch.stack([(z - center).T @ ((z - center) * v[:, None]) for z, v in own]),
        torch.stack([z.amin(0) for z, _ in own]),
        torch.stack([z.amax(0) for z, _ in own]),
    )


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("weighted", [False, True])
def test_columns_that_are_a_number_times_a_variable_in_each_group(offset: float, weighted: bool):
    draw = torch.Generator().manual_seed(0)
    n, groups = 3_000, 7
    Z = torch.randn(n, 2, dtype=torch.float64, generator=draw) + offset
    group = torch.randint(groups, (n,), generator=draw)
    w = torch.rand(n, dtype=torch.float64, generator=draw) + 0.5 if weighted else None
    # An indicator, a slope within groups, a variable as it is, and one times a few numbers.
    factor = torch.stack(
        [torch.eye(groups)[2], torch.eye(groups)[4], torch.ones(groups), torch.arange(groups) - 3.0], 1
    ).double()
    variable = torch.tensor([-1, 0, 0, 1])
    found, low, high = pooled(sums_of(Z, group, Z.mean(0), w), factor, variable)
    ones = torch.ones(n, 1, dtype=torch.float64)
    X = factor[group] * torch.cat([Z, ones], 1)[:, variable]
    exact = Comoments.of_rows(Rows(X, X[:, :0], w))
    assert found.count == exact.count
    assert found.log_weight == pytest.approx(exact.log_weight, rel=AGREE)
    length = exact.scatter.diagonal().sqrt()
    assert (
        float(((found.center - exact.center).abs() / (exact.spread + 1e-9 * exact.center.abs())).max()) < 1e-7 * AGREE + 1e-12
    )
    assert float(((found.scatter - exact.scatter).abs() / torch.outer(length, length)).max()) < AGREE
    assert torch.equal(torch.stack([low, high]), torch.stack([X.amin(0), X.amax(0)]))


def test_no_rows_have_no_moments():
    empty = PooledSums(
        *(torch.zeros(0, *s, dtype=torch.float64) for s in ((), (), ())),
        torch.zeros(1, dtype=torch.float64),
        *(torch.zeros(0, *s, dtype=torch.float64) for s in ((1,), (1, 1), (1,), (1,))),
    )
    found, low, high = pooled(empty, torch.zeros(0, 2, dtype=torch.float64), torch.tensor([0, -1]))
    assert (found.count, found.q) == (0, 2)
    assert bool((low == torch.inf).all() and (high == -torch.inf).all())


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=200), st.integers(-60, 60))
def test_the_larger_pieces_are_added_without_rounding(terms: list[float], power: int):
    terms = [math.ldexp(t, power) for t in terms]
    largest = max(map(abs, terms))
    sigma = splitter(largest, len(terms))
    high = [(t + sigma) - sigma for t in terms]
    total = 0.0
    for piece in high:
        total += piece
    assert Fraction(total) == sum(map(Fraction, high))
    assert all(h + (t - h) == t for h, t in zip(high, terms, strict=True))
    assert is_exact(torch.tensor([total], dtype=torch.float64), largest, len(terms))
    low = sum(t - h for h, t in zip(high, terms, strict=True))
    exact = sum(map(Fraction, terms))
    assert abs(Fraction(total) + Fraction(low) - exact) <= Fraction(2.0**-90) * Fraction(len(terms)) ** 3 * Fraction(
        largest or 1.0
    )


def test_an_engine_that_writes_the_pieces_otherwise_is_found_out():
    # (p + sigma) - sigma taken for p: then the sum is no multiple of sigma's last place.
    terms = torch.rand(1_000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert not is_exact(terms.sum()[None], 1.0, 1_000)
    near, one = torch.tensor([3.0]), torch.tensor([1.0])
    assert lost(10**9, near, one, exact=False) > 1e4
    assert 1.0 <= lost(10**9, near, one, exact=True) < 2.0
    # No deviation is larger than the root of n times their root mean square; of a million rows even that costs nothing.
    assert lost(10**6, torch.tensor([1e3]), one, exact=True) < 2.0
