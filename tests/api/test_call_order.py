"""Which argument is which: data and formula in either order, X and y, by position or by name, at every door that takes them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

import bestline as bl
from bestline.calls import is_formula, meant_as_formula
from bestline.errors import BestlineWarning, ColumnError, FileError, FormulaError, OptionError, ShapeError

X = np.random.default_rng(7).normal(size=(40, 2))
y = X @ [1.0, 2.0] + 3 + np.random.default_rng(8).normal(size=40)
names = pd.DataFrame(X, columns=["a", "b"])
price = pd.Series(y, name="price")
frame = names.assign(y=y)


def asked(*args: Any, **named: Any) -> str:
    return bl.fit(*args, **named).design.formula


DOORS: dict[str, Callable[..., Any]] = {
    "fit": lambda *args, **named: bl.fit(*args, **named).params.tolist(),
    "preflight": lambda *args, **named: str(bl.preflight(*args, **named)),
    "sweep": lambda *args, **named: bl.sweep(*args, lrs=[0.1], steps=2, **named).losses.tolist(),
    "collect": lambda *args, **named: [f.scatter.tolist() for f in bl.Moments.collect(*args, **named).folds],
}


@pytest.mark.parametrize("door", DOORS)
def test_data_and_formula_go_in_either_order_and_by_name(door: str, tmp_path: Path) -> None:
    call = DOORS[door]
    usual = call(frame, "y ~ a + b")
    frame.to_csv(tmp_path / "t.csv", index=False)
    path = str(tmp_path / "t.csv")
    assert call("y ~ a + b", frame) == usual
    assert call("y ~ a + b", data=frame) == usual
    assert call(frame, formula="y ~ a + b") == usual
    assert call(formula="y ~ a + b", data=frame) == usual
    assert call("y ~ a + b", {name: frame[name].to_numpy() for name in frame}) == usual
    assert call("y ~ a + b", path) == call(path, "y ~ a + b")
    assert call("y ~ a + b", tmp_path / "t.csv") == call([path], "y ~ a + b") == call("y ~ a + b", [path])


@pytest.mark.parametrize("door", DOORS)
def test_x_and_y_stand_beside_each_other(door: str) -> None:
    call = DOORS[door]
    usual = call((X, y))
    assert call(X, y) == call(X=X, y=y) == call(X, y=y) == usual
    assert call(torch.tensor(X), torch.tensor(y)) == call(X.tolist(), y.tolist()) == call(X, y[:, None]) == usual


@pytest.mark.parametrize(
    ("left", "right", "formula"),
    [
        (X, y, "y ~ x0 + x1"),
        (X[:, 0], y, "y ~ x0"),
        (list(range(8)), [1, 3, 2, 5, 4, 7, 6, 9], "y ~ x0"),
        (tuple(range(8)), (1, 3, 2, 5, 4, 7, 6, 9), "y ~ x0"),
        (range(40), y, "y ~ x0"),
        (X, np.c_[y, -y], "y0 + y1 ~ x0 + x1"),
        (names, price, "price ~ a + b"),
        (names, price.to_frame(), "price ~ a + b"),
        (names, y, "y ~ a + b"),
        (names.a, price, "price ~ a"),
        (X, price, "price ~ x0 + x1"),
        (pd.DataFrame(X), y, "y ~ `0` + `1`"),
        (pl.from_pandas(names), pl.Series("price", y), "price ~ a + b"),
        (pa.table({"a": X[:, 0]}), pa.array(y), "y ~ a"),
        (pa.table({"a": X[:, 0]}), pa.chunked_array([y]), "y ~ a"),
        ({"a": X[:, 0]}, y, "y ~ a"),
        ({"a": X[:, 0]}, {"b": y}, "b ~ a"),
    ],
)
def test_names_are_kept_and_the_others_numbered(left: Any, right: Any, formula: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)  # few rows
        assert asked(left, right) == formula


@pytest.mark.parametrize(("left", "right"), [(X, y), (names, y), (names, price), (names, price.to_numpy()[:, None])])
def test_a_model_is_judged_by_x_and_y(left: Any, right: Any) -> None:
    model = bl.fit(names, price)
    theirs = model.evaluate(names.assign(price=y))
    assert model.evaluate(left, right).rmse == model.evaluate((left, right)).rmse == theirs.rmse


def test_the_other_way_round_is_remarked_where_shapes_tell() -> None:
    for one, many in ((y, X), (price, names), (y[:, None], X.tolist())):
        with pytest.warns(BestlineWarning, match=r"write X first: fit\(X, y\)"):
            bl.fit(one, many)


@pytest.mark.parametrize(
    ("args", "named", "told"),
    [
        (("y ~ a",), {}, r"is a formula, and there are no data beside it; write fit\(data, 'y ~ a'\)"),
        (("y = a",), {}, "no data beside it"),
        (("y ~ a", "y ~ b"), {}, "both formulas"),
        ((), {"formula": "y ~ a"}, "no data beside it"),
        ((), {}, "fit needs data"),
        ((X, y, y), {}, "two arguments by position"),
        ((X, y), {"data": frame}, "got 3 of them"),
        ((frame, "y ~ a"), {"formula": "y ~ b"}, "got 3 of them"),
        ((X, 3.0), {}, "got 3.0"),
        ((frame, b"y ~ a"), {}, "got b'y ~ a'"),
        ((frame, max), {}, "of the type"),
        ((frame, ["a", "b"]), {}, r"names of columns; write target=\.\.\. and features=\['a', 'b'\]"),
        ((frame,), {"y": "price"}, "target='price'"),
        (("cars.csv", y), {}, "A path goes with a formula"),
        (("cars.csv", "more.csv"), {}, "give several files as a list"),
    ],
)
def test_what_cannot_be_meant_is_told_with_what_to_write(args: tuple[Any, ...], named: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionError, match=told):
        bl.fit(*args, **named)


@pytest.mark.parametrize(
    ("args", "error", "told"),
    [
        (("y = a", frame), FormulaError, "write y ~ a"),
        ((frame, "y = a"), FormulaError, "write y ~ a"),
        (("y, a", frame), FormulaError, "write y ~ a"),
        ((frame, "y"), FormulaError, "write target='y'"),
        (("nofile.csv", "y ~ a"), FileError, "`nofile.csv` does not exist"),
        (("y ~ a", "nofile.csv"), FileError, "`nofile.csv` does not exist"),
        (("~/nofile.csv", "y ~ a"), FileError, "nofile.csv` does not exist"),
        (("~nobody/nofile.csv", "y ~ a"), FileError, "nofile.csv` does not exist"),
        ((X, y[:-1]), ShapeError, "X has 40 rows but y has 39"),
        ((frame, frame.y), ColumnError, "`y`"),
        ((names, pd.Series(list("ab") * 20)), ColumnError, "is text"),
    ],
)
def test_what_is_wrong_with_the_right_order_is_told_as_ever(args: tuple[Any, ...], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        bl.fit(*args)


@pytest.mark.parametrize("text", ["y ~ x", "y~x", "log(y) ~ .", "~ x", "y ~ `a/b`", "y ~ x/g"])
def test_a_formula_is_told_from_a_path(text: str) -> None:
    assert is_formula(text)


@pytest.mark.parametrize(
    "text", ["cars.csv", "~/cars.csv", "~me/cars.csv", "a~b.csv", "s3://b/~x", "", "y = x", None, 3, ["y ~ x"]]
)
def test_a_path_is_told_from_a_formula(text: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_formula(text)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "y ~ x").write_text("x,y\n1,2\n2,3\n")
    assert not is_formula("y ~ x")
    assert meant_as_formula("y = x")
    assert not meant_as_formula("cars=2.csv")


def test_what_is_lacking_is_named_and_not_what_was_given_by_name() -> None:
    model = bl.fit(X, y)
    with pytest.raises(OptionError, match=r"^evaluate needs `data`\.$"):
        model.evaluate(y=y)
    with pytest.raises(OptionError, match=r"^predict needs `data`\.$"):
        model.predict(interval="confidence")
    with pytest.raises(OptionError, match=r"^evaluate was given `data` twice, by its place and by its name; give it once\.$"):
        model.evaluate(X, data=X)
