"""Scripts: every dialect is run, and must print what the model holds. Whatever the columns are called, it stays one program."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import math
import subprocess
import sys
import warnings
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.optim import lr_scheduler

import bestline as bl
from bestline.api.model import Model
from bestline.data import samples
from bestline.data.synthetic import lesson
from bestline.errors import BestlineWarning, DataError, OptionError
from bestline.export.script import STYLES, script
from bestline.export.script.literals import are_single, comment, number, quoted, single, value

pytestmark = pytest.mark.usefixtures("quiet")

# Two computations of the same steps in float64, one on rows and one on moments.
SAME = 1e-10
# A line search ends where rounding hides the way further down: half of the digits.
SEARCHED = 1e-6
# Numbers of lessons in float32, or from torch.randn, whose last bits differ between CPUs.
FLOAT32 = 1e-5

PENGUINS = pd.read_csv(samples.path("penguins"))


def printed(text: str) -> list[tuple[str, float]]:
    """What a script prints, run in a namespace of its own: names and numbers."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), torch.random.fork_rng():
        exec(compile(text, "script", "exec"), {"__name__": "__main__"})  # noqa: S102  it was just written by us
    return [(name, float(number)) for name, number in (line.rsplit(" ", 1) for line in out.getvalue().splitlines())]


def expected(model: Model) -> list[float]:
    """All weights and the loss at the step that was kept."""
    at = model.trace.step.tolist().index(model.step)
    return [*model.weights.flatten().tolist(), float(model.trace.loss[at])]


def agrees(model: Model, text: str, tolerance: float = SAME) -> None:
    """The script prints the model's weights, in order, and its loss."""
    got = printed(text)
    want = expected(model)
    size = max(map(abs, want[:-1]))
    assert got[-1][0] == "loss"
    assert [v for _, v in got] == pytest.approx(want, rel=tolerance, abs=tolerance * 1e-3 * size)


def columns() -> dict[str, Any]:
    """Three features of different size, two targets, and weights of which the first is zero; 41 rows."""
    g = np.random.default_rng(0)
    a, b, c = g.normal(size=41), g.normal(size=41) * 5 + 3, g.normal(size=41) * 20 + 100
    y = a - b / 2 + c / 10 + 3 + g.normal(size=41)
    return {"a": a, "b": b, "c": c, "y": y, "z": 2 * y + a**2, "w": np.r_[0.0, g.uniform(0.1, 3, 40)]}


def slope_and_bias() -> dict[str, Any]:
    made = lesson("slope-and-bias")
    return {"x": made["x"], "y": made["y"]}


@cache
def fitted(which: str, standardize: bool, solver: str, steps: int) -> Model:
    data, formula = {"one": (slope_and_bias(), "y ~ x"), "three": (columns(), "y ~ a + b + c")}[which]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)
        if solver == "exact":
            return bl.fit(data, formula, solver=solver, standardize=standardize)
        return bl.fit(data, formula, solver=solver, steps=steps, standardize=standardize)


def fit(formula: str = "y ~ a + b + c", **options: Any) -> Model:
    return bl.fit(columns(), formula, **options)


each_style = pytest.mark.parametrize("style", STYLES)
each_torch_style = pytest.mark.parametrize("style", STYLES[1:])


# --- every dialect, every optimiser -----------------------------------------------------------------------------------------


