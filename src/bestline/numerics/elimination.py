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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from bestline.numerics.exact_sums import CrossProducts, Whole
from bestline.numerics.interval import BITS, Known

_NOTHING = 180  # bits below which a pivot, 1 at most, is taken for nothing: columns of float64 set apart by less than 2^-90 of their size
_ROUNDING = (
    2.0**-52
)  # of a stored number that was computed in a step or a few from others, relative: two of the roundings it had
_FAINT = 1e-6  # of what a column varies: above it the others do not come near it
_SIMPLE = (
    2**160
)  # largest denominator of a coefficient that is tried: 500 bits, less what the worst condition takes, tell its fraction
_LONGEST = 8_192  # bits beyond which it is left open whether a number is nothing: multiplying them takes seconds


@dataclass(frozen=True, slots=True, eq=False)
class Eliminated:
    """The system of the columns that are no combinations of columns before them, and its solution.

    Attributes
    ----------
    kept : tuple of int
        Those columns, ascending.
    whole : System
        Of all columns.
    system, solution
        Of the kept columns.
    redundant : tuple of Redundant
        The others.
    """

    kept: tuple[int, ...]
    whole: System
    system: System
    solution: Solution
    redundant: tuple[Redundant, ...]


def eliminated(products: CrossProducts, d: int, *, intercept: bool, rounding: bool = False) -> Eliminated | None:
    """The least-squares system of the first d columns of exact cross products, and its solution.

    Some 500 bits tell nearly every number from zero. Where they do not, because a weight or what is left over may *be* zero, as
    many bits as Cramer's rule asks for decide it, if they can be had.

    Parameters
    ----------
    products : CrossProducts
        Of the columns of X, the intercept's last, and the targets.
    d : int
    intercept : bool
    rounding : bool
        Whether columns that only the rounding of their numbers sets apart count as redundant too; see `parted`.

    Returns
    -------
    Eliminated or None
        None where it cannot be decided which columns are redundant, and where all are.
    """
    whole = system = System.of(products, d)
    found: Eliminated | None = None
    for decisive in (False, True):
        bits, nothing = (2 * system.least + BITS, system.least) if decisive else (BITS, _NOTHING)
        if decisive and bits > _LONGEST:
            break
        parts = parted(whole, products.count, bits, nothing, intercept=intercept, rounding=rounding)
        if parts is None:
            continue
        if not parts.kept:
            return None
        system = whole.of_columns(parts.kept) if parts.redundant else whole
        index = [*parts.kept, *range(d, len(whole.size))]
        solution = Solution.of(system, parts.swept[np.ix_(index, index)], bits)
        if solution is not None:
            found = Eliminated(parts.kept, whole, system, solution, parts.redundant)
            if not solution.undecided:
                break
    return found


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
    def of(cls, products: CrossProducts, d: int) -> System:
        """The system of the first d columns and the targets behind them; a column of zeros stays one."""
        squares = [int(s) for s in products.whole.diagonal()]  # whole numbers of 2^(2 low + unit)
        unit, lows = products.unit, products.low
        # Half the exponent of each square, rounded up: the power of two just above the column's length.
        size = [-(-(s.bit_length() + 2 * low + unit) // 2) for s, low in zip(squares, lows, strict=True)]
        # Entry i, j is whole[i, j] * 2^(shift[i] + shift[j] + unit) in these units. So many bits that no shift goes to the right: exact.
        shift = np.array([low - s for low, s in zip(lows, size, strict=True)], dtype=object)
        bits = -2 * int(shift.min())
        return cls(d, bits - unit, products.whole << (shift[:, None] + shift[None, :] + bits), size)

    def of_columns(self, kept: Sequence[int]) -> System:
        """The same of some columns of X."""
        index = [*kept, *range(self.d, len(self.size))]
        return replace(self, d=len(kept), whole=self.whole[np.ix_(index, index)], size=[self.size[j] for j in index])

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

    def varying(self, j: int, ones: int | None) -> float:
        """Length of column j about its mean, where there is a column of ones; 0 exactly where it is constant."""
        square = int(self.whole[j, j])
        if ones is not None and ones != j:
            of_ones = int(self.whole[ones, ones])
            return math.sqrt((square * of_ones - int(self.whole[j, ones]) ** 2) / (of_ones << self.bits))
        return math.sqrt(square / (1 << self.bits))

    def left(self, combination: dict[int, Fraction]) -> Fraction:
        """Sum of squares of a combination of columns, without rounding: 0 where it is zero in every row."""
        index = list(combination)
        common = math.lcm(*(c.denominator for c in combination.values()))
        v = np.array([int(c * common) for c in combination.values()], dtype=object)
        return Fraction(int(v @ self.whole[np.ix_(index, index)] @ v), common**2 << self.bits)

    def target(self, i: int) -> Fraction:
        """Sum of squares of a target, in its unit."""
        return Fraction(int(self.whole[self.d + i, self.d + i]), 1 << self.bits)

    def about_mean(self, i: int) -> Fraction:
        """The same about the target's mean, where the last column of X is that of ones."""
        last = self.d - 1
        return self.target(i) - Fraction(int(self.whole[last, self.d + i]) ** 2, int(self.whole[last, last]) << self.bits)


# --- which columns say something of their own ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Redundant:
    """A column that columns before it say already.

    Attributes
    ----------
    column : int
    on : dict
        Its coefficients on the kept columns, in the data's units; those that are not zero.
    exactly : bool
        Whether that is proved; else it holds as far as the rounding of the numbers stored can tell.
    """

    column: int
    on: dict[int, Fraction]
    exactly: bool


@dataclass(frozen=True, slots=True)
class _Left:
    """What is left of a redundant column: the length that rounding may have put there, and whether it is too little for the bits."""

    noise: float
    gone: bool


@dataclass(frozen=True, slots=True, eq=False)
class Parted:
    """The columns that say something of their own, ascending, the others, and [A c; c' yy] with the former eliminated."""

    kept: tuple[int, ...]
    redundant: tuple[Redundant, ...]
    swept: Whole


def parted(system: System, count: int, bits: int, nothing: int, *, intercept: bool, rounding: bool = False) -> Parted | None:
    """Eliminate column after column, and leave out those of which nothing is left.

    The intercept comes first, then the columns in their order, as in R's `lm`. What is left of a column is nothing when it is a
    combination of the kept ones exactly, which the sum of squares of their difference proves: it is a whole number, and 0. With
    `rounding` it is nothing, too, when the rounding of its numbers, and of those it is a sum of, would leave as much: `c = a + b`
    computed in float64 is no column of its own. But one that hardly varies is, if it is the intercept alone that comes near it.

    Parameters
    ----------
    system : System
    count : int
        Number of rows.
    bits, nothing : int
        Numbers are held to 2^-bits; a pivot below 2^-nothing is one that these bits may not see.
    intercept : bool
        Whether the last column is that of ones.
    rounding : bool

    Returns
    -------
    Parted or None
        None where a column is left open.
    """
    d, M = system.d, _at(bits, system.whole, system.bits)
    length = [math.sqrt(int(a) / (1 << system.bits)) for a in system.A.diagonal()]
    kept: list[int] = []
    others: dict[int, _Left] = {}
    for j in [d - 1, *range(d - 1)] if intercept else range(d):
        noise = 0.0
        if rounding:
            sums = sum(abs(int(M[i, j])) / (1 << bits) * length[i] for i in kept)
            left, alone = math.sqrt(max(int(M[j, j]), 0) / (1 << bits)), system.varying(j, d - 1 if intercept else None)
            noise = _ROUNDING * (length[j] + sums) * (left < _FAINT * alone)
            noise *= left < noise
        gone = bool(M[j, j] <= 1 << (bits - nothing))
        if gone or noise:
            others[j] = _Left(noise, gone)
        else:
            kept.append(j)
            M = _sweep(M, j, bits)
    spread = {i: math.sqrt(max(int(M[i, i]), 0) / (1 << bits)) for i in kept}  # root of the inverse's diagonal
    # As many columns as rows say all that can be said; and what is below the least that Cramer's rule allows is 0.
    proved = count == len(kept) or nothing == system.least
    redundant = []
    for j, left_of in others.items():
        on = {i: Fraction(int(M[i, j]), 1 << bits) for i in kept if abs(M[i, j]) > 1 << (bits - nothing)}
        # What only rounding has made nothing is a combination of other columns still where these are as many as the rows.
        sure = proved and left_of.gone
        found = _redundant(system, j, on, spread, 0.0 if sure else left_of.noise, proved=sure)
        if not found.exactly and not left_of.noise:
            return None
        redundant.append(found)
    return Parted(tuple(sorted(kept)), tuple(redundant), M)


def _redundant(
    system: System, j: int, on: dict[int, Fraction], spread: dict[int, float], noise: float, *, proved: bool
) -> Redundant:
    """A redundant column by its coefficients on the kept ones, in the system's units: simple fractions where these fit exactly."""
    unit = {i: Fraction(2) ** (system.size[j] - system.size[i]) for i in on}
    simple = {i: c.limit_denominator(_SIMPLE) for i, c in on.items()}
    if system.left({j: Fraction(-1)} | simple) == 0:
        return Redundant(j, {i: c * unit[i] for i, c in simple.items()}, exactly=True)
    # Else a coefficient is there if it is more than the noise in the column would make of nothing, unless that leaves too much.
    clear = {i: c for i, c in on.items() if abs(c) > noise * spread[i]}
    said = clear if system.left({j: Fraction(-1)} | clear) <= (2 * noise) ** 2 else on
    return Redundant(j, {i: c * unit[i] for i, c in said.items()}, exactly=proved)


# --- the solution and its bound -----------------------------------------------------------------------------------------


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
    def of(cls, system: System, swept: Whole, bits: int) -> Solution | None:
        """From the system after elimination, in whole numbers of 2^-bits; None where these bits are too few."""
        d = system.d
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


def _sweep(M: Whole, j: int, bits: int) -> Whole:
    """Gauss-Jordan elimination of one column more; of all columns of X in [A c; c' yy] it leaves [A^-1, A^-1 c; ., rss]."""
    # Rows and columns swept so far hold the inverse of their block of A and what it solves; the others, the Schur complement: what
    # the swept columns leave of them. Its diagonal is the square of each column's rest, and never grows.
    pivot = M[j, j]
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
