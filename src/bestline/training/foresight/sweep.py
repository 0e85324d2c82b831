"""Sweeps: many runs of descent at once, every rate, optimiser and start side by side.

The optimisers of torch move each weight by itself, and by an amount that is proportional to the rate. So the weights of all runs
are columns of one parameter (d, runs), one gradient 2 H (W - bottom) serves them all, and each column is given its own share of
the step that the optimiser takes at the largest rate. Hundreds of runs cost little more than one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor
from torch.nn import Parameter

from bestline.calls import is_number
from bestline.data.progress import Progress, Share, share_of
from bestline.errors import OptionError
from bestline.numerics import Bowl, Weights
from bestline.training.solvers.base import AT_LIMIT
from bestline.training.solvers.descent import OPTIMIZERS, Descent
from bestline.training.task import Task
from bestline.wording import count, finite, on_columns, preformatted, significant

if TYPE_CHECKING:
    from pandas import DataFrame


MOST = 50_000_000  # losses kept: 400 MB
MOST_RATES = 100_000
AUTO = 200  # rates, when nobody says
_EXPLODED = 1e6  # times the loss of the start, or of predicting the mean: as `fit` has it
_NOTHING = 1e-15  # of the start's loss: a gap this small is rounding
_BOTTOM = 1e-26  # of the start's loss: the gap is quadratic, and weights this near the bottom are right to 13 digits
# The step of each is elementwise and proportional to the rate, adamw's decay too; torch's L-BFGS searches along a line.
_ALL = slice(None)
PROPORTIONAL = frozenset({"sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "adagrad"})


@dataclass(frozen=True, slots=True)
class About:
    """The line, the numbers of its columns and rows, and whether rates act on standardised columns."""

    formula: str
    columns: int
    rows: int
    standardize: bool

    def __str__(self) -> str:
        units = "standardised columns" if self.standardize else "columns in the data's own units"
        return f"{on_columns(self.formula, self.columns)}   ({self.rows:,} rows, {units})"


@dataclass(frozen=True, slots=True, eq=False)
class SweptRuns:
    """The losses of many runs; r runs, t = steps + 1 rows, step 0 being the start.

    Attributes
    ----------
    about : About
        What was trained, and on what.
    optimizers : tuple of str (r,)
    lrs : Tensor (r,)
        Learning rates.
    starts : Tensor (r,)
        Number of the start, from 0.
    gap : Tensor (t, r)
        Objective less that of the exact solution, in the data's units; NaN after a run has diverged or was interrupted.
    penalty : Tensor (t, r) or None
        The penalty's part of the objective; None when there is none.
    floor : float
        Objective of the exact solution.
    made : Tensor (r,)
        Updates that each run made.
    diverged_at : Tensor (r,)
        The step at which the loss exceeded a million times that of the start (or of predicting the mean, if that is larger) or
        was no longer a number; -1 for runs that did not diverge.
    limits : dict
        Largest stable rate of each optimiser; None where none is known.
    steps : int
        Updates asked for.
    """

    about: About
    optimizers: tuple[str, ...]
    lrs: Tensor
    starts: Tensor
    gap: Tensor
    penalty: Tensor | None
    floor: float
    made: Tensor
    diverged_at: Tensor
    limits: dict[str, float | None]
    steps: int

    @classmethod
    def of(cls, runs: SweptRuns) -> Self:
        """The same runs seen as this class."""
        return cls(**{field.name: getattr(runs, field.name) for field in fields(runs)})

    def __len__(self) -> int:
        return len(self.lrs)

    @property
    def losses(self) -> Tensor:
        """Mean squared error of every run at every step, (t, r), without the penalty, as in `Trace.loss`."""
        loss = self.gap + self.floor
        return loss if self.penalty is None else loss - self.penalty

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it before all steps were made."""
        return bool(((self.made < self.steps) & (self.diverged_at < 0)).any())

    @property
    def last_gap(self) -> Tensor:
        """Gap at the last step made, (r,); NaN for runs that diverged."""
        last = self.gap.gather(0, self.made[None])[0]
        return torch.where(self.diverged_at < 0, last, torch.nan)

    @property
    def last_loss(self) -> Tensor:
        """Loss at the last step made, (r,); NaN for runs that diverged."""
        penalty = 0.0 if self.penalty is None else self.penalty.gather(0, self.made[None])[0]
        return self.last_gap + self.floor - penalty

    def steps_to(self, share: float = 0.999) -> Tensor:
        """The step from which on, as far as the run goes, `share` of the reducible loss, what lies above the exact solution's, is gone, (r,); NaN: never.

        Raises OptionError for a share outside 0 to 1.
        """
        if not is_number(share) or not 0 < share < 1:
            raise OptionError(f"`share` must lie between 0 and 1, such as 0.999; got {share!r}.")
        first = self.gap[0]
        # The step after the last one above the level: a run with momentum may fall below it and rise again.
        above = self.gap > torch.maximum((1 - share) * first, _NOTHING * (first + abs(self.floor)))
        after = len(above) - above.flip(0).to(torch.uint8).argmax(0)
        settled = torch.where(above.any(0), after, 0)
        return torch.where((self.diverged_at < 0) & (settled <= self.made), settled.to(torch.float64), torch.nan)

    @property
    def columns(self) -> dict[str, list[Any]]:
        """One row a run, in the order of `frame`; None where there is no number."""
        return {
            "optimizer": list(self.optimizers),
            "lr": self.lrs.tolist(),
            "start": self.starts.tolist(),
            "loss": [finite(loss) for loss in self.last_loss.tolist()],
            "gap": [finite(gap) for gap in self.last_gap.tolist()],
            "steps_to_99": [whole(steps) for steps in self.steps_to(0.99).tolist()],
            "steps_to_99_9": [whole(steps) for steps in self.steps_to(0.999).tolist()],
            "diverged_at": [None if at < 0 else at for at in self.diverged_at.tolist()],
        }

    def frame(self) -> DataFrame:
        """One row a run: optimizer, lr, start, loss, gap, steps_to_99, steps_to_99_9, diverged_at; NaN where there is none."""
        import pandas as pd

        columns = self.columns
        numbers = {
            name: pd.Series(values, dtype=float) for name, values in columns.items() if name not in ("optimizer", "start")
        }
        return pd.DataFrame({**columns, **numbers})

    def best(self, optimizer: str | None = None) -> int | None:
        """Number of the run with the fewest steps until 0.1% of the reducible loss remains, of one optimiser or of all; None if no run got there."""
        steps = self.steps_to().nan_to_num(torch.inf)
        if optimizer is not None:
            steps = torch.where(torch.tensor([name == optimizer for name in self.optimizers]), steps, torch.inf)
        return int(steps.argmin()) if len(steps) and bool(steps.isfinite().any()) else None

    @property
    def facts(self) -> dict[str, Any]:
        """What `--json` prints."""
        best = self.best()
        return {
            "formula": self.about.formula,
            "rows": self.about.rows,
            "standardize": self.about.standardize,
            "steps": self.steps,
            "interrupted": self.interrupted,
            "loss_floor": self.floor,
            "limits": self.limits,
            "best": None if best is None else {name: values[best] for name, values in self.columns.items()},
            "runs": self.columns,
        }

    def __str__(self) -> str:
        names = tuple(dict.fromkeys(self.optimizers))
        lines = [
            str(self.about),
            f"{len(self):,} runs of {self.steps:,} steps{', interrupted' if self.interrupted else ''}",
            "",
            f"{'optimizer':10} {'rates':>22} {'limit':>11} {'diverged':>9} {'to 0.1%':>10} {'best rate':>11} {'steps':>8}",
        ]
        return "\n".join([*lines, *(self._row(name) for name in names)])

    def _row(self, name: str) -> str:
        own = torch.tensor([other == name for other in self.optimizers])
        rates, steps = self.lrs[own], self.steps_to()[own]
        limit, best = self.limits.get(name), self.best(name)
        span = f"{significant(float(rates.min()), 4)} to {significant(float(rates.max()), 4)}"
        at, least = ("-", "-") if best is None else (significant(float(self.lrs[best]), 4), f"{int(self.steps_to()[best]):,}")
        return (
            f"{name:10} {span:>22} {significant(limit, 4):>11} {int((self.diverged_at[own] >= 0).sum()):9,} "
            f"{int(steps.isfinite().sum()):10,} {at:>11} {least:>8}"
        )

    def _repr_html_(self) -> str:
        return preformatted(str(self))

    def __repr__(self) -> str:
        return f"<bestline.Sweep {self.about.formula!r}, {count(len(self), 'run')} of {count(self.steps, 'step')}>"


