"""Whole numbers beyond 2^53 that come late in a column of text are told as those of a CSV file are."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bestline as bl
from bestline.data.tables.judgement import JUDGED

LATE = JUDGED + 10


@pytest.fixture(scope="module")
def table():
    words = [str(i % 50) for i in range(LATE + 5)]
    words[LATE] = str(2**53 + 1)
    return pa.table({"x": words, "y": [i % 97 for i in range(LATE + 5)]})


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
@pytest.mark.parametrize("door", ["arrow", "pandas", "parquet"])
def test_a_whole_number_that_is_rounded_is_told_however_late_it_comes(table, door, tmp_path):
    if door == "parquet":
        pq.write_table(table, tmp_path / "late.parquet")
    data = {"arrow": table, "pandas": pd.DataFrame(table.to_pydict()), "parquet": tmp_path / "late.parquet"}[door]
    assert any("`x` has integers beyond 2**53 such as `9007199254740993`" in said for said in bl.fit(data, "y ~ x").notes)
