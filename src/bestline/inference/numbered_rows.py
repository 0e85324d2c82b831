"""Numbered rows: some of the rows that a line was fitted to, which know where in the table they stand; and passes over them.

A pass over the training rows is two passes in one: the outer one encodes a batch and leaves out what was not trained on, the inner
one says what to look for. So a covariance or a diagnosis is written for rows, and knows neither designs nor splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from bestline.data.design import Design
from bestline.data.design.weight_kinds import FREQUENCY
from bestline.data.inside import distinct_rows
from bestline.data.passes import Adder, CannotAddError, PartT, Pass
from bestline.data.split import parts_of
from bestline.data.tables import Batch
from bestline.data.tables.derived.days import days_of
from bestline.errors import DataError, MissingValuesError, readable
from bestline.numerics import Rows

_MOST_COPIES = 20_000_000  # of the rows of one batch


@dataclass(frozen=True, slots=True, eq=False)
class Numbered:
    """Some of the training rows, and where they stand.

    Attributes
    ----------
    batch : Batch
    rows : Rows
    at : Tensor (n,)
        Their places in the batch.
    """

    batch: Batch
    rows: Rows
    at: Tensor

    @classmethod
    def of(cls, batch: Batch, design: Design, labels: Tensor | None = None, *, once: bool = False) -> Numbered:
        """The training rows of a batch: all of them, or with a split those whose label is 0.

        A row that stands for many, by its frequency weight, is there so many times; `once` asks for one of them.

        Raises UnseenLevelError for a row that cannot be one, because no training row has its level.
        """
        # A row that was left out for a missing value has no place here, but the numbers of those after it count it.
        encoded = design.rows(batch, on_unseen="raise" if labels is None else "nan")
        at = torch.arange(batch.rows) if encoded.index is None else encoded.index.cpu()
        rows = encoded.rows.to("cpu")  # what follows is small algebra of p columns, wherever the table lies
        if labels is not None:
            own = parts_of(labels, batch, encoded.index) == 0
            rows, at = rows[own], at[own]
        if rows.copies and rows.w is not None:
            # What is said of a row is said of each of its copies, so they are gone through: no formula has to know of them.
            times = torch.ones_like(rows.w) if once else rows.w
            if float(times.sum()) > _MOST_COPIES:
                raise DataError(
                    f"What is asked for goes through the rows one by one, and frequency weights make more than {_MOST_COPIES:,} of "
                    f"{len(rows):,}; fit with cov='classical', which needs sums alone."
                )
            again = torch.repeat_interleave(torch.arange(len(rows)), times.round().long())
            rows, at = Rows(rows.X[again], rows.y[again]), at[again]
        return cls(batch, rows, at)

    @property
    def numbers(self) -> Tensor:
        """Their numbers in the whole table, counted from 0; rows left out keep theirs."""
        return self.batch.start + self.at

    def groups(self, column: str) -> tuple[Tensor, Sequence[str]]:
        """Codes (n,) of a column, and what they stand for; raises MissingValuesError for a row without a value."""
        codes, names = self.batch.text(column)
        codes = codes.cpu()[self.at]
        self._refuse_gaps(codes < 0, column, "cluster")
        return codes, names

    def values(self, column: str) -> Tensor:
        """A column of numbers (n,), which puts the rows in order; raises MissingValuesError for a row without a value."""
        values = self.batch.numbers([column])[:, 0].cpu()[self.at]
        self._refuse_gaps(values.isnan(), column, "place in the order")
        return values

    def _refuse_gaps(self, lacking: Tensor, column: str, what: str) -> None:
        if not bool(lacking.any()):
            return
        where, days = self.batch.where(int(self.at[lacking][0])), days_of(column)
        raise MissingValuesError(
            f"Column {readable(column if days is None else days.column)} has no value at {where}, so that row has no {what}; fill it in, leave "
            f"the row out, or fit with this `cov` and missing='drop', which leaves out such rows."
        )


@dataclass(frozen=True, eq=False)
class OverTraining(Pass[Batch, PartT]):
    """The pass that shows the training rows to an `inner` one; the inner one's columns are read beside those of the design."""

    design: Design
    labels: Tensor | None
    inner: Pass[Numbered, PartT]

    @property
    def what(self) -> str:
        """As the inner pass says."""
        return self.inner.what

    @property
    def columns(self) -> list[str]:
        """What both read."""
        return [*self.design.reads(), *self.inner.columns]

    def empty(self) -> PartT:
        """The inner pass's."""
        return self.inner.empty()

    def of(self, batch: Batch) -> PartT:
        """What the inner pass finds."""
        # A batch of another part of a split has no training row, and inner passes need not know of that.
        rows = Numbered.of(batch, self.design, self.labels)
        return self.inner.of(rows) if len(rows.rows) else self.inner.empty()

    def inside(self, engine: Adder) -> PartT | None:
        """The same from the distinct rows of an engine's table, where these are few and the inner pass can do with them."""
        if self.labels is not None or not isinstance(self.inner, OfRepeated) or self.design.weight_kind == FREQUENCY:
            return None
        found = distinct_rows(self.design, list(self.inner.columns), engine)
        try:
            part: PartT = self.inner.of_repeated(Numbered(found.keys, found.rows, found.at), found.count, found.squares)
        except MissingValuesError:  # whoever reads the rows says in which of them
            raise CannotAddError("a value is missing") from None
        return part


@runtime_checkable
class OfRepeated(Protocol):
    """An inner pass that can do with rows of which each stands for many that differ in the target alone."""

    def of_repeated(self, batch: Numbered, count: Tensor, squares: Tensor) -> Any:
        """What is found in `count` (n,) rows like each of `batch`, whose y is their mean and `squares` (n, k) sums of (y - mean)^2."""


class OverRows(Pass[Numbered, PartT]):
    """An inner pass that looks at the numbers of the rows alone, and at no other column."""

    @property
    def columns(self) -> Sequence[str]:
        """None."""
        return ()
