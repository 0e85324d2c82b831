"""Packed files: unpacked as they are read, refused in one sentence where they are damaged or are something else."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
import pytest

from bestline.data.tables import delimited, open_source
from bestline.data.tables.text import stream as text_of_files
from bestline.errors import DataError, FileError
from data.tables.examples import all_numbers, all_text

ROWS = 20_000
TEXT = ("x,g\n" + "".join(f"{i},{'äb'[i % 2]}\n" for i in range(ROWS))).encode()


def zipped(content: bytes, name: str = "t.csv", **more: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
        for other, text in more.items():
            archive.writestr(other, text)
    return out.getvalue()


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstandard": zstd,
    "zip": zipped,
}


@pytest.mark.parametrize("form", PACKERS)
@pytest.mark.parametrize("block", [3_000, None])
def test_packed_text_is_read_as_text(put, monkeypatch, form, block):
    if block:
        monkeypatch.setattr(text_of_files, "BLOCK", block)
        monkeypatch.setattr(delimited, "BLOCK", block)
    source = open_source(put(PACKERS[form](TEXT), "t.csv"))
    np.testing.assert_array_equal(all_numbers(source, ["x"])[:, 0], np.arange(ROWS))
    assert all_text(source, "g")[:4] == ["ä", "b", "ä", "b"]
    assert next(iter(source.batches())).where(1) == "row 2 (line 3 of t.csv)"


@pytest.mark.parametrize("form", ["gzip", "bzip2", "xz", "zstandard"])
def test_streams_one_after_the_other_are_one_file(put, form):
    middle = TEXT.index(b"\n", len(TEXT) // 2) - 3
    packed = PACKERS[form](TEXT[:middle]) + PACKERS[form](TEXT[middle:])
    np.testing.assert_array_equal(all_numbers(open_source(put(packed)), ["x"])[:, 0], np.arange(ROWS))


@pytest.mark.parametrize("form", PACKERS)
def test_what_is_cut_off_or_damaged_is_said_in_one_sentence(put, form):
    packed = PACKERS[form](TEXT)
    damaged = packed[:300] + b"\xff\0\xa5" * 9 + packed[327:]
    # zstandard has no checksum unless asked for one: there a damaged word is what is met.
    for broken in (packed[:-20], packed[: len(packed) // 2], packed[:12], *([damaged] if form != "zstandard" else [])):
        with pytest.raises(FileError, match=r"truncated|damaged|not a") as caught:
            all_numbers(open_source(put(broken)), ["x"])
        assert "\n" not in str(caught.value)


def test_bombs_stay_within_their_memory(tmp_path):
    # 200 MB from a file of some kB: the process may hold some blocks of it, never the whole.
    content = b"x,y\n" + (b"1," + b"a" * 40_000 + b"\n") * 5_000
    for form, pack in PACKERS.items():
        (tmp_path / form).write_bytes(pack(content))
    program = (
        "import resource, sys\n"
        "from bestline.data.tables import open_source\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for path in sys.argv[1:]:\n"
        "    print(sum(batch.rows for batch in open_source(path).batches(['x'])))\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    files = [str(tmp_path / form) for form in PACKERS]
    done = subprocess.run([sys.executable, "-c", program, *files], capture_output=True, text=True, check=True)
    *rows, megabytes = map(int, done.stdout.split())
    assert rows == [5_000] * len(PACKERS)
    assert megabytes < 150


def test_xz_that_asks_for_much_memory_is_refused(put, monkeypatch):
    from bestline.data.tables import packed

    monkeypatch.setattr(packed, "_MEMORY", 1 << 20)
    with pytest.raises(FileError, match="memory to unpack"):
        open_source(put(lzma.compress(TEXT)))


def test_archives_of_several_files(put):
    path = put(
        zipped(b"x,y\n1,2\n", "a.csv", **{"b.csv": b"x,y\n3,4\n", "__MACOSX/._a.csv": b"?", ".DS_Store": b"?"}), "parts.zip"
    )
    with pytest.raises(FileError, match=r"several files: `a.csv` and `b.csv`; name one, as `.*parts.zip/a.csv`"):
        open_source(path)
    np.testing.assert_array_equal(all_numbers(open_source(f"{path}/b.csv")), [[3, 4]])
    np.testing.assert_array_equal(all_numbers(open_source([f"{path}/a.csv", f"{path}/b.csv"])), [[1, 2], [3, 4]])
    with pytest.raises(FileError, match=r"not in the archive, which holds `a.csv` and `b.csv`"):
        open_source(f"{path}/c.csv")
    with pytest.raises(FileError, match="holds no files"):
        open_source(put(b"PK\x05\x06" + bytes(18), "none.zip"))
    np.testing.assert_array_equal(all_numbers(open_source(put(zipped(b"x\ty\n1\t2,5\n", "a.tsv"), "t.zip"))), [[1, 2.5]])


def test_a_locked_archive(put, tmp_path):
    raw = bytearray(zipped(TEXT))
    # The first bit of the flags, in the file's own header and in the directory: encrypted.
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        raw[raw.index(mark) + (6 if mark[2] == 3 else 8)] |= 1
    with pytest.raises(FileError, match="locked with a password"):
        open_source(put(bytes(raw)))


def tarred(content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("t.csv")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def written(write: Callable[[str], object], path: Path) -> bytes:
    write(str(path))
    return path.read_bytes()


def database(path: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table t (x)")
    connection.close()


def array(path: str) -> None:
    with Path(path).open("wb") as file:
        np.save(file, np.ones((2, 2)))


FRAME = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]})
FOREIGN: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "xlsx": (lambda _: zipped(b"<a/>", "[Content_Types].xml", **{"xl/workbook.xml": b"<a/>"}), r"Excel workbook.*read_excel"),
    "ods": (lambda _: zipped(b"application/vnd.oasis", "mimetype", **{"content.xml": b"<a/>"}), r"OpenDocument.*read_excel"),
    "docx": (lambda _: zipped(b"<a/>", "word/document.xml"), "text document"),
    "xls": (lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), r"old Excel.*read_excel"),
    "sqlite": (lambda p: written(database, p), r"SQLite.*sqlite3 -header -csv"),
    "json": (lambda _: b'[{"x": 1, "y": 2}]', r"JSON.*read_json"),
    "json object": (lambda _: b'\n{"x": [1, 2]}', r"JSON.*read_json"),
    "json lines": (lambda _: b'{"x": 1}\n{"x": 2}\n', r"JSON, one object a line.*lines=True"),
    "html": (lambda _: b"\n<!doctype HTML><html>", r"web page.*read_html"),
    "xml": (lambda _: b'<?xml version="1.0"?><a/>', r"XML.*read_xml"),
    "pdf": (lambda _: b"%PDF-1.7\n", "PDF"),
    "stata": (lambda p: written(FRAME.to_stata, p), r"Stata.*read_stata"),
    "stata old": (lambda p: written(lambda q: FRAME.to_stata(q, version=114), p), r"Stata.*read_stata"),
    "sas": (
        lambda _: bytes(12) + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011") + bytes(400),
        r"SAS file.*read_sas",
    ),
    "spss": (lambda _: b"$FL2@(#) SPSS DATA FILE" + bytes(200), r"SPSS.*read_spss"),
    "rds": (lambda _: gzip.compress(b"X\n\0\0\0\x03\0\x04" + bytes(60)), r"R's objects.*Rscript -e.*readRDS"),
    "rdata": (lambda _: gzip.compress(b"RDX3\nX\n\0\0\0\x03" + bytes(60)), r"R's objects.*Rscript"),
    "pickle": (lambda _: pickle.dumps(FRAME), r"pickle.*never loaded"),
    "npy": (lambda p: written(array, p), r"NumPy file.*numpy.load"),
    "npz": (lambda _: zipped(b"\x93NUMPY", "a.npy"), r"NumPy arrays.*numpy.load"),
    "hdf5": (lambda _: b"\x89HDF\r\n\x1a\n" + bytes(60), r"HDF5.*read_hdf"),
    "orc": (lambda p: written(lambda q: pyarrow.orc.write_table(pa.table({"x": [1, 2]}), q), p), r"ORC.*read_orc"),
    "avro": (lambda _: b"Obj\x01\x04\x16avro.codec", r"Avro.*duckdb"),
    "feather 1": (lambda _: b"FEA1" + bytes(50), r"old version 1.*read_feather"),
    "torch": (lambda _: zipped(b"x", "archive/data.pkl"), r"PyTorch"),
    "tar": (lambda _: tarred(TEXT), "tar archive"),
    "tar.gz": (lambda _: gzip.compress(tarred(TEXT)), "holds a tar archive"),
    "tar.xz": (lambda _: lzma.compress(tarred(TEXT)), "holds a tar archive"),
    "tar.bz2": (lambda _: bz2.compress(tarred(TEXT)), "holds a tar archive"),
    "tar.zst": (lambda _: zstd(tarred(TEXT)), "holds a tar archive"),
    "json.gz": (lambda _: gzip.compress(b'[{"x": 1}]'), r"holds JSON"),
    "csv.gz.gz": (lambda _: gzip.compress(gzip.compress(TEXT)), "packed twice"),
    "parquet.zip": (
        lambda p: zipped(written(lambda q: pq.write_table(pa.table({"x": [1]}), q), p), "t.parquet"),
        "packed Parquet",
    ),
    "lz4": (lambda _: b"\x04\x22\x4d\x18" + bytes(20), "lz4"),
    "7z": (lambda _: b"7z\xbc\xaf\x27\x1c" + bytes(20), "7z"),
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("name", ["t.csv", "t.dat"])
def test_what_is_no_table_here_is_named_with_what_to_do(put, tmp_path, kind, name):
    make, says = FOREIGN[kind]
    with pytest.raises(FileError, match=says) as caught:
        open_source(put(make(tmp_path / "made"), name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["it's a table.json", "table.csv", "a.b.c"])
def test_the_line_that_converts_converts(put, tmp_path, name):
    path = put(b'[{"x": 1, "y": 2}, {"x": 3, "y": 4}]', name)
    with pytest.raises(FileError) as caught:
        open_source(path)
    line = str(caught.value).split("convert it once: ", 1)[1].removesuffix(".")
    subprocess.run(line.replace("python ", f"{sys.executable} ", 1), shell=True, check=True)  # noqa: S602
    (made,) = (found for found in tmp_path.iterdir() if found != Path(path))
    assert all_numbers(open_source(made)).tolist() == [[1, 2], [3, 4]]
    assert Path(path).read_bytes().startswith(b"[{")


@pytest.mark.parametrize("header", ["ORCHID", "BZh9", "PK", "GIF", "Obj", "DUCK", "{a}", "[a]", "<5", "RDX", "$FL", "X", "%PD"])
def test_header_lines_that_look_a_little_like_other_formats(put, header):
    assert open_source(put(f"{header},y\n1,2\n")).names == (header, "y")


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst", "zip", "parquet", "json"])
def test_a_name_that_claims_what_the_file_is_not(put, suffix):
    with pytest.raises(DataError, match=r"is not a|JSON"):
        open_source(put("x,y\n1,2\n", f"t.{suffix}"))
