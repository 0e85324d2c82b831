"""Adder: what an engine of lazy frames adds up where the rows are, said once in narwhals' expressions for all of them.

    rows -> where a condition holds -> values of each row -> groups of rows alike in some columns -> sums, least, largest

Only the answer comes back: a row for each group. Numbers are float64, as here; NaN and null are both a missing value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import torch

from bestline.data.passes import Added, CannotAddError
from bestline.data.tables.batch import Batch, Layout
from bestline.data.tables.cells import Field, Kind
from bestline.data.tables.noticed import Noticed
from bestline.errors import first_line, readable

_AT_ONCE = 1_200  # expressions in one query: PostgreSQL takes 1,664
_FIRST = 20_000  # rows that say whether all will have many different values
_ALIKE = 0.2  # of these rows, beyond which no more are counted
_COUNT = ""  # the name of the number of rows in an answer; engines have no such name
MOST_NUMBERS = 4_000_000  # of an answer


def _lifted(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same of a plain number, too; whole numbers that an engine makes of some are float64 again."""
    return lambda x: function(nw.lit(float(x)) if isinstance(x, int | float) else x).cast(nw.Float64)


_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "I": lambda x: x,
    "abs": _lifted(lambda x: x.abs()),
    "ceil": _lifted(lambda x: x.ceil()),
    "cos": _lifted(lambda x: x.cos()),
    "exp": _lifted(lambda x: x.exp()),
    "floor": _lifted(lambda x: x.floor()),
    "log": _lifted(lambda x: x.log()),
    "sin": _lifted(lambda x: x.sin()),
    "sqrt": _lifted(lambda x: x.sqrt()),
}


