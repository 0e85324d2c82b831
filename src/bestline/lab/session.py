"""Session: one run, from the request to the line, in a thread of its own that can be held, let go step by step, and called off.

Training is an iterator of steps, and whoever watches it hears of each. So between two steps it can be made to wait: a `Gate` is what
it waits at. What a page is told comes from the gate, too, which forgets steps that nobody came for in time: a slow page never holds
training up, and no memory grows with it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bestline.api.fit import DEFAULTS
from bestline.api.model import Model
from bestline.data.runner import calmly
from bestline.inference.from_fit import finished
from bestline.lab.question import Question
from bestline.lab.refused import Cancelled
from bestline.lab.tables import Dataset
from bestline.pictures.watch import session_of, worth_watching
from bestline.training import Fit, Request, Step, Stop, Trace
from bestline.training.gather import gather
from bestline.training.prepare import Prepared, prepare
from bestline.training.solvers import Descent, Exact
from bestline.training.worth_watching import to_watch

__all__ = ["Gate", "exactly", "held_bytes", "session", "so_far", "trained"]

STEPS = 200  # where nobody says how many
_ROLLING = ("momentum", "nesterov")
_USUAL_MOMENTUM = 0.9  # of these names
_KEPT = 4_000  # steps that a picture of an unfinished run is made of
_TOLD = 400  # steps that a page is told at a time
_LONGEST_WAIT = 3_600.0  # seconds that a held run waits for somebody to come back


@dataclass(slots=True)
class Gate:
    """What stands between training and whoever watches.

    Attributes
    ----------
    upto : float
        The step at which training waits; infinity: it does not.
    cancelled : bool
        Nobody wants the line any more.
    ended : bool
        Training is to end here, and the line is what was learnt.
    doing : tuple of str and float
        What is being done before training, and the share of it that is done.
    waiting : bool
        Whether training waits now.
    request, prepared
        What is trained, once that is known.
    """

    upto: float = float("inf")
    cancelled: bool = False
    ended: bool = False
    waiting: bool = False
    doing: tuple[str, float] = ("reading the data", 0.0)
    request: Request | None = None
    prepared: Prepared | None = None
    steps: list[Step] = field(default_factory=list)
    fresh: list[Step] = field(default_factory=list)
    change: threading.Condition = field(default_factory=threading.Condition)

    def progress(self, what: str, share: float) -> None:
        """Hear of a pass over the rows."""
        self.doing = (what, share)
        if self.cancelled:
            raise Cancelled

    def step(self, step: Step) -> None:
        """Hear of a step, and wait where training is held."""
        with self.change:
            self.steps, self.fresh = _added(self.steps, step, _KEPT), _added(self.fresh, step, _TOLD)
            while step.index >= self.upto and not (self.cancelled or self.ended):
                self.waiting = True
                if not self.change.wait(_LONGEST_WAIT):
                    self.ended = True
            self.waiting = False
        if self.cancelled:
            raise Cancelled
        if self.ended:
            raise KeyboardInterrupt  # which the loop takes as: keep what was learnt

    def tell(self, *, upto: float | None = None, cancelled: bool = False, ended: bool = False) -> None:
        """Change where training waits, or end it."""
        with self.change:
            self.upto = self.upto if upto is None else upto
            self.cancelled, self.ended = self.cancelled or cancelled, self.ended or ended
            self.change.notify_all()

    @property
    def at(self) -> int:
        """The number of updates made."""
        return self.steps[-1].index if self.steps else 0

    def news(self) -> list[Step]:
        """The steps since somebody last asked, a choice of them where they are many."""
        with self.change:
            found, self.fresh = self.fresh, []
        return found


def _added(steps: list[Step], step: Step, most: int) -> list[Step]:
    """One step more; of more than bearable every other one stays."""
    if len(steps) >= 2 * most:
        steps = steps[::2]
    steps.append(step)
    return steps


@calmly
def trained(asked: Question, table: Dataset, gate: Gate) -> Model:
    """The line that was asked for, trained in steps that can be seen. Raises BestlineError, and Cancelled where nobody waits."""
    if asked.live and not asked.descends:
        return worth_watching(_solved(asked, table, gate), asked.steps, always=True)
    gate.request = request = _request(asked, table, _descent(asked))
    prepared = prepare(request, gather(request.query, gate.progress))
    if asked.start is None and not asked.live:
        prepared = _away(prepared)
    gate.prepared = prepared
    fit = prepared.train(None if asked.live else gate.step)
    return Model.of(finished(request, prepared, fit, gate.progress))


@calmly
def exactly(asked: Question, table: Dataset, gate: Gate) -> Model:
    """The line that descent is after: the same question, solved."""
    return _solved(asked, table, gate)


@calmly
def so_far(gate: Gate, surface: tuple[str, ...] | None) -> dict[str, Any] | None:
    """The player's session of a run that waits, over some weights, or None before its first step."""
    request, prepared, steps = gate.request, gate.prepared, list(gate.steps)
    if request is None or prepared is None or not steps:
        return None
    parts, last = prepared.parts, steps[-1]
    task = prepared.plan.task(parts.training, parts.held_out)
    held_out = None if last.held_out is None else _numbers([step.held_out for step in steps])
    trace = Trace(
        names=task.names,
        targets=task.targets,
        step=torch.tensor([step.index for step in steps]),
        weights=torch.stack([step.weights for step in steps]),
        loss=_numbers([step.loss for step in steps]),
        held_out=held_out,
        gradient_norm=_numbers([float(step.gradient.norm()) for step in steps]),
        gap=None,
        rate=_numbers([step.rate for step in steps]),
    )
    advice = f"Waits after step {last.index:,}."
    fit = Fit(last.weights, trace, Stop.INTERRUPTED, advice, last.index, steps[0].rate, None, prepared.plan.solver, task)
    return session_of(Model.of(finished(request, prepared, fit)), pair=surface)


