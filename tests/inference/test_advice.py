"""What `diagnose` advises: the remedy that fits, for its own evidence; where there is none in bestline, where it is to be had."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

import bestline as bl
from inference.diagnosed import diagnosed

pytestmark = pytest.mark.usefixtures("quiet")


def drifting(n: int, r: float, rng: np.random.Generator) -> np.ndarray:
    """Errors of which each is r times the one before, and something new."""
    e, new = np.zeros(n), rng.normal(size=n)
    for i in range(1, n):
        e[i] = r * e[i - 1] + new[i]
    return e


def findings(x: np.ndarray, y: np.ndarray) -> list[str]:
    return [f.text for f in diagnosed({"x": x, "y": y}, "y ~ x").findings]


@pytest.mark.parametrize("trend", [True, False])
def test_errors_that_are_alike_are_not_taken_for_bent_or_uneven_ones(trend: bool) -> None:
    others = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        x = np.linspace(0, 10, 200) if trend else rng.normal(size=200)
        found = findings(x, x + drifting(200, 0.82, rng))
        assert found[0].startswith("The errors of neighbouring rows are correlated")
        others += len(found) - 1
        assert not any("HC3" in text and "do not mend" not in text for text in found)
    assert others <= 2  # of 75 other findings that there might be


def test_the_remedy_for_errors_that_are_alike_is_one_that_helps() -> None:
    """HC3 gives intervals as wrong as the classical ones; what is advised, carried out, does not."""
    n, too_sure = 400, {"HC3": 0, "HAC": 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, e = np.linspace(0, 1, n), drifting(n, 0.5, rng)
        (said,) = (text for text in findings(x, x + e) if "neighbouring" in text)
        line = bl.fit({"x": x, "y": x + e}, "y ~ x")
        advised = line.diagnose().cov
        assert advised == "hac:lags=5"
        assert "cov={'hac': column, 'lags': 5}" in said
        for kind, cov in (("HC3", "HC3"), ("HAC", advised)):
            fit = bl.fit({"x": x, "y": x + e}, "y ~ x", cov=cov)
            too_sure[kind] += abs(fit.params["x"] - 1) > 2 * fit.bse["x"]
        assert fit.diagnose().cov == advised
        assert "the line's standard errors (hac) are of a kind that allows for it" in str(fit.diagnose().findings)
    assert "HC0 to HC3 do not mend that" in said
    assert too_sure["HAC"] < too_sure["HC3"] / 1.5


def test_errors_in_turns_make_standard_errors_too_large() -> None:
    rng = np.random.default_rng(3)
    x = np.linspace(0, 10, 300)
    (said,) = (text for text in findings(x, x + drifting(300, -0.7, rng)) if "neighbouring" in text)
    assert "autocorrelation -0." in said
    assert "too large" in said


def test_a_bend_comes_first_and_what_may_follow_from_it_has_no_remedy_of_its_own() -> None:
    rng = np.random.default_rng(4)
    x = np.sort(rng.uniform(0, 10, 200))
    found = findings(x, 1 + 2 * x + 0.3 * x**2 + rng.normal(size=200))
    assert found[0].startswith("The residuals are bent")
    rest = [text for text in found if "spread" in text or "neighbouring" in text or "lean" in text]
    assert rest
    assert all("look again when it is mended" in text and "HC" not in text for text in rest)


def test_a_small_bend_does_not_hide_a_wide_fan() -> None:
    rng = np.random.default_rng(5)
    x = rng.uniform(0, 10, 3_000)
    found = findings(x, x + 0.02 * x**2 + rng.normal(size=3_000) * (0.3 + 0.4 * x))
    assert any("do not spread alike" in text and "cov='HC3'" in text for text in found)


def test_a_fan_among_neighbours_that_err_alike_needs_errors_that_allow_for_both() -> None:
    rng = np.random.default_rng(6)
    x = np.linspace(0, 10, 2_000)
    found = findings(x, x + drifting(2_000, 0.5, rng) * (0.2 + x))
    (fan,) = (text for text in found if "do not spread alike" in text)
    assert "standard errors that allow for both are needed" in fan
    assert "HC3" not in fan


def test_heavy_tails_have_a_remedy_unless_the_spread_explains_them() -> None:
    rng = np.random.default_rng(7)
    x = rng.uniform(0, 10, 2_000)
    assert any("heavy tails" in t and "loss='huber'" in t for t in findings(x, x + rng.standard_t(3, size=2_000)))
    fan = findings(x, x + rng.normal(size=2_000) * x**3)
    assert any("heavy tails" in t and "spread unevenly look like that" in t for t in fan)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("rows", [200, 1_000, 20_000])
def test_tails_are_named_and_not_the_skewness_that_a_few_far_rows_make(rows: int, weighted: bool) -> None:
    """t(2) has no variance: the skewness of a sample is that of its farthest rows."""
    skewed, heavy = 0, 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x, w = rng.uniform(0, 10, rows), rng.uniform(0.2, 5, rows)
        e = rng.standard_t(2, rows) / (np.sqrt(w) if weighted else 1)
        found = diagnosed({"x": x, "y": x + e, "w": w}, "y ~ x", weights="w" if weighted else None)
        skewed += abs(found.skew) > 1
        texts = [f.text for f in found.findings]
        assert not any("skewed" in text for text in texts)
        heavy += any("heavy tails" in text and "loss='huber'" in text for text in texts)
    assert skewed > 6
    assert heavy >= (10 if rows == 200 else 11)  # of 200 rows an outlier may be all that is heavy
    assert heavy >= (10 if rows == 200 else 11)  # of 200 rows an outlier may be all that is heavy


@pytest.mark.parametrize(("sign", "log"), [(1, True), (-1, False)])
def test_skewed_errors_are_named_with_their_side_and_a_logarithm_helps_against_one_of_them(sign: int, log: bool) -> None:
    rng = np.random.default_rng(8)
    x = rng.uniform(0, 10, 400)
    (said,) = (t for t in findings(x, x + sign * rng.exponential(size=400)) if "skewed" in t)
    assert f"(skewness {'' if log else '-'}" in said
    assert ("logarithm" in said) == log


def test_one_outlier_is_told_of_once() -> None:
    """A single far row is no evidence of heavy tails, of skewness or of unequal spread."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x = rng.uniform(0, 10, 300)
        found = diagnosed({"x": x, "y": x + rng.normal(size=300) + 25 * (np.arange(300) == 7)}, "y ~ x")
        assert found.kurtosis > 50
        assert all(f.text.startswith("Row 8 ") for f in found.findings)
        assert any("studentised residual" in f.text for f in found.findings)


