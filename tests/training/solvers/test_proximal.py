"""The step that proximal descent finds by trying: the longest of the first one, its half, its quarter, ... that is short enough."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest
import torch
from torch import Tensor

import bestline as bl
from bestline.training.objective import Objective
from bestline.training.solvers import Proximal
from training.examples import some_rows


def short_enough(objective: Objective, v: Tensor, step: float) -> bool:
    """Whether the loss after a step from v lies under the parabola that the step went by (Beck & Teboulle 2009, 4)."""
    losses, gradient = objective.smooth.evaluate(v)
    after = objective.penalty.prox(v - step * gradient, step)
    away = after - v
    parabola = losses.sum() + (gradient * away).sum() + (away**2).sum() / (2 * step)
    return bool(objective.smooth.losses(after).sum() <= parabola * (1 + 1e-12))


@pytest.mark.parametrize("away", [0.1, 0.2, 0.3, 0.4, 0.6, 0.9])
def test_a_step_is_the_longest_halving_of_the_one_before_that_is_short_enough(away: float) -> None:
    """Where most rows lie on the straight sides of the loss it hardly bends: so the first step is too long for those that follow."""
    rows = some_rows(0)
    model = bl.fit((rows.X, rows.y), loss="huber:0.3", l1=0.05, solver=Proximal())
    objective, start = model.trained.objective, model.trained.scaling.to_trained(model.weights) + away
    before, first, second = islice(Proximal().run(objective, start), 3)
    # Momentum comes with the third update: these two are made from the weights themselves.
    for now, after in ((before, first), (first, second)):
        halvings = (now.rate / 2**k for k in range(40))
        assert after.rate == next(step for step in halvings if short_enough(objective, now.weights, step))
    assert second.rate < before.rate


def test_once_short_enough_it_stays() -> None:
    """The loss bends no more at the end than on the way (Beck & Teboulle 2009: a step is at least half of 1 / L)."""
    rows = some_rows(0)
    objective = bl.fit((rows.X, rows.y), loss="huber:0.3", l1=0.05, solver=Proximal()).trained.objective
    rates = [step.rate for step in islice(Proximal().run(objective, torch.full((4, 1), 2.0, dtype=torch.float64)), 200)]
    assert all(a >= b for a, b in pairwise(rates))
    assert len(set(rates[100:])) == 1
