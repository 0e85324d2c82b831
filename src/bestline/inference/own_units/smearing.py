"""Smearing: what a target of which a line fits the logarithm, or another function, is on average.

    mean of y at x = sum_i w_i g(x'b + e_i) / sum_i w_i          e: residuals of training, g: the way back

g(x'b) alone is the median, if residuals are as often above 0 as below. Averaging g over the residuals that training left needs no
law of theirs (Duan 1983, JASA 78:605-610). Of logarithms g is an exponential, and the mean g(x'b) times one number, the smearing
factor: sum w exp(e) / sum w.

Residuals are kept in classes, 500 over 16 standard deviations, each as two points of the same mean and variance; so what is kept
is small however many rows there were, and the mean of a square is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.data.design.inverse import Inverse

_CLASSES = 500
_HALF = 8.0  # root mean squared errors from the middle to the ends; what is beyond is in the last class
_AT_ONCE = 2**20  # numbers


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Residuals (n, k) of some rows in classes: adds up, in any order.

    Attributes
    ----------
    width : Tensor (k,)
        Of a class.
    weight, first, second : Tensor (classes, k)
        Of each class the sum of the weights, and of weights times distances from its middle and times their squares.
    """

    width: Tensor
    weight: Tensor
    first: Tensor
    second: Tensor

    @classmethod
    def none(cls, rmse: Tensor) -> Residuals:
        """Of no rows, where their root mean square is (k,)."""
        nothing = torch.zeros(_CLASSES, len(rmse), dtype=torch.float64)
        return cls(torch.where(rmse > 0, rmse, 1.0) * (2 * _HALF / _CLASSES), nothing, nothing, nothing)

    def of(self, e: Tensor, w: Tensor | None) -> Residuals:
        """Of residuals (n, k) with weights (n,), in the same classes."""
        weights = (torch.ones(len(e), dtype=torch.float64) if w is None else w)[:, None].expand_as(e)
        at = (e / self.width + _CLASSES / 2).floor().clamp(0, _CLASSES - 1)
        away = e - (at + 0.5 - _CLASSES / 2) * self.width
        zero, at = torch.zeros_like(self.weight), at.long()
        sums = [zero.scatter_add(0, at, v) for v in (weights, weights * away, weights * away**2)]
        return Residuals(self.width, *sums)

    def __add__(self, other: Residuals) -> Residuals:
        return Residuals(self.width, self.weight + other.weight, self.first + other.first, self.second + other.second)

    def spread(self, target: int) -> Spread:
        """The residuals of one target as points with shares."""
        weight = self.weight[:, target]
        used = weight > 0
        middle = ((torch.arange(_CLASSES, dtype=torch.float64) + 0.5 - _CLASSES / 2) * self.width[target])[used]
        mean, square = self.first[used, target] / weight[used], self.second[used, target] / weight[used]
        half = (square - mean**2).clamp(min=0).sqrt()
        share = weight[used] / weight.sum() / 2
        return Spread(torch.cat([middle + mean - half, middle + mean + half]), torch.cat([share, share]))


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Residuals as points (m,) with their shares (m,), which add up to 1; and where it is known, the smearing factor itself."""

    points: Tensor
    shares: Tensor
    factor: float | None = None

    def mean(self, back: Inverse, fitted: Tensor) -> Tensor:
        """The mean of what `back` makes of fitted values (n,) and the residuals about them, (n,)."""
        if self.factor is not None and back.base is not None:
            return back.base + (back(fitted) - back.base) * self.factor
        rows = max(1, _AT_ONCE // len(self.points))
        return torch.cat([back(some[:, None] + self.points) @ self.shares for some in fitted.split(rows)])
