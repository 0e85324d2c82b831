"""Every dialect is run, and must print what the model holds."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

import bestline as bl
from bestline.api.model import Model
from bestline.errors import BestlineWarning
from bestline.export.script import STYLES, script
from export.script.examples import agrees, columns, each_style, fit, printed, slope_and_bias
from searches import long

pytestmark = pytest.mark.usefixtures("quiet")


# A line search ends where rounding hides the way further down: half of the digits.
SEARCHED = 1e-6


@cache
def fitted(which: str, standardize: bool, solver: str, steps: int) -> Model:
    data, formula = {"one": (slope_and_bias(), "y ~ x"), "three": (columns(), "y ~ a + b + c")}[which]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)
        if solver == "exact":
            return bl.fit(data, formula, solver=solver, standardize=standardize)
        return bl.fit(data, formula, solver=solver, steps=steps, standardize=standardize)


each_torch_style = pytest.mark.parametrize("style", STYLES[1:])


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
@pytest.mark.parametrize("loss", long(["huber", "absolute", "quantile", "quantile:0.8"], quick=["huber", "quantile:0.8"]))
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
