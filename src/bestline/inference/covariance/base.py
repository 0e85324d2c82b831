"""The contract of a covariance of the weights: its name, and for a robust one what each row puts between two slices of bread.

    covariance of w = factor (X'WX)^-1 (filling) (X'WX)^-1        filling = a sum over rows, or over groups of rows

The bread follows from the moments. The filling holds every row's residual, so it needs a second pass over the rows; it adds up over
batches, files and machines. Weights are those of statsmodels' WLS: X, y and residuals count times the root of the weight.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from torch import Tensor

from bestline.inference.coordinates import Basis, Coordinates
from bestline.inference.numbered_rows import Numbered

# "HC3", "cluster:firm" or {"cluster": "firm"}.
Cov: TypeAlias = str | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CovarianceKind:
    """Which covariance `cov` asks for: a frozen dataclass whose one field, if it has one, is the column behind the name's colon.

    Attributes
    ----------
    name : str
        As `cov` has it.
    by_column : bool
        Whether it is asked for with a column, as in {"cluster": "firm"} or "cluster:firm".
    holds : str
        Under which errors it is right, as a table says it of a robust one.
    """

    name: ClassVar[str]
    by_column: ClassVar[bool] = False
    holds: ClassVar[str] = ""

    @property
    def title(self) -> str:
        """As a table calls it."""
        return self.name


@dataclass(frozen=True, slots=True)
class Classical(CovarianceKind):
    """Of independent errors of equal variance: the moments give it, and `inference.classical` has it."""

    name: ClassVar[str] = "classical"


@dataclass(frozen=True, slots=True, eq=False)
class Filling:
    """What all training rows together put between the bread.

    Attributes
    ----------
    middle : Tensor (k, r, r)
        In the coordinates of the basis.
    factor : float
        What it is multiplied by, for few rows or groups.
    df : int
        Degrees of freedom of Student's t.
    clusters : int or None
        How many groups of rows there are.
    """

    middle: Tensor
    factor: float
    df: int
    clusters: int | None = None


@dataclass(frozen=True, slots=True)
class Sandwich(CovarianceKind, ABC):
    """A robust covariance. What rows put in may be anything that adds up: a tensor, or a frozen dataclass with `+`."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that it looks at beside the design's."""
        return ()

    @abstractmethod
    def none(self, basis: Basis) -> Any:
        """What no rows put in."""

    @abstractmethod
    def of(self, basis: Basis, batch: Numbered, seen: Coordinates) -> Any:
        """What some rows put in: those of `batch`, as the basis sees them."""

    @abstractmethod
    def of_repeated(self, basis: Basis, batch: Numbered, summed: Coordinates, squared: Coordinates) -> Any:
        """What rows put in that differ in the target alone, many for each of `batch`.

        The residuals of `summed` are the sums of theirs, and those of `squared` the roots of the sums of their squares.
        """

    @abstractmethod
    def filling(self, basis: Basis, found: Any) -> Filling:
        """The filling, from what all training rows put in; raises NumericalError where there are too few of something."""
