"""The command report."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.sessions import Run

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


def test_fit_and_report_write_a_page(run: Run, table: Path, tmp_path: Path) -> None:
    done = run("fit", table, "y ~ x1 + x2 + g", "-o", "m.bestline", "--report", "a.html")
    assert done.status == 0
    assert "goes with" in (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "m.bestline" in done.err
    assert run("report", "m.bestline", table, "-o", "b.html").status == 0
    again = (tmp_path / "b.html").read_text(encoding="utf-8")
    assert "bestline fit" in again
    assert "has no rows" not in again
    assert run("report", "m.bestline", table, "-o", "b.html").status == 1
    assert run("fit", table, "y ~ x1", "-o", "c.html", "--report", "c.html").status == 2
    assert run("fit", table, "y ~ x1", "--report", "c.txt").status == 2
    assert run("report", "m.bestline", "-o", "c.txt").status == 2
