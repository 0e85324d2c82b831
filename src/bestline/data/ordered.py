"""Ordered: the rows of a table one behind the other, as a column says or as they stand, for windows that move over them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bestline.data.collected import rows_of
from bestline.data.design import Design
from bestline.data.gather import Query, gone_through
from bestline.data.passes import Pass
from bestline.data.progress import Progress
from bestline.data.tables import Batch, Source
from bestline.data.tables.derived.days import Days, days_of
from bestline.errors import DataError, MissingValuesError, readable
from bestline.numerics import Rows, joined

_MOST = 4e9  # bytes of rows that are held


@dataclass(frozen=True, slots=True, eq=False)
class OrderedRows:
    """Rows of positive weight, in order.

    Attributes
    ----------
    rows : Rows
    order : Tensor (n,)
        What they are in order of: values of a column, or their numbers from 1.
    dated : Days or None
        Where the order is one of dates: since when its days are counted.
    read, dropped : int
        Rows read, and those left out because a value was missing.
    """

    rows: Rows
    order: Tensor
    dated: Days | None = None
    read: int = 0
    dropped: int = 0

    def labels(self, at: Tensor) -> NDArray[Any]:
        """The order's values at some rows: numbers, or dates."""
        values = self.order[at].numpy()
        if self.dated is not None:
            return self.dated.cells(values)
        whole = np.round(values)
        return whole.astype(np.int64) if bool((whole == values).all()) and bool((np.abs(whole) < 2**53).all()) else values


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """Rows of some batches, each with the number of its first row."""

    parts: tuple[tuple[int, Rows, Tensor], ...] = ()
    bytes: int = 0
    read: int = 0
    dropped: int = 0

    def __add__(self, other: _Held) -> _Held:
        size = self.bytes + other.bytes
        if size > _MOST:
            raise DataError(
                f"Windows move over rows in memory, and these take more than {_MOST / 1e9:.3g} GB; choose fewer columns or rows."
            )
        return _Held(self.parts + other.parts, size, self.read + other.read, self.dropped + other.dropped)


@dataclass(frozen=True)
class _Hold(Pass[Batch, _Held]):
    """The pass that keeps the encoded rows and the order's column. Raises RefusedGapError for a value that may not be missing."""

    design: Design
    order: str | None
    empty_part: _Held = field(default_factory=_Held)

    @property
    def columns(self) -> list[str]:
        """What the design reads, and the order's column."""
        return [*self.design.reads(), *([self.order] if self.order else [])]

    def empty(self) -> _Held:
        """None."""
        return self.empty_part

    def of(self, batch: Batch) -> _Held:
        """Those of some rows."""
        encoded = rows_of(self.design, batch)
        rows = encoded.rows.to("cpu")
        at = torch.arange(batch.rows) if encoded.index is None else encoded.index.cpu()
        order = (batch.start + at + 1).double() if self.order is None else batch.numbers([self.order])[:, 0].cpu()[at]
        lacking = torch.isnan(order)
        if bool(lacking.any()):
            if self.design.missing == "raise":
                where = batch.where(int(at[lacking][0]))
                raise MissingValuesError(
                    f"Column {readable(str(self.order))} has no value at {where}, so that row has no place; use missing='drop' to leave such rows out."
                )
            rows, order = rows[~lacking], order[~lacking]
        size = sum(values.nbytes for values in (rows.X, rows.y, rows.w) if values is not None)
        dropped = encoded.gapped + int(lacking.sum())
        return _Held(((batch.start, rows, order),), size, batch.rows, dropped)


def gather_ordered(
    query: Query, order: str | None, progress: Progress | None = None
) -> tuple[Source, Design, OrderedRows, tuple[str, ...]]:
    """The rows of a query in the order of a column, with the source, the design, and what people should know of the data.

    Rows that are alike in that column stay as they stand.

    Raises
    ------
    DataError, OptionError
        And their subclasses, as `gather` does.
    """
    source, weights = query.opened()
    dated = None
    if order is not None:
        order = source.in_order(order)
        found = days_of(order)
        dated = None if found is None or found.origin is None else found
    aside = () if order is None else source.stored([order])
    design = query.design(source, weights, aside=aside, progress=progress)
    held = gone_through(source, design, _Hold(design, order), progress=progress)
    parts = sorted(held.parts, key=lambda part: part[0])
    rows, values = joined([rows for _, rows, _ in parts]), torch.cat([values for _, _, values in parts])
    # + 0.0: stable, and -0.0 is no earlier than 0.0.
    values, at = (values + 0.0).sort(stable=True)
    notes = source.said([*design.reads()], design.words) + design.notes
    return source, design.as_read(source), OrderedRows(rows[at], values, dated, held.read, held.dropped), notes
