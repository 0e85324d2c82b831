"""Scripts: what is not written out is refused by name; what is written fits a page and runs by itself."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

import bestline as bl
from bestline.api.model import Model
from bestline.errors import OptionError
from bestline.export.script import STYLES, script
from export.script.examples import each_style, expected, fit, slope_and_bias

pytestmark = pytest.mark.usefixtures("quiet")


# Two computations of the same steps in float64, one on rows and one on moments.
SAME = 1e-10


def own_loss(prediction: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (prediction - y) ** 4


def own_optimizer(parameters: Any, lr: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=lr)


@pytest.mark.parametrize(
    ("options", "style", "message"),
    [
        ({}, "jax", r"no style 'jax'; choose numpy, tensors, linear, module"),
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


ONE_BY_ONE = """
import contextlib, io, json, runpy, sys
said = {}
for path in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        runpy.run_path(path, run_name="__main__")
    said[path] = out.getvalue()
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def printed_alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, dict[str, str]]:
    """A model, and what its script in every style prints where nobody has imported anything: one process, which starts torch once."""
    model = bl.fit(slope_and_bias(), "y ~ x", solver="sgd", lr=0.1, steps=15)
    paths = {style: tmp_path_factory.mktemp(style) / "line.py" for style in STYLES}
    for style, path in paths.items():
        path.write_text(script(model, style), encoding="utf-8")
    words = [sys.executable, "-W", "error", "-c", ONE_BY_ONE, *map(str, paths.values())]
    said = json.loads(subprocess.run(words, text=True, capture_output=True, check=True).stdout)
    return model, {style: said[str(path)] for style, path in paths.items()}


@each_style
def test_a_script_runs_by_itself(style: str, printed_alone: tuple[Model, dict[str, str]]) -> None:
    model, said = printed_alone
    got = [float(line.rsplit(" ", 1)[1]) for line in said[style].splitlines()]
    assert got == pytest.approx(expected(model), rel=SAME)
