"""Second moments of the columns as trained are those of the rows, about the mean with an intercept and about zero without."""

from __future__ import annotations

import pytest
import torch

from bestline.numerics import Bowl, Comoments, Scaling, second_moments

ROUNDING = 1e-12  # sums of three hundred products


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("offset", [0.0, 5.0])
def test_second_moments_are_those_of_the_rows(intercept: bool, standardize: bool, offset: float):
    Z = torch.randn(300, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64) + offset
    moments = Comoments.of(Z)
    scaling = Scaling.of(moments, 3, intercept=intercept, standardize=standardize)
    trained = (Z - scaling.center) / scaling.scale
    about = trained - trained.mean(0) if intercept else trained
    assert torch.allclose(second_moments(moments, scaling), about.T @ about / len(Z), rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize("intercept", [True, False])
def test_a_bowl_is_the_loss_of_the_rows(intercept: bool):
    Z = torch.randn(300, 5, generator=torch.Generator().manual_seed(4), dtype=torch.float64) + 1
    moments = Comoments.of(Z)
    scaling = Scaling.of(moments, 3, intercept=intercept, standardize=True)
    bowl = Bowl.of(moments, scaling)
    trained = (Z - scaling.center) / scaling.scale
    X = torch.cat([trained[:, :3], torch.ones(300, int(intercept)).double()], 1)
    w = torch.randn(3 + intercept, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    residual = X @ w - trained[:, 3:]
    losses, gradient = bowl.evaluate(w)
    assert torch.allclose(losses, residual.square().mean(0), rtol=ROUNDING)
    assert torch.allclose(gradient, 2 * X.T @ residual / 300, rtol=ROUNDING, atol=ROUNDING)
    ridge = torch.tensor([0.5, 0.0, 2.0, 0.0], dtype=torch.float64)[: 3 + intercept]
    assert torch.allclose(bowl.with_ridge(ridge).losses(w), losses + (ridge[:, None] * w**2).sum(0), rtol=ROUNDING)
