"""Inverse: what turns values of a target such as `log(y)` back into those of `y`.

An expression in which one column stands once is a chain of steps, z = g3(g2(g1(y))). Where every step can be undone, so can the
chain, from the outside inwards:

    log(y) = z  ->  y = exp(z)          sqrt(y) = z  ->  y = max(z, 0)^2          1 / (y + 3) = z  ->  y = 1 / max(z, 0) - 3

The inverse is an expression itself, of one column called `fitted`: whatever says features in another language says it too. A line
may leave what the function can give, as a fitted root below 0; such a value is turned back into the end of the range.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.data.design.expressions import State, column_of, constant, evaluate, expression, function_of
from bestline.data.design.factors import Factor
from bestline.errors import FormulaError

FITTED = "fitted"  # the column of an inverse
_NEAR = 1e-6  # of a number, that going there and back may miss it by
# What each function is undone by, where it can give any number; `{}` is its value.
_UNDONE = {"I": "{}", "log": "exp({})", "log10": "10.0 ** {}", "log2": "2.0 ** {}", "log1p": "expm1({})"}
# And where it has an end: of `exp` and `sqrt` it is 0, of `expm1` -1.
_UNDONE_FROM = {"exp": (0.0, "log({})"), "sqrt": (0.0, "{} ** 2.0"), "expm1": (-1.0, "log1p({})")}
_RATES = {"log": 1.0, "log1p": 1.0, "log10": math.log(10), "log2": math.log(2)}  # y is exp(rate z), but for a constant


@dataclass(frozen=True, slots=True)
class Inverse:
    """The way back from the values of a target's expression.

    Attributes
    ----------
    target : str
        The expression, such as `log(y)`.
    column : str
        The column that it is of: `y`.
    text : str
        The inverse, as an expression of `fitted`.
    rate, base : float or None
        Where it is base + (a number) * exp(rate * fitted), as of logarithms; else None.
    one_sided : bool
        Whether it holds for columns without negative numbers alone, as that of y ** 2.
    said : str
        The same as people read it, without what keeps to the range.
    """

    target: str
    column: str
    text: str
    rate: float | None
    base: float | None
    one_sided: bool
    said: str

    def __call__(self, fitted: Tensor) -> Tensor:
        """Values of the column, of the shape of `fitted`."""
        found: Tensor = expression(self.text)({FITTED: fitted.to(torch.float64)}, {})
        return found

    def ends(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """An interval of the column from one of the expression, whose ends a falling function exchanges."""
        a, b = self(low), self(high)
        return torch.minimum(a, b), torch.maximum(a, b)

    def outside(self, fitted: Tensor, states: Mapping[str, State]) -> Tensor:
        """Which values the expression cannot give: turned back and forth again they are others."""
        own: Tensor = expression(self.target)({self.column: self(fitted)}, states)
        return ~((own - fitted).abs() <= _NEAR * (1 + fitted.abs())) & ~fitted.isnan()

    def undoes(self, values: Tensor, target: Tensor) -> Tensor:
        """Which values of the column (n,) come back from those of the expression (n,)."""
        size = values.abs()
        return (self(target) - values).abs() <= _NEAR * torch.where(size > 0, size, 1.0)


def inverse_of(response: Factor, states: Mapping[str, State]) -> Inverse | None:
    """The way back from a target; None for a column as it is, and for what cannot be undone, as `abs(y)` or `log(y / x)`."""
    if response.kind != "expression":
        return None
    tree = expression(response.text).tree
    names = [column_of(node.id) for node in ast.walk(tree) if isinstance(node, ast.Name) and not _is_called(node, tree)]
    if len(names) != 1:
        return None
    way, spoken = _Way(states), _Way(states, spoken=True)
    text, said = way.undo(tree, FITTED), spoken.undo(tree, FITTED)
    if text is None or said is None:
        return None
    try:
        expression(text)
    except FormulaError:  # longer or deeper than expressions may be
        return None
    said = re.sub(r"(?<=\d)\.0\b", "", ast.unparse(ast.parse(said, mode="eval"))).replace("-1 * ", "-")
    return Inverse(response.text, names[0], text, way.rate, way.base, way.one_sided, said)


def can_be_turned_back(response: Factor) -> bool:
    """Whether there is a way back from a target, before it is known what its functions have learnt."""
    anything = {call.text: {"mean": 0.0, "deviation": 1.0} for call in expression(response.text).calls}
    return inverse_of(response, anything) is not None


def _is_called(name: ast.Name, tree: ast.expr) -> bool:
    """Whether a name is that of a function or of the module it comes from."""
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(name is func or name is getattr(func, "value", None) for func in calls)


@dataclass(slots=True)
class _Way:
    """Goes from the outside of an expression to its column, and remembers what kind of way that is."""

    states: Mapping[str, State]
    spoken: bool = False
    rate: float | None = None
    base: float | None = None
    one_sided: bool = False
    _slope: float | None = 1.0  # of the steps so far, as long as they are straight

    def undo(self, node: ast.expr, z: str) -> str | None:
        """The column, from the text `z` of the value of a node; None where that is not possible."""
        match node:
            case ast.Name():
                return z
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._straight(operand, f"(-1.0 * {z})", -1.0, 0.0)
            case ast.UnaryOp(operand=operand):
                return self.undo(operand, z)
            case ast.Call():
                return self._called(node, z)
            case ast.BinOp(left=left, op=op, right=right) if constant(right):
                return self._right(left, op, float(evaluate(right, {}, {})), z)
            case ast.BinOp(left=left, op=op, right=right) if constant(left):
                return self._left(right, op, float(evaluate(left, {}, {})), z)
        return None

    def _called(self, node: ast.Call, z: str) -> str | None:
        name, inner = function_of(node), node.args[0]
        if name in ("center", "scale"):
            state = self.states[ast.unparse(node)]
            mean, deviation = float(state["mean"]), float(state.get("deviation", 1.0))
            return self._straight(inner, f"({z} * {deviation!r} + {mean!r})", deviation, mean)
        if name in _RATES and self._slope is not None:
            # From here on the column is base + b exp(rate z), as long as what follows is straight.
            self.rate, self.base, self._slope = _RATES[name] * self._slope, -1.0 if name == "log1p" else 0.0, None
            return self.undo(inner, f"({_UNDONE[name].format(z)})")
        if name == "I":
            return self.undo(inner, z)
        self._bend()
        if name in _UNDONE:
            return self.undo(inner, f"({_UNDONE[name].format(z)})")
        if name in _UNDONE_FROM:
            low, text = _UNDONE_FROM[name]
            return self.undo(inner, f"({text.format(self._from(low, z))})")
        return None

    def _right(self, inner: ast.expr, op: ast.operator, c: float, z: str) -> str | None:
        match op:
            case ast.Add():
                return self._straight(inner, f"({z} - {_said(c)})", 1.0, -c)
            case ast.Sub():
                return self._straight(inner, f"({z} + {_said(c)})", 1.0, c)
            case ast.Mult() if c:
                return self._straight(inner, f"({z} / {_said(c)})", 1 / c, 0.0)
            case ast.Div() if c:
                return self._straight(inner, f"({z} * {_said(c)})", c, 0.0)
            case ast.Pow() if c == 1:
                return self.undo(inner, z)
            case ast.Pow() if c and math.isfinite(1 / c):
                self._bend(one_sided=True)
                return self.undo(inner, f"({self._from(0.0, z)} ** {_said(1 / c)})")
        return None

    def _left(self, inner: ast.expr, op: ast.operator, c: float, z: str) -> str | None:
        match op:
            case ast.Add() | ast.Mult():
                return self._right(inner, op, c, z)
            case ast.Sub():
                return self._straight(inner, f"({_said(c)} - {z})", -1.0, c)
            case ast.Div() if c:
                self._bend(one_sided=True)
                return self.undo(inner, f"({_said(abs(c))} / {self._from(0.0, z if c > 0 else f'(-1.0 * {z})')})")
            case ast.Pow() if c > 0 and c != 1:
                self._bend()
                return self.undo(inner, f"(log({self._from(0.0, z)}) / {_said(math.log(c))})")
        return None

    def _straight(self, inner: ast.expr, z: str, slope: float, offset: float) -> str | None:
        """A step u = slope * z + offset."""
        if self._slope is not None:
            self._slope *= slope
        elif self.base is not None:
            self.base = slope * self.base + offset
        return self.undo(inner, z)

    def _bend(self, *, one_sided: bool = False) -> None:
        """A step that is not straight, and no logarithm of straight ones: exponentials end here."""
        self._slope = self.rate = self.base = None
        self.one_sided |= one_sided

    def _from(self, low: float, z: str) -> str:
        """The larger of a number and `z`, in a language that has no maximum: max(z, c) = c + (z - c + |z - c|) / 2."""
        if self.spoken:
            return z
        if low == 0:
            return f"(({z} + abs({z})) / 2.0)"
        return f"((({z} - {_said(low)}) + abs({z} - {_said(low)})) / 2.0 + {_said(low)})"


def _said(number: float) -> str:
    return repr(number) if number >= 0 else f"({number!r})"
