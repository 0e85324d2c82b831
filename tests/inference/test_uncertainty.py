"""Robust errors, influence, tests of weights and augmented tables: against exact arithmetic, statsmodels and refitting."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
import torch
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.anova import anova_lm
from torch import nn

import bestline as bl
from bestline.api.model import Model
from bestline.errors import ColumnError, DataError, MissingValuesError, NumericalError, OptionError
from bestline.inference import comparison, second_pass, uncertainty
from bestline.inference import coordinates as basis_module
from bestline.inference.augment import augment
from bestline.inference.influence import dfbetas, influence
from bestline.inference.restrictions import restricted
from bestline.inference.robust import Kind, Meat, sandwich

pytestmark = pytest.mark.usefixtures("quiet")

DATA = Path(__file__).parents[1] / "references"
EXACT = json.loads((DATA / "influence.json").read_text(encoding="utf-8"))
# statsmodels and we differ by some units of rounding times the columns' condition, here below 1e3.
SAME = {"rel": 1e-10, "abs": 1e-10}
TAIL = {"rel": 1e-8, "abs": 1e-300}
HC = ("HC0", "HC1", "HC2", "HC3")
# Right digits of every single entry. Seen: 13.3 and more, but for small residuals, which lose what their own size lacks.
REACHED = 12.5


def right_digits(got: Sequence[float], exact: Sequence[str]) -> float:
    """The fewest right digits of any entry, at most 16."""
    least = 16.0
    for value, text in zip(got, exact, strict=True):
        truth = Fraction(text)
        error = abs(Fraction(value) - truth) / (abs(truth) or 1)
        least = min(least, 16.0 if error == 0 else -math.log10(error))
    return least


def columns(case: str) -> dict[str, Any]:
    with (DATA / f"inference_{case}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = {n: [r[n] for r in rows] for n in rows[0]}
    return {n: v if v[0].isalpha() else np.array(v, dtype=float) for n, v in table.items()}


@cache
def frame(n: int = 240, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x1, x2, g = rng.normal(3, 1, n), rng.normal(-1, 2, n), rng.choice(["a", "b", "c"], n)
    y = 2 + 1.5 * x1 - 0.7 * x2 + (g == "b") + rng.normal(0, 1, n) * np.abs(x1)
    firm = rng.integers(0, 17, n)
    return pd.DataFrame({"x1": x1, "x2": x2, "g": g, "y": y, "y2": y - x2**2, "w": rng.uniform(0.2, 3, n), "firm": firm})


def reference(formula: str, data: pd.DataFrame, weights: str | None = None) -> Any:
    return smf.ols(formula, data).fit() if weights is None else smf.wls(formula, data, weights=data[weights]).fit()


def by_name(values: Any, names: Sequence[str], model: Model) -> list[float]:
    found = dict(zip(names, np.asarray(values).tolist(), strict=True))
    return [found[n] for n in model.names]


# --- exact arithmetic -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", EXACT)
def test_robust_errors_of_classic_data_against_exact_arithmetic(case: str):
    facts = EXACT[case]
    model = bl.fit(columns(case), facts["formula"], weights=facts["weights"])
    order = [model.names.index(n) for n in facts["terms"]]
    for kind in HC:
        found = uncertainty.covariance(model, kind)
        assert right_digits(found.std_error[0][order].tolist(), facts["exact"][f"{kind}_se"]) > REACHED, kind
        assert found.df == model.inference.df_resid
    whole = found.covariance[0][order][:, order].flatten().tolist()
    truth = [float(v) for v in facts["exact"]["HC3_cov"]]
    assert max(abs(a - b) for a, b in zip(whole, truth, strict=True)) < 10**-REACHED * max(map(abs, truth))


@pytest.mark.parametrize("case", EXACT)
def test_influence_in_classic_data_against_exact_arithmetic(case: str):
    facts = EXACT[case]["exact"]
    model = bl.fit(columns(case), EXACT[case]["formula"], weights=EXACT[case]["weights"])
    table = second_pass.influence(model)
    assert right_digits(table["hat"].tolist(), facts["hat"]) > REACHED
    names = {"resid": "resid", "std_resid": "rstandard", "rstudent": "rstudent", "cooksd": "cooks", "dffits": "dffits"}
    for ours, theirs in {**names, "cov_ratio": "cov_ratio"}.items():
        if theirs in facts:
            assert right_digits(table[ours].tolist(), facts[theirs]) > REACHED, ours
    if "dfbetas" in facts:
        truth = [float(v) for v in facts["dfbetas"]]
        found = table[[f"dfb_{n}" for n in EXACT[case]["terms"]]].to_numpy().flatten()
        assert np.abs(found - truth).max() < 10**-REACHED * np.abs(truth).max()
        diagnosis = second_pass.diagnosis(model)
        serial = next(t for t in diagnosis.tests if t.name == "Durbin-Watson")
        assert right_digits([serial.statistic], facts["durbin_watson"]) > REACHED
        press = ((table["resid"] / (1 - table["hat"])) ** 2).sum()
        assert right_digits([press], facts["press"]) > REACHED


def test_moments_alone_would_lose_digits_where_columns_are_nearly_collinear(monkeypatch: pytest.MonkeyPatch):
    """Why Longley's rows are read once more: the triangle of its moments squares a condition of a hundred."""
    model, truth = bl.fit(columns("longley"), EXACT["longley"]["formula"]), EXACT["longley"]["exact"]["resid"]
    sharp = second_pass.influence(model)["resid"].tolist()
    monkeypatch.setattr(basis_module, "_HARMLESS", math.inf)
    rough = second_pass.influence(model)["resid"].tolist()
    assert right_digits(sharp, truth) > right_digits(rough, truth) + 1


