"""Errors of rows that follow each other are correlated: Newey and West's covariance (HAC), also right when they differ in size.

    filling = n / (n - rank) * the sum of q e over pairs of rows at most L apart, with Bartlett's weights (see `bartlett`)

Rows are in order of a column, or as they stand. What is in order already is added up stretch by stretch: a stretch knows the sum over its
own pairs, and its first and last L rows, which make pairs with those of its neighbours; so memory does not grow with the rows. Rows
that are not in order are kept, what each puts in, and sorted. Rows count as evenly spaced; gaps are told of.

The factor and Student's t with n - rank degrees of freedom are those of Stata's `newey`; R's NeweyWest(prewhite=FALSE) and
statsmodels' HAC leave the factor out unless asked (adjust=TRUE, use_correction=True).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from bestline.data.tables import Source
from bestline.errors import DataError, OptionError, readable
from bestline.inference.coordinates import Basis, Coordinates
from bestline.inference.covariance.bartlett import across, checked_lags, in_words, lags_for, of_many, options_of, summed
from bestline.inference.covariance.base import Filling, Sandwich
from bestline.inference.covariance.spacing import said_of
from bestline.inference.numbered_rows import Numbered
from bestline.numerics.steps import Steps
from bestline.wording import count

_MOST = 4e9  # bytes of what is kept of rows that are not in order


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Rows that follow each other.

    Attributes
    ----------
    start, end : int
        Numbers of the rows of the table that they are from, those left out included.
    rows : int
        How many they are.
    first, last : Tensor (at most L, k, r)
        What the first and the last of them put in.
    middle : Tensor (k, r, r)
        The sum over their pairs.
    steps : Steps
        From each to the next in the order's column.
    """

    start: int
    end: int
    rows: int
    first: Tensor
    last: Tensor
    middle: Tensor
    steps: Steps

    @classmethod
    def of(cls, start: int, end: int, scores: Tensor, order: Tensor, lags: int) -> Stretch:
        """Of scores (n, k, r) and the values (n,) of what they are in order of."""
        first, last = scores[:lags], scores[len(scores) - min(lags, len(scores)) :]
        # Copies: a view would keep all rows of the batch.
        return cls(start, end, len(scores), first.clone(), last.clone(), summed(scores, lags), Steps.of(order))

    def then(self, other: Stretch, lags: int) -> Stretch:
        """The stretch and the one that follows, as one."""
        # A stretch shorter than L takes its ends from the next as well.
        first = self.first if self.rows >= lags else torch.cat([self.first, other.first])[:lags]
        last = other.last if other.rows >= lags else torch.cat([self.last, other.last])[-lags:]
        # Pairs within either, and those over the seam: of these the last and the first L rows are all there are.
        middle = self.middle + other.middle + across(self.last, other.first, lags)
        return Stretch(self.start, other.end, self.rows + other.rows, first, last, middle, self.steps + other.steps)


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """Stretches in the order of the table, those that touch joined; or all rows kept, to be sorted.

    Attributes
    ----------
    lags : int
    stretches : tuple of Stretch
    kept : tuple of (int, Tensor (n, k, r), Tensor (n,))
        The number of the first row of a batch, what its rows put in, and the values of the order's column.
    bytes : int
        How many these take.
    """

    lags: int
    stretches: tuple[Stretch, ...] = ()
    kept: tuple[tuple[int, Tensor, Tensor], ...] = ()
    bytes: int = 0

    def __add__(self, other: Stretches) -> Stretches:
        joined: list[Stretch] = []
        for stretch in sorted((*self.stretches, *other.stretches), key=lambda stretch: stretch.start):
            if joined and joined[-1].end == stretch.start:
                joined[-1] = joined[-1].then(stretch, self.lags)
            else:
                joined.append(stretch)
        size = self.bytes + other.bytes
        if size > _MOST:
            raise DataError(
                f"Rows that are not in order are kept to be sorted, and what Newey-West needs of these takes more than {_MOST / 1e9:.3g} "
                f"GB; sort the table by that column, then it takes no memory."
            )
        return Stretches(self.lags, tuple(joined), self.kept + other.kept, size)

    def whole(self) -> Stretch | None:
        """All rows as one stretch, rows left out in between skipped; None: there are none."""
        if self.kept:
            ordered = sorted(self.kept, key=lambda part: part[0])
            scores, values = torch.cat([part[1] for part in ordered]), torch.cat([part[2] for part in ordered])
            values, at = (values + 0.0).sort(stable=True)  # + 0.0: -0.0 is no earlier than 0.0
            return Stretch.of(0, len(values), scores[at], values, self.lags)
        if not self.stretches:
            return None
        (found, *others) = self.stretches
        for stretch in others:
            found = found.then(stretch, self.lags)
        return found


