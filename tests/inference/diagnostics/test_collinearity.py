"""Collinearity against statsmodels, Belsley and Longley's published condition."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from statsmodels.stats.outliers_influence import variance_inflation_factor

import bestline as bl
from bestline.inference.diagnostics import second_pass
from bestline.numerics import Rows
from inference.diagnosed import frame
from numerics.exact import NIST, right, truth

pytestmark = pytest.mark.usefixtures("quiet")


def test_collinearity_against_statsmodels_and_belsley():
    rng = np.random.default_rng(1)
    data = frame().assign(x3=frame()["x1"] + 0.01 * rng.normal(size=240), far=1e6 + rng.normal(size=240))
    model = bl.fit(data, "y ~ x1 + x2 + x3 + far")
    found = second_pass.columns_of(model)
    X = np.column_stack([np.ones(240), data[["x1", "x2", "x3", "far"]]])
    for j, name in enumerate(["x1", "x2", "x3", "far"]):
        centred = np.column_stack([np.ones(240), X[:, 1:] - X[:, 1:].mean(0)])
        assert found.vif[name] == pytest.approx(variance_inflation_factor(centred, j + 1), rel=1e-8)
    _, s, directions = np.linalg.svd(X / np.linalg.norm(X, axis=0))
    assert [i.value for i in found.indices] == pytest.approx((s[0] / s).tolist(), rel=1e-6)
    # Of the variance of a weight, sum v^2 / s^2 over the directions, each direction has its share.
    parts = (directions / s[:, None]) ** 2
    for index, share in zip(found.indices, parts / parts.sum(0), strict=True):
        assert [index.shares[name] for name in ("Intercept", "x1", "x2", "x3", "far")] == pytest.approx(
            share.tolist(), abs=1e-6
        )
    assert found.worst is not None
    assert set(found.worst[1]) == {"far", "Intercept"}
    assert found.nearly_constant == ("far",)
    plain = second_pass.columns_of(bl.fit(data, "y ~ x1 + x2 - 1"))
    products = data[["x1", "x2"]].to_numpy().T @ data[["x1", "x2"]].to_numpy()
    assert plain.vif["x1"] == pytest.approx(np.linalg.inv(products)[0, 0] * products[0, 0], rel=1e-9)


def test_longleys_condition_is_the_published_one():
    """43,275: Belsley, Kuh & Welsch (1980), and R's perturb and statsmodels since."""
    data = pd.read_csv(Path(__file__).parents[2] / "references" / "inference_longley.csv")
    model = bl.fit(data, "TOTEMP ~ GNPDEFL + GNP + UNEMP + ARMED + POP + YEAR")
    assert second_pass.columns_of(model).indices[-1].value == pytest.approx(43275.0, rel=1e-5)


@pytest.mark.parametrize("name", ["Longley", "close"])
def test_variance_inflation_keeps_the_digits_of_the_exact_solution(name: str):
    """NIST's Longley, and two columns a millionth apart, against rational arithmetic."""
    rng = np.random.default_rng(2)
    a = rng.normal(size=30)
    X = np.array(NIST[name]["x"], dtype=float) if name in NIST else np.column_stack([a, a + 1e-6 * rng.normal(size=30)]) + 100
    y = rng.normal(size=len(X))
    model = bl.fit((X, y), solver="exact")
    exact = truth(Rows(torch.tensor(X), torch.tensor(y[:, None])), intercept=True)
    assert exact is not None
    found = second_pass.columns_of(model).vif
    for j, column in enumerate(X.T.tolist()):
        values = [Fraction(v) for v in column]
        mean = sum(values) / len(values)
        # The variance of a weight is s^2 V_jj, and V_jj times the column's own sum of squares its inflation.
        share = exact.variances[0][j] * (len(X) - X.shape[1] - 1) / exact.rss[0]
        assert right(found[f"x{j}"], share * sum((v - mean) ** 2 for v in values)) >= 14


@pytest.mark.parametrize("still", range(3))
def test_a_constant_column_is_named_wherever_it_stands(still: int) -> None:
    names = [f"x{j}" for j in range(3)]
    data = pd.DataFrame(np.random.default_rng(4).normal(size=(30, 4)), columns=[*names, "y"]).assign(**{names[still]: 2.0})
    found = second_pass.columns_of(bl.fit(data, target="y", features=names))
    assert found.constant == (names[still],)
    assert found.nearly_constant == ()
    assert [name for name in names if np.isnan(found.vif[name])] == [names[still]]
