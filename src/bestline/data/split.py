"""Split: which rows are for training, which for validation and which for the test. A seeded draw over the rows of a table.

The draw is of row numbers: the label of row i is labels[i], which is 0, 1 or 2. So a batch's rows are found again by where the
batch begins, in any later pass. Rows of weight 0 are not there: with them or without, the other rows are drawn alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.data.design.profiles import CountGaps
from bestline.data.passes import Pass
from bestline.data.tables import Batch, Source
from bestline.errors import DataError, OptionError
from bestline.wording import count

_MANY = 50_000_000  # rows beyond which a split is drawn row by row


def weighted_rows(source: Source, weights: str | None) -> Tensor:
    """Which rows of a table take part, (n,) bool: those that have a weight in the column `weights`, or without one all."""
    return torch.ones(row_count(source), dtype=torch.bool) if weights is None else source.reduce(FindWeighted(weights)).mask


def part_labels(there: Tensor, split: Sequence[float], seed: int) -> Tensor:
    """0, 1, 2 for training, validation and test, one for each row (n,), shuffled by the seed.

    Rows that are not `there` take no part in the draw; what they are labelled means nothing.
    """
    labels = torch.zeros(len(there), dtype=torch.int8)
    labels[there] = _drawn(int(there.sum()), split, torch.Generator().manual_seed(seed))
    return labels


def _drawn(n: int, split: Sequence[float], generator: torch.Generator) -> Tensor:
    sizes = split_sizes(n, split)
    if n > _MANY:  # numbers of rows are then met to a share
        shares = torch.tensor(three_shares(split), dtype=torch.float64)
        draw = torch.rand(n, generator=generator)
        return torch.bucketize(draw, (shares / shares.sum()).cumsum(0)[:2].float()).to(torch.int8)
    labels = torch.empty(n, dtype=torch.int8)
    order = torch.randperm(n, generator=generator)
    for part, rows in enumerate(order.split(sizes)):
        labels[rows] = part
    return labels


@dataclass(frozen=True, eq=False)
class Weighted:
    """Which rows of a table have a weight, piece by piece: (number of the first row, (n,) bool)."""

    pieces: tuple[tuple[int, Tensor], ...] = ()

    def __add__(self, other: Weighted) -> Weighted:
        return Weighted(self.pieces + other.pieces)

    @property
    def mask(self) -> Tensor:
        """All of them, in the order of the rows."""
        pieces = [mask for _, mask in sorted(self.pieces, key=lambda piece: piece[0])]
        return torch.cat(pieces) if pieces else torch.empty(0, dtype=torch.bool)


@dataclass(frozen=True)
class FindWeighted(Pass[Batch, Weighted]):
    """The pass that finds the rows that have a weight; one that is missing is no zero, but a value missing."""

    weights: str

    what = "looking for rows without a weight"

    @property
    def columns(self) -> tuple[str, ...]:
        """The weights."""
        return (self.weights,)

    def empty(self) -> Weighted:
        """None."""
        return Weighted()

    def of(self, batch: Batch) -> Weighted:
        """Those of some rows."""
        return Weighted(((batch.start, batch.numbers([self.weights])[:, 0].cpu() != 0),))


def parts_of(labels: Tensor, batch: Batch, index: Tensor | None = None) -> Tensor:
    """The part of each row of a batch, or of those at the places `index`, (m,); DataError for rows that were not there before."""
    own = labels[batch.start : batch.start + batch.rows]
    if len(own) < batch.rows:
        raise DataError(f"There are more rows than the {len(labels):,} that were split into parts; fit again.")
    return own if index is None else own[index.cpu()]


@dataclass(frozen=True, eq=False)
class InPart:
    """Which rows of a batch belong to one part, (n,) bool; a value, so that passes that hold it can be pickled."""

    labels: Tensor
    part: int = 0

    def __call__(self, batch: Batch) -> Tensor:
        """Of some rows."""
        return parts_of(self.labels, batch) == self.part


def row_count(source: Source) -> int:
    """How many rows a table has; where nobody knows, one pass that looks for gaps in no column counts them."""
    return source.count if source.count is not None else source.reduce(CountGaps((), frozenset())).rows


def split_sizes(n: int, split: Sequence[float]) -> list[int]:
    """Rows of the training, validation and test parts: ceil(share * n) for the last two, the rest for training; or the numbers given.

    Raises DataError when a part that was asked for would be empty, and when numbers of rows do not add up to n.
    """
    shares = three_shares(split)
    if in_rows(split):
        sizes = [int(rows) for rows in shares]
        if sum(sizes) != n:
            raise DataError(
                f"The split {_said(split)} is of {sum(sizes):,} rows, and there are {n:,}; give shares such as (0.7, 0.3), or other numbers."
            )
        return sizes
    # The rounding takes care of products like 0.15 * 20 = 3.0000000000000004.
    validation, test = (-int(-round(share * n, 9) // 1) for share in shares[1:])
    sizes = [n - validation - test, validation, test]
    empty = [
        name
        for name, share, size in zip(("training", "validation", "test"), shares, sizes, strict=True)
        if share > 0 and size < 1
    ]
    if empty:
        raise DataError(
            f"{count(n, 'row')} {'is' if n == 1 else 'are'} too few for split {_said(split)}: the {empty[0]} part would be empty; use other shares or more rows."
        )
    return sizes


def three_shares(split: Sequence[float]) -> tuple[float, float, float]:
    """Shares of training, validation and test; two shares are those of training and test."""
    training, *others = (float(s) for s in split)
    return (training, 0.0, others[0]) if len(others) == 1 else (training, others[0], others[1])


def in_rows(split: Sequence[float]) -> bool:
    """Whether the parts are given as numbers of rows, such as (35, 7, 8), and not as shares."""
    return sum(float(s) for s in split) > 1 + 1e-9 and all(float(s).is_integer() for s in split)


def _said(split: Sequence[float]) -> str:
    return f"({', '.join(f'{float(s):g}' for s in split)})"


def check_shares(split: Sequence[float]) -> None:
    """Raise OptionError unless these are two or three shares that add up to 1, or numbers of rows, training first."""
    try:
        shares = [float(s) for s in split]
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"`split` needs shares of training, validation and test rows, such as (0.7, 0.15, 0.15); got {split!r}."
        ) from error
    good = len(shares) in (2, 3) and all(s >= 0 for s in shares) and shares[0] > 0 and sum(shares[1:]) > 0
    if not good or not (abs(sum(shares) - 1) <= 1e-9 or in_rows(shares)):
        raise OptionError(
            f"`split` needs 2 or 3 shares that add up to 1, training first, such as (0.7, 0.15, 0.15), or numbers of rows, such as "
            f"(35, 7, 8); got {split!r}."
        )
