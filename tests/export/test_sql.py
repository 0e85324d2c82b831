"""SQL predicts what predict predicts, in SQLite and DuckDB."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bestline as bl
from bestline.errors import ColumnError, OptionError
from bestline.export.sql import to_sql
from export.examples import LEVELS, TERMS, agrees, fits, penguins

# Of the sum of the absolute terms of a row: another order of the sum and other libraries' functions cost a few last digits.
CLOSE = 1e-12


pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


HOSTILE = [
    'a"b',
    "x; DROP TABLE data; --",
    "new\nline",
    "t",
    "prediction",
    "ü ñ",
    "select",
    "a.b",
    "x'y",
    " ",
    "%s",
    "?",
    ":p",
    "{x}",
]


def sqlite(table: pa.Table, sql: str, types: dict[str, str] | None = None, name: str = "data") -> list[list[Any]]:
    """The query's last columns, run by SQLite on the table."""
    quoted = ['"' + n.replace('"', '""') + '"' for n in table.column_names]
    kinds = [(types or {}).get(n, _kind(table.schema.field(n).type)) for n in table.column_names]
    with sqlite3.connect(":memory:") as base:
        base.execute(f'CREATE TABLE "{name}" ({", ".join(f"{q} {k}" for q, k in zip(quoted, kinds, strict=True))})')
        rows = zip(*(c.to_pylist() for c in table.columns), strict=True)
        base.executemany(f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(quoted))})', rows)  # noqa: S608
        cursor = base.execute(sql)
        names = [d[0] for d in cursor.description]
        got = cursor.fetchall()
        assert names[: len(quoted)] == table.column_names
        assert base.execute(f'SELECT count(*) FROM "{name}"').fetchone() == (len(table),)  # noqa: S608
    return [list(row[len(quoted) :]) for row in got]


def _kind(kind: Any) -> str:
    return "REAL" if pa.types.is_floating(kind) else "TEXT" if pa.types.is_string(kind) else "INTEGER"


def duck(table: pa.Table, sql: str, name: str = "data") -> list[list[Any]]:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as base:
        base.register(name, table)
        return [list(row[table.num_columns :]) for row in base.execute(sql).fetchall()]


CATEGORICAL = ["C(i)", "C(flag)", "C(h, Treatment('v'))"]


@given(fits(TERMS + CATEGORICAL))
def test_sql_is_predict(case: tuple[bl.Model, pa.Table]) -> None:
    model, table = case
    agrees(sqlite(table, to_sql(model, "data", dialect="sqlite")), model, table)
    agrees(duck(table, to_sql(model, "data")), model, table)