def run_sweep(
    task: Task,
    starts: Sequence[Weights],
    rates: Mapping[str, Sequence[float]],
    steps: int,
    *,
    about: About,
    tell: Progress | None = None,
) -> SweptRuns:
    """Run each optimiser at each of its rates from each start (d, k), weights of the columns as trained, on a bowl.

    Ctrl-C ends it and keeps the steps made so far.

    Raises
    ------
    OptionError
        More losses than fit in memory, or a loss that is no bowl.
    """
    bowl = task.objective.whole_bowl
    if bowl is None:
        raise OptionError(
            "A sweep walks on the squared loss of a line, with a ridge penalty or none; leave l1 and other losses out."
        )
    runs = len(starts) * sum(len(own) for own in rates.values())
    if runs * (steps + 1) > MOST:
        raise OptionError(
            f"{runs:,} runs of {steps:,} steps are {runs * (steps + 1):,} losses, and at most {MOST:,} are kept; take "
            f"{MOST // runs - 1:,} steps or fewer, or fewer rates."
        )
    done: list[_Runs] = []
    for at, (name, own) in enumerate(rates.items()):
        share = share_of(tell, f"{runs:,} runs", done=at / len(rates), width=1 / len(rates))
        done.append(_Runs(name, own, task, bowl, starts, steps))
        try:
            done[-1].go(share)
        except KeyboardInterrupt:
            if at == 0 and int(done[-1].made.max()) < 0:
                raise
            break
    limits = {batch.name: Descent(batch.name).rate_limit(task.objective, starts[0]) for batch in done}
    return _assembled(task, bowl, done, steps, limits, about)


