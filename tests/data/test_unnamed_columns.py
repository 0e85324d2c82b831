"""One row in any form, and columns that are called by numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import bestline as bl
from bestline.errors import BestlineError, BestlineWarning, ColumnError, DataError, ShapeError

n = 60
A, B, NOISE = np.random.default_rng(0).normal(size=(3, n))
TABLE = pd.DataFrame({"a": A, "b": B, "g": list("uvw") * 20})
TABLE["y"] = TABLE.a - 2 * TABLE.b + (TABLE.g == "v") + NOISE / 10
ROW = {"a": 0.5, "b": -1.0, "g": "v"}

NUMBERS: dict[str, Any] = {
    "dict": {"a": 0.5, "b": -1.0},
    "dict, another order": {"b": -1, "a": np.float32(0.5)},
    "dict of tensors": {"a": torch.tensor(0.5), "b": torch.tensor(-1)},
    "dict of arrays without dimensions": {"a": np.array(0.5), "b": np.array(-1.0)},
    "dict of lists": {"a": [0.5], "b": [-1.0]},
    "dict of decimals": {"a": Decimal("0.5"), "b": Decimal(-1)},
    "series": pd.Series({"b": -1.0, "a": 0.5}),
    "row of a frame": pd.DataFrame({"y": [2.5], "a": [0.5], "b": [-1.0]}).iloc[0],
    "tuple": (0.5, -1.0),
    "list": [0.5, -1.0],
    "array": np.array([0.5, -1.0]),
    "integers and floats": (0.5, -1),
    "tensor": torch.tensor([0.5, -1.0]),
    "tensor that learns": torch.tensor([0.5, -1.0], requires_grad=True),
    "array of the other byte order": np.array([0.5, -1.0], dtype=">f4"),
    "array backwards": np.array([-1.0, 0.5])[::-1],
    "list of tensors": [torch.tensor(0.5), torch.tensor(-1.0)],
    "series without names": pd.Series([0.5, -1.0]),
    "polars": pl.Series([0.5, -1.0]),
    "rows": [[0.5, -1.0]],
    "tuple of a row": ((0.5, -1.0),),
    "frame": pd.DataFrame({"a": [0.5], "b": [-1.0]}),
}


@pytest.mark.parametrize("form", NUMBERS)
def test_one_row_of_numbers_is_one_prediction(form: str) -> None:
    model = bl.fit(TABLE[["a", "b", "y"]], target="y")
    expected = model.intercept + 0.5 * model.coef["a"] - model.coef["b"]
    found = model.predict(NUMBERS[form])
    assert found.shape == (1,)
    assert found[0] == pytest.approx(expected, rel=1e-12)
    frame = model.predict(NUMBERS[form], interval="prediction")
    assert len(frame) == 1
    assert frame.pred_low[0] < expected < frame.pred_high[0]
    assert model.augment(NUMBERS[form]).fitted.to_numpy() == pytest.approx([expected], rel=1e-12)


MIXED: dict[str, Any] = {
    "dict": ROW,
    "series": pd.Series(ROW),
    "row of a frame": TABLE.assign(a=0.5, b=-1.0, g="v").iloc[3],
    "tuple": (0.5, -1.0, "v"),
    "list": [0.5, -1.0, "v"],
    "array of objects": np.array([0.5, -1.0, "v"], dtype=object),
    "rows": [[0.5, -1.0, "v"]],
    "array of rows": np.array([[0.5, -1.0, "v"]], dtype=object),
}


def test_a_row_may_have_more_columns_which_is_said() -> None:
    model = bl.fit(TABLE[["a", "b", "y"]], target="y")
    with pytest.warns(BestlineWarning, match="`z` is not used"):
        found = model.predict({"z": "text", "b": -1, "a": np.float32(0.5)})
    assert found == pytest.approx([model.intercept + 0.5 * model.coef["a"] - model.coef["b"]], rel=1e-12)


@pytest.mark.parametrize("form", MIXED)
def test_one_row_with_a_level(form: str) -> None:
    model = bl.fit(TABLE, "y ~ a + b + g")
    found = model.predict(MIXED[form])
    assert found.shape == (1,)
    assert found == pytest.approx(model.predict(pd.DataFrame([ROW])), rel=1e-12)


def test_one_row_with_gaps_and_levels_never_seen() -> None:
    model = bl.fit(TABLE, "y ~ a + b + g", missing="drop")
    with pytest.warns(BestlineWarning, match=r"level `zebra` of `g` \(1 row\)"):
        assert np.isnan(model.predict({**ROW, "g": "zebra"}))
    for gap in ({**ROW, "g": None}, {**ROW, "a": None}, pd.Series({**ROW, "a": np.nan}), (None, 1.0, "v")):
        with pytest.warns(BestlineWarning, match="a value is missing"):
            assert np.isnan(model.predict(gap))
    with pytest.raises(ColumnError, match="no column `b`"):
        model.predict({"a": 1.0, "g": "u"})


def test_one_column() -> None:
    model = bl.fit(TABLE, "y ~ a")
    at = model.intercept + 2 * model.coef["a"]
    for number in (2, 2.0, np.float32(2), torch.tensor(2.0), np.array(2.0), torch.tensor(2)):
        found = model.predict(number)
        assert isinstance(found, float)
        assert found == pytest.approx(at, rel=1e-12)
    several = (
        [2.0, 2.0],
        (2.0, 2.0),
        np.array([2.0, 2.0]),
        torch.tensor([2.0, 2.0]),
        pd.Series([2.0, 2.0]),
        pd.Series([2.0, 2.0], name="a"),
    )
    for column in several:
        assert model.predict(column) == pytest.approx([at, at], rel=1e-12)
    for row in ({"a": 2.0}, pd.Series({"a": 2.0}), [2.0], (2.0,)):
        assert model.predict(row).shape == (1,)
    level = bl.fit(TABLE, "y ~ g")
    means = TABLE.groupby("g").y.mean()
    for column in (["u", "w"], ("u", "w"), np.array(["u", "w"]), pd.Series(["u", "w"]), pd.Series(["u", "w"], name="g")):
        assert level.predict(column) == pytest.approx(means[["u", "w"]].to_numpy(), rel=1e-10)
    assert level.predict({"g": "v"}) == pytest.approx([means["v"]], rel=1e-10)


def test_a_value_beside_columns_is_that_of_every_row() -> None:
    model = bl.fit(TABLE, "y ~ a + b + g")
    found = model.predict({"a": [0.0, 0.5], "b": -1.0, "g": "v"})
    assert found == pytest.approx(model.predict({"a": [0.0, 0.5], "b": [-1.0] * 2, "g": ["v"] * 2}))


def test_a_row_is_evaluated() -> None:
    model = bl.fit(TABLE, "y ~ a + b + g")
    scores = model.evaluate({**ROW, "y": 3.0})
    assert (scores.rows, scores.mse[0]) == (1, pytest.approx((3.0 - model.predict(ROW)[0]) ** 2))
    assert model.evaluate(TABLE.iloc[5]).rows == 1
    numbers = bl.fit(TABLE, "y ~ a + b")
    assert numbers.evaluate((TABLE[["a", "b"]], TABLE.y)).rows == n
    assert numbers.evaluate((TABLE[["a", "b"]].to_numpy(), TABLE.y.to_numpy())).rows == n


@pytest.mark.parametrize(
    "data",
    [(1.0, 2.0, 3.0, 4.0), [1.0], np.zeros(5), torch.zeros(1, 4), 1.0, (1.0, "v"), None, [[1.0, 2.0], [3.0]], object(), {}, []],
)
def test_what_is_no_row_is_refused_in_a_sentence(data: Any) -> None:
    model = bl.fit(TABLE, "y ~ a + b")
    with pytest.raises(BestlineError) as caught:
        model.predict(data)
    assert isinstance(caught.value, DataError)
    assert str(caught.value).endswith(".")


def test_which_value_is_which_is_not_guessed() -> None:
    model = bl.fit(TABLE, "y ~ b + a")  # the table has a before b
    with pytest.raises(ShapeError, match="Which column is which"):
        model.predict((1.0, 2.0))
    assert bl.fit(TABLE[["g", "a", "y"]], "y ~ g + a").predict(("v", 1.0)).shape == (1,)


# --- columns called by numbers -----------------------------------------------------------------------------------------------

ARRAY = np.column_stack([TABLE.a, TABLE.b, TABLE.y])


def test_columns_of_a_frame_may_be_called_by_numbers() -> None:
    frame = pd.DataFrame(ARRAY)
    expected = bl.fit(TABLE, "y ~ a + b")
    by_number = [
        bl.fit(frame, target=2),
        bl.fit(frame, target=2, features=[0, 1]),
        bl.fit(frame, target=np.int64(2), features=range(2)),
        bl.fit(frame, target="2", features=("0", 1)),
        bl.fit(frame, "`2` ~ `0` + `1`"),
        bl.fit({0: TABLE.a, 1: TABLE.b, 2: TABLE.y}, target=2),
        bl.fit(bl.Moments.collect(frame, target=2)),
        bl.fit(bl.Moments.collect(frame, target=[2]), target=2, features=[0, 1]),
    ]
    for model in by_number:
        assert model.params.to_numpy() == pytest.approx(expected.params.to_numpy(), rel=1e-9)
        assert model.names == ("0", "1", "Intercept")
        assert model.predict({0: 1.0, 1: 2.0}) == pytest.approx(expected.predict((1.0, 2.0)), rel=1e-9)
        assert model.predict(pd.Series([1.0, 2.0, 9.0])) == pytest.approx(expected.predict((1.0, 2.0)), rel=1e-9)
    assert bl.preflight(frame, target=2).lr_limit == pytest.approx(bl.preflight(TABLE, "y ~ a + b").lr_limit)
    weighted = bl.fit(frame.assign(w=1.0).set_axis([0, 1, 2, 3], axis=1), target=2, weights=3)
    assert weighted.names == ("0", "1", "Intercept")


@pytest.mark.parametrize("target", [2, -1, "x2", [2]])
@pytest.mark.parametrize("make", [np.asarray, torch.tensor, lambda a: a.tolist()])
def test_a_number_is_the_place_in_an_array(target: Any, make: Any) -> None:
    model = bl.fit(make(ARRAY), target=target)
    assert (model.targets, model.features) == (("x2",), ("x0", "x1"))
    assert model.params.to_numpy() == pytest.approx(bl.fit(TABLE, "y ~ a + b").params.to_numpy(), rel=1e-9)
    assert bl.fit(make(ARRAY), target=target, features=[1]).features == ("x1",)


@pytest.mark.parametrize("target", [3, -4, 2.0, True])
def test_a_number_that_is_no_column_is_refused(target: Any) -> None:
    with pytest.raises(ColumnError, match="no column"):
        bl.fit(ARRAY, target=target)
    with pytest.raises(ColumnError, match="no column `2`"):  # names say which column is meant, places do not
        bl.fit(TABLE, target=2)


def test_names_that_are_one_text_are_refused() -> None:
    frame = pd.DataFrame(ARRAY, columns=[0, "0", "y"])
    for data in (frame, {0: TABLE.a, "0": TABLE.b, "y": TABLE.y}, (frame, TABLE.y)):
        with pytest.raises(ColumnError, match="more than one column named `0`"):
            bl.fit(data, target="y")
    with pytest.raises(ColumnError, match="MultiIndex"):
        bl.fit(pd.DataFrame(ARRAY, columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("y", 1)])), target=("y", 1))


def test_rows_by_name_and_named_tuples_are_rows():
    frame = pd.DataFrame({"x": np.arange(60.0), "g": ["u", "v", "v"] * 20}).assign(y=lambda d: d.x + (d.g == "u"))
    model = bl.fit(frame, "y ~ x + g")
    expected = model.predict(frame.iloc[:3])
    np.testing.assert_array_equal(model.predict(frame.iloc[:3].to_dict("records")), expected)
    np.testing.assert_array_equal(model.predict([{"g": "v", "x": 1.0}]), expected[1:2])
    np.testing.assert_array_equal(model.predict(next(frame.itertuples())), expected[:1])
    np.testing.assert_array_equal(model.predict(pd.Series([0.0, "u"])), expected[:1])
    with pytest.warns(BestlineWarning, match=r"1 row has no prediction, because a value is missing \(`g` 1\)"):
        assert np.isnan(model.predict([{"x": 1.0, "g": "u"}, {"x": 2.0}])).tolist() == [False, True]
