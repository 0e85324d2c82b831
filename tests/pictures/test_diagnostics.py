"""The four panels of diagnosis."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

import bestline as bl
from bestline.inference.diagnostics import second_pass
from bestline.inference.diagnostics.findings import FITTED, LEVERAGE, QUANTILES, SPREAD
from bestline.inference.diagnostics.residual_sums import MOST
from bestline.pictures import diagnostics
from bestline.pictures.diagnostics import panels, smoothed
from bestline.pictures.marks import Bins, Line, Outside, Points, Text
from bestline.pictures.render.mpl import draw
from bestline.wording import said
from hard import TARGET, hard_table
from inference.diagnosed import diagnosed, frame, large, large_model, noise

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("many", [False, True])
def test_the_four_panels(theme: str, many: bool):
    model = large_model() if many else bl.fit(frame(), "y ~ x1 + g")
    picture = panels(second_pass.diagnosis(model))
    assert [p.title for p in picture.panels] == [FITTED, QUANTILES, SPREAD, LEVERAGE]
    assert picture.columns == 2
    for panel in picture.panels:
        assert panel.xlim is not None
        assert panel.ylim is not None
        (points,) = [mark for mark in panel.marks if isinstance(mark, Points)]
        assert len(points.x) > 20
        assert all(panel.xlim[0] <= x <= panel.xlim[1] for x in points.x)
        assert all(panel.ylim[0] <= y <= panel.ylim[1] for y in points.y)
    cells = [m for p in picture.panels for m in p.marks if isinstance(m, Bins)]
    assert len(cells) == (3 if many else 0)
    assert all(5_000 - 20 <= sum(m.count) <= 5_000 for m in cells)
    draw(picture, theme=theme)


def test_points_are_the_rows():
    model = bl.fit(frame(), "y ~ x1 + g")
    table = second_pass.influence(model)
    against, quantiles, scale, leverage = panels(second_pass.diagnosis(model)).panels
    points = [next(m for m in p.marks if isinstance(m, Points)) for p in (against, quantiles, scale, leverage)]
    assert points[0].x == pytest.approx((frame()["y"] - table["resid"]).tolist())
    assert points[0].y == pytest.approx(table["std_resid"].tolist())
    x, y = stats.probplot(table["std_resid"], fit=False)
    assert points[1].y == pytest.approx(y.tolist())
    assert len(points[1].x) == len(x)  # whose places are others: see test_rows_named.py
    assert points[2].y == pytest.approx(table["std_resid"].abs().pow(0.5).tolist())
    assert points[3].x == pytest.approx(table["hat"].tolist())


def test_cells_hold_the_rows_that_lie_in_them():
    model = large_model()
    table = second_pass.influence(model)
    cells = next(m for m in panels(second_pass.diagnosis(model)).panels[0].marks if isinstance(m, Bins))
    fitted, r = (large()["y"] - table["resid"]).to_numpy(), table["std_resid"].to_numpy()
    for i in range(0, len(cells.count), 7):
        inside = (fitted >= cells.left[i]) & (fitted < cells.right[i]) & (r >= cells.bottom[i]) & (r < cells.top[i])
        assert abs(inside.sum() - cells.count[i]) <= 1


def test_contours_of_cooks_distance():
    x, e = noise(30)
    found = diagnosed({"x": np.append(x, 40.0), "y": np.append(x + e, 20.0)}, "y ~ x")
    lines = [m for m in panels(found).panels[3].marks if isinstance(m, Line)]
    assert {m.label for m in lines} >= {"Cook's distance 0.5", "Cook's distance 1"}
    for mark in lines:
        level = [r**2 * h / (2 * (1 - h)) for h, r in zip(mark.x, mark.y, strict=True)]
        assert max(level) == pytest.approx(min(level))
        assert min(abs(level[0] - v) for v in (0.5, 1.0)) < 1e-9


def test_contours_of_cooks_distance_are_drawn_where_they_are_in_sight():
    """A line that is nowhere in sight has no entry in the legend either."""
    x, e = noise(30)
    for data in ({"x": np.append(x, 40.0), "y": np.append(x + e, 20.0)}, {"x": x, "y": x + e}, {"x": x[:6], "y": (x + e)[:6]}):
        panel = panels(diagnosed(data, "y ~ x")).panels[3]
        lines = [m for m in panel.marks if isinstance(m, Line)]
        for mark in lines:
            assert panel.ylim[0] <= min(mark.y) <= max(mark.y) <= panel.ylim[1]
        labels = [m.label for m in lines if m.label]
        assert len(set(labels)) == len(labels)
        # r = (D p (1 - h) / h)^1/2 is least where the leverage is largest.
        h = min(panel.xlim[1], 0.999)
        for level, name in ((0.5, "Cook's distance 0.5"), (1.0, "Cook's distance 1")):
            nearest = (level * 2 * (1 - h) / h) ** 0.5
            assert (name in labels) == (nearest < panel.ylim[1] or -nearest > panel.ylim[0]), (name, nearest, panel.ylim)


def test_the_local_mean_follows_a_line_and_counts_weights():
    x = torch.linspace(0, 1, 50, dtype=torch.float64)
    at, mean = smoothed(x, 3 - 2 * x, torch.ones(50, dtype=torch.float64))
    assert mean.tolist() == pytest.approx((3 - 2 * at).tolist())
    y = torch.sin(6 * x)
    once = smoothed(x, y, torch.where(x < 0.5, 3.0, 1.0).double())
    again = smoothed(torch.cat([x, x[x < 0.5], x[x < 0.5]]), torch.cat([y, y[x < 0.5], y[x < 0.5]]), torch.ones(100).double())
    same = {float(place): float(value) for place, value in zip(*again, strict=True)}
    shared = [(float(value), same[float(place)]) for place, value in zip(*once, strict=True) if float(place) in same]
    assert len(shared) > 10
    assert [value for value, _ in shared] == pytest.approx([value for _, value in shared], rel=1e-6, abs=1e-9)
    flat = torch.zeros(9, dtype=torch.float64)
    assert smoothed(flat, torch.arange(9.0).double(), flat + 1)[1].tolist() == pytest.approx([4.0])


def test_rows_that_cannot_be_drawn_are_named():
    """Anscombe's fourth set: row 8 alone determines the slope."""
    x = [8.0] * 7 + [19.0] + [8.0] * 3
    y = [6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.5, 5.56, 7.91, 6.89]
    found = bl.fit({"x": x, "y": y}, "y ~ x").diagnose()
    assert "row 8" in panels(found).note