@settings(max_examples=20)
@given(st.permutations(HOSTILE), st.lists(st.sampled_from(LEVELS), min_size=2, max_size=6, unique=True), st.integers(0, 99))
def test_hostile_names_are_names(names: list[str], levels: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns = {n: rng.normal(size=40) for n in names[:3]} | {n: rng.choice(levels, 40) for n in names[3:6]}
    table = pa.table(columns)
    model = bl.fit({**columns, "the target": rng.normal(size=40)}, target="the target", features=list(columns))
    agrees(sqlite(table, to_sql(model, "data", dialect="sqlite")), model, table)
    agrees(duck(table, to_sql(model, "data")), model, table)


def test_penguins_in_sql_everywhere() -> None:
    model, table = penguins()
    sql = to_sql(model, "data")
    for got in (sqlite(table, sql), duck(table, sql), sqlite(table, to_sql(model, "data", dialect="sqlite"))):
        agrees(got, model, table)
    assert sum(row[0] is None for row in sqlite(table, sql)) == 9  # the penguins of unknown sex


def test_a_query_is_one_statement_that_can_stand_in_a_view() -> None:
    model, table = penguins()
    sql = to_sql(model, "data")
    assert ";" not in sql
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as base:
        base.register("data", table)
        base.execute(f'CREATE VIEW "scored" AS {sql}')
        got = base.execute(f'SELECT "prediction" FROM ({sql}) AS q').fetchall()  # noqa: S608
        assert got == base.execute('SELECT "prediction" FROM "scored"').fetchall()
        assert base.execute('SELECT typeof("prediction") FROM "scored"').fetchone() == ("DOUBLE",)
    agrees([row[0] for row in got], model, table)


def test_several_targets_weights_and_no_intercept() -> None:
    table = pa.table(
        {"x": [1.0, 2.0, 3.0, 4.0], "y": [1.0, 2.5, 3.0, 4.2], "z": [0.0, 1.0, 0.5, 3.0], "w": [1.0, 2.0, 0.5, 1.0]}
    )
    model = bl.fit(table, "y + z ~ x - 1", weights="w")
    sql = to_sql(model, "data")
    assert 'AS "prediction:y"' in sql
    assert 'AS "prediction:z"' in sql
    agrees(sqlite(table, sql), model, table)


def test_the_mean_alone() -> None:
    table = pa.table({"x": [1.0, 2.0, 4.0]})
    assert sqlite(table, to_sql(bl.fit(table, "x ~ 1"), "data")) == [[pytest.approx(7 / 3, rel=1e-15)]] * 3


def test_integers_divide_as_numbers_do() -> None:
    table = pa.table({"i": [1, 3, 5, 8], "j": [2, 2, 4, 3], "y": [1.0, 2.0, 1.5, 3.0]})
    model = bl.fit(table, "y ~ I(i/j)")
    for got in (sqlite(table, to_sql(model, "data")), duck(table, to_sql(model, "data"))):
        agrees(got, model, table)


def test_what_is_not_defined_is_null() -> None:
    training = pa.table({"x": [1.0, 2.0, 3.0, 5.0], "y": [1.0, 2.0, 2.5, 3.0]})
    new = pa.table({"x": [0.0, -1.0, 2.0], "y": [0.0, 0.0, 0.0]})
    for term, defined in {
        "log(x)": [False, False],
        "log2(x)": [False, False],
        "log10(x)": [False, False],
        "log1p(x)": [True, False],
        "sqrt(x)": [True, False],
        "I(1/x)": [False, True],
        "I(x**-1)": [False, True],
        "I(x**0.5)": [True, False],
        "I(x**x)": [True, True],
    }.items():
        sql = to_sql(bl.fit(training, f"y ~ {term}"), "data")
        for got in (sqlite(new, sql), duck(new, sql)):
            assert [row[0] is not None for row in got] == [*defined, True], term


def test_digits_near_zero_are_kept() -> None:
    x = np.array([1e-12, 3e-9, -2e-7, 1e-3, 0.5, 0.0, -40.0])
    table = pa.table({"x": x, "y": np.arange(7.0)})
    sql = to_sql(bl.fit(table, "y ~ expm1(x) - 1"), "data")
    slope = float(bl.fit(table, "y ~ expm1(x) - 1").coef.iloc[0])
    for got in (sqlite(table, sql), duck(table, sql)):
        np.testing.assert_allclose([row[0] for row in got], slope * np.expm1(x), rtol=1e-14)
    table = pa.table({"x": x[:-1], "y": np.arange(6.0)})
    model = bl.fit(table, "y ~ log1p(x) - 1")
    for got in (sqlite(table, to_sql(model, "data")), duck(table, to_sql(model, "data"))):
        np.testing.assert_allclose([row[0] for row in got], float(model.coef.iloc[0]) * np.log1p(x[:-1]), rtol=1e-14)


def test_high_polynomials_keep_their_digits() -> None:
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(1e6, 1e6 + 3, 200))
    table = pa.table({"x": x, "y": np.sin(2 * x) + rng.normal(size=200)})
    model = bl.fit(table, "y ~ poly(x, 20)")
    agrees(sqlite(table, to_sql(model, "data")), model, table)
    agrees(duck(table, to_sql(model, "data")), model, table)


