"""Training: what `fit` was asked for, as a plan that can be carried out on any part of the rows.

The plan scales the columns, builds the objective, chooses the start and runs the solver. Cross-validation carries it out again
on the rows of all folds but one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from bestline.data.design import Design
from bestline.errors import ColumnError, DataError, OptionError
from bestline.numerics.bowl import Bowl, trained_moments
from bestline.numerics.comoments import Comoments
from bestline.numerics.rows import Weights
from bestline.numerics.scaling import Scaling
from bestline.training.loop import Watch, train
from bestline.training.losses import LossFunction, absolute, huber, parse_loss, quantile, squared
from bestline.training.objective import Objective
from bestline.training.outcome import Fit
from bestline.training.own_forward import element_names, functional
from bestline.training.parts import Part
from bestline.training.penalty import Penalty
from bestline.training.reread import Streamed
from bestline.training.row_losses import Forward, Line, RowLoss, SquaredRows, line
from bestline.training.solvers.base import Solver
from bestline.training.solvers.descent import Descent
from bestline.training.solvers.proximal import Proximal
from bestline.training.solvers.stochastic import Stochastic
from bestline.training.task import Task

UserLoss: TypeAlias = str | LossFunction
UserForward: TypeAlias = nn.Module | Callable[..., Tensor]
Start: TypeAlias = Mapping[str, float] | Sequence[Any] | Tensor | float
_CPU = torch.device("cpu")
_HUBER = 1.345  # of the residuals' scale: 95 % efficient where errors are normal (Holland & Welsch 1977)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What `fit` was asked for.

    Attributes
    ----------
    features, targets : tuple of str
        Names of the columns of X (p,) and y (k,).
    intercept : bool
    solver : Solver
    l1, l2 : float
    loss : str or callable
    forward : nn.Module, callable or None
        None = the line.
    standardize : bool
    start : mapping, sequence, tensor or None
        In the data's units.
    seed : int
    device : torch.device
        Where training on rows happens.
    unscaled : tuple of int
        Columns that are centred but not scaled when the others are standardised.
    factors : tuple of float or None
        How much of the penalties each column takes, (p,); None = 1 each.
    """

    features: tuple[str, ...]
    targets: tuple[str, ...]
    intercept: bool
    solver: Solver
    l1: float = 0.0
    l2: float = 0.0
    loss: UserLoss = "squared"
    forward: UserForward | None = None
    standardize: bool = True
    start: Start | None = None
    seed: int = 0
    device: torch.device = _CPU
    unscaled: tuple[int, ...] = ()
    factors: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.forward, nn.Module):
            return
        if self.l1 or self.l2:
            raise OptionError("Penalties are for the slopes of a line; give an own module's optimiser a weight_decay instead.")
        if len(self.targets) != 1:
            raise OptionError(f"An own module is trained on one target; got {len(self.targets)}. Fit them one by one.")
        odd = [type(m).__name__ for m in self.forward.modules() if isinstance(m, _DropoutNd | _NormBase)]
        if odd:
            raise OptionError(
                f"{odd[0]} behaves differently in training and prediction, so no loss would be that of the line; leave it out."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the weights, (d,)."""
        if isinstance(self.forward, nn.Module):
            return tuple(n for name, value in self.forward.named_parameters() for n in element_names(name, value))
        return (*self.features, *(("Intercept",) if self.intercept else ()))

    @property
    def of_rows(self) -> bool:
        """Whether training needs the rows and not only their moments."""
        return self.of_slices or not self.squared_line

    @property
    def of_slices(self) -> bool:
        """Whether training takes some rows at a time."""
        return isinstance(self.solver, Stochastic) or (isinstance(self.solver, Descent) and self.solver.batch_size is not None)

    @property
    def squared_line(self) -> bool:
        """Whether the loss surface is a bowl."""
        return self.loss == "squared" and self.forward is None

    def run(self, training: Part, held_out: Part | None = None, watch: Watch | None = None) -> Fit:
        """Train on one part; the loss of the other is recorded beside it."""
        task = self.task(training, held_out)
        return train(task, self.solver, self.first(task).to(self._device_of(task)), watch)

    def first(self, task: Task) -> Weights:
        """Where training starts, in the columns as trained."""
        return self._small(task) if self.start is None else task.scaling.to_trained(self._start(task))

    def task(self, training: Part, held_out: Part | None = None) -> Task:
        """What is to be trained: the objective on one part, in the columns as trained."""
        return self._bowl_task(training, held_out) if self.squared_line else self._row_task(training, held_out)

    def predictor(self, weights: Weights) -> Callable[[Tensor], Tensor]:
        """X (n, p) -> predictions (n, k), both in the data's units."""
        forward = self._forward()
        return lambda X: forward(X, weights.to(X.device))

    def _bowl_task(self, training: Part, held_out: Part | None) -> Task:
        scaling = self._scaling(training.moments)
        bowl = Bowl.of(training.moments, scaling)
        if not all(bool(t.isfinite().all()) for t in (bowl.curvature, bowl.bottom, bowl.floor)):
            raise DataError("The columns are too large for float64 as they stand; standardise them, or use other units.")
        slices = self._slices(training, scaling) if self.of_slices else None
        if slices is not None and self.device.type != "cpu":
            bowl = Bowl(bowl.bottom.to(self.device), bowl.curvature.to(self.device), bowl.floor.to(self.device))
        units = scaling.target_scale**2
        mean, covariance = trained_moments(training.moments, scaling)
        null = (covariance.diagonal() + (0 if self.intercept else mean**2))[scaling.p :].clamp(min=0)
        size = 2 * torch.outer(bowl.curvature.cpu().diagonal().clamp(min=0).sqrt(), torch.where(null > 0, null, 1.0).sqrt())
        penalty = Penalty.on_slopes(self.l1, self.l2, scaling.p, intercept=self.intercept, factors=self.factors)
        judged = Bowl.of(held_out.moments, scaling) if held_out is not None and held_out.moments.count else None
        objective = Objective(bowl, penalty, slices, torch.where(size > 0, size, 1.0).to(bowl.curvature.device))
        return Task(
            objective,
            scaling,
            self.names,
            self.targets,
            units.to("cpu" if slices is None else self.device),
            float(null @ units),
            judged,
            self.seed,
        )

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
        scaling = self._scaling(training.moments)
        rows = scaling.rows(training.rows.to(self.device)) if self.forward is None else training.rows.to(self.device)
        loss, units = self._loss(training, scaling)
        smooth = RowLoss(rows, loss, self._forward())
        judged = None
        if held_out is not None and held_out.rows is not None and len(held_out.rows):
            other = held_out.rows.to(self.device)
            judged = RowLoss(scaling.rows(other) if self.forward is None else other, loss, smooth.forward)
        d, k = len(self.names), len(self.targets)
        own = scaling if self.forward is None or not isinstance(self.forward, nn.Module) else _identity(d)
        size = torch.ones(d, 1, dtype=torch.float64, device=self.device)
        if callable(self.loss) and self.forward is None:
            size = _gradient_size(smooth, d, len(self.targets), intercept=self.intercept)
        zero = torch.zeros(d, 1 if own is not scaling else k, dtype=torch.float64, device=self.device)
        null = float((smooth.losses(zero).detach() * units).sum()) if self.forward is None else 0.0
        of_line = own is scaling and self.intercept
        factors = Penalty.on_slopes(
            self.l1, self.l2, d - of_line, intercept=of_line, factors=self.factors if own is scaling else None
        )
        penalty = Penalty(factors.l1, factors.l2, factors.factors.to(self.device))
        targets = self.targets if own is scaling else (self.targets[0],)
        return Task(Objective(smooth, penalty, smooth, size), own, self.names, targets, units, abs(null), judged, self.seed)

    def _scaling(self, moments: Comoments) -> Scaling:
        scaling = Scaling.of(
            moments, len(self.features), intercept=self.intercept, standardize=self.standardize, unscaled=self.unscaled
        )
        # An l1 penalty is solved for with the intercept taken out; far from zero that costs digits, and slopes do not feel a shift.
        solved = isinstance(self.solver, Proximal) and self.l1 and self.intercept and self.squared_line
        return replace(scaling, center=moments.center) if solved else scaling

    def _loss(self, training: Part, scaling: Scaling) -> tuple[LossFunction, Tensor]:
        """The loss of predictions as trained, and what a unit of it is in the data's units."""
        scale = (scaling.target_scale if self.forward is None else torch.ones(len(self.targets), dtype=torch.float64)).to(
            self.device
        )
        if callable(self.loss):
            user, center = self.loss, scaling.center[scaling.p :].to(self.device)
            if self.forward is not None:
                return user, torch.ones(1, dtype=torch.float64, device=self.device)
            return (lambda f, y: user(f * scale + center, y * scale + center)), torch.ones(
                1, dtype=torch.float64, device=self.device
            )
        name, level = parse_loss(self.loss)
        if name == "huber":
            edge = _HUBER * self._residual_scale(training, scaling).to(self.device) if level is None else level
            return huber(edge / scale), scale**2
        if name == "squared":
            return squared, scale**2
        return (absolute if name == "absolute" else quantile(0.5 if level is None else level)), scale

    def _residual_scale(self, training: Part, scaling: Scaling) -> Tensor:
        """Weighted median of the absolute residuals of the least-squares line, over 0.6745, (k,)."""
        rows = training.rows
        assert rows is not None  # noqa: S101  `_row_task` has seen to it
        weights = scaling.to_data(Bowl.of(training.moments, scaling).bottom)
        residual = (line(rows.X.cpu(), weights, intercept=self.intercept) - rows.y.cpu()).abs()
        scale = _median(residual, rows.w) / 0.6744897501960817
        # Where most rows lie on the line itself there is no scale to see; the loss then is the squared one in all but name.
        return torch.where(scale > 1e-6 * scaling.target_scale, scale, scaling.target_scale)

    def _forward(self) -> Forward:
        if self.forward is None:
            return Line(self.intercept)
        if isinstance(self.forward, nn.Module):
            return functional(self.forward)
        user = self.forward
        if self.intercept:
            return lambda X, weights: user(X, weights[:-1], weights[-1])
        return user

    def _small(self, task: Task) -> Weights:
        """The default start: small, random and seeded; the intercept starts at zero. A module starts as it is."""
        if isinstance(self.forward, nn.Module):
            return torch.cat([p.detach().flatten() for p in self.forward.parameters()]).to(torch.float64)[:, None]
        generator = torch.Generator().manual_seed(self.seed)
        start = 0.01 * torch.randn(len(self.names), len(task.targets), generator=generator, dtype=torch.float64)
        if self.intercept:
            start[-1] = 0
        if isinstance(task.objective.smooth, Bowl):  # a column that does not vary keeps the weight 0 for ever
            start[task.objective.smooth.curvature.diagonal().cpu() == 0] = 0
        return start

    def _start(self, task: Task) -> Weights:
        return parse_start(self.start, self.names, task.targets)

    def _device_of(self, task: Task) -> torch.device:
        return self.device if task.objective.slices is not None else torch.device("cpu")


def parse_start(start: Start | None, names: Sequence[str], targets: Sequence[str]) -> Weights:
    """First weights (d, k) in the data's units: by name, or in the order of the weights with the intercept last."""
    d, k = len(names), len(targets)
    if isinstance(start, Mapping):
        unknown = [n for n in start if n not in names]
        if unknown:
            raise OptionError(f"`start`: {ColumnError.missing(unknown[0], names, 'the weights')}")
        lacking = [n for n in names if n not in start]
        if lacking:
            raise OptionError(f"`start` does not say where {lacking[0]!r} starts; it needs {', '.join(names)}.")
        start = [start[n] for n in names]
    try:
        values = torch.as_tensor(start, dtype=torch.float64).detach().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise OptionError(f"`start` must be numbers, by name or in the order {', '.join(names)}; got {start!r}.") from error
    if values.numel() != d * k or values.ndim > 2 or not bool(values.isfinite().all()):
        raise OptionError(f"`start` needs {d * k} finite numbers, in the order {', '.join(names)}; got {values.numel()}.")
    return values.reshape(d, k)


def _gradient_size(smooth: RowLoss, d: int, k: int, *, intercept: bool) -> Tensor:
    """Natural size of a loss's gradient (d, 1), whatever the loss is measured in: all rows' pulls at weights of 0, in one direction."""
    rows = smooth.rows
    prediction = torch.zeros(len(rows), k, dtype=torch.float64, device=rows.X.device, requires_grad=True)
    flat = RowLoss(rows, smooth.loss, lambda X, weights: prediction)
    with torch.enable_grad():
        losses = flat.losses(prediction.new_zeros(d, k)).sum()
        pulls = (
            torch.autograd.grad(losses, prediction)[0].abs().sum(1) if losses.requires_grad else prediction.new_zeros(len(rows))
        )
    size = rows.X.abs().T @ pulls
    size = torch.cat([size, pulls.sum()[None]]) if intercept else size
    return torch.where((size > 0) & size.isfinite(), size, 1.0)[:, None]


def _median(values: Tensor, w: Tensor | None) -> Tensor:
    """Median of each column (k,) of values (n, k), rows counting by their weight."""
    if w is None:
        return values.median(0).values
    ordered, order = values.sort(0)
    share = w.cpu()[order].cumsum(0)
    return ordered.gather(0, (share >= share[-1] / 2).long().argmax(0, keepdim=True))[0]


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
    if not bool(statistic.scatter.isfinite().all()):
        raise DataError("The columns are so large that sums over them leave the range of float64; use other units.")
    if not plan.names:
        raise DataError("There is nothing to fit: no columns and no intercept.")
