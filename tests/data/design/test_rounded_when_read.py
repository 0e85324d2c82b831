"""Integers beyond 2^53 are rounded when they are read: no digit is claimed that the numbers as written do not have."""

from __future__ import annotations

import decimal
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import bestline as bl
from bestline.data.design.lost_digits import rows_doubled
from bestline.data.tables import open_source

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
X = [2**53 + 1 + 2 * i for i in range(16)]  # each halfway between two float64 numbers
Y = list(range(16))


def csv(path: Path) -> Any:
    (path / "t.csv").write_text("x,y\n" + "\n".join(f"{x},{y}" for x, y in zip(X, Y, strict=True)))
    return path / "t.csv"


def parquet(path: Path) -> Any:
    pq.write_table(pa.table({"x": X, "y": Y}), path / "t.parquet")
    return path / "t.parquet"


DOORS: dict[str, Callable[[Path], Any]] = {
    "csv": csv,
    "parquet": parquet,
    "int64": lambda _: {"x": np.array(X), "y": Y},
    "uint64": lambda _: {"x": np.array(X, dtype=np.uint64), "y": Y},
    "whole numbers of Python": lambda _: {"x": X, "y": Y},
    "pandas' own integers": lambda _: pd.DataFrame({"x": pd.array(X, dtype="Int64"), "y": Y}),
    "decimals": lambda _: pd.DataFrame({"x": [decimal.Decimal(x) for x in X], "y": Y}),
    "Arrow's decimals": lambda _: pa.table({"x": pa.array([decimal.Decimal(x) for x in X], pa.decimal128(20, 0)), "y": Y}),
}


def exact(xs: list[int], ys: list[int]) -> tuple[Fraction, Fraction]:
    """Slope and intercept of the integers as they are."""
    n = len(xs)
    mx, my = Fraction(sum(xs), n), Fraction(sum(ys), n)
    slope = sum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True)) / sum((x - mx) ** 2 for x in xs)
    return slope, my - slope * mx


def right(value: float, truth: Fraction) -> float:
    error = abs(Fraction(value) - truth)
    return np.inf if error == 0 else float(-np.log10(float(error / abs(truth))))


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("digits", [0, 8])
def test_no_digit_is_claimed_that_rounding_took(door: Callable[[Path], Any], digits: int, tmp_path: Path) -> None:
    model = bl.fit(door(tmp_path), "y ~ x", digits=digits)
    slope, _ = exact(X, Y)
    assert right(model.params["x"], slope) < 2  # so little is right
    assert float(model.digits["x"]) <= right(model.params["x"], slope)
    assert (model.summary().facts["std_error_digits"]["x"] or 0) <= 1
    assert any("Fewer than 8 digits" in note or "rests on the last digits" in note for note in model.notes) or not digits


@pytest.mark.parametrize("term", ["x", "I(x - 9007199254740992)", "log(x)", "x + z"])
def test_what_is_made_of_them_claims_no_more(term: str) -> None:
    z = [1.0 + (i % 3) for i in range(16)]
    model = bl.fit({"x": X, "y": Y, "z": z}, f"y ~ {term}")
    assert float(model.digits.iloc[0]) <= 1


@settings(max_examples=25)
@given(st.integers(50, 70), st.integers(0, 40), st.integers(0, 10_000), st.booleans())
def test_claims_hold_for_the_integers_as_written(size: int, spread: int, seed: int, target: bool) -> None:
    rng = np.random.default_rng(seed)
    size = min(size, 62)
    big = [2**size + int(v) for v in rng.integers(0, 2 ** max(spread, 3), 12)]
    small = [int(v) for v in rng.integers(-50, 50, 12)]
    assume(len(set(small)) > 2 and len({float(v) for v in big}) > 2)
    xs, ys = (small, big) if target else (big, small)
    model, truth = bl.fit({"x": np.array(xs), "y": np.array(ys)}, "y ~ x"), exact(xs, ys)
    for value, claimed, exactly in zip(model.params, model.digits, truth, strict=True):
        assert 0 in (exactly, float(claimed)) or float(claimed) <= right(value, exactly) + 0.5


