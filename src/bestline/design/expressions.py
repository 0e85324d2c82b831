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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import torch
from torch import Tensor

from bestline.design.doubled import Doubled
from bestline.errors import FormulaError, readable

State: TypeAlias = dict[str, Any]  # JSON-ready numbers of one stateful call
Values: TypeAlias = Mapping[str, Tensor]  # column -> (n,)

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "I": lambda x: x,
    "abs": torch.abs,
    "ceil": torch.ceil,
    "cos": torch.cos,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "floor": torch.floor,
    "log": torch.log,
    "log10": torch.log10,
    "log1p": torch.log1p,
    "log2": torch.log2,
    "sin": torch.sin,
    "sqrt": torch.sqrt,
    "tan": torch.tan,
    "tanh": torch.tanh,
}
STATEFUL = ("center", "poly", "scale")
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}
_LONGEST, _DEEPEST = 2_000, 40
_HIGHEST_POWER = 65  # beyond it a power is taken as float64 gives it
_ULP = 2.0**-52
_TINY = 2.0**-1070
_STATE = 256 * _ULP  # of means and sums of squares, which are added up batch by batch


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


@dataclass(frozen=True, slots=True)
class Rounding:
    """Bound of an error, in units of rounding: so many of the value itself, and so many of 1; infinite where values decide."""

    own: float = 0.0
    one: float = 0.0

    def times(self, other: Rounding) -> Rounding:
        """Of a product or quotient."""
        return _UNKNOWN if self.one or other.one else Rounding(self.own + other.own + 1)


_UNKNOWN = Rounding(math.inf)


