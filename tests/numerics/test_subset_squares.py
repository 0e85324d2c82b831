"""All subsets: each against its own least squares, by torch's QR; columns that say the same, batches in halves, rows held out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import bestline.numerics.subset_squares as module
from bestline.numerics.subset_squares import all_subsets, subsets_work

CLOSE = 1e-9  # of a target of size 1; the columns are far from collinear


def _rows(n: int, q: int, seed: int) -> torch.Tensor:
    return torch.randn(n, q, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _columns(widths: list[int], kept: int, subset: int) -> list[int]:
    found, at = list(range(kept)), kept
    for i, width in enumerate(widths):
        if subset >> (len(widths) - 1 - i) & 1:
            found += range(at, at + width)
        at += width
    return found


@given(
    widths=st.lists(st.integers(0, 3), min_size=0, max_size=5),
    kept=st.integers(0, 2),
    few=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_every_subset_is_its_own_least_squares(widths: list[int], kept: int, few: bool, seed: int) -> None:
    q = kept + sum(widths) + 1
    rows, others = _rows(40, q, seed), _rows(7, q, seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        if few:
            patch.setattr(module, "_NUMBERS", 1)  # every batch in halves
        found = all_subsets(rows.T @ rows, widths, kept=kept, held=others.T @ others)
    assert found.held is not None
    assert len(found.left) == len(found.held) == 2 ** len(widths)
    size = rows[:, -1].square().sum()
    for subset in range(2 ** len(widths)):
        own = _columns(widths, kept, subset)
        w = torch.linalg.lstsq(rows[:, own], rows[:, -1:]).solution if own else torch.zeros(0, 1, dtype=torch.float64)
        for got, table in ((found.left, rows), (found.held, others)):
            expected = (table[:, -1:] - table[:, own] @ w).square().sum() / size
            assert abs(float(got[subset] - expected)) < CLOSE
        assert int(found.rank[subset]) == len(own)


def test_columns_that_say_the_same_count_once() -> None:
    rows = _rows(30, 4, 5)
    rows[:, 1] = 3 * rows[:, 0]
    rows[:, 2] = 0.0
    found = all_subsets(rows.T @ rows, [1, 1, 1])
    assert found.rank.tolist() == [0, 0, 1, 1, 1, 1, 1, 1]
    assert torch.allclose(found.left[2:], found.left[2].expand(6), rtol=0, atol=1e-14)


def test_what_is_left_falls_with_every_column() -> None:
    rows = _rows(25, 9, 3)
    left = all_subsets(rows.T @ rows, [1] * 8).left
    for subset in range(256):
        for bit in range(8):
            assert left[subset | 1 << bit] <= left[subset] + 1e-15


def test_the_work_of_wide_groups_is_told() -> None:
    assert subsets_work([1] * 20) < 3e7 < subsets_work([3] * 20)
    assert subsets_work([1] * 4, kept=100) > subsets_work([1] * 4)
