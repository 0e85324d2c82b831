"""Own models watched: modules, functions and other losses have surfaces, curves and players too, each held against plain numpy."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import bestline as bl
from bestline.errors import FormulaError, OptionError
from bestline.pictures import figures, landscape
from bestline.pictures import watch as watching
from bestline.pictures.levels import levels
from bestline.pictures.marks import Contours, Line, Mesh
from bestline.pictures.marks import Path as Walk
from bestline.pictures.overview import overview
from bestline.pictures.sample import rows_shown
from bestline.training import planes, surfaces
from bestline.training.surfaces import heights
from searches import long

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")

EXACT = 1e-12  # relative: the same float64 sums, perhaps in another order
SHORT = 1e-6  # relative: a page has seven digits
POWERS = 1e-9  # relative: numpy solves the powers as they are, without scaling

Run = Callable[..., SimpleNamespace]
Loss = Callable[[np.ndarray, np.ndarray], float]

X = np.linspace(-3, 3, 60)
WAVE = 2 * np.sin(1.2 * X) + 0.1 * np.random.default_rng(3).standard_normal(60)
LINE = 2 * X + 1 + 0.3 * np.random.default_rng(4).standard_normal(60)
LINE[::12] += 8.0
WEIGHTS = np.random.default_rng(5).uniform(0, 2, 60)


class Wave(nn.Module):
    """a sin(b x)."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(0.5))
        self.b = nn.Parameter(torch.tensor(1.5))

    def forward(self, X: Tensor) -> Tensor:
        return self.a * torch.sin(self.b * X)


class Parabola(nn.Module):
    """w x^2 + c, which looks at single numbers, so that torch cannot compute many of it at once."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))
        self.c = nn.Parameter(torch.zeros(1))

    def forward(self, X: Tensor) -> Tensor:
        assert math.isfinite(self.w.item())
        return self.w * X[:, 0] ** 2 + self.c


class Root(nn.Module):
    """a sqrt(b + x), which is no number where b is too small."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(2.0))
        self.b = nn.Parameter(torch.tensor(3.3))

    def forward(self, X: Tensor) -> Tensor:
        return self.a * torch.sqrt(self.b + X)


class Hinge(nn.Module):
    """max(0, b x): a line on the first half of the rows."""

    def __init__(self) -> None:
        super().__init__()
        self.b = nn.Parameter(torch.tensor(-1.0))

    def forward(self, X: Tensor) -> Tensor:
        return torch.relu(self.b * X)


def mse(f: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean((f - y) ** 2))


def trained(y: np.ndarray = WAVE, **how: object) -> bl.Model:
    return bl.fit((X, y), **{"solver": "adam", "lr": 0.1, "steps": 30, **how})


def logcosh(prediction: Tensor, y: Tensor) -> Tensor:
    return torch.log(torch.cosh(prediction - y))


CASES: dict[str, tuple[np.ndarray, dict, Callable[[float, float], np.ndarray], Loss]] = {
    "module": (WAVE, {"forward": Wave()}, lambda a, b: a * np.sin(b * X), mse),
    "not batched": (X**2, {"forward": Parabola()}, lambda a, b: a * X**2 + b, mse),
    "linear module": (LINE, {"forward": nn.utils.skip_init(nn.Linear, 1, 1)}, lambda a, b: a * X + b, mse),
    "function": (WAVE, {"forward": lambda X, w, b: torch.sin(X @ w) + b}, lambda a, b: np.sin(a * X) + b, mse),
    "absolute": (LINE, {"loss": "absolute"}, lambda a, b: a * X + b, lambda f, y: float(np.mean(np.abs(f - y)))),
    "quantile": (
        LINE,
        {"loss": "quantile:0.9"},
        lambda a, b: a * X + b,
        lambda f, y: float(np.mean(np.maximum(0.9 * (y - f), -0.1 * (y - f)))),
    ),
    "own loss": (LINE, {"loss": logcosh}, lambda a, b: a * X + b, lambda f, y: float(np.mean(np.log(np.cosh(f - y))))),
    "weighted": (
        WAVE,
        {"forward": Wave(), "weights": WEIGHTS},
        lambda a, b: a * np.sin(b * X),
        lambda f, y: float(np.average((f - y) ** 2, weights=WEIGHTS)),
    ),
}
with torch.no_grad():
    CASES["linear module"][1]["forward"].weight.fill_(0.5)
    CASES["linear module"][1]["forward"].bias.fill_(-1.0)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[bl.Model, Callable[[float, float], float]]:
    y, how, forward, loss = CASES[request.param]
    return trained(y, **how), lambda a, b: loss(forward(a, b), y)


