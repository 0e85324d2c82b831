"""The contract of a solver: from an objective and a start, an endless or finite iterator of Steps.

Recording, early stopping, progress bars and pictures all read the same Steps; a solver knows none of them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, ClassVar, Self

from torch import Tensor

from bestline.calls import is_number, with_hints
from bestline.errors import OptionError
from bestline.numerics import Weights
from bestline.training.objective import Objective
from bestline.training.solvers.update import Retraced

AT_LIMIT = 1e-9  # relative: rates that near to their limit are at it, as far as rounding goes, and neither converge nor diverge


class Stop(Enum):
    """Why training stopped. The value is the advice, with places for the numbers of the run."""

    DONE = "Solved exactly, in one step."
    CONVERGED = "Converged at step {step}: the weights are at the optimum, within the tolerance{figures}."
    STEPS = "Made all {step} steps. {remaining}"
    PATIENCE = "Stopped early at step {step}: the held-out loss has not improved since step {best}, whose weights are kept."
    DIVERGED = "Diverged at step {step}: the loss {how}. {remedy}"
    INTERRUPTED = "Interrupted at step {step}; the weights are those of that step."

    @property
    def failed(self) -> bool:
        """Whether the weights are only where training was left, and no result."""
        return self in (Stop.DIVERGED, Stop.INTERRUPTED)

    @property
    def arrived(self) -> bool:
        """Whether the weights are where the solver was to come to."""
        return self in (Stop.DONE, Stop.CONVERGED)

    def __repr__(self) -> str:
        return f"Stop.{self.name}"

    @classmethod
    def _missing_(cls, value: object) -> Stop:
        raise OptionError(f"There is no reason to stop {value!r:.60}; they are {', '.join(f'Stop.{one.name}' for one in cls)}.")


@with_hints
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

    @classmethod
    def at(cls, objective: Objective, index: int, weights: Weights, rate: float | None = None) -> Step:
        """The state at some weights, all rows looked at."""
        # One look at the rows serves all three: the violation is made of the gradient.
        losses, gradient = objective.evaluate(weights)
        return cls(index, weights, losses, gradient, objective.violation(weights, gradient), rate)

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


# --- what a solver declares -------------------------------------------------------------------------------------------------


class Reads(Enum):
    """What a solver needs to be given of the data."""

    LOSS = "the loss of all rows: their moments where it is squared, else the rows"
    SLICES = "some rows at a time"
    SINGLE_ROWS = "one row at a time, which is work for a CPU"


class Reach(Enum):
    """What a solver promises."""

    SOLUTION = "the solution, computed at once from the moments, so that its right digits can be told"
    MINIMUM = "the exact minimum, within a tolerance, in a number of steps nobody knows before"
    NEARER = "weights that come nearer to the minimum, step by step, for as long as they are let"


class Equals(Enum):
    """Which of all weights with the least loss a solver takes, in words that follow "these"."""

    SMALLEST = "have the smallest norm"
    FIRST = "are those of the line without them, as in R's `lm`"
    NEAREST = "are the nearest to the start"


@dataclass(frozen=True, slots=True)
class TorchLoop:
    """Training as a loop around an optimiser of torch, so that a script can write it out.

    Attributes
    ----------
    optimizer : callable
        (parameters, lr=...) -> optimiser.
    schedule : callable or None
        (optimiser) -> scheduler.
    batch_size : int or None
        Rows in each update; None = all.
    patience : int or None
        Whether, and how long, it waits for the held-out loss.
    """

    optimizer: Callable[..., Any]
    schedule: Callable[..., Any] | None
    batch_size: int | None
    patience: int | None


class Solver(ABC):
    """The contract: a frozen dataclass of settings that says what it is, and tells of every state it passes through.

    A solver works on the columns as trained and knows nothing of units, traces, pictures or files. What others have to know of it
    it declares here, so that nobody asks which class it is.

    Attributes
    ----------
    name : str
        What `fit(solver=...)` takes.
    settings : tuple of str
        The fields that `fit` takes by name beside it; with other fields changed only the object itself says them.
    reads, reach, equals
        What it needs, what it promises, and which of many equally good weights it takes.
    on_its_own : bool
        Whether running out of steps means that it has failed, and not that it made the steps it was asked for.
    rated : bool
        Whether it goes by a learning rate that people set.
    eliminates : bool
        Whether it takes the intercept out of an edged penalty's problem, which keeps more digits in centred columns.
    again : bool
        Whether it can train on other rows, too.
    kept_as : str or None
        Where a model file keeps its settings; None: nowhere, and what is loaded is `Exact()`.
    unwritten : str
        Why a script does not write it out on its way to the solution.
    unruled : str
        Why its steps cannot be followed by hand, as updates by one rule.
    """

    # Class variables are what is true of every solver of a kind, properties what depends on its settings. The defaults are those of
    # a method without a learning rate that looks at all rows in each step; a new solver says only where it differs.
    __slots__ = ()
    name: ClassVar[str]
    settings: ClassVar[tuple[str, ...]] = ()
    equals: ClassVar[Equals] = Equals.SMALLEST
    reach: ClassVar[Reach] = Reach.NEARER
    rated: ClassVar[bool] = False
    eliminates: ClassVar[bool] = False
    again: ClassVar[bool] = True
    kept_as: ClassVar[str | None] = None
    unwritten: ClassVar[str] = (
        "This model stopped on its way to the solution, which a script would reach; fit again with more steps."
    )
    unruled: ClassVar[str] = (
        "The steps of this solver are no updates by the gradient, so no rule of them can be followed by hand."
    )

    @property
    @abstractmethod
    def rule(self) -> Rule:
        """When to stop taking steps from `run`."""

    @abstractmethod
    def run(self, objective: Objective, start: Weights, *, seed: int = 0) -> Iterator[Step]:
        """Yield step 0, the start, and then the state after every update."""

    def rate_limit(self, objective: Objective, start: Weights) -> float | None:
        """Largest stable learning rate of full-batch training; None where there is none, or none is known."""
        return None

    def outruns(self, objective: Objective, rate: float | None, limit: float | None) -> bool:
        """Whether steps at this rate are known to lead away for ever, from almost every start, however few are made."""
        return False

    def sees_some(self, objective: Objective) -> bool:
        """Whether an update sees some of the rows only."""
        size = None if self.loop is None else self.loop.batch_size
        return objective.slices is not None and (size is None or size < len(objective.slices))

    def retraced(self, objective: Objective, start: Weights, at: Sequence[int], *, seed: int = 0) -> Retraced:
        """The updates that follow some steps, ascending, in the numbers of their rule: the run is made again for them.

        Raises OptionError with the reason where that cannot be.
        """
        raise OptionError(self.unruled)

    @property
    def reads(self) -> Reads:
        """What it needs of the data."""
        return Reads.LOSS

    @property
    def on_its_own(self) -> bool:
        """Whether it goes on until it has converged."""
        return self.reach is not Reach.NEARER

    @property
    def word(self) -> str:
        """Its name without hyphens, as pages and recipes have it."""
        return self.name.replace("-", "")

    @property
    def optimizer_name(self) -> str:
        """The optimiser by the name that pages know; "own" where it is somebody's own."""
        return self.word

    @property
    def title(self) -> str:
        """What a person calls it: its name, or that of its optimiser."""
        return self.word

    @property
    def whole_gradient(self) -> str | None:
        """The name of its optimiser, where that follows the gradient of all rows at one rate; None otherwise."""
        return None

    @property
    def loop(self) -> TorchLoop | None:
        """The same as a loop around an optimiser of torch; None where it is none."""
        return None

    def asked(self) -> tuple[Any, dict[str, Any]] | None:
        """How `fit` is asked for it: `solver`, and the settings that are not the usual ones; None where no words say it."""
        changed = changed_fields(self)  # what is as usual need not be said
        return (self.word, changed) if set(changed) <= set(self.settings) else None

    def facts(self) -> dict[str, Any] | None:
        """Its settings as JSON, for a model file; None where they are no plain values."""
        return None

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """The inverse of `facts`."""
        return cls(**facts)


def changed_fields(solver: Any) -> dict[str, Any]:
    """The fields of a solver that are not at their defaults."""
    return {f.name: getattr(solver, f.name) for f in fields(solver) if getattr(solver, f.name) != f.default}


@dataclass(frozen=True, slots=True)
class Converging(Solver):
    """What solvers have in common that step until nothing violates optimality any more: `tol` and `steps`."""

    reach: ClassVar[Reach] = Reach.MINIMUM
    # Without defaults here: each method says its own, in the units of its own violation.
    tol: float
    steps: int

    def __post_init__(self) -> None:
        if type(self.steps) is not int or self.steps < 1:
            raise OptionError(f"`steps` must be a whole number of at least 1; got {self.steps!r}.")
        if not (is_number(self.tol) and 0 <= self.tol < math.inf):
            raise OptionError(f"`tol` must be a finite number and not negative; got {self.tol!r}.")

    @property
    def rule(self) -> Rule:
        """Stop at the tolerance, or when all steps are made."""
        return Rule(self.steps, self.tol)
