"""Judged folds: every row predicted by the line of the folds that it is not in."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from bestline.data.design import Design
from bestline.data.folds import Grouping
from bestline.data.passes import Pass
from bestline.data.tables import Batch
from bestline.inference.scores import Errors
from bestline.numerics import Weights
from bestline.training import Plan


@dataclass(frozen=True, eq=False)
class JudgeFolds(Pass[Batch, Errors]):
    """The pass that takes the errors of every row, predicted by the weights (d, k) of its fold's number; others are left out."""

    design: Design
    plan: Plan
    grouping: Grouping
    weights: dict[int, Weights]

    what = "predicting the folds"

    @property
    def numbered(self) -> bool:
        """Whether the grouping asks for it."""
        return self.grouping.numbered

    @property
    def columns(self) -> list[str]:
        """What the design and the grouping read."""
        return [*self.design.reads(), *self.grouping.columns]

    def empty(self) -> Errors:
        """Of no rows."""
        return Errors.empty(len(self.design.targets))

    def of(self, batch: Batch) -> Errors:
        """Of some rows."""
        encoded = self.design.rows(batch)
        rows, fold = encoded.rows.to("cpu"), self.grouping(batch, encoded).cpu()
        found = self.empty()
        with torch.no_grad():
            for f, weights in self.weights.items():
                own = rows[fold == f]
                height = 0.0 if encoded.height is None else encoded.height[fold == f]  # then y is the rest of the target
                found = found + Errors.of(
                    self.plan.predictor(weights)(own.X) + height, own.y + height, own.w, copies=own.copies
                )
        return found