@calmly
def session(model: Model, surface: tuple[str, ...] | None) -> dict[str, Any]:
    """What the player is given to show a run, and its loss over some weights."""
    return session_of(model, pair=surface)


def held_bytes(model: Model) -> int:
    """About how much memory a line takes that is kept: its steps, and the rows it was trained on where they are held."""
    trace = model.trace
    steps = sum(t.numel() for t in (trace.weights, trace.loss, trace.gradient_norm)) * 8
    parts = () if model.parts is None else (model.parts.training, model.parts.held_out, model.parts.test)
    rows = sum((part.rows.X.numel() + part.rows.y.numel()) * 8 for part in parts if part is not None and part.rows is not None)
    return 100_000 + steps + rows


def _numbers(values: Sequence[float | None]) -> Tensor:
    return torch.tensor([math.nan if value is None else value for value in values], dtype=torch.float64)


def _solved(asked: Question, table: Dataset, gate: Gate) -> Model:
    gate.request = request = _request(asked, table, None)
    gate.prepared = prepared = prepare(request, gather(request.query, gate.progress))
    return Model.of(finished(request, prepared, prepared.train(), gate.progress))


def _request(asked: Question, table: Dataset, solver: Descent | None) -> Request:
    """The request of `bestline.fit` that says the same."""
    said = {
        **asked.columns,
        "solver": solver,
        "loss": asked.loss,
        "forward": asked.forward,
        "missing": asked.missing,
        "standardize": None if asked.standardize else False,
        "split": asked.split,
        "seed": asked.seed,
        "start": None if solver is None or asked.start is None else dict(asked.start),
    }
    formula = said.pop("formula")
    request = Request.of(table.data, formula, {**DEFAULTS, **said, "device": "auto", "descent": {}}, DEFAULTS)
    if table.path is None or request.recipe is None:
        return request
    # The file that was sent has another name here, which means nothing to whoever reads how to do it again.
    return replace(request, recipe=replace(request.recipe, data=(table.name,)))


def _descent(asked: Question) -> Descent:
    """How to descend, where steps are to be seen."""
    usual = "sgd" if asked.loss == "squared" else "adam"
    name = asked.optimizer or ("momentum" if asked.momentum is not None else usual)
    optimizer: Any = name
    if asked.momentum is not None and name in _ROLLING and asked.momentum != _USUAL_MOMENTUM:
        optimizer = partial(torch.optim.SGD, momentum=asked.momentum, nesterov=name == "nesterov" and asked.momentum > 0)
    rate = "auto" if asked.lr is None else asked.lr
    return Descent(optimizer, rate, asked.steps or STEPS, asked.batch_size, patience=asked.patience)


def _away(prepared: Prepared) -> Prepared:
    """The same from a start away from the optimum, where there is something to see."""
    plan = prepared.plan
    start, _ = to_watch(replace(plan, loss="squared", solver=Exact()), prepared.parts.training.moments)
    return replace(prepared, plan=replace(plan, start=start.start))