def test_text_in_a_number_column_of_sqlite_is_no_number() -> None:
    model = bl.fit(pa.table({"x": [1.0, 2.0, 4.0], "y": [1.0, 2.0, 3.0]}), "y ~ x")
    cells = pa.table({"x": ["2.5", "", "abc", None, "1e1", "12abc"]})
    want = [model.predict(2.5), None, None, None, model.predict(10.0), None]
    for missing in ("raise", "impute"):
        model = replace(model, design=replace(model.design, missing=missing, means={"x": 3.0}))
        got = [row[0] for row in sqlite(cells, to_sql(model, "data", dialect="sqlite"))]
        want[3] = None if missing == "raise" else model.predict(3.0)
        assert got == [None if w is None else pytest.approx(w, rel=CLOSE) for w in want]
    big = pa.table({"x": [2**53 + 1, 2**62 + 1]})  # integers that a double rounds are still numbers
    agrees(sqlite(big, to_sql(model, "data", dialect="sqlite")), model, pa.table({"x": [float(2**53), float(2**62)]}))


def test_a_column_that_is_not_there_is_an_error_and_not_a_string() -> None:
    model = bl.fit(pa.table({"x": [1.0, 2.0, 4.0], "y": [1.0, 2.0, 3.0]}), "y ~ x")
    for dialect in ("ansi", "sqlite"):
        with pytest.raises(sqlite3.OperationalError, match="no such column"):
            sqlite(pa.table({"other": [1.0]}), to_sql(model, "data", dialect=dialect))


def test_numbers_read_as_categories_compare_as_numbers() -> None:
    table = pa.table({"year": [2007.0, 2008.0, 2009.0, 2007.0], "code": ["01", "1", "1", "01"], "y": [1.0, 2.0, 4.0, 1.5]})
    model = bl.fit(table, "y ~ C(year) + code")
    for got in (sqlite(table, to_sql(model, "data")), duck(table, to_sql(model, "data"))):
        agrees(got, model, table)


def test_many_columns_are_not_too_deep() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 1_100))
    model = bl.fit((X, X @ rng.normal(size=1_100)), solver="exact", l2=1.0)
    table = pa.table({f"x{j}": X[:, j] for j in range(1_100)})
    agrees(sqlite(table, to_sql(model, "data")), model, table)
    agrees(duck(table, to_sql(model, "data")), model, table)


def test_schema_and_table() -> None:
    model, _ = penguins()
    assert to_sql(model, ("main", 'the "data"')).endswith('FROM "main"."the ""data""" AS "t"')
    assert to_sql(model, "a.b").endswith('FROM "a.b" AS "t"')


def test_sql_refuses() -> None:
    model, _ = penguins()
    with pytest.raises(OptionError, match="'ansi' or 'sqlite'"):
        to_sql(model, "data", dialect="mysql")
    for table in ("", (), ("a", "")):
        with pytest.raises(OptionError, match="needs a name"):
            to_sql(model, table)
    with pytest.raises(OptionError, match="rename it"):
        to_sql(model, "da\0ta")
    twins = bl.fit({"a": [1.0, 2, 3, 5], "A": [1.0, 0, 2, 2], "y": [1.0, 2, 3, 4]}, "y ~ a + A")
    with pytest.raises(ColumnError, match="differ by case alone"):
        to_sql(twins, "data")
    level = bl.fit({"g": ["a\0", "b", "b", "a\0"], "y": [1.0, 2, 3, 4]}, "y ~ g")
    with pytest.raises(OptionError, match="rename it"):
        to_sql(level, "data")
    deep = "log1p(" * 20 + "x" + ")" * 20
    nested = bl.fit({"x": [1.0, 2, 3, 5], "y": [1.0, 2, 3, 4]}, f"y ~ {deep}")
    with pytest.raises(OptionError, match="longer than 1,000,000"):
        to_sql(nested, "data")
