"""TODO docstring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.errors import OptionError
from bestline.numerics.rows import Weights


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