class Expression:
    """A checked expression: which columns it reads, which states it needs, and its values on a batch."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tree = _parsed(text)
        self.columns: list[str] = []
        self.calls: list[Call] = []
        self._check(self._tree, 0, stateful=True)
        if not self.columns:
            raise FormulaError(f"{readable(text)} names no column; a term must depend on the data.")

    @property
    def width(self) -> int:
        """Number of columns it gives: 1, or the degree of a polynomial."""
        return _width(self._tree)

    def __call__(self, values: Values, states: Mapping[str, State]) -> Tensor:
        """Values (n,), or (n, width) for a polynomial."""
        return _evaluate(self._tree, values, states)

    def doubled(self, values: Values, states: Mapping[str, State]) -> Doubled:
        """The same values with sums, differences, products and whole powers in twice the digits; the rest as float64 has it.

        The error of every value is for exact arithmetic on the columns and the formula's numbers as float64 holds them.
        """
        return _doubled(self._tree, values, states)

    def rounding(self, states: Mapping[str, State]) -> Rounding:
        """What float64 can lose of the values, whatever the columns hold."""
        return _rounding(self._tree, states)

    def _check(self, node: ast.expr, depth: int, *, stateful: bool) -> None:
        if depth > _DEEPEST:
            raise FormulaError(f"{readable(self.text)} is nested too deeply; make the column before fitting.")
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool) and math.isfinite(number):
                return
            case ast.Name(id=name):
                if name not in self.columns:
                    self.columns.append(name)
                return
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                inside = [left, right]
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                inside = [operand]
            case ast.Call():
                inside = [self._check_call(node, stateful=stateful)]
                stateful = stateful and _function(node) not in STATEFUL
            case _:
                raise FormulaError(
                    f"{readable(self.text)} is not allowed in a formula: use columns, numbers, + - * / ** and the functions "
                    f"{', '.join([*FUNCTIONS, *STATEFUL, 'C'])}."
                )
        for child in inside:
            self._check(child, depth + 1, stateful=stateful)
        if len({_width(child) for child in inside if any(isinstance(part, ast.Name) for part in ast.walk(child))}) > 1:
            raise FormulaError(
                f"{readable(ast.unparse(node))} joins the several columns of a polynomial with one column; write the product as an "
                f"interaction, such as poly(x, 2):z."
            )

    def _check_call(self, node: ast.Call, *, stateful: bool) -> ast.expr:
        name = _function(node)
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
        degree, raw = _poly_arguments(node) if name == "poly" else _plain_arguments(node, name)
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

    def plus(self, values: Tensor) -> Summary:
        """Take in more values (n,)."""
        if len(values) == 0:
            return self
        n, mean = len(values), float(values.mean())
        count, step = self.count + n, mean - self.mean
        squares = self.squares + float(((values - mean) ** 2).sum()) + step**2 * self.count * n / count
        low, high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        return Summary(count, self.mean + step * n / count, squares, low, high)

    @property
    def middle(self) -> float:
        """Middle of the range."""
        return self.low / 2 + self.high / 2

    @property
    def half(self) -> float:
        """Half the width of the range; 1 for a constant."""
        return (self.high / 2 - self.low / 2) or 1.0


def legendre(values: Tensor, degree: int, middle: float, half: float) -> Tensor:
    """Legendre polynomials 0..degree (n, degree + 1) on the training range: a basis that stays well conditioned."""
    t = (values - middle) / half
    basis = [torch.ones_like(t), t]
    for d in range(2, degree + 1):
        basis.append(((2 * d - 1) * t * basis[-1] - (d - 1) * basis[-2]) / d)
    return torch.stack(basis[: degree + 1], 1)


def _parsed(text: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise FormulaError(f"{readable(text)} is longer than {_LONGEST} characters; make the column before fitting.")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise FormulaError(f"{readable(text)} cannot be understood as an expression of columns.") from error


def _function(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name):
            return name
    raise FormulaError(f"{readable(ast.unparse(node.func))} cannot be called in a formula.")


def _poly_arguments(node: ast.Call) -> tuple[int, bool]:
    given: dict[str, Any] = {"degree": 1, "raw": False}
    try:
        given.update(zip(("degree", "raw"), (ast.literal_eval(a) for a in node.args[1:]), strict=False))
        given.update({str(k.arg): ast.literal_eval(k.value) for k in node.keywords})
    except ValueError:
        given = {}
    degree, raw = given.get("degree"), given.get("raw")
    if (
        set(given) != {"degree", "raw"}
        or not node.args
        or len(node.args) > 3
        or type(degree) is not int
        or not 1 <= degree <= 30
    ):
        raise FormulaError(
            f"{readable(ast.unparse(node))}: write poly(x, degree), degree from 1 to 30, or poly(x, degree, raw=True)."
        )
    return degree, bool(raw)


def _plain_arguments(node: ast.Call, name: str) -> tuple[int, bool]:
    if len(node.args) != 1 or node.keywords:
        raise FormulaError(f"{readable(ast.unparse(node))}: {name} takes one argument.")
    return 1, False


def _width(node: ast.expr) -> int:
    match node:
        case ast.BinOp(left=left, right=right):
            return max(_width(left), _width(right))
        case ast.UnaryOp(operand=operand):
            return _width(operand)
        case ast.Call() if _function(node) == "poly":
            return _poly_arguments(node)[0]
        case ast.Call():
            return _width(node.args[0])
    return 1


def _evaluate(node: ast.expr, values: Values, states: Mapping[str, State]) -> Any:
    match node:
        case ast.Constant(value=number):
            return float(number)  # type: ignore[arg-type]  # checked to be a number
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _evaluate(left, values, states), _evaluate(right, values, states)
            try:
                return _OPERATORS[type(op)](a, b)
            except (OverflowError, ZeroDivisionError) as error:
                raise FormulaError(f"{readable(ast.unparse(node))} is not a number.") from error
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, values, states)
        case ast.UnaryOp(operand=operand):
            return _evaluate(operand, values, states)
        case ast.Call():
            return _call(node, _evaluate(node.args[0], values, states), states)
    raise AssertionError("unreachable: the tree was checked")


def _doubled(node: ast.expr, values: Values, states: Mapping[str, State]) -> Doubled:
    match node:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as op, right=right):
            a, b = _doubled(left, values, states), _doubled(right, values, states)
            return a + b if isinstance(op, ast.Add) else a - b if isinstance(op, ast.Sub) else a * b
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=exponent)) if exponent in range(1, _HIGHEST_POWER):
            return _doubled(left, values, states).power(int(exponent))  # type: ignore[arg-type]  # one of the range
        case ast.UnaryOp(op=op, operand=operand):
            return -_doubled(operand, values, states) if isinstance(op, ast.USub) else _doubled(operand, values, states)
        case ast.Call() if _function(node) == "I":
            return _doubled(node.args[0], values, states)
        case ast.Call() if _function(node) == "poly" and _poly_arguments(node)[1]:
            x, degree = _doubled(node.args[0], values, states), _poly_arguments(node)[0]
            powers = [x.power(d) for d in range(1, degree + 1)]
            return (
                Doubled(*(torch.stack([getattr(p, half) for p in powers], 1) for half in ("high", "low", "error")))
                if degree > 1
                else x
            )
    value = torch.as_tensor(_evaluate(node, values, states), dtype=torch.float64)
    return Doubled.of(value, error=_error(node, value, values, states))


def _error(node: ast.expr, value: Tensor, values: Values, states: Mapping[str, State]) -> Tensor:
    """Bound of what float64 has lost of an expression's value: what its parts have lost, passed on, and its own rounding."""
    match node:
        case ast.Constant() | ast.Name():
            return torch.zeros_like(value)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            (a, lost_a), (b, lost_b) = _plain(left, values, states), _plain(right, values, states)
            lost = (lost_a + (a / b).abs() * lost_b) / (b.abs() - lost_b).clamp(min=0)
            return lost + _ULP * value.abs() + _TINY
        case ast.BinOp(left=left, op=ast.Pow(), right=right) if not any(isinstance(n, ast.Name) for n in ast.walk(right)):
            (x, away), exponent = _plain(left, values, states), _evaluate(right, values, states)
            moved = _moved(lambda v: v**exponent, x, away, value)
            # Monotone on either side of zero.
            return torch.where(x.abs() > away, moved + 4 * _ULP * value.abs() + _TINY, math.nan)
        case ast.Call():
            x, away = _plain(node.args[0], values, states)
            return _error_of_call(node, x, away, value, states)
    return torch.full_like(value, math.nan)  # powers of columns to columns


