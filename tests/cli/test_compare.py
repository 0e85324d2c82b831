"""The command compare: formulas by their held-out errors."""

from __future__ import annotations

from pathlib import Path

import pytest

import bestline as bl
from cli.sessions import Run

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


def test_formulas_are_compared_as_in_python(run: Run, table: Path) -> None:
    done = run("compare", table, "y ~ x1", "y ~ x1 + x2", "--folds", "4", "--json")
    assert done.status == 0, done.err
    expected = bl.compare(*(bl.fit(str(table), f, folds=4) for f in ("y ~ x1", "y ~ x1 + x2")), held_out=True)
    assert done.facts["lines"][1]["difference"] == pytest.approx(expected.lines[1].difference, rel=1e-9)
    assert done.facts["lines"][1]["std_error"] == pytest.approx(expected.lines[1].std_error, rel=1e-9)
    assert "4-fold" in run("compare", table, "y ~ x1", "y ~ x1 + x2", "--folds", "4").out
    assert run("compare", table, "y ~ x1").status == 2
