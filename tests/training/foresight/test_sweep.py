"""Sweeps against runs made one by one."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch

import bestline as bl
from bestline.api import foresight as before
from bestline.api.foresight import preflight, sweep
from bestline.errors import OptionError
from bestline.training.loop import train
from bestline.training.solvers import Descent
from bestline.training.solvers.descent import OPTIMIZERS
from searches import long
from training.foresight.examples import table

SAME = 1e-12  # of a loss: one run and the same run beside others differ by rounding alone


SIMULTANEOUS = {"lbfgs": 10, "rmsprop": 40}  # steps compared so; RMSprop comes to magnify rounding, whoever runs it


pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("kind", long(["plain", "ridge", "two targets", "as it stands"], quick=["plain"]))
def test_runs_side_by_side_are_the_runs_one_by_one(name: str, kind: str) -> None:
    X, y = table(12, k=2 if kind == "two targets" else 1)
    k = y.shape[1]
    options = {"l2": 0.1 if kind == "ridge" else 0.0, "standardize": kind != "as it stands"}
    steps = SIMULTANEOUS.get(name, 100)
    starts = [torch.zeros(4, k), torch.full((4, k), 2.0)]
    side = preflight((X, y), l2=options["l2"])
    limit = (side.standardized if options["standardize"] else side).limits.get(name, 1.0)
    runs = sweep((X, y), optimizers=name, lrs=np.geomspace(1e-3, 3, 5) * limit, steps=steps, starts=starts, **options)
    assert runs.gap.shape == (steps + 1, 10)
    for i in range(len(runs)):
        solver = Descent(name, lr=float(runs.lrs[i]), steps=steps)
        fit = bl.fit((X, y), solver=solver, start=starts[int(runs.starts[i])], **options)
        trace = fit.trace
        made = len(trace)
        scale = trace.loss.abs() if kind != "ridge" else trace.loss.abs() + runs.penalty[:made, i].abs()
        assert bool(((runs.losses[:made, i] - trace.loss).abs() <= SAME * scale).all())
        assert bool(((runs.gap[:made, i] - trace.gap).abs() <= SAME * (scale + trace.gap)).all())
        if fit.stop is bl.Stop.DIVERGED:
            assert int(runs.diverged_at[i]) == int(trace.step[-1])
            assert bool(runs.losses[made:, i].isnan().all())
        else:
            assert int(runs.diverged_at[i]) == -1
            assert int(runs.made[i]) == steps


def test_a_run_whose_loss_stops_being_a_number_is_recorded_too() -> None:
    runs = sweep((np.arange(9.0), np.arange(9.0) ** 2), lrs=[0.1, 1e200], steps=50)
    assert runs.diverged_at.tolist()[1] >= 1
    assert runs.columns["loss"][1] is None
    assert not bool(runs.gap[:, 0].isnan().any())
    facts = json.loads(json.dumps(runs.facts, allow_nan=False))
    assert facts["runs"]["diverged_at"] == [None, runs.diverged_at.tolist()[1]]


def test_steps_of_a_sweep_are_those_predicted_and_the_limit_divides_it() -> None:
    X, y = table(14, spread=0.1)
    found = preflight((X, y)).standardized
    runs = sweep((X, y), lrs=found.lr_limit * np.linspace(0.05, 1.5, 30), steps=3_000)
    told = list(zip(runs.columns["lr"], runs.columns["steps_to_99_9"], runs.columns["diverged_at"], strict=True))
    fast = [(steps, at) for lr, steps, at in told if lr > found.lr_limit * 1.01]
    assert len(fast) > 5
    assert all(at is not None and steps is None for steps, at in fast)
    slow = {lr: steps for lr, steps, _ in told if lr < found.lr_limit}
    predicted = [preflight((X, y), lr=lr).standardized.given.steps for lr in slow]
    assert list(slow.values()) == [steps if steps <= 3_000 else None for steps in predicted]
    assert sum(steps is not None for steps in slow.values()) > 5
    assert runs.limits["sgd"] == pytest.approx(found.lr_limit, rel=1e-12)


def test_auto_rates_span_the_limit() -> None:
    X, y = table(14)
    runs = sweep((X, y), optimizers=("sgd", "adam"), steps=50)
    sgd = runs.lrs[:200]
    assert float(sgd[0]) == pytest.approx(runs.limits["sgd"] / 1_000)
    assert float(sgd[-1]) == pytest.approx(2 * runs.limits["sgd"])
    assert runs.limits["adam"] is None
    assert runs.optimizers == ("sgd",) * 200 + ("adam",) * 200


def test_the_frame_has_one_row_a_run() -> None:
    X, y = table(15)
    runs = sweep((X, y), lrs="0.001,0.3,50", optimizers=["sgd", "momentum"], steps=400)
    frame = runs.frame()
    assert list(frame) == ["optimizer", "lr", "start", "loss", "gap", "steps_to_99", "steps_to_99_9", "diverged_at"]
    assert len(frame) == len(runs) == 6
    assert frame["diverged_at"].notna().tolist() == [False, False, True] * 2
    assert frame["loss"].isna().tolist() == [False, False, True] * 2
    best = runs.best("sgd")
    assert frame["steps_to_99_9"][best] == frame["steps_to_99_9"][:3].min()
    assert runs.best("adam") is None
    assert "sgd" in str(runs)
    with pytest.raises(OptionError, match="share"):
        runs.steps_to(1.0)


def test_gap_and_loss_of_the_last_step_agree_with_the_table() -> None:
    X, y = table(16)
    runs = sweep((X, y), lrs=[0.01, 0.1], steps=30, l2=0.2)
    assert torch.allclose(runs.last_loss, runs.losses[-1], rtol=1e-14)
    assert torch.allclose(runs.last_gap, runs.gap[-1], rtol=1e-14)
    assert bool((runs.gap.diff(dim=0) <= 0).all())


def test_ctrl_c_keeps_the_steps_made_so_far() -> None:
    X, y = table(17)
    heard: list[float] = []

    def stop(what: str, fraction: float) -> None:
        if "runs" in what:
            heard.append(fraction)
            if fraction > 0.3:
                raise KeyboardInterrupt

    runs = sweep((X, y), lrs=[0.1, 0.2], optimizers=("sgd", "adam", "rmsprop"), steps=1_000, progress=stop)
    whole = sweep((X, y), lrs=[0.1, 0.2], optimizers=("sgd", "adam", "rmsprop"), steps=1_000)
    assert runs.interrupted
    assert not whole.interrupted
    assert set(runs.optimizers) == {"sgd"} or 0 < int(runs.made[-1]) < 1_000
    made = int(runs.made[0])
    assert torch.equal(runs.gap[: made + 1, 0], whole.gap[: made + 1, 0])
    assert bool(runs.gap[made + 1 :, 0].isnan().all())
    assert heard == sorted(heard)
    json.dumps(runs.facts, allow_nan=False)


def test_ctrl_c_in_runs_made_one_by_one_leaves_out_those_not_begun() -> None:
    def stop(what: str, fraction: float) -> None:
        if "runs" in what:
            raise KeyboardInterrupt

    runs = sweep(table(17), lrs=[0.5, 0.7, 1.0], optimizers="lbfgs", steps=5, progress=stop)
    assert len(runs) == len(runs.optimizers) == len(runs.columns["loss"]) == 1
    assert int(runs.made[0]) == 5


def test_progress_ends_at_one() -> None:
    heard: list[float] = []
    sweep(
        table(18),
        lrs=[0.1],
        optimizers=("sgd", "lbfgs"),
        steps=7,
        progress=lambda what, f: heard.append(f) if "runs" in what else None,
    )
    assert heard[-1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"steps": 0}, "steps"),
        ({"steps": 1.5}, "steps"),
        ({"optimizers": []}, "none"),
        ({"optimizers": "nestorov"}, "did you mean `nesterov`"),
        ({"optimizers": 3}, "no optimiser"),
        ({"seed": 0.5}, "seed"),
        ({"starts": []}, "one start"),
        ({"starts": {"x0": 1.0, "Intercept": 2.0}}, "one start"),
        ({"starts": [[1.0]]}, "start"),
        ({"l1": 0.1}, "l1"),
        ({"lrs": "1e-4:1:200", "steps": 1_000_000}, "at most 50,000,000"),
    ],
)
def test_sweeps_that_make_no_sense_are_refused(options: dict, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        sweep((np.arange(5.0), np.arange(5.0) ** 2), **options)


def test_one_pass_and_the_very_objective_of_fit() -> None:
    X, y = table(21)
    runs = sweep((X, y), lrs=[0.05], steps=40)
    fit = bl.fit((X, y), solver=Descent("sgd", lr=0.05, steps=40))
    assert float(runs.floor) == pytest.approx(float((fit.trace.loss - fit.trace.gap)[-1]), rel=1e-12)
    direct = train(
        fit.plan.task(fit.parts.training),
        Descent("sgd", lr=0.05, steps=40),
        fit.trained.scaling.to_trained(fit.trace.weights[0]),
    )
    assert torch.allclose(runs.losses[:, 0], direct.trace.loss, rtol=SAME)
    assert before.sweep is sweep


def test_a_sweep_says_in_one_line_what_it_is() -> None:
    swept = sweep({"x": [1.0, 2.0, 3.0, 4.0, 5.0], "y": [1.0, 2.0, 4.0, 4.0, 6.0]}, "y ~ x", lrs="0.1,0.2", steps=3)
    assert repr(swept) == "<bestline.Sweep 'y ~ x', 2 runs of 3 steps>"


def test_the_frame_has_numbers_for_numbers_and_the_start_by_its_whole_number() -> None:
    x = np.arange(20.0)
    sweep = bl.sweep(x, 2 * x + 1, lrs=[0.1, 5.0], steps=40, starts=[[0, 0], [1, 2]], optimizers=["sgd", "adam"])
    frame = sweep.frame()
    assert sorted(frame["start"]) == [0] * 4 + [1] * 4
    assert frame["start"].dtype.kind == "i"  # a number of a list, for `starts[i]`
    assert {frame[name].dtype.kind for name in ("lr", "loss", "gap", "steps_to_99", "steps_to_99_9", "diverged_at")} == {"f"}
    assert frame["diverged_at"].isna().any()
    assert frame["diverged_at"].notna().any()


def test_the_facts_of_a_sweep_are_its_table_and_what_it_is_measured_by() -> None:
    x = np.arange(12.0)
    runs = bl.sweep({"x": x, "y": x + np.sin(x)}, "y ~ x", lrs=[0.1, 0.3], steps=9, standardize=False)
    facts = runs.facts
    names = "formula rows standardize steps interrupted loss_floor limits best runs"
    assert list(facts) == names.split()
    assert (facts["formula"], facts["rows"], facts["standardize"], facts["steps"]) == ("y ~ x", 12, False, 9)
    assert facts["interrupted"] is False
    assert facts["loss_floor"] == pytest.approx(np.polyfit(x, x + np.sin(x), 1, full=True)[1][0] / 12)
    limit = 2 / np.linalg.eigvalsh(2 * np.c_[x, x**0].T @ np.c_[x, x**0] / 12)[-1]
    assert list(facts["limits"].values()) == [pytest.approx(limit)]
    assert facts["best"] is None or facts["best"] == {name: values[runs.best()] for name, values in facts["runs"].items()}
    assert pd.DataFrame(facts["runs"]).equals(pd.DataFrame(runs.columns))
