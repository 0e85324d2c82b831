"""Refine: least squares without rounding, where the moments in float64 do not leave digits enough.

    A w = c        A = X'WX,  c = X'Wy        both exact

One more pass over the rows collects A and c without any error (`crossproducts`). The system, as large as the number of columns,
is then solved in whole numbers of some hundred bits: Gauss-Jordan elimination, which leaves w, the inverse of A and the
residual sum of squares in place, and one step of refinement. How far the result can be from the truth is not estimated but
proved, from the exact residual:

    |w - w~| <= 2 |V| max |c - A w~|        V: the inverse as computed, when |1 - A V| <= 1/2

So what is rounded to float64 at the end is the exact solution for the columns as stored, and the digits claimed are a theorem
(Rump 2010, Acta Numerica 19:287-449, section 10). Squaring the condition costs nothing here: the bits outnumber it. Whether a
number is nothing at all is decided too: by Cramer's rule it is a quotient of determinants of whole numbers, and a quotient that
is not zero cannot be smaller than one over the lower one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from bestline.numerics.digits import MOST
from bestline.numerics.doubled import Doubled
from bestline.numerics.exact_sums import CrossProducts, TooWideError, Whole
from bestline.numerics.interval import BITS, Known, decided, digits_left, nearest_double, pairs_of, root_of, scaled, table_of
from bestline.numerics.rows import Features, Rows, Square, Weights

_NOTHING = 180
_LONGEST = 8_192  # bits beyond which it is left open whether a number is nothing
_ROUNDING = 4 * 2.0**-52  # of a stored number that was computed in a few steps from others, relative
_STEEP = 1e-3  # closeness below which products of rows and weights are taken in twice the digits
_SECOND_ORDER = 1.1  # what the first order leaves out, where errors are below a hundredth of what sets columns apart
_MOST_COLUMNS = 200  # elimination takes a second for 100, and eight times that for 200


@dataclass(frozen=True, slots=True, eq=False)
class Refined:
    """The exact least-squares solution for the columns as stored, every number rounded once.

    Attributes
    ----------
    weights : Tensor (d, k)
        In the data's units, the intercept last.
    std_error : Tensor (k, d)
        NaN where no degrees of freedom are left.
    digits, std_error_digits : Tensor (d, k), (k, d)
        How many digits of each are right, 15 at most: proved, not estimated. Fewer only near the edge of float64's range.
    sigma, rss, tss : Tensor (k,)
        Residual standard deviation, residual and total sums of squares; the last about zero without an intercept.
    inverse : Tensor (d, d)
        (X'WX)^-1 in the data's units.
    closeness : Tensor (p,)
        Size of what the other columns and the intercept leave of each column, over its own size: 1 when it stands alone, and
        1e-9 when all but its ninth digit is a combination of others.
    size : Tensor (p,)
        Size of each column's numbers.
    distinct : Tensor, bool
        False where the last places of the numbers stored decide: rounding them otherwise could make the columns dependent.
    weights_below : Tensor (d, k)
        What rounding has left out of the weights, likewise rounded.
    factor, factor_below : Tensor (d, d)
        Lower triangle F with F F' = (X'WX)^-1, and what rounding has left out of it: |F'x|^2 keeps the digits that x' inverse x
        loses, for the square of the columns' condition does not enter.
    """

    weights: Weights
    std_error: Tensor
    digits: Tensor
    std_error_digits: Tensor
    sigma: Tensor
    rss: Tensor
    tss: Tensor
    inverse: Square
    closeness: Tensor
    size: Tensor
    distinct: Tensor
    weights_below: Weights
    factor: Square
    factor_below: Square

    @property
    def steep(self) -> bool:
        """Whether float64 would lose more than a few digits of a line's height."""
        return bool((self.closeness < _STEEP).any())

    def height(self, X: Features, below: Features | None = None) -> Tensor:
        """The line at rows X + below (n, p), (n, k); in twice the digits where that is needed."""
        return self._times(X, below, self.weights, self.weights_below)

    def residual(self, y: Tensor, X: Features, below: Features | None = None) -> Tensor:
        """Y - the line, (n, k), which may be a small part of y."""
        line = self._rows(X, below) @ Doubled.of(self.weights, self.weights_below)
        found = (Doubled.of(y) - line).high
        return torch.where(found.isfinite(), found, y - self.height(X, below))

    def leverage(self, X: Features, below: Features | None = None) -> Tensor:
        """X' (X'WX)^-1 x of rows X + below (n, p), (n,); times sigma^2 it is the variance of the line's height."""
        return self._times(X, below, self.factor, self.factor_below).square().sum(1)

    def _times(self, X: Features, below: Features | None, high: Tensor, low: Tensor) -> Tensor:
        plain = self._rows(X, None).high @ high
        if not self.steep:
            return plain
        found = (self._rows(X, below) @ Doubled.of(high, low)).high
        return torch.where(found.isfinite(), found, plain)  # near the edge of float64's range

    def _rows(self, X: Features, below: Features | None) -> Doubled:
        ones = X.new_ones(len(X), len(self.weights) - X.shape[1])
        return Doubled.of(torch.cat([X, ones], 1), None if below is None else torch.cat([below, ones * 0], 1))

    def known_to(self, lost: Tensor) -> Refined:
        """The same with no more digits claimed than columns allow of which float64 has `lost` something; see `digits_within`."""
        digits, error_digits = digits_within(lost, self.weights, self.inverse, self.rss)
        return replace(
            self, digits=torch.minimum(self.digits, digits), std_error_digits=torch.minimum(self.std_error_digits, error_digits)
        )


