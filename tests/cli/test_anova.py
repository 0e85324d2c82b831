"""The command anova: terms of a saved model, and saved models beside each other."""

from __future__ import annotations

from pathlib import Path

import pytest

import bestline as bl
from cli.sessions import Run

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


def test_terms_of_a_saved_model_are_tested_by_the_errors_that_it_keeps(run: Run, table: Path, tmp_path: Path) -> None:
    model = bl.fit(str(table), "y ~ x1 * g", cov="HC3")
    model.save(tmp_path / "m.bestline")
    for arguments, kind in (((), 2), (("--kind", "1"), 1), (("--kind", "III"), 3)):
        done = run("anova", "m.bestline", *arguments, "--json")
        assert done.status == 0, done.err
        assert done.facts["cov"] == "HC3"
        assert done.facts["kind"] == kind
        assert [row["statistic"] for row in done.facts["terms"]] == pytest.approx(
            [row.statistic for row in model.anova(kind).terms], rel=1e-9
        )
    assert "type II: y ~ x1 + g + x1:g" in run("anova", "m.bestline").out
    refused = run("anova", "m.bestline", "--kind", "4")
    assert refused.status == 2
    assert "1, 2 or 3" in refused.err


def test_several_saved_models_are_nested(run: Run, table: Path, tmp_path: Path) -> None:
    models = [bl.fit(str(table), f"y ~ {terms}") for terms in ("x1", "x1 + x2", "x1 + x2 + g")]
    for i, model in enumerate(models):
        model.save(tmp_path / f"m{i}.bestline")
    names = [f"m{i}.bestline" for i in range(3)]
    done = run("anova", *names, "--json")
    assert done.status == 0, done.err
    assert [row["p_value"] for row in done.facts["tests"]] == pytest.approx(
        [test.p_value for test in bl.compare(*models).tests], rel=1e-9
    )
    assert "Nested models" in run("anova", *names[:2]).out
    assert run("anova", *names, "--kind", "2").status == 2
    assert run("anova", *names[::-1]).status == 2