def test_columns_that_differ_by_a_hundred_millionth():
    """Moments cannot tell them apart; the rows can, and what float64 cannot say of such residuals is left out."""
    rng = np.random.default_rng(0)
    a, z = rng.normal(size=(2, 50))
    data = {"a": a, "b": a + 1e-8 * z, "y": a + rng.normal(size=50)}
    table = second_pass.influence(bl.fit(data, "y ~ a + b"))
    c = (data["b"] - data["a"]) / 1e-8  # the same line in columns that are far apart
    plain = second_pass.influence(bl.fit({**data, "b": c}, "y ~ a + b"))
    for name in ("hat", "std_resid", "cooksd"):
        assert table[name].to_numpy() == pytest.approx(plain[name].to_numpy(), rel=1e-5, abs=1e-7)
    meets = second_pass.influence(bl.fit({**data, "y": z}, "y ~ a + b"))
    assert meets["std_resid"].isna().all()


@pytest.mark.parametrize("size", [1e-3, 1e-6, 1e-9])
def test_small_residuals_keep_their_digits(size: float):
    """Of a line that explains all but size^2 of the target; the exact sum of squares by fractions."""
    rng = np.random.default_rng(5)
    x = rng.normal(10, 3, 50)
    y = 1 + 2 * x + size * rng.normal(size=50)
    basis = uncertainty.basis_of(bl.fit({"x": x, "y": y}, "y ~ x"))
    X, Y = [Fraction(v) for v in x.tolist()], [Fraction(v) for v in y.tolist()]
    mx, my = sum(X) / 50, sum(Y) / 50
    sxy = sum((a - mx) * (b - my) for a, b in zip(X, Y, strict=True))
    rss = sum((b - my) ** 2 for b in Y) - sxy**2 / sum((a - mx) ** 2 for a in X)
    found = float(basis.rss[0]) * float(basis.unit[0]) ** 2
    assert found == pytest.approx(float(rss), rel=1e-14 / size)


# --- statsmodels ------------------------------------------------------------------------------------------------------------

