"""Factorisation: eigenvalues and singular values, with a way on where LAPACK's iterations give up.

    A = V diag(l) V'        B = U diag(s) W'

LAPACK divides and conquers, which now and then does not converge where many values are equal, as for columns of categories. What
it was given is tried by a second build of it, NumPy's; and then by rotations: pairs of columns are turned until all stand at right
angles, which takes longer and always arrives (Hestenes 1958; Demmel & Veselic 1992, SIAM J. Matrix Anal. 13:1204-1245). Numbers
that are not finite have no factors, and are refused in words. Every factorisation of the tree that can fail is made here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bestline.errors import NumericalError
from bestline.numerics.rows import Square

_SWEEPS = 60  # through all pairs; ten are usual, for the angles are squared in each
_RIGHT = 4 * torch.finfo(torch.float64).eps  # cosine below which two columns count as at right angles
_FAILED = (torch.linalg.LinAlgError, np.linalg.LinAlgError)  # type: ignore[attr-defined]  # documented, not exported


def eigenvectors(A: Square) -> tuple[Tensor, Square]:
    """Eigenvalues (..., p), ascending, and eigenvectors (..., p, p), of symmetric matrices without large negative eigenvalues.

    Raises NumericalError where A holds numbers that are not finite.
    """
    _refuse_infinite(A)
    return _first_to_arrive(A, (torch.linalg.eigh, _by_numpy(np.linalg.eigh), _each(_eigen_by_rotations)))


def eigenvalues(A: Square) -> Tensor:
    """The eigenvalues alone, (..., p), ascending."""
    _refuse_infinite(A)
    methods = (torch.linalg.eigvalsh, _by_numpy(np.linalg.eigvalsh), lambda B: _each(_eigen_by_rotations)(B)[0])
    return _first_to_arrive(A, methods)


def singular_vectors(B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U (n, r), s (r,), descending, and W' (r, p) of B (n, p), r = min(n, p).

    Raises NumericalError where B holds numbers that are not finite.
    """
    _refuse_infinite(B)

    def thin(library: Any) -> Callable[[Any], Any]:
        return lambda M: library.svd(M, full_matrices=False)

    return _first_to_arrive(B, (thin(torch.linalg), _by_numpy(thin(np.linalg)), by_rotations))


def singular_values(B: Tensor) -> Tensor:
    """The singular values alone, descending."""
    return singular_vectors(B)[1]


def least_squares(A: Tensor, B: Tensor) -> Tensor:
    """The x of least |A x - B|, of smallest norm, (p, k), for A (n, p) and B (n, k): singular values below rounding count as 0."""
    U, s, Wt = singular_vectors(A)
    there = s > torch.finfo(torch.float64).eps * max(A.shape) * s[:1]
    return Wt[there].T @ ((U[:, there].T @ B) / s[there, None])


def pseudo_inverse(A: Square) -> Square:
    """Of symmetric semidefinite matrices (..., p, p): a direction with no more than rounding in it has no inverse, and gets 0."""
    values, vectors = eigenvectors(A)
    least = values[..., -1:] * A.shape[-1] * torch.finfo(torch.float64).eps
    turned = torch.where(values > least, 1 / torch.where(values > least, values, 1.0), 0.0)
    return (vectors * turned[..., None, :]) @ vectors.mT


def inverted(A: Square) -> Square | None:
    """The inverse; None where A is singular."""
    found, failed = torch.linalg.inv_ex(A)
    return None if failed or not bool(found.isfinite().all()) else found


def _refuse_infinite(A: Tensor) -> None:
    if not bool(A.isfinite().all()):
        raise NumericalError(
            "The columns' products leave the range of float64, so nothing can be solved for; give the columns in other units."
        )


def _first_to_arrive(A: Tensor, methods: Sequence[Callable[[Tensor], Any]]) -> Any:
    for method in methods[:-1]:
        try:
            return method(A)
        except _FAILED:
            continue
    return methods[-1](A)


def _by_numpy(method: Callable[[Any], Any]) -> Callable[[Tensor], Any]:
    def factored(A: Tensor) -> Any:
        found = method(A.cpu().numpy())
        if isinstance(found, np.ndarray):
            return torch.from_numpy(found).to(A)
        return tuple(torch.from_numpy(np.ascontiguousarray(part)).to(A) for part in found)

    return factored


