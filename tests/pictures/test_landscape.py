"""The surface, its contours, and the path that lies on it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from matplotlib.contour import ContourSet

import bestline as bl
from bestline.errors import ColumnError, OptionError
from bestline.numerics import Rows
from bestline.numerics.bowl import Bowl
from bestline.pictures import figures
from bestline.pictures.landscape import landscape
from bestline.pictures.landscape_marks import view
from bestline.pictures.levels import levels
from bestline.pictures.marks import Contours, Mesh, Path, Picture, Points
from bestline.pictures.render.mpl import draw
from bestline.training.solvers import Descent, Exact
from bestline.training.solvers.base import Stop
from bestline.training.surfaces import heights, surface
from hard import NAMES, TARGET, hard_table
from pictures.examples import case, drawn, fitted, made

EXACT = 1e-9  # a path lies on its surface to rounding


def path_of(picture: Picture) -> Path:
    (found,) = [m for panel in picture.panels for m in panel.marks if isinstance(m, Path)]
    return found


@pytest.mark.parametrize("name", ["lesson", "far offset", "two targets", "held out", "huber"])
def test_the_path_lies_on_the_surface(name):
    fit = case(name).fit
    for target in range(len(fit.trace.targets)):
        path = path_of(figures.surface(fit, target=target))
        units = fit.scaling.target_scale[target] ** 2
        weights = fit.scaling.to_trained(fit.trace.weights)
        if isinstance(fit.objective.smooth, Bowl):
            on_surface = fit.objective.smooth.losses(weights)[:, target] * units
        else:
            on_surface = torch.stack([fit.objective.smooth.losses(w)[target] for w in weights]) * units
        assert path.z == pytest.approx(on_surface.tolist(), rel=EXACT)
        assert path.x == tuple(fit.trace.weights[:, 0, target].tolist())
        assert path.y == tuple(fit.trace.weights[:, 1, target].tolist())
        if name != "two targets":
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
    (end,) = [m for m in picture.panels[0].marks if isinstance(m, Points) and m.role == "end"]
    assert end.z == pytest.approx([float(fit.trace.loss[-1])], rel=EXACT)
    assert "x1 = " in picture.note
    shadow = figures.contour(fit)
    assert "projected onto these two weights" in shadow.note
    assert "projected" in path_of(shadow).label
    profile = figures.contour(fit, ("x1", "x2"), kind="profile")
    assert "fit best" in profile.note


def test_contours_tell_the_places_of_a_long_valley_apart():
    """The start, points down the valley, and the optimum lie in different bands, however ill-conditioned the bowl."""
    for offset in (4.0, 10.0, 16.0, 25.0):
        fit = fitted(made(offset=offset), Descent("sgd", lr=0.9 / (1 + offset**2), steps=300), [0, 0])
        ground = landscape(fit)
        bands = torch.tensor(levels(ground.surface, closed=ground.closed), dtype=torch.float64)
        grid = ground.surface.loss
        floor = ground.surface.floor
        edge = float(grid.amin(1).max())  # the least loss at each intercept, where it is largest
        heights = [ground.losses[0], edge, *([(edge + floor) / 2] if offset < 20 else []), floor * (1 + 1e-12)]
        found = torch.searchsorted(bands, torch.tensor(heights, dtype=torch.float64)).tolist()
        assert len(set(found)) == len(heights), (offset, found)
        drawn(figures.contour(fit))


def test_a_diverged_path_is_followed_only_as_far_as_can_be_seen():
    fit = case("diverged").fit
    assert fit.stop is Stop.DIVERGED
    picture = figures.contour(fit)
    assert 2 <= len(path_of(picture).x) < len(fit.trace)
    assert "diverged" in picture.note.lower()


def test_contour_levels_ascend_from_the_floor():
    for name in ("lesson", "far offset", "constant loss"):
        ground = landscape(case(name).fit)
        heights = levels(ground.surface, closed=ground.closed)
        assert heights == tuple(sorted(set(heights)))
        assert heights[0] == pytest.approx(ground.surface.floor, abs=1e-9)
        assert heights[-1] >= float(ground.surface.loss.max())


def test_the_view_shows_the_whole_path_and_beyond_the_bottom():
    for name in ("lesson", "exact", "far offset", "held out", "constant loss"):
        ground = landscape(case(name).fit)
        for (low, high), column, bottom in zip(ground.span, ground.path, ground.surface.bottom, strict=True):
            assert low < min(column) <= max(column) < high
            assert low < bottom < high


@pytest.mark.parametrize("mirrored", [False, True])
def test_main_directions_are_the_principal_components_of_the_path(mirrored):
    """Against numpy's singular values; the plane's heights against the bowl, and against the rows themselves."""
    import numpy as np

    rows = made(p=5, n=80)
    start = torch.tensor([0, 3, 0, -2, 0, 1], dtype=torch.float64)
    if mirrored:  # the same path from the other side, which singular vectors do not tell apart
        start = 2 * fitted(rows, Exact(), [0] * 6).weights[:, 0] - start
    fit = fitted(rows, Descent("momentum", lr=0.05, steps=40), start.tolist(), standardize=True)
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


@pytest.mark.parametrize("pair", [("nope", "x0"), ("x0", "nope"), ("nope",)])
def test_both_weights_of_a_surface_must_be_there(pair):
    with pytest.raises(ColumnError, match="nope"):
        landscape(case("lesson").fit, pair)


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
@pytest.mark.parametrize(("start", "cut"), [([-1.0, 3.0], True), ([0.0, 0.0], False)])
def test_a_surface_is_cut_off_at_five_times_the_height_of_its_path(start, cut):
    """A loss that grows like exp would press everything else flat; one that does not rise so far is shown as it is."""
    x = torch.linspace(-2, 3, 40, dtype=torch.float64)
    data = {"x": x.numpy(), "y": (torch.exp(0.8 * x) + 1).numpy()}
    options = {"solver": "adam", "lr": 0.05, "steps": 60, "standardize": None, "start": start}
    fit = bl.fit(data, "y ~ x", forward=lambda X, w, b: torch.exp(X @ w) + b, **options).trained
    ground = landscape(fit, ("x", "Intercept"))
    loss, floor = ground.surface.loss, ground.surface.floor
    cap = floor + 5 * (max(ground.losses) - floor)
    assert float(loss.max()) <= cap * (1 + 1e-12)
    assert (int((loss == loss.max()).sum()) > 50) == cut
    whole = surface(fit, ground.surface.plane, span=ground.span, resolution=21).loss
    assert (float(whole.max()) > cap) == cut


def narrow():
    """A line far from zero: its slope and intercept all but make up for each other."""
    g = torch.Generator().manual_seed(3)
    x = 200 + 14 * torch.randn(300, generator=g, dtype=torch.float64)
    y = 20 * x + 400 * torch.randn(300, generator=g, dtype=torch.float64)
    return fitted(Rows(x[:, None], y[:, None]), Descent("sgd", steps=30), [0.0, 0.0], standardize=True)


def test_the_lines_of_a_narrow_valley_are_no_stairs() -> None:
    """Every place of every line, as drawn, has the height of its line, beside the steps of heights from line to line."""
    fit = narrow()
    ground = landscape(fit)
    (contours,) = [m for m in figures.contour(fit).panels[0].marks if isinstance(m, Contours)]
    assert contours.lean != (0.0, 0.0)
    ax = draw(figures.contour(fit)).axes[0]
    drawn_lines = [c for c in ax.collections if isinstance(c, ContourSet) and not c.filled]
    (lines,) = drawn_lines
    low, high = ground.span
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        at = torch.tensor(path.vertices)
        at = at[(at[:, 0] > low[0]) & (at[:, 0] < low[1]) & (at[:, 1] > high[0]) & (at[:, 1] < high[1])]
        found = heights(fit, ground.surface.plane, at)
        assert ((found - level).abs() <= 0.02 * (level - ground.surface.floor)).all()


def test_a_leaning_grid_tells_its_true_places_and_heights() -> None:
    fit = narrow()
    ground = landscape(fit)
    contours = figures.contour(fit).panels[0].marks[0]
    table = list(contours.cells())[::977]
    places = torch.tensor([[x, y] for _, x, y, _ in table], dtype=torch.float64)
    true = heights(fit, ground.surface.plane, places).clamp(max=float(ground.surface.loss.max()))
    assert [z for *_, z in table] == pytest.approx(true.tolist(), rel=1e-6)


@pytest.mark.parametrize("pair", [None, ("Intercept", "x0")])
def test_the_eye_looks_along_a_valley_and_never_along_an_edge_of_the_box(pair) -> None:
    ground = landscape(narrow(), pair)
    azimuth = view(ground)[1]
    assert 20 <= azimuth % 90 <= 70
    # Of the lowest places in the view the direction is that of the valley, in widths of the view.
    z = ground.surface.loss
    i, j = torch.nonzero(z <= z.flatten().quantile(0.01), as_tuple=True)
    spread = torch.cov(torch.stack([j, i]).double())
    bed = math.degrees(math.atan2(*reversed(torch.linalg.eigh(spread).eigenvectors[:, -1].tolist())))
    aside = (azimuth - bed + 90) % 180 - 90
    assert 10 <= abs(aside) <= 45


class TestSpanAndResolution:
    """The range of each axis and its number of values, as asked for."""

    @pytest.fixture(scope="class")
    @staticmethod
    def model():
        data = bl.synthetic.lesson("slope-and-bias")
        return bl.fit(data.x, data.y, solver="sgd", lr=0.1, steps=15, start=[-15, -10], standardize=False)

    def test_they_are_those_of_the_loss(self, model):
        span = ((-20.0, 20.0), (-18.0, 16.0))
        drawn = model.plot.contour(span=span, resolution=21).axes[0]
        assert (*drawn.get_xlim(), *drawn.get_ylim()) == pytest.approx((*span[0], *span[1]))
        told = figures.surface(model.trained, span=span, resolution=21)
        mesh = next(mark for panel in told.panels for mark in panel.marks if type(mark).__name__ == "Mesh")
        assert (len(mesh.x), len(mesh.y)) == (21, 21)
        assert (mesh.x[0], mesh.x[-1], mesh.y[0], mesh.y[-1]) == (*span[0], *span[1])
        # The corner of the mesh is the loss of that line.
        data = bl.synthetic.lesson("slope-and-bias")
        assert mesh.z[0][-1] == pytest.approx(bl.line(20, -18).loss(data.x, data.y), rel=1e-9)

    @pytest.mark.parametrize(
        "given",
        [
            *(
                {"span": wrong}
                for wrong in (5, "ab", ((1, 2),), ((2, 1), (0, 1)), ((0, 1, 2), (1, 2)), ((0, float("inf")), (0, 1)))
            ),
            *({"resolution": wrong} for wrong in (0, 1, -3, "x", 2.5, True)),
        ],
    )
    def test_what_cannot_be_is_one_sentence(self, model, given):
        for door in (model.plot.surface, model.plot.contour, lambda **asked: bl.surface(model, **asked)):
            with pytest.raises(OptionError, match=r"span|resolution"):
                door(**given)


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")  # of the columns that are nearly alike
@pytest.mark.parametrize("kind", ["exact", "descent"])
@pytest.mark.parametrize("asked", [{}, {"units": "trained"}, {"names": "path"}])
def test_offsets_of_a_million_and_columns_nearly_alike_do_not_move_the_place_of_least_loss(kind, asked):
    table = hard_table(20_000)
    line = bl.fit(table, f"{TARGET} ~ .", **({"solver": "sgd", "steps": 60} if kind == "descent" else {}))
    ground = landscape(line.trained, **asked)
    # The plane goes through the end of the path, so its least loss is not above what the trace has there; nor below that of least squares.
    least = rest_of_least_squares(table)
    # The intercept is a difference of numbers of 5e12, each known to 1e-3: the loss is known to a millionth.
    assert least * (1 - 1e-6) <= ground.surface.floor <= float(line.trace.loss[-1]) * (1 + 1e-6)
    for (low, high), column, bottom in zip(ground.span, ground.path, ground.surface.bottom, strict=True):
        reach = max(*column, bottom) - min(*column, bottom)
        assert low < bottom < high
        assert reach <= 1.001 * (max(column) - min(column)) + 0.1 * (high - low)  # the view is that of the path


def rest_of_least_squares(table):
    """Least mean squared error by NumPy, of columns about their means and in their standard deviations, so that offsets cost no digit."""
    X, y = np.column_stack([table[name] for name in NAMES]), table[TARGET]
    X, y = X - X.mean(0), y - y.mean()
    X = X / X.std(0)
    return float(np.mean((y - X @ np.linalg.lstsq(X, y, rcond=None)[0]) ** 2))


@pytest.mark.parametrize("solver", ["exact", "sgd"])
@pytest.mark.parametrize("unit", [2.0**-40, 2.0**50])
def test_a_picture_of_any_unit_is_the_same_but_for_its_numbers(unit, solver):
    rows = made(seed=4)
    start, how = [1.0, 2.0], {"steps": 20} if solver == "sgd" else {}
    plain, scaled = (
        landscape(bl.fit((rows.X, rows.y * by), solver=solver, start=[w * by for w in start], **how).trained, resolution=11)
        for by in (1.0, unit)
    )
    assert torch.tensor(scaled.span) / unit == pytest.approx(torch.tensor(plain.span), rel=1e-6)
