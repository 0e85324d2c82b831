"""Rows with a missing value get a missing prediction and one warning, whatever the line was fitted to; scores leave them out."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from bestline.errors import BestlineWarning, DataError, MissingValuesError, UnseenLevelError

TRAIN = pd.DataFrame({"x": 1 + np.arange(60) % 7 / 2, "g": ["a", "b", "b"] * 20, "z": np.arange(60) % 11 / 5}).assign(
    y=lambda d: d.x + (d.g == "a") + np.sin(np.arange(60)) / 9
)
NEW = pd.DataFrame(
    {"x": [1.0, None, 3.0, 2.0, None], "g": ["a", "b", None, "b", None], "z": 1.0, "y": [1.0, 2.0, 3.0, None, 5.0]}
)


def told(call):
    """What a call returns, and its warnings."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        value = call()
    return value, [str(w.message) for w in found if issubclass(w.category, BestlineWarning)]


@pytest.mark.parametrize("missing", ["raise", "drop"])
@pytest.mark.parametrize("formula", ["y ~ x + g", "y ~ x * g", "y ~ log(x) + g", "y ~ x:g + I(x**2)", "y ~ x + g + z"])
def test_rows_with_gaps_have_no_prediction_and_the_others_have_theirs(missing, formula):
    model = bl.fit(TRAIN, formula, missing=missing)
    predicted, warned = told(lambda: model.predict(NEW))
    assert np.isnan(predicted).tolist() == [False, True, True, False, True]
    assert warned == ["3 rows have no prediction, because a value is missing (`x` 2, `g` 2)."]
    np.testing.assert_array_equal(predicted[[0, 3]], model.predict(NEW.iloc[[0, 3]]))
    framed, warned = told(lambda: model.predict(NEW, interval="confidence"))
    assert framed.isna().all(axis=1).tolist() == [False, True, True, False, True]
    assert len(warned) == 1


def test_imputed_rows_are_predicted():
    holed = TRAIN.assign(x=TRAIN.x.mask(TRAIN.index == 4))
    with pytest.warns(BestlineWarning, match="imputed"):
        model = bl.fit(holed, "y ~ x", missing="impute")
    predicted, warned = told(lambda: model.predict({"x": [None, 1.0]}))
    assert np.isfinite(predicted).all()
    assert warned == ["Missing values were imputed in `x` (1 value)."]
    assert predicted[0] == pytest.approx(model.predict({"x": [holed.x.mean()]})[0], rel=1e-14)


def test_scores_and_augment_leave_them_out_and_say_so():
    model = bl.fit(TRAIN, "y ~ x + g")
    scores, warned = told(lambda: model.evaluate(NEW))
    assert warned == ["4 rows are left out, because a value is missing (`x` 2, `g` 2, `y` 1)."]
    assert "1 row of the data, 4 left out because a value was missing" in scores.of
    assert scores.mse[0] == pytest.approx((model.predict(NEW.iloc[:1])[0] - 1.0) ** 2, rel=1e-12)
    table, warned = told(lambda: model.augment(NEW))
    assert table["fitted"].isna().tolist() == [False, True, True, False, True]
    assert table["resid"].isna().tolist() == [False, True, True, True, True]
    assert warned == ["3 rows have no prediction, because a value is missing (`x` 2, `g` 2)."]
    with pytest.warns(BestlineWarning, match="left out"), pytest.raises(DataError, match="no rows to evaluate"):
        model.evaluate(NEW.iloc[[1, 2]])


def test_only_levels_are_refused_on_request_and_training_refuses_as_before():
    model = bl.fit(TRAIN, "y ~ x + g")
    predicted, warned = told(lambda: model.predict(NEW, on_unseen="raise"))
    assert int(np.isnan(predicted).sum()) == 3
    assert len(warned) == 1
    with pytest.raises(UnseenLevelError):
        model.predict(pd.concat([NEW, pd.DataFrame({"x": [1.0], "g": ["q"]})]), on_unseen="raise")
    with pytest.raises(MissingValuesError, match=r"`x` 2, `g` 2, `y` 1"):
        bl.fit(NEW, "y ~ x + g")


@pytest.mark.parametrize(
    "row", [{"x": None, "g": "a"}, {"x": float("nan"), "g": "a"}, {"x": 1.0, "g": None}, {"x": pd.NA, "g": "a"}]
)
def test_one_row_with_a_gap(row):
    model = bl.fit(TRAIN, "y ~ x + g")
    predicted, warned = told(lambda: model.predict(row))
    assert np.isnan(predicted).tolist() == [True]
    assert warned[0].startswith("1 row has no prediction, because a value is missing (")


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("missing", ["raise", "drop", "impute"])
def test_scores_are_of_all_rows_that_have_a_prediction(missing):
    """A line that fills in gaps is judged on the rows with gaps, too: left out, they would flatter it."""
    holes = TRAIN.assign(x=TRAIN.x.where(TRAIN.index % 5 > 0), g=TRAIN.g.where(TRAIN.index % 7 > 0))
    model = bl.fit(TRAIN if missing == "raise" else holes, "y ~ x + g", missing=missing)
    wrong = holes.y.to_numpy() - model.predict(holes)
    told = ~np.isnan(wrong)
    assert told.sum() == (60 if missing == "impute" else 60 - 19)
    scores = model.evaluate(holes)
    assert scores.mse[0] == pytest.approx((wrong[told] ** 2).mean(), rel=1e-12)
    assert scores.mae[0] == pytest.approx(abs(wrong[told]).mean(), rel=1e-12)
