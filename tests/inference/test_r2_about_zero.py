"""R2 of lines without an intercept: about zero, and said to be; about the mean where the columns span a constant, as in statsmodels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from typer.testing import CliRunner

import bestline as bl
from bestline.cli.app import app

SAME = pytest.approx
pytestmark = [
    pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning"),
    pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient"),
]


def table() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    g, h = rng.choice(list("abc"), 60), rng.choice(list("uv"), 60)
    x, z = rng.normal(5, 1, 60), rng.normal(size=60)
    y = 20 + 2 * x - z + (g == "b") * 3 + rng.normal(size=60)
    return pd.DataFrame(
        {"y": y, "x": x, "z": z, "g": g, "h": h, "k": 0.1, "w": rng.uniform(0.5, 2, 60), "one": 1 + x, "far": 1e6 + z}
    )


CONSTANT = ["y ~ 0 + g", "y ~ 0 + g + x", "y ~ 0 + g:h", "y ~ 0 + g + h", "y ~ 0 + x + one", "y ~ 0 + x + k", "y ~ 0 + k"]
NONE = ["y ~ 0 + x", "y ~ 0 + x + z", "y ~ 0 + g:x", "y ~ 0 + far", "y ~ 0 + x + I(2 * x)"]


def reference(formula: str, weights: bool) -> Any:
    data = table()
    return smf.wls(formula, data, weights=data["w"]).fit() if weights else smf.ols(formula, data).fit()


@pytest.mark.parametrize("weights", [False, True], ids=["alike", "weighted"])
@pytest.mark.parametrize("formula", CONSTANT + NONE)
def test_r2_and_f_are_those_of_statsmodels(formula: str, weights: bool) -> None:
    model, expected = bl.fit(table(), formula, weights="w" if weights else None), reference(formula, weights)
    row, facts = model.glance().iloc[0], model.summary().facts
    assert row["r_squared"] == SAME(expected.rsquared, rel=1e-9, abs=1e-12)
    assert row["adj_r_squared"] == SAME(expected.rsquared_adj, rel=1e-9, abs=1e-12)
    if formula != "y ~ 0 + k":  # the mean alone: nothing to test
        assert row["statistic"] == SAME(expected.fvalue, rel=1e-8)
    assert facts["r2"] == SAME(expected.rsquared, rel=1e-9, abs=1e-12)
    assert facts["r2_about"] == ("mean" if formula in CONSTANT else "zero")
    assert facts["r2_about_mean"] == SAME(1 - expected.ssr / expected.centered_tss, rel=1e-9, abs=1e-12)


def test_a_category_in_full_has_the_f_of_its_line_with_an_intercept_by_robust_errors_too() -> None:
    ours, same = (bl.fit(table(), formula).summary(cov="HC1").text for formula in ("y ~ 0 + g + x", "y ~ g + x"))
    assert ours[ours.index("Residual sd") :].split(" AIC")[0] == same[same.index("Residual sd") :].split(" AIC")[0]


@pytest.mark.parametrize("options", [{}, {"split": (0.7, 0.3)}, {"solver": "sgd", "steps": 5}, {"l2": 0.1}, {"loss": "huber"}])
def test_what_was_held_out_is_held_against_the_mean(options: dict[str, Any]) -> None:
    model = bl.fit(table(), "y ~ 0 + x", **options)
    held = model.held_out
    assert held is not None
    assert held.r2_about_mean is None
    if not options:
        assert held.r2[0] == SAME(1 - held.mse[0] / float(np.var(table()["y"])), rel=1e-12)


def test_every_door_says_what_r2_compares_with(tmp_path: Path) -> None:
    data = table()
    data.to_csv(tmp_path / "t.csv", index=False)
    model = bl.fit(data, "y ~ 0 + x")
    zero, mean = (f"{v:.4f}" for v in (model.summary().facts["r2"], model.summary().facts["r2_about_mean"]))
    said = f"R2 (about zero) {zero}, about the mean {mean}"
    model.save(tmp_path / "m.bestline")
    model.report(tmp_path / "page.html")
    ran = CliRunner().invoke(app, ["evaluate", str(tmp_path / "m.bestline"), str(tmp_path / "t.csv")])
    printed = CliRunner().invoke(app, ["fit", str(tmp_path / "t.csv"), "y ~ 0 + x"])
    for page in (str(model.summary()), model._repr_html_(), (tmp_path / "page.html").read_text(), ran.stdout, printed.stdout):
        assert said in " ".join(page.split()).replace("−", "-")  # pages have a minus, terminals a hyphen
    assert str(bl.load(tmp_path / "m.bestline").summary()) == str(model.summary())
    judged = CliRunner().invoke(app, ["evaluate", str(tmp_path / "m.bestline"), str(tmp_path / "t.csv"), "--json"])
    facts = json.loads(judged.stdout)
    assert (facts["r2_about"], facts["r2_about_mean"]) == ("zero", SAME(float(mean), abs=1e-4))
    row = model.glance().iloc[0]
    assert (row["r_squared_about"], row["r_squared_about_mean"]) == ("zero", SAME(float(mean), abs=1e-4))
    assert "about zero" not in str(bl.fit(data, "y ~ 0 + g").summary())


def test_estimators_score_against_the_mean() -> None:
    from sklearn.linear_model import LinearRegression

    X, y = table()[["x", "z"]].to_numpy(), table()["y"].to_numpy()
    ours, theirs = (kind(fit_intercept=False).fit(X, y) for kind in (bl.LinearRegression, LinearRegression))
    assert ours.score(X, y) == SAME(theirs.score(X, y), rel=1e-12)
