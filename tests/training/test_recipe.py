"""Recipes give the same model again."""

from __future__ import annotations

import shlex

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import bestline as bl
from bestline.training.recipe import Recipe

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


def test_a_recipe_gives_the_same_model_again(walked):
    scope = {}
    exec(walked.recipe.python(), scope)  # noqa: S102  our own text
    assert torch.equal(scope["model"].weights, walked.weights)


def test_a_recipe_gives_the_same_model_on_the_command_line(walked, run):
    words = shlex.split(walked.recipe.command())
    assert words[:2] == ["bestline", "fit"]
    assert run(*words[1:], "--json").facts["coef"] == walked.coef.to_dict()


def test_recipes_survive_a_file_and_name_what_they_cannot_say(walked, tmp_path):
    walked.save(tmp_path / "m.bestline")
    assert bl.load(tmp_path / "m.bestline").recipe == walked.recipe
    model = bl.fit(([1.0, 2.0, 3.0], [1.0, 2.0, 3.5]), weights=np.array([1.0, 2.0, 1.0]))
    assert model.recipe.unsaid == ("weights",)
    assert model.recipe.command() is None
    assert "weights=..." in model.recipe.python()


@given(names=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3, unique=True), value=st.floats(allow_nan=False))
def test_recipes_quote_whatever_names_hold(names, value):
    recipe = Recipe.of(["a b.csv"], "y ~ x", {"features": names, "l2": value}, {"features": None, "l2": None})
    command = recipe.command()
    assert shlex.split(command)[2] == "a b.csv"
    compile(recipe.python(), "recipe", "exec")


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"l2": 0.3, "folds": 3, "seed": 4},
        {"solver": "sgd", "steps": 3, "lr": 0.1, "batch_size": 8},
        {"solver": "stochastic", "steps": 3, "average": False},
        {"standardize": False},
        {"solver": torch.optim.SGD, "steps": 3, "lr": 0.1},
    ],
    ids=str,
)
def test_what_was_asked_gives_the_same_line_from_both_doors(how, table, run):
    model = bl.fit(str(table), "y ~ x1 + x2", **how)
    facts = run(*shlex.split(model.recipe.command())[1:], "--json").facts
    assert facts["coef"] == pytest.approx(model.coef.to_dict(), rel=1e-12)
    scope = {}
    exec(model.recipe.python(), scope)  # noqa: S102  our own text
    assert torch.equal(scope["model"].weights, model.weights)


@pytest.mark.parametrize(
    "how",
    [
        {"schedule": "cosine"},  # which the command line has no option for
        {"solver": lambda weights, lr: torch.optim.SGD(weights, lr=lr)},
    ],
    ids=["schedule", "code"],
)
def test_what_cannot_be_said_whole_on_the_command_line_is_not_said_at_all(how, table):
    model = bl.fit(str(table), "y ~ x1 + x2", **({"solver": "sgd", "steps": 3, "lr": 0.1} | how))
    assert model.recipe.command() is None
