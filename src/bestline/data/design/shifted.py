"""Shifted: what a formula asks of other rows: `lag(x)`, `lead(x, 2)`, `diff(x, order=week, by=firm)`."""

from __future__ import annotations

import ast
from typing import Any

from bestline.data.tables import Shift, shift_of
from bestline.errors import FormulaError, readable

_SPELT = "write {0}(x), {0}(x, 2) or {0}(x, 1, order=week, by=firm), each a column's name"
# A function of what the row before holds is the lag of that function; the difference of a function is no function of the difference.
_COMPUTED = {
    "lag": "compute with the shifted column instead, as in log(lag(x))",
    "lead": "compute with the shifted column instead, as in log(lead(x))",
    "diff": "take the difference of what is computed instead, as in I(log(x) - log(lag(x)))",
}
_TWICE = "compute with lags of the column instead, as in I(lag(x) - lag(x, 2)), which is what the row before holds of diff(x)"
_UNFIT = ",()`"  # signs that a name inside the name of a shift cannot have


def shift_called(node: ast.Call, kind: str) -> Shift:
    """The shift that a call asks for; raises FormulaError for other arguments."""
    shown, wrong = readable(ast.unparse(node)), _SPELT.format(kind)
    given: dict[str, ast.expr] = dict(zip(("column", "rows"), node.args, strict=False))
    for keyword in node.keywords:
        name = "rows" if keyword.arg in ("k", "n") else str(keyword.arg)
        if name in given or name not in ("rows", "order", "by"):
            raise FormulaError(f"{shown} is not understood; {wrong}.")
        given[name] = keyword.value
    if len(node.args) > 2 or "column" not in given:
        raise FormulaError(f"{shown} is not understood; {wrong}.")
    rows = _whole(given.pop("rows", ast.Constant(1)))
    if not rows:
        raise FormulaError(f"{shown}: the number of rows is a whole number from 1 on; {wrong}.")
    names = {place: _named(part, shown, kind) for place, part in given.items()}
    if rows < 0:  # as in R's and Stata's: a negative lag is a lead, and the other way round
        if kind == "diff":
            raise FormulaError(
                f"{shown}: a difference is taken from a row before, so its number of rows is from 1 on; {wrong}."
            )
        kind = "lead" if kind == "lag" else "lag"
    return Shift(kind, names["column"], abs(rows), names.get("order"), names.get("by"))


def _whole(node: ast.expr) -> int:
    """A whole number as written, or 0."""
    try:
        value: Any = ast.literal_eval(node)
    except ValueError:
        return 0
    return value if type(value) is int and abs(value) < 10**9 else 0


def _named(node: ast.expr, shown: str, kind: str) -> str:
    """The name of a column; FormulaError for anything else."""
    if not isinstance(node, ast.Name):
        inside = readable(ast.unparse(node))
        computed = isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.Name)
        advice = _COMPUTED[kind] if computed else _SPELT.format(kind)
        raise FormulaError(f"{shown}: {inside} is no column of the table; {advice}.")
    name = node.id.strip("`")
    if shift_of(name) is not None:  # the inner call has been read first, and stands here as the column that it is
        raise FormulaError(f"{kind}({name}) shifts what is shifted already; {_TWICE}.")
    if set(name) & set(_UNFIT):
        raise FormulaError(f"{shown}: {readable(name)} has a sign that cannot stand in a shift; give the column another name.")
    return name
