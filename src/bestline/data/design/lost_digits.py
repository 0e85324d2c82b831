"""Lost digits: what float64 has lost of the columns that a design computes, so that it can be brought back or owned up to.

    x**10 = X + below + error        |error| <= bound

A column as stored has lost nothing here, but where float64 could not hold its numbers when they were read, as integers beyond 2^53:
of these each may be off by half a unit in its last place, and how far that moves the answer is a matter of the same bound. One that is computed, such as x**2 or x:z, is rounded, and where x**2 and x**3 are nearly
parallel the rounding is most of what tells them apart. So sums, products and whole powers are computed once more in twice the digits
(`numerics.doubled`), batch by batch, beside the rows, and what rounding takes from them is known, number by number.

Functions such as log(x) are as good as float64 makes them, and a bound stands beside them: what the argument's error does to the
value, by the function's slope or by its values on either side, and a few units of rounding of its own (running error analysis:
Higham 2002, 3.3). Where nothing can be said, the bound is not a number, or infinite.

`columns_rounding` says the same beforehand, for whatever values: so many units of the value itself, and so many of 1.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import mul

import torch
from torch import Tensor

from bestline.data.design.bases.splines import SPLINES, SplineBasis
from bestline.data.design.design import Design
from bestline.data.design.encoded import Encoded
from bestline.data.design.expressions import (
    FUNCTIONS,
    State,
    Values,
    constant,
    evaluate,
    expression,
    function_of,
    legendre,
    poly_arguments,
    spline_of,
)
from bestline.data.design.factors import Column, Factor, one_hot
from bestline.data.tables import Batch, shift_of
from bestline.numerics import Doubled, Features, Targets, singular_values

_HIGHEST_POWER = 65  # beyond it a power is taken as float64 gives it
_ULP = 2.0**-52
_WHOLE = 2.0**53  # up to here float64 holds every integer
_TINY = 2.0**-1070  # what underflow can take, however small the value
_OWN = 4  # units of rounding that a library's function may be wrong by: those of today's stay below one
_OF_SPLINES = 8  # units of rounding that the recursion, u and the sum leave of a spline, of the size of its terms
_STATE = 256 * _ULP  # of means and sums of squares, which are added up batch by batch


@dataclass(frozen=True, slots=True)
class Rounding:
    """Bound of an error, in units of rounding: so many of the value itself, and so many of 1; infinite where values decide."""

    own: float = 0.0
    one: float = 0.0

    def times(self, other: Rounding) -> Rounding:
        """Of a product or quotient."""
        return _UNKNOWN if self.one or other.one else Rounding(self.own + other.own + 1)


_UNKNOWN = Rounding(math.inf)


@dataclass(frozen=True, slots=True, eq=False)
class LostDigits:
    """What float64 has lost of a batch.

    Attributes
    ----------
    below : Tensor (n, p)
        What is known of it: X + below is right to twice the digits, where columns are products and powers of stored ones.
    error : Tensor (n, p + k)
        How far from the truth X + below and y can be; infinite where that is not known.
    """

    below: Features
    error: Tensor

    def __getitem__(self, index: Tensor) -> LostDigits:
        return LostDigits(self.below[index], self.error[index])


def rows_doubled(design: Design, batch: Batch) -> tuple[Encoded, LostDigits | None]:
    """A batch as `rows` gives it, and what float64 has lost of X and y; None: nothing."""
    encoded = design.rows(batch)
    made = any(r.kind == "expression" or _is_rounded(design, r) for r in design.trained)
    if not (made or any(_is_made(design, column) for column in design.columns)) or not len(encoded.rows):
        return encoded, None
    rows = encoded.rows
    X = columns_doubled(design, batch, rows.X, encoded.index)
    y_error = _targets_error(design, batch) if made else torch.zeros_like(rows.y)
    if made and encoded.index is not None:
        y_error = y_error[encoded.index]
    return encoded, LostDigits(X.low, torch.cat([X.error, y_error.to(X.error)], 1))


def columns_doubled(
    design: Design, batch: Batch, X: Features, index: Tensor | None = None, *, on_unseen: str = "nan"
) -> Doubled:
    """X (n, p) of a batch, or of some of its rows, in twice the digits.

    Products and powers of columns are made here, so what rounding takes from them is known and need not be lost.
    """
    made = [j for j, column in enumerate(design.columns) if _is_made(design, column)]
    low, error = torch.zeros_like(X), torch.zeros_like(X)
    if not made:
        return Doubled(X, low, error)
    # The whole batch, although only some rows may be wanted: gaps are filled and levels found as `rows` did it, row for row.
    names = design.number_columns()
    numbers = batch.numbers(names).to(X.device)
    if not bool(numbers.sum().isfinite()):
        numbers, _, _ = design.filled(numbers, names)
    values = {name: numbers[:, j] for j, name in enumerate(names)}
    parts = {i: _doubled(design, design.factors[i], values, batch, on_unseen) for j in made for i, _ in design.columns[j].parts}
    for j in made:  # column j is the product of its parts; what X[:, j] lacks of it is kept, and how far both can be wrong
        product = reduce(mul, (parts[i][:, at] for i, at in design.columns[j].parts))
        product = product if index is None else product[index]
        low[:, j], error[:, j] = product.beside(X[:, j]), product.error.nan_to_num(math.inf)
    return Doubled(X, low, error)


def rounded_away(design: Design, spread: Tensor) -> tuple[str, ...]:
    """Columns of X that do not vary, by their spreads (p + k,), because float64 could not tell the numbers apart that were read."""
    lost = rounded_when_read(design) & (spread[: design.p] == 0)
    return tuple(column.name for column, away in zip(design.columns, lost.tolist(), strict=True) if away)


def rounded_when_read(design: Design) -> Tensor:
    """Which columns of X are made of numbers that float64 could not hold, (p,)."""
    made = [any(_is_rounded(design, design.factors[i]) for i, _ in column.parts) for column in design.columns]
    return torch.tensor(made, dtype=torch.bool)


def columns_rounding(design: Design) -> tuple[Tensor, Tensor]:
    """What float64 can lose of every column of X and y: shares of its numbers, and of 1, (p + k,); 0 for columns as stored."""
    factors = [_rounding(design, f) for f in design.factors]
    found = []
    for column in design.columns:
        product = reduce(Rounding.times, (factors[i] for i, _ in column.parts))
        found.append(product if _is_made(design, column) else Rounding())
    found += [_rounding(design, r) for r in design.trained]
    both = 2.0**-52 * torch.tensor([[r.own, r.one] for r in found], dtype=torch.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _rounding(design: Design, factor: Factor) -> Rounding:
    if factor.kind == "expression":
        return _UNKNOWN if _is_rounded(design, factor) else _rounding_of(expression(factor.text).tree, design.states)
    if not _is_rounded(design, factor):
        return Rounding()
    return _UNKNOWN if _of_rounded(design, factor.column) else Rounding(0.5)


def _is_rounded(design: Design, factor: Factor) -> bool:
    """Whether it is made of numbers that float64 could not hold."""
    lost = set(design.rounded).intersection(factor.numbers)
    # Of a difference that is rounded itself, and not what it is of, an expression is good to as much.
    if factor.kind == "expression":
        lost = {name for name in lost if (shift := shift_of(name)) is None or shift.column in design.rounded}
    return bool(lost)


def _of_rounded(design: Design, column: str) -> bool:
    """Whether it holds differences of rounded numbers: they may be off by any share of themselves, however small they are."""
    shift = shift_of(column)
    return shift is not None and shift.kind == "diff" and shift.column in design.rounded


def _rounded_off(design: Design, column: str, values: Tensor) -> Tensor:
    """How far a column's numbers may be from those that were read: half a unit in the last place, but of integers up to 2^53."""
    if _of_rounded(design, column):
        return torch.full_like(values, math.inf)
    shift = shift_of(column)
    whole = (values.abs() < _WHOLE) & (values == values.round()) & (shift is None or shift.kind != "diff")
    return torch.where(whole, 0.0, values.abs() * (_ULP / 2))


