"""Nested models compared, against statsmodels."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from statsmodels.stats.anova import anova_lm

import bestline as bl
from bestline.errors import DataError, OptionError
from bestline.inference import comparison
from bestline.inference.fitted import FittedLine, lines_by_label
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
