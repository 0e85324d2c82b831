"""Nested models compared, against statsmodels."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.anova import anova_lm

import bestline as bl
from bestline.errors import BestlineWarning, DataError, OptionError
from bestline.inference import comparison
from bestline.inference.fitted import FittedLine
from bestline.pictures.overview import lines_by_label
from inference.examples import frame, reference

pytestmark = pytest.mark.usefixtures("quiet")


# statsmodels and we differ by some units of rounding times the columns' condition, here below 1e3.
SAME = {"rel": 1e-10, "abs": 1e-10}


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize(("small", "large"), [("y ~ x1", "y ~ x1 * x2"), ("y ~ 1", "y ~ g"), ("y ~ 1", "y ~ g - 1 + x2")])
def test_nested_lines_against_statsmodels(small: str, large: str, weights: str | None):
    a, b = (bl.fit(frame(), f, weights=weights) for f in (small, large))
    refs = [reference(f, frame(), weights) for f in (small, large)]
    table = anova_lm(*refs)
    found = comparison.compare(a, b)
    assert found.test.statistic == pytest.approx(table["F"].iloc[1], rel=1e-9)
    assert found.test.p_value == pytest.approx(table["Pr(>F)"].iloc[1], rel=1e-8)
    assert [found.small.aic, found.large.bic] == pytest.approx([refs[0].aic, refs[1].bic], **SAME)
    assert found.facts["df"] == [refs[0].df_resid - refs[1].df_resid, refs[1].df_resid]
    assert "F(" in str(found)
    json.dumps(found.facts, allow_nan=False)


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_a_target_that_differs_in_one_row_by_little_is_of_other_rows(scale: float):
    """A mean that is another by some millionths of the spread is not moved by rounding; another order of the rows moves it by that alone."""
    data = frame().assign(y=scale * frame()["y"])
    small, moved = bl.fit(data, "y ~ x1"), data.copy()
    moved.loc[0, "y"] += 1e-3 * data["y"].std()
    with pytest.raises(DataError, match="fitted to"):
        bl.compare(small, bl.fit(moved, "y ~ x1 + x2"))
    assert len(bl.compare(small, bl.fit(data.sample(frac=1, random_state=1), "y ~ x1 + x2")).tests) == 1


def test_lines_that_are_not_nested():
    a, b = bl.fit(frame(), "y ~ x1"), bl.fit(frame(), "y ~ x2")
    with pytest.raises(OptionError, match=r"`x1`.*not nested"):
        comparison.compare(a, b)
    with pytest.raises(OptionError, match="nothing to test"):
        comparison.compare(a, a)
    with pytest.raises(OptionError, match="different targets"):
        comparison.compare(a, bl.fit(frame(), "y2 ~ x1 + x2"))
    with pytest.raises(DataError, match="different rows"):
        comparison.compare(a, bl.fit(frame().iloc[1:], "y ~ x1 + x2"))
    with pytest.raises(DataError, match="weights"):
        comparison.compare(a, bl.fit(frame(), "y ~ x1 + x2", weights="w"))
    with pytest.raises(OptionError, match="nested"):
        comparison.compare(a, bl.fit(frame(), "y ~ x1 + x2 - 1"))


@pytest.mark.parametrize("wrong", [lambda model: {"a": model, "b": 3}, lambda model: [model], lambda model: "adam"])
def test_several_lines_are_given_by_their_labels_and_every_one_is_a_line(wrong: Callable[[FittedLine], object]) -> None:
    model = bl.fit({"x": [1.0, 2, 3, 4], "y": [1.0, 2, 4, 4]}, "y ~ x")
    assert lines_by_label(None) == {}
    assert lines_by_label({"a": model, "b": model}) == {"a": model, "b": model}
    with pytest.raises(OptionError, match="Several models are given by their labels"):
        lines_by_label(wrong(model))


@pytest.mark.parametrize("weights", [None, "w"])
def test_any_number_of_nested_lines_against_statsmodels(weights: str | None):
    formulas = ["y ~ 1", "y ~ x1", "y ~ x1 + x2", "y ~ x1 * x2 + g"]
    found = bl.compare(*(bl.fit(frame(), f, weights=weights) for f in formulas))
    table = anova_lm(*(reference(f, frame(), weights) for f in formulas)).iloc[1:]
    assert [test.statistic for test in found.tests] == pytest.approx(table["F"].tolist(), rel=1e-9)
    # statsmodels takes p from the degrees of freedom of each model; R takes F's own, those of the last, and so do we.
    assert [test.df for test in found.tests] == [(m, 234) for m in (1, 1, 3)]
    assert [line.rss for line in found.lines[1:]] == pytest.approx(table["ssr"].tolist(), rel=1e-9)
    assert [row["statistic"] for row in found.facts["tests"]] == [test.statistic for test in found.tests]
    assert "4 beside 3, more weights: F(3, 234)" in str(found)
    json.dumps(found.facts, allow_nan=False)


def test_robust_tests_of_nested_lines_add_up_to_walds_test():
    formulas = ["y ~ x1", "y ~ x1 + x2", "y ~ x1 * x2 + g"]
    models = [bl.fit(frame(), f, cov="HC3") for f in formulas]
    found = bl.compare(*models)
    whole = models[-1].wald("x2 = 0, x1:x2 = 0, g[T.b] = 0, g[T.c] = 0")
    assert sum(t.statistic * t.df[0] for t in found.tests) == pytest.approx(4 * whole.statistic, rel=1e-9)
    assert found.test.statistic == pytest.approx(models[-1].wald("x1:x2 = 0, g[T.b] = 0, g[T.c] = 0").statistic, rel=1e-9)
    assert found.cov == "HC3"


def test_nested_lines_stand_from_the_smallest_to_the_largest():
    a, b, c = (bl.fit(frame(), f) for f in ("y ~ x1", "y ~ x1 + x2", "y ~ x1 + x2 + g"))
    with pytest.raises(OptionError, match=r"`g\[T.b\]`.*not nested"):
        bl.compare(a, c, b)
    with pytest.raises(OptionError, match="nothing to test"):
        bl.compare(a, b, b)
    with pytest.raises(OptionError, match=r"two models or more.*anova"):
        bl.compare(a)
    with pytest.raises(OptionError, match="two models or more"):
        bl.compare()
    with pytest.raises(OptionError, match="got int"):
        bl.compare(a, b, 3)


def test_lines_that_know_another_part_of_the_target_are_no_other_rows():
    f = frame()
    a, b = bl.fit(f, "y ~ x1"), bl.fit(f, "y ~ x1 + x2 + offset(w)")
    with pytest.raises(OptionError, match=r"beforehand \(none and offset\(w\)\).*held_out=True"):
        bl.compare(a, b)
    assert "offset(w)" in str(bl.compare(a, b, held_out=True))
    assert "The known parts (offset) differ" in str(bl.table([a, b]))
    assert "rows or the weights differ" not in str(bl.table([a, b]))


def test_kinds_of_weights_that_differ_are_named():
    f = frame().assign(w=2.0)
    small = {kind: bl.fit(f, "y ~ x1", weights="w", weight_kind=kind) for kind in ("analytic", "frequency")}
    large = bl.fit(f, "y ~ x1 + x2", weights="w", weight_kind="frequency")
    assert bl.compare(small["frequency"], large)
    with pytest.raises(OptionError, match="analytic and frequency weights"):
        bl.compare(small["analytic"], large)


@pytest.mark.parametrize(
    ("small", "large", "told"),
    [
        ({}, {"weights": "two"}, "other weights: the large one has weights, and the other has none; give both the same"),
        ({"weights": "two"}, {}, "other weights: the small one has weights, and the other has none; give both the same"),
        ({}, {"weights": "some"}, "other weights: the large one has weights"),
        ({"weights": "two"}, {"weights": "some"}, r"different rows \(40 and 34, for rows of weight 0 do not count\)"),
        ({"weights": "two"}, {"weights": "up"}, r"other weights, or to other rows \(40 each\)"),
        ({}, {"missing": "drop"}, r"different rows \(40 and 37\); leave out rows with a missing value before both fits"),
    ],
)
def test_lines_of_other_rows_or_weights_say_which(small, large, told):
    x, z, noise = np.random.default_rng(3).normal(size=(3, 40))
    frame = pd.DataFrame({"x": x, "z": z, "y": x + noise, "two": 2.0, "some": [0.0] * 6 + [1.0] * 34, "up": np.arange(1.0, 41)})
    holes = frame.assign(z=frame.z.where(frame.index > 2)) if "missing" in large else frame
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)
        lines = bl.fit(frame, "y ~ x", **small), bl.fit(holes, "y ~ x + z", **large)
    with pytest.raises(DataError, match=told):
        bl.compare(*lines)
