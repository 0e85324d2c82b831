"""Quantiles of values that are each there several times: those of the rows repeated."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bestline.numerics import quantiles

SHARES = (0.0, 0.25, 1 / 3, 0.5, 0.75, 1.0)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20), st.data())
def test_quantiles_of_weighted_values_are_those_of_the_rows_repeated(values: list[float], data: st.DataObject):
    times = data.draw(st.lists(st.integers(1, 5), min_size=len(values), max_size=len(values)))
    ordered = sorted(values)
    expected = np.quantile(np.repeat(ordered, times), SHARES).tolist()
    for dtype in (torch.int64, torch.float64):
        found = quantiles(torch.tensor(ordered, dtype=torch.float64), torch.tensor(times, dtype=dtype), SHARES)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_times_that_add_up_to_whole_numbers_but_for_rounding_count_as_if_they_did():
    parts = torch.full((30,), 0.1, dtype=torch.float64)  # ten of them are one row, 0.1 + ... + 0.1 < 1
    values = torch.arange(3.0, dtype=torch.float64).repeat_interleave(10)
    assert quantiles(values, parts, (0.0, 0.5, 1.0)) == pytest.approx([0.0, 1.0, 2.0])
