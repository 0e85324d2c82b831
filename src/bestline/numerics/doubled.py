"""Doubled: numbers of twice the digits, each held as a float64 and what it leaves out.

    x = high + low      |low| <= half a unit in the last place of high

Sums and products of float64 are themselves sums of two float64, exactly: Knuth's two-sum and Dekker's product. Arithmetic on
such pairs keeps about 104 bits (Dekker 1971, Numerische Mathematik 18:224-242). So a power x**10 keeps what rounding to
float64 would take from it, which is the larger part of what tells it from x**9 and x**8 on a narrow range.

Beside every pair stands how far from the truth it can be: nothing for numbers as stored, a few units of rounding for a logarithm,
and whatever later steps make of it (running error analysis: Higham 2002, Accuracy and Stability of Numerical Algorithms, 3.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# Parts the 53 bits of a float64 in two halves of 26 (the sign takes the odd one): Veltkamp, in Dekker 1971.
_SPLITTER = 2.0**27 + 1
_UNIT = 2.0**-100  # of a step's result, relative: the pairs' own rounding, with a few bits to spare
_LEAST = 2.0**-1070  # absolute: what underflow can take
_SMALL = 2.0**-900  # products above it lose nothing to underflow


@dataclass(frozen=True, slots=True, eq=False)
class Doubled:
    """high + low, float64 tensors of one shape; they understand + - * @ and ** by whole numbers.

    Sums and products of two float64 are right to the last bit; those of pairs to about 100. Where a result leaves the range of float64, or comes close to it, `low` may not be a number.

    Attributes
    ----------
    high, low : Tensor
    error : Tensor
        Bound of |high + low - truth|; not a number where nothing is known.
    """

    high: Tensor
    low: Tensor
    error: Tensor

    @classmethod
    def of(cls, value: Tensor, low: Tensor | None = None, *, error: Tensor | None = None) -> Doubled:
        """A float64 as it stands, or a pair; right, or right to `error`."""
        nothing = torch.zeros_like(value)
        return cls(value, nothing if low is None else low, nothing if error is None else error)

    def __getitem__(self, index: Any) -> Doubled:
        return Doubled(self.high[index], self.low[index], self.error[index])

    def __neg__(self) -> Doubled:
        return Doubled(-self.high, -self.low, self.error)

    def __add__(self, other: Doubled) -> Doubled:
        # Both halves are added without error, and only then are the four parts brought back to two: the sum stays right to a few units
        # of 2^-106 even where the high halves cancel (the "accurate" sum of Li et al. 2002, ACM TOMS 28:152-205).
        high, low = _two_sum(self.high, other.high)
        tail, rest = _two_sum(self.low, other.low)
        high, low = _quick_two_sum(high, low + tail)
        # Two plain numbers have no low halves: then the first two-sum was all, and exact.
        own = torch.where((self.low == 0) & (other.low == 0), 0.0, _UNIT * high.abs())
        return Doubled(*_quick_two_sum(high, low + rest), self.error + other.error + own)

    def __sub__(self, other: Doubled) -> Doubled:
        return self + -other

    def __mul__(self, other: Doubled) -> Doubled:
        high, low = _two_product(self.high, other.high)
        # (a + da)(b + db) - ab, and 2^-40 more: the halves left out of |a| and |b| here are smaller than that.
        error = self.high.abs() * other.error + other.high.abs() * self.error + self.error * other.error
        whole = (self.low == 0) & (other.low == 0) & ((high.abs() > _SMALL) | (self.high == 0) | (other.high == 0))
        error = error * (1 + 2.0**-40) + torch.where(whole, 0.0, _UNIT * high.abs() + _LEAST)
        return Doubled(*_quick_two_sum(high, low + (self.high * other.low + self.low * other.high)), error)

    def __matmul__(self, other: Doubled) -> Doubled:
        """Matrix product (n, d) by (d, m), at least one of d."""
        total = self[:, :1] * other[:1]
        for j in range(1, len(other.high)):
            total = total + self[:, j : j + 1] * other[j : j + 1]
        return total

    def power(self, exponent: int) -> Doubled:
        """The `exponent`-th power, at least the first."""
        # By squaring: at most two products for each bit of the exponent, so few roundings.
        half = self if exponent < 2 else self.power(exponent // 2)
        square = self if exponent < 2 else half * half
        return square * self if exponent > 2 and exponent % 2 else square

    def beside(self, rounded: Tensor) -> Tensor:
        """What `rounded`, these numbers computed in float64, lacks of them; 0 where that is not known."""
        return ((self.high - rounded) + self.low).nan_to_num(0.0, 0.0, 0.0)


def _two_sum(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of a and b as a float64 and what it leaves out, exactly, for any a and b (Knuth, TAOCP 2, 4.2.2, theorem B)."""
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)


def _quick_two_sum(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The same for |a| >= |b|: half the work (Dekker 1971)."""
    total = a + b
    return total, b - (total - a)


def _two_product(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The product of a and b as a float64 and what it leaves out, exactly, where nothing under- or overflows (Dekker 1971)."""
    product = a * b
    # Products of halves have 52 bits and are exact; taken off in order of size, so is every difference.
    (a1, a2), (b1, b2) = _halves(a), _halves(b)
    return product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


def _halves(a: Tensor) -> tuple[Tensor, Tensor]:
    """Two numbers of 26 bits each, the sum of which is a."""
    large = a * _SPLITTER
    high = large - (large - a)
    return high, a - high
