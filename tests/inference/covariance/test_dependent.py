"""Errors that go together: clusters of one way and two, CR2 and CR3, rows in order, panels; against Stata, pyfixest and statsmodels."""

from __future__ import annotations

import re
import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.datasets import grunfeld, macrodata
from statsmodels.regression.tests.results import results_grunfeld_ols_robust_cluster as stata_panel
from statsmodels.regression.tests.results import results_macro_ols_robust as stata_macro

import bestline as bl
from bestline.errors import BestlineWarning, ColumnError, DataError, MissingValuesError, NumericalError, OptionError
from bestline.inference.covariance import in_order
from bestline.inference.covariance.bartlett import lags_for
from inference.examples import by_name, frame, reference

pytestmark = pytest.mark.usefixtures("quiet")

SAME = {"rel": 1e-10, "abs": 1e-12}
PRINTED = {"rel": 2e-7}  # Stata holds Grunfeld's columns in float32


def panel() -> pd.DataFrame:
    """Grunfeld's ten firms over twenty years, as Stata has them."""
    data = grunfeld.data.load_pandas()
    table: pd.DataFrame = data.exog[:200].copy()
    return table.assign(invest=data.endog[:200].to_numpy(), firm=table["firm"].astype(str))


def macro() -> pd.DataFrame:
    data = macrodata.load_pandas().data
    return pd.DataFrame(
        {
            "inv": 400 * np.diff(np.log(data["realinv"])),
            "gdp": 400 * np.diff(np.log(data["realgdp"])),
            "rate": data["realint"][:-1].to_numpy(),
            "quarter": pd.period_range("1959Q2", periods=202, freq="Q").to_timestamp(),
        }
    )


def table_of(data: Any, formula: str, cov: Any, **given: Any) -> pd.DataFrame:
    return bl.fit(data, formula, cov=cov, **given).tidy().set_index("term")


# --- what Stata and pyfixest print ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("results", "cov"),
    [
        ("results_cluster", {"cluster": "firm"}),
        ("results_cluster_2groups_small", {"cluster": ["firm", "year"], "factor": "fewest"}),
        ("results_nw_groupsum4_ivreg_small", {"driscoll-kraay": "year", "lags": 4}),
    ],
)
def test_errors_of_a_panel_as_stata_prints_them(results: str, cov: Any):
    theirs = getattr(stata_panel, results)
    assert table_of(panel(), "invest ~ value + capital", cov)["std_error"].tolist() == pytest.approx(
        list(theirs.bse), **PRINTED
    )


def test_driscoll_kraay_is_xtscc_but_for_its_factor():
    ours = table_of(panel(), "invest ~ value + capital", "driscoll-kraay:year,lags=4")
    factor = 20 / 19 * 199 / 197
    assert (ours["std_error"] / factor**0.5).tolist() == pytest.approx(list(stata_panel.results_nw_groupsum4.bse), **PRINTED)


def test_newey_west_as_stata_prints_it():
    theirs, ours = stata_macro.results_newey4, table_of(macro(), "inv ~ gdp + rate", {"hac": "quarter", "lags": 4})
    assert ours["std_error"].tolist() == pytest.approx(list(theirs.bse), rel=1e-10)
    assert ours["p_value"].tolist() == pytest.approx(list(theirs.pvalues), rel=1e-8)
    assert ours["conf_low"].tolist() == pytest.approx([row[4] for row in theirs.params_table], rel=1e-8)


# pyfixest 0.60.0 (its CRV3 has CR1's factor in place of (G - 1) / G, and so its p-value is of another t), feols("invest ~ value + capital", vcov=...): standard errors and p-values of value, capital and the intercept.
PYFIXEST = [
    (
        {"cluster": "firm"},
        [0.01589433668705878, 0.08496711263554031, 20.425202928473894],
        [4.710548939357295e-05, 0.02380516056144022, 0.0660484344645913],
    ),
    (
        {"cluster": ["firm", "year"], "factor": "fewest"},
        [0.01635175399199424, 0.07847391399207858, 19.50560773573914],
        [5.873628441577239e-05, 0.016498632347416775, 0.05626393872644875],
    ),
    (
        {"cluster": "firm", "type": "CR3"},
        [
            error / (10 / 9 * 10 / 9 * 199 / 197) ** 0.5
            for error in (0.018012937051320968, 0.16452984662650483, 38.87739288227418)
        ],
        None,
    ),
]


