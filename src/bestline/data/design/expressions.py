"""Expressions: the small language inside formulas, such as `log(x2)`, `I(x1**2)` or `poly(x, 2)`.

An expression is parsed to a tree of Python's own grammar, whose leaves are numbers and columns and whose nodes are operators and
functions, and held against a list of what is allowed: names of columns, numbers, + - * / **, and the functions below. Going through
it node by node gives the values of a batch. Nothing is ever handed to Python to execute, wherever the text came from.

Some functions have a state that is learnt once from the training rows and remembered: `center(x)`, `scale(x)` (divisor n - 1,
as in R), `standardize(x)` (divisor n, as in patsy), the splines of `splines`, and `poly(x, d)`, the orthonormal polynomials of the
training values without the constant (with `raw=True` plain powers, which need no state).
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from keyword import iskeyword
from operator import add
from typing import Any, TypeAlias

import torch
from torch import Tensor

from bestline.data.design.bases.splines import SPLINES, SplineBasis, SplineCall, asked, spline
from bestline.data.design.shifted import shift_called
from bestline.data.design.slips import elsewhere
from bestline.data.passes import Adder, CannotAddError
from bestline.data.tables import SHIFTS
from bestline.errors import FormulaError, listed, near_names, readable

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
STATEFUL = ("center", "poly", "scale", "standardize", *SPLINES)
_WIDE = ("poly", *SPLINES)  # those that may have several columns
OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}
_LONGEST, _DEEPEST = 2_000, 40  # characters, levels: more than people write, and little enough that no text exhausts the parser
_BACKQUOTED = re.compile(r"`([^`]*)`")
_HIGHEST_INSIDE = 6  # of a polynomial that an engine computes: each degree is written out with all below it
_HIGHEST_DEGREE = 30  # of poly(x, degree): beyond it float64 cannot tell the polynomials of most columns apart


def legendre(values: Tensor, degree: int, middle: float, half: float) -> Tensor:
    """Legendre polynomials 0..degree (n, degree + 1) on the training range: a basis that stays well conditioned.

        t = (x - middle) / half in [-1, 1]        d P_d = (2 d - 1) t P_{d-1} - (d - 1) P_{d-2}

    They are orthogonal for values spread evenly over the range, and nearly so for most others; powers of x are nearly parallel.
    """
    return torch.stack(legendre_terms(values, degree, middle, half), 1)


def legendre_terms(values: Any, degree: int, middle: float, half: float) -> list[Any]:
    """The same one by one, of a tensor or of an engine's expression."""
    t = (values - middle) / half
    basis = [t * 0.0 + 1.0, t]
    for d in range(2, degree + 1):
        basis.append(((2 * d - 1) * t * basis[-1] - (d - 1) * basis[-2]) / d)
    return basis[: degree + 1]


def column_of(name: str) -> str:
    """The column that a name in a syntax tree stands for: a name that Python does not know stands in backquotes there, too."""
    return name.strip("`")


class _Names(ast.NodeTransformer):
    """Puts columns of any name back into a tree: those in backquotes, and patsy's Q("name")."""

    def __init__(self, quoted: list[str]) -> None:
        self.quoted = quoted

    def visit_Name(self, node: ast.Name) -> ast.expr:
        found = re.fullmatch(r"__quoted(\d+)__", node.id)
        return self._named(self.quoted[int(found[1])]) if found and int(found[1]) < len(self.quoted) else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        match node:
            case ast.Call(func=ast.Name(id="Q"), args=[ast.Constant(value=str(name))], keywords=[]) if name and "`" not in name:
                return self._named(name)
        called = ast.Call(
            node.func, [self.visit(a) for a in node.args], [ast.keyword(k.arg, self.visit(k.value)) for k in node.keywords]
        )
        match node.func:
            case ast.Name(id=kind) if kind in SHIFTS:
                return self._named(shift_called(called, kind).name)
        return called

    def _named(self, name: str) -> ast.expr:
        return ast.Name(name if name.isidentifier() and not iskeyword(name) else f"`{name}`")


