"""A recipe is run again as the command that it is, by a shell's own reading of it, and gives the same weights."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from conftest import Run

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")

ASKED: dict[str, dict[str, object]] = {
    "as it is": {},
    "own units": {"standardize": False, "solver": "sgd", "lr": 0.01, "steps": 7},
    "standardised": {"standardize": True, "solver": "adam", "lr": 0.1, "steps": 7, "start": [0.5, -1.0, 2.0]},
    "a start by name": {"solver": "sgd", "lr": 0.1, "steps": 5, "start": {"a b": 1.5, "c,d": -2.0, "Intercept": 0.25}},
    "penalties": {"l1": 0.05, "l2": 0.2, "penalty_factors": {"c,d": 0, "a b": 2.5}},
    "a split": {"split": (0.7, 0.15, 0.15), "seed": 3},
    "stochastic": {"solver": "stochastic", "average": False, "steps": 3, "seed": 2},
    "stochastic, averaged": {"solver": "stochastic", "average": True, "steps": 3, "rate": "invscaling", "power": 0.3},
    "weights": {"weights": "w 1"},
    "folds of a column": {"folds": "it's", "cv": "ridge"},
    "slices": {"solver": "momentum", "batch_size": 8, "steps": 9, "lr": 0.01, "seed": 5},
    "patience": {"solver": "sgd", "lr": 0.3, "patience": 4, "split": (0.6, 0.2, 0.2)},
    "a loss": {"loss": "quantile:0.8"},
    "a loss of a setting": {"loss": "huber:1.5", "tol": 1e-9},
}


def table(folder: Path) -> str:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a b": rng.normal(size=60), "c,d": rng.normal(size=60), "w 1": rng.uniform(0.5, 2, 60)})
    frame["it's"] = rng.choice(["p", "q", "r"], 60)
    frame["y $1"] = 1 + frame["a b"] - 2 * frame["c,d"] + 0.3 * rng.normal(size=60)
    (folder / "some data").mkdir()
    path = folder / "some data" / "my 'table'.csv"
    frame.to_csv(path, index=False)
    return str(path)


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("by", ["formula", "names"])
def test_the_command_gives_the_same_weights(name: str, by: str, run: Run, tmp_path: Path) -> None:
    how = ASKED[name]
    if by == "formula":
        model = bl.fit(table(tmp_path), "`y $1` ~ `a b` + `c,d`", **how)
    else:
        model = bl.fit(table(tmp_path), target="y $1", features=["a b", "c,d"], **how)
    command = model.recipe.command()
    assert command is not None
    program, *words = shlex.split(command)
    assert program == "bestline"
    again = run(*words, "--json")
    assert again.status == 0, again.err
    found = {**again.facts["coef"], "Intercept": again.facts["intercept"]}
    assert found == pytest.approx(model.params.to_dict(), rel=1e-12)
    scope: dict[str, bl.Model] = {}
    exec(model.recipe.python(), scope)  # noqa: S102  our own text
    np.testing.assert_array_equal(scope["model"].params, model.params)


def test_a_command_that_would_say_less_is_none(tmp_path: Path) -> None:
    from functools import partial

    from torch.optim.lr_scheduler import StepLR

    data = table(tmp_path)
    for how in (
        {"solver": bl.Descent("sgd", lr=0.1, steps=3, schedule=partial(StepLR, step_size=2))},
        {"loss": lambda p, y: (p - y) ** 2, "solver": "adam", "steps": 3},
    ):
        assert bl.fit(data, "`y $1` ~ `a b`", **how).recipe.command() is None
    frame = pd.read_csv(data)
    assert bl.fit(frame, "`y $1` ~ `a b`").recipe.command() is None
    assert bl.fit(frame, "`y $1` ~ `a b`", weights=np.ones(60)).recipe.unsaid == ("weights",)


def test_powers_by_command(run: Run, tmp_path: Path) -> None:
    x = np.linspace(-1, 1, 30)
    pd.DataFrame({"x": x, "y": 1 + x - 3 * x**2}).to_csv(tmp_path / "t.csv", index=False)
    model = bl.fit(str(tmp_path / "t.csv"), target="y", forward="polynomial:2")
    words = shlex.split(model.recipe.command() or "")
    again = run(*words[1:], "--json")
    assert again.status == 0, again.err
    assert {**again.facts["coef"], "Intercept": again.facts["intercept"]} == pytest.approx(model.params.to_dict(), rel=1e-12)
