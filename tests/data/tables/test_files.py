"""Files: what is no table, where paths lead, several files as one table."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from bestline.data.tables import Kind, open_source
from bestline.errors import ColumnError, DataError, FileError
from data.tables.examples import all_numbers, all_text

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", DataError, "no rows"),
        (b"\n\n", DataError, "no rows"),
        (b"x,y\n", DataError, "no rows"),
        (b"x,x,y\n1,2,3\n", ColumnError, "`x`"),
        (b"x,y\n1,2\n1\n", FileError, "line 3"),
        (b"x,y\n1,2\0\n", FileError, "NUL"),
        (bytes(range(256)) * 40, FileError, "binary"),
        (b"PAR1", FileError, "Parquet"),
        (b"PAR1" + b"\0" * 400 + b"\xff\xff\xff\x7fPAR1", FileError, "Parquet"),
        (b"ARROW1\0\0" + b"\0" * 100, FileError, "Arrow"),
        (b"PK\x03\x04zip", FileError, "Excel"),
        (b"<!DOCTYPE html><html></html>", FileError, "web page"),
        ("x,y\n1,2\n".encode("utf-16-le"), FileError, "UTF-16"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(put, content, error, says):
    with pytest.raises(error, match=says) as caught:
        list(open_source(put(content)).batches())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"\n\n\x07\xff", b'\n"\x1f\xff', b"\xff", b'"', b'"a', b"\xff\xfe", b"\xff\xfea", b"\xef\xbb\xbf\xef\xbb\xbf \n"],
)
def test_short_odd_files_end(put, content):
    with pytest.raises(DataError):
        open_source(put(content))


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_damage_that_pyarrow_itself_would_trust(tmp_path, form):
    path = tmp_path / "t.data"
    table = pa.table({"g": ["word"] * 100})
    if form == "arrow":
        pa.feather.write_feather(table, str(path), compression="uncompressed")
        offsets = b"".join(int(4 * i).to_bytes(4, "little") for i in range(1, 5))
        damaged = path.read_bytes().replace(offsets, b"\xff\xff\xff\x7f" * 4)
    else:
        pq.write_table(table, path, compression="none")
        damaged = path.read_bytes().replace(b"word", b"\xff\xff\xff\xff")
    path.write_bytes(damaged)
    with pytest.raises(FileError, match="damaged"):
        list(open_source(path).batches())


@QUICK
@given(
    content=st.binary(min_size=1, max_size=300),
    head=st.sampled_from([b"", b"PAR1", b"ARROW1\0\0", b"\x1f\x8b\x08", b"x,y\n1,2\n"]),
)
def test_random_bytes_never_escape_as_another_error(tmp_path, content, head):
    path = tmp_path / "r.csv"
    path.write_bytes(head + content)
    try:
        source = open_source(path)
        for batch in source.batches():
            for field in source.fields:
                batch.numbers([field.name]) if field.kind is Kind.NUMBER else batch.text(field.name)
    except DataError as error:
        assert str(error)  # noqa: PT017


def test_paths_that_lead_nowhere(put, tmp_path):
    put("x\n1\n", "cars.csv")
    with pytest.raises(FileError, match=r"did you mean `cars.csv`\?"):
        open_source(tmp_path / "card.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match=r"folder .* holds no data files"):
        open_source(tmp_path / "empty")
    with pytest.raises(FileError, match="No file matches"):
        open_source(str(tmp_path / "*.parquet"))
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(FileError, match="pipe"):
        open_source(tmp_path / "pipe.csv")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    with pytest.raises(FileError, match="symbolic link"):
        open_source(tmp_path / "loop.csv")
    with pytest.raises(FileError, match="unheard"):
        open_source("unheard://x.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(put):
    path = put("x\n1\n")
    Path(path).chmod(0)
    with pytest.raises(FileError, match="permission"):
        open_source(path)


def test_several_files_are_one_table(put, tmp_path):
    put("x,g\n1,a\n2,b\n", "p1.csv")
    put("g,x\nc,3\n", "p2.csv")
    source = open_source(str(tmp_path / "p*.csv"))
    np.testing.assert_array_equal(all_numbers(source, ["x"])[:, 0], [1, 2, 3])
    assert all_text(source, "g") == ["a", "b", "c"]
    assert source.label == "2 files"
    assert list(source.batches())[1].where(0) == "row 1 (line 2 of p2.csv)"
    pq.write_table(pa.table({"g": ["d"], "x": [4]}), tmp_path / "p3.parquet")
    assert all_text(open_source([tmp_path / "p1.csv", tmp_path / "p3.parquet"]), "g") == ["a", "b", "d"]
    put("x\n5\n", "p4.csv")
    with pytest.raises(ColumnError, match=r"p4.csv.*lacks the column `g`"):
        open_source([tmp_path / name for name in ("p1.csv", "p4.csv")])
    put("x,g\noops,a\n", "p5.csv")
    with pytest.raises(ColumnError, match=r"`oops` at row 1 \(line 2 of p5.csv\)"):
        all_numbers(open_source([tmp_path / "p1.csv", tmp_path / "p5.csv"]), ["x"])


def test_an_empty_column_is_settled_by_the_next_file(put):
    source = open_source([put("x,g\n1,\n", "a.csv"), put("x,g\n1,k\n", "b.csv")])
    assert source.field("g").kind is Kind.TEXT
    assert all_text(source, "g") == [None, "k"]


def test_url_like_paths():
    import fsspec

    system = fsspec.filesystem("memory")
    system.pipe("/bl/a.csv", b"x\n1\n")
    system.pipe("/bl/b.csv", b"x\n2\n")
    system.pipe("/bl/sub/c.csv", b"x\n3\n")
    assert all_numbers(open_source("memory://bl/a.csv")).tolist() == [[1]]
    assert all_numbers(open_source("memory://bl/*.csv")).tolist() == [[1], [2]]
    with pytest.raises(FileError, match="does not exist"):
        open_source("memory://bl/none.csv")


def test_file_urls_and_progress(put):
    path = put("x,y\n" + "1,2\n" * 10_000)
    shares: list[float] = []
    source = open_source([f"file://{path}", path])
    assert sum(b.rows for b in source.batches(size=1000, progress=shares.append)) == 20_000
    assert shares[-1] == 1.0
    assert all(0 <= a <= 1 for a in shares)
