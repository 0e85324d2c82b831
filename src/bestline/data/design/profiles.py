"""Profiles: the passes in which a design is learnt, and what they find: levels, means, and what stateful functions need.

    share of a level = sum of w where it stands / sum w      mean = sum w x / sum w

All of it is learnt from the training rows alone: those outside the training part of a split, of weight 0, or left out because a
value is missing say nothing. So a level that only they have is a level never seen, and nothing of them leaks into the line.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from typing import Any, TypeAlias

import torch
from torch import Tensor

from bestline.data.design.adding import levels_added, means_added, products_added, spreads_added
from bestline.data.design.bases.quantiles import Counted
from bestline.data.design.expressions import Call, expression, legendre, legendre_terms
from bestline.data.passes import Adder, CannotAddError, Named, PartT, Pass
from bestline.data.tables import Batch
from bestline.numerics import RowVector

Training: TypeAlias = Callable[[Batch], Tensor]  # which rows of a batch are training rows, (n,) bool; a value, as a pass is

MOST_TEXTS = 20_000  # different texts kept of a column while counting


def gaps_in(batch: Batch, names: Sequence[str], texts: Container[str]) -> dict[str, Tensor]:
    """Where the values of columns are missing, (n,) bool each; `texts` are those that are read as text."""
    return {name: (batch.text(name)[0] < 0 if name in texts else batch.lacks(name)).cpu() for name in names}


@dataclass(frozen=True)
class Learnt:
    """How much each row counts in what is learnt: its weight; not at all outside training, and where a value is missing.

    Attributes
    ----------
    weights : str or None
        The column of weights, if there is one.
    training : callable or None
        Tells the training rows; None: all are.
    needed : tuple of str
        Columns without whose value a row is left out.
    texts : frozenset of str
        Those of them that are read as text.
    """

    weights: str | None = None
    training: Training | None = None
    needed: tuple[str, ...] = ()
    texts: frozenset[str] = frozenset()

    @property
    def columns(self) -> list[str]:
        """What it reads."""
        return [*([self.weights] if self.weights else []), *self.needed]

    def __call__(self, batch: Batch) -> RowVector:
        """The weight of each row, (n,)."""
        if self.weights:  # what is no weight is refused later, where the message can say in which row it stands
            weight = batch.numbers([self.weights])[:, 0].cpu().nan_to_num(0.0, posinf=0.0, neginf=0.0).clamp(min=0.0)
        else:
            weight = torch.ones(batch.rows, dtype=torch.float64)
        for gap in gaps_in(batch, self.needed, self.texts).values():
            weight = torch.where(gap, 0.0, weight)
        return weight if self.training is None else torch.where(self.training(batch), weight, 0.0)

    def inside(self, engine: Adder) -> tuple[Any, Any]:
        """Which rows of an engine's table count, and their weights, None where all are 1. Raises CannotAddError."""
        if self.training is not None:
            raise CannotAddError("rows of training are told by their place in the table")
        weight = engine.number(self.weights) if self.weights else None
        where = None if weight is None else weight > 0.0
        for name in self.needed:
            there = ~engine.lacks(name)
            where = there if where is None else where & there
        return where, weight


