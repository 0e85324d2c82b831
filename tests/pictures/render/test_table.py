"""Tables as pictures: a row is as high whatever stands above it, and numbers stand below their names."""

from __future__ import annotations

import numpy as np
import pytest

from bestline.pictures.marks import Panel, Picture, Table
from bestline.pictures.render.mpl import draw


def pitch(names: tuple[str, ...], rows: int) -> float:
    """Inches from a row of numbers to the next."""
    numbers = tuple(float(i) + 0.25 for i in range(rows))
    figure = draw(Picture((Panel("", "", "", (Table(names, (numbers,) * len(names)),)),), "a title"))
    figure.canvas.draw()
    (ax,) = figure.axes
    places = [ax.transData.transform((0, text.get_position()[1]))[1] for text in ax.texts[1 : 1 + rows]]
    steps = -np.diff(places) / figure.dpi
    assert steps.min() == pytest.approx(steps.max(), rel=1e-6)
    return float(steps[0])


@pytest.mark.parametrize("rows", [6, 16])
def test_a_row_is_as_high_whatever_stands_above_it(rows: int) -> None:
    """A name of many words takes more lines: then the picture is higher, and the rows are not pressed together."""
    short = pitch(("a", "b"), rows)
    long = pitch(("a", "the length of the update that follows this step"), rows)
    assert long == pytest.approx(short, rel=0.05)
    assert short > 0.2, "letters are a seventh of an inch high"
