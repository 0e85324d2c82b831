"""Bowl: the surface of the squared loss. It is a bowl, and three facts say all of it.

    loss(w) = floor + (w - bottom)' H (w - bottom)      gradient(w) = 2 H (w - bottom)

The bottom is the exact solution, H the second moments of the features (the intercept's column of ones included), the floor
what no line can explain. All three follow from moments, so a step of descent costs O(p^2) however many rows there were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.numerics.comoments import Comoments
from bestline.numerics.factorisation import eigenvalues
from bestline.numerics.rows import Square, Weights
from bestline.numerics.scaling import Scaling
from bestline.numerics.semidefinite import minimum_norm


@dataclass(frozen=True, slots=True, eq=False)
class Bowl:
    """The squared loss of some rows as a function of the weights (d, k), one bowl a target with a common shape.

    Attributes
    ----------
    bottom : Tensor (d, k)
        Weights of least loss; of those with the smallest norm, where several have it.
    curvature : Tensor (d, d)
        H, half the matrix of second derivatives.
    floor : Tensor (k,)
        Loss at the bottom.
    told : Tensor (d, k) or None
        H bottom, as the moments say it: where columns are nearly collinear the product itself has few digits. None: not known apart.
    """

    bottom: Weights
    curvature: Square
    floor: Tensor
    told: Weights | None = None

    @classmethod
    def of(cls, moments: Comoments, scaling: Scaling) -> Bowl:
        """The bowl of the rows behind `moments`, in the weights of the columns as trained; at least one row."""
        p = scaling.p
        mean, joint = trained_moments(moments, scaling)
        inner = _second(mean, joint, scaling)
        # A column that does not vary has no weight at all: what rounding leaves of one would count with its mean in the intercept.
        varies = inner.diagonal()[:p, None] != 0
        slopes = torch.where(varies, minimum_norm(inner[:p, :p], inner[:p, p:]), 0.0)
        # r'S r with r = (w, -1): the residual's own second moment. y'y - w'h would be the difference of two large numbers instead.
        # Of many targets only what each has with itself is needed.
        A, h = inner[:p, :p], inner[:p, p:]
        own = inner.diagonal()[p:]
        floor = (slopes * (A @ slopes - h)).sum(0) + (own - (h * slopes).sum(0))
        # What is within the rounding of y's own second moment is nothing: a line through every point leaves 0, and not 4e-16.
        floor = torch.where(floor <= 8 * torch.finfo(torch.float64).eps * own, 0.0, floor)
        if not scaling.intercept:
            return cls(slopes, inner[:p, :p], floor, h)
        # With an intercept the slopes come from the moments about the means, and b = m_y - m_x'w follows; H is of (x, 1) about zero,
        # [S + m m'  m; m'  1]. About the means both say the same, and the smaller numbers say it with more digits.
        x, y = mean[:p, None], mean[None, p:]
        one = torch.ones(1, 1, dtype=torch.float64)
        curvature = torch.cat([torch.cat([joint[:p, :p] + x @ x.T, x], 1), torch.cat([x.T, one], 1)])
        return cls(torch.cat([slopes, y - x.T @ slopes]), curvature, floor, torch.cat([joint[:p, p:] + x @ y, y]))

    @property
    def linear(self) -> Weights:
        """H bottom (d, k): half the pull at weights of 0."""
        return self.curvature @ self.bottom if self.told is None else self.told

    def excess(self, weights: Weights) -> Tensor:
        """Loss above the floor of each target, (..., k), at weights (..., d, k): right even where it is tiny."""
        away = weights - self.bottom  # a quadratic form of this, and not a difference of losses: so tiny gaps keep their digits
        return (away * (self.curvature @ away)).sum(-2)

    def losses(self, weights: Weights) -> Tensor:
        """Mean squared error of each target, (..., k), at weights (..., d, k)."""
        return self.floor + self.excess(weights)

    def gradient(self, weights: Weights) -> Weights:
        """Gradient of each target's loss, (..., d, k)."""
        return 2 * (self.curvature @ (weights - self.bottom))

    def evaluate(self, weights: Weights) -> tuple[Tensor, Weights]:
        """Losses (k,) and gradient (d, k) together, for little more than the price of one."""
        away = weights - self.bottom
        pull = self.curvature @ away
        return self.floor + (away * pull).sum(-2), pull + pull

    def with_ridge(self, l2: Tensor) -> Bowl:
        """The bowl of loss + sum_j l2[j] w[j]^2, for l2 (d,): still a bowl."""
        curvature = self.curvature + torch.diag(l2)
        # (H + L) w = H w0: where the two gradients cancel. The new floor is the whole loss there, ridge included.
        bottom = minimum_norm(curvature, self.linear)
        moved = bottom - self.bottom
        floor = self.floor + (moved * (self.curvature @ moved)).sum(0) + (l2[:, None] * bottom**2).sum(0)
        return Bowl(bottom, curvature, floor, self.told)

    def cpu(self) -> Bowl:
        """The same bowl in main memory."""
        return self.to(torch.device("cpu"))

    def to(self, device: torch.device) -> Bowl:
        """The same bowl on a device."""
        told = None if self.told is None else self.told.to(device)
        return Bowl(self.bottom.to(device), self.curvature.to(device), self.floor.to(device), told)

    @property
    def steepest(self) -> float:
        """Largest second derivative of the loss in any direction: twice the largest eigenvalue of H."""
        return 2 * float(eigenvalues(self.curvature)[-1]) if len(self.curvature) else 0.0


def trained_moments(moments: Comoments, scaling: Scaling, columns: Sequence[int] | None = None) -> tuple[Tensor, Square]:
    """Mean (q,) and covariance (q, q), divisor W, of the columns as trained, or of some of them."""
    at = slice(None) if columns is None else torch.as_tensor(list(columns), dtype=torch.long)
    # Units are powers of two: multiplied in first, they keep the product of two columns in range.
    unit = (moments.unit / scaling.scale)[at]
    return trained_mean(moments, scaling)[at], torch.outer(unit, unit).mul_(moments.scatter[at][:, at]).div_(moments.weight)


def second_moments(moments: Comoments, scaling: Scaling, columns: Sequence[int] | None = None) -> Square:
    """Second moments (q, q) of the columns as trained: about their means with an intercept, which takes those up; else about zero."""
    return _second(*trained_moments(moments, scaling, columns), scaling)


def _second(mean: Tensor, covariance: Square, scaling: Scaling) -> Square:
    return covariance if scaling.intercept else covariance + torch.outer(mean, mean)


def trained_mean(moments: Comoments, scaling: Scaling) -> Tensor:
    """Mean (q,) of the columns as trained."""
    mean = moments.shift - scaling.center / moments.unit + moments.mean
    # The means of columns centred by these very moments are 0 but for rounding, of which an optimiser that divides by the size
    # of its gradients, such as Adam, would make whole steps.
    rounding = 4 * torch.finfo(torch.float64).eps * (moments.shift.abs() + moments.mean.abs())
    return torch.where(mean.abs() <= rounding, 0.0, mean) * (moments.unit / scaling.scale)