@pytest.mark.parametrize("how", ["square", "product", "slopes"])
@pytest.mark.parametrize("weights", [None, "w"])
def test_a_bend_that_fitted_values_do_not_show_is_found_before_the_spread_that_it_makes(how: str, weights: str | None) -> None:
    """Ramsey's test looks along the fitted values alone, and HC3 mends no shape."""
    rng = np.random.default_rng(9)
    x, z, w = rng.normal(size=300), rng.normal(size=300), rng.uniform(0.5, 2, 300)
    g = rng.choice(["a", "b", "c"], 300)
    bend = {"square": z**2, "product": x * z, "slopes": 2 * z * (g == "b")}[how]
    data = {"x": x, "z": z, "g": g, "w": w, "y": 3 * x + bend + 0.5 * rng.normal(size=300)}
    formula, mended = {
        "square": ("y ~ x + z", "y ~ x + z + I(z**2)"),
        "product": ("y ~ x + z", "y ~ x * z"),
        "slopes": ("y ~ x + z + g", "y ~ x + z * g"),
    }[how]
    bent = diagnosed(data, formula, weights=weights).findings
    assert bent[0].text.startswith("The residuals are bent: squares and products of the columns")
    assert "I(x**2)" in bent[0].text
    assert "x:z" in bent[0].text
    assert not any("HC3" in f.text for f in bent)
    assert not any("bent" in f.text or "spread" in f.text for f in diagnosed(data, mended, weights=weights).findings)


def test_the_squares_and_products_agree_with_the_f_test_of_nested_models() -> None:
    rng = np.random.default_rng(10)
    X, e = rng.normal(size=(3, 120)), rng.normal(size=120)
    y = X.sum(0) + 0.2 * X[0] ** 2 + e
    found = diagnosed({"a": X[0], "b": X[1], "c": X[2], "y": y}, "y ~ a + b + c")
    more = [X[i] * X[j] for i in range(3) for j in range(i, 3)]
    small, large = (sm.OLS(y, sm.add_constant(np.column_stack(columns))).fit() for columns in (list(X), [*X, *more]))
    test = next(t for t in found.tests if t.name == "RESET (columns)")
    assert (test.statistic, test.p_value) == pytest.approx(large.compare_f_test(small)[:2], rel=1e-7)


def test_unequal_spread_is_not_taken_for_a_bend() -> None:
    bent = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x, z = rng.normal(size=(2, 200))
        found = diagnosed({"x": x, "z": z, "y": 3 * x + z + rng.normal(size=200) * np.exp(0.5 * x)}, "y ~ x + z")
        assert any("spread alike" in f.text and "HC3" in f.text for f in found.findings)
        bent += any("bent" in f.text for f in found.findings)
    assert bent <= 4  # the F test alone finds 10


def test_a_square_heals_the_bend_of_the_page_on_trust() -> None:
    bent = bl.synthetic.line(slope=2, intercept=1, x="uniform:0,10", n=200, noise="normal:0.5", seed=3)
    x = bent.x[:, 0]
    data = {"x": x.tolist(), "y": (bent.y[:, 0] + 0.1 * x**2).tolist()}
    before, after = diagnosed(data, "y ~ x"), diagnosed(data, "y ~ x + I(x**2)")
    assert [f.text.split(":")[0].split(";")[0].split(" (")[0] for f in before.findings] == [
        "The residuals are bent",
        "The errors do not spread alike everywhere",
    ]
    assert "HC" not in str(before)
    assert after.headline == "Nothing stands out."


@pytest.mark.parametrize(("rows", "bend", "why"), [(10_000, 0.12, "tiny effects"), (200, 0.1, "look at the pictures")])
def test_nothing_stands_out_is_never_said_beside_a_significant_test(rows: int, bend: float, why: str) -> None:
    every = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        x = rng.uniform(-1, 1, rows)
        every.append(diagnosed({"x": x, "y": x + bend * x**2 + rng.normal(size=rows)}, "y ~ x"))
    quiet = [found for found in every if not found.findings]
    low = [[t.name for t in found.tests if t.p_value <= 0.0149] for found in quiet]
    assert any(low)
    assert [found.headline == "Nothing stands out." for found in quiet] == [not names for names in low]
    assert all(name in found.headline for found, names in zip(quiet, low, strict=True) for name in names)
    assert all(why in found.headline for found, names in zip(quiet, low, strict=True) if names)
    assert all(found.headline in " ".join(str(found).split("\n")[2:4]) for found in every)
    assert all(found.facts["headline"] == found.headline for found in every)
