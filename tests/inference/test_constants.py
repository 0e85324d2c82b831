"""What is constant is said by the data: columns that vary in their last places vary, at every door, and constants never do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bestline as bl
from bestline.errors import FormulaError

STEPS = np.arange(16.0)
# Spreads of a few units in the last place, far from zero: of large whole numbers, of single precision, of 1e60.
FAINT = {
    "whole numbers": 2.0**53 + 2 * STEPS,
    "one unit in the last place": 1 + np.finfo(float).eps * STEPS,
    "single precision": (1 + np.finfo(np.float32).eps * STEPS).astype(np.float32),
    "far beyond single precision": 2.0**200 * (1 + np.finfo(float).eps * STEPS),
}
CONSTANTS = (0.1, 1e9 + 0.1, -(2.0**60) / 3, 1e60)


def slope(x: Any) -> float:
    """The exact slope of y = 0, 1, ..., 15 on x, which is as evenly spaced."""
    return 1 / (float(x[1]) - float(x[0]))


@pytest.mark.parametrize("x", FAINT.values(), ids=FAINT)
def test_a_faint_spread_is_a_spread_as_a_target(x: Any) -> None:
    model = bl.fit({"x": STEPS, "y": x}, "y ~ x")
    assert model.params["x"] == pytest.approx(float(x[1]) - float(x[0]), rel=1e-12)
    assert model.summary().facts["r2"] == pytest.approx(1.0)
    assert not any("constant" in note for note in model.notes)


@pytest.mark.parametrize("x", FAINT.values(), ids=FAINT)
@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_a_faint_spread_is_a_spread_as_a_feature_at_every_door(x: Any, tmp_path: Path) -> None:
    expected, table = pytest.approx(slope(x), rel=1e-9), {"x": x, "y": STEPS}
    model = bl.fit(table, "y ~ x")
    assert model.params["x"] == expected
    assert not any("is constant" in note for note in model.notes)
    assert not any("is constant" in finding.text for finding in model.diagnose().findings)
    assert bl.LinearRegression().fit(x[:, None], STEPS).coef_[0] == expected
    assert bl.Ridge(alpha=1e-12 / slope(x) ** 2).fit(x[:, None], STEPS).coef_[0] == expected
    assert bl.Lasso(alpha=1e-12 / slope(x)).fit(x[:, None], STEPS).coef_[0] == pytest.approx(slope(x), rel=1e-6)
    assert bl.fit(table, "y ~ x", solver="sgd").params["x"] == expected
    # Two halves of one file, of which each is added to the other.
    halves = [bl.Moments.collect({"x": x[part], "y": STEPS[part]}, "y ~ x") for part in (slice(8), slice(8, 16))]
    (halves[0] + halves[1]).save(tmp_path / "both.moments")
    assert bl.fit(str(tmp_path / "both.moments")).params["x"] == expected


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_a_wide_table_has_its_faint_columns_too() -> None:
    x = FAINT["whole numbers"]
    X = np.c_[x, np.full((16, 40), 0.1)]
    assert bl.Ridge(alpha=1e-9).fit(X, STEPS).coef_.tolist() == pytest.approx([0.5] + [0.0] * 40, rel=1e-9)


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_a_column_constant_in_each_part_but_not_in_all_varies() -> None:
    below, above = (bl.Moments.collect({"x": [x, x], "y": [y, y + 1.0]}, "y ~ x") for x, y in ((1.0, 0.0), (1 + 2**-52, 2.0)))
    assert bl.fit(below + above).params["x"] == pytest.approx(2.0 * 2**52)


@pytest.mark.parametrize("value", [*CONSTANTS, 1e-310, 1e200])
@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_a_constant_is_one_at_every_door(value: float) -> None:
    rng = np.random.default_rng(1)
    table = {"x": rng.normal(size=700), "k": np.full(700, value), "w": rng.uniform(0.1, 3, 700)}
    table["y"] = 3 * table["x"] + rng.normal(size=700)
    for options in ({}, {"weights": "w"}, {"l2": 0.1}, {"solver": "sgd"}):
        model = bl.fit(table, "y ~ x + k", **options)
        assert model.params["k"] == 0.0
        assert sum("`k` is constant" in note for note in model.notes) == 1
    for estimator in (bl.LinearRegression(), bl.Ridge(), bl.Lasso(alpha=0.01)) if value in CONSTANTS else ():
        assert estimator.fit(np.c_[table["x"], table["k"]], table["y"]).coef_[1] == 0.0


@pytest.mark.parametrize("value", CONSTANTS)
@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_of_a_constant_target_r2_is_not_defined(value: float) -> None:
    for n in (7, 700):
        model = bl.fit({"x": np.random.default_rng(n).normal(size=n), "y": np.full(n, value)}, "y ~ x")
        assert model.summary().facts["r2"] is None
        assert any("The target is constant" in note for note in model.notes)
        assert model.evaluate({"x": np.arange(float(n)), "y": np.full(n, value)}).r2 == (pytest.approx(np.nan, nan_ok=True),)


def test_a_constant_has_no_scale_whatever_its_mean_is_rounded_to() -> None:
    with pytest.raises(FormulaError, match="is constant in the training rows"):
        bl.fit({"k": np.full(7, 0.1), "y": np.arange(7.0)}, "y ~ scale(k)")