class _Runs:
    """The runs of one optimiser, columns side by side: start by start, each with all rates."""

    def __init__(
        self, name: str, rates: Sequence[float], task: Task, bowl: Bowl, starts: Sequence[Weights], steps: int
    ) -> None:
        k = starts[0].shape[1]
        self.name, self.task, self.bowl, self.steps = name, task, bowl, steps
        self.lrs = torch.tensor(list(rates) * len(starts), dtype=torch.float64)
        self.starts = torch.arange(len(starts)).repeat_interleave(len(rates))
        self.weights = torch.stack([starts[i] for i in self.starts.tolist()], 1)  # (d, r, k)
        self.bottom = bowl.bottom[:, None].expand(-1, len(self), -1).reshape(len(bowl.bottom), -1)
        self.column_rates = self.lrs.repeat_interleave(k)
        self.gap = torch.full((steps + 1, len(self)), torch.nan, dtype=torch.float64)
        self.ridge = task.objective.penalty.ridge
        self.penalty = None if self.ridge is None else torch.zeros_like(self.gap)
        self.made = torch.full((len(self),), -1)  # the last step recorded

    def __len__(self) -> int:
        return len(self.lrs)

    def go(self, tell: Share | None) -> None:
        """Make the steps."""
        (self._together if self.name in PROPORTIONAL else self._one_by_one)(tell)

    def _together(self, tell: Share | None) -> None:
        W = self.weights.flatten(1).clone()
        parameter = Parameter(torch.empty_like(W))
        largest = float(self.lrs.max())  # the others take shares of its step, so that no rounding is magnified
        optimizer = OPTIMIZERS[self.name]([parameter], lr=largest)
        share, held, H = self.column_rates / largest, parameter.detach(), 2 * self.bowl.curvature
        # Invariant: column i of W is the run of rate share_i largest after `step` updates. The optimiser's own memory, its momentum
        # or second moments, depends on gradients alone and not on the rate, so one optimiser serves all columns; its step at the
        # largest rate is scaled to each column's own.
        for step in range(self.steps + 1):
            away = W - self.bottom
            gradient = H @ away
            self._record(step, (away * gradient).sum(0) / 2, W)
            if step < self.steps:
                held.copy_(W)  # a decay of the weights is that of the run's own
                parameter.grad = gradient
                optimizer.step()
                W.addcmul_(held.sub_(W), share)
            if tell is not None and step % max(self.steps // 100, 1) == 0:
                tell(step / max(self.steps, 1))

    def _one_by_one(self, tell: Share | None) -> None:
        # A line search looks at the loss along its own direction: its step is no share of another run's.
        for run, lr in enumerate(self.lrs.tolist()):
            start_loss = (self.bowl.losses(self.weights[:, run]) @ self.task.units).abs()
            for step in Descent(self.name, lr=lr).run(self.task.objective, self.weights[:, run]):
                self._record(step.index, self.bowl.excess(step.weights), step.weights, slice(run, run + 1))
                if step.index == self.steps or not bool(step.weights.isfinite().all()):
                    break
                if bool(self.gap[step.index, run] <= _BOTTOM * start_loss):  # at the bottom, to rounding: there it stays
                    self._hold(step.index, run)
                    break
            if tell is not None:
                tell((run + 1) / len(self))

    def _hold(self, step: int, run: int) -> None:
        for table in (self.gap, self.penalty):
            if table is not None:
                table[step + 1 :, run] = table[step, run]
        self.made[run] = self.steps

    def _record(self, step: int, excess: Tensor, W: Weights, runs: slice = _ALL) -> None:
        units = self.task.units
        self.gap[step, runs] = excess.reshape(-1, len(units)) @ units
        if self.penalty is not None and self.ridge is not None:
            self.penalty[step, runs] = (self.ridge @ W**2).reshape(-1, len(units)) @ units
        self.made[runs] = step


def _assembled(
    task: Task, bowl: Bowl, done: list[_Runs], steps: int, limits: dict[str, float | None], about: About
) -> SweptRuns:
    """The tables of all optimisers as one: runs never begun left out, and what comes after a divergence."""
    floor = float(bowl.floor @ task.units)
    made = torch.cat([batch.made for batch in done])
    begun = torch.nonzero(made >= 0)[:, 0]
    made = made[begun]
    gap = _joined([batch.gap for batch in done], begun)
    ridged = [batch.penalty for batch in done if batch.penalty is not None]
    penalty = _joined(ridged, begun) if ridged else None
    loss = gap + floor if penalty is None else gap + floor - penalty
    # What counts as diverged is what the one loop says of a single run: a loss beyond the ceiling, or no number.
    ceiling = _EXPLODED * loss[0].abs().clamp(min=task.reference)
    step = torch.arange(len(gap))[:, None]
    exploded = ~(loss <= torch.where(ceiling > 0, ceiling, torch.inf)) & (step <= made)
    diverged_at = torch.where(exploded.any(0), exploded.to(torch.uint8).argmax(0), -1)
    names = [batch.name for batch in done for _ in range(len(batch))]
    lrs = torch.cat([batch.lrs for batch in done])[begun]
    # And a rate above the limit, however few the steps, unless the run stands at the bottom.
    limit = torch.tensor([limits[names[i]] or torch.inf for i in begun.tolist()], dtype=torch.float64)
    at_end = gap.gather(0, made[None])[0] > 1e-9 * (gap[0] + floor)
    diverged_at = torch.where((diverged_at < 0) & (made > 0) & at_end & (lrs > limit * (1 + AT_LIMIT)), made, diverged_at)
    last = torch.where(diverged_at >= 0, diverged_at, made)
    beyond = (step > last) | ~gap.isfinite()
    gap.masked_fill_(beyond, torch.nan)
    if penalty is not None:
        penalty.masked_fill_(beyond, torch.nan)
    return SweptRuns(
        about=about,
        optimizers=tuple(names[i] for i in begun.tolist()),
        lrs=lrs,
        starts=torch.cat([batch.starts for batch in done])[begun],
        gap=gap,
        penalty=penalty,
        floor=floor,
        made=last,
        diverged_at=diverged_at,
        limits=limits,
        steps=steps,
    )


def _joined(tables: list[Tensor], runs: Tensor) -> Tensor:
    """The tables side by side, some runs of them; large ones are not copied without need."""
    whole = tables[0] if len(tables) == 1 else torch.cat(tables, 1)
    return whole if len(runs) == whole.shape[1] else whole[:, runs]


def whole(steps: float) -> int | None:
    """A number of steps; None for no number or an infinite one, which stand for never."""
    return int(steps) if math.isfinite(steps) else None
