"""Folds whose levels no other fold has: their rows have no prediction, so they are in no held-out error, and are counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bestline as bl

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


def frame(n: int = 80, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"x": rng.normal(5, 2, n), "g": rng.choice(list("bcd"), n), "h": rng.choice(list("uv"), n)})
    table["k"] = np.array(list("PQRS"))[rng.permutation(np.arange(n) % 4)]
    table["y"] = table.x + (table.g == "c") * 2 + rng.normal(size=n)
    return table.assign(w=rng.uniform(0.5, 2, n))


def by_hand(table: pd.DataFrame, formula: str, **options: object) -> tuple[float, float, int]:
    """Mean squared error and R2 of rows predicted by the fits to the other folds, where these predict them; and how many they do not."""
    predicted = np.full(len(table), np.nan)
    for k in table.k.unique():
        held = (table.k == k).to_numpy()
        predicted[held] = bl.fit(table[~held], formula, **options).predict(table[held])
    known = ~np.isnan(predicted)
    y, w = table.y[known], table.w[known] if "weights" in options else np.ones(known.sum())
    mse = np.average((y - predicted[known]) ** 2, weights=w)
    return mse, 1 - mse / np.average((y - np.average(y, weights=w)) ** 2, weights=w), int((~known).sum())


@pytest.mark.parametrize("formula", ["y ~ x + g", "y ~ x + g - 1", "y ~ x*g", "y ~ C(g)", "y ~ x:g + h"])
@pytest.mark.parametrize(
    (
        "options",
        "level",
    ),  # "a" is the reference; a penalty depends on which level that is, and it is another one without those rows
    [({}, "a"), ({}, "z"), ({"weights": "w"}, "a"), ({"weights": "w"}, "z"), ({"l2": 0.1}, "z"), ({"loss": "huber"}, "a")],
)
def test_held_out_rows_that_no_other_fold_knows_are_left_out(level: str, formula: str, options: dict, tmp_path: Path) -> None:
    table = frame()
    table.loc[table.index[table.k == "R"][[1, 3, 4]], "g"] = level
    mse, r2, unknown = by_hand(table, formula, **options)
    assert unknown == 3
    model = bl.fit(table, formula, folds="k", **options)
    assert model.held_out.rows == 77
    assert model.held_out.mse[0] == pytest.approx(mse, rel=1e-6)
    assert model.held_out.r2[0] == pytest.approx(r2, rel=1e-6)
    assert model.held_out.of == "leave-one-k-out, 77 rows, 3 left out for a level that the other folds lack"
    table.to_csv(tmp_path / "t.csv", index=False)
    assert bl.fit(str(tmp_path / "t.csv"), formula, folds="k", **options).held_out.mse == pytest.approx((mse,), rel=1e-6)


def test_levels_in_several_folds_change_nothing() -> None:
    table = frame()
    held = bl.fit(table, "y ~ x + g", folds="k").held_out
    assert held.mse[0] == pytest.approx(by_hand(table, "y ~ x + g")[0], rel=1e-9)
    assert held.of == "leave-one-k-out, 80 rows"


def test_folds_by_hash_leave_a_level_of_one_row_out() -> None:
    table = frame()
    table.loc[7, "g"] = "z"
    model = bl.fit(table, "y ~ x + g")
    assert model.held_out.of == "5-fold, 79 rows, 1 left out for a level that the other folds lack"
    assert f"({model.held_out.of})" in str(model.summary())


def test_where_no_row_can_be_judged_the_reason_is_said() -> None:
    table = frame()
    model = bl.fit(table, "y ~ x + k", folds="k")
    assert model.held_out is None
    assert model.unheld == "every row has a level that the other folds lack"
    assert any("no line can be judged by a level that it has never seen" in note for note in model.notes)
    table.loc[7, "g"] = "z"
    moments = bl.fit(bl.Moments.collect(table, "y ~ x + g"))
    assert moments.held_out is None
    assert moments.unheld == "some levels are in one fold alone, and moments cannot leave their rows out"
