"""Exported lines at the ends of what float64 can say: where a plain formula loses its digits, overflows or divides by zero."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import bestline as bl
from bestline.export.onnx_graph import to_onnx
from bestline.export.sql import to_sql
from export.examples import runtime

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")

# A unit or two of each function's last place, twice.
CLOSE = 1e-14

VALUES = {
    "expm1": [0.0, 1e-300, -1e-300, 1e-17, -1e-17, 1e-9, -1e-5, 0.3, -0.9, 2.0, -36.0, -38.0, -50.0, -700.0, -800.0, 700.0],
    "log1p": [0.0, 1e-300, -1e-300, 1e-17, -1e-17, 1e-9, -1e-5, 0.3, -0.9, 2.0, 1e15, 1e17, 1e300, -0.999999999],
    "log2": [1e-300, 1e-9, 0.5, 1.0, 2.0, 3.0, 1e300],
    "log10": [1e-300, 1e-9, 0.5, 1.0, 10.0, 3.0, 1e300],
    "tan": [0.0, 1e-300, 0.5, -1.0, 1.5, 3.0],
    "tanh": [0.0, 1e-9, 0.5, -1.0, 20.0, -400.0],
    "sqrt": [0.0, 1e-300, 0.5, 2.0, 1e300],
    "exp": [0.0, -800.0, -700.0, 1e-17, 700.0],
}


def line(function: str) -> bl.Model:
    """y = f(x) itself, but for rounding of the weights, which the predictions share."""
    x = np.linspace(0.1, 0.9, 30)
    return bl.fit({"x": x, "y": 2 * getattr(np, function)(x) + 0.5}, f"y ~ {function}(x)")


def expected(model: bl.Model, function: str, x: list[float]) -> np.ndarray:
    slope, level = model.params
    return slope * getattr(np, function)(np.array(x)) + level


@pytest.mark.parametrize("function", VALUES)
def test_in_onnx(function: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    model, x = line(function), VALUES[function]
    to_onnx(model, tmp_path / "line.onnx")
    found = runtime(tmp_path / "line.onnx", pa.table({"x": x})).ravel()
    np.testing.assert_allclose(found, expected(model, function, x), rtol=CLOSE)
    np.testing.assert_allclose(model.predict({"x": x}), expected(model, function, x), rtol=CLOSE)


@pytest.mark.parametrize("function", ["expm1", "log1p"])
def test_digits_near_zero_are_kept(function: str, tmp_path: Path) -> None:
    """Where the function is nearly x itself, all that is seen is its own error: of a line through the origin."""
    pytest.importorskip("onnx")
    x = np.linspace(0.1, 0.9, 30)
    model = bl.fit({"x": x, "y": getattr(np, function)(x)}, f"y ~ {function}(x) - 1")
    small = [v for v in VALUES[function] if 0 < abs(v) < 1e-3]
    to_onnx(model, tmp_path / "line.onnx")
    want = float(model.params.iloc[0]) * getattr(np, function)(np.array(small))
    np.testing.assert_allclose(runtime(tmp_path / "line.onnx", pa.table({"x": small})).ravel(), want, rtol=1e-13)
    np.testing.assert_allclose(in_sqlite(model, small), want, rtol=1e-13)


def in_sqlite(model: bl.Model, x: list[float]) -> list[float | None]:
    with sqlite3.connect(":memory:") as database:
        for name in ("exp", "ln", "log10", "sqrt", "tan", "tanh"):
            own = getattr(math, "log" if name == "ln" else name)
            database.create_function(name, 1, lambda v, own=own: None if v is None else own(v), deterministic=True)
        database.execute("CREATE TABLE t (i INTEGER, x REAL)")
        database.executemany("INSERT INTO t VALUES (?, ?)", list(enumerate(x)))
        rows = database.execute(f"SELECT prediction FROM ({to_sql(model, table='t', dialect='sqlite')}) ORDER BY i").fetchall()  # noqa: S608
    database.close()
    return [row[0] for row in rows]


@pytest.mark.parametrize("function", VALUES)
def test_in_sql(function: str) -> None:
    model, x = line(function), VALUES[function]
    np.testing.assert_allclose(np.array(in_sqlite(model, x), dtype=float), expected(model, function, x), rtol=CLOSE)


@pytest.mark.parametrize(
    ("function", "outside"), [("log1p", [-1.0, -2.0]), ("log2", [0.0, -1.0]), ("log10", [0.0, -1.0]), ("sqrt", [-1e-300, -4.0])]
)
def test_what_has_no_value_has_no_prediction(function: str, outside: list[float], tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    model = line(function)
    to_onnx(model, tmp_path / "line.onnx")
    assert in_sqlite(model, outside) == [None, None]
    assert np.isnan(runtime(tmp_path / "line.onnx", pa.table({"x": outside}))).all()
    with pytest.raises(bl.errors.NotFiniteError, match="row 1"):
        model.predict({"x": outside})
