"""SQL: a fitted line as one SELECT that any database can run, in double precision.

    intercept + weight * column + ... + CASE WHEN category = level THEN weight ... END

What has no prediction gets NULL: a row with a missing value, or with a level that training never saw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from bestline.calls import one_of
from bestline.data.design import MISSING_LEVEL, Design, Factor
from bestline.data.tables import days_of
from bestline.errors import ColumnError, OptionError, listed, readable
from bestline.export.terms import PlainLine, components, refuse_shifts, sendable
from bestline.inference.fitted import FittedLine

Levels: TypeAlias = tuple[int, ...]
# What no database would take is refused here, in words, and not there.
_LONGEST = 1_000_000  # characters of an expression, and cells of a product of categories: no database wants more
_CHUNK = 100  # terms of a sum between parentheses: databases limit how deep a sum may go


def to_sql(model: FittedLine, table: str | tuple[str, ...], *, dialect: str = "ansi") -> str:
    """One SELECT that gives every column of a table, and `prediction`.

    Weights are written with the digits that read back to the same float64, all columns are read in double precision, and
    expressions are computed by the database. A row that `predict` would refuse for a missing value, a level that training never
    saw, or an expression that is not defined, as log(0), has the prediction NULL. Missing is NULL, and not a word such as NA;
    levels are compared as the column compares text; a result out of range, or an infinite value, is the database's own affair.

    Parameters
    ----------
    model : FittedLine
        A line; several targets give `prediction:target` each. That of `log(y)` is turned back into y, as `predict` does.
    table : str or tuple of str
        Name of the table, or (schema, table); quoted, so any name will do.
    dialect : {"ansi", "sqlite"}
        "ansi" is standard SQL, as DuckDB and PostgreSQL speak it. In SQLite, where any column can hold text and text counts as 0,
        take "sqlite": it gives NULL for text that is no number.

    Returns
    -------
    str
        Without a semicolon, so that it can also stand in a CREATE VIEW or a subquery.

    Raises
    ------
    OptionError
        For an own forward function, an unknown dialect, names with NUL characters, and what is too long for SQL.
    ColumnError
        When two columns differ by case alone, which many databases cannot tell apart.
    """
    # Everything that can be refused is refused before a word is written.
    if not one_of(dialect, _DIALECTS):
        raise OptionError(f"`dialect` must be {' or '.join(map(repr, _DIALECTS))}; got {dialect!r}.")
    parts = (table,) if isinstance(table, str) else tuple(table) if isinstance(table, tuple | list) else ()
    if not parts or not all(isinstance(part, str) and part for part in parts):
        raise OptionError("The table needs a name; give the one that it has in the database.")
    line = PlainLine.of(model, "SQL")
    if counted := [name for name in line.design.needs if days_of(name) is not None]:
        raise OptionError(
            f"{listed(counted)} is counted from dates, which every database does in its own way; give the table a column of such "
            f"numbers before fitting."
        )
    refuse_shifts(line.design, "SQL")
    _refuse_twins(line.design.needs)
    writer = _Writer(line.design, _DIALECTS[dialect])
    terms, known = _terms(line), _known(line.design, _DIALECTS[dialect])
    sums = [
        _sum(_double(one), [*(writer.term(*key, cells, i) for key, cells in terms.items()), *known])
        for i, one in enumerate(line.intercept)
    ]
    own = [
        fitted if back is None else line.turned_back(i, _Fitted(line.design, _DIALECTS[dialect], f"({fitted})"))
        for i, (fitted, back) in enumerate(zip(sums, line.inverses, strict=True))
    ]
    predictions = [f"{_short(prediction)}\n  AS {_name(output)}" for prediction, output in zip(own, line.outputs, strict=True)]
    return ",\n  ".join(['SELECT\n  "t".*', *predictions]) + f'\nFROM {".".join(map(_name, parts))} AS "t"'


def _known(design: Design, dialect: _SqlDialect) -> list[str]:
    """The known parts of the target, with their sign; their gaps are never filled."""
    writer = _Writer(replace(design, missing="drop"), dialect)
    return [f"+ {writer.said(offset)}" for offset in design.offsets]


@dataclass(frozen=True, slots=True)
class _SqlDialect:
    """How a database reads a cell: `number` (cell, what fills a gap) -> text, `level` (cell, level) -> a condition."""

    number: Callable[[str, float | None], str]
    level: Callable[[str, str], str]


_Key: TypeAlias = tuple[tuple[tuple[int, int], ...], tuple[int, ...]]  # the numeric parts of columns, and their categories
_Cells: TypeAlias = dict[Levels, tuple[float, ...]]  # for levels of the categories: a weight a target


def _terms(line: PlainLine) -> dict[_Key, _Cells]:
    """The columns that share numeric parts and categories, as one term: a number, or a table of numbers by level."""
    factors = line.design.factors
    terms: dict[_Key, _Cells] = {}
    for column, weights in zip(line.design.columns, line.weights, strict=True):
        # y ~ x:g has a column for each level of g; in SQL it is one term, x * CASE g WHEN ..., with a weight a level.
        numeric = tuple(part for part in column.parts if factors[part[0]].kind != "category")
        coded = sorted(part for part in column.parts if factors[part[0]].kind == "category")
        cells = terms.setdefault((numeric, tuple(i for i, _ in coded)), {})
        for levels, share in _shares([factors[i].at_levels(at) for i, at in coded]).items():
            before = cells.get(levels, (0.0,) * len(weights))
            cells[levels] = tuple(b + share * w for b, w in zip(before, weights, strict=True))
    used = {i for numeric, categories in terms for i in (*(i for i, _ in numeric), *categories)}
    for i in range(len(factors)):
        if i not in used:  # a category of one level has no column, and yet a row with another level has no prediction
            terms[(), (i,)] = {}
    return terms


def _shares(values: Sequence[Sequence[float]]) -> dict[Levels, float]:
    """A product of categories' columns, given at each of their levels, at each combination of levels where it is not 0."""
    # An indicator is 1 at one level, so of plain categories one combination is left, with the share 1.
    found: dict[Levels, float] = {(): 1.0}
    for at_levels in values:
        there = [(level, value) for level, value in enumerate(at_levels) if value]
        found = {(*levels, level): share * value for levels, share in found.items() for level, value in there}
    return found