def _each(method: Callable[[Square], tuple[Tensor, Square]]) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """The method for a stack of matrices, one after the other."""

    def stacked(A: Tensor) -> tuple[Tensor, Tensor]:
        values, vectors = zip(*(method(one) for one in A.reshape(-1, *A.shape[-2:])), strict=True)
        return torch.stack(values).reshape(A.shape[:-1]), torch.stack(vectors).reshape(A.shape)

    return stacked


# --- by rotations --------------------------------------------------------------------------------------------------------


def _eigen_by_rotations(A: Square) -> tuple[Tensor, Square]:
    """Of a matrix without large negative eigenvalues, whose singular vectors are its eigenvectors."""
    V = by_rotations(A)[2].T
    values, order = (V * (A @ V)).sum(0).sort()  # v'A v, which keeps the sign of what rounding has made negative
    return values, V[:, order]


def by_rotations(B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U, s and W' of B (n, p), as `singular_vectors` gives them."""
    n, p = B.shape
    if n < p:
        W, s, Ut = by_rotations(B.T)
        return Ut.T, s, W.T
    if p == 0:
        return B.clone(), B.new_zeros(0), B.new_zeros(0, 0)
    # Powers of two, so that no square leaves the range; the triangle has B's singular values and fewer rows.
    size = torch.exp2(torch.frexp(B.abs().max()).exponent.to(B)) if bool(B.any()) else B.new_ones(())
    Q, R = torch.linalg.qr(B / size)
    R, V = _at_right_angles(R)
    s, order = R.norm(dim=0).sort(descending=True)
    kept = s > 0
    U = torch.where(kept, R[:, order] / torch.where(kept, s, 1.0), 0.0)
    if not bool(kept.all()):  # where nothing is left of a column, any direction across the others serves
        U = torch.cat([U[:, kept], torch.linalg.qr(U[:, kept], mode="complete").Q[:, int(kept.sum()) :]], 1)
    return Q @ U, s * size, V[:, order].T


def _at_right_angles(R: Square) -> tuple[Square, Square]:
    """R V with columns at right angles, and V, orthonormal."""
    p = R.shape[1]
    # Columns and, below them, what has been done to them: turned together.
    both = torch.cat([R, torch.eye(p, dtype=R.dtype, device=R.device)]).T.contiguous()
    for _ in range(_SWEEPS):
        steepest = 0.0
        for left, right in _rounds(p):
            a, b = both[left], both[right]
            x, y, xy = a[:, :p].square().sum(1), b[:, :p].square().sum(1), (a[:, :p] * b[:, :p]).sum(1)
            cosine = xy / (x * y).sqrt()
            turn = (cosine.abs() > _RIGHT) & (x > 0) & (y > 0)
            steepest = max(steepest, float(torch.where(turn, cosine.abs(), 0.0).max()))
            # tan of the angle that makes the products of the two columns 0: the smaller root of t^2 + 2 z t - 1.
            z = (y - x) / (2 * torch.where(turn, xy, 1.0))
            t = torch.where(turn, torch.where(z < 0, -1.0, 1.0) / (z.abs() + (1 + z * z).sqrt()), 0.0)
            c = 1 / (1 + t * t).sqrt()
            both[left], both[right] = c[:, None] * (a - t[:, None] * b), c[:, None] * (b + t[:, None] * a)
        if steepest == 0.0:
            break
    return both[:, :p].T, both[:, p:].T


def _rounds(p: int) -> list[tuple[Tensor, Tensor]]:
    """All pairs of p columns, as rounds in which every column stands in one pair at most: those of a tournament."""
    players = [*range(p), *([-1] if p % 2 else [])]
    found = []
    for _ in range(len(players) - 1):
        half = len(players) // 2
        pairs = [(i, j) for i, j in zip(players[:half], reversed(players[half:]), strict=True) if min(i, j) >= 0]
        if pairs:
            found.append((torch.tensor([i for i, _ in pairs]), torch.tensor([j for _, j in pairs])))
        players = [players[0], players[-1], *players[1:-1]]
    return found
