"""Exact: the bottom of the bowl in one step. Least squares, and ridge regression when there is an l2 penalty.

(H + l2 F) w = h        H = X'X / n    h = X'y / n    F the penalty factors on the diagonal
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from bestline.errors import OptionError
from bestline.numerics import Weights
from bestline.training.objective import Objective
from bestline.training.solvers.base import Reach, Rule, Solver, Step, Stop


@dataclass(frozen=True, slots=True)
class Exact(Solver):
    """Solve squared loss, with or without an l2 penalty, from the moments; the minimum-norm answer where several are exact."""

    name: ClassVar[str] = "exact"
    reach: ClassVar[Reach] = Reach.SOLUTION

    @property
    def rule(self) -> Rule:
        """One step is all there is."""
        return Rule(steps=1, at_end=Stop.DONE)

    def run(self, objective: Objective, start: Weights, *, seed: int = 0) -> Iterator[Step]:
        """The start, and the solution; nothing here is random."""
        bowl = objective.bowl
        if bowl is None:
            raise OptionError(
                "`Exact` solves squared loss of a line only; use solver='adam' or 'lbfgs' for other losses and forwards."
            )
        # A ridge leaves the bowl a bowl; an edge does not, and where it counts is known only when the solution is (`path`).
        if not objective.penalty.quadratic:
            terms = objective.penalty.terms
            what = "a penalty with edges" if terms is None else f"an l1 penalty (l1={terms.l1:g})"
            raise OptionError(f"`Exact` cannot minimise {what}; use solver='proximal', or set l1=0.")
        # The start is told too: pictures and tables show the one step from there.
        yield Step.at(objective, 0, start)
        yield Step.at(objective, 1, bowl.bottom)
