"""Rows that are read once more after the fit: they may have gone by then, or be others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from bestline.errors import FileError

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
N = 120
SPLIT = (0.6, 0.2, 0.2)
# Lines whose errors moments cannot tell, or which need the rows for them, and what is told of them without.
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("y ~ x", {}),
    ("y ~ x", {"split": SPLIT}),
    ("y ~ x", {"solver": "adam"}),
    ("y ~ x", {"solver": "adam", "split": SPLIT}),
    ("y ~ x | g", {"split": SPLIT}),
    ("y ~ x + C(rare)", {}),
    ("log(e) ~ x", {}),
    ("I(e ** 2) ~ x", {"split": SPLIT}),
]


def table() -> pd.DataFrame:
    x = np.arange(float(N))
    rare = ["a", "b"] * (N // 2 - 1) + ["a", "c"]
    noise = np.random.default_rng(0).normal(size=N)
    return pd.DataFrame({"x": x, "y": 2 * x + 1, "e": np.exp(x / 50 + 0.1 * noise), "g": ["u", "v"] * (N // 2), "rare": rare})


def others(f: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Other rows of the same columns, so many: what a file may be written over with."""
    return pd.concat([f, f]).iloc[:rows].assign(y=lambda f: f.y + np.random.default_rng(1).normal(size=rows))


@pytest.mark.parametrize(("formula", "asked"), ASKED)
def test_a_summary_of_rows_that_have_gone_says_what_is_known_without_them(
    tmp_path: Path, formula: str, asked: dict[str, Any]
) -> None:
    path = tmp_path / "rows.csv"
    table().to_csv(path, index=False)
    model, there = bl.fit(path, formula, **asked), bl.fit(path, formula, **asked)
    text = there.summary().text
    path.unlink()
    told = model.summary().text
    assert told.split("Training error")[0] == text.split("Training error")[0]
    assert ("Held-out error   none: the data have changed" in told) == ("|" in formula or "rare" in formula)


def test_what_needs_rows_that_have_gone_says_so(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    table().to_csv(path, index=False)
    model = bl.fit(path, "e ~ x")
    path.unlink()
    with pytest.raises(FileError, match=r"`.*rows\.csv` cannot be opened: no such file or directory\.$"):
        model.bootstrap()


@pytest.mark.parametrize("rows", [N, N // 2, 2 * N])
@pytest.mark.parametrize(("formula", "asked"), ASKED[:6])
def test_errors_are_never_those_of_other_rows(tmp_path: Path, formula: str, asked: dict[str, Any], rows: int) -> None:
    path = tmp_path / "rows.csv"
    table().to_csv(path, index=False)
    model = bl.fit(path, formula, **asked)
    others(table(), rows).to_csv(path, index=False)
    found = model.held_out
    if found is None:
        assert model.unheld == "the data have changed since the line was fitted"
    else:
        assert np.isnan(found.rmse[0]) or found.rmse[0] < 1e-6
        assert found.r2[0] == pytest.approx(1, abs=1e-6)


def test_arrays_that_were_written_to_are_other_rows() -> None:
    x = np.arange(float(N))
    y = 2 * x + 1
    before, after = bl.fit((x, y), split=SPLIT), bl.fit((x, y), split=SPLIT)
    assert before.held_out.rmse == (0,)
    y += x % 3
    assert np.isnan(after.held_out.rmse[0])


def test_rows_that_early_stopping_drew_itself_are_those_that_scores_are_of() -> None:
    model = bl.fit(table(), "y ~ x", solver="adam", patience=5)
    trained, held = model.fitted_scores, model.held_out
    assert trained.rows == model.training.count
    assert trained.rows + held.rows == N
    assert held.rmse[0] == pytest.approx(trained.rmse[0], rel=0.5)


@pytest.mark.parametrize("split", [None, SPLIT])
def test_errors_in_own_units_are_never_those_of_other_rows(tmp_path: Path, split: tuple[float, ...] | None) -> None:
    path = tmp_path / "rows.csv"
    table().to_csv(path, index=False)
    model, there = bl.fit(path, "log(e) ~ x", split=split), bl.fit(path, "log(e) ~ x", split=split)
    assert there.own_units.training.r2[0] > 0.9
    table().assign(e=lambda f: 5 * f.e).to_csv(path, index=False)
    assert model.own_units is None
    assert "in units of e" not in model.summary().text.split("The coefficients")[0]


def test_a_line_beside_effects_that_misses_by_rounding_alone_says_so() -> None:
    f = table().assign(y=lambda f: f.y + 3 * (f.g == "v"))
    model = bl.fit(f, "y ~ x | g")
    assert np.isnan(model.fitted_scores.rmse[0])
    assert model.fitted_scores.r2[0] == pytest.approx(1)
    note = "The line fits `y` so closely that rounding hides by how much it misses: its standard errors are not known."
    assert model.notes == (note,)


@pytest.mark.parametrize(("formula", "asked"), [("y ~ x | g", {"split": SPLIT}), ("e ~ x + C(rare)", {})])
def test_rows_are_judged_and_held_against_those_of_before_at_one_pass(
    monkeypatch: pytest.MonkeyPatch, formula: str, asked: dict[str, Any]
) -> None:
    model = bl.fit(table(), formula, **asked)
    passes: list[Any] = []
    reduce = type(model.source).reduce
    monkeypatch.setattr(
        type(model.source), "reduce", lambda self, over, **how: (passes.append(over), reduce(self, over, **how))[1]
    )
    # Folds of rows in memory are told from the others by a pass of their own, which others share.
    _ = model.moments if "|" not in formula else None
    passes.clear()
    assert model.held_out is not None
    assert len(passes) == 1
