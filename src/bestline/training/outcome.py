"""Outcome: the trace that training leaves, and the fit at its end."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bestline.errors import NumericalError
from bestline.numerics import Scaling, Weights
from bestline.training.objective import Objective
from bestline.training.solvers.base import Solver, Stop
from bestline.training.task import Task

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What training passed through, steps 0..K, in the data's units: t = K + 1 rows of plain numbers.

    Attributes
    ----------
    names : tuple of str
        Names of the weights, (d,), the intercept last.
    targets : tuple of str
        Names of the targets, (k,).
    step : Tensor (t,)
        Number of updates made.
    weights : Tensor (t, d, k)
    loss : Tensor (t,)
        Loss of the training rows at these weights, without the penalty.
    held_out : Tensor (t,) or None
        Loss of the held-out rows.
    gradient_norm : Tensor (t,)
        Length of the gradient of the objective.
    gap : Tensor (t,) or None
        Objective less that of the exact solution, where there is one.
    rate : Tensor (t,)
        Learning rate of the update that follows; NaN where there is none.
    """

    names: tuple[str, ...]
    targets: tuple[str, ...]
    step: Tensor
    weights: Tensor
    loss: Tensor
    held_out: Tensor | None
    gradient_norm: Tensor
    gap: Tensor | None
    rate: Tensor

    def __len__(self) -> int:
        return len(self.step)

    @property
    def columns(self) -> dict[str, list[float] | list[int]]:
        """The trace as columns of plain numbers, in the order of `frame`."""
        table: dict[str, list[float] | list[int]] = {"step": self.step.tolist(), "loss": self.loss.tolist()}
        if self.held_out is not None:
            table["held_out"] = self.held_out.tolist()
        for j, name in enumerate(self.names):
            for i, target in enumerate(self.targets):
                label = name if len(self.targets) == 1 else f"{name}:{target}"
                # Names are the user's and may clash with ours; a table with two columns of one name would lose one of them.
                while label in table:  # a feature may be called "loss"
                    label = f"{label}_"
                table[label] = self.weights[:, j, i].tolist()
        table["gradient_norm"] = self.gradient_norm.tolist()
        if self.gap is not None:
            table["gap"] = self.gap.tolist()
        return table

    def ended_at(self, weights: Weights, loss: Tensor) -> Trace:
        """The same trace with other weights (d, k), of that loss, at its last step."""
        # The rest of the trace is what training passed through, and stays: only where it ended is told more exactly.
        return replace(
            self,
            weights=torch.cat([self.weights[:-1], weights[None]]),
            loss=torch.cat([self.loss[:-1], loss.reshape(1)]),
        )

    def frame(self) -> DataFrame:
        """One row a step: step, loss, held_out, one column a weight, gradient_norm, gap. A pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.columns)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The outcome of training.

    Attributes
    ----------
    weights : Tensor (d, k)
        In the data's units, the intercept last.
    trace : Trace
    stop : Stop
        Why training stopped.
    advice : str
        The same as a sentence with the numbers of this run.
    step : int
        The step whose weights these are: the last, or with early stopping the best.
    rate, rate_limit : float or None
        First learning rate, and the largest stable one.
    solver : Solver
    task : Task or None
        What was trained; None where that is not known any more, as of a line that was loaded.
    seconds : float
        What the steps took; NaN where nobody looked at the clock.
    """

    weights: Weights
    trace: Trace
    stop: Stop
    advice: str
    step: int
    rate: float | None
    rate_limit: float | None
    solver: Solver
    task: Task | None
    seconds: float = math.nan

    @property
    def objective(self) -> Objective:
        """What was made small, in the columns as trained."""
        return self._known.objective

    @property
    def scaling(self) -> Scaling:
        """From the data's units to those of the columns as trained."""
        return self._known.scaling

    @property
    def loss_units(self) -> Tensor:
        """What one unit of each loss as trained is in the data's units, (k,) or (1,)."""
        return self._known.units.cpu()

    @property
    def _known(self) -> Task:
        # A file holds the line and its numbers, but no rows and no objective: what needs these says so by name.
        if self.task is None:
            raise NumericalError("This needs what was trained, and a loaded line has it no more; fit again.")
        return self.task
