"""Split: which rows are for training, which for validation and which for the test. A seeded draw over the rows of a table.

The draw is of row numbers: the label of row i is labels[i], which is 0, 1 or 2. So a batch's rows are found again by where the
batch begins, in any later pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.data.design.profiles import CountGaps
from bestline.data.tables import Batch, Source
from bestline.errors import DataError, OptionError

_MANY = 50_000_000  # rows beyond which a split is drawn row by row


def part_labels(source: Source, split: Sequence[float], seed: int) -> Tensor:
    """0, 1, 2 for training, validation and test, one for each row of the source, shuffled by the seed."""
    n = row_count(source)
    if n == 0:
        raise DataError(f"There are no rows in {source.label}; a split needs some in every part.")
    sizes = split_sizes(n, split)
    generator = torch.Generator().manual_seed(seed)
    if n > _MANY:
        shares = torch.tensor(three_shares(split), dtype=torch.float64)
        draw = torch.rand(n, generator=generator)
        return torch.bucketize(draw, (shares / shares.sum()).cumsum(0)[:2].float()).to(torch.int8)
    labels = torch.empty(n, dtype=torch.int8)
    order = torch.randperm(n, generator=generator)
    for part, rows in enumerate(order.split(sizes)):
        labels[rows] = part
    return labels


def parts_of(labels: Tensor, batch: Batch, index: Tensor | None = None) -> Tensor:
    """The part of each row of a batch, or of those at the places `index`, (m,)."""
    own = labels[batch.start : batch.start + batch.rows]
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
    """Rows of the training, validation and test parts: ceil(share * n) for the last two, the rest for training.

    Raises DataError when a part that was asked for would be empty.
    """
    shares = three_shares(split)
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
            f"{n} rows are too few for split {tuple(split)}: the {empty[0]} part would be empty; use other shares or more rows."
        )
    return sizes


def three_shares(split: Sequence[float]) -> tuple[float, float, float]:
    """Shares of training, validation and test; two shares are those of training and test."""
    training, *others = (float(s) for s in split)
    return (training, 0.0, others[0]) if len(others) == 1 else (training, others[0], others[1])


def check_shares(split: Sequence[float]) -> None:
    """Raise OptionError unless these are two or three shares that add up to 1, training first."""
    try:
        shares = [float(s) for s in split]
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"`split` needs shares of training, validation and test rows, such as (0.7, 0.15, 0.15); got {split!r}."
        ) from error
    good = len(shares) in (2, 3) and all(s >= 0 for s in shares) and shares[0] > 0 and sum(shares[1:]) > 0
    if not good or abs(sum(shares) - 1) > 1e-9:
        raise OptionError(
            f"`split` needs 2 or 3 shares that add up to 1, training first, such as (0.7, 0.15, 0.15); got {split!r}."
        )