def _targets_error(design: Design, batch: Batch) -> Targets:
    """Bound of what float64 has lost of the targets that are computed, (n, k)."""
    names = design.target_columns
    values = batch.numbers(names)
    columns = {name: values[:, j] for j, name in enumerate(names)}
    errors = []
    for response in design.trained:
        if response.kind == "number":
            stored = columns[response.column]
            errors.append(
                _rounded_off(design, response.column, stored) if _is_rounded(design, response) else torch.zeros_like(stored)
            )
            continue
        true = _doubled_values(expression(response.text).tree, columns, design.states)
        # y is used as it is, without what it lacks: so that counts as error, too.
        error = (true.error + true.beside(expression(response.text)(columns, design.states)).abs()).nan_to_num(math.inf)
        errors.append(torch.full_like(error, math.inf) if _is_rounded(design, response) else error)
    return torch.stack(errors, 1)


def _is_made(design: Design, column: Column) -> bool:
    """Whether a column of X is computed or was rounded, and not one of the table, or one for some rows and 0 for the others."""
    if any(_is_rounded(design, design.factors[i]) for i, _ in column.parts):
        return True
    kinds = [design.factors[i].kind for i, _ in column.parts if design.factors[i].kind != "category"]
    return "expression" in kinds or len(kinds) > 1


