"""Factors: what the columns of X are products of: numbers, expressions, and categories, which have an indicator for each level.

Of a category, 0 and 1 say which level a row has. A level that no training row has, it never saw: nothing is known of such a row.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from keyword import iskeyword
from typing import Any, TypeAlias

import torch
from torch import Tensor

from bestline.data.design.bases.contrasts import CODINGS, contrasts
from bestline.data.design.expressions import State, expression
from bestline.data.design.spellings import places
from bestline.data.tables import Batch
from bestline.errors import listed, readable

_MOST_CODED = 8_000  # levels: more columns no design has
MISSING_LEVEL = "(missing)"

_LISTS = ("knots", "means")
_STATES = {
    "center": {"mean"},
    "scale": {"mean", "deviation"},
    "standardize": {"mean", "deviation"},
    "poly": {"middle", "half", "basis"},
}

Unseen: TypeAlias = Mapping[tuple[str, str], int]  # (column, level that no training row has) -> rows


def said_unseen(unseen: Unseen) -> str:
    """That these levels are in no training row, and how many rows have them here: the beginning of a sentence."""
    by_column: dict[str, dict[str, int]] = {}
    for (column, level), rows in sorted(unseen.items()):  # the same in whatever order batches came
        by_column.setdefault(column, {})[level] = rows
    said = []
    for column, levels in by_column.items():
        rows = sum(levels.values())
        what = f"level{'s' if len(levels) > 1 else ''} {listed(levels)}"
        said.append(f"the {what} of {readable(column)} ({rows:,} row{'s' if rows > 1 else ''})")
    text = " and ".join(said)
    return f"{text[0].upper()}{text[1:]} {'stand' if len(unseen) > 1 else 'stands'} in no training row"


@dataclass(frozen=True, slots=True)
class Factor:
    """What terms multiply.

    Attributes
    ----------
    text : str
        As written in the formula.
    kind : str
        "number" (a column as it stands), "expression" or "category"; while a design grows also "gap": 1 where the column has no value.
    column : str
        The column of a number, category or gap; empty for an expression.
    levels : tuple of str
        Of a category, the reference level first.
    shares : tuple of float
        Share of each level in the training rows, by weight: the means of the levels' indicators there.
    coding : str
        Of a category: "treatment", whose columns are its levels' indicators, or one of `contrasts.CODINGS`. With L levels, its components
        are the indicators, 0 to L - 1, and those of its coding, L and up.
    truth : bool
        Whether a number is a column of true and false, which are 1 and 0; other rows may have it as numbers.
    """

    text: str
    kind: str
    column: str = ""
    levels: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    truth: bool = field(default=False, compare=False)
    coding: str = "treatment"

    @property
    def numbers(self) -> list[str]:
        """Columns of the table that are read as numbers for it."""
        return [self.column] if self.kind == "number" else expression(self.text).columns if self.kind == "expression" else []

    @property
    def is_coded(self) -> bool:
        """Whether its columns are others than indicators of levels."""
        return self.kind == "category" and self.coding != "treatment"

    @property
    def components(self) -> int:
        """How many components a column can be made of."""
        return self.width * (2 if self.is_coded else 1)

    def place(self, component: int) -> int:
        """The place, from 0, of a category's component among those of its coding; of an indicator that of its level."""
        return component - self.width if component >= self.width else component

    @property
    def values(self) -> Tensor:
        """A category's components (levels, components) in a row of each level."""
        indicators = torch.eye(self.width, dtype=torch.float64)
        return torch.cat([indicators, contrasts(self.coding, self.width)], 1) if self.is_coded else indicators

    @property
    def mean(self) -> Tensor:
        """The mean of a category's components (components,) over the training rows."""
        return torch.tensor(self.shares, dtype=torch.float64) @ self.values

    def at_levels(self, component: int) -> list[float]:
        """A category's component in rows of each level."""
        if component < self.width:
            return [float(level == component) for level in range(self.width)]
        column: list[float] = contrasts(self.coding, self.width)[:, self.place(component)].tolist()
        return column

    @property
    def width(self) -> int:
        """How many components it has: levels, or columns of a polynomial."""
        return len(self.levels) if self.kind == "category" else expression(self.text).width if self.kind == "expression" else 1


def less(responses: Sequence[Factor], offsets: Sequence[Factor]) -> tuple[Factor, ...]:
    """The targets without their known parts, y - z."""
    if not offsets:
        return tuple(responses)
    # One expression, so that whatever computes targets, here or in an engine, takes the known parts off as well.
    known = "".join(f" - ({_written(offset)})" for offset in offsets)
    return tuple(Factor(f"{_written(response)}{known}", "expression") for response in responses)


def _written(factor: Factor) -> str:
    """A number or an expression as an expression."""
    plain = factor.kind != "number" or (factor.column.isidentifier() and not iskeyword(factor.column))
    return factor.text if plain else f"`{factor.column}`"


def numbers_read(factors: Sequence[Factor]) -> list[str]:
    """Number columns that factors are made of: those that stand as they are first, in order, then those of expressions."""
    # Columns that stand in X as they are come first, in X's order: then they can be read as one block.
    ordered = sorted(factors, key=lambda f: f.kind != "number")  # the sort is stable
    return list(dict.fromkeys(name for f in ordered for name in f.numbers))