FORMULAS = ["y ~ x1", "y ~ x1 + x2 - 1", "y ~ x1 * x2", "y ~ x1 * g", "y ~ g - 1 + x2", "y ~ 1"]


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("formula", FORMULAS)
class TestStatsmodels:
    @pytest.mark.parametrize("cov", HC)
    def test_errors_under_unequal_variances(self, formula: str, weights: str | None, cov: str):
        model, ref = bl.fit(frame(), formula, weights=weights), reference(formula, frame(), weights)
        robust = ref.get_robustcov_results(cov, use_t=True)
        names, found = ref.params.index, uncertainty.covariance(model, cov.lower())
        order = [list(names).index(n) for n in model.names]
        assert found.std_error[0].tolist() == pytest.approx(by_name(robust.bse, names, model), **SAME)
        assert found.covariance[0].numpy() == pytest.approx(robust.cov_params()[np.ix_(order, order)], **SAME)
        [table] = [uncertainty.tables(model, 0.9, cov)[0]]
        assert [c.statistic for c in table] == pytest.approx(by_name(robust.tvalues, names, model), **SAME)
        assert [c.p_value for c in table] == pytest.approx(by_name(robust.pvalues, names, model), **TAIL)
        low, high = robust.conf_int(0.1).T
        assert [c.conf_low for c in table] == pytest.approx(by_name(low, names, model), **SAME)
        assert [c.conf_high for c in table] == pytest.approx(by_name(high, names, model), **SAME)

    def test_errors_shared_by_clusters(self, formula: str, weights: str | None):
        model, ref = bl.fit(frame(), formula, weights=weights), reference(formula, frame(), weights)
        robust = ref.get_robustcov_results("cluster", groups=frame()["firm"], use_t=True)
        found = uncertainty.covariance(model, {"cluster": "firm"})
        assert (found.df, found.clusters) == (16, 17)
        assert found.std_error[0].tolist() == pytest.approx(by_name(robust.bse, ref.params.index, model), **SAME)
        pvalues = [c.p_value for c in uncertainty.tables(model, cov="cluster:firm")[0]]
        assert pvalues == pytest.approx(by_name(robust.pvalues, ref.params.index, model), **TAIL)

    def test_influence(self, formula: str, weights: str | None):
        model = bl.fit(frame(), formula, weights=weights)
        root = np.sqrt(frame()["w"]) if weights else np.ones(len(frame()))
        ref = reference(formula, frame(), weights)
        exog = np.asarray(ref.model.data.orig_exog) * np.asarray(root)[:, None]
        whitened = sm.OLS(frame()["y"] * root, exog).fit().get_influence()
        table = second_pass.influence(model)
        theirs = {
            "hat": whitened.hat_matrix_diag,
            "std_resid": whitened.resid_studentized_internal,
            "rstudent": whitened.resid_studentized_external,
            "cooksd": whitened.cooks_distance[0],
            "dffits": whitened.dffits[0],
            "cov_ratio": whitened.cov_ratio,
        }
        for name, values in theirs.items():
            assert table[name].to_numpy() == pytest.approx(np.asarray(values), **SAME), name
        names = [list(ref.params.index).index(n) for n in model.names]
        found = table[[f"dfb_{n}" for n in model.names]].to_numpy()
        assert found == pytest.approx(whitened.dfbetas[:, names], **SAME)
        assert table["resid"].to_numpy() == pytest.approx(ref.resid.to_numpy(), **SAME)


@pytest.mark.parametrize("cov", [*HC, "cluster:firm"])
def test_several_targets_are_so_many_fits(cov: str):
    both = uncertainty.covariance(bl.fit(frame(), "y + y2 ~ x1 + g", weights="w"), cov)
    for i, target in enumerate(["y", "y2"]):
        alone = uncertainty.covariance(bl.fit(frame(), f"{target} ~ x1 + g", weights="w"), cov)
        assert both.covariance[i].numpy() == pytest.approx(alone.covariance[0].numpy(), **SAME)


@pytest.mark.parametrize("unit", [1e-170, 1e-100, 1e100, 1e170])
def test_robust_errors_in_any_unit(unit: float):
    ref = reference("y ~ x1 + x2", frame()).get_robustcov_results("HC3", use_t=True)
    model = bl.fit(frame().assign(x1=frame()["x1"] * unit), "y ~ x1 + x2")
    found = uncertainty.covariance(model, "HC3").std_error[0].tolist()
    assert [v * u for v, u in zip(found, (unit, 1, 1), strict=True)] == pytest.approx(ref.bse[[1, 2, 0]].tolist(), **SAME)


def test_float32_storage_is_read_as_it_is():
    data = frame()[["x1", "x2", "y"]].astype(np.float32)
    ref = reference("y ~ x1 + x2", data.astype(float)).get_robustcov_results("HC3", use_t=True)
    found = uncertainty.covariance(bl.fit(data, "y ~ x1 + x2"), "HC3").std_error[0].tolist()
    assert found == pytest.approx(ref.bse[[1, 2, 0]].tolist(), **SAME)


# --- laws -------------------------------------------------------------------------------------------------------------------


@given(cuts=st.lists(st.integers(0, 240), max_size=4), cov=st.sampled_from([*HC, "cluster"]))
def test_fillings_add_up_however_the_rows_are_cut(cuts: list[int], cov: str):
    model = bl.fit(frame(), "y ~ x1 + g", weights="w")
    basis, rows = uncertainty.basis_of(model), next(iter(model.rows()))
    kind, codes = Kind(cov, "firm" if cov == "cluster" else None), torch.tensor(frame()["firm"].to_numpy())
    names = [str(i) for i in range(17)]

    def of(part: slice) -> Meat:
        groups = (codes[part], names) if cov == "cluster" else None
        return Meat.of(basis, basis.see(rows[part]), kind, groups)

    ends = [0, *sorted(cuts), 240]
    parts = [of(slice(a, b)) for a, b in pairwise(ends)]
    known = torch.ones(len(model.names), dtype=torch.bool)
    whole = sandwich(basis, of(slice(0, 240)), kind, known)
    added = sandwich(basis, sum(parts, Meat.empty(basis)), kind, known)
    backwards = sandwich(basis, sum(reversed(parts), Meat.empty(basis)), kind, known)
    for one in (added, backwards):
        assert one.covariance.numpy() == pytest.approx(whole.covariance.numpy(), rel=1e-11, abs=1e-13)
    assert sum(parts, Meat.empty(basis)).totals.same(basis)


