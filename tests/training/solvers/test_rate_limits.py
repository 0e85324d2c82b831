"""Steps foreseen, against the recurrence made step by step; limits and automatic rates, against closed forms and numpy."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

import bestline as bl
from bestline.training.solvers.rate_limits import Modes, predicted_steps

pytestmark = pytest.mark.usefixtures("quiet")


def losses(rate: float, momentum: float, nesterov: bool, steps: int = 6_000) -> np.ndarray:
    """Above the floor, after 0, 1, 2, ... steps of torch's SGD: v <- b v + g, w <- w - rate (g + b v, or v)."""
    w, v, path = np.longdouble(1), np.longdouble(0), []
    for t in range(steps + 1):
        path.append(w)
        v = momentum * v + w if t else w
        w = w - np.longdouble(rate) * (w + momentum * v if nesterov else v)
    return np.array(path) ** 2


@pytest.mark.parametrize("away", [0.0, 1e-14, 1e-12, 1e-11, 1e-10, 1e-9, 1e-6, 1e-3, -1e-12, -1e-10, -1e-9, -1e-6])
@pytest.mark.parametrize(("momentum", "nesterov"), [(0.9, False), (0.99, False), (0.9, True)])
def test_steps_are_foreseen_to_the_last_where_two_roots_meet(momentum: float, nesterov: bool, away: float) -> None:
    """Of l^2 - trace l + product: where trace^2 = 4 product. With heavy-ball momentum b that is (1 + b - r)^2 = 4 b, with
    Nesterov's ((1 + b) (1 - r))^2 = 4 b (1 - r)."""
    meet = 1 - 4 * momentum / (1 + momentum) ** 2 if nesterov else (1 - momentum**0.5) ** 2
    rate, one = meet * (1 + away), torch.ones(1, dtype=torch.float64)
    path = losses(rate, momentum, nesterov)
    for left in (1e-2, 1e-3, 1e-5, 1e-7):
        # Just above and just below the loss of a step: so the loss itself is foreseen, and not only its size.
        near = float(path[np.flatnonzero(path > left)[-1] + 1])
        for level in (near * (1 + 1e-5), near * (1 - 1e-5)):
            found = predicted_steps(Modes(one, one), rate * one, level, momentum=momentum, nesterov=nesterov)
            assert int(found) == np.flatnonzero(path > level)[-1] + 1, (left, level)


# --- the rate that is taken when nobody says ---------------------------------------------------------------------------------


def table(n: int = 30) -> pd.DataFrame:
    r = np.random.default_rng(3)
    f = pd.DataFrame({"a": r.normal(size=n), "b": r.normal(3, 2, n), "w": r.uniform(0.5, 2, n)})
    return f.assign(y=f.a - f.b + r.normal(size=n))


def hessian(f: pd.DataFrame, *, centred: bool = False) -> np.ndarray:
    """Of the mean squared error, over a, b and the intercept, by numpy."""
    X = f[["a", "b"]].to_numpy()
    X = np.c_[(X - X.mean(0)) / X.std(0) if centred else X, np.ones(len(f))]
    return 2 * X.T @ X / len(f)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(("solver", "factor"), [("sgd", 2.0), ("momentum", 2 * 1.9), ("nesterov", 2 * 1.9 / 2.8)])
def test_the_limit_is_that_of_polyak_and_nesterov_over_the_largest_curvature(
    solver: str, factor: float, standardize: bool
) -> None:
    model = bl.fit(table(), "y ~ a + b", solver=solver, steps=3, standardize=standardize)
    assert model.rate_limit == pytest.approx(factor / np.linalg.eigvalsh(hessian(table(), centred=standardize))[-1], rel=1e-12)


@pytest.mark.parametrize(
    ("momentum", "nesterov", "solver"), [(0.0, False, "sgd"), (0.9, False, "momentum"), (0.9, True, "nesterov")]
)
def test_no_other_rate_of_the_grid_leaves_a_thousandth_sooner(momentum: float, nesterov: bool, solver: str) -> None:
    """The steps of every rate are made one by one by torch, from the same start."""
    model = bl.fit(table(), "y ~ a + b", solver=solver, steps=1, standardize=False, start=[4.0, 3.0, -9.0])
    H, bottom = hessian(table()), bl.fit(table(), "y ~ a + b").weights[:, 0].numpy()
    start = np.array([4.0, 3.0, -9.0]) - bottom

    def steps(rate: float) -> int:
        """After which the loss stays below a thousandth: with momentum it swings."""
        w, v, last = start.copy(), np.zeros(3), 0
        for made in range(600):
            last = made if w @ H @ w > 1e-3 * (start @ H @ start) else last
            g = H @ w
            v = momentum * v + g if made else g
            w = w - rate * (g + momentum * v if nesterov else v)
        return last + 1

    shares = np.linspace(0.05, 0.97, 93)
    tried = {rate: steps(rate) for rate in shares * model.rate_limit}
    assert model.rate == pytest.approx(min(tried, key=tried.get), rel=1e-9)


