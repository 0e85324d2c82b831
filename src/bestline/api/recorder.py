"""Recorder: a training loop of one's own, seen as any training here is. The loop hands over its weights, state by state.

rec = bestline.Recorder(X, y)
for _ in range(15):
    rec(w, b)                  # step 0 is the start
    ...                        # predict, loss, backward, update
rec(w, b)                      # after the last update
rec.watch()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bestline.api.fit import fit
from bestline.calls import data_first
from bestline.data.unnamed_columns import Which
from bestline.errors import OptionError, warn
from bestline.training.solvers.recorded import Recorded
from bestline.wording import count, said

if TYPE_CHECKING:
    from bestline.api.model import Model
    from bestline.pictures.gallery import Gallery
    from bestline.pictures.render.mpl import Drawing
    from bestline.training.outcome import Trace

_SAME = 1e-3  # relative: a loss computed in float32 is the same; one of other weights, or of another formula, is not


class Recorder:
    """Shows a loop of your own: call it with the weights of every state, then `watch()`, `frame(k)`, or take the `trace`.

    The loss shown is the mean squared error of these rows at the recorded weights, whatever the loop called its loss. So every
    picture is true of its weights, and does not depend on how the numbers came to be.

    Parameters
    ----------
    data, formula, target, features, weights
        As in `bestline.fit`: `Recorder(X, y)`, or a table and `"y ~ x"`.
    intercept : bool
        Whether the line of `Recorder(X, y)` has an intercept; of a formula, the formula says it: `"y ~ 0 + x"`.
    """

    @data_first
    def __init__(
        self,
        data: Any,
        formula: Any = None,
        *,
        target: Which | None = None,
        features: Which | None = None,
        weights: Any = None,
        intercept: bool = True,
    ) -> None:
        if not intercept and isinstance(formula, str):
            raise OptionError("Of a formula, the formula says that there is no intercept: 'y ~ 0 + x'. Leave out `intercept`.")
        if not intercept and (target is not None or features is not None):
            raise OptionError("`intercept=False` is for X and y; of a table write it as a formula: 'y ~ 0 + x'.")
        if not intercept and formula is not None:
            data, formula = (data, formula), None
        self._asked = (
            data,
            formula if intercept else "y ~ 0 + .",
            {"target": target, "features": features, "weights": weights},
        )
        self._path: list[Tensor] = []
        self._losses: dict[int, float] = {}
        self._model: Model | None = None

    def __call__(self, w: Any, b: Any = None, loss: Any = None) -> None:
        """Record one state; the first is step 0, the start.

        Parameters
        ----------
        w : number, array or tensor
            The slopes, in the order of the columns; `module.weight` of an `nn.Linear` as it is.
        b : number, array or tensor, optional
            The intercept; leave it out for a line that has none.
        loss : number or tensor, optional
            The loss that the loop has computed of this state. It is held against the mean squared error of these weights, and a
            warning says where it is another one, as that of the state before is.

        Raises
        ------
        OptionError
            For what is no number, and for another number of weights than before.
        """
        state = torch.cat([_flat(w, "w"), *([] if b is None else [_flat(b, "b")])])
        if self._path and len(state) != len(self._path[0]):
            raise OptionError(f"This state has {count(len(state), 'weight')}, and those before have {len(self._path[0])}.")
        if loss is not None:
            told = _flat(loss, "loss")
            if len(told) != 1:
                raise OptionError(f"`loss` is one number for each state; got {len(told)}.")
            self._losses[len(self._path)] = float(told)
        self._path.append(state)
        self._model = None

    def __len__(self) -> int:
        return len(self._path)

    def __repr__(self) -> str:
        return f"<bestline.Recorder of {count(len(self), 'state')}>"

    @property
    def model(self) -> Model:
        """The recorded run as a model, with everything that shows one: its weights are the last that were recorded.

        Raises DataError and its kin as `bestline.fit` does, and OptionError where nothing was recorded, or not one weight for each
        column.
        """
        if self._model is None:
            if not self._path:
                raise OptionError("Nothing was recorded yet: call the recorder with the weights of every state, rec(w, b).")
            data, formula, asked = self._asked
            path = torch.stack(self._path)[:, :, None]
            self._model = fit(data, formula, solver=Recorded(path), standardize=False, **asked)
            self._compare(self._model.trace)
        return self._model

    @property
    def trace(self) -> Trace:
        """What was passed through, one row a state; `trace.frame()` is the table of weights and losses."""
        return self.model.trace

    @property
    def plot(self) -> Gallery:
        """Every picture of the run: `rec.plot.loss()`, `rec.plot.contour()`, `rec.plot.surface()`."""
        return self.model.plot

    def frame(self, step: int) -> Drawing:
        """Data space and weight space at one step, side by side."""
        return self.model.plot.frame(step)

    def watch(self) -> Any:
        """The player: in a notebook a widget, else a page; `save` writes either as a page."""
        return self.model.watch()

    def _compare(self, trace: Trace) -> None:
        """Warn where the loop's own losses are others than those of the recorded weights."""
        shown = dict(zip(trace.step.tolist(), trace.loss.tolist(), strict=True))
        apart = [k for k, own in self._losses.items() if k in shown and not abs(own - shown[k]) <= _SAME * abs(shown[k])]
        if not apart:
            return
        k = apart[0]
        words = f"At step {k} the loop's loss is {said(self._losses[k])}; the mean squared error at these weights is {said(shown[k])}"
        before = shown.get(k - 1)
        if before is not None and abs(self._losses[k] - before) <= _SAME * abs(before):
            words += ", and the loop's is that of the step before: record the weights before the update, not after it"
        else:
            words += ": the loop's loss is another one, or of other rows or weights"
        warn(f"{words}. The pictures show the mean squared error.")


def _flat(values: Any, name: str) -> Tensor:
    """Numbers as a vector in float64, without their gradient."""
    try:
        tensor = values.detach() if isinstance(values, Tensor) else torch.as_tensor(values)
        return tensor.to("cpu", torch.float64, copy=True).flatten()
    except (TypeError, ValueError, RuntimeError):
        raise OptionError(f"`{name}` must be a number, an array or a tensor; got {values!r:.60}.") from None
