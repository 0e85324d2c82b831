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
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from bestline.data.design.rounding import Rounding, doubled_values, rounding_of
from bestline.data.design.syntax import (
    DEEPEST,
    FUNCTIONS,
    OPERATORS,
    STATEFUL,
    State,
    Values,
    evaluate,
    function_of,
    parsed,
    plain_arguments,
    poly_arguments,
    width_of,
)
from bestline.errors import FormulaError, readable
from bestline.numerics.doubled import Doubled


@dataclass(frozen=True, slots=True)
class Call:
    """One stateful call in an expression.

    Attributes
    ----------
    text : str
        The call as written; the key of its state.
    kind : str
        "center", "poly" or "scale".
    argument : str
        Text of the expression it is applied to.
    degree : int
        Of `poly`; 1 otherwise.
    """

    text: str
    kind: str
    argument: str
    degree: int


class Expression:
    """A checked expression: which columns it reads, which states it needs, and its values on a batch."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tree = parsed(text)
        self.columns: list[str] = []
        self.calls: list[Call] = []
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
        for child in inside:
            self._check(child, depth + 1, stateful=stateful)
        if len({width_of(child) for child in inside if any(isinstance(part, ast.Name) for part in ast.walk(child))}) > 1:
            raise FormulaError(
                f"{readable(ast.unparse(node))} joins the several columns of a polynomial with one column; write the product as an "
                f"interaction, such as poly(x, 2):z."
            )

    def _check_call(self, node: ast.Call, *, stateful: bool) -> ast.expr:
        name = function_of(node)
        if name in FUNCTIONS and len(node.args) == 1 and not node.keywords:
            return node.args[0]
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
        if not raw:
            call = Call(ast.unparse(node), name, ast.unparse(node.args[0]), degree)
            if call not in self.calls:
                self.calls.append(call)
        return node.args[0]


@lru_cache(maxsize=1_000)
def expression(text: str) -> Expression:
    """The checked expression of a text; raises FormulaError for anything that is not allowed."""
    return Expression(text)


def learn_state(call: Call, summary: Summary, gram: Tensor | None) -> State:
    """The state of a stateful call from what the passes over its argument have found."""
    if call.kind == "center":
        return {"mean": summary.mean}
    if call.kind == "scale":
        deviation = math.sqrt(summary.squares / (summary.count - 1)) if summary.count > 1 else 0.0
        if deviation == 0:
            raise FormulaError(
                f"{readable(call.text)} cannot be computed: {readable(call.argument)} is constant in the training rows."
            )
        return {"mean": summary.mean, "deviation": deviation}
    assert gram is not None  # noqa: S101  the second pass has seen to it
    size = gram.diagonal().sqrt()
    factor, failed = torch.linalg.cholesky_ex(gram / torch.outer(size, size))
    if failed or float(factor.diagonal().min()) < 1e-7:
        raise FormulaError(
            f"{readable(call.text)} needs more than {call.degree} different values of {readable(call.argument)}; use a lower degree."
        )
    basis = torch.linalg.inv(factor).T / size[:, None]
    return {"middle": summary.middle, "half": summary.half, "basis": basis.tolist()}


@dataclass(frozen=True, slots=True)
class Summary:
    """Count, mean, sum of squared deviations and range of an argument, merged over batches (Chan et al. 1983)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    @classmethod
    def of(cls, values: Tensor) -> Summary:
        """Of some values (n,)."""
        if len(values) == 0:
            return cls()
        mean = float(values.mean())
        return cls(len(values), mean, float(((values - mean) ** 2).sum()), float(values.min()), float(values.max()))

    def __add__(self, other: Summary) -> Summary:
        if other.count == 0:
            return self
        count, step = self.count + other.count, other.mean - self.mean
        squares = self.squares + other.squares + step**2 * self.count * other.count / count
        low, high = min(self.low, other.low), max(self.high, other.high)
        return Summary(count, self.mean + step * other.count / count, squares, low, high)

    @property
    def middle(self) -> float:
        """Middle of the range."""
        return self.low / 2 + self.high / 2

    @property
    def half(self) -> float:
        """Half the width of the range; 1 for a constant."""
        return (self.high / 2 - self.low / 2) or 1.0
