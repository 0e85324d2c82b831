"""Exact sums: sums of products of columns over all rows, without any rounding.

    G = sum_i w_i z_i z_i'        z_i = (features, 1 if there is an intercept, targets) of row i

Every float64 is a whole number times a power of two. So a column can be cut into digits of some bits each, as a long number is
cut into decimal ones:

    z = d_1 2^(top - b) + d_2 2^(top - 2b) + ...        |d| < 2^b, whole numbers

The product of two digits of 19 bits has 38, and 2^15 of them add up to less than 2^53: up to there
float64 counts without error. A plain matrix product of digits is therefore exact, whoever computes it in whatever order, and
what it gives is put together from Python's integers (the splitting of Ozaki, Ogita, Oishi & Rump 2012, Numerical Algorithms
59:95-118). Exact sums know no order: any batches, threads and devices give the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from bestline.numerics.rows import Features, Rows

Whole: TypeAlias = np.ndarray[Any, Any]  # Python integers, of any length

# Bits of a digit, and of the number of rows that are added up: whole numbers below 2^53 are exact in float64, and so is every
# partial sum of them, in any order, with or without fused multiply-add.
_PLAIN = (19, 15)  # 2 * 19 + 15 = 53
_WEIGHTED = (13, 14)  # with a digit of the weight in every product: 3 * 13 + 14 = 53
_LOWEST = -1074  # exponent of the smallest positive float64
_MOST_DIGITS = 4_096  # of all columns together in one chunk; more would take minutes a million rows


class TooWideError(ArithmeticError):
    """The numbers of the columns lie so far apart that exact sums would take too long."""


@dataclass(frozen=True, slots=True, eq=False)
class CrossProducts:
    """Exact sums of products of q columns; `a + b` is that of the rows of both.

    Attributes
    ----------
    count : int
        Rows of positive weight; where a row stands for many, all of them.
    low : tuple of int
        A power of two for each column (q,).
    unit : int
        One for the weights.
    whole : array of int (q, q)
        The sum of products of columns i and j is whole[i, j] * 2 ** (low[i] + low[j] + unit).
    """

    count: int
    low: tuple[int, ...]
    unit: int
    whole: Whole

    @classmethod
    def empty(cls, q: int) -> CrossProducts:
        """Those of no rows: the identity of addition."""
        return cls(0, (0,) * q, 0, _zeros(q))

    @classmethod
    def of(cls, rows: Rows, below: Features | None = None, *, intercept: bool) -> CrossProducts:
        """Cross products of [X + below, 1, y]; `below` (n, p) holds what float64 has left out of X, or None.

        Raises TooWideError when the columns span too many powers of two.
        """
        found = cls.empty(rows.X.shape[1] + intercept + rows.y.shape[1])
        most = 2 ** (_PLAIN if rows.w is None else _WEIGHTED)[1]
        for start in range(0, len(rows), most):
            cut = slice(start, start + most)
            found = found + _of_chunk(rows[cut], None if below is None else below[cut], intercept=intercept)
        return found

    def __add__(self, other: CrossProducts) -> CrossProducts:
        if not isinstance(other, CrossProducts):
            return NotImplemented
        if self.count == 0 or other.count == 0:
            return self if other.count == 0 else other
        # The smaller powers of two serve both: to them every shift goes to the left, and nothing is lost.
        low, unit = tuple(map(min, self.low, other.low)), min(self.unit, other.unit)
        return CrossProducts(self.count + other.count, low, unit, self.over(low, unit) + other.over(low, unit))

    def squares(self, combination: Sequence[Fraction]) -> Fraction:
        """Sum over the rows of w (sum_j c_j z_j)^2, without rounding, for coefficients c (q,)."""
        # z_j is a whole number of 2^low[j], so c_j goes with that power; then one denominator for all.
        units = [c * Fraction(2) ** low for c, low in zip(combination, self.low, strict=True)]
        common = math.lcm(*(u.denominator for u in units))
        v = np.array([int(u * common) for u in units], dtype=object)
        return Fraction(int(v @ self.whole @ v), common**2) * Fraction(2) ** self.unit

    def over(self, low: Sequence[int], unit: int) -> Whole:
        """The same sums as whole numbers of smaller powers of two."""
        shift = np.array([own - asked for own, asked in zip(self.low, low, strict=True)], dtype=object)
        return self.whole << (shift[:, None] + shift[None, :] + (self.unit - unit))


@dataclass(frozen=True, slots=True, eq=False)
class _Digits:
    """Columns cut into digits: column owner[a] is the sum of its values[:, a] * 2 ** exponent[a]; owners in ascending order."""

    values: Tensor
    exponent: list[int]
    owner: list[int]


def _of_chunk(rows: Rows, below: Features | None, *, intercept: bool) -> CrossProducts:
    # float64 and one device, for float32 and whole numbers are exact in it.
    rows = rows.to(rows.X.device)
    below = None if below is None else below.to(rows.X)
    if rows.w is not None and bool((rows.w <= 0).any()):
        there = rows.w > 0
        rows, below = rows[there], None if below is None else below[there]
    Z = torch.cat([rows.X, rows.X.new_ones(len(rows), int(intercept)), rows.y], 1)
    q = Z.shape[1]
    if len(rows) == 0:
        return CrossProducts.empty(q)
    owner = list(range(q))
    if below is not None:  # the rest of a column is cut on its own, and its digits counted to the same owner
        rest = below.any(0).nonzero()[:, 0]
        Z, owner = torch.cat([Z, below[:, rest]], 1), owner + rest.tolist()
    digits = _cut(Z, owner, (_PLAIN if rows.w is None else _WEIGHTED)[0])
    if rows.w is None:
        low, whole = _put_together(digits, digits.values.T @ digits.values)
        return CrossProducts(len(rows), low, 0, whole)
    # sum_i w_i z_i z_i' = sum over the digits of w: each of them gives products of three digits, again exact.
    weight = _cut(rows.w[:, None], [0], _WEIGHTED[0])
    unit = min(weight.exponent)
    total = _zeros(q)
    for w, exponent in zip(weight.values.T, weight.exponent, strict=True):
        low, whole = _put_together(digits, digits.values.T @ (digits.values * w[:, None]))
        total = total + (whole << (exponent - unit))
    return CrossProducts(int(rows.w.sum()) if rows.copies else len(rows), low, unit, total)


def _cut(Z: Features, owner: Sequence[int], bits: int) -> _Digits:
    """The digits of every column, from the top down until nothing is left."""
    top = torch.frexp(Z.abs().amax(0)).exponent.tolist()
    found: list[tuple[int, int, Tensor]] = []
    for place, live, values in _peeled(Z, top, bits):
        found += [(owner[j], max(top[j] - bits * place, _LOWEST), values[:, i]) for i, j in enumerate(live)]
        if len(found) > _MOST_DIGITS:
            raise TooWideError
    found.sort(key=lambda digit: digit[0])
    return _Digits(torch.stack([d for _, _, d in found], 1), [e for _, e, _ in found], [o for o, _, _ in found])


def _peeled(Z: Features, top: Sequence[int], bits: int) -> Iterator[tuple[int, list[int], Tensor]]:
    """Digit after digit: its place, from 1, the columns that still have one, and the digits (n, columns)."""
    live, rest, place = list(range(Z.shape[1])), Z, 1
    while live:
        # Here Z = (sum of the digits found so far) + rest, exactly, and |rest| < 2^(top - bits (place - 1)), column by column. Below
        # _LOWEST there is nothing: the last digit reaches down to the smallest number of float64 and the loop ends.
        scale = Z.new_tensor([math.ldexp(1.0, max(top[j] - bits * place, _LOWEST)) for j in live])
        digit = (rest / scale).trunc_()  # a division by a power of two: exact, but for the bits that are cut off anyway
        yield place, live, digit
        rest = rest - digit * scale  # exact: the bits below the digit
        left = rest.any(0)
        if not bool(left.all()):
            rest, live = rest[:, left], [j for j, more in zip(live, left.tolist(), strict=True) if more]
        place += 1


def _put_together(digits: _Digits, products: Tensor) -> tuple[tuple[int, ...], Whole]:
    """The sums of products of columns from those of their digits, with each column's power of two."""
    q = digits.owner[-1] + 1
    # Digits are in order of their owners, so the first of each says where its run begins.
    starts = [digits.owner.index(j) for j in range(q)]
    low = tuple(min(e for e, o in zip(digits.exponent, digits.owner, strict=True) if o == j) for j in range(q))
    shift = np.array([e - low[o] for e, o in zip(digits.exponent, digits.owner, strict=True)], dtype=object)
    # First over the digits of the rows' column, then of the other: reduceat adds up runs of one owner, which stand side by side.
    whole = products.to(torch.int64).cpu().numpy().astype(object)
    rows = np.add.reduceat(whole << shift[:, None], starts, axis=0)
    return low, np.add.reduceat(rows << shift[None, :], starts, axis=1)


def _zeros(q: int) -> Whole:
    return np.zeros((q, q), dtype=np.int64).astype(object)
