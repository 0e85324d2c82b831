"""Exact: the bottom of the bowl in one step. Least squares, and ridge regression when there is an l2 penalty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bestline.errors import OptionError
from bestline.numerics.rows import Weights
from bestline.training.objective import Objective
from bestline.training.solvers.base import Rule, Step, Stop


@dataclass(frozen=True, slots=True)
class Exact:
    """Solve squared loss, with or without an l2 penalty, from the moments; the minimum-norm answer where several are exact."""

    @property
    def rule(self) -> Rule:
        """One step is all there is."""
        return Rule(steps=1, at_end=Stop.DONE)

    def rate_limit(self, objective: Objective, start: Weights) -> float | None:
        """There is no learning rate."""
        del objective, start
        return None

    def run(self, objective: Objective, start: Weights, *, seed: int = 0) -> Iterator[Step]:
        """The start, and the solution."""
        del seed  # nothing here is random
        bowl = objective.bowl
        if bowl is None:
            raise OptionError(
                "`Exact` solves squared loss of a line only; use solver='adam' or 'lbfgs' for other losses and forwards."
            )
        if objective.penalty.l1 > 0:
            raise OptionError(
                f"`Exact` cannot minimise an l1 penalty (l1={objective.penalty.l1:g}); use solver='proximal', or set l1=0."
            )
        for index, weights in enumerate((start, bowl.bottom)):
            losses, gradient = objective.evaluate(weights)
            yield Step(index, weights, losses, gradient, objective.violation(weights, gradient))
