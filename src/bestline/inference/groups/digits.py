"""Digits: how many of the weights and standard errors of every group are right, as `numerics.digits` has it for one line.

    |error of w| <= r |S^-1| (1 + sum |w|)     |error of S^-1| <= r |S^-1| 1 1' |S^-1|     |error of floor| <= r (1 + sum |w|)^2

with every column in units of its own, and r the rounding of moments. The floor is the mean squared residual: beside a target far
from zero, or a line through nearly all rows, it is what is left of two large numbers, and may have no digit at all.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bestline.numerics.comoments import CHUNK
from bestline.numerics.digits import MOST, ROUNDING, UNCERTAIN
from bestline.numerics.grouped import GroupComoments
from bestline.training.groups import GroupSolutions

_FIRST_ORDER = 0.1  # relative error of a variance from which the first order no longer stands for all of it


def right_digits(moments: GroupComoments, found: GroupSolutions, p: int, *, intercept: bool) -> tuple[Tensor, Tensor]:
    """Of every group, the right digits of each weight (G, d, k) and of the least certain standard error (G, k), at least so many.

    0 where the columns are too close for the bounds to hold. Columns and targets that do not vary have no error to be judged.
    """
    S = moments.scatter.diagonal(dim1=1, dim2=2) / torch.where(moments.weight > 0, moments.weight, 1.0)[:, None]
    if not intercept:
        S = S + moments.mean**2
    size = torch.where(S > 0, S.sqrt(), 1.0)
    x, y = size[:, :p, None], size[:, None, p:]
    rounding = (ROUNDING * (1 + (moments.count / CHUNK) ** 0.5))[:, None, None]
    V = found.core * x * x.mT
    slopes, center = found.slopes.abs() * x / y, moments.mean[:, :, None]
    held = (rounding[:, 0, 0] * V.abs().sum(2).amax(1) <= UNCERTAIN) if p else torch.ones(len(V), dtype=torch.bool)
    sure = held & found.firm

    error = rounding * V.abs().sum(2)[:, :, None] * (1 + slopes.sum(1, keepdim=True))
    digits = _places(error, slopes)
    if intercept:
        moved = (error * center[:, :p].abs() / x).sum(1, keepdim=True) * y
        moved = moved + rounding * (center[:, p:].mT.abs() + y)
        value = center[:, p:].mT - (found.slopes * center[:, :p]).sum(1, keepdim=True)
        digits = torch.cat([digits, _places(moved, value.abs())], 1)

    of_floor = rounding[:, 0] * (1 + slopes.sum(1)) ** 2 / (found.floor / y[:, 0] ** 2)
    of_floor = torch.where(
        S[:, p:] > 0, of_floor, 0.0
    )  # a target that does not vary has no residuals, and they are zero exactly
    of_inverse = _of_inverse(V, center[:, :p] / x, rounding, intercept=intercept)
    relative = of_floor + of_inverse[:, None]
    errors = torch.where(relative < _FIRST_ORDER, _places(relative, torch.ones_like(relative)), 0.0)
    return torch.where(sure[:, None, None], digits, 0.0), torch.where(sure[:, None], errors, 0.0)


def _of_inverse(V: Tensor, center: Tensor, rounding: Tensor, *, intercept: bool) -> Tensor:
    """Largest relative error of a weight's variance, (G,), for V (G, p, p) and the means (G, p, 1), both in the columns' units."""
    variance, error = V.diagonal(dim1=1, dim2=2), rounding[:, :, 0] * V.abs().sum(2) ** 2
    relative = torch.where(variance > 0, error / variance, 0.0)
    if intercept:
        # Its variance is 1 + m'V m; an error of V moves it by the square of |V m|, one of m by twice that times m's own.
        pull = (V @ center).abs()
        moved = rounding[:, 0, 0] * (pull.sum(1) ** 2 + 2 * (pull * (1 + center.abs())).sum(1) + 1)[:, 0]
        level = moved / (1 + (center.mT @ V @ center)[:, 0, 0])
        relative = torch.cat([relative, level[:, None]], 1)
    return relative.amax(1) if relative.shape[1] else rounding[:, 0, 0]


def _places(error: Tensor, size: Tensor) -> Tensor:
    return (-torch.log10(error / torch.where(size > 0, size, 1.0))).nan_to_num(0.0).clamp(0, MOST)
