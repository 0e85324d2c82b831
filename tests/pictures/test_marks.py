"""Marks are frozen, plain and checked, and their table holds every number."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from bestline.errors import OptionError, ShapeError
from bestline.pictures.marks import Arrow, Intervals, Line, Mesh, Panel, Picture, Points, Table
from bestline.pictures.render.mpl import draw
from pictures.examples import EVERY_MARK, SPACE_MARKS


def test_marks_are_frozen_plain_and_checked():
    for mark in (*EVERY_MARK, *SPACE_MARKS):
        for f in fields(mark):
            assert isinstance(getattr(mark, f.name), str | float | bool | tuple | None.__class__)
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
