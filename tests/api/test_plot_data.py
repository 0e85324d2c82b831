"""A picture of the data before any fit: the same rows as in the fit, over the variables of the formula."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import bestline as bl
from bestline.errors import BestlineWarning, MissingValuesError, OptionError

TABLE = {
    "y": [1.0, 2.0, 4.0, 3.0, 7.0],
    "x": [1.0, 2.0, 3.0, 4.0, 5.0],
    "g": ["b", "a", "b", "c", "a"],
    "w": [1.0, 2.0, 1.0, 0.0, 1.0],
}


def dots(ax):
    """The points that an axes shows, whatever artist holds them."""
    (line,) = [line for line in ax.get_lines() if len(line.get_xdata()) > 0]
    return np.column_stack([line.get_xdata(), line.get_ydata()]).tolist()


def fitted():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)  # five rows are few
        return bl.fit(TABLE, "y ~ x")


def test_the_points_are_those_of_the_picture_after_the_fit():
    before, after = (figure.axes[0].get_lines() for figure in (bl.plot_data(TABLE, "y ~ x"), fitted().plot.data()))
    assert before[0].get_xydata().tolist() == list(map(list, zip(TABLE["x"], TABLE["y"], strict=True)))
    assert after[0].get_xydata().tolist() == before[0].get_xydata().tolist()
    assert len(after) == len(before) + 1
    assert (before[0].axes.get_xlabel(), before[0].axes.get_ylabel()) == ("x", "y")


def test_a_category_has_its_levels_on_its_axis_and_rows_of_no_weight_are_not_there():
    drawn = bl.plot_data(TABLE, "y ~ x + g", weights="w")
    over_x, over_g = drawn.axes
    assert dots(over_x) == [[1, 1], [2, 2], [3, 4], [5, 7]]
    assert [label.get_text() for label in over_g.get_xticklabels()] == ["a", "b"]  # c is of weight 0 alone
    assert dots(over_g) == [[1, 1], [0, 2], [1, 4], [0, 7]]


def test_each_variable_of_a_formula_once_in_its_order():
    drawn = bl.plot_data(TABLE, "log(y) ~ x + I(x**2) + x:g + sqrt(x)")
    assert [ax.get_xlabel() for ax in drawn.axes] == ["x", "g"]
    assert {ax.get_ylabel() for ax in drawn.axes} == {"log(y)"}
    assert [ax.get_xlabel() for ax in bl.plot_data(TABLE, "y ~ poly(x, 2) + C(g)").axes] == ["x", "C(g)"]
    assert [ax.get_xlabel() for ax in bl.plot_data(TABLE, "y ~ log(x)").axes] == ["log(x)"]
    assert [ax.get_xlabel() for ax in bl.plot_data(TABLE, "y ~ 1").axes] == ["row"]


def test_many_rows_are_counted_and_many_features_left_out_with_a_word():
    many = np.random.default_rng(0).normal(size=(200_000, 6))
    drawn = bl.plot_data(many, many[:, 0])
    panels = [ax for ax in drawn.axes if ax.get_xlabel()]
    held = [sum(int(cells.get_array().sum()) for cells in ax.collections) for ax in panels]
    lost = [sum(int(text.get_text().split()[1].replace(",", "")) for text in ax.texts) for ax in panels]
    assert [h + o for h, o in zip(held, lost, strict=True)] == [200_000] * 4
    assert max(lost) < 20
    assert drawn._supxlabel.get_text() == "The first 4 of 6 features are shown. All 200,000 rows are counted, in hexagons."


def test_missing_values_are_refused_dropped_or_filled_as_in_a_fit():
    holes = {**TABLE, "x": [1.0, None, 3.0, 4.0, 5.0]}
    with pytest.raises(MissingValuesError, match="missing='drop'"):
        bl.plot_data(holes, "y ~ x")
    with pytest.warns(BestlineWarning, match="1 of 5 rows"):
        assert len(dots(bl.plot_data(holes, "y ~ x", missing="drop").axes[0])) == 4
    assert dots(bl.plot_data(holes, "y ~ x", missing="impute").axes[0])[1] == [3.25, 2.0]


def test_truth_theme_and_slips():
    drawn = bl.plot_data("y ~ x", TABLE, truth=(1.0, 0.5), theme="dark")
    (line,) = [line for line in drawn.axes[0].get_lines() if line.get_linestyle() != "None"]
    assert list(line.get_ydata()) == [1.5, 5.5]
    assert drawn.get_facecolor() != bl.plot_data(TABLE, "y ~ x").get_facecolor()
    with pytest.raises(OptionError, match="one feature of numbers"):
        bl.plot_data(TABLE, "y ~ g", truth=(1.0, 0.5))
    with pytest.raises(OptionError, match="did you mean `theme`"):
        bl.plot_data(TABLE, "y ~ x", them="dark")
    with pytest.raises(OptionError, match="no rows to draw"):
        bl.plot_data(bl.Moments.collect(TABLE, "y ~ x"))
