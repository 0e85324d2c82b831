"""Task: one problem to train, in the columns as trained, and how its numbers are to be called."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bestline.numerics import Scaling
from bestline.training.objective import Objective
from bestline.training.row_losses import Smooth


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What is to be trained, and how its numbers are to be called.

    Attributes
    ----------
    objective : Objective
        In the columns as trained.
    scaling : Scaling
    names, targets : tuple of str
        Names of the weights (d,) and targets (k,).
    units : Tensor
        What one unit of each trained loss is in the data's units: (k,), or (1,) for a loss that is one number.
    reference : float
        Loss of predicting the mean, in the data's units: beyond a million times this, training has diverged.
    held_out : Smooth or None
        Loss of the held-out rows, in the columns as trained.
    """

    objective: Objective
    scaling: Scaling
    names: tuple[str, ...]
    targets: tuple[str, ...]
    units: Tensor
    reference: float = 0.0
    held_out: Smooth | None = None
    seed: int = 0