@pytest.mark.parametrize("weights", [None, "w"])
def test_influence_is_what_refitting_without_the_row_gives(weights: str | None):
    data = frame().iloc[:40]
    model = bl.fit(data, "y ~ x1 + x2", weights=weights)
    table = second_pass.influence(model)
    w = np.ones(40) if weights is None else data["w"].to_numpy()
    X = np.column_stack([data["x1"], data["x2"], np.ones(40)])
    for i in (0, 7, 33):
        rest = bl.fit(data.drop(index=i), "y ~ x1 + x2", weights=weights)
        moved = (model.params - rest.params).to_numpy()
        sigma = float(rest.inference.sigma[0])
        unscaled = np.linalg.inv(X.T @ (X * w[:, None]))
        change = moved / (sigma * np.sqrt(np.diag(unscaled)))
        assert table.loc[i, [f"dfb_{n}" for n in model.names]].to_numpy(float) == pytest.approx(change, rel=1e-8)
        left = (data["y"].iloc[i] - X[i] @ rest.params.to_numpy()) * np.sqrt(w[i])
        hat = table.loc[i, "hat"]
        assert table.loc[i, "rstudent"] == pytest.approx(left * np.sqrt(1 - hat) / sigma, rel=1e-8)
        D = moved @ np.linalg.inv(unscaled) @ moved / (3 * float(model.inference.sigma[0]) ** 2)
        assert table.loc[i, "cooksd"] == pytest.approx(D, rel=1e-8)


def test_leverages_add_up_to_the_rank_and_do_not_depend_on_units_or_offsets():
    model = bl.fit(frame(), "y ~ x1 * g", weights="w")
    hat = second_pass.influence(model)["hat"]
    assert hat.sum() == pytest.approx(6, rel=1e-12)
    far = frame().assign(x1=1e8 + 1e-3 * frame()["x1"])
    assert second_pass.influence(bl.fit(far, "y ~ x1 * g", weights="w"))["hat"].to_numpy() == pytest.approx(hat, rel=1e-4)


# --- which rows -------------------------------------------------------------------------------------------------------------


def test_rows_left_out_keep_their_numbers_and_those_of_weight_zero_count_nowhere():
    data = frame().copy()
    data.loc[[3, 50], "x1"] = np.nan
    data.loc[[4, 51], "w"] = 0.0
    model = bl.fit(data, "y ~ x1 + g", weights="w", missing="drop")
    used = data.drop(index=[3, 50, 4, 51])
    ref = reference("y ~ x1 + g", used, "w").get_robustcov_results("HC2", use_t=True)
    names = reference("y ~ x1 + g", used, "w").params.index
    assert uncertainty.covariance(model, "HC2").std_error[0].tolist() == pytest.approx(by_name(ref.bse, names, model), **SAME)
    clustered = reference("y ~ x1 + g", used, "w").get_robustcov_results("cluster", groups=used["firm"], use_t=True)
    found = uncertainty.covariance(model, {"cluster": "firm"})
    assert found.std_error[0].tolist() == pytest.approx(by_name(clustered.bse, names, model), **SAME)
    table = second_pass.influence(model)
    assert list(table.index) == list(data.drop(index=[3, 50]).index)
    assert table.loc[4, "hat"] == 0
    assert math.isnan(table.loc[4, "cooksd"])


def test_clusters_that_hold_only_rows_of_weight_zero_are_not_there():
    data = frame().assign(w=np.where(frame()["firm"] == 0, 0.0, frame()["w"]))
    assert uncertainty.covariance(bl.fit(data, "y ~ x1", weights="w"), {"cluster": "firm"}).clusters == 16


def test_a_split_uses_its_training_part():
    model = bl.fit(frame(), "y ~ x1", split=(0.7, 0.3))
    part = frame()[(model.labels == 0).numpy()]
    ref = reference("y ~ x1", part).get_robustcov_results("HC3", use_t=True)
    assert uncertainty.covariance(model, "HC3").std_error[0].tolist() == pytest.approx([ref.bse[1], ref.bse[0]], **SAME)
    assert list(second_pass.influence(model).index) == list(part.index)


def test_files_in_many_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bestline.data.tables.source.MANY", 50)
    frame().to_csv(tmp_path / "a.csv", index=False)
    model = bl.fit(tmp_path / "a.csv", "y ~ x1 + g")
    whole = bl.fit(frame(), "y ~ x1 + g")
    for cov in ("HC3", "cluster:firm"):
        found, same = uncertainty.covariance(model, cov), uncertainty.covariance(whole, cov)
        assert found.covariance.numpy() == pytest.approx(same.covariance.numpy(), **SAME)


