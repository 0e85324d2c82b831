"""Huber's loss: squared for rows near the line, absolute for those beyond `delta`, so that no outlier takes the line with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bestline.training.losses.base import Code, Loss, LossFunction, Units
from bestline.training.losses.piecewise import Piecewise, huber

_DELTA = 1.345  # of the residuals' scale: 95 % efficient where errors are normal (Holland & Welsch 1977)


@dataclass(frozen=True, slots=True)
class Huber(Loss):
    """r^2 / 2 near zero, delta (|r| - delta / 2) beyond delta (Huber 1964).

    Attributes
    ----------
    delta : float, optional
        In the data's units; by default 1.345 robust standard deviations of the least-squares line's residuals.
    """

    name: ClassVar[str] = "huber"
    title: ClassVar[str] = "Huber regression (an M-estimator)"
    edged: ClassVar[bool] = True
    most: ClassVar[float | None] = math.inf
    code: ClassVar[Code | None] = Code(
        torch=("size = error.abs()", "torch.where(size <= delta, size**2 / 2, delta * (size - delta / 2))"),
        numpy=("size = np.abs(error)", "np.where(size <= delta, size**2 / 2, delta * (size - delta / 2))"),
        pull="np.clip(error, -{setting}, {setting})",
        ready="nn.HuberLoss(delta={setting})",
        setting="delta",
        why="Residuals beyond delta pull no harder: 1.345 of their robust standard deviations.",
        in_units=True,
    )
    delta: float | None = None

    @property
    def titled(self) -> str:
        """With delta, where it was given."""
        return self.title if self.delta is None else f"{self.title}, delta {self.delta:g}"

    @property
    def told(self) -> str:
        """Its usual name, and what it is for."""
        return "Huber's loss (an M-estimator): rows far from the line pull it less than in least squares"

    def trained(self, units: Units) -> tuple[LossFunction, Tensor]:
        """With the edge in the units trained in; the loss itself is in squares of the targets' units."""
        edge = _DELTA * units.residual_scale().to(units.scale.device) if self.delta is None else self.delta
        return huber(edge / units.scale), units.scale**2

    def number(self, function: LossFunction | None, scale: Tensor) -> Tensor:
        """Delta in the data's units: what the loss's slope is far out."""
        assert isinstance(function, Piecewise)  # noqa: S101  `trained` made it
        return torch.as_tensor(function.high) * scale
