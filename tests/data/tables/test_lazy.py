"""Lazy frames: read as files are, a batch at a time, only the columns that are read; the lines are those of the table in memory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bestline as bl
from bestline.data.tables import open_source
from bestline.data.tables.lazy import Lazy, lazy_frame
from bestline.errors import ColumnError, DataError, OptionError, ShapeError

pytestmark = pytest.mark.usefixtures("quiet")

FORMULA = "y ~ x + z + g + C(code) + level + when"
EXACT = {"rtol": 0, "atol": 1e-13}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    draw = np.random.default_rng(1)
    n = 3_000
    made = pd.DataFrame(
        {
            "x": draw.normal(size=n),
            "z": draw.integers(0, 9, n),
            "g": draw.choice(["north", "south", "west"], n),
            "code": draw.choice(["01", "02"], n),
            "level": pd.Categorical(draw.choice(["low", "mid", "high"], n), ["low", "mid", "high"], ordered=True),
            "when": pd.Timestamp("2024-02-01") + pd.to_timedelta(draw.integers(0, 300, n), "D"),
            "flag": draw.normal(size=n) > 0,
        }
    )
    made["y"] = 1 + made.x - 0.1 * made.z + (made.g == "west") + draw.normal(size=n)
    return made


def lazily(frame: pd.DataFrame) -> dict[str, Any]:
    """The same rows as each library has them."""
    made = pl.from_pandas(frame)
    relation = duckdb.connect().from_arrow(pa.Table.from_pandas(frame))
    return {"polars": made.lazy(), "duckdb": relation, "narwhals": nw.from_native(made).lazy()}


@pytest.mark.parametrize("library", ["polars", "duckdb", "narwhals"])
def test_the_line_of_a_lazy_frame_is_that_of_the_table(frame, library):
    data = lazily(frame)[library]
    table = data.to_arrow_table() if library == "duckdb" else pl.from_pandas(frame)  # which say in which order levels are
    here, there = bl.fit(table, FORMULA), bl.fit(data, FORMULA)
    assert there.names == here.names
    np.testing.assert_allclose(there.params, here.params, **EXACT)
    np.testing.assert_allclose(there.bse, here.bse, **EXACT)
    np.testing.assert_allclose(there.held_out.rmse, here.held_out.rmse, **EXACT)
    np.testing.assert_allclose(there.predict(data), here.predict(table), **EXACT)
    assert there.evaluate(data).mae == pytest.approx(here.evaluate(table).mae, rel=1e-13)
    assert bl.Moments.collect(data, FORMULA, folds=3).rows == len(frame)


def boom(_: Any) -> Any:
    raise AssertionError("this column was read")


def test_only_the_columns_that_are_read_are_asked_for(frame):
    data = pl.from_pandas(frame).lazy().with_columns(other=pl.col("x").map_batches(boom, return_dtype=pl.Float64))
    assert "other" in open_source(data).names
    assert bl.fit(data, "y ~ x + g").moments.rows == len(frame)


def test_batches_have_the_rows_in_order_whatever_their_size(frame):
    for data in lazily(frame).values():
        source = open_source(data)
        assert isinstance(source, Lazy)
        for size in (7, 1_000, 100_000):
            batches = list(source.batches(["x", "flag"], size=size))
            assert [b.start for b in batches] == list(range(0, len(frame), size))
            read = np.concatenate([b.numbers(["x", "flag"]).numpy() for b in batches])
            np.testing.assert_array_equal(read, frame[["x", "flag"]].to_numpy(float))


def test_who_stops_early_leaves_the_connection_free():
    connection = duckdb.connect()
    relation = connection.sql("select range::double as x, range % 7 as y from range(500000)")
    for _ in range(3):
        next(iter(open_source(relation).batches(["x"])))
    assert connection.sql("select 1").fetchall() == [(1,)]


def test_words_that_are_numbers_are_judged_as_in_a_table(frame):
    words = frame.assign(w=[f"{v:.3f}" for v in frame.x])
    here, there = (bl.fit(data, "y ~ w + code") for data in (words, pl.from_pandas(words).lazy()))
    assert tuple(note for note in there.notes if not note.startswith("All rows were read from Polars")) == here.notes
    np.testing.assert_allclose(there.params, here.params, **EXACT)


def test_whole_numbers_that_float64_rounds_are_noticed():
    table = pl.DataFrame({"id": [2**60 + i for i in range(40)], "x": range(40), "y": [i % 5 for i in range(40)]})
    here, there = (bl.fit(data, "y ~ x + id").notes for data in (table, table.lazy()))
    # Polars adds up whole numbers as such, so it sees that they differ; float64 does not, and both say what it has rounded.
    rounded = [note for note in here if "beyond 2**53" in note]
    assert rounded
    assert [note for note in there if "beyond 2**53" in note] == rounded


def test_progress_ends_at_one_and_never_falls(frame):
    for data in lazily(frame).values():
        heard: list[float] = []
        for _ in open_source(data).batches(["x"], size=500, progress=heard.append):
            pass
        assert heard == sorted(heard)
        assert heard[-1] == 1.0
        assert len(heard) > 3


def test_what_cannot_be_read_is_said_in_one_sentence(frame, tmp_path):
    data = pl.from_pandas(frame).lazy()
    with pytest.raises(ColumnError, match="gone"):
        bl.fit(data, "y ~ gone")
    with pytest.raises(DataError, match=r"^Polars cannot give the data: .*\.$"):
        bl.fit(pl.scan_parquet(tmp_path / "none.parquet"), "y ~ x")
    with pytest.raises(DataError, match="no rows"):
        bl.fit(data.filter(pl.col("x") > 100), "y ~ x")
    with pytest.raises(ShapeError, match="no columns"):
        bl.fit(pl.LazyFrame(), "y ~ x")
    with pytest.raises(OptionError, match="beside a lazy frame"):
        bl.fit(data, "y ~ x", weights=np.ones(len(frame)))
    with pytest.raises(DataError, match="X is a lazy frame"):
        bl.fit(data.select("x"), frame["y"])
    connection = duckdb.connect()
    relation = connection.from_arrow(pa.Table.from_pandas(frame[["x", "y"]]))
    connection.close()
    with pytest.raises(DataError, match=r"DuckDB cannot give the data: .*closed"):
        bl.fit(relation, "y ~ x")


def test_other_data_are_no_lazy_frames(frame):
    for data in (frame, pl.from_pandas(frame), {"x": [1]}, "file.csv", None, [1.0], np.ones((2, 2))):
        assert lazy_frame(data) is None


READ = """
import resource, sys, warnings
import duckdb, polars as pl
import bestline as bl, bestline.api.fit
warnings.simplefilter("ignore")
path = sys.argv[2]
data = {"path": lambda: path, "polars": lambda: pl.scan_parquet(path), "duckdb": lambda: duckdb.read_parquet(path)}[sys.argv[1]]()
bl.Moments.collect(data, "y ~ " + " + ".join(f"x{j}" for j in range(7)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.heavy
@pytest.mark.parametrize("library", ["polars", "duckdb"])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, library: str):
    draw = np.random.default_rng(0)
    peak = []
    for groups in (8, 32):
        path = tmp_path / f"{groups}.parquet"
        names = [*(f"x{j}" for j in range(7)), "y"]
        with pq.ParquetWriter(path, pa.schema([(name, pa.float64()) for name in names])) as writer:
            for _ in range(groups):
                writer.write_table(pa.table({name: draw.normal(size=125_000) for name in names}))
        found = subprocess.run([sys.executable, "-c", READ, library, str(path)], capture_output=True, text=True, check=True)
        peak.append(int(re.findall(r"\d+", found.stdout)[-1]) / 1024)
    # 3,000,000 rows more are 192 MB.
    assert peak[1] - peak[0] < 60, peak
