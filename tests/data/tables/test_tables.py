from __future__ import annotations

import gzip
import io
import math
import os
import warnings
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from bestline.data.tables import Batch, Kind, Source, delimited, dialect, open_source, read_table, write_with
from bestline.data.tables import text as text_of_files
from bestline.errors import ColumnError, DataError, FileError, OptionError, ShapeError

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

floats = st.floats(allow_nan=False, width=64)


def all_numbers(source: Source, names: list[str] | None = None, size: int = 65_536) -> np.ndarray:
    names = list(source.names) if names is None else names
    return np.concatenate([b.numbers(names).numpy() for b in source.batches(names, size=size)])


def all_text(source: Source, name: str, size: int = 65_536) -> list[str | None]:
    out: list[str | None] = []
    for batch in source.batches([name], size=size):
        codes, levels = batch.text(name)
        out += [None if c < 0 else levels[c] for c in codes.tolist()]
    return out


def kinds(source: Source) -> dict[str, Kind]:
    return {field.name: field.kind for field in source.fields}


@pytest.fixture
def put(tmp_path: Path):
    def write(content: str | bytes, name: str = "t.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


# --- numbers and words of a text file ------------------------------------------------------------------------------------


def test_plain_csv(put):
    source = open_source(put("x,g,y\n1,a,2\n3,b,4.5\n,a,-1e3\n"))
    assert kinds(source) == {"x": Kind.NUMBER, "g": Kind.TEXT, "y": Kind.NUMBER}
    np.testing.assert_array_equal(all_numbers(source, ["y", "x"]), [[2, 1], [4.5, 3], [-1000, np.nan]])
    assert all_text(source, "g") == ["a", "b", "a"]
    assert source.label == "t.csv"
    assert source.count is None
    assert source.notes == ()


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
    for data in [*sorted(tmp_path.iterdir()), frame, pl.from_pandas(frame), pl.from_pandas(frame).lazy()]:
        source = open_source(data)
        ours = all_numbers(source, ["a", "i"], 64)
        np.testing.assert_array_equal(ours, frame[["a", "i"]].to_numpy(float))
        np.testing.assert_allclose(ours, theirs[["a", "i"]].to_numpy(float), rtol=1e-14)  # pandas rounds in the last digit
        assert all_text(source, "g", 64) == theirs["g"].tolist()


@pytest.mark.parametrize(
    "word", ["NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "#N/A", "?", "-", ".", "", "  NA  "]
)
def test_words_that_mean_missing_in_number_columns(put, word):
    source = open_source(put("x,y\n" + f"{word},1\n" + "2,1\n" * 20))
    x = all_numbers(source, ["x"])[:, 0]
    assert math.isnan(x[0])
    assert (x[1:] == 2).all()
    assert bool(word) == any("read as missing" in note for note in source.notes)


@pytest.mark.parametrize("word", ["abc", "1_000", "0x10", "1,5", "12%", "$5", "1.2.3"])
def test_an_odd_word_among_numbers_is_named_with_its_line(put, word):
    source = open_source(put("y,x\n" + "1,2\n" * 17 + f'1,"{word}"\n' + "1,3\n" * 5))
    assert source.field("x").kind is Kind.NUMBER
    with pytest.raises(ColumnError, match=r"`x` holds numbers.*row 18.*line 19 of t.csv"):
        all_numbers(source)
    assert all_numbers(source, ["y"]).shape == (23, 1)


@pytest.mark.parametrize("word", ["1_000", "0x10", "12%", "€ 5"])
def test_a_column_of_almost_numbers_is_not_taken_for_categories(put, word):
    source = open_source(put(f"x,y\n{word},1\n{word},2\n"))
    with pytest.raises(ColumnError, match="not a number"):
        all_numbers(source)


@pytest.mark.parametrize("word", ["192.168.0.1", "1.2.3", "v2", "12-B"])
def test_codes_with_digits_are_text(put, word):
    assert open_source(put(f"x,y\n{word},1\n{word},2\n")).field("x").kind is Kind.TEXT


def test_an_odd_word_far_behind_the_sample(put, monkeypatch):
    monkeypatch.setattr(text_of_files, "BLOCK", 1000)
    monkeypatch.setattr(delimited, "BLOCK", 1000)
    path = put("x,g,b\n" + "1.5,a,True\n" * 1000 + " NA ,b,False\n+2,b, true\n" + "1.5,a,True\n" * 500 + "oops,a,True\n")
    source = open_source(path)
    x: list[float] = []

    def read() -> None:
        for batch in source.batches(size=100):
            x.extend(batch.numbers(["x"])[:, 0].tolist())

    with pytest.raises(ColumnError, match=r"`oops` at row 1503 \(line 1504 of t.csv\)"):
        read()
    assert len(x) >= 1400  # all batches before the one with the odd word
    assert math.isnan(x[1000])
    assert x[1001] == 2
    assert all_numbers(source, ["b"]).sum() == 1502
    assert all_text(source, "b", 100)[999:1002] == ["True", "False", "True"]


def test_blank_padding_and_signs(put):
    source = open_source(put("x,y\n  -3  ,+1\n 4 , +2.5\n"))
    np.testing.assert_array_equal(all_numbers(source), [[-3, 1], [4, 2.5]])


def test_true_and_false(put):
    source = open_source(put("b,w\nTrue,yes\nFalse,no\n,yes\n"))
    assert source.field("b").note == "bool"
    np.testing.assert_array_equal(all_numbers(source, ["b"])[:, 0], [1, 0, np.nan])
    assert all_text(source, "b") == ["True", "False", None]
    assert source.field("w").kind is Kind.TEXT


@pytest.mark.parametrize(
    "values", [["2024-02-01", "2024-02-02"], ["01/02/2024", "2024-02-01", "Feb 1 2024"], ["2024-02-01 10:00:00"], ["1.2.2024"]]
)
def test_dates(put, values):
    source = open_source(put("d,y\n" + "".join(f"{v},1\n" for v in values * 3)))
    assert source.field("d").kind is Kind.DATE
    with pytest.raises(ColumnError, match="dates"):
        all_numbers(source)
    assert all_text(source, "d")[: len(values)] == values


def test_text_columns_keep_words_that_numbers_lose(put):
    source = open_source(put("g,y\nNA,1\nNone,2\nsome,3\n?,4\n,5\n"))
    assert all_text(source, "g") == [None, "None", "some", "?", None]
    assert any("`NA` read as missing and `None` kept as a level" in note for note in source.notes)


def test_levels_that_differ_by_case_or_blanks_are_said(put):
    notes = open_source(put("g,y\nRed,1\nred,2\n red,3\nblue,4\n")).notes
    assert any("`Red`, `red` and ` red`" in note and "blue" not in note for note in notes)


def test_zero_padded_and_very_large_numbers_are_said_and_kept(put, tmp_path):
    path = put("id,big,y\n000097,9999999999999999999999997,1\n000120,9007199254740993,2\n")
    source = open_source(path)
    assert [source.field(n).note for n in ("id", "big")] == ["zero-padded codes", "beyond 2**53"]
    assert any("`id`" in n and "identifiers" in n for n in source.notes)
    assert any("`big`" in n and "precision" in n for n in source.notes)
    np.testing.assert_array_equal(all_numbers(source, ["id"])[:, 0], [97, 120])
    assert all_text(open_source(path, text=["id"]), "id") == ["000097", "000120"]
    write_with(source, tmp_path / "o.csv", lambda b: {"twice": b.numbers(["id"])[:, 0] * 2})
    assert (tmp_path / "o.csv").read_text().splitlines()[1] == '"000097","9999999999999999999999997",1,194'


def test_thousands(put):
    source = open_source(put('x,y\n"-3,000",1\n"1,234,567.5",2\n0,3\n'))
    np.testing.assert_array_equal(all_numbers(source, ["x"])[:, 0], [-3000, 1234567.5, 0])
    assert any("thousands" in note for note in source.notes)


def test_a_column_empty_at_the_start_is_settled_further_on(put, monkeypatch):
    monkeypatch.setattr(text_of_files, "BLOCK", 1000)
    monkeypatch.setattr(delimited, "BLOCK", 1000)
    source = open_source(put("x,e,z,y\n" + "1,,,1\n" * 2000 + "1,,q,1\n" + "1,,,1\n" * 500 + "1,,,1\n"))
    assert kinds(source) == {"x": Kind.NUMBER, "e": Kind.EMPTY, "z": Kind.TEXT, "y": Kind.NUMBER}
    assert np.isnan(all_numbers(source, ["e"])).all()
    assert all_text(source, "e")[:2] == [None, None]


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
    monkeypatch.setattr(dialect, "HEAD", 1000)
    with pytest.raises(FileError, match="NUL byte in line 5002"):
        list(open_source(put(f"x,y,g\n{rows}1,\0,3\n")).batches())
    with pytest.raises(FileError, match="not UTF-8"):
        list(open_source(put(f"x,y,g\n{rows}1,2,".encode() + b"\xff\n")).batches())
    with pytest.raises(FileError, match="quotation mark"):
        list(open_source(put(f'x,y,g\n{rows}1,2,"{"a" * 5000}\n')).batches())


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


# --- places --------------------------------------------------------------------------------------------------------------


def test_paths_that_lead_nowhere(put, tmp_path):
    put("x\n1\n", "cars.csv")
    with pytest.raises(FileError, match=r"did you mean `cars.csv`\?"):
        open_source(tmp_path / "card.csv")
    with pytest.raises(FileError, match="directory"):
        open_source(tmp_path)
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
        open_source(tmp_path / name for name in ("p1.csv", "p4.csv"))
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


# --- typed files and frames ----------------------------------------------------------------------------------------------

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


def test_frames_that_are_refused():
    with pytest.raises(ColumnError, match="MultiIndex"):
        open_source(pd.DataFrame(np.ones((2, 2)), columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])))
    with pytest.raises(ColumnError, match="`a`"):
        open_source(pd.DataFrame(np.ones((2, 2)), columns=["a", "a"]))
    with pytest.raises(ColumnError, match="`m`"):
        open_source(pd.DataFrame({"m": [1, "a", 2.5]}))
    with pytest.raises(DataError, match="no rows"):
        open_source(pd.DataFrame({"x": []}))
    with pytest.raises(DataError, match="not a table"):
        open_source(object())


