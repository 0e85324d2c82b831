"""Spark in local mode: the line of one process, from a DataFrame and from files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bestline as bl
from engines import grid

sql = pytest.importorskip("pyspark.sql", reason="needs Spark: make test-engines")

pytestmark = [
    pytest.mark.engines,
    pytest.mark.usefixtures("quiet"),
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning", "ignore::UserWarning"
    ),
]


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    quietly = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.driver.bindAddress": "127.0.0.1"}
    session = sql.SparkSession.builder.master("local[2]").config(map=quietly).getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


def split(session: Any, frame: pd.DataFrame, partitions: int) -> Any:
    """The frame in so many partitions, its rows in their order."""
    types = {"a": "double", "b": "double", "group": "string", "w": "double", "firm": "string", "y": "double"}
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    schema = ", ".join(f"{name} {types[name]}" for name in frame.columns)
    return session.createDataFrame(session.sparkContext.parallelize(rows, partitions), schema)


@pytest.mark.parametrize("case", grid.FITS)
def test_a_line_is_that_of_one_process(session: Any, case: str):
    frame = grid.table()
    frame = frame.dropna() if case == "plain" else frame
    grid.same_fit(split(session, frame, 7), frame, case)


@pytest.mark.parametrize("partitions", [1, 2])
def test_any_number_of_partitions(session: Any, partitions: int):
    frame = grid.table()
    grid.same_fit(split(session, frame, partitions), frame, "imputed")


def test_second_passes_groups_and_moments(session: Any):
    frame, new = grid.table(), grid.table(seed=4)
    grid.same_second_passes(split(session, frame, 3), frame, split(session, new, 2), new)
    grid.same_groups(split(session, frame, 4), frame)
    grid.same_moments(split(session, frame, 4), frame)


def test_a_partition_without_rows_and_a_frame_without_any(session: Any):
    frame = grid.table(300)
    holes = split(session, frame.iloc[:3], 7).union(split(session, frame.iloc[3:], 2))
    grid.same_fit(holes, frame, "dropped")
    with pytest.raises(bl.errors.DataError, match="no rows in the Spark frame"):
        bl.fit(split(session, frame, 2).filter("a > 1e9"), "y ~ a")


def test_an_error_there_is_raised_here_as_itself(session: Any):
    frame = grid.table()
    odd = frame.assign(a=frame.a.where(frame.index != 777, np.inf))
    assert "infinite at row 778" in grid.same_refusal(split(session, odd, 3), odd, "y ~ a")
    assert " | " not in grid.same_refusal(split(session, frame, 3), frame, "y ~ a + b")
    with pytest.raises(bl.errors.DataError, match="is no table"):
        bl.fit(split(session, frame, 2)["a"], "y ~ a")


def test_files_are_read_by_the_executors(session: Any, tmp_path: Path):
    frame = grid.table(20_000)
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "rows.parquet", row_group_size=2_000)
    path, formula = str(tmp_path / "rows.parquet"), "y ~ a + b + C(group)"
    here, there = bl.fit(path, formula, missing="drop"), bl.fit(path, formula, missing="drop", engine=session)
    assert there.source.partitions > 3
    np.testing.assert_allclose(there.params, here.params, **grid.DIGITS)
    assert there.held_out.rows == here.held_out.rows
    words = [sys.executable, "-m", "bestline", "fit", path, formula, "--missing", "drop", "--json", "--engine", "spark"]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    np.testing.assert_allclose(list(json.loads(told.stdout)["coef"].values()), np.asarray(here.coef).ravel(), **grid.DIGITS)


def test_data_of_this_process_are_refused():
    with pytest.raises(bl.errors.OptionError, match="in this process"):
        bl.fit(grid.table(), "y ~ a", engine="spark")
