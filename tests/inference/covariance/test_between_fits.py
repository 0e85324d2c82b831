"""Errors of quantile lines by the rise of the line between two levels: R's se = "nid"."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.optimize import linprog
from scipy.stats import norm

import bestline as bl
from bestline.errors import OptionError
from inference.examples import frame

pytestmark = pytest.mark.usefixtures("quiet")


def test_engel_has_the_errors_that_r_prints():
    """summary(rq(foodexp ~ income, data = engel), se = "nid") of quantreg."""
    engel = sm.datasets.engel.load_pandas().data
    found = bl.fit(engel, "foodexp ~ income", loss="absolute", cov="nid").tidy().set_index("term")
    assert found.loc["Intercept", ["estimate", "std_error", "statistic"]].round(5).tolist() == [81.48225, 19.25066, 4.2327]
    assert found.loc["income", ["estimate", "std_error"]].round(5).tolist() == [0.56018, 0.02828]


def quantile_line(X: np.ndarray, y: np.ndarray, w: np.ndarray, level: float) -> np.ndarray:
    """Koenker and Bassett's linear program."""
    (n, p), eye = X.shape, np.eye(len(y))
    cost = np.concatenate([np.zeros(p), level * w, (1 - level) * w])
    return linprog(cost, A_eq=np.hstack([X, eye, -eye]), b_eq=y, bounds=[(None, None)] * p + [(0, None)] * 2 * n).x[:p]


def by_hand(X: np.ndarray, y: np.ndarray, w: np.ndarray, level: float, *, copies: bool) -> np.ndarray:
    """Hendricks and Koenker's sandwich with Hall and Sheather's bandwidth."""
    n, z = (w.sum() if copies else len(y)), norm.ppf(level)
    b = (1.5 * norm.ppf(0.975) ** 2 * norm.pdf(z) ** 2 / (2 * z**2 + 1) / n) ** (1 / 3)
    rise = X @ (quantile_line(X, y, w, level + b) - quantile_line(X, y, w, level - b))
    f = np.where(rise > 0, 2 * b / np.where(rise > 0, rise, 1), 0)
    B = X.T @ (X * (w * f)[:, None])
    M = level * (1 - level) * X.T @ (X * (w if copies else w**2)[:, None])
    return np.sqrt(np.diag(np.linalg.solve(B, M) @ np.linalg.inv(B)))


@pytest.mark.parametrize("level", [0.25, 0.5, 0.8])
@pytest.mark.parametrize("kind", [None, "analytic", "frequency"])
def test_it_is_the_formula(level: float, kind: str | None):
    table = frame().assign(c=np.tile([1.0, 2, 3], len(frame()))[: len(frame())])
    given = {} if kind is None else {"weights": "c", "weight_kind": kind}
    model = bl.fit(table, "y ~ x1 + x2 + g", loss=f"quantile:{level}", cov="nid", **given)
    X = np.column_stack([table["x1"], table["x2"], table["g"] == "b", table["g"] == "c", np.ones(len(table))]).astype(float)
    w = np.ones(len(table)) if kind is None else table["c"].to_numpy()
    expected = by_hand(X, table["y"].to_numpy(), w, level, copies=kind == "frequency")
    assert model.bse.to_numpy() == pytest.approx(expected, rel=1e-6)


def test_each_target_has_its_own():
    table = frame().assign(v=lambda t: 100 * t["x2"] ** 2 + t["y"])
    both = bl.fit(table, "y + v ~ x1", loss="quantile:0.6", cov="nid").bse
    for target in ("y", "v"):
        own = bl.fit(table, f"{target} ~ x1", loss="quantile:0.6", cov="nid").bse
        assert both[target].to_numpy() == pytest.approx(own.to_numpy(), rel=1e-8)


def test_a_column_said_twice_changes_nothing_of_the_others():
    table = frame().assign(again=lambda t: 2 * t["x1"])
    twice = bl.fit(table, "y ~ x2 + x1 + again", loss="absolute", cov="nid")
    assert twice.bse["x2"] == pytest.approx(bl.fit(table, "y ~ x2 + x1", loss="absolute", cov="nid").bse["x2"], rel=1e-6)


def test_rows_where_the_lines_cross_are_counted():
    table, level = frame(), 0.8
    model = bl.fit(table, "y ~ x1 + x2 + g", loss=f"quantile:{level}", cov="nid")
    X = np.column_stack([table["x1"], table["x2"], table["g"] == "b", table["g"] == "c", np.ones(len(table))]).astype(float)
    z, w = norm.ppf(level), np.ones(len(table))
    b = (1.5 * norm.ppf(0.975) ** 2 * norm.pdf(z) ** 2 / (2 * z**2 + 1) / len(table)) ** (1 / 3)
    low, high = (quantile_line(X, table["y"].to_numpy(), w, at) for at in (level - b, level + b))
    crossed = (X @ (high - low) <= 0).sum()
    assert crossed > 1
    assert any(note.startswith(f"At {crossed} rows the quantile lines") for note in model.notes)


def test_a_file_keeps_it_and_its_spellings_are_one(tmp_path):
    model = bl.fit(frame(), "y ~ x1", loss="quantile:0.3", cov={"robust": None, "density": "fits"})
    model.save(tmp_path / "m.bestline")
    pd.testing.assert_frame_equal(bl.load(tmp_path / "m.bestline").tidy(), model.tidy())
    pd.testing.assert_frame_equal(bl.fit(frame(), "y ~ x1", loss="quantile:0.3").tidy(cov="robust:density=fits"), model.tidy())


def test_few_rows_tell_none_and_rank_is_refused_by_name():
    few = frame().head(12)
    assert "too few to tell the density" in str(bl.fit(few, "y ~ x1", loss="quantile:0.95", cov="nid").summary())
    with pytest.raises(OptionError, match="inverting a rank test have no standard error"):
        bl.fit(frame(), "y ~ x1", loss="absolute", cov="rank")
