"""Folders of parts, what their names say, and standard input."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bestline as bl
from bestline.data.tables import Kind, open_source
from bestline.data.tables.standard_input import standard_input
from bestline.errors import ColumnError, FileError
from data.tables.examples import all_numbers, all_text


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def parts(folder: Path) -> Path:
    write(folder / "b.csv", "x,y\n3,4\n")
    write(folder / "a.csv", "x,y\n1,2\n")
    for name in ("_SUCCESS", ".a.csv.crc", "_temporary/0/part.csv", ".hidden/c.csv"):
        write(folder / name, "no data")
    return folder


@pytest.mark.parametrize("how", ["folder", "folder/", "glob", "glob of folders", "path", "list"])
def test_a_folder_of_parts_is_one_table(tmp_path, how):
    folder = parts(tmp_path / "parts")
    data = {
        "folder": str(folder),
        "folder/": f"{folder}/",
        "glob": f"{folder}/*",
        "glob of folders": f"{tmp_path}/part*",
        "path": folder,
        "list": [folder],
    }[how]
    np.testing.assert_array_equal(all_numbers(open_source(data)), [[1, 2], [3, 4]])


def test_a_table_that_is_left_out_for_its_name_is_said(tmp_path):
    folder = parts(tmp_path / "parts")
    write(folder / "_old.csv", "x,y\n9,9\n")
    for data in (folder, f"{folder}/*.csv"):
        source = open_source(data)
        assert len(all_numbers(source)) == 2
        assert [note for note in source.notes if "`_old.csv`" in note]
    assert all_numbers(open_source(f"{folder}/_old*.csv")).tolist() == [[9, 9]]
    assert all_numbers(open_source(folder / "_old.csv")).tolist() == [[9, 9]]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "csv.gz"])
def test_names_of_folders_are_columns(tmp_path, suffix):
    for year, place, x in ((2020, "New%20York", 1.0), (2021, "__HIVE_DEFAULT_PARTITION__", 2.0), (2020, "a%3Db", 3.0)):
        home = tmp_path / f"year={year}" / f"place={place}"
        home.mkdir(parents=True)
        if suffix == "parquet":
            pq.write_table(pa.table({"x": [x, x], "w": ["k", "l"]}), home / "part.parquet")
        else:
            text = f"x,w\n{x},k\n{x},l\n".encode()
            (home / f"part.{suffix}").write_bytes(gzip.compress(text) if suffix == "csv.gz" else text)
    for data in (tmp_path, f"{tmp_path}/*/*/*", f"{tmp_path}/**/*.{suffix}", f"{tmp_path}/year=*"):
        source = open_source(data)
        assert set(source.names) == {"x", "w", "year", "place"}
        assert source.field("year").kind is Kind.NUMBER
        np.testing.assert_array_equal(all_numbers(source, ["year", "x"]), np.repeat([[2020, 1], [2020, 3], [2021, 2]], 2, 0))
        assert all_text(source, "place") == ["New York"] * 2 + ["a=b"] * 2 + [None] * 2
        assert all_text(source, "w") == ["k", "l"] * 3
        # Nothing but what the folders say.
        assert len(all_numbers(source, ["year"])) == 6
    assert open_source(tmp_path, text=["year"]).field("year").kind is Kind.TEXT


def test_a_folder_without_a_key_gives_no_column(tmp_path):
    write(tmp_path / "=old" / "year=2020" / "a.csv", "x\n1\n2\n")
    assert open_source(tmp_path / "**" / "*.csv").names == ("x", "year")
    write(tmp_path / "b" / "=" / "a.csv", "x\n1\n2\n")
    assert open_source(tmp_path / "b" / "**" / "*.csv").names == ("x",)


def test_folders_that_do_not_agree_are_refused_by_file(tmp_path):
    write(tmp_path / "year=2020" / "a.csv", "x\n1\n")
    write(tmp_path / "b.csv", "x\n1\n")
    with pytest.raises(
        ColumnError, match=r"a\.csv` lies in folders that give `year`|b\.csv` lies in folders that give no columns"
    ):
        open_source(tmp_path)
    other = tmp_path / "other"
    write(other / "a.csv", "x,y\n1,2\n")
    write(other / "b.csv", "x,z\n1,2\n")
    with pytest.raises(ColumnError, match=r"b\.csv` lacks the column `y` and adds `z`"):
        open_source(other)


@pytest.mark.parametrize(
    ("book", "what"),
    [
        ("_delta_log/00000000000000000000.json", "Delta"),
        ("metadata/v1.metadata.json", "Iceberg"),
        ("metadata/00000-1a2b.metadata.json", "Iceberg"),
        (".hoodie/hoodie.properties", "Hudi"),
    ],
)
def test_tables_of_several_versions_are_refused(tmp_path, book, what):
    table = tmp_path / "lake" / "table"
    write(table / book, "{}")
    for name in ("data/part.parquet", "part.parquet", "year=2020/part.parquet"):
        (table / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"x": [1.0, 2.0], "y": [1.0, 2.0]}), table / name)
    lake = tmp_path / "lake"
    for data in (
        table,
        lake,
        f"{table}/*.parquet",
        f"{lake}/**/*.parquet",
        f"{lake}/*",
        f"{table}/year=*/*",
        table / "year=2020",
    ):
        with pytest.raises(FileError, match=rf"{what} table .*removed") as caught:
            open_source(data)
        assert "\n" not in str(caught.value)
    # One file by its own name is that file.
    assert len(all_numbers(open_source(table / "part.parquet"))) == 2
    system = f"memory://{tmp_path.name}{what}{len(book)}"
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    for path in table.rglob("*"):
        if path.is_file():
            files.pipe(f"{system}/{path.relative_to(table)}", path.read_bytes())
    for data in (system, f"{system}/*.parquet"):
        with pytest.raises(FileError, match=f"{what} table"):
            open_source(data)


def test_a_remote_folder():
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    files.pipe("memory://parts/year=2020/a.csv", b"x,y\n1,2\n")
    files.pipe("memory://parts/year=2021/a.csv", b"x,y\n3,4\n")
    files.pipe("memory://parts/_SUCCESS", b"")
    np.testing.assert_array_equal(all_numbers(open_source("memory://parts"), ["x", "year"]), [[1, 2020], [3, 2021]])


# --- standard input ------------------------------------------------------------------------------------------------------


def command(*arguments: str, given: bytes, **more: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **more}
    return subprocess.run(
        [sys.executable, "-m", "bestline", *arguments], input=given, capture_output=True, check=False, env=environment
    )


TABLE = b"x,y\n" + b"".join(f"{i},{2 * i + 1}\n".encode() for i in range(30))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_table_is_piped_in(tmp_path, pack):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = command("fit", "-", "y ~ x", "-o", str(tmp_path / "m.bestline"), "--json", given=pack(TABLE), TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    assert b'"x": 2.0' in done.stdout
    said = command("predict", str(tmp_path / "m.bestline"), "-", given=pack(b"x\n5\n"), TMPDIR=str(temporary))
    assert said.stdout.split()[-1] == b"5,11"
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(
    ("given", "says"), [(b"", b"standard input` has no rows"), (b"x,y\n1\n", b"standard input` has 1 cells")]
)
def test_what_is_wrong_with_standard_input_is_said(given, says):
    done = command("fit", "-", "y ~ x", given=given)
    assert done.returncode == 1
    assert says in done.stderr
    assert b"Traceback" not in done.stderr


class Endless(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        buffer[:] = b"1,2\n" * (len(buffer) // 4) + b"\n" * (len(buffer) % 4)
        return len(buffer)


def test_standard_input_without_end_is_stopped(monkeypatch, tmp_path):
    from bestline.data.tables import standard_input as module

    monkeypatch.setattr(module, "_MOST", 10_000_000)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Endless())))
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    standard_input.cache_clear()
    with pytest.raises(FileError, match=r"longer than the 10\.000 MB that may be kept"):
        bl.fit("-", "y ~ x")
    assert not list(tmp_path.iterdir())


def test_a_link_to_nothing_says_where_it_leads(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "parts" / "b.csv").symlink_to("gone.csv")
    with pytest.raises(FileError, match=r"b\.csv` does not exist; it is a link to `gone\.csv`, which is not there"):
        open_source(tmp_path / "parts")


@pytest.mark.parametrize(("year", "kind"), [("NA", Kind.NUMBER), ("north", Kind.TEXT)])
def test_a_missing_words_meaning_depends_on_what_the_other_folders_say(tmp_path, year, kind):
    """Beside numbers NA is a gap; beside words it is a level as it stands, for it may be Namibia."""
    for one, x in ((year, 1), ("NA", 2), ("2020" if kind is Kind.NUMBER else "south", 3)):
        write(tmp_path / f"year={one}" / f"{x}.csv", f"x\n{x}\n{x}\n")
    source = open_source(tmp_path)
    assert source.field("year").kind is kind
    if kind is Kind.NUMBER:
        np.testing.assert_array_equal(np.isnan(all_numbers(source, ["year"])[:, 0]).sum(), 4)
    else:
        assert sorted(all_text(source, "year")) == ["NA"] * 2 + ["north"] * 2 + ["south"] * 2
