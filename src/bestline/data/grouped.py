"""Grouped: one pass over the rows of a table collects the moments of every group of them, thousands or millions at once.

A group is the rows with the same values in some columns, the store and the year, say; within it rows go into folds, as in any
other pass. Groups come up in the pass itself: one first met in the ten-millionth row is no different from any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from bestline.data.collected import rows_of
from bestline.data.design import Design, Encoded, Key, level_codes
from bestline.data.folds import ByHash, refuse_target
from bestline.data.gather import Query, gone_through
from bestline.data.passes import Named, Pass, Waiting
from bestline.data.progress import Progress
from bestline.data.tables import Batch, Source
from bestline.data.tables.derived.days import days_of
from bestline.errors import MissingValuesError, OptionError, listed, readable
from bestline.numerics import Rows
from bestline.numerics.grouped import GroupComoments

_NUMBERS = 2**24  # of a batch's moments, at most
_CELLS = 2**20  # of a batch: the more rows of a group come together, the fewer parts there are to merge


@dataclass(frozen=True, slots=True, eq=False)
class Grouped(Waiting):
    """The moments of some groups, fold by fold.

    Attributes
    ----------
    keys : tuple of Key (G,)
    moments : GroupComoments (G * folds,)
        Group g's fold f stands at g * folds + f.
    folds : int
    read, dropped : int
        Rows read, and those of them left out because a value was missing, that of a group's column among them.
    imputed : Named
        Column -> values filled in.
    waiting : tuple of Grouped
        Parts that are not merged yet.
    """

    keys: tuple[Key, ...]
    moments: GroupComoments
    folds: int
    read: int = 0
    dropped: int = 0
    imputed: Named[str, int] = field(default_factory=lambda: Named({}))
    waiting: tuple[Grouped, ...] = ()

    @property
    def size(self) -> int:
        """How many groups there are."""
        return len(self.keys)

    def merged(self, parts: Sequence[Grouped]) -> Grouped:
        """The groups of all parts."""
        number: dict[Key, int] = {}
        places = [number.setdefault(key, len(number)) for part in parts for key in part.keys]
        index = torch.tensor(places, dtype=torch.long)[:, None] * self.folds + torch.arange(self.folds)
        moments = GroupComoments.merged([p.moments for p in parts], index.flatten(), len(number) * self.folds)
        imputed = Named[str, int]({})
        for part in parts:
            imputed = imputed + part.imputed
        read, dropped = sum(p.read for p in parts), sum(p.dropped for p in parts)
        return Grouped(tuple(number), moments, self.folds, read, dropped, imputed)


@dataclass(frozen=True)
class CollectGroups(Pass[Batch, Grouped]):
    """The pass that collects the moments of each group. Raises RefusedGapError for a value that is missing and may not be.

    Attributes
    ----------
    design : Design
    by : tuple of str
        The columns whose values tell the groups.
    folds : int
    seed : int
        Of the folds' hash.
    """

    design: Design
    by: tuple[str, ...]
    folds: int
    seed: int

    numbered = False

    what = "collecting the groups"

    @property
    def columns(self) -> list[str]:
        """What the design reads, and the groups' columns."""
        return [*self.design.reads(), *self.by]

    @property
    def size(self) -> int:
        """So few rows that their moments fit into memory though each be a group of its own."""
        return max(1_024, min(_CELLS // self._q, _NUMBERS // self._q**2))

    @property
    def _q(self) -> int:
        return self.design.p + len(self.design.responses)

    def empty(self) -> Grouped:
        """No groups."""
        return Grouped((), GroupComoments.empty(0, self._q), self.folds)

    def of(self, batch: Batch) -> Grouped:
        """The groups of some rows."""
        encoded = rows_of(self.design, batch)
        rows, group, keys = keyed(self.design, self.by, batch, encoded)
        # By what a row holds, and not where it stands: so the folds are the same in any order and engine.
        fold = ByHash.of(self.design, self.folds, self.seed)(batch, encoded).cpu()
        # A group and a fold as one number: moments of both are collected at once.
        index = torch.where(group >= 0, group * self.folds + fold, -1)
        return Grouped(
            keys,
            GroupComoments.of_rows(rows, index, len(keys) * self.folds),
            self.folds,
            batch.rows,
            encoded.gapped + int((group < 0).sum()),
            Named(encoded.imputed),
        )


def keyed(design: Design, by: Sequence[str], batch: Batch, encoded: Encoded) -> tuple[Rows, Tensor, tuple[Key, ...]]:
    """The rows of a batch that are used, the group of each (m,), -1 where a group's column has no value, and the groups' keys.

    Raises MissingValuesError for such a row where the design refuses missing values.
    """
    at = torch.arange(batch.rows) if encoded.index is None else encoded.index.cpu()
    group, levels = level_codes(batch, by, at)
    known = group >= 0
    if not bool(known.all()):
        lacking = next(column for column in by if bool((batch.text(column)[0].cpu()[at] < 0).any()))
        if design.missing == "raise":
            where = batch.where(int(at[batch.text(lacking)[0].cpu()[at] < 0][0]))
            raise MissingValuesError(
                f"Column {readable(lacking)} has no value at {where}, so that row is in no group; use missing='drop' to leave such rows out."
            )
    return encoded.rows.to("cpu"), group, tuple(levels)


def gather_groups(
    query: Query, by: tuple[str, ...], progress: Progress | None = None
) -> tuple[Source, Design, Grouped, tuple[str, ...]]:
    """The moments of each group of the rows of a query, with the source, the design, and what people should know of the data.

    Raises
    ------
    DataError, OptionError
        And their subclasses, as `gather` does.
    """
    source, weights = query.opened((*by, *query.beside))
    for name in (*by, *query.beside):
        source.field(name)
    design = query.design(source, weights, aside=(*by, *query.beside), progress=progress)
    for name in by:
        refuse_target(name, design)
        if name in design.texts:  # as many columns as there are groups, and all of them the same within each
            raise OptionError(
                f"Column {readable(name)} tells the groups apart, so it is the same in all rows of one and says nothing there; leave it out "
                f"of the formula."
            )
    across = [name for name, shift in source.shifts(design.reads()).items() if shift.by is None]
    if across:
        raise OptionError(
            f"{listed(across)} reaches across groups: the row before may be another group's; say within what rows follow each other, as in "
            f"lag(x, by={by[0]})."
        )
    assert isinstance(query.folds, int)  # noqa: S101  groups are within folds by hash
    over = CollectGroups(design, by, query.folds, query.seed)
    found = gone_through(source, design, over, also=by, progress=progress).settled()
    return source, design.as_read(source), found, source.said([*design.reads(), *by], design.words) + design.notes


def rows_of_group(source: Source, design: Design, by: tuple[str, ...], key: Key, also: Sequence[str] = ()) -> dict[str, Any]:
    """The columns of the design, and those in `also` as words, in the rows of one group, as a table."""
    numbers = list(
        dict.fromkeys([*design.number_columns(), *design.target_columns, *([design.weights] if design.weights else [])])
    )
    found: dict[str, list[Any]] = {name: [] for name in (*design.reads(), *also)}
    for batch in source.batches([*dict.fromkeys([*found, *by])]):
        own = torch.ones(batch.rows, dtype=torch.bool)
        for column, value in zip(by, key, strict=True):
            codes, seen = batch.text(column)
            own &= codes.cpu() == (seen.index(value) if value in seen else -2)
        at = torch.nonzero(own)[:, 0]
        if not len(at):
            continue
        for name, values in zip(numbers, batch.numbers(numbers).cpu()[at].T, strict=True):
            found[name].extend(values.tolist())
        for name in (n for n in found if n not in numbers):
            codes, seen = batch.text(name)
            # A word that is no number stays a word.
            mark = f"{name} " if name in also and name not in design.needs else ""
            found[name].extend(None if code < 0 else mark + seen[code] for code in codes.cpu()[at].tolist())
    return found


def with_dates(rows: Mapping[str, list[Any]]) -> dict[str, Any]:
    """The same rows, columns in days as the dates that they were computed from: those are what formulas name."""
    found: dict[str, Any] = {}
    for name, values in rows.items():
        days = days_of(name)
        found[name if days is None else days.column] = values if days is None else days.cells(values)
    return found
