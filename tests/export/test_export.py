"""Exports: what SQLite, DuckDB and ONNX Runtime make of a line is what `predict` makes of it, and JSON says all of it."""

from __future__ import annotations

import builtins
import json
import math
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
import typer
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import bestline as bl
from bestline.cli.export import export
from bestline.data.design import Design
from bestline.data.tables import open_source
from bestline.errors import ColumnError, DataError, NumericalError, OptionError
from bestline.export.facts import to_json
from bestline.export.onnx_graph import to_onnx
from bestline.export.sql import to_sql

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
LEVELS = [
    "a",
    "o'clock",
    "'; DROP TABLE data; --",
    "back\\slash\\' OR 1=1 --",
    "new\nline",
    "ü",
    '"',
    "a ",
    "A",
    "{x}",
    "NULL",
    "",
]


def predicted(model: bl.Model, table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """What predict says, NaN where it would refuse, and the size of the terms it adds up."""
    gaps = "impute" if model.design.missing == "impute" else "drop"
    model = replace(model, design=replace(model.design, missing=gaps))
    k = len(model.targets)
    want = model.predict(table, on_unseen="nan").reshape(-1, k)
    (batch,) = open_source(table, text=model.design.texts).batches(model.design.needs)
    X, _ = model.design.features(batch, on_unseen="nan")
    ones = torch.ones(len(X), int(model.design.intercept), dtype=torch.float64)
    for f in model.design.factors:  # a category of one level has no column to tell what another level, or none, makes of a row
        if f.kind == "category" and len(f.levels) == 1:
            codes, seen = batch.text(f.column)
            unseen = [gaps == "drop" if c < 0 else seen[c] not in f.levels for c in codes.tolist()]
            want[unseen] = np.nan
    return want, (torch.cat([X.nan_to_num(0.0), ones], 1).abs() @ model.weights.abs()).numpy()


def agrees(got: Any, model: bl.Model, table: pa.Table) -> None:
    want, size = predicted(model, table)
    got = np.asarray(got, dtype=float).reshape(want.shape)
    assert np.array_equal(np.isnan(got), np.isnan(want)), (got, want)
    assert (np.abs(got - want)[~np.isnan(want)] <= CLOSE * size[~np.isnan(want)]).all(), (got, want)


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


def runtime(path: Path, table: pa.Table) -> np.ndarray:
    onnx, ort = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    onnx.checker.check_model(str(path), full_check=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = {}
    for want in session.get_inputs():
        cells = table[want.name].to_pylist()
        text = want.type == "tensor(string)"
        values = ["" if v is None else v for v in cells] if text else [math.nan if v is None else float(v) for v in cells]
        feed[want.name] = np.array(values, dtype=object if text else float).reshape(-1, 1)
    (out,) = session.run(["prediction"], feed)
    assert out.dtype == np.float64
    return out


# --- laws: random tables and random designs ------------------------------------------------------------------------------

TERMS = [
    *("a", "b", "i", "flag", "g", "h", "a:g", "g:h", "b:g:h", "log(a):h", "a:b", "poly(b, 3):g"),
    *("log(a)", "log2(a)", "log10(a)", "log1p(a)", "np.sqrt(a)", "exp(b)", "expm1(b)", "tanh(b)", "sin(b)", "cos(b)", "tan(b)"),
    *("abs(b)", "floor(b)", "ceil(b)", "center(b)", "scale(a)", "poly(a, 2)", "poly(b, 4, raw=True)", "scale(log(a))"),
    *("I(a**2)", "I(b**3 - a/2)", "I(1/a)", "I(a**-2)", "I(a**b)", "I(2**b)", "I(-b + 1e-3)", "I(a**(1/3))", "I(b/(1 + i**2))"),
]
CATEGORICAL = ["C(i)", "C(flag)", "C(h, Treatment('v'))"]


@st.composite
def tables(draw: st.DrawFn, rows: int, gaps: bool) -> pa.Table:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    g, h = draw(st.lists(st.sampled_from(LEVELS[:-1]), min_size=1, max_size=4, unique=True)), ["u", "v"]
    columns = {
        "a": rng.uniform(0.5, 9, rows).tolist(),
        "b": rng.normal(0, 2, rows).tolist(),
        "i": rng.integers(-1, 3, rows).tolist(),
        "flag": (rng.random(rows) < 0.5).tolist(),
        "g": rng.choice(g, rows).tolist(),
        "h": rng.choice(h, rows).tolist(),
        "y": rng.normal(size=rows).tolist(),
        "z": rng.normal(3, 1, rows).tolist(),
    }
    if gaps:
        columns = {n: [None if n not in "yz" and rng.random() < 0.1 else v for v in c] for n, c in columns.items()}
    return pa.table(columns)


@st.composite
def fits(draw: st.DrawFn, terms: list[str]) -> tuple[bl.Model, pa.Table]:
    """A fitted line, and a table with gaps and levels that it never saw."""
    right = " + ".join(draw(st.lists(st.sampled_from(terms), min_size=1, max_size=4, unique=True)))
    left = draw(st.sampled_from(["y", "y + z"]))
    missing = draw(st.sampled_from(["raise", "drop", "impute"]))
    training = draw(tables(30, missing != "raise" and draw(st.booleans())))
    try:
        model = bl.fit(training, f"{left} ~ {right}{draw(st.sampled_from(['', ' - 1']))}", missing=missing)
    except DataError:  # a polynomial of too few values, or no complete rows
        reject()
    new = draw(tables(12, True))
    return model, pa.concat_tables([training, new])


@settings(max_examples=60)
@given(fits(TERMS + CATEGORICAL))
def test_sql_is_predict(case: tuple[bl.Model, pa.Table]) -> None:
    model, table = case
    agrees(sqlite(table, to_sql(model, "data", dialect="sqlite")), model, table)
    agrees(duck(table, to_sql(model, "data")), model, table)


@settings(max_examples=40)
@given(case=fits(TERMS))
def test_onnx_is_predict(tmp_path_factory: pytest.TempPathFactory, case: tuple[bl.Model, pa.Table]) -> None:
    pytest.importorskip("onnx")
    model, table = case
    path = tmp_path_factory.mktemp("onnx") / "line.onnx"
    to_onnx(model, path)
    agrees(runtime(path, table), model, table)


@settings(max_examples=20)
@given(st.permutations(HOSTILE), st.lists(st.sampled_from(LEVELS), min_size=2, max_size=6, unique=True), st.integers(0, 99))
def test_hostile_names_are_names(names: list[str], levels: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns = {n: rng.normal(size=40) for n in names[:3]} | {n: rng.choice(levels, 40) for n in names[3:6]}
    table = pa.table(columns)
    model = bl.fit({**columns, "the target": rng.normal(size=40)}, target="the target", features=list(columns))
    agrees(sqlite(table, to_sql(model, "data", dialect="sqlite")), model, table)
    agrees(duck(table, to_sql(model, "data")), model, table)


# --- SQL -----------------------------------------------------------------------------------------------------------------


def penguins() -> tuple[bl.Model, pa.Table]:
    table = bl.samples.penguins()
    return bl.fit(table, "body_mass_g ~ species*flipper_length_mm + sex + log(bill_length_mm)", missing="drop"), table


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


# --- ONNX ----------------------------------------------------------------------------------------------------------------


def test_penguins_in_onnx(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model, table = penguins()
    to_onnx(model, tmp_path / "p.onnx")
    agrees(runtime(tmp_path / "p.onnx", table), model, table)
    made = onnx.load(tmp_path / "p.onnx")
    facts = {p.key: p.value for p in made.metadata_props}
    assert facts["formula"] == model.design.formula
    assert facts["bestline"] == bl.__version__
    assert json.loads(facts["features"]) == list(model.features)
    assert [i.name for i in made.graph.input] == model.design.needs
    assert {i.type.tensor_type.elem_type for i in made.graph.input} == {onnx.TensorProto.DOUBLE, onnx.TensorProto.STRING}


def test_arrays_are_one_matrix(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    for name, model in {
        "all": bl.fit((X, Y)),
        "some": bl.fit((X, Y[:, 0]), "y ~ x2 + I(x0**2) + x2:x0 - 1"),
    }.items():
        to_onnx(model, tmp_path / f"{name}.onnx")
        session = ort.InferenceSession(str(tmp_path / f"{name}.onnx"), providers=["CPUExecutionProvider"])
        assert [(i.name, i.shape) for i in session.get_inputs()] == [("X", ["N", 3])]
        (got,) = session.run(None, {"X": X})
        np.testing.assert_allclose(got, model.predict(X).reshape(20, -1), rtol=0, atol=1e-13)


def test_what_is_not_defined_is_nan(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    model = bl.fit(pa.table({"x": [1.0, 2.0, 3.0, 5.0], "y": [1.0, 2.0, 2.5, 3.0]}), "y ~ log(x) + tanh(x)")
    to_onnx(model, tmp_path / "l.onnx")
    got = runtime(tmp_path / "l.onnx", pa.table({"x": [0.0, -1.0, math.inf, None, 2.0]}))
    assert np.isnan(got[:, 0]).tolist() == [True, True, True, True, False]


def test_onnx_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx")
    data = {"x": [1.0, 2, 3, 5], "prediction": [1.0, 0, 2, 2], "y": [1.0, 2, 3, 4]}
    path = tmp_path / "no.onnx"
    with pytest.raises(OptionError, match="cannot have an input called `prediction`"):
        to_onnx(bl.fit(data, "y ~ prediction"), path)
    with pytest.raises(OptionError, match="without columns"):
        to_onnx(bl.fit(data, "y ~ 1"), path)
    with pytest.raises(ColumnError, match="both as numbers and as categories"):
        to_onnx(bl.fit({**data, "x": [1.0, 2, 2, 1]}, "y ~ x:C(x) + C(x)"), path)
    path.write_text("here already")
    with pytest.raises(DataError, match="exists already"):
        to_onnx(bl.fit(data, "y ~ x"), path)
    assert path.read_text() == "here already"

    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "onnx" or name.startswith("onnx."):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(OptionError, match=r"pip install 'bestline\[onnx\]'"):
        to_onnx(bl.fit(data, "y ~ x"), tmp_path / "absent.onnx")


# --- JSON ----------------------------------------------------------------------------------------------------------------


def test_json_predicts_elsewhere() -> None:
    """By the document alone, in plain Python."""
    table = bl.samples.penguins()
    model = bl.fit(table, "body_mass_g ~ species*flipper_length_mm + island", missing="drop")
    document = json.loads(json.dumps(to_json(model), allow_nan=False))
    factors, values = document["design"]["factors"], document["weights"]["values"]

    def part(row: dict[str, Any], factor: int, at: int) -> float:
        f = factors[factor]
        return float(row[f["column"]] == f["levels"][at]) if f["kind"] == "category" else row[f["column"]]

    got = [
        values[-1][0]
        + sum(
            math.prod(part(row, *p) for p in c["parts"]) * w
            for c, (w,) in zip(document["design"]["columns"], values, strict=False)
        )
        for row in table.to_pylist()
    ]
    agrees(got, model, table)


def test_json_is_the_design_the_weights_and_the_summary() -> None:
    model, _ = penguins()
    document = to_json(model)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert Design.from_dict(document["design"]).to_dict() == model.design.to_dict()
    assert torch.equal(torch.tensor(document["weights"]["values"], dtype=torch.float64), model.weights)
    assert document["summary"]["coef"] == model.coef.to_dict()
    assert document["bestline"] == bl.__version__


# --- what no export can say ----------------------------------------------------------------------------------------------


def test_own_forward_functions_and_endless_weights_are_refused(tmp_path: Path) -> None:
    x = torch.linspace(0, 1, 20, dtype=torch.float64)[:, None]
    own = bl.fit((x, x[:, 0]), forward=lambda X, w, b: X @ w + b, solver="adam", steps=2)
    line = bl.fit((x, x[:, 0]))
    endless = replace(line, weights=line.weights * math.inf)
    for write in (lambda m: to_sql(m, "data"), lambda m: to_onnx(m, tmp_path / "m.onnx"), to_json):
        with pytest.raises(OptionError, match="forward function of its own"):
            write(own)
        with pytest.raises(NumericalError, match="not finite"):
            write(endless)
    assert not (tmp_path / "m.onnx").exists()


# --- the command ---------------------------------------------------------------------------------------------------------

app = typer.Typer()
app.command()(export)


def test_the_command(tmp_path: Path) -> None:
    model, table = penguins()
    model.save(tmp_path / "p.bestline")
    run = CliRunner().invoke
    shown = run(app, [str(tmp_path / "p.bestline"), "--to", "sql", "--table", "data"])
    assert shown.exit_code == 0
    assert shown.stdout == to_sql(model, "data") + "\n"
    written = run(app, [str(tmp_path / "p.bestline"), "--to", "sql", "--table", "s.t", "-o", str(tmp_path / "p.sql")])
    assert (tmp_path / "p.sql").read_text() == to_sql(model, ("s", "t")) + "\n"
    assert written.stdout == ""
    run(app, [str(tmp_path / "p.bestline"), "--to", "sql", "--table", '"a.b"', "--force", "-o", str(tmp_path / "p.sql")])
    assert (tmp_path / "p.sql").read_text() == to_sql(model, "a.b") + "\n"
    as_json = json.loads(run(app, [str(tmp_path / "p.bestline"), "--to", "json"]).stdout)
    assert as_json["weights"] == to_json(model)["weights"]
    pytest.importorskip("onnx")
    assert run(app, [str(tmp_path / "p.bestline"), "--to", "onnx", "-o", str(tmp_path / "p.onnx")]).exit_code == 0
    agrees(runtime(tmp_path / "p.onnx", table), model, table)


def test_the_command_refuses(tmp_path: Path) -> None:
    model, _ = penguins()
    path = str(tmp_path / "p.bestline")
    model.save(path)
    for arguments, words in {
        (path,): "--to needs one of",
        (path, "--to", "pickle"): "--to needs one of",
        (path, "--to", "onnx"): "-o FILE.onnx",
        (path, "--to", "script"): "needs the data",
        (path, "rows.csv", "--to", "sql"): "needs no data",
    }.items():
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == 2
        assert words in " ".join(result.output.replace("│", " ").split())
    (tmp_path / "there.sql").write_text("mine")
    result = CliRunner().invoke(app, [path, "--to", "sql", "-o", str(tmp_path / "there.sql")])
    assert isinstance(result.exception, DataError)
    assert (tmp_path / "there.sql").read_text() == "mine"


def test_nothing_heavy_is_loaded_by_importing() -> None:
    import subprocess

    code = (
        "import sys, bestline.export, bestline.cli.export; print([m for m in ('torch', 'onnx', 'duckdb') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