@pytest.mark.parametrize("solver", ["adam", "adamw", "rmsprop", "adagrad"])
def test_optimisers_that_rescale_take_a_twentieth_of_the_way(solver: str) -> None:
    bottom = bl.fit(table(), "y ~ a + b").weights[:, 0].numpy()
    for start in ([4.0, 3.0, -9.0], [0.0, 0.0, 100.0]):
        model = bl.fit(table(), "y ~ a + b", solver=solver, steps=1, standardize=False, start=start)
        assert model.rate == pytest.approx(np.abs(start - bottom).max() / 20, rel=1e-9)
        assert model.rate_limit is None
    near = bl.fit(table(), "y ~ a + b", solver=solver, steps=1, standardize=False, start=bottom)
    assert near.rate == 1e-3
    without_a_bowl = bl.fit(table(), "y ~ a + b", solver=solver, steps=1, loss="huber", standardize=False)
    assert without_a_bowl.rate == 0.1


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("size", "momentum"), [(1, 0.0), (7, 0.0), (30, 0.0), (500, 0.0), (7, 0.9)])
def test_slices_take_half_of_one_over_the_expected_smoothness(size: int, momentum: float, weighted: bool) -> None:
    """Gower et al. (2019): between the largest row's (m = 1) and that of all rows (m = n)."""
    f, n = table(), 30
    share = (f.w / f.w.mean()).to_numpy() if weighted else np.ones(n)
    rows = np.c_[f.a, f.b, np.ones(n)]
    largest = np.linalg.eigvalsh(2 * (rows * share[:, None]).T @ rows / n)[-1]
    worst, m = 2 * (share * (rows**2).sum(1)).max(), min(size, n)
    expected = n * (m - 1) / (m * (n - 1)) * largest + (n - m) / (m * (n - 1)) * worst
    model = bl.fit(
        f,
        "y ~ a + b",
        solver="momentum" if momentum else "sgd",
        batch_size=size,
        steps=1,
        standardize=False,
        weights="w" if weighted else None,
    )
    assert model.rate == pytest.approx((1 - momentum) / (2 * expected), rel=1e-9)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_heavy_row_does_not_make_slices_diverge(batch_size: int) -> None:
    """Its own curvature is as many times larger as it weighs more than the mean row."""
    x = np.linspace(-2, 2, 60)
    f = pd.DataFrame({"x": x, "y": 1 + x, "w": np.where(np.arange(60) == 7, 300.0, 1.0)})
    model = bl.fit(
        f, "y ~ x", weights="w", solver="sgd", batch_size=batch_size, steps=600, standardize=False, start=[5.0, -5.0]
    )
    assert model.stop is not bl.Stop.DIVERGED
    assert model.trace.loss[-1] < 0.01 * model.trace.loss[0]


def test_weight_decay_and_other_losses_take_one_over_the_curvature() -> None:
    largest = np.linalg.eigvalsh(hessian(table()))[-1]
    decayed = bl.Descent(partial(torch.optim.SGD, weight_decay=0.5), steps=1)
    assert bl.fit(table(), "y ~ a + b", solver=decayed, standardize=False).rate == pytest.approx(1 / (largest + 0.5), rel=1e-9)
    # Huber's loss with all rows within its edge has the curvature of the squared one, halved.
    wide = bl.fit(table(), "y ~ a + b", solver="sgd", loss="huber:1e6", steps=1, standardize=False)
    assert wide.rate in (pytest.approx(2 / largest, rel=1e-6), pytest.approx(1 / largest, rel=1e-6))
    flat = bl.fit({"x": np.zeros(5), "y": np.arange(5.0)}, "y ~ x - 1", solver="sgd", steps=1)
    assert flat.rate == 0.1
