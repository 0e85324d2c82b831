"""Objectives: the loss of the moments is that of the rows, and its gradient autograd's."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import bestline as bl
from bestline.errors import OptionError
from bestline.numerics.bowl import Bowl
from bestline.numerics.comoments import Comoments
from bestline.numerics.rows import Rows
from bestline.numerics.scaling import Scaling
from bestline.training.losses import squared
from bestline.training.objective import Objective, RowLoss, SquaredRows, line
from bestline.training.penalty import ElasticNetPenalty
from bestline.training.solvers import Stop
from training.examples import some_rows

seeds = st.integers(0, 10_000)


def bowl_and_rows(rows: Rows, *, intercept: bool, standardize: bool) -> tuple[Bowl, Rows, Scaling]:
    moments = Comoments.of_rows(rows)
    scaling = Scaling.of(moments, rows.X.shape[1], intercept=intercept, standardize=standardize)
    return Bowl.of(moments, scaling), scaling.rows(rows), scaling


@given(seeds, st.booleans(), st.booleans(), st.booleans())
def test_the_loss_of_the_moments_is_the_loss_of_the_rows_and_its_gradient_autograds(
    seed: int, intercept: bool, standardize: bool, weighted: bool
) -> None:
    bowl, rows, scaling = bowl_and_rows(some_rows(seed, k=2, weighted=weighted), intercept=intercept, standardize=standardize)
    w = torch.randn(3 + intercept, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    by_rows = SquaredRows(rows, intercept)
    by_autograd = RowLoss(rows, squared, lambda X, v: line(X, v, intercept=intercept))
    for other in (by_rows, by_autograd):
        losses, gradient = other.evaluate(w)
        assert torch.allclose(bowl.evaluate(w)[0], losses, rtol=1e-9)
        assert torch.allclose(bowl.evaluate(w)[1], gradient, rtol=1e-9, atol=1e-9 * float(gradient.abs().max()))
    assert bool((bowl.losses(w) >= bowl.floor).all())
    assert bool((bowl.gradient(bowl.bottom).abs() < 1e-9).all())
    data_weights = scaling.to_data(w)
    assert torch.allclose(scaling.to_trained(data_weights), w, rtol=1e-9, atol=1e-9)


@given(seeds, st.booleans(), st.booleans())
def test_a_gradient_translates_to_the_datas_units(seed: int, intercept: bool, standardize: bool) -> None:
    raw = some_rows(seed, k=2)
    bowl, _, scaling = bowl_and_rows(raw, intercept=intercept, standardize=standardize)
    w = torch.randn(3 + intercept, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    expected = SquaredRows(raw, intercept).evaluate(scaling.to_data(w))[1]
    got = scaling.gradient_to_data(bowl.gradient(w))
    assert torch.allclose(got, expected, rtol=1e-8, atol=1e-8 * float(expected.abs().max()))


@given(seeds, st.booleans(), st.booleans())
def test_a_change_of_the_weights_is_the_same_wherever_the_line_lies(seed: int, intercept: bool, standardize: bool) -> None:
    _, _, scaling = bowl_and_rows(some_rows(seed, k=2), intercept=intercept, standardize=standardize)
    one, other = torch.randn(2, 3 + intercept, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    apart = scaling.to_data(one) - scaling.to_data(other)
    size = 1e-9 * float(scaling.to_data(one).abs().max() + 1)
    assert torch.allclose(scaling.of_changes.to_data(one - other), apart, rtol=1e-9, atol=size)
    assert torch.allclose(scaling.of_changes.to_trained(apart), one - other, rtol=1e-9, atol=1e-9)


def test_objectives_of_moments_refuse_slices() -> None:
    rows = some_rows(0)
    moments = bl.Moments.collect((rows.X, rows.y))
    with pytest.raises(OptionError, match="moments only"):
        bl.fit(moments, solver="sgd", lr=0.1, batch_size=4)
    assert bl.fit(moments, solver="sgd", lr=0.1, steps=4).stop is Stop.STEPS


def test_an_objective_is_a_frozen_thing_of_parts() -> None:
    bowl, rows, _ = bowl_and_rows(some_rows(0), intercept=True, standardize=True)
    objective = Objective(
        bowl, ElasticNetPenalty.on_slopes(0, 0.5, 3, intercept=True), SquaredRows(rows, True), torch.ones(4, 1).double()
    )
    w = torch.ones(4, 1, dtype=torch.float64)
    everything = torch.arange(len(rows))
    assert torch.allclose(objective.evaluate(w, objective.slices.on(everything))[1], objective.evaluate(w)[1], rtol=1e-10)
    assert objective.value(w) == pytest.approx(float(bowl.losses(w)) + 0.5 * 3)
