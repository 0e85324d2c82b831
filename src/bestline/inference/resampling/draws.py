"""Draws: how often every row or cluster is drawn in each sample, or by what its residuals are multiplied.

pairs   as many as there are, with replacement (Efron 1979)
wild    residuals times +1 or -1 (Rademacher), or times one of Webb's six points: mean 0 and variance 1 (Wu 1986; Webb 2014)
"""

from __future__ import annotations

import torch
from torch import Tensor

WEBB = (1.5**0.5, 1.0, 0.5**0.5)  # and these with a minus
MULTIPLIERS = ("rademacher", "webb")


def counts(samples: int, units: int, generator: torch.Generator) -> Tensor:
    """How often each of the units is in each sample, (samples, units); every sample has as many as there are."""
    drawn = torch.randint(units, (samples, units), generator=generator)
    found = torch.zeros(samples, units, dtype=torch.float64)
    return found.scatter_add_(1, drawn, torch.ones_like(drawn, dtype=torch.float64))


def multipliers(samples: int, units: int, generator: torch.Generator, kind: str) -> Tensor:
    """What the residuals of each unit are multiplied by in each sample, (samples, units)."""
    # Few clusters have few samples of signs alone, 2^G; six points make 6^G.
    points = torch.tensor([1.0, -1.0] if kind == "rademacher" else [*WEBB, *(-v for v in WEBB)], dtype=torch.float64)
    return points[torch.randint(len(points), (samples, units), generator=generator)]