def test_a_loaded_model_needs_its_rows_and_no_others(tmp_path: Path):
    model = bl.fit(frame(), "y ~ x1 + g")
    model.save(tmp_path / "m.bestline")
    loaded = bl.load(tmp_path / "m.bestline")
    same = uncertainty.covariance(loaded, "HC3", frame())
    assert same.std_error.tolist() == uncertainty.covariance(model, "HC3").std_error.tolist()
    with pytest.raises(OptionError, match="give the training data"):
        uncertainty.covariance(loaded, "HC3")
    for other in (frame().iloc[1:], frame(240, seed=1), frame().assign(y=frame()["y"] + frame()["x1"])):
        for call in (uncertainty.covariance, second_pass.influence, second_pass.diagnosis):
            with pytest.raises(DataError, match="not the 240 rows"):
                call(loaded, data=other, **({"cov": "HC1"} if call is uncertainty.covariance else {}))


def test_other_rows_are_noticed_where_the_rows_make_the_triangle_too(tmp_path: Path):
    data = pd.DataFrame(columns("longley"))
    bl.fit(data, EXACT["longley"]["formula"]).save(tmp_path / "m.bestline")
    loaded = bl.load(tmp_path / "m.bestline")
    assert second_pass.influence(loaded, data)["hat"].sum() == pytest.approx(7)
    for other in (data.assign(GNP=data["GNP"] * 1.01), data.iloc[1:], data.assign(TOTEMP=data["TOTEMP"] + 1)):
        with pytest.raises(DataError, match="are not the 16 rows"):
            second_pass.influence(loaded, other)


# --- where it is not defined ------------------------------------------------------------------------------------------------


def test_columns_that_others_say_have_no_error_and_the_others_have_theirs():
    data = frame().assign(twice=2 * frame()["x1"])
    model = bl.fit(data, "y ~ x1 + twice + x2")
    ref = reference("y ~ x1 + x2", frame()).get_robustcov_results("HC3", use_t=True)
    error = dict(zip(model.names, uncertainty.covariance(model, "HC3").std_error[0].tolist(), strict=True))
    assert math.isnan(error["x1"])
    assert math.isnan(error["twice"])
    assert [error["x2"], error["Intercept"]] == pytest.approx([ref.bse[2], ref.bse[0]], **SAME)
    table, plain = second_pass.influence(model), second_pass.influence(bl.fit(frame(), "y ~ x1 + x2"))
    assert table["cooksd"].to_numpy() == pytest.approx(plain["cooksd"].to_numpy(), **SAME)
    with pytest.raises(NumericalError, match="do not determine `x1`"):
        comparison.wald(model, "x1 = 0")


def test_a_row_that_determines_a_weight_by_itself():
    data = frame().iloc[:30].copy()
    data.loc[5, "g"] = "only"
    model = bl.fit(data, "y ~ x1 + g")
    table = second_pass.influence(model)
    assert table.loc[5, "hat"] == pytest.approx(1)
    assert table.loc[5, ["std_resid", "rstudent", "cooksd", "dffits", "cov_ratio"]].isna().all()
    assert np.isfinite(table.drop(index=5).to_numpy()).all()
    ref = reference("y ~ x1 + g", data)
    robust = ref.get_robustcov_results("HC1", use_t=True)
    found = uncertainty.covariance(model, "HC1").std_error[0].tolist()
    assert found == pytest.approx(by_name(robust.bse, ref.params.index, model), **SAME)
    for cov in ("HC2", "HC3"):
        with pytest.raises(NumericalError, match=r"divides by 1 - leverage.*use HC1"):
            uncertainty.covariance(model, cov)


def test_as_many_weights_as_rows():
    model = bl.fit({"x": [1.0, 2.0], "y": [3.0, 4.0]}, "y ~ x")
    table = second_pass.influence(model)
    assert table["hat"].tolist() == pytest.approx([1, 1])
    assert table[["std_resid", "rstudent", "cooksd", "dffits", "cov_ratio", "dfb_x"]].isna().all(axis=None)
    with pytest.raises(NumericalError, match="degrees of freedom"):
        uncertainty.covariance(model, "HC0")
    assert second_pass.influence(bl.fit({"x": [2.0], "y": [3.0]}, "y ~ x - 1"))["hat"].tolist() == pytest.approx([1])


def test_a_line_through_every_point_has_no_errors():
    exact = bl.fit({"x": [1.0, 2, 3, 4], "y": [2.1, 4.1, 6.1, 8.1]}, "y ~ x")
    for cov in HC:
        assert uncertainty.covariance(exact, cov).std_error.tolist() == [[0, 0]]
    [table] = uncertainty.tables(exact, cov="HC1")
    assert [(c.conf_low, c.conf_high) for c in table] == [(c.estimate, c.estimate) for c in table]


