"""Residual scale: how far rows lie from the least-squares line, measured so that outliers do not count for more than others.

scale = median |y - X w| / 0.6745        for normal errors this is their standard deviation (Hampel 1974)
"""

from __future__ import annotations

import torch
from torch import Tensor

from bestline.numerics import Bowl, Comoments, Rows, Scaling
from bestline.training.row_losses import line

_NORMAL = 0.6744897501960817  # median of |z|, z standard normal
_ON_THE_LINE = 1e-6  # of the target's scale: less is no scatter to go by


def residual_scale(rows: Rows, moments: Comoments, scaling: Scaling) -> Tensor:
    """Weighted median of the absolute residuals of the least-squares line, over 0.6745, (k,), in the data's units."""
    weights = scaling.to_data(Bowl.of(moments, scaling).bottom)
    residual = (line(rows.X.cpu(), weights, intercept=scaling.intercept) - rows.y.cpu()).abs()
    scale = _median(residual, rows.w) / _NORMAL
    # Where most rows lie on the line itself there is no scale to see; the loss then is the squared one in all but name.
    return torch.where(scale > _ON_THE_LINE * scaling.target_scale, scale, scaling.target_scale)


def _median(values: Tensor, w: Tensor | None) -> Tensor:
    """Median of each column (k,) of values (n, k), rows counting by their weight."""
    if w is None:
        return values.median(0).values
    ordered, order = values.sort(0)
    share = w.cpu()[order].cumsum(0)
    return ordered.gather(0, (share >= share[-1] / 2).long().argmax(0, keepdim=True))[0]
