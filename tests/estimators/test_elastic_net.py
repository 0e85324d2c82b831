"""Lasso and elastic net, and their cross-validated kin."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.linear_model as theirs
from sklearn.model_selection import KFold, LeaveOneOut

import bestline.estimators as ours
from bestline.errors import OptionError
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