def refused() -> dict[str, tuple[Model, str]]:
    data, net = frame()[["x1", "x2", "y"]], nn.utils.skip_init(nn.Linear, 2, 1, dtype=torch.float64)
    nn.init.zeros_(net.weight)
    nn.init.zeros_(net.bias)
    return {
        "ridge": (bl.fit(data, "y ~ x1", l2=0.1), "penalty"),
        "lasso": (bl.fit(data, "y ~ x1", l1=0.1), "penalty"),
        "huber": (bl.fit(data, "y ~ x1", loss="huber"), "loss huber"),
        "own loss": (bl.fit(data, "y ~ x1", loss=lambda f, y: (f - y).abs() ** 1.5, steps=3), "loss given"),
        "module": (bl.fit(data, "y ~ x1 + x2", forward=net, steps=3), "own forward"),
        "unfinished": (bl.fit(data, "y ~ x1", solver="sgd", steps=1, lr=0.001), "before the least-squares solution"),
    }


def test_what_is_no_least_squares_is_refused_by_name():
    for name, (model, reason) in refused().items():
        calls = (
            lambda m: uncertainty.covariance(m, "HC3"),
            second_pass.influence,
            second_pass.diagnosis,
            lambda m: comparison.wald(m, "x1 = 0"),
            lambda m: comparison.compare(m, m),
        )
        for call in calls:
            with pytest.raises(NumericalError, match=reason):
                call(model)
        table = augment(model)
        assert list(table.columns) == ["x1", "x2", "y", "fitted", "resid"], name
        assert table["fitted"].to_numpy() == pytest.approx(model.predict(frame()))


@pytest.mark.parametrize("cov", ["HC4", "robust", "", {"cluster": 3}, {"group": "firm"}, {}, "cluster:"])
def test_kinds_that_do_not_exist(cov: Any):
    with pytest.raises(OptionError, match="classical, HC0" if not isinstance(cov, dict) else "one column of clusters"):
        uncertainty.covariance(bl.fit(frame(), "y ~ x1"), cov)


def test_clusters_must_be_known():
    model = bl.fit(frame(), "y ~ x1")
    with pytest.raises(ColumnError, match="did you mean `firm`"):
        uncertainty.covariance(model, {"cluster": "firms"})
    data = frame().assign(firm=frame()["firm"].where(frame().index != 7).astype("Int64"))
    with pytest.raises(MissingValuesError, match="row 8"):
        uncertainty.covariance(bl.fit(data, "y ~ x1"), {"cluster": "firm"})
    with pytest.raises(NumericalError, match="two clusters"):
        uncertainty.covariance(bl.fit(frame().assign(one="same"), "y ~ x1"), {"cluster": "one"})


# --- tests of weights -------------------------------------------------------------------------------------------------------


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


NAMES = ("x1", "x10", "x1:x2", "C(g)[T.b]", "poly(x, 2)[1]", "net weight", "2", "Intercept")


@given(
    st.lists(st.tuples(st.integers(0, len(NAMES) - 1), st.integers(-9, 9)), min_size=1, max_size=6),
    st.integers(-5, 5),
    st.booleans(),
)
def test_restrictions_are_read_as_they_are_written(terms: list[tuple[int, int]], value: int, quoted: bool):
    exact = torch.zeros(len(NAMES), dtype=torch.float64)
    for j, c in terms:
        exact[j] += c
    words = [f"`{n}`" if quoted or n == "2" else n for n in NAMES]
    text = " + ".join(f"{c} * {words[j]}" if c >= 0 else f"(-{words[j]} * {-c})" for j, c in terms) + f" = {value}"
    if not bool(exact.any()):
        with pytest.raises(OptionError):
            restricted(text, NAMES)
        return
    A, c, said = restricted(text, NAMES)
    assert A[0].tolist() == exact.tolist()
    assert (c.tolist(), said) == ([value], text)


