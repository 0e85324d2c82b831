"""Plan: how a question is carried out: which columns, loss, penalty, start and solver; on any part of the rows.

    task = objective (loss + penalty) in the columns as trained, and the way back to the data's units
    fit  = solver's steps from the start, recorded by the one loop

Cross-validation carries a plan out again on the rows of all folds but one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor, nn

from bestline.data.design import Design
from bestline.errors import DataError, OptionError, readable
from bestline.numerics import Bowl, Comoments, Scaling, Weights, trained_moments
from bestline.numerics.comoments import HUGE, TINY
from bestline.training.limits import Limits
from bestline.training.loop import Watch, train
from bestline.training.losses.base import Loss, LossFunction, Units
from bestline.training.losses.named import parse_loss
from bestline.training.objective import Objective, RowLoss, Smooth, SquaredRows, gradient_size, residual_scale
from bestline.training.outcome import Fit
from bestline.training.own_forward import UserForward, check_module, forward_of, parameter_names, parameters_of
from bestline.training.penalty.base import Penalty
from bestline.training.penalty.named import PENALTIES
from bestline.training.reread import Streamed
from bestline.training.solvers.base import Reach, Reads, Solver
from bestline.training.task import Part, Start, Task, parse_start, small_start

UserLoss: TypeAlias = str | LossFunction
_CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Method:
    """How a line is trained, whatever its columns are: what a request says already, and a plan carries out.

    Attributes
    ----------
    solver : Solver
    l1, l2 : float
    loss : str or callable
    forward : nn.Module, callable or None
        None = the line.
    standardize : bool
    start : mapping, sequence, tensor or None
        In the data's units.
    """

    solver: Solver
    l1: float = 0.0
    l2: float = 0.0
    loss: UserLoss = "squared"
    forward: UserForward | None = None
    standardize: bool = True
    start: Start | None = None

    @property
    def loss_name(self) -> str:
        """The loss as one asks for it; an own one by its function's name."""
        return self.loss if isinstance(self.loss, str) else str(getattr(self.loss, "__name__", "own"))

    @property
    def of_rows(self) -> bool:
        """Whether training needs the rows and not only their moments."""
        return self.of_slices or not self.squared_line

    @property
    def of_slices(self) -> bool:
        """Whether training takes some rows at a time."""
        return self.solver.reads is not Reads.LOSS

    @property
    def squared_line(self) -> bool:
        """Whether the loss surface is a bowl."""
        return self.forward is None and self.cost.squared

    @property
    def exact_least_squares(self) -> bool:
        """Whether it ends at the least squares of a line, as exactly as can be had."""
        return self.squared_line and not self.penalised and not self.limited_by and self.solver.reach is Reach.SOLUTION

    @property
    def limited_by(self) -> str:
        """What limits the weights, in words: bounds, constraints, both; empty where nothing does."""
        return ""

    @property
    def penalised(self) -> bool:
        """Whether there is any penalty."""
        return bool(self.l1 or self.l2)

    @property
    def cost(self) -> Loss:
        """The loss by what it says of itself."""
        return parse_loss(self.loss)

    def title(self, *, weighted: bool) -> str:
        """What the field calls it: ordinary or weighted least squares, ridge regression, lasso, least absolute deviations, ..."""
        if self.forward is not None:
            return "a forward function of your own"
        penalty = {(False, False): "", (False, True): "ridge regression", (True, False): "lasso", (True, True): "elastic net"}
        shrunk = penalty[self.l1 > 0, self.l2 > 0]
        if not self.cost.squared:
            shrunk = shrunk.removesuffix(" regression")
            return f"{self.cost.titled} with {shrunk} penalty" if shrunk else self.cost.titled
        if self.limited_by:
            shrunk = shrunk or ("weighted least squares" if weighted else "least squares")
            return f"{shrunk} under {self.limited_by}"
        if shrunk:
            return shrunk
        return "weighted least squares" if weighted else self.cost.title