# --- arrays --------------------------------------------------------------------------------------------------------------


def test_a_matrix_is_not_copied():
    X = np.random.default_rng(0).normal(size=(1000, 10))
    y = X[:, 0].copy()
    X.setflags(write=False)
    source = open_source((X, y))
    assert source.target == ("y",)
    assert source.names == (*(f"x{j}" for j in range(10)), "y")
    for batch in source.batches(size=300):
        block = batch.numbers(source.names[:10])
        assert block.data_ptr() == X.ctypes.data + batch.start * X.strides[0]
        np.testing.assert_array_equal(block, X[batch.start : batch.start + batch.rows])
    np.testing.assert_array_equal(all_numbers(source, ["y", "x3", "x1"]), np.stack([y, X[:, 3], X[:, 1]], 1))
    assert batch.where(0) == "row 901"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.uint16, np.uint64, bool, ">f8", np.longdouble, object])
def test_every_number_type_of_numpy(dtype):
    X = np.array([[1, 0], [0, 1], [1, 1]]).astype(dtype)
    np.testing.assert_array_equal(all_numbers(open_source((X, X[:, 0]))), [[1, 0, 1], [0, 1, 0], [1, 1, 1]])
    np.testing.assert_array_equal(all_numbers(open_source({"a": X[::-1, 1]}))[:, 0], [1, 1, 0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.bool])
