"""The lessons' own loops: what a learner would have written by hand, to compare with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

import bestline as bl
from bestline.api.model import Model


def fitted(x: Any, y: Any, start: Sequence[float], solver: Any, *, standardize: bool = False, **options: Any) -> Model:
    """bestline on given rows from a given start (slope, intercept) in the data's units."""
    return bl.fit({"x": x, "y": y}, "y ~ x", solver=solver, start=list(start), standardize=standardize, **options)


def states(model: Model) -> list[list[float]]:
    """(w, b, loss) of every step 0..K."""
    trace = model.trace
    return torch.cat([trace.weights[:, :, 0], trace.loss[:, None]], 1).tolist()


@dataclass(frozen=True)
class Loop:
    """What the loop of a lesson passes through: weights and loss at every step 0..K."""

    w: list[float]
    b: list[float]
    loss: list[float]

    @property
    def states(self) -> list[list[float]]:
        return [list(row) for row in zip(self.w, self.b, self.loss, strict=True)]


def loop(
    x: Tensor,
    y: Tensor,
    start: Sequence[float],
    optimizer: Callable[..., torch.optim.Optimizer],
    steps: int,
    *,
    dtype: torch.dtype = torch.float64,
) -> Loop:
    """The loop that every lesson writes: nn.Linear, MSELoss, zero_grad, backward, step; the loss at every step 0..K."""
    with torch.random.fork_rng():
        model = nn.Linear(1, 1, dtype=dtype)
    with torch.no_grad():
        model.weight.fill_(start[0])
        model.bias.fill_(start[1])
    X, Y = x.reshape(-1, 1).to(dtype), y.reshape(-1, 1).to(dtype)
    rule, criterion = optimizer(model.parameters()), nn.MSELoss()
    seen = Loop([], [], [])
    for k in range(steps + 1):
        loss = criterion(model(X), Y)
        seen.w.append(model.weight.item())
        seen.b.append(model.bias.item())
        seen.loss.append(loss.item())
        if k < steps:
            rule.zero_grad()
            loss.backward()
            rule.step()
    return seen


def sgd(lr: float, **options: float) -> Callable[..., torch.optim.Optimizer]:
    return partial(torch.optim.SGD, lr=lr, **options)


def drawn(order: str) -> tuple[Tensor, Tensor, list[float]]:
    """100 points around y = x and an nn.Linear(1, 1), drawn from torch's stream in one of three orders."""

    def data() -> tuple[Tensor, Tensor]:
        X = torch.randn(100, 1) * 10
        return X, X + 3 * torch.randn(100, 1)

    def weights() -> list[float]:
        model = nn.Linear(1, 1)
        return [model.weight.item(), model.bias.item()]

    with torch.random.fork_rng():
        torch.manual_seed(1)
        if order == "line first":
            start = weights()
            return *data(), start
        X, y = data()
        if order == "seeded twice":
            torch.manual_seed(1)
        return X, y, weights()
