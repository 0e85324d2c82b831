"""Objective: what training makes small. Loss of the rows, plus a penalty on the slopes.

    objective(w) = loss(w) + l1 sum_j f_j |w_j| + l2 sum_j f_j w_j^2
    loss(w)      = sum_i w_i cost(prediction_i, y_i) / sum_i w_i               w_i the rows' weights

The loss is a mean over the rows and a sum over the targets, so that k targets at once are k fits apart. f are penalty factors: 1
for every slope unless said otherwise, always 0 for the intercept. So `l2` = alpha / n gives scikit-learn's `Ridge(alpha)`, `l1` =
2 alpha its `Lasso(alpha)`, and torch's `weight_decay` is 2 l2.

Squared loss of a line is a bowl, which moments say in full; others are computed on the rows with their gradient, on all of them
or on a slice. Of a slice the divisor is the number of its rows times the mean weight of all, so that a heavy row pulls as hard in
whatever slice it falls, and the mean over all slices is the gradient of the whole.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from bestline.errors import OptionError, ShapeError
from bestline.numerics import Bowl, Comoments, Rows, Scaling, Weights, minibatches
from bestline.training.limits import Region
from bestline.training.losses.base import LossFunction
from bestline.training.penalty.base import Penalty

Forward: TypeAlias = Callable[[Tensor, Tensor], Tensor]  # (X (n, p), weights (d, k)) -> prediction (n, k)

_NORMAL = 0.6744897501960817  # median of |z|, z standard normal
_ON_THE_LINE = 1e-6  # of the target's scale: less is no scatter to go by


class Smooth(Protocol):
    """A loss that has a gradient: a Bowl, or a RowLoss."""

    def losses(self, weights: Weights) -> Tensor:
        """Mean loss of each target."""

    def evaluate(self, weights: Weights) -> tuple[Tensor, Weights]:
        """Losses and gradient."""


class Slices(Protocol):
    """A loss on rows that are there again and again: in memory, or read anew for every pass over them."""

    def __len__(self) -> int:
        """Number of rows."""

    def batches(self, size: int, seed: int) -> Iterator[Smooth]:
        """Without end the loss on so many rows, every pass in a new seeded order."""

    def passes(self, seed: int) -> Iterator[Iterator[Rows]]:
        """Without end all rows once more, in one piece or several."""

    def longest(self) -> float:
        """Largest |x|^2 + 1 of a row, times its weight over the mean weight: half its own curvature, the intercept's with it."""

    @property
    def columns(self) -> int:
        """Number of features."""


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
    regions : tuple of Region or None
        Where the weights of each target may lie; None: anywhere.
    """

    smooth: Smooth
    penalty: Penalty
    slices: Slices | None
    size: Tensor
    regions: tuple[Region, ...] | None = None

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
        """The same where it is all of the objective; None where the penalty has edges or weights are limited, and for other losses."""
        return self.bowl if self.penalty.quadratic and self.regions is None else None

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


class _InMemory(ABC):
    """What losses on rows in memory have in common as `Slices`."""

    __slots__ = ()
    rows: Rows

    @abstractmethod
    def on(self, index: Tensor) -> Smooth:
        """The same loss on some of the rows."""

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, size: int, seed: int) -> Iterator[Smooth]:
        """As `Slices` has it."""
        return map(self.on, minibatches(len(self), size, seed))

    def passes(self, seed: int) -> Iterator[Iterator[Rows]]:
        """As `Slices` has it: in one piece."""
        return iter(lambda: iter([self.rows]), None)

    def longest(self) -> float:
        """As `Slices` has it."""
        return longest(self.rows, _mean_weight(self.rows))

    @property
    def columns(self) -> int:
        """As `Slices` has it."""
        return int(self.rows.X.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class RowLoss(_InMemory):
    """A loss computed on the rows, its gradient by autograd: for losses other than the squared one, and for slices of rows.

    Attributes
    ----------
    rows : Rows
        Rows as trained.
    loss : callable
        (prediction, y) -> losses (n, k) or (n,), or one number for the whole.
    forward : callable
        (X, weights) -> prediction (n, k).
    mean_weight : float or None
        Of a slice: the mean weight of all rows, so that a heavy row weighs more in whatever slice it falls.
    """

    rows: Rows
    loss: LossFunction
    forward: Forward
    mean_weight: float | None = None

    def losses(self, weights: Weights) -> Tensor:
        """Mean loss of each target (k,), or (1,) when the loss function gives one number."""
        prediction = self.forward(self.rows.X, weights)
        if prediction.shape != self.rows.y.shape:
            raise ShapeError(
                f"The forward function gave predictions of shape {tuple(prediction.shape)} for targets of shape "
                f"{tuple(self.rows.y.shape)}; return one prediction for each target."
            )
        loss = self.loss(prediction, self.rows.y)
        if loss.ndim == 0:
            if self.rows.w is not None:
                raise OptionError(
                    "This loss gives one number for all rows, so weights cannot reach it; return one number a row."
                )
            return loss.reshape(1)
        per_row = loss.reshape(len(self.rows), -1)
        if self.rows.w is None:
            return per_row.mean(0)
        # By what as many rows weigh on average, and not by the slice's own weight: only then is a slice's gradient right on average.
        return (self.rows.w[:, None] * per_row).sum(0) / _total_weight(self.rows, self.mean_weight)

    def evaluate(self, weights: Weights) -> tuple[Tensor, Weights]:
        """Losses and gradient, detached from the graph."""
        with torch.enable_grad():
            # A leaf of its own: nothing of an earlier step's graph is kept.
            leaf = weights.detach().requires_grad_()
            losses = self.losses(leaf)
            (gradient,) = torch.autograd.grad(losses.sum(), leaf)
        return losses.detach(), gradient

    def on(self, index: Tensor) -> RowLoss:
        """The same loss on some of the rows."""
        return RowLoss(self.rows[index], self.loss, self.forward, _mean_weight(self.rows))


@dataclass(frozen=True, slots=True, eq=False)
class SquaredRows(_InMemory):
    """The squared loss of a line on slices of rows, its gradient written out: 2 X' (X w - y) / m.

    `mean_weight` is as in RowLoss.
    """

    rows: Rows
    intercept: bool
    mean_weight: float | None = None

    def losses(self, weights: Weights) -> Tensor:
        """Mean squared error of each target, (k,)."""
        return self.evaluate(weights)[0]

    def evaluate(self, weights: Weights) -> tuple[Tensor, Weights]:
        """Losses (k,) and gradient (d, k)."""
        X, w = self.rows.X, self.rows.w
        residual = line(X, weights, intercept=self.intercept) - self.rows.y
        # share = w_i r_i / W once, for the loss, r' share, and its gradient, 2 X' share.
        share = residual / len(X) if w is None else residual * (w / _total_weight(self.rows, self.mean_weight))[:, None]
        gradient = 2 * (X.T @ share)
        if self.intercept:
            gradient = torch.cat([gradient, 2 * share.sum(0, keepdim=True)])
        return (residual * share).sum(0), gradient

    def on(self, index: Tensor) -> SquaredRows:
        """The same loss on some of the rows."""
        return SquaredRows(self.rows[index], self.intercept, _mean_weight(self.rows))


def longest(rows: Rows, mean_weight: float | None) -> float:
    """Largest |x|^2 + 1 of some rows, each times its weight over the mean weight; 0 of none."""
    size = rows.X.square().sum(1) + 1
    share = 1.0 if rows.w is None or mean_weight is None else rows.w / mean_weight
    return float((size * share).max()) if len(rows) else 0.0


def _mean_weight(rows: Rows) -> float | None:
    return None if rows.w is None else float(rows.w.mean())


def _total_weight(rows: Rows, mean_weight: float | None) -> Tensor | float:
    """What weighted sums are divided by: the rows' own weight, or for a slice what as many rows weigh on average."""
    assert rows.w is not None  # noqa: S101  callers have looked
    return rows.w.sum() if mean_weight is None else len(rows) * mean_weight


