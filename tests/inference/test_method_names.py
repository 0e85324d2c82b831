"""What was estimated is said by the field's name, and what is said of standard errors, AIC and nested models is true of that line."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import bestline as bl

pytestmark = pytest.mark.usefixtures("quiet")


def data(n: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(2, n))
    g = np.repeat([f"g{i}" for i in range(n // 4)], 4)
    return pd.DataFrame({"x": x, "z": z, "g": g, "y": 1 + 2 * x + rng.normal(size=n), "w": rng.uniform(0.5, 2, n)})


fit = partial(bl.fit, data(), "y ~ x + z")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "Ordinary least squares."),
        ({"weights": "w"}, "Weighted least squares."),
        ({"l2": 0.1}, "Ridge regression."),
        ({"l1": 0.1}, "Lasso."),
        ({"l1": 0.1, "l2": 0.1}, "Elastic net."),
        ({"loss": "huber"}, "Huber regression (an M-estimator)."),
        ({"loss": "absolute"}, "Least absolute deviations (median regression)."),
        ({"loss": "quantile:0.9"}, "Quantile regression at 0.9."),
        ({"loss": "huber", "l1": 0.01}, "Huber regression (an M-estimator) with lasso penalty."),
        ({"loss": "absolute", "l2": 0.01}, "Least absolute deviations (median regression) with ridge penalty."),
        ({"forward": "polynomial:2"}, "Ordinary least squares."),
        ({"solver": "sgd", "steps": 3}, "Ordinary least squares, trained by sgd, learning rate"),
        ({"solver": "adam", "steps": 3, "l2": 0.1}, "Ridge regression, trained by adam, learning rate"),
        ({"loss": lambda p, y: (p - y) ** 4, "steps": 3}, "A loss of your own, trained by"),
    ],
)
def test_the_method_by_its_name(options: dict[str, Any], name: str, tmp_path: Path) -> None:
    model = fit(**options)
    assert model.summary().text.splitlines()[2].startswith(name)
    assert name.split(",", maxsplit=1)[0] in model.report().html
    if "own" not in name:
        model.save(tmp_path / "m.bestline")
        assert bl.load(tmp_path / "m.bestline").summary().text.splitlines()[2].startswith(name)


@pytest.mark.parametrize("options", [{"l1": 0.1}, {"l2": 0.1}, {"l1": 0.01, "solver": "sgd", "steps": 5}])
def test_classical_standard_errors_do_not_hold_under_a_penalty_and_only_there(options: dict[str, Any]) -> None:
    said = "classical standard errors do not hold under a penalty"
    assert said in fit(**options).summary().text
    assert said in fit(**options).report().html
    assert said not in fit().summary().text
    assert said not in fit(loss="huber").report().html


def test_what_robust_standard_errors_hold_under() -> None:
    model = fit()
    said = {cov: model.summary(cov=cov).text for cov in ("classical", "HC0", "HC3", "cluster:g")}
    large, groups = "heteroscedasticity-consistent, valid in large samples", "errors are correlated within groups"
    assert [large in text for text in said.values()] == [False, True, True, False]
    assert [groups in text for text in said.values()] == [False, False, False, True]


@pytest.mark.parametrize("weights", [None, "w"])
def test_aic_and_bic_count_the_coefficients_and_not_sigma(weights: str | None) -> None:
    table = data()
    model = fit(weights=weights)
    w = 1.0 if weights is None else table["w"]
    reference = sm.WLS(table["y"], sm.add_constant(table[["x", "z"]]), weights=w).fit()
    facts = model.summary().facts
    assert (facts["aic"], facts["bic"]) == pytest.approx((reference.aic, reference.bic), rel=1e-10)
    assert facts["aic_bic_count_sigma"] is False
    k, log_lik = 3, model.log_lik
    assert facts["aic"] == pytest.approx(2 * k - 2 * log_lik)
    assert facts["bic"] == pytest.approx(math.log(80) * k - 2 * log_lik)
    for of in (bl.Model.summary, bl.Model.glance):
        assert "sigma" in (of.__doc__ or "")
    penalised = fit(l2=0.1).summary().facts
    assert [penalised[name] for name in ("aic", "bic", "aic_bic_count_sigma")] == [None, None, None]


def test_models_are_nested_and_not_lines() -> None:
    small = bl.fit(data(), "y ~ x")
    assert str(bl.compare(small, fit())).startswith("Nested models")
    with pytest.raises(bl.errors.OptionError, match="small model has `z`, which the large one lacks"):
        bl.compare(fit(), small)


def test_the_objective_says_that_the_target_is_standardised_too() -> None:
    """The scale of l1 depends on it: a target in other units takes the same l1."""
    assert "columns and target are standardised" in (bl.fit.__doc__ or "")
    table = data()
    one = fit(l1=0.3)
    ten = bl.fit(table.assign(y=1000 * table["y"]), "y ~ x + z", l1=0.3)
    assert ten.params.to_numpy() == pytest.approx(1000 * one.params.to_numpy(), rel=1e-9)
    plain = [bl.fit(t, "y ~ x + z", l1=0.3, standardize=False) for t in (table, table.assign(y=1000 * table["y"]))]
    assert plain[1].params["x"] != pytest.approx(1000 * plain[0].params["x"], rel=1e-3)