# -- the surface -------------------------------------------------------------------------------------------------------


def test_the_surface_is_the_loss_of_the_rows(case) -> None:
    model, truth = case
    found = bl.surface(model, resolution=9)
    expected = [[truth(float(a), float(b)) for a in found.axes[0]] for b in found.axes[1]]
    np.testing.assert_allclose(found.loss, expected, rtol=EXACT, atol=EXACT)
    assert found.rows is None


def test_the_path_lies_on_the_surface(case) -> None:
    model, truth = case
    trace, fit = model.trace, model.trained
    np.testing.assert_allclose(trace.loss, [truth(*w) for w in trace.weights[:, :, 0].tolist()], rtol=1e-9)
    where = planes.plane(fit)
    at = where.coordinates(trace.weights[:, :, 0])
    np.testing.assert_allclose(heights(fit, where, at), trace.loss, rtol=EXACT)
    (panel,) = figures.surface(fit).panels
    (walk,) = [mark for mark in panel.marks if isinstance(mark, Walk)]
    assert walk.z == tuple(trace.loss.tolist())
    assert landscape.landscape(fit).surface.floor <= min(walk.z)  # nothing on the path is below the lowest loss seen


def test_gradients_are_in_the_datas_units(case) -> None:
    model, truth = case
    a, b = model.trace.weights[4, :, 0].tolist()
    step = 1e-6
    by_hand = [
        (truth(a + step, b) - truth(a - step, b)) / (2 * step),
        (truth(a, b + step) - truth(a, b - step)) / (2 * step),
    ]
    # Central differences are right to the square of the step, unless a row lies on a kink within it.
    assert float(model.trace.gradient_norm[4]) == pytest.approx(np.hypot(*by_hand), rel=1e-5)


def test_huber_of_two_targets_has_a_unit_for_each() -> None:
    y = np.c_[LINE, 100 * WAVE]
    model, alone = trained(y, loss="huber"), [trained(y[:, [i]], loss="huber") for i in (0, 1)]
    for i, one in enumerate(alone):
        span = [(-2.0, 3.0), (-1.0, 2.0)]
        both, single = (bl.surface(m, span=span, resolution=5, target=j) for m, j in ((model, i), (one, 0)))
        np.testing.assert_allclose(both.loss, single.loss, rtol=1e-9)


@pytest.mark.parametrize("case", long(CASES, quick=["function", "quantile", "weighted"]), indirect=True)
def test_every_picture_is_drawn(case, tmp_path: Path) -> None:
    model, _ = case
    plot = model.plot
    for figure in (plot.surface(), plot.contour(step=5), plot.overview(), plot.frame(5), plot.loss(), plot.steps()):
        assert figure.axes
    for figure in (plot.main_directions(), plot.weight(), plot.data(), plot.before_after(), plot.dark.overview(step=3)):
        assert figure.axes
    assert model.animate(tmp_path / "run.gif", frames=4).stat().st_size > 0
    model.watch().save(tmp_path / "run.html")


def test_a_profile_is_refused_by_name(case) -> None:
    with pytest.raises(OptionError, match="use kind='slice'"):
        bl.surface(case[0], kind="profile")


