"""Pictures of residuals name rows as people count them, draw both tails, and put everything where R and Cook put it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.outliers_influence import OLSInfluence

import bestline as bl
from bestline.inference.diagnostics.residual_sums import MOST, TOP
from bestline.pictures.diagnostics import panels
from bestline.pictures.marks import Horizontal, Line, Points, Text
from inference.diagnosed import diagnosed, noise

pytestmark = pytest.mark.usefixtures("quiet")

# R 4.3, ppoints(n): Blom's places up to ten, Hazen's from eleven on.
PPOINTS = {
    5: [0.1190476, 0.3095238, 0.5, 0.6904762, 0.8809524],
    10: [
        0.06097561,
        0.15853659,
        0.25609756,
        0.35365854,
        0.45121951,
        0.54878049,
        0.64634146,
        0.74390244,
        0.84146341,
        0.93902439,
    ],
    11: [
        0.04545455,
        0.13636364,
        0.22727273,
        0.31818182,
        0.40909091,
        0.5,
        0.59090909,
        0.68181818,
        0.77272727,
        0.86363636,
        0.95454545,
    ],
}


@pytest.mark.parametrize("n", PPOINTS)
def test_normal_quantiles_are_at_rs_plotting_positions(n: int) -> None:
    x, e = noise(n)
    found = panels(diagnosed({"x": x, "y": x + e}, "y ~ x")).panels[1]
    (points,) = [m for m in found.marks if isinstance(m, Points)]
    assert stats.norm.cdf(points.x) == pytest.approx(PPOINTS[n], abs=1e-7)
    assert list(points.y) == sorted(points.y)


def far_rows(n: int) -> pd.DataFrame:
    """A line with rows far above it and far below it, of different sizes."""
    x, e = noise(n)
    frame = pd.DataFrame({"x": x, "y": x + e})
    step = n // 30
    frame.loc[7 * step : 7 * step + 5, "y"] += [9, 10, 11, 12, 13, 14]
    frame.loc[20 * step : 20 * step + 5, "y"] -= [8, 9, 10, 11, 12, 20]
    return frame


@pytest.mark.parametrize("n", [60, MOST + 3_000])
def test_the_farthest_rows_are_named_from_1(n: int) -> None:
    frame = far_rows(n)
    picture = panels(diagnosed(frame, "y ~ x"))
    influence = OLSInfluence(sm.OLS(frame["y"], np.column_stack([frame["x"], np.ones(n)])).fit())
    r = influence.resid_studentized_internal
    for panel, key in zip(picture.panels, (abs(r), abs(r), abs(r), influence.cooks_distance[0]), strict=True):
        names = [int(m.text.replace(",", "")) for m in panel.marks if isinstance(m, Text)]
        assert names, panel.title
        assert set(names) <= {int(i) + 1 for i in np.argsort(-np.asarray(key))[:3]}, panel.title
        farthest = int(np.argmax(key)) + 1
        # A row that lies so far off that the panel leaves it out is named in the note.
        assert names[0] == farthest or f"{farthest:,} (" in picture.note, panel.title


def test_of_many_rows_both_tails_are_drawn_to_the_last_row() -> None:
    n = MOST + 3_000
    frame = far_rows(n)
    picture = panels(diagnosed(frame, "y ~ x"))
    influence = OLSInfluence(sm.OLS(frame["y"], np.column_stack([frame["x"], np.ones(n)])).fit())
    r = np.sort(influence.resid_studentized_internal)
    (points,) = [m for m in picture.panels[1].marks if isinstance(m, Points)]
    assert list(points.y[:TOP]) == pytest.approx(r[:TOP].tolist(), rel=1e-7)
    assert list(points.y[-TOP:]) == pytest.approx(r[-TOP:].tolist(), rel=1e-7)
    expected = stats.norm.ppf((np.arange(n) + 0.5) / n)
    assert list(points.x[:TOP]) == pytest.approx(expected[:TOP].tolist(), rel=1e-9)
    assert list(points.x[-TOP:]) == pytest.approx(expected[-TOP:].tolist(), rel=1e-9)
    # Between them the sketch goes on where the last of the tail ends: no place twice, and the residuals' own quantiles there.
    assert (np.diff(points.x) > 0).all()
    assert points.x[TOP] == pytest.approx(expected[TOP], rel=1e-9)
    middle = slice(TOP, -TOP)
    assert list(points.y[middle]) == pytest.approx(
        np.quantile(r, stats.norm.cdf(points.x[middle])).tolist(), rel=0.05, abs=0.05
    )
    low = next(m for m in picture.panels[0].marks if isinstance(m, Points)).y
    assert min(low) == pytest.approx(r[0], rel=1e-7)
    assert max(low) == pytest.approx(r[-1], rel=1e-7)


def test_rows_of_later_batches_keep_their_numbers(tmp_path) -> None:
    """A file of several batches: the rows named are those of the table, in influence, diagnosis and messages alike."""
    rng = np.random.default_rng(0)
    n = 150_000
    frame = pd.DataFrame({"x": rng.normal(size=n).astype("float32").astype(float), "y": rng.normal(size=n)})
    frame.loc[140_001, "y"] = 90.0
    frame.loc[99_999, "y"] = -80.0
    frame.to_parquet(tmp_path / "t.parquet")
    found = bl.fit(str(tmp_path / "t.parquet"), "y ~ x").diagnose()
    assert {row.row for row in found.influential[:2]} == {140_002, 100_000}
    assert "140,002" in str(found)


def test_the_two_contours_of_cook_are_where_his_distance_is_what_they_say() -> None:
    """D = r^2 h / (rank (1 - h)), on both sides of the line, and told apart by role and label."""
    x, e = noise(30)
    found = panels(diagnosed({"x": np.append(x, 40.0), "y": np.append(x + e, 20.0)}, "y ~ x")).panels[3]
    lines = [m for m in found.marks if isinstance(m, Line)]
    seen: dict[str, set[float]] = {}
    for mark in lines:
        h, r = np.array(mark.x), np.array(mark.y)
        level = np.unique(np.round(r**2 * h / (2 * (1 - h)), 9))
        assert len(level) == 1
        seen.setdefault(mark.role, set()).add(float(level[0]))
        assert mark.label in ("", f"Cook's distance {level[0]:g}")
    assert sorted(level for levels in seen.values() for level in levels) == [0.5, 1.0]
    assert len(seen) == 2, "the two have colours of their own"
    for role in seen:
        signs = {np.sign(m.y[0]) for m in lines if m.role == role}
        assert signs <= {1.0, -1.0}
    assert [m.label for m in lines if m.label] == ["Cook's distance 0.5", "Cook's distance 1"]
    assert [m.y for m in found.marks if isinstance(m, Horizontal)] == [0.0]