@pytest.mark.parametrize(("cov", "errors", "p_values"), PYFIXEST)
def test_errors_and_tests_as_pyfixest_prints_them(cov: Any, errors: list[float], p_values: list[float] | None):
    ours = table_of(panel(), "invest ~ value + capital", cov)
    assert ours["std_error"].tolist() == pytest.approx(errors, rel=1e-9)
    if p_values is not None:
        assert ours["p_value"].tolist() == pytest.approx(p_values, rel=1e-8)


# --- statsmodels ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("formula", ["y ~ x1", "y ~ x1 + x2 - 1", "y ~ x1 * g", "y ~ 1"])
class TestStatsmodels:
    def test_two_ways(self, formula: str, weights: str | None):
        data = frame().assign(year=np.random.default_rng(1).integers(2000, 2025, len(frame())))
        ref = reference(formula, data, weights)
        robust = ref.get_robustcov_results("cluster", groups=data[["firm", "year"]].to_numpy(), use_t=True)
        model = bl.fit(data, formula, weights=weights, cov={"cluster": ["firm", "year"]})
        assert model.tidy()["std_error"].tolist() == pytest.approx(by_name(robust.bse, ref.params.index, model), **SAME)
        assert model.tidy()["p_value"].tolist() == pytest.approx(by_name(robust.pvalues, ref.params.index, model), rel=1e-8)
        assert (model.robust.df, model.robust.groups) == (16, (17, 25))

    @pytest.mark.parametrize("lags", [0, 1, 7, 230])
    def test_rows_in_order(self, formula: str, weights: str | None, lags: int):
        ref = reference(formula, frame(), weights)
        robust = ref.get_robustcov_results("HAC", maxlags=min(lags, 239), use_correction=True, use_t=True)
        model = bl.fit(frame(), formula, weights=weights, cov={"hac": None, "lags": lags})
        assert model.tidy()["std_error"].tolist() == pytest.approx(
            by_name(robust.bse, ref.params.index, model), rel=1e-8, abs=1e-9
        )
        shuffled = frame().assign(t=np.arange(len(frame()))).sample(frac=1, random_state=2)
        again = bl.fit(shuffled, formula, weights=weights, cov={"hac": "t", "lags": lags})
        assert again.robust.covariance.numpy() == pytest.approx(model.robust.covariance.numpy(), rel=1e-9, abs=1e-12)

    def test_clusters_left_out_one_by_one(self, formula: str, weights: str | None):
        """CR3 is the jackknife: (G - 1) / G times the sum of squares of the weights without each cluster, about those of all."""
        model = bl.fit(frame(), formula, weights=weights, cov={"cluster": "firm", "type": "CR3"})
        without = [
            bl.fit(frame()[frame()["firm"] != firm], formula, weights=weights).weights[:, 0] - model.weights[:, 0]
            for firm in frame()["firm"].unique()
        ]
        jackknife = 16 / 17 * sum(np.outer(w, w) for w in without)
        assert model.robust.covariance[0].numpy() == pytest.approx(jackknife, rel=1e-8, abs=1e-11)


