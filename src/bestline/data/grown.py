"""Grown: what one pass leaves when nothing was learnt before it: the design and the sums, in one go.

Of each batch all columns are added up that its rows have (`design.growing`), and beside them what is learnt of the rows: levels,
means, ranges. Parts that met different levels add, for a column that one of them lacks was 0 in all its rows. At the end the
columns become those of the design, by linear maps, and no row is read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch

from bestline.data.collected import Collect, Collected, rows_of
from bestline.data.design import Design
from bestline.data.design.draft import Draft
from bestline.data.design.expressions import Call
from bestline.data.design.growing import (
    MOST_GROWN,
    Becoming,
    CannotGrowError,
    Key,
    Rough,
    Share,
    design_of_batch,
    key_of,
    of_gaps,
)
from bestline.data.design.learn import levelled
from bestline.data.design.learner import states_of
from bestline.data.design.profiles import ArgumentSummary, Learnt, Profile, Profiles, Summarise
from bestline.data.design.spellings import places
from bestline.data.folds import Grouping
from bestline.data.passes import Named, Pass
from bestline.data.tables import Batch, Source
from bestline.numerics import Columns, Comoments, Features

_NONE = 1e-13  # of what rows weigh: above the rounding of that, and far below one row of a billion
_TRIES = 8  # batches looked at for a rough mean


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """What `Grow` finds in some rows.

    Attributes
    ----------
    keys : tuple of Key
        The columns that have grown so far.
    found : Collected
        Of these columns; `low` and `high` of a column are of the rows whose gaps it stands for.
    profiles, arguments
        What was learnt of the training rows.
    """

    keys: tuple[Key, ...]
    found: Collected
    profiles: Profiles
    arguments: Named[Call, ArgumentSummary]

    @property
    def read(self) -> int:
        """Rows that were read."""
        return self.found.read

    def __add__(self, other: Grown) -> Grown:
        keys = self.keys if self.keys == other.keys else tuple(dict.fromkeys((*self.keys, *other.keys)))
        if len(keys) > MOST_GROWN:
            raise CannotGrowError
        return Grown(
            keys,
            self.columns(keys) + other.columns(keys),
            self.profiles + other.profiles,
            self.arguments + other.arguments,
        )

    def __sub__(self, other: Grown) -> Grown:
        """Rows taken away; the ranges seen stay."""
        keys = tuple(dict.fromkeys((*self.keys, *other.keys)))
        # Both by the same columns: one that a side has not met was 0 in all its rows, which is known and no rounding.
        own, others = self.columns(keys), other.columns(keys)
        imputed = {name: count - others.imputed.parts.get(name, 0) for name, count in own.imputed.parts.items()}
        found = replace(
            own,
            groups=tuple(_without(a, b, keys) for a, b in zip(own.groups, others.groups, strict=True)),
            read=own.read - others.read,
            dropped=max(own.dropped - others.dropped, 0),
            imputed=Named({name: count for name, count in imputed.items() if count > 0}),
        )
        arguments = {call: one - other.arguments[call] for call, one in self.arguments.parts.items()}
        return Grown(keys, found, self.profiles - other.profiles, Named(arguments))

    def columns(self, keys: tuple[Key, ...]) -> Collected:
        """What was found, of these columns: those that did not grow here were 0."""
        if keys == self.keys:
            return self.found
        number = {key: j for j, key in enumerate(keys)}
        places = [number[key] for key in self.keys]
        p, k = len(keys), max(group.q for group in self.found.groups) - len(self.keys)
        at = torch.tensor(places, dtype=torch.long)
        some = any(group.count for group in self.found.groups)
        # A level that did not come was 0 in every row that is there; a pattern of gaps that did not come has no rows.
        outside = torch.tensor([not some or of_gaps(key) for key in keys], dtype=torch.bool)
        # Infinite ends are what any number narrows; a column that was 0 has 0 within its range.
        low = torch.where(outside, torch.inf, 0.0).to(torch.float64)
        high = torch.where(outside, -torch.inf, 0.0).to(torch.float64)
        return replace(
            self.found,
            groups=tuple(group.among([*places, *range(p, p + k)], p + k) for group in self.found.groups),
            low=low.index_put((at,), self.found.low),
            high=high.index_put((at,), self.found.high),
        )

    def made(self, keys: tuple[Key, ...], made: Sequence[tuple[Sequence[Share], float]]) -> Collected:
        """What was found, of new columns: sums of shares of the columns `keys`, and constants."""
        found, number = self.columns(keys), {key: j for j, key in enumerate(keys)}
        A, b = torch.zeros(len(keys), len(made), dtype=torch.float64), torch.zeros(len(made), dtype=torch.float64)
        low, high = torch.full_like(b, torch.inf), torch.full_like(b, -torch.inf)
        for j, (shares, added) in enumerate(made):
            b[j] = added
            for share in shares:
                at = number.get(share.key)
                if at is None or found.low[at] > found.high[at]:  # no row has this pattern of gaps
                    continue
                A[at, j] += share.weight
                if share.scale is not None:
                    ends = torch.stack([found.low[at], found.high[at]]) * share.scale + added
                    low[j], high[j] = torch.minimum(low[j], ends.min()), torch.maximum(high[j], ends.max())
        main = [number[shares[0].key] for shares, _ in made]
        return replace(found, groups=tuple(group.mapped(A, b, main) for group in found.groups), low=low, high=high)


def _without(whole: Comoments, part: Comoments, keys: Sequence[Key]) -> Comoments:
    """The rows of a group less others; where none is left that has a level, or no others, this is known, and no rounding."""
    before, taken = whole.center * whole.weight, part.center * part.weight
    # The sum of an indicator is what its rows weigh: less than the rounding of that is no row.
    left, least = before - taken, _NONE * before
    constant = torch.full_like(left, torch.nan)
    constant[left.abs() <= least] = 0.0
    constant[(whole.weight - part.weight - left).abs() <= _NONE * whole.weight] = 1.0
    known = dict(zip(keys, constant.tolist(), strict=False))
    marks = [tuple((i, at) for i, at in key if isinstance(at, str) or i < 0) for key in keys]
    own = [
        known[key] if key == mark else 0.0 if known.get(mark) == 0 else torch.nan for key, mark in zip(keys, marks, strict=True)
    ]
    return whole.without(part, torch.tensor([*own, *[torch.nan] * (whole.q - len(keys))], dtype=torch.float64))


@dataclass(frozen=True)
class Into:
    """Into how many groups the rows go, and which of them goes where; None: all into one."""

    number: int = 1
    grouping: Grouping | None = None


@dataclass(frozen=True, eq=False)
class Grow(Pass[Batch, Grown]):
    """The pass over rows of which only the formula is known. Raises RefusedGapError as `Collect` does, and CannotGrowError.

    Attributes
    ----------
    draft : Draft
    rough : Rough
        What gaps are filled with meanwhile.
    counted : Learnt
        The rows from which the design is learnt.
    into : Into
    """

    draft: Draft
    rough: Rough
    counted: Learnt
    into: Into = field(default_factory=Into)

    @property
    def columns(self) -> list[str]:
        """What the formula and the grouping read."""
        return [*self.draft.reads(), *(self.into.grouping.columns if self.into.grouping is not None else ())]

    @property
    def numbered(self) -> bool:
        """Where a split says whose each row is."""
        grouping = self.into.grouping
        return self.counted.training is not None or (grouping is not None and grouping.numbered)

    @property
    def learning(self) -> Profile:
        """What is learnt of levels and means."""
        numbers = self.draft.number_columns() if self.draft.missing == "impute" else ()
        return Profile(tuple(self.draft.texts), tuple(numbers), self.counted)

    @property
    def transforms(self) -> Summarise:
        """What is learnt for transforms."""
        return Summarise(self.draft.calls, None, self.counted)

    def empty(self) -> Grown:
        """Nothing at all."""
        nothing = torch.empty(0, dtype=torch.float64)
        groups = (Comoments.empty(len(self.draft.responses)),) * self.into.number
        return Grown((), Collected(groups, nothing, nothing), self.learning.empty(), self.transforms.empty())

    def of(self, batch: Batch) -> Grown:
        """What is found in some rows."""
        design = design_of_batch(self.draft, self.rough, batch)
        encoded = rows_of(design, batch)
        found = Collect(design, self.into.number, self.into.grouping).found(batch, encoded)
        keys = tuple(key_of(design.factors, column) for column in design.columns)
        if any(map(of_gaps, keys)) and len(encoded.rows):
            low, high = _ranges(design, keys, encoded.rows.X)
            found = replace(found, low=low, high=high)
        found = replace(found, groups=tuple(group.cpu() for group in found.groups))
        return Grown(keys, found, self.learning.of(batch), self.transforms.of(batch))


def _ranges(design: Design, keys: Sequence[Key], X: Features) -> tuple[Columns, Columns]:
    """The least and largest value of each column in the rows that it stands for: those with its own pattern of gaps."""
    gap_of = {design.factors[-key[0][0]].column: j for j, key in enumerate(keys) if len(key) == 1 and of_gaps(key)}
    low, high = [], []
    for j, key in enumerate(keys):
        own = torch.ones(len(X), dtype=torch.bool, device=X.device)
        # A gap is filled with a constant meanwhile, which is none of the column's values: such a row says nothing of its range.
        for i, _ in key:
            factor = design.factors[abs(i)]
            read = [factor.column] if i < 0 else factor.numbers
            if len(read) == 1 and read[0] in gap_of:
                own &= (X[:, gap_of[read[0]]] == 1) == (i < 0)
        values = X[own, j]
        low.append(float(values.min()) if len(values) else float("inf"))
        high.append(float(values.max()) if len(values) else -float("inf"))
    return torch.tensor(low, dtype=torch.float64), torch.tensor(high, dtype=torch.float64)


def rough_means(source: Source, draft: Draft, counted: Learnt) -> Rough:
    """What the first rows say of the means that are needed."""
    over = Grow(draft, Rough(), counted)
    if draft.missing != "impute" and not draft.calls:
        return over.rough
    profiles, arguments = over.learning.empty(), over.transforms.empty()
    for batch, _ in zip(source.batches(over.columns), range(_TRIES), strict=False):
        profiles, arguments = profiles + over.learning.of(batch), arguments + over.transforms.of(batch)
        known = all(mean.weight > 0 for mean in profiles.means.parts.values())
        if known and all(summary.count for summary in arguments.parts.values()):
            break
    # Where nothing is known yet, 1 will do: it is in the range of log and of division.
    return Rough(
        {name: mean.mean if mean.weight > 0 else 1.0 for name, mean in profiles.means.parts.items()},
        {call.text: summary.mean for call, summary in arguments.parts.items()},
    )


def _levels(design: Design, keys: Sequence[Key]) -> dict[str, list[str]]:
    """The levels of each column of categories as they stand in the rows."""
    parts = dict.fromkeys((design.factors[i].column, level) for key in keys for i, level in key if isinstance(level, str))
    found: dict[str, list[str]] = {name: [] for name in design.texts}
    for column, level in parts:
        found[column].append(str(level))
    return found


def _place(design: Design, i: int, level: str) -> int:
    return places(design.factors[i].levels, [level], numeric=False)[0]


@dataclass(frozen=True, eq=False)
class Growth:
    """A draft, the constants it grew about, and what has grown.

    `a + b` of one formula joins the rows, and `a - b` takes them away again, whatever levels and gaps each has met.
    """

    draft: Draft
    rough: Rough
    part: Grown

    def like(self, other: Growth) -> bool:
        """Whether both are of one formula, read alike."""
        mine, theirs = (
            (d.formula.text, d.weights, d.missing, dict(d.kinds), d.responses, d.beside, d.offsets, d.weight_kind)
            for d in (self.draft, other.draft)
        )
        return mine == theirs

    def __add__(self, other: Growth) -> Growth:
        return replace(self._knowing(other), part=self.part + other._about(self.rough))

    def __sub__(self, other: Growth) -> Growth:
        return replace(self, part=self.part - other._about(self.rough))

    def grouped(self, places: Sequence[int], number: int) -> Growth:
        """The same with its groups at these places of so many."""
        found = self.part.found
        groups = [Comoments.empty(max(g.q for g in found.groups))] * number
        for at, group in zip(places, found.groups, strict=True):
            groups[at] = group
        return replace(self, part=replace(self.part, found=replace(found, groups=tuple(groups))))

    def _knowing(self, other: Growth) -> Growth:
        """The same with the levels that the types of both declare."""
        mine, theirs = self.draft.declared, other.draft.declared
        if dict(mine) == dict(theirs):
            return self
        names = dict.fromkeys((*mine, *theirs))
        both = {name: tuple(dict.fromkeys((*mine.get(name, ()), *theirs.get(name, ())))) for name in names}
        return replace(self, draft=replace(self.draft, declared=both))

    def _about(self, rough: Rough) -> Grown:
        """What has grown, about other constants."""
        if (self.rough.fills, self.rough.centres) == (rough.fills, rough.centres):
            return self.part
        becoming = Becoming(self.draft, self.rough, self._gaps)
        made = [becoming.moved(key, rough) for key in self.part.keys]
        return replace(self.part, found=self.part.made(self.part.keys, made))

    @property
    def _gaps(self) -> frozenset[str]:
        return frozenset(self.part.found.imputed.parts)

    def strange(self, design: Design) -> bool:
        """Whether some row has a level that no training row has, as rows may have that are held out."""
        keys = self.part.keys
        unknown = [j for j, key in enumerate(keys) if any(isinstance(at, str) and _place(design, i, at) < 0 for i, at in key)]
        groups = self.part.found.groups
        return any(bool((g.center[unknown] != 0).any() or (g.scatter.diagonal()[unknown] != 0).any()) for g in groups)

    def became(self, design: Design, groups: Sequence[Comoments]) -> bool:
        """Whether these columns and sums are what has become of it."""
        try:
            settled, found = self.settled()
        except CannotGrowError:
            return False
        return settled.names == design.names and all(a.like(b) for a, b in zip(found.groups, groups, strict=True))

    def settled(self) -> tuple[Design, Collected]:
        """The design that the rows say, and what was found of its columns.

        Raises
        ------
        CannotGrowError
            Where what was learnt is not linear in what has grown.
        MissingValuesError, ColumnError, DataError
            As `learn` does.
        """
        design = levelled(self.draft, self.part.profiles)
        design = replace(design, states=states_of(self.draft.calls, self.part.arguments.parts))
        becoming = Becoming(self.draft, self.rough, self._gaps)
        if not becoming.is_linear():
            raise CannotGrowError
        levels = _levels(design, self.part.keys)
        made = [becoming.shares(design, column, levels) for column in design.columns]
        # Combinations of levels that no row has did not grow, and are 0.
        wanted = sorted({share.key for shares, _ in made for share in shares if not of_gaps(share.key)}, key=str)
        return design, self.part.made(tuple(dict.fromkeys((*self.part.keys, *wanted))), made)
