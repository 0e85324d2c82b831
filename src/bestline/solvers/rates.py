"""How large a learning rate may be, and which to take when nobody says.

Along a direction of curvature c, a step of rate r multiplies the distance to the bottom by 1 - r c. So descent converges if and
only if r < 2 / L, L being the largest curvature; momentum b moves the limit to 2 (1 + b) / L, Nesterov's to
2 (1 + b) / ((1 + 2 b) L).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim import Optimizer

from bestline.bowl import Bowl
from bestline.objective import Objective, RowLoss, SquaredRows
from bestline.rows import Weights

_DROP = 1e-3  # "converged", when rates are compared: 99.9 % of the drop is made
_HORIZON = 1_000_000  # steps nobody waits for


def curvatures(objective: Objective, at: Weights) -> Tensor:
    """Second derivatives of the loss along its principal directions, ascending: exact for squared loss, else at `at`.

    For other losses only the largest is found, by power iteration on products with the Hessian.
    """
    bowl = objective.bowl
    if bowl is not None:
        return 2 * torch.linalg.eigvalsh(bowl.curvature)
    ridge = 2 * objective.penalty.l2 * float(objective.penalty.factors.max() if len(at) else 0.0)
    return torch.tensor([_largest_curvature(objective.smooth, at) + ridge], dtype=torch.float64)


def limit(optimizer: Optimizer, largest: float) -> float | None:
    """Largest stable rate of full-batch training for curvature `largest`; None where no such limit is known.

    Known for torch's SGD, with momentum and Nesterov's too; weight decay adds to the curvature.
    """
    group = optimizer.param_groups[0]
    if type(optimizer) is not torch.optim.SGD or group["dampening"] or group["maximize"]:
        return None
    largest += group["weight_decay"]
    if largest <= 0:
        return None
    b = group["momentum"]
    return 2 * (1 + b) / ((1 + 2 * b) * largest) if group["nesterov"] else 2 * (1 + b) / largest


def predicted_steps(curvature: Tensor, energy: Tensor, rates: Tensor, drop: float = _DROP) -> Tensor:
    """Steps of plain descent until the loss above the floor is `drop` times that at the start, for each rate (r,).

    `curvature` (d,) and `energy` (d,), the loss above the floor that lies along each direction at the start. Infinite where a
    rate does not get there within a million steps.
    """
    shrink = (1 - rates[:, None] * curvature).abs().clamp(max=1 + 1e-9)  # (r, d)
    t = torch.logspace(0, torch.log10(torch.tensor(float(_HORIZON))), 121, dtype=torch.float64).floor().unique()
    share = (shrink[:, None, :] ** (2 * t[:, None]) @ energy) / energy.sum().clamp(min=1e-300)  # (r, t)
    reached = share <= drop
    first = reached.to(torch.int64).argmax(1)
    return torch.where(reached.any(1), t[first], float("inf"))


def best_rate(bowl: Bowl, start: Weights) -> float:
    """The rate of plain descent with the fewest predicted steps from this start."""
    values, vectors = torch.linalg.eigh(bowl.curvature)
    curvature, largest = 2 * values.clamp(min=0), 2 * float(values[-1])
    if largest <= 0:
        return 1.0
    energy = (values.clamp(min=0)[:, None] * (vectors.T @ (start - bowl.bottom)) ** 2).sum(1)
    rates = torch.linspace(0.05, 0.97, 93, dtype=torch.float64) * 2 / largest
    steps = predicted_steps(curvature, energy, rates)
    return float(rates[int(steps.argmin())]) if bool(steps.isfinite().any()) else 1 / largest


def automatic(optimizer: Optimizer, objective: Objective, start: Weights, batch_size: int | None) -> float:
    """The rate for `lr="auto"`.

    Plain full-batch descent takes the rate of fewest predicted steps; momentum takes 1 / L. On slices of m rows, L is the
    expected smoothness of Gower et al. (2019, ICML), and the rate 1 / (2 L). Optimisers that move every weight by about the
    rate itself, such as Adam, take a twentieth of the way to the bottom.
    """
    bowl = objective.bowl
    if isinstance(optimizer, torch.optim.LBFGS):
        return 1.0
    if not isinstance(optimizer, torch.optim.SGD):
        away = float((start - bowl.bottom).abs().max()) if bowl is not None and len(start) else 2.0
        return max(away / 20, 1e-3)  # a start near the bottom still needs room to move
    largest = float(curvatures(objective, start)[-1]) if len(start) else 0.0
    if not 0 < largest < float("inf"):
        return 0.1
    group = optimizer.param_groups[0]
    if batch_size is not None:
        return 1 / (2 * _expected_smoothness(objective, largest, batch_size)) * (1 - group["momentum"])
    if bowl is not None and not group["momentum"] and not group["weight_decay"]:
        return best_rate(bowl, start)
    return 1 / (largest + group["weight_decay"])


def _expected_smoothness(objective: Objective, largest: float, m: int) -> float:
    slices = objective.slices
    if not isinstance(slices, SquaredRows | RowLoss):
        return largest
    X = slices.rows.X
    n = len(X)
    worst = 2 * float((X**2).sum(1).max() + 1) if n else 1.0
    if n <= 1:
        return max(worst, largest)
    m = min(m, n)
    return n * (m - 1) / (m * (n - 1)) * largest + (n - m) / (m * (n - 1)) * worst


def _largest_curvature(smooth: object, at: Weights, rounds: int = 30) -> float:
    assert isinstance(smooth, RowLoss)  # noqa: S101  the only other Smooth
    leaf = at.detach().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(smooth.losses(leaf).sum(), leaf, create_graph=True)
    if not gradient.requires_grad:  # the loss is linear in the weights: no curvature at all
        return 0.0
    direction = torch.ones_like(at) / max(at.numel(), 1) ** 0.5
    size = 0.0
    for _ in range(rounds):
        (product,) = torch.autograd.grad(gradient, leaf, direction, retain_graph=True, allow_unused=True)
        size = float(product.norm()) if product is not None else 0.0
        if not 0 < size < float("inf"):
            return 0.0
        direction = product / size
    return size