def syntax_tree(text: str) -> ast.expr:
    """The syntax tree of an expression, not checked yet; raises FormulaError for text that is none."""
    if len(text) > _LONGEST:
        raise FormulaError(f"{readable(text)} is longer than {_LONGEST} characters; make the column before fitting.")
    # Names that Python cannot read are put aside while it reads the rest, and put back into the tree.
    quoted: list[str] = []

    def aside(found: re.Match[str]) -> str:
        quoted.append(found[1])
        return f" __quoted{len(quoted) - 1}__ "

    try:
        tree = _Names(quoted).visit(ast.parse(_BACKQUOTED.sub(aside, text).strip(), mode="eval").body)
    except FormulaError:
        raise
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        called = re.match(r"\s*([\w.]+)\((.*)\)\s*\Z", text, re.DOTALL)
        hint = elsewhere(called.group(1), called.group(2)) if called else None
        hint = hint or ("give a column with such a name another name before fitting" if "`" in text else None)
        because = f"; {hint}." if hint else "."
        raise FormulaError(f"{readable(text)} cannot be understood as an expression of columns{because}") from error
    if "boxcox" not in text:
        return tree
    try:
        return _WithoutBoxCox().visit(tree)
    except RecursionError:
        raise FormulaError(f"{readable(text)} is nested too deeply; make the column before fitting.") from None


class _WithoutBoxCox(ast.NodeTransformer):
    """Writes boxcox(x, lambda) in functions that every language has: (x ** lambda - 1) / lambda, and log(x) for lambda = 0.

    As expm1(lambda * log(x)) / lambda (Box & Cox 1964) it keeps its digits near lambda = 0.
    """

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """The same call, or what a Box-Cox transformation is."""
        self.generic_visit(node)
        if not (isinstance(node.func, ast.Name) and node.func.id == "boxcox"):
            return node
        given = [*node.args[1:], *(k.value for k in node.keywords if k.arg in ("lmbda", "lam", "lambda_"))]
        power: Any = None
        try:
            power = ast.literal_eval(given[0]) if len(given) == 1 == len(node.args) + len(node.keywords) - 1 else None
        except ValueError:
            power = None
        if type(power) not in (int, float) or not math.isfinite(power):
            raise FormulaError(
                f"{readable(ast.unparse(node))}: write boxcox(y, 0.5), lambda as a number. Left out, boxcox(y), it is estimated where that "
                f"is the target of one line."
            )
        log = ast.Call(ast.Name("log", ast.Load()), [node.args[0]], [])
        if power == 0:
            return log
        # A power of 0.5 is written so, and -0.5 as a sign before a number, as text that is read again has it.
        number = ast.UnaryOp(ast.USub(), ast.Constant(-float(power))) if power < 0 else ast.Constant(float(power))
        scaled = ast.BinOp(number, ast.Mult(), log)
        return ast.BinOp(ast.Call(ast.Name("expm1", ast.Load()), [scaled], []), ast.Div(), number)


def function_of(node: ast.Call) -> str:
    """The name of the function that a call calls, `log` for `np.log` too; raises FormulaError for anything but a name."""
    match node.func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="np" | "numpy" | "math" | "torch"), attr=name):
            return name
    raise FormulaError(f"{readable(ast.unparse(node.func))} cannot be called in a formula; make the column before fitting.")


