"""Digits: how many of the weights and standard errors of every group are right, by the bounds that `numerics.digits` has for one line."""

from __future__ import annotations

import torch
from torch import Tensor

from bestline.data.design import Design
from bestline.data.design.lost_digits import columns_rounding, rounded_when_read
from bestline.numerics.digits import MOST, Conditioning, merged_rounding
from bestline.numerics.exact_solve import digits_within
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


def within_columns(
    design: Design, moments: GroupComoments, found: GroupSolutions, unscaled: Tensor, rss: Tensor
) -> tuple[Tensor, Tensor]:
    """The most digits that columns which float64 has rounded allow, of each weight (G, d, k) and of the standard errors (G, k).

    As for one line, from the inverses of X'WX (G, d, d). Of a column of which nothing can be said beforehand, such as the difference
    of two logarithms, what it is as computed is taken for its truth.
    """
    p = design.p
    rounding = columns_rounding(design)
    own, one = (share.nan_to_num(posinf=0.0) for share in rounding)
    # But not of one that is computed from numbers which were rounded as they were read: that may be off by any share of itself.
    blind = bool(design.rounded) and not bool(rounding[0].isfinite().all())
    scatter = moments.scatter.diagonal(dim1=1, dim2=2)
    size = moments.mean.abs() + (scatter / moments.weight.clamp(min=1e-300)[:, None]).sqrt()
    lost = moments.weight.sqrt()[:, None] * (own * size + one)
    slopes = found.slopes if not design.intercept else torch.cat([found.slopes, found.intercept[:, None]], 1)
    digits, errors = digits_within(lost, slopes.nan_to_num(0.0), unscaled.nan_to_num(0.0), rss)
    least = errors.amin(2) if errors.shape[2] else torch.full_like(rss, MOST)
    # A column may have varied in what was rounded away; then the others are those of a line without it.
    away = ((scatter[:, :p] == 0) & rounded_when_read(design)).any(1)
    sure = (~away & (not blind)).to(digits)
    return digits * sure[:, None, None], least * sure[:, None]