@dataclass(frozen=True, slots=True)
class Column:
    """A column of X: a product of parts, each the component (level, or degree less one) of a factor."""

    name: str
    term: str
    parts: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A category of a batch.

    Attributes
    ----------
    values : Tensor (n, components)
        Its indicators, and the columns of its coding; of a level never seen zeros, or the mean over all levels by their shares.
    missing, unseen : Tensor (n,) or None
        Which rows have no value that was not filled in, and which a level that no training row has; None: none.
    filled : Tensor (n,) or None
        Which rows had no value, and were filled in.
    codes, seen
        The batch's own codes (n,), and the levels that they stand for.
    """

    values: Tensor
    missing: Tensor | None
    unseen: Tensor | None
    filled: Tensor | None
    codes: Tensor
    seen: tuple[str, ...]


def one_hot(factor: Factor, batch: Batch, *, impute: bool, average: bool = False) -> Coded:
    """The indicators (n, levels) of a category, and behind them the columns of its coding if it has another.

    With `impute` a missing value is the level of its own that it was in training, or else counts as every level, each by its share;
    with `average` so does a level never seen.
    """
    codes, seen = batch.text(factor.column)
    codes = codes.cpu()
    at = places(factor.levels, seen, numeric=batch.numeric(factor.column))
    # Codes of this batch's levels to those of the design: -1 for a level that training never saw, -2 for a missing value.
    index = torch.tensor([*at, -2])[codes]  # the last entry is that of code -1
    # Row j of the table is that of level j; the clamp is for codes below 0, which are mended below.
    table = factor.values
    values = table[index.clamp(min=0)]
    unseen = index == -1 if -1 in at and bool((index == -1).any()) else None
    if unseen is not None:
        values[unseen] = factor.mean if average else 0.0
    missing = index == -2
    if not bool(missing.any()):
        return Coded(values, None, unseen, None, codes, seen)
    if not impute:
        return Coded(values, missing, unseen, None, codes, seen)
    # Training had no gaps in this column, or it would have a level of its own: fill with the mean of its columns.
    values[missing] = table[factor.levels.index(MISSING_LEVEL)] if MISSING_LEVEL in factor.levels else factor.mean
    return Coded(values, None, unseen, missing, codes, seen)


def stored_factor(facts: Mapping[str, Any]) -> Factor:
    """A factor as JSON has it."""
    kind = facts["kind"]
    if kind not in ("number", "expression", "category"):
        raise ValueError(f"a factor of the unknown kind {kind!r}")
    if kind == "expression":
        expression(str(facts["text"]))  # a text that is not allowed ends here, before anything is computed
    levels, shares = tuple(map(str, facts["levels"])), tuple(map(float, facts["shares"]))
    if len(levels) != len(shares) or (kind == "category") != bool(levels):
        raise ValueError("a category without levels and shares that match")
    coding = str(facts.get("coding", "treatment"))  # files of before do not say
    if coding != "treatment" and (coding not in CODINGS or kind != "category" or len(levels) > _MOST_CODED):
        raise ValueError(f"a factor of the unknown coding {coding!r}")
    return Factor(str(facts["text"]), kind, str(facts["column"]), levels, shares, facts.get("truth") is True, coding)


def stored_state(facts: Mapping[str, Any]) -> State:
    """The state of a stateful call: numbers, for splines lists of them, and for polynomials a square matrix."""
    state: State = {str(k): [float(x) for x in v] if k in _LISTS else float(v) for k, v in facts.items() if k != "basis"}
    if "basis" in facts:
        state["basis"] = [[float(x) for x in row] for row in facts["basis"]]
        if any(len(row) != len(state["basis"]) for row in state["basis"]):
            raise ValueError("a basis that is not square")
    numbers = torch.cat([torch.tensor(v, dtype=torch.float64).reshape(-1) for v in state.values()]).tolist() if state else []
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a state with numbers that are not finite")
    return state


def check_states(factors: Sequence[Factor], states: Mapping[str, State]) -> None:
    """Raise ValueError when a stateful call of the expressions lacks its state, or has another's."""
    # A file that leaves a state out, or brings another's, would be computed with numbers that nobody learnt.
    for call in (c for f in factors if f.kind == "expression" for c in expression(f.text).calls):
        state = states.get(call.text, {})
        wanted = call.spline
        names = _STATES.get(call.kind, {"low", "high", "knots", *(("means",) if wanted and wanted.centred else ())})
        if set(state) != names or ("basis" in state and len(state["basis"]) != call.degree + 1):
            raise ValueError(f"no state for {call.text}")
        if wanted is not None:
            # Knots out of order would make pieces of no length, and divide by zero.
            ends = [state["low"], *(wanted.knots or state["knots"]), state["high"]]
            right = len(ends) == wanted.inner + 2 and all(a < b for a, b in pairwise(ends))
            if not right or len(state.get("means", ())) not in (0, wanted.inner + 2):
                raise ValueError(f"knots that cannot be those of {call.text}")


def stored_column(facts: Mapping[str, Any], factors: Sequence[Factor]) -> Column:
    """A column as JSON has it, of parts that `factors` have."""
    # Every index is held against what the factors have: nothing in a file can reach beside its table.
    parts = tuple((int(i), int(j)) for i, j in facts["parts"])
    if not parts or any(not (0 <= i < len(factors) and 0 <= j < factors[i].components) for i, j in parts):
        raise ValueError("a column of parts that do not exist")
    return Column(str(facts["name"]), str(facts["term"]), parts)


def sources_of(factors: Sequence[Factor], column: Column) -> set[str]:
    """The columns of the table that a column of X is made of."""
    own = (factors[i] for i, _ in column.parts)
    return {c for f in own for c in (expression(f.text).columns if f.kind == "expression" else [f.column])}


def offset_terms(offsets: Iterable[Factor]) -> list[str]:
    """Known parts of a target, as a formula has them."""
    return [f"offset({offset.text})" for offset in offsets]
