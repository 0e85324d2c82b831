"""Wald tests against statsmodels."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import bestline as bl
from bestline.errors import OptionError
from bestline.inference import comparison, uncertainty
from bestline.inference.hypotheses import Verdict, verdict
from bestline.training.restrictions import restricted
from inference.examples import frame, reference

pytestmark = pytest.mark.usefixtures("quiet")


TAIL = {"rel": 1e-8, "abs": 1e-300}


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("cov", ["classical", "HC1", "HC3", "cluster:firm"])
@pytest.mark.parametrize(
    "text", ["x1 = 0", "x1 = x2", "x1 = 1.5, x2 = -0.7", "g[T.b] = 0, g[T.c] = 0", "2*x1 + x2 - 3 = Intercept", "x1 = 2"]
)
def test_wald_against_statsmodels(text: str, cov: str, weights: str | None):
    model, ref = bl.fit(frame(), "y ~ x1 + x2 + g", weights=weights), reference("y ~ x1 + x2 + g", frame(), weights)
    if cov != "classical":
        options = {"groups": frame()["firm"]} if ":" in cov else {}
        ref = ref.get_robustcov_results(cov.partition(":")[0], use_t=True, **options)
    theirs = ref.f_test(text)
    test = comparison.wald(model, text, cov)
    assert test.statistic == pytest.approx(float(theirs.fvalue), rel=1e-9)
    assert test.p_value == pytest.approx(float(theirs.pvalue), **TAIL)
    assert test.df == (theirs.df_num, theirs.df_denom)


def test_one_restriction_is_t_squared_and_all_slopes_are_the_line_as_a_whole():
    model = bl.fit(frame(), "y ~ x1 + x2", weights="w")
    assert comparison.wald(model, "x2").statistic == pytest.approx(model.tvalues["x2"] ** 2, rel=1e-12)
    whole, row = comparison.wald(model, ["x1 = 0", "x2 = 0"]), model.glance().iloc[0]
    assert (whole.statistic, whole.p_value) == pytest.approx((row["statistic"], row["p_value"]), rel=1e-9)
    robust = reference("y ~ x1 + x2", frame(), "w").get_robustcov_results("HC3", use_t=True)
    assert uncertainty.overall(model, uncertainty.covariance(model, "HC3")).statistic == pytest.approx(float(robust.fvalue))


@pytest.mark.parametrize(
    "matrix", [[[1.0, 0.0]], "none", [[1, 0, 0], [2, 0, 0]], ([[1, 0, 0]], [1, 2]), [[math.nan, 0, 0]], [], object()]
)
def test_matrices_that_make_no_sense(matrix: Any):
    with pytest.raises(OptionError):
        restricted(matrix, ("x", "y", "z"))


def test_a_matrix_is_what_its_text_says():
    model = bl.fit(frame(), "y ~ x1 + x2")
    A = (torch.tensor([[1.0, -1.0, 0.0], [0.0, 1.0, 0.0]]), [0.5, 2.0])
    text = "x1 - x2 = 0.5, x2 = 2"
    assert comparison.wald(model, A).statistic == pytest.approx(comparison.wald(model, text).statistic, rel=1e-12)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (verdict("a", 2.5, 1.0, 8.0), "a: F(1, 8) = 2.5, p = 0.1525"),
        (verdict("a", 2.5, 1.0), "a: chi-squared(1) = 2.5, p = 0.1138"),
        (verdict("a", float("nan"), 1.0, 8.0), "a: not defined here"),
        (verdict("a", 2.5, 0.0, 8.0), "a: not defined here"),
        (verdict("a", 2.5, 2.0, 0.0), "a: not defined here"),
        (Verdict("Durbin-Watson", 2.5, float("nan"), ()), "Durbin-Watson: 2.5"),
    ],
)
def test_a_verdict_says_its_distribution_and_where_there_is_none(found: Verdict, said: str) -> None:
    """The p-values are those of R: pf(2.5, 1, 8, lower = FALSE) and pchisq(2.5, 1, lower = FALSE)."""
    assert str(found) == said


def test_degrees_of_freedom_are_whole_numbers_and_no_p_value_is_zero():
    assert str(verdict("a", 1e6, 2.0, 1_999_998.0)) == "a: F(2, 1999998) = 1,000,000, p < 10⁻³⁰⁰"


@pytest.mark.parametrize(
    ("formula", "model_df"), [("y ~ x1 + x2 + g", 4), ("y ~ x1 + x2 - 1", 2), ("y ~ g - 1", 2), ("y ~ x1 + I(2 * x1)", 1)]
)
def test_the_f_of_a_summary_tells_its_degrees_of_freedom(formula: str, model_df: int):
    model = bl.fit(frame(), formula)
    row = model.glance().iloc[0]
    said = f"F({model_df}, {int(row['df_residual'])}) {row['statistic']:.2f}"
    assert said in str(model.summary())
    assert f"F({model_df}, {int(row['df_residual'])})" in model.report().html
