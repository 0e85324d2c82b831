"""A loss of the user's: any function of predictions and targets that torch can differentiate, told in the data's units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bestline.training.losses.base import Loss, LossFunction, Units


@dataclass(frozen=True, slots=True, eq=False)
class Own(Loss):
    """A callable (prediction, y) -> one number, (n,) or (n, k)."""

    name: ClassVar[str] = "own"
    function: LossFunction

    def trained(self, units: Units) -> tuple[LossFunction, Tensor]:
        """The function, shown everything in the data's units whatever training sees: so its own unit is the data's."""
        user, scale, center = self.function, units.scale, units.center
        one = torch.ones(1, dtype=torch.float64, device=scale.device)
        return (user if units.same else lambda f, y: user(f * scale + center, y * scale + center)), one