def test_cr2_is_right_on_average_under_equal_variances():
    """E u u' = s^2 I gives E CR2 = s^2 (X'X)^-1, exactly (Bell & McCaffrey 2002): found without chance, from one target a row."""
    rng = np.random.default_rng(0)
    n = 30
    data = {"x": rng.normal(size=n), "z": rng.normal(size=n), "g": rng.integers(0, 8, n).astype(str)}
    targets = {f"y{i}": np.eye(n)[i] for i in range(n)}
    model = bl.fit(data | targets, f"{' + '.join(targets)} ~ x + z", cov={"cluster": "g", "type": "CR2"})
    X = np.column_stack([data["x"], data["z"], np.ones(n)])
    assert model.robust.covariance.sum(0).numpy() == pytest.approx(np.linalg.inv(X.T @ X), rel=1e-9, abs=1e-12)


def test_cr2_and_cr3_of_clusters_of_one_row_are_hc2_and_hc3():
    data = frame().assign(row=np.arange(len(frame())).astype(str))
    for own, other, factor in (("CR2", "HC2", 1.0), ("CR3", "HC3", 239 / 240)):
        ours = table_of(data, "y ~ x1 + g", {"cluster": "row", "type": own}, weights="w")
        theirs = table_of(data, "y ~ x1 + g", other, weights="w")
        assert ours["std_error"].tolist() == pytest.approx((theirs["std_error"] * factor**0.5).tolist(), **SAME)


def test_a_cluster_that_determines_a_weight_by_itself_leaves_the_others_theirs():
    data = frame().assign(late=(frame()["firm"] == 3).astype(float))
    with pytest.warns(BestlineWarning, match="Clusters determine `late` by themselves"):
        model = bl.fit(data, "y ~ x1 + x2 + late", cov={"cluster": "firm", "type": "CR3"})
    without = bl.fit(data[data["firm"] != 3], "y ~ x1 + x2", cov={"cluster": "firm", "type": "CR3"})
    assert np.isnan(model.bse["late"])
    assert np.isfinite(model.bse[["x1", "x2", "Intercept"]]).all()
    assert without.robust.groups == (16,)


def test_driscoll_kraay_without_lags_is_clustered_by_time_and_of_all_orders_the_same():
    plain = table_of(panel(), "invest ~ value + capital", {"driscoll-kraay": "year", "lags": 0})
    clustered = table_of(panel(), "invest ~ value + capital", {"cluster": "year"})
    pd.testing.assert_frame_equal(plain, clustered, rtol=1e-12)
    mixed = table_of(panel().sample(frac=1, random_state=0), "invest ~ value + capital", {"driscoll-kraay": "year", "lags": 3})
    pd.testing.assert_frame_equal(
        mixed, table_of(panel(), "invest ~ value + capital", {"driscoll-kraay": "year", "lags": 3}), rtol=1e-9
    )
    dated = panel().assign(year=[f"{year:.0f}-06-30" for year in panel()["year"]])
    again = table_of(dated, "invest ~ value + capital", {"driscoll-kraay": "year", "lags": 3})
    pd.testing.assert_frame_equal(mixed, again, rtol=1e-9)


# --- order and memory -------------------------------------------------------------------------------------------------------


