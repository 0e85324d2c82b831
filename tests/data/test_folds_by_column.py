"""Folds that are the values of a column, against scikit-learn's LeaveOneGroupOut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Lasso, LinearRegression
from sklearn.model_selection import LeaveOneGroupOut

import bestline as bl
from bestline.errors import ColumnError, DataError, MissingValuesError, ModelFileError, OptionError

EXACT = 1e-8  # coordinate descent at its tightest tolerance


@pytest.fixture(autouse=True)
def _quiet(quiet: None) -> None:
    """Notes are not the point."""


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    found = pd.DataFrame(rng.normal(size=(200, 4)), columns=list("abcd"))
    found["region"] = rng.choice(["north", "south", "east"], 200, p=[0.5, 0.3, 0.2])
    found["y"] = found.a - 0.5 * found.b + (found.region == "east") + 0.5 * rng.normal(size=200)
    return found


def cuts(frame: pd.DataFrame) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(LeaveOneGroupOut().split(frame, groups=frame.region))


def test_the_held_out_error_is_of_groups_never_seen(frame: pd.DataFrame, tmp_path: Path) -> None:
    X, y = frame[list("abcd")].to_numpy(), frame.y.to_numpy()
    squares = sum(
        ((y[held] - LinearRegression().fit(X[rest], y[rest]).predict(X[held])) ** 2).sum() for rest, held in cuts(frame)
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    for data in (frame, str(tmp_path / "t.csv")):
        model = bl.fit(data, target="y", folds="region")
        assert model.features == ("a", "b", "c", "d")  # the folds' column is none of them
        assert model.held_out.mse[0] == pytest.approx(squares / 200, rel=1e-10)
        assert model.held_out.kind == "leave-one-region-out"
    robust = bl.fit(frame, "y ~ a + b", loss="huber", folds="region")
    assert robust.held_out.kind == "leave-one-region-out"
    assert "region" in bl.fit(frame, "y ~ a + region", folds="region").design.formula


def test_the_whole_path_is_cross_validated_by_groups(frame: pd.DataFrame) -> None:
    model = bl.fit(frame, target="y", cv="lasso", folds="region", standardize=False)
    X, y = frame[list("abcd")].to_numpy(), frame.y.to_numpy()
    for i in (10, 40, 70):
        alpha = float(model.cv.l1[i]) / 2
        expected = sorted(
            ((y[held] - Lasso(alpha, tol=1e-14, max_iter=10**6).fit(X[rest], y[rest]).predict(X[held])) ** 2).mean()
            for rest, held in cuts(frame)
        )
        assert sorted(model.cv.fold_mse[:, i, 0].tolist()) == pytest.approx(expected, rel=EXACT)


def test_with_a_split_and_numbers_as_groups(frame: pd.DataFrame) -> None:
    frame["year"] = np.arange(200) % 4 + 2020
    by_number = bl.fit(frame, "y ~ a", folds="year")
    assert len(by_number.moments.folds) == 4
    split = bl.fit(frame, "y ~ a + b", cv="ridge", folds="region", split=(0.6, 0.4))
    assert split.cv.folds == 3
    assert sum(f.count for f in split.moments.folds) == split.sizes["training"]


def test_the_command_line(run, frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "t.csv", index=False)
    told = run("fit", "t.csv", "--target", "y", "--folds", "region", "--json").facts
    assert told["held_out"]["kind"] == "leave-one-region-out"
    assert run("fit", "t.csv", "--target", "y", "--folds", "3", "--json").facts["held_out"]["kind"] == "3-fold"


def test_what_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(ColumnError, match="region"):
        bl.fit(frame, "y ~ a", folds="regoin")
    with pytest.raises(DataError, match="same value"):
        bl.fit(frame.assign(one=1), "y ~ a", folds="one")
    with pytest.raises(DataError, match="more than 1,000"):
        bl.fit({"x": np.arange(2_000.0), "y": np.arange(2_000.0), "g": [f"g{i}" for i in range(2_000)]}, "y ~ x", folds="g")
    gaps = frame.assign(region=frame.region.where(frame.index != 7))
    with pytest.raises(MissingValuesError, match="in no fold"):
        bl.fit(gaps, "y ~ a", folds="region")
    with pytest.raises(OptionError, match="need the rows"):
        bl.fit(bl.Moments.collect(frame, "y ~ a"), folds="region")
    with pytest.raises(OptionError, match="is the target"):
        bl.fit(frame, "y ~ a", folds="y")
    absent = gaps.assign(w=np.where(frame.index == 7, 0.0, 1.0))  # a row of weight 0 is not there
    assert bl.fit(absent, "y ~ a", folds="region", weights="w").held_out.rows == 199
    assert any("never seen" in note for note in bl.fit(frame, "y ~ a + region", folds="region").notes)
    for folds in (1, 2.5, None):
        with pytest.raises(OptionError, match="name of a column"):
            bl.fit(frame, "y ~ a", folds=folds)


def test_moments_by_a_column_add_up_whatever_values_each_table_has(run, frame: pd.DataFrame, tmp_path: Path) -> None:
    """Two tables, one without the east, the other without the north, are the whole table."""
    frame["region"] = np.where(
        np.arange(200) < 120, frame.region.replace("east", "south"), frame.region.replace("north", "south")
    )
    parts = [frame[:120], frame[120:]]
    formula = "y ~ a + b + c + d"
    first, second = (bl.Moments.collect(part, formula, by="region") for part in parts)
    assert set(first.values) == {"north", "south"}
    assert set(second.values) == {"east", "south"}
    (first + second).save(tmp_path / "all.moments")
    both, whole = bl.Moments.load(tmp_path / "all.moments"), bl.Moments.collect(frame, formula, by="region")
    counts = frame.region.value_counts()
    for found in (both, second + first, whole, bl.fit(frame, formula, folds="region").moments):
        assert found.by == "region"
        assert {v: f.count for v, f in zip(found.values, found.folds, strict=True)} == counts.to_dict()
    from_rows = bl.fit(frame, formula, cv="lasso", folds="region", standardize=False)
    for given in (both, str(tmp_path / "all.moments")):
        model = bl.fit(given, cv="lasso", standardize=False)
        assert model.cv.error.numpy() == pytest.approx(from_rows.cv.error.numpy(), rel=1e-9)
        assert model.held_out.kind == "leave-one-region-out"
        assert model.held_out.mse[0] == pytest.approx(from_rows.held_out.mse[0], rel=1e-9)
    rest = both - second
    assert {v: f.count for v, f in zip(rest.values, rest.folds, strict=True) if f.count} == {
        v: f.count for v, f in zip(first.values, first.folds, strict=True)
    }
    assert bl.fit(both, target="a", features=["b"]).held_out.kind == "leave-one-region-out"
    parts[0].to_csv(tmp_path / "1.csv", index=False)
    told = run("moments", "collect", "1.csv", formula, "--by", "region", "-o", "1.moments", "--json").facts
    assert dict(zip(told["values"], told["folds"], strict=True)) == parts[0].region.value_counts().to_dict()
    assert "in 2 folds, the values of" in run("moments", "show", "1.moments").out


def test_what_moments_by_a_column_refuse(frame: pd.DataFrame) -> None:
    by = bl.Moments.collect(frame, "y ~ a", by="region")
    with pytest.raises(DataError, match="different columns, levels or folds"):
        _ = by + bl.Moments.collect(frame, "y ~ a", folds=3)
    with pytest.raises(DataError, match="not part of these moments"):
        _ = bl.Moments.collect(frame[frame.region != "east"], "y ~ a", by="region") - by
    with pytest.raises(OptionError, match="Collect them with folds='city'"):
        bl.fit(by, folds="city")
    assert bl.fit(by, folds="region").held_out.kind == "leave-one-region-out"
    with pytest.raises(OptionError, match="is the target"):
        bl.Moments.collect(frame, "y ~ a", by="y")
    assert bl.Moments.collect(frame, "y ~ a", folds="region").values == by.values
    with pytest.raises(OptionError, match="from 1 to 1,000, or the name of a column"):
        bl.Moments.collect(frame, "y ~ a", folds=0)
    for wrong in ({"by": ["region"]}, {"by": 3}, {"by": "region", "folds": 3}):
        with pytest.raises(OptionError, match="in place of `folds`"):
            bl.Moments.collect(frame, "y ~ a", **wrong)
    with pytest.raises(DataError, match="hold no rows"):
        bl.fit(by - by)
    frame["each"] = [f"{i}" for i in range(len(frame))]
    many = bl.Moments.collect(frame, "y ~ a", by="each")
    other = bl.Moments.collect(pd.concat([frame.assign(each=frame.each + f"/{i}") for i in range(5)]), "y ~ a", by="each")
    with pytest.raises(DataError, match="1,200 values of `each`"):
        _ = many + other


def test_a_moments_file_that_names_a_group_twice_is_damaged(frame: pd.DataFrame, tmp_path: Path) -> None:
    by = bl.Moments.collect(frame, "y ~ a", by="region")
    for values in (("east", "east", "north"), ("east", "north"), (1, 2, 3)):
        replace(by, values=values).save(tmp_path / "odd.moments", overwrite=True)
        with pytest.raises(ModelFileError, match="damaged"):
            bl.Moments.load(tmp_path / "odd.moments")
