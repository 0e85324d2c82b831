"""The command subsets: of a saved model, of a table, of moments; what it writes and what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from cli.sessions import Run

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
FORMULA = "y ~ x1 * g + x2"


def test_a_model_a_table_and_moments_have_the_same_best_lines(run: Run, table: Path, tmp_path: Path) -> None:
    model = bl.fit(str(table), FORMULA)
    model.save(tmp_path / "m.bestline")
    bl.Moments.collect(str(table), FORMULA).save(tmp_path / "t.moments")
    expected = model.subsets("aic", most=3, keep="x2")
    for words in (("m.bestline",), (table, FORMULA), (FORMULA, table), ("t.moments",)):
        done = run("subsets", *words, "--by", "AIC", "--most", "3", "--keep", "x2", "--json")
        assert done.status == 0, done.err
        assert done.facts["best"] == expected.best
        assert [line["aic"] for line in done.facts["top"]] == pytest.approx([line.aic for line in expected.top], rel=1e-9)
        assert done.facts["tried"] == expected.tried < 10
        assert "do not hold" in done.facts["notes"][0]


def test_of_a_table_all_other_columns_are_terms_and_folds_are_those_asked_for(run: Run, table: Path, tmp_path: Path) -> None:
    done = run("subsets", table, "--target", "y", "--by", "cv", "--folds", "4", "--seed", "3", "-o", "best.csv")
    assert done.status == 0, done.err
    found = bl.fit(str(table), target="y", folds=4, seed=3).subsets("cv")
    assert f"Best: {found.best}" in done.out
    assert "flatters" in done.out
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "best.csv"), found.frame(), rtol=1e-12)
    assert run("subsets", table, "--target", "y", "-o", "best.csv").status == 1  # it exists


def test_few_rows_are_fitted_without_a_penalty(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pd.DataFrame(rng.normal(size=(80, 11)), columns=[f"x{i}" for i in range(10)] + ["y"]).to_csv(
        tmp_path / "few.csv", index=False
    )
    done = run("subsets", "few.csv", "--target", "y", "--json")
    assert done.status == 0, done.err
    assert done.facts["tried"] == 1024


def test_each_of_several_targets(run: Run, table: Path, tmp_path: Path) -> None:
    model = bl.fit(str(table), "y + x2 ~ x1 + g")
    model.save(tmp_path / "m.bestline")
    for words in (("m.bestline",), (table, "y + x2 ~ x1 + g")):
        for target in ("y", "x2"):
            done = run("subsets", *words, "--target", target, "--json")
            assert (done.facts["target"], done.facts["best"]) == (target, model.subsets(target=target).best)
