"""Clouds: far rows do not stretch the axes and are counted; many rows are hexagons of all of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path

import bestline as bl
from bestline.errors import DataError, NumericalError, OptionError
from bestline.numerics.rows import Rows
from bestline.pictures import clouds, figures
from bestline.pictures.gallery import Gallery
from bestline.pictures.marks import Bins, Hexagons, Line, Outside, Picture, Points
from bestline.pictures.render.mpl import draw
from bestline.pictures.residuals import KINDS
from bestline.pictures.sample import Sample
from hard import TARGET, hard_table

pytestmark = pytest.mark.usefixtures("quiet")

PENGUINS = "body_mass_g ~ flipper_length_mm + species + sex"


@pytest.fixture
def asked(monkeypatch):
    """What a gallery draws, as a Picture."""
    monkeypatch.setattr(Gallery, "_drawn", lambda self, picture, *finding: picture)


def marks(picture: Picture, kind: type, panel: int = 0) -> list:
    return [m for m in picture.panels[panel].marks if isinstance(m, kind)]


def outside(picture: Picture) -> dict[str, int]:
    (found,) = marks(picture, Outside) or [Outside()]
    return {"above": found.above, "below": found.below, "left": found.left, "right": found.right}


def beyond(x, y, panel) -> dict[str, int]:
    """The rows outside a panel, counted another way."""
    (left, right), (low, high) = panel.xlim, panel.ylim
    across = (y >= low) & (y <= high)
    sides = {"above": y > high, "below": y < low, "left": across & (x < left), "right": across & (x > right)}
    return {side: int(those.sum()) for side, those in sides.items()}


def normal(n: int) -> torch.Tensor:
    return torch.randn(n, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


@pytest.mark.parametrize("n", [30, 400, 20_000])
def test_one_row_far_away_does_not_change_the_limits(n):
    values = normal(n)
    low, high = clouds.limits(values)
    assert clouds.limits(torch.cat([values, torch.tensor([130.0])])) == (low, high)
    assert low < values.min()
    assert values.max() < high


@pytest.mark.parametrize(
    "values",
    [
        normal(2_000),
        (0.6 * normal(2_000)).exp(),  # skewed, but no row lies apart
        torch.cat([normal(50), normal(50) + 60]),  # two groups, neither of which is an exception
        torch.cat([normal(40), normal(9) + 100]),  # so are nine of 49
        torch.tensor([3.0]),
        torch.tensor([1.0, 1.0, 1.0, 1.0, 50.0]),
        torch.zeros(40),
        torch.cat([torch.zeros(90), torch.arange(10.0)]),
    ],
)
def test_nothing_is_left_out_that_is_no_exception(values):
    low, high = clouds.limits(values)
    assert low < values.min()
    assert values.max() < high


@given(st.lists(st.floats(-1e9, 1e9), max_size=60), st.floats(-1e6, 1e6), st.floats(0.001, 1e3))
def test_limits_hold_most_rows_and_move_with_the_units(values, shift, factor):
    found = torch.tensor(values, dtype=torch.float64)
    low, high = clouds.limits(found)
    assert low < high
    lost = int(((found < low) | (found > high)).sum())
    assert lost <= 2 * min(max(3, len(values) // 100), len(values) // 10)
    wide = len(values) > 1 and float(found.max() - found.min()) > 1e-3  # narrower ones are lost in the shift
    near = {"rel": 1e-5, "abs": 1e-5 * factor * (high - low)}
    assert not wide or clouds.limits(shift + factor * found) == pytest.approx(
        (shift + factor * low, shift + factor * high), **near
    )


def test_numbers_that_are_none_are_no_place(asked):
    assert clouds.limits(torch.tensor([math.nan, math.inf, -math.inf])) == (0.0, 1.0)
    assert clouds.limits(torch.tensor([math.nan, 1.0, 2.0, math.inf])) == pytest.approx((0.95, 2.05))


@pytest.mark.parametrize("n", [200, 4_999, 6_000])
@pytest.mark.parametrize("picture", ["data", "predicted", "residuals"])
def test_the_rows_outside_are_counted_over_all_rows(asked, n, picture):
    rng = np.random.default_rng(1)
    rows = {"x": rng.normal(size=n), "z": rng.normal(size=n)}
    rows["y"] = rows["x"] + rng.normal(size=n)
    for i, far in enumerate((500.0, 900.0, -700.0)):
        rows["y"][i] += far
    model = bl.fit(rows, "y ~ x + z")
    found = getattr(model.plot, picture)()
    panel = found.panels[0]
    fitted = model.predict(rows)
    standardised = model.influence()["std_resid"].to_numpy()
    x, y = (fitted, standardised) if picture == "residuals" else (rows["y"], fitted)
    assert outside(found) == beyond(np.asarray(x), np.asarray(y), panel)
    assert sum(outside(found).values()) >= 3
    (hexagons,) = marks(found, Hexagons) or [None]
    assert (hexagons is None) == (n < 5_000)
    if hexagons is not None:
        assert sum(hexagons.count) + sum(outside(found).values()) == n
        assert not marks(found, Points)
        assert f"All {n:,} rows" in found.note
    else:
        assert sum(len(m.x) for m in marks(found, Points)) == n


def test_one_row_at_130_leaves_residuals_their_shape(asked):
    """The middle nine tenths of the hard table's residuals fill a good part of the panel's height."""
    picture = bl.fit(hard_table(), target=TARGET).plot.residuals()
    (hexagons,) = marks(picture, Hexagons)
    low, high = picture.panels[0].ylim
    assert high - low < 20
    order = np.argsort(hexagons.y)
    share = np.cumsum(np.array(hexagons.count)[order]) / sum(hexagons.count)
    heights = np.array(hexagons.y)[order]
    middle = heights[np.searchsorted(share, 0.95)] - heights[np.searchsorted(share, 0.05)]
    assert middle > 0.2 * (high - low)
    assert sum(hexagons.count) + sum(outside(picture).values()) == 200_000


def test_every_row_is_counted_in_the_hexagon_in_which_it_lies():
    """Against matplotlib's own rule for points in polygons."""
    x, y = normal(6_000), normal(12_000)[6_000:]
    rows = Rows(x[:, None], y[:, None])
    sample = Sample.draw(rows, ["x"], ["y"], most=500)
    with_again = Sample(
        sample.rows, sample.of, sample.features, sample.targets, again=lambda: iter([rows[:2_500], rows[2_500:]])
    )
    view = clouds.cloud(with_again, clouds.Axes(lambda r: (r.X[:, 0], r.y[:, 0])))
    (hexagons,) = [m for m in view.marks if isinstance(m, Hexagons)]
    across, up = np.array([0, 1, 1, 0, -1, -1]) * hexagons.width / 2, np.array([2, 1, -1, -2, -1, 1]) * hexagons.height / 3
    points = np.stack([x, y], 1)
    inside = (
        (points[:, 0] >= view.xlim[0])
        & (points[:, 0] <= view.xlim[1])
        & (points[:, 1] >= view.ylim[0])
        & (points[:, 1] <= view.ylim[1])
    )
    for i in range(0, len(hexagons.x), 11):
        corners = Path(np.stack([hexagons.x[i] + across, hexagons.y[i] + up], 1))
        assert corners.contains_points(points[inside]).sum() == hexagons.count[i]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("rows", [300, 20_000])
