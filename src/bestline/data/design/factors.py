"""Factors: what the columns of X are products of, and how they, and what they need, are read back from JSON.

`y ~ x + C(g):x` has the factors x, one column, and C(g), one column a level; x and each product of a level with x is a column of X.

A file may come from anywhere, so each part is checked before anything is computed with it. Whatever in it is not what a design can
be raises ValueError or KeyError, and an expression that formulas do not allow raises FormulaError: nothing in a file is ever run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bestline.data.design.expressions import State, expression

MISSING_LEVEL = "(missing)"


@dataclass(frozen=True, slots=True)
class Factor:
    """What terms multiply.

    Attributes
    ----------
    text : str
        As written in the formula.
    kind : str
        "number" (a column as it stands), "expression" or "category".
    column : str
        The column of a number or category; empty for an expression.
    levels : tuple of str
        Of a category, the reference level first.
    shares : tuple of float
        Share of each level in the training rows.
    """

    text: str
    kind: str
    column: str = ""
    levels: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()

    @property
    def numbers(self) -> list[str]:
        """Columns of the table that are read as numbers for it."""
        return [self.column] if self.kind == "number" else expression(self.text).columns if self.kind == "expression" else []

    @property
    def width(self) -> int:
        """How many components it has: levels, or columns of a polynomial."""
        return len(self.levels) if self.kind == "category" else expression(self.text).width if self.kind == "expression" else 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column of X: a product of parts, each the component (level, or degree less one) of a factor."""

    name: str
    term: str
    parts: tuple[tuple[int, int], ...]


def numbers_read(factors: Sequence[Factor]) -> list[str]:
    """Number columns that factors are made of: those that stand as they are first, in order, then those of expressions."""
    # Columns that stand in X as they are come first, in X's order: then they can be read as one block.
    ordered = sorted(factors, key=lambda f: f.kind != "number")  # the sort is stable
    return list(dict.fromkeys(name for f in ordered for name in f.numbers))


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
    return Factor(str(facts["text"]), kind, str(facts["column"]), levels, shares)


def stored_state(facts: Mapping[str, Any]) -> State:
    """The state of a stateful call: numbers, and for polynomials a square matrix of them."""
    state: State = {str(k): float(v) for k, v in facts.items() if k != "basis"}
    if "basis" in facts:
        state["basis"] = [[float(x) for x in row] for row in facts["basis"]]
        if any(len(row) != len(state["basis"]) for row in state["basis"]):
            raise ValueError("a basis that is not square")
    return state


def check_states(factors: Sequence[Factor], states: Mapping[str, State]) -> None:
    """Raise ValueError when a stateful call of the expressions lacks its state, or has another's."""
    # A file that leaves a state out, or brings another's, would be computed with numbers that nobody learnt.
    needed = {"center": {"mean"}, "scale": {"mean", "deviation"}, "poly": {"middle", "half", "basis"}}
    for call in (c for f in factors if f.kind == "expression" for c in expression(f.text).calls):
        state = states.get(call.text, {})
        if set(state) != needed[call.kind] or ("basis" in state and len(state["basis"]) != call.degree + 1):
            raise ValueError(f"no state for {call.text}")


def stored_column(facts: Mapping[str, Any], factors: Sequence[Factor]) -> Column:
    """A column as JSON has it, of parts that `factors` have."""
    # Every index is held against what the factors have: nothing in a file can reach beside its table.
    parts = tuple((int(i), int(j)) for i, j in facts["parts"])
    if not parts or any(not (0 <= i < len(factors) and 0 <= j < factors[i].width) for i, j in parts):
        raise ValueError("a column of parts that do not exist")
    return Column(str(facts["name"]), str(facts["term"]), parts)