def test_tensors(dtype):
    X = torch.tensor([[1, 0], [0, 1]]).to(dtype)
    if dtype.is_floating_point:
        X.requires_grad_()
    source = open_source((X, X[:, 0]))
    assert not next(iter(source.batches())).numbers(source.names).requires_grad
    np.testing.assert_array_equal(all_numbers(source), [[1, 0, 1], [0, 1, 0]])
    assert all_text(source, "x0") == (["True", "False"] if dtype is torch.bool else ["1", "0"])


def test_masked_cells_are_missing():
    X = np.ma.masked_equal(np.array([[1, 2], [3, 4]]), 3)
    np.testing.assert_array_equal(all_numbers(open_source(X)), [[1, 2], [np.nan, 4]])
    np.testing.assert_array_equal(all_numbers(open_source({"a": X[:, 0]}))[:, 0], [1, np.nan])


def test_names_of_pairs():
    X, y = np.ones((3, 2)), np.zeros((3, 2))
    assert open_source((X, y)).target == ("y0", "y1")
    assert open_source((X, y[:, :1])).target == ("y",)
    assert open_source(([[1, 2], [3, 4]], [1, 2])).names == ("x0", "x1", "y")
    assert open_source(([1, 2], torch.ones(2))).names == ("x0", "y")
    frame = pd.DataFrame({"a": [1, 2, 3]})
    assert open_source((frame, pd.Series([1, 2, 3], name="t"))).target == ("t",)
    assert open_source((frame, pl.Series([1, 2, 3]))).target == ("y",)
    assert open_source((pl.from_pandas(frame), frame.rename(columns={"a": "t"}))).names == ("a", "t")
    assert open_source(np.ones((2, 3))).names == ("x0", "x1", "x2")
    assert open_source(torch.ones(2)).target is None


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (np.array([["a", "b"]] * 5, object), ColumnError, "`a` at row 1"),
        (np.array([["a", "b"]] * 5), ColumnError, "text"),
        (np.ones((4, 2, 2)), ShapeError, "shape"),
        ((np.ones((5, 2)), np.ones(4)), ShapeError, "5 rows but y has 4"),
        (np.empty((5, 0)), ShapeError, "no columns"),
        (np.empty((0, 2)), DataError, "no rows"),
        ({"a": [1, 2], "b": [1]}, ShapeError, "differ"),
        ({}, ShapeError, "no columns"),
        ([[1, 2], [3]], ShapeError, "differ in length"),
        ((1, 2, 3), ShapeError, "pair"),
        (np.ones((2, 2), complex), ColumnError, "complex"),
        (torch.ones(2, 2).to_sparse(), ShapeError, "sparse"),
        (None, DataError, "not a table"),
        ([], DataError, "empty"),
        ({"a": np.ones((2, 2))}, ShapeError, "one-dimensional"),
        ({"a": [[1], [2]], "b": [{"k": 1}, 2]}, ColumnError, "`b`"),
    ],
)
def test_arrays_that_are_refused(data, error, says):
    with pytest.raises(error, match=says):
        open_source(data)