@each_style
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("which", ["one", "three"])
@pytest.mark.parametrize("solver", ["exact", "sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "adagrad"])
def test_every_optimiser_in_every_dialect(style: str, standardize: bool, which: str, solver: str) -> None:
    model = fitted(which, standardize, solver, 60)
    agrees(model, script(model, style))


@each_torch_style
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("which", ["one", "three"])
def test_lbfgs_is_torchs_own(style: str, standardize: bool, which: str) -> None:
    model = fitted(which, standardize, "lbfgs", 12)
    agrees(model, script(model, style), SEARCHED)


@each_style
@pytest.mark.parametrize(
    ("formula", "options"),
    [
        ("y ~ a - 1", {"solver": "momentum", "steps": 40}),
        ("y ~ a + b - 1", {"solver": "adam", "steps": 40}),
        ("y ~ a + b - 1", {}),
        ("y + z ~ a", {"solver": "sgd", "steps": 40}),
        ("y + z ~ a + b + c", {"solver": "nesterov", "steps": 40}),
        ("y + z ~ a + b + c", {}),
        ("y + z ~ a + b - 1", {"weights": "w", "solver": "adamw", "steps": 40}),
        ("y ~ a", {"weights": "w"}),
        ("y ~ a + b + c", {"weights": "w"}),
        ("y ~ a + b + c", {"weights": "w", "solver": "rmsprop", "steps": 40, "standardize": False, "lr": 0.01}),
        ("y ~ a", {"weights": "w", "solver": "sgd", "steps": 40}),
    ],
)
def test_weights_several_targets_and_lines_through_zero(style: str, formula: str, options: dict[str, Any]) -> None:
    model = fit(formula, **options)
    agrees(model, script(model, style))


@each_style
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("formula", ["y ~ a", "y ~ a + b + c", "y ~ b - 1", "y + z ~ a + b + c"])
@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.2), (0.3, 0.0), (0.3, 0.1)])
def test_penalties_solved_for(style: str, standardize: bool, formula: str, l1: float, l2: float) -> None:
    model = fit(formula, l1=l1, l2=l2, standardize=standardize)
    agrees(model, script(model, style))
    weighted = fit(formula, l1=l1, l2=l2, standardize=standardize, weights="w")
    agrees(weighted, script(weighted, style))


@each_style
@pytest.mark.parametrize("solver", ["sgd", "momentum"])
@pytest.mark.parametrize("formula", ["y ~ a", "y ~ a + b + c", "y ~ a - 1"])
def test_penalties_in_descent(style: str, solver: str, formula: str) -> None:
    model = fit(formula, solver=solver, steps=30, l1=0.1, l2=0.2)
    agrees(model, script(model, style))


@each_style
@pytest.mark.parametrize("loss", ["huber", "absolute", "quantile", "quantile:0.8"])
@pytest.mark.parametrize(("formula", "options"), [("y ~ a", {}), ("y ~ a + b + c", {"weights": "w"}), ("y + z ~ a + b", {})])
def test_other_losses(style: str, loss: str, formula: str, options: dict[str, Any]) -> None:
    for standardize in (True, False):
        for solver in ("sgd", "adam"):
            model = fit(formula, loss=loss, solver=solver, lr=0.01, steps=30, standardize=standardize, **options)
            agrees(model, script(model, style))


@each_torch_style
@pytest.mark.parametrize("size", [1, 7, 20, 500])
def test_mini_batches_in_the_same_order(style: str, size: int) -> None:
    for options in ({}, {"weights": "w"}):
        for steps in (0, 1, 33):
            model = fit(solver="sgd", steps=steps, batch_size=size, lr=0.01, seed=5, **options)
            agrees(model, script(model, style))


@each_torch_style
@pytest.mark.parametrize(
    "schedule",
    [
        partial(lr_scheduler.StepLR, step_size=10),
        partial(lr_scheduler.CosineAnnealingLR, T_max=40),
        partial(lr_scheduler.ReduceLROnPlateau, patience=2),
        partial(lr_scheduler.MultiStepLR, milestones=[3, 9], gamma=0.5),
    ],
)
def test_schedules_of_torch(style: str, schedule: Any) -> None:
    model = fit(solver=bl.Descent("sgd", lr=0.1, steps=40, schedule=schedule))
    agrees(model, script(model, style))