@pytest.mark.parametrize(
    ("text", "A", "c"),
    [
        ("x = y", [[1, -1, 0]], [0]),
        ("x = y = 2", [[1, -1, 0], [0, 1, 0]], [0, 2]),
        ("-(x - 2*(y+1))/4 = 1e1,z", [[-0.25, 0.5, 0], [0, 0, 1]], [9.5, 0]),
        ("3 = .5*x", [[-0.5, 0, 0]], [-3]),
    ],
)
def test_the_grammar(text: str, A: list[list[float]], c: list[float]):
    found = restricted(text, ("x", "y", "z"))
    assert (found[0].tolist(), found[1].tolist()) == (A, c)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x * y = 0", "linear"),
        ("1 / x = 0", "linear"),
        ("x / 0", "linear"),
        ("wait = 0", "no column `wait`"),
        ("`wait` = 0", "no column `wait`"),
        ("x = ", "at its end"),
        ("x = 0 0", "cannot be read"),
        ("(x = 0", "cannot be read"),
        ("__import__('os')", "no column"),
        ("x ** 2", "cannot be read"),
        ("", "at its end"),
        ("1 = 1", "names no weight"),
        ("x = 0, 2 * x = 0", "repeat or contradict"),
        ("x = 0, x = 1", "repeat or contradict"),
    ],
)
def test_restrictions_that_make_no_sense(text: str, said: str):
    with pytest.raises(OptionError, match=said.replace("*", r"\*")):
        restricted(text, ("x", "y", "weight"))


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


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize(("small", "large"), [("y ~ x1", "y ~ x1 * x2"), ("y ~ 1", "y ~ g"), ("y ~ 1", "y ~ g - 1 + x2")])
def test_nested_lines_against_statsmodels(small: str, large: str, weights: str | None):
    a, b = (bl.fit(frame(), f, weights=weights) for f in (small, large))
    refs = [reference(f, frame(), weights) for f in (small, large)]
    table = anova_lm(*refs)
    found = comparison.compare(a, b)
    assert found.test.statistic == pytest.approx(table["F"].iloc[1], rel=1e-9)
    assert found.test.p_value == pytest.approx(table["Pr(>F)"].iloc[1], rel=1e-8)
    assert [found.small.aic, found.large.bic] == pytest.approx([refs[0].aic, refs[1].bic], **SAME)
    assert found.facts["df"] == [refs[0].df_resid - refs[1].df_resid, refs[1].df_resid]
    assert "F(" in str(found)
    json.dumps(found.facts, allow_nan=False)


def test_lines_that_are_not_nested():
    a, b = bl.fit(frame(), "y ~ x1"), bl.fit(frame(), "y ~ x2")
    with pytest.raises(OptionError, match=r"`x1`.*not nested"):
        comparison.compare(a, b)
    with pytest.raises(OptionError, match="nothing to test"):
        comparison.compare(a, a)
    with pytest.raises(OptionError, match="different targets"):
        comparison.compare(a, bl.fit(frame(), "y2 ~ x1 + x2"))
    with pytest.raises(DataError, match="different rows"):
        comparison.compare(a, bl.fit(frame().iloc[1:], "y ~ x1 + x2"))
    with pytest.raises(DataError, match="weights"):
        comparison.compare(a, bl.fit(frame(), "y ~ x1 + x2", weights="w"))
    with pytest.raises(OptionError, match="nested"):
        comparison.compare(a, bl.fit(frame(), "y ~ x1 + x2 - 1"))


# --- augment ----------------------------------------------------------------------------------------------------------------

NEW = ["fitted", "resid", "hat", "cooksd", "std_resid", "conf_low", "conf_high", "pred_low", "pred_high"]


@pytest.mark.parametrize("weights", [None, "w"])
def test_augmented_rows_against_statsmodels(weights: str | None):
    model, ref = bl.fit(frame(), "y ~ x1 + g", weights=weights), reference("y ~ x1 + g", frame(), weights)
    table = augment(model, level=0.9)
    assert list(table.columns) == [*frame().columns, *NEW]
    assert table[frame().columns].equals(frame())
    theirs = ref.get_prediction().summary_frame(alpha=0.1)
    pairs = {"fitted": "mean", "conf_low": "mean_ci_lower", "conf_high": "mean_ci_upper", "pred_low": "obs_ci_lower"}
    for ours, name in {**pairs, "pred_high": "obs_ci_upper"}.items():
        assert table[ours].to_numpy() == pytest.approx(theirs[name].to_numpy(), rel=1e-9), ours
    assert (table["fitted"] + table["resid"]).to_numpy() == pytest.approx(frame()["y"].to_numpy(), rel=1e-14)
    assert table["fitted"].to_numpy() == pytest.approx(model.predict(frame()), rel=1e-15)
    assert [c for c in augment(model, interval="confidence") if c.startswith(("conf", "pred"))] == ["conf_low", "conf_high"]
    assert [c for c in augment(model, interval="prediction") if c.startswith(("conf", "pred"))] == ["pred_low", "pred_high"]


def test_intervals_of_new_rows_are_those_of_predict():
    model, new = bl.fit(frame(), "y ~ x1 + g", weights="w"), frame(30, seed=4).drop(columns=["y", "w"])
    table, mean, one = augment(model, new), *(model.predict(new, interval=i) for i in ("confidence", "prediction"))
    for name, values in {**mean, **one}.items():
        if name != "prediction":
            assert table[name].to_numpy() == pytest.approx(values.to_numpy(), rel=1e-9)
    assert table[["cooksd", "std_resid", "resid"]].isna().all(axis=None)
    low, high = frame()["x1"].min(), frame()["x1"].max()
    assert table["outside"].tolist() == [not low <= v <= high for v in new["x1"]]
    scored = augment(model, new.assign(y=1.0))
    assert scored["resid"].to_numpy() == pytest.approx(1 - table["fitted"].to_numpy())
    assert scored["cooksd"].isna().all()


