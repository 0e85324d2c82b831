"""Blocks of one size: the same rows in the same order, whatever blocks they come in."""

from __future__ import annotations

from itertools import groupby

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from bestline.data.tables.table_file import sized

runs = st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=12)


@given(runs, st.integers(1, 7))
def test_rows_keep_their_order_in_blocks_of_the_size_asked_for(runs: list[tuple[bool, int]], size: int) -> None:
    """A column that turns from numbers into words begins a block of its own: so only the last of its kind is smaller."""
    at, blocks = 0, []
    for words, n in runs:
        values = list(range(at, at + n))
        blocks.append(pa.table({"x": pa.array(map(str, values), pa.string()) if words else pa.array(values, pa.int64())}))
        at += n
    made = list(sized(iter(blocks), size))
    assert [int(v) for block in made for v in block.column("x").to_pylist()] == list(range(at))
    for _, own in groupby(made, key=lambda block: block.schema):
        lengths = [block.num_rows for block in own]
        assert all(n == size for n in lengths[:-1])
        assert 1 <= lengths[-1] <= size
