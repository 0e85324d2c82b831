"""Diagnosis: its tests against statsmodels, its findings, and lines with little to say."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats
from scipy.special import stdtrit
from statsmodels.stats.diagnostic import het_breuschpagan, het_white
from statsmodels.stats.stattools import durbin_watson, jarque_bera

import bestline as bl
from bestline.errors import NumericalError, OptionError
from bestline.inference.diagnostics import second_pass
from bestline.inference.diagnostics.diagnosis import Diagnosis
from bestline.inference.diagnostics.findings import FITTED, LEVERAGE, QUANTILES, SPREAD, Row, told
from bestline.pictures.diagnostics import panels
from bestline.pictures.render.mpl import draw
from inference.diagnosed import diagnosed, frame, noise

pytestmark = pytest.mark.usefixtures("quiet")


# Two orders of float64 sums of some hundred rows.
SAME = {"rel": 1e-9, "abs": 1e-12}


TAIL = {"rel": 1e-7, "abs": 1e-300}


def test_of(diagnosis: Diagnosis, name: str) -> Any:
    return next(t for t in diagnosis.tests if t.name.startswith(name))


test_of.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("formula", ["y ~ x1", "y ~ x1 + x2", "y ~ x1 * g", "y2 ~ x1 + x2 + g", "y ~ x1 + I(x1**2) + x2"])
@pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.SingularMatrixWarning")
class TestStatsmodels:
    def test_spread(self, formula: str, weights: str | None):
        """Of the residuals times the root of the weight, on the columns as they are."""
        found, ref = diagnosed(frame(), formula, weights=weights), reference(formula, weights)
        e, X = np.asarray(ref.wresid), np.asarray(ref.model.data.orig_exog)
        test, (lm, p, *_) = test_of(found, "Breusch-Pagan"), het_breuschpagan(e, X)
        assert (test.statistic, test.p_value) == (pytest.approx(lm, **SAME), pytest.approx(p, **TAIL))
        assert test.df == (X.shape[1] - 1,)
        if formula != "y ~ x1 + I(x1**2) + x2":  # whose products repeat each other, which statsmodels counts twice
            test, (lm, p, *_) = test_of(found, "White"), het_white(e, X)
            rank = np.linalg.matrix_rank(np.column_stack([X[:, i] * X[:, j] for i in range(X.shape[1]) for j in range(i + 1)]))
            assert test.statistic == pytest.approx(lm, **SAME)
            assert test.df == (rank - 1,)
            assert test.p_value == pytest.approx(stats.chi2.sf(lm, rank - 1), **TAIL)

    def test_shape(self, formula: str, weights: str | None):
        """RESET is the F test of the line against the one with squares and cubes of its fitted values."""
        ref = reference(formula, weights)
        w = None if weights is None else frame()[weights]
        f = np.asarray(ref.fittedvalues)
        f = (f - f.mean()) / f.std()
        more = np.column_stack([np.asarray(ref.model.data.orig_exog), f**2, f**3])
        y = ref.model.data.orig_endog
        large = sm.OLS(y, more).fit() if w is None else sm.WLS(y, more, weights=w).fit()
        F, p, df = large.compare_f_test(ref)
        test = test_of(diagnosed(frame(), formula, weights=weights), "RESET")
        assert test.df == (df, large.df_resid)
        assert test.statistic == pytest.approx(F, rel=1e-7)
        assert test.p_value == pytest.approx(p, rel=1e-6)

    def test_errors(self, formula: str, weights: str | None):
        found, ref = diagnosed(frame(), formula, weights=weights), reference(formula, weights)
        statistic, p, skew, kurtosis = jarque_bera(ref.wresid)
        test = test_of(found, "Jarque-Bera")
        assert (test.statistic, test.p_value) == (pytest.approx(statistic, **SAME), pytest.approx(p, **TAIL))
        assert (found.skew, found.kurtosis) == (pytest.approx(skew, **SAME), pytest.approx(kurtosis, **SAME))
        assert test_of(found, "Durbin").statistic == pytest.approx(durbin_watson(ref.wresid), **SAME)
        ratio = frame()["w"].mean() if weights else 1.0
        assert found.sigma == pytest.approx(math.sqrt(ref.scale / ratio), **SAME)


def reference(formula: str, weights: str | None) -> Any:
    return smf.ols(formula, frame()).fit() if weights is None else smf.wls(formula, frame(), weights=frame()[weights]).fit()


def test_a_line_without_an_intercept():
    found, ref = diagnosed(frame(), "y ~ x1 + x2 - 1"), smf.ols("y ~ x1 + x2 - 1", frame()).fit()
    X = sm.add_constant(np.asarray(ref.model.exog))
    assert test_of(found, "Breusch-Pagan").statistic == pytest.approx(het_breuschpagan(ref.resid, X)[0], **SAME)
    assert test_of(found, "White").statistic == pytest.approx(het_white(ref.resid, X)[0], **SAME)
    statistic, _, skew, _ = jarque_bera(ref.resid)
    assert test_of(found, "Jarque-Bera").statistic == pytest.approx(statistic, **SAME)
    assert found.skew == pytest.approx(skew, **SAME)
    f = np.asarray(ref.fittedvalues)
    large = sm.OLS(ref.model.endog, np.column_stack([ref.model.exog, f**2, f**3])).fit()
    assert test_of(found, "RESET").statistic == pytest.approx(large.compare_f_test(ref)[0], rel=1e-7)


def test_many_columns_take_whites_short_form():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(300, 10))
    model = bl.fit((X, X.sum(1) + rng.normal(size=300)), solver="exact")
    f = model.predict(X)
    ref = het_breuschpagan((X.sum(1) * 0 + second_pass.influence(model)["resid"]), sm.add_constant(np.column_stack([X, f**2])))
    assert test_of(second_pass.diagnosis(model), "White (on fitted values)").statistic == pytest.approx(ref[0], **SAME)


def first(data: dict[str, np.ndarray], formula: str = "y ~ x") -> tuple[str, str]:
    found = diagnosed(data, formula).findings
    return (found[0].text, found[0].panel) if found else ("", "")


def test_what_there_is_to_find_is_found_and_comes_first():
    x, e = noise()
    bent, panel = first({"x": x, "y": 0.3 * x**2 + e})
    assert ("bent" in bent, panel) == (True, FITTED)
    fan, panel = first({"x": x, "y": x + e * (0.3 + x)})
    assert ("do not spread alike" in fan, panel) == (True, SPREAD)
    assert "HC3" in fan
    drift = np.cumsum(e) * 0.5
    alike, panel = first({"x": x, "y": x + drift})
    assert ("neighbouring rows are correlated" in alike, panel) == (True, FITTED)
    pulled = {"x": np.append(x, 40.0), "y": np.append(x + e, 0.0)}
    moves, panel = first(pulled)
    assert ("Row 401 moves the line a lot" in moves, panel) == (True, LEVERAGE)
    off, panel = first({"x": x, "y": x + e + np.where(np.arange(400) == 7, 9.0, 0)})
    assert ("Row 8 lies" in off, panel) == (True, FITTED)
    lean = diagnosed({"x": x, "y": x + np.random.default_rng(4).exponential(size=400)}, "y ~ x").findings
    assert any("lean to one side" in f.text and f.panel == QUANTILES for f in lean)
    same, panel = first({"x": x, "z": x + 0.01 * noise(seed=5)[1], "y": x + e}, "y ~ x + z")
    assert "are nearly collinear" in same


def test_a_clean_line_has_nothing_to_say():
    """Thirty clean lines: tests at the level of 0.01, with effects asked for as well, cry wolf hardly ever."""
    cries = 0
    for seed in range(30):
        x, e = noise(200, seed)
        cries += len(diagnosed({"x": x, "y": 1 + x + e}, "y ~ x").findings)
    assert cries <= 3  # more than 3 of 90 tests at 0.01: less than once in a hundred
    x, e = noise(200, 1)
    assert "Nothing stands out" in str(diagnosed({"x": x, "y": 1 + x + e}, "y ~ x"))


def test_columns_that_need_a_word():
    x, e = noise()
    data = {"x": x, "flat": 0 * x + 3, "tiny": 1e-9 * e[::-1], "hardly": 1e6 + e[::-1] ** 2, "y": x + e, "twice": 2 * x}
    found = " ".join(f.text for f in diagnosed(data, "y ~ x + flat + tiny + hardly + twice").findings)
    assert "`flat` is constant" in found
    assert "`hardly` is nearly constant" in found
    assert "`twice` is a linear combination of `x`" in found
    assert "differ a million times" in found


def test_very_many_rows_do_not_make_an_effect():
    """A bend that explains a thousandth of the residuals is significant in 40,000 rows, and no finding."""
    rng = np.random.default_rng(8)
    x = rng.uniform(-1, 1, 40_000)
    found = diagnosed({"x": x, "y": x + 0.1 * x**2 + rng.normal(size=40_000)}, "y ~ x")
    assert test_of(found, "RESET").p_value < 0.01
    assert not found.findings


def test_lines_with_little_to_say():
    exact = diagnosed({"x": [1.0, 2, 3, 4], "y": [2.0, 4, 6, 8]}, "y ~ x")
    none = diagnosed({"x": [1.0, 2.0], "y": [3.0, 5.0]}, "y ~ x")
    mean = diagnosed(frame(), "y ~ 1")
    for found in (exact, none):
        assert all(math.isnan(t.statistic) for t in found.tests)
        assert "not defined" in str(found)
        with pytest.raises(NumericalError, match="no residuals to draw"):
            panels(found)
    assert math.isnan(test_of(mean, "Breusch-Pagan").statistic)
    assert test_of(mean, "Jarque-Bera").statistic > 0
    for found in (exact, none, mean):
        json.dumps(found.facts, allow_nan=False)
    draw(panels(mean))
    category = diagnosed(frame(), "y ~ g")
    assert test_of(category, "RESET").df == (0, 237)
    assert math.isnan(test_of(category, "RESET").statistic)


def test_a_row_of_leverage_one_is_named():
    data = frame().copy()
    data.loc[5, "g"] = "only"
    found = diagnosed(data, "y ~ x1 + g")
    assert any("Row 6 determines a weight by itself" in f.text for f in found.findings)
    assert int(found.evidence.sketch.sum()) == 239
    draw(panels(found))


def test_which_target():
    both = bl.fit(frame(), "y + y2 ~ x1 + x2")
    alone = diagnosed(frame(), "y2 ~ x1 + x2")
    for target in (1, "y2"):
        found = second_pass.diagnosis(both, target=target)
        assert [t.statistic for t in found.tests] == pytest.approx([t.statistic for t in alone.tests], rel=1e-9)
    assert "target y2" in str(found)
    for target in (2, -1, "y3"):
        with pytest.raises(OptionError):
            second_pass.diagnosis(both, target=target)


def test_zero_weights_are_absent():
    data = frame().assign(w=np.where(np.arange(240) % 3 == 0, 0.0, frame()["w"]))
    found, same = diagnosed(data, "y ~ x1", weights="w"), diagnosed(data[data["w"] > 0], "y ~ x1", weights="w")
    assert [t.statistic for t in found.tests] == pytest.approx([t.statistic for t in same.tests], rel=1e-9)
    assert found.rows == 160


def test_a_saved_model_of_a_split_finds_its_training_rows_again(tmp_path: Path):
    """The whole table is given, and the split drawn again by its seed; so is the training part alone."""
    table = frame()
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    model = bl.fit(str(path), f"y ~ {table.columns.drop('y')[0]}", split=(0.7, 0.3), seed=3)
    model.save(tmp_path / "m.bestline")
    loaded = bl.load(tmp_path / "m.bestline")
    assert loaded.diagnose(str(path)).influential == model.diagnose().influential
    np.testing.assert_array_equal(loaded.tidy(cov="HC3", data=str(path)).std_error, model.tidy(cov="HC3").std_error)


def test_a_bend_comes_before_the_rows_that_only_follow_from_it():
    """Anscombe's second set is a parabola."""
    x = [10.0, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
    y = [9.14, 8.14, 8.74, 8.77, 9.26, 8.10, 6.13, 3.10, 9.13, 7.26, 4.74]
    assert "bent" in bl.fit({"x": x, "y": y}, "y ~ x").diagnose().findings[0].text


@pytest.mark.parametrize("side", ["above", "below"])
def test_a_row_far_off_is_told_by_the_residual_that_is_named(side):
    """The table has the standardised residual, in which the row itself has part: another number, under another name."""
    draw = np.random.default_rng(3)
    x = draw.normal(size=60)
    y = x + draw.normal(size=60)
    y[np.abs(x).argmin()] += 12 if side == "above" else -12
    found = bl.fit({"x": x, "y": y}, "y ~ x").diagnose()
    row = next(r for r in found.influential if r.row == np.abs(x).argmin() + 1)
    assert abs(row.rstudent) > abs(row.std_resid) + 1
    wanted = f"Row {row.row} lies {abs(row.rstudent):.1f} standard deviations {side} the line of the other rows (studentised residual)"
    assert any(f.text.startswith(wanted) for f in found.findings)
    refit = bl.fit({"x": np.delete(x, row.row - 1), "y": np.delete(y, row.row - 1)}, "y ~ x")
    assert (y[row.row - 1] > float(refit.predict({"x": x})[row.row - 1])) == (side == "above")


def test_rows_of_a_large_target_are_told_apart_in_text_and_in_the_report(tmp_path: Path):
    x = np.linspace(326_000_000, 326_010_000, 40)
    model = bl.fit({"x": x, "y": 1.0002 * x - 0.2 + np.random.default_rng(0).normal(0, 3, 40)}, "y ~ x")
    found = model.diagnose()
    model.report(tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    shown = [line.split() for line in str(found).splitlines()[-5:]]
    assert len({cells[1] for cells in shown}) == 5
    for row, cells in zip(found.influential, shown, strict=False):
        assert float(cells[1].replace(",", "")) == pytest.approx(row.fitted, abs=5e-3)
        assert len(cells[1].partition(".")[2]) == len(cells[2].partition(".")[2]) >= 3
        assert cells[1] in page


@pytest.mark.parametrize(
    ("fitted", "resid", "shown"),
    [
        (326_075_202.0832, 4.1977, ("326,075,202.083", "4.198")),
        (5e9 + 0.25, -123.456, ("5,000,000,000.2", "-123.5")),
        (2.5, 98_765.4, ("2", "98,765")),
        (1.0, 0.0, ("1", "0")),
        (1.23456789, 2e-12, ("1.23456789", "2×10⁻¹²")),
        (math.nan, math.nan, ("-", "-")),
    ],
)
def test_a_fitted_value_is_told_to_the_place_of_its_residual(fitted: float, resid: float, shown: tuple[str, str]):
    ((row, *cells),) = told([Row(1_234, fitted, resid, 0.1, 1.0, 1.0, 0.5)])
    assert (row, *cells[:2]) == ("1,234", *shown)


@pytest.mark.parametrize("weights", [None, "w"])
def test_coverage_is_that_of_lines_fitted_again_without_the_row(weights: str | None):
    draw = np.random.default_rng(4)
    table = frame().iloc[:60].assign(w=draw.uniform(0.5, 3, 60), y=lambda t: t["x1"] + draw.standard_t(2, 60))
    inside = 0
    for i in range(60):
        rest, row = table.drop(index=table.index[i]), table.iloc[[i]]
        fit = smf.wls("y ~ x1 + x2", rest, weights=1.0 if weights is None else rest["w"]).fit()
        interval = fit.get_prediction(row, weights=None if weights is None else row["w"]).summary_frame(alpha=0.05)
        inside += bool(interval["obs_ci_lower"].iloc[0] <= row["y"].iloc[0] <= interval["obs_ci_upper"].iloc[0])
    diagnosis = second_pass.diagnosis(bl.fit(table, "y ~ x1 + x2", weights=weights))
    assert 0 < inside < 60
    assert diagnosis.covered == (inside, 60)
    assert diagnosis.coverage == inside / 60
    assert diagnosis.facts["coverage"] == {"level": 0.95, "rows": 60, "inside": inside, "share": inside / 60}
    assert f"hold {inside} of 60 rows" in str(diagnosis)


def test_coverage_is_not_said_where_no_line_without_a_row_has_errors():
    diagnosis = second_pass.diagnosis(bl.fit({"x": [1.0, 2, 3], "y": [1.0, 3, 2]}, "y ~ x"))
    assert diagnosis.covered == (0, 0)
    assert math.isnan(diagnosis.coverage)
    assert diagnosis.facts["coverage"]["share"] is None
    assert "prediction intervals" not in str(diagnosis)


def test_neighbours_are_those_of_the_table_and_not_of_an_order_that_is_named():
    draw = np.random.default_rng(5)
    walk = pd.DataFrame({"t": np.arange(200), "x": draw.normal(size=200), "y": draw.normal(size=200).cumsum()})
    mixed = walk.sample(frac=1, random_state=1).reset_index(drop=True)
    theirs = durbin_watson(smf.ols("y ~ x", mixed).fit().resid)
    for cov, said in (
        ({"hac": "t"}, "are residuals of rows as they stand autocorrelated"),
        ("HC3", "are residuals autocorrelated"),
    ):
        found = test_of(bl.fit(mixed, "y ~ x", cov=cov).diagnose(), "Durbin")
        assert found.statistic == pytest.approx(theirs, rel=1e-9)
        assert said in found.about


@pytest.mark.parametrize("n", [4, 5, 6])
def test_coverage_of_few_rows_counts_the_degrees_of_freedom_without_the_row(n: int):
    """Of few rows one degree of freedom decides: t(1) is 12.7 where t(2) is 4.3."""
    limits = [stdtrit(n - 3, 0.975), stdtrit(n - 2, 0.975)]
    for seed in range(400):
        draw = np.random.default_rng(seed)
        table = pd.DataFrame({"x1": draw.normal(size=n), "y": draw.normal(size=n)})
        far = np.abs(smf.ols("y ~ x1", table).fit().get_influence().resid_studentized_external)
        if ((limits[1] < far) & (far < limits[0])).any():
            break
    else:
        pytest.fail("no row lies between the limits of the two degrees of freedom")
    diagnosis = second_pass.diagnosis(bl.fit(table, "y ~ x1"))
    assert diagnosis.covered == (int((far <= limits[0]).sum()), n)
