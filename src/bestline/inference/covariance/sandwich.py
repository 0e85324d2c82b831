"""The sandwich: from the training rows, by one pass, to a covariance of the weights in the data's units.

covariance of w = factor T (filling) T' unit^2        weights = T sum q sqrt(w) y, so T is the bread in the basis's coordinates
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from bestline.data.passes import Pass
from bestline.errors import NumericalError
from bestline.inference.coordinates import Basis, Totals
from bestline.inference.covariance.base import CovarianceKind, Sandwich
from bestline.inference.numbered_rows import Numbered


@dataclass(frozen=True, slots=True, eq=False)
class Covariance:
    """A covariance of the weights that does not rest on equal variances.

    Attributes
    ----------
    kind : CovarianceKind
    covariance : Tensor (k, d, d)
        Of the weights of each target, in the data's units, the intercept last.
    std_error : Tensor (k, d)
        Right even where its square would leave float64's range.
    df : int
        Degrees of freedom of Student's t.
    clusters : int or None
        How many there are.
    """

    kind: CovarianceKind
    covariance: Tensor
    std_error: Tensor
    df: int
    clusters: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Meat:
    """What rows put between two slices of bread, and what tells whether these are the training rows; adds up."""

    totals: Totals
    found: Any

    def __add__(self, other: Meat) -> Meat:
        return Meat(self.totals + other.totals, self.found + other.found)


@dataclass(frozen=True, eq=False)
class CollectMeat(Pass[Numbered, Meat]):
    """The pass that puts every row between the bread."""

    basis: Basis
    kind: Sandwich

    @property
    def columns(self) -> tuple[str, ...]:
        """The kind's."""
        return self.kind.columns

    def empty(self) -> Meat:
        """Of no rows."""
        return Meat(Totals.none(self.basis), self.kind.none(self.basis))

    def of(self, batch: Numbered) -> Meat:
        """Of some rows."""
        seen = self.basis.see(batch.rows)
        # The totals say afterwards whether these were the training rows: data given for a loaded line may be others.
        return Meat(Totals.of(seen), self.kind.of(self.basis, batch, seen))

    def of_repeated(self, batch: Numbered, count: Tensor, squares: Tensor) -> Meat:
        """Of rows that each stand for many; see `OfRepeated`."""
        seen = self.basis.see(batch.rows)
        # Residuals of rows alike in the features: their sum, and their squares', are known though none of them is.
        spread = squares * (seen.root[:, None] / self.basis.unit) ** 2
        size = (count[:, None] * seen.e**2 + spread).sqrt()
        summed = replace(seen, e=seen.e * count[:, None])
        totals = Totals(
            int(count[seen.root > 0].sum()), float((count * seen.leverage).sum()), summed.e.T @ seen.q, (size**2).sum(0)
        )
        return Meat(totals, self.kind.of_repeated(self.basis, batch, summed, replace(seen, e=size)))


def sandwich(basis: Basis, found: Any, kind: Sandwich, determined: Tensor) -> Covariance:
    """The covariance of the weights from the filling of all training rows.

    Parameters
    ----------
    basis, kind
    found
        What the kind has found in all training rows.
    determined : Tensor (d,)
        Which weights the data determine; the others get NaN.

    Raises
    ------
    NumericalError
        Without residual degrees of freedom, or with fewer than two clusters.
    """
    # A line that can go through every row leaves no residuals, and so says nothing of the errors.
    if basis.df <= 0:
        raise NumericalError("Robust standard errors need residual degrees of freedom: more rows than weights.")
    filling = kind.filling(basis, found)
    middle = filling.middle * (basis.rss > 0)[:, None, None]  # a line through every point has no errors, but for rounding
    T = basis.weights()
    size = T.abs().amax(1, keepdim=True) if basis.rank else torch.ones(len(T), 1, dtype=torch.float64)
    # Covariances are squares of weights, which may leave float64's range where standard errors do not: so the sizes come back last.
    rows = T / torch.where(size > 0, size, 1.0)  # of a size that can be squared, whatever the units
    scaled = filling.factor * (rows @ middle @ rows.T)
    # Where columns repeat each other the weights are a choice among equals, and no error of theirs means anything.
    scaled[:, ~determined], scaled[:, :, ~determined] = float("nan"), float("nan")
    std_error = scaled.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt() * size[:, 0] * basis.unit[:, None]
    covariance = scaled * (size @ size.T) * (basis.unit**2)[:, None, None]
    return Covariance(kind, covariance, std_error, filling.df, filling.clusters)
