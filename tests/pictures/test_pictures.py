"""Pictures: the numbers behind them, what they say, and that every one of them can be drawn anywhere."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
from dataclasses import dataclass, fields, replace

import matplotlib as mpl
import pytest
import torch
from PIL import Image

import bestline as bl
from bestline.data import synthetic
from bestline.errors import ColumnError, OptionError, ShapeError
from bestline.numerics.bowl import Bowl
from bestline.numerics.comoments import Comoments
from bestline.numerics.rows import Rows
from bestline.numerics.scaling import Scaling
from bestline.pictures import figures, marks
from bestline.pictures.landscape import landscape, landscapes, levels
from bestline.pictures.marks import (
    Arrow,
    Band,
    Bins,
    Contours,
    Horizontal,
    Intervals,
    Line,
    Mesh,
    Panel,
    Path,
    Picture,
    Points,
    Table,
    Text,
    Vertical,
)
from bestline.pictures.render.mpl import draw, save
from bestline.pictures.sample import Sample
from bestline.training.loop import train
from bestline.training.losses import huber
from bestline.training.objective import Objective
from bestline.training.outcome import Fit
from bestline.training.penalty import Penalty
from bestline.training.row_losses import Line as Straight
from bestline.training.row_losses import RowLoss, SquaredRows, line
from bestline.training.solvers import Descent, Exact
from bestline.training.solvers.base import Stop
from bestline.training.surfaces import surface
from bestline.training.task import Task

EXACT = 1e-9  # a path lies on its surface to rounding


def fitted(rows, solver, start, *, standardize=False, intercept=True, held_out=None, l2=0.0, rowwise=False) -> Fit:
    m, p, k = Comoments.of_rows(rows), rows.X.shape[1], rows.y.shape[1]
    scaling = Scaling.of(m, p, intercept=intercept, standardize=standardize)
    trained = scaling.rows(rows)
    smooth = Bowl.of(m, scaling)
    units = scaling.target_scale**2
    if rowwise:
        smooth = RowLoss(trained, huber(1.0), Straight(intercept))
    d = p + intercept
    names = (*(f"x{j}" for j in range(p)), *(["Intercept"] if intercept else []))
    penalty = Penalty.on_slopes(0.0, l2, p, intercept=intercept)
    objective = Objective(smooth, penalty, SquaredRows(trained, intercept), torch.ones(d, 1, dtype=torch.float64))
    judged = None if held_out is None else Bowl.of(Comoments.of_rows(held_out), scaling)
    null = float(rows.y.var(0, correction=0).sum())
    task = Task(objective, scaling, names, tuple(f"y{i}" for i in range(k)), units, null, judged)
    first = torch.tensor(start, dtype=torch.float64)[:, None].expand(-1, k).clone()
    return train(task, solver, scaling.to_trained(first))


def made(n=60, p=1, k=1, seed=0, offset=0.0) -> Rows:
    g = torch.Generator().manual_seed(seed)
    X = torch.randn(n, p, generator=g, dtype=torch.float64) + offset
    slopes = torch.arange(1.0, p + 1, dtype=torch.float64)[:, None] * torch.ones(1, k, dtype=torch.float64)
    return Rows(X, X @ slopes - 1 + 0.3 * torch.randn(n, k, generator=g, dtype=torch.float64))


def sampled(rows: Rows) -> Sample:
    return Sample.draw(rows, [f"x{j}" for j in range(rows.X.shape[1])], [f"y{i}" for i in range(rows.y.shape[1])])


@dataclass
class Case:
    rows: Rows
    fit: Fit


def case(name: str) -> Case:
    if name == "lesson":
        data = synthetic.lesson("slope-and-bias-exact")
        rows = Rows(data.x, data.y)
        return Case(rows, fitted(rows, Descent("sgd", lr=0.1, steps=15), [-15, -10]))
    if name == "diverged":
        return Case(made(), fitted(made(), Descent("sgd", lr=5.0, steps=40), [-5, 3]))
    if name == "exact":
        return Case(made(), fitted(made(), Exact(), [0, 0]))
    if name == "one weight":
        return Case(made(), fitted(made(), Descent("sgd", lr=0.1, steps=9), [4], intercept=False))
    if name == "p=3":
        return Case(made(p=3), fitted(made(p=3), Descent("momentum", lr=0.05, steps=30), [0, 0, 0, 0], standardize=True))
    if name == "100,000 rows":
        rows = made(n=100_000)
        return Case(rows, fitted(rows, Descent("adam", lr=0.1, steps=200), [0, -4]))
    if name == "constant loss":
        rows = Rows(torch.arange(9.0, dtype=torch.float64)[:, None], torch.full((9, 1), 5.0, dtype=torch.float64))
        return Case(rows, fitted(rows, Descent("sgd", lr=0.001, steps=3), [0, 5]))
    if name == "constant feature":
        rows = Rows(torch.zeros(9, 1, dtype=torch.float64), torch.arange(9.0, dtype=torch.float64)[:, None])
        return Case(rows, fitted(rows, Descent("sgd", lr=0.1, steps=3), [0, 5]))
    if name == "no step":
        return Case(made(), fitted(made(), Descent("sgd", lr=0.1, steps=0), [2, 2]))
    if name == "held out":
        train_rows, held = made(seed=1), made(seed=2)
        solver = Descent("adam", lr=0.2, steps=400, patience=15)
        return Case(train_rows, fitted(train_rows, solver, [-3, 2], held_out=held))
    if name == "huber":
        return Case(made(), fitted(made(), Descent("sgd", lr=0.1, steps=9), [3, 3], rowwise=True))
    if name == "two targets":
        return Case(made(k=2), fitted(made(k=2), Descent("sgd", lr=0.1, steps=9), [3, 3], standardize=True))
    if name == "ridge":
        return Case(made(), fitted(made(), Descent("sgd", lr=0.1, steps=50), [3, 3], l2=0.5))
    assert name == "far offset"
    rows = made(offset=1e4)
    return Case(rows, fitted(rows, Descent("sgd", lr=0.1, steps=20), [0, 0], standardize=True))


CASES = (
    "lesson",
    "diverged",
    "exact",
    "one weight",
    "p=3",
    "100,000 rows",
    "constant loss",
    "constant feature",
    "no step",
    "held out",
    "huber",
    "two targets",
    "ridge",
    "far offset",
)


def pictures(c: Case) -> dict[str, Picture]:
    sample, fit = sampled(c.rows), c.fit
    found = {
        "data": figures.data(sample, fit=fit),
        "before_after": figures.before_after(sample, fit),
        "train_test": figures.train_test(sample, sample, fit),
        "loss": figures.loss(fit),
        "log loss": figures.loss({"one": fit, "_two $a$": fit}, log=True),
        "weight": figures.weight(fit),
        "frame": figures.frame(sample, fit, int(fit.trace.step[-1])),
        "steps": figures.table_of_steps(fit),
        "overview": figures.overview(fit, sample),
    }
    if len(fit.trace.names) > 1:
        found |= {"surface": figures.surface(fit), "contour": figures.contour(fit)}
    return found


def drawn(picture: Picture, **options) -> None:
    file = io.BytesIO()
    save(picture, file, dpi=40, **options)
    assert file.getvalue()


@pytest.mark.parametrize("name", CASES)
def test_every_picture_of_every_kind_of_fit_is_drawn(name):
    for title, picture in pictures(case(name)).items():
        if title in ("overview", "log loss", "surface", "steps"):  # together all there is to draw
            drawn(picture, theme="dark" if title == "overview" else "light")
        assert picture.title
        assert any(c.isdigit() for c in picture.alt)
        table = picture.table()
        assert list(table) == ["panel", "mark", "label", "x", "y", "z"]
        assert len({len(column) for column in table.values()}) == 1
        for panel in picture.panels:
            if title != "steps":
                assert panel.xlabel
                assert panel.ylabel


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_figure_in_both_themes(theme):
    for picture in pictures(case("lesson")).values():
        drawn(picture, theme=theme)
    drawn(figures.data(sampled(made(p=3))), theme=theme)
    drawn(figures.coefficients(["a", "b"], [1, 2], [0, float("nan")], [2, float("nan")]), theme=theme)


def path_of(picture: Picture) -> Path:
    (found,) = [m for panel in picture.panels for m in panel.marks if isinstance(m, Path)]
    return found


@pytest.mark.parametrize("name", ["lesson", "far offset", "two targets", "held out", "huber"])
def test_the_path_lies_on_the_surface(name):
    fit = case(name).fit
    for target in range(len(fit.trace.targets)):
        path = path_of(figures.surface(fit, target=target, resolution=31))
        units = fit.scaling.target_scale[target] ** 2
        weights = fit.scaling.to_trained(fit.trace.weights)
        if isinstance(fit.objective.smooth, Bowl):
            on_surface = fit.objective.smooth.losses(weights)[:, target] * units
        else:
            on_surface = torch.stack([fit.objective.smooth.losses(w)[target] for w in weights]) * units
        assert path.z == pytest.approx(on_surface.tolist(), rel=EXACT)
        assert path.x == tuple(fit.trace.weights[:, 0, target].tolist())
        assert path.y == tuple(fit.trace.weights[:, 1, target].tolist())
        if len(fit.trace.targets) == 1:
            assert path.z == pytest.approx(fit.trace.loss.tolist(), rel=EXACT)


def test_the_lesson_starts_at_its_true_loss_and_the_surface_is_not_mirrored():
    fit = case("lesson").fit
    path = path_of(figures.surface(fit))
    assert (path.x[0], path.y[0]) == (-15, -10)
    assert len(path.x) == 16
    (mesh,) = [m for m in figures.surface(fit).panels[0].marks if isinstance(m, Mesh)]
    lowest = min((z, mesh.x[j], mesh.y[i]) for i, row in enumerate(mesh.z) for j, z in enumerate(row))
    assert lowest[1] == pytest.approx(1, abs=0.5)
    assert lowest[2] == pytest.approx(-1, abs=0.5)


def test_a_slice_through_more_weights_shows_only_what_lies_on_it():
    fit = case("p=3").fit
    picture = figures.surface(fit)
    assert not [m for m in picture.panels[0].marks if isinstance(m, Path)]
    (end,) = [m for m in picture.panels[0].marks if isinstance(m, Points) and m.role == "kept"]
    assert end.z == pytest.approx([float(fit.trace.loss[-1])], rel=EXACT)
    assert "x1 = " in picture.note
    shadow = figures.contour(fit)
    assert "shadow" in shadow.note
    assert "shadow" in path_of(shadow).label
    profile = figures.contour(fit, ("x1", "x2"), kind="profile")
    assert "fit best" in profile.note


def test_both_panels_of_a_frame_come_from_one_row():
    c = case("lesson")
    for step in (0, 1, 7, 15):
        picture = figures.frame(sampled(c.rows), c.fit, step)
        left, right = picture.panels
        (now,) = [m for m in left.marks if isinstance(m, Line) and m.role == "fitted"]
        slope = (now.y[1] - now.y[0]) / (now.x[1] - now.x[0])
        intercept = now.y[0] - slope * now.x[0]
        (path,) = [m for m in right.marks if isinstance(m, Path)]
        assert len(path.x) == step + 1
        assert (path.x[-1], path.y[-1]) == pytest.approx((slope, intercept), rel=1e-9)
        assert c.fit.trace.weights[step, :, 0].tolist() == pytest.approx([slope, intercept], rel=1e-9)
        many = f"after {step} update{'' if step == 1 else 's'}"
        assert left.title.endswith(many)
        assert right.title.endswith(many)
        assert many in picture.title.lower()


def test_frames_show_the_whole_line_and_only_zoom_in():
    c = case("lesson")
    heights = []
    for picture in figures.frames(sampled(c.rows), c.fit):
        left = picture.panels[0]
        (now,) = [m for m in left.marks if isinstance(m, Line) and m.role == "fitted"]
        assert left.ylim[0] < min(now.y) <= max(now.y) < left.ylim[1]
        heights.append(left.ylim[1] - left.ylim[0])
    assert len(heights) == 16
    assert heights == sorted(heights, reverse=True)


def test_the_arrow_points_down_the_gradient():
    """Against autograd on the rows, for columns trained as they are."""
    c = case("lesson")
    w = c.fit.trace.weights[3].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(((line(c.rows.X, w, intercept=True) - c.rows.y) ** 2).mean(), w)
    for panel in (figures.frame(sampled(c.rows), c.fit, 3).panels[1], figures.contour(c.fit, step=3).panels[0]):
        (arrow,) = [m for m in panel.marks if isinstance(m, Arrow)]
        (path,) = [m for m in panel.marks if isinstance(m, Path)]
        assert (arrow.x[0], arrow.y[0]) == (path.x[-1], path.y[-1])
        along = torch.tensor([arrow.x[1] - arrow.x[0], arrow.y[1] - arrow.y[0]], dtype=torch.float64)
        down = -gradient[:, 0]
        assert torch.allclose(along / along.norm(), down / down.norm(), rtol=1e-9)
        assert "minus the gradient" in arrow.label
    assert not [m for m in figures.contour(c.fit).panels[0].marks if isinstance(m, Arrow)]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
def test_plain_descent_goes_where_the_arrow_points(optimizer):
    """On standardised columns too, where minus the gradient of the data's loss is not the way that is walked."""
    rows = made(offset=3.0)
    fit = fitted(rows, Descent(optimizer, lr=0.1, steps=3), [4, 4], standardize=True)
    (arrow,) = [m for m in figures.contour(fit, step=0).panels[0].marks if isinstance(m, Arrow)]
    moved = fit.trace.weights[1, :, 0] - fit.trace.weights[0, :, 0]
    along = torch.tensor([arrow.x[1] - arrow.x[0], arrow.y[1] - arrow.y[0]], dtype=torch.float64)
    assert torch.allclose(along / along.norm(), moved / moved.norm(), rtol=1e-9)


