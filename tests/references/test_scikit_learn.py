"""Against scikit-learn: least squares, ridge, lasso and out-of-fold scores."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso, LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bestline as bl
from bestline.data.folds import row_hash
from bestline.numerics.rows import Rows
from references.examples import numbers

pytestmark = pytest.mark.usefixtures("quiet")


# Two float64 solutions of a well-conditioned problem differ by some units of rounding times its condition, here below 1e3.
SAME = {"rel": 1e-10, "abs": 1e-10}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("k", [1, 2])
def test_linear_regression(weighted: bool, intercept: bool, k: int):
    X, Y = numbers(150, 4, k)
    w = np.random.default_rng(1).uniform(0.1, 2, 150) if weighted else None
    ref = LinearRegression(tol=0, fit_intercept=intercept).fit(X, Y, w)
    targets = [f"y{i}" for i in range(k)]
    data = {**{f"x{j}": X[:, j] for j in range(4)}, **dict(zip(targets, Y.reshape(150, k).T, strict=True))}
    formula = f"{' + '.join(targets)} ~ x0 + x1 + x2 + x3{'' if intercept else ' - 1'}"
    model = bl.fit(data, formula, weights=w)
    assert model.weights[:4].T.numpy() == pytest.approx(ref.coef_.reshape(k, 4), **SAME)
    assert np.ravel(model.intercept) == pytest.approx(np.ravel(ref.intercept_ * np.ones(k)), **SAME)
    assert np.ravel(model.predict(X)) == pytest.approx(np.ravel(ref.predict(X)), **SAME)
    if k == 1 and intercept:
        assert model.fitted_scores.r2[0] == pytest.approx(ref.score(X, Y, w), **SAME)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("l2", [1e-3, 0.1, 5.0])
def test_ridge(l2: float, intercept: bool, weighted: bool):
    X, y = numbers(150, 4)
    w = np.random.default_rng(1).uniform(0.1, 2, 150) if weighted else None
    total = 150 if w is None else w.sum()
    data = {**{f"x{j}": X[:, j] for j in range(4)}, "y": y}
    formula = f"y ~ x0 + x1 + x2 + x3{'' if intercept else ' - 1'}"
    ridge = partial(Ridge, alpha=total * l2, solver="cholesky", fit_intercept=intercept)
    raw = ridge().fit(X, y, w)
    model = bl.fit(data, formula, l2=l2, standardize=False, weights=w)
    assert model.predict(X) == pytest.approx(raw.predict(X), **SAME)
    assert model.weights[:4, 0].tolist() == pytest.approx(raw.coef_, **SAME)
    scaler = StandardScaler(with_mean=intercept).fit(X, sample_weight=w)
    if not intercept:  # nothing is centred, so a column's size is its root mean square
        scaler.scale_ = np.sqrt(np.average(X**2, axis=0, weights=w))
    scaled = ridge().fit(scaler.transform(X), y, w)
    model = bl.fit(data, formula, l2=l2, weights=w)
    assert model.weights[:4, 0].tolist() == pytest.approx(scaled.coef_ / scaler.scale_, **SAME)
    assert model.predict(X) == pytest.approx(scaled.predict(scaler.transform(X)), **SAME)


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.5])
def test_lasso(alpha: float):
    X, y = numbers(150, 6)
    X[:, 3] = np.random.default_rng(9).normal(size=150)  # a column that the target does not depend on
    scaler = StandardScaler().fit(X)
    size = y.std()
    ref = Lasso(alpha=alpha, tol=1e-14, max_iter=100_000).fit(scaler.transform(X), (y - y.mean()) / size)
    model = bl.fit((X, y), l1=2 * alpha)
    scaled = model.weights[:6, 0].numpy() * scaler.scale_ / size
    assert scaled == pytest.approx(ref.coef_, abs=1e-8)
    assert ((scaled == 0) == (ref.coef_ == 0)).all()


@pytest.mark.parametrize("kind", ["least squares", "ridge", "no intercept", "weights", "two targets"])
@pytest.mark.parametrize("seed", [0, 7])
def test_out_of_fold_scores_are_those_of_refits(kind: str, seed: int):
    n, k = 97, 2 if kind == "two targets" else 1
    X, Y = numbers(n, 3, k)
    Y = Y.reshape(n, k)
    w = np.random.default_rng(1).uniform(0.1, 2, n) if kind == "weights" else None
    fold = torch.remainder(row_hash(Rows(torch.from_numpy(X), torch.from_numpy(Y)), seed), 5).numpy()
    l2 = 0.3 if kind == "ridge" else 0.0
    predicted = np.empty_like(Y)
    for f in range(5):
        train, test = fold != f, fold == f
        weights = None if w is None else w[train]
        if kind == "ridge":
            ref = make_pipeline(StandardScaler(), Ridge(alpha=l2 * train.sum(), solver="cholesky")).fit(X[train], Y[train])
        else:
            ref = LinearRegression(tol=0, fit_intercept=kind != "no intercept").fit(X[train], Y[train], weights)
        predicted[test] = ref.predict(X[test]).reshape(-1, k)
    mse = np.average((Y - predicted) ** 2, axis=0, weights=w)
    mean = np.average(Y, axis=0, weights=w)
    data = {**{f"x{j}": X[:, j] for j in range(3)}, **{f"y{i}": Y[:, i] for i in range(k)}}
    formula = f"{' + '.join(f'y{i}' for i in range(k))} ~ x0 + x1 + x2{' - 1' if kind == 'no intercept' else ''}"
    score = bl.fit(data, formula, l2=l2, seed=seed, weights=w).held_out
    assert (score.kind, score.rows) == ("5-fold", n)
    assert score.mse == pytest.approx(mse, **SAME)
    assert score.r2 == pytest.approx(1 - mse / np.average((Y - mean) ** 2, axis=0, weights=w), **SAME)
    on_rows = bl.Descent("nesterov", lr=0.05, batch_size=n, tol=1e-11)
    trained = bl.fit(data, formula, l2=l2, seed=seed, weights=w, solver=on_rows)
    assert trained.stop is bl.Stop.CONVERGED
    assert trained.held_out.mse == pytest.approx(mse, **SAME)
