"""Collected: what one pass over the rows of a table leaves, when its design has turned them into numbers.

    co-moments of every group      range of every column      rows left out, values filled in      the rows themselves, if asked

Here data and mathematics meet: the design encodes a batch, a grouping says which group each row is in, and the rest adds up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from bestline.data.design import Design, Encoded
from bestline.data.folds import ByHash, ByValue, Grouping
from bestline.data.inside import added_up
from bestline.data.passes import Adder, CannotAddError, Named, Pass
from bestline.data.tables import Batch, Source
from bestline.errors import DataError, MissingValuesError
from bestline.numerics import Columns, Comoments, Rows, chunk_size, joined
from bestline.numerics.comoments import of_chunk
from bestline.numerics.rows import range_of


class RefusedGapError(MissingValuesError):
    """A value is missing where the design refuses that; whoever ran the pass may count how many there are."""


def rows_of(design: Design, batch: Batch) -> Encoded:
    """The rows of a batch as the design has them. Raises RefusedGapError."""
    try:
        return design.rows(batch)
    except MissingValuesError as error:
        raise RefusedGapError(str(error)) from None


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Rows and their groups, as long as they do not take more memory than they may.

    Attributes
    ----------
    most : float
        Bytes.
    refusal : str or None
        Raised as a DataError where there are more; None lets all of them go instead.
    parts : tuple of (Rows, Tensor)
        In the order of the batches.
    bytes : int
        How many they take, or would.
    """

    most: float
    refusal: str | None = None
    parts: tuple[tuple[Rows, Tensor], ...] = ()
    bytes: int = 0

    def of(self, rows: Rows, group: Tensor) -> Kept:
        """These rows alone, to be kept within the same bounds."""
        return replace(self, parts=((rows, group),), bytes=sum(t.nbytes for t in (rows.X, rows.y, rows.w) if t is not None))

    def __add__(self, other: Kept) -> Kept:
        size = self.bytes + other.bytes
        if size > self.most and self.refusal is not None:
            raise DataError(self.refusal)
        # Once too many, always too many: `bytes` goes on growing, so it does not matter in which order the parts come.
        return replace(self, parts=() if size > self.most else self.parts + other.parts, bytes=size)

    @property
    def full(self) -> bool:
        """Whether there were more rows than may be kept."""
        return self.bytes > self.most

    def rows(self) -> tuple[Rows, Tensor]:
        """All of them, and their groups."""
        return joined([rows for rows, _ in self.parts]), torch.cat([group.cpu() for _, group in self.parts])


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """What `Collect` finds in some rows.

    Attributes
    ----------
    groups : tuple of Comoments (q = p + k)
        Of the rows of each group.
    low, high : Tensor (p,)
        Smallest and largest value of each column of X.
    read, dropped : int
        Rows read, and those of them left out because a value was missing; a row of weight 0 is not there, and so is none of these.
    imputed : Named
        Column -> values filled in.
    unseen : Named
        (column, level) -> rows left out, because no training row has that level.
    strange : int
        Rows left out for such levels.
    kept : Kept or None
        The rows, where they are wanted.
    """

    groups: tuple[Comoments, ...]
    low: Columns
    high: Columns
    read: int = 0
    dropped: int = 0
    imputed: Named[str, int] = field(default_factory=lambda: Named({}))
    unseen: Named[tuple[str, str], int] = field(default_factory=lambda: Named({}))
    strange: int = 0
    kept: Kept | None = None

    def __add__(self, other: Collected) -> Collected:
        # The grouping is the same on both sides, so group i of one belongs to group i of the other.
        return Collected(
            tuple(a + b for a, b in zip(self.groups, other.groups, strict=True)),
            torch.minimum(self.low, other.low),
            torch.maximum(self.high, other.high),
            self.read + other.read,
            self.dropped + other.dropped,
            self.imputed + other.imputed,
            self.unseen + other.unseen,
            self.strange + other.strange,
            self.kept if self.kept is None or other.kept is None else self.kept + other.kept,
        )


