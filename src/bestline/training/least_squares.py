"""Least squares with or without a ridge, in the data's own units: from moments, or from the rows where they are few.

    minimise   sum_i w_i (y_i - x_i b - a)^2 + alpha |b|^2

Longer than wide, moments say everything, and their p x p system is solved with every column brought to one size, so nobody's
units decide which column is noise. Wider than long, the rows say it in less room: with the singular values of the n centred rows.
Of several solutions the one of smallest norm is given, in the data's units.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bestline.numerics import (
    MANY_TARGETS,
    Comoments,
    Refined,
    Rows,
    Scaling,
    eigenvalues,
    minimum_norm,
    of_one_size,
    rank_tolerance,
    refined,
    right_digits,
    singular_values,
)
from bestline.training.solvers.few_rows import CentredRows, solve_rows
from bestline.training.solvers.path import Normal, SolutionPath, solve

FEW_DIGITS = 8  # right digits below which the rows are read once more
_STEADY = 3  # right digits from which steps of correction converge quickly
_STEPS = 2
_SMALL, _FEW = 200_000, 30  # numbers and columns of a table whose exact solution takes milliseconds
_FEW_TARGETS = 10  # each takes some 30 milliseconds
_CHUNK = 65_536  # rows taken at a time


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """A line, and what is known of it.

    Attributes
    ----------
    slopes : Tensor (p, k)
    intercept : Tensor (k,)
    rank : int
        Of the columns, where least squares asked for it.
    singular : Tensor
        Their singular values, likewise.
    refined : Refined or None
        The exact solution, where it was needed.
    """

    slopes: Tensor
    intercept: Tensor
    rank: int = 0
    singular: Tensor | None = None
    refined: Refined | None = None


def normal_of(moments: Comoments, p: int, *, intercept: bool) -> Normal:
    """The squared error as a function of the slopes, in the data's units."""
    scaling = Scaling.of(moments, p, intercept=intercept, standardize=False)
    # Slopes do not feel where the columns are centred, but digits do.
    return Normal.of([moments], [replace(scaling, center=moments.center) if intercept else scaling])


def level_of(moments: Comoments, slopes: Tensor, *, intercept: bool) -> Tensor:
    """Intercepts (k,) that belong to slopes (p, k)."""
    p, k = slopes.shape
    if not intercept:
        return torch.zeros(k, dtype=torch.float64)
    return moments.center[p:] - moments.center[:p] @ slopes


def of_moments(moments: Comoments, p: int, alpha: Tensor, *, intercept: bool, positive: bool = False) -> Solved:
    """The line for penalties alpha (k,).

    Rank and singular values are those of the columns, centred when there is an intercept; singular values below 1e-8 of the
    largest are noise of float64 moments.
    """
    normal = normal_of(moments, p, intercept=intercept)
    l2 = alpha / moments.weight
    if positive:
        slopes = solve(normal, 0.0, l2[None], positive=True).weights[0, 0]
    else:
        slopes = _ridge(normal.curvature[0], normal.linear[0], l2)
    values = eigenvalues(of_one_size(normal.curvature[0])[0])  # of columns of one size
    singular = (eigenvalues(normal.curvature[0]).flip(0).clamp(min=0) * moments.weight).sqrt()
    # The rank is told from columns of one size, so that units do not matter; the singular values given are those of the columns.
    rank = int((values > values[-1:] * rank_tolerance(p)).sum()) if bool((normal.curvature[0].diagonal() > 0).any()) else 0
    return Solved(slopes, level_of(moments, slopes, intercept=intercept), rank, singular[: min(p, moments.count)])


