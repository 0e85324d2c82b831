"""Coordinates: a `Basis` that belongs to the data. In it leverage is a length and a covariance cannot cancel.

    sqrt(w) x = q R      sum q q' = 1      leverage h = |q|^2      weights = T sum q sqrt(w) y

R is the triangle of the centred and scaled columns. The moments give it, at the price of squaring the columns' condition; where
that would cost digits, one more pass folds the rows themselves into R by orthogonal reflections (TSQR: Golub & Van Loan 2013,
5.2; Demmel et al. 2012, SIAM J. Sci. Comput. 34:A206), which squares nothing. Weights count up to a factor, as everywhere: here
their mean is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor

from bestline.data.passes import Pass
from bestline.errors import DataError, NumericalError
from bestline.inference.numbered_rows import Numbered, OverRows
from bestline.numerics import Comoments, Rows, Scaling, Square, Weights, eigenvalues, second_moments

# Moments square the condition of centred, scaled columns, and lose what the line explains from what it leaves: up to this loss,
# twelve digits remain to every leverage and to the residual sum of squares.
_HARMLESS = 1e3
_EPS = torch.finfo(torch.float64).eps
_INSEPARABLE = "The columns are too nearly collinear for float64 to tell their effects apart; leave some out."


@dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """Rows in the coordinates of a basis.

    Attributes
    ----------
    q : Tensor (n, r)
        Coordinates times the root of the row's weight.
    e : Tensor (n, k)
        Residuals times the root of the row's weight, in units of `Basis.unit`.
    root : Tensor (n,)
        Root of the weight.
    line : Tensor (n, k)
        Fitted values less the targets' means (less nothing without an intercept), in units of `Basis.unit`.
    """

    q: Tensor
    e: Tensor
    root: Tensor
    line: Tensor

    @property
    def leverage(self) -> Tensor:
        """How far a row pulls its own prediction, from 0 to 1, (n,)."""
        return (self.q * self.q).sum(1)


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """The training rows' own coordinates, and their least-squares line.

    Attributes
    ----------
    p, intercept
        Number of features, and whether there is an intercept.
    kept : tuple of int
        Columns that say something of their own, s of p.
    high, low : Tensor (s + k,)
        Means of those columns and of the targets, as sums of two numbers; zero without an intercept.
    scale : Tensor (s + k,)
        In the data's units.
    triangle : Tensor (s, s)
        R, upper triangular, of the centred and scaled columns.
    slopes : Tensor (s, k)
        Of least squares, for scaled columns and targets.
    rss : Tensor (k,)
        Residual sum of squares, in squares of `unit`, the mean weight 1; exactly 0 where the line goes through every point.
    count, weight
        Rows of positive weight, and the sum of the weights.
    taken : int
        Degrees of freedom that absorbed effects take.
    """

    p: int
    intercept: bool
    kept: tuple[int, ...]
    high: Tensor
    low: Tensor
    scale: Tensor
    triangle: Square
    slopes: Weights
    rss: Tensor
    count: int
    weight: float
    taken: int = 0

    @classmethod
    def of(cls, moments: Comoments, scaling: Scaling, kept: tuple[int, ...], look: Look | None = None) -> Basis:
        """The basis of the rows behind `moments`.

        Parameters
        ----------
        moments, scaling
            Of the training rows, standardised.
        kept : tuple of int
            The columns that are no combinations of others.
        look : callable, optional
            Runs a pass over the same rows; called only where moments would cost digits. Without it the moments must do.

        Raises
        ------
        NumericalError
            When the kept columns cannot be told apart in float64.
        DataError
            When `look` shows other rows.
        """
        basis, joint, loss = _of_moments(moments, scaling, kept)
        if look is not None and loss > _HARMLESS:
            return _of_triangle(basis, joint, look(Fold(basis)))
        if loss == math.inf:
            raise NumericalError(_INSEPARABLE)
        return basis

    @classmethod
    def of_moments(cls, moments: Comoments, scaling: Scaling, kept: tuple[int, ...]) -> Basis | None:
        """The basis from the moments alone; None where they would cost digits."""
        basis, _, loss = _of_moments(moments, scaling, kept)
        return basis if loss <= _HARMLESS and moments.cancelled == 1 else None

    @property
    def rank(self) -> int:
        """Number of weights that the data determine, r."""
        return len(self.kept) + self.intercept

    @property
    def df(self) -> int:
        """Residual degrees of freedom."""
        return self.count - self.rank - self.taken

    @property
    def unit(self) -> Tensor:
        """What one unit of a residual is in the data's units, (k,)."""
        return self.scale[len(self.kept) :]

    @property
    def sigma(self) -> Tensor:
        """Residual standard deviation of a row of mean weight, in units of `unit`, (k,); NaN without degrees of freedom."""
        return (self.rss / self.df).sqrt() if self.df > 0 else torch.full_like(self.rss, float("nan"))

    @property
    def alone(self) -> float:
        """What 1 - leverage must exceed: below, a row determines a weight by itself, as far as float64 can tell."""
        diagonal = self.triangle.diagonal().abs()
        # An estimate of R's condition, which the rounding of q is in proportion to.
        steep = float(diagonal.max() / diagonal.min()) if len(diagonal) else 1.0
        return 64 * _EPS * max(self.rank, 1) * max(steep, 1.0)

    @property
    def rounding(self) -> Tensor:
        """What float64 leaves of a residual where the line meets the point, in units of `unit`, (k,)."""
        s = len(self.kept)
        # Of the target's mean, of the products w x, and of their sum, each a unit or two.
        return 16 * _EPS * (1 + (self.high[s:] / self.unit).abs() + self.slopes.abs().sum(0))

    def centred(self, rows: Rows) -> Tensor:
        """The kept columns and the targets of rows, less their means and over their scale, (n, s + k)."""
        Z = torch.cat([rows.X.cpu()[:, list(self.kept)], rows.y.cpu()], 1)
        # High and low one after the other: the first difference is exact for numbers near the mean, so an offset costs no digits.
        return ((Z - self.high) - self.low) / self.scale

    def see(self, rows: Rows) -> Coordinates:
        """Some of the rows in these coordinates; any device."""
        s, Z = len(self.kept), self.centred(rows)
        line = Z[:, :s] @ self.slopes
        root = torch.ones(len(Z), dtype=torch.float64) if rows.w is None else self.relative(rows.w).sqrt()
        # q R = sqrt(w) z, solved and not multiplied by an inverse: backward stable, whatever R's condition.
        q = torch.linalg.solve_triangular(self.triangle, Z[:, :s], upper=True, left=False) * root[:, None]
        if self.intercept:
            # The intercept's coordinate: the column of ones is orthogonal to all centred ones, and has the length sqrt(n).
            q = torch.cat([root[:, None] / self.count**0.5, q], 1)
        return Coordinates(q, (Z[:, s:] - line) * root[:, None], root, line)

    def pull(self, moments: Comoments) -> Tensor:
        """Sum of q e over the rows behind some moments, (k, r): which needs none of these rows."""
        s, columns = len(self.kept), [*self.kept, *range(self.p, moments.q)]
        held = moments[columns]
        mean = (((held.shift * held.unit - self.high) - self.low) + held.mean * held.unit) / self.scale
        size = held.unit / self.scale
        S = held.scatter * torch.outer(size, size) * (self.count / self.weight)
        e, w = mean[s:] - mean[:s] @ self.slopes, moments.weight * (self.count / self.weight)
        # sum z e = sum (z - m)(e - m_e) + W m m_e
        zs = S[:s, s:] - S[:s, :s] @ self.slopes + w * torch.outer(mean[:s], e)
        q = torch.linalg.solve_triangular(self.triangle.T, zs, upper=False).T
        return torch.cat([w * e[:, None] / self.count**0.5, q], 1) if self.intercept else q

    def weights(self) -> Tensor:
        """T (d, r): from coordinates to weights in the data's units, for targets in units of `unit`; 0 for other columns."""
        s = len(self.kept)
        T = torch.zeros(self.p + self.intercept, self.rank, dtype=torch.float64)
        if s:
            inverse = torch.linalg.solve_triangular(self.triangle, torch.eye(s, dtype=torch.float64), upper=True)
            T[list(self.kept), int(self.intercept) :] = inverse / self.scale[:s, None]
        if self.intercept:
            # b = m_y - m'w: the mean moves with its own coordinate, and with every slope by -m.
            T[-1, 0] = self.count**-0.5
            T[-1, 1:] = -((self.high + self.low)[:s, None] * T[list(self.kept), 1:]).sum(0)
        return T

    def relative(self, w: Tensor) -> Tensor:
        """Weights with mean 1 over the training rows, (n,)."""
        return w.cpu().to(torch.float64) / (self.weight / self.count)


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """What tells whether rows seen are the training rows; adds up.

    Attributes
    ----------
    rows : int
        Rows of positive weight.
    leverage : float
        Sum of the leverages: the rank, over the training rows.
    pull : Tensor (k, r)
        Sum of e q: zero, over the training rows.
    size : Tensor (k,)
        Sum of e^2.
    """

    rows: int
    leverage: float
    pull: Tensor
    size: Tensor

    @classmethod
    def none(cls, basis: Basis) -> Totals:
        """Of no rows."""
        k = basis.slopes.shape[1]
        return cls(0, 0.0, torch.zeros(k, basis.rank, dtype=torch.float64), torch.zeros(k, dtype=torch.float64))

    @classmethod
    def of(cls, seen: Coordinates) -> Totals:
        """Of some rows."""
        return cls(int((seen.root > 0).sum()), float(seen.leverage.sum()), seen.e.T @ seen.q, (seen.e**2).sum(0))

    def __add__(self, other: Totals) -> Totals:
        return Totals(self.rows + other.rows, self.leverage + other.leverage, self.pull + other.pull, self.size + other.size)

    def same(self, basis: Basis) -> bool:
        """Whether these are the training rows: as many, their leverages add up to the rank, and their residuals pull nowhere."""
        # Two laws of least squares that other rows break: sum h = trace of the projection = rank, and X'e = 0.
        told = abs(self.leverage - basis.rank) <= max(basis.rank, 1) * (1e-6 + basis.alone)
        room = 1e-6 * self.size.sqrt() + basis.rounding * basis.count**0.5
        return self.rows == basis.count and told and bool((self.pull.abs() <= room[:, None]).all())


