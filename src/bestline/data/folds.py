"""Grouping: which rows go together. Into folds, by a hash of the row or by the value of a column, and into the parts of a split.

By default a seeded hash of the row's numbers says the fold. So it does not depend on the order of the rows or the files, nor on
how they were cut into batches; equal rows share a fold.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import TypeAlias

import torch
from torch import Tensor

from bestline.data.design import Design, Encoded
from bestline.data.progress import Progress
from bestline.data.tables import Batch, Source
from bestline.errors import DataError, MissingValuesError, OptionError, readable
from bestline.numerics.rows import Rows, fingerprint, odd_numbers

Grouping: TypeAlias = Callable[[Batch, Encoded], Tensor]  # group of every row used, (m,), -1 = none

MOST_FOLDS = 1_000


def by_hash(folds: int, seed: int) -> Grouping:
    """Folds by a seeded hash of each row's numbers."""
    return partial(_hashed, folds, seed)  # no closure: models that hold it can be pickled


def _hashed(folds: int, seed: int, batch: Batch, encoded: Encoded) -> Tensor:
    del batch
    return torch.remainder(row_hash(encoded.rows, seed), folds)


def by_value(source: Source, column: str, progress: Progress | None = None) -> tuple[Grouping, tuple[str, ...]]:
    """A fold for each value of a column, and those values; one pass over that column.

    Raises
    ------
    DataError
        For a column with one value only, or with more than 1,000.
    MissingValuesError
        Later, for a row that is used and has no value.
    """
    source.field(column)
    known: dict[str, int] = {}
    parts = []
    tell = None if progress is None else (lambda fraction: progress(f"the folds by {column}", fraction))
    for batch in source.batches([column], progress=tell):
        codes, seen = batch.text(column)
        numbers = torch.tensor([*(known.setdefault(value, len(known)) for value in seen), -1])
        if len(known) > MOST_FOLDS:
            raise DataError(
                f"Column {readable(column)} has more than {MOST_FOLDS:,} values, and each would be a fold; name a column with fewer."
            )
        parts.append(numbers[codes.cpu()].short())
    folds = torch.cat(parts) if parts else torch.zeros(0, dtype=torch.int16)
    if len(known) < 2:
        raise DataError(
            f"Column {readable(column)} has the same value in all rows, so there is no fold to leave out; name another."
        )

    def group(batch: Batch, encoded: Encoded) -> Tensor:
        at = torch.arange(batch.rows) if encoded.index is None else encoded.index.cpu()
        own = folds[batch.start + at].long()
        lacking = own < 0 if encoded.rows.w is None else (own < 0) & (encoded.rows.w.cpu() > 0)
        if bool(lacking.any()):
            where = batch.where(int(at[lacking][0]))
            raise MissingValuesError(
                f"Column {readable(column)} has no value at {where}, so that row is in no fold; fill it in, or leave the row out."
            )
        return own.clamp(min=0)  # rows of weight 0 are in no fold anyway

    return group, tuple(known)


def refuse_target(by: str, design: Design) -> None:
    """Raise OptionError when the column whose values are the folds is the target."""
    if by in design.target_columns:
        raise OptionError(f"The folds' column {readable(by)} is the target; name one that says which rows belong together.")


def by_label(labels: Tensor, folds: int, fold_of: Grouping) -> Grouping:
    """Folds within the part that a label names for each row of the source (n,): group = label * folds + fold."""

    def group(batch: Batch, encoded: Encoded) -> Tensor:
        own = labels[batch.start : batch.start + batch.rows].long()
        own = own if encoded.index is None else own[encoded.index.cpu()]
        return own * folds + fold_of(batch, encoded).cpu()

    return group


def row_hash(rows: Rows, seed: int) -> Tensor:
    """A non-negative integer for each row (n,), from its numbers and the seed alone."""
    return fingerprint(rows, _odd(rows.X.shape[1] + rows.y.shape[1], seed)) >> 33 & 0x3FFFFFFF


@lru_cache(maxsize=16)  # every batch of a table asks for the same
def _odd(q: int, seed: int) -> Tensor:
    return odd_numbers(q, torch.Generator().manual_seed(seed))
