"""All subsets: what the least-squares line of every subset of columns leaves of a target, at one walk through a tree.

    A group of columns is in or out; level i of the tree holds the 2^i subsets of the first i groups, each as the second moments of the
    groups still to come and of the target, beside what it holds already:

        out     the group's rows and columns are left out
        in      they are eliminated:  A <- A - a c'      c the pivot's row, a = c / pivot        (Schur's complement)

The deeper, the smaller the matrices, so that all 2^m subsets together cost little more than the leaves alone; see the regression tree of
Furnival & Wilson (1974, Technometrics 16:499-511). What elimination does to columns, it does to the same columns in rows held out, too:
T'HT with the same T; so the squared error of every subset's line on those rows comes along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.numerics.rows import Square
from bestline.numerics.semidefinite import of_one_size, rank_tolerance

_NUMBERS = 4_000_000  # of the matrices of a batch, 32 MB: a larger one is walked through in halves


@dataclass(frozen=True, slots=True, eq=False)
class SubsetSquares:
    """What the line of every subset of m groups leaves; group i is in subset s where bit m - 1 - i of s is set.

    Attributes
    ----------
    left : Tensor (2^m,)
        Share of the target's second moment.
    rank : Tensor, int (2^m,)
        How many columns count: those that are not combinations of columns before them.
    held : Tensor (2^m,) or None
        Second moment of the errors on the rows held out, over that of the target in training.
    """

    left: Tensor
    rank: Tensor
    held: Tensor | None


def all_subsets(A: Square, widths: Sequence[int], *, kept: int = 0, held: Square | None = None) -> SubsetSquares:
    """Every subset of groups of columns, the target last.

    Parameters
    ----------
    A : Tensor (q, q)
        Second moments of the columns and the target, about their means for lines with an intercept.
    widths : sequence of int
        Columns of each group, in order.
    kept : int
        So many columns before them are in every subset.
    held : Tensor (q, q), optional
        The same of rows held out, about the same means.

    Notes
    -----
    Most of the work is at the leaves, so wide groups should come first: see `subsets_work`.
    """
    tolerance = rank_tolerance(len(A) - 1)
    # On a diagonal of 1 a pivot is the share of its column that the columns before it leave: one tolerance serves all.
    A, size = of_one_size(A)
    H = None if held is None else (held / torch.outer(size, size))[None]
    start = _Branches(A[None], torch.zeros(1, dtype=torch.long), H).with_first(kept, tolerance)
    end = _walked(start, tuple(widths), tolerance)
    return SubsetSquares(end.A.flatten().clamp(min=0), end.rank, None if end.H is None else end.H.flatten().clamp(min=0))


def subsets_work(widths: Sequence[int], *, kept: int = 0) -> float:
    """How many numbers all subsets of such groups take: those of the matrices of every level, each column eliminated once."""
    q, subsets = sum(widths) + 1, 1.0
    total = float(kept * (q + kept) ** 2)
    for width in widths:
        # Level by level: a column is eliminated from every matrix of its level, and then there are twice as many, a group smaller.
        total += subsets * width * q**2
        q, subsets = q - width, 2 * subsets
    return total


@dataclass(frozen=True, slots=True, eq=False)
class _Branches:
    """Subsets b side by side: second moments (b, q, q) of what is to come beside what they hold, and their ranks (b,)."""

    A: Tensor
    rank: Tensor
    H: Tensor | None

    def __getitem__(self, some: slice) -> _Branches:
        return _Branches(self.A[some], self.rank[some], None if self.H is None else self.H[some])

    def without_first(self, width: int) -> _Branches:
        """With the first columns left out."""
        return _Branches(self.A[:, width:, width:], self.rank, None if self.H is None else self.H[:, width:, width:])

    def with_first(self, width: int, tolerance: float) -> _Branches:
        """With the first columns taken in, one after the other; what the others say already changes nothing."""
        A, rank, H = self.A, self.rank, self.H
        for _ in range(width):
            pivot, row = A[:, 0, 0], A[:, 0, 1:]
            # Less is rounding: the others say the column already, and to eliminate it would blow rounding up.
            new = pivot > tolerance
            a = torch.where(new[:, None], row / torch.where(new, pivot, 1.0)[:, None], 0.0)
            A = A[:, 1:, 1:] - a[:, :, None] * row[:, None, :]
            rank = rank + new
            if H is not None:
                # T'HT is H - a h' - h a' + h0 a a', h the pivot's row and h0 its corner: half of the last in either cross product keeps it symmetric.
                cross = a[:, :, None] * (H[:, 0, 1:] - 0.5 * H[:, :1, 0] * a)[:, None, :]
                H = H[:, 1:, 1:] - cross - cross.transpose(1, 2)
        return _Branches(A, rank, H)


def _walked(state: _Branches, widths: tuple[int, ...], tolerance: float) -> _Branches:
    """All subsets of the groups still to come, of each subset so far."""
    b = len(state.A)
    if not widths:
        return state
    if b > 1 and state.A.numel() * (1 if state.H is None else 2) > _NUMBERS:
        return _joined([_walked(state[half], widths, tolerance) for half in (slice(b // 2), slice(b // 2, b))], 0)
    # Without before with, side by side: so a subset's bits are in the order of the groups.
    children = [state.without_first(widths[0]), state.with_first(widths[0], tolerance)]
    return _walked(_joined(children, 1), widths[1:], tolerance)


def _joined(parts: Sequence[_Branches], dim: int) -> _Branches:
    """Subsets one after the other (0), or each without beside with (1)."""

    def join(tensors: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(tensors)) if dim == 0 else torch.stack(list(tensors), 1).flatten(0, 1)

    H = [part.H for part in parts if part.H is not None]
    return _Branches(join([p.A for p in parts]), join([p.rank for p in parts]), join(H) if H else None)
