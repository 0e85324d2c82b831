"""Against torch's own loops on the rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ExponentialLR, ReduceLROnPlateau, StepLR

import bestline as bl
from bestline.numerics.comoments import Comoments
from bestline.numerics.rows import Rows
from bestline.numerics.scaling import Scaling
from bestline.training.outcome import Trace
from references.examples import numbers

pytestmark = pytest.mark.usefixtures("quiet")


# Two float64 solutions of a well-conditioned problem differ by some units of rounding times its condition, here below 1e3.
SAME = {"rel": 1e-10, "abs": 1e-10}


LOOPS: dict[str, tuple[Callable[..., torch.optim.Optimizer], float]] = {
    "sgd": (torch.optim.SGD, 0.05),
    "momentum": (partial(torch.optim.SGD, momentum=0.9), 0.02),
    "nesterov": (partial(torch.optim.SGD, momentum=0.9, nesterov=True), 0.02),
    "adam": (torch.optim.Adam, 0.1),
    "adamw": (torch.optim.AdamW, 0.1),
    "rmsprop": (torch.optim.RMSprop, 0.02),
    "adagrad": (torch.optim.Adagrad, 0.3),
    "lbfgs": (partial(torch.optim.LBFGS, line_search_fn="strong_wolfe", tolerance_grad=0.0, tolerance_change=0.0), 1.0),
}


SCHEDULES: dict[str, Callable[..., Any]] = {
    "constant": lambda _: None,
    "step": partial(StepLR, step_size=10, gamma=0.5),
    "exponential": partial(ExponentialLR, gamma=0.95),
    "plateau": partial(ReduceLROnPlateau, patience=2, factor=0.5, threshold=0.3),
}


def looped(
    rows: Rows,
    start: Tensor,
    maker: Callable[..., Any],
    *,
    lr: float,
    steps: int,
    schedule: Callable[..., Any],
) -> tuple[Tensor, Tensor]:
    """Weights (t, d, k) and losses (t,) of the loop that a reader of torch's documentation writes."""
    p, k = rows.X.shape[1], rows.y.shape[1]
    with torch.random.fork_rng():
        model = nn.Linear(p, k, dtype=torch.float64)
    with torch.no_grad():
        model.weight.copy_(start[:p].T)
        model.bias.copy_(start[p])
    optimizer = maker(model.parameters(), lr=lr)
    scheduler = schedule(optimizer)

    def closure() -> Tensor:
        optimizer.zero_grad()
        squares = (model(rows.X) - rows.y) ** 2
        share = squares.mean(0) if rows.w is None else (rows.w[:, None] * squares).sum(0) / rows.w.sum()
        loss = share.sum()
        loss.backward()
        return loss

    weights, losses = [], []
    for t in range(steps + 1):
        weights.append(torch.cat([model.weight.detach().T, model.bias.detach()[None]]).clone())
        loss = closure().detach()
        losses.append(loss)
        if t == steps:
            break
        if isinstance(optimizer, torch.optim.LBFGS):
            optimizer.step(closure)
        else:
            optimizer.step()
        if isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step(loss)
        elif scheduler is not None:
            scheduler.step()
    return torch.stack(weights), torch.stack(losses)


def train_and_loop(
    solver: bl.Descent,
    maker: Callable[..., Any],
    *,
    standardize: bool,
    k: int = 1,
    weighted: bool = False,
    schedule: Callable[..., Any] = SCHEDULES["constant"],
) -> tuple[Trace, Tensor, Tensor]:
    """The trace of bestline, and weights and losses of the loop in the same units."""
    X, Y = numbers(80, 3, k, offset=0.5)
    X = X / 3
    w = torch.from_numpy(np.random.default_rng(1).uniform(0.1, 2, 80)) if weighted else None
    rows = Rows(torch.from_numpy(X), torch.from_numpy(Y.reshape(80, k)), w)
    scaling = Scaling.of(Comoments.of_rows(rows), 3, intercept=True, standardize=standardize)
    start = torch.linspace(-1, 1, 4 * k, dtype=torch.float64).reshape(4, k)
    run = partial(looped, lr=float(solver.lr), steps=solver.steps or 0, schedule=schedule)
    weights, losses = run(scaling.rows(rows), scaling.to_trained(start), maker)
    model = bl.fit((X, Y), solver=solver, start=start, standardize=standardize, weights=None if w is None else w.numpy())
    if k == 1:
        losses = losses * scaling.target_scale**2
    return model.trace, scaling.to_data(weights), losses


# Sixty steps of rounding.
STEPPED = {"rel": 1e-10, "abs": 1e-10}


# The line search of L-BFGS compares losses, which near the bottom tell weights apart down to the root of rounding only.
SEARCHED = {"rel": 1e-7, "abs": 1e-7}


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("name", LOOPS)
def test_descent_on_moments_is_the_loop_on_rows(name: str, standardize: bool):
    maker, lr = LOOPS[name]
    steps = 6 if name == "lbfgs" else 60
    trace, weights, losses = train_and_loop(bl.Descent(name, lr=lr, steps=steps), maker, standardize=standardize)
    assert trace.weights.numpy() == pytest.approx(weights.numpy(), **(SEARCHED if name == "lbfgs" else STEPPED))
    assert trace.loss.tolist() == pytest.approx(losses.tolist(), **STEPPED)
    assert trace.loss[-1] < trace.loss[0]