@dataclass(frozen=True, slots=True)
class _Writer:
    """Terms of a design in a dialect; it is a `Language`."""

    design: Design
    dialect: _SqlDialect

    def term(self, numeric: Sequence[tuple[int, int]], categories: Sequence[int], cells: _Cells, target: int) -> str:
        """A term of the sum, with its sign."""
        factors = [self.said(self.design.factors[i], at) for i, at in numeric]
        if categories:
            chosen = [self.design.factors[i] for i in categories]
            if math.prod(len(f.levels) for f in chosen) > _LONGEST:
                raise OptionError(f"{listed(f.text for f in chosen)} have too many levels together for SQL; take `to_onnx`.")
            own = {levels: weights[target] for levels, weights in cells.items()}
            return "+ " + " * ".join([*factors, self._case(own, chosen)])
        weight = cells[()][target]
        return " * ".join([f"{'-' if weight < 0 else '+'} {_number(abs(weight))}", *factors])

    def column(self, name: str) -> str:
        """A number column in double precision."""
        fill = self.design.means.get(name) if self.design.missing == "impute" else None
        return self.dialect.number(_cell(name), fill)

    def operation(self, sign: str, a: str | float, b: str | float) -> str:
        """In parentheses; NULL where it is not defined."""
        left, right = _fragment(a), _fragment(b)
        if sign == "/":
            # A divisor that is a number other than 0 needs no guard.
            return _short(f"({left} / {right})" if isinstance(b, float) and b != 0 else f"({left} / NULLIF({right}, 0E0))")
        if sign != "**":
            return _short(f"({left} {sign} {right})")
        # Databases raise an error, or give NaN or NULL, where a power is not defined; here it is NULL everywhere.
        power = f"POWER({left}, {right})"
        if (isinstance(b, float) and b >= 0 and b.is_integer()) or (isinstance(a, float) and a > 0):
            return _short(power)
        defined = f"{left} > 0E0 OR ({left} = 0E0 AND {right} >= 0E0) OR ({left} < 0E0 AND {right} = FLOOR({right}))"
        return _short(f"CASE WHEN {defined} THEN {power} END")

    def function(self, name: str, x: str | float) -> str:
        """NULL where it is not defined."""
        return _short(_FUNCTIONS[name].format(x=_fragment(x)))

    def chosen(self, x: str | float, bounds: Sequence[float], values: Sequence[str | float]) -> str:
        """A CASE over the bounds; NULL, which is below none of them, is left to the last value."""
        *earlier, last = map(_fragment, values)
        cases = " ".join(f"WHEN {_fragment(x)} < {_number(b)} THEN {v}" for b, v in zip(bounds, earlier, strict=True))
        return _short(f"(CASE {cases} ELSE {last} END)" if cases else last)

    def said(self, factor: Factor, at: int = 0) -> str:
        """A component of a number or an expression."""
        return self.column(factor.column) if factor.kind == "number" else components(factor.text, self.design.states, self)[at]

    def _case(self, cells: Mapping[Levels, float], factors: Sequence[Factor], depth: int = 2) -> str:
        """The number that belongs to the levels of a row: every known level is named, and any other gives NULL."""
        if not factors:
            return _number(cells.get((), 0.0))
        factor, *rest = factors
        # One CASE inside another, a category at a time: what is left of each level's weights goes one deeper.
        by_level: dict[int, dict[Levels, float]] = {}
        for levels, value in cells.items():
            by_level.setdefault(levels[0], {})[levels[1:]] = value
        cell, indent = _cell(factor.column), "  " * (depth + 1)
        lines = []
        for at, level in enumerate(factor.levels):
            missing = self.design.missing == "impute" and level == MISSING_LEVEL
            # NULL is equal to nothing, so the level of what is missing needs a question of its own.
            condition = f"{cell} IS NULL" if missing else self.dialect.level(cell, sendable(level, "The level"))
            lines.append(f"{indent}WHEN {condition} THEN {self._case(by_level.get(at, {}), rest, depth + 1)}")
        if self.design.missing == "impute" and MISSING_LEVEL not in factor.levels:
            # Training had no gaps here: a gap counts as every level, each by its share.
            mixed: dict[Levels, float] = {}
            for at, inner in by_level.items():
                for levels, value in inner.items():
                    mixed[levels] = mixed.get(levels, 0.0) + factor.shares[at] * value
            lines.append(f"{indent}WHEN {cell} IS NULL THEN {self._case(mixed, rest, depth + 1)}")
        return "\n".join(["CASE", *lines, f"{'  ' * depth}END"])


