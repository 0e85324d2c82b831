"""The loop: steps, seeds, reasons to stop, and what a learner sees."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import bestline as bl
from bestline.errors import BestlineWarning
from bestline.numerics.rows import minibatches
from bestline.training.objective import line
from bestline.training.solvers import Descent, Stop
from training.examples import some_rows

seeds = st.integers(0, 10_000)


def test_k_updates_make_k_plus_one_rows_and_each_loss_is_at_its_own_weights(quiet: None) -> None:
    rows = some_rows(5)
    model = bl.fit((rows.X, rows.y), solver="adam", lr=0.05, steps=20, seed=3)
    trace = model.trace
    assert trace.step.tolist() == list(range(21))
    for t in (0, 7, 20):
        residual = line(rows.X, trace.weights[t], intercept=True) - rows.y
        assert float(trace.loss[t]) == pytest.approx(float((residual**2).mean()), rel=1e-10)
    assert torch.equal(trace.weights[-1], model.weights)
    exact = bl.fit((rows.X, rows.y))
    assert (trace.loss - trace.gap).tolist() == pytest.approx([float(exact.trace.loss[-1])] * 21, rel=1e-9)
    frame = trace.frame()
    assert list(frame.columns) == ["step", "loss", "x0", "x1", "x2", "Intercept", "gradient_norm", "gap"]


@pytest.mark.parametrize(("loss", "over", "under"), [("absolute", 1.0, 1.0), ("quantile:0.8", 0.2, 0.8)])
@pytest.mark.parametrize("standardize", [True, False])
def test_a_gradient_is_that_of_the_datas_loss_in_the_datas_weights(
    loss: str, over: float, under: float, standardize: bool, quiet: None
) -> None:
    """Of a loss that is not a square, too: its slope at a row is a number, and has no unit to be scaled by."""
    rows = some_rows(5)
    y = 40 * rows.y[:, :1]
    model = bl.fit((rows.X, y), loss=loss, solver="sgd", lr=0.3, steps=4, standardize=standardize)
    X = torch.cat([rows.X, torch.ones(len(rows.X), 1, dtype=rows.X.dtype)], 1)
    for k in range(5):
        above = (X @ model.trace.weights[k] > y).double()
        slope = over * above - under * (1 - above)
        assert float(model.trace.gradient_norm[k]) == pytest.approx(float((X.T @ slope / len(y)).norm()), rel=1e-9)


def test_zero_steps_are_the_start() -> None:
    rows = some_rows(5)
    model = bl.fit((rows.X, rows.y), solver="sgd", lr=0.1, steps=0, start=[1, 2, 3, 4])
    assert model.weights[:, 0].tolist() == pytest.approx([1, 2, 3, 4])
    assert len(model.trace) == 1


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    rows = some_rows(5)
    runs = [bl.fit((rows.X, rows.y), solver="sgd", lr=0.01, steps=30, batch_size=4, seed=s) for s in (1, 1, 2)]
    assert torch.equal(runs[0].weights, runs[1].weights)
    assert not torch.equal(runs[0].weights, runs[2].weights)


@given(st.integers(1, 50), st.integers(1, 60), seeds)
def test_an_epoch_shows_every_row_once(n: int, size: int, seed: int) -> None:
    slices = minibatches(n, size, seed)
    for _ in range(2):
        epoch = torch.cat([next(slices) for _ in range(-(-n // min(size, n)))])
        assert epoch.sort().values.tolist() == list(range(n))


def test_it_stops_when_nothing_is_left_to_correct() -> None:
    rows = some_rows(5)
    model = bl.fit((rows.X, rows.y), solver="sgd")
    assert model.stop is Stop.CONVERGED
    assert model.weights.numpy() == pytest.approx(bl.fit((rows.X, rows.y)).weights.numpy(), rel=1e-7)
    assert len(bl.fit((rows.X, rows.y), solver="sgd", tol=1e-3).trace) < len(model.trace)


def test_early_stopping_keeps_the_best_weights_and_says_so(quiet: None) -> None:
    rows = some_rows(7, n=30, p=15)
    model = bl.fit((rows.X, rows.y), split=(0.6, 0.2, 0.2), solver=Descent("adam", lr=0.05, steps=4_000, patience=25))
    held_out = model.trace.held_out
    assert held_out is not None
    assert model.stop is Stop.PATIENCE
    assert model.step == int(held_out.argmin()) == int(model.trace.step[-1]) - 25
    assert torch.equal(model.weights, model.trace.weights[model.step])
    assert model.summary().facts["loss"] == pytest.approx(float(model.trace.loss[model.step]))
    with pytest.warns(BestlineWarning, match="holds out one fold"):
        bl.fit((rows.X, rows.y), solver=Descent("sgd", lr=0.01, steps=5, patience=2))


def test_the_held_out_curve_is_the_loss_of_the_held_out_rows() -> None:
    rows = some_rows(7, n=200)
    model = bl.fit((rows.X, rows.y), split=(0.7, 0.15, 0.15), solver="sgd", lr=0.1, steps=7)
    kept = next(iter(model.rows("validation")))
    for t in (0, 7):
        residual = line(kept.X, model.trace.weights[t], intercept=True) - kept.y
        assert float(model.trace.held_out[t]) == pytest.approx(float((residual**2).mean()), rel=1e-9)
    test = next(iter(model.rows("test")))
    assert model.held_out.kind == "test"
    assert model.held_out.rmse == pytest.approx(model.evaluate((test.X, test.y)).rmse)
    trained = next(iter(model.rows("training")))
    spread = trained.X.std(0, correction=0)
    assert torch.allclose(model.trained.scaling.scale[:3], spread, rtol=1e-10)  # the training rows' own


def test_ctrl_c_keeps_what_was_learnt() -> None:
    rows = some_rows(5)

    def stop(step: bl.Step) -> None:
        if step.index == 12:
            raise KeyboardInterrupt

    with pytest.warns(BestlineWarning, match="Interrupted at step 12"):
        model = bl.fit((rows.X, rows.y), solver="sgd", lr=0.01, steps=10_000, watch=stop)
    assert model.stop is Stop.INTERRUPTED
    assert model.step == 12


def test_watchers_hear_every_step_in_the_datas_units() -> None:
    rows = some_rows(5)
    heard: list[bl.Step] = []
    model = bl.fit((rows.X, rows.y), solver="adam", lr=0.01, steps=5, watch=heard.append)
    assert [s.index for s in heard] == list(range(6))
    for step, weights, loss in zip(heard, model.trace.weights, model.trace.loss, strict=True):
        assert torch.allclose(step.weights, weights)
        assert step.loss == pytest.approx(float(loss))