@dataclass(frozen=True, eq=False)
class Collect(Pass[Batch, Collected]):
    """The pass over encoded rows: into how many groups which of them go (None: all into one), and whether to keep them.

    Raises RefusedGapError for a value that is missing and may not be.
    """

    design: Design
    groups: int = 1
    grouping: Grouping | None = None
    keep: Kept | None = None

    @property
    def columns(self) -> list[str]:
        """What the design and the grouping read."""
        return [*self.design.reads(), *(self.grouping.columns if self.grouping is not None else ())]

    @property
    def numbered(self) -> bool:
        """Where a split says whose each row is."""
        return self.grouping is not None and self.grouping.numbered

    @property
    def size(self) -> int:
        """As many rows as are centred at a time; of rests more, for each batch looks for its levels among all."""
        return chunk_size(self._q) if self.design.absorbed is None else max(chunk_size(self._q), 2**18)

    @property
    def _q(self) -> int:
        return self.design.p + len(self.design.responses)

    def empty(self) -> Collected:
        """Nothing: infinite bounds are what any number narrows."""
        beyond = torch.full((self.design.p,), float("inf"), dtype=torch.float64)
        return Collected((Comoments.empty(self._q),) * self.groups, beyond, -beyond, kept=self.keep)

    def of(self, batch: Batch) -> Collected:
        """What is found in some rows."""
        plain = None if self.keep is not None else self._plain(batch)
        return self.found(batch, rows_of(self.design, batch)) if plain is None else plain

    def found(self, batch: Batch, encoded: Encoded) -> Collected:
        """The same of a batch that the design has encoded."""
        nothing = replace(
            self.empty(),
            read=batch.rows,
            dropped=encoded.gapped,
            imputed=Named(encoded.imputed),
            unseen=Named(encoded.unseen),
            strange=encoded.strange,
        )
        rows = encoded.rows
        if len(rows) == 0:
            return nothing
        group = self._group(batch, encoded)
        ends = range_of(rows.X) if self.design.p else (nothing.low, nothing.high)
        groups, (low, high) = of_chunk(rows, group, self.groups, ends)
        kept = None if self.keep is None or group is None else self.keep.of(rows, group)
        return replace(nothing, groups=tuple(groups), low=low, high=high, kept=kept)

    def _group(self, batch: Batch, encoded: Encoded) -> Tensor | None:
        return None if self.grouping is None else self.grouping(batch, encoded).to(encoded.rows.X.device)

    def _plain(self, batch: Batch) -> Collected | None:
        """The same of rows in which nothing is missing, infinite or to be computed; None: there is something.

        Sums and ranges say it themselves, at no cost. Where the rows are elsewhere, all is asked for at once and looked at afterwards.
        """
        rows = self.design.plain(batch)
        if rows is None or not len(rows) or not self.design.p:
            return None
        low, high = (end.to(torch.float64) for end in range_of(rows.X))
        ends: tuple[Tensor, ...] = (low, high, rows.y.sum(dtype=torch.float64)[None])
        here = rows.X.device.type == "cpu"
        if here and not _finite(ends):
            return None
        groups, ends = of_chunk(rows, self._group(batch, Encoded(rows, None, {})), self.groups, ends)
        return None if not here and not _finite(ends) else Collected(tuple(groups), ends[0], ends[1], batch.rows)

    def inside(self, engine: Adder) -> Collected | None:
        """The same from sums that an engine makes, where neither rows nor a hash of them are needed. Raises CannotAddError."""
        if self.keep is not None:
            return None
        if self.design.absorbed is not None:
            raise CannotAddError("absorbed effects are taken out of each row")
        if self.grouping is not None and not isinstance(self.grouping, ByValue):
            by = "a hash of the row" if isinstance(self.grouping, ByHash) else "the place of the row in the table"
            raise CannotAddError(
                f"folds are told by {by} (those of a column, folds='name', could be told there, and so could one fold)"
            )
        found = added_up(self.design, self.grouping, engine)
        if found.dropped and self.design.missing == "raise":
            raise RefusedGapError
        imputed, unseen = Named(found.imputed), Named(found.unseen)
        return Collected(found.groups, found.low, found.high, found.read, found.dropped, imputed, unseen, found.strange)


def _finite(values: Sequence[Tensor]) -> bool:
    return bool(torch.cat(list(values)).isfinite().all())


def read_again(
    source: Source, design: Design, grouping: Grouping, members: Sequence[int], order: torch.Generator | None = None
) -> Iterator[Rows]:
    """The rows of some groups as `Collect` met them, batch by batch, the batches in an order drawn where the source can do that.

    No pass: training goes through these rows one block after the other, and each block finds the weights that the last one left.
    """
    wanted = torch.tensor(members)
    for batch in source.batches([*design.reads(), *grouping.columns], order=order):
        encoded = design.rows(batch)
        own = torch.isin(grouping(batch, encoded).cpu(), wanted).to(encoded.rows.X.device)
        yield encoded.rows if bool(own.all()) else encoded.rows[own]
