"""The contract of a solver: from an objective and a start, an endless or finite iterator of Steps.

Recording, early stopping, progress bars and pictures all read the same Steps; a solver knows none of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from numbers import Real
from typing import Protocol

from torch import Tensor

from bestline.errors import OptionError
from bestline.numerics.rows import Weights
from bestline.training.objective import Objective


class Stop(Enum):
    """Why training stopped. The value is the advice, with places for the numbers of the run."""

    DONE = "Solved exactly, in one step."
    CONVERGED = "Converged at step {step}: nothing is left to correct (violation {violation:.1e}, asked for {tol:.0e})."
    STEPS = "Made all {step} steps. {remaining}"
    PATIENCE = "Stopped early at step {step}: the held-out loss has not improved since step {best}, whose weights are kept."
    DIVERGED = "Diverged at step {step}: the loss {how}. {remedy}"
    INTERRUPTED = "Interrupted at step {step}; the weights are those of that step."

    def __repr__(self) -> str:
        return f"Stop.{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The state of training after `index` updates; step 0 is the start, before any update.

    Attributes
    ----------
    index : int
        Number of updates made.
    weights : Tensor (d, k)
        Weights at this step.
    losses : Tensor (k,)
        Loss of all training rows at these weights, target by target.
    gradient : Tensor (d, k)
        Gradient of the objective at these weights.
    violation : float
        How far from optimal, free of units; 0 at the optimum.
    rate : float or None
        Learning rate of the update that follows; None where a solver has none.
    held_out : float or None
        Loss of the held-out rows at these weights.
    gap : float or None
        Objective less that of the exact solution, where there is one and somebody watches.
    """

    index: int
    weights: Weights
    losses: Tensor
    gradient: Tensor
    violation: float
    rate: float | None = None
    held_out: float | None = None
    gap: float | None = None

    @property
    def loss(self) -> float:
        """Loss of all training rows, summed over the targets."""
        return float(self.losses.sum())


@dataclass(frozen=True, slots=True)
class Rule:
    """When to stop.

    Attributes
    ----------
    steps : int
        Most updates to make.
    tol : float
        Stop when the violation is at most this; negative = never.
    patience : int or None
        Stop when the held-out loss has not improved for this many steps.
    at_end : Stop
        What having made all the steps means.
    """

    steps: int
    tol: float = -1.0
    patience: int | None = None
    at_end: Stop = Stop.STEPS


def is_number(value: object) -> bool:
    """Whether a setting is a real number, of Python's or of another library's; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def check_rule(rule: Rule) -> None:
    """Refuse settings that are no number of steps, or no tolerance."""
    if type(rule.steps) is not int or rule.steps < 1:
        raise OptionError(f"`steps` must be a whole number of at least 1; got {rule.steps!r}.")
    if not (is_number(rule.tol) and 0 <= rule.tol < math.inf):
        raise OptionError(f"`tol` must be a finite number and not negative; got {rule.tol!r}.")


class Solver(Protocol):
    """What every solver is: frozen settings, and `run`, which tells of every state it passes through."""

    @property
    def rule(self) -> Rule:
        """When to stop taking steps from `run`."""
        ...

    def run(self, objective: Objective, start: Weights, *, seed: int) -> Iterator[Step]:
        """Yield step 0, the start, and then the state after every update."""
        ...

    def rate_limit(self, objective: Objective, start: Weights) -> float | None:
        """Largest stable learning rate of full-batch training; None where none is known."""
        ...
