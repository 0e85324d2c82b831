"""Coefficients drawn: sorted, on an axis that shows all of them, and promising no interval that is not there."""

from __future__ import annotations

import math

import numpy as np
import pytest

import bestline as bl
from bestline.errors import OptionError
from bestline.pictures.gallery import Gallery
from bestline.pictures.marks import Intervals, Picture
from bestline.pictures.render.mpl import draw
from bestline.pictures.weights.coefficients import coefficients
from hard import TARGET, hard_table
from pictures.examples import table

pytestmark = pytest.mark.usefixtures("quiet")

PENGUINS = "body_mass_g ~ flipper_length_mm + species + sex"


def dots_of(picture: Picture) -> list[Intervals]:
    return [m for m in picture.panels[0].marks if isinstance(m, Intervals)]


def dots(picture: Picture) -> Intervals:
    (found,) = dots_of(picture)
    return found


@pytest.fixture
def asked(monkeypatch):
    """What a gallery draws, as a Picture."""
    monkeypatch.setattr(Gallery, "_drawn", lambda self, picture, *finding: picture)


def penguins(**options):
    return bl.fit(bl.samples.penguins(), PENGUINS, missing="drop", **options)


def test_they_choose_when_there_are_too_many():
    n = 100
    estimates = [0.0] * n
    estimates[7] = 5.0
    names = [f"c{i}" for i in range(n)]
    picture = coefficients(table(names, estimates, [e - 1 for e in estimates], [e + 1 for e in estimates]))
    assert len(dots(picture).names) == 40
    assert dots(picture).names[0] == "c7"
    assert "40 of 100" in picture.note
    assert "1 of the intervals does not" in picture.alt


def test_the_largest_come_first_or_the_order_is_that_of_the_formula():
    rows = table(["a", "b", "c", "d"], [1, -5, math.nan, 3], [0, -6, math.nan, 2], [2, -4, math.nan, 4])
    picture = coefficients(rows)
    assert dots(picture).names == ("b", "d", "a", "c (no estimate)")
    assert "largest first" in picture.note
    assert dots(coefficients(rows, order="formula")).names == ("a", "b", "c (no estimate)", "d")
    with pytest.raises(OptionError, match="'size'"):
        coefficients(rows, order="name")
    with pytest.raises(OptionError, match="intercept=True"):
        coefficients([])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"l1": 0.5}, "penalty"),
        ({"cv": "lasso"}, "penalty"),
        ({"loss": "huber", "l2": 0.1}, "penalty"),
        ({"solver": "sgd", "lr": 0.01, "steps": 3}, "stopped before"),
    ],
)
def test_intervals_are_promised_only_where_they_are_drawn(asked, options, reason):
    """Of a penalty, another loss and unfinished descent none is known, and the picture says why."""
    if "cv" in options:  # a penalty that is large enough to count, whatever the folds say
        rows = hard_table(500)
        picture = bl.fit(rows, target=TARGET, **options).plot.coefficients()
    else:
        picture = penguins(**options).plot.coefficients()
    assert not any(math.isfinite(v) for v in (*dots(picture).low, *dots(picture).high))
    words = [picture.title, picture.alt.replace("without intervals", ""), dots(picture).label]
    assert not any("interval" in text for text in words)
    assert "No intervals are drawn" in picture.note
    assert reason in picture.note


def test_without_degrees_of_freedom_there_is_no_interval(asked):
    picture = bl.fit({"x": [1.0, 2.0], "y": [1.0, 3.0]}, "y ~ x").plot.coefficients()
    assert dots(picture).label == "estimate"
    assert "no residual degrees of freedom" in picture.note


def test_intervals_that_are_there_are_those_of_the_table(asked):
    model = penguins()
    picture = model.plot.coefficients(0.99, order="formula")
    assert picture.title == "Coefficients with 99% intervals"
    low, high = model.conf_int(0.99).iloc[:4].to_numpy().T
    assert (dots(picture).low, dots(picture).high) == (pytest.approx(low), pytest.approx(high))
    assert "No intervals" not in picture.note
    assert model.plot.coefficients(0.999).title == "Coefficients with 99.9% intervals"