def test_predicted_and_actual_have_axes_alike(asked, theme, rows):
    model = bl.fit(hard_table(rows), target=TARGET)
    picture = model.plot.predicted()
    (panel,) = picture.panels
    assert panel.xlim == panel.ylim
    assert panel.even
    (line,) = marks(picture, Line)
    assert line.x == line.y == panel.xlim
    figure = draw(picture, theme=theme)
    figure.canvas.draw()
    box = figure.axes[0].get_window_extent()
    assert box.width == pytest.approx(box.height, rel=0.01)
    assert (panel.xlim, panel.even) == (model.plot.data().panels[0].xlim, True)


def test_a_line_of_one_feature_is_predicted_against_actual_too(asked):
    model = bl.fit({"x": [1.0, 2.0, 3.0, 4.0], "y": [1.0, 2.5, 2.5, 4.0]}, "y ~ x")
    (points,) = marks(model.plot.predicted(), Points)
    assert points.x == (1.0, 2.5, 2.5, 4.0)
    assert points.y == pytest.approx(tuple(model.predict({"x": [1.0, 2.0, 3.0, 4.0]})))


def test_a_run_that_left_the_rows_behind_leaves_them_their_place(asked):
    rows = {"x": np.arange(20.0), "z": np.arange(20.0) ** 2, "y": np.arange(20.0)}
    model = bl.fit(rows, "y ~ x + z", solver="sgd", lr=50.0, steps=6, standardize=True)
    panel = model.plot.predicted().panels[0]
    assert not panel.even
    assert panel.xlim[1] - panel.xlim[0] < 25
    draw(model.plot.predicted())
    one = bl.fit(rows, "y ~ x", solver="sgd", lr=50.0, steps=30).plot.data().panels[0]
    assert one.ylim[1] - one.ylim[0] < 25


