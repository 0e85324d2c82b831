"""Scaling: the columns as trained, and the way back to the data's units.

    x' = (x - center_x) / scale_x      y' = (y - center_y) / scale_y

Training on standardised columns makes one learning rate fit every column. A line stays a line under scaling, so weights,
starts and gradients translate exactly:  w = w' scale_y / scale_x,  b = b' scale_y + center_y - w center_x.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bestline.numerics.comoments import Comoments
from bestline.numerics.rows import Columns, Rows, Weights


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """How the columns of p features and k targets are shifted and scaled for training.

    Attributes
    ----------
    p : int
        Number of features; the first p columns.
    intercept : bool
        Whether the line has an intercept. Without one nothing is centred: that would smuggle an intercept in.
    center, scale : Tensor (q,)
        In the data's units.
    """

    p: int
    intercept: bool
    center: Columns
    scale: Columns

    @classmethod
    def of(cls, moments: Comoments, p: int, *, intercept: bool, standardize: bool, unscaled: Sequence[int] = ()) -> Scaling:
        """Standardise by these moments (the training rows' own): mean 0 and standard deviation 1, divisor n.

        Constant columns keep their scale, and so do the columns `unscaled`, which are centred only. With `standardize` false
        the columns are trained as they are.
        """
        if not standardize:
            zeros = torch.zeros(moments.q, dtype=torch.float64)
            return cls(p, intercept, zeros, zeros + 1)
        center, spread = moments.center, moments.spread
        if not intercept:  # then the size of a column is its root mean square, about zero
            center, spread = torch.zeros_like(center), torch.hypot(spread, center)
        scale = torch.where(spread > 0, spread, moments.unit.clamp(min=1))  # 1, but for numbers whose squares overflow
        # Columns that are 0 or 1 can keep their size: a penalty then weighs on a rare level as on a frequent one.
        scale[list(unscaled)] = 1.0
        return cls(p, intercept, center, scale)

    @property
    def target_scale(self) -> Tensor:
        """Scale of the targets, (k,)."""
        return self.scale[self.p :]

    @property
    def of_changes(self) -> Scaling:
        """The scaling of changes of the weights, which know nothing of where the target lies."""
        center = self.center.clone()
        # b' = (b - c_y + w c_x) / s_y is affine in the weights; a change of them does not feel c_y.
        center[self.p :] = 0
        return replace(self, center=center)

    def rows(self, rows: Rows) -> Rows:
        """The rows as trained."""
        center, scale = self.center.to(rows.X), self.scale.to(rows.X)
        p = self.p
        return Rows((rows.X - center[:p]) / scale[:p], (rows.y - center[p:]) / scale[p:], rows.w, rows.copies)

    def to_data(self, weights: Weights) -> Weights:
        """Weights (..., d, k) of the columns as trained, in the data's units."""
        slopes = weights[..., : self.p, :] * (self.target_scale / self.scale[: self.p, None])
        if not self.intercept:
            return slopes
        # y = (w' (x - c_x) / s_x + b') s_y + c_y, sorted by powers of x.
        moved = (slopes * self.center[: self.p, None]).sum(-2, keepdim=True)
        intercept = weights[..., self.p :, :] * self.target_scale + self.center[self.p :] - moved
        return torch.cat([slopes, intercept], -2)

    def to_trained(self, weights: Weights) -> Weights:
        """Weights (..., d, k) in the data's units, for the columns as trained."""
        slopes = weights[..., : self.p, :]
        scaled = slopes * (self.scale[: self.p, None] / self.target_scale)
        if not self.intercept:
            return scaled
        moved, own = slopes * self.center[: self.p, None], weights[..., self.p :, :]
        level = own - self.center[self.p :] + moved.sum(-2, keepdim=True)
        # At 0 but for rounding it is 0: there an optimiser that divides by the size of its gradients, as Adam does, would make whole
        # steps of what is no gradient.
        rounding = 2**-50 * (own.abs() + self.center[self.p :].abs() + moved.abs().sum(-2, keepdim=True))
        return torch.cat([scaled, torch.where(level.abs() <= rounding, 0.0, level) / self.target_scale], -2)

    def gradient_to_data(self, gradient: Weights, units: Tensor | None = None) -> Weights:
        """Gradient (..., d, k) of the loss as trained, as the gradient of the data's loss in the data's weights.

        `units` says what one unit of the loss as trained is in the data's units, (k,) or (1,); by default the square of the
        target's scale, as for the squared loss.
        """
        # The transpose of the inverse of `to_data` (chain rule): a change of w by dw changes w' by dw s_x / s_y, and b' by dw c_x / s_y.
        slopes = gradient[..., : self.p, :] * self.scale[: self.p, None]
        if self.intercept:
            slopes = slopes + self.center[: self.p, None] * gradient[..., self.p :, :]
        whole = torch.cat([slopes, gradient[..., self.p :, :]], -2)
        return whole * (self.target_scale if units is None else units / self.target_scale)
