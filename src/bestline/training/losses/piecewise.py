"""Piecewise: losses that grow along straight lines beyond their edges, told by two slopes and a curve.

    loss(r) = max over low <= u <= high of  u r - curve u^2 / 2        r = y - prediction

The u that is best is the loss's own slope at r. So Huber's, the absolute and the quantile loss are one formula, and a method that
knows it, as the interior point does, solves them all (Aravkin, Burke & Pillonetto 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


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
        # Beyond an edge the best u is the edge itself: edge r - edge^2 / 2 for curve 1.
        straight = torch.where(r > 0, high * (r - high / 2), low * (r - low / 2))
        return torch.where((r <= high) & (r >= low), 0.5 * r**2, straight)


def huber(delta: float | Tensor) -> Piecewise:
    """Squared near zero, absolute beyond `delta` (Huber 1964): r^2 / 2, or delta (|r| - delta / 2)."""
    return Piecewise(-delta, delta, 1.0)


def quantile(level: float) -> Piecewise:
    """Pinball loss (Koenker & Bassett 1978): its minimum is the conditional quantile of that level."""
    return Piecewise(level - 1, level, 0.0)


absolute = Piecewise(-1.0, 1.0, 0.0)  # |r|: its minimum is the conditional median