def test_rows_in_order_are_never_kept_and_others_are_refused_beyond_memory(monkeypatch, tmp_path):
    n = 200_000  # four batches
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"t": np.arange(n), "x": rng.normal(size=n), "e": rng.normal(size=n)})
    table["y"] = table["x"] + table["e"] + table["e"].shift(1, fill_value=0)
    table.drop(columns="e").to_csv(tmp_path / "sorted.csv", index=False)
    monkeypatch.setattr(in_order, "_MOST", 1_000)
    model = bl.fit(tmp_path / "sorted.csv", "y ~ x", cov="hac:t,lags=30")
    ref = smf.ols("y ~ x", table).fit().get_robustcov_results("HAC", maxlags=30, use_correction=True, use_t=True)
    assert model.bse.tolist() == pytest.approx(ref.bse[::-1].tolist(), rel=1e-9)
    table.drop(columns="e").sample(frac=1, random_state=0).to_csv(tmp_path / "mixed.csv", index=False)
    with pytest.raises(DataError, match="sort the table by that column"):
        bl.fit(tmp_path / "mixed.csv", "y ~ x", cov="hac:t,lags=30")
    monkeypatch.undo()
    mixed = bl.fit(tmp_path / "mixed.csv", "y ~ x", cov="hac:t,lags=30")
    assert mixed.bse.tolist() == pytest.approx(model.bse.tolist(), rel=1e-9)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([*range(50), *range(60, 110)], "`t` has 1 gap, steps longer than the usual one of 1"),
        ([*range(99), 98], "1 row has the same `t` as the row before"),
        (list(range(100)), None),
        (np.cumsum(np.random.default_rng(0).exponential(size=100)), "`t` is unevenly spaced"),
        (pd.date_range("2020-01-01", periods=100, freq="MS"), None),
        (pd.date_range("2020-01-01", periods=100, freq="B"), None),
        (pd.date_range("2020-01-01", periods=101, freq="MS").delete(40), "1 gap"),
    ],
)
def test_gaps_and_ties_are_said(times: Any, said: str | None):
    rng = np.random.default_rng(0)
    model = bl.fit({"t": times, "x": rng.normal(size=100), "y": rng.normal(size=100)}, "y ~ x", cov="hac:t")
    assert [note for note in model.notes if "`t`" in note and (said is None or said in note)] == [
        note for note in model.notes if said is not None and said in note
    ]
    assert any(said in note for note in model.notes) if said else not any("`t`" in note for note in model.notes)


def test_many_different_steps_are_uneven_too():
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.exponential(size=6_000))
    model = bl.fit({"t": times, "x": rng.normal(size=6_000), "y": rng.normal(size=6_000)}, "y ~ x", cov="hac:t")
    assert any("`t` is unevenly spaced" in note for note in model.notes)


def test_rows_left_out_two_by_two_are_no_weekends():
    data = frame().copy()
    data.loc[[i for i in range(240) if i % 10 > 7], "x1"] = np.nan
    notes = bl.fit(data, "y ~ x1", missing="drop", cov="hac").notes
    assert any("left out between others, in 23 places" in note for note in notes)


def test_the_passes_of_robust_errors_are_heard_of():
    heard = []
    bl.fit(frame(), "y ~ x1", cov="HC3", progress=lambda what, share: heard.append(what))
    assert len(set(heard)) > 1, heard


def test_two_ways_of_many_clusters_name_only_the_pairs_that_there_are():
    rng = np.random.default_rng(0)
    n = 6_000
    data = pd.DataFrame({"x1": rng.normal(size=n), "a": rng.integers(0, 3_000, n), "b": rng.integers(0, 3_000, n)})
    data["y"] = data.x1 + rng.normal(size=n)
    tracemalloc.start()
    model = bl.fit(data, "y ~ x1", cov={"cluster": ["a", "b"]})
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 200e6  # nine million pairs of names are 800 MB
    ref = smf.ols("y ~ x1", data).fit().get_robustcov_results("cluster", groups=data[["a", "b"]].to_numpy())
    assert model.bse.tolist() == pytest.approx(ref.bse[::-1].tolist(), **SAME)