def _plain(node: ast.expr, values: Values, states: Mapping[str, State]) -> tuple[Tensor, Tensor]:
    """An expression in float64, and how far from the truth it can be."""
    x, true = torch.as_tensor(_evaluate(node, values, states), dtype=torch.float64), _doubled(node, values, states)
    return x, true.error + ((true.high - x) + true.low).abs()


def _moved(f: Callable[[Tensor], Tensor], x: Tensor, away: Tensor, value: Tensor) -> Tensor:
    """How far a monotone function can move when its argument does."""
    far = torch.full_like(x, math.inf)
    above, below = torch.nextafter(x + away, far), torch.nextafter(x - away, -far)
    return torch.where(away == 0, 0.0, torch.maximum((f(above) - value).abs(), (value - f(below)).abs()))


def _error_of_call(node: ast.Call, x: Tensor, away: Tensor, value: Tensor, states: Mapping[str, State]) -> Tensor:
    """The same of a function at x, known to `away`."""
    name = _function(node)
    if name in FUNCTIONS:
        if name in ("abs", "sin", "cos", "tanh"):  # no steeper than 1
            moved = away
        elif name == "tan":
            moved = torch.where(away * (1 + value**2) < 0.1, 2 * away * (1 + value**2), math.nan)
        else:  # monotone
            moved = _moved(FUNCTIONS[name], x, away, value)
        exact = name in ("abs", "ceil", "floor")
        return moved if exact else moved + 4 * _ULP * value.abs() + _TINY
    state = states[ast.unparse(node)]
    if name == "poly":
        return _error_of_poly(x, away, _poly_arguments(node)[0], value, state)
    lost = away + _STATE * x.abs().amax() + _ULP * (x - state["mean"]).abs()
    return (
        lost
        if name == "center"
        else (lost / state["deviation"]) * 2
        + value.abs() * (_STATE + (_STATE * float(x.abs().amax()) / state["deviation"]) ** 2)
    )


