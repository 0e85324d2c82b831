"""Groups: one least-squares line for each of thousands of groups, from their moments, in a few batched operations.

    C_g u = r_g        C_g the columns' second moments within the group, brought to one size; u the slopes in those units

A Cholesky factor of all C_g at once solves for every group whose columns are well apart. The few whose columns are (nearly)
collinear are looked at one by one, as a line of its own is. Columns that do not vary in a group have no weight there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.numerics.grouped import GroupComoments

_FIRM = 1e-9  # least squared pivot of a factor that is trusted without a closer look: 7 of 16 digits are left


@dataclass(frozen=True, slots=True, eq=False)
class GroupSolutions:
    """The solution of every group, in the data's units.

    Attributes
    ----------
    slopes : Tensor (G, p, k)
        0 for columns that do not vary.
    intercept : Tensor (G, k)
        0 without one.
    core : Tensor (G, p, p)
        Inverse of the slopes' second moments, times nothing: W (X'WX)^-1 about the means; 0 for columns that do not vary.
    size : Tensor (G, p)
        Size of each column in the group: its spread, or without an intercept its root mean square; 0 for columns that do not vary.
    floor : Tensor (G, k)
        Mean squared residual.
    firm : Tensor, bool (G,)
        Whether the columns that vary are well apart, so that all this can be trusted; of other groups all of it is NaN.
    """

    slopes: Tensor
    intercept: Tensor
    core: Tensor
    size: Tensor
    floor: Tensor
    firm: Tensor


def solve_groups(moments: GroupComoments, p: int, *, intercept: bool, l2: float = 0.0) -> GroupSolutions:
    """The line of each group: least squares, or with l2 (1/n) sum (y - y_hat)^2 + l2 sum w^2 on columns standardised in the group."""
    W = torch.where(moments.weight > 0, moments.weight, 1.0)[:, None, None]
    S = moments.scatter / W
    if intercept:
        there = moments.varies[:, :p]
    else:
        # Without an intercept second moments are about zero, and a column that is constant is a column like others.
        S = S + moments.mean[:, :, None] * moments.mean[:, None, :]
        there = ((moments.low < 0) | (moments.high > 0))[:, :p] & moments.low[:, :p].isfinite()
    # Squares of numbers near 1e-200 are zero though the column varies: such a group is not firm, and is looked at by itself.
    size = torch.where(there, S[:, range(p), range(p)].sqrt(), 0.0)
    unit = torch.where(size > 0, size, 1.0)
    C = S[:, :p, :p] / (unit[:, :, None] * unit[:, None, :]) * (there[:, :, None] & there[:, None, :])
    C = C + torch.diag_embed((~there).double() + l2)
    factor, failed = torch.linalg.cholesky_ex(C)
    pivots = factor.diagonal(dim1=1, dim2=2) ** 2
    firm = (failed == 0) & (pivots > _FIRM).all(1) & (size > 0).eq(there).all(1) & S.isfinite().all((1, 2))
    safe = torch.where(firm[:, None, None], factor, torch.eye(p, dtype=torch.float64))
    inverse = torch.cholesky_inverse(safe) if p else C
    h = S[:, :p, p:] * there[:, :, None]
    own = (inverse / unit[:, :, None] / unit[:, None, :]) * (there[:, :, None] & there[:, None, :])
    slopes = torch.cholesky_solve(h / unit[:, :, None], safe) / unit[:, :, None] if p else h
    # The residual's own second moment, and not the difference of two large numbers.
    total = S.diagonal(dim1=1, dim2=2)[:, p:]
    floor = (slopes * (S[:, :p, :p] @ slopes - h)).sum(1) + (total - (h * slopes).sum(1))
    floor = torch.where(floor <= 2 * torch.finfo(torch.float64).eps * total, 0.0, floor)
    center = moments.mean
    level = center[:, p:] - (center[:, :p, None] * slopes).sum(1) if intercept else torch.zeros_like(floor)
    nothing = torch.where(firm, 0.0, torch.nan)
    return GroupSolutions(
        slopes + nothing[:, None, None],
        level + nothing[:, None],
        own + nothing[:, None, None],
        size,
        floor + nothing[:, None],
        firm,
    )