def _doubled(design: Design, factor: Factor, values: Mapping[str, Tensor], batch: Batch, on_unseen: str) -> Doubled:
    """A factor's components (n, components) in twice the digits."""
    if factor.kind == "expression":
        part = _doubled_values(expression(factor.text).tree, values, design.states)
        if _is_rounded(design, factor):  # what the expression makes of that is not known
            part = replace(part, error=torch.full_like(part.error, math.inf))
        return part if part.high.ndim == 2 else part[:, None]
    if factor.kind == "number":
        stored = values[factor.column][:, None]
        return (
            Doubled.of(stored, error=_rounded_off(design, factor.column, stored))
            if _is_rounded(design, factor)
            else Doubled.of(stored)
        )
    like = next(iter(values.values()))
    return Doubled.of(one_hot(factor, batch, impute=design.missing == "impute", average=on_unseen == "average").values.to(like))


# --- of one expression ---------------------------------------------------------------------------------------------------


def _doubled_values(node: ast.expr, values: Values, states: Mapping[str, State]) -> Doubled:
    """A checked expression with sums, products and whole powers in twice the digits, and the error of every value bounded.

    The error is for exact arithmetic on the columns and the formula's numbers as float64 holds them.
    """
    match node:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as op, right=right):
            a, b = _doubled_values(left, values, states), _doubled_values(right, values, states)
            return a + b if isinstance(op, ast.Add) else a - b if isinstance(op, ast.Sub) else a * b
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=exponent)) if exponent in range(1, _HIGHEST_POWER):
            return _doubled_values(left, values, states).power(int(exponent))  # type: ignore[arg-type]  # one of the range
        case ast.UnaryOp(op=op, operand=operand):
            x = _doubled_values(operand, values, states)
            return -x if isinstance(op, ast.USub) else x
        case ast.Call() if function_of(node) == "I":
            return _doubled_values(node.args[0], values, states)
        case ast.Call() if function_of(node) == "poly" and poly_arguments(node)[1]:
            x, degree = _doubled_values(node.args[0], values, states), poly_arguments(node)[0]
            if degree == 1:
                return x
            powers = [x.power(d) for d in range(1, degree + 1)]
            return Doubled(*(torch.stack([getattr(p, half) for p in powers], 1) for half in ("high", "low", "error")))
    value = torch.as_tensor(evaluate(node, values, states), dtype=torch.float64)
    return Doubled.of(value, error=_error(node, value, values, states))


