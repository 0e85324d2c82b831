"""Elimination: a least-squares system solved in whole numbers, and how far from the truth the result can be.

    A w = c        A = X'WX,  c = X'Wy, both exact, every column in a unit that gives it a length from 1/2 to 1

A fraction is held as a whole number of 2^-bits, of some hundred bits: Python's integers know no other rounding than the one that
is asked for. The system is swept (Goodnight 1979, The American Statistician 33:149-158), which leaves w, the inverse of A and the
residual sum of squares in place, and w is refined once. Nothing is said of the rounding on the way; the result alone is judged, by
its exact residual (Rump 2010, Acta Numerica 19:287-449, section 10):

    |w - w~| <= 2 |V| max |c - A w~|        V: the inverse as computed, when |1 - A V| <= 1/2

since w - w~ = V (A V)^-1 (c - A w~), and the inverse of a matrix within 1/2 of the identity has no entry sums above 2. So squaring
the condition of X costs nothing: the bits outnumber it. Whether a number is nothing at all is decided too: by Cramer's rule it is
a quotient of determinants of whole numbers, and a quotient that is not zero cannot be smaller than one over the lower one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from bestline.numerics.exact_sums import CrossProducts, Whole
from bestline.numerics.interval import BITS, Known

_NOTHING = 180  # bits below which a pivot, 1 at most, is taken for nothing: columns of float64 set apart by less than 2^-90 of their size
_LONGEST = 8_192  # bits beyond which it is left open whether a number is nothing: multiplying them takes seconds


def eliminated(products: CrossProducts, d: int) -> tuple[System, Solution] | None:
    """The system of the first d columns of exact cross products, and its solution; None where there is not just one.

    Some 500 bits tell nearly every number from zero. Where they do not, because a weight or what is left over may *be* zero, or
    because columns may be dependent, as many bits as Cramer's rule asks for decide it, if they can be had.
    """
    system = System.of(products, d)
    if system is None:
        return None
    solution = Solution.of(system, BITS, _NOTHING)
    decisive = 2 * system.least + BITS
    if (solution is None or solution.undecided) and decisive <= _LONGEST:
        solution = Solution.of(system, decisive, system.least)
    return None if solution is None else (system, solution)


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """[A c; c' yy] with every column in a unit that gives it a length from 1/2 to 1: whole numbers of 2^-bits.

    size[j] is the power of two that is the unit of column j.
    """

    d: int
    bits: int
    whole: Whole
    size: list[int]

    @classmethod
    def of(cls, products: CrossProducts, d: int) -> System | None:
        """None when a column of X holds nothing but zeros."""
        squares = [int(s) for s in products.whole.diagonal()]  # whole numbers of 2^(2 low + unit)
        if not all(squares[:d]):
            return None
        unit, lows = products.unit, products.low
        # Half the exponent of each square, rounded up: the power of two just above the column's length.
        size = [-(-(s.bit_length() + 2 * low + unit) // 2) for s, low in zip(squares, lows, strict=True)]
        # Entry i, j is whole[i, j] * 2^(shift[i] + shift[j] + unit) in these units. So many bits that no shift goes to the right: exact.
        shift = np.array([low - s for low, s in zip(lows, size, strict=True)], dtype=object)
        bits = -2 * int(shift.min())
        return cls(d, bits - unit, products.whole << (shift[:, None] + shift[None, :] + bits), size)

    @property
    def least(self) -> int:
        """Pivots, weights and residual sums of squares are 0, or at least 2^-least: Cramer's rule and Hadamard's bound."""
        # Each is det(M) / det(A), M of d + 1 columns at most, whole numbers of 2^-bits: det(M) is one of 2^-(bits * (d + 1)). And
        # det(A) is 1 at most, the product of its diagonal.
        return self.bits * (self.d + 1)

    @property
    def A(self) -> Whole:  # noqa: N802  its name in the books
        """Second moments of X, (d, d)."""
        return self.whole[: self.d, : self.d]

    @property
    def c(self) -> Whole:
        """Products of X and the targets, (d, k)."""
        return self.whole[: self.d, self.d :]

    def target(self, i: int) -> Fraction:
        """Sum of squares of a target, in its unit."""
        return Fraction(int(self.whole[self.d + i, self.d + i]), 1 << self.bits)

    def about_mean(self, i: int) -> Fraction:
        """The same about the target's mean, where the last column of X is that of ones."""
        last = self.d - 1
        return self.target(i) - Fraction(int(self.whole[last, self.d + i]) ** 2, int(self.whole[last, last]) << self.bits)


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Weights (d, k), the inverse of A (d, d) and residual sums of squares (k,), and how far from the truth they can be.

    In the system's units; whole numbers of 2^-bits, but for `rss` and its bound, which are fractions.
    """

    bits: int
    weights: Whole
    inverse: Whole
    weights_bound: Whole
    inverse_bound: Whole
    rss: list[Fraction]
    rss_bound: list[Fraction]

    @classmethod
    def of(cls, system: System, bits: int, nothing: int) -> Solution | None:
        """None at a pivot below 2^-nothing: there is no one solution, or these bits cannot tell."""
        d = system.d
        swept = _swept(_at(bits, system.whole, system.bits), d, bits, nothing)
        if swept is None:
            return None
        inverse, weights = swept[:d, :d], swept[:d, d:]
        # One step of refinement squares the relative error: from here the weights have nearly all bits that the condition leaves.
        weights = weights + ((inverse @ _residual(system, weights, bits)) >> bits)
        # From here on nothing is assumed of how weights and inverse were found: both are judged by what they leave over.
        left = _residual(system, weights, bits)
        defect = (np.eye(d, dtype=np.int64).astype(object) << bits) - _at(bits, system.A @ inverse, system.bits + bits)
        if 2 * (int(abs(defect).sum(1).max()) + d) > 1 << bits:
            return None
        reach = abs(inverse).sum(1)[:, None]
        # |V| |r| row by row, twice; one unit more for every rounding down. The inverse's columns are solved for as weights are, of c = 1.
        weights_bound = 2 * ((reach * (abs(left).max(0) + 1)[None, :]) >> bits) + 2
        inverse_bound = 2 * ((reach * (abs(defect).max(0) + 1)[None, :]) >> bits) + 2
        # An error e of the weights makes rss too large by e'Ae, and no entry of A is larger than 1.
        rss_bound = [Fraction(int(b) ** 2, 1 << 2 * bits) for b in weights_bound.sum(0)]
        return cls(bits, weights, inverse, weights_bound, inverse_bound, _rss(system, weights, bits), rss_bound)

    @property
    def undecided(self) -> bool:
        """Whether some number cannot be told from zero."""
        return bool((abs(self.weights) <= self.weights_bound).any()) or any(
            r <= b for r, b in zip(self.rss, self.rss_bound, strict=True)
        )

    def weight(self, j: int, i: int) -> Known:
        """Weight j of target i."""
        return Known.of(int(self.weights[j, i]), int(self.weights_bound[j, i]), self.bits)

    def variance(self, j: int) -> Known:
        """Entry j of the inverse's diagonal."""
        return Known.of(int(self.inverse[j, j]), int(self.inverse_bound[j, j]), self.bits)


def _at(bits: int, whole: Whole, given: int) -> Whole:
    """Whole numbers of 2^-given as whole numbers of 2^-bits, rounded down."""
    return whole << (bits - given) if given <= bits else whole >> (given - bits)


def _swept(M: Whole, d: int, bits: int, nothing: int) -> Whole | None:
    """Gauss-Jordan elimination of the first d columns of [A c; c' yy]: [A^-1, A^-1 c; ., rss]."""
    for j in range(d):
        # Here rows and columns before j hold the inverse of A's leading block and what it solves; those from j on, the Schur complement:
        # what the columns before j leave of the others. Its diagonal is the square of each column's rest, and never grows.
        pivot = M[j, j]
        if pivot <= 1 << (bits - nothing):
            return None
        row, column = (M[j] << bits) // pivot, M[:, j].copy()
        M = M - ((column[:, None] * row[None, :]) >> bits)
        M[j], M[:, j] = row, -((column << bits) // pivot)
        M[j, j] = (1 << 2 * bits) // pivot
    return M


def _residual(system: System, weights: Whole, bits: int) -> Whole:
    """What is left of c, c - A w: exact, then rounded down."""
    return _at(bits, (system.c << bits) - system.A @ weights, system.bits + bits)


def _rss(system: System, weights: Whole, bits: int) -> list[Fraction]:
    """Sums y'y - 2 c'w + w'Aw, exact at these weights: too large by the square of their error only."""
    found = []
    for i, w in enumerate(weights.T):
        yy = system.whole[system.d + i, system.d + i]
        value = (yy << 2 * bits) - ((2 * system.c[:, i] @ w) << bits) + w @ (system.A @ w)
        found.append(Fraction(int(value), 1 << (2 * bits + system.bits)))
    return found


def factored(V: Whole, bits: int) -> Whole:
    """Lower triangle F with F F' = V, of whole numbers of 2^-bits (Cholesky)."""
    F, rest = np.zeros_like(V), V.copy()
    for j in range(len(V)):  # V = F F' + rest, but for rounding down, and `rest` is 0 before row and column j
        root = math.isqrt(int(rest[j, j]) << bits)
        F[j:, j] = (rest[j:, j] << bits) // root
        rest = rest - ((F[:, j][:, None] * F[:, j][None, :]) >> bits)
    return F
