"""Lines of any columns by their held-out errors on the same folds, against a plain loop over rows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from bestline.errors import ColumnError, DataError, OptionError
from inference.examples import frame, reference

pytestmark = pytest.mark.usefixtures("quiet")


def by_rows(formulas: list[str], data: pd.DataFrame, fold: str, weights: str | None) -> list[tuple[float, float, float]]:
    """MSE, difference from the first and its standard error: statsmodels' lines, row after row."""
    squares = np.zeros((len(data), len(formulas)))
    for value in data[fold].unique():
        held = (data[fold] == value).to_numpy()
        for j, formula in enumerate(formulas):
            fit = reference(formula, data[~held], weights)
            squares[held, j] = (data["y"][held] - fit.predict(data[held])) ** 2
    w = np.ones(len(data)) if weights is None else data[weights].to_numpy()
    found = []
    for own in squares.T:
        d = own - squares[:, 0]
        mean = np.average(d, weights=w)
        error = np.sqrt(len(d) / (len(d) - 1) * np.sum(w**2 * (d - mean) ** 2)) / w.sum()
        found.append((float(np.average(own, weights=w)), float(mean), float(error)))
    return found


@pytest.mark.parametrize("weights", [None, "w"])
def test_errors_and_differences_are_those_of_a_loop_over_the_rows(weights: str | None):
    formulas = ["y ~ x1", "y ~ x1 * x2", "y ~ g + x2 - 1"]
    data = frame()
    found = bl.compare(*(bl.fit(data, f, weights=weights, folds="firm") for f in formulas), held_out=True)
    expected = by_rows(formulas, data, "firm", weights)
    for line, (mse, difference, _) in zip(found.lines, expected, strict=True):
        assert (line.mse, line.difference) == pytest.approx((mse, difference), rel=1e-9, abs=1e-12)
    assert [line.std_error for line in found.lines[1:]] == pytest.approx([e for _, _, e in expected[1:]], rel=1e-8)
    assert (found.kind, found.rows, found.left_out) == ("leave-one-firm-out", 240, 0)
    json.dumps(found.facts, allow_nan=False)


def test_one_assignment_of_folds_serves_all_formulas():
    """A row is in the same fold whatever formula it is asked for, in any order of the rows: the same line twice differs by nothing."""
    data = frame()
    a, b = bl.fit(data, "y ~ x1"), bl.fit(data, "y ~ x1 + x2 + g")
    same = bl.compare(a, b, bl.fit(data, "y ~ x1"), held_out=True).lines
    assert (same[2].difference, same[2].std_error) == (0.0, 0.0)
    turned = data.sample(frac=1, random_state=1)
    again = bl.compare(*(bl.fit(turned, f) for f in ("y ~ x1", "y ~ x1 + x2 + g")), held_out=True).lines
    assert again[1].difference == pytest.approx(same[1].difference, rel=1e-9)
    back = bl.compare(b, a, held_out=True).lines
    assert back[1].difference == pytest.approx(-same[1].difference, rel=1e-9)
    assert back[1].std_error == pytest.approx(same[1].std_error, rel=1e-9)
    # Where one formula has the columns of both, the folds are those of its own fit.
    assert b.held_out.mse[0] == pytest.approx(same[1].mse, rel=1e-9)


def test_only_rows_that_all_use_count_and_it_is_said():
    data = frame().assign(x2=lambda d: d["x2"].where(np.arange(len(d)) % 10 != 0))
    models = [bl.fit(data, f, missing="drop") for f in ("y ~ x1", "y ~ x1 + x2")]
    found = bl.compare(*models, held_out=True)
    complete = [bl.fit(data.dropna(), f) for f in ("y ~ x1", "y ~ x1 + x2")]
    expected = bl.compare(*complete, held_out=True)
    assert (found.rows, found.left_out) == (216, 24)
    assert found.lines[1].difference == pytest.approx(expected.lines[1].difference, rel=1e-9)
    assert "24 rows left out" in str(found)


def test_a_level_that_the_other_folds_lack_is_left_out_of_all():
    data = frame().assign(g=lambda d: d["g"].where(np.arange(len(d)) != 5, "rare"))
    found = bl.compare(bl.fit(data, "y ~ x1"), bl.fit(data, "y ~ x1 + g"), held_out=True)
    assert (found.rows, found.unknown) == (239, 1)
    assert "1 row left out for a level" in str(found)


def test_penalised_and_loaded_models_are_compared_too(tmp_path: Any):
    data = frame()
    models = [bl.fit(data, "y ~ x1 + x2"), bl.fit(data, "y ~ x1 + x2 + g", l2=0.1)]
    found = bl.compare(*models, held_out=True)
    assert found.lines[1].mse == pytest.approx(models[1].held_out.mse[0], rel=1e-9)
    for i, model in enumerate(models):
        model.save(tmp_path / f"{i}.bestline")
    loaded = [bl.load(tmp_path / f"{i}.bestline") for i in range(2)]
    with pytest.raises(OptionError, match="has no rows"):
        bl.compare(*loaded, held_out=True)
    assert bl.compare(*loaded, held_out=True, data=data).lines[1].difference == pytest.approx(
        found.lines[1].difference, rel=1e-9
    )


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({}, {"weights": "w"}, "other weights"),
        ({}, {"folds": 10}, "other folds .`10` and `5`."),
        ({}, {"folds": "firm"}, "other folds .`5` and `firm`."),
        ({"split": (0.7, 0.1, 0.2)}, {"split": (0.7, 0.1, 0.2)}, "without `split`"),
        ({}, {"loss": "huber"}, "squared loss"),
    ],
)
def test_what_does_not_compare_is_refused(first: dict[str, Any], second: dict[str, Any], said: str):
    with pytest.raises(OptionError, match=said):
        bl.compare(bl.fit(frame(), "y ~ x1", **first), bl.fit(frame(), "y ~ x2", **second), held_out=True)


def test_models_of_other_tables_and_targets_are_refused():
    a = bl.fit(frame(), "y ~ x1")
    with pytest.raises(DataError, match="was fitted to 200 rows"):
        bl.compare(a, bl.fit(frame().iloc[:200], "y ~ x2"), held_out=True)
    with pytest.raises(OptionError, match="different targets"):
        bl.compare(a, bl.fit(frame(), "y2 ~ x2"), held_out=True)
    with pytest.raises(OptionError, match="held_out=True"):
        bl.compare(a, bl.fit(frame(), "y ~ x1 + x2"), data=frame())
    with pytest.raises(ColumnError, match="x2"):
        bl.compare(bl.fit(frame()[["x1", "y"]], "y ~ x1"), bl.fit(frame(), "y ~ x1 + x2"), held_out=True)
