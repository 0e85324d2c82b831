"""Axes as people read them: two spines, ticks of round numbers told apart, logarithms where they are asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestline.pictures.marks import Line, Mesh, Panel, Picture
from bestline.pictures.render.axes import distinct
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


@pytest.mark.parametrize(
    "values", [[0.1, 0.2, 0.30000000000000004], [1000.0, 1000.5, 1001.0], [1e-9, 2e-9], [-1.0, 0.0, 1.0], [1e7, 1.05e7]]
)
def test_labels_are_near_their_ticks_and_apart(values: list[float]) -> None:
    texts = distinct(values)
    assert len(set(texts)) == len(values)
    raised = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
    for text, value in zip(texts, values, strict=True):
        mantissa, _, power = text.replace("\u2212", "-").partition("×10")
        assert float(mantissa) * 10.0 ** int(power.translate(raised) or 0) == pytest.approx(
            value, abs=0.02 * (values[1] - values[0])
        )


@given(st.integers(-99_999, 99_999), st.integers(2, 9), st.integers(1, 400), st.integers(-6, 3))
def test_a_label_is_off_by_a_fiftieth_of_the_way_to_the_next_at_most(first: int, n: int, step: int, power: int) -> None:
    values = [(first + i * step) * 10.0**power for i in range(n)]
    texts = distinct(values)
    raised = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
    for text, value in zip(texts, values, strict=True):
        mantissa, _, exponent = text.replace("\u2212", "-").partition("×10")
        assert abs(float(mantissa) * 10.0 ** int(exponent.translate(raised) or 0) - value) <= 0.0201 * step * 10.0**power


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-5.0, 3.0), (100.0, 101.0)])
def test_below_the_floor_of_a_surface_there_is_air_and_above_its_top_none(low: float, high: float) -> None:
    """The optimum and the end of the path lie at the bottom: they shall not touch the box."""
    heights = tuple((low + (high - low) * i / 4, high, high) for i in range(5))
    surface = Mesh((0.0, 1.0, 2.0), (0.0, 1.0, 2.0, 3.0, 4.0), heights, "loss")
    floor, top = drawn(Panel("", "a", "b", (surface,), zlabel="loss")).get_zlim()
    below, above = (low - floor) / (high - low), (top - high) / (high - low)
    assert below >= 0.05
    assert above <= 0.03
