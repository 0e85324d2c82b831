"""Integers beyond 2^53: what float64 has not read is claimed nowhere. The exact slope is 1/2 in every case here."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import bestline as bl
from bestline.errors import BestlineWarning
from bestline.estimators import LinearRegression

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")

VARIES, FLAT = 2**53 + 1, 2**60 + 1  # the first is rounded to other spacings, the second to one number
ROWS = range(16)


def table(first: int) -> dict[str, list[float]]:
    return {"x": [first + 2 * i for i in ROWS], "y": [float(i) for i in ROWS], "z": [float(i * i % 7) for i in ROWS]}


@pytest.mark.parametrize("first", [VARIES, FLAT])
@pytest.mark.parametrize("formula", ["y ~ x", "y ~ x + z", "y ~ z * x"])
@pytest.mark.parametrize("made", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_no_digit_is_claimed_by_a_line(first: int, formula: str, made: object) -> None:
    model = bl.fit(made(table(first)), formula)  # type: ignore[operator]
    assert model.digits.max() == 0


@pytest.mark.parametrize(
    "formula", ["y ~ lag(x)", "y ~ lead(x) + z", "y ~ diff(x)", "diff(x) ~ z", "y ~ I(diff(x) * 2)", "I(x * 2) ~ z"]
)
def test_no_digit_is_claimed_of_shifts_nor_of_computed_targets(formula: str) -> None:
    own = table(FLAT)
    # Steps of about a thousand: float64 holds these integers to within 128, so no difference is flat and none is right.
    own["x"] = [FLAT + 1000 * i + 37 * (i * i % 7) for i in ROWS]
    assert bl.fit(own, formula, missing="drop").digits.max() == 0


@pytest.mark.parametrize("formula", ["y ~ diff(x, by=g)", "diff(x, by=g) ~ z", "y ~ I(x * 2)", "I(x * 2) ~ z"])
def test_no_digit_is_claimed_of_what_groups_and_windows_compute(formula: str) -> None:
    own = table(FLAT) | {"g": ["a", "b"] * 8}
    own["x"] = [FLAT + 1000 * i + 37 * (i * i % 7) for i in ROWS]
    assert bl.fit_groups(own, formula, by="g", missing="drop").glance()["digits"].max() == 0
    assert bl.fit_rolling(own, formula, order="y", window=8, missing="drop").glance()["digits"].max() == 0


@pytest.mark.parametrize("first", [VARIES, FLAT])
def test_no_digit_is_claimed_by_groups_and_windows(first: int) -> None:
    twice = {name: values * 2 for name, values in table(first).items()} | {"g": [*"a" * 16, *"b" * 16]}
    assert bl.fit_groups(twice, "y ~ x", by="g").glance()["digits"].tolist() == [0, 0]
    assert bl.fit_groups(twice, "y ~ x", by="g", digits=0).glance()["digits"].tolist() == [0, 0]
    ordered = table(first) | {"t": [*ROWS]}
    assert {*bl.fit_rolling(ordered, "y ~ x", order="t", window=12).glance()["digits"]} == {0}
    assert {*bl.fit_rolling(ordered, "y ~ x", order="t", expanding=6).glance()["digits"]} == {0}


@pytest.mark.parametrize("first", [VARIES, FLAT])
def test_no_digit_is_claimed_by_an_estimator(first: int) -> None:
    data = pd.DataFrame(table(first))
    assert LinearRegression().fit(data[["x"]], data["y"]).digits_.max() == 0
    assert LinearRegression().partial_fit(data[["x"]].to_numpy(), data["y"]).digits_.max() == 0


def test_a_column_that_rounding_has_made_constant_is_not_called_constant() -> None:
    with pytest.warns(BestlineWarning) as heard:
        bl.fit(table(FLAT), "y ~ x")
    (said,) = [str(w.message) for w in heard if "constant" in str(w.message)]
    assert "`x` is constant as float64 holds it" in said
    assert "subtract a whole number" in said
    assert "constant in the training rows" not in said


def test_large_numbers_that_float64_holds_have_their_digits_in_groups_and_windows() -> None:
    held = {"x": [2.0**53 + 2 * i for i in ROWS] * 2, "y": [float(i) for i in ROWS] * 2, "g": [*"a" * 16, *"b" * 16]}
    groups = bl.fit_groups(held, "y ~ x", by="g")
    assert groups.glance()["digits"].min() >= 13
    assert groups.tidy()["estimate"].iloc[0] == 0.5


@pytest.mark.parametrize("formula", ["y ~ I(x**2)", "y ~ np.log(x)", "y ~ x + I(x + z)"])
def test_computed_columns_keep_their_digits_in_groups(formula: str) -> None:
    data = {"x": [1.0 + i for i in ROWS], "y": [float(i * i % 5) for i in ROWS], "z": [float(i * i % 7) for i in ROWS]}
    twice = {name: values * 2 for name, values in data.items()} | {"g": [*"a" * 16, *"b" * 16]}
    assert bl.fit_groups(twice, formula, by="g").glance()["digits"].min() >= 10
