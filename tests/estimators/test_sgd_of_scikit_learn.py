"""SGDRegressor beside scikit-learn's own, in the rows' order: where averaging starts, early stopping, and what goes on."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.linear_model as theirs
from sklearn.base import clone
from sklearn.model_selection import ShuffleSplit

import bestline.estimators as ours
from estimators.examples import table

# One order of the same float64 sums.
SAME = {"rtol": 1e-10, "atol": 1e-12}
PLAIN = {"shuffle": False, "tol": None, "eta0": 0.002, "alpha": 0.01, "learning_rate": "constant"}


@pytest.mark.parametrize("late", [-2, -1, 0, 1, 2])
@pytest.mark.parametrize("epochs", [1, 2])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_averages_begin_at_the_step_that_theirs_begin_at(late: int, epochs: int) -> None:
    """Around the very last step: one later and there is no average to give."""
    X, y, _ = table(60)
    average = 60 * epochs + late
    parameters = PLAIN | {"average": average, "max_iter": epochs}
    mine, peer = ours.SGDRegressor(**parameters).fit(X, y), theirs.SGDRegressor(**parameters).fit(X, y)
    np.testing.assert_allclose(mine.coef_, peer.coef_, **SAME)
    np.testing.assert_allclose(mine.intercept_, peer.intercept_, **SAME)
    plain = ours.SGDRegressor(**(parameters | {"average": False})).fit(X, y)
    assert np.allclose(mine.coef_, plain.coef_, **SAME) == (late >= 0)  # the average of the last step alone is that step


@pytest.mark.parametrize("average", [True, 7, 150])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_averages_of_many_steps(average: bool | int) -> None:
    X, y, _ = table(100)
    parameters = PLAIN | {"average": average, "max_iter": 3}
    mine, peer = ours.SGDRegressor(**parameters).fit(X, y), theirs.SGDRegressor(**parameters).fit(X, y)
    np.testing.assert_allclose(mine.coef_, peer.coef_, **SAME)
    np.testing.assert_allclose(mine.intercept_, peer.intercept_, **SAME)


def by_hand(X, y, w, *, seed: int, patience: int, tol: float) -> int:
    """Epochs until the weighted R2 of the rows held out has not risen by `tol` for so many of them."""
    train, held = next(ShuffleSplit(1, test_size=0.3, random_state=seed).split(np.zeros((len(X), 1))))
    train = np.sort(train)
    line = ours.SGDRegressor(**PLAIN | {"max_iter": 1, "warm_start": True})
    best, idle, epochs = -np.inf, 0, 0
    while idle < patience:
        line.partial_fit(X[train], y[train], sample_weight=w[train])
        epochs += 1
        mean = np.average(y[held], weights=w[held])
        score = 1 - (w[held] @ (y[held] - line.predict(X[held])) ** 2) / (w[held] @ (y[held] - mean) ** 2)
        idle = idle + 1 if score < best + tol else 0
        best = max(best, score)
    return epochs


@pytest.mark.parametrize("seed", range(4))
def test_early_stopping_weighs_the_rows_that_are_held_out(seed: int) -> None:
    X, y, _ = table(120)
    w = np.random.default_rng(seed).choice([1.0, 9.0], 120)
    y = y + np.where(w > 1, 0.0, 8 * np.random.default_rng(seed + 50).normal(size=120))  # light rows say something else
    parameters = PLAIN | {"tol": 1e-4, "max_iter": 1_000, "n_iter_no_change": 3, "random_state": seed}
    early = {"early_stopping": True, "validation_fraction": 0.3}
    weighted = ours.SGDRegressor(**parameters, **early).fit(X, y, sample_weight=w)
    assert weighted.n_iter_ == by_hand(X, y, w, seed=seed, patience=3, tol=1e-4)
    plain = ours.SGDRegressor(**parameters, **early).fit(X, y)
    assert plain.n_iter_ == by_hand(X, y, np.ones(120), seed=seed, patience=3, tol=1e-4)


def test_the_curve_of_losses_goes_on_with_partial_fits() -> None:
    X, y, _ = table(50)
    line = ours.SGDRegressor(**PLAIN)
    whole = clone(line).set_params(max_iter=4).fit(X, y)
    for epochs in range(1, 5):
        line.partial_fit(X, y)
        assert len(line.loss_curve_) == epochs
    np.testing.assert_allclose(line.loss_curve_, whole.loss_curve_, rtol=1e-12)
    assert whole.loss_curve_[-1] < whole.loss_curve_[0]
    whole.partial_fit(X, y)
    assert len(whole.loss_curve_) == 5


@pytest.mark.parametrize(
    ("loss", "value"),
    [
        ("squared_error", lambda e: e**2 / 2),
        ("huber", lambda e: np.where(abs(e) <= 0.7, e**2 / 2, 0.7 * abs(e) - 0.7**2 / 2)),
        ("epsilon_insensitive", lambda e: np.maximum(abs(e) - 0.7, 0)),
        ("squared_epsilon_insensitive", lambda e: np.maximum(abs(e) - 0.7, 0) ** 2),
    ],
)
def test_the_curve_is_the_objective_at_the_weights_that_met_each_row(loss: str, value) -> None:
    """At a rate that moves nothing, of all rows at the first weights."""
    X, y, _ = table(40)
    start = np.array([0.3, -0.2, 0.1, 0.5])
    line = ours.SGDRegressor(loss, **PLAIN | {"eta0": 1e-300, "max_iter": 1}, epsilon=0.7)
    line.fit(X, y, coef_init=start, intercept_init=[0.4])
    expected = value(y - X @ start - 0.4).mean() + 0.01 * (start @ start) / 2
    assert line.loss_curve_ == [pytest.approx(expected, rel=1e-12)]


@pytest.mark.parametrize("patience", [1, 3])
@pytest.mark.parametrize("eta0", [0.01, 0.05])
def test_an_adaptive_rate_falls_as_theirs_does(patience: int, eta0: float) -> None:
    """Epoch by epoch until the rate is too small to matter: how often it falls, when, and by how much."""
    X, y, _ = table(60)
    parameters = PLAIN | {
        "learning_rate": "adaptive",
        "eta0": eta0,
        "tol": 1e-3,
        "n_iter_no_change": patience,
        "max_iter": 1_000,
    }
    mine, peer = ours.SGDRegressor(**parameters).fit(X, y), theirs.SGDRegressor(**parameters).fit(X, y)
    assert mine.n_iter_ == peer.n_iter_ > 6 * patience
    np.testing.assert_allclose(mine.coef_, peer.coef_, **SAME)
    np.testing.assert_allclose(mine.intercept_, peer.intercept_, **SAME)
