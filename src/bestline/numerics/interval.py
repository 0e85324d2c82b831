"""Interval: a number with a proved bound, and the float64 nearest to it with the digits that the bound leaves.

    |truth - value| <= bound        digits = -log10((|nearest - value| + bound) / (|value| - bound))

Values and bounds are fractions, so nothing is lost on the way; the only rounding is the last one, to float64. The digits are
relative to the smallest number that the truth can be, so they are a lower bound as well (midpoint and radius: Rump 2010, Acta
Numerica 19:287-449, section 9).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from bestline.numerics.digits import MOST

# Behind the point: what the worst condition of float64 columns, 2^180 in A, takes away twice (once from the inverse, once more from
# what the inverse makes of a residual), and 150 to spare.
BITS = 512


@dataclass(frozen=True, slots=True)
class Known:
    """A number, and how far from it the truth can be."""

    value: Fraction
    bound: Fraction

    @classmethod
    def of(cls, whole: int, bound: int, bits: int) -> Known:
        """A whole number of 2^-bits, known to `bound` of them."""
        return cls(Fraction(whole, 1 << bits), Fraction(bound, 1 << bits))

    def __mul__(self, other: Known) -> Known:
        # |ab - a~b~| <= |a - a~| |b| + |a~| |b - b~|, and |b| <= |b~| + its bound.
        bound = self.bound * (abs(other.value) + other.bound) + abs(self.value) * other.bound
        return Known(self.value * other.value, bound)


def digits_left(relative: Tensor, touched: Tensor) -> Tensor:
    """Digits that a relative error leaves; all where nothing is touched, and none where it is not a number."""
    return torch.where(touched, (-torch.log10(relative)).nan_to_num(0.0, MOST, 0.0).clamp(0, MOST), float(MOST))


def pairs_of(cells: list[list[Fraction]]) -> tuple[Tensor, Tensor]:
    """Numbers rounded to float64, and what that leaves out, rounded; infinite beyond the range."""
    high = [[scaled(v, 0) for v in row] for row in cells]
    low = [
        [float(v - Fraction(h)) if math.isfinite(h) else 0.0 for v, h in zip(row, near, strict=True)]
        for row, near in zip(cells, high, strict=True)
    ]
    return torch.tensor(high, dtype=torch.float64), torch.tensor(low, dtype=torch.float64)


def table_of(cells: list[list[tuple[float, float]]]) -> tuple[Tensor, Tensor]:
    """Numbers, and their digits, as tensors."""
    both = torch.tensor(cells, dtype=torch.float64)
    return both[..., 0], both[..., 1]


def decided(known: Known, least: Fraction) -> Known:
    """A number that is 0 or not below `least`: exactly 0 where that is proved."""
    return known if abs(known.value) + known.bound >= least else Known(Fraction(0), Fraction(0))


def nearest_double(known: Known, power: int, least: Fraction = Fraction(0)) -> tuple[float, float]:
    """The float64 nearest to a number times 2^power, and how many of its digits are right."""
    known = decided(known, least)
    if known.value == 0 == known.bound:
        return 0.0, float(MOST)
    # Rounded once, from a fraction: Python divides whole numbers correctly rounded.
    nearest = scaled(known.value, power)
    # Out of range, or the sign itself is open: 0 is as good as any number, and no digit of it is claimed.
    if not math.isfinite(nearest) or abs(known.value) <= known.bound:
        return nearest if not math.isfinite(nearest) else 0.0, 0.0
    # Relative to the smallest that the truth can be.
    away = (abs(Fraction(nearest) / Fraction(2) ** power - known.value) + known.bound) / (abs(known.value) - known.bound)
    return nearest, float(MOST) if away <= Fraction(1, 10**MOST) else max(0.0, -math.log10(away))


def root_of(square: Known, times: Known, power: int) -> tuple[float, float]:
    """The same of the root of a product, times 2^power."""
    product = square * times
    value, bound = product.value, product.bound
    if value <= bound:
        return 0.0, float(MOST) if value == 0 == bound else 0.0
    shift = max(0, BITS // 2 - (value.numerator.bit_length() - value.denominator.bit_length()) // 2)
    # The whole root of value * 4^shift is right to one unit of 2^-shift, however small the value: so shift brings it to BITS / 2 bits.
    root = Fraction(math.isqrt((value.numerator << 2 * shift) // value.denominator), 1 << shift)
    # |sqrt(t) - sqrt(v)| = |t - v| / (sqrt(t) + sqrt(v)) <= sqrt(v) bound / v, and two units for the root's own rounding.
    return nearest_double(Known(root, root * (bound / value) + Fraction(2, 1 << shift)), power)


def scaled(value: Fraction, power: int) -> float:
    """The float64 nearest to value * 2^power; infinite beyond its range."""
    try:
        return float(value * Fraction(2) ** power)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