def test_one_parameter_is_a_curve() -> None:
    model = trained(np.maximum(0.0, X), forward=Hinge())
    assert model.plot.weight().axes
    with pytest.raises(OptionError, match="draw `weight`"):
        model.plot.surface()
    told = watching.session_of(model)
    assert len(told["ground"]["span"]) == 1


def test_what_is_no_number_or_too_high_is_cut_off_and_said() -> None:
    model = bl.fit((X, 2 * np.sqrt(X + 3.05)), forward=Root(), solver="adam", lr=0.01, steps=60)
    ground = landscape.landscape(model.trained)
    assert ground.cap is not None
    assert "cut off" in ground.note
    assert bool(ground.surface.loss.isfinite().all())
    assert np.diff(levels(ground.surface, closed=ground.closed)).min() > 0
    picture = overview(model.trained, rows_shown(model))
    (drawn,) = [m for p in picture.panels for m in p.marks if isinstance(m, Mesh)]
    assert np.isfinite(drawn.z).all()
    assert np.isfinite(np.array(watching.session_of(model)["ground"]["grid"]["z"], dtype=float)).all()


def test_levels_show_something_where_most_of_the_view_is_flat() -> None:
    model = bl.fit(
        (X, np.exp(X)), forward=lambda X, w, b: torch.exp(X @ w) + b, solver="adam", lr=0.2, steps=40, start=[4.0, 0.0]
    )
    (panel,) = figures.contour(model.trained).panels
    (drawn,) = [m for m in panel.marks if isinstance(m, Contours)]
    below = [float(np.mean(np.array(drawn.z) <= level)) for level in drawn.levels]
    assert max(np.diff(below)) < 0.25  # no band is more than a quarter of the view


def test_of_very_many_rows_some_are_drawn_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    model = trained(forward=Wave())
    whole = bl.surface(model, resolution=7)
    monkeypatch.setattr(surfaces, "_ROWS", 40)
    some, again = bl.surface(model, resolution=7), bl.surface(model, resolution=7)
    assert some.rows == 40
    assert torch.equal(some.loss, again.loss)
    # The mean of 40 rows of 60, drawn without putting back, is off by its standard error, four times that at the most.
    a, b = (axis.numpy() for axis in whole.axes)
    squares = (a[None, :, None] * np.sin(b[:, None, None] * X) - WAVE) ** 2  # (7, 7, 60)
    np.testing.assert_allclose(whole.loss.numpy(), squares.mean(2), rtol=1e-9)
    error = squares.std(2, ddof=1) / 40**0.5 * (1 - 40 / 60) ** 0.5
    off = np.abs(some.loss.numpy() - whole.loss.numpy())
    assert (off <= 4 * error).all()
    assert off.max() > 0
    assert "loss of 40 rows, drawn at random" in landscape.landscape(model.trained).note


# -- the rows ----------------------------------------------------------------------------------------------------------


def curve_in(figure_of: object) -> Line:
    (panel,) = figure_of.panels  # type: ignore[attr-defined]
    (drawn,) = [m for m in panel.marks if isinstance(m, Line) and m.role == "fitted"]
    return drawn


def test_the_curve_is_what_the_module_says() -> None:
    model = trained(forward=Wave())
    a, b = model.weights[:, 0].tolist()
    drawn = curve_in(figures.data(rows_shown(model), fit=model.trained))
    assert len(drawn.x) > 100
    np.testing.assert_allclose(drawn.y, a * np.sin(b * np.array(drawn.x)), rtol=EXACT, atol=EXACT)
    assert "slope" not in drawn.label


def test_a_curve_that_begins_straight_is_no_line() -> None:
    drawn = curve_in(figures.data(rows_shown(m := trained(np.maximum(0.0, X), forward=Hinge())), fit=m.trained))
    np.testing.assert_allclose(drawn.y, np.maximum(0.0, float(m.weights[0, 0]) * np.array(drawn.x)), atol=EXACT)


