"""Laid out: X is made of neighbours at once, and is what its columns are one by one."""

from __future__ import annotations

from functools import reduce

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bestline.data.design.encoded import laid_out
from bestline.data.design.factors import Column

WIDTHS = (5, 3, 2)  # of the blocks that parts are taken from
PART = st.integers(0, 2).flatmap(lambda block: st.tuples(st.just(block), st.integers(0, WIDTHS[block] - 1)))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(PART, min_size=1, max_size=3), max_size=12), st.integers(0, 4))
def test_x_is_what_its_columns_are_one_by_one(columns, n):
    draw = torch.Generator().manual_seed(n)
    blocks = [torch.randn(n, width, generator=draw, dtype=torch.float64) for width in WIDTHS]
    # As in a design: numbers are factors of one column in one block, categories have as many components as their block columns.
    parts = [(blocks[0], j) for j in range(WIDTHS[0])] + [(block, 0) for block in blocks[1:]]
    made = [tuple((at, 0) if block == 0 else (WIDTHS[0] + block - 1, at) for block, at in column) for column in columns]
    X = laid_out(parts, [Column("", "", column) for column in made], blocks[0])
    assert X.shape == (n, len(columns))
    for j, column in enumerate(columns):
        assert torch.equal(X[:, j], reduce(torch.mul, [blocks[block][:, at] for block, at in column]))
