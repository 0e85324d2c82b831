"""Rows that are not there: of weight 0, left out for a missing value, or held out. A level that only they have was never seen.

The law: such a row may hold anything, and everything is as without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

import bestline as bl
from bestline.errors import BestlineWarning, DataError, UnseenLevelError

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
EXACT = 1e-12  # the same rows in other places: only the order of a few sums differs


def frame(n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"x": rng.normal(5, 2, n), "z": rng.uniform(1, 3, n), "g": rng.choice(list("abc"), n)})
    table["firm"] = rng.choice(list("uvwxy"), n)
    table["y"] = table.x - table.z + (table.g == "b") + rng.normal(size=n)
    return table.assign(w=rng.uniform(0.5, 2, n))


ABSENT = {  # what a row of weight 0 may hold
    "a level of its own": {"g": "only here"},
    "an infinite feature": {"x": np.inf},
    "a missing feature": {"x": np.nan},
    "a missing target": {"y": np.nan},
    "an infinite target": {"y": -np.inf},
    "a missing level": {"g": None},
    "no logarithm": {"z": -1.0},
    "a fold of its own": {"firm": "only here"},
    "no fold": {"firm": None},
    "an extreme": {"x": 1e9, "z": 1e9},
}


def with_absent(table: pd.DataFrame, holds: dict[str, Any], at: int) -> pd.DataFrame:
    row = pd.DataFrame([{**table.iloc[0].to_dict(), **holds, "w": 0.0}])
    return pd.concat([table.iloc[:at], row, row, table.iloc[at:]], ignore_index=True)


def same_line(found: bl.Model, expected: bl.Model) -> None:
    assert found.names == expected.names
    assert found.params.to_numpy() == pytest.approx(expected.params.to_numpy(), rel=EXACT, abs=EXACT)
    assert found.training.count == expected.training.count
    assert found.collected.dropped == expected.collected.dropped
    assert dict(found.collected.imputed) == dict(expected.collected.imputed)
    assert torch.equal(found.collected.low, expected.collected.low)
    assert torch.equal(found.collected.high, expected.collected.high)
    assert [f.count for f in found.moments.folds] == [f.count for f in expected.moments.folds]
    shares = [f.shares for f in found.design.factors]
    assert np.concatenate(shares) == pytest.approx(np.concatenate([f.shares for f in expected.design.factors]), rel=EXACT)


DOORS: dict[str, Callable[[pd.DataFrame], bl.Model]] = {
    "plain": lambda t: bl.fit(t, "y ~ x + log(z) + g", weights="w"),
    "interaction": lambda t: bl.fit(t, "y ~ C(g)*x + I(1/(z + 1))", weights="w"),
    "drop": lambda t: bl.fit(t, "y ~ x + log(z) + g", weights="w", missing="drop"),
    "impute": lambda t: bl.fit(t, "y ~ scale(x) + log(z) + g", weights="w", missing="impute"),
    "split": lambda t: bl.fit(t, "y ~ x + log(z) + g", weights="w", split=(0.6, 0.2, 0.2), seed=3),
    "folds": lambda t: bl.fit(t, "y ~ x + log(z) + g", weights="w", folds="firm"),
    "rows": lambda t: bl.fit(t, "y ~ x + log(z) + g", weights="w", loss="huber"),
    "descent": lambda t: bl.fit(t, "y ~ x + log(z) + g", weights="w", solver="sgd", steps=20, batch_size=8),
    "array of weights": lambda t: bl.fit(t[["x", "z", "g", "y"]], "y ~ x + log(z) + g", weights=t.w.to_numpy()),
    "target alone": lambda t: bl.fit(t.drop(columns="firm"), target="y", weights="w"),
    "moments": lambda t: bl.fit(bl.Moments.collect(t, "y ~ x + log(z) + g", weights="w")),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("what", ABSENT)
def test_a_row_of_weight_zero_is_absent_whatever_it_holds(door: str, what: str) -> None:
    at = (0, 30, 60)[len(door + what) % 3]
    same_line(DOORS[door](with_absent(frame(), ABSENT[what], at)), DOORS[door](frame()))


@pytest.mark.parametrize("what", ABSENT)
def test_nor_is_it_there_in_what_follows(what: str) -> None:
    table = frame()
    more = with_absent(table, ABSENT[what], 10)
    formula = "y ~ x + log(z) + g"
    found, expected = (bl.fit(t, formula, weights="w") for t in (more, table))
    assert found.held_out.mse == pytest.approx(expected.held_out.mse, rel=1e-10)
    for model, data in ((found, None), (expected, more)):
        influence = model.influence(data)
        assert influence.cooksd.to_numpy() == pytest.approx(expected.influence().cooksd.to_numpy(), rel=1e-8)
        assert list(influence.index) == [i for i in range(62) if i not in (10, 11)]
    assert found.covariance("HC3").std_error.numpy() == pytest.approx(expected.covariance("HC3").std_error.numpy(), rel=1e-9)
    scores = expected.evaluate(more)
    assert scores.rows == 60
    assert scores.mse == pytest.approx(expected.evaluate(table).mse, rel=EXACT)
    rates = [bl.preflight(t, formula, weights="w").lr_limit for t in (more, table)]
    assert rates[0] == pytest.approx(rates[1], rel=EXACT)
    losses = [bl.sweep(t, formula, weights="w", lrs=[0.1], steps=5).losses for t in (more, table)]
    assert torch.as_tensor(losses[0]).numpy() == pytest.approx(torch.as_tensor(losses[1]).numpy(), rel=EXACT)


def test_all_weights_but_some_and_none() -> None:
    table = frame()
    few = table.assign(w=np.where(np.arange(60) < 12, 1.0, 0.0), g=["a", "b"] * 6 + ["c"] * 48)
    same_line(bl.fit(few, "y ~ x + g", weights="w"), bl.fit(few.iloc[:12], "y ~ x + g", weights="w"))
    for options in ({}, {"split": (0.5, 0.5)}):
        with pytest.raises(DataError, match=r"No row of the data has a positive weight: column `w`"):
            bl.fit(table.assign(w=0.0), "y ~ x", weights="w", **options)
    with pytest.raises(DataError, match=r"No usable row is left in the data: every one has a value missing .* or the weight 0"):
        bl.fit(table.assign(w=0.0), "y ~ x + g", weights="w")
    with pytest.raises(DataError, match=r"No usable row is left in the data: every one has a value missing"):
        bl.fit(
            table.assign(x=np.where(np.arange(60) % 2, np.nan, 1), z=np.where(np.arange(60) % 2, 1, np.nan)),
            "y ~ x + z + g",
            missing="drop",
        )


# --- levels of training rows alone --------------------------------------------------------------------------------------------


def ghosts() -> pd.DataFrame:
    """The level `z` stands in one row alone, which lacks a value of x."""
    return pd.DataFrame({"y": [1.0, 2, 3, 10, 11, 12, 50], "x": [1.0, 2, 3, 1, 2, 4, None], "g": list("aaabbbz")})


def test_a_level_of_dropped_rows_alone_is_never_seen() -> None:
    model = bl.fit(ghosts(), "y ~ x + g", missing="drop")
    assert model.names == ("x", "g[T.b]", "Intercept")
    with pytest.warns(BestlineWarning, match=r"The level `z` of `g` \(1 row\) stands in no training row"):
        found = model.predict({"x": [1.0, 1.0], "g": ["z", "a"]})
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(1.25)
    assert "'z'" not in model.to_sql("t")


@pytest.mark.parametrize("missing", ["drop", "impute"])
def test_levels_states_and_means_are_those_of_the_rows_that_are_left(missing: str) -> None:
    table = frame()
    table.loc[[2, 5], "y"] = np.nan
    table.loc[5, "g"] = "only here"
    table.loc[2, ["x", "z"]] = 1e6
    table.loc[7, "x"] = np.nan if missing == "impute" else table.x[7]
    formula = "y ~ scale(x) + poly(z, 2) + g"
    found, expected = (bl.fit(t, formula, missing=missing) for t in (table, table.drop(index=[2, 5])))
    assert found.names == expected.names
    assert found.params.to_numpy() == pytest.approx(expected.params.to_numpy(), rel=EXACT)
    assert found.design.means == pytest.approx(expected.design.means, rel=EXACT)
    assert (found.collected.dropped, dict(found.collected.imputed)) == (2, dict(expected.collected.imputed))


def test_shares_of_levels_are_by_weight() -> None:
    table = frame()
    (g,) = bl.fit(table, "y ~ g", weights="w").design.factors
    weights = table.groupby("g").w.sum()
    assert g.shares == pytest.approx((weights / weights.sum())[list(g.levels)].to_numpy(), rel=EXACT)


@pytest.mark.parametrize("column", [pd.Categorical, lambda v: pd.Series(v).astype("category"), list])
def test_declared_levels_without_rows_are_none(column: Callable[[list[str]], Any]) -> None:
    table = frame()
    table["g"] = pd.Categorical(table.g, categories=["never", "c", "b", "a"])
    assert bl.fit(table, "y ~ x + g").names == ("x", "g[T.b]", "g[T.a]", "Intercept")  # in the order declared
    held = table.assign(w=np.where(table.g == "c", 0.0, 1.0))
    assert bl.fit(held, "y ~ x + g", weights="w").names == ("x", "g[T.a]", "Intercept")
    one = {"x": [1.0], "g": column(["never"])}
    assert np.isnan(bl.fit(table, "y ~ x + g").predict(one))


def test_a_level_of_held_out_rows_alone_is_left_out_of_their_error() -> None:
    table = frame(200)
    labels = bl.fit(table, "y ~ x + g", split=(0.6, 0.2, 0.2), seed=1).labels
    assert labels is not None
    validation, test = (torch.nonzero(labels == part)[:, 0].tolist() for part in (1, 2))
    table.loc[[validation[0], test[0], test[3]], "g"] = ["p", "q", "q"]
    with pytest.warns(BestlineWarning, match=r"The levels `p` and `q` of `g` \(3 rows\) stand in no training row") as caught:
        model = bl.fit(table, "y ~ x + g", split=(0.6, 0.2, 0.2), seed=1)
    assert any("left out of the held-out error" in str(w.message) for w in caught)
    assert model.names == ("x", "g[T.b]", "g[T.c]", "Intercept")
    rest = table.iloc[[i for i in test if i not in (test[0], test[3])]]
    assert model.held_out.rows == len(rest) == 38
    assert model.held_out.mse == pytest.approx(model.evaluate(rest).mse, rel=1e-10)
    assert model.sizes == {"training": 120, "validation": 39, "test": 38}


def test_a_loaded_model_finds_the_parts_of_its_table_again(tmp_path: Any) -> None:
    table = frame(200)
    table.loc[[3, 8], "w"] = 0.0
    labels = bl.fit(table, "y ~ x + g", weights="w", split=(0.6, 0.4)).labels
    assert labels is not None
    table.loc[torch.nonzero(labels == 2)[5, 0].item(), ["g", "firm"]] = ["only here", "too"]
    model = bl.fit(table, "y ~ x + g + firm", weights="w", split=(0.6, 0.4))
    model.save(tmp_path / "m.bestline")
    again = bl.load(tmp_path / "m.bestline")
    pd.testing.assert_frame_equal(again.influence(table), model.influence())


# --- what is done with a level never seen ------------------------------------------------------------------------------------


@given(st.integers(0, 10_000))
def test_predict_is_nan_exactly_where_a_level_was_never_seen(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = frame(40, seed)
    model = bl.fit(table, ("y ~ x*g + firm", "y ~ g:x + firm - 1", "y ~ C(g)*C(firm)")[seed % 3])
    new = frame(15, seed + 1)
    new["g"], new["firm"] = rng.choice(list("abcdE"), 15), rng.choice(list("uvwxyZ"), 15)
    strange = ~(new.g.isin(set(table.g)) & new.firm.isin(set(table.firm)))
    found = model.predict(new)
    assert np.isnan(found).tolist() == strange.tolist()
    assume(not strange.all())
    assert found[~strange] == pytest.approx(model.predict(new[~strange], on_unseen="raise"), rel=EXACT)
    assert np.isfinite(model.predict(new, on_unseen="average")).all()
    batches = np.concatenate([model.predict(new.iloc[i : i + 4]) for i in range(0, 15, 4)])
    assert batches == pytest.approx(found, rel=EXACT, nan_ok=True)


@pytest.mark.parametrize("formula", ["y ~ x + g", "y ~ x*g", "y ~ C(g)*firm + x", "y ~ x:g - 1"])
def test_average_is_the_mean_of_the_predictions_at_every_level(formula: str) -> None:
    table = frame(200)
    model = bl.fit(table, formula, weights="w")
    row = {"x": [3.0], "firm": ["u"], "g": ["never"]}
    shares = table.groupby("g").w.sum() / table.w.sum()
    at_each = [model.predict({**row, "g": [level]})[0] for level in shares.index]
    assert model.predict(row, on_unseen="average")[0] == pytest.approx(float(shares @ at_each), rel=1e-10)
    found = model.predict(row, on_unseen="average", interval="confidence")
    assert found.conf_low[0] < found.prediction[0] < found.conf_high[0]


def test_a_category_of_one_level_knows_what_it_never_saw() -> None:
    table = frame().assign(g="a")
    for formula in ("y ~ g", "y ~ x + g"):
        model = bl.fit(table, formula)
        found = model.predict({"x": [1.0, 1.0], "g": ["a", "b"]}, interval="prediction")
        assert found.isna().to_numpy().tolist() == [[False] * 3, [True] * 3]


def test_all_rows_unseen_and_a_missing_level_of_its_own() -> None:
    table = frame()
    table.loc[:5, "g"] = None
    model = bl.fit(table, "y ~ x + g", missing="impute")
    new = {"x": [1.0, 1.0, np.nan], "g": ["zz", None, "zz"]}
    found = model.predict(new)
    assert np.isnan(found).tolist() == [True, False, True]
    assert np.isnan(model.predict({"x": [1.0], "g": ["zz"]})).all()
    with pytest.raises(DataError, match=r"no rows to evaluate in the data, 2 left out for a level that training never saw"):
        model.evaluate({"x": [1.0, 2.0], "g": ["zz", "yy"], "y": [1.0, 2.0]})


def test_evaluate_and_augment_say_what_predict_says() -> None:
    table = frame(100)
    model = bl.fit(table.iloc[:80], "y ~ x + g")
    new = table.iloc[80:].reset_index(drop=True)
    new.loc[[1, 4], "g"] = "zz"
    with pytest.warns(BestlineWarning, match=r"level `zz` of `g` \(2 rows\)"):
        scores = model.evaluate(new)
    assert (scores.rows, scores.of) == (18, "18 rows of the data, 2 left out for a level that training never saw")
    known = new.drop(index=[1, 4])
    assert scores.mse == pytest.approx((((known.y - model.predict(known)) ** 2).mean(),), rel=EXACT)
    averaged = model.evaluate(new, on_unseen="average")
    assert averaged.mse[0] == pytest.approx(((new.y - model.predict(new, on_unseen="average")) ** 2).mean(), rel=EXACT)
    for call in (model.evaluate, model.augment, model.predict):
        with pytest.raises(UnseenLevelError, match="row 2"):
            call(new, on_unseen="raise")
    with pytest.warns(BestlineWarning, match=r"level `zz` of `g` \(2 rows\)"):
        page = model.augment(new)
    assert page.fitted.isna().tolist() == [i in (1, 4) for i in range(20)]
    assert len(page) == 20
    more = pd.concat([table.iloc[:80], new.iloc[[1]]], ignore_index=True)  # the training rows, and one that is none
    assert len(model.augment(more)) == 81


def test_one_warning_for_many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    model = bl.fit(frame(), "y ~ x + g")
    new = frame(30).assign(g="zz")
    monkeypatch.setattr(
        "bestline.data.tables.source.Source.batches.__kwdefaults__", {"size": 4, "progress": None, "order": None}
    )
    with pytest.warns(BestlineWarning) as caught:
        assert np.isnan(model.predict(new)).all()
    assert [str(w.message) for w in caught] == [
        "The level `zz` of `g` (30 rows) stands in no training row; such a row has no prediction."
    ]