@pytest.mark.parametrize("rowwise", [False, True])
def test_the_tangent_touches_the_curve_of_one_weight(rowwise):
    c = case("one weight")
    fit = fitted(c.rows, Descent("sgd", lr=0.1, steps=9), [4], intercept=False, standardize=True, rowwise=rowwise)
    panel = figures.weight(fit, step=2, resolution=2_000).panels[0]
    (tangent,) = [m for m in panel.marks if m.role == "gradient"]
    (curve,) = [m for m in panel.marks if isinstance(m, Line) and m.label == "loss"]
    slope = (tangent.y[1] - tangent.y[0]) / (tangent.x[1] - tangent.x[0])
    at = float(fit.trace.weights[2, 0, 0])
    i = min(range(1, len(curve.x) - 1), key=lambda i: abs(curve.x[i] - at))
    rise = (curve.y[i + 1] - curve.y[i - 1]) / (curve.x[i + 1] - curve.x[i - 1])
    assert slope == pytest.approx(rise, rel=5e-3)
    assert sum(tangent.y) / 2 == pytest.approx(float(fit.trace.loss[2]), rel=EXACT)


def test_one_point_and_one_weight_are_the_spreadsheet_of_the_lesson():
    """The point (-3, 3) from the weight -1.5 at the rate 0.01: w_k = -1 - 0.5 * 0.82^k."""
    rows = Rows(torch.tensor([[-3.0]], dtype=torch.float64), torch.tensor([[3.0]], dtype=torch.float64))
    fit = fitted(rows, Descent("sgd", lr=0.01, steps=40), [-1.5], intercept=False)
    (table,) = figures.table_of_steps(fit, most=50).panels[0].marks
    columns = dict(zip(table.names, table.columns, strict=True))
    assert columns["updates made"] == tuple(range(41))
    assert columns["weight of x0"] == pytest.approx([-1 - 0.5 * 0.82**k for k in range(41)], rel=1e-12)
    assert columns["loss"][10] == pytest.approx(0.04250691296579553, rel=1e-9)
    assert columns["gradient"][0] == pytest.approx(18 * (-1.5 + 1), rel=1e-12)
    assert columns["next update"][:2] == pytest.approx([0.09, 0.0738], rel=1e-9)
    assert columns["next update"][-1] != columns["next update"][-1]  # nothing follows the last
    (drawn_line,) = [m for m in figures.data(sampled(rows), fit=fit).panels[0].marks if isinstance(m, Line)]
    assert drawn_line.x == (-3.0, 0.0)  # a line through one point is drawn from the origin
    drawn(figures.frame(sampled(rows), fit, 3))