@dataclass(frozen=True)
class Levels:
    """The levels of a column: how often each comes and what those rows weigh; rows with a value and without, and what these weigh."""

    counts: Counter[str] = field(default_factory=Counter)
    weights: Mapping[str, float] = field(default_factory=dict)
    present: int = 0
    missing: int = 0
    missing_weight: float = 0.0

    @classmethod
    def of(cls, batch: Batch, column: str, weight: RowVector) -> Levels:
        """Of those of some rows that have a weight."""
        codes, seen = batch.text(column)
        there = weight > 0
        codes, weight = codes.cpu()[there] + 1, weight[there]  # code -1 is a missing value; moved by one it is counted first
        missing, *counts = torch.bincount(codes, minlength=len(seen) + 1).tolist()
        lost, *sums = torch.bincount(codes, weight, minlength=len(seen) + 1).tolist()
        found = Counter({level: number for level, number in zip(seen, counts, strict=True) if number})
        weighed = {level: total for level, total in zip(seen, sums, strict=True) if level in found}
        return cls(found, weighed, len(codes) - missing, missing, lost)

    @classmethod
    def inside(cls, column: str, counted: Learnt, engine: Adder) -> Levels:
        """Of the rows of an engine's table. Raises CannotAddError."""
        if engine.distinct([column], MOST_TEXTS) is None:  # which ones they are is of no use
            return cls(Counter({str(i): 1 for i in range(MOST_TEXTS + 1)}), {}, MOST_TEXTS + 1)
        return cls(*levels_added(column, *counted.inside(engine), engine))

    def also(self, levels: Iterable[str]) -> Levels:
        """The same, with levels that no row has."""
        new = [level for level in levels if level not in self.counts]
        # Not by `+`, which takes away what is counted 0 times.
        return replace(
            self, counts=Counter({**self.counts, **dict.fromkeys(new, 0)}), weights={**self.weights, **dict.fromkeys(new, 0.0)}
        )

    @property
    def overflowing(self) -> bool:
        """Whether there are more levels than anybody could want; then no more are counted."""
        return len(self.counts) > MOST_TEXTS

    # Parts that met different levels add: a level that one has not met, it has met 0 times.
    def __add__(self, other: Levels) -> Levels:
        # Which levels are kept then may depend on the order of the batches; that there are too many does not, and it is all that is used.
        if self.overflowing or other.overflowing:
            return self if self.overflowing else other
        weights = dict(self.weights)
        for level, weight in other.weights.items():
            weights[level] = weights.get(level, 0.0) + weight
        return Levels(
            self.counts + other.counts,
            weights,
            self.present + other.present,
            self.missing + other.missing,
            self.missing_weight + other.missing_weight,
        )

    def __sub__(self, other: Levels) -> Levels:
        """Rows taken away; a level of which no row is left is none."""
        counts = self.counts - other.counts
        weights = {level: max(self.weights[level] - other.weights.get(level, 0.0), 0.0) for level in counts}
        missing_weight = max(self.missing_weight - other.missing_weight, 0.0)
        return Levels(
            counts, weights, max(self.present - other.present, 0), max(self.missing - other.missing, 0), missing_weight
        )


@dataclass(frozen=True)
class Mean:
    """The mean of numbers, and the weight behind it."""

    weight: float = 0.0
    mean: float = 0.0

    @classmethod
    def of(cls, values: RowVector, weight: RowVector) -> Mean:
        """Of some rows, those left out whose value is missing."""
        there = ~torch.isnan(values)
        kept, w = values[there], weight[there]
        total = float(w.sum())
        if total == 0:
            return cls()
        # About one of the values, so that the mean of equal numbers is that number, to the last bit.
        middle = float(kept[w > 0][0])
        return cls(total, middle + float(((kept - middle) * (w / total)).sum()))

    def __add__(self, other: Mean) -> Mean:
        if other.weight == 0:
            return self
        weight = self.weight + other.weight
        # A step towards the other mean, and not a sum divided at the end: an offset costs no digits.
        return Mean(weight, self.mean + (other.mean - self.mean) * other.weight / weight)

    def __sub__(self, other: Mean) -> Mean:
        weight = self.weight - other.weight
        if other.weight == 0 or weight <= 0:
            return self if other.weight == 0 else Mean()
        return Mean(weight, self.mean + (self.mean - other.mean) * other.weight / weight)


@dataclass(frozen=True)
class Profiles:
    """What is known of columns: the levels of some, the means of others."""

    levels: Named[str, Levels]
    means: Named[str, Mean]

    def __add__(self, other: Profiles) -> Profiles:
        return Profiles(self.levels + other.levels, self.means + other.means)

    def __sub__(self, other: Profiles) -> Profiles:
        return Profiles(
            Named({name: own - other.levels[name] for name, own in self.levels.parts.items()}),
            Named({name: own - other.means[name] for name, own in self.means.parts.items()}),
        )


@dataclass(frozen=True)
class Profile(Pass[Batch, Profiles]):
    """The pass for the levels of some columns, be they texts or numbers, and the means of others."""

    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    counted: Learnt

    @property
    def numbered(self) -> bool:
        """Where a split says which rows are those of training."""
        return self.counted.training is not None

    what = "learning the columns"

    @property
    def columns(self) -> list[str]:
        """What is profiled, and the weights."""
        return [*self.texts, *self.numbers, *self.counted.columns]

    def empty(self) -> Profiles:
        """Columns of which nothing is known."""
        return Profiles(Named({name: Levels() for name in self.texts}), Named({name: Mean() for name in self.numbers}))

    def of(self, batch: Batch) -> Profiles:
        """What some rows say."""
        weight = self.counted(batch)
        return Profiles(
            Named({name: Levels.of(batch, name, weight) for name in self.texts}),
            Named({name: Mean.of(batch.numbers([name])[:, 0].cpu(), weight) for name in self.numbers}),
        )

    def inside(self, engine: Adder) -> Profiles:
        """The same from what an engine adds up. Raises CannotAddError."""
        means = means_added(self.numbers, *self.counted.inside(engine), engine) if self.numbers else {}
        return Profiles(
            Named({name: Levels.inside(name, self.counted, engine) for name in self.texts}),
            Named({name: Mean(*found) for name, found in means.items()}),
        )