def test_the_player_gets_the_curve_and_no_false_equation() -> None:
    model = trained(forward=Wave())
    told = watching.session_of(model)
    run = told["runs"][0]
    assert (told["straight"], told["equation"], run["line"]) == (False, "", None)
    assert told["ground"]["axes"] == ["a", "b"]
    for (a, b), y in zip(np.array(run["weights"]).T, run["curve"]["y"], strict=True):
        np.testing.assert_allclose(
            y, a * np.sin(b * np.array(run["curve"]["x"])), rtol=1e-4, atol=1e-4
        )  # five digits are drawn
    straight = watching.session_of(trained(LINE, loss="huber"))
    assert straight["straight"]
    assert straight["runs"][0]["curve"] is None


def test_of_several_features_the_player_gets_predictions_of_own_functions() -> None:
    two = np.c_[X, np.cos(X)]
    model = bl.fit((two, WAVE), forward=lambda X, w, b: torch.sin(X @ w) + b, solver="adam", lr=0.1, steps=9)
    told = watching.session_of(model)
    assert told["data"]["X"] is None
    first = told["runs"][0]["predicted"]["data"][0]
    w = model.trace.weights[0, :, 0].numpy()
    keep = np.isin(np.round(WAVE, 6), np.round(told["data"]["y"], 6))
    np.testing.assert_allclose(first, np.sin(two[keep] @ w[:2]) + w[2], rtol=SHORT, atol=SHORT)


def test_cards_and_reports_claim_no_line_for_own_functions() -> None:
    model = trained(forward=Wave())
    a, b = model.weights[:, 0].tolist()
    assert f"from a forward function of your own, a = {a:.4g}, b = {b:.4g}" in model._repr_html_()
    assert f"{a:.4g} a " not in model.report().html


def test_one_row_is_enough_for_a_module() -> None:
    model = bl.fit(([2.0], [3.0]), "y ~ x0 - 1", forward=Wave(), solver="adam", lr=0.1, steps=5)
    assert model.plot.overview().axes


# -- polynomials -------------------------------------------------------------------------------------------------------


def test_a_polynomial_is_the_line_in_powers_with_all_that_lines_have() -> None:
    model = bl.fit({"x": X, "y": LINE}, target="y", forward="polynomial:3")
    assert model.design.formula == "y ~ x + I(x ** 2) + I(x ** 3)"
    np.testing.assert_allclose(model.params[["Intercept", *model.features]], np.polyfit(X, LINE, 3)[::-1], rtol=POWERS)
    assert model.conf_int().notna().all(axis=None)
    same = bl.fit({"x": X, "y": LINE}, "y ~ x + I(x ** 2) + I(x ** 3)")
    assert model.params.equals(same.params)
    assert "forward='polynomial:3'" in model.recipe.python()
    assert bl.fit({"x": X, "y": LINE}, target="y", forward="polynomial").features == ("x", "I(x ** 2)")
    assert bl.fit({"x": X, "y": LINE}, target="y", forward="polynomial:1").features == ("x",)


def test_polynomials_of_several_columns_weights_and_gaps() -> None:
    z = np.cos(3 * X)
    y = LINE + z**2
    hole = X.copy()
    hole[7] = np.nan
    model = bl.fit({"x": hole, "z": z, "y": y, "w": WEIGHTS}, target="y", weights="w", missing="drop", forward="polynomial")
    assert model.features == ("x", "I(x ** 2)", "z", "I(z ** 2)")
    keep = ~np.isnan(hole)
    A = np.c_[X, X**2, z, z**2, np.ones(60)][keep] * np.sqrt(WEIGHTS[keep])[:, None]
    expected = np.linalg.lstsq(A, y[keep] * np.sqrt(WEIGHTS[keep]), rcond=None)[0]
    np.testing.assert_allclose(model.params, expected, rtol=POWERS, atol=POWERS)