def test_estimators_claim_no_more() -> None:
    for X_, y in (
        (np.array(X)[:, None], np.array(Y)),
        (np.array(Y)[:, None], np.array(X)),
        (pd.DataFrame({"a": X}), pd.Series(Y)),
    ):
        assert float(bl.LinearRegression().fit(X_, y).digits_.iloc[0]) <= 1
    parts = bl.LinearRegression().partial_fit(np.array(X)[:, None], np.array(Y)).partial_fit([[1], [2]], [3, 4])
    assert parts.model_.design.rounded == ("x0",)
    assert float(bl.LinearRegression().fit(np.arange(16)[:, None] * 2**40, np.array(Y)).digits_.iloc[0]) >= 12


def test_numbers_that_float64_holds_keep_their_digits() -> None:
    even = [2**53 + 2 * i for i in range(16)]
    assert bl.fit({"x": np.array(even, dtype=float), "y": Y}, "y ~ x").digits.tolist() == [15.0, 15.0]
    small = {"x": np.arange(16) * 2**40, "y": Y}
    assert bl.fit(small, "y ~ x").digits.tolist() == [15.0, 15.0]


@pytest.mark.parametrize("formula", ["y ~ x", "x ~ y"])
def test_a_number_read_as_2_53_may_have_been_the_next_one(formula: str) -> None:
    """2^53 + 1 lies between two float64 numbers and is read as 2^53: so of that one, too, a unit may be lost, and of lesser ones none."""
    data = {"x": np.array([2**53 + 1, 2**53 - 1, 7, -(2**53) - 1]), "y": [1.0, 2.0, 4.0, 5.0]}
    (batch,) = open_source(data).batches()
    _, lost = rows_doubled(bl.fit(data, formula).design, batch)
    assert lost is not None
    column = 0 if formula == "y ~ x" else 1
    assert lost.error[:, column].tolist() == [1.0, 0.0, 0.0, 1.0]


def test_moments_and_models_remember(tmp_path: Path) -> None:
    halves = [bl.Moments.collect({"x": np.array(X[part]), "y": Y[part]}, "y ~ x") for part in (slice(8), slice(8, 16))]
    (halves[0] + bl.Moments.collect({"x": [1, 2], "y": [1, 2]}, "y ~ x")).save(tmp_path / "m.moments")
    assert bl.Moments.load(tmp_path / "m.moments").design.rounded == ("x",)
    assert float(bl.fit(halves[0] + halves[1]).digits["x"]) <= 1
    model = bl.fit({"x": np.array(X), "y": Y}, "y ~ x")
    model.save(tmp_path / "m.bestline")
    assert bl.load(tmp_path / "m.bestline").digits.tolist() == model.digits.tolist()


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize(("formula", "warned"), [("y ~ C(x)", False), ("y ~ 1", False), ("y ~ x", True), ("y ~ log(x)", True)])
def test_it_is_said_where_the_column_is_used_as_numbers(
    door: Callable[[Path], Any], formula: str, warned: bool, tmp_path: Path
) -> None:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        bl.fit(door(tmp_path), formula)
    said = [str(w.message) for w in found if "integers beyond 2**53" in str(w.message)]
    assert bool(said) == warned, said


@pytest.mark.parametrize(("feature", "exact"), [("abs(x)", True), ("I(x)", True), ("I(abs(x))", True), ("sqrt(abs(x))", False)])
def test_what_rounds_nothing_costs_no_digits(feature: str, exact: bool) -> None:
    """A sign taken away is exact; a root is not."""
    x = np.random.default_rng(0).integers(-(2**40), 2**40, 30).astype(float)
    data = {"x": x, "y": np.arange(30.0)}
    (batch,) = open_source(data).batches()
    _, lost = rows_doubled(bl.fit(data, f"y ~ {feature}").design, batch)
    assert (lost is None or not bool(lost.error.any())) == exact
