"""The mistakes of the lessons that bestline does not make."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor

import bestline as bl
from bestline.api.model import Model
from bestline.data.split import split_sizes
from bestline.data.synthetic import lesson
from bestline.errors import BestlineWarning, DataError, DivergedWarning, NumericalError, OptionError
from lessons.loops import fitted, states

pytestmark = pytest.mark.usefixtures("quiet")


# Two float64 computations of the same descent, one on the rows and one on their moments: a hundred steps of rounding.
SAME = {"rel": 1e-9, "abs": 1e-12}


# Numbers a lesson computes in float32, or from torch.randn, whose last bits differ between CPUs.
FLOAT32 = {"rel": 1e-5, "abs": 1e-6}


# The best of what float64 gives for sums over some fifty numbers.
TIGHT = {"rel": 1e-12, "abs": 1e-12}


class TestMistakesNotMade:
    """One test for each mistake of a lesson that this product must not share."""

    @pytest.mark.parametrize("resolution", [20, 30, 31])
    def test_the_surface_is_the_loss(self, resolution: int):
        made = lesson("slope-and-bias")
        model = fitted(made["x"], made["y"], [-15, -10], "sgd", lr=0.1, steps=15)
        drawn = bl.surface(model, ("x", "Intercept"), span=[(-15, 15), (-10, 12)], resolution=resolution)
        W, B = np.meshgrid(drawn.axes[0].numpy(), drawn.axes[1].numpy())
        r = made["y"].numpy()[:, None, None] - (W * made["x"].numpy()[:, None, None] + B)
        assert drawn.loss.shape == (resolution, resolution)
        assert drawn.loss.numpy() == pytest.approx((r**2).mean(0), **SAME)
        assert drawn.loss[0, 0].item() == pytest.approx(835.276123046875, **FLOAT32)  # and not 908.178, that of (-15, 10)

    def test_the_optimum_is_on_the_surface_wherever_it_is(self):
        x = np.arange(20.0)
        drawn = bl.surface(bl.fit({"x": x, "y": 500 * x - 3_000}, "y ~ x"))
        assert drawn.bottom == pytest.approx((500, -3_000))
        for value, axis in zip(drawn.bottom, drawn.axes, strict=True):
            assert axis[0] < value < axis[-1]

    @pytest.mark.parametrize("standardize", [False, True])
    def test_each_row_of_the_trace_is_one_state(self, standardize: bool):
        made = lesson("slope-and-bias")
        model = fitted(made["x"], made["y"], [-15, -10], "sgd", lr=0.1, steps=15, standardize=standardize)
        x, y = made["x"], made["y"]
        assert len(model.trace) == 16
        for w, b, loss in states(model):
            assert loss == pytest.approx(float(((y - w * x - b) ** 2).mean()), **SAME)
        assert states(model)[0][:2] == pytest.approx([-15, -10], **TIGHT)
        assert states(model)[-1][:2] == model.weights[:, 0].tolist()

    def test_the_loss_reported_is_that_after_the_last_update(self):
        made = lesson("crash-course")
        model = fitted(made["x"], made["y"], [0.5, -0.4], "sgd", lr=0.001, steps=7)
        mse = float(((made["y"].numpy() - model.predict(made["x"])) ** 2).mean())
        facts = model.summary().facts
        assert facts["loss"] == pytest.approx(mse, **SAME)
        assert facts["loss"] < model.trace.loss[6].item()
        assert (facts["steps"], model.step) == (7, 7)

    def test_the_record_is_plain_numbers(self):
        made = lesson("slope-and-bias")
        model = fitted(made["x"], made["y"], [-15, -10], "adam", lr=0.1, steps=3)
        assert all(type(v) in (int, float) for column in model.trace.columns.values() for v in column)
        assert not model.trace.weights.requires_grad
        frame = model.trace.frame()
        assert frame.columns.tolist() == ["step", "loss", "x", "Intercept", "gradient_norm", "gap"]
        assert len(frame) == 4

    def test_a_second_run_knows_nothing_of_the_first(self):
        made = lesson("slope-and-bias")
        run = partial(fitted, made["x"], made["y"], [-15, -10], "sgd", steps=15)
        first, other, again = run(lr=0.1), run(lr=0.2), run(lr=0.1)
        assert torch.equal(first.trace.loss, again.trace.loss)
        assert [len(m.trace) for m in (first, other, again)] == [16, 16, 16]
        assert first.trace.loss[-1] > other.trace.loss[-1]

    def test_no_random_stream_of_anybody_is_moved(self):
        made = lesson("crash-course")

        def taken() -> list[Any]:
            return [np.random.get_state()[1].copy(), np.random.get_state()[2], random.getstate(), torch.get_rng_state()]

        before = taken()
        for options in ({"batch_size": 7}, {"split": (0.6, 0.2, 0.2)}, {"optimizer": "adam"}):
            split = options.pop("split", None)
            bl.fit(made, "y ~ x", solver=bl.Descent(lr=0.001, steps=5, **options), split=split, seed=3)
        for one, other in zip(before, taken(), strict=True):
            assert np.array_equal(one, other) if isinstance(one, np.ndarray | Tensor) else one == other

    def test_the_seed_covers_start_split_and_order(self):
        made = lesson("crash-course")

        def run(seed: int) -> Model:
            return bl.fit(made, "y ~ x", solver=bl.Descent(lr=1e-3, steps=9, batch_size=8), split=(0.7, 0.3), seed=seed)

        one, again, other = run(1), run(1), run(2)
        assert torch.equal(one.trace.weights, again.trace.weights)
        assert torch.equal(one.labels, again.labels)
        assert not torch.equal(one.trace.weights[0], other.trace.weights[0])
        assert not torch.equal(one.labels, other.labels)
        assert one.summary().facts["seed"] == 1

    def test_stochastic_means_one_row_at_a_time(self):
        made = lesson("made-with-ml")
        x, y = made["x"] / 10, made["y"] / 10
        model = fitted(x, y, [0.0, 0.0], bl.Descent("sgd", lr=0.01, steps=1, batch_size=1))
        w, b = model.weights[:, 0].tolist()
        # One update from zero moves the slope by 2 lr y x and the intercept by 2 lr y of a single row.
        assert min(abs(2 * 0.01 * y * x - w) + abs(2 * 0.01 * y - b)) < 1e-12

    def test_a_rate_of_a_tenth_is_too_large_and_the_limit_says_so(self):
        made = lesson("crash-course")
        with pytest.warns(DivergedWarning, match="largest stable one"):
            model = fitted(made["x"], made["y"], [0.5, -0.4], "sgd", lr=0.1, steps=100)
        assert model.stop is bl.Stop.DIVERGED
        assert bool(torch.isfinite(model.trace.loss).all())
        assert model.held_out is None

    def test_forward_and_loss_are_arguments(self):
        x = torch.linspace(-2, 2, 50, dtype=torch.float64)
        data = {"x": x, "y": 0.5 * x**2 - 1}
        model = bl.fit(
            data,
            "y ~ x",
            forward=lambda X, w, b: (X**2) @ w + b,
            loss=lambda prediction, y: (prediction - y) ** 2,
            solver=bl.Descent("lbfgs", steps=30),
        )
        assert model.weights[:, 0].tolist() == pytest.approx([0.5, -1], rel=1e-6)

    @pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, torch.float32, torch.float64, torch.int32, list])
    def test_numbers_of_any_type(self, kind: Any):
        values = [0, 1, 2, 3]
        if kind is list:
            x = values
        else:
            x = torch.tensor(values, dtype=kind) if isinstance(kind, torch.dtype) else np.array(values, dtype=kind)
        model = bl.fit({"x": x, "y": [1.0, 3.0, 5.0, 7.0]}, "y ~ x", solver="adam", lr=0.1, steps=3)
        assert model.weights.dtype == torch.float64
        assert bl.fit({"x": x, "y": [1, 3, 5, 7]}, "y ~ x").params.tolist() == pytest.approx([2, 1], **TIGHT)

    def test_a_constant_column_divides_by_nothing(self):
        data = {"c": [7.0] * 6, "x": [0.0, 1, 2, 3, 4, 5], "y": [1.0, 3, 5, 7, 9, 11]}
        for solver in ("exact", bl.Descent("sgd")):
            with pytest.warns(BestlineWarning, match="`c` is constant"):
                model = bl.fit(data, "y ~ c + x", solver=solver)
            assert bool(model.weights.isfinite().all())
            assert model.predict(data) == pytest.approx(data["y"], rel=1e-6)

    def test_several_features_and_targets(self):
        generator = torch.Generator().manual_seed(0)
        X = torch.randn(50, 3, generator=generator, dtype=torch.float64)
        W = torch.randn(3, 2, generator=generator, dtype=torch.float64)
        for solver in ("exact", bl.Descent("sgd")):
            model = bl.fit((X, X @ W + 1), solver=solver)
            assert model.weights[:3].numpy() == pytest.approx(W.numpy(), rel=1e-6)
            assert model.predict(X).shape == (50, 2)

    def test_shares_become_rows_by_a_rule_that_does_not_truncate(self):
        for n in range(3, 3_000):
            expected = math.ceil(Fraction(3, 10) * n)
            assert split_sizes(n, (0.7, 0.3)) == [n - expected, 0, expected]
        assert split_sizes(50, (0.7, 0.15, 0.15)) == [34, 8, 8]
        assert sum(split_sizes(50, (0.7, 0.15, 0.15))) == 50
        # Test part first, then the validation part of the rest: what scikit-learn does in two steps.
        assert [len(p) for p in train_test_split(range(50), train_size=0.7, random_state=0)] == [35, 15]
        assert [len(p) for p in train_test_split(range(15), train_size=0.5, random_state=0)] == [7, 8]

    @pytest.mark.parametrize("n", [1, 2])
    def test_a_part_that_would_be_empty_is_refused(self, n: int):
        with pytest.raises(DataError, match="would be empty"):
            bl.fit({"x": range(n), "y": range(n)}, "y ~ x", split=(0.7, 0.15, 0.15))

    @pytest.mark.parametrize("n", [4, 5, 10])
    def test_few_rows_are_split_into_parts_that_have_some(self, n: int):
        model = bl.fit({"x": range(n), "y": [v % 3 for v in range(n)]}, "y ~ x", split=(0.6, 0.2, 0.2))
        assert min(model.sizes.values()) >= 1
        assert sum(model.sizes.values()) == n

    def test_the_validation_part_is_watched_and_can_stop_the_training(self):
        made = lesson("made-with-ml")
        solver = bl.Descent("adam", lr=0.1, steps=2_000, patience=20)
        model = bl.fit(made, "y ~ x", solver=solver, split=(0.7, 0.15, 0.15), seed=1)
        assert model.trace.held_out is not None
        assert len(model.trace.held_out) == len(model.trace)
        assert model.stop is bl.Stop.PATIENCE
        assert model.trace.held_out[model.step] == model.trace.held_out.min()
        assert model.held_out.kind == "test"

    def test_scales_come_from_the_training_rows_alone(self):
        made = lesson("made-with-ml")
        model = bl.fit(made, "y ~ x", solver="sgd", lr=0.1, steps=1, split=(0.7, 0.3), seed=1)
        training = made["x"][model.labels == 0]
        assert model.trained.scaling.center[0].item() == pytest.approx(training.mean().item(), **TIGHT)
        assert model.trained.scaling.scale[0].item() == pytest.approx(training.std(correction=0).item(), **TIGHT)

    def test_weights_print_as_numbers(self):
        model = bl.fit(lesson("made-with-ml"), "y ~ x")
        assert f"{model.intercept:.1f} {model.coef['x']:.2f}" == "7.9 3.41"
        assert type(model.intercept) is float

    @pytest.mark.parametrize("bad", [math.nan, math.inf])
    def test_values_that_are_no_numbers_are_refused_by_name(self, bad: float):
        with pytest.raises(DataError, match="`x`"):
            bl.fit({"x": [0.0, 1.0, bad], "y": [0.0, 1.0, 2.0]}, "y ~ x")

    @pytest.mark.parametrize("start", [[1.0], [1.0, 2.0, 3.0], [math.nan, 0.0]])
    def test_a_start_that_does_not_fit_is_refused(self, start: list[float]):
        with pytest.raises(OptionError, match=r"`start` needs (2 )?finite numbers"):
            fitted([0.0, 1.0], [0.0, 1.0], start, "sgd", lr=0.1, steps=1)

    def test_a_start_that_is_no_number_at_all_is_told(self):
        with pytest.raises(NumericalError, match="start"):
            fitted([0.0, 1.0, 2.0], [0.0, 1.0, 3.0], [1e300, 0.0], "sgd", lr=0.1, steps=1)

    def test_optimisers_are_told_by_near_names(self):
        with pytest.raises(OptionError, match="adam"):
            bl.Descent("adamm")
