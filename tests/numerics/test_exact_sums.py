"""Cross products without any rounding, however the rows are cut."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bestline.numerics.exact_sums import CrossProducts
from bestline.numerics.rows import Rows
from numerics.exact import tables

pytestmark = pytest.mark.usefixtures("quiet")


def as_fractions(products: CrossProducts) -> list[list[Fraction]]:
    q = len(products.low)
    powers = [[Fraction(2) ** (products.low[i] + products.low[j] + products.unit) for j in range(q)] for i in range(q)]
    return [[int(products.whole[i, j]) * powers[i][j] for j in range(q)] for i in range(q)]


@given(tables(), st.integers(0, 8))
def test_cross_products_are_exact_and_add_up(rows: Rows, cut: int):
    Z = [[Fraction(v) for v in (*x, 1.0, *y)] for x, y in zip(rows.X.tolist(), rows.y.tolist(), strict=True)]
    w = [Fraction(1)] * len(Z) if rows.w is None else [Fraction(v) for v in rows.w.tolist()]
    expected = [[sum(u * z[i] * z[j] for u, z in zip(w, Z, strict=True)) for j in range(4)] for i in range(4)]
    whole = CrossProducts.of(rows, intercept=True)
    assert whole.count == sum(u > 0 for u in w)
    assert as_fractions(whole) == expected
    first, last = (CrossProducts.of(part, intercept=True) for part in (rows[:cut], rows[cut:]))
    assert as_fractions(first + last) == as_fractions(last + first) == expected


def test_cross_products_of_many_rows_are_exact():
    rng = np.random.default_rng(0)
    x, w = rng.integers(-(2**52), 2**52, 100_000), rng.integers(0, 1_000, 100_000)
    for weights in (None, w):
        rows = Rows(torch.tensor(x[:, None]).double(), torch.ones(len(x), 1), None if weights is None else torch.tensor(w))
        sums = as_fractions(CrossProducts.of(rows, intercept=False))
        times = [1] * len(x) if weights is None else w.tolist()
        assert sums[0][0] == sum(u * v * v for u, v in zip(times, x.tolist(), strict=True))
        assert sums[0][1] == sum(u * v for u, v in zip(times, x.tolist(), strict=True))
