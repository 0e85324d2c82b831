"""Estimators: scikit-learn's own checks, its numbers, closed forms, and what only ours promise."""

from __future__ import annotations

import doctest
import importlib
import os
import pickle
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sklearn.linear_model as theirs
import statsmodels.api as sm
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, KFold, LeaveOneOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import bestline as bl
import bestline.estimators as ours
from bestline.errors import DataError, OptionError
from bestline.estimators import arrays as border
from bestline.numerics.rows import Rows
from bestline.training.solvers import row_loop as one_by_one
from bestline.training.solvers.row_loop import OneByOne, Progress

EXACT = 1e-11  # two ways to the same solution of a well-conditioned problem, in float64
CLOSE = 1e-6  # another library's iterations at its tightest tolerance
NAMES = ours.__all__
MULTIPLE = ("LinearRegression", "Ridge", "Lasso", "ElasticNet", "RidgeCV")
OF_MOMENTS = ("LinearRegression", "Ridge", "Lasso", "ElasticNet")


def table(n: int = 80, p: int = 4, k: int = 0, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, targets and weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 3
    slopes = rng.choice([-1, 1], size=(p, k) if k else p) * rng.uniform(1, 2, size=(p, k) if k else p)
    y = X @ slopes + 0.5 * rng.normal(size=(n, k) if k else n) + 1
    return X, y, rng.integers(0, 4, n).astype(float)


def made(name: str, **parameters: object) -> object:
    """An estimator whose training is long enough to be judged."""
    return getattr(ours, name)(**parameters)


# -- scikit-learn's rules --------------------------------------------------------------------------------------------------


@parametrize_with_checks([made(name) for name in NAMES])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_array_api_checks():
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "import bestline.estimators as B\n"
        "from sklearn.utils.estimator_checks import check_estimator\n"
        "for name in B.__all__:\n"
        "    ran = [r for r in check_estimator(getattr(B, name)(), on_fail=None) if 'array_api' in r['check_name']]\n"
        "    assert not [r for r in ran if r['status'] == 'failed'], (name, ran)\n"
        "    assert sum(r['status'] == 'passed' for r in ran) >= 3, name\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"SCIPY_ARRAY_API": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_scikit_learn_own_tests_of_huber():
    suite = Path(__file__).parent / "sklearn_suite.py"
    done = subprocess.run([sys.executable, str(suite), "test_huber"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "HuberRegressor           11      11" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_defaults_are_theirs(name):
    assert getattr(ours, name)().get_params() == getattr(theirs, name)().get_params()


@pytest.mark.parametrize("name", NAMES)
def test_fitted_attributes_are_theirs(name):
    X, y, _ = table()
    mine, others = getattr(ours, name)(), getattr(theirs, name)()
    for estimator in (mine, others):
        estimator.fit(X, y)
    learnt = {a for a in vars(others) if a.endswith("_") and not a.startswith("_")}
    assert learnt <= {a for a in dir(mine) if a.endswith("_")}
    for a in learnt:
        theirs_is, ours_is = getattr(others, a), getattr(mine, a)
        assert np.shape(ours_is) == np.shape(theirs_is) or a == "n_iter_", a


@pytest.mark.parametrize("name", NAMES)
def test_pipeline_search_clone_pickle_and_names(name):
    pd = pytest.importorskip("pandas")
    X, y, _ = table()
    frame = pd.DataFrame(X, columns=list("abcd"))
    line = make_pipeline(StandardScaler().set_output(transform="pandas"), made(name)).fit(frame, y)
    assert list(line[-1].feature_names_in_) == list("abcd")
    again = pickle.loads(pickle.dumps(line))  # noqa: S301
    np.testing.assert_array_equal(again.predict(frame), line.predict(frame))
    assert cross_val_score(clone(line), frame, y, cv=3).mean() > 0.4
    search = GridSearchCV(made(name), {"fit_intercept": [True, False]}, cv=3).fit(X, y)
    assert search.best_params_["fit_intercept"] in (True, False)


# -- numbers ---------------------------------------------------------------------------------------------------------------


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


def test_lasso_is_exact_at_any_tolerance():
    X, y, w = table(60, 8)
    line = ours.Lasso(alpha=0.3, tol=1.0, max_iter=1).fit(X, y, sample_weight=w)
    r = (y - line.predict(X)) * w / w.sum()
    pull = (X - np.average(X, axis=0, weights=w)).T @ r
    active = line.coef_ != 0
    np.testing.assert_allclose(pull[active], 0.3 * np.sign(line.coef_[active]), rtol=1e-12)
    assert (abs(pull[~active]) <= 0.3).all()
    assert line.dual_gap_ <= 1e-14 * np.average(y**2, weights=w)
    assert line.sparse_coef_.toarray()[0].tolist() == line.coef_.tolist()


def test_lasso_checks_a_given_gram_matrix():
    X, y, _ = table()
    Xc = X - X.mean(0)
    np.testing.assert_array_equal(ours.Lasso(precompute=Xc.T @ Xc).fit(Xc, y).coef_, ours.Lasso().fit(Xc, y).coef_)
    with pytest.raises(OptionError, match="did not pass validation"):
        ours.Lasso(precompute=np.eye(4)).fit(Xc, y)
    with pytest.warns(UserWarning, match="centered"):
        ours.Lasso(precompute=X.T @ X).fit(X, y)
    with pytest.raises(OptionError, match="Gram matrix"):
        ours.Lasso(precompute=np.eye(3)).fit(X, y)


@pytest.mark.parametrize("cv", [None, 3, KFold(4, shuffle=True, random_state=0), LeaveOneOut()])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("name", ["LassoCV", "ElasticNetCV"])
def test_path_of_cross_validation(name, weighted, cv):
    X, y, w = table(40, 5)
    w = w + 1 if weighted else None
    extra = {"l1_ratio": [0.2, 0.9]} if name == "ElasticNetCV" else {}
    mine = made(name, cv=cv, alphas=12, **extra).fit(X, y, sample_weight=w)
    others = getattr(theirs, name)(cv=cv, alphas=12, tol=1e-12, max_iter=10**6, **extra).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(mine.alphas_, others.alphas_, rtol=EXACT)
    np.testing.assert_allclose(mine.mse_path_, others.mse_path_, rtol=CLOSE, atol=CLOSE)
    assert mine.alpha_ == pytest.approx(others.alpha_)
    np.testing.assert_allclose(mine.coef_, others.coef_, rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize(("n", "p"), [(30, 4), (8, 20)])
def test_leave_one_out_by_leaving_one_out(n, p, weighted, intercept):
    X, y, w = table(n, p, 2)
    w = w + 0.5 if weighted else np.ones(n)
    alphas = (1e-3, 1.0, 50.0)
    line = ours.RidgeCV(alphas, fit_intercept=intercept, store_cv_results=True, alpha_per_target=True).fit(X, y, w)
    for m, alpha in enumerate(alphas):
        for i in range(n):
            rest = np.arange(n) != i
            one = theirs.Ridge(alpha, fit_intercept=intercept, solver="svd").fit(X[rest], y[rest], w[rest])
            error = (y[i] - one.predict(X[i : i + 1])[0]) ** 2 * w[i]
            np.testing.assert_allclose(line.cv_results_[i, :, m], error, rtol=1e-6, atol=1e-9)
    best = -line.cv_results_.mean(0)
    np.testing.assert_allclose(line.best_score_, best.max(1))
    np.testing.assert_array_equal(line.alpha_, np.array(alphas)[best.argmax(1)])


def test_ridge_cv_with_scorers_and_folds():
    X, y, w = table()
    w += 1
    for parameters in ({"scoring": "neg_mean_absolute_error"}, {"cv": 4}, {"cv": 3, "scoring": "r2"}):
        mine = ours.RidgeCV(**parameters).fit(X, y, sample_weight=w)
        others = theirs.RidgeCV(**parameters).fit(X, y, sample_weight=w)
        assert mine.alpha_ == others.alpha_
        assert mine.best_score_ == pytest.approx(others.best_score_)
    with pytest.raises(OptionError, match="incompatible"):
        ours.RidgeCV(cv=3, store_cv_results=True).fit(X, y)
    with pytest.raises(OptionError, match=r"alphas\[1\] == -1"):
        ours.RidgeCV((1, -1)).fit(X, y)


def test_coefficient_table_is_that_of_statsmodels():
    X, y, w = table()
    w += 1
    line = ours.LinearRegression().fit(X, y, sample_weight=w)
    reference = sm.WLS(y, sm.add_constant(X), w).fit()
    found = line.coef_table_.set_index("term").loc[["Intercept", "x0", "x1", "x2", "x3"]]
    np.testing.assert_allclose(found["std_error"], reference.bse, rtol=1e-10)
    np.testing.assert_allclose(found["p_value"], reference.pvalues, rtol=1e-8, atol=1e-300)
    np.testing.assert_allclose(found[["conf_low", "conf_high"]], reference.conf_int(), rtol=1e-9)
    assert line.model_ is line.model_
    assert line.fit(X[:50], y[:50]).model_.training.count == 50


@pytest.mark.parametrize("name", [*OF_MOMENTS, "RidgeCV", "LassoCV", "ElasticNetCV"])
@pytest.mark.parametrize("intercept", [True, False])
def test_model_is_the_same_line(name, intercept):
    X, y, w = table()
    line = made(name, fit_intercept=intercept).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(np.ravel(line.model_.predict(X[:5])), line.predict(X[:5]), rtol=1e-9)


# -- one row at a time -----------------------------------------------------------------------------------------------------


def by_the_book(X, y, *, alpha, eta, epochs, power=0.25):
    """Stochastic gradient descent as a textbook has it, in the rows' order."""
    w, b, t = np.zeros(X.shape[1]), 0.0, 1
    for _ in range(epochs):
        for x, target in zip(X, y, strict=True):
            rate = eta / t**power
            error = x @ w + b - target
            w = w * (1 - rate * alpha) - rate * error * x
            b -= rate * error
            t += 1
    return w, b


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


@pytest.mark.parametrize("n", [100, 700])  # row by row, and in blocks
def test_sgd_is_the_textbook(n):
    X, y, _ = table(n)
    w, b = by_the_book(X, y, alpha=0.01, eta=0.01, epochs=3)
    line = ours.SGDRegressor(alpha=0.01, max_iter=3, tol=None, shuffle=False).fit(X, y)
    np.testing.assert_allclose(line.coef_, w, rtol=1e-10)
    assert line.intercept_[0] == pytest.approx(b, rel=1e-10)
    assert line.t_ == 3 * n + 1
    assert len(line.loss_curve_) == line.n_iter_ == 3


@pytest.mark.parametrize("loss", one_by_one.LOSSES)
@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet", None])
@pytest.mark.parametrize("rate", ["constant", "optimal", "invscaling", "adaptive"])
def test_sgd_is_theirs_in_the_rows_order(loss, penalty, rate):
    X, y, _ = table(300)
    X = (X - 3) / (
        10 if rate == "optimal" else 1
    )  # its first rates are near 1: longer rows would have rounding grow without end
    parameters = {
        "loss": loss,
        "penalty": penalty,
        "learning_rate": rate,
        "alpha": 0.02,
        "eta0": 0.005,
        "epsilon": 0.3,
        "l1_ratio": 0.4,
    }
    both = [
        kind(**parameters, max_iter=4, tol=None, shuffle=False, average=average).fit(X, y)
        for average in (False, 500 if penalty in ("l2", None) else False)  # theirs averages weights that l1 has not touched
        for kind in (ours.SGDRegressor, theirs.SGDRegressor)
    ]
    for mine, others in (both[:2], both[2:]):
        np.testing.assert_allclose(mine.coef_, others.coef_, rtol=1e-7, atol=1e-10)  # some of these diverge
        np.testing.assert_allclose(mine.intercept_, others.intercept_, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("rate", ["pa1", "pa2"])
def test_passive_aggressive_rates_are_theirs(rate):
    X, y, _ = table(200)
    parameters = {
        "loss": "epsilon_insensitive",
        "penalty": None,
        "learning_rate": rate,
        "eta0": 0.1,
        "max_iter": 2,
        "tol": None,
    }
    mine = ours.SGDRegressor(**parameters, shuffle=False).fit(X, y)
    others = theirs.SGDRegressor(**parameters, shuffle=False).fit(X, y)
    np.testing.assert_allclose(mine.coef_, others.coef_, rtol=1e-9)


@given(st.sampled_from([0, 1, 50]), st.floats(0, 2), st.booleans(), st.sampled_from([1.0, 0.01]), st.integers(0, 3))
def test_blocks_are_rows_one_by_one(average, l2, intercept, level_rate, seed):
    X, y, w = table(150, 3, 1, seed)
    rows = Rows(torch.from_numpy(X), torch.from_numpy(y), torch.from_numpy(w))
    how = OneByOne(l2=l2, intercept=intercept, average=average, level_rate=level_rate, eta0=0.02)
    order, share = one_by_one.visits(rows)
    start = Progress.start(torch.full((3,), 0.5, dtype=torch.float64), 0.1, eta=0.02, step=7.0)
    slow = one_by_one._row_by_row(how, rows, order, share, start, torch.zeros(2, 3, dtype=torch.float64))
    fast = one_by_one._in_blocks(how, rows, order, share, start, one_by_one._Room.of(len(order), 3))
    assert fast is not None
    for name in ("weights", "mean_weights"):
        torch.testing.assert_close(getattr(fast, name), getattr(slow, name), rtol=1e-9, atol=1e-11)
    for name in ("level", "mean_level", "objective", "loss", "step"):
        assert getattr(fast, name) == pytest.approx(getattr(slow, name), rel=1e-9, abs=1e-11), name


def test_sgd_knows_no_order_and_weights_are_rows():
    X, y, w = table(300)
    parameters = {"max_iter": 3, "tol": None, "random_state": 4, "eta0": 0.003}
    line = ours.SGDRegressor(**parameters).fit(X, y, sample_weight=w)
    turn = np.random.default_rng(0).permutation(300)
    np.testing.assert_array_equal(
        line.coef_, ours.SGDRegressor(**parameters).fit(X[turn], y[turn], sample_weight=w[turn]).coef_
    )
    many = np.repeat(np.arange(300), w.astype(int))
    np.testing.assert_array_equal(line.coef_, ours.SGDRegressor(**parameters).fit(X[many], y[many]).coef_)
    assert (line.coef_ != ours.SGDRegressor(**parameters | {"random_state": 5}).fit(X, y, sample_weight=w).coef_).all()


def test_sgd_stops_early_warms_up_and_refuses():
    X, y, _ = table(200)
    early = ours.SGDRegressor(early_stopping=True, random_state=0, max_iter=500).fit(X, y)
    assert early.n_iter_ < 500
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        ours.SGDRegressor(max_iter=2).fit(X, y)
    short = ours.SGDRegressor(max_iter=1, tol=None, warm_start=True, learning_rate="constant", eta0=1e-3, shuffle=False)
    for _ in range(3):
        short.fit(X, y)
    long = clone(short).set_params(max_iter=3).fit(X, y)
    np.testing.assert_allclose(short.coef_, long.coef_, rtol=1e-9)
    with pytest.raises(DataError, match="overflow"):
        ours.SGDRegressor(learning_rate="constant", eta0=10.0).fit(X * 1e300, y)
    with pytest.raises(OptionError, match="early_stopping"):
        ours.SGDRegressor(early_stopping=True).partial_fit(X, y)
    with pytest.raises(OptionError, match="coef_init"):
        ours.SGDRegressor().fit(X, y, coef_init=[1.0])
    assert sparse.issparse(early.sparsify().coef_)
    assert early.predict(X).shape == (200,)
    assert early.densify().coef_.shape == (4,)


def test_partial_fit_of_sgd_goes_on_where_it_was():
    X, y, _ = table(120)
    once = ours.SGDRegressor(max_iter=1, tol=None, shuffle=False).fit(X, y)
    parts = ours.SGDRegressor(shuffle=False)
    for i in range(0, 120, 40):
        parts.partial_fit(X[i : i + 40], y[i : i + 40])
    np.testing.assert_allclose(parts.coef_, once.coef_, rtol=1e-12)
    assert parts.t_ == once.t_


# -- outliers --------------------------------------------------------------------------------------------------------------


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


# -- where arrays come from and go -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_go_in_and_come_out(name, dtype):
    X, y, w = table()
    w += 1
    given_X, given_y = torch.tensor(X, dtype=dtype, requires_grad=True), torch.tensor(y, dtype=dtype)
    line = made(name).fit(given_X, given_y, sample_weight=torch.tensor(w))
    found = line.predict(given_X)
    assert isinstance(found, torch.Tensor)
    assert found.dtype == dtype
    reference = made(name).fit(given_X.detach().numpy(), given_y.numpy(), sample_weight=w)
    np.testing.assert_array_equal(found.numpy(), reference.predict(given_X.detach().numpy()))
    assert reference.predict(given_X.detach().numpy()).dtype == given_X.detach().numpy().dtype


@pytest.mark.parametrize("name", [n for n in NAMES if n != "SGDRegressor"])
@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_array, sparse.coo_array])
def test_sparse_is_dense(name, kind):
    X, y, _ = table()
    X[X < 3] = 0
    np.testing.assert_allclose(made(name).fit(kind(X), y).predict(kind(X)), made(name).fit(X, y).predict(X), rtol=1e-9)


def test_what_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(border, "MOST_DENSE", 100)
    X, y, _ = table()
    with pytest.raises(DataError, match="80 rows and 4 columns"):
        ours.Ridge().fit(sparse.csr_array(X), y)
    with pytest.raises(OptionError, match=r"20,000 columns"):
        ours.Ridge(positive=True).fit(np.ones((2, 20_000)), [1.0, 2.0])


@pytest.mark.parametrize(
    ("weights", "what"),
    [
        (np.ones((80, 2)), "1D"),
        (np.ones(79), "one weight a row"),
        (-np.ones(80), "Negative"),
        (np.zeros(80), "non-zero"),
        ([np.nan] * 80, "NaN"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_weights_that_are_none(name, weights, what):
    X, y, _ = table()
    with pytest.raises(DataError, match=what):
        made(name).fit(X, y, sample_weight=weights)


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("LinearRegression", "fit_intercept", 1),
        ("Ridge", "alpha", -1.0),
        ("Ridge", "solver", "fast"),
        ("Lasso", "alpha", "much"),
        ("Lasso", "alpha", float("inf")),
        ("ElasticNet", "l1_ratio", 1.5),
        ("LassoCV", "eps", 0),
        ("RidgeCV", "gcv_mode", "best"),
        ("SGDRegressor", "loss", "hinge"),
        ("SGDRegressor", "power_t", -1.0),
        ("SGDRegressor", "max_iter", 0),
        ("HuberRegressor", "epsilon", 0.5),
    ],
)
def test_parameters_that_make_no_sense(name, parameter, value):
    X, y, _ = table()
    with pytest.raises(OptionError, match=f"'{parameter}' parameter of {name} must be"):
        made(name, **{parameter: value}).fit(X, y)


# -- callbacks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "task"), [("SGDRegressor", "epoch"), ("HuberRegressor", "newton step")])
def test_callbacks_hear_of_every_step_and_may_stop(name, task):
    pytest.importorskip("sklearn.callback")

    class Hearing:
        def __init__(self, most):
            self.most, self.scores, self.torn_down = most, [], False

        def setup(self, estimator, context):
            self.scores.clear()

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
            if context.task_name == task:
                self.scores.append(fitted_estimator.score(X, y))
            return len(self.scores) >= self.most

        def teardown(self, estimator, context):
            self.torn_down = True

    X, y, _ = table(300)
    y[:20] += 50
    ear = Hearing(10**6)
    line = made(name).set_callbacks(ear).fit(X, y)
    assert len(ear.scores) == line.n_iter_
    assert ear.scores[-1] == pytest.approx(line.score(X, y))
    assert ear.torn_down
    short = made(name).set_callbacks(Hearing(2)).fit(X, y)
    assert short.n_iter_ == 2


# -- imports ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["linear", "elastic", "sgd", "huber"])
def test_examples(module):
    found = doctest.testmod(importlib.import_module(f"bestline.estimators.{module}"))
    assert found.attempted > 0
    assert found.failed == 0


def test_only_what_scikit_learn_offers_is_used():
    for path in Path(ours.__file__).parent.glob("*.py"):
        for line in path.read_text().splitlines():
            assert not re.search(r"from sklearn\S*\._|from sklearn.* import .*\b_", line), f"{path.name}: {line}"


def test_scikit_learn_is_loaded_when_asked_for_only():
    code = (
        "import sys, bestline, bestline.solvers.stochastic; assert not [m for m in sys.modules if m.split('.')[0] == 'sklearn']"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    missing = "import sys; sys.modules['sklearn'] = None\nimport bestline.estimators"
    done = subprocess.run([sys.executable, "-c", missing], capture_output=True, text=True, check=False)
    assert "need it: pip install 'bestline[sklearn]'" in done.stderr


def test_too_many_columns_for_moments_are_refused_by_a_sentence_that_names_the_right_tool() -> None:
    X, y = np.zeros((2, 16_001)), np.zeros(2)
    with pytest.raises(OptionError, match="scikit-learn's estimator of the same name"):
        ours.Ridge(positive=True).fit(X, y)
    with pytest.raises(DataError, match=r"bestline\.Ridge for l2, bestline\.Lasso or bestline\.LassoCV for l1"):
        bl.fit((X[:, :8_001], y), l1=0.1)
