"""Objective: what training makes small. Loss of the rows, plus a penalty on the slopes.

    objective(w) = loss(w) + l1 sum_j f_j |w_j| + l2 sum_j f_j w_j^2

The loss is a mean over the rows (weighted, if there are weights) and a sum over the targets, so that k targets at once are k
fits apart. f are penalty factors: 1 for every slope unless said otherwise, always 0 for the intercept. So `l2` = alpha / n
gives scikit-learn's `Ridge(alpha)`, `l1` = 2 alpha its `Lasso(alpha)`, and torch's `weight_decay` is 2 l2.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from bestline.bowl import Bowl
from bestline.errors import OptionError, ShapeError
from bestline.rows import Rows, Weights, minibatches

LossFunction: TypeAlias = Callable[[Tensor, Tensor], Tensor]  # (prediction (n, k), y (n, k)) -> one number, (n,) or (n, k)
Forward: TypeAlias = Callable[[Tensor, Tensor], Tensor]  # (X (n, p), weights (d, k)) -> prediction (n, k)


@dataclass(frozen=True, slots=True, eq=False)
class Penalty:
    """l1 sum f |w| + l2 sum f w^2 over weights w (d, k).

    Attributes
    ----------
    l1, l2 : float
        Not negative.
    factors : Tensor (d,)
        f; 0 leaves a weight free.
    """

    l1: float
    l2: float
    factors: Tensor

    @classmethod
    def on_slopes(cls, l1: float, l2: float, p: int, *, intercept: bool, factors: Sequence[float] | None = None) -> Penalty:
        """The usual penalty: every slope alike, or by its own of the p factors; the intercept free."""
        if not (l1 >= 0 and l2 >= 0 and l1 < float("inf") and l2 < float("inf")):
            raise OptionError(f"The penalties must be finite and not negative; got l1={l1!r} and l2={l2!r}.")
        each = torch.ones(p + intercept, dtype=torch.float64)
        if factors is not None:
            each[:p] = torch.tensor(factors, dtype=torch.float64)
        each[p:] = 0
        return cls(l1, l2, each)

    def __bool__(self) -> bool:
        return self.l1 > 0 or self.l2 > 0

    def value(self, w: Weights) -> Tensor:
        """Penalty of w (d, k), a scalar."""
        return (self.factors[:, None] * (self.l1 * w.abs() + self.l2 * w**2)).sum()

    def gradient(self, w: Weights) -> Weights:
        """Gradient; at w = 0 the subgradient 0."""
        return self.factors[:, None] * (self.l1 * w.sign() + 2 * self.l2 * w)

    def prox(self, w: Weights, step: float) -> Weights:
        """argmin_z penalty(z) + |z - w|^2 / (2 step): shrink by l1, then divide by l2 (Parikh & Boyd 2014, 6.5)."""
        f = self.factors[:, None]
        return torch.sign(w) * (w.abs() - step * self.l1 * f).clamp(min=0) / (1 + 2 * step * self.l2 * f)

    def violation(self, w: Weights, gradient: Weights) -> Weights:
        """Distance, weight by weight, of -gradient from the penalty's subdifferential at w: 0 at the optimum."""
        pull = gradient + 2 * self.l2 * self.factors[:, None] * w
        bound = (self.l1 * self.factors[:, None]).expand_as(w)
        return torch.where(w == 0, (pull.abs() - bound).clamp(min=0), (pull + bound * w.sign()).abs())


class Smooth(Protocol):
    """A loss that has a gradient: a Bowl, or a RowLoss."""

    def losses(self, weights: Weights) -> Tensor:
        """Mean loss of each target."""
        ...

    def evaluate(self, weights: Weights) -> tuple[Tensor, Weights]:
        """Losses and gradient."""
        ...


class Slices(Protocol):
    """A loss on rows that are there again and again: in memory, or read anew for every pass over them."""

    def __len__(self) -> int:
        """Number of rows."""
        ...

    def batches(self, size: int, seed: int) -> Iterator[Smooth]:
        """Without end the loss on so many rows, every pass in a new seeded order."""
        ...

    def passes(self, seed: int) -> Iterator[Iterator[Rows]]:
        """Without end all rows once more, in one piece or several."""
        ...

    def longest(self) -> float:
        """Largest |x|^2 of a row."""
        ...

    @property
    def columns(self) -> int:
        """Number of features."""
        ...


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
        del seed
        return iter(lambda: iter([self.rows]), None)

    def longest(self) -> float:
        """As `Slices` has it."""
        return longest(self.rows)

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
        return (self.rows.w[:, None] * per_row).sum(0) / _total_weight(self.rows, self.mean_weight)

    def evaluate(self, weights: Weights) -> tuple[Tensor, Weights]:
        """Losses and gradient, detached from the graph."""
        with torch.enable_grad():
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
        share = residual / len(X) if w is None else residual * (w / _total_weight(self.rows, self.mean_weight))[:, None]
        gradient = 2 * (X.T @ share)
        if self.intercept:
            gradient = torch.cat([gradient, 2 * share.sum(0, keepdim=True)])
        return (residual * share).sum(0), gradient

    def on(self, index: Tensor) -> SquaredRows:
        """The same loss on some of the rows."""
        return SquaredRows(self.rows[index], self.intercept, _mean_weight(self.rows))