def test_a_covariance_that_is_not_positive_leaves_the_line_without_a_joint_test_only():
    rng = np.random.default_rng(13)
    n = 96
    data = pd.DataFrame(
        {"firm": np.arange(n) % 6, "year": np.arange(n) // 6 % 4, "x": rng.normal(size=n), "z": rng.normal(size=n)}
    )
    data["y"] = data.x - data.z + rng.normal(size=n)
    with pytest.warns(BestlineWarning, match="not positive semidefinite"):
        model = bl.fit(data, "y ~ x + z", cov={"cluster": ["firm", "year"]})
    assert np.linalg.eigvalsh(model.covariance().covariance[0].numpy())[0] < 0
    ref = smf.ols("y ~ x + z", data).fit().get_robustcov_results("cluster", groups=data[["firm", "year"]].to_numpy())
    assert model.bse.tolist() == pytest.approx(by_name(ref.bse, ref.model.exog_names, model), **SAME)
    assert np.isnan(model.glance()["statistic"].iloc[0])
    assert "F(" not in str(model.summary())
    assert "0." in str(bl.table([model]))
    assert model.wald("x = 0").statistic == pytest.approx(model.tvalues["x"] ** 2)
    with pytest.raises(NumericalError, match="not positive semidefinite"):
        model.wald("x = 0, z = 0")


def test_rows_left_out_between_others_are_said():
    data = frame().copy()
    data.loc[[3, 50, 51], "x1"] = np.nan
    model = bl.fit(data, "y ~ x1", missing="drop", cov="hac")
    assert any("left out between others, in 2 places" in note for note in model.notes)
    ref = reference("y ~ x1", data.dropna(subset="x1")).get_robustcov_results("HAC", maxlags=4, use_correction=True)
    assert model.bse.tolist() == pytest.approx(ref.bse[::-1].tolist(), **SAME)


@pytest.mark.parametrize(
    ("rule", "n", "lags"), [("newey-west", 100, 4), ("newey-west", 1000, 6), ("stock-watson", 1000, 7), ("newey-west", 3, 1)]
)
def test_lags_by_rule(rule: Any, n: int, lags: int):
    assert lags_for(rule, n) == lags


@pytest.mark.parametrize(("cov", "rows"), [("hac:lags=240", "240 rows"), ("hac:lags=1000", "240 rows")])
def test_as_many_lags_as_rows_are_refused(cov: str, rows: str):
    """The sum over all pairs is 0 whatever the errors are, and that over nearly all pairs is near it."""
    with pytest.raises(OptionError, match=f"of {rows} 239 at most"):
        bl.fit(frame(), "y ~ x1", cov=cov)
    with pytest.raises(OptionError, match="of 20 times 19 at most; got 50"):
        bl.fit(panel(), "invest ~ value", cov={"driscoll-kraay": "year", "lags": 50})
    assert any("100 lags of 240 rows are many" in note for note in bl.fit(frame(), "y ~ x1", cov="hac:lags=100").notes)
    assert not any("are many" in note for note in bl.fit(frame(), "y ~ x1", cov="hac:lags=60").notes)


def test_a_summary_says_what_is_of_its_own_errors():
    model = bl.fit(panel(), "invest ~ value", cov="cluster:firm")
    assert "clusters are few" in str(model.summary())
    other = model.summary(cov="HC3")
    assert "clusters are few" not in str(other)
    assert not any("clusters" in note for note in other.facts["warnings"])


@pytest.mark.parametrize("given", ["cluster=firm", "Cluster = firm"])
def test_an_equals_sign_for_a_colon(given: str):
    with pytest.raises(OptionError, match="write 'cluster:firm'"):
        bl.fit(panel(), "invest ~ value", cov=given)


def test_the_lags_are_named():
    assert bl.fit(frame(), "y ~ x1", cov="hac").summary().facts["cov"] == "Newey-West, 4 lags"
    assert "Driscoll-Kraay, 2 lags of `year`, 20 times" in str(
        bl.fit(panel(), "invest ~ value", cov={"driscoll-kraay": "year"}).summary()
    )


# --- refusals ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cov", "error", "match"),
    [
        ("hac:g", ColumnError, "holds text; rows are in order of numbers or dates"),
        ("hac:tt", ColumnError, "There is no column `tt`"),
        ("hac:x1,x2", OptionError, "takes the column that puts the rows in order"),
        ("hac:x1,lags=-1", OptionError, "whole number"),
        ({"hac": None, "lags": 1.5}, OptionError, "whole number"),
        ("cr2:g,type=CR3", OptionError, "'cr2' says its type itself; leave type out, or write 'cluster' with it"),
        ({"hac": None, "kernel": "parzen"}, OptionError, "no option 'kernel'; it takes `lags`"),
        ({"cluster": ["firm", "firm"]}, OptionError, "names a column twice"),
        ({"cluster": ["firm", "g", "x1"]}, OptionError, "one column of clusters or two"),
        ({"cluster": ["firm", "g"], "type": "CR2"}, OptionError, "CR2 is for one column"),
        ({"cluster": "firm", "type": "CR4"}, OptionError, "is CR1, CR2, CR3; got 'CR4'"),
        ({"cluster": "firm", "hac": "x1"}, OptionError, "one kind"),
        ({"cluster": np.arange(240)}, OptionError, "columns are named, as the table has them"),
        ("driscoll-kraay", OptionError, "the column of times"),
        ({"driscoll-kraay": "one"}, NumericalError, "two times or more"),
        ({"cluster": ["firm", "one"]}, NumericalError, "two clusters or more"),
    ],
)
def test_what_cannot_be_is_refused_by_name(cov: Any, error: type[Exception], match: str):
    with pytest.raises(error, match=re.escape(match)):
        bl.fit(frame().assign(one=1.0), "y ~ x1", cov=cov)


