"""Outcome: the trace that training leaves, and the fit at its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bestline.calls import answering, with_hints
from bestline.errors import NumericalError, OptionError
from bestline.numerics import Scaling, Weights
from bestline.training.objective import Objective
from bestline.training.solvers.base import Solver, Stop
from bestline.training.task import Task
from bestline.wording import count, said

if TYPE_CHECKING:
    from pandas import DataFrame


class Curve(Tensor):
    """Numbers step by step, (t,): a tensor, each of whose numbers is one, as NumPy has it, when it is taken out."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]  # what is computed of it is a tensor like any other

    def __getitem__(self, index: Any) -> Any:
        value = super().__getitem__(index)
        # A tensor without dimensions prints as one, and no formatter and no JSON knows it for a number.
        if isinstance(index, int | np.integer) and value.ndim == 0:
            return np.float64(value.item())
        return value.as_subclass(Curve) if isinstance(index, slice) else value

    def __iter__(self) -> Iterator[Any]:
        return map(np.float64, self.tolist())

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return repr(self.as_subclass(Tensor))

    def __deepcopy__(self, memo: Any) -> Curve:
        return self.as_subclass(Tensor).clone().as_subclass(Curve)


@answering(
    {
        "losses history train_loss": "the loss of every step is trace.loss, trace.frame() all of them",
        "val_loss validation_loss test_loss held_out_loss": "the loss of held-out rows is trace.held_out",
        "lr learning_rate rates lrs": "the learning rate of every step is trace.rate",
        "steps epoch epochs iterations": "the number of updates is trace.step, one for each row",
        "grad gradient grad_norm gradients": "the length of the gradient is trace.gradient_norm",
        "coef params w b slope intercept": "the weights of every step are trace.weights (steps, weights, targets), by name in trace.frame()",
        "df table to_frame to_pandas": "trace.frame() is a frame",
        "plot show": "model.plot.loss() shows it",
        "to_dict dict to_json": "trace.columns are plain numbers",
        "best": "model.step is the step whose weights are kept",
    }
)
@with_hints
@dataclass(frozen=True, slots=True, eq=False, repr=False)
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

    def __post_init__(self) -> None:
        for name in ("loss", "held_out", "gradient_norm", "gap", "rate"):
            values = getattr(self, name)
            if values is not None:
                object.__setattr__(self, name, values.as_subclass(Curve))

    @property
    def short(self) -> bool:
        """Whether the last step is above the least objective by more than a millionth of the loss; where that is known."""
        # Below a millionth more steps would change no digit that is printed.
        return self.gap is not None and float(self.gap[-1]) > 1e-6 * float(self.loss[-1])

    def __len__(self) -> int:
        return len(self.step)

    def __repr__(self) -> str:
        return f"<bestline.Trace of {count(int(self.step[-1]), 'step')}, loss {said(float(self.loss[0]))} to {said(float(self.loss[-1]))}>"

    def _repr_html_(self) -> str:
        return str(self.frame()._repr_html_())

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

    def above(self, floor: Tensor) -> Trace:
        """The same trace over the least loss of all weights, where that is known to more digits than in training."""
        return self if self.gap is None else replace(self, loss=floor + self.gap)

    def frame(self) -> DataFrame:
        """One row a step: step, loss, held_out, one column a weight, gradient_norm, gap. A pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.columns)


@with_hints
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
    figures : str
        Those of the stopping rule, as they stand in the advice.
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
    figures: str = ""

    def __call__(self, *args: Any, **given: Any) -> None:
        """Refused: `model.fit` is the outcome, and whoever calls it wants another one."""
        raise OptionError("A model is fitted already, and does not change; bestline.fit(data, 'y ~ x') makes another.")

    @property
    def ending(self) -> str:
        """The advice as readers of summaries, reports and pictures are told it: without the figures of the stopping rule."""
        return self.advice.replace(self.figures, "")

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
