"""The contract of a penalty: a convex function of the weights that training adds to the loss.

    objective(w) = loss(w) + penalty(w)         prox(w) = argmin_z  penalty(z) + |z - w|^2 / (2 step)

A solver asks a penalty what it is, by the properties below, and never which class it belongs to. A new one needs `value`,
`gradient` and `prox`; that is all `Proximal` asks for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor

from bestline.errors import OptionError
from bestline.numerics import Weights


class Terms(NamedTuple):
    """The numbers of a penalty that is l1 sum_j f_j |w_j| + l2 sum_j f_j w_j^2.

    Attributes
    ----------
    l1, l2 : float
    factors : Tensor (d,)
        f; 0 leaves a weight free.
    """

    l1: float
    l2: float
    factors: Tensor


class Penalty(ABC):
    """A convex function of weights w (d, k), each target by itself; the intercept's weight, the last, stays free."""

    __slots__ = ()

    @classmethod
    @abstractmethod
    def on_slopes(cls, l1: float, l2: float, p: int, *, intercept: bool, factors: Sequence[float] | None = None) -> Self:
        """The penalty that `fit`'s arguments ask for: on p slopes, by a factor each (1 if none are given)."""

    @abstractmethod
    def value(self, w: Weights) -> Tensor:
        """Penalty of w (d, k), a scalar."""

    @abstractmethod
    def gradient(self, w: Weights) -> Weights:
        """Gradient at w (..., d, k); where there is an edge, one of the subgradients."""

    @abstractmethod
    def prox(self, w: Weights, step: float) -> Weights:
        """argmin_z penalty(z) + |z - w|^2 / (2 step), for w (d, k)."""

    @abstractmethod
    def to(self, device: torch.device) -> Self:
        """The same penalty of weights that lie elsewhere."""

    @abstractmethod
    def __bool__(self) -> bool:
        """Whether it is anything but 0."""

    def violation(self, w: Weights, gradient: Weights) -> Weights:
        """How far from optimal each weight is, when the loss alone has this gradient (..., d, k): 0 at the optimum, and only there.

        By default the way that a proximal step of length 1 would take it: at the optimum w = prox(w - gradient).
        """
        # 0 in gradient + subdifferential(w) if and only if w = prox(w - gradient) (Parikh & Boyd 2014, 2.3).
        return (w - self.prox(w - gradient, 1.0)).abs()

    @property
    def quadratic(self) -> bool:
        """Whether it is nothing but sums of squares, `ridge`, so that squared loss and penalty together are still a bowl."""
        return not self

    @property
    def ridge(self) -> Tensor | None:
        """What the squares w_j^2 in it are multiplied by, (d,); None where there are none."""
        return None

    @property
    def curvature(self) -> float:
        """Its largest second derivative, edges left out."""
        return 0.0

    @property
    def terms(self) -> Terms | None:
        """Its numbers, where it is an elastic net, for solvers that are made for those; None otherwise."""
        return None


def check_sizes(l1: float, l2: float) -> None:
    """Raise OptionError for penalties that are negative or not finite."""
    # Negative ones make the objective fall without end, and comparisons are written so that NaN fails them too.
    if not (l1 >= 0 and l2 >= 0 and l1 < float("inf") and l2 < float("inf")):
        raise OptionError(f"The penalties must be finite and not negative; got l1={l1!r} and l2={l2!r}.")


def factors_of_slopes(p: int, *, intercept: bool, factors: Sequence[float] | None) -> Tensor:
    """Factors (d,) in float64: of p slopes as they are given, 1 each if they are not, and 0 of the intercept."""
    # The intercept is never penalised: the line would depend on where the target's zero is.
    each = torch.ones(p + intercept, dtype=torch.float64)
    if factors is not None:
        each[:p] = torch.tensor(factors, dtype=torch.float64)
    each[p:] = 0
    return each