@dataclass(frozen=True, slots=True)
class ArgumentSummary:
    """Count, mean, sum of squared deviations and range of an argument, merged over batches (Chan et al. 1983)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    @classmethod
    def of(cls, values: Tensor) -> ArgumentSummary:
        """Of some values (n,)."""
        if len(values) == 0:
            return cls()
        mean = float(values.mean())
        return cls(len(values), mean, float(((values - mean) ** 2).sum()), float(values.min()), float(values.max()))

    def __add__(self, other: ArgumentSummary) -> ArgumentSummary:
        if other.count == 0:
            return self
        # Chan, Golub & LeVeque's update, as in `numerics.comoments`, for one column.
        count, step = self.count + other.count, other.mean - self.mean
        squares = self.squares + other.squares + step**2 * self.count * other.count / count
        low, high = min(self.low, other.low), max(self.high, other.high)
        return ArgumentSummary(count, self.mean + step * other.count / count, squares, low, high)

    def __sub__(self, other: ArgumentSummary) -> ArgumentSummary:
        """Values taken away; the range seen stays."""
        count = self.count - other.count
        if other.count == 0 or count <= 0:
            return self if other.count == 0 else ArgumentSummary()
        mean = self.mean + (self.mean - other.mean) * other.count / count
        squares = self.squares - other.squares - (other.mean - mean) ** 2 * count * other.count / self.count
        return ArgumentSummary(count, mean, max(squares, 0.0), self.low, self.high)

    @property
    def middle(self) -> float:
        """Middle of the range."""
        return self.low / 2 + self.high / 2

    @property
    def half(self) -> float:
        """Half the width of the range; 1 for a constant."""
        return (self.high / 2 - self.low / 2) or 1.0


@dataclass(frozen=True)
class _OfArguments(Pass[Batch, PartT]):
    """A pass over the arguments of stateful calls in the training rows; gaps are filled with `means`, or left out if it is None."""

    calls: tuple[Call, ...]
    means: Mapping[str, float] | None
    counted: Learnt

    @property
    def numbered(self) -> bool:
        """Where a split says which rows are those of training."""
        return self.counted.training is not None

    @property
    def names(self) -> list[str]:
        """Columns that the arguments are made of."""
        return list(dict.fromkeys(c for call in self.calls for c in expression(call.argument).columns))

    @property
    def columns(self) -> list[str]:
        """Those, and the weights."""
        return [*self.names, *self.counted.columns]

    def values(self, batch: Batch) -> Iterator[tuple[Call, Tensor]]:
        """Each call, and its argument in the training rows that have one."""
        names, numbers = self.names, batch.numbers(self.names).cpu()
        if self.means is not None:  # as the design fills them in: what is learnt must fit what it will be used on
            means = torch.tensor([self.means.get(name, float("nan")) for name in names], dtype=torch.float64)
            numbers = torch.where(torch.isnan(numbers), means, numbers)
        # Nothing is learnt from rows outside training, nor from those that cannot be computed.
        usable = (self.counted(batch) > 0) & torch.isfinite(numbers).all(1)
        columns = {name: numbers[usable, j] for j, name in enumerate(names)}
        for call in self.calls:
            argument = expression(call.argument)(columns, {})
            yield call, argument[torch.isfinite(argument)]

    def arguments(self, engine: Adder) -> tuple[Any, dict[Call, Any]]:
        """The same of an engine's table: which rows have all arguments, and each of them. Raises CannotAddError."""
        counted = self.counted if self.means is not None else replace(self.counted, needed=(*self.counted.needed, *self.names))
        where, _ = counted.inside(engine)
        columns = {name: engine.number(name) for name in self.names}
        if self.means is not None:
            columns = {name: engine.if_else(engine.lacks(name), self.means[name], x) for name, x in columns.items()}
        return where, {call: expression(call.argument).inside(engine, columns, {})[0] for call in self.calls}


