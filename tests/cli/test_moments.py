"""The command moments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from cli.sessions import Run

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


def test_moments_are_collected_added_subtracted_and_fitted(run: Run, table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table)
    frame[:30].to_csv(tmp_path / "a.csv", index=False)
    frame[30:].to_csv(tmp_path / "b.csv", index=False)
    for name in "ab":
        assert run("moments", "collect", f"{name}.csv", "y ~ x1 + x2", "-o", f"{name}.moments").status == 0
    whole = run("moments", "add", "a.moments", "b.moments", "-o", "ab.moments", "--json").facts
    assert whole["rows"] == 80
    assert whole["columns"]["x1"]["mean"] == pytest.approx(frame.x1.mean(), abs=1e-12)
    assert whole["columns"]["x1"]["sd"] == pytest.approx(frame.x1.std(ddof=0))
    assert whole["columns"]["x1"]["high"] == frame.x1.max()
    assert "counts twice" not in run("moments", "add", "b.moments", "a.moments", "-o", "ba.moments").err
    twice = run("moments", "add", "a.moments", "a.moments", "-o", "aa.moments")
    assert "a.moments and a.moments hold the same moments, so every row counts twice." in twice.err
    assert "60 rows" in twice.out
    (tmp_path / "copy.moments").write_bytes((tmp_path / "a.moments").read_bytes())
    assert "so every row counts twice" in run("moments", "add", "a.moments", "copy.moments", "-o", "cc.moments").err
    assert "counts twice" not in run("moments", "subtract", "a.moments", "copy.moments", "-o", "none.moments").err
    back = run("moments", "subtract", "ab.moments", "b.moments", "-o", "back.moments", "--json").facts
    assert back["rows"] == 30
    fitted = run("fit", "back.moments", "--json").facts
    np.testing.assert_allclose(fitted["coef"]["x1"], bl.fit(frame[:30], "y ~ x1 + x2").coef["x1"], rtol=1e-9)
    shown = run("moments", "show", "a.moments")
    assert "30 rows" in shown.out


def test_moments_refuse_other_endings_other_designs_and_what_exists(run: Run, table: Path) -> None:
    assert run("moments", "collect", table, "y ~ x1", "-o", "m.csv").status == 2
    assert run("moments", "collect", table, "y ~ x1", "-o", "m.moments").status == 0
    assert run("moments", "collect", table, "y ~ x1", "-o", "m.moments").status == 1
    assert run("moments", "collect", table, "y ~ x2", "-o", "n.moments").status == 0
    assert run("moments", "add", "m.moments", "n.moments", "-o", "o.moments").status == 1
    assert run("moments", "show", "nothing.moments").status == 1


def test_a_formula_of_an_ordinary_length_is_told_whole(run: Run, tmp_path: Path) -> None:
    names = [f"column_{j}" for j in range(8)]
    rows = "\n".join(",".join(str((i * (j + 2)) % 11) for j in range(9)) for i in range(30))
    (tmp_path / "t.csv").write_text(",".join([*names, "y"]) + "\n" + rows + "\n")
    told = run("moments", "collect", "t.csv", "--target", "y", "-o", "t.moments").out
    assert told.splitlines()[0] == f"y ~ {' + '.join(names)}"