@dataclass(frozen=True, slots=True, eq=False)
class Plan(Method):
    """How a question is carried out: a method, on these columns.

    Attributes
    ----------
    features, targets : tuple of str
        Names of the columns of X (p,) and y (k,).
    intercept : bool
    seed : int
    device : torch.device
        Where training on rows happens.
    unscaled : tuple of int
        Columns that are centred but not scaled when the others are standardised.
    factors : tuple of float or None
        How much of the penalties each column takes, (p,); None = 1 each.
    penalty : str
        Which penalty `l1`, `l2` and `factors` are the numbers of; one of `PENALTIES`.
    limits : Limits or None
        What the weights may be, in the data's units.
    """

    features: tuple[str, ...]
    targets: tuple[str, ...]
    intercept: bool
    seed: int = 0
    device: torch.device = _CPU
    unscaled: tuple[int, ...] = ()
    factors: tuple[float, ...] | None = None
    penalty: str = "elastic-net"
    limits: Limits | None = None

    def __post_init__(self) -> None:
        if isinstance(self.forward, nn.Module):
            check_module(self.forward, targets=len(self.targets), penalised=self.penalised)

    @property
    def limited_by(self) -> str:
        """What limits the weights, in words."""
        return "" if self.limits is None else self.limits.kinds

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the weights, (d,)."""
        if isinstance(self.forward, nn.Module):
            return parameter_names(self.forward)
        return (*self.features, *(("Intercept",) if self.intercept else ()))

    def run(self, training: Part, held_out: Part | None = None, watch: Watch | None = None) -> Fit:
        """Train on one part; the loss of the other is recorded beside it."""
        task = self.task(training, held_out)
        place = _CPU if task.objective.slices is None else self.device
        fit = train(task, self.solver, self.first(task).to(place), watch)
        if self.limits is None:
            return fit
        # In the data's units a bound is the number that was written, to the last digit.
        weights = self.limits.held(fit.weights, task.scaling)
        return replace(fit, weights=weights, trace=fit.trace.ended_at(weights, fit.trace.loss[-1:]))

    def first(self, task: Task) -> Weights:
        """Where training starts, in the columns as trained."""
        if self.start is not None:
            return task.scaling.to_trained(parse_start(self.start, self.names, task.targets))
        if isinstance(self.forward, nn.Module):  # starts as it is
            return parameters_of(self.forward)
        return small_start(task, intercept=self.intercept)

    def task(self, training: Part, held_out: Part | None = None) -> Task:
        """What is to be trained: the objective on one part, in the columns as trained."""
        return self._bowl_task(training, held_out) if self.squared_line else self._row_task(training, held_out)

    def predictor(self, weights: Weights) -> Callable[[Tensor], Tensor]:
        """X (n, p) -> predictions (n, k), both in the data's units."""
        forward = forward_of(self.forward, intercept=self.intercept)
        return lambda X: forward(X, weights.to(X.device))

    def _bowl_task(self, training: Part, held_out: Part | None) -> Task:
        scaling = self._scaling(training.moments)
        bowl = Bowl.of(training.moments, scaling)
        if not all(bool(t.isfinite().all()) for t in (bowl.curvature, bowl.bottom, bowl.floor)):
            raise DataError("The columns are too large for float64 as they stand; standardise them, or use other units.")
        slices = self._slices(training, scaling) if self.of_slices else None
        # Steps on the whole bowl are small products, done sooner here; only slices of rows are work for a GPU.
        if slices is not None and self.device.type != "cpu":
            bowl = bowl.to(self.device)
        # `null` is what predicting the mean costs, without an intercept 0: the measure of what has diverged, and of gradients.
        units = scaling.target_scale**2
        mean, covariance = trained_moments(training.moments, scaling)
        null = (covariance.diagonal() + (0 if self.intercept else mean**2))[scaling.p :].clamp(min=0)
        size = 2 * torch.outer(bowl.curvature.cpu().diagonal().clamp(min=0).sqrt(), torch.where(null > 0, null, 1.0).sqrt())
        judged = Bowl.of(held_out.moments, scaling) if held_out is not None and held_out.moments.count else None
        place = bowl.curvature.device
        regions = None if self.limits is None else self.limits.regions(scaling, len(self.targets))
        size = torch.where(size > 0, size, 1.0).to(place)
        objective = Objective(bowl, self._penalty(scaling.p).to(place), slices, size, regions)
        return self._named(objective, scaling, units.to(place), float(null @ units), judged)

    def _slices(self, training: Part, scaling: Scaling) -> SquaredRows | Streamed:
        rows, again, moments = training.rows, training.again, training.moments
        if rows is not None:
            return SquaredRows(scaling.rows(rows.to(self.device)), self.intercept)
        if again is None:
            raise OptionError("Training on some rows at a time needs the rows; these are moments only. Use solver='sgd'.")
        mean_weight = moments.weight / max(moments.count, 1)
        read = lambda order: (scaling.rows(block.to(self.device)) for block in again(order))  # noqa: E731
        return Streamed(read, self.intercept, scaling.p, moments.count, mean_weight, training.window)

    def _row_task(self, training: Part, held_out: Part | None) -> Task:
        if training.rows is None:
            raise OptionError(
                f"Loss {self.loss!r} with this forward needs the rows; these are moments only. Use loss='squared' and the line."
            )
        device, module = self.device, isinstance(self.forward, nn.Module)
        scaling = self._scaling(training.moments)
        loss, units = self.cost.trained(self._units(training, scaling))
        as_trained = lambda part: scaling.rows(part) if self.forward is None else part  # noqa: E731
        smooth = RowLoss(as_trained(training.rows.to(device)), loss, forward_of(self.forward, intercept=self.intercept))
        judged = None
        if held_out is not None and held_out.rows is not None and len(held_out.rows):
            judged = replace(smooth, rows=as_trained(held_out.rows.to(device)))
        d, k = len(self.names), len(self.targets)
        size = torch.ones(d, 1, dtype=torch.float64, device=device)
        if self.forward is None and not self.cost.edged:  # with edges a row pulls with about 1, as it stands
            size = gradient_size(smooth, d, k, intercept=self.intercept)
        null = 0.0  # of an own forward function nobody knows what predicts the mean
        if self.forward is None:
            null = float((smooth.losses(torch.zeros(d, k, dtype=torch.float64, device=device)).detach() * units).sum())
        penalty = self._penalty(d, free=True) if module else self._penalty(d - self.intercept)
        objective = Objective(smooth, penalty.to(device), smooth, size)
        return self._named(objective, _identity(d) if module else scaling, units, abs(null), judged)

    def _named(self, objective: Objective, scaling: Scaling, units: Tensor, null: float, judged: Smooth | None) -> Task:
        return Task(objective, scaling, self.names, self.targets, units, null, judged, self.seed)

    def _penalty(self, p: int, *, free: bool = False) -> Penalty:
        """On p slopes; or on p parameters of a module, of which none is an intercept and all weigh alike."""
        kind, factors = PENALTIES[self.penalty], None if free else self.factors
        return kind.on_slopes(self.l1, self.l2, p, intercept=self.intercept and not free, factors=factors)

    def _scaling(self, moments: Comoments) -> Scaling:
        p, intercept = len(self.features), self.intercept
        scaling = Scaling.of(moments, p, intercept=intercept, standardize=self.standardize, unscaled=self.unscaled)
        # A penalty with edges is solved for with the intercept taken out, and restrictions beside it; far from zero that costs digits,
        # and slopes do not feel a shift.
        solved = self.solver.eliminates and intercept and self.squared_line and not self._penalty(p).quadratic
        return replace(scaling, center=moments.center) if solved or (self.limited_by and intercept) else scaling

    def _units(self, training: Part, scaling: Scaling) -> Units:
        """How the targets as trained relate to the data; an own forward function sees them as they are."""
        k, rows = len(self.targets), training.rows
        assert rows is not None  # noqa: S101  `_row_task` has seen to it
        scale = scaling.target_scale if self.forward is None else torch.ones(k, dtype=torch.float64)
        center = scaling.center[scaling.p :].to(self.device)
        spread = lambda: residual_scale(rows, training.moments, scaling)  # noqa: E731
        return Units(scale.to(self.device), center, self.forward is not None, spread)


