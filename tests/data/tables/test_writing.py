"""What is written reads back the same, and appears whole or not at all."""

from __future__ import annotations

import io

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from bestline.data.tables import Batch, open_source, write_with
from bestline.errors import ColumnError, DataError, FileError
from data.tables.examples import all_numbers, all_text

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


floats = st.floats(allow_nan=False, width=64)


@QUICK
@given(
    rows=st.lists(st.tuples(floats, st.sampled_from(["a", "b,c", 'say "so"', "new\nline", "ünï"]), st.booleans()), min_size=1),
    size=st.integers(1, 7),
)
def test_any_batch_size_gives_the_same_rows_and_what_was_written(tmp_path, rows, size):
    frame = pd.DataFrame(rows, columns=["x", "g", "b"])
    path = tmp_path / "any.csv"
    write_with(open_source(frame), path, lambda _: {}, overwrite=True)
    source = open_source(path)
    np.testing.assert_array_equal(all_numbers(source, ["x", "b"], size), frame[["x", "b"]].to_numpy(float))
    assert all_text(source, "g", size) == frame["g"].tolist()
    starts = [(b.start, b.rows) for b in source.batches(size=size)]
    assert [s for s, _ in starts] == list(np.cumsum([0] + [r for _, r in starts])[:-1])


@QUICK
@given(
    values=st.lists(floats, min_size=1), suffix=st.sampled_from([".csv", ".tsv", ".csv.gz", ".parquet", ".feather", ".arrow"])
)
def test_writing_then_reading_gives_the_same_float64(tmp_path, values, suffix):
    x = np.array(values)
    path = tmp_path / f"t{suffix}"
    written = write_with(open_source({"x": x}), path, lambda b: {"twice": b.numbers(["x"])[:, 0] / 3}, overwrite=True)
    assert written == len(x)
    back = all_numbers(open_source(path), ["x", "twice"])
    np.testing.assert_array_equal(back.view(np.int64), np.stack([x, x / 3], 1).view(np.int64))


def add(batch: Batch) -> dict[str, torch.Tensor]:
    return {"prediction": torch.arange(batch.start, batch.start + batch.rows, dtype=torch.float64)}


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz", ".parquet", ".feather", ".arrow"])
def test_original_values_are_kept(put, tmp_path, suffix):
    source = open_source(put("x,g,b,e\n1.5,a,True,\nNA,,,\n-2,=cmd|x,False,\n"))
    out = tmp_path / f"o{suffix}"
    assert write_with(source, out, add) == 3
    back = open_source(out)
    assert back.names == ("x", "g", "b", "e", "prediction")
    np.testing.assert_array_equal(all_numbers(back, ["x", "b", "prediction"]), [[1.5, 1, 0], [np.nan, np.nan, 1], [-2, 0, 2]])
    assert [v or None for v in all_text(back, "g")] == ["a", None, "=cmd|x"]
    with pytest.raises(DataError, match="exists"):
        write_with(source, out, add)
    assert write_with(source, out, add, overwrite=True, names=["x"]) == 3
    assert open_source(out).names == ("x", "prediction")


def test_text_cells_are_quoted(tmp_path):
    write_with(open_source({"g": ["=1+1", 'a"b'], "x": [0.1, 1e300]}), tmp_path / "o.csv", lambda _: {'na"me': torch.ones(2)})
    assert (tmp_path / "o.csv").read_text() == '"g","x","na""me"\n"\'=1+1",0.1,1\n"a""b",1e+300,1\n'


def test_a_name_clash_and_a_failure_leave_nothing_behind(tmp_path):
    source = open_source({"prediction": [1.0]})
    with pytest.raises(ColumnError, match="`prediction`"):
        write_with(source, tmp_path / "o.csv", add)
    with pytest.raises(FileError, match="suffix"):
        write_with(source, tmp_path / "o.xlsx", add)
    with pytest.raises(ColumnError, match="`l`"):
        write_with(open_source(pa.table({"l": [[1]]})), tmp_path / "o.csv", add)
    assert list(tmp_path.iterdir()) == []


def test_standard_output(capsysbinary):
    write_with(open_source({"x": [1.0, 2.0]}), None, add)
    assert capsysbinary.readouterr().out == b'"x","prediction"\n1,0\n2,1\n'


def test_standard_output_that_takes_text_only(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    write_with(open_source({"x": [1.0]}), None, add)
    assert stream.getvalue() == '"x","prediction"\n1,0\n'