def digits_within(lost: Tensor, weights: Weights, inverse: Square, rss: Tensor) -> tuple[Tensor, Tensor]:
    """Most digits that weights (d, k), and their standard errors (k, d), can claim where the columns are known to errors only.

    To first order, errors dX and dy of norms `lost` (p + k,), column by column, move them by

        |dw_j|      <= sum_i |V_ji| lost_i sqrt(rss) + sqrt(V_jj) (sum_i lost_i |w_i| + lost_y)
        |ds_j|/s_j  <= sum_i |V_ji| lost_i / sqrt(V_jj) + (sum_i lost_i |w_i| + lost_y) / sqrt(rss)

    where V is the inverse of X'WX: differentiate V X'Wy (Golub & Van Loan 2013, 5.3). Where the errors are not small beside what
    sets the columns apart, nothing is claimed.
    """
    (d, k), p = weights.shape, len(lost) - weights.shape[1]
    if not bool(lost.any()):
        return torch.full((d, k), float(MOST)).double(), torch.full((k, d), float(MOST)).double()
    x = torch.cat([lost[:p], lost.new_zeros(d - p)])
    V, own = inverse.abs(), inverse.diagonal().sqrt()
    moved = x @ weights.abs() + lost[p:]  # (k,)
    pulled = V @ x
    error = pulled[:, None] * (rss.sqrt() + moved) + own[:, None] * moved
    relative = pulled / own + (moved / rss.sqrt())[:, None]
    first_order = bool(x @ own < 0.01)
    touched = bool((x > 0).any()) | (lost[p:] > 0)  # (k,)
    digits = digits_left(_SECOND_ORDER * error / weights.abs(), touched.expand(d, k))
    return digits * first_order, digits_left(_SECOND_ORDER * relative, touched[:, None].expand(k, d)) * first_order