def longest(rows: Rows) -> float:
    """Largest |x|^2 of some rows; 0 of none."""
    return float(rows.X.square().sum(1).max()) if len(rows) else 0.0


def _mean_weight(rows: Rows) -> float | None:
    return None if rows.w is None else float(rows.w.mean())


def _total_weight(rows: Rows, mean_weight: float | None) -> Tensor | float:
    """What weighted sums are divided by: the rows' own weight, or for a slice what as many rows weigh on average."""
    assert rows.w is not None  # noqa: S101  callers have looked
    return rows.w.sum() if mean_weight is None else len(rows) * mean_weight


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
        """The bowl of loss and l2 penalty together, in main memory; None for other losses. An l1 penalty is left out of it."""
        if not isinstance(self.smooth, Bowl):
            return None
        bowl = self.smooth.cpu()
        return bowl.with_ridge(self.penalty.l2 * self.penalty.factors.cpu()) if self.penalty.l2 else bowl

    def evaluate(self, weights: Weights) -> tuple[Tensor, Weights]:
        """Losses (k,) without the penalty, and the gradient (d, k) of loss and penalty together; a bowl's at many weights at once."""
        losses, gradient = self.smooth.evaluate(weights)
        return losses, gradient + self.penalty.gradient(weights) if self.penalty else gradient

    def gradient(self, weights: Weights) -> Weights:
        """The gradient alone, (d, k)."""
        smooth = self.smooth
        gradient = smooth.gradient(weights) if isinstance(smooth, Bowl) else smooth.evaluate(weights)[1]
        return gradient + self.penalty.gradient(weights) if self.penalty else gradient

    def value(self, weights: Weights) -> float:
        """Loss plus penalty."""
        return float(self.smooth.losses(weights).sum() + self.penalty.value(weights))

    def slice_gradient(self, weights: Weights, part: Smooth) -> Weights:
        """Gradient where the loss is that of some of the rows; the penalty counts in full."""
        gradient = part.evaluate(weights)[1]
        return gradient + self.penalty.gradient(weights) if self.penalty else gradient

    def violation(self, weights: Weights, gradient: Weights) -> float:
        """How far from optimal, free of units: for squared loss the largest correlation of a column with what is left over.

        `gradient` is that of loss and penalty together, as `evaluate` gives it.
        """
        return float(self.violations(weights, gradient))

    def violations(self, weights: Weights, gradient: Weights) -> Tensor:
        """The same at many weights (..., d, k) at once."""
        if self.penalty:
            gradient = self.penalty.violation(weights, gradient - self.penalty.gradient(weights))
        if not self.size.numel() or not gradient.shape[-1]:
            return gradient.new_zeros(gradient.shape[:-2])
        return (gradient.abs() / self.size).amax((-2, -1))


def line(X: Tensor, weights: Weights, *, intercept: bool) -> Tensor:
    """Predictions (n, k) of a line with weights (d, k), the intercept last."""
    return torch.addmm(weights[-1], X, weights[:-1]) if intercept else X @ weights


@dataclass(frozen=True, slots=True)
class Line:
    """The forward function of a line."""

    intercept: bool

    def __call__(self, X: Tensor, weights: Weights) -> Tensor:
        """Predictions (n, k)."""
        return line(X, weights, intercept=self.intercept)


@dataclass(frozen=True, slots=True, eq=False)
class Piecewise:
    """A loss of r = y - prediction that is straight beyond its edges: max over low <= u <= high of u r - curve u^2 / 2.

    Attributes
    ----------
    low, high : float or Tensor (k,)
        The loss's slopes far out on both sides; 0 lies between them.
    curve : float
        1: half the square of r between the edges. 0: the edges meet in a corner at 0.
    """

    low: float | Tensor
    high: float | Tensor
    curve: float

    def __call__(self, prediction: Tensor, y: Tensor) -> Tensor:
        """Losses (n, k)."""
        r = y - prediction
        if not self.curve:
            return torch.maximum(self.high * r, self.low * r)
        low, high = (torch.as_tensor(edge, dtype=r.dtype, device=r.device) for edge in (self.low, self.high))
        straight = torch.where(r > 0, high * (r - high / 2), low * (r - low / 2))
        return torch.where((r <= high) & (r >= low), 0.5 * r**2, straight)


def huber(delta: float | Tensor) -> Piecewise:
    """Squared near zero, absolute beyond `delta` (Huber 1964): r^2 / 2, or delta (|r| - delta / 2)."""
    return Piecewise(-delta, delta, 1.0)


def quantile(level: float) -> Piecewise:
    """Pinball loss (Koenker & Bassett 1978): its minimum is the conditional quantile of that level."""
    return Piecewise(level - 1, level, 0.0)


absolute = Piecewise(-1.0, 1.0, 0.0)  # |r|: its minimum is the conditional median


def squared(prediction: Tensor, y: Tensor) -> Tensor:
    """(prediction - y)^2."""
    return (prediction - y) ** 2


__all__ = [
    "Bowl",
    "Forward",
    "Line",
    "LossFunction",
    "Objective",
    "Penalty",
    "Piecewise",
    "RowLoss",
    "Smooth",
    "SquaredRows",
    "absolute",
    "huber",
    "line",
    "quantile",
    "squared",
]
