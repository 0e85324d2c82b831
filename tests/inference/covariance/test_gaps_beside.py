"""Rows without a cluster, a fold or a place in the order: refused with counts, or left out with missing='drop', wherever the rows are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import bestline as bl
from bestline.data.design import Design
from bestline.errors import MissingValuesError

pytestmark = pytest.mark.usefixtures("quiet")

CASES: list[Any] = [
    ({"cov": "cluster:firm"}, "firm"),
    ({"cov": {"cluster": ["h", "firm"]}}, "firm"),
    ({"cov": "hac:day,lags=3"}, "day"),
    ({"cov": "driscoll-kraay:day"}, "day"),
    ({"folds": "firm"}, "firm"),
]


def table(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=n), "h": rng.choice(list("abc"), n), "firm": rng.integers(0, 30, n).astype(str)})
    data["day"] = pd.date_range("2020-01-01", periods=n)
    data["y"] = 1 + 2 * data["x"] + rng.normal(size=n)
    data.loc[[3, 50], "firm"] = None
    data.loc[[7, 9, 11], "day"] = pd.NaT
    return data


@pytest.mark.parametrize("missing", ["drop", "impute"])
@pytest.mark.parametrize(("given", "column"), CASES)
def test_such_rows_are_left_out_and_counted(given: dict[str, Any], column: str, missing: str):
    data = table()
    model, ref = bl.fit(data, "y ~ x + h", missing=missing, **given), bl.fit(data.dropna(subset=[column]), "y ~ x + h", **given)
    assert model.bse.tolist() == pytest.approx(ref.bse.tolist(), rel=1e-10)
    assert model.params.tolist() == pytest.approx(ref.params.tolist(), rel=1e-10)
    assert model.held_out.rmse == pytest.approx(ref.held_out.rmse, rel=1e-10)
    assert model.collected.dropped == data[column].isna().sum()
    # New rows need no cluster.
    others = data.drop(columns=[column, "y"])
    assert np.isfinite(model.predict(others)).all()
    assert model.evaluate(data.drop(columns=column)).rows == len(data)


@pytest.mark.parametrize(("given", "column"), CASES[:4])
def test_by_default_they_are_refused_with_their_number(given: dict[str, Any], column: str):
    with pytest.raises(MissingValuesError, match=rf"of the 300 rows .*`{column}` \d.*missing='drop'"):
        bl.fit(table(), "y ~ x + h", **given)


def test_a_line_that_was_fitted_to_them_says_what_to_do():
    model = bl.fit(table(), "y ~ x")
    with pytest.raises(MissingValuesError, match=r"`firm` has no value at row 4.*fit with this `cov` and missing='drop'"):
        model.summary(cov="cluster:firm")


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize(("given", "column"), CASES)
def test_engines_leave_out_the_same(given: dict[str, Any], column: str, engine: str, tmp_path: Path):
    table().to_csv(file := tmp_path / "d.csv", index=False)
    lazy = pl.scan_csv(file) if engine == "polars" else duckdb.read_csv(str(file))
    here, there = (bl.fit(data, "y ~ x + h", missing="drop", **given) for data in (file, lazy))
    assert there.bse.tolist() == pytest.approx(here.bse.tolist(), rel=1e-9)
    assert there.collected.dropped == here.collected.dropped == table()[column].isna().sum()


def test_a_saved_line_knows_its_rows(tmp_path: Path):
    bl.fit(table(), "y ~ x", cov="cluster:firm", missing="drop").save(tmp_path / "a.bestline")
    again = bl.load(tmp_path / "a.bestline")
    ref = bl.fit(table().dropna(subset=["firm"]), "y ~ x", cov="HC3")
    assert again.tidy(cov="HC3", data=table())["std_error"].tolist() == pytest.approx(ref.bse.tolist(), rel=1e-10)


def test_a_design_keeps_it():
    model = bl.fit(table(), "y ~ x", cov="cluster:firm", missing="drop")
    assert model.design.beside == ("firm",)
    assert Design.from_json(model.design.to_json()).beside == ("firm",)
    assert "beside" not in bl.fit(table(), "y ~ x").design.to_dict()
