"""Absorbing: passes over the rows that learn what levels say of every column, so that the design takes it out of them.

    one pass: sums of every column by level, and how often levels meet  ->  the effects  ->  a design of rests

The sums add up over batches, files and machines, and from them on no row is needed: one factor's effects are means, those of more
are solved for from its cells. Where some level is of one row alone, one more pass leaves such rows out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from bestline.data.collected import rows_of
from bestline.data.design import Absorbed, Design, Key, level_codes
from bestline.data.design.profiles import Training
from bestline.data.passes import Pass, Waiting
from bestline.data.tables import Batch
from bestline.errors import DataError, listed
from bestline.numerics import Comoments, Rows
from bestline.numerics.absorb import TOLERANCE, LevelCells, absorb, components, rank, singletons

_ROWS = 2**18
_MANY = 2**22  # cells from which on parts are merged, so that a stream of any length holds no more than there are
_VOID = 1e-12  # of a column's variance: less than this within levels is rounding


@dataclass(frozen=True, slots=True, eq=False)
class LevelSums(Waiting):
    """What some rows add to the levels of F factors; parts that met different levels add.

    Attributes
    ----------
    keys : tuple of tuple of Key (G,), one a factor
    weight : tuple of Tensor (G,)
        Weight of the rows of each level.
    sums : tuple of Tensor (G, q)
        Weighted sum of each column over them, less `center`.
    center : Tensor (q,)
        Near the columns' means: sums about it lose no digits to an offset, and add up to the same over the levels of every factor.
    codes : Tensor, int (F, c)
        LevelCells: levels that rows have in common; one may come more than once.
    count, cell : Tensor (c,)
        Rows of each cell, and their weight.
    total : Comoments
        Of all rows.
    read : int
    waiting : tuple of LevelSums
        Parts that are not merged yet.
    """

    keys: tuple[tuple[Key, ...], ...]
    weight: tuple[Tensor, ...]
    sums: tuple[Tensor, ...]
    center: Tensor
    codes: Tensor
    count: Tensor
    cell: Tensor
    total: Comoments
    read: int = 0
    waiting: tuple[LevelSums, ...] = ()

    @classmethod
    def none(cls, factors: int, q: int) -> LevelSums:
        """Of no rows."""
        nothing = torch.zeros(0, dtype=torch.float64)
        empty = tuple(torch.zeros(0, q, dtype=torch.float64) for _ in range(factors))
        codes = torch.zeros(factors, 0, dtype=torch.long)
        center = torch.zeros(q, dtype=torch.float64)
        return cls(((),) * factors, (nothing,) * factors, empty, center, codes, nothing.long(), nothing, Comoments.empty(q))

    @classmethod
    def of(cls, rows: Rows, levels: Sequence[tuple[Tensor, list[Key]]], read: int) -> LevelSums:
        """Of rows whose levels are `levels`: for each factor codes (n,) and what they stand for."""
        Z = torch.cat([rows.X, rows.y], 1).to(torch.float64)
        w = torch.ones(len(Z), dtype=torch.float64) if rows.w is None else rows.w.to(torch.float64)
        keys, weight, sums, codes = [], [], [], []
        # About the mean of these rows, as co-moments are: sums of columns far from zero would lose their digits.
        center = Z.mean(0)
        weighted = (Z - center) * w[:, None]
        for own, names in levels:
            used, code = own.unique(return_inverse=True) if len(own) < len(names) else _present(own, len(names))
            keys.append(tuple(names[at] for at in used.tolist()))
            weight.append(torch.bincount(code, w, minlength=len(used)))
            by_column = [torch.bincount(code, column, minlength=len(used)) for column in weighted.T.contiguous()]
            sums.append(torch.stack(by_column, 1))
            codes.append(code)
        each = (
            w.round().long() if rows.copies else torch.ones(len(w), dtype=torch.long)
        )  # a row that stands for two is none alone
        cells, count, cell = _together(torch.stack(codes), [len(k) for k in keys], each, w)
        return cls(tuple(keys), tuple(weight), tuple(sums), center, cells, count, cell, Comoments.of_rows(rows), read)

    least: ClassVar[int] = _MANY

    @property
    def size(self) -> int:
        """How many cells there are."""
        return len(self.cell)

    def __add__(self, other: LevelSums) -> LevelSums:
        # How many rows were read is asked on the way.
        return replace(Waiting.__add__(self, other), read=self.read + other.read)

    def merged(self, parts: Sequence[LevelSums]) -> LevelSums:
        """The levels and cells of all parts."""
        parts = [p for p in parts if p.total.count] or parts[:1]
        total = parts[0].total
        for p in parts[1:]:
            total = total + p.total
        if len(parts) == 1:
            return replace(parts[0], read=self.read)
        keys, weight, sums, codes = [], [], [], []
        center = total.center
        for f in range(len(self.keys)):
            number: dict[Key, int] = {}
            places = [torch.tensor([number.setdefault(key, len(number)) for key in p.keys[f]]) for p in parts]
            at = torch.cat(places)
            w = torch.cat([p.weight[f] for p in parts])
            keys.append(tuple(number))
            weight.append(torch.bincount(at, w, minlength=len(number)))
            # Each part is about a mean of its own; a sum moves by its weight times what the two means are apart.
            moved = [p.sums[f] + p.weight[f][:, None] * (p.center - center) for p in parts]
            sums.append(torch.zeros(len(number), total.q, dtype=torch.float64).index_add_(0, at, torch.cat(moved)))
            codes.append(torch.cat([place[p.codes[f]] for place, p in zip(places, parts, strict=True)]))
        count, cell = (torch.cat([getattr(p, name) for p in parts]) for name in ("count", "cell"))
        cells, count, cell = _together(torch.stack(codes), [len(k) for k in keys], count, cell)
        return LevelSums(tuple(keys), tuple(weight), tuple(sums), center, cells, count, cell, total, self.read)

    @property
    def cells(self) -> LevelCells:
        """The cells as numerics takes them."""
        return LevelCells(self.codes, self.cell, tuple(len(keys) for keys in self.keys))


def _present(own: Tensor, names: int) -> tuple[Tensor, Tensor]:
    """The codes that come, and the place of each row's among them; without a sort."""
    there = torch.bincount(own, minlength=names) > 0
    return torch.nonzero(there)[:, 0], (torch.cumsum(there, 0) - 1)[own]


