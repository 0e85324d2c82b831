"""Each row puts in its own squared residual: right when errors are independent, however much they differ in size (White 1980).

    filling = sum of q q' e^2 / (1 - h)^power        q the row in the basis's coordinates, e its residual, h its leverage

    HC0  power 0                    White (1980)
    HC1  n / (n - rank) of it       Stata's `robust`
    HC2  power 1                    MacKinnon & White (1985); right on average under equal variances
    HC3  power 2                    close to the jackknife; the one to use with few rows (Long & Ervin 2000)

A row of leverage 1 determines a weight by itself: its residual is 0 whatever its error was. HC2 and HC3 leave it out, and say
nothing of the weights that depend on it. Intervals use Student's t with n - rank degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bestline.inference.coordinates import Basis, Coordinates
from bestline.inference.covariance.base import Filling, Repeating
from bestline.inference.numbered_rows import Numbered


@dataclass(frozen=True, slots=True, eq=False)
class RowSquares:
    """Squares of rows, (k, r, r), and the projection onto those rows that determine a weight by themselves, (r, r)."""

    squares: Tensor
    blind: Tensor

    def __add__(self, other: RowSquares) -> RowSquares:
        return RowSquares(self.squares + other.squares, self.blind + other.blind)


@dataclass(frozen=True, slots=True)
class ByRow(Repeating):
    """Sum of q q' e^2 over the rows, each residual divided by `divisor`.

    Attributes
    ----------
    power : float
        Of 1 - h, by which a residual is divided: half of that in the equation above.
    """

    power: ClassVar[float] = 1.0
    holds: ClassVar[str] = "heteroscedasticity-consistent, valid in large samples"

    def divisor(self, basis: Basis, h: Tensor) -> Tensor:
        """What the residuals of rows with leverage h (n,) are divided by, (n,)."""
        del basis
        return (1 - h) ** self.power

    @property
    def by_leverage(self) -> bool:
        """HC2 and those above."""
        return self.power > 0

    def none(self, basis: Basis) -> RowSquares:
        """Zeros."""
        nothing = torch.zeros(basis.rank, basis.rank, dtype=torch.float64)
        return RowSquares(nothing.repeat(basis.slopes.shape[1], 1, 1), nothing)

    def of(self, basis: Basis, batch: Numbered, seen: Coordinates) -> RowSquares:
        """Their sum."""
        del batch
        h = seen.leverage
        alone = (1 - h <= basis.alone) & (self.power > 0)
        # Such rows are orthogonal to all others, so their projections add.
        q = seen.q[alone] / h[alone, None].sqrt()
        # q e instead of x e: the bread is then the identity, and what is filled in stays in range and well conditioned. The divisor
        # stands on either side of the product, so it is the root of what divides the square.
        rows = seen.q / torch.where(alone, 1.0, self.divisor(basis, h))[:, None] * ~alone[:, None]
        scores = seen.e.T[:, :, None] * rows  # (k, n, r)
        return RowSquares(scores.transpose(1, 2) @ scores, q.T @ q)

    def of_repeated(self, basis: Basis, batch: Numbered, summed: Coordinates, squared: Coordinates) -> RowSquares:
        """Their sum: rows alike have one leverage, and only their squares count."""
        del summed
        return self.of(basis, batch, squared)

    def factor(self, basis: Basis) -> float:
        """A correction for few rows."""
        del basis
        return 1.0

    def filling(self, basis: Basis, found: RowSquares) -> Filling:
        """The sum itself."""
        blind = found.blind if bool(found.blind.any()) else None
        return Filling(found.squares * self.factor(basis), basis.df, self.title, blind=blind)


@dataclass(frozen=True, slots=True)
class HC0(ByRow):
    """The plain sum."""

    name: ClassVar[str] = "HC0"
    power: ClassVar[float] = 0.0


@dataclass(frozen=True, slots=True)
class HC1(HC0):
    """HC0 times n / (n - rank)."""

    name: ClassVar[str] = "HC1"

    def factor(self, basis: Basis) -> float:
        """The rows over the degrees of freedom."""
        # Residuals are shorter than errors, by what the weights took up: on average by (n - rank) / n.
        return basis.count / basis.df


@dataclass(frozen=True, slots=True)
class HC2(ByRow):
    """Every squared residual over 1 - h: that is its mean when all variances are equal."""

    name: ClassVar[str] = "HC2"
    power: ClassVar[float] = 0.5


@dataclass(frozen=True, slots=True)
class HC3(ByRow):
    """Every residual over 1 - h: that is the residual from the line of all other rows."""

    name: ClassVar[str] = "HC3"