def sharpened(rows: Rows, moments: Comoments, line: Solved, *, intercept: bool) -> Solved:
    """The same least-squares line with more digits, where moments have left too few of them.

    What the rows say is left over, X' r, is solved for again with the moments' own system: each such step multiplies the error by
    what the system is uncertain by (the corrected seminormal equations of Bjorck 1987), and costs one pass over the rows. Where the
    system is too uncertain for that, and for tables that are small, the solution is computed exactly.
    """
    p, k = line.slopes.shape
    # Redundant columns are no reason to solve each of very many targets exactly: that would take many seconds.
    if rows.X.dtype != torch.float64 or p == 0 or (line.rank < p and k > MANY_TARGETS):
        return line
    # A small table is solved exactly, whatever its digits: nobody will notice the time. Of others the digits decide.
    if not (len(rows) * (p + k) <= _SMALL and p < _FEW and k <= _FEW_TARGETS):
        certain = right_digits(moments, p, line.slopes, intercept=intercept)
        # Among many targets some weights are near zero and have few digits of their own: that says nothing of the columns.
        digits = float(certain.amin() if k <= _FEW_TARGETS else certain.amax(1).amin())
        if digits >= FEW_DIGITS:
            return line
        if digits >= _STEADY:
            return _corrected(rows, moments, line, intercept=intercept)
    used = rows if rows.w is None else rows[rows.w > 0]
    # Where moments cannot tell columns apart, those that only their rounding tells apart are not told apart.
    found = refined([(used, None)], p, k, intercept=intercept, rounding=line.rank < p)
    if found is None:
        return line
    found = found.shared(torch.ones(p, dtype=torch.float64))
    level = found.weights[p] if intercept else line.intercept
    return replace(line, slopes=found.weights[:p], intercept=level, rank=found.rank - intercept, refined=found)


def _corrected(rows: Rows, moments: Comoments, line: Solved, *, intercept: bool) -> Solved:
    p, slopes = line.slopes.shape[0], line.slopes
    center = moments.center if intercept else torch.zeros(moments.q, dtype=torch.float64)
    system = normal_of(moments, p, intercept=intercept).curvature[0] * moments.weight
    # Each step multiplies the error of the slopes by what the moments' system is uncertain by, 1e-3 or less where three digits are
    # right: two steps make nine of them.
    for _ in range(_STEPS):
        left = torch.zeros_like(slopes)
        for begin in range(0, len(rows), _CHUNK):
            chunk = rows[begin : begin + _CHUNK]
            X = chunk.X - center[:p]
            rest = chunk.y - center[p:] - X @ slopes
            left += X.T @ (rest if chunk.w is None else rest * chunk.w[:, None])
        slopes = slopes + minimum_norm(system, left)
    return replace(line, slopes=slopes, intercept=level_of(moments, slopes, intercept=intercept))


def of_rows(rows: Rows, alpha: Tensor, *, intercept: bool) -> Solved:
    """The same from the rows, for fewer rows than columns."""
    few = CentredRows.of(rows, intercept=intercept)
    slopes, rank = few.solved(alpha)
    return Solved(slopes, few.level(slopes), rank, singular_values(torch.linalg.qr(few.X.T, mode="r").R))


def penalised(
    moments: Comoments, p: int, l1: float, l2: float, *, intercept: bool, positive: bool, start: Tensor | None
) -> tuple[Solved, SolutionPath]:
    """Lasso and elastic net: mean squared error + l1 |b| + l2 |b|^2, with the duality gap."""
    normal = normal_of(moments, p, intercept=intercept)
    path = solve(normal, l1, l2, positive=positive, start=None if start is None else start[None])
    slopes = path.weights[0, 0]
    return Solved(slopes, level_of(moments, slopes, intercept=intercept)), path


def penalised_rows(
    few: CentredRows, l1: float, l2: float, *, positive: bool, start: Tensor | None
) -> tuple[Solved, SolutionPath]:
    """The same from the rows, for many more columns than rows."""
    path = solve_rows(few, l1, l2, positive=positive, start=start)
    slopes = path.weights[0, 0]
    return Solved(slopes, few.level(slopes)), path


def linear_of(known: Rows | Comoments, p: int, *, intercept: bool) -> Tensor:
    """Second moments (p, k) of features and targets, from the moments, or from few rows of very many columns."""
    if isinstance(known, Rows):
        return CentredRows.of(known, intercept=intercept).linear
    return normal_of(known, p, intercept=intercept).linear[0]


def _ridge(G: Tensor, h: Tensor, l2: Tensor) -> Tensor:
    if bool((l2 == l2[0]).all()):
        return minimum_norm(G + l2[0] * torch.eye(len(G), dtype=torch.float64), h)
    columns = [minimum_norm(G + a * torch.eye(len(G), dtype=torch.float64), h[:, i : i + 1]) for i, a in enumerate(l2)]
    return torch.cat(columns, 1)
