"""Exact: the bottom of the bowl in one step. Least squares, and ridge regression when there is an l2 penalty.

(H + l2 F) w = h        H = X'X / n    h = X'y / n    F the penalty factors on the diagonal
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from bestline.calls import with_hints
from bestline.errors import OptionError
from bestline.numerics import Weights
from bestline.training.objective import Objective
from bestline.training.solvers.base import Equals, Reach, Rule, Solver, Step, Stop, changed_fields

SMALLEST, DROP = "smallest-norm", "drop"


@with_hints
@dataclass(frozen=True, slots=True, repr=False)
class Exact(Solver):
    """Solve squared loss, with or without an l2 penalty, from the moments.

    Parameters
    ----------
    aliased : {"smallest-norm", "drop"}
        What becomes of columns that say the same, where many weights are equally good: those of smallest norm share the effect;
        or, as in R's `lm`, columns that earlier ones already say are left out, with the weight 0.
    """

    name: ClassVar[str] = "exact"
    settings: ClassVar[tuple[str, ...]] = ("aliased",)
    reach: ClassVar[Reach] = Reach.SOLUTION
    kept_as: ClassVar[str | None] = "exact"
    aliased: str = SMALLEST

    def __post_init__(self) -> None:
        if self.aliased not in (SMALLEST, DROP):
            raise OptionError(f"`aliased` is {SMALLEST!r} or {DROP!r}; got {self.aliased!r}.")

    def __repr__(self) -> str:
        return f"Exact({', '.join(f'{name}={value!r}' for name, value in changed_fields(self).items())})"

    @property
    def equals(self) -> Equals:  # type: ignore[override]  # what others are by their kind, it is by a setting
        """The smallest ones, or those of the first columns."""
        return Equals.SMALLEST if self.aliased == SMALLEST else Equals.FIRST

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
        if self.aliased != SMALLEST and objective.penalty.ridge is not None:
            raise OptionError("`aliased` is for lines without a penalty: a ridge determines every weight; leave it out.")
        # The start is told too: pictures and tables show the one step from there. Which columns say the same is seen in the data's
        # own order, with the intercept first, when the line is finished: dropping them leaves the loss as it is.
        yield Step.at(objective, 0, start)
        yield Step.at(objective, 1, bowl.bottom)

    def facts(self) -> dict[str, Any] | None:
        """Its settings as JSON, for a model file; None where they are the usual ones."""
        return changed_fields(self) or None
