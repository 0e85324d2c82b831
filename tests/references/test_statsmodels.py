"""Against statsmodels: coefficients, the fit as a whole, intervals, levels, weights, units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import bestline as bl

pytestmark = pytest.mark.usefixtures("quiet")


# Two float64 solutions of a well-conditioned problem differ by some units of rounding times its condition, here below 1e3.
SAME = {"rel": 1e-10, "abs": 1e-10}


# p-values far in the tail multiply the relative error of t by t^2.
TAIL = {"rel": 1e-8, "abs": 1e-300}


# Predictions lose what the size of the products takes from their sum.
PREDICTED = {"rel": 1e-9, "abs": 1e-9}


def by_name(values: pd.Series | Sequence[float], names: Sequence[str]) -> list[float]:
    """Values in the order of these names, where statsmodels writes `g[T.b]` as bestline does."""
    return [float(values[n]) for n in names]


@cache
def frame(n: int = 240, seed: int = 0) -> pd.DataFrame:
    """Two numbers off zero, two categories, a target that depends on all of them, a positive one and weights."""
    rng = np.random.default_rng(seed)
    x1, x2 = rng.normal(3, 1, n), rng.normal(-1, 2, n)
    g, h = rng.choice(["a", "b", "c"], n), rng.choice(["left", "right"], n)
    y = 2 + 1.5 * x1 - 0.7 * x2 + np.where(g == "b", 1.0, 0.0) + 0.3 * x1 * (h == "left") + rng.normal(0, 1, n)
    return pd.DataFrame(
        {"x1": x1, "x2": x2, "g": g, "h": h, "y": y, "z": np.exp(0.1 * y), "y2": y - 3 * x2**2, "w": rng.uniform(0.2, 3, n)}
    )


FORMULAS = [
    "y ~ x1",
    "y ~ x1 + x2",
    "y ~ x1 + x2 - 1",
    "y ~ 0 + x1",
    "y ~ x1 * x2",
    "y ~ x1 + x1:x2",
    "y ~ g",
    "y ~ x1 + g + h",
    "y ~ x1 * g",
    "y ~ g * h",
    "y ~ x1 + g:h",
    "y ~ x1 + I(x1**2) + I(x2**3)",
    "log(z) ~ x1 + log(x1**2 + 1)",
    "y ~ 1",
]


def of_statsmodels(formula: str, data: pd.DataFrame, weights: str | None = None) -> Any:
    text = formula.replace("log(", "np.log(")
    return smf.ols(text, data).fit() if weights is None else smf.wls(text, data, weights=data[weights]).fit()


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("formula", FORMULAS)
class TestStatsmodels:
    def test_coefficients(self, formula: str, weights: str | None):
        model, ref = bl.fit(frame(), formula, weights=weights), of_statsmodels(formula, frame(), weights)
        names = [n.replace("np.log", "log").replace(" ** ", "**") for n in ref.params.index]
        ours = [n.replace(" ", "") for n in model.names]
        theirs = {n.replace(" ", ""): i for i, n in enumerate(names)}
        assert sorted(ours) == sorted(theirs)
        order = [theirs[n] for n in ours]
        assert model.params.tolist() == pytest.approx(ref.params.to_numpy()[order], **SAME)
        assert model.bse.tolist() == pytest.approx(ref.bse.to_numpy()[order], **SAME)
        assert model.tvalues.tolist() == pytest.approx(ref.tvalues.to_numpy()[order], **SAME)
        assert model.pvalues.tolist() == pytest.approx(ref.pvalues.to_numpy()[order], **TAIL)
        for level in (0.95, 0.5):
            assert model.conf_int(level).to_numpy() == pytest.approx(ref.conf_int(1 - level).to_numpy()[order], **SAME)
        assert model.inference.covariance[0].numpy() == pytest.approx(ref.cov_params().to_numpy()[np.ix_(order, order)], **SAME)

    def test_the_fit_as_a_whole(self, formula: str, weights: str | None):
        model, ref = bl.fit(frame(), formula, weights=weights), of_statsmodels(formula, frame(), weights)
        row = model.glance().iloc[0]
        figures = {
            "nobs": ref.nobs,
            "df_residual": ref.df_resid,
            "r_squared": ref.rsquared,
            "adj_r_squared": ref.rsquared_adj,
            "sigma": math.sqrt(ref.scale),
            "log_lik": ref.llf,
            "aic": ref.aic,
            "bic": ref.bic,
        }
        assert row[list(figures)].to_dict() == pytest.approx(figures, **SAME)
        if ref.df_model:
            assert row["statistic"] == pytest.approx(ref.fvalue, **SAME)
            assert row["p_value"] == pytest.approx(ref.f_pvalue, **TAIL)
        else:
            assert math.isnan(row["statistic"])

    @pytest.mark.parametrize("level", [0.95, 0.8])
    def test_intervals_of_predictions(self, formula: str, weights: str | None, level: float):
        new = frame(40, seed=1)
        model, ref = bl.fit(frame(), formula, weights=weights), of_statsmodels(formula, frame(), weights)
        table = ref.get_prediction(new).summary_frame(alpha=1 - level)
        mean = model.predict(new, interval="confidence", level=level, units="fitted")
        one = model.predict(new, interval="prediction", level=level, units="fitted")
        assert mean["prediction"].to_numpy() == pytest.approx(table["mean"].to_numpy(), **PREDICTED)
        assert mean["conf_low"].to_numpy() == pytest.approx(table["mean_ci_lower"].to_numpy(), **PREDICTED)
        assert mean["conf_high"].to_numpy() == pytest.approx(table["mean_ci_upper"].to_numpy(), **PREDICTED)
        assert one["pred_low"].to_numpy() == pytest.approx(table["obs_ci_lower"].to_numpy(), **PREDICTED)
        assert one["pred_high"].to_numpy() == pytest.approx(table["obs_ci_upper"].to_numpy(), **PREDICTED)


@pytest.mark.parametrize("weights", [None, "w"])
def test_levels_without_an_intercept(weights: str | None):
    """`g - 1`: one weight a level, which add up to a constant: R2 and F compare with the mean, as for the line with its intercept."""
    model, ref = bl.fit(frame(), "y ~ g + x1 - 1", weights=weights), of_statsmodels("y ~ g + x1 - 1", frame(), weights)
    assert model.params.tolist() == pytest.approx(ref.params.tolist(), **SAME)
    assert model.bse.tolist() == pytest.approx(ref.bse.tolist(), **SAME)
    row = model.glance().iloc[0]
    assert [row["sigma"] ** 2, row["log_lik"], row["aic"]] == pytest.approx([ref.scale, ref.llf, ref.aic], **SAME)
    assert [row["r_squared"], row["adj_r_squared"], row["statistic"]] == pytest.approx(
        [ref.rsquared, ref.rsquared_adj, ref.fvalue], **SAME
    )


@pytest.mark.parametrize("weights", [None, "w"])
def test_several_targets_are_so_many_fits(weights: str | None):
    model = bl.fit(frame(), target=["y", "y2"], features=["x1", "x2"], weights=weights)
    assert model.params.shape == (3, 2)
    for i, target in enumerate(["y", "y2"]):
        ref = of_statsmodels(f"{target} ~ x1 + x2", frame(), weights)
        assert model.params[target].tolist() == pytest.approx(by_name(ref.params, model.names), **SAME)
        assert model.bse[target].tolist() == pytest.approx(by_name(ref.bse, model.names), **SAME)
        assert model.pvalues[target].tolist() == pytest.approx(by_name(ref.pvalues, model.names), **TAIL)
        assert model.conf_int().loc[target].to_numpy() == pytest.approx(
            ref.conf_int().loc[list(model.names)].to_numpy(), **SAME
        )
        row = model.glance().iloc[i]
        figures = [row["r_squared"], row["statistic"], row["aic"], row["bic"], row["adj_r_squared"]]
        assert figures == pytest.approx([ref.rsquared, ref.fvalue, ref.aic, ref.bic, ref.rsquared_adj], **SAME)


def test_rows_of_weight_zero_are_absent():
    data = frame().assign(w=lambda t: np.where(np.arange(len(t)) % 3 == 0, 0.0, t["w"]))
    model = bl.fit(data, "y ~ x1 + g", weights="w")
    ref = of_statsmodels("y ~ x1 + g", data[data["w"] > 0], "w")
    assert model.bse.tolist() == pytest.approx(by_name(ref.bse, model.names), **SAME)
    assert model.glance().iloc[0]["aic"] == pytest.approx(ref.aic, **SAME)


@pytest.mark.parametrize("size", [1e-200, 1e-100, 1e100, 1e200])
def test_only_the_proportions_of_weights_count(size: float):
    data = frame()
    model = bl.fit(data.assign(w=data["w"] * size), "y ~ x1 + g", weights="w")
    ref = of_statsmodels("y ~ x1 + g", data, "w")
    assert model.params.tolist() == pytest.approx(by_name(ref.params, model.names), **SAME)
    assert model.bse.tolist() == pytest.approx(by_name(ref.bse, model.names), **SAME)


@pytest.mark.parametrize("unit", [1e-170, 1e-100, 1e100, 1e170])
def test_standard_errors_in_any_unit(unit: float):
    data = frame()
    model, ref = bl.fit(data.assign(x1=data["x1"] * unit), "y ~ x1 + x2"), of_statsmodels("y ~ x1 + x2", data)
    assert [v * u for v, u in zip(model.bse, (unit, 1, 1), strict=True)] == pytest.approx(by_name(ref.bse, model.names), **SAME)
    assert model.tvalues.tolist() == pytest.approx(by_name(ref.tvalues, model.names), **SAME)


def test_a_tiny_column_with_zeros_in_it_is_not_constant():
    x, y = np.maximum(np.arange(16.0) - 11, 0), np.arange(16.0) ** 2
    model = bl.fit((x[:, None] * 1e-200, y), solver="exact")  # some folds hold nothing but zeros
    assert model.coef.iloc[0] * 1e-200 == pytest.approx(np.polyfit(x, y, 1)[0], **SAME)
