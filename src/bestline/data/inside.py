"""Inside: the moments of a design's columns from what an engine adds up where the rows are; rows never leave it.

Two questions are asked. The first, of all rows: how many count, what is missing, and of each variable the mean, the least and the
largest. The second, of each group of rows that have the same levels: sums and sums of products about those means. What is multiplied
by 0 or 1 for a level is known of a group as a whole, so a column of the design is a number times a variable there (`numerics.pooled`).

Where the features have few different rows, these are the groups, and the target alone is a variable: then whatever the formula makes
of the features is computed here, of each distinct row once (the compressed table of Wong, Forsell, Lewis, Mao & Wardrop 2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from bestline.data.design import Design, expression
from bestline.data.design.adding import known, pieces, whole
from bestline.data.design.factors import Factor, one_hot
from bestline.data.folds import ByValue
from bestline.data.passes import Added, Adder, CannotAddError
from bestline.data.tables import Batch
from bestline.errors import DataError, listed, readable
from bestline.numerics import Columns, Comoments, Rows
from bestline.numerics.comoments import HUGE, TINY
from bestline.numerics.pooled import PooledSums, is_exact, lost, pooled

MOST_VARIABLES = 60  # whose products are asked for
MOST_GROUPS = 100_000
_WHOLE = 2.0**53  # from here on float64 has not every whole number


@dataclass(frozen=True, slots=True, eq=False)
class AddedUp:
    """What an engine added up, as the rows would have been: see `Collected`, which has the same."""

    groups: tuple[Comoments, ...]
    low: Columns
    high: Columns
    read: int
    dropped: int
    imputed: dict[str, int]
    unseen: dict[tuple[str, str], int]
    strange: int


def added_up(design: Design, folds: ByValue | None, engine: Adder) -> AddedUp:
    """The moments of the rows of an engine's table, fold by fold. Raises CannotAddError."""
    question = _Question.of(design, () if folds is None else folds.columns, engine)
    rough = question.rough()
    sums, answer = question.sums(rough)
    rows = _Distinct.of(question, answer)
    kept = torch.nonzero(rows.kept)[:, 0]
    fold = torch.zeros(len(kept), dtype=torch.long) if folds is None else _folds(folds, answer)[kept]
    sums, factor, variable = sums[kept], rows.factor[kept], question.variable_of_column()
    parts = [pooled(sums[own], factor[own], variable) for own in _each(fold, 1 if folds is None else len(folds.values))]
    _say(question, rough, len(answer.count))
    return AddedUp(
        tuple(replace(moments, cancelled=rough.lost) if moments.count else moments for moments, _, _ in parts),
        torch.stack([low[: design.p] for _, low, _ in parts]).amin(0),
        torch.stack([high[: design.p] for _, _, high in parts]).amax(0),
        rough.read,
        rough.dropped + rows.dropped,
        {name: count for name, count in (rough.imputed | rows.imputed).items() if count},
        rows.unseen,
        rows.strange,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Repeated:
    """The distinct rows of the features, weights and some columns besides, of which each stands for many rows.

    Attributes
    ----------
    rows : Rows
        X (n, p) and weights of each; y (n, k) the mean of its rows.
    count : Tensor (n,)
        How many there are of each.
    squares : Tensor (n, k)
        Sum over them of (y - mean)^2.
    keys : Batch
        The columns besides, of a few rows more: those that lack a value.
    at : Tensor (n,)
        Places in `keys`.
    """

    rows: Rows
    count: Tensor
    squares: Tensor
    keys: Batch
    at: Tensor


def distinct_rows(design: Design, more: Sequence[str], engine: Adder) -> Repeated:
    """The distinct rows of an engine's table, alike in the features, the weight and the columns `more`. Raises CannotAddError."""
    weights = [design.weights] if design.weights else []
    question = _Question.of(design, [*weights, *more], engine)
    if not question.distinct:
        raise CannotAddError("the features have too many different rows")
    rough = question.rough()
    sums, answer = question.sums(rough)
    coded = _Distinct.of(question, answer)
    if coded.strange or (design.missing == "raise" and (rough.dropped or coded.dropped)):
        raise CannotAddError("some rows cannot be used")
    at = torch.nonzero(coded.kept)[:, 0]
    sums = sums[at]
    variable = question.variable_of_column()[design.p :]
    w = answer.keys.numbers(weights)[at, 0] if weights else None
    # Rows alike in all columns of X share a fitted value: only how their targets scatter about their mean is left to know.
    about = sums.products.diagonal(dim1=1, dim2=2) - sums.sums**2 / sums.weight[:, None]
    squares = about.clamp(min=0) if w is None else about.clamp(min=0) / w[:, None]
    mean = sums.center + sums.sums / sums.weight[:, None]
    _say(question, rough, len(answer.count))
    rows = Rows(coded.factor[at, : design.p], mean[:, variable], w)
    return Repeated(rows, sums.count, squares[:, variable], answer.keys, at)


def _each(fold: Tensor, folds: int) -> list[Tensor]:
    return [torch.nonzero(fold == i)[:, 0] for i in range(folds)]


def _folds(folds: ByValue, answer: Added) -> Tensor:
    codes, seen = answer.keys.text(folds.column)
    number = {value: fold for fold, value in enumerate(folds.values)}
    found = torch.tensor([*(number.get(value, -1) for value in seen), -1])[codes.cpu()]
    if bool((found < 0).any()):  # whoever reads the rows says in which of them
        raise CannotAddError(f"column {readable(folds.column)} lacks a value")
    return found


def _say(question: _Question, rough: _Rough, groups: int) -> None:
    way = f"{groups:,} distinct rows of the features" if question.distinct else f"sums of {len(question.variables)} variables"
    within = f" in each of {groups:,} groups" if groups > 1 and not question.distinct else ""
    engine = question.engine
    engine.say(
        f"{engine.name} added up {rough.used:,} rows where they are: {way}{within} came back, {max(engine.returned // 1000, 1):,} kB, "
        f"and no rows."
    )


@dataclass(slots=True, eq=False)
class _Rough:
    """What the first question tells."""

    read: int
    used: int
    dropped: int
    imputed: dict[str, int]
    mean: Tensor
    size: Tensor
    heaviest: float
    lost: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """What is asked.

    Attributes
    ----------
    design, engine
    keys : tuple of str
        Columns that tell the groups.
    distinct : bool
        Whether the groups are the distinct rows of the features; then the targets alone are variables.
    variables : dict
        What is added up -> its expression: products of numeric factors, as (factor, component) each, and targets by their number.
    used, there : Any
        Conditions: which rows count, and which of them are there at all, having a weight.
    """

    design: Design
    engine: Adder
    keys: tuple[str, ...]
    distinct: bool
    variables: dict[Any, Any]
    used: Any
    there: Any
    filled: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, design: Design, more: Sequence[str], engine: Adder) -> _Question:
        """The question of a design, whose groups are told by some columns `more`. Raises CannotAddError."""
        if design.absorbed is not None:
            raise CannotAddError("absorbed effects are taken out row by row")
        numbers, impute = design.number_columns(), design.missing == "impute"
        for name in [*numbers, *design.target_columns, *([design.weights] if design.weights else [])]:
            engine.number(name)
        keys = tuple(dict.fromkeys([*design.texts, *more]))
        every = tuple(dict.fromkeys([*numbers, *keys]))
        # Where features repeat themselves the distinct rows say all; else sums over groups of categories do, and of numbers their products.
        few = bool(numbers) and engine.repeats(every) and engine.distinct(every, MOST_GROUPS) is not None
        distinct = few or not numbers
        if not few and keys and engine.distinct(keys, MOST_GROUPS) is None:
            raise CannotAddError(f"{listed(keys)} tell more than {MOST_GROUPS:,} groups of rows")
        keys = every if distinct else keys
        needed = [
            *design.target_columns,
            *([design.weights] if design.weights else []),
            *([] if impute or distinct else numbers),
            *design.beside,
        ]
        there = True if not design.weights else engine.lacks(design.weights) | (engine.number(design.weights) != 0.0)
        gaps = engine.lacks(needed[0])
        for name in needed[1:]:
            gaps = gaps | engine.lacks(name)
        used = ~gaps if there is True else there & ~gaps
        filled = tuple(numbers) if impute and not distinct else ()
        question = cls(design, engine, keys, distinct, {}, used, there, filled)
        question._name_variables()
        return question

    def _name_variables(self) -> None:
        """Fill in the variables. Raises CannotAddError where they are too many, or one cannot be said."""
        design, engine = self.design, self.engine
        values = {name: self._value(name) for name in ([] if self.distinct else design.number_columns())}
        factors = {i: _said(f, values, design, engine) for i, f in enumerate(design.factors) if self.is_variable(i)}
        for column in design.columns:
            parts = self.numeric(column.parts)
            # Within a group the categories stand still, so a column is its product of numbers times one number: each product is asked for once.
            if parts and parts not in self.variables:
                product, *others = (factors[i][at] for i, at in parts)
                for other in others:
                    product = product * other
                self.variables[parts] = product
        targets = {name: engine.number(name) for name in design.target_columns}
        self.variables.update({k: _said(response, targets, design, engine)[0] for k, response in enumerate(design.trained)})
        if len(self.variables) > MOST_VARIABLES:
            raise CannotAddError(f"there are {len(self.variables):,} variables, and {MOST_VARIABLES} is the most")

    def _value(self, name: str) -> Any:
        value = self.engine.number(name)
        return self.engine.if_else(self.engine.lacks(name), self.design.means[name], value) if name in self.filled else value

    def is_variable(self, factor: int) -> bool:
        """Whether a factor varies within a group."""
        return not self.distinct and self.design.factors[factor].kind != "category"

    def numeric(self, parts: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        """What varies within a group of the product that a column is."""
        return tuple(part for part in parts if self.is_variable(part[0]))

    def variable_of_column(self) -> Tensor:
        """The number of each column's variable, features first, then targets; -1: none."""
        number = {name: i for i, name in enumerate(self.variables)}
        features = [number[parts] if (parts := self.numeric(c.parts)) else -1 for c in self.design.columns]
        return torch.tensor([*features, *(number[k] for k in range(len(self.design.responses)))], dtype=torch.long)

    # --- the two questions ---

    def rough(self) -> _Rough:
        """How many rows count, and where each variable lies. Raises CannotAddError for what only rows can tell."""
        design, engine = self.design, self.engine
        read, there, heaviest = self._counts()
        values = {f"z{i}": z for i, z in enumerate(self.variables.values())}
        gaps = {f"gap {name}": engine.if_else(engine.lacks(name), 1, 0) for name in self.filled}
        numbers = dict.fromkeys([*design.target_columns, *([] if self.distinct else design.number_columns())])
        whole = {f"whole {name}": engine.number(name) for name in numbers if engine.large(name)}
        found = engine.added(
            values | gaps | whole,
            lambda v: {name: v[name] for name in (*values, *gaps)} | {f"known {name}": known(v[name]) for name in values},
            where=self.used,
            ends=[*values, *whole],
        )
        for name in whole:
            if max(abs(float(end[name][0])) for end in (found.low, found.high)) >= _WHOLE:
                raise CannotAddError(f"{readable(name.removeprefix('whole '))} has whole numbers that float64 rounds")
        low, high, total, finite = (
            torch.tensor([float(part[before + z][0]) for z in values], dtype=torch.float64)
            for part, before in ((found.low, ""), (found.high, ""), (found.sums, ""), (found.sums, "known "))
        )
        used = int(found.count[0])
        # A rough mean will do as a centre, which need not be the mean itself: moments are moved to it afterwards.
        mean, largest = total / max(used, 1), torch.maximum(high.abs(), low.abs())
        size = torch.maximum((high - mean).abs(), (low - mean).abs())
        # Their squares would leave the range of float64 without a word from the engine.
        extreme = (largest > HUGE) | ((largest < TINY) & (largest > 0))
        if used and (bool((finite != used).any()) or not bool(size.isfinite().all()) or bool(extreme.any())):
            raise CannotAddError("a number is not finite, or too large or too small to be squared")
        imputed = {name: int(found.sums[f"gap {name}"][0]) for name in self.filled}
        return _Rough(read, used, there - used, imputed, mean.nan_to_num(0.0), size.nan_to_num(0.0), heaviest)

    def _counts(self) -> tuple[int, int, float]:
        """How many rows there are, how many of these have a weight or lack one, and the largest weight."""
        if self.design.weights is None:
            read = int(self.engine.added({}, dict).count[0])
            return read, read, 1.0
        values = {"there": self.engine.if_else(self.there, 1, 0), "weight": self.engine.number(self.design.weights)}
        found = self.engine.added(values, lambda v: {"there": v["there"]}, ends=["weight"])
        # The heaviest weight bounds the products, and the least tells what no weight can be.
        least, heaviest = (float(end["weight"][0]) for end in (found.low, found.high))
        if least < 0 or heaviest == float("inf"):
            raise CannotAddError("a weight is negative or not finite")
        return int(found.count[0]), int(found.sums["there"][0]), heaviest

    def sums(self, rough: _Rough) -> tuple[PooledSums, Added]:
        """Sums and products about the rough means, of each group. Raises CannotAddError."""
        weighted, a = self.design.weights is not None, len(self.variables)
        values: dict[str, Any] = {}
        for i, (z, centre) in enumerate(zip(self.variables.values(), rough.mean.tolist(), strict=True)):
            # What the engine makes of the number that it is given, it says itself: 0 z + c.
            values |= {f"z{i}": z, f"d{i}": z - centre, f"c{i}": z * 0.0 + centre}
        if weighted:
            w = self.engine.number(str(self.design.weights))
            values |= {"w": w, "log": self.engine.functions["log"](w)}
        size = [rough.heaviest, *(s * rough.heaviest for s in rough.size.tolist())]
        pairs = [(i, j) for j in range(a + 1) for i in range(j + 1) if weighted or j]  # number 0 is 1 in every row
        # A bound for every product, which sigma is made from: see `numerics.pooled`.
        largest = {(i, j): size[j] * (rough.size[i - 1].item() if i else 1.0) for i, j in pairs}

        def asked(v: Mapping[str, Any]) -> dict[str, Any]:
            found: dict[str, Any] = {"log": v["log"]} if weighted else {}
            for i, j in pairs:
                parts = [*([v["w"]] if weighted else []), *([v[f"d{i - 1}"]] if i else []), *([v[f"d{j - 1}"]] if j else [])]
                p = parts[0]
                for part in parts[1:]:
                    p = p * part
                found |= pieces(f"{i} {j}", p, largest[i, j], rough.used)
            return found

        ends = [name for name in values if name[0] in "zc"]
        answer = self.engine.added(values, asked, where=self.used, keys=self.keys, ends=ends)
        groups = len(answer.count)
        if int(answer.count.sum()) != rough.used:
            raise DataError(
                f"{self.engine.name} gave {rough.used:,} rows and then {int(answer.count.sum()):,}: the query has to give the same rows each time, "
                f"and no random sample; keep its rows in a table first."
            )
        # Whether the engine rounds as IEEE has it is looked at, not taken for granted: some fuse or reorder operations.
        exact = all(is_exact(answer.sums[f"high {i} {j}"], most, rough.used) for (i, j), most in largest.items())
        products = torch.zeros(groups, a + 1, a + 1, dtype=torch.float64)
        for i, j in pairs:
            products[:, i, j] = products[:, j, i] = whole(answer, f"{i} {j}")
        weight = products[:, 0, 0] if weighted else answer.count.double()
        # The centre as the engine read it from the text of the query, which may differ in the last bit from ours.
        centre = [float(answer.high[f"c{i}"][0]) if groups else 0.0 for i in range(a)]
        mean_square = products[:, 1:, 1:].diagonal(dim1=1, dim2=2).sum(0) / max(float(weight.sum()), TINY)
        rough.lost = lost(rough.used, rough.size, mean_square, exact=exact) if rough.used else 1.0
        low, high = (torch.stack([end[f"z{i}"] for i in range(a)], 1) for end in (answer.low, answer.high))
        log_weight = answer.sums["log"] if weighted else torch.zeros(groups, dtype=torch.float64)
        centres = torch.tensor(centre, dtype=torch.float64)
        return PooledSums(answer.count, weight, log_weight, centres, products[:, 0, 1:], products[:, 1:, 1:], low, high), answer


def _said(factor: Factor, values: Mapping[str, Any], design: Design, engine: Adder) -> list[Any]:
    """The components of a number or an expression as the engine's."""
    if factor.kind == "number":
        return [values[factor.column]]
    return expression(factor.text).inside(engine, values, design.states)


# --- the groups, as the design has them ----------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Distinct:
    """The groups encoded: by what the variables are multiplied, which groups count, and what is to be said of the others.

    Attributes
    ----------
    factor : Tensor (G, q)
    kept : Tensor (G,)
    dropped : int
        Rows of groups that lack a value.
    imputed, unseen, strange
        As in Encoded.
    """

    factor: Tensor
    kept: Tensor
    dropped: int = 0
    imputed: dict[str, int] = field(default_factory=dict)
    unseen: dict[tuple[str, str], int] = field(default_factory=dict)
    strange: int = 0

    @classmethod
    def of(cls, question: _Question, answer: Added) -> _Distinct:
        """Those of an answer. Raises CannotAddError for numbers that only rows can refuse."""
        design, batch, count = question.design, answer.keys, answer.count
        impute, groups = design.missing == "impute", len(answer.count)
        holes, strange = torch.zeros(groups, dtype=torch.bool), torch.zeros(groups, dtype=torch.bool)
        found = cls(torch.ones(groups, design.p + len(design.responses), dtype=torch.float64), holes)
        values: dict[str, Tensor] = {}
        if question.distinct:
            names = design.number_columns()
            raw = batch.numbers(names)
            if bool((raw.abs() >= HUGE).any()) or any(
                question.engine.large(n) and bool((raw.abs() >= _WHOLE).any()) for n in names
            ):
                raise CannotAddError("a number is not finite, or too large")
            gaps, (numbers, lacking, _) = raw.isnan(), design.filled(raw, names)
            holes = holes if lacking is None else holes | lacking
            found.imputed = {n: int(count[gaps[:, j]].sum()) for j, n in enumerate(names)} if impute else {}
            values = {name: numbers[:, j] for j, name in enumerate(names)}
        parts: list[Tensor | None] = []
        for i, factor in enumerate(design.factors):
            if factor.kind == "category":
                coded = one_hot(factor, batch, impute=impute)
                parts.append(coded.values)
                holes = holes if coded.missing is None else holes | coded.missing
                if coded.filled is not None:
                    found.imputed[factor.column] = int(count[coded.filled].sum())
                if coded.unseen is not None:
                    strange |= coded.unseen
                    for code, rows in zip(coded.codes[coded.unseen].tolist(), count[coded.unseen].tolist(), strict=True):
                        key = factor.column, coded.seen[code]
                        found.unseen[key] = found.unseen.get(key, 0) + int(rows)
            elif question.is_variable(i):
                parts.append(None)
            elif factor.kind == "number":
                parts.append(values[factor.column][:, None])
            else:
                made = expression(factor.text)(values, design.states)
                parts.append(made[:, None] if made.ndim == 1 else made)
        for j, column in enumerate(design.columns):
            for i, at in column.parts:
                part = parts[i]
                if part is not None:
                    # What varies within the group is in its sums already.
                    found.factor[:, j] *= part[:, at]
        if not bool(found.factor[~holes].isfinite().all()):
            raise CannotAddError("an expression is not a finite number")
        found.dropped, found.strange = int(count[holes].sum()), int(count[strange & ~holes].sum())
        found.kept = ~(holes | strange)
        return found
