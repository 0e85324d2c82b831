"""The quantile loss: a miss from below costs `level`, one from above 1 - `level`, so that a share `level` of the rows ends up below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bestline.training.losses.base import Code, Loss, LossFunction, Units
from bestline.training.losses.piecewise import quantile


@dataclass(frozen=True, slots=True)
class Quantile(Loss):
    """max(level r, (level - 1) r) of r = y - prediction.

    Attributes
    ----------
    level : float
        Between 0 and 1; by default the median's.
    """

    name: ClassVar[str] = "quantile"
    title: ClassVar[str] = "quantile regression"
    edged: ClassVar[bool] = True
    most: ClassVar[float | None] = 1.0
    code: ClassVar[Code | None] = Code(
        torch=("torch.maximum(-level * error, (1 - level) * error)",),
        numpy=("np.maximum(-level * error, (1 - level) * error)",),
        pull="(np.sign(error) + 1) / 2 - level",
        setting="level",
        why="of the quantile",
    )
    level: float = 0.5

    @property
    def titled(self) -> str:
        """With the level."""
        return f"{self.title} at {self.level:g}"

    @property
    def estimates(self) -> str:
        """The quantile."""
        return "median" if self.level == 0.5 else f"{self.level:g} quantile"

    @property
    def told(self) -> str:
        """Its usual name, and what it is for."""
        return f"the quantile (pinball) loss: a unit too low costs {self.level:.6g}, a unit too high {1 - self.level:.6g}"

    def trained(self, units: Units) -> tuple[LossFunction, Tensor]:
        """Itself, in the targets' units."""
        # Scaling a residual by a positive number scales this loss by the same: the level has no units.
        return quantile(self.level), units.scale

    def number(self, function: LossFunction | None, scale: Tensor) -> Tensor:
        """The level."""
        return torch.tensor([self.level], dtype=torch.float64)