@dataclass(frozen=True, slots=True)
class _Fitted(_Writer):
    """The same for the way back from what a line fits, the text of which is its only column."""

    fitted: str

    def column(self, name: str) -> str:
        """What the line fits."""
        return self.fitted


def _sum(first: str, terms: Sequence[str]) -> str:
    if len(terms) <= _CHUNK:
        return "\n    ".join([first, *terms])
    # SQLite parses a sum to a depth of 1,000 at the most; sums of sums stay far from it.
    chunks = [terms[i : i + _CHUNK] for i in range(0, len(terms), _CHUNK)]
    return "\n    ".join([first, *(f"+ (0E0\n    {chr(10).join(chunk)})" for chunk in chunks)])


def _name(text: str) -> str:
    """An identifier, quoted."""
    return '"' + sendable(text, "The name").replace('"', '""') + '"'


def _cell(column: str) -> str:
    """A column of the table. SQLite takes a quoted name that it does not know for a string, unless the table stands before it."""
    return f'"t".{_name(column)}'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _plain_text(value: str) -> str:
    """A literal that means the same, and ends at the same place, in databases to which a backslash says something."""
    pieces = " || CHR(92) || ".join(map(_text, value.split("\\")))
    return f"({pieces})" if "\\" in value else pieces


def _number(value: float) -> str:
    """Digits that read back to the same double; to most databases the exponent makes it a double and not a decimal."""
    # Python's repr is the shortest text that reads back to the same double.
    digits = repr(float(value)).upper().removesuffix(".0")
    return digits if "E" in digits else f"{digits}E0"


