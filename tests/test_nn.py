"""MomentLoss is the loss of the rows."""

from __future__ import annotations

import pytest
import torch

import bestline as bl
from bestline.numerics import MANY_TARGETS


@pytest.mark.parametrize("k", [2, MANY_TARGETS + 1])  # of very many targets moments hold no product of two
def test_moment_loss_is_the_loss_of_the_rows(k: int) -> None:
    generator = torch.Generator().manual_seed(0)
    X, y = (
        torch.randn(500, 3, generator=generator, dtype=torch.float64) + 50,
        torch.randn(500, k, generator=generator, dtype=torch.float64),
    )
    linear = torch.nn.utils.skip_init(torch.nn.Linear, 3, k, dtype=torch.float64)
    torch.nn.init.normal_(linear.weight, generator=generator)
    torch.nn.init.zeros_(linear.bias)
    loss = bl.nn.MomentLoss(bl.Moments.collect((X, y)))
    expected = torch.nn.functional.mse_loss(linear(X), y)
    got = loss(linear.weight, linear.bias)
    assert got.item() == pytest.approx(expected.item(), rel=1e-12)
    for a, b in zip(
        torch.autograd.grad(got, linear.parameters()), torch.autograd.grad(expected, linear.parameters()), strict=True
    ):
        assert torch.allclose(a, b, rtol=1e-10)
