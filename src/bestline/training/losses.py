"""TODO docstring."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from bestline.errors import OptionError

LossFunction: TypeAlias = Callable[[Tensor, Tensor], Tensor]  # (prediction (n, k), y (n, k)) -> one number, (n,) or (n, k)


@dataclass(frozen=True, slots=True, eq=False)
class Piecewise:
    """A loss of r = y - prediction that is straight beyond its edges: max over low <= u <= high of u r - curve u^2 / 2.

    Attributes
    ----------
    low, high : float or Tensor (k,)
        The loss's slopes far out on both sides; 0 lies between them.
    curve : float
        1: half the square of r between the edges. 0: the edges meet in a corner at 0.
    """

    low: float | Tensor
    high: float | Tensor
    curve: float

    def __call__(self, prediction: Tensor, y: Tensor) -> Tensor:
        """Losses (n, k)."""
        r = y - prediction
        if not self.curve:
            return torch.maximum(self.high * r, self.low * r)
        low, high = (torch.as_tensor(edge, dtype=r.dtype, device=r.device) for edge in (self.low, self.high))
        straight = torch.where(r > 0, high * (r - high / 2), low * (r - low / 2))
        return torch.where((r <= high) & (r >= low), 0.5 * r**2, straight)


def huber(delta: float | Tensor) -> Piecewise:
    """Squared near zero, absolute beyond `delta` (Huber 1964): r^2 / 2, or delta (|r| - delta / 2)."""
    return Piecewise(-delta, delta, 1.0)


def quantile(level: float) -> Piecewise:
    """Pinball loss (Koenker & Bassett 1978): its minimum is the conditional quantile of that level."""
    return Piecewise(level - 1, level, 0.0)


absolute = Piecewise(-1.0, 1.0, 0.0)  # |r|: its minimum is the conditional median


def squared(prediction: Tensor, y: Tensor) -> Tensor:
    """(prediction - y)^2."""
    return (prediction - y) ** 2


LOSSES = ("squared", "huber", "absolute", "quantile")


def parse_loss(loss: object) -> tuple[str, float | None]:
    """The loss's name, and the number behind a colon: the level of "quantile:0.9", the threshold of "huber:10" in the data's units."""
    name, colon, number = str(loss).partition(":")
    if name not in LOSSES or (colon and name not in ("quantile", "huber")):
        raise OptionError(
            f"There is no loss {loss!r}; choose squared, huber, absolute, quantile or quantile:0.9, or give a function (prediction, y)."
        )
    if not colon:
        return name, None
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not 0 < value < (1 if name == "quantile" else math.inf):
        most = "between 0 and 1" if name == "quantile" else "above 0"
        raise OptionError(f"Loss {loss!r}: what follows the colon must be a number {most}, such as {name}:0.9.")
    return name, value
