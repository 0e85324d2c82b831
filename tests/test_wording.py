"""One number looks the same wherever people read it: what each form of it does at its edges."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestline.wording import cell, count, equation, fixed, p_value, percent, plain, rounded, said, shown, significant, tick

finite = st.floats(-1e300, 1e300)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234567.0, "1,235,000"), (-0.5, "−0.5"), (-0.0, "0"), (2e9, "2e+09"), (1.23456e-7, "1.235e−07"), (math.inf, "inf")],
)
def test_a_number_in_a_picture(value: float, text: str) -> None:
    assert said(value) == text


def test_what_is_no_number_is_unknown_in_a_sentence_and_left_out_of_a_table() -> None:
    for value in (math.nan, math.inf, -math.inf):
        assert (rounded(value), significant(value), cell(value), fixed(value, 2), p_value(value)) == (
            "unknown",
            "-",
            "",
            "-",
            "-",
        )
    assert significant(None, 4, absent="none") == "none"


@given(finite)
def test_rounding_for_people_keeps_four_digits(value: float) -> None:
    back = float(rounded(value).replace(",", "").replace("−", "-"))
    assert back == pytest.approx(value, rel=5.1e-4, abs=0)


@pytest.mark.parametrize(
    ("value", "text"), [(0.25, "0.2500"), (1e-4, "0.0001"), (9.9e-5, "<0.0001"), (0.0, "<0.0001"), (1.0, "1.0000")]
)
def test_a_p_value_that_four_places_would_call_zero_is_a_bound(value: float, text: str) -> None:
    assert p_value(value) == text


def test_a_column_of_numbers_has_one_number_of_places_until_it_is_too_wide() -> None:
    assert (fixed(3.14159, 2), fixed(-2.0, 2), fixed(1e9, 2)) == ("3.14", "-2.00", "1e+09")


@pytest.mark.parametrize(
    ("value", "text"), [(-0.25, "−0.25"), (1e6, "10⁶"), (123456.0, "123456"), (2.5e-7, "2.5×10⁻⁷"), (0.0, "0")]
)
def test_a_number_beside_an_axis(value: float, text: str) -> None:
    assert tick(value) == text.replace("10⁶", "1×10⁶")


def test_shares_and_counts() -> None:
    assert (percent(0.5), percent(0.0123)) == ("50%", "1.2%")
    assert (count(1, "row"), count(1200, "row")) == ("1 row", "1,200 rows")


@given(st.text(min_size=1, max_size=200))
def test_a_name_is_one_line_that_is_not_too_long(name: str) -> None:
    for text, longest in ((plain(name, 30), 30), (shown(name, 36), 36)):
        assert text.isprintable()
        assert len(text) <= longest


def test_equations_read_as_people_write_them() -> None:
    assert equation("mpg", ("weight", "Intercept"), (-0.0076473, 46.2165)) == "mpg = 46.22 − 0.007647 weight"
    assert equation("y", ("x",), (2.0,)) == "y = 2 x"
    assert equation("y", ("x", "Intercept"), (-1.0, -3.0)) == "y = −3 − 1 x"
    assert equation("y", (), ()) == "y = 0"
    assert equation("y", tuple(f"x{i}" for i in range(12)), [1.0] * 12).endswith("+ 4 more")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234.5, "1,234"),
        (123_456_789.0, "123,500,000"),
        (999_900_000.0, "999,900,000"),
        (1e9, "1e+09"),
        (2.5e12, "2.5e+12"),
        (0.0, "0"),
        (-0.0, "0"),
        (-3.14159, "\u22123.142"),
    ],
)
def test_numbers_have_commas_up_to_a_thousand_millions(value: float, text: str) -> None:
    assert said(value) == text