def _together(codes: Tensor, levels: list[int], count: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Cells that are alike as one, where there are few enough different ones for that to pay; with their rows and weights."""
    many = torch.tensor(levels, dtype=torch.float64).prod().item()
    if (2 * many > len(weight) and len(weight) < _MANY) or many >= 2**62:
        return codes, count, weight
    # A cell as one whole number, in the mixed base of the numbers of levels.
    flat = torch.zeros(len(weight), dtype=torch.long)
    for own, code in zip(levels, codes, strict=True):
        flat = flat * own + code
    if many <= 4 * len(weight):
        used, at = _present(flat, int(many))
    else:
        used, at = flat.unique(return_inverse=True)
    rows, cell = (torch.bincount(at, values.double(), minlength=len(used)) for values in (count, weight))
    found = torch.empty(len(levels), len(used), dtype=torch.long)
    for f in range(len(levels) - 1, -1, -1):
        found[f], used = used % levels[f], used // levels[f]
    return found, rows.round().long(), cell


@dataclass(frozen=True, eq=False)
class CollectLevels(Pass[Batch, LevelSums]):
    """The pass that adds up every column by level. Raises RefusedGapError for a value that is missing and may not be.

    Attributes
    ----------
    design : Design
        Of the columns as they stand, or without the rows that an `absorbed` of it leaves out.
    by : tuple of Key
        The columns of each factor.
    training : callable or None
        Tells the training rows of a batch.
    """

    design: Design
    by: tuple[Key, ...]
    training: Training | None = None

    what = "collecting the levels"

    @property
    def numbered(self) -> bool:
        """Where a split says whose each row is."""
        return self.training is not None

    @property
    def size(self) -> int:
        """So many rows that each level is named a few times only, however many rows have it."""
        return _ROWS

    @property
    def columns(self) -> list[str]:
        """What the design reads."""
        return self.design.reads()

    def empty(self) -> LevelSums:
        """No levels."""
        return LevelSums.none(len(self.by), self.design.p + len(self.design.responses))

    def of(self, batch: Batch) -> LevelSums:
        """Those of some rows."""
        encoded = rows_of(self.design, batch)
        rows, at = encoded.rows.to("cpu"), torch.arange(batch.rows) if encoded.index is None else encoded.index.cpu()
        if self.training is not None:
            own = self.training(batch)[at]
            rows, at = rows[own], at[own]
        if not len(rows):
            return replace(self.empty(), read=batch.rows)
        return LevelSums.of(rows, [level_codes(batch, by, at) for by in self.by], batch.rows)


def left_out(design: Design, by: tuple[Key, ...], found: LevelSums) -> Design | None:
    """The design that leaves out rows with a level of theirs alone, to be added up once more; None: there are no such rows.

    Raises DataError where no other row is left.
    """
    alone = singletons(found.cells, found.count)
    if not any(bool(levels.any()) for levels in alone):
        return None
    if any(bool(levels.all()) for levels in alone):
        raise DataError(
            f"Every row has a level of {listed(_names(by))} that no other row has, or that only such rows share, so nothing varies within "
            f"levels; absorb a factor of fewer levels."
        )
    single = tuple(
        frozenset(key for key, is_alone in zip(keys, levels.tolist(), strict=True) if is_alone)
        for keys, levels in zip(found.keys, alone, strict=True)
    )
    kept = tuple(
        tuple(key for key, is_alone in zip(keys, levels.tolist(), strict=True) if not is_alone)
        for keys, levels in zip(found.keys, alone, strict=True)
    )
    q = found.total.q
    nothing = torch.zeros(q, dtype=torch.float64)
    effects = tuple(torch.zeros(len(keys), q, dtype=torch.float64) for keys in kept)
    squares = nothing[design.p :]
    return replace(design, absorbed=Absorbed(by, kept, single, effects, (nothing,) * len(by), nothing, squares))


def absorbed(design: Design, by: tuple[Key, ...], found: LevelSums, rows: int) -> Design:
    """The design whose columns are rests, without an intercept; `rows` is how many were left out for a level of theirs alone."""
    total, cells = found.total, found.cells
    center, spread = total.center, total.spread
    scale = torch.where(spread > 0, spread, 1.0)  # squares of very small or large numbers leave float64
    sums = [(s + w[:, None] * (found.center - center)) / scale for s, w in zip(found.sums, found.weight, strict=True)]
    effects = absorb(cells, sums)
    # In units of the spread: the share of each column that varies within the levels.
    within = total.weight - effects.explained
    void = tuple(torch.nonzero((within <= _VOID * total.weight) | (spread == 0))[:, 0].tolist())
    values = tuple(own * scale for own in effects.values)
    linked = components(cells.codes, cells.levels) if len(by) > 1 else None
    weights, exactly = rank(cells, linked)
    single = (frozenset[Key](),) * len(by) if design.absorbed is None else design.absorbed.single
    # What a row counts for whose level has no effect, where people ask for an average.
    average = tuple((w @ own) / w.sum() for own, w in zip(values, found.weight, strict=True))
    made = Absorbed(
        by,
        found.keys,
        single,
        values,
        average,
        center,
        spread[design.p :] ** 2 * total.weight,
        void,
        weights,
        exactly,
        rows,
        effects.steps,
        effects.left,
        tuple(cells.gathered(found.count.double(), f) for f in range(len(by))),
        () if linked is None else linked.split(cells.levels),
    )
    return replace(design, absorbed=made, intercept=False, notes=(*design.notes, *_said(design, made)))


def _said(design: Design, made: Absorbed) -> list[str]:
    """What people should know of what was absorbed."""
    factors = listed(_names(made.by))
    notes = []
    if made.rows:
        rows = "1 row was" if made.rows == 1 else f"{made.rows:,} rows were"
        notes.append(
            f"{rows} left out: of {factors} a level of theirs is in no other row (singletons), so it explains them whatever they hold."
        )
    void = [design.names[j] for j in made.void if j < design.p]
    if void:
        one = len(void) == 1
        notes.append(
            f"{listed(void)} {'does' if one else 'do'} not vary within the levels of {factors}, so {'its effect is' if one else 'their effects are'} "
            f"absorbed; {'it is' if one else 'they are'} left out, and {'its weight is' if one else 'their weights are'} 0."
        )
    targets = [design.targets[j - design.p] for j in made.void if j >= design.p]
    if targets:
        notes.append(f"{listed(targets)} does not vary within the levels of {factors}; there is nothing to explain.")
    if made.left > TOLERANCE:
        notes.append(
            f"The effects of {factors} have not settled after {made.steps:,} steps (left over: {made.left:.0e}, wanted: {TOLERANCE:.0e}): "
            f"hardly any rows connect their levels. Weights may have few right digits."
        )
    if not made.exactly:
        notes.append(
            f"The levels of {factors} stand for at most {made.weights:,} weights; how many exactly is not known for so many of three "
            f"factors or more, so standard errors may be slightly too large."
        )
    return notes


def _names(by: Sequence[Key]) -> list[str]:
    return ["^".join(names) for names in by]
