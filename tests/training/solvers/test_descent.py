"""Descent: rate limits, schedules, and every step as torch's own loop makes it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import bestline as bl
from bestline.errors import DivergedWarning, OptionError
from bestline.numerics.comoments import Comoments
from bestline.numerics.rows import Rows
from bestline.training.loop import train
from bestline.training.plan import Plan
from bestline.training.solvers import Descent, Stop
from bestline.training.task import Part
from searches import long
from training.examples import some_rows

seeds = st.integers(0, 10_000)


def test_divergence_is_caught_with_its_cause_and_a_remedy_that_works() -> None:
    rows = some_rows(5)
    with pytest.warns(DivergedWarning, match="above the largest stable one"):
        model = bl.fit((rows.X, rows.y), solver="sgd", lr=0.9, standardize=False, steps=10_000)
    assert model.stop is Stop.DIVERGED
    assert bool(model.trace.loss.isfinite().all())
    assert bool(model.weights.isfinite().all())
    assert model.rate_limit is not None
    assert model.held_out is None
    advised = float(model.advice.split("use lr=")[1].split(" ")[0])
    assert bl.fit((rows.X, rows.y), solver="sgd", lr=advised, standardize=False, steps=200).stop is Stop.STEPS


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
@pytest.mark.parametrize("seed", long(range(5), quick=[0]))
def test_the_rate_limit_is_sharp(optimizer: str, seed: int) -> None:
    rows = some_rows(seed, offset=0.5)
    options = {"standardize": False, "solver": optimizer, "start": [9, -9, 9, -9]}
    limit = bl.fit((rows.X, rows.y), lr=1e-4, steps=1, **options).rate_limit
    assert limit is not None
    below = bl.fit((rows.X, rows.y), lr=0.999 * limit, steps=6_000, **options).trace
    assert float(below.gap[-1]) < 1e-3 * float(below.gap[0])
    with pytest.warns(DivergedWarning):
        above = bl.fit((rows.X, rows.y), lr=1.001 * limit, steps=30_000, **options)
    assert above.stop is Stop.DIVERGED
    assert float(above.trace.loss[-1]) > 1e3 * float(above.trace.loss[0])  # it has grown, and is not only said to


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "adagrad", "lbfgs"])
def test_every_optimiser_comes_near_the_exact_solution_by_itself(optimizer: str, quiet: None) -> None:
    rows = some_rows(11, n=200, p=4, offset=50)
    model = bl.fit((rows.X, rows.y), solver=optimizer)
    assert float(model.trace.gap[-1]) < 0.02 * float(model.trace.loss[-1])


def test_automatic_rates_converge_on_slices_too(quiet: None) -> None:
    rows = some_rows(11, n=500, p=4)
    for size in (1, 16, 500):
        model = bl.fit((rows.X, rows.y), solver="sgd", batch_size=size, steps=3_000)
        assert float(model.trace.gap[-1]) < 0.2 * float(model.trace.loss[-1])


@pytest.mark.parametrize(
    "schedule",
    [
        partial(torch.optim.lr_scheduler.StepLR, step_size=3, gamma=0.5),
        partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.9),
        partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=10),
        partial(torch.optim.lr_scheduler.ReduceLROnPlateau, patience=1),
        partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=0.2, total_steps=12),
    ],
)
def test_any_schedule_of_torch_changes_the_rate(schedule: object) -> None:
    rows = some_rows(5)
    model = bl.fit((rows.X, rows.y), solver=Descent("sgd", lr=0.1, steps=10, schedule=schedule))  # type: ignore[arg-type]
    assert len(set(model.trace.rate.tolist())) > 1 or "Plateau" in repr(schedule)


def loop_of_torch(rows: Rows, start: torch.Tensor, l2: float, steps: int, maker, schedule=None) -> torch.Tensor:
    """The weights (steps + 1, d, k) of a loop on the rows as they stand, its gradients by autograd."""
    weights = torch.nn.Parameter(start.clone())
    optimizer = maker([weights])
    scheduler = schedule(optimizer) if schedule else None
    been = [weights.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        error = rows.X @ weights[: rows.X.shape[1]] + (weights[-1] if len(weights) > rows.X.shape[1] else 0) - rows.y
        ((error**2).mean(0).sum() + l2 * (weights[: rows.X.shape[1]] ** 2).sum()).backward()
        optimizer.step()
        if scheduler:
            scheduler.step()
        been.append(weights.detach().clone())
    return torch.stack(been)


STEEP = 0.05


@given(
    seeds,
    st.sampled_from(
        [
            (torch.optim.SGD, STEEP),
            (partial(torch.optim.SGD, momentum=0.9), STEEP),
            (partial(torch.optim.SGD, momentum=0.9, nesterov=True), STEEP),
            (partial(torch.optim.SGD, weight_decay=0.1), STEEP),
            (partial(torch.optim.SGD, maximize=True), 1e-4),
            (torch.optim.Adam, STEEP),
            (torch.optim.RMSprop, STEEP),
            (torch.optim.Adagrad, STEEP),
        ]
    ),
    st.sampled_from([None, partial(torch.optim.lr_scheduler.StepLR, step_size=3, gamma=0.5)]),
    st.booleans(),
    st.sampled_from([0.0, 0.3]),
    st.integers(1, 2),
    st.sampled_from([0, 1, 4, 5, 90, 150]),
)
def test_every_step_is_that_of_torchs_own_loop_on_the_rows(seed, optimizer, schedule, intercept, l2, k, steps) -> None:
    rows, (maker, lr) = some_rows(seed, n=30, p=2, k=k, offset=0.5), optimizer
    if maker is torch.optim.RMSprop:
        # Steps of its length, whatever the gradient, swing about the bottom and magnify rounding tenfold every few steps: a hundred
        # steps on, two float64 loops of any kind are 1e-9 apart, and torch's is no nearer to the truth in more digits than ours.
        steps = min(steps, 60)
    start = torch.randn(2 + intercept, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    solver = Descent(maker, lr=lr, steps=steps, schedule=schedule)
    plan = Plan(("a", "b"), tuple("yz"[:k]), intercept, solver=solver, l2=l2, standardize=False)
    task = plan.task(Part(Comoments.of_rows(rows)))
    fit = train(task, plan.solver, start)
    expected = loop_of_torch(rows, start, l2, steps, partial(maker, lr=lr), schedule)
    assert fit.trace.step.tolist() == list(range(steps + 1))
    size = 1 + expected.abs().amax((1, 2), keepdim=True)
    assert bool(
        ((fit.trace.weights - expected).abs() <= 1e-9 * size).all()
    )  # where gradients vanish Adam divides rounding by rounding
    losses = torch.stack([task.objective.smooth.losses(w).sum() for w in expected])
    assert torch.allclose(fit.trace.loss, losses, rtol=1e-8)


@pytest.mark.parametrize("small", [1.0, 1e-5, 1e-8, 1e8])
@pytest.mark.parametrize("lr", [0.1, 1e-12, 1e-18])
def test_plain_descent_keeps_the_digits_of_every_weight(small: float, lr: float) -> None:
    """Columns of very different sizes, and rates whose steps are next to nothing."""
    rows = some_rows(3, p=2, offset=0.0)
    X = rows.X * torch.tensor([1.0, small], dtype=torch.float64)
    lr = lr / max(1.0, small**2)
    model = bl.fit((X, rows.y + 1e3), solver="sgd", lr=lr, steps=70, start=[0.0, 0.0, 0.0], standardize=False, digits=0)
    zero, maker = torch.zeros(3, 1, dtype=torch.float64), partial(torch.optim.SGD, lr=lr)
    expected = loop_of_torch(Rows(X, rows.y + 1e3), zero, 0.0, 70, maker)
    assert torch.allclose(model.trace.weights, expected, rtol=1e-11, atol=0)


def test_hooks_of_own_optimisers_and_own_schedules_hear_every_step_and_no_other() -> None:
    rows, heard = some_rows(5), []

    def bounded(parameters, lr):
        optimizer = torch.optim.SGD(parameters, lr=lr)
        optimizer.register_step_post_hook(lambda *_: parameters[0].data.clamp_(min=0))
        return optimizer

    model = bl.fit((rows.X, rows.y), solver=Descent(bounded, lr=0.1, steps=30), standardize=False)
    assert bool((model.trace.weights[1:] >= 0).all())

    def slower(optimizer):
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: heard.append(t) or 1 / (1 + t))

    bl.fit((rows.X, rows.y), solver=Descent("sgd", lr=0.1, steps=30, schedule=slower))
    assert heard == list(range(31))


def test_plain_descent_explodes_at_the_step_at_which_torchs_does() -> None:
    rows = some_rows(3, offset=0.0)
    with pytest.warns(DivergedWarning):
        model = bl.fit((rows.X, rows.y), solver="sgd", lr=3.0, steps=500, start=[0.0, 0, 0, 0], standardize=False)
    expected = loop_of_torch(
        rows, torch.zeros(4, 1, dtype=torch.float64), 0.0, len(model.trace), partial(torch.optim.SGD, lr=3.0)
    )
    assert torch.allclose(model.trace.weights, expected[: len(model.trace)], rtol=1e-10)
    assert model.stop is Stop.DIVERGED


def test_plain_descent_ends_on_the_bottom_and_leaves_flat_directions_alone(quiet: None) -> None:
    x = torch.linspace(-1, 1, 50, dtype=torch.float64)
    X, y = torch.stack([x, 2 * x], 1), (3 * x + 1)[:, None]
    model = bl.fit((X, y), solver="sgd", steps=5_000, lr=0.1, start=[1.0, 1.0, 0.0], standardize=False)
    along = torch.tensor([2.0, -1.0], dtype=torch.float64)  # what nothing pulls at
    assert float(model.weights[:2, 0] @ along) == pytest.approx(1.0, abs=1e-12)
    assert float(model.trace.gap[-1]) <= 1e-28


class Counting(torch.optim.SGD):
    """Somebody's own optimiser, which counts."""

    made = 0

    def step(self, closure=None):
        Counting.made += 1
        return super().step(closure)