def _double(value: float) -> str:
    """A sum that begins with this is a double: PostgreSQL takes any literal with a point or an exponent for a decimal."""
    return f"CAST({_number(value)} AS DOUBLE PRECISION)"


def _fragment(x: str | float) -> str:
    return x if isinstance(x, str) else _number(x) if x >= 0 else f"({_number(x)})"


def _short(text: str) -> str:
    if len(text) > _LONGEST:
        raise OptionError(
            f"An expression of this model is longer than {_LONGEST:,} characters in SQL; make its column in the table before fitting."
        )
    return text


def _cast(cell: str, fill: float | None) -> str:
    value = f"CAST({cell} AS DOUBLE PRECISION)"
    return value if fill is None else f"COALESCE({value}, {_number(fill)})"


def _cast_numbers(cell: str, fill: float | None) -> str:
    """SQLite casts text to a number that begins it, or to 0: let pass only what equals its number."""
    number = f"CAST({cell} AS REAL)"
    gap = "" if fill is None else f" WHEN {cell} IS NULL THEN {_number(fill)}"
    return f"CASE WHEN typeof({cell}) IN ('text', 'blob') AND {cell} <> {number} THEN NULL{gap} ELSE {number} END"


def _is(cell: str, level: str) -> str:
    """The literal takes the column's own type, so numbers read as categories compare as numbers."""
    return f"{cell} = {_plain_text(level)}"


def _is_in_sqlite(cell: str, level: str) -> str:
    """SQLite keeps true and false as 1 and 0."""
    same = f"{cell} = {_text(level)}"
    if level not in ("True", "False"):
        return same
    return f"({same} OR typeof({cell}) = 'integer' AND {cell} = {int(level == 'True')})"


_DIALECTS = {"ansi": _SqlDialect(_cast, _is), "sqlite": _SqlDialect(_cast_numbers, _is_in_sqlite)}

# log1p and expm1 keep all digits near zero in Kahan's way: the error of ln(1 + x) is that of 1 + x, and cancels in the quotient.
_FUNCTIONS = {
    "abs": "ABS({x})",
    "ceil": "CEILING({x})",
    "cos": "COS({x})",
    "exp": "EXP({x})",
    "expm1": "CASE WHEN EXP({x}) = 1E0 THEN {x} WHEN EXP({x}) - 1E0 = -1E0 THEN -1E0 ELSE (EXP({x}) - 1E0) * {x} / LN(EXP({x})) END",
    "floor": "FLOOR({x})",
    "log": "LN(CASE WHEN {x} > 0E0 THEN {x} END)",
    "log10": "LOG10(CASE WHEN {x} > 0E0 THEN {x} END)",
    "log1p": "CASE WHEN 1E0 + {x} = 1E0 THEN {x} WHEN {x} > -1E0 THEN LN(1E0 + {x}) * {x} / ((1E0 + {x}) - 1E0) END",
    "log2": "(LN(CASE WHEN {x} > 0E0 THEN {x} END) / 0.6931471805599453E0)",
    "sin": "SIN({x})",
    "sqrt": "SQRT(CASE WHEN {x} >= 0E0 THEN {x} END)",
    "tan": "TAN({x})",
    "tanh": "TANH({x})",
}


def _refuse_twins(names: Sequence[str]) -> None:
    # Quoted names keep their case, but MySQL, SQL Server and SQLite compare them without it.
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise ColumnError(
                f"{readable(other)} and {readable(name)} differ by case alone, which many databases cannot tell apart; rename one and fit again."
            )
