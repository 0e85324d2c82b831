"""One number looks the same wherever people read it: what each form of it does at its edges."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestline.wording import (
    apart,
    broken,
    cell,
    count,
    entry,
    equation,
    evenly,
    fixed,
    on_columns,
    ordered,
    p_value,
    percent,
    plain,
    printed,
    rounded,
    said,
    shared,
    shown,
    significant,
    typeset,
    without,
)
from bestline.wording import (
    width as width_of,
)

finite = st.floats(-1e300, 1e300)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567.0, "1,235,000"),
        (-0.5, "−0.5"),
        (-0.0, "0"),
        (2e9, "2×10⁹"),
        (1.23456e-7, "1.235×10⁻⁷"),
        (-0.00012345, "−0.0001234"),
        (math.inf, "inf"),
    ],
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
    raised = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
    mantissa, _, power = rounded(value).replace(",", "").replace("−", "-").partition("×10")
    back = float(f"{mantissa}e{power.translate(raised) or 0}")
    assert back == pytest.approx(value, rel=5.1e-4, abs=0)


@pytest.mark.parametrize(
    ("value", "text"), [(0.25, "0.2500"), (1e-4, "0.0001"), (9.9e-5, "<0.0001"), (0.0, "<0.0001"), (1.0, "1.0000")]
)
def test_a_p_value_that_four_places_would_call_zero_is_a_bound(value: float, text: str) -> None:
    assert p_value(value) == text


def test_a_column_of_numbers_has_one_number_of_places_until_it_is_too_wide() -> None:
    assert (fixed(3.14159, 2), fixed(-2.0, 2), fixed(1e9, 2)) == ("3.14", "-2.00", "1×10⁹")
    assert (fixed(1234.5, 1), fixed(-12345678.9, 2)) == ("1,234.5", "-12,345,678.90")


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(2, 6))
def test_a_number_in_text_is_that_of_sentences_but_for_the_minus_of_the_keyboard(value: float, digits: int) -> None:
    """One table has one format: thousands separated, powers of ten beyond, in text, on pages and in frames alike."""
    text = said(value, digits)
    assert significant(value, digits) == text.replace("−", "-")
    assert cell(value, digits) == text
    assert entry(value) == said(value, 6)


def test_a_page_has_a_real_minus_sign_before_numbers_alone() -> None:
    assert typeset("R2 -0.11, about -1,234.5") == "R2 −0.11, about −1,234.5"
    assert typeset("5-fold x-1 -") == "5-fold x-1 -"


def test_a_cell_of_a_frame() -> None:
    assert [entry(v) for v in (34970000.0, 1200, True, "a", None, math.nan)] == ["34,970,000", "1,200", "True", "a", "", ""]


def test_shares_and_counts() -> None:
    assert (percent(0.5), percent(0.0123)) == ("50%", "1.2%")
    assert (percent(0.1), percent(0.1234), percent(0.999)) == ("10%", "12.3%", "99.9%")
    assert (percent(0.99901), percent(0.99999), percent(1 - 1e-12), percent(1.0)) == ("over 99.9%",) * 2 + ("100%",) * 2
    assert (percent(1e-4), percent(0.99e-4), percent(0.0), percent(1.25)) == ("0.01%", "under 0.01%", "0%", "125%")
    assert (count(1, "row"), count(1200, "row")) == ("1 row", "1,200 rows")


@given(st.text(min_size=1, max_size=200))
def test_a_name_is_one_line_that_is_not_too_long(name: str) -> None:
    for text, longest in ((plain(name, 30), 30), (shown(name, 36), 36)):
        assert text.isprintable()
        assert len(text) <= longest


SENSORS = ("sensor_of_the_inlet_in_degrees_celsius", "sensor_of_the_outlet_in_degrees_celsius", "age")


def test_long_names_lose_the_words_that_they_share_and_it_is_said_which() -> None:
    assert apart(SENSORS) == ["inlet", "outlet", "age"]
    assert shared(SENSORS) == "sensor_of_the_…_in_degrees_celsius"
    assert shared(("age", "weight")) == ""


@pytest.mark.parametrize(
    ("names", "short"),
    [
        # A level needs no half of the bracket that it loses.
        (("name_of_the_region_of_the_shop[T.North]", "name_of_the_region_of_the_shop[T.South_East]"), ["North", "South_East"]),
        # Signs say what a term is, so they stay; of two names nothing is left out inside.
        (
            ("log_of_the_income_of_the_household", "I(log_of_the_income_of_the_household ** 2)"),
            ["log_of_the…of_the_household", "I(log_of_the…household ** 2)"],
        ),
        (("SensorReadingOfTheTemperatureInUnits", "SensorReadingOfThePressureInUnits"), ["Temperature", "Pressure"]),
        # A name that is short stays as it is, and none is taken by another.
        (("inlet", *SENSORS[:2]), ["inlet", "sensor_of_…inlet_in…celsius", "sensor_of_…outlet_in…celsius"]),
        (("abc", "abc"), ["abc (1)", "abc (2)"]),
    ],
)
def test_short_forms_do_not_mislead(names: tuple[str, ...], short: list[str]) -> None:
    assert apart(names) == short


words = st.lists(
    st.sampled_from(["reading", "of", "the", "inlet", "outlet", "mean", "x", "[T.a]", "y2", "\x1b[2J"]), min_size=1, max_size=14
)


@given(st.lists(words.map("_".join), min_size=1, max_size=8, unique=True), st.integers(12, 40))
def test_no_two_names_are_ever_shown_alike(names: list[str], longest: int) -> None:
    short = apart(names, longest)
    assert len(set(short)) == len(names)
    assert all(text.isprintable() for text in short)


@given(st.text(st.sampled_from("ab_… ["), max_size=80), st.integers(4, 30))
def test_breaking_a_text_loses_no_letter_and_keeps_to_the_width(text: str, width: int) -> None:
    lines = broken(text, width)
    assert all(0 < len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_names_are_broken_between_words_and_words_only_where_nothing_else_helps() -> None:
    assert broken("weight of flipper_length_mm", 18) == ["weight of", "flipper_length_mm"]
    assert broken("flipper_length_mm", 14) == ["flipper_", "length_mm"]
    assert broken("a" * 12, 10) == ["a" * 10, "aa"]


@given(st.text("abc_ ", max_size=60), st.integers(5, 40))
def test_even_lines_are_no_more_and_no_longer_and_lose_no_letter(text: str, width: int) -> None:
    lines = evenly(text, width)
    assert len(lines) <= len(broken(text, width))
    assert all(len(line) <= width for line in lines)
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)


def test_no_last_word_of_a_title_stands_alone() -> None:
    assert evenly("29 of 30 columns have a weight where the out-of-fold error is least", 62) == [
        "29 of 30 columns have a weight where",
        "the out-of-fold error is least",
    ]
    assert evenly("weight of flipper_length_mm", 20) == ["weight of", "flipper_length_mm"]


def test_a_long_formula_is_said_by_the_number_of_its_columns() -> None:
    long = f"y ~ {' + '.join(f'column_{i}' for i in range(30))}"
    assert on_columns("y ~ a + b", 2) == "y ~ a + b"
    assert on_columns(long, 30) == "y on 30 columns"


def test_equations_read_as_people_write_them() -> None:
    assert equation("mpg", ("weight", "Intercept"), (-0.0076473, 46.2165)) == "mpg = 46.22 − 0.007647 weight"
    assert equation("y", ("x",), (2.0,)) == "y = 2 x"
    assert equation("y", ("x", "Intercept"), (-1.0, -3.0)) == "y = −3 − 1 x"
    assert equation("y", (), ()) == "y = 0"
    assert equation("y", tuple(f"x{i}" for i in range(12)), [1.0] * 12).endswith("+ 4 more terms")
    assert equation("y", tuple(f"x{i}" for i in range(9)), [1.0] * 9).endswith("+ 1 x8")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234.5, "1,234"),
        (123_456_789.0, "123,500,000"),
        (999_900_000.0, "999,900,000"),
        (1e9, "1×10⁹"),
        (2.5e12, "2.5×10¹²"),
        (0.0, "0"),
        (-0.0, "0"),
        (-3.14159, "\u22123.142"),
    ],
)
def test_numbers_have_commas_up_to_a_thousand_millions(value: float, text: str) -> None:
    assert said(value) == text


def test_no_line_begins_with_a_space_and_no_word_is_broken_that_has_room() -> None:
    text = "Slopes in sensor_reading_of_the_inlet_of_the_sample_unit, 95% intervals"
    for width in range(8, 60):
        for lines in (broken(text, width), evenly(text, width)):
            assert [line for line in lines if line != line.strip() or "  " in line] == []
            assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)
    assert evenly("weight of temperature…inlet", 12) == ["weight of", "temperature…", "inlet"]


def test_an_interaction_does_not_lose_the_half_of_a_columns_name() -> None:
    names = ["flipper_length_mm:species[T.Gentoo]", "flipper_length_mm:species[T.Chinstrap]", "species[T.Gentoo]"]
    assert not any(name.startswith("mm") for name in apart(names))
    assert without(names) == ""


def test_words_from_right_to_left_stand_between_marks_once() -> None:
    mark = "\N{LEFT-TO-RIGHT MARK}"
    assert ordered("weight 2.1") == "weight 2.1"
    assert ordered("größe 身長") == "größe 身長"
    assert ordered("גיל = 2.1 العمر_2") == f"{mark}גיל{mark} = 2.1 {mark}العمر_2{mark}"
    assert ordered("תאריך לידה") == f"{mark}תאריך לידה{mark}"  # one name of two words keeps their order
    assert ordered(ordered("עיר[T.חיפה]")) == ordered("עיר[T.חיפה]") == f"{mark}עיר{mark}[T.{mark}חיפה{mark}]"
    assert width_of(ordered("עיר[T.חיפה]")) == len("עיר[T.חיפה]")


def test_a_mark_of_direction_in_a_name_is_shown_and_ours_is_not() -> None:
    assert printed("\u202eabc\u200eגיל 1\n") == "\\u202eabc\u200eגיל\u200e 1\n"
    assert plain("a\u200e") == "a\\u200e"
