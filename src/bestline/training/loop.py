"""Loop: the one there is. It takes the steps of a solver, watches them, and knows when to stop.

K updates make K + 1 rows of the trace: step 0 is the start, and each row's loss is the loss at that row's weights. Everything
reported is in the data's units, whatever the columns were scaled to for training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import torch
from torch import Tensor

from bestline.errors import NumericalError
from bestline.numerics import Bowl, Weights
from bestline.training.outcome import Fit, Trace
from bestline.training.solvers.base import AT_LIMIT, Rule, Solver, Step, Stop
from bestline.training.solvers.rate_limits import Modes
from bestline.training.solvers.rate_to_see import STEPS, leaps, rate_to_see
from bestline.training.task import Task
from bestline.wording import percent, said, significant

Watch: TypeAlias = Callable[[Step], None]

_BLOCK = 4_096  # steps kept one by one before they become columns
_EXPLODED = 1e6  # times the loss of the start, or of predicting the mean, whichever is larger


def train(task: Task, solver: Solver, start: Weights, watch: Watch | None = None) -> Fit:
    """Train from `start` (d, k), weights of the columns as trained, until the solver's rule says stop.

    `watch` hears of every step, in the data's units. Ctrl-C ends training and keeps what was learnt.
    """
    record = _Record(task, solver.rule)
    bowl = None if watch is None else task.objective.whole_bowl
    # Solvers are iterators without end or with one; who stops them is this loop alone, by the rule, the record and Ctrl-C.
    try:
        for step in solver.run(task.objective, start, seed=task.seed):
            stop = record.take(step)
            if watch is not None and record.finite and record.last is not None:
                watch(_in_data_units(task, record.last, bowl))
            if stop is not None:
                break
        else:
            stop = solver.rule.at_end
    except KeyboardInterrupt:
        if record.last is None:
            raise
        stop = Stop.INTERRUPTED
    return _finished(task, solver, record, stop)


@dataclass(slots=True)
class _Record:
    """The steps so far, and the decision whether to go on."""

    task: Task
    rule: Rule
    first: Step | None = None
    last: Step | None = None
    recent: list[Step] = field(default_factory=list)
    blocks: list[tuple[Tensor, ...]] = field(default_factory=list)
    best: Step | None = None
    how: str = ""
    finite: bool = True
    last_index: int = 0
    ceiling: float = 0.0
    start_loss: float = 0.0

    def take(self, step: Step) -> Stop | None:
        """Record a step, unless it is no number; say why to stop, or None."""
        # Invariant: what is recorded is finite, so that every picture and table of the trace is; a step that is no number ends
        # training, and the weights kept are those before it.
        self.last_index = step.index
        loss = float(step.losses @ self.task.units)
        if not math.isfinite(loss) or not math.isfinite(step.violation):
            self.how, self.finite = "is no longer a finite number", False
            return Stop.DIVERGED
        if self.task.held_out is not None:
            held_out = float((self.task.held_out.losses(step.weights).detach() * self.task.units).sum())
            step = replace(step, held_out=held_out)
        self._keep(step)
        # A start at the very bottom has no loss to speak of: then what predicting the mean costs is the measure.
        if step.index == 0:
            self.start_loss, self.ceiling = loss, _EXPLODED * max(abs(loss), self.task.reference)
        if loss > self.ceiling > 0:
            self.how = f"grew to {said(loss, 3)}, from {said(self.start_loss, 3)} at the start"
            return Stop.DIVERGED
        return self._rest(step)

    def columns(self) -> Iterator[Tensor]:
        """All steps so far, as `_columns` has them."""
        blocks = [*self.blocks, *([_columns(self.recent)] if self.recent else [])]
        return map(torch.cat, zip(*blocks, strict=True))

    def _keep(self, step: Step) -> None:
        self.first = self.first or step
        self.last = step
        self.recent.append(step)
        if len(self.recent) == _BLOCK:
            self.blocks.append(_columns(self.recent))
            self.recent = []

    def _rest(self, step: Step) -> Stop | None:
        if step.held_out is not None and (self.best is None or step.held_out < self.best.held_out):  # type: ignore[operator]
            self.best = step
        if step.violation <= self.rule.tol:
            return Stop.CONVERGED
        if self.rule.patience is not None and self.best is not None and step.index - self.best.index >= self.rule.patience:
            return Stop.PATIENCE
        return self.rule.at_end if step.index >= self.rule.steps else None


def _columns(steps: list[Step]) -> tuple[Tensor, ...]:
    """Steps as columns, a tenth of the memory of as many Steps: index, weights, gradient, losses, rate, held-out loss."""
    return (
        torch.tensor([s.index for s in steps]),
        torch.stack([s.weights for s in steps]).cpu(),
        torch.stack([s.gradient for s in steps]).cpu(),
        torch.stack([s.losses for s in steps]).cpu(),
        torch.tensor([math.nan if s.rate is None else s.rate for s in steps], dtype=torch.float64),
        torch.tensor([math.nan if s.held_out is None else s.held_out for s in steps], dtype=torch.float64),
    )


def _in_data_units(task: Task, step: Step, bowl: Bowl | None) -> Step:
    gap = None if bowl is None else float((bowl.excess(step.weights.cpu()).clamp(min=0) * task.units.cpu()).sum())
    return replace(
        step,
        weights=task.scaling.to_data(step.weights.cpu()),
        losses=(step.losses.cpu() * task.units.cpu()),
        gradient=task.scaling.gradient_to_data(step.gradient.cpu(), task.units.cpu()),
        gap=gap,
    )


def _finished(task: Task, solver: Solver, record: _Record, stop: Stop) -> Fit:
    if record.first is None or record.last is None:  # the very start is no number
        raise NumericalError(
            "The loss at the start is not a finite number: the start is too far away, or the values are too large."
        )
    rate, limit = record.first.rate, solver.rate_limit(task.objective, record.first.weights)
    trace = _trace(task, *record.columns())
    # With patience the best weights by the held-out loss are kept, however training ended; else the last ones.
    kept = record.last if record.rule.patience is None or record.best is None else record.best
    at = kept.index - record.first.index
    if (
        stop in _FORETOLD
        and record.last_index
        and solver.outruns(task.objective, rate, limit)
        and not _arrived(trace, at, task)
    ):
        stop, record.how = Stop.DIVERGED, _how(trace)
    last = record.last.violation
    figures = f" (violation {last:.1e}, tolerance {record.rule.tol:.0e})" if stop is Stop.CONVERGED else ""
    advice = stop.value.format(
        step=record.last.index if stop is Stop.INTERRUPTED else record.last_index,
        best=kept.index,
        figures=figures,
        how=record.how,
        remedy=_remedy(task, solver, rate, limit),
        remaining=_remaining(trace, at, task, too_fast=_near(rate, limit)),
    )
    if stop is not Stop.DIVERGED and solver.outruns(task.objective, rate, limit):
        advice += f" {_beyond(rate, limit)}: from almost any start descent at it diverges."
    if stop is Stop.STEPS:
        advice += _seen_slower(task, solver, trace, record.first)
    if stop is not Stop.PATIENCE and kept is not record.last:
        advice += f" The weights kept are those of step {kept.index}, where the held-out loss was least."
    return Fit(trace.weights[at], trace, stop, advice, kept.index, rate, limit, solver, task, figures)


def _seen_slower(task: Task, solver: Solver, trace: Trace, first: Step) -> str:
    """For whoever asked for a number of steps: at which rate they are seen, where the rate chosen here leaves nothing to see."""
    bowl = task.objective.bowl
    chosen = solver.whole_gradient == "sgd" and getattr(solver, "lr", None) == "auto"
    if bowl is None or not chosen or len(trace) < 2 or not leaps(trace.loss):
        return ""
    rate, _, _ = rate_to_see(Modes.of(bowl, first.weights, task.units), STEPS)
    return f" The first step made nearly all of the way; lr={rate:.2g} makes steps that can be seen."


# What a run at too large a rate may end with before its loss has exploded.
_FORETOLD = (Stop.STEPS, Stop.PATIENCE)


def _trace(
    task: Task, step: Tensor, trained: Tensor, gradient: Tensor, losses: Tensor, rate: Tensor, held_out: Tensor
) -> Trace:
    """The columns in the data's units; everything that can be is computed for all steps at once."""
    units = task.units.cpu()
    bowl = task.objective.whole_bowl
    return Trace(
        names=task.names,
        targets=task.targets,
        step=step,
        weights=task.scaling.to_data(trained),
        loss=losses @ units,
        held_out=None if task.held_out is None else held_out,
        gradient_norm=task.scaling.gradient_to_data(gradient, units).flatten(1).norm(dim=1),
        gap=None if bowl is None else bowl.excess(trained).clamp(min=0) @ units,
        rate=rate,
    )