def test_lines_have_room_beside_robust_limits(asked):
    """The truth lies far from the rows, and is seen."""
    rows = {"x": np.arange(30.0), "y": np.arange(30.0)}
    picture = bl.fit(rows, "y ~ x").plot.data(truth=(1.0, 40.0))
    low, high = picture.panels[0].ylim
    assert low <= 0
    assert high >= 69


def test_points_have_the_colour_of_their_level(asked):
    model = bl.fit(bl.samples.penguins(), PENGUINS, missing="drop")
    for picture in (model.plot.data(), model.plot.predicted(), model.plot.residuals()):
        found = marks(picture, Points)
        assert [(m.label, len(m.x)) for m in found] == [("Adelie", 146), ("Chinstrap", 68), ("Gentoo", 119)]
        assert len({m.role for m in found}) == 3
    table = bl.samples.penguins().to_pandas().dropna(subset=["body_mass_g", "sex", "flipper_length_mm"])
    (gentoo,) = [m for m in marks(model.plot.predicted(), Points) if m.label == "Gentoo"]
    assert sorted(gentoo.x) == sorted(table.loc[table["species"] == "Gentoo", "body_mass_g"])
    assert [m.label for m in marks(model.plot.data(by="sex"), Points)] == ["female", "male"]
    told = [text.get_text() for text in draw(model.plot.data()).axes[0].get_legend().texts]
    assert {"Adelie", "Chinstrap", "Gentoo"} < set(told)
    with pytest.raises(OptionError, match="species"):
        model.plot.data(by="specie")


def test_of_many_levels_the_most_frequent_have_colours_or_none_has():
    rng = np.random.default_rng(2)
    n = 400
    rows = {
        "x": rng.normal(size=n),
        "g": np.where(rng.random(n) < 0.8, rng.integers(0, 6, n), rng.integers(6, 20, n)),
    }
    rows["g"] = np.char.add("g", rows["g"].astype(str))
    rows["y"] = rows["x"] + rng.normal(size=n)
    sample = bl.fit(rows, "y ~ x + g").plot._cloud(None, None)
    found = [m for m in figures.predicted(sample, bl.fit(rows, "y ~ x + g").trained).panels[0].marks if isinstance(m, Points)]
    assert [m.label for m in found] == ["others (14 levels)", "g0", "g1", "g2", "g3", "g4", "g5"]
    assert sum(len(m.x) for m in found) == n
    rows["g"] = np.char.add("g", rng.integers(0, 30, n).astype(str))
    model = bl.fit(rows, "y ~ x + g")
    (plain,) = [
        m for m in figures.predicted(model.plot._cloud(None, None), model.trained).panels[0].marks if isinstance(m, Points)
    ]
    assert plain.role == "data"


@pytest.mark.parametrize("kind", list(KINDS))
def test_kinds_of_residuals_are_those_of_the_table(asked, kind):
    model = bl.fit(bl.samples.penguins(), PENGUINS, missing="drop")
    picture = model.plot.residuals(kind=kind)
    drawn = sorted(v for m in marks(picture, Points) for v in m.y)
    assert drawn == pytest.approx(sorted(model.influence()[KINDS[kind]].tolist()))
    assert picture.panels[0].ylabel.startswith(f"{kind} residual")
    assert picture.title.startswith(kind.capitalize())


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"l1": 0.5}, "penalty"), ({"loss": "huber"}, "huber"), ({"solver": "sgd", "lr": 0.01, "steps": 3}, "stopped before")],
)
def test_residuals_are_raw_where_there_are_no_others(asked, options, reason):
    model = bl.fit(bl.samples.penguins(), PENGUINS, missing="drop", **options)
    picture = model.plot.residuals()
    assert "Raw residuals" in picture.note
    assert reason in picture.note
    table = bl.samples.penguins().to_pandas().dropna(subset=["body_mass_g", "sex", "flipper_length_mm"])
    wanted = table["body_mass_g"].to_numpy() - np.asarray(model.predict(table))
    assert sorted(v for m in marks(picture, Points) for v in m.y) == pytest.approx(sorted(wanted))
    with pytest.raises(NumericalError):
        model.plot.residuals(kind="standardised")
    with pytest.raises(OptionError, match="'raw'"):
        model.plot.residuals(kind="pearson")