def _of_moments(moments: Comoments, scaling: Scaling, kept: tuple[int, ...]) -> tuple[Basis, Square, float]:
    """The basis as moments give it, their products, and by what factor they lose digits: infinite where they cannot give it."""
    p, s = scaling.p, len(kept)
    columns = [*kept, *range(p, moments.q)]
    A = second_moments(moments, scaling, columns)
    factor, failed = torch.linalg.cholesky_ex(A[:s, :s])
    about = moments.unit[columns] * float(scaling.intercept)
    # Where the moments cannot tell the columns apart, what is made of them here serves to centre and scale alone.
    like = torch.eye(s, dtype=torch.float64) if failed else factor
    slopes = torch.cholesky_solve(A[:s, s:], like)
    # The residual's own second moment, r'A r with r = (w, -1), of each target by itself.
    left = (slopes * (A[:s, :s] @ slopes - A[:s, s:])).sum(0) + (A.diagonal()[s:] - (A[:s, s:] * slopes).sum(0))
    basis = Basis(
        p=p,
        intercept=scaling.intercept,
        kept=kept,
        high=moments.shift[columns] * about,
        low=moments.mean[columns] * about,
        scale=scaling.scale[columns],
        # A = L L' are means over the rows; R'R = n A, so R = sqrt(n) L'.
        triangle=like.T * moments.count**0.5,
        slopes=slopes,
        rss=left.clamp(min=0) * moments.count,
        count=moments.count,
        weight=moments.weight,
    )
    if failed:
        return basis, A, math.inf
    # What is squared: the condition of A, which has a diagonal of 1.
    values = eigenvalues(A[:s, :s]) if s else torch.ones(1, dtype=torch.float64)
    total = A.diagonal()[s:] * moments.count
    # What cancels: moments hold the targets' own variance, and a line that leaves 1e-8 of it has 8 digits fewer.
    left = torch.where(total > 0, basis.rss / total, 1.0).min()  # of what there was to explain
    return basis, A, max(float(values[-1] / values[0].clamp(min=1e-300)), 1 / max(float(left), 1e-300))


