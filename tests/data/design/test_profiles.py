"""What is learnt of a category: how often each level comes and what its rows weigh, with and without a value; whatever the batches."""

from __future__ import annotations

from functools import reduce
from operator import add

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bestline.data.design.profiles import Levels
from bestline.data.tables import open_source

tables = st.lists(st.tuples(st.sampled_from([None, "a", "b", "c"]), st.sampled_from([0.0, 0.5, 2.0])), min_size=1, max_size=30)


@given(tables, st.integers(1, 9))
def test_levels_are_counted_and_weighed_row_by_row(table: list[tuple[str | None, float]], size: int) -> None:
    levels, weights = (list(column) for column in zip(*table, strict=True))
    source = open_source({"g": [*levels, "c"], "x": [1.0] * (len(table) + 1)})  # a level at least, or it is no text
    weight = torch.tensor([*weights, 1.0], dtype=torch.float64)
    found = reduce(
        add,
        (Levels.of(batch, "g", weight[batch.start : batch.start + batch.rows]) for batch in source.batches(["g"], size=size)),
    )
    rows = [(level, own) for level, own in [*table, ("c", 1.0)] if own > 0]
    there = [(level, own) for level, own in rows if level is not None]
    assert found.counts == {level: sum(1 for other, _ in there if other == level) for level, _ in there}
    assert found.weights == pytest.approx({level: sum(own for other, own in there if other == level) for level, _ in there})
    assert (found.present, found.missing) == (len(there), len(rows) - len(there))
    assert found.missing_weight == pytest.approx(sum(own for level, own in rows if level is None))
