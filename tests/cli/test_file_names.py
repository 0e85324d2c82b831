"""Files of any name that a file system allows are read and written; no name is taken for something else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ODD = [
    b"a b.csv",
    b"new\nline.csv",
    b"-dash.csv",
    b".dot.csv",
    "\u00fcmlaut.csv".encode(),
    b"caf\xe9.csv",
    b"l" * 200 + b".csv",
]
ODD += [
    b"100%.csv",
    b"a#b.csv",
    b"it's.csv",
    b'q"u.csv',
    b"[1-3].csv",
    b"y ~ x.csv",
    b"star*.csv",
    b"q?.csv",
    b"~tilde.csv",
    b"$HOME.csv",
]


@pytest.mark.parametrize("name", ODD)
def test_a_file_of_any_name_is_read_and_written(run, name, tmp_path):
    path = os.fsdecode(name)
    table = "x,g,y\n" + "".join(f"{i},{'ab'[i % 2]},{2 * i + i % 3}\n" for i in range(30))
    Path(path).write_text(table)
    given = f"./{path}" if path.startswith("-") else path
    line, out, lines = (f"{given}.{end}" for end in ("bestline", "out.csv", "by.csv"))
    assert not run("fit", given, "y ~ x + g", "-o", line, "--quiet").status
    assert not run("predict", line, given, "-o", out, "--quiet").status
    assert not run("fit", given, "y ~ x", "--by", "g", "-o", lines, "--quiet").status
    assert Path(out).read_text().count("\n") == 31
    assert Path(lines).exists()


def test_a_name_that_begins_with_a_tilde_is_no_formula_without_quotes_where_there_is_such_a_file(run):
    assert "Put the formula in quotes" in run("fit", "y", "~", "x").err
    assert "Put the formula in quotes" in run("fit", "y", str(Path.home()), "x").err
