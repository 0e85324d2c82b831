"""Added-variable and component-plus-residual plots against statsmodels' own, and the law that their slope is the weight."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import bestline as bl
from bestline.errors import ColumnError, NumericalError
from bestline.pictures.gallery import Gallery
from bestline.pictures.marks import Line, Points
from bestline.pictures.palette import THEMES
from hard import NAMES, TARGET, hard_table

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """What a gallery draws, as a Picture."""
    monkeypatch.setattr(Gallery, "_drawn", lambda self, picture, *finding: picture)


def table() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"x": rng.normal(5, 1, 80), "g": rng.choice(["a", "b", "c"], 80)})
    data["z"] = data["x"] + rng.normal(0, 1, 80)
    return data.assign(y=data["x"] ** 2 - data["z"] + (data["g"] == "b") + rng.normal(0, 1, 80), w=rng.uniform(0.5, 2, 80))


def marks(picture, kind):
    return [mark for mark in picture.panels[0].marks if isinstance(mark, kind)]


def points(picture):
    found = marks(picture, Points)
    return sorted((x, y) for mark in found for x, y in zip(mark.x, mark.y, strict=True))


def test_added_is_the_partial_regression_plot():
    data = table()
    picture = bl.fit(data, "y ~ x + z + g").plot.added("z")

    # As statsmodels' plot_partregress and R's avPlots: residuals of both on all others.
    expected = sorted(zip(*(smf.ols(f"{name} ~ x + C(g)", data).fit().resid for name in ("z", "y")), strict=True))
    for found, own in zip(points(picture), expected, strict=True):
        assert found == pytest.approx(own, rel=1e-8, abs=1e-9)
    assert len(picture.table()["x"]) > 80


@pytest.mark.parametrize("weights", [None, "w"])
def test_the_slope_of_what_is_added_is_the_weight(weights):
    data = table()
    model = bl.fit(data, "y ~ x + z + g", weights=weights)

    picture = model.plot.added("z")

    x, y = np.array([point for mark in marks(picture, Points) for point in zip(mark.x, mark.y, strict=True)]).T
    (line,) = marks(picture, Line)
    assert (line.y[1] - line.y[0]) / (line.x[1] - line.x[0]) == pytest.approx(model.params["z"], rel=1e-9)
    if weights is None:  # points of one colour stand in the order of the rows no longer
        assert (x @ y) / (x @ x) == pytest.approx(model.params["z"], rel=1e-9)


def test_component_is_the_ccpr_plot():
    data = table()
    picture = bl.fit(data, "y ~ x + z + g").plot.component("x")

    fitted = smf.ols("y ~ x + z + g", data).fit()
    expected = sorted(zip(data["x"], fitted.params["x"] * data["x"] + fitted.resid, strict=True))
    for found, own in zip(points(picture), expected, strict=True):
        assert found == pytest.approx(own, rel=1e-8, abs=1e-8)
    straight, mean = marks(picture, Line)
    assert mean.label == "local mean"
    # The target is a square of x: the local mean bends upwards at both ends, away from the line.
    apart = np.array(mean.y) - np.interp(mean.x, straight.x, straight.y)
    assert apart[0] > 0 > apart[len(apart) // 2]
    assert apart[-1] > 0


def test_what_has_no_such_picture_is_refused():
    data = table().assign(twice=lambda d: 2 * d["z"])

    with pytest.raises(ColumnError, match="no column `q`"):
        bl.fit(data, "y ~ x").plot.added("q")
    with pytest.raises(NumericalError, match="adds nothing"):
        bl.fit(data, "y ~ z + twice").plot.added("twice")
    with pytest.raises(NumericalError, match="penalty"):
        bl.fit(data, "y ~ x + z", l2=0.1).plot.added("x")


def test_columns_with_long_names_are_told_apart() -> None:
    line = bl.fit(hard_table(2_000), f"{TARGET} ~ .")
    for picture in (line.plot.added(NAMES[3]), line.plot.component(NAMES[3])):
        assert "temperature…lower_shell" in picture.title
        assert "Names are shown without what they share" in picture.note


def test_a_column_alone_is_given_no_others() -> None:
    picture = bl.fit(bl.synthetic.lesson("slope-and-bias"), "y ~ x").plot.added("x")
    assert picture.panels[0].ylabel == "y, less its mean"
    assert "given" not in picture.alt


def test_no_line_has_the_colour_of_a_category() -> None:
    line = bl.fit(bl.samples.penguins(), "body_mass_g ~ flipper_length_mm + species", missing="drop")
    for picture in (line.plot.added("flipper_length_mm"), line.plot.component("flipper_length_mm"), line.plot.residuals()):
        roles = {kind: {mark.role for mark in picture.panels[0].marks if isinstance(mark, kind)} for kind in (Points, Line)}
        assert len(roles[Points]) == 3
        for theme in THEMES.values():
            points, lines = ({theme.styles[role].colour for role in roles[kind]} for kind in (Points, Line))
            assert not points & lines


@pytest.mark.parametrize("picture", ["added", "component"])
def test_a_term_of_one_column_is_that_column_and_one_of_several_offers_them(picture: str):
    data = table().assign(k=lambda d: np.arange(len(d)) % 3, two=lambda d: np.where(np.arange(len(d)) % 2, "a, b", "c"))
    model = bl.fit(data, "y ~ x + two + C(k) + poly(z, 2)")
    draw = getattr(model.plot, picture)

    for one in ("two", "C(two)"):
        assert draw(one).title == draw("two[T.c]").title
    for name in ("k", "C(k)"):
        with pytest.raises(ColumnError, match=r"is 2 columns of this line, .* choose `C\(k\)\[T\.1\]` or `C\(k\)\[T\.2\]`"):
            draw(name)
    with pytest.raises(ColumnError, match=r"choose `poly\(z, 2\)\[1\]` or `poly\(z, 2\)\[2\]`"):
        draw("poly(z, 2)")
    with pytest.raises(ColumnError, match="`k` is absorbed, so its levels are no columns"):
        getattr(bl.fit(data, "y ~ x | k").plot, picture)("k")
    with pytest.raises(ColumnError, match="it has no columns"):
        getattr(bl.fit(data, "y ~ 1").plot, picture)("k")
