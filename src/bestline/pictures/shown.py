"""Shown: the rows of a model as its pictures show them: over one column, if all others are made from that one.

A line in powers of a column is a curve over that column, and there it is seen best: `y ~ x + I(x**2)` is a parabola.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from bestline.pictures.sample import Sample
from bestline.tables import open_source

if TYPE_CHECKING:
    from bestline.model import Model


def rows_shown(model: Model, data: Any = None, part: str = "training") -> Sample:
    """The rows to show: of `data`, or else of a part of the model's own."""
    sample = Sample.draw(model.rows(part, data), model.features, model.targets)
    design = model.design
    if design.p < 2 or len(design.needs) != 1 or design.texts or design.needs[0] not in design.names:
        return sample
    name = design.needs[0]

    def columns(X: Tensor) -> Tensor:
        (batch,) = open_source({name: X[:, 0]}).batches([name])
        return design.features(batch)[0]

    return sample.over(design.names.index(name), columns)