@pytest.mark.parametrize("n", [400, 20_000])
def test_a_few_far_rows_leave_the_panels_their_shape_and_are_counted_and_named(n: int):
    """Of the hard table, whose errors have heavy tails and whose values lie near a thousand million."""
    rows = dict(hard_table(n))
    rows[TARGET] = rows[TARGET].copy()
    rows[TARGET][[5, 9]] += (2_000.0, -1_500.0)
    model = bl.fit(rows, target=TARGET, solver="exact")
    found = second_pass.diagnosis(model)
    picture = panels(found)
    table = second_pass.influence(model)
    r, fitted = table["std_resid"].to_numpy(), rows[TARGET] - table["resid"].to_numpy()
    against, quantiles, scale, leverage = picture.panels
    low, high = against.ylim
    lost = {"above": int((r >= high).sum()), "below": int((r < low).sum())}
    assert min(lost.values()) > 0
    assert high - low < 0.3 * (r.max() - r.min())
    for panel in (quantiles, leverage):
        assert panel.ylim == (low, high)
        (edges,) = [m for m in panel.marks if isinstance(m, Outside)]
        assert {"above": edges.above, "below": edges.below} == lost
    (edges,) = [m for m in against.marks if isinstance(m, Outside)]
    assert {"above": edges.above, "below": edges.below} == lost
    left, right = against.xlim
    beside = (fitted < left, fitted >= right)
    # Few rows one by one: one in a corner is above or below; cells by each edge for itself.
    inside = (r >= low) & (r <= high) if n <= MOST else np.ones(n, bool)
    assert (edges.left, edges.right) == tuple(int((side & inside).sum()) for side in beside)
    (edges,) = [m for m in scale.marks if isinstance(m, Outside)]
    assert edges.above == int((np.sqrt(np.abs(r)) > scale.ylim[1]).sum())
    assert edges.below == 0
    farthest = int(np.argmax(np.abs(r)))
    assert f"{farthest + 1:,} ({said(float(r[farthest]))}" in picture.note
    for panel in picture.panels:
        for mark in panel.marks:
            assert not isinstance(mark, Text) or mark.text != f"{farthest + 1:,}"


def test_cells_far_from_zero_are_not_rounded_away():
    model = bl.fit(hard_table(20_000), target=TARGET)
    against = panels(second_pass.diagnosis(model)).panels[0]
    (cells,) = [m for m in against.marks if isinstance(m, Bins)]
    widths = {right - left for left, right in zip(cells.left, cells.right, strict=True)}
    assert min(widths) == pytest.approx(max(widths), rel=1e-3)
    assert min(widths) > 0
    fitted = hard_table(20_000)[TARGET] - second_pass.influence(model)["resid"].to_numpy()
    low, high = np.quantile(fitted, (0.001, 0.999))
    assert min(cells.left) < low < high < max(cells.right)
    # What a reader sees of them: as many columns of cells as the eye can tell apart, and no fewer.
    inside = {left for left in cells.left if against.xlim[0] <= left <= against.xlim[1]}
    assert 25 < len(inside) <= 72


def test_where_no_contour_of_cooks_distance_is_in_sight_its_largest_is_said():
    model = bl.fit(frame(), "y ~ x1 + g")
    picture = panels(second_pass.diagnosis(model))
    most = second_pass.influence(model)["cooksd"].max()
    assert (f"Cook's distance is at most {said(float(most), 2)}." in picture.note) == (most < 0.5)
    x, e = noise(30)
    found = diagnosed({"x": np.append(x, 40.0), "y": np.append(x + e, 20.0)}, "y ~ x")
    assert "at most" not in panels(found).note
    contours = [m for m in panels(found).panels[3].marks if isinstance(m, Line)]
    xlim, ylim = panels(found).panels[3].xlim, panels(found).panels[3].ylim
    assert all(xlim[0] <= x <= xlim[1] and ylim[0] <= y <= ylim[1] for m in contours for x, y in zip(m.x, m.y, strict=True))


def test_cells_are_merged_as_far_as_they_must_be_and_sixteen_at_the_most() -> None:
    most = diagnostics._MOST_CELLS
    wide = [(most, 1), (most + 1, 2), (2 * most, 2), (8 * most + 1, 16), (1_000 * most, 16)]
    assert [diagnostics._fine((0.0, float(many)), 1.0) for many, _ in wide] == [merged for _, merged in wide]