def _identity(d: int) -> Scaling:
    """No scaling, for weights that are not those of a line."""
    return Scaling(d, False, torch.zeros(d + 1, dtype=torch.float64), torch.ones(d + 1, dtype=torch.float64))


def check_rows(statistic: Comoments, plan: Plan, design: Design) -> None:
    """Raise DataError when these rows allow no fit: too few, too large, or nothing to fit."""
    if statistic.count == 1 and design.intercept:
        raise DataError(
            f"There is only 1 row, and one row cannot say both where a line starts and how it climbs; give more rows, or leave the "
            f"intercept out ({design.targets[0]} ~ x - 1)."
        )
    if not bool(statistic.scatter.diagonal().isfinite().all()):
        raise DataError("The columns are so large that sums over them leave the range of float64; use other units.")
    if not plan.names:
        raise DataError("There is nothing to fit: no columns and no intercept.")
    beyond = statistic.beyond
    refuse_beyond(design.targets, beyond[design.p :])
    if not plan.standardize:
        refuse_beyond(design.names, beyond[: design.p], or_else=", or leave the columns standardised")


def refuse_beyond(names: Sequence[str], powers: Sequence[int | None], *, or_else: str = "") -> None:
    """Raise DataError for a column whose squares leave float64, as `Comoments.beyond` tells: no loss of such numbers can be written."""
    for name, power in zip(names, powers, strict=True):
        if power is not None:
            raise DataError(
                f"{readable(name)} has numbers of about 1e{power}, and the squares of such numbers leave the range of float64, 1e-308 to "
                f"1e308; divide it by 1e{power}{or_else}."
            )


def refuse_sizes(names: Sequence[str], largest: Tensor, *, least: float = TINY) -> None:
    """The same, told by the largest number of each column, (k,); what is below the least is small all over, and 0 is none."""
    beyond = (largest > HUGE) | ((largest > 0) & (largest < least))
    powers = [round(math.log10(size)) if off else None for size, off in zip(largest.tolist(), beyond.tolist(), strict=True)]
    refuse_beyond(names, powers)