@pytest.mark.parametrize("name", ["sgd", "nesterov", "adam"])
@pytest.mark.parametrize("options", [{"k": 2}, {"weighted": True}], ids=["two targets", "weights"])
def test_descent_with_targets_and_weights_is_the_loop_too(name: str, options: dict[str, Any]):
    maker, lr = LOOPS[name]
    trace, weights, losses = train_and_loop(bl.Descent(name, lr=lr, steps=40), maker, standardize=False, **options)
    assert trace.weights.numpy() == pytest.approx(weights.numpy(), **STEPPED)
    assert trace.loss.tolist() == pytest.approx(losses.tolist(), **STEPPED)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.parametrize("schedule", ["step", "exponential", "plateau"])
def test_schedules_are_torch_s(schedule: str, name: str, standardize: bool):
    (maker, lr), make = LOOPS[name], SCHEDULES[schedule]
    solver = bl.Descent(name, lr=lr, steps=60, schedule=make)
    trace, weights, _ = train_and_loop(solver, maker, standardize=standardize, schedule=make)
    assert trace.weights.numpy() == pytest.approx(weights.numpy(), **STEPPED)
    assert trace.rate[-1] < trace.rate[0] == lr


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("name", LOOPS)
def test_one_batch_of_all_rows_is_the_whole_data(name: str, standardize: bool):
    X, y = numbers(80, 3, offset=0.5)
    lr, steps = LOOPS[name][1], 4 if name == "lbfgs" else 60
    start = [0.1, -0.2, 0.3, 0.5]

    def run(size: int | None) -> Trace:
        solver = bl.Descent(name, lr=lr, steps=steps, batch_size=size)
        return bl.fit((X / 3, y), solver=solver, start=start, standardize=standardize).trace

    whole, sliced = run(None), run(80)
    assert sliced.weights.numpy() == pytest.approx(whole.weights.numpy(), **(SEARCHED if name == "lbfgs" else STEPPED))
    assert sliced.loss.tolist() == pytest.approx(whole.loss.tolist(), **STEPPED)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("p", [1, 4])
@pytest.mark.parametrize(("name", "steps"), [("sgd", 6_000), ("momentum", 600), ("nesterov", 3_000)])
def test_rates_just_below_the_limit_contract_and_just_above_diverge(name: str, steps: int, p: int, seed: int):
    X, y = numbers(50, p, seed=seed, offset=1.0)
    run = partial(bl.fit, (X, y), standardize=bool(seed % 2), start=[1.0] * (p + 1))
    limit = run(solver=bl.Descent(name, lr=1e-3, steps=0)).rate_limit
    H = 2 * run(solver=bl.Descent(name, lr=1e-3, steps=0)).trained.objective.smooth.curvature
    factor = {"sgd": 2, "momentum": 2 * 1.9, "nesterov": 2 * 1.9 / 2.8}[name]
    assert limit == pytest.approx(factor / float(torch.linalg.eigvalsh(H)[-1]), rel=1e-12)
    below = run(solver=bl.Descent(name, lr=0.999 * limit, steps=steps))
    assert below.stop is bl.Stop.STEPS
    assert below.trace.gap[-1] < 1e-3 * below.trace.gap[: steps // 3].max()
    above = run(solver=bl.Descent(name, lr=1.001 * limit, steps=20_000))
    assert above.stop is bl.Stop.DIVERGED


@pytest.mark.parametrize("l2", [0.1, 1.0, 50.0])
@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov"])
def test_a_penalty_lowers_the_limit_and_the_automatic_rate(name: str, l2: float):
    X, y = numbers(50, 3, offset=1.0)
    exact = bl.fit((X, y), l2=l2)
    model = bl.fit((X, y), solver=bl.Descent(name, lr=1e-3, steps=0), l2=l2)
    H = 2 * model.trained.objective.smooth.curvature + 2 * l2 * torch.diag(torch.tensor([1.0, 1, 1, 0], dtype=torch.float64))
    factor = {"sgd": 2, "momentum": 2 * 1.9, "nesterov": 2 * 1.9 / 2.8}[name]
    assert model.rate_limit == pytest.approx(factor / float(torch.linalg.eigvalsh(H)[-1]), rel=1e-9)
    trained = bl.fit((X, y), solver=bl.Descent(name), l2=l2)
    assert trained.stop is bl.Stop.CONVERGED
    assert trained.params.tolist() == pytest.approx(exact.params.tolist(), rel=1e-6)


def test_the_loss_of_moments_is_torch_s():
    X, Y = numbers(80, 3, 2)
    rows = {**{f"x{j}": X[:, j] for j in range(3)}, "a": Y[:, 0], "b": Y[:, 1]}
    loss = bl.nn.MomentLoss(bl.Moments.collect(rows, "a + b ~ x0 + x1 + x2"))
    with torch.random.fork_rng():
        model = nn.Linear(3, 2, dtype=torch.float64)
    ours = loss(model.weight, model.bias)
    theirs = nn.MSELoss()(model(torch.from_numpy(X)), torch.from_numpy(Y))
    assert ours.item() == pytest.approx(theirs.item(), **SAME)
    got, expected = (torch.autograd.grad(v, list(model.parameters())) for v in (ours, theirs))
    for a, b in zip(got, expected, strict=True):
        assert a.numpy() == pytest.approx(b.numpy(), **SAME)
