"""Axes as people read them: two spines, ticks of round numbers told apart, logarithms where they are asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestline.pictures.marks import Line, Mesh, Panel, Picture
from bestline.pictures.render.axes import Scale, heights
from bestline.pictures.render.mpl import draw


def drawn(panel: Panel):
    figure = draw(Picture((panel,), "a title"))
    figure.canvas.draw()
    return figure.axes[0]


def test_a_flat_panel_has_two_spines_its_names_and_its_limits() -> None:
    ax = drawn(Panel("t", "across", "upwards", (Line((0.0, 1.0), (2.0, 7.0), "path", "a"),), xlim=(-1.0, 3.0), ylim=(0.0, 9.0)))
    assert {name for name, spine in ax.spines.items() if spine.get_visible()} == {"left", "bottom"}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("across", "upwards")
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1.0, 3.0), (0.0, 9.0))
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")
    (line,) = ax.get_lines()
    assert np.array_equal(line.get_xydata(), [[0.0, 2.0], [1.0, 7.0]])


@pytest.mark.parametrize(("log_x", "log_y"), [(True, False), (False, True), (True, True)])
def test_logarithms_where_asked(log_x: bool, log_y: bool) -> None:
    ax = drawn(Panel("", "x", "y", (Line((1.0, 1e3), (1e-4, 10.0), "path", "a"),), log_x=log_x, log_y=log_y))
    assert (ax.get_xscale() == "log", ax.get_yscale() == "log") == (log_x, log_y)


def test_updates_are_counted_in_whole_numbers() -> None:
    ax = drawn(Panel("", "updates made", "y", (Line((0.0, 1.0, 2.0, 3.0), (1.0, 2.0, 3.0, 4.0), "path", "a"),)))
    assert all(float(tick).is_integer() for tick in ax.get_xticks())
    assert [tick.get_text() for tick in ax.get_xticklabels()] == [
        f"{tick:.0f}".replace("-", "\u2212") for tick in ax.get_xticks()
    ]


def read(scale: Scale, text: str) -> float:
    """The number that a label means on its scale."""
    return float(text.replace("\u2212", "-").replace(",", "")) * 10.0**scale.power + scale.offset


@pytest.mark.parametrize(
    ("values", "texts", "told"),
    [
        ([0.0, 0.5, 1.0], ["0.0", "0.5", "1.0"], ""),
        ([0.1, 0.2, 0.30000000000000004], ["0.1", "0.2", "0.3"], ""),
        ([0.0, 200_000.0, 400_000.0], ["0", "200,000", "400,000"], ""),
        ([0.0, 4e7, 8e7], ["0", "40", "80"], "in units of 10\u2076"),
        ([-1e-9, 0.0, 2e-9], ["\u22121", "0", "2"], "in units of 10\u207b\u2079"),
        ([1_000_000.0, 1_000_005.0, 1_000_010.0], ["0", "5", "10"], "counted from 1,000,000"),
        ([-1_613_468_450.0, -1_613_468_400.0], ["0", "50"], "counted from \u22121,613,468,450"),
        ([1e7, 1.05e7], ["10.0", "10.5"], "in units of 10\u2076"),
    ],
)
def test_an_axis_has_one_format_that_its_label_tells(values: list[float], texts: list[str], told: str) -> None:
    scale = Scale.of(values[0], values[-1])
    assert (scale.texts(values), scale.told) == (texts, told)


@given(st.integers(-99_999, 99_999), st.integers(2, 9), st.integers(1, 400), st.integers(-6, 3))
def test_a_label_is_off_by_a_fiftieth_of_the_way_to_the_next_at_most(first: int, n: int, step: int, power: int) -> None:
    values = [(first + i * step) * 10.0**power for i in range(n)]
    scale = Scale.of(values[0], values[-1])
    texts = scale.texts(values)
    assert len(set(texts)) == n
    assert max(map(len, texts)) <= 9
    for text, value in zip(texts, values, strict=True):
        assert abs(read(scale, text) - value) <= 0.0201 * step * 10.0**power


def test_what_an_axis_counts_from_is_said_in_its_label() -> None:
    ax = drawn(Panel("", "x", "y", (Line((1e7, 1e7 + 8.0), (0.0, 9e8), "path", "a"),)))
    assert ax.get_xlabel() == "x, counted from 9,999,999"
    assert ax.get_ylabel() == "y, in units of 10\u2076"


def test_heights_in_one_format() -> None:
    assert heights([86_000.0, 2.45e6, 9.56e7]) == (["0.086", "2.45", "95.6"], "in units of 10\u2076")
    assert heights([44.58, 44.63, 47.59]) == (["44.58", "44.63", "47.59"], "")
    texts, unit = heights([5.4e9, 2.11e15, 5.72e18])
    # A floor of next to nothing beside heights of one size is nothing, and takes no power of ten into all of them.
    assert heights([1.64e-5, 0.026, 0.937, 1.67]) == (["0.000", "0.026", "0.937", "1.670"], "")
    assert (texts, unit) == (["5.4\u00d710\u2079", "2.11\u00d710\u00b9\u2075", "5.72\u00d710\u00b9\u2078"], "")


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-5.0, 3.0), (100.0, 101.0)])
def test_below_the_floor_of_a_surface_there_is_air_and_above_its_top_none(low: float, high: float) -> None:
    """The optimum and the end of the path lie at the bottom: they shall not touch the box."""
    heights = tuple((low + (high - low) * i / 4, high, high) for i in range(5))
    surface = Mesh((0.0, 1.0, 2.0), (0.0, 1.0, 2.0, 3.0, 4.0), heights, "loss")
    floor, top = drawn(Panel("", "a", "b", (surface,), zlabel="loss")).get_zlim()
    below, above = (low - floor) / (high - low), (top - high) / (high - low)
    assert below >= 0.05
    assert above <= 0.03


@pytest.mark.parametrize(("names", "slanted"), [(("a", "b", "c"), False), (tuple(f"a long name {i}" for i in range(6)), True)])
def test_names_that_do_not_stand_beside_each_other_slant_and_end_below_their_places(
    names: tuple[str, ...], slanted: bool
) -> None:
    places = tuple(float(i) for i in range(len(names)))
    ax = drawn(Panel("", "g", "y", (Line(places, places, "path", "a"),), xnames=names))
    labels = ax.get_xticklabels()
    assert [label.get_text() for label in labels] == list(names)
    assert {bool(label.get_rotation()) for label in labels} == {slanted}
    for place, label in zip(places, labels, strict=True):
        box, at = label.get_window_extent(), ax.transData.transform((place, 0))[0]
        if slanted:  # the end of the word lies below its place, and its beginning to the left of it
            assert box.x0 < at - 20
            assert abs(box.x1 - at) < 12
        else:
            assert (box.x0 + box.x1) / 2 == pytest.approx(at, abs=1)
