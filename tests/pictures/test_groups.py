"""Pictures of groups and windows: their numbers are those of the tables, and what a picture says is so."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection

import bestline as bl
from bestline.errors import OptionError
from bestline.pictures import groups as pictures
from bestline.pictures.marks import Band, Horizontal, Intervals, Line, Outside, Points, Vertical
from pictures.test_legible import faults


def fitted(groups: int, rows: int = 12) -> bl.Groups:
    draw = np.random.default_rng(3)
    g, x = np.repeat(np.arange(groups), rows), draw.uniform(0, 4, groups * rows)
    y = 3 - draw.normal(2, 0.6, groups)[g] * x + draw.normal(0, 1, len(x))
    return bl.fit_groups({"shop": g, "price": x, "sold": y}, "sold ~ price", by="shop")


def marks_of(picture, kind):
    return [mark for panel in picture.panels for mark in panel.marks if isinstance(mark, kind)]


@pytest.mark.parametrize("groups", [6, 60])
def test_the_line_of_all_rows_is_in_sight_however_far_it_lies_from_those_of_groups(groups: int) -> None:
    """Within a shop more is sold where it is cheaper; dearer shops sell more all the same (Simpson's paradox)."""
    g, x = np.repeat(np.arange(groups), 12), np.tile(np.linspace(0, 1, 12), groups)
    y = 5 * g - x + np.random.default_rng(2).normal(0, 0.01, len(x))
    picture = pictures.slopes(bl.fit_groups({"shop": g, "price": g + x, "sold": y}, "sold ~ price", by="shop").lines, "price")
    whole = marks_of(picture, Vertical if groups == 6 else Horizontal)[0]
    at, (low, high) = (whole.x, picture.panels[0].xlim) if groups == 6 else (whole.y, picture.panels[0].ylim)
    assert low <= -1
    assert at > 3
    assert low < at <= high


def test_few_groups_stand_by_name_in_order_of_their_slope() -> None:
    groups = fitted(8)
    picture = pictures.slopes(groups.lines, "price", level=0.9)
    table = groups.tidy(0.9)[lambda t: t.term == "price"].sort_values("estimate")
    (own,) = marks_of(picture, Intervals)
    assert list(own.names) == [str(shop) for shop in table.shop]
    np.testing.assert_array_equal([own.estimate, own.low, own.high], table[["estimate", "conf_low", "conf_high"]].T)
    (whole,) = marks_of(picture, Vertical)
    frame = groups.source
    common = bl.fit(
        pd.DataFrame({name: np.concatenate([b.numbers([name])[:, 0] for b in frame.batches()]) for name in ("price", "sold")}),
        "sold ~ price",
    )
    assert whole.x == pytest.approx(common.coef["price"], rel=1e-9)
    apart = int(((table.conf_low > whole.x) | (table.conf_high < whole.x)).sum())
    assert f"{apart} interval" in picture.note
    assert "90% interval" in own.label


def test_many_groups_are_a_band_in_order() -> None:
    groups = fitted(60)
    picture = pictures.slopes(groups.lines)
    (band,), (line,), (whole,) = (marks_of(picture, kind) for kind in (Band, Line, Horizontal))
    assert list(line.y) == sorted(line.y)
    assert len(line.y) == len(band.low) == 60
    assert all(low < y < high for low, y, high in zip(band.low, line.y, band.high, strict=True))
    assert min(line.y) < whole.y < max(line.y)
    assert groups.plot.slopes().axes[0].get_xlabel() == picture.panels[0].xlabel


def test_every_group_has_its_rows_and_its_line() -> None:
    groups = fitted(15)
    picture = pictures.small_multiples(groups.lines, groups.keys, groups.source)
    assert len(picture.panels) == 12
    assert "The 12 groups of most rows, of 15." in picture.note
    assert [panel.ylabel for panel in picture.panels] == ["sold", "", "", ""] * 3  # axes alike are named at the edges
    assert [panel.xlabel for panel in picture.panels] == [""] * 8 + ["price"] * 4
    assert {points.crowd for points in marks_of(picture, Points)} == {12}
    for panel in picture.panels:
        g = int(panel.title)
        rows, common, line = panel.marks
        assert isinstance(rows, Points)
        slope, level = groups.lines.weights[g, :, 0].tolist()
        np.testing.assert_allclose(line.y, [level + slope * x for x in line.x])
        np.testing.assert_allclose(np.polyfit(rows.x, rows.y, 1), [slope, level])
        assert panel.xlim is not None
        assert panel.xlim[0] < min(rows.x) <= max(rows.x) < panel.xlim[1]
        assert common.role == "reference"


def test_windows_move_on_over_their_last_day() -> None:
    day = pd.date_range("2024-03-01", periods=90)
    draw = np.random.default_rng(0)
    x = draw.normal(size=90)
    windows = bl.fit_rolling(pd.DataFrame({"day": day, "x": x, "y": x + draw.normal(size=90)}), "y ~ x", order="day", window=30)
    picture = pictures.moving(windows.lines, "x")
    (line,) = marks_of(picture, Line)
    assert picture.panels[0].dates
    assert line.x == tuple(float(i) for i in range(19_812, 19_873))  # days from 1970-01-01 to 2024-03-30, and on
    np.testing.assert_array_equal(line.y, windows.tidy()[lambda t: t.term == "x"].estimate)
    (axes,) = windows.plot.dark.weights("Intercept").axes
    ticks = [text.get_text() for text in axes.get_xticklabels()]
    assert all(re.fullmatch(r"2024-\d\d-\d\d", text) for text in ticks)
    assert "2024-04-01" in ticks


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_windows_without_an_estimate_are_a_gap_and_not_a_bridge() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=200)
    x[60:120] = 1.0
    windows = bl.fit_rolling(
        pd.DataFrame({"i": range(200), "x": x, "y": x + draw.normal(size=200)}), "y ~ x", order="i", window=20
    )
    picture = pictures.moving(windows.lines, "x")
    (band,), (line,) = marks_of(picture, Band), marks_of(picture, Line)
    gone = ~np.isfinite(line.y)
    assert 0 < gone.sum() < len(gone)
    np.testing.assert_array_equal(~np.isfinite([band.low, band.high]), [gone, gone])
    assert f"{gone.sum()} windows without an estimate are gaps." in picture.note
    (shade,) = [drawn for drawn in windows.plot.weights("x").axes[0].collections if isinstance(drawn, PolyCollection)]
    assert len(shade.get_paths()) == 2