@pytest.mark.parametrize(
    ("optimizer", "styles"),
    [
        (torch.optim.SGD, STYLES),
        (partial(torch.optim.SGD, momentum=0.7, weight_decay=0.01), STYLES),
        (partial(torch.optim.Adam, weight_decay=0.01, betas=(0.8, 0.99), eps=1e-6), STYLES),
        (partial(torch.optim.RMSprop, alpha=0.9), STYLES),
        (partial(torch.optim.Adagrad, weight_decay=0.1), STYLES),
        (partial(torch.optim.AdamW, weight_decay=0.3), STYLES),
        (torch.optim.NAdam, STYLES[1:]),
        (torch.optim.Rprop, STYLES[1:]),
        (partial(torch.optim.SGD, momentum=0.9, dampening=0.5), STYLES[1:]),
        (partial(torch.optim.Adam, amsgrad=True), STYLES[1:]),
    ],
)
def test_classes_and_partials_of_torch(optimizer: Any, styles: Sequence[str]) -> None:
    model = fit(solver=bl.Descent(optimizer, lr=0.03, steps=30))
    for style in styles:
        agrees(model, script(model, style))


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


@each_style
@pytest.mark.parametrize(("name", "digits"), [("Norris", 11), ("Longley", 10), ("Wampler1", 7), ("NoInt1", 13), ("Filip", 5)])
def test_the_certified_values_of_nist(style: str, name: str, digits: int) -> None:
    """As many digits as an ordinary solver of linear systems leaves of them."""
    problem = json.loads((Path(__file__).parents[2] / "references" / "nist.json").read_text())[name]
    x = np.array(problem["x"], dtype=float)
    x = x.reshape(-1, 1) ** np.arange(1, problem["degree"] + 1) if problem["kind"] == "polynomial" else x
    columns = {f"x{j}": x[:, j] for j in range(x.shape[1])}
    formula = f"y ~ {' + '.join(columns)}{'' if problem['intercept'] else ' - 1'}"
    model = bl.fit({**columns, "y": np.array(problem["y"], dtype=float)}, formula)
    intercept, *slopes = map(float, problem["certified"]) if problem["intercept"] else [0.0, *map(float, problem["certified"])]
    want = [*slopes, intercept] if problem["intercept"] else slopes
    assert [v for _, v in printed(script(model, style))][: len(want)] == pytest.approx(want, rel=10.0**-digits)


def test_columns_of_very_different_size_all_count() -> None:
    x = np.arange(30.0)
    model = bl.fit({"a": x * 1e-12, "b": np.cos(x) * 1e9, "y": x + np.sin(3 * x) + np.cos(x)}, "y ~ a + b")
    for style in STYLES:
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
    # At 99 % of the stable limit a slope rounded to float32 stays off for all of the hundred steps.
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


