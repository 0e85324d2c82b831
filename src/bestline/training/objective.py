"""Objective: what training makes small. Loss of the rows, plus a penalty on the slopes.

    objective(w) = loss(w) + l1 sum_j f_j |w_j| + l2 sum_j f_j w_j^2

The loss is a mean over the rows (weighted, if there are weights) and a sum over the targets, so that k targets at once are k
fits apart. f are penalty factors: 1 for every slope unless said otherwise, always 0 for the intercept. So `l2` = alpha / n
gives scikit-learn's `Ridge(alpha)`, `l1` = 2 alpha its `Lasso(alpha)`, and torch's `weight_decay` is 2 l2.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bestline.numerics import Bowl, Weights
from bestline.training.penalty.base import Penalty
from bestline.training.row_losses import Slices, Smooth


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """Loss plus penalty.

    Attributes
    ----------
    smooth : Bowl or RowLoss
        The loss of all training rows.
    penalty : Penalty
    slices : Slices or None
        The same loss, able to give itself on some of the rows; mini-batches need it.
    size : Tensor (d, 1)
        Natural size of each weight's gradient: makes `violation` free of units.
    """

    smooth: Smooth
    penalty: Penalty
    slices: Slices | None
    size: Tensor

    @property
    def bowl(self) -> Bowl | None:
        """The bowl of loss and ridge together, in main memory; None for other losses. The rest of the penalty is left out of it."""
        if not isinstance(self.smooth, Bowl):
            return None
        # A ridge added to a bowl is a bowl: then all that is known of bowls holds for the objective, too.
        bowl, ridge = self.smooth.cpu(), self.penalty.ridge
        return bowl if ridge is None else bowl.with_ridge(ridge.cpu())

    @property
    def whole_bowl(self) -> Bowl | None:
        """The same where it is all of the objective; None where the penalty has edges, and for other losses."""
        return self.bowl if self.penalty.quadratic else None

    def evaluate(self, weights: Weights, part: Smooth | None = None) -> tuple[Tensor, Weights]:
        """Losses (k,) without the penalty, and the gradient (d, k) of loss and penalty together; a bowl's at many weights at once.

        With a part the loss is that of some of the rows; the penalty counts in full.
        """
        # In full, and not by the share of rows: the loss is a mean, whose expectation over slices is that of all rows.
        losses, gradient = (self.smooth if part is None else part).evaluate(weights)
        return losses, gradient + self.penalty.gradient(weights) if self.penalty else gradient

    def gradient(self, weights: Weights) -> Weights:
        """The gradient alone, (d, k)."""
        smooth = self.smooth
        gradient = smooth.gradient(weights) if isinstance(smooth, Bowl) else smooth.evaluate(weights)[1]
        return gradient + self.penalty.gradient(weights) if self.penalty else gradient

    def value(self, weights: Weights) -> float:
        """Loss plus penalty."""
        return float(self.smooth.losses(weights).sum() + self.penalty.value(weights))

    def violation(self, weights: Weights, gradient: Weights) -> float:
        """How far from optimal, free of units: for squared loss the largest correlation of a column with what is left over.

        `gradient` is that of loss and penalty together, as `evaluate` gives it.
        """
        return float(self.violations(weights, gradient))

    def violations(self, weights: Weights, gradient: Weights) -> Tensor:
        """The same at many weights (..., d, k) at once."""
        # Where the penalty has edges the gradient need not vanish: the loss's own must lie in the penalty's subdifferential.
        if self.penalty:
            # Of the loss alone first: at an edge of the penalty only the distance from all its subgradients says what is left.
            gradient = self.penalty.violation(weights, gradient - self.penalty.gradient(weights))
        if not self.size.numel() or not gradient.shape[-1]:
            return gradient.new_zeros(gradient.shape[:-2])
        # For squared loss this is |x_j'r| / (|x_j| |y|): the correlation of column and residuals, these measured against the target.
        return (gradient.abs() / self.size).amax((-2, -1))
