"""Linear estimators: their lines are scikit-learn's, exact in parts and in any unit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sklearn.linear_model as theirs
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

import bestline.estimators as ours
from bestline.errors import DataError, OptionError
from estimators.examples import made, table

EXACT = 1e-11  # two ways to the same solution of a well-conditioned problem, in float64


CLOSE = 1e-6  # another library's iterations at its tightest tolerance


OF_MOMENTS = ("LinearRegression", "Ridge", "Lasso", "ElasticNet")


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("k", [0, 3])
@pytest.mark.parametrize(("n", "p"), [(80, 4), (6, 20)])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("LinearRegression", {}),
        ("Ridge", {"alpha": 2.5}),
        ("Lasso", {"alpha": 0.1, "tol": 1e-14, "max_iter": 10**6}),
        ("ElasticNet", {"alpha": 0.1, "tol": 1e-14, "max_iter": 10**6}),
    ],
)
def test_same_line_as_theirs(name, parameters, intercept, weighted, k, n, p):
    X, y, w = table(n, p, k)
    w = w + 0.5 if n < p else w
    weights = w if weighted else None
    mine = made(name, fit_intercept=intercept, **parameters).fit(X, y, sample_weight=weights)
    others = getattr(theirs, name)(fit_intercept=intercept, **parameters).fit(X, y, sample_weight=weights)
    tolerance = EXACT * 100 if name in ("LinearRegression", "Ridge") else CLOSE
    assert mine.coef_.shape == others.coef_.shape
    np.testing.assert_allclose(mine.coef_, others.coef_, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(mine.intercept_, others.intercept_, rtol=tolerance, atol=tolerance)
    assert mine.predict(X).shape == others.predict(X).shape
    if name == "LinearRegression":
        assert mine.rank_ == others.rank_
        np.testing.assert_allclose(mine.singular_, others.singular_, rtol=1e-7, atol=1e-7 * others.singular_[0])


@pytest.mark.parametrize("name", OF_MOMENTS)
@given(cuts=st.lists(st.integers(1, 59), max_size=4), seed=st.integers(0, 5))
def test_partial_fit_is_one_fit(name, cuts, seed):
    X, y, w = table(60, 3, 2, seed)
    whole = made(name, **({"alpha": 0.1} if name != "LinearRegression" else {})).fit(X, y, sample_weight=w)
    parts = clone(whole)
    order = np.random.default_rng(seed).permutation(60)
    for part in np.split(order, sorted(set(cuts))):
        if w[part].any():
            parts.partial_fit(X[part], y[part], sample_weight=w[part])
    np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(parts.intercept_, whole.intercept_, rtol=1e-10, atol=1e-12)


def test_partial_fit_refuses_what_does_not_fit():
    X, y, _ = table(30, 3, 2)
    line = ours.LinearRegression().partial_fit(X, y)
    with pytest.raises(DataError, match="1 targets"):
        line.partial_fit(X, y[:, 0])
    with pytest.raises(ValueError, match="features"):
        line.partial_fit(X[:, :2], y)
    with pytest.raises(DataError, match="begin with `partial_fit`"):
        ours.Ridge().fit(np.ones((2, 2_000)) + np.eye(2, 2_000), [1.0, 2.0]).partial_fit(np.ones((2, 2_000)), [1.0, 2.0])


def test_no_unit_is_too_small_beside_another():
    rng = np.random.default_rng(0)
    scale = np.array([1e-9, 1.0, 1e9])
    X = rng.normal(size=(50, 3)) * scale
    y = X @ (np.array([1.0, 2.0, 3.0]) / scale) + 4
    line = ours.LinearRegression().fit(X, y)
    np.testing.assert_allclose(line.coef_ * scale, [1, 2, 3], rtol=1e-9)
    assert line.rank_ == 3
    # Theirs takes the small column for noise, which is why this test is here.
    assert theirs.LinearRegression().fit(X, y).coef_[0] * scale[0] == pytest.approx(0, abs=0.5)


def test_least_norm_of_few_rows_in_exact_fractions():
    X = [
        [Fraction(1, 10**8), Fraction(2), Fraction(3 * 10**7), Fraction(1)],
        [Fraction(3, 10**8), Fraction(-1), Fraction(10**7), Fraction(2)],
    ]
    y = [Fraction(5), Fraction(-7)]
    K = [[sum(a * b for a, b in zip(r, s, strict=True)) for s in X] for r in X]
    det = K[0][0] * K[1][1] - K[0][1] * K[1][0]
    c = [(K[1][1] * y[0] - K[0][1] * y[1]) / det, (K[0][0] * y[1] - K[1][0] * y[0]) / det]
    truth = [float(X[0][j] * c[0] + X[1][j] * c[1]) for j in range(4)]
    line = ours.LinearRegression(fit_intercept=False).fit(np.array(X, float), np.array(y, float))
    np.testing.assert_allclose(line.coef_, truth, rtol=1e-12)


def test_nearly_collinear_columns_keep_their_digits():
    rng = np.random.default_rng(1)
    x = rng.integers(-1000, 1000, 60).astype(float)
    X = np.column_stack([x, x + rng.integers(-3, 4, 60) * 2.0**-20])
    y = X @ np.array([3.0, -2.0]) + 5
    line = ours.LinearRegression().fit(X, y)
    np.testing.assert_allclose(line.coef_, [3, -2], rtol=1e-9)
    assert line.digits_.min() >= 9


@pytest.mark.parametrize("weighted", [True, False])
def test_one_more_pass_restores_what_squaring_took(weighted):
    rng = np.random.default_rng(0)
    X = rng.integers(-1000, 1000, (20_000, 12)).astype(float)
    X[:, 1] = X[:, 0] + rng.integers(-1, 2, 20_000)
    truth = rng.integers(-5, 6, 12).astype(float)
    w = rng.integers(0, 3, 20_000).astype(float) if weighted else None
    line = ours.LinearRegression().fit(X, X @ truth + 7, sample_weight=w)
    parts = ours.LinearRegression().partial_fit(X, X @ truth + 7, sample_weight=w)
    np.testing.assert_allclose(line.coef_, truth, atol=1e-12)
    assert abs(parts.coef_ - truth).max() > 20 * abs(line.coef_ - truth).max()
    assert line.intercept_ == pytest.approx(7, abs=1e-11)


@pytest.mark.parametrize("name", ["LinearRegression", "Ridge", "Lasso", "ElasticNet"])
def test_not_negative(name):
    X, y, _ = table(60, 6)
    y = y - 3 * X[:, 0]
    strength = {} if name == "LinearRegression" else {"alpha": 0.05}
    extra = {"tol": 1e-14, "max_iter": 10**6} if name in ("Lasso", "ElasticNet", "Ridge") else {}
    line = made(name, positive=True, **strength).fit(X, y)
    others = getattr(theirs, name)(positive=True, **strength, **extra).fit(X, y)
    assert (line.coef_ >= 0).all()
    assert (line.coef_ == 0).any()
    np.testing.assert_allclose(line.coef_, others.coef_, rtol=1e-4, atol=1e-4)


def test_ridge_has_an_alpha_for_each_target():
    X, y, _ = table(k=2)
    both = ours.Ridge(alpha=[0.5, 30.0]).fit(X, y)
    for i, alpha in enumerate([0.5, 30.0]):
        np.testing.assert_allclose(both.coef_[i], ours.Ridge(alpha=alpha).fit(X, y[:, i]).coef_, rtol=EXACT)
    with pytest.raises(OptionError, match="do not correspond"):
        ours.Ridge(alpha=[1.0, 2.0, 3.0]).fit(X, y)
    assert not hasattr(both, "model_")


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_columns_that_were_rounded_when_read_are_known_whatever_part_they_came_in(order):
    """Integers beyond 2^53 of one part cost the digits of the whole line, as they would in one fit."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2**20, (30, 3))
    X[4, 0] = 2**53 + 1
    X[25, 2] = 2**53 + 3
    y = rng.normal(size=30)
    whole, parts = ours.LinearRegression().fit(X, y), ours.LinearRegression()
    for i in order:
        parts.partial_fit(X[10 * i : 10 * i + 10], y[10 * i : 10 * i + 10])
    assert whole.model_.design.rounded == parts.model_.design.rounded == ("x0", "x2")
