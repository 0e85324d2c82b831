"""The crash course: its four orders of drawing, its losses to the printed digits, the third that diverges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import bestline as bl
from bestline.data.synthetic import lesson
from bestline.errors import BestlineWarning, DataError, DivergedWarning, ShapeError
from lessons.loops import drawn, fitted, loop, sgd, states

pytestmark = pytest.mark.usefixtures("quiet")


# Two float64 computations of the same descent, one on the rows and one on their moments: a hundred steps of rounding.
SAME = {"rel": 1e-9, "abs": 1e-12}


# Numbers a lesson computes in float32, or from torch.randn, whose last bits differ between CPUs.
FLOAT32 = {"rel": 1e-5, "abs": 1e-6}


# The best of what float64 gives for sums over some fifty numbers.
TIGHT = {"rel": 1e-12, "abs": 1e-12}


DIVERGED = 489465118720.0


@dataclass(frozen=True)
class Order:
    """What one order of drawing gives: losses printed at epochs 0 and 99 at two rates, and the facts of its data."""

    name: str
    start: tuple[float, float]
    loss0: float
    loss99: float
    loss99_small: float
    final: tuple[float, float]
    least_squares: tuple[float, float, float]
    limit: float


ORDERS = [
    Order(
        "data first",
        (0.9846, -0.2130),
        10.461551666259766,
        9.988332748413086,
        10.05007553100586,
        (1.0453596115, 0.0631701127),
        (1.0532602100, 0.1098590625, 9.981181287645631),
        0.0101095,
    ),
    Order(
        "seeded twice",
        (0.5153, -0.4414),
        37.701290130615234,
        10.346463203430176,
        10.18835163116455,
        (0.9926767349243164, 0.029867010191082954),
        (1.0532602100, 0.1098590625, 9.981181287645631),
        0.0101095,
    ),
    Order(
        "line first",
        (0.5153, -0.4414),
        36.448326110839844,
        DIVERGED,
        8.503543853759766,
        (-76424.84, 1031.97),
        (1.0329893443, -0.0327001416, 8.38868928537028),
        0.0094050,
    ),
]


STABLE = ORDERS[:2]


each_order = pytest.mark.parametrize("order", ORDERS, ids=lambda o: o.name)


each_stable_order = pytest.mark.parametrize("order", STABLE, ids=lambda o: o.name)


# At 99% of the stable limit a slope rounded to float32 stays off for all of the hundred steps.
NEAR_THE_LIMIT = {"rel": 1e-4, "abs": 1e-6}


class TestCrashCourse:
    """The line as tensors, as nn.Linear and as an own module; the spreadsheet; and 100 points at the edge of stability."""

    def test_a_known_line_predicts(self):
        x = torch.arange(5, dtype=torch.float64)
        model = bl.fit({"x": x, "y": 3 * x + 1}, "y ~ x")
        assert model.predict(2) == pytest.approx(7, **TIGHT)
        assert model.predict([[4], [7]]) == pytest.approx([13, 22], **TIGHT)

    @pytest.mark.parametrize("given", [2.0, 2, [2.0], [2], [[2.0]], torch.tensor(2.0), torch.tensor(2), torch.tensor([2])])
    def test_any_number_list_or_column_can_be_predicted_for(self, given: Any):
        got = bl.fit({"x": [0, 1, 2], "y": [1, 3, 5]}, "y ~ x").predict(given)
        assert np.ravel(got).tolist() == pytest.approx([5.0], **TIGHT)
        assert isinstance(got, float) == (isinstance(given, int | float) or (isinstance(given, Tensor) and given.ndim == 0))

    @pytest.mark.parametrize("given", [np.float64(2), np.float32(2), np.int64(2), np.array(2.0)])
    def test_a_number_of_numpy_is_a_number(self, given: Any):
        got = bl.fit({"x": [0, 1, 2], "y": [1, 3, 5]}, "y ~ x").predict(given)
        assert isinstance(got, float)
        assert got == pytest.approx(5.0, **TIGHT)

    @staticmethod
    def seeded(make: Callable[[], nn.Module]) -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(1)
            return make()

    @pytest.mark.parametrize("kind", ["nn.Linear", "own module", "weights"])
    def test_three_ways_of_predicting_give_one_answer(self, kind: str):
        class Own(nn.Module):
            def __init__(self, inputs: int, outputs: int) -> None:
                super().__init__()
                self.linear = nn.Linear(inputs, outputs)

            def forward(self, x: Tensor) -> Tensor:
                return self.linear(x)

        module = self.seeded(partial(nn.Linear, 1, 1) if kind != "own module" else partial(Own, 1, 1))
        weight, bias = (p.item() for p in module.parameters())
        assert [weight, bias] == pytest.approx([0.5152631998062134, -0.44137823581695557], rel=1e-7)
        if kind == "weights":
            model = fitted([0.0, 1.0], [0.0, 1.0], [weight, bias], "sgd", steps=0, lr=0.1)
        else:
            untouched = module.double()
            model = bl.fit({"x": [0.0, 1.0], "y": [0.0, 1.0]}, "y ~ x", forward=untouched, solver="sgd", lr=0.1, steps=0)
        assert model.weights[:, 0].tolist() == [weight, bias]
        assert model.predict([2.0, 3.3]) == pytest.approx([0.5891481637954712, 1.2589902877807617], **FLOAT32)
        assert model.predict([[1], [2]]) == pytest.approx([0.07388496398925781, 0.5891481637954712], **FLOAT32)

    def test_the_errors_of_some_weights_on_one_point(self):
        model = bl.fit({"x": [-3.0], "y": [3.0]}, "y ~ x - 1", solver="sgd", lr=0.01, steps=0, start=[-1.5], standardize=False)
        drawn = bl.surface(model, ("x",), span=[(-2, 2)], resolution=9)
        errors = dict(zip(drawn.axes[0].tolist(), drawn.loss.tolist(), strict=True))
        assert {w: errors[w] for w in (-2, -1.5, 1.5, 2)} == pytest.approx({-2: 9, -1.5: 2.25, 1.5: 56.25, 2: 81}, **TIGHT)
        assert (errors[-1], drawn.bottom, drawn.floor) == (pytest.approx(0, abs=1e-12), pytest.approx((-1,)), pytest.approx(0))

    def test_the_spreadsheet(self):
        model = bl.fit({"x": [-3.0], "y": [3.0]}, "y ~ x - 1", solver="sgd", lr=0.01, steps=40, start=[-1.5], standardize=False)
        w = [-1 - 0.5 * 0.82**k for k in range(41)]
        assert model.names == ("x",)
        assert model.trace.weights[:, 0, 0].tolist() == pytest.approx(w, **TIGHT)
        assert model.trace.loss.tolist() == pytest.approx([9 * (v + 1) ** 2 for v in w], **SAME)
        assert model.trace.loss[1:3].tolist() == pytest.approx([1.5129, 1.01727396], **TIGHT)
        printed = {
            10: (-1.0687240156679805, 0.04250691296579553),
            20: (-1.0094459806590654, 8.03e-4),
            40: (-1.000178453101223, 2.87e-7),
        }
        for k, (weight, loss) in printed.items():
            assert model.trace.weights[k, 0, 0].item() == pytest.approx(weight, **TIGHT)
            assert model.trace.loss[k].item() == pytest.approx(loss, rel=2e-3)
        assert model.rate_limit == pytest.approx(1 / 9, **TIGHT)

    def test_the_recommended_order_is_the_lesson_by_name(self):
        X, y, start = drawn("seeded twice")
        made = lesson("crash-course")
        assert made.x.numpy() == pytest.approx(X.numpy(), **FLOAT32)
        assert made.y.numpy() == pytest.approx(y.numpy(), **FLOAT32)
        assert made.truth["run"] == {
            "solver": "sgd",
            "lr": 0.01,
            "steps": 100,
            "start": {"x": start[0], "Intercept": start[1]},
            "standardize": False,
        }

    @each_order
    def test_least_squares_and_the_limit_of_each_order(self, order: Order):
        X, y, start = drawn(order.name)
        assert start == pytest.approx(order.start, abs=5e-5)
        model = fitted(X[:, 0], y[:, 0], start, "sgd", lr=0.001, steps=100)
        assert model.rate_limit == pytest.approx(order.limit, rel=1e-5)
        exact = fitted(X[:, 0], y[:, 0], start, "exact")
        assert [*exact.params, exact.trace.loss[-1].item()] == pytest.approx(order.least_squares, **FLOAT32)

    @each_order
    def test_losses_of_each_order_at_the_small_rate(self, order: Order):
        X, y, start = drawn(order.name)
        plain = loop(X, y, start, sgd(0.001), 100, dtype=torch.float32)
        model = fitted(X[:, 0], y[:, 0], start, "sgd", lr=0.001, steps=100)
        for losses in (plain.loss, model.trace.loss.tolist()):
            assert [losses[0], losses[99]] == pytest.approx([order.loss0, order.loss99_small], **FLOAT32)
        assert states(model)[::10] == [pytest.approx(s, **SAME) for s in loop(X, y, start, sgd(0.001), 100).states[::10]]

    @each_stable_order
    def test_losses_of_the_stable_orders_at_the_edge(self, order: Order):
        X, y, start = drawn(order.name)
        plain = loop(X, y, start, sgd(0.01), 100, dtype=torch.float32)
        model = fitted(X[:, 0], y[:, 0], start, "sgd", lr=0.01, steps=100)
        assert model.stop is bl.Stop.STEPS
        for seen in (plain.states, states(model)):
            assert [seen[0][2], seen[99][2]] == pytest.approx([order.loss0, order.loss99], **NEAR_THE_LIMIT)
            assert seen[100][:2] == pytest.approx(order.final, **NEAR_THE_LIMIT)
        assert states(model)[::10] == [pytest.approx(s, **SAME) for s in loop(X, y, start, sgd(0.01), 100).states[::10]]

    def test_the_third_order_diverges_and_is_told_so(self):
        order = ORDERS[2]
        X, y, start = drawn(order.name)
        plain = loop(X, y, start, sgd(0.01), 100, dtype=torch.float32)
        assert plain.loss[99] == pytest.approx(DIVERGED, rel=1e-3)  # rounding grows with it
        assert [plain.w[100], plain.b[100]] == pytest.approx(order.final, rel=1e-3)
        with pytest.warns(DivergedWarning, match="above the largest stable one, 0.009405"):
            model = fitted(X[:, 0], y[:, 0], start, "sgd", lr=0.01, steps=100)
        assert model.stop is bl.Stop.DIVERGED
        assert bool(model.weights.isfinite().all())
        reached = len(model.trace) - 1
        assert model.trace.loss.tolist() == pytest.approx(plain.loss[: reached + 1], rel=1e-3)
        cured = fitted(X[:, 0], y[:, 0], start, "sgd", lr="auto")
        assert cured.stop is bl.Stop.CONVERGED
        assert cured.params.tolist() == pytest.approx(order.least_squares[:2], **FLOAT32)

    def test_gradients_that_are_not_cleared_add_up(self):
        X, y, start = drawn("seeded twice")
        model = self.seeded(partial(nn.Linear, 1, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
        losses = []
        for _ in range(100):
            loss = ((model(X) - y) ** 2).mean()
            losses.append(loss.item())
            loss.backward()  # and no zero_grad
            optimizer.step()
        assert losses[99] == pytest.approx(28.38, abs=0.005)
        cleared = fitted(X[:, 0], y[:, 0], start, "sgd", lr=0.001, steps=99)
        assert cleared.trace.loss[-1].item() == pytest.approx(10.188, abs=5e-4)

    def test_a_column_against_a_flat_target_broadcasts_nowhere(self):
        X, y, start = drawn("seeded twice")
        with torch.random.fork_rng(), pytest.warns(UserWarning, match="size"):
            wrong = nn.MSELoss()(X * start[0] + start[1], y[:, 0]).item()
        right = 37.701290130615234
        assert wrong > 3 * right
        for target in (y, y[:, 0]):
            model = bl.fit((X, target), solver="sgd", lr=0.001, steps=0, start=start, standardize=False)
            assert model.trace.loss[0].item() == pytest.approx(right, **FLOAT32)
        with pytest.raises((ShapeError, DataError)):
            bl.fit((X, y[:-1]))

    def test_predictions_far_outside_the_data_are_flagged(self):
        model = bl.fit({"x": [0.0, 1.0, 2.0], "y": [0.1, 1.0, 2.0]}, "y ~ x")
        with pytest.warns(BestlineWarning, match="far outside the range"):
            model.predict(30.0)
