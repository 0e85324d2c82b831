"""The elastic net: the sum of the slopes' sizes makes small ones exactly zero, the sum of their squares keeps all of them small.

    penalty(w) = l1 sum_j f_j |w_j| + l2 sum_j f_j w_j^2

Ridge is the member without l1 (Hoerl & Kennard 1970), the lasso the one without l2 (Tibshirani 1996), and least squares the one
without either (all of them as in Zou & Hastie 2005).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from bestline.numerics import Weights
from bestline.training.penalty.base import Penalty, Terms, check_sizes, factors_of_slopes


@dataclass(frozen=True, slots=True, eq=False)
class ElasticNetPenalty(Penalty):
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
    def on_slopes(cls, l1: float, l2: float, p: int, *, intercept: bool, factors: Sequence[float] | None = None) -> Self:
        """The usual penalty: every slope alike, or by its own of the p factors; the intercept free."""
        check_sizes(l1, l2)
        return cls(l1, l2, factors_of_slopes(p, intercept=intercept, factors=factors))

    def __bool__(self) -> bool:
        return self.l1 > 0 or self.l2 > 0

    def to(self, device: torch.device) -> Self:
        """The same with the factors there."""
        return replace(self, factors=self.factors.to(device))

    def value(self, w: Weights) -> Tensor:
        """Penalty of w (d, k), a scalar."""
        return (self.factors[:, None] * (self.l1 * w.abs() + self.l2 * w**2)).sum()

    def gradient(self, w: Weights) -> Weights:
        """Gradient; at w = 0 the subgradient 0."""
        # sign(0) = 0 lies in the subdifferential [-1, 1] of |w| at 0, where subgradient descent may stay.
        return self.factors[:, None] * (self.l1 * w.sign() + 2 * self.l2 * w)

    def prox(self, w: Weights, step: float) -> Weights:
        """Shrink by l1, then divide by l2 (Parikh & Boyd 2014, 6.5)."""
        # The optimum of l1 f |z| + l2 f z^2 + (z - w)^2 / (2 step): z (1 + 2 step l2 f) = w - step l1 f sign(z), 0 if that has no solution.
        f = self.factors[:, None]
        return torch.sign(w) * (w.abs() - step * self.l1 * f).clamp(min=0) / (1 + 2 * step * self.l2 * f)

    def violation(self, w: Weights, gradient: Weights) -> Weights:
        """Distance, weight by weight, of -gradient from the penalty's subdifferential at w: 0 at the optimum."""
        pull = gradient + 2 * self.l2 * self.factors[:, None] * w
        bound = (self.l1 * self.factors[:, None]).expand_as(w)
        # At a weight of 0 the subdifferential is the interval [-bound, bound], elsewhere the one number bound sign(w).
        return torch.where(w == 0, (pull.abs() - bound).clamp(min=0), (pull + bound * w.sign()).abs())

    @property
    def quadratic(self) -> bool:
        """Without l1 it is a ridge, or nothing."""
        return not self.l1

    @property
    def ridge(self) -> Tensor | None:
        """l2 f, (d,)."""
        return self.l2 * self.factors if self.l2 else None

    @property
    def curvature(self) -> float:
        """2 l2 times the largest factor."""
        return 2 * self.l2 * float(self.factors.max() if len(self.factors) else 0.0)

    @property
    def terms(self) -> Terms:
        """Its own numbers."""
        return Terms(self.l1, self.l2, self.factors)