def line(X: Tensor, weights: Weights, *, intercept: bool) -> Tensor:
    """Predictions (n, k) of a line with weights (d, k), the intercept last."""
    return torch.addmm(weights[-1], X, weights[:-1]) if intercept else X @ weights


@dataclass(frozen=True, slots=True)
class LineForward:
    """The forward function of a line."""

    intercept: bool

    def __call__(self, X: Tensor, weights: Weights) -> Tensor:
        """Predictions (n, k)."""
        return line(X, weights, intercept=self.intercept)


def gradient_size(smooth: RowLoss, d: int, k: int, *, intercept: bool) -> Tensor:
    """Natural size of a loss's gradient (d, 1), whatever the loss is measured in: all rows' pulls at weights of 0, in one direction."""
    rows = smooth.rows
    # dloss / dprediction at a prediction of 0, row by row: how hard each row pulls. Were all pulls in one direction, the gradient of
    # weight j would be sum_i |x_ij| pull_i, and no real gradient is larger.
    prediction = torch.zeros(len(rows), k, dtype=torch.float64, device=rows.X.device, requires_grad=True)
    flat = RowLoss(rows, smooth.loss, lambda X, weights: prediction)
    with torch.enable_grad():
        losses = flat.losses(prediction.new_zeros(d, k)).sum()
        pulls = (
            torch.autograd.grad(losses, prediction)[0].abs().sum(1) if losses.requires_grad else prediction.new_zeros(len(rows))
        )
    # sum_i |x_ij| |dloss / dprediction_i|: the gradient if no row's pull cancelled another's.
    size = rows.X.abs().T @ pulls
    size = torch.cat([size, pulls.sum()[None]]) if intercept else size
    return torch.where((size > 0) & size.isfinite(), size, 1.0)[:, None]


def residual_scale(rows: Rows, moments: Comoments, scaling: Scaling) -> Tensor:
    """How far rows lie from the least-squares line, (k,), in the data's units, so that outliers count no more than others.

        scale = median |y - X w| / 0.6745        for normal errors this is their standard deviation (Hampel 1974)

    The median counts rows by their weight.
    """
    weights = scaling.to_data(Bowl.of(moments, scaling).bottom)
    residual = (line(rows.X.cpu(), weights, intercept=scaling.intercept) - rows.y.cpu()).abs()
    scale = _median(residual, rows.w) / _NORMAL
    # Where most rows lie on the line itself there is no scale to see; the loss then is the squared one in all but name.
    return torch.where(scale > _ON_THE_LINE * scaling.target_scale, scale, scaling.target_scale)


def _median(values: Tensor, w: Tensor | None) -> Tensor:
    """Median of each column (k,) of values (n, k), rows counting by their weight; between two rows it is their middle."""
    ordered, order = values.sort(0)
    share = (torch.ones_like(ordered) if w is None else w.cpu()[order]).cumsum(0)
    # Half of the weight lies below the first row that reaches it, and half above the first that passes it: mostly these are one.
    half, rounding = share[-1] / 2, 1 + 1e-12
    low, high = ((share * rounding >= half).long().argmax(0), (share > half * rounding).long().argmax(0))
    return (ordered.gather(0, low[None])[0] + ordered.gather(0, high[None])[0]) / 2
