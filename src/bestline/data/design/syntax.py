"""Syntax: the trees that expressions in formulas are parsed to, which functions they may call, and their values in float64.

`log(x) + 2 * z` is a tree of Python's own grammar; its leaves are numbers and columns, its nodes the operators and functions of
the two tables below. Going through it node by node gives the values of a batch. Nothing is ever handed to Python to execute.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor

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
OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}
_LONGEST, DEEPEST = 2_000, 40  # characters, levels: more than people write, and little enough that no text exhausts the parser
_HIGHEST_DEGREE = 30  # of poly(x, degree): beyond it float64 cannot tell the polynomials of most columns apart


def legendre(values: Tensor, degree: int, middle: float, half: float) -> Tensor:
    """Legendre polynomials 0..degree (n, degree + 1) on the training range: a basis that stays well conditioned.

        t = (x - middle) / half in [-1, 1]        d P_d = (2 d - 1) t P_{d-1} - (d - 1) P_{d-2}

    They are orthogonal for values spread evenly over the range, and nearly so for most others; powers of x are nearly parallel.
    """
    t = (values - middle) / half
    basis = [torch.ones_like(t), t]
    for d in range(2, degree + 1):
        basis.append(((2 * d - 1) * t * basis[-1] - (d - 1) * basis[-2]) / d)
    return torch.stack(basis[: degree + 1], 1)


def parsed(text: str) -> ast.expr:
    """The syntax tree of an expression, not checked yet; raises FormulaError for text that is none."""
    if len(text) > _LONGEST:
        raise FormulaError(f"{readable(text)} is longer than {_LONGEST} characters; make the column before fitting.")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise FormulaError(f"{readable(text)} cannot be understood as an expression of columns.") from error


def function_of(node: ast.Call) -> str:
    """The name of the function that a call calls, `log` for `np.log` too; raises FormulaError for anything but a name."""
    match node.func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name):
            return name
    raise FormulaError(f"{readable(ast.unparse(node.func))} cannot be called in a formula.")


def poly_arguments(node: ast.Call) -> tuple[int, bool]:
    """The degree of poly(x, degree, raw=...), and whether plain powers are meant; raises FormulaError for other arguments."""
    given: dict[str, Any] = {"degree": 1, "raw": False}
    try:
        # As Python reads a call: by position, then by name; what is no literal or too much is refused below.
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
        or not 1 <= degree <= _HIGHEST_DEGREE
    ):
        raise FormulaError(
            f"{readable(ast.unparse(node))}: write poly(x, degree), degree from 1 to {_HIGHEST_DEGREE}, or poly(x, degree, raw=True)."
        )
    return degree, bool(raw)


def plain_arguments(node: ast.Call, name: str) -> tuple[int, bool]:
    """The same for center and scale, which take one argument: degree 1, and not raw."""
    if len(node.args) != 1 or node.keywords:
        raise FormulaError(f"{readable(ast.unparse(node))}: {name} takes one argument.")
    return 1, False


def width_of(node: ast.expr) -> int:
    """How many columns an expression gives: 1, or the degree of the polynomial in it."""
    match node:
        case ast.BinOp(left=left, right=right):
            return max(width_of(left), width_of(right))
        case ast.UnaryOp(operand=operand):
            return width_of(operand)
        case ast.Call() if function_of(node) == "poly":
            return poly_arguments(node)[0]
        case ast.Call():
            return width_of(node.args[0])
    return 1


def constant(node: ast.expr) -> bool:
    """Whether an expression names no column."""
    return not any(isinstance(part, ast.Name) for part in ast.walk(node))


def evaluate(node: ast.expr, values: Values, states: Mapping[str, State]) -> Any:
    """The values of a checked expression in float64: (n,), (n, width) for a polynomial, or a number where it names no column."""
    match node:
        case ast.Constant(value=number):
            return float(number)  # type: ignore[arg-type]  # checked to be a number
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=op, right=right):
            a, b = evaluate(left, values, states), evaluate(right, values, states)
            try:
                return OPERATORS[type(op)](a, b)
            except (OverflowError, ZeroDivisionError) as error:
                raise FormulaError(f"{readable(ast.unparse(node))} is not a number.") from error
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -evaluate(operand, values, states)
        case ast.UnaryOp(operand=operand):
            return evaluate(operand, values, states)
        case ast.Call():
            return _call(node, evaluate(node.args[0], values, states), states)
    raise AssertionError("unreachable: the tree was checked")


def _call(node: ast.Call, x: Any, states: Mapping[str, State]) -> Tensor:
    name = function_of(node)
    # A function of a number alone, such as log(2), is a tensor as well from here on.
    x = torch.as_tensor(x, dtype=torch.float64)
    if name in FUNCTIONS:
        return FUNCTIONS[name](x)
    degree, raw = poly_arguments(node) if name == "poly" else (1, False)
    # As R's poly(x, d, raw = TRUE): plain powers, for those who want to read the coefficients.
    if raw:
        return torch.stack([x**d for d in range(1, degree + 1)], 1) if degree > 1 else x
    state = states[ast.unparse(node)]
    if name == "poly":
        basis = torch.tensor(state["basis"], dtype=torch.float64, device=x.device)
        # The first column is the constant, which the intercept has already.
        columns = (legendre(x, degree, state["middle"], state["half"]) @ basis)[:, 1:]
        return columns if degree > 1 else columns[:, 0]
    # center has no deviation, so it divides by 1, which changes nothing.
    return (x - state["mean"]) / state.get("deviation", 1.0)
