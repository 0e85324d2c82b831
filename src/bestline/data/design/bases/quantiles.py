"""Quantiles: where knots go, from one look at the rows, in a memory that does not grow with them.

Values are counted. While there are no more than a million different ones, each is kept, and the quantiles are those of the sorted
rows. Beyond that values count as equal which agree in all but their last bits, as few bits as will do: how many depends on the values
alone, and not on the order in which they come, so parts add up to the same bits in any order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from bestline.numerics import quantiles

_MOST = 2**20  # different values kept: 16 MB
_SIGN = torch.iinfo(torch.int64).max


def _keys(values: Tensor) -> Tensor:
    """Whole numbers in the order of float64 values, whose last bits are the values' last bits."""
    # Floating-point numbers are ordered as their bits are, the negative ones the other way round.
    bits = (values.to(torch.float64) + 0.0).view(torch.int64)  # -0.0 + 0.0 = 0.0
    return torch.where(bits < 0, bits ^ _SIGN, bits)


def _values(keys: Tensor) -> Tensor:
    return torch.where(keys < 0, keys ^ _SIGN, keys).view(torch.float64)


def _nothing() -> Tensor:
    return torch.empty(0, dtype=torch.int64)


@dataclass(frozen=True, eq=False)
class Counted:
    """How often each value comes.

    Attributes
    ----------
    keys, counts : Tensor (m,)
        The different values as whole numbers, ascending, and how often each comes.
    low, high : float
        The least and the largest value.
    lost : int
        How many last bits of the keys are not looked at; 0: none.
    """

    keys: Tensor = field(default_factory=_nothing)
    counts: Tensor = field(default_factory=_nothing)
    low: float = math.inf
    high: float = -math.inf
    lost: int = 0

    @classmethod
    def of(cls, values: Tensor) -> Counted:
        """Of some finite values (n,)."""
        if not len(values):
            return cls()
        # Sorted and counted at once: a batch is summed up before it meets the others.
        keys, counts = _keys(values.cpu()).unique(return_counts=True)
        return _bounded(keys, counts, float(values.min()), float(values.max()), 0)

    @property
    def count(self) -> int:
        """How many values there are."""
        return int(self.counts.sum())

    def __add__(self, other: Counted) -> Counted:
        # Values can only be told apart as far as both parts tell them apart.
        lost = max(self.lost, other.lost)
        keys = torch.cat([_shortened(part.keys, lost) for part in (self, other)])
        keys, counts = _summed(keys, torch.cat([self.counts, other.counts]))
        return _bounded(keys, counts, min(self.low, other.low), max(self.high, other.high), lost)

    def between(self, low: float, high: float) -> Counted:
        """Those from `low` to `high`."""
        inside = (self.values >= low) & (self.values <= high)
        return replace(self, keys=self.keys[inside], counts=self.counts[inside])

    @property
    def values(self) -> Tensor:
        """The different values (m,), ascending."""
        return _values(self.keys).clamp(self.low, self.high) if self.lost else _values(self.keys)

    def quantiles(self, shares: list[float], *, different: bool = False) -> list[float]:
        """The quantiles at some shares from 0 to 1: of all values, or of the different ones, each once."""
        if not shares:
            return []
        return quantiles(self.values, torch.ones_like(self.counts) if different else self.counts, shares)


def _summed(keys: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    # Whole numbers add up exactly, so the order of the parts does not matter.
    different, place = keys.unique(return_inverse=True)
    return different, torch.zeros_like(different).index_add_(0, place, counts)


def _shortened(keys: Tensor, lost: int) -> Tensor:
    """Keys whose last bits are all those of the middle between them."""
    return keys if not lost else (keys >> lost << lost) | (1 << (lost - 1))


def _bounded(keys: Tensor, counts: Tensor, low: float, high: float, lost: int) -> Counted:
    # A bit at a time, so that no more is lost than must be; what the union needs no part can have gone beyond.
    while len(keys) > _MOST:
        lost += 1
        keys, counts = _summed(_shortened(keys, lost), counts)
    return Counted(keys, counts, low, high, lost)
