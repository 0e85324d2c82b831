"""Intervals: the ends that replicates of a weight leave.

percentile   quantiles of the replicates        basic   2 estimate - those quantiles, crosswise        normal   estimate +- z error
bca          quantiles moved for bias and for an error that changes with the weight (Efron 1987, JASA 82:171-185)
"""

from __future__ import annotations

import torch
from torch import Tensor

INTERVALS = ("percentile", "bca", "basic", "normal")


def ends(kind: str, changes: Tensor, without: Tensor | None, level: float) -> tuple[Tensor, Tensor]:
    """Lower and upper ends (m,), less the estimates, from changes (B, m) of m weights; `without` (U, m) are those of the jackknife."""
    from scipy.special import ndtri

    if kind == "normal":
        half = float(ndtri(0.5 + level / 2)) * changes.std(0)
        return -half, half
    tails = torch.tensor([0.5 - level / 2, 0.5 + level / 2], dtype=torch.float64)
    shares = tails[:, None].expand(2, changes.shape[1]) if without is None else _corrected(changes, without, tails)
    low, high = (_quantile(changes, share) for share in shares)
    return (-high, -low) if kind == "basic" else (low, high)


def _corrected(changes: Tensor, without: Tensor, tails: Tensor) -> Tensor:
    """The shares (2, m) of replicates that lie below the ends: z0 is the median's bias in normal units, a the acceleration."""
    z = torch.special.ndtri(tails)[:, None]
    # Ties count half: where the estimate itself is drawn again, neither side has it.
    below = ((changes < 0).double() + (changes == 0).double() / 2).mean(0)
    z0 = torch.special.ndtri(below.clamp(0.5 / len(changes), 1 - 0.5 / len(changes)))
    away = without.mean(0) - without
    a = away.pow(3).sum(0) / (6 * away.square().sum(0).clamp(min=1e-300).pow(1.5))
    return torch.special.ndtr(z0 + (z0 + z) / (1 - a * (z0 + z)))


def _quantile(changes: Tensor, share: Tensor) -> Tensor:
    """Quantiles (m,) at a share (m,) of each column, linear between replicates as NumPy and R (type 7) have them."""
    ordered, at = changes.sort(0).values, share * (len(changes) - 1)
    low = at.floor().long().clamp(0, len(changes) - 1)
    high = (low + 1).clamp(max=len(changes) - 1)
    a, b = ordered.gather(0, low[None])[0], ordered.gather(0, high[None])[0]
    return a + (at - low) * (b - a)
