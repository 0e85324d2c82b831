"""Pictures: the numbers behind them, what they say, and that every one of them can be drawn anywhere."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import dataclass, fields, replace

import matplotlib as mpl
import pytest
import torch
from PIL import Image

from bestline import synthetic
from bestline.bowl import Bowl
from bestline.errors import ColumnError, OptionError, ShapeError
from bestline.fitting import Fit, Task, train
from bestline.moments import Moments
from bestline.objective import Objective, Penalty, RowLoss, SquaredRows, huber, line
from bestline.pictures import figures, marks
from bestline.pictures.landscape import landscape, levels
from bestline.pictures.marks import (
    Contours,
    Horizontal,
    Intervals,
    Line,
    Mesh,
    Panel,
    Path,
    Picture,
    Points,
    Text,
    Vertical,
)
from bestline.pictures.mpl import animate, draw, save
from bestline.pictures.sample import Sample
from bestline.rows import Rows
from bestline.scaling import Scaling
from bestline.solvers import Descent, Exact
from bestline.solvers.base import Stop

EXACT = 1e-9  # a path lies on its surface to rounding


def fitted(rows, solver, start, *, standardize=False, intercept=True, held_out=None, l2=0.0, rowwise=False) -> Fit:
    m, p, k = Moments.of_rows(rows), rows.X.shape[1], rows.y.shape[1]
    scaling = Scaling.of(m, p, intercept=intercept, standardize=standardize)
    trained = scaling.rows(rows)
    smooth = Bowl.of(m, scaling)
    units = scaling.target_scale**2
    if rowwise:
        smooth = RowLoss(trained, huber(1.0), lambda X, w: line(X, w, intercept=intercept))
    d = p + intercept
    names = (*(f"x{j}" for j in range(p)), *(["Intercept"] if intercept else []))
    penalty = Penalty.on_slopes(0.0, l2, p, intercept=intercept)
    objective = Objective(smooth, penalty, SquaredRows(trained, intercept), torch.ones(d, 1, dtype=torch.float64))
    judged = None if held_out is None else Bowl.of(Moments.of_rows(held_out), scaling)
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
        if title in ("frame", "log loss", "surface"):  # together all there is to draw
            drawn(picture, theme="dark" if title == "frame" else "light")
        assert picture.title
        assert any(c.isdigit() for c in picture.alt)
        table = picture.table()
        assert list(table) == ["panel", "mark", "label", "x", "y", "z"]
        assert len({len(column) for column in table.values()}) == 1
        for panel in picture.panels:
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
    assert found["floor"].y == pytest.approx(float(c.fit.trace.loss[-1] - c.fit.trace.gap[-1]), rel=EXACT)
    assert panel.xlabel == "updates made"


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
    Vertical(0.5, "kept", "vertical"),
    Horizontal(0.5, "floor", "horizontal"),
    Text(0.5, 0.5, "words"),
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
    drawn(Picture((Panel("", "x", "y", EVERY_MARK[:4]), Panel("", "x", "y", EVERY_MARK[4:8]))), theme=theme)
    drawn(Picture((Panel("", "x", "", EVERY_MARK[8:]), Panel("", "x", "y", SPACE_MARKS, zlabel="z"))), theme=theme)
    roles = [*(Points((1.0,), (1.0,), r, r) for r in marks.ROLES), *(Line((1.0, 2.0), (1.0, 2.0), r, r) for r in marks.ROLES)]
    drawn(Picture((Panel("", "x", "y", tuple(roles)), Panel("", "x", "y", ()))), theme=theme)


def test_marks_are_frozen_plain_and_checked():
    for mark in (*EVERY_MARK, *SPACE_MARKS):
        for f in fields(mark):
            assert isinstance(getattr(mark, f.name), str | float | tuple | None.__class__)
    with pytest.raises(OptionError, match="role"):
        Points((1.0,), (1.0,), "red")
    with pytest.raises(ShapeError):
        Line((1.0,), (1.0, 2.0))
    with pytest.raises(ShapeError):
        Mesh((1.0, 2.0), (1.0,), ((1.0,),))
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


def test_animation():
    c = case("lesson")
    file = io.BytesIO()
    animate(figures.frames(sampled(c.rows), c.fit, [0, 7, 15]), file, dpi=30)
    with Image.open(file) as image:
        assert image.n_frames == 3
    with pytest.raises(OptionError):
        animate([], file)


def test_nothing_overlaps():
    for name in ("p=3", "held out"):
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


def test_pyplot_stays_out_and_recorded_numbers_need_no_torch():
    program = """
import sys
from bestline.pictures.marks import Panel, Path, Picture
assert "matplotlib" not in sys.modules
from bestline.pictures.mpl import draw
import io
draw(Picture((Panel("", "w", "b", (Path((0.0, 1.0), (0.0, 1.0)),)),))).savefig(io.BytesIO())
draw(Picture((Panel("", "w", "b", (Path((0.0, 1.0), (0.0, 1.0), z=(0.0, 1.0)),), zlabel="loss"),))).savefig(io.BytesIO())
assert "torch" not in sys.modules
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
