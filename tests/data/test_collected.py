"""Rows that are kept beside the moments: in the order of their batches, each with its own group, and no more than may be."""

from __future__ import annotations

import math
from functools import reduce
from itertools import permutations
from operator import add

import pytest
import torch

from bestline.data.collected import Kept
from bestline.errors import DataError
from bestline.numerics.rows import Rows


def batch(first: int, n: int) -> tuple[Rows, torch.Tensor]:
    """Rows that carry their number in every place, and groups that do."""
    at = torch.arange(first, first + n, dtype=torch.float64)
    return Rows(at[:, None], 10 * at[:, None], 100 * at), torch.arange(first, first + n)


BATCHES = ((0, 3), (3, 1), (4, 2))
BYTES = 6 * 3 * 8  # of six rows: one feature, one target and a weight each


def test_rows_keep_their_order_and_their_groups() -> None:
    kept = reduce(add, (Kept(math.inf).of(*batch(*one)) for one in BATCHES), Kept(math.inf))
    rows, group = kept.rows()
    assert group.tolist() == list(range(6))
    assert rows.X[:, 0].tolist() == list(range(6))
    assert rows.y[:, 0].tolist() == [10 * i for i in range(6)]
    assert rows.w is not None
    assert rows.w.tolist() == [100 * i for i in range(6)]
    assert kept.bytes == BYTES
    assert not kept.full


@pytest.mark.parametrize("order", list(permutations(BATCHES)))
def test_one_byte_too_many_lets_all_of_them_go_whatever_their_order(order: tuple[tuple[int, int], ...]) -> None:
    for most, full in ((BYTES, False), (BYTES - 1, True)):
        kept = reduce(add, (Kept(most).of(*batch(*one)) for one in order))
        assert kept.full == full
        assert len(kept.parts) == (0 if full else 3)
    with pytest.raises(DataError, match="too many"):
        reduce(add, (Kept(BYTES - 1, "too many").of(*batch(*one)) for one in order))
    assert not reduce(add, (Kept(BYTES, "too many").of(*batch(*one)) for one in order)).full
