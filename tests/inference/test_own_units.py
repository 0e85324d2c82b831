"""Targets that are functions of a column: predictions, intervals and errors in units of the column."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import torch
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression

import bestline as bl
from bestline.errors import BestlineWarning, DataError, NumericalError, OptionError

WAYS = {
    "log(y)": (np.log, np.exp),
    "log10(y)": (np.log10, lambda z: 10**z),
    "log1p(y)": (np.log1p, np.expm1),
    "sqrt(y)": (np.sqrt, lambda z: np.maximum(z, 0) ** 2),
    "I(1 / y)": (lambda y: 1 / y, lambda z: np.divide(1, np.maximum(z, 0), out=np.full(np.shape(z), np.inf), where=z > 0)),
    "I(y ** 0.4)": (lambda y: y**0.4, lambda z: np.maximum(z, 0) ** 2.5),
    "boxcox(y, 0.25)": (lambda y: (y**0.25 - 1) / 0.25, lambda z: np.maximum(0.25 * z + 1, 0) ** 4),
}


def table(n: int = 400) -> pd.DataFrame:
    r = np.random.default_rng(3)
    x, z = r.uniform(1, 3, n), r.uniform(0, 1, n)
    return pd.DataFrame({"x": x, "z": z, "y": np.exp(0.5 + 0.4 * x - 0.3 * z + r.normal(0, 0.3, n)), "w": r.uniform(0.5, 2, n)})


NEW = pd.DataFrame({"x": [1.0, 2.0, 3.0], "z": [0.0, 1.0, 0.5]})


@pytest.mark.parametrize("target", WAYS)
@pytest.mark.parametrize("weights", [None, "w"])
def test_predictions_and_intervals_against_scikit_learn_and_statsmodels(target: str, weights: str | None) -> None:
    data, (there, back) = table(), WAYS[target]
    model = bl.fit(data, f"{target} ~ x + z", weights=weights)
    w = None if weights is None else data["w"]
    theirs = TransformedTargetRegressor(LinearRegression(), func=there, inverse_func=back, check_inverse=False)
    theirs.fit(data[["x", "z"]], data["y"], sample_weight=w)
    assert model.predict(NEW) == pytest.approx(theirs.predict(NEW), rel=1e-9)
    fit = sm.WLS(there(data["y"]), sm.add_constant(data[["x", "z"]]), 1.0 if w is None else w).fit()
    frame = fit.get_prediction(sm.add_constant(NEW)).summary_frame(alpha=0.1)
    assert model.predict(NEW, units="fitted") == pytest.approx(frame["mean"].to_numpy(), rel=1e-9)
    for kind, names in (("prediction", ("obs_ci_lower", "obs_ci_upper")), ("confidence", ("mean_ci_lower", "mean_ci_upper"))):
        ours = model.predict(NEW, interval=kind, level=0.9)
        ends = np.sort(np.stack([back(frame[name].to_numpy()) for name in names], 1), 1)
        assert ours.iloc[:, 1:].to_numpy() == pytest.approx(ends, rel=1e-8)
        assert (ours.iloc[:, 1] <= ours["prediction"]).all()
        assert (ours["prediction"] <= ours.iloc[:, 2]).all()


@pytest.mark.filterwarnings("ignore:.*no finite mean")
@pytest.mark.parametrize("target", WAYS)
@pytest.mark.parametrize("weights", [None, "w"])
def test_means_are_averages_over_the_training_residuals(target: str, weights: str | None) -> None:
    data, (there, back) = table(), WAYS[target]
    model = bl.fit(data, f"{target} ~ x + z", weights=weights)
    w = np.ones(len(data)) if weights is None else data["w"].to_numpy()
    residuals = there(data["y"].to_numpy()) - model.predict(data, units="fitted")
    fitted = model.predict(NEW, units="fitted")
    duan = np.average(back(fitted[:, None] + residuals), axis=1, weights=w)
    # Of logarithms the factor is exact; else residuals are in classes that keep mean and variance.
    exact = target.startswith("log") or target == "sqrt(y)"
    assert model.predict(NEW, point="mean") == pytest.approx(duan, rel=1e-9 if exact else 1e-6)
    assert model.own_units is not None
    (factor,) = model.own_units.factors
    assert (factor is None) != target.startswith("log")
    if target == "log(y)":
        assert factor == pytest.approx(np.average(np.exp(residuals), weights=w), rel=1e-12)


@pytest.mark.parametrize("target", WAYS)
@pytest.mark.parametrize("weights", [None, "w"])
def test_errors_in_both_units(target: str, weights: str | None) -> None:
    data, (there, back) = table(), WAYS[target]
    model = bl.fit(data, f"{target} ~ x + z", weights=weights, folds=4)
    w = np.ones(len(data)) if weights is None else data["w"].to_numpy()
    y, own = data["y"].to_numpy(), model.own_units
    assert own is not None
    e = y - back(model.predict(data, units="fitted"))
    assert own.training.rmse[0] == pytest.approx(np.sqrt(np.average(e**2, weights=w)), rel=1e-9)
    assert own.training.mae[0] == pytest.approx(np.average(np.abs(e), weights=w), rel=1e-9)
    assert own.training.r2[0] == pytest.approx(1 - np.average(e**2, weights=w) / np.cov(y, aweights=w, ddof=0), rel=1e-9)
    assert model.fitted_scores.rmse[0] == pytest.approx(
        np.sqrt(np.average((there(y) - there(y - e)) ** 2, weights=w)), rel=1e-7
    )
    found = model.evaluate(data)
    assert "in units of `y`" in found.of
    assert (found.rmse, found.mae, found.r2) == (own.training.rmse, own.training.mae, pytest.approx(own.training.r2))
    assert model.evaluate(data, units="fitted").rmse == pytest.approx(model.fitted_scores.rmse, rel=1e-9)


def test_held_out_errors_in_own_units_are_of_lines_that_did_not_see_the_row() -> None:
    data = table(120).assign(fold=lambda t: np.arange(len(t)) % 3)
    model = bl.fit(data, "log(y) ~ x + z", folds="fold")
    off = []
    for fold in range(3):
        here = data["fold"] == fold
        off.append(data["y"][here] - bl.fit(data[~here], "log(y) ~ x + z").predict(data[here][["x", "z"]]))
    held = model.own_units.held_out
    assert held.rmse[0] == pytest.approx(np.sqrt(np.mean(np.concatenate(off) ** 2)), rel=1e-9)
    assert held.kind == model.held_out.kind == "leave-one-fold-out"


@pytest.mark.parametrize("how", [{"loss": "absolute"}, {"l2": 0.1}, {"solver": "sgd"}, {"split": (0.6, 0.2, 0.2)}])
def test_other_ways_to_fit_have_own_units_as_well(how: dict) -> None:
    data = table(150)
    model = bl.fit(data, "log(y) ~ x + z", **how)
    own = model.own_units
    assert model.predict(NEW) == pytest.approx(np.exp(model.predict(NEW, units="fitted")), rel=1e-12)
    assert own.held_out.rows == model.held_out.rows
    assert own.training.rows == model.fitted_scores.rows
    part = torch.cat([rows.y for rows in model.rows("training")])[:, 0].numpy()
    assert own.training.rmse[0] < np.exp(part).std()


@pytest.mark.parametrize("target", WAYS)
def test_augment_is_in_own_units(target: str) -> None:
    data, (_, back) = table(60), WAYS[target]
    model = bl.fit(data, f"{target} ~ x + z")
    own, fitted = model.augment(), model.augment(units="fitted")
    assert own["fitted"].to_numpy() == pytest.approx(back(fitted["fitted"].to_numpy()), rel=1e-12)
    assert own["resid"].to_numpy() == pytest.approx(data["y"].to_numpy() - own["fitted"].to_numpy(), abs=1e-12)
    ends = np.sort(back(fitted[["pred_low", "pred_high"]].to_numpy()), 1)
    assert own[["pred_low", "pred_high"]].to_numpy() == pytest.approx(ends, rel=1e-12)
    for name in ("hat", "cooksd", "std_resid"):
        assert own[name].equals(fitted[name])
    others = model.augment(NEW)
    assert others["fitted"].to_numpy() == pytest.approx(model.predict(NEW), rel=1e-12)


def test_several_targets_each_in_its_own_units() -> None:
    data = table().assign(v=lambda t: 3 * t["x"] + t["w"])
    model = bl.fit(data, "log(y) + v + sqrt(y) ~ x + z")
    got = model.predict(NEW)
    for i, one in enumerate(("log(y)", "v", "sqrt(y)")):
        assert got[:, i] == pytest.approx(bl.fit(data, f"{one} ~ x + z").predict(NEW), rel=1e-9)
    facts = model.summary().facts["own_units"]
    assert facts["v"] is None
    assert facts["log(y)"]["target"] == "y"
    assert model.predict(NEW, point="mean")[:, 1] == pytest.approx(got[:, 1])


@pytest.mark.filterwarnings("ignore:.*no finite mean")
def test_saved_models_say_the_same(tmp_path: Path) -> None:
    for i, target in enumerate(WAYS):
        model = bl.fit(table(), f"{target} ~ x + z")
        path = tmp_path / f"{i}.bestline"
        model.save(path)
        again = bl.load(path)
        assert str(again.summary()) == str(model.summary())
        assert np.array_equal(again.predict(NEW, point="mean"), model.predict(NEW, point="mean"))
        assert json.dumps(again.summary().facts["own_units"]) == json.dumps(model.summary().facts["own_units"])
        assert path.stat().st_size < 60_000


def test_the_summary_says_units_median_mean_and_effects() -> None:
    text = " ".join(str(bl.fit(table(), "log(y) ~ x + z").summary()).split())
    assert (
        "The coefficients are in units of log(y), predictions in units of y: exp(fitted) is the median; the mean is 1.0" in text
    )
    assert "Duan's smearing factor" in text
    assert "Training error in units of y RMSE" in text
    assert "Held-out error in units of y RMSE" in text
    assert "1 more x goes with 5" in text  # exp(0.4) - 1 = 49 %, as estimated


def test_elasticities_are_told_for_two_logarithms() -> None:
    r = np.random.default_rng(0)
    x = r.uniform(1, 9, 50)
    text = str(bl.fit({"x": x, "y": 3 * x**0.5}, "log(y) ~ log10(x)").summary())
    assert "1% more x goes with 0.499% more y" in text  # 1.01^0.5


def test_what_cannot_be_turned_back_stays_and_is_said() -> None:
    data = table()
    with pytest.warns(BestlineWarning, match="cannot be turned back"):
        model = bl.fit(data, "sin(y) ~ x")
    with pytest.warns(BestlineWarning, match="units of `sin\\(y\\)`"):
        got = model.predict(NEW)
    assert np.array_equal(got, model.predict(NEW, units="fitted"))
    assert model.summary().facts.get("own_units") is None


def test_squares_of_numbers_of_both_signs_are_not_turned_back() -> None:
    r = np.random.default_rng(0)
    y = r.normal(0, 2, 80)
    model = bl.fit({"x": y + 1, "y": y}, "I(y ** 2) ~ x")
    with pytest.warns(BestlineWarning, match="cannot be turned back"):
        model.predict({"x": [0.0]})
    whole = bl.fit({"x": np.abs(y), "y": np.abs(y)}, "I(y ** 2) ~ x")
    assert whole.predict({"x": [1.0]}) == pytest.approx(np.sqrt(whole.predict({"x": [1.0]}, units="fitted")))


@pytest.mark.filterwarnings("ignore:`x` lies far outside")
def test_fitted_values_beyond_the_range_are_its_end_and_said() -> None:
    x = np.linspace(1, 4, 30)
    model = bl.fit({"x": x, "y": (x + 0.1 * np.sin(9 * x)) ** 2}, "sqrt(y) ~ x")
    with pytest.warns(BestlineWarning, match="2 fitted values lie outside what `sqrt\\(y\\)` can be"):
        got = model.predict({"x": [-4.0, -9.0, 2.0]})
    assert list(got[:2]) == [0.0, 0.0]
    ends = bl.fit(table(), "sqrt(y) ~ x").predict({"x": [1.0]}, interval="prediction", level=0.9999999999)
    assert ends["pred_low"][0] == 0.0


@pytest.mark.parametrize("target", ["log(y)", "log1p(y)", "sqrt(y)", "I(1 / y)", "boxcox(y, -0.5)"])
def test_values_outside_the_domain_are_refused_by_row(target: str) -> None:
    data = table(20)
    data.loc[6, "y"] = {"log1p(y)": -1.0, "sqrt(y)": -2.0}.get(target, 0.0)
    with pytest.raises(DataError, match=r"row 7, where `y` = (0|-1|-2)"):
        bl.fit(data, f"{target} ~ x")


def test_moments_alone_predict_the_median_and_say_why_no_mean() -> None:
    model = bl.fit(bl.Moments.collect(table(), "log(y) ~ x + z"))
    assert model.predict(NEW) == pytest.approx(bl.fit(table(), "log(y) ~ x + z").predict(NEW), rel=1e-12)
    with pytest.raises(NumericalError, match="Duan's smearing"):
        model.predict(NEW, point="mean")
    assert model.summary().facts["own_units"]["rmse"] is None


def test_a_mean_that_is_not_finite_is_said() -> None:
    model = bl.fit(table(), "I(1 / y) ~ x + z")
    with pytest.warns(BestlineWarning, match="1 row has no finite mean"):
        assert np.isinf(model.predict(NEW[2:], point="mean")).all()


def test_options_are_checked() -> None:
    model = bl.fit(table(), "log(y) ~ x + z")
    for wrong in ({"units": "log"}, {"point": "mode"}, {"units": "fitted", "point": "mean"}, {"units": None}):
        with pytest.raises(OptionError):
            model.predict(NEW, **wrong)
    with pytest.raises(OptionError):
        model.evaluate(table(), units="original")
    with pytest.raises(OptionError):
        model.augment(units="x")


def test_missing_rows_stay_missing() -> None:
    model = bl.fit(table(), "sqrt(y) ~ x + z")
    with pytest.warns(BestlineWarning, match="1 row has no prediction"):
        got = model.predict({"x": [1.0, np.nan], "z": [0.0, 1.0]}, point="mean")
    assert np.isnan(got).tolist() == [False, True]


def test_a_plain_target_is_as_ever() -> None:
    model = bl.fit(table(), "y ~ x + z")
    assert model.own_units is None
    assert np.array_equal(model.predict(NEW, units="own"), model.predict(NEW, units="fitted"))
    assert np.array_equal(model.predict(NEW, point="mean"), model.predict(NEW))
    assert model.summary().facts.get("own_units") is None


@pytest.mark.parametrize("target", ["scale(y)", "center(y)", "I(2 * y - 3)"])
def test_straight_functions_of_a_target_predict_what_the_target_does(target: str) -> None:
    want = bl.fit(table(), "y ~ x + z").predict(NEW, interval="prediction")
    model = bl.fit(table(), f"{target} ~ x + z")
    assert model.predict(NEW, interval="prediction").to_numpy() == pytest.approx(want.to_numpy(), rel=1e-9)
    assert model.predict(NEW, point="mean") == pytest.approx(want["prediction"].to_numpy(), rel=1e-9)
