"""The second pass: its tests against statsmodels, its memory, its findings, its pictures and its command."""

from __future__ import annotations

import json
import math
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
import typer
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.diagnostic import het_breuschpagan, het_white
from statsmodels.stats.outliers_influence import variance_inflation_factor
from statsmodels.stats.stattools import durbin_watson, jarque_bera
from typer.testing import CliRunner

import bestline as bl
from bestline.api.model import Model
from bestline.cli.diagnosis import diagnose as diagnose_command
from bestline.errors import NumericalError, OptionError
from bestline.inference import second_pass
from bestline.inference.diagnosis import FITTED, LEVERAGE, QUANTILES, SPREAD, Diagnosis
from bestline.inference.residual_sums import TOP, Evidence, Lens, quantile_of
from bestline.pictures.diagnostics import panels, smoothed
from bestline.pictures.marks import Bins, Line, Points
from bestline.pictures.render.mpl import draw

pytestmark = pytest.mark.usefixtures("quiet")

# Two orders of float64 sums of some hundred rows.
SAME = {"rel": 1e-9, "abs": 1e-12}
TAIL = {"rel": 1e-7, "abs": 1e-300}


@cache
def frame(n: int = 240, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x1, x2, g = rng.normal(3, 1, n), rng.normal(-1, 2, n), rng.choice(["a", "b", "c"], n)
    y = 2 + 1.5 * x1 - 0.7 * x2 + (g == "b") + rng.normal(0, 1, n) * np.abs(x1)
    return pd.DataFrame({"x1": x1, "x2": x2, "g": g, "y": y, "y2": y - x2**2, "w": rng.uniform(0.2, 3, n)})


def diagnosed(data: Any, formula: str, **options: Any) -> Diagnosis:
    return second_pass.diagnosis(bl.fit(data, formula, **options))


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


def test_collinearity_against_statsmodels_and_belsley():
    rng = np.random.default_rng(1)
    data = frame().assign(x3=frame()["x1"] + 0.01 * rng.normal(size=240), far=1e6 + rng.normal(size=240))
    model = bl.fit(data, "y ~ x1 + x2 + x3 + far")
    found = second_pass.columns_of(model)
    X = np.column_stack([np.ones(240), data[["x1", "x2", "x3", "far"]]])
    for j, name in enumerate(["x1", "x2", "x3", "far"]):
        centred = np.column_stack([np.ones(240), X[:, 1:] - X[:, 1:].mean(0)])
        assert found.vif[name] == pytest.approx(variance_inflation_factor(centred, j + 1), rel=1e-8)
    s = np.linalg.svd(X / np.linalg.norm(X, axis=0), compute_uv=False)
    assert [i.value for i in found.indices] == pytest.approx((s[0] / s).tolist(), rel=1e-6)
    assert all(sum(i.shares[n] for i in found.indices) == pytest.approx(1) for n in model.names)
    assert found.worst is not None
    assert set(found.worst[1]) == {"far", "Intercept"}
    assert found.nearly_constant == ("far",)
    plain = second_pass.columns_of(bl.fit(data, "y ~ x1 + x2 - 1"))
    products = data[["x1", "x2"]].to_numpy().T @ data[["x1", "x2"]].to_numpy()
    assert plain.vif["x1"] == pytest.approx(np.linalg.inv(products)[0, 0] * products[0, 0], rel=1e-9)


def test_longleys_condition_is_the_published_one():
    """43,275: Belsley, Kuh & Welsch (1980), and R's perturb and statsmodels since."""
    data = pd.read_csv(Path(__file__).parents[1] / "references" / "inference_longley.csv")
    model = bl.fit(data, "TOTEMP ~ GNPDEFL + GNP + UNEMP + ARMED + POP + YEAR")
    assert second_pass.columns_of(model).indices[-1].value == pytest.approx(43275.0, rel=1e-5)


# --- it adds up, and keeps its size ------------------------------------------------------------------------------------------


@cache
def large(n: int = 5_000, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, z = rng.gamma(2, 1, n), rng.normal(size=n)
    return pd.DataFrame({"x": x, "z": z, "y": 1 + 2 * x - z + rng.standard_t(5, n), "w": rng.uniform(0.2, 3, n)})


@cache
def large_model(weights: str | None = None) -> Model:
    return bl.fit(large(), "y ~ x + z", weights=weights)


def evidence_of(model: Model, ends: list[int]) -> Evidence:
    rows, lens = next(iter(model.rows())), Lens.on(second_pass.basis_of(model))
    found = Evidence.empty(lens)
    for a, b in pairwise(ends):
        found = found + Evidence.of(lens, rows[a:b], torch.arange(a, b))
    return found


@given(cuts=st.lists(st.integers(0, 5_000), max_size=5), weights=st.sampled_from([None, "w"]))
def test_evidence_adds_up_however_the_rows_are_cut(cuts: list[int], weights: str | None):
    model = large_model(weights)
    whole, parts = (evidence_of(model, ends) for ends in ([0, 5_000], [0, *sorted(cuts), 5_000]))
    for name in ("by_fitted", "by_size", "by_leverage", "sketch"):
        # A row on the edge of a cell may fall either way by rounding.
        assert int((getattr(whole, name) - getattr(parts, name)).abs().sum()) <= 4
    assert torch.equal(whole.top[:, 0], parts.top[:, 0])
    assert parts.powers.tolist() == pytest.approx(whole.powers.tolist(), rel=1e-9, abs=1e-9)
    assert (parts.steps, parts.first, parts.last) == pytest.approx((whole.steps, whole.first, whole.last), rel=1e-10)
    assert parts.linear.scatter.numpy() == pytest.approx(whole.linear.scatter.numpy(), rel=1e-8, abs=1e-7)
    assert parts.squares.scatter.numpy() == pytest.approx(whole.squares.scatter.numpy(), rel=1e-8, abs=1e-6)
    assert parts.profile.numpy() == pytest.approx(whole.profile.numpy(), rel=1e-8, abs=1e-8)
    assert (parts.outside, len(parts.kept), parts.totals.same(second_pass.basis_of(model))) == (whole.outside, 0, True)


def test_no_row_is_lost_and_the_evidence_keeps_its_size():
    evidence = evidence_of(large_model(), [0, 5_000])
    more = evidence + evidence + evidence
    for name in ("by_fitted", "by_size", "by_leverage", "sketch", "profile"):
        assert getattr(more, name).shape == getattr(evidence, name).shape
    assert len(more.top) <= 5 * TOP
    assert int(evidence.sketch.sum()) == 5_000
    assert int(evidence.by_fitted.sum()) + evidence.outside == 5_000
    assert int(evidence.profile[:, 0].sum()) == 5_000


@pytest.mark.parametrize("weights", [None, "w"])
def test_quantiles_and_extremes_of_many_rows(weights: str | None):
    model = large_model(weights)
    table = second_pass.influence(model)
    evidence = second_pass.diagnosis(model).evidence
    p = torch.tensor([0.001, 0.01, 0.2, 0.5, 0.9, 0.999], dtype=torch.float64)
    exact = np.quantile(table["std_resid"], p.numpy(), method="inverted_cdf")
    assert quantile_of(evidence.sketch, p).tolist() == pytest.approx(exact.tolist(), rel=0.0051, abs=2e-5)
    for name in ("cooksd", "hat"):
        largest = set(table.nlargest(10, name).index)
        assert largest <= {int(v) for v in evidence.top[:, 0]}
    influential = [r.row - 1 for r in second_pass.diagnosis(model).influential]
    assert influential == list(table.nlargest(10, "cooksd").index)


def test_row_numbers_are_those_of_the_table():
    data = frame().copy()
    data.loc[[0, 10], "x1"] = np.nan
    data.loc[100, "y"] = 500.0
    found = diagnosed(data, "y ~ x1 + x2", missing="drop")
    assert found.influential[0].row == 101
    assert found.rows == 238
    assert "Row 101" in str(found)


# --- findings -----------------------------------------------------------------------------------------------------------------


def noise(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 10, n), rng.normal(size=n)


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
    assert ("Neighbouring rows err alike" in alike, panel) == (True, FITTED)
    pulled = {"x": np.append(x, 40.0), "y": np.append(x + e, 0.0)}
    moves, panel = first(pulled)
    assert ("Row 401 moves the line a lot" in moves, panel) == (True, LEVERAGE)
    off, panel = first({"x": x, "y": x + e + np.where(np.arange(400) == 7, 9.0, 0)})
    assert ("Row 8 lies" in off, panel) == (True, FITTED)
    lean = diagnosed({"x": x, "y": x + np.random.default_rng(4).exponential(size=400)}, "y ~ x").findings
    assert any("lean to one side" in f.text and f.panel == QUANTILES for f in lean)
    same, panel = first({"x": x, "z": x + 0.01 * noise(seed=5)[1], "y": x + e}, "y ~ x + z")
    assert "tell nearly the same story" in same


def test_a_clean_line_has_nothing_to_say():
    """Thirty clean lines: tests at the level of 0.01, with effects asked for as well, cry wolf hardly ever."""
    cries = 0
    for seed in range(30):
        x, e = noise(200, seed)
        cries += len(diagnosed({"x": x, "y": 1 + x + e}, "y ~ x").findings)
    assert cries <= 3  # more than 3 of 90 tests at 0.01: less than once in a hundred
    x, e = noise(200, 0)
    assert "Nothing stands out" in str(diagnosed({"x": x, "y": 1 + x + e}, "y ~ x"))


def test_columns_that_need_a_word():
    x, e = noise()
    data = {"x": x, "flat": 0 * x + 3, "tiny": 1e-9 * e[::-1], "hardly": 1e6 + e[::-1] ** 2, "y": x + e, "twice": 2 * x}
    found = " ".join(f.text for f in diagnosed(data, "y ~ x + flat + tiny + hardly + twice").findings)
    assert "`flat` is constant" in found
    assert "`hardly` is nearly constant" in found
    assert "`twice` is a combination of `x`" in found
    assert "differ a million times" in found


def test_very_many_rows_do_not_make_an_effect():
    """A bend that explains a thousandth of the residuals is significant in 40,000 rows, and no finding."""
    rng = np.random.default_rng(8)
    x = rng.uniform(-1, 1, 40_000)
    found = diagnosed({"x": x, "y": x + 0.1 * x**2 + rng.normal(size=40_000)}, "y ~ x")
    assert test_of(found, "RESET").p_value < 0.01
    assert not found.findings


# --- where it is not defined ---------------------------------------------------------------------------------------------------


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


# --- pictures ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("many", [False, True])
def test_the_four_panels(theme: str, many: bool):
    model = large_model() if many else bl.fit(frame(), "y ~ x1 + g")
    picture = panels(second_pass.diagnosis(model))
    assert [p.title for p in picture.panels] == [FITTED, QUANTILES, SPREAD, LEVERAGE]
    assert picture.columns == 2
    for panel in picture.panels:
        assert panel.xlim is not None
        assert panel.ylim is not None
        for mark in panel.marks:
            if isinstance(mark, Points):
                assert all(panel.xlim[0] <= x <= panel.xlim[1] for x in mark.x)
                assert all(panel.ylim[0] <= y <= panel.ylim[1] for y in mark.y)
    cells = [m for p in picture.panels for m in p.marks if isinstance(m, Bins)]
    assert len(cells) == (3 if many else 0)
    assert all(5_000 - 20 <= sum(m.count) <= 5_000 for m in cells)
    draw(picture, theme=theme)


def test_points_are_the_rows():
    model = bl.fit(frame(), "y ~ x1 + g")
    table = second_pass.influence(model)
    against, quantiles, scale, leverage = panels(second_pass.diagnosis(model)).panels
    points = [next(m for m in p.marks if isinstance(m, Points)) for p in (against, quantiles, scale, leverage)]
    assert points[0].x == pytest.approx((frame()["y"] - table["resid"]).tolist())
    assert points[0].y == pytest.approx(table["std_resid"].tolist())
    x, y = stats.probplot(table["std_resid"], fit=False)
    assert points[1].y == pytest.approx(y.tolist())
    assert points[1].x[1:-1] == pytest.approx(x.tolist()[1:-1], abs=0.05)  # which has other places for both ends
    assert points[2].y == pytest.approx(table["std_resid"].abs().pow(0.5).tolist())
    assert points[3].x == pytest.approx(table["hat"].tolist())


def test_cells_hold_the_rows_that_lie_in_them():
    model = large_model()
    table = second_pass.influence(model)
    cells = next(m for m in panels(second_pass.diagnosis(model)).panels[0].marks if isinstance(m, Bins))
    fitted, r = (large()["y"] - table["resid"]).to_numpy(), table["std_resid"].to_numpy()
    for i in range(0, len(cells.count), 7):
        inside = (fitted >= cells.left[i]) & (fitted < cells.right[i]) & (r >= cells.bottom[i]) & (r < cells.top[i])
        assert abs(inside.sum() - cells.count[i]) <= 1


def test_contours_of_cooks_distance():
    x, e = noise(30)
    found = diagnosed({"x": np.append(x, 40.0), "y": np.append(x + e, 20.0)}, "y ~ x")
    lines = [m for m in panels(found).panels[3].marks if isinstance(m, Line)]
    assert {m.label for m in lines} >= {"Cook's distance 0.5", "Cook's distance 1"}
    for mark in lines:
        level = [r**2 * h / (2 * (1 - h)) for h, r in zip(mark.x, mark.y, strict=True)]
        assert max(level) == pytest.approx(min(level))
        assert min(abs(level[0] - v) for v in (0.5, 1.0)) < 1e-9


def test_the_local_mean_follows_a_line_and_counts_weights():
    x = torch.linspace(0, 1, 50, dtype=torch.float64)
    at, mean = smoothed(x, 3 - 2 * x, torch.ones(50, dtype=torch.float64))
    assert mean.tolist() == pytest.approx((3 - 2 * at).tolist())
    y = torch.sin(6 * x)
    once = smoothed(x, y, torch.where(x < 0.5, 3.0, 1.0).double())
    again = smoothed(torch.cat([x, x[x < 0.5], x[x < 0.5]]), torch.cat([y, y[x < 0.5], y[x < 0.5]]), torch.ones(100).double())
    for place, value in zip(*once, strict=True):
        near = int((again[0] - place).abs().argmin())
        if again[0][near] == place:
            assert float(value) == pytest.approx(float(again[1][near]), abs=0.02)
    flat = torch.zeros(9, dtype=torch.float64)
    assert smoothed(flat, torch.arange(9.0).double(), flat + 1)[1].tolist() == pytest.approx([4.0])


# --- the command ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def command() -> typer.Typer:
    app = typer.Typer()
    app.command("diagnose")(diagnose_command)
    return app


def test_the_command(tmp_path: Path, command: typer.Typer):
    frame().to_csv(tmp_path / "a.csv", index=False)
    bl.fit(tmp_path / "a.csv", "y ~ x1 + g").save(tmp_path / "m.bestline")
    arguments = [str(tmp_path / "m.bestline"), str(tmp_path / "a.csv")]
    said = CliRunner().invoke(command, arguments)
    assert (said.exit_code, "Breusch-Pagan" in said.stdout) == (0, True)
    page = tmp_path / "panels.png"
    facts = json.loads(CliRunner().invoke(command, [*arguments, "--json", "-o", str(page), "--theme", "dark"]).stdout)
    assert page.read_bytes()[:4] == b"\x89PNG"
    assert (facts["rows"], facts["out"]) == (240, str(page))
    assert 0 < facts["tests"]["White"]["p_value"] < 1
    again = CliRunner().invoke(command, [*arguments, "-o", str(page)])
    assert again.exit_code != 0
    assert CliRunner().invoke(command, [*arguments, "-o", str(tmp_path / "a.txt")]).exit_code == 2
    assert CliRunner().invoke(command, [*arguments, "-o", str(page), "--force", "--quiet"]).exit_code == 0


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


def test_rows_that_cannot_be_drawn_are_named():
    """Anscombe's fourth set: row 8 alone determines the slope."""
    x = [8.0] * 7 + [19.0] + [8.0] * 3
    y = [6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.5, 5.56, 7.91, 6.89]
    found = bl.fit({"x": x, "y": y}, "y ~ x").diagnose()
    assert "row 8" in panels(found).note


def test_a_bend_comes_before_the_rows_that_only_follow_from_it():
    """Anscombe's second set is a parabola."""
    x = [10.0, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
    y = [9.14, 8.14, 8.74, 8.77, 9.26, 8.10, 6.13, 3.10, 9.13, 7.26, 4.74]
    assert "bent" in bl.fit({"x": x, "y": y}, "y ~ x").diagnose().findings[0].text
