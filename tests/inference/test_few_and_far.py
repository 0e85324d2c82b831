"""Rows that explain nearly all that is left, and clusters of nobody."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import torch
from statsmodels.stats.outliers_influence import OLSInfluence

import bestline as bl
from bestline.inference.scores import judged_folds

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize("far", [10.0, 1e2, 1e3, 1e4])
def test_a_row_far_from_all_others_has_its_studentised_residual(far: float) -> None:
    """Without it hardly anything is left of the residual sum of squares, but what is left is known."""
    x = np.linspace(0, 1, 21)
    y = 2 * x + 0.01 * np.random.default_rng(0).normal(size=21)
    y[10] += far
    theirs = OLSInfluence(sm.OLS(y, sm.add_constant(x)).fit())
    table = bl.fit({"x": x, "y": y}, "y ~ x").influence()
    left = [sm.OLS(np.delete(y, i), sm.add_constant(np.delete(x, i))).fit() for i in range(21)]
    apart = np.array([(y[i] - left[i].predict([[1, x[i]]])[0]) for i in range(21)])
    error = np.array([np.sqrt(left[i].mse_resid / (1 - theirs.hat_matrix_diag[i])) for i in range(21)])
    np.testing.assert_allclose(table["rstudent"], apart / error, rtol=1e-4)
    np.testing.assert_allclose(table["cooksd"], theirs.cooks_distance[0], rtol=1e-8)
    assert np.isfinite(table["rstudent"]).all()
    assert abs(table["rstudent"][10]) > 500


def test_a_cluster_of_rows_without_weight_is_none() -> None:
    """The correction for few clusters, and the degrees of freedom, count those that have rows."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=80), "g": np.repeat(list("abcdefgh"), 10), "w": rng.uniform(0.5, 2, 80)})
    frame["y"] = frame.x + rng.normal(size=80)
    frame.loc[frame.g.isin(["c", "h"]), "w"] = 0.0
    frame.loc[::9, "w"] = 0.0
    there = frame[frame.w > 0]
    found = bl.fit(frame, "y ~ x", weights="w").tidy(cov="cluster:g")
    alone = bl.fit(there, "y ~ x", weights="w").tidy(cov="cluster:g")
    theirs = sm.WLS(there.y, there[["x"]].assign(Intercept=1.0), weights=there.w).fit(
        cov_type="cluster",
        cov_kwds={"groups": there.g.astype("category").cat.codes, "use_correction": True, "df_correction": True},
        use_t=True,
    )
    np.testing.assert_allclose(found["std_error"], theirs.bse, rtol=1e-9)
    np.testing.assert_allclose(found["p_value"], theirs.pvalues, rtol=1e-7)
    pd.testing.assert_frame_equal(found, alone, rtol=1e-12)


@pytest.mark.parametrize(("off", "leaks"), [(0.0, True), (1e-8, True), (1e-5, False), (1e-3, False)])
def test_a_leak_is_a_column_that_is_the_target_to_rounding(off: float, leaks: bool) -> None:
    """Of a correlation r of 1 - off^2 / 2: a good instrument measures to five digits, and is none."""
    draw = np.random.default_rng(0)
    y, z = draw.normal(size=(2, 200))
    model = bl.fit({"y": y, "copy": 3 * y + off * 3 * draw.normal(size=200), "z": z}, "y ~ copy + z")
    assert any("leak" in note for note in model.notes) == leaks


@pytest.mark.parametrize("features", [1, 2, 4])
@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_no_degrees_of_freedom_are_told_from_few(features: int) -> None:
    draw = np.random.default_rng(features)
    for more, said in ((0, "no degrees of freedom are left"), (1, "There are few rows")):
        rows = features + 1 + more
        frame = pd.DataFrame({f"x{j}": draw.normal(size=rows) for j in range(features)}).assign(y=draw.normal(size=rows))
        notes = " ".join(bl.fit(frame, target="y").notes)
        assert [word for word in ("no degrees of freedom are left", "There are few rows") if word in notes] == [said]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_fold_without_finite_weights_leaves_no_score(wrong: float) -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"x": draw.normal(size=30), "y": draw.normal(size=30)})
    model = bl.fit(frame, "y ~ x")
    folds = bl.Moments.collect(frame, "y ~ x", folds=3).folds
    assert len(judged_folds(folds, model.scaling, lambda _: model.weights)) == 3
    assert not judged_folds(folds, model.scaling, lambda _: torch.full_like(model.weights, wrong))
    assert not judged_folds(folds, model.scaling, lambda _: None)
