"""Doubled: numbers of twice the digits, each held as a float64 and what it leaves out.

    x = high + low      |low| <= half a unit in the last place of high

Sums and products of float64 are themselves sums of two float64, exactly: Knuth's two-sum and Dekker's product. Arithmetic on
such pairs keeps about 104 bits (Dekker 1971, Numerische Mathematik 18:224-242). So a power x**10 keeps what rounding to
float64 would take from it, which is the larger part of what tells it from x**9 and x**8 on a narrow range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

_SPLITTER = 2.0**27 + 1


@dataclass(frozen=True, slots=True, eq=False)
class Doubled:
    """high + low, float64 tensors of one shape; they understand + - * and ** by whole numbers.

    Where a result leaves the range of float64, or comes close to it, `low` may not be a number.
    """

    high: Tensor
    low: Tensor

    @classmethod
    def of(cls, value: Tensor) -> Doubled:
        """A float64 as it stands."""
        return cls(value, value * 0)

    def __getitem__(self, index: Any) -> Doubled:
        return Doubled(self.high[index], self.low[index])

    def __neg__(self) -> Doubled:
        return Doubled(-self.high, -self.low)

    def __add__(self, other: Doubled) -> Doubled:
        high, low = _two_sum(self.high, other.high)
        tail, rest = _two_sum(self.low, other.low)
        high, low = _quick_two_sum(high, low + tail)
        return Doubled(*_quick_two_sum(high, low + rest))

    def __sub__(self, other: Doubled) -> Doubled:
        return self + -other

    def __mul__(self, other: Doubled) -> Doubled:
        high, low = _two_product(self.high, other.high)
        return Doubled(*_quick_two_sum(high, low + (self.high * other.low + self.low * other.high)))

    def power(self, exponent: int) -> Doubled:
        """The `exponent`-th power, at least the first."""
        half = self if exponent < 2 else self.power(exponent // 2)
        square = self if exponent < 2 else half * half
        return square * self if exponent > 2 and exponent % 2 else square

    def beside(self, rounded: Tensor) -> Tensor:
        """What `rounded`, these numbers computed in float64, lacks of them; 0 where that is not known."""
        return ((self.high - rounded) + self.low).nan_to_num(0.0, 0.0, 0.0)


def _two_sum(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)


def _quick_two_sum(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The same for |a| >= |b|."""
    total = a + b
    return total, b - (total - a)


def _two_product(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    product = a * b
    (a1, a2), (b1, b2) = _halves(a), _halves(b)
    return product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


def _halves(a: Tensor) -> tuple[Tensor, Tensor]:
    """Two numbers of 26 bits each, the sum of which is a."""
    large = a * _SPLITTER
    high = large - (large - a)
    return high, a - high
