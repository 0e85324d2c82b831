"""Expressions: the small language inside formulas, such as `log(x2)`, `I(x1**2)` or `poly(x, 2)`.

An expression is parsed to Python's syntax tree and held against a list of what is allowed: names of columns, numbers,
+ - * / **, and the functions below. Nothing is ever handed to Python to execute, wherever the text came from.

Some functions have a state that is learnt once from the training rows and remembered: `center(x)`, `scale(x)` (divisor n - 1,
as in R) and `poly(x, d)`, the orthonormal polynomials of the training values without the constant (with `raw=True` plain
powers, which need no state).
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from functools import lru_cache

from torch import Tensor

from bestline.data.design.rounding import Rounding, doubled_values, rounding_of
from bestline.data.design.states import Call
from bestline.data.design.syntax import (
    DEEPEST,
    FUNCTIONS,
    OPERATORS,
    STATEFUL,
    State,
    Values,
    constant,
    evaluate,
    function_of,
    parsed,
    plain_arguments,
    poly_arguments,
    width_of,
)
from bestline.errors import FormulaError, readable
from bestline.numerics import Doubled


class Expression:
    """A checked expression: which columns it reads, which states it needs, and its values on a batch."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tree = parsed(text)
        self.columns: list[str] = []
        self.calls: list[Call] = []
        # Checked whole before it is ever evaluated; `columns` and `calls` are filled on the way.
        self._check(self._tree, 0, stateful=True)
        if not self.columns:
            raise FormulaError(f"{readable(text)} names no column; a term must depend on the data.")

    @property
    def width(self) -> int:
        """Number of columns it gives: 1, or the degree of a polynomial."""
        return width_of(self._tree)

    def __call__(self, values: Values, states: Mapping[str, State]) -> Tensor:
        """Values (n,), or (n, width) for a polynomial."""
        return evaluate(self._tree, values, states)

    def doubled(self, values: Values, states: Mapping[str, State]) -> Doubled:
        """The same values with sums, differences, products and whole powers in twice the digits; the rest as float64 has it.

        The error of every value is for exact arithmetic on the columns and the formula's numbers as float64 holds them.
        """
        return doubled_values(self._tree, values, states)

    def rounding(self, states: Mapping[str, State]) -> Rounding:
        """What float64 can lose of the values, whatever the columns hold."""
        return rounding_of(self._tree, states)

    def _check(self, node: ast.expr, depth: int, *, stateful: bool) -> None:
        # Every node must be in one of the cases below; whatever is not in them is refused, so nothing needs to be forbidden.
        if depth > DEEPEST:
            raise FormulaError(f"{readable(self.text)} is nested too deeply; make the column before fitting.")
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool) and math.isfinite(number):
                return
            case ast.Name(id=name):
                if name not in self.columns:
                    self.columns.append(name)
                return
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                inside = [left, right]
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                inside = [operand]
            case ast.Call():
                inside = [self._check_call(node, stateful=stateful)]
                stateful = stateful and function_of(node) not in STATEFUL
            case _:
                raise FormulaError(
                    f"{readable(self.text)} is not allowed in a formula: use columns, numbers, + - * / ** and the functions "
                    f"{', '.join([*FUNCTIONS, *STATEFUL, 'C'])}."
                )
        # A state is learnt from the table's columns: a stateful call inside another would need the other's state first.
        for child in inside:
            self._check(child, depth + 1, stateful=stateful)
        if len({width_of(child) for child in inside if not constant(child)}) > 1:
            raise FormulaError(
                f"{readable(ast.unparse(node))} joins the several columns of a polynomial with one column; write the product as an "
                f"interaction, such as poly(x, 2):z."
            )

    def _check_call(self, node: ast.Call, *, stateful: bool) -> ast.expr:
        name = function_of(node)
        if name in FUNCTIONS and len(node.args) == 1 and not node.keywords:
            return node.args[0]
        # What remains is a stateful function, or one that formulas do not have.
        if name not in STATEFUL:
            if name in FUNCTIONS:
                raise FormulaError(f"{readable(ast.unparse(node))}: {name} takes one argument.")
            raise FormulaError(
                f"{readable(ast.unparse(node))} calls a function that formulas do not have; they have "
                f"{', '.join([*FUNCTIONS, *STATEFUL, 'C'])}. Make other columns before fitting."
            )
        if not stateful:
            raise FormulaError(f"{readable(self.text)}: {name} cannot stand inside another center, scale or poly.")
        degree, raw = poly_arguments(node) if name == "poly" else plain_arguments(node, name)
        # Raw powers learn nothing; everything else has a state, known by the text of its call.
        if not raw:
            call = Call(ast.unparse(node), name, ast.unparse(node.args[0]), degree)
            if call not in self.calls:
                self.calls.append(call)
        return node.args[0]


# Checked once for each text and not once for each batch; expressions do not change.
@lru_cache(maxsize=1_000)
def expression(text: str) -> Expression:
    """The checked expression of a text; raises FormulaError for anything that is not allowed."""
    return Expression(text)