def test_own_optimisers_make_no_step_that_was_not_asked_for() -> None:
    rows = some_rows(5)
    Counting.made = 0
    own = bl.fit((rows.X, rows.y), solver=Descent(Counting, lr=0.1, steps=37))
    assert Counting.made == 37
    plain = bl.fit((rows.X, rows.y), solver=Descent("sgd", lr=0.1, steps=37))
    assert torch.allclose(own.trace.weights, plain.trace.weights, rtol=1e-12)


@pytest.mark.parametrize("optimizer", ["lbfgs", "L-BFGS", torch.optim.LBFGS, partial(torch.optim.LBFGS, max_iter=5)])
def test_lbfgs_on_slices_is_told_when_to_stop(optimizer: Any) -> None:
    # Each update goes to the minimum of other rows, so no tolerance is ever met: it would run for minutes.
    X = np.random.default_rng(0).normal(size=(60, 2))
    data = (X, X @ [1.0, 2.0] + 1)
    with pytest.raises(OptionError, match=r"never comes to rest.*`steps`.*batch_size=8"):
        bl.fit(data, solver=optimizer, batch_size=8)
    assert len(bl.fit(data, solver=optimizer, batch_size=8, steps=3).trace) == 4
    assert bl.fit(data, solver=optimizer, batch_size=8, patience=5, split=(0.6, 0.2, 0.2)).stop in (
        Stop.PATIENCE,
        Stop.CONVERGED,
    )
