"""Chosen line: a slope and an intercept that somebody chose, with no data behind them. It predicts, and tells its error.

y = w x + b
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bestline.calls import answering, checked, is_number, with_hints
from bestline.errors import DataError, OptionError
from bestline.wording import equation

Values = Any  # a number, a list, an array or a tensor


@answering(
    {
        "coef slope weight params": "its slopes are line.w, and its intercept line.b",
        "intercept bias": "its intercept is line.b",
        "evaluate score mse error": "line.loss(X, y) is its mean squared error",
        "fit train": "bestline.fit(data, 'y ~ x') learns a line from data; this one is chosen",
        "summary tidy conf_int trace save script watch plot report": "a chosen line has no data; bestline.fit(X, y) makes a model that has it",
        "forward": "line.predict(X), or line(X)",
    }
)
@with_hints
@dataclass(frozen=True, slots=True)
class ChosenLine:
    """A line whose weights were chosen; made by `bestline.line`.

    Attributes
    ----------
    w : tuple of float
        The slopes, (p,).
    b : float
        The intercept.
    """

    w: tuple[float, ...]
    b: float

    def __repr__(self) -> str:
        names = ["x"] if len(self.w) == 1 else [f"x{j}" for j in range(len(self.w))]
        return f"<bestline.line: {equation('y', [*names, 'Intercept'], [*self.w, self.b])}>"

    def __call__(self, X: Values) -> Any:
        """The same as `predict`."""
        return self.predict(X)

    def predict(self, X: Values) -> Any:
        """Predictions for X, in X's shape: a number gives a number, a list or an array an array, a tensor a tensor.

        Parameters
        ----------
        X : number, or array or tensor of any shape
            With several slopes (n, p), which gives (n, 1), or one row (p,), which gives (1,), as `nn.Linear` does.

        Raises
        ------
        DataError
            For what is no number, and for another number of columns than the line has slopes.
        """
        if isinstance(X, Tensor):
            return self._of(X if X.is_floating_point() else X.double())
        values = self._of(torch.from_numpy(_numbers(X)))
        return values.item() if values.ndim == 0 else values.numpy()

    def loss(self, X: Values, y: Values) -> float:
        """The mean squared error of the line on X and y, (1/n) sum (y - y_hat)^2; X as in `predict`, y one value a row."""
        predicted, actual = self._of(torch.from_numpy(_numbers(X))).flatten(), torch.from_numpy(_numbers(y)).flatten()
        if len(predicted) != len(actual):
            raise DataError(f"X has {len(predicted)} rows, and y has {len(actual)}; give one y for each row.")
        if not len(actual):
            raise DataError("There are no rows, and so there is no error; give one at least.")
        return float((actual - predicted).square().mean())

    def to_torch(self) -> nn.Linear:
        """The same line as `nn.Linear(p, 1)` in float64."""
        module = nn.Linear(len(self.w), 1, dtype=torch.float64, device="meta").to_empty(device="cpu")
        with torch.no_grad():
            module.weight.copy_(torch.tensor([self.w], dtype=torch.float64))
            module.bias.fill_(self.b)
        return module

    def _of(self, X: Tensor) -> Tensor:
        if len(self.w) == 1:
            return self.w[0] * X + self.b
        if X.ndim == 0 or X.shape[-1] != len(self.w):
            raise DataError(
                f"The line has {len(self.w)} slopes, so X has {len(self.w)} columns; got the shape {tuple(X.shape)}."
            )
        return X @ X.new_tensor(self.w)[:, None] + self.b


@checked
def line(w: float | Sequence[float] = 1.0, b: float = 0.0) -> ChosenLine:
    """A line that you choose, to predict with before anything is learnt: `line(w=3, b=1).predict(2)` is 7.

    Parameters
    ----------
    w : float or sequence of float
        The slope, called weight where lines are trained; or several, (p,).
    b : float
        The intercept, called bias where lines are trained.

    Returns
    -------
    ChosenLine

    Raises
    ------
    OptionError
        For what is no finite number.
    """
    slopes: list[Any] = list(w) if isinstance(w, Iterable) else [w]
    for name, value in [*(("w", slope) for slope in slopes), ("b", b)]:
        if not is_number(value) or not np.isfinite(float(value)):
            raise OptionError(f"`{name}` must be a finite number; got {value!r:.60}.")
    if not slopes:
        raise OptionError("`w` must have one slope at least; got none.")
    return ChosenLine(tuple(map(float, slopes)), float(b))


def _numbers(values: Values) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Values as float64; raises DataError for what is no number."""
    try:
        return np.array(values.detach().cpu().numpy() if isinstance(values, Tensor) else values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"A line predicts from numbers: one, a list or an array of them; got {values!r:.60}.") from None
