"""Typical: the values at which a line is looked at where nobody chose any: numbers at their training mean, levels by their shares.

Both come from the moments where these tell them. A column that is linear in a number tells its mean, as x, center(x), scale(x) and
poly(x, d)[1] do; log(x) alone does not, and then the training rows are read. The share of two levels together is a mean of products.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from bestline.data.design import Design, expression
from bestline.data.design.grid import TRUTH, levels_of
from bestline.errors import OptionError, listed
from bestline.inference.fitted import FittedLine
from bestline.inference.numbered_rows import Numbered, OverRows
from bestline.inference.training_rows import look
from bestline.numerics import inverted


def means_of(line: FittedLine, names: Sequence[str], data: Any = None) -> dict[str, float]:
    """The training mean, by weight, of columns of numbers.

    Raises OptionError where neither the moments nor rows tell one.
    """
    found = {name: mean for name in names if (mean := _told(line, name)) is not None}
    rest = tuple(name for name in names if name not in found)
    if not rest:
        return found
    if data is None and line.source is None:
        columns = [factor.text for factor in line.design.factors if set(rest) & set(factor.numbers)]
        # Moments are those of the columns that the line is made of: of log(x) they tell no mean of x, and of x:z none of either.
        knows = (
            f"knows that of {listed(columns)} alone"
            if set(columns) - set(rest)
            else "does not know it of what stands in products alone"
        )
        if line.design.absorbed is not None:
            knows = "knows its columns less the effects that are taken out"
        raise OptionError(
            f"The mean of {listed(rest)} is not known: a model without rows {knows}. Say where to look, as "
            f"at={{'{rest[0]}': 1.0}}, or give the training data."
        )
    sums = look(line, _Averages(rest), data)
    return found | dict(zip(rest, sums.mean.tolist(), strict=True))


def _told(line: FittedLine, name: str) -> float | None:
    """The mean of a column of numbers, as the moments have it."""
    design, center = line.design, line.training.center
    if design.absorbed is not None:  # the moments are of what effects leave of the columns
        return None
    for j, column in enumerate(design.columns):
        ((at, component), *others) = column.parts
        factor = design.factors[at]
        # The mean of a product is no product of means, so columns of several factors tell nothing here.
        if others or name not in factor.numbers:
            continue
        if factor.kind == "number":
            return float(center[j])
        ends = _linear(design, factor.text, name, component)
        if ends is not None:  # the value at which the column is at its mean
            values = torch.tensor(ends, dtype=torch.float64)
            column_there = expression(factor.text)({name: values}, design.states).reshape(2, -1)[:, component]
            slope = (column_there[1] - column_there[0]) / (ends[1] - ends[0])
            return ends[0] + float((center[j] - column_there[0]) / slope)
    return None


def _linear(design: Design, text: str, name: str, component: int) -> tuple[float, float] | None:
    """Two values of a number between which a component of an expression is linear in it, as it is everywhere; None where it is not."""
    own = expression(text)
    if component or own.columns != [name]:
        return None
    # Powers as they are: the first is the number itself.
    if not own.calls:
        return (0.0, 1.0) if own.width > 1 else None
    (call, *others) = own.calls
    state = design.states.get(call.text, {})
    if others or call.text != text or not call.argument.isidentifier() or not ({"mean", "middle"} & set(state)):
        return None
    middle = float(state["middle"] if "middle" in state else state["mean"])
    return middle, middle + float(state["half"] if "half" in state else state.get("deviation", 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class _Total:
    """The weight of some rows, and their means."""

    weight: float
    mean: Tensor

    def __add__(self, other: _Total) -> _Total:
        weight = self.weight + other.weight
        if weight == 0:
            return self
        # By the difference of means and not by sums: numbers far from zero keep their digits (Chan, Golub & LeVeque 1983).
        return _Total(weight, self.mean + (other.mean - self.mean) * (other.weight / weight))


@dataclass(frozen=True, eq=False)
class _Averages(OverRows[_Total]):
    """The pass that averages columns of numbers over the training rows."""

    names: tuple[str, ...]

    @property
    def columns(self) -> Sequence[str]:
        """Those."""
        return self.names

    def empty(self) -> _Total:
        """Of no rows."""
        return _Total(0.0, torch.zeros(len(self.names), dtype=torch.float64))

    def of(self, batch: Numbered) -> _Total:
        """Of some rows."""
        values = batch.batch.numbers(list(self.names)).cpu()[batch.at]
        w = torch.ones(len(values), dtype=torch.float64) if batch.rows.w is None else batch.rows.w.cpu().double()
        total = float(w.sum())
        return _Total(total, (w @ values) / total) if total > 0 else self.empty()


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """How often levels come in the training rows, by weight, as the moments tell it."""

    line: FittedLine
    levels: Mapping[str, tuple[str, ...]]
    columns: Mapping[frozenset[tuple[str, int]], int]

    @classmethod
    def told_by(cls, line: FittedLine) -> Shares:
        """Those of a line."""
        known = levels_of(line.design)
        # Where effects are absorbed the moments are of what they leave of the columns.
        return cls(line, known, {} if line.design.absorbed is not None else _of_categories(line.design, known))

    def of(self, name: str) -> tuple[float, ...]:
        """The share of each level of a category."""
        for factor in self.line.design.factors:
            if factor.kind == "category" and factor.column == name:
                known = dict(zip(factor.levels, factor.shares, strict=True))
                return tuple(known[level] for level in self.levels[name])
        # A column of true and false is 1 and 0 to X: its mean is the share of true.
        true = self._mean({name: 1})
        return 1.0 - true, true

    def together(self, levels: Mapping[str, int]) -> float:
        """The share of rows that have all these levels; raises OptionError where the moments do not tell it."""
        return self._expanded(list(levels.items()), {})

    def _expanded(self, levels: Sequence[tuple[str, int]], components: dict[str, int]) -> float:
        """The mean of the product of these levels' indicators, each in terms of columns, and of components."""
        if not levels:
            return self._mean(components) if components else 1.0
        (name, level), *others = levels
        return sum(
            share * self._expanded(others, components if at is None else {**components, name: at})
            for at, share in self._in_columns(name, level)
        )

    def _in_columns(self, name: str, level: int) -> list[tuple[int | None, float]]:
        """A level's indicator as a sum of components that X has, and of one (None)."""
        # Only indicators that X has a column of have a mean in the moments; others are put in terms of these.
        own = next((f for f in self.line.design.factors if f.kind == "category" and f.column == name), None)
        if own is not None and own.is_coded:
            # Components are M' times indicators; so indicators are the inverse's. The first column of M is one.
            found = inverted(own.values[:, own.width :])
            assert found is not None  # noqa: S101  the columns of a coding are apart
            inverse = found[:, level].tolist()
            return [(own.width + k if k else None, share) for k, share in enumerate(inverse)]
        if level > 0 or frozenset({(name, 0)}) in self.columns:
            return [(level, 1.0)]
        return [(None, 1.0), *((other, -1.0) for other in range(1, len(self.levels[name])))]

    def _mean(self, components: Mapping[str, int]) -> float:
        """The mean of a product of components."""
        # A product of two columns has its mean in their co-moment: so a product of up to two columns that X has will do.
        for first, second in _halves(frozenset(components.items())):
            if first in self.columns and second in self.columns:
                return self._mean_product(self.columns[first], self.columns[second])
        raise OptionError(
            f"How often levels of {listed(components)} come together is not known of this model; average them with weights='equal', or say "
            f"which with `at`."
        )

    def _mean_product(self, i: int, j: int) -> float:
        moments = self.line.training
        if i == j:
            return float(moments.center[i])
        # E[ab] = cov(a, b) + E[a] E[b]: the share of rows that have both levels.
        covariance = float(moments.scatter[i, j] * moments.unit[i] * moments.unit[j]) / moments.weight
        return covariance + float(moments.center[i] * moments.center[j])


def _of_categories(design: Design, known: Mapping[str, Sequence[str]]) -> dict[frozenset[tuple[str, int]], int]:
    """Columns of X that are products of categories' components, by these."""
    found: dict[frozenset[tuple[str, int]], int] = {}
    for j, column in enumerate(design.columns):
        parts = []
        for i, component in column.parts:
            factor = design.factors[i]
            if factor.kind == "category" and factor.levels == known[factor.column]:
                parts.append((factor.column, component))
            elif factor.truth and known[factor.column] == TRUTH:
                parts.append((factor.column, 1))
        if len(parts) == len(column.parts):
            found.setdefault(frozenset(parts), j)
    return found


def _halves(all_of: frozenset[tuple[str, int]]) -> Iterator[tuple[frozenset[tuple[str, int]], frozenset[tuple[str, int]]]]:
    """All of them twice, then every way to part them in two."""
    yield all_of, all_of
    for size in range(1, len(all_of)):
        for first in combinations(sorted(all_of), size):
            yield frozenset(first), all_of - frozenset(first)
