"""A rate above the limit is said to diverge, however few the steps; and of what diverged nothing is claimed."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR
from typer.testing import CliRunner

import bestline as bl
from bestline.cli.app import app
from bestline.errors import DivergedWarning, NumericalError

X = torch.linspace(-3, 3, 61, dtype=torch.float64)
LINE = {"x": X, "y": 2 * X - 1}  # largest curvature 2 * 3.1: limit 2 / 6.2
OPTIMIZERS = {
    "plain": "sgd",
    "momentum": "momentum",
    "nesterov": "nesterov",
    "weight decay": partial(SGD, weight_decay=0.5),
    "a little momentum": partial(SGD, momentum=0.2),
}


def descent(
    factor: float, *, optimizer: Any = "sgd", steps: int | None = 12, standardize: bool = False, **more: Any
) -> bl.Model:
    """A run at so many times the largest stable rate."""
    start = more.pop("start", None)
    settings = {name: more.pop(name) for name in ("batch_size", "schedule", "patience", "tol") if name in more}
    options = {"standardize": standardize, "start": start, **more}
    limit = bl.fit(LINE, "y ~ x", solver=bl.Descent(optimizer, lr=1e-6, steps=0), **options).rate_limit
    assert limit is not None
    return bl.fit(LINE, "y ~ x", solver=bl.Descent(optimizer, lr=factor * limit, steps=steps, **settings), **options)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("steps", [1, 5])
def test_a_rate_above_the_limit_diverges_however_few_the_steps(optimizer: Any, standardize: bool, steps: int) -> None:
    with pytest.warns(DivergedWarning, match="above the largest stable one"):
        model = descent(1.2, optimizer=optimizer, standardize=standardize, steps=steps)
    assert model.stop is bl.Stop.DIVERGED
    assert len(model.trace) == steps + 1  # the steps asked for are all there to be seen
    assert "take more steps" not in model.advice
    assert ("standardise" in model.advice) is not standardize


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_rate_below_the_limit_is_not_said_to_diverge(optimizer: Any) -> None:
    model = descent(0.98, optimizer=optimizer)
    assert model.stop is bl.Stop.STEPS
    assert "diverge" not in model.advice.lower()


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_a_loss_that_falls_as_yet_does_not_hide_it() -> None:
    model = descent(1.01, start={"x": 2.0, "Intercept": 5.0})  # all error lies along the flat direction
    assert float(model.trace.loss[-1]) < float(model.trace.loss[0])
    assert model.stop is bl.Stop.DIVERGED
    assert "will grow without bound" in model.advice


def test_a_start_at_the_solution_stays_there_and_is_told_that_others_would_not() -> None:
    model = descent(1.2, start={"x": 2.0, "Intercept": -1.0})
    assert model.stop is bl.Stop.STEPS
    assert "from almost any start descent at it diverges" in model.advice


def test_at_the_limit_more_steps_are_no_advice() -> None:
    model = descent(1.0)
    assert model.stop is bl.Stop.STEPS
    assert "use a smaller rate" in model.advice


def test_a_loss_that_has_grown_is_not_to_be_trained_on_at_the_same_rate() -> None:
    assert "use a smaller rate" in bl.fit(LINE, "y ~ x", solver="adam", lr=30.0, steps=3).advice


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_slices_of_all_rows_are_all_rows_and_of_fewer_the_limit_does_not_decide() -> None:
    assert descent(1.2, batch_size=61).stop is bl.Stop.DIVERGED
    assert descent(1.2, batch_size=60, steps=1).stop is bl.Stop.STEPS


def test_a_rate_that_will_fall_is_not_judged_by_its_first_value() -> None:
    model = descent(1.2, schedule=partial(StepLR, step_size=2, gamma=0.1), steps=50)
    assert model.stop is bl.Stop.STEPS
    assert "diverge" not in model.advice


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_early_stopping_does_not_hide_it_and_the_best_weights_stay() -> None:
    model = descent(1.05, patience=3, steps=40, split=(0.6, 0.2, 0.2))
    assert model.stop is bl.Stop.DIVERGED
    assert model.trace.held_out is not None
    assert model.step == int(model.trace.held_out.argmin())


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
@pytest.mark.parametrize("steps", [12, 1_000])
def test_nothing_is_claimed_of_what_diverged(steps: int, tmp_path: Path) -> None:
    model = descent(1.2, steps=steps)
    summary = model.summary()
    assert "R2" not in summary.text
    assert "std error" not in summary.text
    assert "Standard errors" not in summary.text
    assert "Held-out error   none: training diverged" in summary.text
    facts = json.loads(json.dumps(summary.facts, allow_nan=False))
    assert facts["stop_reason"] == "diverged"
    assert facts["r2"] is None
    assert facts["held_out"] is None
    assert set(facts["std_error"].values()) == {None}
    assert {end for ends in facts["conf_int"].values() for end in ends} == {None}
    assert bool(model.tidy()[["std_error", "statistic", "p_value", "conf_low", "conf_high"]].isna().all(axis=None))
    for refused in (model.glance, model.diagnose, partial(model.predict, {"x": [1.0]}, interval="confidence")):
        with pytest.raises(NumericalError, match="training diverged"):
            refused()
    assert "R2" not in model._repr_html_()
    model.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "This is no result" in page
    assert "Standard errors are" not in page
    model.save(tmp_path / "m.bestline")
    again = bl.load(tmp_path / "m.bestline")
    assert (again.summary().facts["r2"], again.inference) == (None, None)


def test_the_command_line_says_so_and_ends_with_1(tmp_path: Path) -> None:
    table = tmp_path / "line.csv"
    table.write_text("x,y\n" + "\n".join(f"{x},{2 * x - 1}" for x in range(-3, 4)))
    asked = ["fit", str(table), "y ~ x", "--solver", "sgd", "--lr", "0.3", "--steps", "12", "--no-standardize", "--json"]
    ran = CliRunner().invoke(app, asked)
    facts = json.loads(ran.stdout)
    assert ran.exit_code == 1
    assert (facts["stop_reason"], facts["r2"], facts["steps"]) == ("diverged", None, 12)
    assert "above the largest stable one, 0.25" in facts["stop"]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
def test_a_sweep_says_so_too(optimizer: str) -> None:
    limit = bl.sweep(LINE, "y ~ x", lrs=[0.1], optimizers=[optimizer], steps=2).limits[optimizer]
    assert limit is not None
    runs = bl.sweep(LINE, "y ~ x", lrs=[0.5 * limit, 1.1 * limit], optimizers=[optimizer], steps=2)
    assert runs.diverged_at.tolist() == [-1, 2]
