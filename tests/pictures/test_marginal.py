"""Marginal means, contrasts and slopes drawn: the numbers of the tables, groups beside each other, lines over numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from bestline.errors import OptionError
from bestline.pictures.gallery import Gallery
from bestline.pictures.marks import Band, Intervals, Line, Vertical
from hard import NAMES, TARGET, hard_table

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """What a gallery draws, as a Picture."""
    monkeypatch.setattr(Gallery, "_drawn", lambda self, picture, *finding: picture)


def model(**options):
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"g": np.tile(["a", "b", "c"], 30), "h": np.repeat(["u", "v"], 45), "x": rng.uniform(0, 5, 90)})
    data["y"] = data["x"] * (1 + (data["g"] == "b")) + (data["h"] == "v") + rng.normal(0, 1, 90)
    return bl.fit(data, "y ~ g * x + h * g", **options)


def test_means_stand_below_each_other_in_the_colours_of_their_groups():
    line = model()
    expected = line.means("g", by="h")

    picture = line.plot.means("g", by="h")

    dots = [mark for mark in picture.panels[0].marks if isinstance(mark, Intervals)]
    assert [mark.label for mark in dots] == ["u", "v"]
    assert all(mark.names == ("a", "b", "c") for mark in dots)
    for mark in dots:
        own = expected[expected["h"] == mark.label]
        assert mark.estimate == tuple(own["estimate"])
        assert (mark.low, mark.high) == (tuple(own["conf_low"]), tuple(own["conf_high"]))
    assert not any(isinstance(mark, Vertical) for mark in picture.panels[0].marks)
    assert picture.title == "Marginal means of y by g and h, 95% intervals"
    assert len(picture.table()["x"]) == 18


def test_contrasts_stand_beside_a_line_at_zero():
    line = model(cov="HC3")
    expected = line.contrasts("g", adjust="holm")

    picture = line.plot.contrasts("g", adjust="holm")

    zero, dots = picture.panels[0].marks
    assert isinstance(zero, Vertical)
    assert zero.x == 0
    assert dots.names == ("b − a", "c − a", "c − b")
    assert dots.low == tuple(expected["conf_low"])
    assert "by Holm" in picture.note
    assert "HC3" in picture.note


def test_over_a_column_of_numbers_they_are_lines_with_bands():
    line, at = model(), {"x": [0.0, 2.5, 5.0]}
    expected = line.means("x", by="g", at=at)

    picture = line.plot.means("x", by="g", at=at)

    lines = [mark for mark in picture.panels[0].marks if isinstance(mark, Line)]
    bands = [mark for mark in picture.panels[0].marks if isinstance(mark, Band)]
    assert [mark.label for mark in lines] == ["a", "b", "c"]
    for mark, band in zip(lines, bands, strict=True):
        own = expected[expected["g"] == mark.label]
        assert (mark.x, mark.y) == (tuple(own["x"]), tuple(own["estimate"]))
        assert (band.low, band.high) == (tuple(own["conf_low"]), tuple(own["conf_high"]))


def test_too_many_lines_are_refused_and_many_rows_are_counted():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"g": [f"g{i % 50}" for i in range(400)], "x": rng.uniform(size=400), "y": rng.normal(size=400)})
    line = bl.fit(data, "y ~ g * x")

    assert "40 of 50 shown." in line.plot.means("g").note
    with pytest.raises(OptionError, match="50 lines cannot be told apart"):
        line.plot.means("x", by="g", at={"x": [0, 0.5, 1]})


def test_a_penalised_line_is_drawn_without_intervals():
    picture = model(l2=0.1).plot.means("g")

    assert "interval" not in picture.title
    assert all(np.isnan(picture.panels[0].marks[0].low))


@pytest.mark.parametrize("formula", ["y ~ g + x + z", "y ~ g * x + x * z"])
def test_groups_by_a_number_are_drawn_at_its_mean(formula):
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"g": np.tile(["a", "b", "c"], 30), "x": rng.uniform(0, 5, 90), "z": rng.normal(size=90)})
    data["y"] = data["x"] + rng.normal(0, 1, 90)
    line = bl.fit(data, formula)

    for picture, found in (
        (line.plot.slopes("z", by="x"), line.slopes("z", by="x")),
        (line.plot.contrasts("g", by="x"), line.contrasts("g", by="x")),
        (line.plot.means("g", by="x"), line.means("g", by="x")),
    ):
        dots = [mark for mark in picture.panels[0].marks if isinstance(mark, Intervals)]
        assert [value for mark in dots for value in mark.estimate] == found["estimate"].tolist()


def test_a_single_estimate_is_called_what_it_is():
    line = model()
    one = line.plot.slopes("x", at={"g": "b"})
    assert one.panels[0].marks[-1].names == ("slope in x",)
    assert "Held: g at b." in one.note
    whole = line.plot.means("1", at={"x": 2.0})
    assert whole.panels[0].marks[-1].names == ("marginal mean",)
    assert whole.title == "Marginal means of y, 95% intervals"


def test_a_category_is_drawn_by_either_spelling():
    line = model()
    for draw in (line.plot.means, line.plot.contrasts):
        assert draw("C(g)").panels == draw("g").panels
        assert draw("C(g)").title == draw("g").title


def test_means_that_were_turned_back_are_called_what_they_are() -> None:
    line = bl.fit(bl.samples.penguins(), "np.log(body_mass_g) ~ species", missing="drop")
    picture = line.plot.means("species")
    assert picture.title == "Medians of body_mass_g by species, 95% intervals"
    assert picture.panels[0].xlabel == "median of body_mass_g"
    # Their natural logarithms are the means of the logarithms (of statsmodels' cell means: a line over one category).
    rows = bl.samples.penguins().to_pandas().dropna(subset=["body_mass_g"])
    means = np.exp(np.log(rows.body_mass_g).groupby(rows.species).mean())
    assert line.means("species")["estimate"].to_numpy() == pytest.approx(means.to_numpy(), rel=1e-12)
    own = line.plot.means("species", units="fitted")
    assert own.title.startswith("Marginal means of np.log(body_mass_g)")


def test_a_quantile_line_has_marginal_medians_and_no_means() -> None:
    line = bl.fit(bl.samples.penguins(), "body_mass_g ~ species", missing="drop", loss="absolute")
    assert line.plot.means("species").title.startswith("Marginal medians of body_mass_g by species")


def test_of_thirty_columns_with_long_names_the_means_of_a_few_are_told() -> None:
    line = bl.fit(hard_table(2_000), f"{TARGET} ~ .")
    for picture in (line.plot.means(NAMES[3]), line.plot.slopes(NAMES[3])):
        told = f"{picture.title} {picture.note}"
        assert "temperature…lower_shell" in told
        assert "Names are shown without what they share" in told
        assert not any(name in told for name in NAMES)
        assert len(picture.note) < 400
    assert "and 26 more" in line.plot.means(NAMES[3]).note
    assert len(line.means(NAMES[3]).attrs["notes"][0].split(", ")) >= 29  # the frame has all of them


def test_one_slope_is_no_range_and_says_per_what() -> None:
    picture = bl.fit(bl.samples.penguins(), "body_mass_g ~ flipper_length_mm", missing="drop").plot.slopes("flipper_length_mm")
    assert "1 slope of body_mass_g, 49.69." in picture.alt
    assert picture.panels[0].xlabel == "slope of body_mass_g per unit of flipper_length_mm"


def test_the_sentence_of_a_picture_says_where_the_ends_are() -> None:
    line = bl.fit(bl.samples.penguins(), "body_mass_g ~ flipper_length_mm + species", missing="drop")
    means, ends = line.means("species").set_index("species")["estimate"], line.plot.means("species").alt
    assert f"({means.idxmin()}) to " in ends
    assert f"({means.idxmax()})." in ends
    assert (means.idxmin(), means.idxmax()) == ("Chinstrap", "Gentoo")
    assert "(Chinstrap \N{MINUS SIGN} Adelie) to " in line.plot.contrasts("species").alt
