"""Analytic, frequency and probability weights: what each does to rows counted, errors and R2, against rows repeated and statsmodels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import bestline as bl
from bestline.errors import ColumnError, DataError, NumericalError, OptionError

pytestmark = [pytest.mark.filterwarnings("ignore:There are few rows"), pytest.mark.filterwarnings("ignore:9 clusters are few")]
FORMULA = "y ~ x + g"


def table(n: int = 60) -> pd.DataFrame:
    r = np.random.default_rng(11)
    x = r.normal(5, 2, n)
    g = r.choice(["a", "b", "c"], n)
    return pd.DataFrame(
        {
            "x": x,
            "g": g,
            "y": 2 + 0.7 * x + (g == "b") + r.normal(0, 1, n) * (1 + 0.2 * x),
            "w": r.integers(0, 5, n),
            "firm": r.integers(0, 9, n),
        }
    )


def expanded() -> pd.DataFrame:
    data = table()
    return data.loc[data.index.repeat(data["w"])].reset_index(drop=True)


NEW = pd.DataFrame({"x": [1.0, 6.0, 9.0], "g": ["a", "b", "c"]})
COVS = ["classical", "HC0", "HC1", "HC2", "HC3", {"cluster": "firm"}, {"cluster": "firm", "type": "CR2"}]


@pytest.mark.parametrize("cov", COVS, ids=str)
@pytest.mark.parametrize("digits", [0, 15])
def test_frequency_weights_are_rows_repeated(cov, digits: int) -> None:
    ours = bl.fit(table(), FORMULA, weights="w", weight_kind="frequency", cov=cov, digits=digits)
    rows = bl.fit(expanded(), FORMULA, cov=cov, digits=digits)
    pd.testing.assert_frame_equal(ours.tidy(), rows.tidy(), rtol=1e-9)
    pd.testing.assert_frame_equal(ours.glance(), rows.glance(), rtol=1e-9)
    for mine, theirs in ((ours.fitted_scores, rows.fitted_scores), (ours.held_out, rows.held_out)):
        assert (mine.rows, mine.kind) == (theirs.rows, theirs.kind)
        assert [*mine.rmse, *mine.r2] == pytest.approx([*theirs.rmse, *theirs.r2], rel=1e-9)
    for interval in ("prediction", "confidence"):
        pd.testing.assert_frame_equal(ours.predict(NEW, interval=interval), rows.predict(NEW, interval=interval), rtol=1e-9)
    mine, theirs = ours.summary().facts, rows.summary().facts
    assert mine["rows"] == theirs["rows"] == table()["w"].sum()
    assert mine["aic"] == pytest.approx(theirs["aic"], rel=1e-9)
    assert (mine["weight_kind"], theirs.get("weight_kind")) == ("frequency", None)


def test_frequency_weights_against_statsmodels() -> None:
    fit = sm.OLS.from_formula("y ~ x + C(g)", expanded()).fit(cov_type="HC1", use_t=True)
    ours = bl.fit(table(), "y ~ x + C(g)", weights="w", weight_kind="fweight", cov="HC1")
    order = ["x", "C(g)[T.b]", "C(g)[T.c]", "Intercept"]
    assert ours.params.to_numpy() == pytest.approx(fit.params[order].to_numpy(), rel=1e-10)
    assert ours.bse.to_numpy() == pytest.approx(fit.bse[order].to_numpy(), rel=1e-10)
    assert float(ours.glance()["aic"].iloc[0]) == pytest.approx(fit.aic, rel=1e-10)


def test_diagnosis_and_rows_of_frequency_weights() -> None:
    ours, rows = bl.fit(table(), FORMULA, weights="w", weight_kind="frequency"), bl.fit(expanded(), FORMULA)
    mine, theirs = ours.diagnose(), rows.diagnose()
    assert [t.statistic for t in mine.tests] == pytest.approx([t.statistic for t in theirs.tests], rel=1e-9)
    one = ours.augment()
    repeated = one.loc[one.index.repeat(one["w"])].reset_index(drop=True)
    names = ["fitted", "resid", "hat", "cooksd", "std_resid", "conf_low", "conf_high", "pred_low", "pred_high"]
    pd.testing.assert_frame_equal(repeated[names], rows.augment()[names], rtol=1e-9)
    assert len(one) == (table()["w"] > 0).sum()
    same = ours.evaluate(table()), rows.evaluate(expanded())
    assert same[0].rows == same[1].rows
    assert [*same[0].mae, *same[0].rmse] == pytest.approx([*same[1].mae, *same[1].rmse], rel=1e-9)
    assert "of weight zero" in same[0].of


@pytest.mark.parametrize("loss", ["absolute", "huber:1.5"])
def test_other_losses_count_copies_as_well(loss: str) -> None:
    ours = bl.fit(table(), FORMULA, weights="w", weight_kind="frequency", loss=loss)
    rows = bl.fit(expanded(), FORMULA, loss=loss)
    # Of absolute errors several lines may be as good.
    assert float(ours.trace.loss[-1]) == pytest.approx(float(rows.trace.loss[-1]), rel=1e-6)
    assert ours.fitted_scores.rows == rows.fitted_scores.rows
    assert ours.held_out.rows == rows.held_out.rows


def test_groups_and_moments_of_frequency_weights(tmp_path: Path) -> None:
    ours = bl.fit_groups(table(), "y ~ x", by="g", weights="w", weight_kind="frequency")
    rows = bl.fit_groups(expanded(), "y ~ x", by="g")
    pd.testing.assert_frame_equal(ours.tidy(), rows.tidy(), rtol=1e-9)
    pd.testing.assert_frame_equal(ours.glance(), rows.glance(), rtol=1e-9)
    assert ours.model("a").fitted_scores.rows == rows.model("a").fitted_scores.rows
    half, other = (
        bl.Moments.collect(part, FORMULA, weights="w", weight_kind="frequency") for part in (table()[:40], table()[40:])
    )
    (half + other).save(tmp_path / "m.moments")
    again = bl.fit(str(tmp_path / "m.moments"))
    pd.testing.assert_frame_equal(again.tidy(), bl.fit(expanded(), FORMULA).tidy(), rtol=1e-9)
    analytic = bl.Moments.collect(table()[40:], FORMULA, weights="w")
    with pytest.raises(DataError):
        half + analytic


@pytest.mark.parametrize("wrong", [1.5, -1.0, np.inf])
def test_frequency_weights_are_whole(wrong: float) -> None:
    data = table().astype({"w": float})
    data.loc[4, "w"] = wrong
    with pytest.raises(ColumnError, match="row 5"):
        bl.fit(data, FORMULA, weights="w", weight_kind="frequency")


@pytest.mark.parametrize("shift", [1.0, 1000.0])
def test_probability_weights_have_the_robust_errors_of_stata(shift: float) -> None:
    data = table().assign(w=lambda t: shift * (t["w"] + 0.5))
    ours = bl.fit(data, "y ~ x + C(g)", weights="w", weight_kind="probability")
    fit = sm.WLS.from_formula("y ~ x + C(g)", data, weights=data["w"]).fit(cov_type="HC1", use_t=True)
    order = ["x", "C(g)[T.b]", "C(g)[T.c]", "Intercept"]
    assert ours.bse.to_numpy() == pytest.approx(fit.bse[order].to_numpy(), rel=1e-10)
    assert "HC1" in str(ours.summary())
    assert "Probability weights" in str(ours.summary())
    glance = ours.glance().iloc[0]
    # Stata scales the weights to add up to n before it computes the root mean squared error.
    e2 = data["w"] / data["w"].mean() * fit.resid**2
    assert glance["sigma"] == pytest.approx(np.sqrt(e2.sum() / fit.df_resid), rel=1e-9)
    assert glance["r_squared"] == pytest.approx(fit.rsquared, rel=1e-10)
    assert glance["nobs"] == len(data)
    assert np.isnan(glance["aic"])
    mean = fit.get_prediction(NEW).se_mean
    found = ours.predict(NEW, interval="prediction", level=0.9)
    from scipy.stats import t

    half = t.ppf(0.95, fit.df_resid) * np.sqrt(mean**2 + glance["sigma"] ** 2)
    assert (found["pred_high"] - found["prediction"]).to_numpy() == pytest.approx(half, rel=1e-9)
    augmented = ours.augment(NEW, level=0.9)
    assert augmented["pred_high"].to_numpy() == pytest.approx(found["pred_high"].to_numpy(), rel=1e-9)


def test_probability_weights_refuse_classical_errors_and_keep_others() -> None:
    data = table().assign(w=lambda t: t["w"] + 0.5)
    ours = bl.fit(data, FORMULA, weights="w", weight_kind="probability", cov={"cluster": "firm"})
    assert "cluster" in ours.summary().facts["cov"].casefold() or "CR1" in ours.summary().facts["cov"]
    with pytest.raises(OptionError, match="probability weights"):
        ours.tidy(cov="classical")
    with pytest.raises(OptionError, match="probability weights"):
        ours.covariance("classical")
    for made in (data, bl.Moments.collect(data, FORMULA, weights="w", weight_kind="probability")):
        asked = {} if made is not data else {"formula": FORMULA, "weights": "w", "weight_kind": "probability"}
        with pytest.raises(OptionError, match="probability weights"):
            bl.fit(made, cov="classical", **asked)
    with pytest.raises(OptionError, match="probability weights"):
        bl.fit_groups(data, "y ~ x", by="g", weights="w", weight_kind="probability", cov="classical")
    ridge = bl.fit(data, FORMULA, weights="w", weight_kind="probability", l2=0.1)
    assert ridge.robust is None
    with pytest.raises(OptionError, match="no rows"):
        bl.fit(bl.Moments.collect(data, FORMULA, weights="w", weight_kind="probability"))


def test_analytic_weights_are_the_default_and_as_ever() -> None:
    data = table().assign(w=lambda t: t["w"] + 0.5)
    ours, named = bl.fit(data, FORMULA, weights="w"), bl.fit(data, FORMULA, weights="w", weight_kind="aweight")
    assert ours.tidy().equals(named.tidy())
    fit = sm.WLS.from_formula("y ~ x + C(g)", data, weights=data["w"]).fit()
    assert sorted(ours.bse) == pytest.approx(sorted(fit.bse), rel=1e-10)
    assert int(ours.glance()["nobs"].iloc[0]) == len(data)


def test_kinds_are_kept_and_said(tmp_path: Path) -> None:
    data = table().assign(v=lambda t: t["w"] + 0.5)
    for kind, name in (("frequency", "w"), ("probability", "v")):
        model = bl.fit(data, FORMULA, weights=name, weight_kind=kind)
        model.save(tmp_path / f"{kind}.bestline")
        again = bl.load(tmp_path / f"{kind}.bestline")
        assert str(again.summary()) == str(model.summary())
        assert again.summary().facts["weight_kind"] == again.design.weight_kind == kind
        pd.testing.assert_frame_equal(again.predict(NEW, interval="prediction"), model.predict(NEW, interval="prediction"))


@pytest.mark.parametrize("kind", ["freq", "importance", None, 3, ["frequency"]])
def test_other_kinds_are_refused(kind) -> None:
    if kind == "freq":
        assert bl.fit(table(), FORMULA, weights="w", weight_kind=kind).design.weight_kind == "frequency"
        return
    with pytest.raises(OptionError, match="kind of weights"):
        bl.fit(table(), FORMULA, weights="w", weight_kind=kind)


def test_what_has_no_meaning_is_refused_by_name() -> None:
    data = table()
    with pytest.raises(OptionError, match="there are none"):
        bl.fit(data, FORMULA, weight_kind="frequency")
    with pytest.raises(OptionError, match="Windows"):
        bl.fit_rolling(data, "y ~ x", window=20, weights="w", weight_kind="frequency")
    with pytest.raises(OptionError, match="classical"):
        bl.fit_groups(data, "y ~ x", by="g", weights="w", weight_kind="frequency", cov="HC1")
    with pytest.raises(OptionError, match="weight_kind='frequency'"):
        bl.fit(data, FORMULA, fweights="w")


def test_groups_with_probability_weights_have_robust_errors() -> None:
    data = table().assign(w=lambda t: t["w"] + 0.5)
    ours = bl.fit_groups(data, "y ~ x", by="g", weights="w", weight_kind="probability").tidy()
    for g in "abc":
        one = bl.fit(data[data["g"] == g], "y ~ x", weights="w", weight_kind="probability")
        assert ours[ours["g"] == g]["std_error"].to_numpy() == pytest.approx(one.bse.to_numpy(), rel=1e-9)


def test_many_copies_are_refused_where_rows_are_gone_through() -> None:
    data = table().assign(w=10**7)
    assert bl.fit(data, FORMULA, weights="w", weight_kind="frequency").glance()["nobs"].iloc[0] == 60 * 10**7
    with pytest.raises(DataError, match="one by one"):
        bl.fit(data, FORMULA, weights="w", weight_kind="frequency", cov="HC1")


def test_probability_weights_without_rows_to_spare_leave_the_line() -> None:
    with pytest.warns(bl.errors.BestlineWarning, match="no degrees of freedom"):
        model = bl.fit(table()[5:7].assign(w=[1.0, 2.0]), "y ~ x", weights="w", weight_kind="probability")
    assert model.robust is None
    assert model.bse.isna().all()


def test_each_door_counts_frequency_weights_or_refuses_them_by_name():
    draw = np.random.default_rng(0)
    d = pd.DataFrame({"x": draw.normal(size=40), "z": draw.normal(size=40), "k": np.arange(40) % 3 + 1})
    d["y"] = d.x + draw.normal(size=40)
    how = {"weights": "k", "weight_kind": "frequency"}
    small, large = bl.fit(d, "y ~ x", **how), bl.fit(d, "y ~ x + z", **how)
    assert large.agree(d).rows == int(d.k.sum())
    with pytest.raises(OptionError, match="frequency weights stand for several rows"):
        bl.compare(small, large, held_out=True)


def test_probability_weights_have_no_classical_errors_under_bounds_and_sigma_of_the_rows_in_groups():
    draw = np.random.default_rng(0)
    d = pd.DataFrame({"x": draw.normal(size=40), "pw": draw.uniform(1, 9, 40), "g": [*"ab"] * 20})
    d["y"] = d.x + draw.normal(size=40)
    how = {"weights": "pw", "weight_kind": "probability"}
    bounded = bl.fit(d, "y ~ x", bounds={"x": (-50, 50)}, **how)
    assert bounded.bse.isna().all()
    assert "under probability weights their classical errors do not hold" in str(bounded.summary())
    with pytest.raises(NumericalError):
        bounded.predict(d, interval="prediction")
    groups = bl.fit_groups(d, "y ~ x", by="g", **how)
    for group, sigma in zip(groups.glance().g, groups.glance().sigma, strict=True):
        assert sigma == pytest.approx(bl.fit(d[d.g == group], "y ~ x", **how).sigma, rel=1e-9)
