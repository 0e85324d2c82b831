"""From where on something is worth a sentence: a little below its threshold nothing is said, a little above it is.

What is measured against the threshold is computed by statsmodels and NumPy; data are tuned until it is where it is wanted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.diagnostic import linear_reset
from statsmodels.stats.outliers_influence import OLSInfluence, variance_inflation_factor
from statsmodels.stats.stattools import durbin_watson

import bestline as bl
from inference.diagnosed import diagnosed

pytestmark = pytest.mark.usefixtures("quiet")

Data = dict[str, np.ndarray]


def tuned(make: Callable[[float], Data], measure: Callable[[Data], float], wanted: float, low: float, high: float) -> Data:
    """The data at whose one number, between `low` and `high`, the measure, which grows with it, is what is wanted."""
    assert measure(make(low)) < wanted < measure(make(high))
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if measure(make(middle)) < wanted else (low, middle)
    assert measure(make(high)) == pytest.approx(wanted, rel=1e-6)
    return make(high)


def said(data: Data, formula: str = "y ~ x") -> str:
    return "\n".join(f.text for f in diagnosed(data, formula).findings)


def ols(data: Data) -> sm.regression.linear_model.RegressionResults:
    return sm.OLS(data["y"], sm.add_constant(data["x"])).fit()


def mirrored(n: int, error: np.ndarray) -> Data:
    """Every x twice, with an error and its opposite: least squares finds the line itself, and the residuals are the errors."""
    x = np.linspace(-1, 1, n)
    order = np.random.default_rng(0).permutation(2 * n)
    return {"x": np.r_[x, x][order], "y": (np.r_[x, x] + np.r_[error, -error])[order]}


@pytest.mark.parametrize(
    ("distance", "sentence"),
    [(0.48, ""), (0.52, "moves the line noticeably"), (0.98, "noticeably"), (1.02, "moves the line a lot")],
)
def test_cooks_distance(distance: float, sentence: str) -> None:
    def pulled(by: float) -> Data:
        x, e = np.linspace(0, 1, 40), np.random.default_rng(1).normal(size=40)
        return {"x": np.append(x, 2.0), "y": np.append(x + e, 2.0 + by)}

    found = said(tuned(pulled, lambda d: OLSInfluence(ols(d)).cooks_distance[0].max(), distance, 1.0, 20.0))
    assert sentence in found
    assert ("moves the line" in found) == bool(sentence)
    assert not sentence or "Row 41 " in found


@pytest.mark.parametrize(("gain", "bent"), [(0.008, False), (0.012, True)])
def test_a_bend(gain: float, bent: bool) -> None:
    z = np.random.default_rng(2).normal(size=3_000)

    def curved(by: float) -> Data:
        data = mirrored(3_000, z)
        return data | {"y": data["y"] + by * data["x"] ** 2}

    def explained(data: Data) -> float:
        small = ols(data)
        f = np.asarray(small.fittedvalues)
        large = sm.OLS(data["y"], np.column_stack([small.model.exog, f**2, f**3])).fit()
        assert large.compare_f_test(small)[1] < 0.01 or large.ssr > 0.995 * small.ssr
        return float(1 - large.ssr / small.ssr)

    assert ("are bent" in said(tuned(curved, explained, gain, 0.0, 2.0))) == bent


@pytest.mark.parametrize(("ratio", "uneven"), [(1.4, False), (1.6, True)])
@pytest.mark.parametrize("turned", [False, True])
def test_errors_that_spread(ratio: float, uneven: bool, turned: bool) -> None:
    """Half more, or a third less, from the lowest fifth to the highest."""
    n = 4_000
    x, draw = np.linspace(-1, 1, n), np.random.default_rng(3)
    z = draw.choice([-1.0, 1.0], n) * (1 + 3 * (draw.uniform(size=n) < 0.05))

    def fan(by: float) -> Data:
        wide = by ** (np.clip(x / 0.6, -1, 1) / 2)  # alike throughout each of the outer fifths
        return mirrored(n, z * (wide[::-1] if turned else wide))

    def measured(data: Data) -> float:
        e = ols(data).resid[np.argsort(data["x"])]
        times = float(np.sqrt(np.mean(e[-n * 2 // 5 :] ** 2) / np.mean(e[: n * 2 // 5] ** 2)))
        return 1 / times if turned else times

    assert ("do not spread alike everywhere" in said(tuned(fan, measured, ratio, 0.5, 3.0))) == uneven


@pytest.mark.parametrize(("correlation", "alike"), [(0.19, False), (0.21, True), (-0.19, False), (-0.21, True)])
def test_neighbours(correlation: float, alike: bool) -> None:
    n, sign = 900, np.sign(correlation)
    z = np.random.default_rng(5).normal(size=n + 1)

    def drifting(share: float) -> Data:
        x = np.tile([0.0, 1.0, 2.0], n // 3)
        return {"x": x, "y": x + z[1:] + sign * share * z[:-1]}

    data = tuned(drifting, lambda d: sign * (1 - durbin_watson(ols(d).resid) / 2), abs(correlation), 0.0, 0.9)
    found = said(data)
    assert ("neighbouring rows are correlated" in found) == alike
    assert not alike or ("too small" if correlation > 0 else "too large") in found


@pytest.mark.parametrize(("rows", "told"), [(18, False), (22, True)])
def test_neighbours_of_few_rows_are_not_judged(rows: int, told: bool) -> None:
    x = np.tile([0.0, 1.0], rows // 2)
    data = {"x": x, "y": x + np.sin(np.arange(rows) / 3)}
    assert 1 - durbin_watson(ols(data).resid) / 2 > 3.4 / rows**0.5
    assert ("neighbouring rows are correlated" in said(data)) == told


@pytest.mark.parametrize(("kurtosis", "heavy"), [(5.8, False), (6.2, True)])
def test_heavy_tails(kurtosis: float, heavy: bool) -> None:
    z = np.random.default_rng(6).normal(size=2_000)
    data = tuned(
        lambda power: mirrored(2_000, np.sign(z) * np.abs(z) ** power),
        lambda d: float(np.mean(ols(d).resid ** 4) / np.mean(ols(d).resid ** 2) ** 2),
        kurtosis,
        1.0,
        3.0,
    )
    assert ("heavy tails" in said(data)) == heavy


@pytest.mark.parametrize(("skewness", "leaning"), [(0.95, False), (1.05, True), (-0.95, False), (-1.05, True)])
def test_errors_that_lean(skewness: float, leaning: bool) -> None:
    z = np.random.default_rng(7).uniform(size=1_500)
    x = np.random.default_rng(8).permutation(np.linspace(-1, 1, 1_500))
    sign = np.sign(skewness)

    def skewed(power: float) -> Data:
        return {"x": x, "y": x + sign * z**power}

    def measured(data: Data) -> float:
        e = ols(data).resid
        return float(sign * np.mean(e**3) / np.mean(e**2) ** 1.5)

    assert ("lean to one side" in said(tuned(skewed, measured, abs(skewness), 1.0, 6.0))) == leaning


def near_copies(apart: float) -> Data:
    rng = np.random.default_rng(9)
    x, z = (v - v.mean() for v in rng.normal(size=(2, 300)))
    return {"x": x, "z": x + z / apart, "y": x + rng.normal(size=300)}


@pytest.mark.parametrize(("index", "trouble"), [(29.0, False), (31.0, True)])
def test_condition_indices(index: float, trouble: bool) -> None:
    def largest(data: Data) -> float:
        X = np.column_stack([data["x"], data["z"], np.ones(300)])
        values = np.linalg.svd(X / np.linalg.norm(X, axis=0), compute_uv=False)
        return float(values[0] / values[-1])

    data = tuned(near_copies, largest, index, 1.0, 200.0)
    X = np.column_stack([data["x"], data["z"], np.ones(300)])
    assert variance_inflation_factor(X, 0) > 10
    assert ("are nearly collinear" in said(data, "y ~ x + z")) == trouble


@pytest.mark.parametrize(("times", "apart"), [(0.9e6, False), (1.1e6, True)])
def test_columns_of_very_different_units(times: float, apart: bool) -> None:
    rng = np.random.default_rng(10)
    a, b = (v / v.std() for v in rng.normal(size=(2, 60)))
    found = said({"a": a, "b": times * b, "y": a + rng.normal(size=60)}, "y ~ a + b")
    assert ("differ a million times" in found) == apart


@pytest.mark.parametrize(("share", "hardly"), [(0.9e-4, True), (1.1e-4, False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_columns_that_hardly_vary(share: float, hardly: bool, sign: int) -> None:
    rng = np.random.default_rng(11)
    v = rng.normal(size=60)
    v = (v - v.mean()) / v.std()
    assert ("is nearly constant" in said({"a": sign * (1 + share * v), "y": rng.normal(size=60)}, "y ~ a")) == hardly


def test_a_lean_that_chance_explains_is_not_named() -> None:
    """Of few rows: skewness above 1, and the bulk leans, but normal errors have such tails in more than 5 % of samples."""
    x = np.arange(14) / 14
    found = bl.fit({"x": x, "y": x + np.random.default_rng(0).exponential(size=14)}, "y ~ x").diagnose()
    (normal,) = (test for test in found.tests if test.name == "Jarque-Bera")
    assert found.skew > 1
    assert normal.p_value > 0.05
    assert not any("skewed" in finding.text for finding in found.findings)


@pytest.mark.parametrize(("short", "irregular"), [(20, False), (16, False), (15, True)])
def test_an_order_of_which_a_fifth_of_the_steps_are_long_has_no_usual_step(short: int, irregular: bool) -> None:
    """Four long steps beside as many short ones: with 16 they are a fifth of all, which is not more than a fifth."""
    t = np.cumsum([0.0, *[1.0] * short, *[5.0] * 4])
    draw = np.random.default_rng(2)
    model = bl.fit({"x": draw.normal(size=len(t)), "y": draw.normal(size=len(t)), "t": t}, "y ~ x", cov={"hac": "t", "lags": 2})
    told = "\n".join(model.notes)
    assert ("`t` is unevenly spaced" in told) == irregular
    assert ("`t` has 4 gaps" in told) != irregular


@pytest.mark.parametrize(("p", "far"), [(0.012, False), (0.008, True)])
@pytest.mark.parametrize("n", [6, 40])
def test_an_outlier_is_farther_than_chance_explains(n: int, p: float, far: bool) -> None:
    """By the p-value of statsmodels' outlier test, times the number of rows (Bonferroni)."""
    e = np.random.default_rng(3).normal(size=n)

    def pulled(by: float) -> Data:
        return {"x": np.arange(n) / n, "y": np.arange(n) / n + e + by * (np.arange(n) == n // 2)}

    def surely(data: Data) -> float:
        return -float(ols(data).outlier_test()[:, 2].min())

    assert ("studentised residual" in said(tuned(pulled, surely, -p, 20.0 / n**0.5, 200.0))) == far


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_errors_whose_far_rows_and_bulk_lie_on_either_side_do_not_lean(sign: float) -> None:
    """The bulk leans to one side and a few far rows stand on the other: skewed by the third moment, but to no side."""
    rng = np.random.default_rng(12)
    error = -rng.exponential(size=2_000).clip(max=3)
    error[:40] = rng.uniform(6, 9, 40)
    data = {"x": rng.permutation(np.linspace(-1, 1, 2_000)), "y": sign * error}
    e = sign * ols(data).resid
    low, middle, high = np.quantile(e, [0.1, 0.5, 0.9])
    assert np.mean(e**3) / np.mean(e**2) ** 1.5 > 1.5
    assert (high + low - 2 * middle) / (high - low) < -0.2
    assert "lean to one side" not in said(data)
    assert "heavy tails" in said(data)


@pytest.mark.parametrize(("p", "bent"), [(0.012, False), (0.008, True)])
def test_errors_in_turns_tell_as_much_of_a_bend_as_independent_ones(p: float, bent: bool) -> None:
    """By the p-value of statsmodels' RESET, whole and not in part, where neighbours are correlated by -0.5."""
    rng = np.random.default_rng(13)
    e = np.zeros(300)
    for t in range(1, 300):
        e[t] = -0.5 * e[t - 1] + rng.normal()
    x = rng.uniform(-1, 1, 300)

    def bend(by: float) -> Data:
        return {"x": x, "y": x + by * x**2 + e}

    def surely(data: Data) -> float:
        return -float(linear_reset(ols(data), power=3, use_f=True).pvalue)

    data = tuned(bend, surely, -p, 0.0, 5.0)
    assert 1 - durbin_watson(ols(data).resid) / 2 < -0.4
    assert ("residuals are bent" in said(data)) == bent