def test_dict_of_anything():
    data = {"a": [1, 2, None], "b": np.array(["x", "y", "x"]), "c": torch.tensor([1.0, 2.0, 3.0]), "d": ["p", None, "q"]}
    data["e"] = np.array(["2024-01-01", "2024-01-02", "NaT"], "M8[D]")
    source = open_source(data, extra={"w": np.arange(3)})
    assert source.names == ("a", "b", "c", "d", "e", "w")
    assert kinds(source)["e"] is Kind.DATE
    np.testing.assert_array_equal(all_numbers(source, ["w", "a", "c"]), [[0, 1, 1], [1, 2, 2], [2, np.nan, 3]])
    assert all_text(source, "d") == ["p", None, "q"]


def test_extra_is_refused_beside_files(put):
    with pytest.raises(OptionError, match="`w`"):
        open_source(put("x\n1\n"), extra={"w": [1]})


@QUICK
@given(st.lists(st.one_of(st.none(), st.integers(-(2**60), 2**60), floats), min_size=1), st.integers(1, 5))
def test_labels_of_numbers_are_the_same_in_every_container(values, size):
    x = np.array([math.nan if v is None else float(v) for v in values])
    expected = [None if math.isnan(v) else str(v + 0.0).removesuffix(".0") for v in x]
    for data in ({"x": x}, {"x": torch.tensor(x)}, pa.table({"x": x}), pl.DataFrame({"x": x})):
        assert all_text(open_source(data), "x", size) == expected


# --- the contract --------------------------------------------------------------------------------------------------------


def test_unknown_columns_are_refused_with_near_names(put):
    source = open_source(put("weight,y\n1,2\n"))
    for ask in (lambda: source.field("wieght"), lambda: source.batches(["wieght"])):
        with pytest.raises(ColumnError, match="did you mean `weight`"):
            ask()
    with pytest.raises(ColumnError, match="weight"):
        next(iter(source.batches(["y"]))).numbers(["weight"])


def test_only_named_columns_are_decoded(put):
    source = open_source(put("x,y\n" + "1,2\n" * 20 + "oops,3\n"))
    assert all_numbers(source, ["y"])[-1, 0] == 3


# --- writing -------------------------------------------------------------------------------------------------------------


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
    assert (tmp_path / "o.csv").read_text() == '"g","x","na""me"\n"=1+1",0.1,1\n"a""b",1e+300,1\n'


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


def test_read_table(put):
    table = read_table(put("x,g,b\n1,a,True\nNA,NA,False\n"))
    assert table.to_pydict() == {"x": [1.0, None], "g": ["a", None], "b": [True, False]}


def test_no_warning_is_raised_by_read_only_memory():
    X = np.ones((3, 2))
    X.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_source(X)
