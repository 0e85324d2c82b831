"""Conformal intervals are those of lines fitted again without each row or fold, and hold new rows as often as they promise."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

import bestline as bl
from bestline.errors import BestlineError, NumericalError, OptionError

pytestmark = pytest.mark.usefixtures("quiet")


def table(n: int = 30, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n) + 50})
    return frame.assign(y=1 + frame.a - 0.1 * frame.b + rng.standard_t(3, size=n))


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
@pytest.mark.parametrize("method", ["jackknife+", "cv+"])
def test_the_ends_are_those_of_refits(method: str, level: float):
    frame, new = table(), table(7, 9)
    fold = np.arange(30)
    if method == "cv+":
        fold = (torch.arange(30) % 5)[torch.randperm(30, generator=torch.Generator().manual_seed(4))].numpy()
    low, high = np.zeros((30, 7)), np.zeros((30, 7))
    for i in range(30):
        rest = frame[fold != fold[i]]
        w = np.linalg.lstsq(np.column_stack([rest.a, rest.b, np.ones(len(rest))]), rest.y, rcond=None)[0]
        off = abs(frame.y[i] - np.array([frame.a[i], frame.b[i], 1]) @ w)
        height = np.column_stack([new.a, new.b, np.ones(7)]) @ w
        low[i], high[i] = height - off, height + off
    up, down = math.ceil(round(level * 31, 9)), math.floor(round((1 - level) * 31, 9))
    model = bl.fit(frame, "y ~ a + b")
    found = model.conformal(new, level=level, method=method, folds=5, seed=4)
    assert found.prediction.to_numpy() == pytest.approx(model.predict(new), rel=1e-12)
    assert found.pred_low.to_numpy() == pytest.approx(np.sort(low, 0)[down - 1], rel=1e-9)
    assert found.pred_high.to_numpy() == pytest.approx(np.sort(high, 0)[up - 1], rel=1e-9)


@pytest.mark.parametrize("method", ["jackknife+", "cv+"])
def test_new_rows_are_held_as_often_as_promised_though_errors_are_far_from_normal(method: str):
    trials, held = 250, 0
    rng = np.random.default_rng(11)
    for _ in range(trials):
        x, noise = rng.normal(size=25), rng.exponential(size=25)
        y = x + noise
        ends = bl.fit({"x": x[:24], "y": y[:24]}, "y ~ x").conformal({"x": x[24]}, level=0.8, method=method)
        held += bool(ends.pred_low[0] <= y[24] <= ends.pred_high[0])
    # About 0.8 of 250, whose standard deviation is 6.3: four of these to either side, for intervals that are neither too short nor too long.
    assert abs(held - 0.8 * trials) < 4 * (trials * 0.8 * 0.2) ** 0.5


def test_what_cannot_be_is_refused_in_a_sentence():
    frame = table().assign(w=np.arange(1.0, 31), z=1.0)
    model = bl.fit(frame, "y ~ a + b")
    # The largest of n errors has the rank n, and the rank wanted is ceil(level (n + 1)): of 39 rows it is the last at 0.975.
    for level, rows in ((0.99, 99), (0.975, 39)):
        with pytest.raises(OptionError, match=rf"A level of {level} needs {rows} rows or more; there are 30"):
            model.conformal(frame, level=level)
        least = table(rows)
        assert bl.fit(least, "y ~ a + b").conformal(least.head(2), level=level).notna().all(axis=None)
        with pytest.raises(OptionError, match=f"there are {rows - 1}"):
            bl.fit(least[1:], "y ~ a + b").conformal(least.head(2), level=level)
    for asked in ({"method": "jackknife"}, {"level": 95}, {"folds": 1}, {"seed": -1}, {"metod": "cv+"}):
        with pytest.raises(BestlineError, match=r"[.?]$"):
            model.conformal(frame, **asked)
    with pytest.raises(OptionError, match="rows of one weight"):
        bl.fit(frame, "y ~ a", weights="w").conformal(frame)
    with pytest.raises(NumericalError, match="no conformal intervals here"):
        bl.fit(frame, "y ~ a", l2=0.1).conformal(frame)
    alone = frame.assign(g=["one", *["other"] * 29])
    with pytest.raises(NumericalError, match="not determined"):
        bl.fit(alone, "y ~ g").conformal(alone)


def test_rows_that_cannot_be_predicted_have_no_ends():
    frame = table()
    found = bl.fit(frame, "y ~ a + b").conformal(pd.DataFrame({"a": [0.0, np.nan], "b": [50.0, 50.0]}), level=0.9)
    assert found.notna().all(axis=1).tolist() == [True, False]


@pytest.mark.parametrize("intercept", [True, False])
def test_where_columns_repeat_each_other_ends_are_those_of_one_of_them(intercept: bool):
    """The line is known where new rows keep to what the columns were in training, and one choice among many elsewhere."""
    frame, offset = table(), 3.0 if intercept else 0.0
    frame["b"] = offset + 2 * frame.a
    more = "" if intercept else " - 1"
    new = pd.DataFrame({"a": [0.5, 1.0, 1.0], "b": [offset + 1, offset + 2, offset + 4]})
    found = bl.fit(frame, f"y ~ a + b{more}").conformal(new, level=0.8)
    alone = bl.fit(frame, f"y ~ a{more}").conformal(new, level=0.8)
    ends = ["pred_low", "pred_high"]
    assert found[ends].iloc[:2].to_numpy() == pytest.approx(alone[ends].iloc[:2].to_numpy(), rel=1e-9)
    assert found[ends].iloc[2].isna().all()


@pytest.mark.parametrize("method", ["jackknife+", "cv+"])
def test_frequency_weights_are_rows_repeated(method: str):
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"x": draw.normal(size=30), "k": np.arange(30) % 3 + 1})
    frame["y"] = 1 + frame.x + draw.normal(size=30)
    often = frame.loc[frame.index.repeat(frame.k)].reset_index(drop=True)
    weighed = bl.fit(frame, "y ~ x", weights="k", weight_kind="frequency").conformal(frame, method=method, level=0.8)
    repeated = bl.fit(often, "y ~ x").conformal(frame, method=method, level=0.8)
    assert weighed.to_numpy() == pytest.approx(repeated.to_numpy(), rel=1e-9)


def test_folds_told_by_a_column_are_those_left_out():
    draw = np.random.default_rng(3)
    n, shift = 60, {"a": 0.0, "b": 3.0, "c": -3.0, "d": 6.0}
    frame = pd.DataFrame({"x": draw.normal(size=n), "site": [*"abcd"] * 15})
    frame["y"] = frame.x + frame.site.map(shift) + 0.1 * draw.normal(size=n)
    new, level = pd.DataFrame({"x": [0.0, 1.0]}), 0.8
    found = bl.fit(frame, "y ~ x", folds="site").conformal(new, method="cv+", level=level)
    off, at = [], []
    for site in shift:
        rest, own = bl.fit(frame[frame.site != site], "y ~ x"), frame[frame.site == site]
        off += [*np.abs(own.y - rest.predict(own))]
        at += [rest.predict(new)] * len(own)
    low, high = np.array(at) - np.array(off)[:, None], np.array(at) + np.array(off)[:, None]
    rank = int(np.ceil(level * (n + 1)))
    assert found.pred_high.to_numpy() == pytest.approx(np.sort(high, axis=0)[rank - 1], rel=1e-9)
    assert found.pred_low.to_numpy() == pytest.approx(np.sort(low, axis=0)[n - rank], rel=1e-9)


@pytest.mark.parametrize("method", ["jackknife+", "cv+"])
@pytest.mark.parametrize("kind", ["analytic", "probability"])
@pytest.mark.parametrize("size", [1.0, 2.5, 1e-9, 1e12])
def test_rows_that_weigh_alike_have_no_weights(method: str, kind: str, size: float):
    f = table()
    formula = "y ~ " + " + ".join(name for name in f.columns if name != "y")
    plain, weighed = bl.fit(f, formula), bl.fit(f.assign(w=size), formula, weights="w", weight_kind=kind)
    ours, theirs = (model.conformal(f.head(4), method=method, level=0.8) for model in (weighed, plain))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_weights_that_differ_in_the_fourth_digit_are_weights():
    f = table()
    f["w"] = 1.0
    f.loc[0, "w"] = 1.0001
    with pytest.raises(OptionError, match="rows of one weight"):
        bl.fit(f, "y ~ " + f.columns[0], weights="w").conformal(f.head(2), level=0.8)
