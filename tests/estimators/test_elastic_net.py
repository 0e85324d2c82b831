"""Lasso and elastic net, and their cross-validated kin."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.linear_model as theirs
from sklearn.model_selection import KFold, LeaveOneOut

import bestline.estimators as ours
from bestline.errors import OptionError
from bestline.training import cross_validation
from estimators.examples import made, table

EXACT = 1e-11  # two ways to the same solution of a well-conditioned problem, in float64


CLOSE = 1e-6  # another library's iterations at its tightest tolerance


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


# -- errors far smaller than the target --------------------------------------------------------------------------------


def known_errors(X: np.ndarray, y: np.ndarray, w: np.ndarray, alphas: list[float], share: float, folds: KFold) -> np.ndarray:
    """Mean squared errors (m, folds) of lines whose slopes are all positive, by the normal equations in extended precision.

    Where no slope is zero the objective is smooth: (S + a (1 - r) I) b = s - a r, about the means of the training rows.
    """
    found = np.empty((len(alphas), folds.n_splits))
    for f, (train, test) in enumerate(folds.split(X)):
        own, to = w[train].astype(np.longdouble), X[train].astype(np.longdouble)
        of, share_of = y[train].astype(np.longdouble), own / own.sum()
        mean, level = share_of @ to, share_of @ of
        S, s = (to - mean).T * share_of @ (to - mean), (to - mean).T * share_of @ (of - level)
        for a, alpha in enumerate(alphas):
            A, b = S + alpha * (1 - share) * np.eye(X.shape[1]), s - alpha * share
            slopes = np.linalg.solve(A.astype(float), b.astype(float)).astype(np.longdouble)
            for _ in range(4):  # refined, for there is no factorisation of extended numbers
                slopes += np.linalg.solve(A.astype(float), (b - A @ slopes).astype(float))
            away = (y[test] - level) - (X[test] - mean) @ slopes
            found[a, f] = float(w[test] @ away**2 / w[test].sum())
    return found


@pytest.mark.parametrize("far", [0.0, 1e4])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("noise", [1e-4, 1e-7, 1e-9])
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_errors_far_smaller_than_the_target_keep_their_digits(noise: float, weighted: bool, far: float, share: float) -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(150, 3)) + far
    y = X @ [1.0, 2.0, 3.0] + noise * rng.normal(size=150)
    w = rng.integers(1, 5, 150).astype(float) if weighted else np.ones(150)
    alphas, folds = [1e-3, 1e-6, 1e-9, 1e-12], KFold(5)
    model = ours.ElasticNetCV(l1_ratio=share, alphas=alphas, cv=folds).fit(X, y, w if weighted else None)
    # A mean square of weights that are right to 1e-14 or so of the target.
    limit = {0.0: 1e-14, 1e4: 1e-11}[far]
    np.testing.assert_allclose(
        np.sqrt(model.mse_path_), np.sqrt(known_errors(X, y, w, alphas, share, folds)), rtol=1e-8, atol=limit * np.abs(y).max()
    )


def test_a_wide_grid_of_small_errors_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(80, 3))
    y = X @ [1.0, 2.0, 3.0] + 1e-7 * rng.normal(size=80)
    how = {"l1_ratio": [0.2, 1.0], "alphas": [1e-4, 1e-7, 1e-9, 1e-10], "cv": 4}
    whole = ours.ElasticNetCV(**how).fit(X, y).mse_path_
    monkeypatch.setattr(cross_validation, "_AT_ONCE", 30)
    # Products of matrices of other shapes are added up in another order by some processors.
    np.testing.assert_allclose(ours.ElasticNetCV(**how).fit(X, y).mse_path_, whole, rtol=1e-7)


@pytest.mark.parametrize("name", ["LassoCV", "ElasticNetCV"])
def test_the_path_begins_where_no_weight_of_the_signs_allowed_is_in(name):
    """Of weights that may not be negative, columns that go against the target say nothing of the largest penalty."""
    X, y, _ = table(40, 5)
    X[:, 0] = -y + 0.1 * X[:, 1]  # the largest correlation of all, and negative
    mine = made(name, cv=3, alphas=6, positive=True).fit(X, y)
    others = getattr(theirs, name)(cv=3, alphas=6, tol=1e-12, max_iter=10**6, positive=True).fit(X, y)
    np.testing.assert_allclose(mine.alphas_, others.alphas_, rtol=EXACT)
    np.testing.assert_allclose(mine.coef_, others.coef_, rtol=CLOSE, atol=CLOSE)
