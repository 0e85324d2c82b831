"""Pipes and devices as outputs: what is written goes straight through, once all of it is there."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

import bestline as bl
from bestline.errors import DataError
from bestline.files import fresh, is_stream

Run = Callable[..., SimpleNamespace]


@pytest.fixture
def model(run: Run, table: Path) -> Path:
    assert run("fit", table, "y ~ x1", "-o", "m.bestline", "--quiet").status == 0
    return Path("m.bestline")


def read_from(pipe: Path) -> tuple[threading.Thread, list[bytes]]:
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    return reader, found


def test_a_named_pipe_gets_the_whole_file(run: Run, table: Path, model: Path) -> None:
    os.mkfifo("p.csv")
    reader, found = read_from(Path("p.csv"))
    assert run("predict", model, table, "-o", "p.csv").status == 0
    reader.join(10)
    Path("copy.csv").write_bytes(found[0])
    assert run("predict", model, table, "-o", "file.csv").status == 0
    assert Path("copy.csv").read_text() == Path("file.csv").read_text()
    assert is_stream("p.csv")


def test_a_model_goes_through_a_pipe(run: Run, table: Path, model: Path) -> None:
    os.mkfifo("pipe")
    reader, found = read_from(Path("pipe"))
    assert run("fit", table, "y ~ x1", "-o", "pipe", "--quiet").status == 0
    reader.join(10)
    Path("copy.bestline").write_bytes(found[0])
    assert bl.load("copy.bestline").coef.equals(bl.load(model).coef)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_pipe_of_a_shell(run: Run, table: Path, model: Path) -> None:
    command = f"{sys.executable} -m bestline predict {model} {table} -o >(gzip > p.csv.gz) --quiet && sleep 0.2"
    subprocess.run(["bash", "-c", f"set -e; {command}; wait"], check=True, timeout=120)
    with gzip.open("p.csv.gz") as file:
        assert len(pd.read_csv(file)) == 80


def test_devices(run: Run, table: Path, model: Path) -> None:
    assert run("predict", model, table, "-o", os.devnull).status == 0
    assert run("fit", table, "y ~ x1", "-o", os.devnull).status == 0
    full = run("fit", table, "y ~ x1", "-o", "/dev/full")
    assert full.status == 1
    assert "`/dev/full` cannot be written: No space left on device." in full.err
    assert "Training error" in full.out


def test_a_stream_that_a_shell_opened_keeps_what_it_has(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        file.write(b"before\n")
        file.flush()
        with fresh(f"/dev/fd/{file.fileno()}") as temporary:
            temporary.write_bytes(b"ours\n")
    assert (tmp_path / "log").read_bytes() == b"before\nours\n"


def test_nothing_goes_through_where_the_block_fails(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:

        def half() -> None:
            with fresh(f"/dev/fd/{file.fileno()}") as temporary:
                temporary.write_bytes(b"half")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            half()
        assert (tmp_path / "log").read_bytes() == b""


@pytest.mark.parametrize("closed", ["/dev/fd/987", "/proc/self/fd/987"])
def test_a_stream_that_is_not_open_is_refused(closed: str) -> None:
    with pytest.raises(DataError, match="no pipe that is open"), fresh(closed):
        pass


def test_quiet_leaves_the_result_itself(run: Run, table: Path, model: Path) -> None:
    assert len(run("predict", model, table, "--quiet").out.splitlines()) == 81
    assert run("predict", model, table, "--quiet").err == ""
    assert run("predict", model, table, "--quiet", "-o", "q.csv").out == ""
    assert "SELECT" in run("export", model, "--to", "sql", "--quiet").out
    for command in ("predict", "export"):
        assert "the result itself where no --out takes it" in " ".join(run(command, "--help").out.split())
    assert run("evaluate", model, table, "--quiet").out == run("evaluate", model, table, "--quiet").err == ""
