"""Splines: curves made of polynomials that meet smoothly at knots, as columns of X: `bs(x, df=5)`, `ns(x, df=4)`, `cr(x, df=4)`.

    f(x) = sum_j b_j(x) w_j      between two knots each b_j is one polynomial, so a spline is a table of coefficients

`bs` are B-splines (de Boor 1978, A Practical Guide to Splines), equal to R's and patsy's `bs`. `ns` are those of them that are straight
beyond the outer knots, in the basis that R's `ns` takes. `cr` are natural cubic splines too, in the basis whose weights are heights at
the knots (Wood 2006, Generalized Additive Models, section 4.1.2), equal to patsy's `cr`. Beyond the outer knots `bs` goes on with its
last polynomial, as in R; the other two are straight lines there.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeAlias

import torch
from torch import Tensor

from bestline.errors import FormulaError, readable

SPLINES = ("bs", "cr", "ns")
HIGHEST_DEGREE, MOST_COLUMNS = 9, 100  # elsewhere each column is written out in each piece: their number squared
# Where patsy and R have another name for the same argument.
_ARGUMENTS = {
    "intercept": "include_intercept",
    "boundary_knots": "boundary",
    "lower_bound": "low",
    "upper_bound": "high",
}
_POSITIONS = {
    "bs": ("df", "knots", "degree", "include_intercept", "low", "high"),
    "ns": ("df", "knots", "include_intercept", "boundary"),
    "cr": ("df", "knots", "low", "high", "constraints"),
}
_SPELT = {
    "bs": "bs(x, df=5), or with knots=[1, 2], degree=3, include_intercept=True, lower_bound=0, upper_bound=9",
    "ns": "ns(x, df=4), or with knots=[1, 2], include_intercept=True, boundary_knots=[0, 9]",
    "cr": 'cr(x, df=4), or with knots=[1, 2], lower_bound=0, upper_bound=9, constraints="center"',
}

Polynomial: TypeAlias = list[float]  # coefficients, the constant's first


@dataclass(frozen=True, slots=True)
class SplineCall:
    """What a call asks for.

    Attributes
    ----------
    kind : {"bs", "ns", "cr"}
    width : int
        Columns.
    inner : int
        Knots between the outer ones.
    knots : tuple of float or None
        These, ascending; None: they are learnt, as quantiles.
    degree : int
        Of the polynomials.
    intercept : bool
        Whether the columns can add up to a constant.
    low, high : float or None
        The outer knots; None: the range of the training rows.
    centred : bool
        Whether each column has the mean 0 in the training rows.
    """

    kind: str
    width: int
    inner: int
    knots: tuple[float, ...] | None
    degree: int
    intercept: bool
    low: float | None
    high: float | None
    centred: bool

    @property
    def learns(self) -> bool:
        """Whether the rows must be looked at before."""
        return (self.inner > 0 and self.knots is None) or self.low is None or self.high is None or self.centred


def asked(node: ast.Call) -> SplineCall:
    """What a call of a spline asks for; raises FormulaError where it asks for what there is not."""
    kind, text = node.func.id, readable(ast.unparse(node))  # type: ignore[attr-defined]  # a name: the caller has looked
    given = _given(node, kind, text)
    degree = _whole(given.get("degree", 3), "degree", 1, HIGHEST_DEGREE, text)
    knots = None if given.get("knots") is None else _knots(given["knots"], text)
    outer = [given.get("low"), given.get("high")]
    if given.get("boundary") is not None:
        outer = list(_knots(given["boundary"], text))
        if len(outer) != 2:
            raise FormulaError(f"{text}: the boundary has two knots, as in boundary_knots=[0, 9].")
    low, high = (None if end is None else _number(end, text) for end in outer)
    if low is not None and high is not None and low >= high:
        raise FormulaError(f"{text}: the lower bound must lie below the upper one.")
    constraints, intercept = given.get("constraints"), given.get("include_intercept", False)
    if type(intercept) is not bool or constraints not in (None, "center"):
        raise FormulaError(f"{text} is not understood; write {_SPELT[kind]}.")
    # How many columns there are without an inner knot: a polynomial has degree + 1, a line two, and the intercept has one of them.
    least = {"bs": degree + intercept, "ns": 1 + intercept, "cr": 2 - (constraints is not None)}[kind]
    df = given.get("df")
    if df is None and knots is None and kind != "bs":
        raise FormulaError(f"{text} is a straight line; write {kind}(x, df=4) for a curve, or give its knots.")
    width = least + len(knots or ()) if df is None else _whole(df, "df", least, MOST_COLUMNS, text)
    if knots is not None and width != least + len(knots):
        raise FormulaError(
            f"{text}: {len(knots)} knots make {least + len(knots)} columns, and df is {width}; leave one of the two out."
        )
    if width > MOST_COLUMNS:
        raise FormulaError(f"{text} has {width:,} columns, and {MOST_COLUMNS} are the most; give fewer knots.")
    if kind == "cr" and width - least == 0 and constraints is not None:
        raise FormulaError(f"{text} is a straight line; write a df of 2 or more.")
    return SplineCall(kind, width, width - least, knots, degree, intercept, low, high, constraints is not None)


def _given(node: ast.Call, kind: str, text: str) -> dict[str, Any]:
    """The arguments of a call by name, as Python reads a call; R's TRUE and c(1, 2) are understood."""
    positions = _POSITIONS[kind]
    wrong = FormulaError(f"{text} is not understood; write {_SPELT[kind]}.")
    if not node.args or len(node.args) > len(positions) + 1:
        raise wrong
    # As Python reads a call: by position, then by name; the same argument twice is refused below.
    pairs = [*zip(positions, node.args[1:], strict=False), *((str(k.arg), k.value) for k in node.keywords)]
    found: dict[str, Any] = {}
    for written, value in pairs:
        name = _ARGUMENTS.get(written, written)
        if name in found or name not in (*positions, "low", "high", "boundary") or (name == "degree" and kind != "bs"):
            raise wrong
        found[name] = _literal(value, wrong)
    if found.get("boundary") is not None and not {"low", "high"}.isdisjoint(found):
        raise wrong
    return found


