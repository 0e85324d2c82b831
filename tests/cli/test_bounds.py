"""Bounds and constraints mean the same on the command line and in Python, and a recipe says them in either."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from cli.sessions import Run

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"price": rng.normal(size=30), "size": rng.normal(size=30), "g": rng.choice(["a", "b, c"], 30)})
    path = tmp_path / "table.csv"
    frame.assign(y=frame.price + rng.normal(size=30)).to_csv(path, index=False)
    return path


def told(run: Run, *words: str) -> dict:
    done = run(*words, "--json")
    assert done.status == 0, done.err
    return json.loads(done.out)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["--bounds", "price=:0"], {"bounds": {"price": (None, 0)}}),
        (["--bounds", "price=:0", "--bounds=g[T.b, c]=0:1"], {"bounds": {"price": (None, 0), "g[T.b, c]": (0, 1)}}),
        (["--bounds", "0:"], {"bounds": (0, None)}),
        (["--constraints", "price + size = 1", "--constraints", "Intercept = 0"], {"constraints": ["price + size = 1", "Intercept = 0"]}),
    ],
)  # fmt: skip
def test_options_mean_what_arguments_mean(file: Path, run: Run, words, asked):
    formula = "y ~ price + size + g"
    model = bl.fit(str(file), formula, **asked)
    facts = told(run, "fit", str(file), formula, *words)
    assert facts["coef"] == model.coef.to_dict()
    assert facts["std_error"] == model.bse.to_dict()
    # What the model says of itself, asked again, is the same model.
    again = told(run, *shlex.split(model.recipe.command())[1:])
    assert again["coef"] == model.coef.to_dict()
    names: dict = {}
    exec(model.recipe.python(), names)  # noqa: S102  what a recipe prints is Python
    assert names["model"].params.equals(model.params)


@pytest.mark.parametrize(
    "words", [["--bounds", "price"], ["--bounds", "pric=0:"], ["--constraints", "price"], ["--bounds", "price=1:0"]]
)
def test_what_cannot_be_is_one_line_and_a_status(file: Path, run: Run, words):
    done = run("fit", str(file), "y ~ price + size", *words)
    assert done.status in (1, 2)
    assert len(done.err.strip().splitlines()) == 1
    assert not done.out