def test_a_long_table_shows_the_first_and_the_last_steps():
    fit = case("100,000 rows").fit
    (table,) = figures.table_of_steps(fit, most=10).panels[0].marks
    steps = table.columns[0]
    assert (steps[:3], steps[-1], len(steps)) == ((0, 1, 2), 200, 10)
    assert list(steps) == sorted(set(steps))
    assert [steps[i] for i in table.breaks] == [b for a, b in itertools.pairwise(steps) if b > a + 1]
    assert "of 4 weights" in figures.table_of_steps(case("p=3").fit).note
    with pytest.raises(OptionError):
        figures.table_of_steps(fit, most=1)


def test_contours_tell_the_places_of_a_long_valley_apart():
    """The start, points down the valley, and the optimum lie in different bands, however ill-conditioned the bowl."""
    for offset in (4.0, 10.0, 16.0, 25.0):
        fit = fitted(made(offset=offset), Descent("sgd", lr=0.9 / (1 + offset**2), steps=300), [0, 0])
        ground = landscape(fit)
        bands = torch.tensor(levels(ground), dtype=torch.float64)
        grid = ground.surface.loss
        floor = ground.surface.floor
        edge = float(grid.amin(1).max())  # the least loss at each intercept, where it is largest
        heights = [ground.losses[0], edge, *([(edge + floor) / 2] if offset < 20 else []), floor * (1 + 1e-12)]
        found = torch.searchsorted(bands, torch.tensor(heights, dtype=torch.float64)).tolist()
        assert len(set(found)) == len(heights), (offset, found)
        drawn(figures.contour(fit))