# --- the data ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tables, in which scripts are run."""
    monkeypatch.chdir(tmp_path)
    PENGUINS.to_csv("penguins.csv", index=False)
    PENGUINS.to_parquet("penguins.parquet")
    PENGUINS.to_csv("semicolons.csv", index=False, sep=";", decimal=",", encoding="cp1252")
    holes = PENGUINS.copy()
    holes.loc[[3, 50, 51], "bill_length_mm"] = np.nan
    holes.loc[[7], "flipper_length_mm"] = np.nan
    holes.to_csv("holes.csv", index=False)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "formula", "options"),
    [
        ("penguins.csv", "body_mass_g ~ flipper_length_mm", {}),
        ("penguins.csv", "body_mass_g ~ flipper_length_mm + bill_depth_mm", {"solver": "sgd", "steps": 9}),
        ("penguins.csv", "body_mass_g ~ flipper_length_mm * species", {}),
        ("penguins.csv", "body_mass_g ~ flipper_length_mm + C(year)", {}),
        ("penguins.csv", "body_mass_g ~ flipper_length_mm + C(species, Treatment('Gentoo')) - 1", {}),
        ("penguins.csv", "log(body_mass_g) ~ I(body_mass_g ** 2 / year) + sqrt(bill_depth_mm)", {}),
        ("penguins.csv", "body_mass_g ~ center(bill_depth_mm) + scale(flipper_length_mm):island", {}),
        ("penguins.csv", "body_mass_g ~ poly(bill_depth_mm, 3, raw=True)", {}),
        ("penguins.csv", "body_mass_g + bill_depth_mm ~ flipper_length_mm + island", {"solver": "momentum", "steps": 9}),
        ("penguins.csv", "body_mass_g ~ flipper_length_mm", {"weights": "bill_depth_mm", "solver": "sgd", "steps": 9}),
        ("penguins.csv", "body_mass_g ~ flipper_length_mm + sex", {"missing": "drop"}),
        (
            "penguins.csv",
            "body_mass_g ~ bill_depth_mm",
            {"split": (0.7, 0.15, 0.15), "solver": "sgd", "patience": 5, "seed": 3},
        ),
        ("penguins.csv", "body_mass_g ~ bill_depth_mm", {"loss": "huber", "solver": "sgd", "steps": 9}),
        ("penguins.parquet", "body_mass_g ~ flipper_length_mm + species", {}),
        ("semicolons.csv", "body_mass_g ~ flipper_length_mm + species", {}),
        ("holes.csv", "flipper_length_mm ~ bill_length_mm + bill_depth_mm", {"missing": "impute"}),
        ("holes.csv", "flipper_length_mm ~ bill_length_mm + bill_depth_mm", {"missing": "drop", "split": (0.8, 0.2)}),
    ],
)
def test_a_file_is_read_again(here: Path, path: str, formula: str, options: dict[str, Any]) -> None:
    model = bl.fit(path, formula, **options)
    for style in STYLES:
        text = script(model, style)
        assert f'("{path}"' in text or f'    "{path}",' in text
        agrees(model, text)
        agrees(model, script(model, style, rows="inline"))


@pytest.mark.parametrize(
    ("formula", "options"),
    [
        ("body_mass_g ~ poly(flipper_length_mm, 2)", {}),
        ("body_mass_g ~ flipper_length_mm + sex", {"missing": "impute"}),
        ("body_mass_g ~ flipper_length_mm", {"solver": "sgd", "steps": 99, "patience": 5}),
    ],
)
def test_what_pandas_cannot_say_in_a_line_is_written_out(here: Path, formula: str, options: dict[str, Any]) -> None:
    model = bl.fit("penguins.csv", formula, **options)
    text = script(model, "numpy")
    assert "pandas" not in text
    agrees(model, text)
    with pytest.raises(OptionError, match="cannot be read again by one line of pandas"):
        script(model, "numpy", rows="path")


