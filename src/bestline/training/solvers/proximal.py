"""Proximal: gradient steps, each followed by the penalty's own step, which sets small weights to exactly zero.

    w <- prox(v - gradient(v) / L, 1 / L)      v <- w + momentum (w - previous w)

L is the largest second derivative of the loss. This is FISTA (Beck & Teboulle 2009), its momentum restarted whenever it points
uphill (O'Donoghue & Candes 2015). Of squared loss L is known; and once the steps have shown which weights are zero, the last one
solves for the others exactly. Of other losses L is found by trying: while a step ends above the parabola it went by, it is halved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import ClassVar

import torch

from bestline.calls import with_hints
from bestline.numerics import Bowl, Weights
from bestline.training.objective import Objective, Smooth
from bestline.training.penalty.base import Penalty, Terms
from bestline.training.solvers.base import Converging, Step
from bestline.training.solvers.path import Normal, solve
from bestline.training.solvers.rate_limits import curvatures

_SETTLED = 20  # steps without a change among the zeros, after which the exact solution is near
_PATIENCE = 500  # steps after which it is solved for in any case
_NEAR = 1e-6  # violation below which it is solved for in any case
_SHORTEST = 1e-12  # of the first step: a loss with edges is under no parabola


@with_hints
@dataclass(frozen=True, slots=True)
class Proximal(Converging):
    """Minimise a smooth loss with an l1 penalty, or l1 and l2 together.

    Attributes
    ----------
    tol : float
        Stop when the violation of optimality, free of units, is below this.
    steps : int
        Most updates to make.
    """

    name: ClassVar[str] = "proximal"
    eliminates: ClassVar[bool] = True
    tol: float = 1e-12
    steps: int = 100_000

    def run(self, objective: Objective, start: Weights, *, seed: int = 0) -> Iterator[Step]:
        """The start, and the weights after every update; nothing here is random."""
        smooth, penalty = objective.smooth, objective.penalty
        if isinstance(smooth, Bowl):
            step = 1 / max(smooth.steepest, 1e-300)
        else:  # where it starts a loss may be straight
            step = 1 / (float(curvatures(objective, start)[-1]) or 1.0)
        shortest, terms = _SHORTEST * step, penalty.terms
        w = v = start  # t counts the momentum, `same` the steps since a weight last became zero or ceased to be
        t, same = 1.0, 0
        for index in count():
            # Here w is the last iterate, v the same moved on by its momentum: the gradient is taken at v, optimality told at w.
            here = Step.at(objective, index, w, step)
            yield here
            near = same >= _SETTLED or index >= _PATIENCE or here.violation < _NEAR
            if isinstance(smooth, Bowl) and terms is not None and near:
                yield Step.at(objective, index + 1, _exact(smooth, terms, w))
                return
            after, step = _after(smooth, penalty, v, step, shortest)
            # The step made from v points against the way from w: momentum has carried the weights uphill, so it starts anew.
            if float(((v - after) * (after - w)).sum()) > 0:
                t = 1.0
                after, step = _after(smooth, penalty, w, step, shortest)
            t_after = (1 + (1 + 4 * t * t) ** 0.5) / 2
            v = after + (t - 1) / t_after * (after - w)
            same = same + 1 if torch.equal(after.sign(), w.sign()) else 0
            w, t = after, t_after


def _after(smooth: Smooth, penalty: Penalty, v: Weights, step: float, shortest: float) -> tuple[Weights, float]:
    """The weights after a step from v, and the step that was found to be short enough."""
    if isinstance(smooth, Bowl):
        return penalty.prox(v - step * smooth.gradient(v), step), step
    losses, gradient = smooth.evaluate(v)
    rounding = 8 * torch.finfo(torch.float64).eps * float(losses.abs().sum())
    while True:  # the parabola of curvature 1 / step through v lies above the loss at `after`, or the step was too long
        after = penalty.prox(v - step * gradient, step)
        away = after - v
        parabola = float(losses.sum() + (gradient * away).sum() + (away**2).sum() / (2 * step))
        if float(smooth.losses(after).detach().sum()) <= parabola + rounding or step < shortest:
            return after, step
        step /= 2


def _exact(bowl: Bowl, terms: Terms, start: Weights) -> Weights:
    """The solution under an elastic net, found from weights near it."""
    bowl, device = bowl.cpu(), start.device
    # The target's mean square is the floor and what the bottom explains.
    linear = bowl.linear
    square = bowl.floor + (bowl.bottom * linear).sum(0)
    normal = Normal(bowl.curvature[None], linear[None], square[None])
    path = solve(normal, terms.l1, terms.l2, factors=terms.factors.cpu(), start=start.cpu()[None])
    return path.weights[0, 0].to(device)
