"""Proximal: gradient steps, each followed by the penalty's own step, which sets small weights to exactly zero.

    w <- prox(v - gradient(v) / L, 1 / L)      v <- w + momentum (w - previous w)

L is the largest second derivative of the loss. This is FISTA (Beck & Teboulle 2009), its momentum restarted whenever it points
uphill (O'Donoghue & Candes 2015).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from bestline.bowl import Bowl
from bestline.errors import OptionError
from bestline.objective import Objective
from bestline.rows import Weights
from bestline.solvers.base import Rule, Step


@dataclass(frozen=True, slots=True)
class Proximal:
    """Minimise squared loss with an l1 penalty, or l1 and l2 together.

    Attributes
    ----------
    tol : float
        Stop when the violation of optimality, free of units, is below this.
    steps : int
        Most updates to make.
    """

    tol: float = 1e-12
    steps: int = 100_000

    @property
    def rule(self) -> Rule:
        """Stop when nothing violates optimality any more."""
        return Rule(self.steps, self.tol)

    def rate_limit(self, objective: Objective, start: Weights) -> float | None:
        """The step is 1 / L by itself."""
        del objective, start
        return None

    def run(self, objective: Objective, start: Weights, *, seed: int = 0) -> Iterator[Step]:
        """The start, and the weights after every update."""
        del seed  # nothing here is random
        bowl = objective.smooth
        if not isinstance(bowl, Bowl):
            raise OptionError(
                "`Proximal` minimises squared loss of a line only; use solver='adam' for other losses and forwards."
            )
        step = 1 / max(bowl.steepest, 1e-300)
        w = v = start
        t = 1.0
        for index in count():
            losses, gradient = objective.evaluate(w)
            yield Step(index, w, losses, gradient, objective.violation(w, gradient), step)
            after = objective.penalty.prox(v - step * bowl.gradient(v), step)
            if float(((v - after) * (after - w)).sum()) > 0:
                t, after = 1.0, objective.penalty.prox(w - step * bowl.gradient(w), step)
            t_after = (1 + (1 + 4 * t * t) ** 0.5) / 2
            v = after + (t - 1) / t_after * (after - w)
            w, t = after, t_after
