"""Terms: a fitted line told to another language, which need not know how a design or an expression is made.

    prediction = intercept + sum over columns of weight * product of parts

A part is a component of a factor: a number, a level's indicator, or a component of an expression. What a language says for
those, and for sums, products and functions of them, is the whole of a language here.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bestline.data.design import Design, expression
from bestline.data.design.bases.splines import SPLINES, SplineBasis
from bestline.data.design.expressions import FUNCTIONS, State, column_of, spline_of
from bestline.data.design.inverse import FITTED, Inverse
from bestline.data.tables import shift_of
from bestline.errors import NumericalError, OptionError, listed, readable
from bestline.inference.fitted import FittedLine
from bestline.inference.why_not import refuse_absorbed

_OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}


@dataclass(frozen=True, slots=True, eq=False)
class PlainLine:
    """A fitted line as plain numbers.

    Attributes
    ----------
    design : Design
    weights : tuple of tuple of float
        For each column of the design, a weight for each target: (p, k).
    intercept : tuple of float
        (k,); zeros for a line without one.
    inverses : tuple of Inverse or None
        The way back from each target (k,), such as `log(y)`.
    """

    design: Design
    weights: tuple[tuple[float, ...], ...]
    intercept: tuple[float, ...]
    inverses: tuple[Inverse | None, ...]

    @classmethod
    def of(cls, model: FittedLine, what: str) -> PlainLine:
        """The line of a model; raises OptionError for an own forward function, NumericalError for weights that are not finite."""
        refuse_absorbed(model, f"{what} has no place for effects")
        if model.plan.forward is not None:
            raise OptionError(
                f"{what} holds lines, and this model has a forward function of its own; give an nn.Module to `forward`, and take "
                f"`to_torch()` and torch.onnx for it."
            )
        if not bool(model.weights.isfinite().all()):
            raise NumericalError(f"The weights of this model are not finite, so {what} cannot hold it; fit again.")
        rows = [tuple(row) for row in model.weights.tolist()]
        intercept = rows.pop() if model.design.intercept else (0.0,) * len(model.targets)
        return cls(model.design, tuple(rows), intercept, model.inverses)

    @property
    def outputs(self) -> tuple[str, ...]:
        """What predictions are called: `prediction`, or `prediction:target` for each of several."""
        targets = self.design.targets
        return ("prediction",) if len(targets) == 1 else tuple(f"prediction:{t}" for t in targets)

    def turned_back(self, target: int, language: Language) -> str:
        """The prediction of a target in units of its own column, in a language whose only column is what the line fits."""
        back = self.inverses[target]
        return language.column(FITTED) if back is None else components(back.text, {}, language)[0]


def refuse_shifts(design: Design, what: str) -> None:
    """Raise OptionError, naming the language, for a line of what other rows hold: a row alone does not say it."""
    # A column of the table by such a name is like any other.
    if shifts := [name for name in design.needs if name not in design.table and shift_of(name) is not None]:
        held, such = (
            ("is what another row holds", "such a column") if len(shifts) == 1 else ("are what other rows hold", "such columns")
        )
        raise OptionError(
            f"{listed(shifts)} {held}, and {what} computes each row by itself; give the table {such} before fitting."
        )


# What SQL and ONNX have in common: how a column, an operation and a function are said.
class Language(Protocol):
    """Fragments are text of the language, or names of values in it; numbers stay numbers until a fragment is made of them."""

    def column(self, name: str) -> str:
        """A number column of the table, its gaps filled if the design does so."""

    def operation(self, sign: str, a: str | float, b: str | float) -> str:
        """The sum, difference, product, quotient or power: + - * / **."""

    def function(self, name: str, x: str | float) -> str:
        """A function of `design.expressions.FUNCTIONS`, but for `I`."""

    def chosen(self, x: str | float, bounds: Sequence[float], values: Sequence[str | float]) -> str:
        """The first value where x lies below the first bound, the second where it lies below the second, ..., and else the last."""


def components(text: str, states: Mapping[str, State], language: Language) -> list[str]:
    """The components of an expression, one for each of its columns."""
    width = expression(text).width  # a text that is not allowed ends here
    values = _values(expression(text).tree, states, language)
    # A component that is a number alone depends on no row, and a column of it would be a constant.
    if len(values) != width or any(isinstance(v, float) for v in values):
        raise OptionError(f"{readable(text)} has components of different shapes; make the column before fitting.")
    return [str(v) for v in values]


def sendable(text: str, what: str) -> str:
    """The text itself; raises OptionError for what databases and graphs cannot hold in a name or a string."""
    if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise OptionError(f"{what} {readable(text)} has characters that no name or text elsewhere can hold; rename it.")
    return text


def _values(node: ast.expr, states: Mapping[str, State], language: Language) -> list[str | float]:
    match node:
        case ast.Constant(value=int() | float() as number):
            return [float(number)]
        case ast.Name(id=name):
            return [language.column(column_of(name))]
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _values(left, states, language), _values(right, states, language)
            return _each(lambda u, v: language.operation(_OPERATORS[type(op)], u, v), a, b)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            values = _values(operand, states, language)
            return [-v if isinstance(v, float) else language.operation("*", -1.0, v) for v in values]
        case ast.UnaryOp(operand=operand):
            return _values(operand, states, language)
        case ast.Call():
            return _called(node, states, language)
    raise AssertionError("unreachable: the tree was checked")


def _called(node: ast.Call, states: Mapping[str, State], language: Language) -> list[str | float]:
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr  # type: ignore[attr-defined]  # np.log
    values = _values(node.args[0], states, language)
    if name == "I":
        return values
    if name in FUNCTIONS:
        return [language.function(name, v) for v in values]
    if name in SPLINES:
        return [*_pieces(values[0], spline_of(node, states), language)]
    text = ast.unparse(node)
    # The call as Python writes it is the key under which the design keeps its state.
    degree = expression(text).width
    if not expression(text).calls:  # raw powers, which learn nothing
        return [*values, *(language.operation("**", values[0], float(d)) for d in range(2, degree + 1))]
    state = states[text]
    if name == "poly":
        return _polynomials(values[0], degree, state, language)
    centred = [language.operation("-", v, state["mean"]) for v in values]
    return [language.operation("/", v, state["deviation"]) for v in centred] if "deviation" in state else [*centred]


def _pieces(x: str | float, spline: SplineBasis, language: Language) -> Iterator[str]:
    """Each column of a spline: polynomials of u = (x - start) / size by Horner's rule, and which of them where."""
    units = [
        language.operation("/", language.operation("-", x, start), size)
        for start, size in zip(spline.starts, spline.sizes, strict=True)
    ]
    # Every column has the same pieces, so u is said once for all of them where a language remembers its fragments.
    for j in range(spline.width):
        values = [_horner(u, piece[j], language) for u, piece in zip(units, spline.coefficients, strict=True)]
        if isinstance(values[-1], float):  # where x is missing the last is taken, and it is to be missing, too
            values[-1] = language.operation("+", language.operation("*", 0.0, units[-1]), values[-1])
        yield language.chosen(x, spline.bounds, values)


