"""Every column of a session is the trace's own at the same steps: loss, held-out loss, gap, weights, gradient, line."""

from __future__ import annotations

import numpy as np
import pytest

import bestline as bl
from bestline.pictures import watch as watching

pytestmark = pytest.mark.usefixtures("quiet")


def table(n: int = 90) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    x, z = rng.normal(2, 1.5, n), rng.normal(size=n)
    return {"x": x, "z": z, "y": 1 + 2 * x - z + rng.normal(size=n)}


@pytest.mark.parametrize("steps", [12, 900])  # all of them, and thinned
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("formula", ["y ~ x", "y ~ x + z"])
def test_columns_are_the_traces(formula: str, standardize: bool, steps: int) -> None:
    model = bl.fit(
        table(), formula, solver="sgd", lr=0.03, steps=steps, split=(0.6, 0.2, 0.2), standardize=standardize, start=None
    )
    run, trace = watching.session_of(model)["runs"][0], model.trace
    at = np.array(run["step"])
    assert at[0] == 0
    assert at[-1] == steps
    assert (np.diff(at) > 0).all()
    assert run["loss"] == trace.loss[at].tolist()
    assert run["held_out"] == trace.held_out[at].tolist()
    assert run["held_out"] != run["loss"]
    assert run["gap"] == trace.gap[at].tolist()
    assert run["weights"] == trace.weights[at][:, :, 0].T.tolist()
    assert run["names"] == list(trace.names)
    assert (run["last"]["step"], run["last"]["loss"], run["last"]["gap"]) == (
        steps,
        float(trace.loss[-1]),
        float(trace.gap[-1]),
    )
    held = trace.held_out.numpy()
    best = (run["best"] or {"step": steps})["step"]
    assert best == held.argmin()
    assert (run["best"] is None) == (best == steps)
    near = trace.gap.numpy() <= 0.01 * float(trace.gap[0])
    last_far = int(np.flatnonzero(~near)[-1])
    assert run["last"]["near"] == (None if last_far == steps else last_far + 1)
    assert (run["rate"], run["limit"], run["kept"]) == (model.rate, model.rate_limit, model.step)


def test_held_out_loss_is_that_of_the_rows_held_out() -> None:
    """By numpy, from the weights of the session and the rows of the part that is watched."""
    data = table()
    model = bl.fit(data, "y ~ x", solver="sgd", lr=0.1, steps=15, split=(0.6, 0.2, 0.2))
    run = watching.session_of(model)["runs"][0]
    own = (model.labels == 1).numpy()
    slope, level = np.array(run["weights"])[:, :, None]
    held = ((slope * data["x"][own] + level - data["y"][own]) ** 2).mean(1)
    np.testing.assert_allclose(run["held_out"], held, rtol=1e-9)
    train = (model.labels == 0).numpy()
    np.testing.assert_allclose(run["loss"], ((slope * data["x"][train] + level - data["y"][train]) ** 2).mean(1), rtol=1e-9)
    assert run["line"], "the line is drawn by these weights"


def test_rows_of_either_part_are_shown_as_what_they_are() -> None:
    data = table()
    model = bl.fit(data, "y ~ x", solver="sgd", lr=0.1, steps=5, split=(0.6, 0.2, 0.2))
    told = watching.session_of(model)["data"]
    train, held = (model.labels == 0).numpy(), (model.labels != 0).numpy()
    assert sorted(told["x"]) == pytest.approx(sorted(data["x"][train]), rel=1e-6)
    assert set(np.round(told["held_out"]["x"], 5)) <= set(np.round(data["x"][held], 5))
    assert told["of"] == train.sum()


def test_without_held_out_rows_there_is_no_curve_of_theirs() -> None:
    run = watching.session_of(bl.fit(table(), "y ~ x", solver="sgd", lr=0.1, steps=5))["runs"][0]
    assert run["held_out"] is None
    assert run["best"] is None


def test_patience_keeps_the_best_step_and_says_so() -> None:
    data = table(40)
    model = bl.fit(data, "y ~ x + z", solver="sgd", lr=0.3, steps=400, patience=6, split=(0.5, 0.5, 0), seed=3)
    run = watching.session_of(model)["runs"][0]
    held = model.trace.held_out.numpy()
    assert run["kept"] == model.step == int(held.argmin())
    assert run["stop"] == "patience"
    assert len(held) == model.step + 7  # the start, and six more that were no better