class FrameAdder:
    """The sums of a lazy frame; see `Adder` in `data.passes`."""

    functions = _FUNCTIONS

    def __init__(
        self,
        frame: nw.LazyFrame[Any],
        name: str,
        fields: Sequence[Field],
        types: Mapping[str, Any],
        worded: Sequence[str],
        said: list[str],
    ) -> None:
        self.frame, self.name, self.types, self.worded, self.said = frame, name, types, set(worded), said
        self.fields = {field.name: field for field in fields}
        self.returned = 0  # bytes

    def number(self, column: str) -> Any:
        """As in Adder."""
        field = self.fields.get(column)
        if field is None or field.kind is not Kind.NUMBER or column in self.worded:
            raise CannotAddError(f"column {readable(column)} is no number there")
        kind, cells = self.types[column], nw.col(column)
        if pa.types.is_boolean(kind):  # PostgreSQL makes whole numbers of them, and nothing else
            return cells.cast(nw.Int32).cast(nw.Float64)
        if pa.types.is_integer(kind):
            return cells.cast(nw.Float64)
        cells = cells.cast(nw.Float64)
        return nw.when(~cells.is_nan()).then(cells)

    def lacks(self, column: str) -> Any:
        """As in Adder."""
        field = self.fields.get(column)
        if field is not None and field.kind is Kind.NUMBER:
            return self.number(column).is_null()
        return nw.col(column).is_null()

    def if_else(self, condition: Any, then: Any, other: Any = None) -> Any:
        """As in Adder."""
        chosen = nw.when(condition).then(then)
        # A number that is written out may be a decimal to the engine.
        return (chosen if other is None else chosen.otherwise(other)).cast(nw.Float64)

    def large(self, column: str) -> bool:
        """As in Adder."""
        kind = self.types[column]
        return bool(pa.types.is_decimal(kind) or (pa.types.is_integer(kind) and kind.bit_width > 32))

    def repeats(self, columns: Sequence[str]) -> bool:
        """As in Adder."""
        first = self.frame.select(*columns).head(_FIRST)
        return self._rows(first.unique()) <= _ALIKE * self._rows(first)

    def distinct(self, columns: Sequence[str], most: int) -> int | None:
        """As in Adder."""
        count = self._rows(self.frame.select(*columns).unique().head(most + 1))
        return count if count <= most else None

    def _rows(self, frame: nw.LazyFrame[Any]) -> int:
        return int(self._table(frame.select(nw.len().alias("rows"))).column("rows")[0].as_py())

    def added(
        self,
        values: Mapping[str, Any],
        sums: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        *,
        where: Any = None,
        keys: Sequence[str] = (),
        ends: Sequence[str] = (),
    ) -> Added:
        """As in Adder."""
        frame = self.frame if where is None else self.frame.filter(where)
        # Two steps: what is computed of a row is a column of a query within the query, and not written out in each sum.
        prefix = _unlike(keys)
        own = {name: f"{prefix}v{i}" for i, name in enumerate(values)}
        rows = frame.select(*keys, *(expr.alias(own[name]) for name, expr in values.items())) if keys or values else frame
        wanted = {("sums", name): expr.sum() for name, expr in sums({n: nw.col(c) for n, c in own.items()}).items()}
        wanted |= {("low", name): nw.col(own[name]).min() for name in ends}
        wanted |= {("high", name): nw.col(own[name]).max() for name in ends}
        found = self._answers(rows, list(keys), list(wanted.values()))
        columns = dict(zip(wanted, found[1:], strict=True))
        parts = {part: {name: c for (of, name), c in columns.items() if of == part} for part in ("sums", "low", "high")}
        return Added(self._batch(found[0], keys), columns_of(found[0], _COUNT).long(), **parts)

    def _answers(self, rows: nw.LazyFrame[Any], keys: list[str], wanted: list[Any]) -> list[Any]:
        """A table of the groups with their number of rows, and the answers to each question, in the same order of groups."""
        table, found, order = None, [], None
        prefix = _unlike(keys)
        counted = f"{prefix}n"
        for start in range(0, max(len(wanted), 1), _AT_ONCE):
            named = {f"{prefix}a{start + i}": expr for i, expr in enumerate(wanted[start : start + _AT_ONCE])}
            asked = [nw.len().alias(counted), *(expr.alias(name) for name, expr in named.items())]
            part = self._table(rows.group_by(keys).agg(*asked) if keys else rows.select(*asked))
            if part.num_rows * (len(wanted) + 1) > MOST_NUMBERS:
                raise CannotAddError(f"there are {part.num_rows:,} groups, and {len(wanted):,} sums of each")
            place = {key: i for i, key in enumerate(zip(*(map(repr, part.column(k).to_pylist()) for k in keys), strict=True))}
            if table is None:
                table, order = part.select([*keys, counted]).rename_columns([*keys, _COUNT]), list(place)
            # Groups come in any order, which may be another in each query.
            index = torch.tensor([place[key] for key in order or []], dtype=torch.long) if keys else slice(None)
            found += [columns_of(part, name)[index] for name in named]
        return [table, *found]

    def _batch(self, table: pa.Table, keys: Sequence[str]) -> Batch:
        layout = Layout.of([tuple(keys)], [self.fields[key] for key in keys], {}, Noticed())
        return Batch(0, table.num_rows, layout, [table.select(range(len(keys)))], lambda i: f"group {i + 1}")

    def _table(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        try:
            table: pa.Table = frame.collect("pyarrow").to_native()
        except Exception as error:  # whatever it is, the rows can be read instead, and then say what is wrong with them
            raise CannotAddError(f"it says {first_line(error)}") from error
        self.returned += table.nbytes
        return table

    def say(self, sentence: str) -> None:
        """As in Adder."""
        if sentence not in self.said:
            self.said.append(sentence)


def _unlike(names: Sequence[str]) -> str:
    """What no name begins with, in any spelling: some engines take upper and lower case for the same."""
    prefix = "bestline_"
    while any(name.casefold().startswith(prefix) for name in names):
        prefix += "_"
    return prefix


def columns_of(table: pa.Table, name: str) -> torch.Tensor:
    """A column of numbers as float64, NaN where it has none."""
    cells = table.column(name).cast(pa.float64(), safe=False)
    values = cells.to_numpy(zero_copy_only=False) if isinstance(cells, pa.Array) else cells.to_numpy()
    return torch.from_numpy(np.array(values, dtype=np.float64))
