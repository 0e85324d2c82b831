"""Descent: follow the gradient down, with any optimiser of `torch.optim`.

    w <- w - lr * gradient(w)       and its relatives: momentum, Nesterov, Adam, RMSprop, L-BFGS, ...

With the whole data in each step the gradient of the squared loss comes from the moments, H w - h, and costs O(p^2) however
many rows there are. With `batch_size` it comes from slices of the rows, shuffled anew in every epoch. Optimisers are torch's own;
only plain descent on squared loss is done without one, for there a step is no more than a product with one matrix.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar, Self, TypeAlias

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from bestline.calls import is_number, is_whole, no_such, with_hints
from bestline.errors import BestlineError, NumericalError, OptionError
from bestline.numerics import Square, Weights
from bestline.training.objective import Objective, Smooth
from bestline.training.solvers.base import (
    AT_LIMIT,
    Equals,
    Reads,
    Rule,
    Solver,
    Step,
    TorchLoop,
    changed_fields,
)
from bestline.training.solvers.rate_limits import automatic, curvatures, limit
from bestline.training.solvers.schedules import ScheduleMaker, check_schedule, made, maker, usual_schedule
from bestline.training.solvers.update import Retraced, Update, memory_of, rule_of

_AHEAD = 64  # steps made before they are looked at together
_AGAIN = 200_000_000  # numbers that a run may read to be made again: seconds
_AN_UPDATE = 10_000  # as many numbers could be read in the time that an update takes by itself
OptimizerMaker: TypeAlias = Callable[..., Optimizer]

OPTIMIZERS: dict[str, OptimizerMaker] = {
    "sgd": torch.optim.SGD,
    "momentum": partial(torch.optim.SGD, momentum=0.9),
    "nesterov": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    # Its own tolerances off: when to stop is the rule's business, and a search that stands still would never meet it.
    "lbfgs": partial(torch.optim.LBFGS, line_search_fn="strong_wolfe", tolerance_grad=0.0, tolerance_change=0.0),
}

# What others call them; letters of either case, hyphens and underlines are one.
_CALLED = {
    "gd": "sgd",
    "gradientdescent": "sgd",
    "batchgradientdescent": "sgd",
    "heavyball": "momentum",
    "nag": "nesterov",
    "bfgs": "lbfgs",
}
_PLAIN = ("optimizer", "lr", "steps", "batch_size", "patience", "tol")  # the settings that a model file keeps


def named(optimizer: Any) -> Any:
    """The name in `OPTIMIZERS` of an optimiser in any spelling, or of its class in torch; whatever else is given, as it is."""
    if isinstance(optimizer, str):
        folded = re.sub(r"[-_\s]", "", optimizer.casefold())
        return folded if folded in OPTIMIZERS else _CALLED.get(folded, optimizer)
    return next((name for name, maker in OPTIMIZERS.items() if maker is optimizer), optimizer)


def no_optimizer(name: str, *, solvers: Iterable[str] = ()) -> OptionError:
    """The error for a name that is none; `solvers` are other words that would have been taken."""
    theirs = {other.casefold(): other for other in dir(torch.optim) if other[:1].isupper() and other != "Optimizer"}
    if name.casefold() in theirs:
        return OptionError(f"The optimiser {name!r} goes by its class: solver=torch.optim.{theirs[name.casefold()]}.")
    what, more = (
        ("solver", ", or give an object such as Descent(lr=0.1)") if solvers else ("optimiser", ", or a class of torch.optim")
    )
    return no_such(what, name, [*solvers, *OPTIMIZERS], more=more)


@with_hints
@dataclass(frozen=True, slots=True)
class Descent(Solver):
    """Train by an optimiser of `torch.optim`.

    Attributes
    ----------
    optimizer : str, class or callable
        "sgd", "momentum", "nesterov" (both with momentum 0.9), "adam", "adamw" (with torch's weight decay of 0.01), "rmsprop",
        "adagrad", "lbfgs"; any class of `torch.optim`; or a callable (parameters, lr=...) -> optimiser, such as `partial(torch.optim.Adam, weight_decay=0.01)`.
    lr : float or "auto"
        Learning rate, for the columns as trained. "auto" takes it from the curvature of the loss.
    steps : int, optional
        Number of updates, exactly; by default as many as it takes to converge, and 10,000 at most.
    batch_size : int, optional
        Rows in each update: None = all of them (batch gradient descent), 1 = one at a time, or any size.
    schedule : str or callable, optional
        How the rate changes over `steps`: "cosine", "linear", "exponential", "step" or "plateau" (see `solvers.schedules`); or
        (optimiser) -> scheduler of `torch.optim.lr_scheduler`, such as `partial(StepLR, step_size=100)`. Stepped after every update.
    patience : int, optional
        Stop when the held-out loss has not improved for this many steps, and keep the best weights.
    tol : float, optional
        Stop when the violation of optimality, free of units, is at most this: for squared loss, the largest correlation of a
        column with the residuals. By default 1e-10, or never when `steps` are given.
    """

    name: ClassVar[str] = "descent"
    settings: ClassVar[tuple[str, ...]] = ("lr", "steps", "batch_size", "schedule", "patience", "tol")
    equals: ClassVar[Equals] = Equals.NEAREST
    rated: ClassVar[bool] = True
    kept_as: ClassVar[str | None] = "descent"
    optimizer: str | OptimizerMaker = "sgd"
    lr: float | str = "auto"
    steps: int | None = None
    batch_size: int | None = None
    schedule: str | ScheduleMaker | None = None
    patience: int | None = None
    tol: float | None = field(default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "optimizer", named(self.optimizer) if isinstance(self.optimizer, str) else self.optimizer)
        if isinstance(self.optimizer, str) and self.optimizer not in OPTIMIZERS:
            raise no_optimizer(self.optimizer)
        if isinstance(self.optimizer, Optimizer) or not (isinstance(self.optimizer, str) or callable(self.optimizer)):
            raise OptionError(
                f"`optimizer` is a name such as 'adam', or a class such as torch.optim.Adam, not one made already; got an object of "
                f"the type {type(self.optimizer).__name__}."
            )
        if self.lr != "auto" and not (is_number(self.lr) and 0 < float(self.lr) < float("inf")):
            raise OptionError(f"`lr` must be a positive number or 'auto'; got {self.lr!r}.")
        for name, least in (("steps", 0), ("batch_size", 1), ("patience", 1)):
            value = getattr(self, name)
            if value is not None and (not is_whole(value) or value < least):
                raise OptionError(f"`{name}` must be a whole number of at least {least}; got {value!r}.")
        object.__setattr__(self, "schedule", usual_schedule(self.schedule))
        check_schedule(self.schedule, self.steps)
        kind = OPTIMIZERS.get(self.optimizer) if isinstance(self.optimizer, str) else self.optimizer
        searches = getattr(kind, "func", kind) is torch.optim.LBFGS
        if searches and self.batch_size is not None and self.steps is None and self.patience is None:
            raise OptionError(
                f"L-BFGS on slices of the rows never comes to rest, for each update goes to the minimum of its own slice; leave "
                f"`batch_size` out, or say how many `steps` to make; got batch_size={self.batch_size}."
            )
        if self.tol is not None and not (is_number(self.tol) and self.tol >= 0):
            raise OptionError(f"`tol` must be a number, and not negative; got {self.tol!r}.")

    @property
    def rule(self) -> Rule:
        """`steps` exactly when they are given, else until it converges."""
        # Who gives a number of steps wants to see them all; without one it is a matter of converging.
        if self.steps is None:
            return Rule(10_000, 1e-10 if self.tol is None else self.tol, self.patience)
        return Rule(self.steps, -1.0 if self.tol is None else self.tol, self.patience)

    @property
    def reads(self) -> Reads:
        """All rows, or some at a time."""
        return Reads.LOSS if self.batch_size is None else Reads.SLICES

    @property
    def on_its_own(self) -> bool:
        """Where nobody said how many steps to make."""
        return self.steps is None

    @property
    def optimizer_name(self) -> str:
        """One of `OPTIMIZERS`, or "own"."""
        return self.optimizer if isinstance(self.optimizer, str) else "own"

    @property
    def title(self) -> str:
        """The optimiser, by its class's name where it is somebody's own."""
        return self.optimizer if isinstance(self.optimizer, str) else getattr(self.optimizer, "__name__", "own optimiser")

    @property
    def whole_gradient(self) -> str | None:
        """The optimiser's name, where all rows are taken in each step and the rate is left as it is."""
        plain = isinstance(self.optimizer, str) and not self.batch_size and not self.schedule
        return self.optimizer_name if plain else None

    @property
    def loop(self) -> TorchLoop:
        """Itself: it is such a loop."""
        return TorchLoop(self.maker, maker(self.schedule, self.steps), self.batch_size, self.patience)

    @property
    def maker(self) -> OptimizerMaker:
        """(parameters, lr=...) -> optimiser."""
        return OPTIMIZERS[self.optimizer] if isinstance(self.optimizer, str) else self.optimizer

    def asked(self) -> tuple[Any, dict[str, Any]]:
        """By its optimiser, whatever that is, and the settings beside it."""
        changed = changed_fields(self)
        return self.optimizer, {name: changed[name] for name in self.settings if name in changed}

    def facts(self) -> dict[str, Any] | None:
        """What is plain of it: schedules and optimisers of one's own are code, which a file never holds."""
        if not isinstance(self.optimizer, str):
            return None
        by_name = {"schedule": self.schedule} if isinstance(self.schedule, str) else {}
        return {name: getattr(self, name) for name in _PLAIN} | {"scheduled": self.schedule is not None} | by_name

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """The same, but that a schedule without a name is known no more."""
        return cls(
            **{name: facts[name] for name in _PLAIN}, schedule=facts.get("schedule", _unknown) if facts["scheduled"] else None
        )

    def rate_limit(self, objective: Objective, start: Weights) -> float | None:
        """Largest stable rate with the whole data in each step; on slices the true limit is lower still."""
        # Only torch's SGD follows the gradient itself; those that rescale it, as Adam does, are stable at any rate, if rough.
        optimizer = self.built(Parameter(start.clone()), objective)
        if not isinstance(optimizer, torch.optim.SGD) or not len(start):
            return None
        # The steepest direction is the first to diverge: curvatures come ascending.
        return limit(optimizer, float(curvatures(objective, start)[-1]))

    def outruns(self, objective: Objective, rate: float | None, limit: float | None) -> bool:
        """True of a bowl whose whole gradient torch's own SGD follows at one rate above the limit.

        There the error along the steepest direction grows by one and the same factor in every step. Of slices, schedules and other
        losses the limit does not say so, nor of an optimiser that somebody made, which may do more than follow the gradient.
        """
        known = isinstance(self.optimizer, str) or getattr(self.optimizer, "func", self.optimizer) is torch.optim.SGD
        if not known or self.schedule is not None or objective.bowl is None or self.sees_some(objective):
            return False
        return rate is not None and limit is not None and rate > limit * (1 + AT_LIMIT)

    def built(self, parameter: Parameter, objective: Objective) -> Optimizer:
        """The optimiser for `parameter` (d, k), its learning rate settled."""
        make = self.maker
        # An optimiser of one's own may have settled its rate already, as a partial does; then it is not asked to take another.
        takes_rate = isinstance(self.optimizer, str) or "lr" in inspect.signature(make).parameters
        if self.lr != "auto":
            return _made(make, parameter, **({"lr": self.lr} if takes_rate else {}))
        optimizer = _made(make, parameter, **({"lr": 1e-3} if takes_rate else {}))
        if takes_rate:
            rate = automatic(optimizer, objective, parameter.detach(), self.batch_size)
            for group in optimizer.param_groups:
                group["lr"] = rate
        return optimizer

    def run(self, objective: Objective, start: Weights, *, seed: int = 0) -> Iterator[Step]:
        """The start, and the weights after every update, without end."""
        walk = self._walk(objective, start, seed)
        # Where nobody need look at each step before the next is made, they are made 1, 4, 16 and then 64 at a time: an early stop
        # wastes little, a long run is looked at seldom. Steps made beyond a stop are never told.
        index, many = 0, 1
        while True:
            steps = walk.steps(index, many)
            yield from steps
            walk.move(steps[-1])
            index += many
            many = min(4 * many, _AHEAD, max(self.rule.steps - index + 1, 1)) if walk.ahead else 1

    def retraced(self, objective: Objective, start: Weights, at: Sequence[int], *, seed: int = 0) -> Retraced:
        """As `Solver` has it. A schedule that goes by the loss looks at it again."""
        walk, size = self._walk(objective, start, seed), self.batch_size
        rule, wanted = rule_of(walk.optimizer), set(at)
        if rule is None:
            raise OptionError(
                f"An update of {self.title} is no one formula of weights and gradient, so its numbers are not written out."
            )
        rows = size or (0 if objective.bowl is not None or objective.slices is None else len(objective.slices))
        if (at[-1] + 1) * (rows * len(start) + _AN_UPDATE) > _AGAIN:
            raise OptionError(
                "The numbers of the updates are found by making the run again, and this one read too many rows for that; take fewer "
                "steps to have them."
            )
        looks = isinstance(walk.scheduler, ReduceLROnPlateau)
        found = []
        for index in range(at[-1] + 1):
            here = Step.at(objective, index, walk.parameter.detach().clone()) if looks else None
            if index in wanted:
                found.append(walk.noted(index, here))
            else:
                walk.move(here)
        return Retraced(rule, size, found)

    def _walk(self, objective: Objective, start: Weights, seed: int) -> _Walk:
        """At the start, with nothing remembered."""
        parameter = Parameter(start.clone())
        optimizer = self.built(parameter, objective)
        scheduler = made(maker(self.schedule, self.steps), optimizer)
        slices = self._slices(objective, seed)
        return _Walk(objective, parameter, optimizer, scheduler, slices, *self._shortcuts(objective, optimizer))

    def _shortcuts(self, objective: Objective, optimizer: Optimizer) -> tuple[bool, _PlainSteps | None]:
        """Whether steps may be made some at a time and looked at together afterwards, which on a bowl is much less work.

        Not with optimisers and schedules that somebody brought along: they must not hear of steps that nobody asked for.
        """
        named = isinstance(self.optimizer, str) and self.optimizer != "lbfgs" and self.schedule is None
        bowl = objective.bowl
        if not named or bowl is None:
            return False, None
        # Without momentum, slices and edges an update is one product with a matrix that never changes: I - 2 lr H.
        plain = self.optimizer == "sgd" and self.batch_size is None and objective.penalty.quadratic
        return True, _PlainSteps(bowl.bottom, 2 * optimizer.param_groups[0]["lr"] * bowl.curvature) if plain else None

    def _slices(self, objective: Objective, seed: int) -> Iterator[Smooth] | None:
        if self.batch_size is None:
            return None
        if objective.slices is None:
            raise OptionError("Mini-batches need the rows; these are moments only. Use batch_size=None.")
        return objective.slices.batches(self.batch_size, seed)


def _made(make: OptimizerMaker, parameter: Parameter, **rate: Any) -> Optimizer:
    """The optimiser of one parameter; raises OptionError where what was given makes none."""
    try:
        optimizer = make([parameter], **rate)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise OptionError(
            f"`optimizer` makes an optimiser of (parameters, lr=...), as torch's classes do; it failed: {error}."
        ) from error
    if not isinstance(optimizer, Optimizer):
        raise OptionError(
            f"`optimizer` must make an optimiser of torch; it made an object of the type {type(optimizer).__name__}."
        )
    return optimizer


def _unknown(optimizer: Optimizer) -> None:
    """Stands for a schedule that was not kept."""
    raise NumericalError("A loaded model cannot be trained on: its schedule is code, which a model file does not hold.")


@dataclass(frozen=True, slots=True, eq=False)
class _PlainSteps:
    """Plain descent on a bowl, which needs no optimiser: w <- w - M (w - bottom), M being the rate times the second derivatives."""

    bottom: Weights
    matrix: Square

    def follow(self, weights: Weights, many: int) -> Tensor:
        """So many steps from these weights on, themselves the first, (many, d, k)."""
        at, away = weights.new_empty(many, *weights.shape), torch.empty_like(weights)
        been = at.unbind()
        been[0].copy_(weights)
        for before, after in pairwise(been):  # after = before - M (before - bottom), in memory that is there already
            torch.sub(before, self.bottom, out=away)
            torch.addmm(before, self.matrix, away, alpha=-1, out=after)
        return at


@dataclass(frozen=True, slots=True, eq=False)
class _Walk:
    """Weights on their way down, and what moves them; `ahead` and `plain` are as in `Descent._shortcuts`."""

    objective: Objective
    parameter: Parameter
    optimizer: Optimizer
    scheduler: Any
    slices: Iterator[Smooth] | None
    ahead: bool
    plain: _PlainSteps | None

    def steps(self, index: int, many: int) -> list[Step]:
        """So many steps from here on, the first number `index`, with the updates between them."""
        weights, objective, group = self.parameter.detach(), self.objective, self.optimizer.param_groups[0]
        if not self.ahead:
            return [Step.at(objective, index, weights.clone(), group.get("lr"))]
        if self.plain is not None:
            at, rates = self.plain.follow(weights, many), [group["lr"]] * many
            weights.copy_(at[-1])
        else:
            been, rates = [weights.clone()], [group.get("lr")]
            while len(been) < many:
                self.move()
                been.append(weights.clone())
                rates.append(group.get("lr"))
            at = torch.stack(been)
        # All at once: one product of matrices in place of many with vectors.
        losses, gradients = objective.evaluate(at)
        facts = zip(at, losses, gradients, objective.violations(at, gradients).tolist(), rates, strict=True)
        return [Step(index + i, *those) for i, those in enumerate(facts)]

    def move(self, at: Step | None = None) -> None:
        """One update; `at` is the step from which it leaves, where that has been looked at."""
        weights, part = self.parameter.detach(), next(self.slices) if self.slices else None
        if isinstance(self.optimizer, torch.optim.LBFGS):  # its line search looks at more weights than those of the step
            self._step(_closure(self.objective, self.parameter, part))
        else:
            if part is not None:
                # Of the slice alone: what is told of a step is of all rows, what moves the weights is not.
                self.parameter.grad = self.objective.evaluate(weights, part)[1]
            else:
                self.parameter.grad = self.objective.gradient(weights) if at is None else at.gradient
            self._step()
        if isinstance(self.scheduler, ReduceLROnPlateau) and at is not None:
            self.scheduler.step(at.loss)
        elif isinstance(self.scheduler, LRScheduler):
            self.scheduler.step()

    def noted(self, index: int, at: Step | None) -> Update:
        """One update with its numbers; `at` as in `move`."""
        rate, before = self.optimizer.param_groups[0]["lr"], self.parameter.detach().clone()
        memory = memory_of(self.optimizer, self.parameter)
        self.move(at)
        assert self.parameter.grad is not None  # noqa: S101  it was moved by it
        return Update(index, float(rate), before, self.parameter.grad.clone(), memory, self.parameter.detach().clone())

    def _step(self, *closure: Callable[[], float]) -> None:
        try:
            self.optimizer.step(*closure)
        except BestlineError:
            raise
        except (RuntimeError, TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
            why = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
            raise OptionError(f"The optimiser {type(self.optimizer).__name__} cannot train these weights: {why}.") from error


def _closure(objective: Objective, parameter: Parameter, part: Smooth | None) -> Callable[[], float]:
    def closure() -> float:
        weights = parameter.detach()
        # The penalty's value counts in a line search, though reported losses are without it.
        losses, parameter.grad = objective.evaluate(weights, part)
        return float(losses.sum() + objective.penalty.value(weights))

    return closure
