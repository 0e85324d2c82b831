"""Parquet, Feather and Arrow: typed columns, row groups, damage."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from bestline.data.tables import Kind, open_source
from bestline.errors import ColumnError, DataError, FileError
from data.tables.examples import all_numbers, all_text, kinds

TYPED = {
    "i": pa.array([1, None, 3], pa.int64()),
    "u": pa.array([1, 2, 3], pa.uint64()),
    "h": pa.array(np.array([1, 2, 3], np.float16)),
    "f": pa.array([0.1, None, math.nan], pa.float32()),
    "d": pa.array([1, 2, 3]).cast(pa.decimal128(24, 4)),
    "b": pa.array([True, None, False]),
    "s": pa.array(["x", "NA", None]),
    "v": pa.array(["x", "", None], pa.string_view()),
    "c": pa.array(["q", "p", "q"]).dictionary_encode(),
    "t": pa.array([0, 1, None], pa.timestamp("ns")),
    "n": pa.array([None, None, None], pa.int32()),
    "l": pa.array([[1], [2], None]),
    "z": pa.array([b"a", b"b", None]),
}


@pytest.mark.parametrize("form", ["table", "parquet", "feather", "stream", "polars"])
def test_typed_columns(tmp_path, form):
    table = pa.table(TYPED)
    if form == "parquet":
        pq.write_table(table.drop(["v"]).append_column("v", table["v"].cast(pa.string())), tmp_path / "t.parquet")
    elif form == "feather":
        pa.feather.write_feather(table, str(tmp_path / "t.feather"))
    elif form == "stream":
        with pa.ipc.new_stream(str(tmp_path / "t.arrows"), table.schema) as writer:
            writer.write_table(table)
    data = (
        {"table": table, "polars": pl.from_arrow(table)}.get(form) if form in ("table", "polars") else next(tmp_path.iterdir())
    )
    source = open_source(data)
    found = kinds(source)
    assert {found[n] for n in "iuhfdb"} == {Kind.NUMBER}
    assert {found[n] for n in "svc"} == {Kind.TEXT}
    assert found["t"] is Kind.DATE
    assert found["l"] is found["z"] is Kind.OTHER
    assert found["n"] is (Kind.EMPTY if form in ("table", "polars") else Kind.NUMBER)
    nan = math.nan
    expected = [[1, nan, 3], [1, 2, 3], [1, 2, 3], [np.float32(0.1), nan, nan], [1, 2, 3], [1, nan, 0], [nan] * 3]
    np.testing.assert_array_equal(all_numbers(source, list("iuhfdbn")), np.array(expected).T)
    assert all_text(source, "s") == ["x", "NA", None]
    assert all_text(source, "v") == ["x", "", None]
    assert all_text(source, "i") == ["1", None, "3"]
    assert all_text(source, "f") == ["0.1", None, None]
    assert all_text(source, "d") == ["1", "2", "3"]
    assert all_text(source, "h") == ["1", "2", "3"]
    assert all_text(source, "n") == [None] * 3
    assert all_text(source, "t")[2] is None
    for name in "lz":
        with pytest.raises(ColumnError, match=r"nested|binary"):
            all_text(source, name)
    with pytest.raises(ColumnError, match=r"`NA` at row 2|`x` at row 1"):
        all_numbers(source, ["s"])


def test_declared_levels():
    frame = pd.DataFrame({"g": pd.Categorical(["b", "a"], ["c", "b", "a"]), "n": pd.Categorical([2007.0, 1.5])})
    source = open_source(frame)
    assert source.field("g").levels == ("c", "b", "a")
    assert source.field("n").levels == ("1.5", "2007")
    assert all_text(source, "n") == ["2007", "1.5"]
    assert all_text(source, "g") == ["b", "a"]
    assert open_source(pl.DataFrame({"g": pl.Series(["b"], dtype=pl.Enum(["a", "b"]))})).field("g").levels == ("a", "b")


def test_damaged_parquet_and_many_row_groups(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": np.arange(24.0), "a.b": np.arange(24)}), path, row_group_size=1)
    source = open_source(path)
    assert source.count == 24
    assert [b.rows for b in source.batches(size=10)] == [10, 10, 4]
    np.testing.assert_array_equal(all_numbers(source, ["a.b", "x"])[:, 0], np.arange(24))
    assert next(iter(source.batches())).where(3) == "row 4 of t.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:200] + b"\xff" * 300 + content[500:])
    with pytest.raises(FileError, match="damaged"):
        list(source.batches())
    pq.write_table(pa.table({"x": pa.array([], pa.float64())}), path)
    with pytest.raises(DataError, match="no rows"):
        open_source(path)


@pytest.mark.parametrize("form", ["parquet", "feather"])
def test_two_columns_of_one_name_are_refused_and_none_of_them_is_chosen(tmp_path, form):
    table = pa.table([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], names=["x", "y", "x"])
    path = tmp_path / f"t.{form}"
    if form == "parquet":
        pq.write_table(table, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    with pytest.raises(ColumnError, match="has more than one column named `x`"):
        open_source(path)