def refined(rows: Iterable[tuple[Rows, Features | None]], p: int, k: int, *, intercept: bool) -> Refined | None:
    """Least squares of all rows, exactly: one pass, constant memory, the same bits from any batches, threads and devices.

    Parameters
    ----------
    rows : iterable of (Rows, Tensor (n, p) or None)
        Rows in the data's units, batch by batch, each with what float64 has left out of X; None: nothing.
    p, k : int
        Number of features and targets.
    intercept : bool

    Returns
    -------
    Refined or None
        None where there is no one solution, since columns are exact combinations of others; where a weight is beyond the
        range of float64; and where exact sums would take too long: more than 200 columns, or numbers that lie too far apart.
    """
    d = p + intercept
    if d > _MOST_COLUMNS or d == 0:
        return None
    products = CrossProducts.empty(d + k)
    try:
        for batch, below in rows:
            products = products + CrossProducts.of(batch, below, intercept=intercept)
    except TooWideError:
        return None
    return solved(products, d, intercept=intercept) if products.count else None


def solved(products: CrossProducts, d: int, *, intercept: bool) -> Refined | None:
    """The solution from exact cross products of the d columns of X (the intercept's included) and the targets."""
    system = _System.of(products, d)
    if system is None:
        return None
    solution = _Solution.of(system, BITS, _NOTHING)
    decisive = 2 * system.least + BITS
    if (solution is None or solution.undecided) and decisive <= _LONGEST:
        solution = _Solution.of(system, decisive, system.least)
    return None if solution is None else _rounded(products, system, solution, intercept=intercept)


