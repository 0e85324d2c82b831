"""Advice is of what the formula does not have yet, and what is advised, carried out, helps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference.diagnosed import diagnosed

pytestmark = pytest.mark.usefixtures("quiet")


def table(n: int = 400) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    x, z, a, b = rng.uniform(1, 5, n), rng.uniform(1, 5, n), rng.choice(list("ab"), n), rng.choice(list("cd"), n)
    small = 0.1 * rng.normal(size=n)
    return {
        "x": x,
        "z": z,
        "w": z,
        "a": a,
        "b": b,
        "square": np.exp(1 + 0.3 * x**2 + small),
        "cube": np.exp(x**3 / 20 + small),
        "crossed": 5.0 * ((a == "a") & (b == "c")) + rng.normal(size=n),
        "skewed": np.exp(x + rng.gamma(1, 1, n)),
        "fan": x + z + rng.normal(size=n) * x**2,
    }


def said(formula: str, begins: str, **options: Any) -> str:
    (text,) = (f.text for f in diagnosed(table(), formula, **options).findings if f.text.startswith(begins))
    return text


@pytest.mark.parametrize(
    "target", ["log(square)", "I(log(square))", "log10(square)", "log1p(square)", "100 * log(square)", "log(square / 2) - 1"]
)
def test_a_logarithm_of_a_logarithm_is_not_advised(target: str) -> None:
    written = target if "*" not in target and "-" not in target else f"I({target})"
    bent = said(f"{written} ~ x", "The residuals are bent")
    assert "The target is a logarithm already" in bent
    assert bent.endswith("try a logarithm of a column too, or I(x**2).")
    bend = (f.text for f in diagnosed(table(), f"{written} ~ x + I(x**2)").findings if "bent" in f.text)
    assert not list(bend)  # what was advised helps


@pytest.mark.parametrize(
    "target", ["sqrt(square)", "boxcox(square)", "boxcox(square, 0.5)", "I(square**0.5)", "I(-1 / square)"]
)
def test_a_target_that_is_transformed_is_named_so(target: str) -> None:
    bent = said(f"{target} ~ x", "The residuals are bent")
    assert "The target is transformed already" in bent
    assert "a logarithm" not in bent


@pytest.mark.parametrize("target", ["square", "I(square)", "I(square / 1000)", "center(square)"])
def test_a_target_in_other_units_is_no_other_target(target: str) -> None:
    assert said(f"{target} ~ x", "The residuals are bent").endswith("Try a logarithm, or I(x**2).")


@pytest.mark.parametrize(("target", "advice"), [("log", "a logarithm already: conformal"), ("sqrt", "may help more than sqrt")])
def test_skewed_errors_of_a_logarithm_need_another_remedy(target: str, advice: str) -> None:
    assert advice in said(f"{target}(skewed) ~ x", "The errors are skewed")


def test_skewed_errors_that_box_and_cox_could_not_mend_need_another_remedy() -> None:
    assert "transformed already: conformal" in said("boxcox(skewed) ~ x", "The errors are skewed")


@pytest.mark.parametrize(
    ("formula", "advice"),
    [
        ("log(cube) ~ x + I(x**2)", "try a spline such as bs(x, df=5) in place of powers."),
        ("cube ~ poly(x, 2)", "Try a logarithm, or a spline such as bs(x, df=5) in place of powers."),
        ("square ~ bs(x, df=4)", "Try a logarithm, or a spline of more degrees of freedom."),
        (
            "log(cube) ~ x + z + I(x**2)",
            "I(z**2), a spline such as bs(x, df=5) in place of powers, or an interaction such as x:z.",
        ),
        ("log(square) ~ x * z", "Try I(x**2)."),
        ("log(square) ~ log(x)", "try I(log(x)**2)."),
        ("crossed ~ a + b", "Try an interaction such as a:b."),
    ],
)
def test_terms_that_are_there_already_are_not_advised(formula: str, advice: str) -> None:
    assert said(formula, "The residuals are bent").endswith(advice)


def test_a_column_and_its_square_are_told_apart_by_centring() -> None:
    found = said("log(square) ~ x + I(x**2)", "`x` and `I(x ** 2)` are nearly collinear")
    assert "made of the same columns" in found
    assert "center(x) in place of x" in found
    centred = diagnosed(table(), "log(square) ~ center(x) + I(center(x)**2)")
    assert not [f for f in centred.findings if "collinear" in f.text]
    assert centred.sigma == pytest.approx(diagnosed(table(), "log(square) ~ x + I(x**2)").sigma)
    rng = np.random.default_rng(1)
    x = rng.normal(size=200)
    pair = diagnosed({"x": x, "z": x + 1e-3 * rng.normal(size=200), "y": x + rng.normal(size=200)}, "y ~ x + z")
    assert any("their effects are hard to tell apart" in f.text for f in pair.findings)


@pytest.mark.parametrize("cov", ["HC1", "HC3", "cluster:a"])
def test_standard_errors_that_allow_for_what_was_found_are_kept(cov: str) -> None:
    found = diagnosed(table(), "fan ~ x + z", cov=cov)
    assert found.cov == cov
    assert not any("cov='HC3'" in f.text for f in found.findings)
    assert diagnosed(table(), "fan ~ x + z").cov == "HC3"


def test_a_line_with_weights_is_not_told_to_have_some() -> None:
    assert "or check the weights" in said("fan ~ x + z", "The errors do not spread", weights="w")
    assert "or give weights" in said("fan ~ x + z", "The errors do not spread")