def test_a_row_without_a_place_is_named():
    data = frame().assign(t=np.arange(240.0))
    data.loc[6, "t"] = np.nan
    for cov in ("hac:t", "driscoll-kraay:t"):
        with pytest.raises(MissingValuesError, match=r"1 of the 240 rows of the data have missing values \(`t` 1\)"):
            bl.fit(data, "y ~ x1", cov=cov)


def test_few_clusters_are_warned_of():
    with pytest.warns(BestlineWarning, match=r"17 clusters are few.*--cov cluster:firm,type=CR3"):
        bl.fit(frame(), "y ~ x1", cov="cluster:firm")
    with pytest.warns(BestlineWarning, match="too small, some near zero"):
        bl.fit(frame(), "y ~ x1 + x2 + g", cov={"cluster": "g", "type": "CR2"})


def test_a_covariance_that_is_not_positive_is_mended_only_where_a_weight_would_have_no_error():
    rng = np.random.default_rng(8)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        data = pd.DataFrame(
            {"x": rng.normal(size=40), "y": rng.normal(size=40), "a": np.arange(40) % 4, "b": np.arange(40) // 10}
        )
        model = bl.fit(data, "y ~ x", cov={"cluster": ["a", "b"]})
        with np.errstate(invalid="ignore"):
            ref = sm.OLS(data["y"], sm.add_constant(data["x"])).fit()
            theirs = ref.get_robustcov_results("cluster", groups=data[["a", "b"]].to_numpy()).cov_params()
        # A variance of 0 is no error of 0: where negative ones leave nothing there is none.
        lost = [note for note in model.notes if note.startswith("No variance of ")]
        assert (model.bse > 0).all() or lost
        if (np.diag(theirs) >= 0).all():
            assert model.robust.covariance[0].numpy()[::-1, ::-1] == pytest.approx(theirs, rel=1e-9, abs=1e-12)
        else:
            assert any("negative variances count as 0" in note for note in model.notes)


def test_batches_that_follow_each_other_are_one_stretch(monkeypatch: pytest.MonkeyPatch):
    """Else what is kept of Newey-West's rows grows with the table."""
    usual, kept = in_order.NeweyWest.filling, []

    def filling(self: Any, basis: Any, found: in_order.Stretches) -> Any:
        kept.append(len(found.stretches))
        return usual(self, basis, found)

    monkeypatch.setattr(in_order.NeweyWest, "filling", filling)
    data = frame().assign(t=lambda table: np.arange(len(table)))
    parts = [data[:7], data[7:8], data[8:30], data[30:]]
    model = bl.fit(bl.stream(lambda: iter(parts)), "y ~ x1", cov={"hac": "t"})
    assert kept == [1]
    assert model.bse.tolist() == pytest.approx(bl.fit(data, "y ~ x1", cov={"hac": "t"}).bse.tolist(), **SAME)
