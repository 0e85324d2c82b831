"""Figures: every kind of fit is drawn, and what is drawn is what was trained."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.errors import ColumnError, OptionError
from bestline.numerics.rows import Rows
from bestline.pictures import figures, loss_curves
from bestline.pictures.marks import Arrow, Line, Outside, Path, Points
from bestline.pictures.overview import overview
from bestline.pictures.render.mpl import draw
from bestline.pictures.sample import Sample
from bestline.pictures.weights.coefficients import coefficients
from bestline.training.objective import line
from bestline.training.solvers import Descent
from bestline.wording import said
from pictures.examples import CASES, LAID_OUT, case, drawn, fitted, made, pictures, sampled, table
from searches import long

EXACT = 1e-9  # a path lies on its surface to rounding


@pytest.mark.parametrize(
    "name", long(CASES, quick=["lesson", "held out", "huber", "two targets", "100,000 rows", "constant loss"])
)
def test_every_picture_of_every_kind_of_fit_is_drawn(name):
    for title, picture in pictures(case(name)).items():
        # Together all there is to draw; the light ones of the others are laid out in render/test_mpl.py, with all their texts.
        if title == "overview" or (title in ("log loss", "surface", "steps") and name not in LAID_OUT):
            drawn(picture, theme="dark" if title == "overview" else "light")
        assert picture.title
        assert any(c.isdigit() for c in picture.alt)
        table = picture.table()
        assert list(table) == ["panel", "mark", "label", "x", "y", "z"]
        assert len({len(column) for column in table.values()}) == 1
        for panel in picture.panels:
            assert (panel.xlabel and panel.ylabel) or title == "steps"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_figure_in_both_themes(theme):
    for picture in pictures(case("lesson")).values():
        drawn(picture, theme=theme)
    drawn(figures.data(sampled(made(p=3))), theme=theme)
    drawn(coefficients(table(["a", "b"], [1, 2], [0, float("nan")], [2, float("nan")])), theme=theme)


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
    for step in c.fit.trace.step.tolist():
        picture = figures.frame(sampled(c.rows), c.fit, step)
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


def test_titles_count_the_updates_made():
    c = case("lesson")
    before, after = figures.before_after(sampled(c.rows), c.fit).panels
    assert before.title == "Before training: 0 updates"
    assert after.title == "After training: 15 updates"
    c = case("exact")
    assert figures.before_after(sampled(c.rows), c.fit).panels[1].title == "After training: 1 update"
    c = case("held out")
    assert f": {c.fit.step} updates" in figures.before_after(sampled(c.rows), c.fit).panels[1].title


@pytest.mark.parametrize("target", [0, 1])
def test_the_loss_over_one_weight_is_that_of_its_own_target(target):
    """All other weights stay where training left them: so the curve goes through the loss that was reached."""
    c = case("two targets")
    fit = c.fit
    panel = figures.weight(fit, fit.trace.names[0], target=target).panels[0]
    (curve,) = [m for m in panel.marks if isinstance(m, Line) and m.label == "loss"]
    X, y = c.rows.X, c.rows.y[:, target]
    for x, loss in list(zip(curve.x, curve.y, strict=True))[::20]:
        w = fit.weights[:, target].clone()
        w[0] = x
        assert loss == pytest.approx(float(((y - line(X, w[:, None], intercept=True)[:, 0]) ** 2).mean()), rel=1e-8)


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


def test_names_are_shown_as_they_are():
    rows = made()
    hostile = "_$\\frac{x}$ price ($) \n" + "long " * 30
    picture = figures.data(Sample.draw(rows, [hostile], ["$y$_"]), fit=case("exact").fit)
    assert "\n" not in picture.panels[0].xlabel
    assert len(picture.panels[0].xlabel) < 40
    drawn(picture)
    drawn(loss_curves.loss({hostile: case("exact").fit, "_b": case("exact").fit}))
    drawn(coefficients(table([hostile, "$b$"], [1, 2], [0, 1], [2, 3])))


@pytest.mark.parametrize(("x", "y"), [(1e-9, 1e9), (1e9, 1e-9), (1e-9, 1e-9), (1e9, 1e9)])
def test_huge_and_tiny_numbers_are_drawn(x, y):
    rows = made()
    rows = Rows(rows.X * x, rows.y * y)
    fit = fitted(rows, Descent("sgd", lr=0.1, steps=8), [0, 0], standardize=True)
    picture = overview(fit, sampled(rows))
    drawn(picture)
    path = picture.panels[2].marks[1]
    assert path.z == pytest.approx(fit.trace.loss.tolist(), rel=EXACT)
    drawn(figures.table_of_steps(fit))
    drawn(figures.contour(fit, step=2))


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


def test_before_and_after_have_one_scale_and_say_so_where_each_has_its_own():
    c = case("held out")  # starts near the rows
    near = figures.before_after(sampled(c.rows), c.fit)
    assert near.panels[0].ylim == near.panels[1].ylim
    assert "own vertical scale" not in near.note
    c = case("lesson")  # starts far from them
    far = figures.before_after(sampled(c.rows), c.fit)
    low, high = far.panels[1].ylim
    assert far.panels[0].ylim[1] - far.panels[0].ylim[0] > 4 * (high - low)
    assert "own vertical scale" in far.note


def test_train_and_test_tell_the_errors_they_are_given():
    c = case("p=3")
    some = sampled(c.rows).few(5)
    told = figures.train_test(some, some, c.fit, (0.25, 1234.5))
    assert told.title == "Mean squared error: 0.25 of training rows, 1,234 of test rows"
    assert told.title in told.alt
    diverged = figures.train_test(some, some, c.fit, (0.25, float("nan")))
    assert diverged.title == "Train and test"
    assert "nan" not in diverged.note + diverged.alt


def test_a_loss_beside_one_target_is_its_own_and_that_of_all_is_named():
    c = case("two targets")
    step = int(c.fit.trace.step[-1])
    own = [((line(c.rows.X, w, intercept=True) - c.rows.y) ** 2).mean(0) for w in c.fit.trace.weights]
    for target in (0, 1):
        before, after = (said(float(losses[target])) for losses in (own[0], own[-1]))
        assert figures.frame(sampled(c.rows), c.fit, step, target=target).title == f"After {step} updates: loss {after}"
        told = figures.before_after(sampled(c.rows), c.fit, target=target).title
        assert told == f"Training took the loss from {before} to {after}"
    whole = said(float(c.fit.trace.loss[-1]))
    assert overview(c.fit, sampled(c.rows)).title == f"After {step} updates: loss of all targets together {whole}"
    assert "of all targets together" in loss_curves.loss(c.fit).panels[0].ylabel
    assert "targets" not in loss_curves.loss(case("lesson").fit).panels[0].ylabel


def test_as_trained_a_unit_is_as_long_on_both_axes_and_steps_leave_contours_at_right_angles():
    rows = made(offset=3.0)
    fit = fitted(rows, Descent("sgd", lr=0.1, steps=9), [4, 4], standardize=True)
    picture = figures.contour(fit, units="trained")
    assert picture.panels[0].even
    (axes, *_) = draw(picture).axes
    assert axes.get_aspect() == 1
    (path,) = [m for m in picture.panels[0].marks if isinstance(m, Path)]
    away = fit.scaling.to_trained(fit.trace.weights[0]).clone().requires_grad_()
    (gradient,) = torch.autograd.grad(fit.objective.smooth.losses(away).sum(), away)
    step, down = torch.tensor([path.x[1] - path.x[0], path.y[1] - path.y[0]], dtype=torch.float64), -gradient[:, 0]
    assert torch.allclose(step / step.norm(), down / down.norm(), rtol=1e-9)
    assert not figures.contour(fit).panels[0].even


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
@pytest.mark.parametrize("columns", ["x", "x + z"])
def test_a_few_far_rows_do_not_press_the_others_flat_and_are_counted_at_the_edge(columns):
    draw = np.random.default_rng(1)
    x, z, noise = draw.normal(size=(3, 400))
    y = x + noise
    y[[5, 50, 350]] = [900.0, -800.0, 1_000.0]
    model = bl.fit({"x": x, "z": z, "y": y}, f"y ~ {columns}", split=(0.6, 0.2, 0.2), solver="sgd", steps=4)
    panels = [figures.before_after(model.plot.sample(), model.trained).panels[1]]
    panels += figures.train_test(model.plot.sample(), model.plot.sample(part="test"), model.trained, (1.0, 1.0)).panels
    panels.append(figures.frame(model.plot.sample(), model.trained, 2).panels[0])
    beyond = 0
    for panel in panels:
        (rows,) = (mark for mark in panel.marks if isinstance(mark, Points))
        told = [mark for mark in panel.marks if isinstance(mark, Outside)]
        far = sum(
            not panel.ylim[0] <= v <= panel.ylim[1] or not panel.xlim[0] <= u <= panel.xlim[1]
            for u, v in zip(rows.x, rows.y, strict=True)
        )
        assert sum(sum((mark.above, mark.below, mark.left, mark.right)) for mark in told) == far
        assert panel.ylim[1] - panel.ylim[0] < 80
        beyond += far
    assert beyond >= 3


def test_an_arrow_is_explained_where_there_is_one():
    fit = case("lesson").fit
    said_so = "The arrow is minus the gradient"
    assert said_so in figures.contour(fit, step=1).note
    exact = bl.fit({"x": np.arange(30.0), "y": np.arange(30.0) ** 1.2}, "y ~ x")
    assert said_so in figures.contour(exact.trained, step=0).note
    assert said_so not in figures.contour(exact.trained, step=1).note
    assert said_so not in figures.frame(exact.plot.sample(), exact.trained, 1).note


def test_without_test_rows_it_is_said_what_to_do():
    model = bl.fit({"x": np.arange(30.0), "y": np.arange(30.0) ** 1.2}, "y ~ x")
    with pytest.raises(OptionError, match=r"no test rows: give `test`, .* or fit with split="):
        model.plot.train_test()
    assert model.plot.train_test(test={"x": [1.0, 5.0], "y": [2.0, 9.0]}).heading.startswith("Mean squared error")
