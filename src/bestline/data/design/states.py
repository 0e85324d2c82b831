"""States: what `center`, `scale` and `poly` learn once from the training rows, and keep.

    center(x) = x - mean        scale(x) = (x - mean) / s, s^2 = sum (x - mean)^2 / (n - 1)        poly(x, d) = P(x) R^-1

P are Legendre polynomials on the range of x, and R'R = P'P over the training rows, so P R^-1 is orthonormal there: the QR
decomposition without Q, which adds up over batches. P is nearly orthogonal already, so squaring it costs few digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.data.design.syntax import State
from bestline.errors import FormulaError, readable
from bestline.numerics import of_one_size

_LEAST = (
    1e-7  # of a polynomial's own size that those of lower degree leave: less is none, for the rounding of its square is 1e-15
)


@dataclass(frozen=True, slots=True)
class Call:
    """One stateful call in an expression.

    Attributes
    ----------
    text : str
        The call as written; the key of its state.
    kind : str
        "center", "poly" or "scale".
    argument : str
        Text of the expression it is applied to.
    degree : int
        Of `poly`; 1 otherwise.
    """

    text: str
    kind: str
    argument: str
    degree: int


@dataclass(frozen=True, slots=True)
class ArgumentSummary:
    """Count, mean, sum of squared deviations and range of an argument, merged over batches (Chan et al. 1983)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    @classmethod
    def of(cls, values: Tensor) -> ArgumentSummary:
        """Of some values (n,)."""
        if len(values) == 0:
            return cls()
        mean = float(values.mean())
        return cls(len(values), mean, float(((values - mean) ** 2).sum()), float(values.min()), float(values.max()))

    def __add__(self, other: ArgumentSummary) -> ArgumentSummary:
        if other.count == 0:
            return self
        # Chan, Golub & LeVeque's update, as in `numerics.comoments`, for one column.
        count, step = self.count + other.count, other.mean - self.mean
        squares = self.squares + other.squares + step**2 * self.count * other.count / count
        low, high = min(self.low, other.low), max(self.high, other.high)
        return ArgumentSummary(count, self.mean + step * other.count / count, squares, low, high)

    @property
    def middle(self) -> float:
        """Middle of the range."""
        return self.low / 2 + self.high / 2

    @property
    def half(self) -> float:
        """Half the width of the range; 1 for a constant."""
        return (self.high / 2 - self.low / 2) or 1.0


def learn_state(call: Call, summary: ArgumentSummary, gram: Tensor | None) -> State:
    """The state of a stateful call from what the passes over its argument have found."""
    if call.kind == "center":
        return {"mean": summary.mean}
    if call.kind == "scale":
        # Divisor n - 1, as R's scale() has it, not n as `standardize` in training has it.
        deviation = math.sqrt(summary.squares / (summary.count - 1)) if summary.count > 1 else 0.0
        if deviation == 0:
            raise FormulaError(
                f"{readable(call.text)} cannot be computed: {readable(call.argument)} is constant in the training rows."
            )
        return {"mean": summary.mean, "deviation": deviation}
    assert gram is not None  # noqa: S101  the second pass has seen to it
    C, size = of_one_size(gram)
    factor, failed = torch.linalg.cholesky_ex(C)
    if failed or float(factor.diagonal().min()) < _LEAST:
        raise FormulaError(
            f"{readable(call.text)} needs more than {call.degree} different values of {readable(call.argument)}; use a lower degree."
        )
    # C = L L', so L^-1 P' / size has unit rows: its transpose turns P into columns that are orthonormal over the training rows.
    basis = torch.linalg.inv(factor).T / size[:, None]
    return {"middle": summary.middle, "half": summary.half, "basis": basis.tolist()}
