"""Pictures of groups and windows: their numbers are those of the tables, and what a picture says is so."""

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from bestline.errors import OptionError
from bestline.pictures import groups as pictures
from bestline.pictures.marks import Band, Horizontal, Intervals, Line, Points, Vertical


def fitted(groups: int, rows: int = 12) -> bl.Groups:
    draw = np.random.default_rng(3)
    g, x = np.repeat(np.arange(groups), rows), draw.uniform(0, 4, groups * rows)
    y = 3 - draw.normal(2, 0.6, groups)[g] * x + draw.normal(0, 1, len(x))
    return bl.fit_groups({"shop": g, "price": x, "sold": y}, "sold ~ price", by="shop")


def marks_of(picture, kind):
    return [mark for panel in picture.panels for mark in panel.marks if isinstance(mark, kind)]


def test_few_groups_stand_by_name_in_order_of_their_slope() -> None:
    groups = fitted(8)
    picture = pictures.slopes(groups.lines, "price", level=0.9)
    table = groups.tidy(0.9)[lambda t: t.term == "price"].sort_values("estimate")
    (own,) = marks_of(picture, Intervals)
    assert list(own.names) == [str(shop) for shop in table.shop]
    np.testing.assert_array_equal([own.estimate, own.low, own.high], table[["estimate", "conf_low", "conf_high"]].T)
    (whole,) = marks_of(picture, Vertical)
    frame = groups.source
    common = bl.fit(
        pd.DataFrame({name: np.concatenate([b.numbers([name])[:, 0] for b in frame.batches()]) for name in ("price", "sold")}),
        "sold ~ price",
    )
    assert whole.x == pytest.approx(common.coef["price"], rel=1e-9)
    apart = int(((table.conf_low > whole.x) | (table.conf_high < whole.x)).sum())
    assert f"{apart} interval" in picture.note
    assert "90% interval" in own.label


def test_many_groups_are_a_band_in_order() -> None:
    groups = fitted(60)
    picture = pictures.slopes(groups.lines)
    (band,), (line,), (whole,) = (marks_of(picture, kind) for kind in (Band, Line, Horizontal))
    assert list(line.y) == sorted(line.y)
    assert len(line.y) == len(band.low) == 60
    assert all(low < y < high for low, y, high in zip(band.low, line.y, band.high, strict=True))
    assert min(line.y) < whole.y < max(line.y)
    assert groups.plot.slopes().axes[0].get_xlabel() == picture.panels[0].xlabel


def test_every_group_has_its_rows_and_its_line() -> None:
    groups = fitted(15)
    picture = pictures.small_multiples(groups.lines, groups.keys, groups.source)
    assert len(picture.panels) == 12
    assert "The 12 groups of most rows, of 15." in picture.note
    for panel in picture.panels:
        g = int(panel.title)
        rows, common, line = panel.marks
        assert isinstance(rows, Points)
        slope, level = groups.lines.weights[g, :, 0].tolist()
        np.testing.assert_allclose(line.y, [level + slope * x for x in line.x])
        np.testing.assert_allclose(np.polyfit(rows.x, rows.y, 1), [slope, level])
        assert panel.xlim is not None
        assert panel.xlim[0] < min(rows.x) <= max(rows.x) < panel.xlim[1]
        assert common.role == "reference"


def test_windows_move_on_over_their_last_day() -> None:
    day = pd.date_range("2024-03-01", periods=90)
    draw = np.random.default_rng(0)
    x = draw.normal(size=90)
    windows = bl.fit_rolling(pd.DataFrame({"day": day, "x": x, "y": x + draw.normal(size=90)}), "y ~ x", order="day", window=30)
    picture = pictures.moving(windows.lines, "x")
    (line,) = marks_of(picture, Line)
    assert picture.panels[0].xlabel.endswith("in days since 2024-03-30")
    assert line.x == tuple(float(i) for i in range(61))
    np.testing.assert_array_equal(line.y, windows.tidy()[lambda t: t.term == "x"].estimate)
    windows.plot.dark.weights("Intercept")


def test_a_penalty_has_no_intervals_and_other_weights_are_refused() -> None:
    groups = fitted(8)
    draw = np.random.default_rng(0)
    table = {
        "shop": np.repeat(np.arange(4), 9),
        "a": draw.normal(size=36),
        "b": draw.normal(size=36),
        "y": draw.normal(size=36),
    }
    ridge = bl.fit_groups(table, "y ~ a + b", by="shop", l2=0.1)
    picture = pictures.slopes(ridge.lines, "a")
    assert marks_of(picture, Intervals)[0].label == "estimate"
    assert "interval" not in picture.note + picture.alt
    with pytest.raises(OptionError, match="one column of numbers"):
        ridge.plot.lines()
    with pytest.raises(OptionError, match="price"):
        groups.plot.slopes("prize")
