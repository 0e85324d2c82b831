"""Splits round as documented and leave no part empty."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestline.data.split import split_sizes
from bestline.errors import DataError


@given(st.integers(3, 4_000))
def test_splits_round_as_documented_and_leave_no_part_empty(n: int) -> None:
    training, validation, test = split_sizes(n, (0.7, 0.15, 0.15)) if n >= 3 else (1, 1, 1)
    assert training + validation + test == n
    assert validation == test == -(-15 * n // 100)
    assert training >= 1
    assert split_sizes(10 * n, (0.7, 0.3)) == [7 * n, 0, 3 * n]


def test_a_split_that_leaves_a_part_empty_is_refused() -> None:
    with pytest.raises(DataError, match="training part would be empty"):
        split_sizes(2, (0.7, 0.15, 0.15))
