"""The command line with levels that no training row has: an empty cell and a warning, an error, or the average."""

from __future__ import annotations

from pathlib import Path

import pytest

TRAINED = "y,x,g\n1,1,a\n2,2,a\n3,3,a\n10,1,b\n11,2,b\n12,4,b\n50,,z\n"
NEW = "x,g,y\n1,z,9\n1,a,1\n"


@pytest.fixture
def model(run, tmp_path: Path) -> str:
    (tmp_path / "t.csv").write_text(TRAINED)
    (tmp_path / "new.csv").write_text(NEW)
    assert run("fit", "t.csv", "y ~ x + g", "--missing", "drop", "-o", "m.bestline").status == 0
    return "m.bestline"


def test_predict_leaves_the_cell_empty_and_names_the_level(run, model: str, tmp_path: Path) -> None:
    ran = run("predict", model, "new.csv", "-o", "out.csv")
    assert ran.status == 0
    assert "warning: The level `z` of `g` (1 row) stands in no training row; such a row has no prediction." in ran.err
    assert (tmp_path / "out.csv").read_text().splitlines()[1:] == ['1,"z",9,', '1,"a",1,1.25']
    told = run("predict", model, "new.csv", "--json")
    assert told.facts["prediction"] == [None, pytest.approx(1.25)]
    assert any("level `z` of `g`" in warning for warning in told.facts["warnings"])


def test_predict_can_refuse_and_average(run, model: str) -> None:
    refused = run("predict", model, "new.csv", "--on-unseen", "raise")
    assert refused.status == 1
    assert "the level `z` at row 1 (line 2 of new.csv)" in refused.err
    assert run("predict", model, "new.csv", "--on-unseen", "average", "--json").facts["prediction"] == [
        pytest.approx(5.625),
        pytest.approx(1.25),
    ]
    assert run("predict", model, "new.csv", "--on-unseen", "zero").status == 2


def test_evaluate_counts_what_it_leaves_out(run, model: str) -> None:
    ran = run("evaluate", model, "new.csv")
    assert "(1 row of new.csv, 1 left out for a level that training never saw)" in ran.out
    assert "level `z` of `g` (1 row)" in ran.err
    averaged = run("evaluate", model, "new.csv", "--on-unseen", "average", "--json").facts
    assert averaged["rows"] == 2
    assert run("evaluate", model, "new.csv", "--on-unseen", "raise").status == 1


def test_sql_names_no_level_that_no_training_row_has(run, model: str) -> None:
    sql = run("export", model, "--to", "sql").out
    assert "'a'" in sql
    assert "'z'" not in sql
