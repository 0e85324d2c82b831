"""Each picture of a weighted line of two targets, against numbers that numpy finds from the rows: of the target that was asked for."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from numpy.typing import NDArray

import bestline as bl
from bestline.pictures import gallery
from bestline.pictures.marks import (
    Band,
    Bins,
    Contours,
    Hexagons,
    Horizontal,
    Intervals,
    Line,
    Mesh,
    Panel,
    Path,
    Picture,
    Points,
    Table,
    Vertical,
)

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
TARGETS = ("y", "z, kg")
START = [[1.0, -3.0], [2.0, 9.0]]
STEPS = 12
Array = NDArray[Any]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gallery gives its pictures as marks, before matplotlib draws them."""
    for room in (gallery, sys.modules[bl.plot_data.__module__]):
        monkeypatch.setattr(room, "draw", lambda picture, **_: picture)


@cache
def frame() -> pd.DataFrame:
    draw, n = np.random.default_rng(5), 40
    frame = pd.DataFrame({"x": draw.normal(3, 2, n), "v": draw.normal(0, 1, n), "w": draw.integers(1, 5, n).astype(float)})
    frame["y"] = 1 + 2 * frame.x - frame.v + draw.normal(0, 1, n)
    frame["z, kg"] = 50 - 20 * frame.x + 3 * frame.v + draw.normal(0, 8, n)
    return frame


@cache
def walked() -> bl.Model:
    """By steps, over one feature."""
    return bl.fit(*(frame(),), target=list(TARGETS), features="x", weights="w", solver="sgd", lr=0.1, steps=STEPS, start=START)


@cache
def solved() -> bl.Model:
    """Exactly, over two features."""
    return bl.fit(frame(), target=list(TARGETS), features=["x", "v"], weights="w")


def alone(picture: Picture, kind: type, role: str = "", panel: int = 0) -> Any:
    """The one mark of its kind and role."""
    (found,) = (m for m in picture.panels[panel].marks if isinstance(m, kind) and role in ("", getattr(m, "role", "")))
    return found


def near(mark: Any, x: Any, y: Any, rel: float = 1e-9) -> None:
    """A mark has these places, in any order of rows."""
    got = np.column_stack([mark.x, mark.y])
    meant = np.column_stack([x, y])
    order = [np.lexsort(a.T[::-1]) for a in (got, meant)]
    assert got[order[0]] == pytest.approx(meant[order[1]], rel=rel, abs=1e-9)


def loss(target: str, weights: Any) -> float:
    """Weighted mean squared error of a line [slope, intercept]."""
    f = frame()
    return float(np.average((f[target] - weights[0] * f.x - weights[1]) ** 2, weights=f.w))


def path_of(i: int) -> list[Array]:
    """Weights [slope, intercept] after each update: plain descent on the standardised column, by hand."""
    f = frame()
    center = np.average(f.x, weights=f.w)
    spread = np.sqrt(np.average((f.x - center) ** 2, weights=f.w))
    target = f[TARGETS[i]]
    middle = np.average(target, weights=f.w)
    scale = np.sqrt(np.average((target - middle) ** 2, weights=f.w))
    u, v = (f.x - center) / spread, (target - middle) / scale
    slope, intercept = START[0][i], START[1][i]
    at = np.array([slope * spread / scale, (intercept + slope * center - middle) / scale])
    found = []
    for _ in range(STEPS + 1):
        b = at[0] * scale / spread
        found.append(np.array([b, at[1] * scale + middle - b * center]))
        error = at[0] * u + at[1] - v
        at = at - 0.1 * 2 * np.array([np.average(error * u, weights=f.w), np.average(error, weights=f.w)])
    return found


