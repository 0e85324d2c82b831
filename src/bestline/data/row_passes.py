"""TODO docstring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from bestline.data.design import Design, Encoded
from bestline.data.folds import Grouping
from bestline.data.tables import Source
from bestline.errors import DataError
from bestline.numerics.rows import FOLDED, Rows, cached_rows, joined


def range_of(X: Tensor) -> tuple[Tensor, Tensor]:
    """The least and the largest of each column (p,) of X (n, p), some rows at a time: what is read once serves both."""
    p = X.shape[1]
    least, most = [], []
    for some in X.split(cached_rows(X)):
        # Many rows laid side by side are gone through several numbers at once, a narrow row is not.
        folded = some.is_contiguous() and p < FOLDED and len(some) % FOLDED == 0
        wide = some.view(-1, FOLDED * p) if folded else some
        least.append(wide.amin(0).view(-1, p).amin(0))
        most.append(wide.amax(0).view(-1, p).amax(0))
    return torch.stack(least).amin(0), torch.stack(most).amax(0)


def present(encoded: Encoded) -> Encoded:
    """Without the rows of weight 0, which are not there."""
    rows, at = encoded.rows, encoded.index
    if rows.w is None or not bool((rows.w == 0).any()):
        return encoded
    there = torch.nonzero(rows.w)[:, 0]
    return replace(encoded, rows=rows[there], index=there if at is None else at[there.to(at.device)])


@dataclass(slots=True, eq=False)
class Kept:
    """Rows that `collect` keeps and their groups, as long as they do not take more memory than they may.

    Attributes
    ----------
    most : float
        Bytes.
    refusal : str or None
        Raised as a DataError where there are more; None lets all of them go instead.
    """

    most: float
    refusal: str | None = None
    parts: list[tuple[Rows, Tensor]] = field(default_factory=list)
    bytes: int = 0

    def take(self, rows: Rows, group: Tensor) -> None:
        """More rows."""
        self.bytes += sum(t.nbytes for t in (rows.X, rows.y, rows.w) if t is not None)
        if self.bytes <= self.most:
            self.parts.append((rows, group))
        elif self.refusal is not None:
            raise DataError(self.refusal)
        else:
            self.parts.clear()

    @property
    def full(self) -> bool:
        """Whether there were more rows than may be kept."""
        return self.bytes > self.most

    def rows(self) -> tuple[Rows, Tensor]:
        """All of them, and their groups."""
        return joined([rows for rows, _ in self.parts]), torch.cat([group.cpu() for _, group in self.parts])


def read_again(
    source: Source, design: Design, grouping: Grouping, members: Sequence[int], order: torch.Generator | None = None
) -> Iterator[Rows]:
    """The rows of some groups as `collect` met them, batch by batch, the batches in an order drawn where the source can do that."""
    wanted = torch.tensor(members)
    for batch in source.batches(design.reads(), order=order):
        encoded = present(design.rows(batch))
        own = torch.isin(grouping(batch, encoded).cpu(), wanted).to(encoded.rows.X.device)
        yield encoded.rows if bool(own.all()) else encoded.rows[own]
