"""Gaps and levels never seen mean the same in SQL, in ONNX and in `predict`, whatever shares the levels had."""

from __future__ import annotations

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

LEVELS = ["a"] * 16 + ["b"] * 3 + ["c"] * 1
OTHERS = (["u"] * 7 + ["v"] * 3) * 2


def model(formula: str) -> bl.Model:
    """Two categories without gaps, of very unlike shares, and a number with some."""
    rng = np.random.default_rng(0)
    x = [None if i % 7 == 0 else float(v) for i, v in enumerate(rng.normal(3, 1, 20))]
    level = {"a": 1.0, "b": 20.0, "c": -50.0, "u": 0.0, "v": 300.0}
    y = [level[g] + level[h] + float(e) for g, h, e in zip(LEVELS, OTHERS, rng.normal(size=20), strict=True)]
    return bl.fit(pa.table({"g": LEVELS, "h": OTHERS, "x": x, "y": y}), formula, missing="impute")


NEW = pa.table(
    {
        "g": ["a", "b", "c", None, None, "a", "zz", None],
        "h": ["u", "v", "u", "u", "v", None, "u", None],
        "x": [1.0, None, 2.0, 3.0, None, 1.0, 1.0, None],
    }
)


@pytest.mark.parametrize("formula", ["y ~ g + h + x", "y ~ g*h + x", "y ~ g:x + h", "y ~ g:h - 1"])
def test_a_gap_counts_as_every_level_by_its_share(formula: str, tmp_path: Path) -> None:
    line = model(formula)
    said = line.predict(NEW, on_unseen="nan")
    assert np.isnan(said).tolist() == [False] * 6 + [True, False]
    # By numpy: the mean over the levels that a gap may be, weighed by how often each came, and over pairs where two are missing.
    share = {"a": 0.8, "b": 0.15, "c": 0.05, "u": 0.7, "v": 0.3}
    mean = line.design.means.get("x", float("nan"))
    for row, found in zip(NEW.to_pylist(), said, strict=True):
        gs, hs = ([row[n]] if row[n] else names for n, names in (("g", "abc"), ("h", "uv")))
        known = [
            (share[g] if not row["g"] else 1.0) * (share[h] if not row["h"] else 1.0) for g in gs for h in hs if g in share
        ]
        x = mean if row["x"] is None else row["x"]
        each = [float(line.predict({"g": [g], "h": [h], "x": [x]})[0]) for g in gs for h in hs if g in share]
        assert np.isnan(found) if not each else found == pytest.approx(float(np.dot(known, each)), rel=1e-9)
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE t (i INTEGER, g TEXT, h TEXT, x REAL)")
        database.executemany(
            "INSERT INTO t VALUES (?, ?, ?, ?)", [(i, r["g"], r["h"], r["x"]) for i, r in enumerate(NEW.to_pylist())]
        )
        rows = database.execute(f"SELECT prediction FROM ({to_sql(line, table='t', dialect='sqlite')}) ORDER BY i").fetchall()  # noqa: S608
    database.close()
    np.testing.assert_allclose(np.array([row[0] for row in rows], dtype=float), said, rtol=1e-9)
    pytest.importorskip("onnx")
    to_onnx(line, tmp_path / "line.onnx")
    np.testing.assert_allclose(runtime(tmp_path / "line.onnx", NEW).ravel(), said, rtol=1e-9)