@pytest.fixture(params=[0, 1], ids=TARGETS)
def i(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_the_walk_is_plain_descent_with_the_rows_weighted(i: int) -> None:
    assert walked().trace.weights[:, :, i].numpy() == pytest.approx(np.array(path_of(i)), rel=1e-9)


def test_data_shows_the_rows_and_the_line_of_its_target(i: int) -> None:
    f, picture = frame(), walked().plot.data(target=i)
    near(alone(picture, Points), f.x, f[TARGETS[i]])
    fitted = alone(picture, Line, "fitted")
    assert np.polyfit(fitted.x, fitted.y, 1) == pytest.approx(path_of(i)[-1], rel=1e-9)
    assert (min(fitted.x), max(fitted.x)) == pytest.approx((f.x.min(), f.x.max()))
    assert TARGETS[i] in picture.panels[0].ylabel


@pytest.mark.parametrize(
    ("formula", "weights"), [("z ~ x", None), ("z ~ x", "w"), ("z ~ x - 1", None), ("z ~ x + I(x**2)", None)]
)
def test_the_band_about_the_line_is_the_confidence_interval_of_statsmodels(formula: str, weights: str | None) -> None:
    f = frame().rename(columns={"z, kg": "z"})
    picture = bl.fit(f, formula, weights=weights).plot.data()
    band, line = alone(picture, Band), alone(picture, Line, "fitted")
    fit = smf.wls(formula, f, weights=f[weights] if weights else 1.0).fit()
    told = fit.get_prediction(pd.DataFrame({"x": band.x})).summary_frame(alpha=0.05)
    assert np.array([band.low, band.high]) == pytest.approx(told[["mean_ci_lower", "mean_ci_upper"]].to_numpy().T, rel=1e-7)
    assert (min(band.x), max(band.x)) == pytest.approx((min(line.x), max(line.x)))
    assert band.label == "95% confidence interval of the mean"
    low, high = picture.panels[0].ylim
    assert low < min(band.low) < max(band.high) < high


def test_no_band_is_drawn_where_there_is_no_such_interval() -> None:
    f = frame().rename(columns={"z, kg": "z"})
    exact = bl.fit(f, "z ~ x")
    lines = [
        walked(),
        bl.fit(f, "z ~ x", l2=1.0),
        bl.fit(f, "z ~ x", loss="huber", l2=1.0),
        bl.fit(f[:2], "z ~ x"),
        bl.fit(f, "z + y ~ x"),
    ]
    for picture in [*(line.plot.data() for line in lines), exact.plot.data(others={"ridge": lines[1]})]:
        assert [mark for panel in picture.panels for mark in panel.marks if isinstance(mark, Band)] == []


def test_predicted_is_against_what_is_there(i: int) -> None:
    f, picture = frame(), solved().plot.predicted(target=i)
    line = sm.WLS(f[TARGETS[i]], sm.add_constant(f[["x", "v"]]), weights=f.w).fit()
    near(alone(picture, Points), f[TARGETS[i]], line.fittedvalues)
    (panel,) = picture.panels
    assert panel.xlim == panel.ylim


@pytest.mark.parametrize("kind", ["raw", "standardised", "studentised"])
def test_residuals_are_those_of_statsmodels(i: int, kind: str) -> None:
    f, picture = frame(), solved().plot.residuals(target=i, kind=kind)
    # As statsmodels has no influence of weighted rows: of rows and target times the root of the weight.
    root = np.sqrt(f.w)
    line = sm.OLS(f[TARGETS[i]] * root, sm.add_constant(f[["x", "v"]]).mul(root, axis=0)).fit()
    of = line.get_influence()
    r = {"raw": line.resid / root, "standardised": of.resid_studentized_internal, "studentised": of.resid_studentized_external}
    near(alone(picture, Points), line.fittedvalues / root, r[kind], rel=1e-7)
    assert kind in picture.panels[0].ylabel
    assert alone(picture, Horizontal).y == 0


def test_before_and_after_are_the_first_and_the_last_line(i: int) -> None:
    picture, f = walked().plot.before_after(target=i), frame()
    for panel, weights in ((0, path_of(i)[0]), (1, path_of(i)[-1])):
        near(alone(picture, Points, panel=panel), f.x, f[TARGETS[i]])
        line = alone(picture, Line, "fitted", panel)
        assert np.polyfit(line.x, line.y, 1) == pytest.approx(weights, rel=1e-9)
    losses = [f"{loss(TARGETS[i], path_of(i)[at]):.4g}" for at in (0, -1)]
    assert all(number in picture.title for number in losses)


def test_train_and_test_show_their_own_rows_and_errors(i: int) -> None:
    f = frame()
    picture = walked().plot.train_test(f[:25], f[25:], target=i)
    errors = []
    for panel, part in ((0, f[:25]), (1, f[25:])):
        near(alone(picture, Points, panel=panel), part.x, part[TARGETS[i]])
        a, b = path_of(i)[-1]
        errors.append(f"{np.average((part[TARGETS[i]] - a * part.x - b) ** 2, weights=part.w):.4g}")
        assert str(len(part)) in picture.panels[panel].title
    assert re.findall(r"[\d.]+(?= of)", picture.title) == errors


def surfaces(i: int) -> Iterator[tuple[Picture, int, type]]:
    plot = walked().plot
    yield plot.contour(target=i), 0, Contours
    yield plot.surface(target=i), 0, Mesh
    yield plot.frame(7, target=i), 1, Contours
    yield plot.overview(target=i), 1, Contours
    yield plot.overview(target=i), 2, Mesh


def test_the_loss_over_two_weights_is_the_targets_own(i: int) -> None:
    f = frame()
    best = sm.WLS(f[TARGETS[i]], sm.add_constant(f.x), weights=f.w).fit().params.to_numpy()[::-1]
    for picture, panel, kind in surfaces(i):
        ground = alone(picture, kind, panel=panel)
        # What rises beyond the highest level is drawn as high as that.
        top = max(height for row in ground.z for height in row if np.isfinite(height))
        grid = [(row, column) for row in range(0, len(ground.z), 20) for column in range(0, len(ground.z[row]), 20)]
        grid = [at for at in grid if np.isfinite(ground.z[at[0]][at[1]])]
        places = [ground.place(*at) if kind is Contours else (ground.x[at[1]], ground.y[at[0]]) for at in grid]
        losses = [loss(TARGETS[i], place) for place in places]
        assert [ground.z[row][column] for row, column in grid] == pytest.approx(np.minimum(top, losses), rel=1e-6)
        assert sum(value < top for value in losses) > 5
        bottom = alone(picture, Points, "optimum", panel)
        assert (bottom.x[0], bottom.y[0]) == pytest.approx(tuple(best), rel=1e-9)
        steps = alone(picture, Path, "path", panel)
        made = path_of(i)[: len(steps.x)]
        assert len(made) == (8 if "7 updates" in picture.panels[panel].title else STEPS + 1)
        assert np.column_stack([steps.x, steps.y]) == pytest.approx(np.array(made), rel=1e-9)
        heights = [loss(TARGETS[i], w) for w in made]
        assert (heights if steps.z is None else steps.z) == pytest.approx(heights, rel=1e-9)
        assert (steps.z is None) == (kind is Contours)


def test_the_loss_over_one_weight_holds_the_other_where_training_left_it(i: int) -> None:
    slope, intercept = path_of(i)[-1]
    for name, at in (("x", 0), ("Intercept", 1)):
        curve = alone(walked().plot.weight(name, target=i), Line, "run0")
        weights = [(v, intercept) if at == 0 else (slope, v) for v in curve.x]
        assert curve.y == pytest.approx([loss(TARGETS[i], w) for w in weights], rel=1e-9)
        kept = alone(walked().plot.weight(name, target=i), Points, "end")
        assert (kept.x[0], kept.y[0]) == pytest.approx(((slope, intercept)[at], loss(TARGETS[i], (slope, intercept))))


def test_the_table_of_steps_is_the_walk(i: int) -> None:
    f, walk = frame(), path_of(i)
    table = alone(walked().plot.steps(target=i), Table)
    columns = dict(zip(table.names, table.columns, strict=True))
    assert list(columns["updates made"]) == list(range(STEPS + 1))
    assert columns["loss"] == pytest.approx([loss(TARGETS[i], w) for w in walk], rel=1e-9)
    errors = [w[0] * f.x + w[1] - f[TARGETS[i]] for w in walk]
    gradients = np.array([[2 * np.average(e * f.x, weights=f.w), 2 * np.average(e, weights=f.w)] for e in errors])
    weights = [name for name in table.names if not re.search("updates|loss|gradient|next", name)]
    assert len(weights) == 2
    for j, name in enumerate(weights):
        assert columns[name] == pytest.approx([w[j] for w in walk], rel=1e-9)
        assert columns[f"gradient: {name}"] == pytest.approx(gradients[:, j], rel=1e-7, abs=1e-9)
        moved = [b[j] - a[j] for a, b in pairwise(walk)]
        assert columns[f"next update: {name}"][:-1] == pytest.approx(moved, rel=1e-7, abs=1e-9)
        assert np.isnan(columns[f"next update: {name}"][-1])


def test_the_loss_of_training_is_that_of_all_targets() -> None:
    curve = alone(walked().plot.loss(), Line, "path")
    assert list(curve.x) == list(range(STEPS + 1))
    walks = [path_of(0), path_of(1)]
    sums = [sum(loss(t, walk[k]) for t, walk in zip(TARGETS, walks, strict=True)) for k in range(STEPS + 1)]
    assert curve.y == pytest.approx(sums, rel=1e-9)


@pytest.mark.parametrize("level", [0.95, 0.5])
@pytest.mark.parametrize("standardized", [False, True])
def test_coefficients_are_those_of_statsmodels(i: int, level: float, standardized: bool) -> None:
    f = frame()
    line = sm.WLS(f[TARGETS[i]], sm.add_constant(f[["x", "v"]]), weights=f.w).fit()
    dots = alone(solved().plot.coefficients(level, target=i, standardized=standardized, intercept=not standardized), Intervals)
    ends = line.conf_int(1 - level)
    for name, *numbers in zip(dots.names, dots.estimate, dots.low, dots.high, strict=True):
        term = "const" if name.lower() == "intercept" else name
        mean = np.average(f[name], weights=f.w) if name in f else 0
        scale = np.sqrt(np.average((f[name] - mean) ** 2, weights=f.w)) if standardized and name in f else 1
        meant = (line.params[term] * scale, ends[0][term] * scale, ends[1][term] * scale)
        assert numbers == pytest.approx(meant, rel=1e-8)
    assert {name.lower() for name in dots.names} == {"x", "v"} | (set() if standardized else {"intercept"})


@pytest.mark.parametrize("rows", [900, 5_200])
def test_all_rows_are_told_of_whatever_choice_of_them_is_drawn(rows: int) -> None:
    draw = np.random.default_rng(7)
    many = pd.DataFrame(draw.normal(size=(rows, 3)), columns=["x", "v", "y"])
    for features in (["x"], ["x", "v"]):
        plot = bl.fit(many, target="y", features=features).plot
        told = [plot.data(), plot.predicted(), plot.residuals(), bl.plot_data(many, target="y", features=features)]
        assert [f"{rows:,} rows" in picture.alt for picture in told] == [True] * len(told)
        notes = " ".join(picture.note for picture in told[:3])
        kinds = {type(mark) for picture in told[:3] for mark in picture.panels[0].marks}
        assert ("hexagons" in notes) == (Hexagons in kinds) == (rows > 5_000)
        assert ("cells" in notes) == (Bins in kinds)
        parts = plot.train_test(many, many[: rows // 2])
        assert [f"{n:,} rows" in parts.alt for n in (rows, rows // 2)] == [True, True]


@pytest.mark.parametrize(("feature", "kind", "word"), [("x", Hexagons, "hexagons"), ("g", Bins, "cells")])
def test_rows_that_are_counted_are_said_to_be_in_what_they_are_drawn_in(feature: str, kind: type, word: str) -> None:
    draw = np.random.default_rng(7)
    many = {"x": draw.normal(size=5_200), "g": draw.choice(list("abc"), 5_200), "y": draw.normal(size=5_200)}
    picture = bl.plot_data(many, target="y", features=feature)
    assert {type(mark) for mark in picture.panels[0].marks} & {Hexagons, Bins} == {kind}
    assert f"All 5,200 rows are counted, in {word}." in picture.note
    assert "5,200 rows" in picture.alt


def test_the_loss_beside_has_equal_air_above_and_below_where_it_is_on_a_plain_scale() -> None:
    panel = walked().plot.overview(log=False).panels[-1]
    heights = [v for m in panel.marks if isinstance(m, Path | Line) for v in m.y]
    heights += [m.y for m in panel.marks if isinstance(m, Horizontal)]
    assert panel.ylim is not None
    assert panel.ylim[1] - max(heights) == pytest.approx(min(heights) - panel.ylim[0], rel=1e-6)


def test_one_weight_is_drawn_with_all_of_its_path() -> None:
    for start in (-60.0, 300.0):
        model = bl.fit(frame(), "y ~ x - 1", solver="sgd", lr=0.01, steps=3, start=[start])
        for step in (None, 0, 2):
            (panel,) = model.plot.weight(step=step).panels
            # A tangent is cut off by the edge.
            assert [type(m).__name__ for m in panel.marks if not inside(panel, m) and m.role != "gradient"] == []
            assert any(isinstance(m, Path | Points) for m in panel.marks)


@pytest.mark.parametrize("solver", ["sgd", "momentum", "nesterov"])
def test_the_rate_that_is_chosen_is_the_one_that_training_takes(solver: str) -> None:
    asked = (frame(), "y ~ x + v")
    model = bl.fit(*asked, solver=solver, lr="auto", steps=1)
    first, second = model.trace.weights[:2, :, 0]
    told = re.search(rf"rate of fewest steps, {solver} .* ([\d.]+)\n", str(bl.preflight(*asked, solver=solver)))
    assert told is not None
    assert model.rate == pytest.approx(float(told[1]), rel=1e-3)
    assert not np.array_equal(first, second)


def every() -> dict[str, Picture]:
    """All pictures that a model of two targets has, by name."""
    plot, exact, f = walked().plot, solved().plot, frame()
    found: dict[str, Picture] = {"loss": plot.loss()}
    for t in TARGETS:
        found |= {
            **{
                f"{name} {t}": getattr(plot, name)(target=t)
                for name in ("data", "before_after", "overview", "contour", "weight")
            },
            f"frame {t}": plot.frame(7, target=t),
            f"train_test {t}": plot.train_test(f[:25], f[25:], target=t),
            **{f"{name} {t}": getattr(exact, name)(target=t) for name in ("predicted", "residuals", "diagnostics")},
        }
    return found


def test_limits_hold_every_row_line_and_path_and_names_are_given_once() -> None:
    out, twice = [], []
    for name, picture in every().items():
        for panel in picture.panels:
            out += [(name, panel.title, type(m).__name__) for m in panel.marks if not inside(panel, m)]
            labels = [m.label for m in panel.marks if isinstance(m, Points | Line | Horizontal | Vertical) and m.label]
            twice += [(name, panel.title)] if len(labels) > len(set(labels)) else []
    assert out == []
    assert twice == []


def inside(panel: Panel, mark: Any) -> bool:
    """Whether all places of a mark are within the limits that the panel has."""
    if not isinstance(mark, Points | Path | Line):
        return True
    for values, limits in ((mark.x, panel.xlim), (mark.y, panel.ylim)):
        known = np.asarray([v for v in values if np.isfinite(v)])
        if limits is not None and len(known):
            room = 1e-9 * (limits[1] - limits[0])
            if known.min() < limits[0] - room or known.max() > limits[1] + room:
                return False
    return True