def _error(node: ast.expr, value: Tensor, values: Values, states: Mapping[str, State]) -> Tensor:
    """Bound of what float64 has lost of an expression's value: what its parts have lost, passed on, and its own rounding."""
    match node:
        case ast.Constant() | ast.Name():
            return torch.zeros_like(value)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            (a, lost_a), (b, lost_b) = _plain(left, values, states), _plain(right, values, states)
            # a~/b~ - a/b: the errors passed on, over the smallest that the divisor can be; infinite where it can be 0.
            lost = (lost_a + (a / b).abs() * lost_b) / (b.abs() - lost_b).clamp(min=0)
            return lost + _ULP * value.abs() + _TINY
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            (a, lost_a), (b, lost_b) = _plain(left, values, states), _plain(right, values, states)
            exact, same_sign = (lost_a == 0) & (lost_b == 0), (a > lost_a) | ((a < -lost_a) & (lost_b == 0))
            # The logarithm of a~**b~ / a**b is b~ (log a~ - log a) + (b~ - b) log a.
            moved = (b.abs() + lost_b) * lost_a / (a.abs() - lost_a) + lost_b * a.abs().log().abs()
            moved = torch.where(exact, 0.0, torch.where(same_sign, moved.expm1(), math.nan))
            return (moved + _OWN * _ULP) * value.abs() + _TINY
        case ast.Call():
            x, away = _plain(node.args[0], values, states)
            return _error_of_call(node, x, away, value, states)
    return torch.full_like(value, math.nan)


def _plain(node: ast.expr, values: Values, states: Mapping[str, State]) -> tuple[Tensor, Tensor]:
    """An expression in float64, and how far from the truth it can be."""
    x, true = torch.as_tensor(evaluate(node, values, states), dtype=torch.float64), _doubled_values(node, values, states)
    return x, true.error + ((true.high - x) + true.low).abs()


def _moved(f: Callable[[Tensor], Tensor], x: Tensor, away: Tensor, value: Tensor) -> Tensor:
    """How far a monotone function can move when its argument does."""
    far = torch.full_like(x, math.inf)  # the ends are rounded outwards, so the truth lies between them
    above, below = torch.nextafter(x + away, far), torch.nextafter(x - away, -far)
    return torch.where(away == 0, 0.0, torch.maximum((f(above) - value).abs(), (value - f(below)).abs()))


def _error_of_call(node: ast.Call, x: Tensor, away: Tensor, value: Tensor, states: Mapping[str, State]) -> Tensor:
    """The same of a function at x, known to `away`."""
    name = function_of(node)
    if name in FUNCTIONS:
        if name in ("abs", "sin", "cos", "tanh"):  # no steeper than 1
            moved = away
        elif name == "tan":
            # tan' = 1 + tan^2; near enough to it twice the slope holds, and near a pole nothing does.
            moved = torch.where(away * (1 + value**2) < 0.1, 2 * away * (1 + value**2), math.nan)
        else:  # monotone
            moved = _moved(FUNCTIONS[name], x, away, value)
        exact = name in ("abs", "ceil", "floor")
        return moved if exact else moved + _OWN * _ULP * value.abs() + _TINY
    if name in SPLINES:
        return _error_of_spline(spline_of(node, states), x, away)
    state = states[ast.unparse(node)]
    if name == "poly":
        return _error_of_poly(x, away, poly_arguments(node)[0], value, state)
    # The mean is known to _STATE of the largest value; the deviation too, and the division passes both on.
    lost = away + _STATE * x.abs().amax() + _ULP * (x - state["mean"]).abs()
    if name == "center":
        return lost
    deviation = state["deviation"]
    return (lost / deviation) * 2 + value.abs() * (_STATE + (_STATE * float(x.abs().amax()) / deviation) ** 2)


def _error_of_spline(found: SplineBasis, x: Tensor, away: Tensor) -> Tensor:
    """A spline is what its knots say, which are numbers like others: its coefficients and their sum are rounded, u is, and x."""
    size, slope = found.steepness
    start, length = (torch.tensor(ends, dtype=torch.float64, device=x.device) for ends in (found.starts, found.sizes))
    at = torch.bucketize(x.contiguous(), torch.tensor(found.bounds, dtype=torch.float64, device=x.device), right=True)
    # Outside the outer knots the terms are larger by a power of u.
    far = ((x - start[at]) / length[at]).abs().clamp(min=1.0) ** (len(found.coefficients[0][0]) - 1)
    error = far * (_OF_SPLINES * _ULP * size + slope * away)
    return error if found.width == 1 else error[:, None].expand(-1, found.width)