@dataclass(frozen=True)
class Summarise(_OfArguments[Named[Call, ArgumentSummary]]):
    """The pass for the mean, deviation and range of every argument."""

    what = "learning the transforms"

    def empty(self) -> Named[Call, ArgumentSummary]:
        """Of no rows."""
        return Named(dict.fromkeys(self.calls, ArgumentSummary()))

    def of(self, batch: Batch) -> Named[Call, ArgumentSummary]:
        """Of some rows."""
        return Named({call: ArgumentSummary.of(values) for call, values in self.values(batch)})

    def inside(self, engine: Adder) -> Named[Call, ArgumentSummary]:
        """The same from what an engine adds up. Raises CannotAddError."""
        where, arguments = self.arguments(engine)
        found = spreads_added({call.text: x for call, x in arguments.items()}, where, engine)
        return self.empty() + Named({call: ArgumentSummary(*found[call.text]) for call in arguments})


@dataclass(frozen=True, kw_only=True)
class Gram(_OfArguments[Named[Call, Tensor]]):
    """The pass for G = sum P P' of polynomials P that are orthogonal over the range, and nearly so over the rows.

    Powers would not do: by the tenth, float64 has lost what tells them apart.
    """

    ranges: Mapping[Call, ArgumentSummary]

    what = "learning the polynomials"

    def empty(self) -> Named[Call, Tensor]:
        """Of no rows."""
        return Named({})

    def of(self, batch: Batch) -> Named[Call, Tensor]:
        """Of some rows."""
        found = {}
        for call, values in self.values(batch):
            basis = legendre(values, call.degree, self.ranges[call].middle, self.ranges[call].half)
            found[call] = basis.T @ basis
        return Named(found)

    def inside(self, engine: Adder) -> Named[Call, Tensor]:
        """The same from what an engine adds up. Raises CannotAddError."""
        where, arguments = self.arguments(engine)
        found = {}
        for call, x in arguments.items():
            terms = legendre_terms(x, call.degree, self.ranges[call].middle, self.ranges[call].half)
            found[call] = products_added(terms, where, engine)
        return Named(found)


@dataclass(frozen=True)
class CountValues(_OfArguments[Named[Call, Counted]]):
    """The pass that counts the values of every argument, for quantiles of them."""

    what = "learning the knots"

    def empty(self) -> Named[Call, Counted]:
        """Of no rows."""
        return Named({call: Counted() for call in self.calls})

    def of(self, batch: Batch) -> Named[Call, Counted]:
        """Of some rows."""
        return Named({call: Counted.of(values) for call, values in self.values(batch)})


@dataclass(frozen=True)
class Gaps:
    """Rows, those of them that lack a value, and how many lack that of each column."""

    rows: int
    gapped: int
    columns: Named[str, int]

    def __add__(self, other: Gaps) -> Gaps:
        return Gaps(self.rows + other.rows, self.gapped + other.gapped, self.columns + other.columns)


@dataclass(frozen=True)
class CountGaps(Pass[Batch, Gaps]):
    """The pass that counts missing values in columns, some of which are read as text."""

    names: tuple[str, ...]
    texts: frozenset[str]

    numbered = False

    @property
    def columns(self) -> Sequence[str]:
        """The columns."""
        return self.names

    def empty(self) -> Gaps:
        """None."""
        return Gaps(0, 0, Named(dict.fromkeys(self.names, 0)))

    def of(self, batch: Batch) -> Gaps:
        """Those of some rows."""
        gaps = gaps_in(batch, self.names, self.texts)
        holes = torch.stack([torch.zeros(batch.rows, dtype=torch.bool), *gaps.values()]).any(0)
        return Gaps(batch.rows, int(holes.sum()), Named({name: int(gap.sum()) for name, gap in gaps.items()}))

    def inside(self, engine: Adder) -> Gaps:
        """The same from what an engine adds up. Raises CannotAddError."""
        gaps = {name: engine.lacks(name) for name in self.names}
        values = {name: engine.if_else(gap, 1, 0) for name, gap in gaps.items()}
        if gaps:  # of no columns it counts the rows
            values["any column"] = engine.if_else(reduce(or_, gaps.values()), 1, 0)
        found = engine.added(values, dict)
        count = {name: int(total[0]) for name, total in found.sums.items()}
        gapped = count.pop("any column", 0)
        return Gaps(int(found.count[0]), gapped, Named(count))