def _literal(node: ast.expr, wrong: FormulaError) -> Any:
    match node:
        case ast.Name(id="TRUE" | "T"):
            return True
        case ast.Name(id="FALSE" | "F"):
            return False
        case ast.Name(id="NULL"):
            return None
        case ast.Call(func=ast.Name(id="c"), args=args, keywords=[]):
            return [_literal(arg, wrong) for arg in args]
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise wrong from error


def _whole(value: Any, name: str, least: int, most: int, text: str) -> int:
    # True is a whole number to Python, and none to people.
    number = int(value) if type(value) is float and value.is_integer() else value
    if type(number) is not int or not least <= number <= most:
        raise FormulaError(f"{text}: {name} is a whole number from {least} to {most} here; got {value!r:.40}.")
    return number


def _number(value: Any, text: str) -> float:
    if type(value) not in (int, float) or not abs(value) < math.inf:
        raise FormulaError(f"{text}: knots and bounds are numbers; got {value!r:.40}.")
    return float(value)


def _knots(value: Any, text: str) -> tuple[float, ...]:
    """Ascending, whatever their order, as in R."""
    if type(value) in (int, float):
        value = [value]
    if not isinstance(value, list | tuple):
        raise FormulaError(f"{text}: knots are a list of numbers, as in knots=[1, 2]; got {value!r:.40}.")
    found = tuple(sorted(_number(knot, text) for knot in value))
    if len(set(found)) < len(found):
        raise FormulaError(f"{text} has the same knot twice; give each once.")
    return found


