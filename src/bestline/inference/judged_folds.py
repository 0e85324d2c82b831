"""Judged folds: every row predicted by the line of the folds that it is not in, but for rows whose levels these do not know."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from bestline.data.design import Design
from bestline.data.folds import Grouping
from bestline.data.passes import Pass
from bestline.data.tables import Batch
from bestline.data.unknown_levels import Unknown
from bestline.inference.scores import Errors
from bestline.numerics import Weights
from bestline.training import Plan


@dataclass(frozen=True, slots=True, eq=False)
class JudgedFolds:
    """Errors in the rows that the other folds know, and how many rows they do not."""

    errors: Errors
    unknown: int = 0

    def __add__(self, other: JudgedFolds) -> JudgedFolds:
        return JudgedFolds(self.errors + other.errors, self.unknown + other.unknown)


@dataclass(frozen=True, eq=False)
class JudgeFolds(Pass[Batch, JudgedFolds]):
    """The pass that predicts every row by the line of the folds that it is not in: by number of the fold, its weights (d, k)."""

    design: Design
    plan: Plan
    grouping: Grouping
    weights: dict[int, Weights]
    unknown: dict[int, Unknown] = field(default_factory=dict)

    what = "predicting the folds"

    @property
    def columns(self) -> list[str]:
        """What the design and the grouping read."""
        return [*self.design.reads(), *self.grouping.columns]

    def empty(self) -> JudgedFolds:
        """Of no rows."""
        return JudgedFolds(Errors.empty(len(self.design.targets)))

    def of(self, batch: Batch) -> JudgedFolds:
        """Of some rows."""
        encoded = self.design.rows(batch)
        rows, fold = encoded.rows.to("cpu"), self.grouping(batch, encoded).cpu()
        found = self.empty()
        for f, weights in self.weights.items():
            own = rows[fold == f]
            strange = self.unknown[f].rows(own.X)
            own = own[~strange]
            with torch.no_grad():
                errors = Errors.of(self.plan.predictor(weights)(own.X), own.y, own.w)
            found = found + JudgedFolds(errors, int(strange.sum()))
        return found
