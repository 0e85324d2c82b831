"""The loop of the lessons: what bestline's descent is compared with."""

from __future__ import annotations

import torch

SHORT = 20  # steps of it that are timed; the rest is their multiple


def plain_loop(X: torch.Tensor, y: torch.Tensor, steps: int = SHORT) -> None:
    """nn.Linear, MSELoss, SGD and the loss of each step, where the rows are."""
    model = torch.nn.Linear(X.shape[1], 1, dtype=X.dtype, device=X.device)
    optimizer, criterion = torch.optim.SGD(model.parameters(), lr=0.1), torch.nn.MSELoss()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = criterion(model(X), y)
        loss.backward()
        optimizer.step()
        loss.item()
