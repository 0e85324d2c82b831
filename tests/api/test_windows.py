"""One line for each window: pandas', statsmodels' and closed forms' numbers, and errors on the rows that come next."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.regression.rolling import RollingOLS

import bestline as bl
from bestline.errors import BestlineError, BestlineWarning, DataError, MissingValuesError, OptionError


def series(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Days, two features and a target whose line moves."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"day": pd.date_range("2024-01-01", periods=n), "a": draw.normal(size=n) + 100, "b": draw.normal(size=n)}
    )
    frame["y"] = np.linspace(1, 3, n) * (frame.a - 100) - frame.b + draw.normal(size=n)
    return frame


def test_windows_are_those_of_statsmodels_rolling() -> None:
    frame = series()
    windows = bl.fit_rolling(frame, "y ~ a + b", order="day", window=40)
    peer = RollingOLS(frame.y, sm.add_constant(frame[["a", "b"]]), 40).fit()
    tidy = windows.tidy()
    for mine, theirs in (("estimate", peer.params), ("std_error", peer.bse)):
        found = tidy[mine].to_numpy().reshape(-1, 3)
        np.testing.assert_allclose(found, theirs[["a", "b", "const"]].iloc[39:], rtol=1e-9)
    glance = windows.glance()
    assert glance["first"].tolist() == frame.day[:261].tolist()
    assert glance["last"].tolist() == frame.day[39:].tolist()
    np.testing.assert_allclose(glance.r2, peer.rsquared[39:], rtol=1e-9)
    np.testing.assert_allclose(glance.sigma**2, peer.mse_resid[39:], rtol=1e-9)
    # Held out is the next row.
    p = tidy.estimate.to_numpy().reshape(-1, 3)[:-1]
    ahead = frame.y[40:] - (p * np.column_stack([frame.a[40:], frame.b[40:], np.ones(260)])).sum(1)
    np.testing.assert_allclose(glance.held_out_rmse[:-1], ahead.abs(), rtol=1e-6)
    assert np.isnan(glance.held_out_rmse.iloc[-1])


@pytest.mark.parametrize("step", [1, 7])
def test_expanding_windows_are_fits_of_all_rows_so_far(step: int) -> None:
    frame = series()
    windows = bl.fit_rolling(frame.drop(columns="day"), "y ~ a + b", expanding=30, step=step)
    glance = windows.glance()
    assert glance["first"].unique().tolist() == [1]
    assert glance["last"].tolist() == list(range(30, 301, step))
    for g in (0, len(windows) - 1):
        own = frame[: glance["last"][g]]
        peer = sm.OLS(own.y, sm.add_constant(own[["a", "b"]])).fit()
        np.testing.assert_allclose(windows.lines.weights[g, :, 0], peer.params[["a", "b", "const"]], rtol=1e-10)
        np.testing.assert_allclose(windows.lines.std_error[g, 0], peer.bse[["a", "b", "const"]], rtol=1e-9)


@pytest.mark.parametrize("formula", ["y ~ a + b", "y ~ 0 + a + b"])
def test_fading_windows_have_the_sandwich_of_rows_of_equal_variance(formula: str) -> None:
    frame, half_life = series(120), 15.0
    windows = bl.fit_rolling(frame, formula, order="day", half_life=half_life)
    X = frame[["a", "b"]].to_numpy()
    X = X if "0" in formula else np.column_stack([X, np.ones(120)])
    for g in (10, len(windows) - 1):
        n = int(windows.lines.whole.count[g])
        D, y, w = X[:n], frame.y.to_numpy()[:n], 2.0 ** (-np.arange(n - 1, -1, -1) / half_life)
        A, B = D.T @ (D * w[:, None]), D.T @ (D * w[:, None] ** 2)
        weights = np.linalg.solve(A, D.T @ (w * y))
        inverse, r = np.linalg.inv(A), y - D @ weights
        variance = (w * r**2).sum() / (w.sum() - np.trace(inverse @ B))
        covariance = variance * inverse @ B @ inverse
        np.testing.assert_allclose(windows.lines.weights[g, :, 0], weights, rtol=1e-8)
        np.testing.assert_allclose(windows.lines.std_error[g, 0], np.sqrt(np.diag(covariance)), rtol=1e-7)
        np.testing.assert_allclose(windows.glance().sigma[g] ** 2, variance, rtol=1e-8)
        assert int(windows.lines.df[g]) == int(w.sum() ** 2 / (w**2).sum()) - D.shape[1]


def test_intervals_of_fading_windows_hold_the_truth_as_often_as_they_say() -> None:
    draw = np.random.default_rng(1)
    held = []
    for _ in range(300):
        x = draw.normal(size=80)
        tidy = bl.fit_rolling({"x": x, "y": 2 * x + draw.normal(size=80)}, "y ~ x", half_life=10, step=77).tidy()
        last = tidy[tidy.term == "x"].iloc[-1]
        held.append(last.conf_low <= 2 <= last.conf_high)
    assert 0.91 <= np.mean(held) <= 0.98


def test_rows_are_put_in_order_and_files_say_the_same(tmp_path: Path) -> None:
    frame = series()
    whole = bl.fit_rolling(frame, "y ~ a", order="day", window=25, step=3)
    frame.sample(frac=1, random_state=2).to_csv(tmp_path / "mixed.csv", index=False)
    again = bl.fit_rolling(tmp_path / "mixed.csv", "y ~ a", order="day", window=25, step=3)
    pd.testing.assert_frame_equal(again.tidy(), whole.tidy(), rtol=1e-10)
    assert again.lines.labels["last"].dtype.kind == "M"
    assert bl.fit_rolling(frame, target="y", order="day", window=25).lines.terms == ("a", "b", "Intercept")
    again.save(tmp_path / "windows.parquet")
    assert len(pd.read_parquet(tmp_path / "windows.parquet")) == 2 * len(again)


def test_windows_that_lack_digits_are_solved_exactly() -> None:
    draw = np.random.default_rng(3)
    a = 1e9 + draw.normal(size=60)
    near = np.where(np.arange(60) < 30, 1e-4, 1.0)
    frame = pd.DataFrame({"a": a, "b": a + near * draw.normal(size=60)})
    frame["y"] = frame.a - frame.b + draw.normal(size=60)
    windows = bl.fit_rolling(frame, "y ~ a + b", window=20, step=20)
    assert windows.lines.exact[0]
    with pytest.warns(BestlineWarning, match="last digits"):
        own = bl.fit(frame[:20], "y ~ a + b")
    np.testing.assert_allclose(windows.lines.weights[0], own.weights, rtol=1e-13)
    assert windows.glance().digits.min() >= 8


def test_no_digit_of_a_window_is_claimed_that_is_not_right() -> None:
    draw = np.random.default_rng(4)
    drift = 10.0 ** np.linspace(0, 7, 400)
    frame = pd.DataFrame({"a": drift + draw.normal(size=400)})
    frame["b"] = frame.a + 10.0 ** -np.linspace(0, 4, 400) * draw.normal(size=400)
    frame["y"] = frame.a + draw.normal(size=400)
    with pytest.warns(BestlineWarning, match="do not determine"):  # as far as moments tell
        windows = bl.fit_rolling(frame, "y ~ a + b", window=30, step=10, digits=0)
    sure = bl.fit_rolling(frame, "y ~ a + b", window=30, step=10, digits=15)
    assert bool(sure.lines.exact.all())
    assert bool(sure.lines.weights.isfinite().all())
    off = (windows.lines.weights / sure.lines.weights - 1).abs()
    known = windows.lines.weights.isfinite() & (windows.lines.digits > 0)
    assert bool((off <= 10.0**-windows.lines.digits)[known].all())
    assert float(windows.lines.digits.max()) > 8


def test_gaps_in_the_order_and_windows_that_say_too_little() -> None:
    frame = series(30)
    frame["flat"] = np.where(np.arange(30) < 12, 1.0, frame.b)
    frame["t"] = np.arange(30.0)
    frame.loc[3, "t"] = np.nan
    with pytest.raises(MissingValuesError, match="`t` has no value at row 4"):
        bl.fit_rolling(frame, "y ~ a", order="t", window=10)
    with pytest.warns(BestlineWarning, match="1 of 30 rows were left out"):
        assert len(bl.fit_rolling(frame, "y ~ a", order="t", window=10, missing="drop")) == 20
    with pytest.warns(BestlineWarning, match="3 windows of 21 do not determine all weights"):
        windows = bl.fit_rolling(frame, "y ~ a + flat", window=10)
    assert windows.glance().note[:3].tolist() == ["`flat` does not vary"] * 3
    assert np.isfinite(windows.glance().sigma).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "Say one of"),
        ({"window": 5, "expanding": 5}, "Say one of"),
        ({"window": 0}, "at least 1"),
        ({"window": 2.5}, "whole number"),
        *(({"window": 5, "step": step}, "`step` must be a whole number of rows, at least 1") for step in (0, 1.5, None)),
        ({"half_life": -1}, "above 0"),
        ({"window": 500}, "The first window has 500 rows, and there are 300"),
        ({"window": 5, "order": "z"}, "no column"),
        ({"window": 5, "order": 3}, "name of a column"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BestlineError, match=words):
        bl.fit_rolling(series(), "y ~ a", **options)


def test_rows_that_never_fade_are_all_rows_so_far_and_dates_are_json() -> None:
    draw = np.random.default_rng(6)
    frame = pd.DataFrame(
        {"day": np.datetime64("2024-01-01") + np.arange(40), "x": draw.normal(size=40), "y": draw.normal(size=40)}
    )
    never = bl.fit_rolling(frame, "y ~ x", order="day", half_life=math.inf)
    growing = bl.fit_rolling(frame, "y ~ x", order="day", expanding=3)
    np.testing.assert_allclose(never.tidy().estimate[-2:], growing.tidy().estimate[-2:], rtol=1e-10)
    np.testing.assert_allclose(never.tidy().std_error[-2:], growing.tidy().std_error[-2:], rtol=1e-9)
    facts = json.loads(json.dumps(growing.summary().facts, allow_nan=False))
    assert (facts["lines"][0]["first"], facts["lines"][0]["last"]) == ("2024-01-01", "2024-01-03")


def test_windows_refuse_robust_errors_by_name() -> None:
    with pytest.raises(OptionError, match="Windows have classical standard errors alone"):
        bl.fit_rolling({"x": [1.0, 2, 4, 3], "y": [1.0, 3, 2, 5]}, "y ~ x", window=3, cov="HC3")


@pytest.mark.parametrize("extent", [{"window": 20}, {"half_life": 5}, {"expanding": 20}])
@pytest.mark.parametrize("column", ["x", "y"])
@pytest.mark.parametrize("size", [1e154, 1e200, 1e-200, 1e-310])
def test_numbers_whose_squares_float64_does_not_hold_are_refused(extent: dict[str, float], column: str, size: float) -> None:
    rng = np.random.default_rng(5)
    data = {"x": rng.normal(size=40) + 5, "y": rng.normal(size=40) + 5, "t": np.arange(40)}
    data[column] = data[column] * size
    with pytest.raises(DataError, match=f"`{column}` has numbers of about .* divide it by"):
        bl.fit_rolling(data, "y ~ x", order="t", **extent)


@pytest.mark.parametrize("size", [1e154, 1e200])
def test_groups_of_large_numbers_have_the_line_of_fit_without_a_word_of_numpy(size: float) -> None:
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=40) + 5, rng.normal(size=40)
    groups = bl.fit_groups({"x": x * size, "y": y, "g": ["a"] * 40}, "y ~ x", by="g")
    assert groups.tidy()["estimate"].tolist() == pytest.approx(
        [np.polyfit(x, y, 1)[0] / size, np.polyfit(x, y, 1)[1]], rel=1e-9
    )


@pytest.mark.parametrize(("formula", "weights"), [("y ~ x", 2), ("y ~ x + z", 3), ("y ~ x - 1", 1)])
@pytest.mark.parametrize("half_life", [4.0, math.inf])
def test_the_first_fading_window_has_a_row_more_than_the_line_has_weights(formula, weights, half_life):
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(12, 3)), columns=["x", "z", "y"]).assign(day=np.arange(12))
    table = bl.fit_rolling(frame, formula, order="day", half_life=half_life).glance()
    assert table["last"].tolist() == [*range(weights, 12)]


@pytest.mark.parametrize("kind", ["frequency", "probability"])
def test_windows_have_analytic_weights_alone(kind):
    frame = pd.DataFrame({"x": np.arange(12.0), "y": np.arange(12) % 5, "w": 1 + np.arange(12) % 2})
    with pytest.raises(OptionError, match=f"Windows count rows of the table.*{kind}"):
        bl.fit_rolling(frame, "y ~ x", window=6, weights="w", weight_kind=kind)
    assert len(bl.fit_rolling(frame, "y ~ x", window=6, weights="w", weight_kind="analytic").glance()) == 7