def test_residuals_of_other_data_are_raw_and_a_line_through_every_point_leaves_none(asked):
    rows = {"x": [1.0, 2.0, 3.0, 5.0], "y": [1.0, 2.0, 3.5, 4.0]}
    model = bl.fit(rows, "y ~ x")
    other = {"x": [2.0, 7.0], "y": [1.0, 1.0]}
    assert "not those of training" in model.plot.residuals(other).note
    with pytest.raises(DataError):
        model.plot.residuals(other, kind="standardised")
    (again,) = marks(model.plot.residuals(rows), Points)
    assert again == marks(model.plot.residuals(), Points)[0]
    exact = bl.fit({"x": [1.0, 2.0], "y": [1.0, 3.0]}, "y ~ x")
    assert "degrees of freedom" in exact.plot.residuals().note
    with pytest.raises(NumericalError, match="degrees of freedom"):
        exact.plot.residuals(kind="studentised")


def test_rows_of_no_weight_are_not_counted(asked):
    rng = np.random.default_rng(3)
    n = 9_000
    rows = {"x": rng.normal(size=n), "y": rng.normal(size=n), "w": np.where(np.arange(n) % 3 == 0, 0.0, 2.0)}
    picture = bl.fit(rows, "y ~ x", weights="w").plot.data()
    (hexagons,) = marks(picture, Hexagons)
    assert sum(hexagons.count) + sum(outside(picture).values()) == 6_000


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_many_rows_before_a_fit_are_counted_too(theme, monkeypatch):
    kept = []
    monkeypatch.setattr(
        "bestline.api.plot_data.draw", lambda picture, theme: kept.append(picture) or draw(picture, theme=theme)
    )
    rng = np.random.default_rng(4)
    n = 9_000
    rows = {"x": rng.normal(size=n), "g": rng.choice(list("abc"), n), "y": rng.standard_t(2, n)}
    bl.plot_data(rows, "y ~ x + g", theme=theme)
    (picture,) = kept
    for i, kind in enumerate((Hexagons, Bins)):
        (cells,) = marks(picture, kind, i)
        (lost,) = marks(picture, Outside, i)
        assert sum(cells.count) + lost.above + lost.below + lost.left + lost.right == n
    (strips,) = marks(picture, Bins, 1)
    for level, name in enumerate(picture.panels[1].xnames):
        held = sum(c for c, left in zip(strips.count, strips.left, strict=True) if left == level - 0.4)
        low, high = picture.panels[1].ylim
        assert held == ((rows["g"] == name) & (rows["y"] >= low) & (rows["y"] <= high)).sum()


@pytest.mark.parametrize("picture", ["residuals", "diagnostics"])
def test_the_local_mean_is_that_of_the_rows_in_sight(asked, picture):
    """One row at 400 would draw it out of the panel; how many rows it is the mean of is said."""
    rng = np.random.default_rng(6)
    rows = {"x": rng.normal(size=300)}
    rows["y"] = rows["x"] + rng.normal(size=300)
    assert [m.label for m in marks(getattr(bl.fit(rows, "y ~ x").plot, picture)(), Line)] == ["local mean"]
    rows["y"][7] = 400.0
    found = getattr(bl.fit(rows, "y ~ x").plot, picture)()
    (mean,) = marks(found, Line)
    assert mean.label == "local mean of 299 rows"
    low, high = found.panels[0].ylim
    assert low < min(mean.y) < max(mean.y) < high


def test_points_of_one_cloud_are_of_one_size(asked):
    """However few rows a level has."""
    rng = np.random.default_rng(7)
    rows = {"x": rng.normal(size=700), "g": np.where(np.arange(700) < 20, "rare", "common"), "y": rng.normal(size=700)}
    figure = draw(bl.fit(rows, "y ~ x + g").plot.predicted())
    sizes = {line.get_markersize() for line in figure.axes[0].lines if line.get_linestyle() == "None"}
    assert len(sizes) == 1


def test_a_row_in_a_corner_is_counted_once_and_a_missing_one_never():
    x = torch.tensor([0.5, -9.0, 9.0, -9.0, 9.0, 0.5, 0.5, -9.0, math.nan], dtype=torch.float64)
    y = torch.tensor([0.5, 0.5, 0.5, 9.0, -9.0, 9.0, -9.0, math.nan, 0.5], dtype=torch.float64)
    found = clouds.beyond(x, y, (0.0, 1.0), (0.0, 1.0), whole=True)
    assert (found.above, found.below, found.left, found.right) == (2, 2, 1, 1)
