"""Surface: the training loss of a model over any one or two of its weights."""

from __future__ import annotations

from typing import Any

from bestline.inference.fitted import FittedLine
from bestline.training import surfaces
from bestline.training.outcome import Fit


def surface(model: FittedLine | Fit, *pair: Any, **options: Any) -> surfaces.Surface:
    return surfaces.surface(model if isinstance(model, Fit) else model.trained, *pair, **options)
