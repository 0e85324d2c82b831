"""Digits: how many of the weights and standard errors of every group are right, by the bounds that `numerics.digits` has for one line."""

from __future__ import annotations

import torch
from torch import Tensor

from bestline.numerics.digits import MOST, Conditioning, merged_rounding
from bestline.numerics.grouped import GroupComoments
from bestline.training.groups import GroupSolutions


def right_digits(moments: GroupComoments, found: GroupSolutions, p: int, *, intercept: bool) -> tuple[Tensor, Tensor]:
    """Of every group, the right digits of each weight (G, d, k) and of the least certain standard error (G, k), at least so many.

    0 where the columns are too close for the bounds to hold. Columns and targets that do not vary have no error to be judged.
    """
    S = moments.scatter.diagonal(dim1=1, dim2=2) / torch.where(moments.weight > 0, moments.weight, 1.0)[:, None]
    if not intercept:
        S = S + moments.mean**2
    size = torch.where(S > 0, S.sqrt(), 1.0)
    x, y = size[:, :p], size[:, p:]
    slopes, core = found.slopes * x[:, :, None] / y[:, None], found.core * x[:, :, None] * x[:, None]
    known = Conditioning(x, y, slopes, core, moments.mean, merged_rounding(moments.count))
    # A target that does not vary has no residuals, and they are zero exactly.
    floor = torch.where(S[:, p:] > 0, found.floor, torch.inf)
    judged = found.size > 0
    if intercept:
        judged = torch.cat([judged, judged.new_ones(len(judged), 1)], 1)
    errors = torch.where(judged[:, None], known.of_errors(floor, intercept=intercept), float(MOST))
    sure = known.holds & found.firm
    least = errors.amin(2) if errors.shape[2] else torch.full_like(floor, MOST)
    return (
        torch.where(sure[:, None, None], known.of_weights(intercept=intercept), 0.0),
        torch.where(sure[:, None], least, 0.0),
    )