def poly_arguments(node: ast.Call) -> tuple[int, bool]:
    """The degree of poly(x, degree, raw=...), and whether plain powers are meant; raises FormulaError for other arguments."""
    given: dict[str, Any] = {"degree": 1, "raw": False}
    try:
        # As Python reads a call: by position, then by name; what is no literal or too much is refused below.
        given.update(zip(("degree", "raw"), (ast.literal_eval(a) for a in node.args[1:]), strict=False))
        given.update({str(k.arg): ast.literal_eval(k.value) for k in node.keywords})
    except ValueError:
        given = {}
    degree, raw = given.get("degree", 0), given.get("raw")
    possible = type(degree) is int and 1 <= degree <= _HIGHEST_DEGREE
    if set(given) != {"degree", "raw"} or not 1 <= len(node.args) <= 3 or not possible:
        raise FormulaError(
            f"{readable(ast.unparse(node))}: write poly(x, degree), degree from 1 to {_HIGHEST_DEGREE}, or poly(x, degree, raw=True)."
        )
    return degree, bool(raw)


def divisor_of(node: ast.Call) -> int:
    """What is taken from n in the divisor of scale(x) or standardize(x): `ddof`, as in NumPy; FormulaError for other arguments."""
    match node:
        case ast.Call(args=[_], keywords=[]):
            return int(function_of(node) == "scale")
        case ast.Call(args=[_], keywords=[ast.keyword(arg="ddof", value=ast.Constant(value=ddof))]) if type(
            ddof
        ) is int and ddof in (0, 1):
            return ddof
    raise FormulaError(
        f"{readable(ast.unparse(node))}: write scale(x), with the divisor n - 1, or standardize(x), with n; center(x) takes the mean away alone."
    )


def width_of(node: ast.expr) -> int:
    """How many columns an expression gives: 1, or those of the polynomial or spline in it."""
    match node:
        case ast.BinOp(left=left, right=right):
            return max(width_of(left), width_of(right))
        case ast.UnaryOp(operand=operand):
            return width_of(operand)
        case ast.Call() if function_of(node) == "poly":
            return poly_arguments(node)[0]
        case ast.Call() if function_of(node) in SPLINES:
            return asked(node).width
        case ast.Call():
            return width_of(node.args[0])
    return 1


def constant(node: ast.expr) -> bool:
    """Whether an expression names no column."""
    return not any(isinstance(part, ast.Name) for part in ast.walk(node))


def evaluate(
    node: ast.expr,
    values: Mapping[str, Any],
    states: Mapping[str, State],
    functions: Mapping[str, Callable[[Any], Any]] = FUNCTIONS,
) -> Any:
    """The values of a checked expression in float64: (n,), (n, width) for a polynomial, or a number where it names no column.

    With `functions` of an engine the values may be expressions of that engine, and so is the result; it has no polynomials.
    """
    match node:
        case ast.Constant(value=number):
            return float(number)  # type: ignore[arg-type]  # checked to be a number
        case ast.Name(id=name):
            return values[column_of(name)]
        case ast.BinOp(left=left, op=op, right=right):
            a, b = (evaluate(side, values, states, functions) for side in (left, right))
            try:
                return OPERATORS[type(op)](a, b)
            except (OverflowError, ZeroDivisionError) as error:
                raise FormulaError(f"{readable(ast.unparse(node))} is not a number.") from error
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -evaluate(operand, values, states, functions)
        case ast.UnaryOp(operand=operand):
            return evaluate(operand, values, states, functions)
        case ast.Call():
            return _call(node, evaluate(node.args[0], values, states, functions), states, functions)
    raise AssertionError("unreachable: the tree was checked")


def _call(node: ast.Call, x: Any, states: Mapping[str, State], functions: Mapping[str, Callable[[Any], Any]]) -> Any:
    name = function_of(node)
    if functions is FUNCTIONS:  # a function of a number alone, such as log(2), is a tensor as well from here on
        x = torch.as_tensor(x, dtype=torch.float64)
    if name in FUNCTIONS:
        return functions[name](x)
    if name in SPLINES:
        columns = spline_of(node, states)(x)
        return columns if columns.shape[1] > 1 else columns[:, 0]
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


def spline_of(node: ast.Call, states: Mapping[str, State]) -> SplineBasis:
    """The columns of a call of a spline, as polynomials between knots."""
    return spline(asked(node), states.get(ast.unparse(node), {}))


