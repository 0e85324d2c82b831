"""Semidefinite systems: what second moments determine, and which of their columns the others already say.

    A x = B        A = X'X / n of some columns, symmetric and without negative eigenvalues

Where columns are combinations of others, A has no inverse: many x fit equally well, and of those the one of smallest norm is
taken, or the later columns are named and left out. What counts as a combination is decided on columns brought to one size,
C = A_ij / sqrt(A_ii A_jj), so it does not depend on anybody's units; and no other diagonal scaling makes A's condition much
better than that one (van der Sluis 1969, Numerische Mathematik 14:14-23).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.numerics.factorisation import eigenvectors
from bestline.numerics.rows import Square

# Relative eigenvalue below which a direction of the features is noise of float64 moments, not data. Sums of products are
# rounded by a few units, and squaring the columns has squared their condition: what lies deeper was never seen.
RANK_TOLERANCE = 64 * torch.finfo(torch.float64).eps
_FIRM = 1e-9  # least pivot of a Cholesky factor, squared, with which it still leaves 7 of 16 digits: nothing to weigh
_FAINT = 1e-6  # of a column's own size; below it a coefficient of an alias is rounding


def rank_tolerance(p: int) -> float:
    """Relative eigenvalue of p columns below which a direction is noise: rounding adds up as sqrt(p), by chance."""
    return float(RANK_TOLERANCE * max(1.0, p**0.5))


def of_one_size(A: Square) -> tuple[Square, Tensor]:
    """A with its columns brought to one size, so that its diagonal is 1, and those sizes (p,); 1 for columns of zeros."""
    size = A.diagonal().clamp(min=0).sqrt()
    size = torch.where(size > 0, size, 1.0)
    return A / torch.outer(size, size), size


def inverse(A: Square) -> Square | None:
    """The inverse of a positive definite A by its Cholesky factor; None where float64 finds a pivot that is not positive."""
    factor, failed = torch.linalg.cholesky_ex(A)
    return None if failed else torch.cholesky_inverse(factor)


def minimum_norm(A: Square, B: Tensor) -> Tensor:
    """The solution of A x = B of smallest norm, for symmetric positive semidefinite A (p, p) and B (p, k).

    Columns are brought to one scale first, so the rank that is found does not depend on anybody's units.
    """
    return minimum_norms(A)(B)


def minimum_norms(A: Square) -> Callable[[Tensor], Tensor]:
    """The same for one B after another: what takes long is done once."""
    if len(A) == 0:
        return torch.zeros_like
    C, size = of_one_size(A)
    unit = size[:, None]
    factor, failed = torch.linalg.cholesky_ex(C)
    if not failed and float(factor.diagonal().min()) ** 2 > _FIRM:
        return lambda B: torch.cholesky_solve(B / unit, factor) / unit
    values, vectors = eigenvectors(C)
    kept = values > values[-1] * rank_tolerance(len(A))
    V = vectors[:, kept]
    # C's pseudoinverse gives the smallest norm in *its* units. In A's units x = z / size, the directions along which the loss does
    # not change are those of C's null space over size; taking their share out of x leaves the smallest x.
    free = torch.linalg.qr(vectors[:, ~kept] / unit).Q

    def solution(B: Tensor) -> Tensor:
        found = (V @ ((V.T @ (B / unit)) / values[kept, None])) / unit
        return found - free @ (free.T @ found)

    return solution


@dataclass(frozen=True, slots=True)
class Alias:
    """A column that the columns before it already say: its number, its coefficients on them, and whether that is proved."""

    column: int
    on: dict[int, float]
    proved: bool = False


def aliases(A: Square) -> list[Alias]:
    """Columns of the features with second moments A (p, p) that are exact combinations of columns before them.

    Elimination in the order of the columns, as R's `lm` does it; columns of no variation come out with nothing to lean on.
    """
    rest, size = of_one_size(A)
    tolerance = rank_tolerance(len(A))
    factor, failed = torch.linalg.cholesky_ex(rest)
    # The squared pivots are what elimination leaves of each column: a hundred times what counts as nothing leaves no doubt.
    if not failed and bool((factor.diagonal() ** 2 > 100 * tolerance).all()):
        return []
    kept: list[int] = []
    found: list[int] = []
    for j in range(len(A)):
        # Here `rest` holds the second moments of what the kept columns do not say of each column (a Schur complement).
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
        Alias(j, {kept[i]: float(on[i, at]) for i in range(len(kept)) if relative[i, at] > _FAINT})
        for at, j in enumerate(found)
    ]
