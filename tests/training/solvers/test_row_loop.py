"""Blocks of rows are the plain loop, whatever the rates, penalties and weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from bestline.numerics.rows import Rows
from bestline.training.solvers import row_loop as one_by_one
from bestline.training.solvers.row_loop import OneByOne, Progress, _Workspace

EXACT = 1e-12  # relative, of what both ways compute in float64: sums in another order


def plain_loop(how, X, y, share, w, b, t):
    """The recursion as the textbook has it; also the averages, and the mean objective of the rows as they are met."""
    w, mean, mean_b, objective = w.copy(), np.zeros_like(w), 0.0, 0.0
    for x, target, weight in zip(X, y, share, strict=True):
        rate = {
            "constant": how.eta0,
            "invscaling": how.eta0 / t**how.power,
            "optimal": 1 / (how.alpha * (how.begin + t - 1)),
        }[how.rate]
        error = x @ w + b - target
        objective += 0.5 * error**2 + 0.5 * how.l2 * (w @ w)
        w = (1 - rate * how.l2) * w - rate * weight * error * x
        if how.intercept:
            b -= how.level_rate * rate * weight * error
        if how.average and t >= how.average:
            seen = t - how.average + 1
            mean, mean_b = mean + (w - mean) / seen, mean_b + (b - mean_b) / seen
        t += 1
    return w, b, mean, mean_b, objective / len(y)


@given(
    rate=st.sampled_from(["constant", "invscaling", "optimal"]),
    l2=st.sampled_from([0.0, 0.01, 1.0]),
    average=st.sampled_from([0, 1, 60]),
    intercept=st.booleans(),
    level_rate=st.sampled_from([1.0, 0.01]),
    weighted=st.booleans(),
    n=st.integers(33, 300),
    p=st.integers(0, 12) | st.integers(28, 60),  # fewer columns than a block has rows, and more
    seed=st.integers(0, 1_000),
)
def test_blocks_are_the_plain_loop(rate, l2, average, intercept, level_rate, weighted, n, p, seed):
    draw = np.random.default_rng(seed)
    X, y = draw.normal(size=(n, p)) / max(1, p / 12) ** 0.5, draw.normal(size=n)
    share = draw.uniform(0, 1, n) if weighted else np.ones(n)
    how = OneByOne(l2=l2, intercept=intercept, rate=rate, eta0=0.03, alpha=1.0, average=average, level_rate=level_rate)
    rows = Rows(torch.from_numpy(X), torch.from_numpy(y[:, None]))
    start = Progress.start(torch.from_numpy(draw.normal(size=p)), 0.3, eta=how.eta0)
    owed = torch.zeros(2, p, dtype=torch.float64)
    done = one_by_one.epoch(how, rows, torch.arange(n), torch.from_numpy(share), start, owed)
    if rate != "optimal":  # whose first steps are long
        assert (
            one_by_one._in_blocks(how, rows, torch.arange(n), torch.from_numpy(share), start, _Workspace.of(n, p)) is not None
        )
    w, b, mean, mean_b, objective = plain_loop(how, X, y, share, start.weights.numpy(), 0.3, 1)
    close = {"rtol": EXACT, "atol": EXACT}
    np.testing.assert_allclose(done.weights.numpy(), w, **close)
    np.testing.assert_allclose(done.level, b, **close)
    np.testing.assert_allclose(done.mean_weights.numpy(), mean, **close)
    np.testing.assert_allclose(done.mean_level, mean_b, **close)
    assert done.objective == pytest.approx(objective, rel=EXACT)
    assert done.step == n + 1


@given(
    longest=st.floats(0.1, 6),
    stretched=st.sampled_from([0.0, 1.0, 2.0]),
    shrink=st.sampled_from([0.0, 0.01, 0.1, 0.45]),
    level_rate=st.sampled_from([1.0, 0.01]),
    power=st.sampled_from([0, 1, 8]),
    p=st.sampled_from([0, 1, 3, 30, 40]),
    seed=st.integers(0, 1_000),
)
def test_blocks_of_long_steps_keep_their_digits_or_are_left_to_the_loop(longest, stretched, shrink, level_rate, power, p, seed):
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(100, p)) * draw.lognormal(0, stretched, size=(100, 1))
    y, share = draw.normal(size=100), draw.uniform(0, 1, 100) ** power
    eta = longest / (1 + (X**2).sum(1).max())
    how = OneByOne(l2=shrink / eta, rate="constant", eta0=eta, level_rate=level_rate)
    rows = Rows(torch.from_numpy(X), torch.from_numpy(y[:, None]))
    start = Progress.start(torch.from_numpy(draw.normal(size=p)), 0.3, eta=eta)
    done = one_by_one._in_blocks(how, rows, torch.arange(100), torch.from_numpy(share), start, _Workspace.of(100, p))
    if longest <= 1.5:  # no row overshoots its target by more than it missed it
        assert done is not None
    assume(done is not None)
    w, b, *_, objective = plain_loop(how, X, y, share, start.weights.numpy(), 0.3, 1)
    close = {"rtol": EXACT, "atol": EXACT * max(1, float(np.abs(w).max(initial=abs(b))))}
    np.testing.assert_allclose(done.weights.numpy(), w, **close)
    np.testing.assert_allclose(done.level, b, **close)
    assert done.objective == pytest.approx(objective, rel=EXACT)


@pytest.mark.parametrize("p", [3, 40])
def test_an_epoch_is_the_same_however_much_is_done_at_once(monkeypatch, p):
    draw = np.random.default_rng(0)
    rows = Rows(torch.from_numpy(draw.normal(size=(5_000, p))), torch.from_numpy(draw.normal(size=(5_000, 1))))
    how, order, ones = (
        OneByOne(l2=0.1, average=1),
        torch.from_numpy(draw.permutation(5_000)),
        torch.ones(5_000, dtype=torch.float64),
    )
    start = Progress.start(torch.zeros(p, dtype=torch.float64), 0.0, eta=how.eta0)
    found = []
    for numbers in (one_by_one._AT_ONCE, 1):
        monkeypatch.setattr(one_by_one, "_AT_ONCE", numbers)
        found.append(one_by_one.epoch(how, rows, order, ones, start, torch.zeros(2, p, dtype=torch.float64)))
    torch.testing.assert_close(found[0].weights, found[1].weights, rtol=EXACT, atol=EXACT)
    torch.testing.assert_close(found[0].mean_weights, found[1].mean_weights, rtol=EXACT, atol=EXACT)
    assert found[0].objective == pytest.approx(found[1].objective, rel=EXACT)


def test_steps_too_long_for_blocks_are_made_one_by_one():
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(200, 3)), draw.normal(size=200)
    how = OneByOne(rate="constant", eta0=1.5)  # every row overshoots
    rows = Rows(torch.from_numpy(X), torch.from_numpy(y[:, None]))
    order, ones = torch.arange(200), torch.ones(200, dtype=torch.float64)
    start = Progress.start(torch.zeros(3, dtype=torch.float64), 0.0, eta=how.eta0)
    owed = torch.zeros(2, 3, dtype=torch.float64)
    assert one_by_one._in_blocks(how, rows, order, ones, start, _Workspace.of(200, 3)) is None
    done = one_by_one.epoch(how, rows, order, ones, start, owed)
    torch.testing.assert_close(done.weights, one_by_one._row_by_row(how, rows, order, ones, start, owed).weights)


@pytest.mark.parametrize("loss", one_by_one.LOSSES)
@pytest.mark.parametrize("epsilon", [0.1, 0.7])
def test_a_loss_is_nothing_at_no_error_and_grows_by_its_slope(loss: str, epsilon: float) -> None:
    how, step = OneByOne(loss=loss, epsilon=epsilon), 1e-6
    assert how.value(0.0) == 0.0
    # Not at the bends themselves, where the slope has two values.
    for error in (-3.0, -epsilon - 0.01, -0.5 * epsilon, 0.5 * epsilon, epsilon + 0.01, 2.5):
        change = (how.value(error + step) - how.value(error - step)) / (2 * step)
        assert how.slope(error) == pytest.approx(change, rel=1e-6, abs=1e-9)
    for bend in (-epsilon, epsilon):
        assert how.value(bend - 1e-9) == pytest.approx(how.value(bend + 1e-9), abs=1e-8)