def _near(rate: float | None, limit: float | None) -> bool:
    """Whether a rate is at its limit or above: more steps are no help then."""
    return rate is not None and limit is not None and rate >= limit * (1 - AT_LIMIT)


def _beyond(rate: float | None, limit: float | None) -> str:
    return f"The rate {significant(rate, 4)} is above the largest stable one, {significant(limit, 4)}"


def _how(trace: Trace) -> str:
    """What the loss did until now at a rate that diverges; it may have fallen as yet, along the other directions."""
    start, last = float(trace.loss[0]), float(trace.loss[-1])
    if last > start:
        return f"grew to {said(last, 3)}, from {said(start, 3)} at the start"
    return f"is {said(last, 3)}, from {said(start, 3)} at the start, but at this rate it will grow without bound"


def _arrived(trace: Trace, at: int, task: Task) -> bool:
    """Whether the loss is that of the exact solution, as far as float64 tells."""
    if trace.gap is None:
        return False
    return float(trace.gap[at]) <= max(1e-9 * float(trace.loss[at]), 1e-15 * (task.reference or float(trace.loss[0])))


def _remaining(trace: Trace, at: int, task: Task, *, too_fast: bool) -> str:
    if trace.gap is None:
        return f"The loss is {said(float(trace.loss[at]))}."
    if _arrived(trace, at, task):
        return "The loss is that of the exact solution."
    gap, loss = float(trace.gap[at]), float(trace.loss[at])
    share = f" ({percent(gap / (loss - gap))} of it)" if loss > 2 * gap else ""
    # A loss that has grown will not be mended by more of the same steps.
    worse = too_fast or loss > float(trace.loss[0])
    more = f": {'use a smaller rate' if worse else 'take more steps, or another rate'}" if gap > 1e-6 * loss else ""
    return f"The loss is {said(gap, 3)} above that of the exact solution{share}{more}."


def _remedy(task: Task, solver: Solver, rate: float | None, limit: float | None) -> str:
    if rate is None:
        return "Standardise the columns, or look for values that are far too large."
    scaled = bool((task.scaling.scale != 1).any())
    standardise = "" if scaled else ", or standardise the columns"
    sliced = isinstance(task.objective.smooth, Bowl) and solver.sees_some(task.objective)
    if limit is not None and rate > limit and not sliced:
        return f"{_beyond(rate, limit)}; use lr={0.9 * limit:.2g} or less, or lr='auto'{standardise}."
    if limit is not None:
        return f"On slices of the rows a rate must be well below the limit for all of them, {said(limit)}; use lr={min(rate, limit) / 10:.2g}, or lr='auto'{standardise}."
    return f"Use a smaller rate, such as lr={rate / 10:.2g}{standardise}."