def test_standardised_is_the_weight_times_the_standard_deviation_of_its_column(asked):
    """Of a level's column too, whose standard deviation is sqrt(share (1 - share))."""
    model, rows = penguins(), bl.samples.penguins().to_pandas().dropna(subset=["body_mass_g", "sex", "flipper_length_mm"])
    found = dots(model.plot.coefficients(standardized=True))
    drawn = dict(zip(found.names, found.estimate, strict=True))
    assert drawn["flipper_length_mm"] == pytest.approx(
        model.params["flipper_length_mm"] * rows["flipper_length_mm"].std(ddof=0), rel=1e-9
    )
    share = float((rows["species"] == "Gentoo").mean())
    assert drawn["species[T.Gentoo]"] == pytest.approx(model.params["species[T.Gentoo]"] * math.sqrt(share * (1 - share)))
    sizes = [abs(v) for v in found.estimate]
    assert sizes == sorted(sizes, reverse=True)
    plain = dots(model.plot.coefficients())
    ratio = {name: e / low for name, e, low in zip(plain.names, plain.estimate, plain.low, strict=True)}
    assert {n: e / low for n, e, low in zip(found.names, found.estimate, found.low, strict=True)} == pytest.approx(ratio)
    picture = model.plot.coefficients(standardized=True)
    assert "standard deviation" in picture.panels[0].xlabel
    assert "share" in picture.note
    with pytest.raises(OptionError, match="intercept"):
        model.plot.coefficients(standardized=True, intercept=True)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_sizes_six_decades_apart_are_all_seen(asked, theme):
    """Every dot of the hard table lies at least three pixels from zero, on its own side of it."""
    model = bl.fit(hard_table(5_000), target=TARGET)
    picture = model.plot.coefficients()
    assert picture.panels[0].even_within > 0
    figure = draw(picture, theme=theme)
    figure.canvas.draw()
    axes = figure.axes[0]
    at = axes.transData.transform([(x, 0) for x in (0.0, *dots(picture).estimate)])[:, 0]
    away = at[1:] - at[0]
    assert np.all(np.abs(away) > 3)
    assert np.array_equal(np.sign(away), np.sign(dots(picture).estimate))
    frame = axes.get_window_extent()
    ends = axes.transData.transform([(x, 0) for x in (*dots(picture).low, *dots(picture).high)])[:, 0]
    assert frame.x0 <= ends.min() <= ends.max() <= frame.x1


def test_a_small_estimate_of_a_wide_interval_needs_no_axis_of_factors():
    rows = table(["a", "b"], [30.0, 0.001], [25.0, -5.0], [35.0, 5.0])
    assert coefficients(rows).panels[0].even_within == 0
    assert coefficients(table(["a", "b"], [30.0, 0.001], [25.0, 0.0005], [35.0, 0.0015])).panels[0].even_within == 1e-3


def test_a_line_that_training_has_left_is_drawn_without_its_numbers():
    rows = table(["a", "b"], [math.inf, 1.0], [math.nan, math.nan], [math.nan, math.nan])
    picture = coefficients(rows, why="training diverged")
    assert dots(picture).names == ("b", "a (no estimate)")
    draw(picture)


def test_one_coefficient_has_one_interval_and_columns_of_levels_are_told_only_where_there_are_some():
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    table = {"x": x, "g": np.array(list("ab"))[rng.integers(0, 2, 60)], "y": x + rng.normal(size=60)}
    one = bl.fit(table, "y ~ x").plot.coefficients(standardized=True)
    assert one.alt == "1 coefficient with its 95% interval, which does not contain zero."
    texts = [
        "".join(t.get_text() for t in f.texts) for f in (one, bl.fit(table, "y ~ x + g").plot.coefficients(standardized=True))
    ]
    assert ["category's level" in text.replace("\n", " ") for text in texts] == [False, True]


