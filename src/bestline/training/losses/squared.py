"""The squared loss, (prediction - y)^2: its minimum is the conditional mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from bestline.training.losses.base import Code, Loss, LossFunction, Units


def squared(prediction: Tensor, y: Tensor) -> Tensor:
    """(prediction - y)^2."""
    return (prediction - y) ** 2


@dataclass(frozen=True, slots=True)
class Squared(Loss):
    """(prediction - y)^2: of a line it is a bowl, which moments say in full."""

    name: ClassVar[str] = "squared"
    title: ClassVar[str] = "ordinary least squares"
    squared: ClassVar[bool] = True
    code: ClassVar[Code | None] = Code(
        torch=("(prediction - y) ** 2",), numpy=("(prediction - y) ** 2",), pull="2 * error", ready="nn.MSELoss()"
    )

    @property
    def estimates(self) -> str:
        """The mean."""
        return "mean"

    @property
    def told(self) -> str:
        """Its usual name."""
        return "ordinary least squares"

    def trained(self, units: Units) -> tuple[LossFunction, Tensor]:
        """Itself, in squares of the targets' units."""
        return squared, units.scale**2