@pytest.mark.parametrize(
    "content",
    [
        "x,g,y\n1,None,2\n2,b,3\n3,None,5\n4,b,4\n5,b,7\n",  # a level that pandas takes for a gap
        "x,g,y\n1,01,2\n2,1,3\n3,01,5\n4,1,4\n5,1,7\n",
        " x , g , y \n1,a,2\n2,b,3\n3,a,5\n4,b,4\n5,b,7\n",  # names with blanks
        "# made by hand\nx,g,y\n1,a,2\n2,b,3\n3,a,5\n4,b,4\n5,b,7\n",
    ],
)
def test_a_file_that_pandas_reads_otherwise_is_written_out_or_read_right(tmp_path: Path, content: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(content)
    model = bl.fit(path, "y ~ x + C(g)")
    with contextlib.suppress(OptionError):
        agrees(model, script(model, "numpy", rows="path"))
    agrees(model, script(model, "numpy"))


def test_few_numbers_are_written_out_and_many_are_read(here: Path) -> None:
    PENGUINS.head(40).to_csv("few.csv", index=False)
    few = bl.fit("few.csv", "body_mass_g ~ flipper_length_mm")
    assert "pandas" not in script(few)
    assert "pandas" in script(few, rows="path")
    assert "pandas" in script(bl.fit("penguins.csv", "body_mass_g ~ flipper_length_mm"))


def test_too_many_rows_in_memory_are_refused_by_name(here: Path) -> None:
    x = np.linspace(0, 1, 20_001)
    model = bl.fit({"x": x, "y": x + np.sin(x)}, "y ~ x")
    with pytest.raises(OptionError, match=r"20,001 rows are too many .* save the columns .* CSV"):
        script(model)
    pd.DataFrame({"x": x, "y": x + np.sin(x)}).to_csv("many.csv", index=False)
    model = bl.fit("many.csv", "y ~ x")
    agrees(model, script(model))
    with pytest.raises(OptionError, match="too many"):
        script(model, rows="inline")


def test_a_loaded_model_needs_its_rows(here: Path) -> None:
    for options in (
        {"solver": "sgd", "steps": 9},
        {},
        {"l1": 0.1},
        {"loss": "huber", "solver": "lbfgs", "steps": 200, "tol": 1e-9},
        {"solver": "adam", "steps": 9},
    ):
        model = bl.fit("penguins.csv", "body_mass_g ~ flipper_length_mm + bill_depth_mm", **options)
        model.save("line.bestline", overwrite=True)
        loaded = bl.load("line.bestline")
        with pytest.raises(OptionError, match="has no rows"):
            script(loaded)
        for data in ("penguins.csv", PENGUINS, here / "penguins.parquet"):
            text = script(loaded, "tensors", data=data)
            agrees(model, text, SEARCHED if "loss" in options else SAME)
            assert ("penguins." in text) == (data is not PENGUINS)
        with pytest.raises(DataError, match="not the rows that the model was trained on"):
            script(loaded, "tensors", data=PENGUINS.head(100))


def test_a_model_of_moments_needs_its_rows() -> None:
    moments = bl.Moments.collect(columns(), "y ~ a + b")
    model = bl.fit(moments)
    with pytest.raises(OptionError, match="made from moments"):
        script(model)
    agrees(model, script(model, data=columns()))


def test_rows_of_no_weight_and_rows_of_other_parts_are_left_out() -> None:
    model = fit("y ~ a", weights="w", split=(0.5, 0.5), solver="sgd", steps=4)
    text = script(model, "numpy")
    agrees(model, text)
    assert f"{model.training.count} rows" in text
    assert model.training.count < 21


# --- nothing that a name says gets out ----------------------------------------------------------------------------------------

HOSTILE = [
    'a"b',
    "a'b",
    "a\"'b",
    "a\\",
    "a\nimport os",
    '"""',
    "'''",
    "\\N{DASH}",
    "a\r\nb",
    "x\u2028y",
    "\u202egnp",
    "größe µ 体重",
    "{x}",
    "%s",
    "# comment",
    "coding: utf-7",
    "frame",
    "numbers[0]",
    "a\x0cb",
    "]); print('out')",
    "loss",
    "Intercept",
    " ",
    "\t",
    "x" * 200,
]


class _Neutral(ast.NodeTransformer):
    """All texts alike: what is left is the program."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str) else node


def program(text: str) -> str:
    """The program without its texts. Read from bytes, as a file is, so that comments could name an encoding."""
    return ast.dump(_Neutral().visit(ast.parse(text.encode())))


def named(first: str, second: str, target: str) -> Model:
    x = np.arange(7.0)
    table = {first: x, second: np.cos(x), target: x + np.sin(x)}
    return bl.fit(table, target=target, features=[first, second], solver="sgd", steps=3)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_change_no_program(name: str) -> None:
    for style in STYLES:
        plain = script(named("p", "q", "r"), style)
        for columns in ((name, "q", "r"), ("p", name, "r"), ("p", "q", name)):
            text = script(named(*columns), style)
            assert program(text) == program(plain)
            numbers = io.StringIO()
            with contextlib.redirect_stdout(numbers), torch.random.fork_rng():
                exec(compile(text.encode(), "script", "exec"), {})  # noqa: S102  it is the same program
            lines = numbers.getvalue()
            for column in columns[:2]:
                assert lines.startswith(f"{column} ")
                lines = lines[len(column) :].split("\n", 1)[1]


@given(st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=40)
def test_any_names_change_no_program(first: str, second: str) -> None:
    assume(len({first, second, "y"}) == 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)
        text = script(named(first, second, "y"), "numpy")
        assert program(text) == program(script(named("p", "q", "y"), "numpy"))
    texts = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    assert {first, second} <= texts


def test_hostile_levels_and_paths(tmp_path: Path) -> None:
    path = tmp_path / 'it\'s "a" (path) # 1.csv'
    levels = ['a"b', "a'b", "]); x", "plain"]
    table = pd.DataFrame({"x y": np.arange(12.0), "g": levels * 3})
    table["y"] = table["x y"] + np.sin(table["x y"])
    table.to_csv(path, index=False)
    model = bl.fit(path, "y ~ `x y` + C(g)")
    for rows in ("inline", "path"):
        for style in STYLES:
            agrees(model, script(model, style, rows=rows))


def test_names_that_are_equal_are_refused() -> None:
    x = np.arange(7.0)
    table = {"g": list("aababba"), "C(g)[T.b]": x, "y": np.sin(x)}
    model = bl.fit(table, "y ~ C(g) + `C(g)[T.b]`")
    with pytest.raises(OptionError, match=r"Two columns are called `C\(g\)\[T\.b\]`"):
        script(model)


# --- what is refused ----------------------------------------------------------------------------------------------------------


def own_loss(prediction: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (prediction - y) ** 4


def own_optimizer(parameters: Any, lr: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=lr)


@pytest.mark.parametrize(
    ("options", "style", "message"),
    [
        ({}, "jax", r"no style 'jax'; choose one of numpy, tensors, linear, module"),
        ({"loss": own_loss, "solver": "sgd", "steps": 2, "lr": 1e-9}, "linear", "loss function of your own"),
        ({"forward": nn.Linear(3, 1), "solver": "sgd", "steps": 2, "lr": 1e-9}, "linear", "forward function of your own"),
        ({"solver": "lbfgs", "steps": 2}, "numpy", "LBFGS is too long to write by hand .* style='tensors'"),
        ({"solver": "sgd", "steps": 2, "batch_size": 5}, "numpy", "Mini-batches were drawn by torch"),
        ({"solver": bl.Descent(torch.optim.NAdam, lr=0.1, steps=2)}, "numpy", "NAdam is too long"),
        ({"solver": bl.Descent(partial(torch.optim.Adam, amsgrad=True), steps=2)}, "numpy", "Adam with amsgrad"),
        ({"solver": bl.Descent(own_optimizer, lr=0.1, steps=2)}, "linear", "optimiser of your own"),
        ({"solver": bl.Descent(torch.optim.Adafactor, lr=0.1, steps=2)}, "linear", "Adafactor looks at all weights"),
        (
            {"solver": bl.Descent("sgd", steps=2, schedule=partial(lr_scheduler.LambdaLR, lr_lambda=lambda _: 1.0))},
            "linear",
            "schedule of your own",
        ),
        (
            {"solver": bl.Descent("sgd", steps=2, schedule=partial(lr_scheduler.StepLR, step_size=1))},
            "numpy",
            "schedule StepLR",
        ),
        (
            {"solver": bl.Descent("sgd", steps=2, batch_size=5, lr=0.1, schedule=lr_scheduler.ReduceLROnPlateau)},
            "linear",
            "ReduceLROnPlateau on mini-batches",
        ),
    ],
)
def test_what_is_not_written_out_is_refused_by_name(options: dict[str, Any], style: str, message: str) -> None:
    model = fit(**options)
    with pytest.raises(OptionError, match=message):
        script(model, style)


def test_a_line_without_features_and_an_unknown_place_are_refused() -> None:
    with pytest.raises(OptionError, match="without features is the mean"):
        script(fit("y ~ 1"))
    with pytest.raises(OptionError, match="must be one of auto, inline, path"):
        script(fit(), rows="here")


# --- text ---------------------------------------------------------------------------------------------------------------------


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(-0.0)
@example(1e22)
@example(5e-324)
def test_numbers_read_back_the_same(x: float) -> None:
    back = float(ast.literal_eval(number(x)))
    assert (back, math.copysign(1, back)) == (x, math.copysign(1, x))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_numbers_of_float32_read_back_the_same(values: list[float]) -> None:
    tensor = torch.tensor(values, dtype=torch.float64)
    if are_single(tensor):
        text = f"[{', '.join(map(single, values))}]"
        assert torch.equal(torch.tensor(ast.literal_eval(text), dtype=torch.float32).double(), tensor)


@given(st.text())
def test_texts_stay_in_their_quotes_and_comments_on_their_line(text: str) -> None:
    assert ast.literal_eval(quoted(text)) == text
    assert ast.literal_eval(value((text, 1))) == (text, 1)
    assert len(f"# {comment(text)}".splitlines()) == 1


MODELS = [
    ({"solver": "sgd", "steps": 5}, "y ~ a"),
    ({"solver": "adam", "steps": 5}, "y ~ a + b + c"),
    ({"solver": "momentum", "steps": 5, "weights": "w", "l1": 0.1, "l2": 0.1}, "y + z ~ a + b + c"),
    ({"solver": "lbfgs", "steps": 5, "loss": "huber"}, "y ~ a"),
    ({"solver": "sgd", "steps": 5, "loss": "quantile:0.9", "standardize": False, "batch_size": 7}, "y + z ~ a + b"),
    ({"l1": 0.1, "weights": "w"}, "y ~ a + b + c"),
    ({"l2": 0.1}, "y ~ a"),
    ({}, "y ~ a + b + c - 1"),
]


@each_style
@pytest.mark.parametrize(("options", "formula"), MODELS)
def test_a_script_is_as_a_formatter_would_have_it(style: str, options: dict[str, Any], formula: str) -> None:
    model = fit(formula, **options)
    try:
        text = script(model, style)
    except OptionError:
        assert style == "numpy"
        return
    assert max(map(len, text.splitlines())) <= 100
    assert text == script(model, style)  # nothing in it is a matter of chance
    imports = {a.name.split(".")[0] for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for a in node.names}
    assert imports == ({"numpy"} if style == "numpy" else {"torch"})
    ruff = Path(sys.executable).parent / "ruff"
    for command in (["format", "--check"], ["check", "--select", "E,F,W,B,UP", "--ignore", "B007,B905,UP018"]):
        words = [str(ruff), *command, "--isolated", "--line-length", "100", "-"]
        done = subprocess.run(words, input=text, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr + text


def test_a_script_fits_a_page() -> None:
    """About 25 lines beside the data, as on a teacher's slide."""
    model = bl.fit(slope_and_bias(), "y ~ x", solver="sgd", lr=0.1, steps=15, start=[-15, -10], standardize=False)
    for style in STYLES:
        lines = [
            line for line in script(model, style).splitlines() if line.strip() and not line.lstrip().startswith(("#", '"""'))
        ]
        own = [line for line in lines if not line.lstrip().removeprefix("-")[:1].isdigit()]
        assert len(own) <= 30, style


@each_style
def test_a_script_runs_by_itself(style: str, tmp_path: Path) -> None:
    model = bl.fit(slope_and_bias(), "y ~ x", solver="sgd", lr=0.1, steps=15)
    path = tmp_path / "line.py"
    path.write_text(script(model, style), encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "error", str(path)], text=True, capture_output=True, check=True)
    got = [float(line.rsplit(" ", 1)[1]) for line in done.stdout.splitlines()]
    assert got == pytest.approx(expected(model), rel=SAME)