def test_estimates_that_are_near_to_each_other_are_told_apart() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=90)
    windows = bl.fit_rolling(
        pd.DataFrame({"i": range(90), "x": x, "y": 1e6 + draw.normal(size=90)}), "y ~ x", order="i", window=30
    )
    first, last = re.findall(r"[\d.,]*\d\d[\d.]*", pictures.moving(windows.lines, "Intercept").title)
    assert first != last


NAMES = [
    f"the_shop_at_the_corner_of_{side}_street_and_the_market_place_of_the_old_town"
    for side in ("north", "south", "east", "west")
]


def named(names: list[str], rows: int = 20) -> bl.Groups:
    draw = np.random.default_rng(5)
    x = draw.uniform(0, 4, rows * len(names))
    return bl.fit_groups(
        {"shop": np.repeat(names, rows), "price": x, "sold": 3 - x + draw.normal(size=len(x))}, "sold ~ price", by="shop"
    )


def test_groups_of_long_names_are_told_apart_by_what_they_do_not_share() -> None:
    groups = named(NAMES)
    ranked, panels = pictures.slopes(groups.lines), pictures.small_multiples(groups.lines, groups.keys, groups.source)
    assert (
        set(marks_of(ranked, Intervals)[0].names)
        == {panel.title for panel in panels.panels}
        == {"north", "south", "east", "west"}
    )
    for picture in (ranked, panels):
        assert "the_shop_at_the_corner_of_…_street_and_the_market_place_of_the_old_town" in picture.note


def test_one_group_is_no_range() -> None:
    picture = pictures.slopes(fitted(1).lines)
    assert picture.title.endswith("in the one group")
    assert picture.note == ""
    assert len(fitted(1).plot.lines().axes) == 1


def test_far_groups_and_far_rows_do_not_stretch_the_axes_and_are_told() -> None:
    draw = np.random.default_rng(3)
    g, x = np.repeat(np.arange(12), 20), draw.uniform(0, 4, 240)
    y = 3 - 2 * x + draw.normal(size=240)
    y[45] = 5_000.0
    groups = bl.fit_groups({"shop": g, "price": x, "sold": y}, "sold ~ price", by="shop")
    picture = pictures.slopes(groups.lines, "price")
    low, high = picture.panels[0].xlim
    assert high - low < 30  # the interval of the group with the far row is some thousand wide
    assert "1 group reaches beyond the axis." in picture.note
    panels = pictures.small_multiples(groups.lines, groups.keys, groups.source).panels
    assert all(panel.ylim[1] < 20 for panel in panels)
    assert [mark.above for panel in panels for mark in panel.marks if isinstance(mark, Outside)] == [1]


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_groups_without_a_line_are_counted() -> None:
    draw = np.random.default_rng(3)
    g, x = np.repeat(np.arange(6), 20), draw.uniform(0, 4, 120)
    x[g == 3] = 2.0
    groups = bl.fit_groups({"shop": g, "price": x, "sold": 3 - x + draw.normal(size=120)}, "sold ~ price", by="shop")
    assert "1 group has no estimate and is not drawn." in pictures.slopes(groups.lines, "price").note
    assert "1 group drawn has no line" in pictures.small_multiples(groups.lines, groups.keys, groups.source).note


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_of_pictures_of_groups_can_be_read(theme: str) -> None:
    several = bl.fit_groups(
        {
            "region": np.repeat(NAMES, 60),
            "shop": np.tile(np.repeat(NAMES[:3], 20), 4),
            "x": np.arange(240) % 7,
            "y": np.arange(240) % 11,
        },
        "y ~ x",
        by=["region", "shop"],
    )
    for groups in (fitted(1), fitted(2), fitted(15), fitted(300, 5), named(NAMES), several):
        plot = groups.plot.dark if theme == "dark" else groups.plot
        for figure in (plot.slopes(), plot.lines()):
            assert list(faults(figure)) == []


def test_a_penalty_has_no_intervals_and_other_weights_are_refused() -> None:
    groups = fitted(8)
    draw = np.random.default_rng(0)
    table = {
        "shop": np.repeat(np.arange(4), 9),
        "a": draw.normal(size=36),
        "b": draw.normal(size=36),
        "y": draw.normal(size=36),
    }
    ridge = bl.fit_groups(table, "y ~ a + b", by="shop", l2=0.1)
    picture = pictures.slopes(ridge.lines, "a")
    assert marks_of(picture, Intervals)[0].label == "estimate"
    assert "interval" not in picture.note + picture.alt
    with pytest.raises(OptionError, match="one column of numbers"):
        ridge.plot.lines()
    with pytest.raises(OptionError, match="price"):
        groups.plot.slopes("prize")