def _rounding(node: ast.expr, states: Mapping[str, State]) -> Rounding:
    match node:
        case ast.Constant() | ast.Name():
            return Rounding()
        case ast.UnaryOp(operand=operand):
            return _rounding(operand, states)
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div(), right=right):
            return _rounding(left, states).times(_rounding(right, states))
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
            exact = _rounding(left, states) == _rounding(right, states) == Rounding()
            return Rounding(1) if exact else _UNKNOWN  # the difference of two rounded numbers can be all rounding
        case ast.BinOp(left=left, op=ast.Pow(), right=right) if not any(isinstance(n, ast.Name) for n in ast.walk(right)):
            base = _rounding(left, states)
            return _UNKNOWN if base.one else Rounding(2 + 2 * base.own * abs(_evaluate(right, {}, states)))
        case ast.Call():
            return _rounding_of_call(node, _rounding(node.args[0], states), states)
    return _UNKNOWN


def _rounding_of_call(node: ast.Call, x: Rounding, states: Mapping[str, State]) -> Rounding:
    name = _function(node)
    if name in ("I", "abs"):
        return x
    degree, raw = _poly_arguments(node) if name == "poly" else (1, False)
    if raw:
        return _UNKNOWN if x.one else Rounding(2 + 2 * x.own * degree)
    if name == "sqrt" and not x.one:
        return Rounding(2 + x.own)
    if name in ("log", "log2", "log10") and not x.one:
        return Rounding(4, 4 * x.own)
    if x != Rounding():
        return _UNKNOWN
    if name in FUNCTIONS:
        return Rounding(0 if name in ("ceil", "floor") else 4)
    state, sums = states[ast.unparse(node)], _STATE / _ULP
    if name == "poly":
        basis = torch.tensor(state["basis"], dtype=torch.float64)
        return Rounding(0, float(basis.abs().sum(0).max()) * (8 * degree**2 + sums * degree * _apart(basis)))
    return Rounding(4 * sums, 4 * sums * abs(state["mean"]) / state.get("deviation", 1.0))


def _apart(basis: Tensor) -> float:
    """By what factor orthonormal polynomials magnify the rounding of the products that they are made from."""
    return float(torch.linalg.cond(basis / basis.abs().amax(1, keepdim=True))) ** 2


def _error_of_poly(x: Tensor, away: Tensor, degree: int, value: Tensor, state: State) -> Tensor:
    """The polynomials are right to the rounding of sums over the rows, times how far the values leave their powers apart."""
    basis = torch.tensor(state["basis"], dtype=torch.float64, device=x.device)
    steep = (away / state["half"] + 8 * _ULP)[:, None] * (degree * degree)
    terms = legendre(x, degree, state["middle"], state["half"]).abs() + steep
    found = (steep * basis.abs().sum(0) + terms @ basis.abs() * (_STATE * degree * _apart(basis)))[:, 1:]
    return found if degree > 1 else found[:, 0]


def _call(node: ast.Call, x: Any, states: Mapping[str, State]) -> Tensor:
    name = _function(node)
    x = torch.as_tensor(x, dtype=torch.float64)
    if name in FUNCTIONS:
        return FUNCTIONS[name](x)
    degree, raw = _poly_arguments(node) if name == "poly" else (1, False)
    if raw:
        return torch.stack([x**d for d in range(1, degree + 1)], 1) if degree > 1 else x
    state = states[ast.unparse(node)]
    if name == "poly":
        basis = torch.tensor(state["basis"], dtype=torch.float64, device=x.device)
        columns = (legendre(x, degree, state["middle"], state["half"]) @ basis)[:, 1:]
        return columns if degree > 1 else columns[:, 0]
    return (x - state["mean"]) / state.get("deviation", 1.0)
