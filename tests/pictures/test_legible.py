"""Every picture of the gallery can be read: no text is cut, none lies on another or in a legend, no two names look alike."""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

import bestline as bl
from bestline.pictures.gallery import Gallery
from bestline.pictures.overview import overviews
from bestline.pictures.render.mpl import draw
from bestline.wording import apart
from hard import NAMES, TARGET, hard_table
from seen import CONTRAST

TABLES = ("penguins", "lesson", "hard")
# What a picture needs: how its model was trained, and what it is asked for.
TRAINED = {"diagnostics": "exact", "coefficients": "exact", "cv": "lasso", "path": "lasso"}
ASKED: dict[str, tuple[dict[str, Any], ...]] = {
    "frame": ({"step": 3},),
    "overview": ({}, {"pair": "path"}, {"step": 2}),
    "contour": ({}, {"units": "trained"}, {"pair": "path"}),
    "surface": ({}, {"pair": "path"}),
}
# What is asked of one term, in each table: a category where there is one, and a column of numbers.
TERMS = {"penguins": ("species", "flipper_length_mm"), "lesson": ("x", "x"), "hard": (NAMES[0], NAMES[0])}
OF_A_TERM = {"means": 0, "contrasts": 0, "slopes": 1, "added": 1, "component": 1}
PICTURES = sorted(
    name for name, value in inspect.getmembers(Gallery, inspect.isfunction) if not name.startswith("_") and name != "sample"
)
CASES = [
    pytest.param(table, name, asked, id=f"{table}-{name}{'-' * bool(asked)}{'-'.join(map(str, asked.values()))}")
    for table in TABLES
    for name in PICTURES
    for asked in ASKED.get(name, ({},))
    if not (table == "lesson" and (name in ("cv", "path") or "pair" in asked))
    and not (table != "penguins" and name == "contrasts")  # there is no category
]


@functools.cache
def model(table: str, trained: str) -> bl.Model:
    how: dict[str, Any] = {
        "exact": {},
        "descent": {"solver": bl.Descent("sgd", steps=60), "split": (0.7, 0.15, 0.15)},
        "faster": {"solver": bl.Descent("momentum", steps=60), "split": (0.7, 0.15, 0.15)},
        "lasso": {"cv": "lasso"},
    }[trained]
    if table == "penguins":
        formula = "body_mass_g ~ flipper_length_mm + species + sex"
        return bl.fit(formula, bl.samples.penguins(), missing="drop", **how)
    if table == "lesson":
        return bl.fit("y ~ x", bl.synthetic.lesson("slope-and-bias"), **how)
    return bl.fit(f"{TARGET} ~ .", hard_table(3_000), **how)


def corners(text: Text) -> np.ndarray:
    """The four corners (4, 2) of a text as it is drawn, in pixels, turned as it is."""
    # Of the words alone: an annotation's own box holds its arrow too.
    box, turned = Text.get_window_extent(text), text.get_rotation()
    text.set_rotation(0)
    straight = Text.get_window_extent(text)
    text.set_rotation(turned)
    c, s = math.cos(math.radians(turned)), math.sin(math.radians(turned))
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [straight.width / 2, straight.height / 2]
    return half @ np.array([[c, s], [-s, c]]) + [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2]


def meet(a: np.ndarray, b: np.ndarray, tolerance: float = 1.0) -> bool:
    """Whether two convex shapes share more than an edge: no line lies between them (separating axes)."""
    for shape in (a, b):
        for side in np.roll(shape, -1, 0) - shape:
            away = np.array([-side[1], side[0]]) / max(float(np.hypot(*side)), 1e-12)
            (low_a, high_a), (low_b, high_b) = ((float((p @ away).min()), float((p @ away).max())) for p in (a, b))
            if high_a <= low_b + tolerance or high_b <= low_a + tolerance:
                return False
    return True


def written(figure: Any) -> list[tuple[Text, np.ndarray]]:
    """Every text that is drawn, with its corners."""
    found: dict[int, tuple[Text, np.ndarray]] = {}
    original = Text.draw

    def draw(self: Text, renderer: Any) -> None:
        if self.get_visible() and self.get_text().strip():
            found[id(self)] = (self, corners(self))
        original(self, renderer)

    with patch.object(Text, "draw", draw):
        figure.canvas.draw()
    return list(found.values())


