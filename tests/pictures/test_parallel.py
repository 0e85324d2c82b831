"""A line for each level of a category: it is the model's, as statsmodels has it, over the rows of its own level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import bestline as bl
from bestline.pictures import gallery
from bestline.pictures.marks import Band, Hexagons, Line, Picture, Points
from pictures.test_legible import faults


def table(n: int = 240, levels: str = "abc") -> pd.DataFrame:
    draw = np.random.default_rng(4)
    g = draw.choice(list(levels), n)
    x = draw.normal(size=n) + (g == "b")
    return pd.DataFrame(
        {"x": x, "g": g, "k": draw.normal(size=n), "y": x * (1 + (g == "c")) + 2 * (g == "b") + draw.normal(size=n)}
    )


def marks(picture: Picture, kind: type) -> list[Any]:
    return [mark for mark in picture.panels[0].marks if isinstance(mark, kind)]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "draw", lambda picture, **_: picture)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("formula", ["y ~ x + g", "y ~ x * g", "y ~ x + I(x**2) + g", "y ~ 0 + g + x"])
def test_lines_and_bands_are_those_of_statsmodels(formula: str) -> None:
    frame = table()
    picture, fit = bl.fit(frame, formula).plot.data(), smf.ols(formula, frame).fit()
    lines, bands, points = (marks(picture, kind) for kind in (Line, Band, Points))
    assert (picture.panels[0].xlabel, picture.panels[0].ylabel) == ("x", "y")
    assert [mark.label for mark in points] == ["a", "b", "c"]
    for level, line, band, own in zip("abc", lines, bands, points, strict=True):
        rows = frame[frame.g == level]
        assert sorted(own.x) == pytest.approx(sorted(rows.x))
        assert (min(line.x), max(line.x)) == pytest.approx((rows.x.min(), rows.x.max()))
        told = fit.get_prediction(pd.DataFrame({"x": line.x, "g": level})).summary_frame()
        assert line.y == pytest.approx(told["mean"].to_numpy(), rel=1e-7, abs=1e-9)
        assert band.low == pytest.approx(told["mean_ci_lower"].to_numpy(), rel=1e-6, abs=1e-9)
        assert band.high == pytest.approx(told["mean_ci_upper"].to_numpy(), rel=1e-6, abs=1e-9)
        assert own.role == line.role == band.role


@pytest.mark.usefixtures("plain")
def test_where_lines_do_not_stand_for_the_model_predicted_is_drawn_against_actual() -> None:
    many = table(400, "abcdefghij")
    for formula, frame in (
        ("y ~ x + g + k", table()),
        ("y ~ np.exp(x) + g", table()),
        ("y ~ x + k", table()),
        ("y ~ x + g", many),
    ):
        assert bl.fit(frame, formula.replace("np.", "")).plot.data().panels[0].xlabel == "actual y"


@pytest.mark.usefixtures("plain")
def test_a_line_without_intervals_has_no_band() -> None:
    for how in ({"l1": 0.1}, {"loss": "huber", "l2": 0.1}, {"solver": bl.Descent("sgd", steps=5)}):
        picture = bl.fit(table(), "y ~ x + g", **how).plot.data()
        assert (len(marks(picture, Line)), marks(picture, Band)) == (3, [])


@pytest.mark.usefixtures("plain")
def test_of_many_rows_lines_have_the_names_that_no_points_have() -> None:
    picture = bl.fit(table(6_000), "y ~ x + g").plot.data()
    assert len(marks(picture, Hexagons)) == 1
    assert [line.label for line in marks(picture, Line)] == ["a", "b", "c"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_can_be_read(theme: str) -> None:
    for frame in (table(), table(6_000)):
        plot = bl.fit(frame.replace({"g": {"a": "a level with a very long name indeed, of some words"}}), "y ~ x + g").plot
        assert list(faults((plot.dark if theme == "dark" else plot).data())) == []


def test_a_report_shows_them_too() -> None:
    assert "with a line for each of 3 levels" in bl.fit(table(), "y ~ x + g").report().html