def _horner(u: str, coefficients: Sequence[float], language: Language) -> str | float:
    *lower, first = coefficients
    value: str | float = first
    for coefficient in reversed(lower):
        product = 0.0 if value == 0 else language.operation("*", value, u)
        value = language.operation("+", product, coefficient) if product != 0 and coefficient != 0 else product or coefficient
    return value


def _polynomials(x: str | float, degree: int, state: State, language: Language) -> list[str | float]:
    """The orthonormal polynomials of degree 1 and up, from Legendre's."""
    legendre = _legendre(x, degree, state, language)
    found: list[str | float] = []
    for j in range(1, degree + 1):
        # Column j of P R^-1: the constant's share first, then each Legendre polynomial times its number.
        column: str | float = state["basis"][0][j]
        for k in range(1, degree + 1):
            if state["basis"][k][j] != 0:
                column = language.operation("+", column, language.operation("*", state["basis"][k][j], legendre[k - 1]))
        found.append(column)
    return found


def _legendre(x: str | float, degree: int, state: State, language: Language) -> list[str]:
    """Legendre polynomials 1..degree of x on the training range, as products over their roots.

    The recurrence would say each polynomial twice in the next, and double the text with every degree; powers lose digits. The
    product says x once for every pair of roots and loses none: P(t) = P(1) prod (t^2 - r^2) / (1 - r^2), times t if odd.
    """
    from numpy.polynomial.legendre import leggauss

    # On the training range, t lies between -1 and 1.
    t = language.operation("/", language.operation("-", x, state["middle"]), state["half"])
    found = []
    for d in range(1, degree + 1):
        product = t if d % 2 else ""
        for root in leggauss(d)[0][(d + 1) // 2 :].tolist():
            pair = language.operation("-", language.operation("**", t, 2.0), root**2)
            pair = language.operation("/", pair, 1 - root**2)
            product = language.operation("*", product, pair) if product else pair
        found.append(product)
    return found


def _each(
    operation: Callable[[str | float, str | float], str], a: Sequence[str | float], b: Sequence[str | float]
) -> list[str | float]:
    """An operation on components, one beside many going with each."""
    # a[i % len(a)]: a single component goes with each of the other's.
    size = max(len(a), len(b))
    return [operation(a[i % len(a)], b[i % len(b)]) for i in range(size)]
