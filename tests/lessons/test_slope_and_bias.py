"""Slope and bias: every step of its printed tables, its optimum, its rates."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.data.synthetic import lesson
from bestline.numerics.comoments import Comoments
from bestline.numerics.rows import Rows
from bestline.numerics.scaling import Scaling
from lessons.loops import fitted, loop, sgd, states

pytestmark = pytest.mark.usefixtures("quiet")


# Two float64 computations of the same descent, one on the rows and one on their moments: a hundred steps of rounding.
SAME = {"rel": 1e-9, "abs": 1e-12}


# Tables printed with 12 digits.
PRINTED_12 = {"rel": 1e-9, "abs": 1e-12}


# Numbers a lesson computes in float32, or from torch.randn, whose last bits differ between CPUs.
FLOAT32 = {"rel": 1e-5, "abs": 1e-6}


DATA = Path(__file__).parent.parent / "references"


def table(which: str, lr: float) -> list[dict[str, float]]:
    """The printed trajectory of one run: step, w, b, loss, and where printed dw, db."""
    with (DATA / "trajectories.csv").open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["data"] == which and float(r["lr"]) == lr]
    return [{k: float(v) for k, v in r.items() if k != "data" and v} for r in rows]


class TestSlopeAndBias:
    """60 points, start (-15, -10), 15 steps at rates 0.1 and 0.2."""

    @pytest.mark.parametrize("lr", [0.1, 0.2])
    @pytest.mark.parametrize(("data", "name"), [("exact", "slope-and-bias-exact"), ("seed1", "slope-and-bias")])
    def test_every_step_of_the_float64_tables(self, data: str, name: str, lr: float):
        # torch.randn's last bits carry into the noisy data, but not into the noise-free ones.
        tolerance = PRINTED_12 if data == "exact" else FLOAT32
        made = lesson(name)
        model = fitted(made["x"], made["y"], [-15, -10], bl.Descent("sgd", lr=lr, steps=15))
        printed, trace = table(data, lr), model.trace
        assert trace.step.tolist() == [r["step"] for r in printed] == list(range(16))
        assert trace.weights[:, 0, 0].tolist() == pytest.approx([r["w"] for r in printed], **tolerance)
        assert trace.weights[:, 1, 0].tolist() == pytest.approx([r["b"] for r in printed], **tolerance)
        assert trace.loss.tolist() == pytest.approx([r["loss"] for r in printed], **tolerance)
        assert trace.gradient_norm.tolist() == pytest.approx([math.hypot(r["dw"], r["db"]) for r in printed], **tolerance)

    @pytest.mark.parametrize("lr", [0.1, 0.2])
    def test_every_step_of_the_float32_table(self, lr: float):
        printed, made = table("float32", lr), lesson("slope-and-bias")
        model = fitted(made["x"], made["y"], [-15, -10], bl.Descent("sgd", lr=lr, steps=15))
        plain = loop(made.x, made.y, [-15, -10], sgd(lr), 15, dtype=torch.float32)
        expected = [[r["w"], r["b"], r["loss"]] for r in printed]
        for got in (states(model), plain.states):
            assert np.array(got) == pytest.approx(np.array(expected), **FLOAT32)

    @pytest.mark.parametrize("lr", [0.1, 0.2])
    @pytest.mark.parametrize("standardize", [False, True])
    def test_the_rows_and_the_moments_give_one_trajectory(self, lr: float, standardize: bool):
        made = lesson("slope-and-bias")
        model = fitted(made["x"], made["y"], [-15, -10], bl.Descent("sgd", lr=lr, steps=15), standardize=standardize)
        moments = Comoments.of_rows(Rows(made.x, made.y))
        scaling = Scaling.of(moments, 1, intercept=True, standardize=standardize)
        rows = scaling.rows(Rows(made.x, made.y))
        start = scaling.to_trained(torch.tensor([[-15.0], [-10.0]], dtype=torch.float64))[:, 0].tolist()
        plain = loop(rows.X, rows.y, start, sgd(lr), 15)
        weights = scaling.to_data(torch.tensor([plain.w, plain.b], dtype=torch.float64).T[:, :, None])
        assert model.trace.weights.numpy() == pytest.approx(weights.numpy(), **SAME)
        assert model.trace.loss.tolist() == pytest.approx([v * float(scaling.target_scale) ** 2 for v in plain.loss], **SAME)

    def test_the_data(self):
        made = lesson("slope-and-bias")
        with torch.random.fork_rng():
            torch.manual_seed(1)
            X = torch.arange(-3, 3, 0.1).view(-1, 1)
            Y = 1 * X - 1 + 0.1 * torch.randn(X.size())
        assert (X.shape, X.dtype, X[0].item(), X[59].item()) == ((60, 1), torch.float32, -3.0, 2.9000000953674316)
        assert torch.equal(made.x, X.double())
        assert made.y.numpy() == pytest.approx(Y.double().numpy(), **FLOAT32)
        assert Y[:3, 0].tolist() == pytest.approx([-4.152559757232666, -3.9750232696533203, -3.8653979301452637], **FLOAT32)

    def test_the_optimum_the_curvature_and_the_rates(self):
        made = lesson("slope-and-bias")
        model = fitted(made["x"], made["y"], [-15, -10], "exact")
        assert model.params.tolist() == pytest.approx([1.0063651968778746, -1.0222365608481043], **FLOAT32)
        assert model.trace.loss[-1].item() == pytest.approx(0.007707953051237135, **FLOAT32)
        H = model.trained.objective.smooth.curvature
        assert (2 * H).numpy() == pytest.approx(np.array([[6.0033334, -0.1], [-0.1, 2]]), **FLOAT32)
        assert torch.linalg.eigvalsh(2 * H).tolist() == pytest.approx([1.9975036375, 6.0058297501], rel=1e-9)
        run = fitted(made["x"], made["y"], [-15, -10], "sgd", lr=0.1, steps=15)
        assert run.rate_limit == pytest.approx(0.33300977, rel=1e-7)
        assert 2 / torch.linalg.eigvalsh(2 * H).sum().item() == pytest.approx(0.24989588, rel=1e-7)

    @pytest.mark.parametrize(("share", "stop"), [(0.999, bl.Stop.STEPS), (1.001, bl.Stop.DIVERGED)])
    def test_it_converges_below_the_limit_and_diverges_above(self, share: float, stop: bl.Stop):
        made = lesson("slope-and-bias")
        limit = 0.33300977270925
        model = fitted(made["x"], made["y"], [-15, -10], "sgd", lr=share * limit, steps=20_000)
        assert model.stop is stop
        if stop is bl.Stop.STEPS:
            assert model.trace.gap[-1] < 1e-12
        else:
            assert "above the largest stable one, 0.333" in model.advice

    def test_after_15_steps_it_says_how_far_the_optimum_is(self):
        made = lesson("slope-and-bias")
        model = fitted(made["x"], made["y"], [-15, -10], "sgd", lr=0.1, steps=15)
        assert model.trace.gap[-1].item() == pytest.approx(0.11738371849060059 - 0.007707953051237135, **FLOAT32)
        assert "above that of the exact solution" in model.advice
