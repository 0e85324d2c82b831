"""Growing: a design that grows while its rows are read, so that one pass is enough for what is learnt and what is added up.

Of some rows the columns are spelt out with the levels that stand there, all of them: a level that comes later was 0 until then. A
value that is missing is filled with a rough mean, a constant known before, and marked in a column of its own; a transform centres
about a rough mean, too. When all rows have been read, whatever was learnt of them is done to the columns, since all of it is linear:

    reference level left out       x = x~ + (mean - rough) m      f(x) = f(x~) + (f(mean) - f(rough)) m      center(x) = x~ + (rough - mean)

where x~ is the filled column and m is 1 where the value is missing. Products multiply these out. What is not linear cannot grow: a
transform within an expression, orthogonal polynomials, and an expression of several columns where one of them has gaps.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from itertools import product
from operator import mul
from typing import TypeAlias

import torch

from bestline.data.design.columns import spelt_out
from bestline.data.design.design import Design
from bestline.data.design.draft import Draft
from bestline.data.design.expressions import Call, State, expression
from bestline.data.design.factors import MISSING_LEVEL, Column, Factor
from bestline.data.design.spellings import places
from bestline.data.tables import Batch

Part: TypeAlias = tuple[int, int | str]  # number of a factor; its component, of a category the level itself
# A column, as the product that it is: the same in all batches, whatever levels these have met.
Key: TypeAlias = tuple[Part, ...]

MOST_GROWN = 1_000  # columns; parts of more cost more to add than the rows cost to be read twice


class CannotGrowError(Exception):
    """The design cannot be learnt while the rows are added up; it takes passes of its own."""


@dataclass(frozen=True, eq=False)
class Rough:
    """Constants to fill gaps with (column -> value) and to centre about (text of a call -> value) until means are known."""

    fills: Mapping[str, float] = field(default_factory=dict)
    centres: Mapping[str, float] = field(default_factory=dict)

    @property
    def states(self) -> dict[str, State]:
        """As states of calls, which have no deviation yet."""
        return {text: {"mean": centre, "deviation": 1.0} for text, centre in self.centres.items()}


def can_grow(draft: Draft) -> bool:
    """Whether all that the draft has to learn is linear, as far as can be told before the rows are read."""
    alone = {term[0] for term in draft.formula.terms if len(term) == 1}
    joined = {piece for term in draft.formula.terms if len(term) > 1 for piece in term}
    learning = {p: expression(p.text).calls for p, k in draft.kinds.items() if isinstance(k, Factor) and k.kind == "expression"}
    shifts = all(piece in alone - joined and _is_shift(piece.text, calls) for piece, calls in learning.items() if calls)
    return shifts and not any(expression(r.text).calls for r in (*draft.responses, *draft.offsets) if r.kind == "expression")


def _is_shift(text: str, calls: Sequence[Call]) -> bool:
    """Whether an expression is a call of `center`, `scale` or `standardize` and nothing else."""
    (first, *others) = calls
    return not others and first.kind in ("center", "scale", "standardize") and ast.unparse(expression(text).tree) == first.text


def design_of_batch(draft: Draft, rough: Rough, batch: Batch) -> Design:
    """The columns of some rows: every level that stands there, and where values are filled in an indicator of that.

    Raises CannotGrowError where these are too many.
    """
    levels = []
    for name in draft.texts:
        codes, seen = batch.text(name)
        known = sorted(level for level in seen if level != MISSING_LEVEL)
        # Where gaps are not filled in, such rows are left out; but one level there must be.
        lacking = MISSING_LEVEL in seen or not known or (draft.missing == "impute" and bool((codes < 0).any()))
        levels.append((name, (*known, MISSING_LEVEL) if lacking else tuple(known)))
    gaps: tuple[str, ...] = ()
    if draft.missing == "impute":
        names = draft.number_columns()
        lacking_value = torch.isnan(batch.numbers(names)).any(0).tolist()
        gaps = tuple(name for name, lacks in zip(names, lacking_value, strict=True) if lacks)
    return _in_full(draft, rough, tuple(levels), gaps)


@lru_cache(maxsize=64)  # most batches have the same levels
def _in_full(draft: Draft, rough: Rough, levels: tuple[tuple[str, tuple[str, ...]], ...], gaps: tuple[str, ...]) -> Design:
    known = dict(levels)
    factors = [
        kind if isinstance(kind, Factor) else Factor(piece.text, "category", kind.column, known[kind.column])
        for piece, kind in draft.kinds.items()
    ]
    if sum(len(f.levels) for f in factors) > MOST_GROWN:
        raise CannotGrowError
    plain = spelt_out(draft, factors, full=True)
    numbers = draft.number_columns()
    factors += [Factor(f"{name} is missing", "gap", name) for name in numbers]
    gap_of = {name: len(plain.factors) + j for j, name in enumerate(numbers) if name in gaps}
    columns = {key_of(factors, column): column for column in plain.columns}
    others = [Column(name, name, ((at, 0),)) for name, at in gap_of.items()]
    for column in plain.columns:
        both = product(*(((i, at), *_gap_parts(factors[i], gap_of)) for i, at in column.parts))
        others += [Column(column.name, column.term, parts) for parts in both]
    for other in others:
        columns.setdefault(key_of(factors, other), other)
    if len(columns) > MOST_GROWN:
        raise CannotGrowError
    found = tuple(columns.values())
    means = {name: rough.fills.get(name, 0.0) for name in numbers}
    return Design(
        plain.formula,
        plain.responses,
        plain.intercept,
        tuple(factors),
        found,
        plain.weights,
        plain.missing,
        means=means if draft.missing == "impute" else {},
        states=rough.states,
        beside=plain.beside,
        offsets=plain.offsets,
        weight_kind=plain.weight_kind,
    )


def _gap_parts(factor: Factor, gap_of: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    """What stands beside a factor where values are filled in: the indicator, for a factor of one column."""
    read = factor.numbers
    if len(read) == 1 and read[0] in gap_of:
        yield (gap_of[read[0]], 0)


def key_of(factors: Sequence[Factor], column: Column) -> Key:
    """The column as the product that it is."""
    return tuple(_part(factors[i], i, at) for i, at in column.parts)


def _part(factor: Factor, i: int, at: int) -> Part:
    # Gaps have negative numbers, so that they can be told from values.
    return (-i, at) if factor.kind == "gap" else (i, factor.levels[at] if factor.kind == "category" else at)


def of_gaps(key: Key) -> bool:
    """Whether a column is of rows alone in which some value is missing."""
    return any(i < 0 for i, _ in key)


# --- what grown columns become --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Share:
    """What a column gives to a new one: `weight` times itself.

    Attributes
    ----------
    key : Key
    weight : float
    scale : float or None
        What it is multiplied by in the rows that it stands for, those with its pattern of gaps; None: they are not of the new column.
    """

    key: Key
    weight: float = 1.0
    scale: float | None = 1.0

    def __mul__(self, other: Share) -> Share:
        scale = None if self.scale is None or other.scale is None else self.scale * other.scale
        return Share((*self.key, *other.key), self.weight * other.weight, scale)


Sum: TypeAlias = tuple[list[Share], float]  # of which columns a new one is the sum, and what is added


@dataclass(frozen=True, eq=False)
class Becoming:
    """How the columns that grew about `rough` become others.

    Attributes
    ----------
    draft : Draft
    rough : Rough
    gaps : frozenset of str
        Columns that have values missing which were filled in.
    """

    draft: Draft
    rough: Rough
    gaps: frozenset[str]

    def is_linear(self) -> bool:
        """Whether no expression of several columns, and no transform, has read a value that was filled in."""
        filled = [f for f in self.draft.factors if f.kind == "expression" and self.gaps.intersection(f.numbers)]
        return all(len(f.numbers) == 1 and not expression(f.text).calls for f in filled)

    def shares(self, design: Design, column: Column, levels: Mapping[str, Sequence[str]]) -> Sum:
        """A column of a design, whose levels, means and states are known; `levels` are those of each column as the rows have them."""
        sums = []
        for i, at in column.parts:
            factor = design.factors[i]
            calls = expression(factor.text).calls if factor.kind == "expression" else ()
            if calls:  # of one transform, and no product: (x~ + rough - mean) / deviation
                state = design.states[calls[0].text]
                deviation = state.get("deviation", 1.0)
                added = (self.rough.centres[calls[0].text] - state["mean"]) / deviation
                return [Share(((i, at),), 1.0 / deviation, 1.0 / deviation)], added
            if factor.kind == "category":
                written = levels[factor.column]
                where, values = places(factor.levels, written, numeric=False), factor.at_levels(at)
                found = [(level, values[place]) for level, place in zip(written, where, strict=True) if place >= 0]
                sums.append([Share(((i, level),), value, value) for level, value in found if value])
            else:
                sums.append(self._filled(factor, i, at, design.means))
        return self._product(sums), 0.0

    def moved(self, key: Key, rough: Rough) -> Sum:
        """The same column about other constants."""
        sums = []
        for i, at in key:
            if i < 0 or isinstance(at, str):
                sums.append([Share(((i, at),))])
                continue
            factor = [*self.draft.kinds.values()][i]
            assert isinstance(factor, Factor)  # noqa: S101  categories have levels
            calls = expression(factor.text).calls if factor.kind == "expression" else ()
            if calls:
                return [Share(key)], self.rough.centres[calls[0].text] - rough.centres[calls[0].text]
            own, *others = self._filled(factor, i, at, rough.fills)
            sums.append([own, *(Share(other.key, other.weight, None) for other in others)])
        return self._product(sums), 0.0

    def _filled(self, factor: Factor, i: int, at: int, fills: Mapping[str, float]) -> list[Share]:
        """A component of a factor, its gaps filled with other values."""
        own, read = Share(((i, at),)), factor.numbers
        if len(read) != 1 or read[0] not in self.gaps:
            return [own]
        gap = len(self.draft.kinds) + self.draft.number_columns().index(read[0])
        before, after = (_value(factor, fill, at) for fill in (self.rough.fills[read[0]], fills[read[0]]))
        return [own, Share(((-gap, 0),), after - before, after)]

    def _product(self, sums: Sequence[Sequence[Share]]) -> list[Share]:
        """A product of sums, multiplied out."""
        if not all(sums):
            raise CannotGrowError
        return [reduce(mul, shares) for shares in product(*sums)]


def _value(factor: Factor, x: float, at: int) -> float:
    """A factor of one column at the value x."""
    if factor.kind == "number":
        return x
    found = expression(factor.text)({factor.numbers[0]: torch.tensor([x], dtype=torch.float64)}, {})
    return float(found.reshape(1, -1)[0, at])
