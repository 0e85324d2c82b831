"""The contract of a covariance of the weights: its name, and for a robust one what each row puts between two slices of bread.

    covariance of w = (X'WX)^-1 (filling) (X'WX)^-1        filling = a sum over rows, or over groups or pairs of rows

The bread follows from the moments. The filling holds every row's residual, so it needs a second pass over the rows; it adds up over
batches, files and machines. Weights are those of statsmodels' WLS: X, y and residuals count times the root of the weight.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeAlias

from torch import Tensor

from bestline.data.design import Absorbed
from bestline.data.passes import Pass
from bestline.data.tables import Source
from bestline.errors import OptionError, listed
from bestline.inference.coordinates import Basis, Coordinates
from bestline.inference.numbered_rows import Numbered
from bestline.numerics import Comoments


@dataclass(frozen=True, slots=True)
class CovarianceKind:
    """Which covariance `cov` asks for: a frozen dataclass of the columns behind the name's colon and of its options.

    Attributes
    ----------
    name : str
        As `cov` has it.
    columns_wanted : range
        How many columns may stand behind the name.
    options : tuple of str
        What may stand behind the columns, as in {"hac": "week", "lags": 4}.
    holds : str
        Under which errors it is right, as a table says it of a robust one.
    takes : str
        Which columns, as an error says it.
    unit : str
        What it looks at as one: a row, a cluster, a time.
    by_moments : bool
        Whether moments tell it, whatever the line: no row is looked at.
    unequal, dependent : bool
        Whether it allows for errors that differ in size, and for errors of neighbours that are alike.
    """

    name: ClassVar[str]
    columns_wanted: ClassVar[range] = range(1)
    options: ClassVar[tuple[str, ...]] = ()
    holds: ClassVar[str] = ""
    takes: ClassVar[str] = ""
    unit: ClassVar[str] = "row"
    by_moments: ClassVar[bool] = False
    unequal: ClassVar[bool] = False
    dependent: ClassVar[bool] = False

    @classmethod
    def asked(cls, columns: Sequence[str], options: Mapping[str, Any]) -> Self:
        """With these columns and options; raises OptionError for what they cannot be."""
        del columns, options
        return cls()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that it looks at beside the design's."""
        return ()

    @property
    def said_options(self) -> dict[str, Any]:
        """Options that are not what they are when left out."""
        return {}

    @property
    def title(self) -> str:
        """As a table calls it."""
        return self.name

    @property
    def text(self) -> str:
        """As `cov` takes it as one text, in Python and behind --cov."""
        said = [_quoted(name) for name in self.columns] + [f"{name}={value}" for name, value in self.said_options.items()]
        return ":".join([self.name, *([",".join(said)] if said else [])])


# "HC3", "cluster:firm", {"cluster": ["firm", "year"]} or {"hac": "week", "lags": 4}; and one that was read already.
Cov: TypeAlias = str | Mapping[str, Any] | CovarianceKind


def _quoted(name: str) -> str:
    """A name as one piece of a list between commas, and no option."""
    return f'"{name.replace(chr(34), chr(34) * 2)}"' if any(sign in name for sign in ',"=') or name != name.strip() else name


def refuse_repeated(columns: Sequence[str], cov: str) -> None:
    """Raise OptionError for a column that is named twice."""
    if len(set(columns)) < len(columns):
        raise OptionError(f"`cov` {cov!r} names a column twice: {listed(columns)}.")


@dataclass(frozen=True, slots=True)
class Classical(CovarianceKind):
    """Of independent errors of equal variance: the moments give it, and `inference.classical` has it."""

    name: ClassVar[str] = "classical"
    by_moments: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, eq=False)
class Filling:
    """What all training rows together put between the bread.

    Attributes
    ----------
    middle : Tensor (k, r, r)
        In the coordinates of the basis, corrections for few rows or groups included.
    df : int
        Degrees of freedom of Student's t.
    title : str
        The kind's, with what only the rows tell, such as the number of lags.
    groups : tuple of int
        How many groups of rows there are, one number for each column of clusters.
    blind : Tensor (r, r) or None
        Projection onto directions in which nothing is known of the errors, where rows determine weights by themselves.
    notes : tuple of str
        What people should know.
    mended : Tensor (k, r, r) or None
        In place of a middle that is not positive, where that would leave a weight with a negative variance.
    lacks : str
        Why no row tells an error, where none does.
    """

    middle: Tensor
    df: int
    title: str
    groups: tuple[int, ...] = ()
    blind: Tensor | None = None
    notes: tuple[str, ...] = ()
    mended: Tensor | None = None
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Sandwich(CovarianceKind, ABC):
    """A robust covariance. What rows put in may be anything that adds up: a tensor, or a frozen dataclass with `+`.

    Attributes
    ----------
    plainest : str
        The nearest kind that needs no leverage.
    """

    unequal: ClassVar[bool] = True
    plainest: ClassVar[str] = "HC1"

    def on(self, source: Source) -> Self:
        """Itself as a source has its columns; raises ColumnError for those that cannot serve."""
        for name in self.columns:
            source.field(name)
        return self

    @property
    def by_leverage(self) -> bool:
        """Whether it looks at how far rows or groups pull their own predictions."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns under the names by which their values are read."""
        return self.columns

    @abstractmethod
    def none(self, basis: Basis) -> Any:
        """What no rows put in."""

    @abstractmethod
    def of(self, basis: Basis, batch: Numbered, seen: Coordinates) -> Any:
        """What some rows put in: those of `batch`, as the basis sees them."""

    def again(self, found: Any) -> Self | None:
        """As what it has to read the rows once more, where once did not do; None: it did."""
        del found
        return None

    def taken(self, absorbed: Absorbed, see: Callable[[Pass[Numbered, Any]], Any]) -> int:
        """Degrees of freedom that absorbed effects take; `see` runs a pass over the training rows."""
        del see
        return absorbed.weights

    @abstractmethod
    def filling(self, basis: Basis, found: Any) -> Filling:
        """The filling, from what all training rows put in; raises NumericalError where there are too few of something."""


@dataclass(frozen=True, slots=True)
class Repeating(Sandwich):
    """One that can do with rows of which each stands for many that differ in the target alone: an engine counts these."""

    @abstractmethod
    def of_repeated(self, basis: Basis, batch: Numbered, summed: Coordinates, squared: Coordinates) -> Any:
        """What rows put in, many for each of `batch`.

        The residuals of `summed` are the sums of theirs, and those of `squared` the roots of the sums of their squares.
        """


@dataclass(frozen=True, slots=True)
class ToldByGroups(Sandwich):
    """One that can do with the moments of groups of rows, and needs no row."""

    @abstractmethod
    def told_by(self, column: str) -> bool:
        """Whether those of each value of a column say it all."""

    @abstractmethod
    def of_groups(self, basis: Basis, groups: Mapping[str, Comoments]) -> Any:
        """What all rows put in, from the moments of each value of such a column."""
