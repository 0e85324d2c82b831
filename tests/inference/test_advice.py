"""What `diagnose` advises: the remedy that fits, for its own evidence; where there is none in bestline, where it is to be had."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

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
        assert found[0].startswith("Neighbouring rows err alike")
        others += len(found) - 1
        assert not any("HC3" in text and "do not mend" not in text for text in found)
    assert others <= 2  # of 75 other findings that there might be


def test_the_remedy_for_errors_that_are_alike_is_one_that_helps() -> None:
    """HC3 gives intervals as wrong as the classical ones; what is advised, carried out, does not."""
    n, too_sure = 400, {"HC3": 0, "HAC": 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, e = np.linspace(0, 1, n), drifting(n, 0.5, rng)
        (said,) = (text for text in findings(x, x + e) if "Neighbouring" in text)
        lags = int(said.split("'maxlags': ")[1].split("}")[0])
        for kind, options in (("HC3", {}), ("HAC", {"cov_kwds": {"maxlags": lags}})):
            fit = sm.OLS(x + e, sm.add_constant(x)).fit(cov_type=kind, **options)
            too_sure[kind] += abs(fit.params[1] - 1) > 2 * fit.bse[1]
    assert "HC0 to HC3 do not mend that" in said
    assert "not in bestline yet" in said
    assert too_sure["HAC"] < too_sure["HC3"] / 1.5


def test_errors_in_turns_make_standard_errors_too_large() -> None:
    rng = np.random.default_rng(3)
    x = np.linspace(0, 10, 300)
    (said,) = (text for text in findings(x, x + drifting(300, -0.7, rng)) if "Neighbouring" in text)
    assert "in turns" in said
    assert "too large" in said


def test_a_bend_comes_first_and_what_may_follow_from_it_has_no_remedy_of_its_own() -> None:
    rng = np.random.default_rng(4)
    x = np.sort(rng.uniform(0, 10, 200))
    found = findings(x, 1 + 2 * x + 0.3 * x**2 + rng.normal(size=200))
    assert found[0].startswith("The residuals are bent")
    rest = [text for text in found if "spread" in text or "Neighbouring" in text or "lean" in text]
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
    assert "errors that allow for both are needed" in fan
    assert "HC3" not in fan


def test_heavy_tails_have_a_remedy_unless_the_spread_explains_them() -> None:
    rng = np.random.default_rng(7)
    x = rng.uniform(0, 10, 2_000)
    assert any("heavy tails" in t and "loss='huber'" in t for t in findings(x, x + rng.standard_t(3, size=2_000)))
    fan = findings(x, x + rng.normal(size=2_000) * x**3)
    assert any("heavy tails" in t and "spread unevenly look like that" in t for t in fan)
