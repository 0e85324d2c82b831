"""Marks are frozen, plain and checked, and their table holds every number."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace

import pytest

from bestline.errors import OptionError, ShapeError
from bestline.pictures.marks import Arrow, Hexagons, Intervals, Line, Mesh, Names, Outside, Panel, Picture, Points, Table
from bestline.pictures.render.mpl import draw
from pictures.examples import EVERY_MARK, SPACE_MARKS


def test_marks_are_frozen_plain_and_checked():
    for mark in (*EVERY_MARK, *SPACE_MARKS):
        for f in fields(mark):
            assert isinstance(getattr(mark, f.name), str | float | int | tuple | None.__class__)
    with pytest.raises(OptionError, match="role"):
        Points((1.0,), (1.0,), "red")
    with pytest.raises(ShapeError):
        Line((1.0,), (1.0, 2.0))
    with pytest.raises(ShapeError):
        Mesh((1.0, 2.0), (1.0,), ((1.0,),))
    with pytest.raises(ShapeError, match="two points"):
        Arrow((1.0,), (1.0,))
    with pytest.raises(ShapeError):
        Table(("a",), ((1.0,), (1.0,)))
    with pytest.raises(OptionError, match="ascend"):
        replace(EVERY_MARK[3], levels=(1.0, 1.0))
    with pytest.raises(ShapeError):
        Intervals(("a",), (1.0, 2.0), (1.0, 2.0), (1.0, 2.0))
    with pytest.raises(ShapeError, match="one name"):
        Names(("a",), (1.0, 2.0), (1.0, 2.0), (1.0, 2.0), ("run0", "run1"))


def test_a_strange_mark_is_no_silent_gap():
    class Strange:
        label = ""

    with pytest.raises(TypeError, match="Strange"):
        draw(Picture((Panel("", "x", "y", (Strange(),)),)))
    with pytest.raises(OptionError, match="theme"):
        draw(Picture(()), theme="blue")


def test_the_table_holds_every_number():
    table = Picture((Panel("left", "x", "y", EVERY_MARK[:4]),)).table()
    assert table["mark"][:4] == ["Points", "Points", "Line", "Line"]
    assert table["z"][-4:] == [0.0, 1.0, 1.0, 2.0]
    assert (table["x"][1], table["y"][1], table["z"][1]) == (1.0, 2.0, None)


def test_rows_outside_are_counted_and_said_at_their_edge():
    mark = Outside(above=1_234, below=1, right=2)
    assert mark.texts == {"above": "1,234 rows above", "below": "1 row below", "right": "2 rows further right"}
    table = Picture((Panel("", "x", "y", (mark,)),)).table()
    assert list(zip(table["label"], table["z"], strict=True)) == [
        ("rows outside: above", 1234.0),
        ("rows outside: below", 1.0),
        ("rows outside: right", 2.0),
    ]
    figure = draw(Picture((Panel("", "x", "y", (mark,), xlim=(0, 1), ylim=(0, 1)),)))
    figure.canvas.draw()
    (axes,) = figure.axes
    frame = axes.get_window_extent()
    for text in axes.texts:
        box = text.get_window_extent()
        assert frame.x0 <= box.x0 <= box.x1 <= frame.x1
        assert frame.y0 <= box.y0 <= box.y1 <= frame.y1
    assert [text.get_text()[2:] for text in axes.texts] == list(mark.texts.values())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_hexagons_share_their_sides_and_a_scale_says_how_many_rows_they_hold(theme):
    mark = Hexagons((0.0, 1.0, 0.5), (0.0, 0.0, 2.0), (1.0, 10.0, 5_000.0), 1.0, 2.0)
    figure = draw(Picture((Panel("", "x", "y", (mark,)),)), theme=theme)
    axes, scale = figure.axes
    (cells,) = axes.collections
    left, right, up = ({tuple(corner) for corner in path.vertices[:6].round(9)} for path in cells.get_paths())
    assert len(left & right) == len(left & up) == len(right & up) == 2
    assert scale.get_ylabel() == "rows in a hexagon"
    assert [tick.get_text() for tick in scale.get_yticklabels()] == ["1", "10", "100", "1,000"]
    # The more rows, the farther from the paper: in light and in dark.
    figure.canvas.draw()
    paper = sum(figure.get_facecolor()[:3])
    away = [abs(sum(colour[:3]) - paper) for colour in cells.get_facecolors()]
    assert away == sorted(away)


def test_an_axis_of_factors_on_either_side_of_zero_has_zero_and_few_ticks():
    mark = Intervals(("a", "b", "c"), (1e-6, -3.0, 2e7), (9e-7, -4.0, 1e7), (2e-6, -2.0, 3e7))
    figure = draw(Picture((Panel("", "x", "", (mark,), xlim=(-1e2, 1e8), even_within=1e-6),)))
    figure.canvas.draw()
    labels = [text for text in figure.axes[0].get_xticklabels() if text.get_text()]
    assert "0" in [text.get_text() for text in labels]
    boxes = sorted((text.get_window_extent() for text in labels), key=lambda box: box.x0)
    assert len(boxes) >= 4
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))
