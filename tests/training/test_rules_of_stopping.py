"""When training stops, at the very edge of each rule, and what is kept then."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

import bestline as bl
from bestline.training.solvers import Descent, Stop

pytestmark = pytest.mark.usefixtures("quiet")

X = np.random.default_rng(0).normal(size=(60, 3)) * [1.0, 3.0, 0.3]
Y = X @ [1.0, -2.0, 3.0] + np.random.default_rng(1).normal(size=60)
own = partial(bl.fit, standardize=False)


def test_a_tolerance_that_is_just_met_is_met() -> None:
    """At the solution itself, in whole numbers, nothing is violated: a tolerance of 0 is met by 0."""
    model = own({"x": [-1.0, 1.0], "y": [-2.0, 2.0]}, "y ~ x", start=[2.0, 0.0], solver=Descent("sgd", lr=0.1, tol=0.0))
    assert model.stop is Stop.CONVERGED
    assert len(model.trace) == 1


@pytest.mark.parametrize("patience", [1, 3, 7])
def test_of_equal_held_out_losses_the_first_is_the_best(patience: int) -> None:
    """Steps of nothing leave the loss as it is: that is no progress, and the weights kept are the first ones."""
    solver = Descent("sgd", lr=1e-300, steps=50, patience=patience)
    model = own((X, Y), solver=solver, start=[0.0, 0, 0, 0], split=(0.5, 0.5, 0))
    assert model.stop is Stop.PATIENCE
    assert model.step == 0
    assert len(model.trace) == patience + 1


@pytest.mark.parametrize("steps", [None, 3_000])
def test_patience_counts_whether_steps_are_given_or_not(steps: int | None) -> None:
    rng = np.random.default_rng(2)
    wide = rng.normal(size=(30, 20))
    target = wide[:, 0] + 2 * rng.normal(size=30)
    solver = Descent("sgd", lr=0.02, steps=steps, patience=5)
    model = own((wide, target), solver=solver, split=(0.5, 0.5, 0))
    held = model.trace.held_out.numpy()
    assert model.stop is Stop.PATIENCE
    assert len(held) == int(held.argmin()) + 6
    assert model.step == int(held.argmin())


@pytest.mark.parametrize(("highest", "stop"), [(1e5, Stop.STEPS), (1e7, Stop.DIVERGED)])
def test_a_loss_may_rise_a_million_times_before_it_is_given_up(highest: float, stop: Stop) -> None:
    """A rate above the limit for a few steps, and well below it from then on: what comes back has not diverged."""
    moderate = own((X, Y), solver=Descent("sgd", lr=1e-9, steps=1), start=[0.0, 0, 0, 0])
    limit = moderate.rate_limit
    first = float(moderate.trace.loss[0])
    # Along the steepest direction the distance is multiplied by 1 - 2 lr / limit, here by -2, and the loss by 4, each step.
    away = 0
    while True:
        away += 1
        schedule = partial(LambdaLR, lr_lambda=lambda t, away=away: 1.5 if t < away else 0.5)
        solver = Descent("sgd", lr=limit, steps=away + 400, schedule=schedule)
        model = own((X, Y), solver=solver, start=[0.0, 0, 0, 0])
        reached = float(model.trace.loss.max()) / first
        if reached > highest / 10 or model.stop is Stop.DIVERGED:
            break
    assert model.stop is stop
    assert (float(model.trace.loss[-1]) < first) == (stop is Stop.STEPS)


def counted(lr: float, start: np.ndarray, share: float) -> float:
    """Steps of plain descent by hand until no more than this share of the first gap is left."""
    ones = np.c_[X, np.ones(60)]
    w, best = start.copy(), np.linalg.lstsq(ones, Y, rcond=None)[0]

    def loss(w: np.ndarray) -> float:
        return float(((ones @ w - Y) ** 2).mean())

    gap = loss(w) - loss(best)
    for step in range(20_000):
        if loss(w) - loss(best) <= share * gap:
            return step
        w = w - lr * 2 / 60 * ones.T @ (ones @ w - Y)
    return np.inf


@pytest.mark.parametrize("seed", range(3))
def test_the_automatic_rate_needs_the_fewest_steps_to_a_thousandth(seed: int) -> None:
    start = np.random.default_rng(seed).normal(size=4) * 5
    solver = Descent("sgd", lr="auto", steps=1)
    model = own((X, Y), solver=solver, start=start.tolist())
    rates = np.linspace(0.05, 0.97, 93) * model.rate_limit
    steps = [counted(rate, start, 1e-3) for rate in rates]
    assert model.rate == pytest.approx(rates[int(np.argmin(steps))], rel=1e-9)


@pytest.mark.parametrize("weight", [1, 2, 9, 16])
def test_a_row_of_a_whole_weight_comes_as_often(weight: int) -> None:
    """Up to sixteen times in an epoch: the same as so many rows, step by step."""
    from bestline.estimators import SGDRegressor

    w = np.ones(60)
    w[::7] = weight
    many = np.repeat(np.arange(60), w.astype(int))
    how = {"shuffle": False, "max_iter": 2, "tol": None, "eta0": 1e-3}
    line, copied = SGDRegressor(**how).fit(X, Y, sample_weight=w), SGDRegressor(**how).fit(X[many], Y[many])
    np.testing.assert_allclose(line.coef_, copied.coef_, rtol=1e-12)
    assert line.t_ == copied.t_ == 2 * len(many) + 1


def test_heavier_rows_come_sixteen_times_and_share_their_weight() -> None:
    from bestline.numerics.rows import Rows
    from bestline.training.solvers.row_loop import visits

    rows = Rows(torch.zeros(3, 1), torch.zeros(3, 1), torch.tensor([40.0, 2.5, 0.0], dtype=torch.float64))
    index, share = visits(rows)
    assert index.tolist() == [0] * 16 + [1] * 3
    assert share.tolist() == [2.5] * 16 + [pytest.approx(2.5 / 3)] * 3


@pytest.mark.parametrize(("away", "told"), [(0.4, True), (0.6, True), (2.0, False)])
def test_what_is_left_to_go_is_told_as_a_share_of_the_least_loss(away: float, told: bool) -> None:
    ones = np.c_[X, np.ones(60)]
    best = np.linalg.lstsq(ones, Y, rcond=None)[0]
    start = best + np.array([0, 0, 0, away])
    model = own((X, Y), solver=Descent("sgd", lr=1e-3, steps=1), start=start.tolist())
    after = start - 1e-3 * 2 / 60 * ones.T @ (ones @ start - Y)
    loss, least = (float(((ones @ v - Y) ** 2).mean()) for v in (after, best))
    assert (loss < 2 * least) == told
    shares = [float(share) for share in re.findall(r"\(([0-9.]+)% of it\)", model.advice)]
    assert shares == ([pytest.approx(100 * (loss - least) / least, rel=0.01)] if told else [])
