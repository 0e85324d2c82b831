"""Errors of a panel are correlated between units at one time and from one time to the next: Driscoll and Kraay's covariance (1998).

    filling = T / (T - 1) (n - 1) / (n - rank) * the sum over pairs of times at most L apart, of u = sum of q e over the rows of a time

Only the sums of each time are kept, so rows may come in any order. Times are numbers or dates, and count as evenly spaced; gaps are
told of. The factor and Student's t with T - 1 degrees of freedom are those of R's fixest; Stata's xtscc and R's plm leave it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import torch

from bestline.data.tables import Source
from bestline.errors import NumericalError, readable
from bestline.inference.coordinates import Basis, Coordinates
from bestline.inference.covariance.bartlett import checked_lags, in_words, lags_for, of_many, options_of, summed
from bestline.inference.covariance.base import Filling, Sandwich
from bestline.inference.covariance.clustered import GroupSums
from bestline.inference.covariance.spacing import said_of
from bestline.inference.numbered_rows import Numbered
from bestline.numerics.steps import Steps


@dataclass(frozen=True, slots=True)
class DriscollKraay(Sandwich):
    """By a column of times.

    Attributes
    ----------
    time : str
    lags : int or str
        How many, or the rule that gives them from the number of times.
    read : str or None
        The name under which the column is read as numbers: dates are read in days.
    """

    name: ClassVar[str] = "driscoll-kraay"
    columns_wanted: ClassVar[range] = range(1, 2)
    options: ClassVar[tuple[str, ...]] = ("lags",)
    holds: ClassVar[str] = "errors are correlated between units and from one time to the next; valid for many times"
    takes: ClassVar[str] = "the column of times, {'driscoll-kraay': column} (--cov driscoll-kraay:COLUMN)"
    unit: ClassVar[str] = "time"
    dependent: ClassVar[bool] = True
    time: str
    lags: int | str = "newey-west"
    read: str | None = field(default=None, compare=False)

    @classmethod
    def asked(cls, columns: Sequence[str], options: Mapping[str, Any]) -> Self:
        """By this column."""
        return cls(columns[0], checked_lags(options.get("lags")))

    @property
    def columns(self) -> tuple[str, ...]:
        """That of the times."""
        return (self.time,)

    @property
    def reads(self) -> tuple[str, ...]:
        """The same as numbers."""
        return (self.read or self.time,)

    @property
    def said_options(self) -> dict[str, Any]:
        """The lags, unless they follow from the usual rule."""
        return options_of(self.lags)

    @property
    def title(self) -> str:
        """With the lags, as far as they are known, and the column."""
        return f"Driscoll-Kraay{in_words(self.lags)} of {readable(self.time)}"

    def on(self, source: Source) -> Self:
        """With the column as numbers."""
        return replace(self, read=source.in_order(self.time))

    def none(self, basis: Basis) -> GroupSums:
        """No time."""
        return GroupSums.none(basis)

    def of(self, basis: Basis, batch: Numbered, seen: Coordinates) -> GroupSums:
        """The sums of the times that have rows here."""
        del basis
        times, codes = (batch.values(self.read or self.time) + 0.0).unique(return_inverse=True)
        return GroupSums.of(seen, codes, times.tolist())

    def filling(self, basis: Basis, found: GroupSums) -> Filling:
        """The sum over pairs of times; NumericalError for fewer than two."""
        T = len(found.place)
        if T < 2:
            raise NumericalError(f"Driscoll-Kraay errors need two times or more; {readable(self.time)} has {T}.")
        times = torch.tensor([float(time) for time in found.place], dtype=torch.float64)  # type: ignore[arg-type]  # they are numbers
        times, at = times.sort()
        lags = lags_for(self.lags, T, "time")
        # As for clusters, of which the times are so many: their sums add up to zero, which costs one.
        factor = T / (T - 1) * (basis.count - 1) / basis.df
        notes = (*said_of(Steps.of(times), self.time), *of_many(lags, T, "time"))
        title = replace(self, lags=lags).title
        return Filling(factor * summed(found.sums[at], lags), T - 1, title, (T,), notes=notes)