@dataclass(frozen=True, slots=True)
class NeweyWest(Sandwich):
    """Of rows in order.

    Attributes
    ----------
    order : str or None
        The column that puts the rows in order; None: they stand in order.
    lags : int or str
        How many, or the rule that gives them.
    read : str or None
        The name under which the column is read as numbers: dates are read in days.
    keep : bool
        Whether rows are kept, to be sorted.
    """

    name: ClassVar[str] = "hac"
    dependent: ClassVar[bool] = True
    columns_wanted: ClassVar[range] = range(2)
    options: ClassVar[tuple[str, ...]] = ("lags",)
    holds: ClassVar[str] = "heteroscedasticity- and autocorrelation-consistent, valid in large samples"
    takes: ClassVar[str] = (
        "the column that puts the rows in order, or none where they stand in order: {'hac': column} (--cov hac:COLUMN)"
    )
    order: str | None = None
    lags: int | str = "newey-west"
    read: str | None = field(default=None, compare=False)
    keep: bool = field(default=False, compare=False)

    @classmethod
    def asked(cls, columns: Sequence[str], options: Mapping[str, Any]) -> Self:
        """In order of this column, if one is named."""
        return cls(next(iter(columns), None), checked_lags(options.get("lags")))

    @property
    def columns(self) -> tuple[str, ...]:
        """The order's."""
        return () if self.order is None else (self.order,)

    @property
    def reads(self) -> tuple[str, ...]:
        """The same as numbers."""
        return () if self.read is None else (self.read,)

    @property
    def said_options(self) -> dict[str, Any]:
        """The lags, unless they follow from the usual rule."""
        return options_of(self.lags)

    @property
    def title(self) -> str:
        """With the lags and the column, as far as they are known."""
        return f"Newey-West{in_words(self.lags)}{'' if self.order is None else f' in order of {readable(self.order)}'}"

    def on(self, source: Source) -> Self:
        """With the column as numbers; raises OptionError for rows that stand in no order."""
        if self.order is None and source.afar:
            raise OptionError(
                "Newey-West errors need the order of the rows, and those of an engine stand in none; name a column: {'hac': column}."
            )
        return replace(self, read=None if self.order is None else source.in_order(self.order))

    def _lags(self, basis: Basis) -> int:
        return lags_for(self.lags, basis.count)

    def none(self, basis: Basis) -> Stretches:
        """No stretch."""
        return Stretches(self._lags(basis))

    def of(self, basis: Basis, batch: Numbered, seen: Coordinates) -> Stretches:
        """These rows as one stretch."""
        there = seen.root > 0  # rows of weight 0 are not there
        scores = (seen.e[:, :, None] * seen.q[:, None, :])[there]
        order = (batch.numbers.double() if self.read is None else batch.values(self.read))[there]
        start, lags = batch.batch.start, self._lags(basis)
        if self.keep:
            return Stretches(lags, kept=((start, scores, order),), bytes=scores.nbytes + order.nbytes)
        if not len(scores):
            return Stretches(lags)
        return Stretches(lags, (Stretch.of(start, start + batch.batch.rows, scores, order, lags),))

    def again(self, found: Stretches) -> Self | None:
        """With the rows kept, where they were not in order."""
        whole = found.whole()
        return None if self.keep or whole is None or whole.steps.forward else replace(self, keep=True)

    def filling(self, basis: Basis, found: Stretches) -> Filling:
        """The sum over all pairs."""
        whole = found.whole()
        assert whole is not None  # noqa: S101  a line has rows
        lags = found.lags
        notes = (
            ()
            if self.order is None
            else said_of(whole.steps, self.order, "the kind driscoll-kraay is for tables of several rows a time")
        )
        left_out = whole.steps.longer(1) if self.order is None else 0  # the order is the rows' number
        if left_out:
            notes = (
                f"Rows were left out between others, in {count(left_out, 'place')}: Newey-West takes those before and after for "
                f"neighbours.",
            )
        title = replace(self, lags=lags).title
        notes = (*notes, *of_many(lags, basis.count))
        return Filling(whole.middle * (basis.count / basis.df), basis.df, title, notes=notes)