# --- from knots to polynomials -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SplineBasis:
    """Several functions of x, each a polynomial in u = (x - start) / size in each of m pieces.

    Attributes
    ----------
    bounds : tuple of float
        Where the next piece begins (m - 1).
    starts, sizes : tuple of float
        Of each piece (m).
    coefficients : tuple
        For each piece, each column and each power of u, the constant first: (m, width, degree + 1).
    """

    bounds: tuple[float, ...]
    starts: tuple[float, ...]
    sizes: tuple[float, ...]
    coefficients: tuple[tuple[tuple[float, ...], ...], ...]

    @property
    def width(self) -> int:
        """Number of functions."""
        return len(self.coefficients[0])

    def __call__(self, x: Tensor) -> Tensor:
        """Their values (n, width) at x (n,)."""
        start, size, table = (
            torch.tensor(numbers, dtype=torch.float64, device=x.device)
            for numbers in (self.starts, self.sizes, self.coefficients)
        )
        piece = torch.bucketize(x.contiguous(), torch.tensor(self.bounds, dtype=torch.float64, device=x.device), right=True)
        u = ((x - start[piece]) / size[piece])[:, None]
        *lower, values = table.unbind(2)
        values = values[piece]
        for coefficient in reversed(lower):  # Horner
            values = values * u + coefficient[piece]
        return values

    @property
    def steepness(self) -> tuple[float, float]:
        """Bounds between the outer knots: of the sum of a column's terms in size, and of its slope."""
        # |u| is at most 1 there, so no term is larger than its coefficient.
        size = max(sum(map(abs, row)) for piece in self.coefficients for row in piece)
        slope = max(
            sum(k * abs(c) for k, c in enumerate(row)) / length
            for piece, length in zip(self.coefficients, self.sizes, strict=True)
            for row in piece
        )
        return size, slope


def spline(call: SplineCall, state: Mapping[str, Any]) -> SplineBasis:
    """The columns that a call asks for, with the knots (and means) that its state has learnt."""
    # What was asked for stands in the formula; the state holds what was learnt, and nothing twice.
    low, high = (state[end] if own is None else own for end, own in (("low", call.low), ("high", call.high)))
    knots = tuple(state["knots"] if call.knots is None and call.inner else call.knots or ())
    return _made(call, float(low), float(high), tuple(map(float, knots)), tuple(state.get("means", ())))


@lru_cache(maxsize=200)  # made once for each model and not once for each batch
def _made(call: SplineCall, low: float, high: float, knots: tuple[float, ...], means: tuple[float, ...]) -> SplineBasis:
    if call.kind == "cr":
        ends = [low, *knots, high]
        found = _cardinal(ends)
        if means:  # columns whose mean over the training rows is 0, as patsy takes them
            found = _combined(found, _null_space(torch.tensor([means], dtype=torch.float64)))
        return _straight_outside(ends, found)
    ends = [low, *knots, high]
    found = _b_splines(ends, call.degree)
    # All of them add up to 1, which the intercept is: the first is left out, as in R and patsy.
    if not call.intercept:
        found = [piece[1:] for piece in found]
    if call.kind == "bs":
        return _joined(ends[1:-1], ends[:-1], ends, found)
    return _straight_outside(ends, _combined(found, _null_space(_bends(found))))


def _b_splines(ends: Sequence[float], degree: int) -> list[list[Polynomial]]:
    """Between each two knots the polynomials of all B-splines: Cox and de Boor's recursion, on coefficients of u."""
    # The outer knots count degree + 1 times each, so the curve is free there and the columns add up to 1.
    t = [*[ends[0]] * degree, *ends, *[ends[-1]] * degree]
    number, pieces = len(t) - degree - 1, []
    for i in range(degree, degree + len(ends) - 1):
        size, found = t[i + 1] - t[i], {i: [1.0]}
        for k in range(1, degree + 1):
            # B_j^k = (x - t_j) / (t_{j+k} - t_j) B_j^{k-1} + (t_{j+k+1} - x) / (t_{j+k+1} - t_{j+1}) B_{j+1}^{k-1}, x = t_i + size u
            longer = {}
            for j in range(i - k, i + 1):
                rising = [0.0] * (k + 1)
                if j in found:
                    _add_times(rising, found[j], t[i] - t[j], size, t[j + k] - t[j])
                if j + 1 in found:
                    _add_times(rising, found[j + 1], t[j + k + 1] - t[i], -size, t[j + k + 1] - t[j + 1])
                longer[j] = rising
            found = longer
        pieces.append([found.get(j, [0.0] * (degree + 1)) for j in range(number)])
    return pieces


def _add_times(to: Polynomial, polynomial: Polynomial, constant: float, slope: float, over: float) -> None:
    """Add polynomial * (constant + slope u) / over."""
    for power, c in enumerate(polynomial):
        to[power] += c * (constant / over)
        to[power + 1] += c * (slope / over)