def test_the_training_rows_are_recognised(tmp_path: Path):
    model = bl.fit(frame(), "y ~ x1 + g")
    model.save(tmp_path / "m.bestline")
    assert augment(bl.load(tmp_path / "m.bestline"), frame()).equals(augment(model))
    frame().to_csv(tmp_path / "a.csv", index=False)
    again = augment(model, tmp_path / "a.csv")
    assert again[NEW].to_numpy() == pytest.approx(augment(model)[NEW].to_numpy())
    assert again["g"].tolist() == frame()["g"].tolist()
    assert again["firm"].tolist() == frame()["firm"].tolist()


def test_names_that_the_data_has_already_are_left_to_it():
    data = frame().assign(fitted="mine", hat=1.0, hat_=2.0)
    table = augment(bl.fit(data, "y ~ x1"))
    assert set(table["fitted"]) == {"mine"}
    assert (table["hat"] == 1).all()
    assert table["hat__"].sum() == pytest.approx(2)
    assert table["fitted_"].to_numpy() == pytest.approx((table["y"] - table["resid"]).to_numpy())


def test_augmented_rows_of_several_targets():
    table = augment(bl.fit(frame(), "y + y2 ~ x1"))
    alone = augment(bl.fit(frame(), "y2 ~ x1"))
    for name in NEW:
        assert table[name if name == "hat" else f"{name}:y2"].to_numpy() == pytest.approx(alone[name].to_numpy(), rel=1e-9)


def test_rows_that_are_left_out_are_left_out_of_the_table():
    data = frame().assign(y=frame()["y"].where(frame().index != 3))
    table = augment(bl.fit(data, "y ~ x1", missing="drop"))
    assert len(table) == 239
    assert 3 not in table.index
    with pytest.raises(OptionError, match="interval"):
        augment(bl.fit(frame(), "y ~ x1"), interval="both")
    with pytest.raises(OptionError, match="level"):
        augment(bl.fit(frame(), "y ~ x1"), level=95)


def test_aliased_columns_and_no_degrees_of_freedom_leave_gaps():
    data = frame().assign(twice=2 * frame()["x1"])
    model = bl.fit(data, "y ~ x1 + twice")
    assert augment(model)["conf_low"].notna().all()
    odd = augment(model, data.assign(twice=0.0))
    assert odd["conf_low"].isna().all()
    exact = augment(bl.fit({"x": [1.0, 2.0], "y": [3.0, 4.0]}, "y ~ x"))
    assert exact[["conf_low", "pred_high", "std_resid", "cooksd"]].isna().all(axis=None)
    assert exact["fitted"].tolist() == pytest.approx([3, 4])


def test_large_tables_of_influence_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(second_pass, "_MOST_CELLS", 1_000)
    with pytest.raises(OptionError, match="diagnose"):
        second_pass.influence(bl.fit(frame(), "y ~ x1"))


def test_influence_by_hand():
    """One feature: h = 1/n + (x - mean)^2 / S."""
    x, y = np.array([1.0, 2, 3, 4, 10]), np.array([1.0, 3, 2, 5, 9])
    model = bl.fit({"x": x, "y": y}, "y ~ x")
    basis = uncertainty.basis_of(model)
    seen = basis.see(next(iter(model.rows())))
    assert influence(basis, seen).hat.tolist() == pytest.approx((0.2 + (x - 4) ** 2 / 50).tolist())
    assert dfbetas(basis, seen).shape == (5, 2)


def test_errors_of_too_few_clusters_are_warned_of():
    rng = np.random.default_rng(0)
    table = {"x": rng.normal(size=30), "z": rng.normal(size=30), "y": rng.normal(size=30), "g": np.repeat(["a", "b", "c"], 10)}
    model = bl.fit(table, "y ~ x + z")
    with pytest.warns(bl.errors.BestlineWarning, match="3 clusters are no more than the 3 weights"):
        model.summary(cov={"cluster": "g"})


def test_robust_errors_state_no_digits_of_the_classical_ones():
    rng = np.random.default_rng(0)
    model = bl.fit({"x": rng.normal(size=30), "y": rng.normal(size=30)}, "y ~ x")
    assert model.summary().facts["std_error_digits"] is not None
    assert model.summary(cov="HC3").facts["std_error_digits"] is None