def _spline_inside(node: ast.Call, x: Any, states: Mapping[str, State], engine: Adder) -> list[Any]:
    """The columns of a spline of an engine's expression."""
    found = spline_of(node, states)
    # From the last piece back to the first: each bound decides between its piece and all behind it.
    columns = []
    for j in range(found.width):
        chosen: Any = None
        for piece in reversed(range(len(found.starts))):
            u, (*lower, value) = (x - found.starts[piece]) / found.sizes[piece], found.coefficients[piece][j]
            value = x * 0.0 + value
            for coefficient in reversed(lower):
                value = value * u + coefficient
            chosen = value if chosen is None else engine.if_else(x < found.bounds[piece], value, chosen)
        columns.append(chosen)
    return columns


def _poly_inside(node: ast.Call, x: Any, states: Mapping[str, State]) -> list[Any]:
    """The columns of a polynomial of an engine's expression."""
    degree, raw = poly_arguments(node)
    if raw:
        return [x**d for d in range(1, degree + 1)]
    state = states[ast.unparse(node)]
    terms = legendre_terms(x, degree, state["middle"], state["half"])
    return [
        reduce(add, (term * row[j] for term, row in zip(terms, state["basis"], strict=True) if row[j]))
        for j in range(1, degree + 1)
    ]


@dataclass(frozen=True, slots=True)
class Call:
    """One stateful call in an expression.

    Attributes
    ----------
    text : str
        The call as written; the key of its state.
    kind : str
        One of `STATEFUL`.
    argument : str
        Text of the expression it is applied to.
    degree : int
        Of `poly`; 1 otherwise.
    ddof : int
        What is taken from n in the divisor of a deviation.
    spline : SplineCall or None
        What a spline asks for.
    """

    text: str
    kind: str
    argument: str
    degree: int = 1
    ddof: int = 1
    spline: SplineCall | None = None