def _cardinal(ends: Sequence[float]) -> list[list[Polynomial]]:
    """Natural cubic splines of which each is 1 at one knot and 0 at the others.

    Second derivatives d at the knots are linear in the heights f: B d = D f (Wood 2006, table 4.1), 0 at both ends.
    """
    # Natural: the second derivative is 0 at both ends, so two rows fewer than knots.
    m = len(ends)
    h = [b - a for a, b in pairwise(ends)]
    B, D = torch.zeros(m - 2, m - 2, dtype=torch.float64), torch.zeros(m - 2, m, dtype=torch.float64)
    for i in range(m - 2):
        D[i, i], D[i, i + 1], D[i, i + 2] = 1 / h[i], -1 / h[i] - 1 / h[i + 1], 1 / h[i + 1]
        B[i, i] = (h[i] + h[i + 1]) / 3
        if i:
            B[i, i - 1] = B[i - 1, i] = h[i] / 6
    bends = torch.zeros(m, m, dtype=torch.float64)
    if m > 2:
        # B has positive eigenvalues: its diagonal is larger than all else in a row.
        bends[1:-1] = torch.cholesky_solve(D, torch.linalg.cholesky_ex(B)[0])
    found = []
    for j in range(m - 1):
        # The cubic between two knots, from heights and bends at both.
        left, right = (bends[i] * (h[j] ** 2 / 6) for i in (j, j + 1))
        at = torch.eye(m, dtype=torch.float64)
        # (1 - u) f_j + u f_j+1 + ((1 - u)^3 - (1 - u)) left + (u^3 - u) right
        powers = [at[j], at[j + 1] - at[j] - 2 * left - right, 3 * left, right - left]
        found.append([list(column) for column in zip(*(p.tolist() for p in powers), strict=True)])
    return found


def _bends(pieces: Sequence[Sequence[Polynomial]]) -> Tensor:
    """The second derivatives at both ends (2, columns), each up to a factor."""
    # Of a straight line behind an end nothing but the sign of these matters: they are to be 0.
    first = [row[2] for row in pieces[0]]
    last = [sum(k * (k - 1) * c for k, c in enumerate(row)) for row in pieces[-1]]
    return torch.tensor([first, last], dtype=torch.float64)


def _null_space(constraints: Tensor) -> Tensor:
    """Orthonormal combinations (columns, columns - m) of columns for which m constraints (m, columns) are 0, by Householder's QR.

    Which of the many it takes is LAPACK's convention, which is LINPACK's in R.
    """
    # The first columns of Q span the constraints, the others what is orthogonal to them.
    q, _ = torch.linalg.qr(constraints.T, mode="complete")
    return q[:, len(constraints) :]


def _combined(pieces: Sequence[Sequence[Polynomial]], into: Tensor) -> list[list[Polynomial]]:
    return [(into.T @ torch.tensor(piece, dtype=torch.float64)).tolist() for piece in pieces]


def _straight_outside(ends: Sequence[float], pieces: list[list[Polynomial]]) -> SplineBasis:
    """The pieces, and before the first knot and behind the last the straight lines that touch them there."""
    # Value and slope at u = 0 of the first piece, and at u = 1 of the last, where all powers are 1.
    before = [[row[0], row[1], *[0.0] * (len(row) - 2)] for row in pieces[0]]
    behind = [[sum(row), sum(k * c for k, c in enumerate(row)), *[0.0] * (len(row) - 2)] for row in pieces[-1]]
    sizes = [b - a for a, b in pairwise(ends)]
    found = _joined(ends, [ends[0], *ends], ends, [before, *pieces, behind])
    return SplineBasis(found.bounds, found.starts, (sizes[0], *sizes, sizes[-1]), found.coefficients)


def _joined(
    bounds: Sequence[float], starts: Sequence[float], ends: Sequence[float], pieces: Sequence[Sequence[Polynomial]]
) -> SplineBasis:
    sizes = tuple(b - a for a, b in pairwise(ends))
    table = tuple(tuple(tuple(row) for row in piece) for piece in pieces)
    return SplineBasis(tuple(bounds), tuple(starts), sizes, table)
