"""Sums by level add up over batches in any order, and the design of rests says the same of a row wherever it is asked."""

import pickle

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from bestline.data.absorbing import CollectLevels
from bestline.data.design import Design
from bestline.data.gather import Query, gather
from bestline.errors import DataError, MissingValuesError

ROUNDING = 1e-12  # of the order in which means are merged
FORMULA = "y ~ x + z | firm + year"


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n = 3_000
    frame = pd.DataFrame({"firm": rng.integers(0, 80, n), "year": rng.integers(2000, 2009, n), "w": rng.uniform(0.5, 2, n)})
    frame["x"], frame["z"] = rng.normal(size=n) + frame.firm / 10 + 1e5, rng.normal(size=n)
    frame["y"] = 2 * frame.x - frame.z + frame.firm + np.sin(frame.year) + rng.normal(size=n)
    return frame


def test_batches_and_order_change_nothing(table: pd.DataFrame) -> None:
    def parts(size: int):  # type: ignore[no-untyped-def]
        return bl.stream(lambda: (table.iloc[i : i + size] for i in range(0, len(table), size)))

    whole = bl.fit(table, FORMULA, weights="w")
    for other in (parts(7), parts(1_000), table.sample(frac=1, random_state=0)):
        found = bl.fit(other, FORMULA, weights="w")
        np.testing.assert_allclose(found.params, whole.params, rtol=ROUNDING * 1e2)
        np.testing.assert_allclose(found.bse, whole.bse, rtol=1e-10)
        assert found.inference.df_resid == whole.inference.df_resid


def test_a_design_of_rests_goes_through_json_and_pickle(table: pd.DataFrame) -> None:
    design = bl.fit(table, FORMULA).design
    for again in (Design.from_json(design.to_json()), pickle.loads(pickle.dumps(design))):  # noqa: S301
        assert again.absorbed.by == design.absorbed.by
        for mine, other in zip(design.absorbed.effects, again.absorbed.effects, strict=True):
            assert mine.tolist() == other.tolist()


def test_a_damaged_design_is_refused(table: pd.DataFrame) -> None:
    facts = bl.fit(table, FORMULA).design.to_dict()
    for spoil in (
        {"levels": facts["absorbed"]["levels"][:1]},
        {"effects": facts["absorbed"]["average"]},
        {"by": [["firm"], []]},
        {"void": [9]},
    ):
        with pytest.raises((ValueError, KeyError)):
            Design.from_dict({**facts, "absorbed": {**facts["absorbed"], **spoil}})


@pytest.mark.parametrize("missing", ["raise", "drop", "impute"])
def test_a_row_without_a_level_is_refused_or_left_out(table: pd.DataFrame, missing: str) -> None:
    gappy = table.astype({"firm": object})
    gappy.loc[[3, 10], "firm"] = None
    if missing == "raise":
        with pytest.raises(MissingValuesError, match="`firm` 2"):
            bl.fit(gappy, FORMULA)
        return
    with pytest.warns(bl.errors.BestlineWarning, match="2 rows were left out because a value was missing"):
        found = bl.fit(gappy, FORMULA, missing=missing)
    expected = bl.fit(table.drop(index=[3, 10]), FORMULA)
    np.testing.assert_allclose(found.params, expected.params, rtol=1e-12)


def test_rows_of_weight_zero_have_no_levels(table: pd.DataFrame) -> None:
    ghost = table.copy()
    ghost.loc[0, ["firm", "w"]] = [9_999, 0.0]
    found = bl.fit(ghost, FORMULA, weights="w")
    assert ("9999",) not in found.design.absorbed.levels[0]
    assert found.training.count == len(table) - 1


def test_levels_of_the_training_part_alone_are_learnt(table: pd.DataFrame) -> None:
    """What the test part holds must not move the line."""
    found = bl.fit(table, "y ~ x | firm", split=(0.6, 0.4), seed=3)
    changed = table.copy()
    changed.loc[found.labels.numpy() > 0, "y"] *= 100
    again = bl.fit(changed, "y ~ x | firm", split=(0.6, 0.4), seed=3)
    np.testing.assert_allclose(again.params, found.params, rtol=1e-14)


def test_a_table_of_singletons_says_so() -> None:
    lone = pd.DataFrame({"y": [1.0, 2.0, 4.0], "x": [1.0, 0.0, 3.0], "firm": ["a", "b", "c"]})
    with pytest.raises(DataError, match="Every row has a level of `firm` that no other row has"):
        bl.fit(lone, "y ~ x | firm")


def test_whoever_does_not_absorb_refuses(table: pd.DataFrame) -> None:
    with pytest.raises(bl.errors.FormulaError, match="which `fit` alone takes out"):
        gather(Query(table, FORMULA))
    for refused in (
        lambda: bl.Moments.collect(table, FORMULA),
        lambda: bl.fit_groups(table, "y ~ x | firm", by="year"),
        lambda: bl.preflight(table, FORMULA),
        lambda: bl.Design.learn(table, FORMULA),
    ):
        with pytest.raises(bl.errors.FormulaError, match="which `fit` alone takes out"):
            refused()


def test_rows_alike_in_their_levels_are_one_cell(table: pd.DataFrame) -> None:
    """Without that a stream of any length would be held in memory."""
    source, weights = Query(table, FORMULA, absorbing=True).opened()
    design = Query(table, FORMULA, absorbing=True).design(source, weights)
    found = source.reduce(CollectLevels(design, (("firm",), ("year",)))).settled()
    again = sum((found for _ in range(20)), CollectLevels(design, (("firm",), ("year",))).empty()).settled()
    assert again.codes.shape[1] <= 80 * 9
    assert float(again.cell.sum()) == 20 * len(table)
    assert int(again.count.sum()) == 20 * len(table)
