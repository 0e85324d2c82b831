"""A line whose training stopped before it arrived: figures are of the line as it is, or there are none, and it is said which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from bestline.errors import NumericalError

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
NOTE = "training stopped before the least-squares solution (solver='exact' reaches it); r_squared is of the line as it is"
# Descents that end far from the least loss.
WAYS: list[dict[str, Any]] = [
    {"lr": 1e-4, "steps": 5},
    {"lr": 1e-3, "steps": 50, "split": (0.6, 0.2, 0.2)},
    {"lr": 1e-2, "steps": 30, "patience": 3},
    {"lr": 1e-4, "steps": 5, "cov": "HC3"},
]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    r = np.random.default_rng(0)
    x, z = 5 + 3 * r.normal(size=200), r.normal(size=200)
    return pd.DataFrame({"x": x, "z": z, "y": 2 * x - z + 3 + r.normal(size=200), "v": x + r.normal(size=200)})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("target", ["y", "y + v"])
@pytest.mark.parametrize("loaded", [False, True])
def test_figures_are_of_the_line_as_it_is(
    table: pd.DataFrame, tmp_path: Path, way: dict[str, Any], target: str, loaded: bool
) -> None:
    model = bl.fit(table, f"{target} ~ x + z", solver="sgd", **way)
    if loaded:
        model.save(tmp_path / "m.bestline")
        model = bl.load(tmp_path / "m.bestline")
    assert not model.settled
    known = model.fitted_scores.r2
    found = model.glance()
    assert found["r_squared"].tolist() == list(known)
    assert max(known) < 0.9  # the exact line explains more of either
    assert found["note"].tolist() == [NOTE] * len(model.targets)
    assert found[["adj_r_squared", "sigma", "statistic", "p_value", "log_lik", "aic", "bic"]].isna().all(axis=None)
    assert "cov" not in found

    facts = model.summary().facts
    assert facts["aic"] is None or set(facts["aic"].values()) == {None}

    columns = bl.table(model).columns
    assert [c.figures["R2"] for c in columns] == list(known)
    assert all(c.figures[name] is None for c in columns for name in ("adjusted R2", "residual sd", "AIC", "BIC"))
    assert {c.figures["std errors"] for c in columns} == {"none"}
    assert all(np.isnan(own.std_error) for c in columns for own in c.coefficients.values())
    assert "Training of (1) stopped before the least loss" in str(bl.table(model))


def _numbers(found: Any) -> set[Any]:
    """All that stands at the leaves of a JSON object."""
    inside = found.values() if isinstance(found, dict) else found if isinstance(found, list) else None
    return {found} if inside is None else set().union(*map(_numbers, inside))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("target", ["y", "y + v"])
@pytest.mark.parametrize("loaded", [False, True])
def test_no_door_shows_errors_of_another_estimator(
    table: pd.DataFrame, tmp_path: Path, way: dict[str, Any], target: str, loaded: bool
) -> None:
    """Weights of three steps move less from sample to sample than those of least squares: its errors are not theirs."""
    model = bl.fit(table, f"{target} ~ x + z", solver="sgd", **way)
    model.report(tmp_path / "page.html")
    if loaded:
        model.save(tmp_path / "m.bestline")
        model = bl.load(tmp_path / "m.bestline")
    for frame in (model.tidy(), model.tidy(cov="classical")):
        assert frame.attrs["cov"] == "none"
        assert frame.drop(columns=["term", "estimate", "target"], errors="ignore").isna().all(axis=None)
    assert model.conf_int().isna().all(axis=None)
    assert all(np.isnan(np.asarray(values)).all() for values in (model.bse, model.tvalues, model.pvalues))
    facts = model.summary().facts
    assert facts["cov"] == "none"
    assert facts["std_error_digits"] is None
    assert _numbers([facts["std_error"], facts["conf_int"], facts["p_value"]]) == {None}
    said = "No standard errors: training stopped before the least-squares solution (solver='exact' reaches it)."
    assert said in model.summary().text
    assert "std error" not in model.summary().text
    assert "std error" not in str(model)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert said.replace("'", "&#39;") in page
    assert "std error" not in page
    with pytest.raises(NumericalError, match="training stopped before"):
        model.covariance()


def test_early_steps_are_another_estimator(table: pd.DataFrame) -> None:
    """What the errors of least squares would say wrongly: after k steps from 0 with rate r, w = (1 - (1 - 2r)^k) b on a standardised column."""
    r = np.random.default_rng(1)
    x = np.repeat([-1.0, 1.0], 50)
    slopes = [
        bl.fit({"x": x, "y": 2 * x + r.normal(size=100)}, "y ~ x", solver="sgd", lr=0.05, steps=3, start=[0, 0]).coef["x"]
        for _ in range(200)
    ]
    share = 1 - 0.9**3
    assert np.mean(slopes) == pytest.approx(2 * share, abs=4 * share / np.sqrt(100 * 200))
    assert np.std(slopes) == pytest.approx(share / np.sqrt(100), rel=0.2)  # and not 1 / sqrt(100), the error of least squares


@pytest.mark.parametrize("name", ["aic", "bic", "llf", "fvalue", "rsquared_adj", "sigma", "ssr", "scale", "cov_params"])
def test_what_is_of_the_exact_line_alone_is_refused_by_name(table: pd.DataFrame, name: str) -> None:
    model = bl.fit(table, "y ~ x + z", solver="sgd", lr=1e-4, steps=5)
    with pytest.raises(AttributeError, match="training stopped before the least-squares solution"):
        getattr(model, name)
    assert model.rsquared == model.fitted_scores.r2[0]


@pytest.mark.parametrize(
    ("penalty", "said"), [({"l2": 0.1}, "stopped before the least loss"), ({"l1": 0.1}, "made all its steps")]
)
def test_under_a_penalty_too_a_table_says_who_is_on_the_way(table: pd.DataFrame, penalty: dict[str, float], said: str) -> None:
    way = bl.fit(table, "y ~ x + z", solver="adam", steps=5, **penalty)
    there = bl.fit(table, "y ~ x + z", **penalty)
    text = str(bl.table({"way": way, "there": there}))
    assert f"Training of way {said}" in text
    assert "Training of there" not in text


def test_a_descent_that_arrived_has_the_figures_of_the_exact_line(table: pd.DataFrame) -> None:
    there, exact = bl.fit(table, "y ~ x + z", solver="sgd", steps=2000), bl.fit(table, "y ~ x + z")
    assert there.settled
    np.testing.assert_allclose(there.glance().to_numpy(float), exact.glance().to_numpy(float), rtol=1e-8)
    assert "note" not in there.glance()
    assert "stopped before" not in str(bl.table(there))


def test_a_table_says_who_diverged(table: pd.DataFrame) -> None:
    text = str(bl.table(bl.fit(table, "y ~ x + z", solver="sgd", lr=4.0, steps=60)))
    assert "Training of (1) diverged: its estimates say nothing of the data." in text


@pytest.mark.parametrize("rows", [2, 3])
def test_a_descent_on_as_many_rows_as_weights_has_not_arrived_though_nobody_knows_its_errors(
    table: pd.DataFrame, rows: int
) -> None:
    few = table.head(rows)
    formula = "y ~ x" if rows == 2 else "y ~ x + z"
    way, exact = bl.fit(few, formula, solver="sgd", lr=1e-3, steps=2), bl.fit(few, formula)
    assert not way.settled
    assert way.glance()["r_squared"].iloc[0] < 0.5
    assert exact.settled
    assert exact.glance()["r_squared"].iloc[0] == pytest.approx(1)
    assert "note" not in exact.glance()


def test_what_lacks_a_glance_is_told_the_true_cause(table: pd.DataFrame) -> None:
    with pytest.raises(NumericalError, match="plain least squares, and this line has another loss"):
        bl.fit(table, "y ~ x", loss="huber").glance()
    with pytest.raises(NumericalError, match="plain least squares, and this line has a penalty"):
        bl.fit(table, "y ~ x", l2=0.1).glance()


@pytest.mark.parametrize("steps", [60, 100, 140, 160, 180])
def test_digits_that_training_has_not_reached_are_lacking(steps: int) -> None:
    # Every step of plain descent takes the weights nearer by the same share, so a few steps go through parts of a digit.
    r = np.random.default_rng(0)
    x = r.normal(size=200)
    y = 1 + 2 * x + r.normal(size=200)
    model = bl.fit({"x": x, "y": y}, "y ~ x", solver="sgd", lr=0.05, steps=steps)
    theirs = np.linalg.lstsq(np.column_stack([x, np.ones(200)]), y, rcond=None)[0]
    digits = -np.log10(np.abs(model.weights[:, 0].numpy() / theirs - 1))
    for wanted in range(1, 10):
        assert model.lacking(wanted) == tuple(
            name for name, known in zip(["x", "Intercept"], digits, strict=True) if known < wanted
        )
