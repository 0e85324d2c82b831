"""Letters that matplotlib's own font has not are drawn in a font that has them, where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager

from bestline.pictures.marks import Line, Panel, Picture
from bestline.pictures.render import fonts
from bestline.pictures.render.mpl import draw

NAME = "身高"


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[None]:
    """A font of two letters, each a square."""
    pen = TTGlyphPen(None)
    for step, place in enumerate(((0, 0), (0, 700), (700, 700), (700, 0))):
        (pen.lineTo if step else pen.moveTo)(place)
    pen.closePath()
    square, names = pen.glyph(), [".notdef", "one", "two"]
    made = FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder(names)
    made.setupCharacterMap(dict(zip(map(ord, NAME), names[1:], strict=True)))
    made.setupGlyf(dict.fromkeys(names, square))
    made.setupHorizontalMetrics(dict.fromkeys(names, (800, 0)))
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupNameTable({"familyName": "Two Letters", "styleName": "Regular"})
    made.setupOS2()
    made.setupPost()
    made.save(tmp_path / "two.ttf")
    before = list(fontManager.ttflist)
    fontManager.addfont(tmp_path / "two.ttf")
    fonts._fonts.cache_clear()
    yield
    fontManager.ttflist[:] = before
    fonts._fonts.cache_clear()


@pytest.mark.usefixtures("installed")
def test_a_name_in_other_letters_is_drawn_in_a_font_that_has_them() -> None:
    # Warnings are errors in tests: matplotlib warns of every letter that its fonts lack.
    figure = draw(Picture((Panel("", NAME, "y", (Line((0.0, 1.0), (0.0, 1.0), "fitted", "line"),)),), "y", "", "a line"))
    assert "Two Letters" in figure.axes[0].xaxis.label.get_fontfamily()
    figure.canvas.draw()


def test_a_name_in_letters_of_the_usual_font_keeps_it() -> None:
    figure = draw(Picture((Panel("", "größe", "y", (Line((0.0, 1.0), (0.0, 1.0), "fitted", "line"),)),), "y", "", "a line"))
    assert figure.axes[0].xaxis.label.get_fontfamily() == figure.axes[0].yaxis.label.get_fontfamily()
