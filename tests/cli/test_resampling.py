"""The command bootstrap and the conformal intervals of predict: the numbers of Python, for a saved model and its training rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from cli.sessions import Run

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


@pytest.fixture
def model(table: Path, tmp_path: Path) -> bl.Model:
    model = bl.fit(str(table), "y ~ x1 + g")
    model.save(tmp_path / "m.bestline")
    return model


def test_the_bootstrap_of_a_saved_model_is_that_of_python(run: Run, table: Path, tmp_path: Path, model: bl.Model) -> None:
    done = run(
        "bootstrap", "m.bestline", table, "--kind", "wild", "--samples", "50", "--seed", "3", "-o", "errors.csv", "--json"
    )
    assert done.status == 0, done.err
    found = model.bootstrap(kind="wild", samples=50, seed=3)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "errors.csv"), found.frame(), rtol=1e-9)
    assert [row["std_error"] for row in done.facts["weights"]] == pytest.approx(found.frame().std_error.tolist(), rel=1e-9)
    assert (done.facts["samples"], done.facts["lost"]) == (50, 0)
    assert str(model.bootstrap(samples=50)) in run("bootstrap", table, "m.bestline", "--samples", "50").out
    assert run("bootstrap", "m.bestline", table, "--samples", "50", "-o", "errors.csv").status == 1  # it exists


@pytest.mark.parametrize("method", ["jackknife+", "cv+"])
def test_conformal_intervals_are_written_beside_the_rows(
    run: Run, table: Path, tmp_path: Path, model: bl.Model, method: str
) -> None:
    new = pd.read_csv(table).head(9)[["x1", "g"]].assign(note="kept")
    new.loc[2, "x1"] = np.nan
    new.to_csv(tmp_path / "new.csv", index=False)
    done = run("predict", "m.bestline", "new.csv", "--conformal", table, "--level", "0.8", "--method", method, "-o", "out.csv")
    assert done.status == 0, done.err
    expected = model.conformal(new, level=0.8, method=method)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out.csv"), pd.concat([new, expected], axis=1), rtol=1e-9)
    assert expected.pred_low.isna().tolist() == [i == 2 for i in range(9)]


def test_it_wants_the_rows_of_training(run: Run, table: Path, tmp_path: Path, model: bl.Model) -> None:
    pd.read_csv(table).iloc[1:].to_csv(tmp_path / "part.csv", index=False)
    for words in (("bootstrap", "m.bestline", "part.csv"), ("predict", "m.bestline", table, "--conformal", "part.csv")):
        refused = run(*words)
        assert refused.status == 1
        assert "give the training data" in refused.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kind", "jackknife", "--interval", "bca"), "interval"),
        (("--kind", "jackknife", "--samples", "2000"), "samples"),
        (("--kind", "pairs", "--multipliers", "webb"), "multipliers"),
        (("--multipliers", "rademacher"), "multipliers"),
    ],
)
def test_what_a_kind_has_no_use_for_is_refused_by_name(
    run: Run, table: Path, model: bl.Model, words: tuple[str, ...], said: str
) -> None:
    refused = run("bootstrap", "m.bestline", table, *words)
    assert refused.status != 0
    assert f"`{said}`" in refused.err
    assert "leave" in refused.err
    assert run("bootstrap", "m.bestline", table, "--kind", "jackknife").status == 0


@pytest.mark.parametrize("option", [("--folds", "4"), ("--seed", "3")])
@pytest.mark.parametrize("method", [(), ("--method", "jackknife+")])
def test_options_of_folds_are_refused_where_there_are_none(
    run: Run, table: Path, model: bl.Model, option: tuple[str, str], method: tuple[str, ...]
) -> None:
    done = run("predict", "m.bestline", table, "--conformal", table, *method, *option)
    assert done.status == 2
    assert f"{option[0]} is of folds" in done.err
    assert run("predict", "m.bestline", table, "--conformal", table, "--method", "cv+", *option).status == 0