class Expression:
    """A checked expression: which columns it reads, which states it needs, and its values on a batch."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = syntax_tree(text)
        self.columns: list[str] = []
        self.calls: list[Call] = []
        # Checked whole before it is ever evaluated; `columns` and `calls` are filled on the way.
        self._check(self.tree, 0, stateful=True)
        called = [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]
        self._b_splines = [node for node in called if function_of(node) == "bs"]
        if not self.columns:
            raise FormulaError(f"{readable(text)} names no column; a term must depend on the data.")

    @property
    def width(self) -> int:
        """Number of columns it gives: 1, or those of a polynomial or a spline."""
        return width_of(self.tree)

    def __call__(self, values: Values, states: Mapping[str, State]) -> Tensor:
        """Values (n,), or (n, width) for a polynomial or a spline."""
        return evaluate(self.tree, values, states)

    def beyond(self, values: Values, states: Mapping[str, State], holes: Tensor) -> list[str]:
        """B-splines in it of which some row lies beyond the outer knots, those with `holes` left out."""
        found = []
        for node in self._b_splines:
            x, spline = evaluate(node.args[0], values, states), spline_of(node, states)
            outside = (x < spline.starts[0]) | (x > spline.starts[-1] + spline.sizes[-1])
            if bool((outside & ~holes.to(outside.device)).any()):
                found.append(ast.unparse(node))
        return found

    def inside(self, engine: Adder, values: Mapping[str, Any], states: Mapping[str, State]) -> list[Any]:
        """The same as expressions of an engine, one for each column; raises CannotAddError where it has none of this."""
        tree = self.tree
        alone = function_of(tree) if isinstance(tree, ast.Call) else ""
        inner = tree.args[0] if isinstance(tree, ast.Call) and alone in _WIDE else tree
        called = {function_of(node) for node in ast.walk(inner) if isinstance(node, ast.Call)}
        lacking = sorted(called - {"center", "scale", "standardize"} - engine.functions.keys())
        if lacking or self.width > _HIGHEST_INSIDE:
            raise CannotAddError(f"{readable(self.text)} has no like of it there")
        x = evaluate(inner, values, states, engine.functions)
        if not isinstance(tree, ast.Call) or inner is tree:
            return [x]
        return _poly_inside(tree, x, states) if alone == "poly" else _spline_inside(tree, x, states, engine)

    def _check(self, node: ast.expr, depth: int, *, stateful: bool) -> None:
        # Every node must be in one of the cases below; whatever is not in them is refused, so nothing needs to be forbidden.
        if depth > _DEEPEST:
            raise FormulaError(f"{readable(self.text)} is nested too deeply; make the column before fitting.")
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool) and math.isfinite(number):
                return
            case ast.Name(id=name):
                if column_of(name) not in self.columns:
                    self.columns.append(column_of(name))
                return
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                inside = [left, right]
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                inside = [operand]
            case ast.Call():
                inside = [self._check_call(node, stateful=stateful)]
                stateful = stateful and function_of(node) not in STATEFUL
            case ast.BinOp(op=ast.BitXor()):
                raise FormulaError(
                    f"{readable(self.text)} has a ^, which computes nothing inside a function; write ** for powers."
                )
            case _:
                raise FormulaError(
                    f"{readable(self.text)} is not allowed in a formula: use columns, numbers, + - * / ** and the functions "
                    f"{', '.join([*FUNCTIONS, *STATEFUL, *SHIFTS, 'C'])}."
                )
        # A state is learnt from the table's columns: a stateful call inside another would need the other's state first.
        for child in inside:
            self._check(child, depth + 1, stateful=stateful)
        if len({width_of(child) for child in inside if not constant(child)}) > 1:
            raise FormulaError(
                f"{readable(ast.unparse(node))} joins the several columns of a polynomial or a spline with one column; write the "
                f"product as an interaction, such as poly(x, 2):z."
            )

    def _check_call(self, node: ast.Call, *, stateful: bool) -> ast.expr:
        name = function_of(node)
        if name not in (*FUNCTIONS, *STATEFUL):
            raise FormulaError(
                f"{readable(ast.unparse(node))} calls a function that formulas do not have; {_instead(node, name)}."
            )
        if name in STATEFUL and not stateful:
            raise FormulaError(f"{readable(self.text)}: {name} cannot stand inside another function that learns from the rows.")
        call = _call_of(node, name)
        if call is not None and call not in self.calls:
            self.calls.append(call)
        return node.args[0]


def _call_of(node: ast.Call, name: str) -> Call | None:
    """The call of a function that has to learn from the rows; None for one that has not. Raises FormulaError for wrong arguments."""
    spelt = ast.unparse(node), name
    if name in SPLINES:
        wanted = asked(node)
        return Call(*spelt, ast.unparse(node.args[0]), spline=wanted) if wanted.learns else None
    if name == "poly":
        degree, raw = poly_arguments(node)
        return None if raw else Call(*spelt, ast.unparse(node.args[0]), degree)
    if name in ("scale", "standardize"):
        ddof = divisor_of(node)
        return Call(*spelt, ast.unparse(node.args[0]), ddof=ddof)
    if len(node.args) != 1 or node.keywords:
        raise FormulaError(f"{readable(ast.unparse(node))}: {name} takes one argument.")
    return Call(*spelt, ast.unparse(node.args[0])) if name in STATEFUL else None


def _instead(node: ast.Call, name: str) -> str:
    """What to write for a call of a function that there is not."""
    known = [*FUNCTIONS, *STATEFUL, *SHIFTS, "C"]
    near = near_names(name, known)
    hint = elsewhere(name, ast.unparse(node.args[0]) if node.args else "x")
    if hint or near:
        return hint or f"they have {listed(near)}"
    return f"they have {', '.join(known)}. Make other columns before fitting"


# Checked once for each text and not once for each batch; expressions do not change.
@lru_cache(maxsize=1_000)
def expression(text: str) -> Expression:
    """The checked expression of a text; raises FormulaError for anything that is not allowed."""
    return Expression(text)
