"""Predictions as files: as many rows as there were, in their order, and gaps where nothing was predicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cli.sessions import Run

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_all_batches_are_written_and_counted(run: Run, tmp_path: Path, suffix: str) -> None:
    n = 140_000  # more than two batches
    x = np.arange(n) * 0.5
    pd.DataFrame({"x": x, "y": 2 * x + 1}).to_parquet(tmp_path / "t.parquet")
    assert run("fit", "t.parquet", "y ~ x", "-o", "m.bestline").status == 0
    done = run("predict", "m.bestline", "t.parquet", "-o", f"p.{suffix}", "--json")
    assert done.status == 0, done.err
    assert done.facts["rows"] == n
    found = pd.read_csv("p.csv") if suffix == "csv" else pd.read_parquet("p.parquet")
    assert len(found) == n
    np.testing.assert_allclose(found["prediction"], 2 * x + 1, rtol=1e-9)
    np.testing.assert_array_equal(found["x"], x)


def test_what_cannot_be_predicted_is_an_empty_cell(run: Run, tmp_path: Path) -> None:
    pd.DataFrame({"x": np.arange(20.0), "y": np.arange(20.0) ** 2}).to_csv(tmp_path / "t.csv", index=False)
    assert run("fit", "t.csv", "y ~ x", "--missing", "drop", "-o", "m.bestline").status == 0
    (tmp_path / "new.csv").write_text("x,label\n1,a\n,b\n3,c\n")
    how = ("predict", "m.bestline", "new.csv", "--interval", "prediction")
    assert run(*how, "-o", "p.csv").status == 0
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert lines[2].endswith(",,,")
    assert all(cell for cell in lines[1].split(",")[2:])
    assert run(*how, "-o", "p.parquet").status == 0
    column = pq.read_table("p.parquet")["prediction"]
    assert column.null_count == 1
    assert column.to_pylist()[1] is None
    told = run(*how, "--json").facts
    assert told["prediction"][1] is None
    assert told["pred_low"][1] is None
    assert run(*how, "--quiet").out.splitlines()[2].endswith(",,,")


def test_a_column_that_the_line_does_not_need_may_hold_anything(run: Run) -> None:
    Path("t.csv").write_text("x,y,weight\n1,2,70 kg\n2,4.1,80 kg\n3,6,90 kg\n4,7.9,NA\n")
    assert run("fit", "t.csv", "y ~ x", "-o", "m.bestline").status == 0
    printed = run("predict", "m.bestline", "t.csv")
    assert printed.status == 0
    assert [line.split(",")[2] for line in printed.out.splitlines()] == ['"weight"', '"70 kg"', '"80 kg"', '"90 kg"', '"NA"']
    assert run("predict", "m.bestline", "t.csv", "-o", "p.parquet").status == 0
    assert pd.read_parquet("p.parquet").weight.tolist()[:3] == ["70 kg", "80 kg", "90 kg"]
