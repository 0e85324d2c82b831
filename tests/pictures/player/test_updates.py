"""The update in numbers of runs that the page does not train: what is written out adds up to the weights that torch came to."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.pictures.watch import session_of
from bestline.training.solvers import OPTIMIZERS
from bestline.training.solvers.update import REMEMBERED
from pictures.walks import PENGUINS

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")

NODE = Path(__file__).with_name("update.mjs")
SAME = 1e-10
TWO = "body_mass_g ~ flipper_length_mm + sex"
RULES = tuple(name for name in OPTIMIZERS if name != "lbfgs")
KINDS: dict[str, dict[str, Any]] = {
    "a few rows": {"batch_size": 16},
    "one row at a time": {"batch_size": 1},
    "huber": {"loss": "huber"},
    "absolute": {"loss": "absolute", "batch_size": 32},
    "quantile": {"loss": "quantile:0.9"},
    "polynomial": {"forward": "polynomial:2", "loss": "huber"},
    "as the columns are": {"standardize": False, "batch_size": 8},
    "with a penalty": {"l2": 0.1, "batch_size": 16},
    "rates that change": {"schedule": "cosine", "batch_size": 16},
    "rates that wait for the loss": {"schedule": "plateau", "loss": "huber"},
}


def fitted(optimizer: Any, kind: str, **more: Any) -> Any:
    how = {"lr": 1e-6 if kind == "as the columns are" else 0.02, "steps": 60, "missing": "drop", **KINDS[kind], **more}
    formula = "body_mass_g ~ flipper_length_mm" if "forward" in how else TWO
    return bl.fit(PENGUINS, formula, solver=optimizer, **how)


def updates(model: Any) -> dict[str, Any]:
    return json.loads(json.dumps(session_of(model, live=False)["runs"][0]["updates"]))


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, Any]]:
    return {f"{optimizer}, {kind}": updates(fitted(optimizer, kind)) for optimizer in RULES for kind in KINDS}


@pytest.fixture(scope="module")
def added_up(told: dict[str, dict[str, Any]], tmp_path_factory: Any) -> dict[str, dict[str, float]]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    path = tmp_path_factory.mktemp("updates") / "updates.json"
    path.write_text(json.dumps(list(told.values())))
    done = subprocess.run([node, str(NODE), str(path)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(told, json.loads(done.stdout), strict=True))


def test_the_rule_leads_to_the_weights_that_torch_came_to(added_up: dict[str, dict[str, float]]) -> None:
    assert {name: one for name, one in added_up.items() if not one["rule"] < SAME} == {}


def test_every_line_that_is_written_out_adds_up(added_up: dict[str, dict[str, float]]) -> None:
    assert all(one["lines"] >= 60 * 2 for one in added_up.values())
    assert {name: one for name, one in added_up.items() if not one["written"] < SAME} == {}


def test_the_weights_of_the_updates_are_those_of_the_trace() -> None:
    model = fitted("adam", "a few rows")
    found, trained = updates(model), model.trained.scaling.to_trained(model.trace.weights)[:, :, 0]
    assert found["step"] == list(range(60))
    assert found["places"] == list(range(61))
    np.testing.assert_allclose(found["weights"], trained.T, rtol=1e-9)


@pytest.mark.parametrize("optimizer", RULES)
def test_of_each_weight_as_much_is_remembered_as_its_rule_says(told: dict[str, dict[str, Any]], optimizer: str) -> None:
    assert len(told[f"{optimizer}, a few rows"]["memory"]) == REMEMBERED[optimizer]


def test_the_gradient_of_one_row_is_that_of_autograd() -> None:
    """2 (prediction - y) x of some row, and of no other thing."""
    model = fitted("sgd", "one row at a time")
    found, rows, scaling = updates(model), next(iter(model.rows())), model.trained.scaling
    X, y = (rows.X - scaling.center[:2]) / scaling.scale[:2], (rows.y - scaling.center[2]) / scaling.scale[2]
    w = torch.tensor([column[7] for column in found["weights"]], requires_grad=True, dtype=torch.float64)
    each = ((X @ w[:-1] + w[-1] - y[:, 0]) ** 2).unbind()
    gradients = torch.stack([torch.autograd.grad(one, w, retain_graph=True)[0] for one in each])
    mine = torch.tensor([column[7] for column in found["gradient"]], dtype=torch.float64)
    assert float((gradients - mine).abs().amax(1).min()) < 1e-12 * float(mine.abs().max())


def test_a_long_run_has_the_update_of_every_step_that_is_shown() -> None:
    run = session_of(fitted("momentum", "one row at a time", steps=3_000), live=False)["runs"][0]
    assert len(run["step"]) < 300
    assert set(run["step"][:-1]) < set(run["updates"]["step"])
    assert run["updates"]["places"] == sorted({j for k in run["updates"]["step"] for j in (k, k + 1)})
    assert run["updates"]["step"][-1] == run["step"][-1] - 1


def test_of_many_weights_the_first_are_told() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 9))
    found = updates(bl.fit((X, X.sum(1)), solver="adam", batch_size=10, steps=20, lr=0.1))
    assert (len(found["names"]), found["more"]) == (6, 4)


class Leaning(torch.optim.SGD):
    """Somebody's own optimiser."""


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (lambda: fitted("lbfgs", "huber"), "no one formula"),
        (lambda: fitted(Leaning, "huber"), "no one formula"),
        (lambda: fitted(partial(torch.optim.Adam, amsgrad=True), "huber"), "no one formula"),
        (lambda: bl.fit(PENGUINS, TWO, missing="drop", solver="stochastic", steps=3), "one row at a time with Descent"),
    ],
)
def test_what_cannot_be_followed_by_hand_says_why(model: Any, why: str) -> None:
    found = updates(model())
    assert set(found) == {"why"}
    assert why in found["why"]
    assert found["why"].endswith(".")


def test_a_run_that_read_too_much_says_what_to_do(monkeypatch: Any) -> None:
    monkeypatch.setattr("bestline.training.solvers.descent._AGAIN", 60 * (333 * 3 + 10_000) - 1)
    assert "take fewer steps" in updates(fitted("adam", "huber"))["why"]
    assert "rule" in updates(fitted("adam", "a few rows"))


def test_own_settings_of_a_known_optimiser_are_in_the_rule() -> None:
    found = updates(fitted(partial(torch.optim.SGD, momentum=0.5, nesterov=True), "a few rows"))
    assert found["rule"] == {"optimizer": "nesterov", "momentum": 0.5}
