"""Splits round as documented and leave no part empty."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bestline as bl
from bestline.data.split import split_sizes
from bestline.errors import DataError, OptionError


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


@pytest.mark.parametrize("shares", [("0.79", "0.14", "0.07"), ("0.7", "0.15", "0.15"), ("0.45", "0.55"), ("0.72", "0.28")])
def test_parts_are_rounded_up_from_the_shares_as_they_are_written(shares: tuple[str, ...]) -> None:
    """Products such as 0.07 * 100 are a hair above a whole number in binary."""
    for n in range(20, 400):
        exact = [math.ceil(Fraction(share) * n) for share in shares[1:]]
        wanted = [n - sum(exact), *([0] if len(shares) == 2 else []), *exact]
        assert split_sizes(n, [float(share) for share in shares]) == wanted


def test_numbers_of_rows_are_what_they_say():
    """The sizes of two well-known recipes, which shares and one rounding cannot both give."""
    assert split_sizes(50, (35, 7, 8)) == [35, 7, 8]
    assert split_sizes(50, (35, 15)) == [35, 0, 15]
    assert split_sizes(2, (1, 1)) == [1, 0, 1]
    with pytest.raises(DataError, match=r"\(35, 7, 8\) is of 50 rows, and there are 49"):
        split_sizes(49, (35, 7, 8))
    data = {"x": range(50), "y": [3.0 * i + i % 7 for i in range(50)]}
    model = bl.fit(data, "y ~ x", split=(35, 7, 8), seed=3)
    assert model.sizes == {"training": 35, "validation": 7, "test": 8}
    # The draw is that of the same sizes asked for by shares.
    by_shares, by_rows = (bl.fit(data, "y ~ x", split=split, seed=3) for split in ((0.7, 0.15, 0.15), (34, 8, 8)))
    assert by_rows.params.tolist() == by_shares.params.tolist()
    with pytest.raises(OptionError, match="numbers of rows, such as"):
        bl.fit(data, "y ~ x", split=(35.5, 14.5))
    with pytest.raises(DataError, match="of 60 rows, and there are 50"):
        bl.fit(data, "y ~ x", split=(40, 20))


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")  # that a row was left out
def test_a_row_whose_weight_is_missing_is_drawn_and_one_of_weight_zero_is_not():
    """The first is left out for a gap, as for one in any column; the second was never there."""
    data = {"x": range(12), "y": [3.0 * i + i % 5 for i in range(12)], "w": [1.0] * 12}
    gap = data | {"w": [1.0] * 11 + [math.nan]}
    model = bl.fit(gap, "y ~ x", weights="w", missing="drop", split=(7, 5), seed=1)
    assert sum(model.sizes.values()) == 11
    with pytest.raises(DataError, match="of 12 rows, and there are 11"):
        bl.fit(data | {"w": [1.0] * 11 + [0.0]}, "y ~ x", weights="w", split=(7, 5))
    # A gap in a column of numbers is treated alike, down to the draw.
    other = bl.fit(data | {"x": [*range(11), math.nan]}, "y ~ x", missing="drop", split=(7, 5), seed=1)
    assert model.sizes == other.sizes
    assert model.params.tolist() == pytest.approx(other.params.tolist(), rel=1e-12)