def _of_triangle(basis: Basis, joint: Square, folded: Triangle) -> Basis:
    """The same basis from the triangle of the rows themselves."""
    s, R, count = len(basis.kept), folded.R, folded.rows
    # R'R is what the moments are, but for their rounding; for other rows it is not.
    known = ~joint.isnan()  # of very many targets nobody knows how they go with each other
    if count != basis.count or not torch.allclose((R.T @ R / count)[known], joint[known], rtol=1e-7, atol=1e-7):
        raise other_rows(count, basis.count)
    diagonal = R.diagonal()[:s].abs()
    # The diagonal of R is what the columns before leave of each: a few units of rounding are nothing.
    if len(diagonal) < s or bool((diagonal <= 16 * _EPS * diagonal.max()).any()):
        raise NumericalError(_INSEPARABLE)
    slopes = torch.linalg.solve_triangular(R[:s, :s], R[:s, s:], upper=True)
    rss = (R[s:, s:] ** 2).sum(0)
    found = replace(basis, triangle=R[:s, :s], slopes=slopes, rss=rss)
    # Residuals that are all rounding count as none, so that a line through every point says so.
    return replace(found, rss=torch.where(rss > found.rounding**2 * count, rss, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Triangle:
    """R with R'R = Z'Z for some rows of columns Z (n, c), as QR gives it; two fold into one: QR of one below the other (TSQR).

    Attributes
    ----------
    R : Tensor (at most c, c)
    rows : int
        Of positive weight.
    """

    R: Tensor
    rows: int = 0

    def __add__(self, other: Triangle) -> Triangle:
        if not len(self.R) or not len(other.R):
            return self if len(self.R) else other
        # [R1; R2] = Q R gives R'R = R1'R1 + R2'R2: the triangle of all rows, from numbers of the size of columns, never of squares.
        return Triangle(torch.linalg.qr(torch.cat([self.R, other.R]), mode="r").R, self.rows + other.rows)


@dataclass(frozen=True, eq=False)
class Fold(OverRows[Triangle]):
    """The pass that folds rows, centred and scaled as the basis has it, into a triangle: no square of their condition arises."""

    basis: Basis

    def empty(self) -> Triangle:
        """Of no rows."""
        return Triangle(torch.zeros(0, len(self.basis.scale), dtype=torch.float64))

    def of(self, batch: Numbered) -> Triangle:
        """Of some rows."""
        basis, rows = self.basis, batch.rows
        Z = basis.centred(rows)
        if rows.w is not None:
            Z = Z * basis.relative(rows.w).sqrt()[:, None]
        return Triangle(torch.linalg.qr(Z, mode="r").R, len(rows) if rows.w is None else int((rows.w > 0).sum()))


Look: TypeAlias = Callable[[Pass[Numbered, Triangle]], Triangle]


@dataclass(frozen=True, eq=False)
class AddUp(OverRows[Totals]):
    """The pass that tells whether rows are those of training."""

    basis: Basis

    def empty(self) -> Totals:
        """Of no rows."""
        return Totals.none(self.basis)

    def of(self, batch: Numbered) -> Totals:
        """Of some rows."""
        return Totals.of(self.basis.see(batch.rows))


def other_rows(count: int, trained: int) -> DataError:
    """The error for rows that are not the training rows."""
    return DataError(
        f"These {count:,} rows are not the {trained:,} rows that the line was fitted to; give the training data, or use `evaluate` "
        f"for others."
    )
