"""Letters that matplotlib's own font has not are drawn in a font that has them, where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager

from bestline.errors import BestlineWarning
from bestline.pictures.marks import Intervals, Line, Panel, Picture
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


def test_letters_without_a_font_stand_as_their_codes_so_that_names_stay_apart() -> None:
    # Private letters: no font that people have has them.
    names = ("a\U000f0000", "a\U000f0001")
    marks = tuple(Line((0.0, 1.0), (0.0, 1.0), "fitted", name) for name in names)
    with pytest.warns(BestlineWarning, match="No font of this machine has") as heard:
        figure = draw(Picture((Panel("", "\U000f0000", "e\u0301", marks),), "y", "", "a line"))
    figure.canvas.draw()
    assert len(heard) == 1
    assert figure.axes[0].xaxis.label.get_text() == "\\uf0000"
    assert figure.axes[0].yaxis.label.get_text() == "e\u0301"  # a mark upon a letter is none that a font lacks
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["a\\uf0000", "a\\uf0001"]


def test_a_long_name_is_not_cut_at_few_pixels_an_inch() -> None:
    name = "a_long_name…thirty_lettersss"
    mark = Intervals((name,), (1.0,), (0.0,), (2.0,))
    figure = draw(Picture((Panel("", "x", "", (mark,)),), "y", "", "an interval"))
    figure.set_dpi(80)
    figure.canvas.draw()
    assert min(label.get_window_extent().x0 for label in figure.axes[0].get_yticklabels()) > 0
