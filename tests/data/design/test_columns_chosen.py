"""Which columns serve where nobody names them, at the edge of each rule; and the shares of levels that a gap stands for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from bestline.errors import ColumnError

pytestmark = pytest.mark.usefixtures("quiet")


def chosen(**columns: object) -> tuple[str, ...]:
    frame = pd.DataFrame(columns)
    rng = np.random.default_rng(0)
    model = bl.fit(frame.assign(x=rng.normal(size=len(frame)), y=rng.normal(size=len(frame))), target="y")
    return tuple(dict.fromkeys(name.split("[")[0] for name in model.features))


@pytest.mark.parametrize("first", [0, 1, 2])
@pytest.mark.parametrize("name", ["id", "index", "Unnamed: 0"])
def test_a_column_that_counts_the_rows_is_left_out(first: int, name: str) -> None:
    """From 0 or from 1: from 2 on it is a measurement like any other."""
    assert chosen(**{name: np.arange(30) + first}) == (("x",) if first < 2 else (name, "x"))


def test_a_column_that_nearly_counts_them_is_a_feature() -> None:
    assert chosen(id=[*range(29), 40]) == ("id", "x")


@pytest.mark.parametrize(("levels", "serves"), [(200, True), (201, False)])
def test_texts_of_many_levels_look_like_identifiers(levels: int, serves: bool) -> None:
    words = [f"w{i % levels:03d}" for i in range(1_200)]
    assert ("g" in chosen(g=words)) == serves


@pytest.mark.parametrize(("levels", "serves"), [(20, True), (21, False)])
def test_texts_that_are_different_in_nearly_every_row_do_too(levels: int, serves: bool) -> None:
    assert ("g" in chosen(g=[f"w{i % levels}" for i in range(40)])) == serves


@pytest.mark.parametrize("gaps", [1, 5, 9])
def test_a_gap_never_seen_in_training_counts_as_every_level_by_its_share(gaps: int) -> None:
    """And one seen in training is a level of its own, of the share that it had."""
    g = ["a"] * 8 + ["b"] * 14 + ["c"] * 8
    x = np.random.default_rng(1).normal(size=30)
    y = x + np.array([{"a": 0.0, "b": 1.0, "c": 5.0}[v] for v in g])
    whole = bl.fit({"g": g, "x": x, "y": y}, "y ~ x + g", missing="impute")
    each = [float(whole.predict({"g": [v], "x": [0.3]})[0]) for v in "abc"]
    gap = float(whole.predict(pd.DataFrame({"g": [None], "x": [0.3]}))[0])
    assert gap == pytest.approx(np.average(each, weights=[8, 14, 8]), rel=1e-9)
    holes = [None if i < gaps else v for i, v in enumerate(g)]
    (factor,) = [
        f
        for f in bl.fit(pd.DataFrame({"g": holes, "x": x, "y": y}), "y ~ x + g", missing="impute").design.factors
        if f.kind == "category"
    ]
    shares = dict(zip(factor.levels, factor.shares, strict=True))
    missing = next(level for level in factor.levels if level not in "abc")
    assert shares[missing] == pytest.approx(gaps / 30)
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.parametrize("gaps", [0, 3])
def test_a_text_that_is_the_same_in_every_row_says_nothing_unless_it_has_gaps(gaps: int) -> None:
    frame = pd.DataFrame({"g": ["a"] * (40 - gaps) + [None] * gaps, "x": np.random.default_rng(0).normal(size=40)})
    frame["y"] = frame.x + np.random.default_rng(1).normal(size=40)
    model = bl.fit(frame, target="y", missing="impute")
    assert any(name.startswith("g") for name in model.features) == bool(gaps)


@pytest.mark.parametrize("reference", ["a", "b", "c"])
def test_the_reference_is_the_level_that_is_asked_for(reference: str) -> None:
    """Every other level is compared with it; and they stay in their order."""
    g = np.array(list("abc") * 10)
    y = np.array([{"a": 1.0, "b": 4.0, "c": 9.0}[v] for v in g])
    model = bl.fit({"g": g, "y": y}, f"y ~ C(g, Treatment('{reference}'))")
    means = {"a": 1.0, "b": 4.0, "c": 9.0}
    others = [level for level in "abc" if level != reference]
    assert [name.split("[T.")[1].rstrip("]") for name in model.features] == others
    assert model.intercept == pytest.approx(means[reference])
    assert list(model.coef) == pytest.approx([means[level] - means[reference] for level in others])


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_there_is_one_zero_among_categories(kind: type) -> None:
    """Minus zero is zero: one level, at every door, and no two that look alike."""
    z = np.array([-0.0, 0.0, 1.0, 2.5] * 5, dtype=kind)
    y = np.array([3.0, 5.0, 7.0, 9.0] * 5)
    for data in (pd.DataFrame({"z": z, "y": y}), {"z": z, "y": y}):
        model = bl.fit(data, "y ~ C(z)")
        assert model.features == ("C(z)[T.1]", "C(z)[T.2.5]")
        assert model.intercept == pytest.approx(4)
        assert model.predict({"z": np.array([-0.0, 0.0], dtype=kind)}) == pytest.approx([4, 4])
    assert bl.Moments.collect(pd.DataFrame({"z": z, "y": y}), "y ~ 1", by="z").values == ("0", "1", "2.5")


@pytest.mark.parametrize("weights", [None, "w"])
def test_a_text_that_says_missing_and_a_gap_are_one_level_of_both_shares(weights: str | None) -> None:
    g = ["a"] * 12 + ["(missing)"] * 3 + [None] * 5
    w = np.arange(1.0, 21.0)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"g": g, "w": w, "x": rng.normal(size=20), "y": rng.normal(size=20)})
    (factor,) = (
        f for f in bl.fit(frame, "y ~ x + g", missing="impute", weights=weights).design.factors if f.kind == "category"
    )
    count = w if weights else np.ones(20)
    assert factor.levels == ("a", "(missing)")
    assert factor.shares == pytest.approx((count[:12].sum() / count.sum(), count[12:].sum() / count.sum()))


@pytest.mark.parametrize("formula", ["y ~ I(x * g)", "y ~ I(g * x)", "y ~ x + I(x ** 2 + x * g)", "I(x + g) ~ x"])
def test_text_in_an_expression_is_named_wherever_it_stands(formula):
    with pytest.raises(ColumnError, match="Column `g` is text, and"):
        bl.fit({"x": [1.0, 2.0, 3.0, 5.0], "g": list("abab"), "y": [1.0, 3.0, 2.0, 4.0]}, formula)