@pytest.mark.parametrize("start", [{}, {"solver": "adam", "lr": 0.1, "steps": 20}])
def test_a_polynomial_is_drawn_as_a_curve_over_its_column(start: dict) -> None:
    model = bl.fit({"x": X, "y": X**2 + LINE}, target="y", forward="polynomial", **start)
    sample = rows_shown(model)
    assert sample.features == ("x",)
    drawn = curve_in(figures.data(sample, fit=model.trained))
    np.testing.assert_allclose(drawn.y, model.predict({"x": np.array(drawn.x)}), rtol=1e-9, atol=1e-9)
    run = watching.session_of(model)["runs"][0]
    # A solution in one step is watched as a descent, whose last weights are nearly those of the model.
    last, x = {name: column[-1] for name, column in zip(run["names"], run["weights"], strict=True)}, np.array(run["curve"]["x"])
    expected = last["Intercept"] + last["x"] * x + last["I(x ** 2)"] * x**2
    np.testing.assert_allclose(run["curve"]["y"][-1], expected, rtol=1e-4, atol=1e-4)  # five digits are drawn
    for figure in (model.plot.overview(), model.plot.before_after(), model.plot.data()):
        assert figure.axes


@pytest.mark.parametrize(
    ("data", "how", "wrong"),
    [
        ({"x": X, "y": LINE}, {"target": "y", "forward": "polynomial:0"}, OptionError),
        ({"x": X, "y": LINE}, {"target": "y", "forward": "polynomial:11"}, OptionError),
        ({"x": X, "y": LINE}, {"target": "y", "forward": "polynomial:x"}, OptionError),
        ({"x": X, "y": LINE}, {"target": "y", "forward": "cubic"}, OptionError),
        ({"x": X, "y": LINE}, {"target": "y", "forward": 3}, OptionError),
        ({"x": ["a", "b"] * 30, "y": LINE}, {"formula": "y ~ x", "forward": "polynomial"}, FormulaError),
        ({"x": X, "y": LINE}, {"formula": "y ~ C(x)", "forward": "polynomial"}, FormulaError),
        ({"x": X, "z": X, "y": LINE}, {"formula": "y ~ x:z", "forward": "polynomial"}, FormulaError),
        ({"my x": X, "y": LINE}, {"target": "y", "forward": "polynomial"}, FormulaError),
    ],
)
def test_what_is_no_polynomial_is_refused(data: dict, how: dict, wrong: type[Exception]) -> None:
    with pytest.raises(wrong, match="polynomial"):
        bl.fit(data, **how)


def test_moments_have_their_columns() -> None:
    with pytest.raises(OptionError, match="I\\(x\\*\\*2\\)"):
        bl.fit(bl.Moments.collect({"x": X, "y": LINE}, "y ~ x"), forward="polynomial")


# -- the command line, and the global state ----------------------------------------------------------------------------


def test_the_command_line_watches_them(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "line.csv"
    table.write_text("x,y\n" + "\n".join(f"{a},{b}" for a, b in zip(X.tolist(), LINE.tolist(), strict=True)))
    for options in (["--loss", "huber"], ["--forward", "polynomial:3"], ["--loss", "absolute", "--forward", "polynomial"]):
        done = run("watch", table, "y ~ x", *options, "--lr", "0.1", "--steps", "20", "-o", "run.html", "--force")
        assert done.status == 0, done.err
    done = run("fit", table, "y ~ x", "--forward", "polynomial:3", "--json")
    assert done.facts["features"] == ["x", "I(x ** 2)", "I(x ** 3)"]
    assert run("fit", table, "y ~ x", "--forward", "polynomial:99").status == 2


def test_pyplot_is_never_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # whoever imports it now gets an ImportError
    monkeypatch.delattr("matplotlib.pyplot", raising=False)
    square = bl.fit(
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 5.0]), forward=lambda X, w, b: (X @ w + b) ** 2, solver="adam", lr=0.1, steps=9
    )
    assert square.plot.overview()
    assert square.plot.surface()
    assert square.watch()