def test_titles_count_the_updates_made():
    c = case("lesson")
    before, after = figures.before_after(sampled(c.rows), c.fit).panels
    assert before.title == "Before training: 0 updates"
    assert after.title == "After training: 15 updates"
    c = case("exact")
    assert figures.before_after(sampled(c.rows), c.fit).panels[1].title == "After training: 1 update"
    c = case("held out")
    assert f": {c.fit.step} updates" in figures.before_after(sampled(c.rows), c.fit).panels[1].title


def test_lines_span_the_data_and_no_more():
    c = case("lesson")
    picture = figures.data(sampled(c.rows), truth=(1, -1), fit=c.fit)
    found = {m.role: m for m in picture.panels[0].marks}
    low, high = float(c.rows.X.min()), float(c.rows.X.max())
    for role in ("true", "fitted"):
        assert (found[role].x[0], found[role].x[-1]) == (low, high)
    assert found["true"].y == pytest.approx((low - 1, high - 1))
    assert found["data"].y == tuple(c.rows.y[:, 0].tolist())
    assert (picture.panels[0].xlabel, picture.panels[0].ylabel) == ("x0", "y0")


def test_several_features_show_predicted_against_actual():
    c = case("p=3")
    panel = figures.data(sampled(c.rows), fit=c.fit).panels[0]
    (points,) = [m for m in panel.marks if isinstance(m, Points)]
    assert points.x == tuple(c.rows.y[:, 0].tolist())
    assert points.y == pytest.approx(line(c.rows.X, c.fit.weights, intercept=True)[:, 0].tolist())
    assert (panel.xlabel, panel.ylabel) == ("actual y0", "predicted y0")
    assert len(figures.data(sampled(c.rows)).panels) == 3


def test_loss_holds_the_trace_the_floor_and_the_step_that_was_kept():
    c = case("held out")
    panel = figures.loss(c.fit).panels[0]
    found = {m.role: m for m in panel.marks}
    assert found["path"].y == tuple(c.fit.trace.loss.tolist())
    assert found["held_out"].y == tuple(c.fit.trace.held_out.tolist())
    assert c.fit.stop is Stop.PATIENCE
    assert found["kept"].x == c.fit.step < int(c.fit.trace.step[-1])
    assert "held-out loss is least" in found["kept"].label
    assert found["floor"].y == pytest.approx(float(c.fit.trace.loss[-1] - c.fit.trace.gap[-1]), rel=EXACT)
    assert panel.xlabel == "updates made"