@dataclass(frozen=True, slots=True, eq=False)
class _System:
    """[A c; c' yy] with every column in a unit that gives it a length from 1/2 to 1: whole numbers of 2^-bits.

    size[j] is the power of two that is the unit of column j.
    """

    d: int
    bits: int
    whole: Whole
    size: list[int]

    @classmethod
    def of(cls, products: CrossProducts, d: int) -> _System | None:
        """None when a column of X holds nothing but zeros."""
        squares = [int(s) for s in products.whole.diagonal()]
        if not all(squares[:d]):
            return None
        unit, lows = products.unit, products.low
        size = [-(-(s.bit_length() + 2 * low + unit) // 2) for s, low in zip(squares, lows, strict=True)]
        shift = np.array([low - s for low, s in zip(lows, size, strict=True)], dtype=object)
        bits = -2 * int(shift.min())
        return cls(d, bits - unit, products.whole << (shift[:, None] + shift[None, :] + bits), size)

    @property
    def least(self) -> int:
        """Pivots, weights and residual sums of squares are 0, or at least 2^-least: Cramer's rule and Hadamard's bound."""
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
class _Solution:
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
    def of(cls, system: _System, bits: int, nothing: int) -> _Solution | None:
        """None at a pivot below 2^-nothing: there is no one solution, or these bits cannot tell."""
        d = system.d
        swept = _swept(_at(bits, system.whole, system.bits), d, bits, nothing)
        if swept is None:
            return None
        inverse, weights = swept[:d, :d], swept[:d, d:]
        weights = weights + ((inverse @ _residual(system, weights, bits)) >> bits)
        left = _residual(system, weights, bits)
        defect = (np.eye(d, dtype=np.int64).astype(object) << bits) - _at(bits, system.A @ inverse, system.bits + bits)
        if 2 * (int(abs(defect).sum(1).max()) + d) > 1 << bits:
            return None
        reach = abs(inverse).sum(1)[:, None]
        # One unit for every rounding down.
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
        pivot = M[j, j]
        if pivot <= 1 << (bits - nothing):
            return None
        row, column = (M[j] << bits) // pivot, M[:, j].copy()
        M = M - ((column[:, None] * row[None, :]) >> bits)
        M[j], M[:, j] = row, -((column << bits) // pivot)
        M[j, j] = (1 << 2 * bits) // pivot
    return M


def _residual(system: _System, weights: Whole, bits: int) -> Whole:
    """What is left of c, c - A w: exact, then rounded down."""
    return _at(bits, (system.c << bits) - system.A @ weights, system.bits + bits)


def _rss(system: _System, weights: Whole, bits: int) -> list[Fraction]:
    """Sums y'y - 2 c'w + w'Aw, exact at these weights: too large by the square of their error only."""
    found = []
    for i, w in enumerate(weights.T):
        yy = system.whole[system.d + i, system.d + i]
        value = (yy << 2 * bits) - ((2 * system.c[:, i] @ w) << bits) + w @ (system.A @ w)
        found.append(Fraction(int(value), 1 << (2 * bits + system.bits)))
    return found


def _rounded(products: CrossProducts, system: _System, solution: _Solution, *, intercept: bool) -> Refined | None:
    """Everything in the data's units and in float64, each number rounded once; None where weights leave its range."""
    d, k = solution.weights.shape
    p, size, df, least = d - intercept, system.size, products.count - d, Fraction(1, 1 << system.least)
    weights, digits = table_of(
        [[nearest_double(solution.weight(j, i), size[d + i] - size[j], least) for i in range(k)] for j in range(d)]
    )
    if not bool(weights.isfinite().all()):
        return None
    rss = [decided(Known(r, b), least) for r, b in zip(solution.rss, solution.rss_bound, strict=True)]
    tss = [system.about_mean(i) if intercept else system.target(i) for i in range(k)]
    errors, sigma = torch.full((k, d), math.nan, dtype=torch.float64), torch.full((k,), math.nan, dtype=torch.float64)
    error_digits = errors
    if df > 0:
        share = Known(Fraction(1, df), Fraction(0))
        variance = [solution.variance(j) * share for j in range(d)]
        sigma = table_of([[root_of(rss[i], share, size[d + i]) for i in range(k)]])[0][0]
        errors, error_digits = table_of(
            [[root_of(rss[i], variance[j], size[d + i] - size[j]) for j in range(d)] for i in range(k)]
        )
    V = torch.tensor([[v / (1 << solution.bits) for v in row] for row in solution.inverse], dtype=torch.float64)
    length = torch.tensor([int(a) / (1 << system.bits) for a in system.A.diagonal()], dtype=torch.float64).sqrt()
    left = 1 / V.diagonal().sqrt()  # length of what the other columns leave of each
    unit = torch.tensor([scaled(Fraction(1), -s) for s in size[:d]], dtype=torch.float64)
    factor, factor_below = pairs_of(
        [
            [Fraction(int(f), 1 << solution.bits) / Fraction(2) ** s for f in row]
            for row, s in zip(_factored(solution.inverse, solution.bits), size[:d], strict=True)
        ]
    )
    _, below = pairs_of(
        [[solution.weight(j, i).value * Fraction(2) ** (size[d + i] - size[j]) for i in range(k)] for j in range(d)]
    )
    return Refined(
        weights=weights,
        std_error=errors,
        digits=digits,
        std_error_digits=error_digits,
        sigma=sigma,
        rss=torch.tensor([scaled(r.value, 2 * s) for r, s in zip(rss, size[d:], strict=True)], dtype=torch.float64),
        tss=torch.tensor([scaled(t, 2 * s) for t, s in zip(tss, size[d:], strict=True)], dtype=torch.float64),
        inverse=V * unit[:, None] * unit,
        closeness=(left / length)[:p],
        size=(length / unit)[:p] / math.sqrt(products.count),
        # A change of every column i by eps of its size moves what is left of column j by eps sum_i |V_ij| / V_jj at most.
        distinct=(_ROUNDING * (V.abs() @ length) * left < 1).all(),
        weights_below=below,
        factor=factor,
        factor_below=factor_below,
    )


def _factored(V: Whole, bits: int) -> Whole:
    """Lower triangle F with F F' = V, of whole numbers of 2^-bits (Cholesky)."""
    F, rest = np.zeros_like(V), V.copy()
    for j in range(len(V)):
        root = math.isqrt(int(rest[j, j]) << bits)
        F[j:, j] = (rest[j:, j] << bits) // root
        rest = rest - ((F[:, j][:, None] * F[:, j][None, :]) >> bits)
    return F
