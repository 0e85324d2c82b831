"""Runs that diverge, stop early, converge or start elsewhere do so in the script; so do the lessons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bestline as bl
from bestline.data.synthetic import lesson
from bestline.errors import OptionError
from bestline.export.script import script
from bestline.training.solvers import Proximal
from export.script.examples import PENGUINS, agrees, each_style, expected, fit, printed, slope_and_bias

pytestmark = pytest.mark.usefixtures("quiet")


# --- whatever way training went ---------------------------------------------------------------------------------------------


@each_style
def test_a_run_that_diverges_diverges_in_the_script(style: str) -> None:
    model = bl.fit(slope_and_bias(), "y ~ x", solver="sgd", lr=0.5, steps=100, standardize=False)
    assert model.stop is bl.Stop.DIVERGED
    text = script(model, style)
    assert ", diverging" in text
    agrees(model, text)


@each_style
@pytest.mark.parametrize("options", [{}, {"split": (0.6, 0.2, 0.2)}])
def test_early_stopping_keeps_its_step(style: str, options: dict[str, Any]) -> None:
    model = fit(solver="sgd", lr=0.3, steps=300, patience=3, **options)
    assert model.training.count < 41
    agrees(model, script(model, style))


@each_style
def test_a_run_to_convergence_makes_as_many_updates(style: str) -> None:
    model = bl.fit(slope_and_bias(), "y ~ x", solver="sgd")
    assert model.stop is bl.Stop.CONVERGED
    assert f"range({model.step})" in script(model, style)
    agrees(model, script(model, style))


@each_style
def test_the_start_is_the_users(style: str) -> None:
    for standardize in (True, False):
        for solver in ("sgd", "adam"):
            model = bl.fit(slope_and_bias(), "y ~ x", solver=solver, lr=0.1, steps=9, start=[-15, -10], standardize=standardize)
            agrees(model, script(model, style))
    assert "-15.0" in script(model, style)


@each_style
def test_an_intercept_that_rests_does_not_chase_rounding_errors(style: str) -> None:
    """Where all means are 0 the gradient of the intercept is rounding, which Adam would scale up to whole steps."""
    table = {"u": PENGUINS["bill_length_mm"].to_numpy() / 3, "v": PENGUINS["body_mass_g"].to_numpy() / 7}
    model = bl.fit(table, "v ~ u", solver="adam", lr=0.1, steps=200)
    exact = bl.fit(table, "v ~ u")
    assert model.weights.numpy() == pytest.approx(exact.weights.numpy(), rel=1e-3)
    agrees(model, script(model, style))


@each_style
def test_columns_that_do_not_vary_or_say_what_others_say(style: str) -> None:
    x = np.arange(9.0)
    table = {"x": x, "twice": 2 * x, "one": np.full(9, 0.1), "y": x + np.sin(x), "flat": np.full(9, 3.0)}
    for formula in ("y ~ x + twice", "y ~ x + one", "y ~ one", "y ~ x + twice + one - 1", "flat ~ x"):
        for options in ({}, {"solver": "sgd", "steps": 5}, {"l2": 0.1}, {"standardize": False}):
            model = bl.fit(table, formula, **options)
            got = [v for _, v in printed(script(model, style))]
            assert got == pytest.approx(expected(model), rel=1e-8, abs=1e-12), (formula, options)


@each_style
def test_a_chosen_ridge_leaves_indicators_unscaled(style: str) -> None:
    g = np.random.default_rng(3)
    table = {f"x{j}": g.normal(size=24) for j in range(6)} | {"g": list("abcd") * 6}
    table["y"] = table["x0"] + g.normal(size=24) * 3
    model = bl.fit(table, target="y")
    assert model.plan.unscaled
    assert model.plan.l2 > 0
    agrees(model, script(model, style))


# --- the lessons' own numbers -----------------------------------------------------------------------------------------------


@each_style
@pytest.mark.parametrize(
    ("lr", "numbers"),
    [
        (0.1, [0.991694093597, -1.33205661576, 0.110192872179]),
        (0.2, [0.999888359183, -1.00447216359, 1.99877313408e-05]),
    ],
)
def test_fifteen_steps_of_slope_and_bias(style: str, lr: float, numbers: list[float]) -> None:
    made = lesson("slope-and-bias-exact")
    model = bl.fit(
        {"x": made["x"], "y": made["y"]}, "y ~ x", solver="sgd", lr=lr, steps=15, start=[-15, -10], standardize=False
    )
    got = printed(script(model, style))
    assert [name for name, _ in got] == ["x", "Intercept", "loss"]
    assert [v for _, v in got] == pytest.approx(numbers, rel=1e-9)


@each_style
def test_a_hundred_epochs_of_the_crash_course(style: str) -> None:
    made = lesson("crash-course")
    start = [0.5152631998062134, -0.44137823581695557]
    model = bl.fit({"x": made["x"], "y": made["y"]}, "y ~ x", solver="sgd", lr=0.01, steps=100, start=start, standardize=False)
    got = [v for _, v in printed(script(model, style))]
    # At 99% of the stable limit a slope rounded to float32 stays off for all of the hundred steps.
    assert got[:2] == pytest.approx([0.9926767349243164, 0.029867010191082954], rel=1e-4)


@each_style
def test_made_with_ml_from_scratch(style: str) -> None:
    stream = np.random.RandomState(1234)
    X = np.arange(50.0)
    y = 3.5 * X + stream.uniform(-10, 20, size=50)
    order = list(range(50))
    stream.shuffle(order)
    X, y = X[order[:35]], y[order[:35]]
    stream.randn(1, 1)
    slope = 0.01 * stream.randn(1, 1).item() * y.std() / X.std()
    start = [slope, y.mean() - slope * X.mean()]
    model = bl.fit({"X": X, "y": y}, "y ~ X", solver="sgd", lr=0.1, steps=100, start=start)
    got = [v for _, v in printed(script(model, style))]
    assert got[:2] == pytest.approx([3.4241947639428236, 7.782284855079325], rel=1e-9)
    assert got[2] == pytest.approx(0.02812461565762786 * 51.625594778672756**2, rel=1e-9)


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize(("steps", "written"), [(2, False), (100_000, True)])
def test_of_a_way_that_no_script_goes_only_the_end_is_written(steps: int, written: bool, loaded: bool, tmp_path: Path) -> None:
    """A script solves a lasso: that is the line where training reached the solution, and another one where it stopped before."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3))
    np.savetxt(tmp_path / "t.csv", np.c_[X, X @ [1, 0, 2] + rng.normal(size=30)], delimiter=",", header="a,b,c,y", comments="")
    model = bl.fit(str(tmp_path / "t.csv"), "y ~ a + b + c", l1=0.1, solver=Proximal(steps=steps))
    assert (model.stop is bl.Stop.STEPS) != written
    if loaded:
        model.save(tmp_path / "m.bestline")
        model = bl.load(tmp_path / "m.bestline")
    data = tmp_path / "t.csv"
    if written:
        assert "0.1" in script(model, "numpy", data=data)
        return
    with pytest.raises(OptionError, match="stopped on its way to the solution"):
        script(model, "numpy", data=data)
