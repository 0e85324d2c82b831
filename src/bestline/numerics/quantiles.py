"""Quantiles: values at places between rows in order, each value there so many times.

quantile(q) = x_k + (h - k) (x_k+1 - x_k),   h = q (n - 1),  k = floor(h),   x_0 <= x_1 <= ... (type 7 of Hyndman & Fan 1996)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def quantiles(values: Tensor, times: Tensor, shares: Sequence[float]) -> list[float]:
    """Quantiles at some shares from 0 to 1 of values (n,), ascending, each there so many `times`: as NumPy and R have them of the rows repeated."""
    upto = times.to(torch.float64).cumsum(0)
    last = float(upto[-1]) - 1
    # The value of a rank is the first up to which there are more rows, so equal ones need no place of their own. Times that are parts
    # of rows, as weights make them, add up to whole numbers but for rounding: a little less, and a place on one is the next value's.
    upto = upto * (1 - 1e-12)
    found = []
    for share in shares:
        place = share * last
        k = math.floor(place)
        at = torch.searchsorted(upto, torch.tensor([k, k + 1], dtype=torch.float64), right=True).clamp(max=len(values) - 1)
        below, above = values[at].tolist()
        found.append(below + (place - k) * (above - below))
    return found
