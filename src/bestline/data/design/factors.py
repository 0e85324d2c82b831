"""Factors: what the columns of X are products of.

`y ~ x + C(g):x` has the factors x, one column, and C(g), one column a level; x and each product of a level with x is a column of X.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bestline.data.design.expressions import expression

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