def _rounding_of(node: ast.expr, states: Mapping[str, State]) -> Rounding:
    """What float64 can lose of a checked expression, whatever its columns hold."""
    match node:
        case ast.Constant() | ast.Name():
            return Rounding()
        case ast.UnaryOp(operand=operand):
            return _rounding_of(operand, states)
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div(), right=right):
            return _rounding_of(left, states).times(_rounding_of(right, states))
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
            exact = _rounding_of(left, states) == _rounding_of(right, states) == Rounding()
            return Rounding(1) if exact else _UNKNOWN  # the difference of two rounded numbers can be all rounding
        case ast.BinOp(left=left, op=ast.Pow(), right=right) if constant(right):
            base = _rounding_of(left, states)  # d(x^a) / x^a = a dx / x; twice it for the second order
            return _UNKNOWN if base.one else Rounding(2 + 2 * base.own * abs(evaluate(right, {}, states)))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            exact = _rounding_of(left, states) == _rounding_of(right, states) == Rounding()
            return Rounding(_OWN) if exact else _UNKNOWN
        case ast.Call():
            return _rounding_of_call(node, _rounding_of(node.args[0], states), states)
    return _UNKNOWN


def _rounding_of_call(node: ast.Call, x: Rounding, states: Mapping[str, State]) -> Rounding:
    name = function_of(node)
    if name in ("I", "abs"):
        return x
    degree, raw = poly_arguments(node) if name == "poly" else (1, False)
    if raw:
        return _UNKNOWN if x.one else Rounding(2 + 2 * x.own * degree)
    # A relative error is halved by a root, and becomes an absolute one by a logarithm.
    if name == "sqrt" and not x.one:
        return Rounding(2 + x.own)
    if name in ("log", "log2", "log10") and not x.one:
        return Rounding(_OWN, 4 * x.own)
    if x != Rounding():
        return _UNKNOWN
    if name in FUNCTIONS:
        return Rounding(0 if name in ("ceil", "floor") else _OWN)
    if name in SPLINES:
        found = spline_of(node, states)
        one = _OF_SPLINES * found.steepness[0]
        if ast.unparse(node) in states:
            return Rounding(0, one)
        # Beyond outer knots that were given the terms outgrow 1. By u = 2 they are to the value as (u + 1)^d to (u - 1)^d, and then less.
        degree = len(found.coefficients[0][0]) - 1
        return Rounding(_OF_SPLINES * 3**degree, one * 2**degree)
    state, sums = states[ast.unparse(node)], _STATE / _ULP
    if name == "poly":
        basis = torch.tensor(state["basis"], dtype=torch.float64)
        return Rounding(0, float(basis.abs().sum(0).max()) * (8 * degree**2 + sums * degree * _apart(basis)))
    return Rounding(4 * sums, 4 * sums * abs(state["mean"]) / state.get("deviation", 1.0))


def _apart(basis: Tensor) -> float:
    """By what factor orthonormal polynomials magnify the rounding of the products that they are made from."""
    size = basis.abs().amax(1, keepdim=True)
    lengths = singular_values(basis / torch.where(size > 0, size, 1.0))
    return float(lengths[0] / lengths[-1]) ** 2  # infinite for polynomials that repeat each other


def _error_of_poly(x: Tensor, away: Tensor, degree: int, value: Tensor, state: State) -> Tensor:
    """The polynomials are right to the rounding of sums over the rows, times how far the values leave their powers apart."""
    basis = torch.tensor(state["basis"], dtype=torch.float64, device=x.device)
    # |P_d'| <= d^2 on [-1, 1] (Markov's inequality), with equality at the ends.
    steep = (away / state["half"] + 8 * _ULP)[:, None] * (degree * degree)
    terms = legendre(x, degree, state["middle"], state["half"]).abs() + steep
    found = (steep * basis.abs().sum(0) + terms @ basis.abs() * (_STATE * degree * _apart(basis)))[:, 1:]
    return found if degree > 1 else found[:, 0]
