"""Quantiles from one look: those of the sorted values, in whatever parts these come."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bestline.data.design.bases import quantiles
from bestline.data.design.bases.quantiles import Counted

SHARES = [0.0, 0.1, 0.25, 1 / 3, 0.5, 0.9, 1.0]
numbers = arrays.arrays(float, st.integers(1, 60), elements=st.floats(-1e6, 1e6) | st.sampled_from([-0.0, 0.0, 1.0, -1.0]))


@given(numbers, st.integers(1, 7))
def test_they_are_those_of_the_sorted_values(values: np.ndarray, parts: int) -> None:
    found = reduce(add, (Counted.of(torch.tensor(part)) for part in np.array_split(values, parts)), Counted())
    size = 1e-15 * np.abs(values).max()
    assert np.allclose(found.quantiles(SHARES), np.quantile(values, SHARES), rtol=1e-15, atol=size)
    assert np.allclose(found.quantiles(SHARES, different=True), np.quantile(np.unique(values), SHARES), rtol=1e-15, atol=size)
    assert (found.count, found.low, found.high) == (len(values), values.min(), values.max())


@given(numbers, st.permutations(range(5)))
def test_too_many_values_lose_their_last_bits_alike_in_any_order(values: np.ndarray, order: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(quantiles, "_MOST", 8)
        parts = [Counted.of(torch.tensor(part)) for part in np.array_split(values, 5)]
        found, other = reduce(add, parts), reduce(add, (parts[i] for i in order))
        whole = Counted.of(torch.tensor(values))
    for part in (other, whole):
        assert torch.equal(found.keys, part.keys)
        assert torch.equal(found.counts, part.counts)
        assert found.lost == part.lost
    assert len(found.keys) <= 8
    assert found.count == len(values)
    assert (found.low, found.high) == (values.min(), values.max())


@pytest.mark.parametrize("turned", [False, True])
def test_few_values_lose_what_many_have_lost_before_them(monkeypatch: pytest.MonkeyPatch, turned: bool) -> None:
    """Two parts are as fine together as the coarser of them, however few values they have by then."""
    monkeypatch.setattr(quantiles, "_MOST", 8)
    crowd, few = 1 + torch.arange(40, dtype=torch.float64) / 2**40, torch.tensor([1 + 2.0**-52, 7.0 + 2.0**-50])
    parts = [Counted.of(few), Counted.of(crowd)] if turned else [Counted.of(crowd), Counted.of(few)]
    found, whole = parts[0] + parts[1], Counted.of(torch.cat([crowd, few]))
    assert found.lost == whole.lost > 0
    assert torch.equal(found.keys, whole.keys)
    assert torch.equal(found.counts, whole.counts)
    least, most = found.quantiles([0.0, 1.0])
    assert 1.0 <= least < most <= 7.0 + 2.0**-50


def test_a_stream_of_many_values_has_quantiles_of_many_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantiles, "_MOST", 2**12)
    values = np.random.default_rng(1).normal(size=50_000)
    found = reduce(add, (Counted.of(torch.tensor(part)) for part in np.array_split(values, 9)))
    assert len(found.keys) <= 2**12
    assert found.lost
    # Values that count as equal differ by a share of themselves: the more are kept, the less.
    assert np.allclose(found.quantiles(SHARES), np.quantile(values, SHARES), rtol=0.02, atol=1e-3)
