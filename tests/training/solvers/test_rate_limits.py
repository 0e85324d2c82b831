"""Steps foreseen, against the recurrence made step by step: where the roots meet, where they are apart, where they swing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bestline.training.solvers.rate_limits import Modes, predicted_steps


def losses(rate: float, momentum: float, nesterov: bool, steps: int = 6_000) -> np.ndarray:
    """Above the floor, after 0, 1, 2, ... steps of torch's SGD: v <- b v + g, w <- w - rate (g + b v, or v)."""
    w, v, path = np.longdouble(1), np.longdouble(0), []
    for t in range(steps + 1):
        path.append(w)
        v = momentum * v + w if t else w
        w = w - np.longdouble(rate) * (w + momentum * v if nesterov else v)
    return np.array(path) ** 2


@pytest.mark.parametrize("away", [0.0, 1e-14, 1e-12, 1e-11, 1e-10, 1e-9, 1e-6, 1e-3, -1e-12, -1e-10, -1e-9, -1e-6])
@pytest.mark.parametrize(("momentum", "nesterov"), [(0.9, False), (0.99, False), (0.9, True)])
def test_steps_are_foreseen_to_the_last_where_two_roots_meet(momentum: float, nesterov: bool, away: float) -> None:
    """Of l^2 - trace l + product: where trace^2 = 4 product. With heavy-ball momentum b that is (1 + b - r)^2 = 4 b, with
    Nesterov's ((1 + b) (1 - r))^2 = 4 b (1 - r)."""
    meet = 1 - 4 * momentum / (1 + momentum) ** 2 if nesterov else (1 - momentum**0.5) ** 2
    rate, one = meet * (1 + away), torch.ones(1, dtype=torch.float64)
    path = losses(rate, momentum, nesterov)
    for left in (1e-2, 1e-3, 1e-5, 1e-7):
        # Just above and just below the loss of a step: so the loss itself is foreseen, and not only its size.
        near = float(path[np.flatnonzero(path > left)[-1] + 1])
        for level in (near * (1 + 1e-5), near * (1 - 1e-5)):
            found = predicted_steps(Modes(one, one), rate * one, level, momentum=momentum, nesterov=nesterov)
            assert int(found) == np.flatnonzero(path > level)[-1] + 1, (left, level)
