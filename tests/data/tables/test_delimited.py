"""Delimited files: any delimiter, encoding, quotes and batch size, as pandas reads them."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pytest

from bestline.data.tables import Kind, delimited, open_source
from bestline.data.tables.text import stream as text_of_files
from bestline.errors import ColumnError, FileError
from data.tables.examples import all_numbers, all_text, kinds

# --- numbers and words of a text file ------------------------------------------------------------------------------------


def test_plain_csv(put):
    source = open_source(put("x,g,y\n1,a,2\n3,b,4.5\n,a,-1e3\n"))
    assert kinds(source) == {"x": Kind.NUMBER, "g": Kind.TEXT, "y": Kind.NUMBER}
    np.testing.assert_array_equal(all_numbers(source, ["y", "x"]), [[2, 1], [4.5, 3], [-1000, np.nan]])
    assert all_text(source, "g") == ["a", "b", "a"]
    assert source.label == "t.csv"
    assert source.count is None
    assert source.notes == ()


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_pandas(tmp_path, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=500) * 10.0 ** rng.integers(-200, 200, 500),
            "i": rng.integers(-(10**9), 10**9, 500),
            "g": rng.choice(["p", "q r", 's"t'], 500),
        }
    )
    frame.loc[rng.integers(0, 500, 50), "a"] = np.nan
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.csv.gz", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "t.parquet")
    pa.feather.write_feather(frame, str(tmp_path / "t.feather"))
    theirs = pd.read_csv(tmp_path / "t.csv")
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == 5
    for data in [*paths, frame, pl.from_pandas(frame), pl.from_pandas(frame).lazy()]:
        source = open_source(data)
        ours = all_numbers(source, ["a", "i"], 64)
        np.testing.assert_array_equal(ours, frame[["a", "i"]].to_numpy(float))
        np.testing.assert_allclose(ours, theirs[["a", "i"]].to_numpy(float), rtol=1e-14)  # pandas rounds in the last digit
        assert all_text(source, "g", 64) == theirs["g"].tolist()


# --- how a text file is written ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(put, delimiter, ends):
    path = put(ends.join(delimiter.join(row) for row in [("x", "g", "y"), ("1", "a", "2.5"), ("3", "b", "4")]))
    source = open_source(path)
    np.testing.assert_array_equal(all_numbers(source, ["x", "y"]), [[1, 2.5], [3, 4]])
    assert next(iter(source.batches())).where(1) == "row 2 (line 3 of t.csv)"


def test_decimal_comma(put):
    source = open_source(put("x;y\n-3,5;1\n+1,25;2,5\n"))
    np.testing.assert_array_equal(all_numbers(source), [[-3.5, 1], [1.25, 2.5]])
    assert any("decimal comma" in note for note in source.notes)
    with pytest.raises(ColumnError, match=r"`1\.5`"):
        all_numbers(open_source(put("x;y\n" + "1,5;2\n" * 20 + "1.5;2\n")))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(put, encoding):
    source = open_source(put("größe,g\n1,ä\n2,é\n".encode(encoding)))
    assert source.names == ("größe", "g")
    assert all_text(source, "g") == ["ä", "é"]
    assert any("Latin-1" in note for note in source.notes) == (encoding == "cp1252")


def test_quoted_newlines_and_the_right_line(put):
    source = open_source(put('x,note\n1,"a\nb, ""c"""\n\n2,"d\r\ne"\n3,f\n'))
    assert all_text(source, "note") == ['a\nb, "c"', "d\r\ne", "f"]
    batch = next(iter(source.batches()))
    assert [batch.where(i) for i in range(3)] == [f"row {i + 1} (line {n} of t.csv)" for i, n in enumerate([2, 5, 7])]


def test_comment_lines_and_unnamed_columns(put):
    source = open_source(put("# by hand\n# twice\n,x,\n0,5,1\n1,6,2\n"))
    assert source.names == ("Unnamed: 0", "x", "Unnamed: 2")
    assert any("comment" in note for note in source.notes)
    assert any("unnamed" in note for note in source.notes)
    assert next(iter(source.batches())).where(0) == "row 1 (line 4 of t.csv)"
    assert open_source(put("#x,y\n1,2\n")).names == ("#x", "y")


def test_gzip_under_any_name(put):
    packed = gzip.compress(b"x,y\n" + b"1,2\n" * 50_000)
    assert len(all_numbers(open_source(put(packed, "t.csv")))) == 50_000
    with pytest.raises(FileError, match="truncated"):
        all_numbers(open_source(put(packed[:-20])))
    broken = bytearray(packed)
    broken[-6] ^= 255
    with pytest.raises(FileError, match="checksum"):
        all_numbers(open_source(put(bytes(broken))))


def test_damage_behind_the_sample(put, monkeypatch):
    monkeypatch.setattr(text_of_files, "BLOCK", 1000)
    monkeypatch.setattr(delimited, "BLOCK", 1000)
    rows = "1,2,a\n" * 5000
    with pytest.raises(FileError, match="line 5002"):
        list(open_source(put(f"x,y,g\n{rows}1,2,3,4\n")).batches())
    monkeypatch.setattr(delimited, "HEAD", 1000)
    with pytest.raises(FileError, match="NUL byte in line 5002"):
        list(open_source(put(f"x,y,g\n{rows}1,\0,3\n")).batches())
    with pytest.raises(FileError, match="not UTF-8"):
        list(open_source(put(f"x,y,g\n{rows}1,2,".encode() + b"\xff\n")).batches())
    with pytest.raises(FileError, match="quotation mark"):
        list(open_source(put(f'x,y,g\n{rows}1,2,"{"a" * 5000}\n')).batches())
