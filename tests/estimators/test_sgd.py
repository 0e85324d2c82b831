"""SGDRegressor: the textbook, scikit-learn's steps, blocks, stops."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.linear_model as theirs
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import bestline.estimators as ours
from bestline.errors import DataError, OptionError
from bestline.numerics.rows import Rows
from bestline.training.solvers import row_loop as one_by_one
from bestline.training.solvers.row_loop import OneByOne, Progress
from estimators.examples import table


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
    fast = one_by_one._in_blocks(how, rows, order, share, start, one_by_one._Workspace.of(len(order), 3))
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
    with pytest.raises(DataError, match="leave the range of float64"):
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


def test_the_line_that_was_trained_is_a_model_too(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = X @ [1.0, -2.0, 0.5] + 3 + rng.normal(size=300)
    for options in ({}, {"penalty": "l1", "alpha": 0.01}, {"penalty": None, "fit_intercept": False}, {"average": True}):
        line = ours.SGDRegressor(max_iter=50, **options).fit(X, y)
        model = line.model_
        learnt = [*line.coef_, *line.intercept_] if line.fit_intercept else line.coef_
        assert model.weights[:, 0].tolist() == list(learnt)
        assert model.predict(X[:5]).tolist() == pytest.approx(line.predict(X[:5]).tolist(), rel=1e-12)
        mse = np.mean((line.predict(X) - y) ** 2)
        assert model.fitted_scores.mse[0] == pytest.approx(mse, rel=1e-9)
        assert float(model.trace.loss[-1]) == pytest.approx(mse, rel=1e-9)
        assert model.stop.name == "STEPS"
        assert "epochs of one step a row" in str(model.summary())
        assert line.coef_table_["conf_low"].isna().all()  # it has not reached the solution, so there are no intervals
        assert max(line.digits_.fillna(0)) < 8
    model.save(tmp_path / "sgd.bestline")
    parts = ours.SGDRegressor().partial_fit(X[:100], y[:100])
    assert parts.model_.training.count == 100
    assert parts.partial_fit(X[100:], y[100:]).model_.training.count == 300
    assert "_model" not in parts.__getstate__()


def test_there_is_no_model_of_other_losses_or_of_very_many_columns():
    rng = np.random.default_rng(1)
    assert not hasattr(ours.SGDRegressor(loss="huber").fit(rng.normal(size=(50, 2)), rng.normal(size=50)), "model_")
    assert not hasattr(ours.SGDRegressor(max_iter=5, tol=None).fit(rng.normal(size=(50, 101)), rng.normal(size=50)), "model_")


def test_a_line_that_goes_on_still_knows_which_columns_were_rounded():
    """Integers that float64 rounds, in the first part alone: no digit is claimed of the line of both."""
    frame = pd.DataFrame({"x": [2**53 + 1 + 2 * i for i in range(40)], "y": np.arange(40.0) % 7})
    small = pd.DataFrame({"x": np.arange(40), "y": np.arange(40.0) % 5})
    for parts in ([frame, small], [small, frame]):
        line = ours.SGDRegressor(max_iter=1, tol=None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for part in parts:
                line.partial_fit(part[["x"]], part["y"])
            assert line.model_.design.rounded == ("x",)
