"""TODO docstring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.numerics.rows import Square

# Relative eigenvalue below which a direction of the features is noise of float64 moments, not data.
RANK_TOLERANCE = 64 * torch.finfo(torch.float64).eps


def minimum_norm(A: Square, B: Tensor) -> Tensor:
    """The solution of A x = B of smallest norm, for symmetric positive semidefinite A (p, p) and B (p, k).

    Columns are brought to one scale first, so the rank that is found does not depend on anybody's units.
    """
    return minimum_norms(A)(B)


def minimum_norms(A: Square) -> Callable[[Tensor], Tensor]:
    """The same for one B after another: what takes long is done once."""
    if len(A) == 0:
        return torch.zeros_like
    size = A.diagonal().clamp(min=0).sqrt()
    size = torch.where(size > 0, size, 1.0)
    C, unit = A / torch.outer(size, size), size[:, None]
    factor, failed = torch.linalg.cholesky_ex(C)
    if not failed and float(factor.diagonal().min()) ** 2 > 1e-9:  # far from singular: nothing to weigh
        return lambda B: torch.cholesky_solve(B / unit, factor) / unit
    values, vectors = torch.linalg.eigh(C)
    kept = values > values[-1] * RANK_TOLERANCE * max(1.0, len(A) ** 0.5)
    V = vectors[:, kept]
    free = torch.linalg.qr(vectors[:, ~kept] / unit).Q  # directions along which the loss does not change

    def solution(B: Tensor) -> Tensor:
        found = (V @ ((V.T @ (B / unit)) / values[kept, None])) / unit
        return found - free @ (free.T @ found)

    return solution


@dataclass(frozen=True, slots=True)
class Alias:
    """A column that the columns before it already say: its number, and its coefficients on them."""

    column: int
    on: dict[int, float]


def aliases(A: Square) -> list[Alias]:
    """Columns of the features with second moments A (p, p) that are exact combinations of columns before them.

    Elimination in the order of the columns, as R's `lm` does it; columns of no variation come out with nothing to lean on.
    """
    size = A.diagonal().clamp(min=0).sqrt()
    size = torch.where(size > 0, size, 1.0)
    rest = A / torch.outer(size, size)
    tolerance = RANK_TOLERANCE * max(1.0, len(A) ** 0.5)
    factor, failed = torch.linalg.cholesky_ex(rest)
    if not failed and bool((factor.diagonal() ** 2 > 100 * tolerance).all()):  # what is left of each column, in no doubt
        return []
    kept: list[int] = []
    found: list[int] = []
    for j in range(len(A)):
        if float(rest[j, j]) <= tolerance:
            found.append(j)
        else:
            kept.append(j)
            rest = rest - torch.outer(rest[:, j], rest[j]) / rest[j, j]
    if not found:
        return []
    on = minimum_norm(A[kept][:, kept], A[kept][:, found])
    relative = on.abs() * size[kept][:, None] / size[found]
    return [
        Alias(j, {kept[i]: float(on[i, at]) for i in range(len(kept)) if relative[i, at] > 1e-6}) for at, j in enumerate(found)
    ]