def contrast(one: Any, other: Any) -> float:
    """Of two colours of matplotlib, from 1 to 21."""
    linear = [[c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)] for colour in (one, other)]
    dark, light = sorted(float(np.dot([0.2126, 0.7152, 0.0722], channels)) for channels in linear)
    return (light + 0.05) / (dark + 0.05)


def faults(figure: Any) -> Iterator[str]:
    """What cannot be read in a figure."""
    texts = written(figure)
    assert texts
    width, height = figure.bbox.width, figure.bbox.height
    for text, at in texts:
        if at.min() < -1 or at[:, 0].max() > width + 1 or at[:, 1].max() > height + 1:
            yield f"cut by the edge: {text.get_text()!r}"
    legends = [ax.get_legend() for ax in figure.axes if ax.get_legend()]
    of_legends = {id(text) for legend in legends for text in legend.get_texts()}
    for legend in legends:
        box = legend.get_window_extent()
        frame = np.array([[box.x0, box.y0], [box.x1, box.y0], [box.x1, box.y1], [box.x0, box.y1]])
        for text, at in texts:
            if id(text) not in of_legends and meet(frame, at):
                yield f"in a legend: {text.get_text()!r}"
    paper = figure.get_facecolor()
    for text, _ in texts:
        if contrast(text.get_color(), paper) < CONTRAST:
            yield f"too faint: {text.get_text()!r}"
    for (one, a), (other, b) in itertools.combinations(texts, 2):
        if meet(a, b):
            yield f"on each other: {one.get_text()!r} and {other.get_text()!r}"


pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("table", "name", "asked"), CASES)
def test_every_text_of_every_picture_can_be_read(table: str, name: str, asked: dict[str, Any], theme: str) -> None:
    trained = "exact" if name in OF_A_TERM else TRAINED.get(name, "descent")
    gallery = model(table, trained).plot
    plot = gallery.dark if theme == "dark" else gallery
    term = (TERMS[table][OF_A_TERM[name]],) if name in OF_A_TERM else ()
    assert list(faults(getattr(plot, name)(*term, **asked))) == []


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", ["overview", "loss"])
def test_with_a_second_run_too(table: str, name: str) -> None:
    figure = getattr(model(table, "descent").plot, name)(others={"a second run, which has momentum": model(table, "faster")})
    assert list(faults(figure)) == []


def test_long_names_are_told_apart_and_never_end_in_the_middle_of_a_word() -> None:
    short = apart(NAMES)
    assert len(set(short)) == len(NAMES)
    for text, name in zip(short, NAMES, strict=True):
        assert set(text.replace("…", "_").split("_")) <= set(name.split("_"))


def test_labels_in_space_are_broken_between_words() -> None:
    figure = model("hard", "exact").plot.overview()
    labels = [axis.label.get_text() for ax in figure.axes if hasattr(ax, "zaxis") for axis in (ax.xaxis, ax.yaxis, ax.zaxis)]
    assert any("\n" in label for label in labels)
    words = {
        *"_".join(NAMES).split("_"),
        *["weight", "of", "intercept", "loss", "mean", "squared", "error", "in", "units", "log", "scale"],
    }
    for label in labels:
        parts = re.split(r"[\s_…(),]+", label)
        assert {part for part in parts if part.isalpha()} <= words, label


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("table", TABLES)
def test_the_first_the_middle_and_the_last_frame_of_a_film_can_be_read(table: str, theme: str) -> None:
    line = model(table, "descent")
    for picture in overviews(line.trained, line.plot.sample(), [0, 30, 60]):
        assert list(faults(draw(picture, theme=theme))) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("data", "formula"), [(hard_table(2_000), f"{TARGET} ~ ."), (bl.synthetic.lesson("slope-and-bias"), "y ~ x")]
)
def test_the_picture_of_a_sweep_can_be_read(data: Any, formula: str, theme: str) -> None:
    plot = bl.sweep(data, formula, steps=20).plot
    assert list(faults((plot.dark if theme == "dark" else plot).rates())) == []
