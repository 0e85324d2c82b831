"""HuberRegressor: closed forms, and where its objective is flat."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.linear_model as theirs
import torch
from sklearn.exceptions import ConvergenceWarning

import bestline.estimators as ours
from estimators.examples import table


@pytest.mark.parametrize("seed", range(8))
def test_huber_through_all_rows_is_the_shortest_line_through_them(seed):
    """More columns than rows: in closed form, alpha |b|^2 at the b of least length that meets every row."""
    rng = np.random.default_rng(seed)
    X, y, w = rng.normal(size=(6, 15)), rng.normal(size=6), rng.integers(1, 4, size=6)
    line = ours.HuberRegressor().fit(X, y, w)
    rows = ours.HuberRegressor().fit(X.repeat(w, 0), y.repeat(w))
    inverse, one = np.linalg.inv(X @ X.T), np.ones(6)
    level = one @ inverse @ y / (one @ inverse @ one)
    shortest = X.T @ inverse @ (y - level)
    np.testing.assert_allclose(line.coef_, shortest, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(rows.coef_, shortest, rtol=1e-7, atol=1e-8)
    assert line.loss_curve_[-1] == pytest.approx(1e-4 * shortest @ shortest, rel=1e-9)
    assert line.n_iter_ < 40


@pytest.mark.parametrize("seed", range(6))
def test_huber_knows_a_weight_of_three_for_three_rows_at_the_edge_of_its_epsilon(seed):
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(15, 3)), rng.integers(1, 4, size=15)
    y = np.where(np.arange(15) % 3 < 2, X @ [1.0, -2.0, 0.5], 5.0)
    weighted = ours.HuberRegressor(epsilon=1.0, max_iter=300).fit(X, y, w)
    repeated = ours.HuberRegressor(epsilon=1.0, max_iter=300).fit(X.repeat(w, 0), y.repeat(w))
    assert weighted.loss_curve_[-1] == pytest.approx(repeated.loss_curve_[-1], rel=1e-6)


@pytest.mark.parametrize("n", [30, 200])
@pytest.mark.parametrize("seed", range(5))
def test_huber_of_rows_on_a_line_is_that_line(n, seed):
    rng = np.random.default_rng(seed)
    X, slopes = rng.normal(size=(n, 5)), rng.normal(size=5)
    line = ours.HuberRegressor(alpha=1e-6).fit(X, X @ slopes + 2)
    np.testing.assert_allclose(line.coef_, slopes, rtol=1e-9)
    assert line.loss_curve_[-1] == pytest.approx(1e-6 * slopes @ slopes, rel=1e-5)
    three_in_four = X @ slopes + 5 * (np.arange(n) % 4 == 0)
    line = ours.HuberRegressor(alpha=0.0, epsilon=1.1).fit(X, three_in_four)
    np.testing.assert_allclose(line.coef_, slopes, rtol=1e-9)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_huber_is_where_its_objective_is_flat(alpha, intercept):
    X, y, w = table(100)
    y[:15] += 60
    line = ours.HuberRegressor(alpha=alpha, fit_intercept=intercept).fit(X, y, sample_weight=w)
    level = [line.intercept_] if intercept else []
    theta = torch.tensor([*line.coef_, *level, line.scale_], dtype=torch.float64, requires_grad=True)
    r = torch.from_numpy(y) - torch.from_numpy(X) @ theta[:4] - (theta[4] if intercept else 0)
    s, e, weight = theta[-1], 1.35, torch.from_numpy(w)
    inside = r.abs() <= e * s
    loss = (weight * (s + torch.where(inside, r**2 / s, 2 * e * r.abs() - e**2 * s))).sum() + alpha * (theta[:4] ** 2).sum()
    (slope,) = torch.autograd.grad(loss, theta)
    assert float(slope.abs().max()) <= 1e-8 * w.sum()
    np.testing.assert_array_equal(line.outliers_, (~inside).numpy())
    others = theirs.HuberRegressor(alpha=alpha, fit_intercept=intercept, tol=1e-10, max_iter=10_000).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(line.coef_, others.coef_, rtol=1e-3, atol=1e-4)
    assert line.n_iter_ < 30
    assert line.loss_curve_ == sorted(line.loss_curve_, reverse=True)


def test_huber_in_any_units_and_through_every_row():
    X, y, _ = table(100)
    y[:15] += 60
    line = ours.HuberRegressor(alpha=0.0).fit(X, y)
    scale = np.array([1e-8, 1.0, 1e3, 1e9])
    other = ours.HuberRegressor(alpha=0.0).fit(X * scale + 1e4 * scale, y * 1e-5)
    np.testing.assert_allclose(other.coef_ * scale * 1e5, line.coef_, rtol=1e-7)
    np.testing.assert_array_equal(other.outliers_, line.outliers_)
    exact = ours.HuberRegressor(alpha=0.0).fit(X, X @ np.arange(4.0) + 1)
    np.testing.assert_allclose(exact.coef_, np.arange(4.0), atol=1e-9)
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        ours.HuberRegressor(max_iter=1).fit(X, y)


@pytest.mark.parametrize("unit", [1.0, 1e3, 1e-3])
def test_a_warm_start_is_the_line_and_the_scale_of_the_fit_before(unit):
    X, y, _ = table()
    line = ours.HuberRegressor(warm_start=True).fit(X, unit * y)
    before, least = line.coef_.copy(), line.loss_curve_[-1]
    assert line.n_iter_ > 1
    line.fit(X, unit * y)
    assert line.n_iter_ <= 1
    assert line.loss_curve_[0] == pytest.approx(least, rel=1e-9)
    np.testing.assert_allclose(line.coef_, before, rtol=1e-9)
