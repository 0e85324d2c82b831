"""Robust errors against exact arithmetic and statsmodels."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import bestline as bl
from bestline.errors import ColumnError, MissingValuesError, NumericalError, OptionError
from bestline.inference import coordinates as basis_module
from bestline.inference import uncertainty
from bestline.inference.covariance.base import Classical, CovarianceKind
from bestline.inference.covariance.by_row import HC3
from bestline.inference.covariance.clustered import Clustered
from bestline.inference.covariance.named import parse_cov
from bestline.inference.diagnostics import second_pass
from inference.examples import EXACT, by_name, columns, frame, reference, right_digits

pytestmark = pytest.mark.usefixtures("quiet")


# statsmodels and we differ by some units of rounding times the columns' condition, here below 1e3.
SAME = {"rel": 1e-10, "abs": 1e-10}


TAIL = {"rel": 1e-8, "abs": 1e-300}


HC = ("HC0", "HC1", "HC2", "HC3")


# Right digits of every single entry. Seen: 13.3 and more, but for small residuals, which lose what their own size lacks.
REACHED = 12.5


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
        # Moments of each cluster say the same, and need no row.
        moments = bl.Moments.collect(frame(), formula, weights=weights, by="firm")
        without = bl.fit(moments)
        assert without.source is None
        again = uncertainty.covariance(without, "cluster:firm")
        assert (again.df, again.clusters) == (16, 17)
        assert again.std_error[0].tolist() == pytest.approx(by_name(robust.bse, ref.params.index, without), **SAME)
        pvalues = [c.p_value for c in uncertainty.tables(model, cov="cluster:firm")[0]]
        assert pvalues == pytest.approx(by_name(robust.pvalues, ref.params.index, model), **TAIL)

    def test_clusters_that_are_the_folds_are_not_read_again(self, formula, weights, monkeypatch):
        two, formula = frame().assign(z=lambda f: f.x2 - f.y), formula.replace("y ~", "y + z ~")
        read = uncertainty.covariance(bl.fit(two, formula, weights=weights), "cluster:firm")
        model = bl.fit(two, formula, weights=weights, folds="firm")
        monkeypatch.setattr(uncertainty, "look", lambda *_: pytest.fail("the rows were read"))
        found = uncertainty.covariance(model, "cluster:firm")
        np.testing.assert_allclose(found.std_error, read.std_error, rtol=1e-10)
        np.testing.assert_allclose(found.covariance, read.covariance, rtol=1e-8, atol=1e-12)

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


@pytest.mark.parametrize(
    "cov",
    ["HC4", "robust", "", "HC3:", "HC1:firm", {"cluster": 3}, {"group": "firm"}, {"HC3": "firm"}, {}, "cluster", "cluster:"],
)
def test_kinds_that_do_not_exist(cov: Any):
    with pytest.raises(OptionError, match=r"HC3|column"):
        uncertainty.covariance(bl.fit(frame(), "y ~ x1"), cov)


@pytest.mark.parametrize(
    ("cov", "kind"),
    [
        ("hc3", HC3()),
        ("Classical", Classical()),
        ("Cluster:firm", Clustered(("firm",))),
        ({"cluster": "a:b"}, Clustered(("a:b",))),
    ],
)
def test_what_is_asked_for_is_understood(cov: Any, kind: CovarianceKind):
    assert parse_cov(cov) == kind


def test_clusters_must_be_known():
    model = bl.fit(frame(), "y ~ x1")
    with pytest.raises(ColumnError, match="did you mean `firm`"):
        uncertainty.covariance(model, {"cluster": "firms"})
    data = frame().assign(firm=frame()["firm"].where(frame().index != 7).astype("Int64"))
    with pytest.raises(MissingValuesError, match="row 8"):
        uncertainty.covariance(bl.fit(data, "y ~ x1"), {"cluster": "firm"})
    with pytest.raises(NumericalError, match="two clusters"):
        uncertainty.covariance(bl.fit(frame().assign(one="same"), "y ~ x1"), {"cluster": "one"})


def test_errors_of_too_few_clusters_are_warned_of():
    rng = np.random.default_rng(0)
    table = {"x": rng.normal(size=30), "z": rng.normal(size=30), "y": rng.normal(size=30), "g": np.repeat(["a", "b", "c"], 10)}
    model = bl.fit(table, "y ~ x + z")
    with pytest.warns(bl.errors.BestlineWarning, match="3 clusters are no more than the 3 weights"):
        model.summary(cov={"cluster": "g"})


@pytest.mark.parametrize("formula", ["y ~ x * g", "y ~ g", "y ~ 0 + g", "y ~ 0 + g + g:x"])
@pytest.mark.parametrize("weights", [None, "w"])
def test_clusters_with_columns_of_their_own_tell_no_errors(formula: str, weights: str | None):
    """Residuals add up to 0 with every column, so in such clusters to 0 in each: others print the rounding of that, 1e-16."""
    rng = np.random.default_rng(0)
    table = {
        "x": rng.normal(size=60),
        "y": rng.normal(size=60),
        "w": rng.uniform(1, 2, 60),
        "g": np.repeat(["a", "b", "c"], 20),
    }
    model = bl.fit(table, formula, weights=weights, cov={"cluster": "g"})
    assert model.bse.isna().all()
    assert model.tidy()[["statistic", "p_value", "conf_low", "conf_high"]].isna().all(axis=None)
    assert any("add up to 0 in every cluster, whatever the errors are" in note for note in model.summary().facts["warnings"])
    found = model.predict({"x": [0.5], "g": ["a"]}, interval="confidence")
    assert np.isnan(np.asarray(found)[0, 1:]).all()
    assert np.isfinite(np.asarray(found)[0, 0])
    with pytest.raises(NumericalError, match=r"there is no standard error \(clustered by `g`\), so the term has no test"):
        model.anova()
    with pytest.raises(NumericalError, match=r"or tell no standard error of it"):
        model.wald(f"{model.names[0]} = 0" if "[" not in model.names[0] else np.eye(len(model.names))[:1])
    with pytest.warns(bl.errors.BestlineWarning, match="depend on training clusters that determine a weight by themselves"):
        model.predict({"x": [0.5], "g": ["a"]}, interval="confidence")
    with pytest.warns(bl.errors.BestlineWarning, match="its error depends on clusters that determine a weight by themselves"):
        assert model.means("g").std_error.isna().all()
    assert bl.fit(table, formula, weights=weights, cov="HC1").bse.notna().all()


def test_columns_that_clusters_share_keep_their_errors():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=60), "y": rng.normal(size=60), "g": np.repeat(list("abcdef"), 10)})
    model = bl.fit(table, "y ~ x + g", cov={"cluster": "g"})
    theirs = sm.OLS.from_formula("y ~ x + g", table).fit(
        cov_type="cluster", cov_kwds={"groups": np.repeat(range(6), 10)}, use_t=True
    )
    assert model.bse[["x", "g[T.b]"]].tolist() == pytest.approx(theirs.bse[["x", "g[T.b]"]].tolist(), rel=1e-8)


def test_robust_errors_state_no_digits_of_the_classical_ones():
    rng = np.random.default_rng(0)
    model = bl.fit({"x": rng.normal(size=30), "y": rng.normal(size=30)}, "y ~ x")
    assert model.summary().facts["std_error_digits"] is not None
    assert model.summary(cov="HC3").facts["std_error_digits"] is None