def overfitted(optimizer="sgd") -> Fit:
    train_rows, held = made(n=18, p=10, seed=1), made(n=200, p=10, seed=2)
    noise = 6 * torch.randn(18, 1, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    noisy = Rows(train_rows.X, train_rows.y + noise)
    return fitted(noisy, Descent(optimizer, lr=0.02, steps=600), [0] * 11, held_out=held, standardize=True)


def test_the_loss_marks_where_early_stopping_would_stop_and_the_ridge_it_is_like():
    fit = overfitted()
    best = int(fit.trace.held_out.argmin())
    assert 0 < best < 600
    picture = figures.loss(fit)
    (mark,) = [m for m in picture.panels[0].marks if isinstance(m, Vertical)]
    assert mark.x == best
    assert f"least after {best} updates" in mark.label
    assert f"l2 = {1 / (2 * 0.02 * best):.2g}" in mark.label  # Ali, Kolter & Tibshirani 2019
    assert "2019" in picture.note
    (mark,) = [m for m in figures.loss(overfitted("adam")).panels[0].marks if isinstance(m, Vertical)]
    assert "ridge" not in mark.label  # no such rule for it
    assert not [m for m in figures.loss(fit, held_out=False).panels[0].marks if isinstance(m, Vertical)]


def test_held_out_curves_of_several_runs_are_shown_when_asked_for():
    runs = {"a": overfitted(), "b": overfitted("adam")}
    (panel,) = figures.loss(runs, held_out=True).panels
    lines = {m.label: m for m in panel.marks if isinstance(m, Line)}
    assert list(lines) == ["a", "a: held-out", "b", "b: held-out"]
    assert (lines["b"].role, lines["b: held-out"].role) == ("run1", "held_out1")
    assert lines["b: held-out"].y == tuple(runs["b"].trace.held_out.tolist())
    assert len([m for m in figures.loss(runs).panels[0].marks if isinstance(m, Line)]) == 2
    drawn(figures.loss(runs, held_out=True))


def test_the_floor_of_ridge_is_the_loss_of_its_exact_solution():
    rows = made()
    exact = fitted(rows, Exact(), [3, 3], l2=0.5)
    assert figures.floor_of(case("ridge").fit) == pytest.approx(float(exact.trace.loss[-1]), rel=EXACT)
    assert "penalty" in figures.contour(exact).note


def test_runs_on_one_plot_are_told_apart():
    runs = {f"lr {i}": case("exact").fit for i in range(9)}
    panel = figures.loss(runs).panels[0]
    lines = [m for m in panel.marks if isinstance(m, Line)]
    assert [m.label for m in lines] == list(runs)
    assert len({m.role for m in lines}) == marks.RUNS
    assert len([m for m in panel.marks if isinstance(m, Horizontal)]) == 1
    assert figures.loss({"a": case("diverged").fit}).panels[0].log_y
    with pytest.raises(OptionError):
        figures.loss({})


def test_a_diverged_path_is_followed_only_as_far_as_can_be_seen():
    fit = case("diverged").fit
    assert fit.stop is Stop.DIVERGED
    picture = figures.contour(fit)
    assert 2 <= len(path_of(picture).x) < len(fit.trace)
    assert "diverged" in picture.note.lower()


def test_contour_levels_ascend_from_the_floor():
    for name in ("lesson", "far offset", "constant loss"):
        ground = landscape(case(name).fit)
        heights = levels(ground)
        assert heights == tuple(sorted(set(heights)))
        assert heights[0] == pytest.approx(ground.surface.floor, abs=1e-9)
        assert heights[-1] >= float(ground.surface.loss.max())


def test_the_view_shows_the_whole_path_and_beyond_the_bottom():
    for name in ("lesson", "exact", "far offset", "held out", "constant loss"):
        ground = landscape(case(name).fit)
        for (low, high), column, bottom in zip(ground.span, ground.path, ground.surface.bottom, strict=True):
            assert low < min(column) <= max(column) < high
            assert low < bottom < high


def test_large_data_are_sampled_by_seed_whatever_the_batches():
    rows = made(n=5_000)
    at_once = Sample.draw(rows, ["a"], ["b"])
    batches = Sample.draw((rows[i : i + 700] for i in range(0, 5_000, 700)), ["a"], ["b"])
    assert len(at_once.rows) == 2_000
    assert at_once.note == "2,000 of 5,000 rows shown."
    assert torch.equal(at_once.rows.X, batches.rows.X)
    assert not torch.equal(at_once.rows.X, Sample.draw(rows, ["a"], ["b"], seed=1).rows.X)
    assert not sampled(made()).note
    assert "2,000 of 5,000 rows shown." in figures.data(at_once).note


def test_rows_of_no_weight_are_not_drawn():
    rows = made(n=4)
    sample = Sample.draw(Rows(rows.X, rows.y, torch.tensor([1.0, 0.0, 2.0, 0.0], dtype=torch.float64)), ["a"], ["b"])
    assert (len(sample.rows), sample.of) == (2, 2)
    with pytest.raises(ShapeError):
        Sample.draw(Rows(rows.X, rows.y, torch.zeros(4, dtype=torch.float64)), ["a"], ["b"])
    with pytest.raises(ShapeError):
        Sample.draw(rows, ["a", "b"], ["c"])


def test_names_are_shown_as_they_are():
    rows = made()
    hostile = "_$\\frac{x}$ price ($) \n" + "long " * 30
    picture = figures.data(Sample.draw(rows, [hostile], ["$y$_"]), fit=case("exact").fit)
    assert "\n" not in picture.panels[0].xlabel
    assert len(picture.panels[0].xlabel) < 40
    drawn(picture)
    drawn(figures.loss({hostile: case("exact").fit, "_b": case("exact").fit}))
    drawn(figures.coefficients([hostile, "$b$"], [1, 2], [0, 1], [2, 3]))


@pytest.mark.parametrize(("x", "y"), [(1e-9, 1e9), (1e9, 1e-9), (1e-9, 1e-9), (1e9, 1e9)])
def test_huge_and_tiny_numbers_are_drawn(x, y):
    rows = made()
    rows = Rows(rows.X * x, rows.y * y)
    fit = fitted(rows, Descent("sgd", lr=0.1, steps=8), [0, 0], standardize=True)
    picture = figures.overview(fit, sampled(rows))
    drawn(picture)
    path = picture.panels[2].marks[1]
    assert path.z == pytest.approx(fit.trace.loss.tolist(), rel=EXACT)
    drawn(figures.table_of_steps(fit))
    drawn(figures.contour(fit, step=2))


def test_coefficients_choose_when_there_are_too_many():
    n = 100
    estimates = [0.0] * n
    estimates[7] = 5.0
    picture = figures.coefficients(
        [f"c{i}" for i in range(n)], estimates, [e - 1 for e in estimates], [e + 1 for e in estimates]
    )
    (found,) = [m for m in picture.panels[0].marks if isinstance(m, Intervals)]
    assert len(found.names) == 40
    assert "c7" in found.names
    assert "40 of 100" in picture.note
    assert "1 of the intervals" in picture.alt
    with pytest.raises(ShapeError):
        figures.coefficients(["a"], [1], [0], [2, 3])


def test_wrong_requests_are_refused_with_advice():
    fit = case("lesson").fit
    sample = sampled(case("lesson").rows)
    with pytest.raises(OptionError, match="steps 0 to 15"):
        figures.frame(sample, fit, 16)
    with pytest.raises(ColumnError):
        figures.contour(fit, ("x0", "slope"))
    with pytest.raises(OptionError, match="weight"):
        figures.surface(case("one weight").fit)
    with pytest.raises(OptionError, match="target"):
        figures.contour(fit, target=1)
    with pytest.raises(OptionError, match="target"):
        figures.data(sample, target=3)


EVERY_MARK = (
    Points((0.0, 1.0), (1.0, 2.0), "data", "points"),
    Line((0.0, 1.0), (1.0, 2.0), "fitted", "line"),
    Path((0.0, 1.0), (1.0, 2.0), "path"),
    Contours((0.0, 1.0), (0.0, 1.0), ((0.0, 1.0), (1.0, 2.0)), (0.0, 1.0, 2.0)),
    Contours((0.0, 1.0), (0.0, 1.0), ((1.0, 1.0), (1.0, 1.0)), ()),
    Band((0.0, 1.0), (0.0, 1.0), (1.0, 2.0), "held_out", "band"),
    Vertical(0.5, "kept", "vertical"),
    Horizontal(0.5, "floor", "horizontal"),
    Arrow((0.0, 1.0), (1.0, 2.0), label="arrow"),
    Arrow((), ()),
    Text(0.5, 0.5, "words"),
    Bins((0.0,), (1.0,), (0.0,), (1.0,), (5.0,)),
    Table(("step", "w"), ((0.0, 1.0, 9.0), (1e-9, 1e9, float("nan"))), (2,)),
    Intervals(("a", "b"), (1.0, 2.0), (0.0, 1.0), (2.0, 3.0)),
)
SPACE_MARKS = (
    Mesh((0.0, 1.0), (0.0, 1.0), ((0.0, 1.0), (1.0, 2.0))),
    Points((0.0,), (0.0,), "optimum", "best", (0.0,)),
    Line((0.0, 1.0), (0.0, 1.0), "fitted", "line", (0.0, 1.0)),
    Path((0.0, 1.0), (0.0, 1.0), z=(0.0, 1.0)),
    Text(0.5, 0.5, "words"),
)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_mark_and_every_role_is_drawn(theme):
    assert {type(m) for m in (*EVERY_MARK, *SPACE_MARKS)} == set(marks.Mark.__args__)
    plain = tuple(m for m in EVERY_MARK[4:] if not isinstance(m, Table | Intervals))
    alone = [(m,) for m in EVERY_MARK if isinstance(m, Table | Intervals)]
    drawn(Picture((Panel("", "x", "y", EVERY_MARK[:4]), Panel("", "x", "y", plain))), theme=theme)
    drawn(Picture((Panel("", "x", "", alone[1]), Panel("", "x", "y", SPACE_MARKS, zlabel="z"))), theme=theme)
    drawn(Picture((Panel("", "x", "", alone[0]),)), theme=theme)
    drawn(Picture((Panel("", "x", "y", EVERY_MARK[:3]), Panel("", "x", "y", plain), Panel("", "x", "y", plain)), columns=2))
    roles = [*(Points((1.0,), (1.0,), r, r) for r in marks.ROLES), *(Line((1.0, 2.0), (1.0, 2.0), r, r) for r in marks.ROLES)]
    drawn(Picture((Panel("", "x", "y", tuple(roles)), Panel("", "x", "y", ()))), theme=theme)


def test_marks_are_frozen_plain_and_checked():
    for mark in (*EVERY_MARK, *SPACE_MARKS):
        for f in fields(mark):
            assert isinstance(getattr(mark, f.name), str | float | bool | tuple | None.__class__)
    with pytest.raises(OptionError, match="role"):
        Points((1.0,), (1.0,), "red")
    with pytest.raises(ShapeError):
        Line((1.0,), (1.0, 2.0))
    with pytest.raises(ShapeError):
        Mesh((1.0, 2.0), (1.0,), ((1.0,),))
    with pytest.raises(ShapeError, match="two points"):
        Arrow((1.0,), (1.0,))
    with pytest.raises(ShapeError):
        Table(("a",), ((1.0,), (1.0,)))
    with pytest.raises(OptionError, match="ascend"):
        replace(EVERY_MARK[3], levels=(1.0, 1.0))
    with pytest.raises(ShapeError):
        Intervals(("a",), (1.0, 2.0), (1.0, 2.0), (1.0, 2.0))


def test_a_strange_mark_is_no_silent_gap():
    class Strange:
        label = ""

    with pytest.raises(TypeError, match="Strange"):
        draw(Picture((Panel("", "x", "y", (Strange(),)),)))
    with pytest.raises(OptionError, match="theme"):
        draw(Picture(()), theme="blue")


def test_the_table_holds_every_number():
    table = Picture((Panel("left", "x", "y", EVERY_MARK[:4]),)).table()
    assert table["mark"][:4] == ["Points", "Points", "Line", "Line"]
    assert table["z"][-4:] == [0.0, 1.0, 1.0, 2.0]
    assert (table["x"][1], table["y"][1], table["z"][1]) == (1.0, 2.0, None)


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_files(kind, tmp_path):
    picture = figures.loss(case("lesson").fit)
    path = tmp_path / f"loss.{kind}"
    save(picture, path)
    assert path.read_bytes()[:4] == {"png": b"\x89PNG", "svg": b"<?xm", "pdf": b"%PDF"}[kind]
    if kind == "svg":
        assert picture.alt.split(";")[0] in path.read_text(encoding="utf-8")
    with pytest.raises(OptionError, match="bmp"):
        save(picture, tmp_path / "loss.bmp")


def test_a_png_says_what_it_shows_and_is_the_same_each_time():
    picture = figures.loss(case("lesson").fit)
    first, second = io.BytesIO(), io.BytesIO()
    save(picture, first)
    save(picture, second)
    assert first.getvalue() == second.getvalue()
    with Image.open(first) as image:
        assert image.text["Description"] == picture.alt


def test_nothing_overlaps():
    for name in ("p=3", "held out", "one weight", "diverged"):
        for title, picture in pictures(case(name)).items():
            figure = draw(picture)
            figure.canvas.draw()
            renderer = figure.canvas.get_renderer()
            width, height = figure.canvas.get_width_height()
            boxes = []
            for ax in figure.axes:
                texts = [ax.title, ax.xaxis.label, ax.get_legend()]
                boxes += [t.get_window_extent(renderer) for t in texts if t is not None and (t is texts[2] or t.get_text())]
            texts = [t for t in (figure._suptitle, figure._supxlabel) if t is not None]
            boxes += [t.get_window_extent(renderer) for t in texts]
            for i, box in enumerate(boxes):
                assert box.x0 >= -1, (name, title, i)
                assert box.x1 <= width + 1, (name, title, i)
                assert box.y0 >= -1, (name, title, i)
                assert box.y1 <= height + 1, (name, title, i)
                for other in boxes[:i]:
                    assert not (box.padded(-1).overlaps(other.padded(-1))), (name, title)


def test_nothing_global_changes():
    before = dict(mpl.rcParams)
    drawn(figures.surface(case("lesson").fit))
    drawn(figures.contour(case("lesson").fit))
    assert dict(mpl.rcParams) == before


def test_figures_show_themselves_in_a_notebook():
    assert draw(figures.loss(case("lesson").fit))._repr_png_()[:4] == b"\x89PNG"


def overview_paths(picture: Picture) -> dict[str, list[Path]]:
    return {panel.title: [m for m in panel.marks if isinstance(m, Path)] for panel in picture.panels}


@pytest.mark.parametrize("name", ["lesson", "held out", "huber", "far offset", "100,000 rows"])
def test_all_panels_of_an_overview_show_the_same_state(name):
    c = case(name)
    trace = c.fit.trace
    for step in (0, 4, int(trace.step[-1])):
        picture = figures.overview(c.fit, sampled(c.rows), step=step)
        assert len(picture.panels) == 4
        assert picture.title.startswith(f"After {step} update")
        now = [m for m in picture.panels[0].marks if isinstance(m, Line) and m.role == "fitted"]
        slope, intercept = trace.weights[step, :, 0].tolist()
        assert now[0].y == pytest.approx([slope * x + intercept for x in now[0].x], rel=1e-9, abs=1e-9)
        above, space, loss = list(overview_paths(picture).values())[1:]
        assert (above[0].x[-1], above[0].y[-1]) == (slope, intercept) == (space[0].x[-1], space[0].y[-1])
        assert space[0].z == pytest.approx(trace.loss[: step + 1].tolist(), rel=EXACT)
        assert loss[0].x == tuple(range(step + 1))
        assert loss[0].y == tuple(trace.loss[: step + 1].tolist())
    with pytest.raises(OptionError, match="step"):
        figures.overview(c.fit, step=int(trace.step[-1]) + 1)


def test_an_overview_adapts_to_what_there_is():
    c = case("lesson")
    assert [p.title for p in figures.overview(c.fit).panels][-1] == "Loss after each update"
    assert len(figures.overview(c.fit).panels) == 3
    c = case("one weight")
    assert len(figures.overview(c.fit, sampled(c.rows)).panels) == 3
    assert len(figures.overview(c.fit).panels) == 2
    c = case("p=3")
    picture = figures.overview(c.fit, sampled(c.rows))
    titles = [panel.title for panel in picture.panels]
    paths = overview_paths(picture)
    assert titles[0] == "Predicted against actual"
    assert "shadow" in paths[titles[1]][0].label
    assert not paths["Loss surface"]
    assert "no true height" in picture.note
    (end,) = [m for m in picture.panels[2].marks if m.__class__ is Points and m.role == "kept"]
    assert end.z == pytest.approx([float(c.fit.trace.loss[-1])], rel=EXACT)


def test_runs_share_the_panels_of_an_overview():
    c = case("lesson")
    fast = fitted(c.rows, Descent("sgd", lr=0.2, steps=9), [-15, -10])
    wild = fitted(c.rows, Descent("sgd", lr=0.5, steps=60), [-15, -10])
    picture = figures.overview({"slow": c.fit, "fast": fast, "wild": wild}, sampled(c.rows))
    paths = overview_paths(picture)
    assert [len(found) for found in paths.values()] == [0, 3, 3, 3]
    for found in list(paths.values())[1:]:
        assert [m.label for m in found] == ["slow", "fast", "wild"]
        assert len({m.role for m in found}) == 3
    assert "least" not in picture.title
    assert "wild" in picture.note  # it left the view
    assert picture.panels[3].log_y
    space = paths["Loss surface"]
    assert space[1].z == pytest.approx(fast.trace.loss.tolist(), rel=EXACT)
    (mesh,) = [m for m in picture.panels[2].marks if isinstance(m, Mesh)]
    for found in space:
        assert mesh.x[0] <= min(found.x) <= max(found.x) <= mesh.x[-1]
    drawn(picture)
    other = fitted(made(), Descent("sgd", lr=0.1, steps=5), [-15, -10])
    with pytest.raises(OptionError, match="other rows"):
        figures.overview({"a": c.fit, "b": other})
    with pytest.raises(OptionError, match="no runs"):
        figures.overview({})


def test_standardised_and_plain_runs_have_the_same_surface():
    rows = made(p=2)
    plain, scaled = (fitted(rows, Descent("sgd", lr=0.1, steps=9), [2, 2, 2], standardize=s) for s in (False, True))
    one, two = landscapes([plain, scaled], ("x0", "x1"))
    assert one.surface is two.surface


# -- the main directions of a path -------------------------------------------------------------------------------------


def test_main_directions_are_the_principal_components_of_the_path():
    """Against numpy's singular values; the plane's heights against the bowl, and against the rows themselves."""
    import numpy as np

    rows = made(p=5, n=80)
    fit = fitted(rows, Descent("momentum", lr=0.05, steps=40), [0, 3, 0, -2, 0, 1], standardize=True)
    ground = landscape(fit, "path")
    where = ground.surface.plane
    trained = fit.scaling.to_trained(fit.trace.weights)[:, :, 0].numpy()
    _, sizes, axes = np.linalg.svd(trained - trained[-1], full_matrices=False)
    assert where.share == pytest.approx((sizes**2 / (sizes**2).sum())[:2], rel=1e-9)
    ours = fit.scaling.to_trained(torch.stack([where.origin, *(where.origin + where.basis)])[:, :, None])[:, :, 0]
    for i in range(2):
        assert abs(float((ours[i + 1] - ours[0]) @ torch.tensor(axes[i]))) == pytest.approx(1, rel=1e-9)
    assert (ground.path[0][-1], ground.path[1][-1]) == pytest.approx((0, 0), abs=1e-12)
    assert ground.path[0][0] < 0  # it walks to the right
    points = torch.tensor(list(zip(*ground.path, strict=True)), dtype=torch.float64)
    weights = where.weights(points)
    residual = (rows.X @ weights[:, :-1].T + weights[:, -1]) - rows.y
    assert ground.shadow == pytest.approx((residual**2).mean(0).tolist(), rel=EXACT)
    assert ground.shadow[-1] == pytest.approx(float(fit.trace.loss[-1]), rel=EXACT)
    picture = figures.main_directions(fit)
    assert f"{100 * where.share[0]:.3g}%" in picture.panels[0].xlabel
    assert f"{100 * sum(where.share):.3g}% of the path's movement" in picture.note
    assert "columns as trained" in picture.note
    drawn(picture)
    (path,) = [m for m in picture.panels[1].marks if isinstance(m, Path)]
    assert path.z == ground.shadow


def test_the_lowest_place_of_a_plane_is_a_minimum_on_it():
    rows = made(p=4, n=80, offset=2.0)
    fit = fitted(rows, Descent("adam", lr=0.3, steps=40), [0, 3, 0, -2, 1], standardize=True)
    for pair, kind in (("path", "slice"), (("x0", "x2"), "slice"), (("x0", "x2"), "profile"), ("path", "profile")):
        found = surface(fit, pair, kind=kind, resolution=41)
        assert found.floor <= float(found.loss.min()) + 1e-12
        closer = surface(fit, pair, kind=kind, span=[(b - 1e-3, b + 1e-3) for b in found.bottom], resolution=3)
        assert closer.floor == pytest.approx(float(closer.loss[1, 1]), rel=1e-9)
        assert float(closer.loss.min()) >= closer.floor - 1e-12
    assert surface(fit, "path", kind="profile").floor == pytest.approx(float(fit.trace.loss[-1] - fit.trace.gap[-1]), rel=1e-9)


def test_two_weights_have_no_shadow_along_the_path():
    c = case("lesson")
    picture = figures.surface(c.fit, "path")
    path = path_of(picture)
    assert path.z == pytest.approx(c.fit.trace.loss.tolist(), rel=EXACT)
    assert path.label == "path"
    drawn(picture)


def test_a_straight_path_has_a_second_direction_and_one_that_never_moved_is_refused():
    exact = figures.main_directions(fitted(made(p=3), Exact(), [0, 0, 0, 0]))
    assert "(100%" in exact.panels[0].xlabel
    drawn(exact)
    drawn(figures.main_directions(case("diverged").fit))
    with pytest.raises(OptionError, match="did not move"):
        figures.main_directions(case("no step").fit)
    with pytest.raises(OptionError, match="two weights"):
        figures.main_directions(case("one weight").fit)


def test_the_gallery_draws_them_all(quiet):
    g = torch.Generator().manual_seed(0)
    X = torch.randn(40, 3, generator=g, dtype=torch.float64)
    y = X @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) + 0.1 * torch.randn(40, generator=g, dtype=torch.float64)
    options = {"standardize": False, "split": (0.6, 0.2, 0.2)}
    slow, fast = (bl.fit((X, y), solver=bl.Descent("sgd", lr=lr, steps=20), **options) for lr in (0.05, 0.1))
    plot = slow.plot.dark
    drawings = [
        plot.overview(others={"fast": fast}, label="slow", step=7),
        plot.overview(pair="path", log=True),
        plot.steps(most=8),
        plot.main_directions(),
        plot.loss({"fast": fast}, held_out=True),
        plot.surface("path"),
        plot.contour(("x0", "x1"), step=3),
        plot.frame(3, pair="path"),
    ]
    assert all(figure._repr_png_() for figure in drawings)
    with pytest.raises(OptionError, match="steps 0 to 20"):
        plot.contour(("x0", "x1"), step=21)


def test_pyplot_stays_out_and_recorded_numbers_need_no_torch():
    program = """
import sys
from bestline.pictures.marks import Panel, Path, Picture
assert "matplotlib" not in sys.modules
from bestline.pictures.render.mpl import draw
import io
draw(Picture((Panel("", "w", "b", (Path((0.0, 1.0), (0.0, 1.0)),)),))).savefig(io.BytesIO())
draw(Picture((Panel("", "w", "b", (Path((0.0, 1.0), (0.0, 1.0), z=(0.0, 1.0)),), zlabel="loss"),))).savefig(io.BytesIO())
assert "torch" not in sys.modules
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
