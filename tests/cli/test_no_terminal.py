"""No terminal, a tiny one, closed streams: the same table, or one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROWS = "x,y,g\n" + "".join(f"{i % 7},{2 * i % 11},{'ab'[i % 2]}\n" for i in range(30))


def bestline(folder: Path, *arguments: str, closed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a shell that closes streams before, as `<&-` does."""
    (folder / "d.csv").write_text(ROWS)
    words = [sys.executable, "-m", "bestline", *arguments]
    env = {**os.environ, **environment}
    return subprocess.run(
        ["/bin/sh", "-c", f'"$@" {closed}', "sh", *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_a_closed_stream_that_is_not_needed_is_not_missed(tmp_path: Path, closed: str) -> None:
    found = bestline(tmp_path, "fit", "d.csv", "y ~ x", closed=closed)
    assert found.returncode == 0
    assert "Held-out error" in found.stdout
    assert found.stderr == ""


def test_a_closed_standard_input_is_no_terminal(tmp_path: Path) -> None:
    found = bestline(tmp_path, "fit", "-", "y ~ x", closed="<&-")
    assert found.returncode == 1
    assert found.stderr == (
        "bestline: Standard input is closed, so it holds no table; pipe one into it, or give the path of a file.\n"
    )


def test_the_size_and_the_kind_of_a_terminal_change_no_number(tmp_path: Path) -> None:
    plain = bestline(tmp_path, "fit", "d.csv", "y ~ x + g")
    for environment in ({"COLUMNS": "20", "TERM": "dumb"}, {"COLUMNS": "0"}, {"COLUMNS": "wide"}):
        found = bestline(tmp_path, "fit", "d.csv", "y ~ x + g", **environment)
        assert (found.returncode, found.stderr) == (0, "")
        assert found.stdout.split() == plain.stdout.split()
