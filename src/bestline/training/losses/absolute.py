"""The absolute loss, |y - prediction|: its minimum is the conditional median, and far rows pull no harder than near ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from bestline.training.losses.base import Code, Loss, LossFunction, Units
from bestline.training.losses.piecewise import absolute


@dataclass(frozen=True, slots=True)
class Absolute(Loss):
    """|y - prediction|."""

    name: ClassVar[str] = "absolute"
    title: ClassVar[str] = "least absolute deviations (median regression)"
    edged: ClassVar[bool] = True
    code: ClassVar[Code | None] = Code(
        torch=("(prediction - y).abs()",), numpy=("np.abs(error)",), pull="np.sign(error)", ready="nn.L1Loss()"
    )

    @property
    def estimates(self) -> str:
        """The median."""
        return "median"

    @property
    def told(self) -> str:
        """Its usual name, and what it is for."""
        return "least absolute deviations: rows far from the line pull no harder than near ones"

    def trained(self, units: Units) -> tuple[LossFunction, Tensor]:
        """Itself, in the targets' units."""
        return absolute, units.scale