def test_the_target_has_one_name_in_title_and_axis():
    drawn = bl.fit(hard_table(2_000), target=TARGET).plot.coefficients()
    name = "energy_consumption…in_kilowatt_hours"
    assert name in drawn.axes[0].get_xlabel().replace("\n", "")
    assert name in drawn.heading


def test_each_of_several_models_has_its_own_dots_and_its_errors_are_named(asked):
    small = bl.fit(bl.samples.penguins(), "body_mass_g ~ flipper_length_mm", missing="drop", cov="HC3")
    large, ridge = penguins(), penguins(l2=0.1)
    picture = small.plot.coefficients(others={"large": large, "ridge": ridge}, label="small", order="formula")
    found = dots_of(picture)
    assert [m.label for m in found] == ["small (HC3)", "large (classical)", "ridge (no standard errors)"]
    names = ("flipper_length_mm", "species[T.Chinstrap]", "species[T.Gentoo]", "sex[T.male]")
    for mark, model in zip(found, (small, large, ridge), strict=True):
        own = model.tidy().set_index("term").reindex(names)
        assert mark.names == names
        assert np.array_equal(mark.estimate, own["estimate"], equal_nan=True)
        assert np.array_equal(mark.low, own["conf_low"], equal_nan=True)
        assert np.array_equal(mark.high, own["conf_high"], equal_nan=True)
    # Each in its own place at the name and with a look of its own, none as far as the next name's.
    assert len({m.below for m in found}) == len({m.role for m in found}) == 3
    assert max(abs(m.below) for m in found) < 0.5
    heights = [y for m, y in zip(picture.table()["label"], picture.table()["y"], strict=True) if m == "sex[T.male]"]
    assert heights == [3 + m.below for m in found]
    assert all(mark.label in picture.alt for mark in found)


def test_models_beside_each_other_keep_the_rules_of_one(asked):
    data = bl.samples.penguins()
    one, other = penguins(), bl.fit(data, "bill_length_mm ~ species", missing="drop")
    picture = one.plot.coefficients(others={"bills": other}, standardized=True)
    assert "The targets differ: body_mass_g, bill_length_mm." in picture.note
    assert "standard deviation of its column" in picture.note
    mine, others = dots_of(picture)
    spread = one.training.spread[one.features.index("flipper_length_mm")]
    assert mine.estimate[mine.names.index("flipper_length_mm")] == float(one.coef["flipper_length_mm"] * spread)
    largest = [max(abs(v) for v in pair if not math.isnan(v)) for pair in zip(mine.estimate, others.estimate, strict=True)]
    assert largest == sorted(largest, reverse=True)
    with pytest.raises(OptionError, match="'this model' is that of another"):
        one.plot.coefficients(others={"this model": other})
    with pytest.raises(OptionError, match="8 models cannot be told apart"):
        one.plot.coefficients(others={f"m{i}": other for i in range(7)})
    with pytest.raises(OptionError, match="'size'"):
        one.plot.coefficients(others={"bills": other}, order="name")
    constant = bl.fit(data, "body_mass_g ~ 1", missing="drop")
    with pytest.raises(OptionError, match="intercept=True"):
        constant.plot.coefficients(others={"again": constant})
    both = constant.plot.coefficients(others={"line": one}, intercept=True, order="formula")
    assert dots_of(both)[0].names[-1] == "Intercept"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_dots_of_several_models_do_not_lie_on_each_other(theme: str):
    models = {f"a model with quite a long name, number {i}": penguins() for i in range(7)}
    drawn = bl.table(models).plot(theme=theme)
    drawn.canvas.draw()
    ax = drawn.axes[0]
    first = [ax.transData.transform(line.get_xydata())[0] for line in ax.lines if len(line.get_xdata()) == 4]
    heights = sorted(height for _, height in first)
    assert len(heights) == 7
    assert min(np.diff(heights)) > 5  # pixels: a dot is some 7 high
