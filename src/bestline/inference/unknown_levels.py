"""Unknown levels: rows of a fold whose level, or combination of levels, no other fold has.

The line of the other folds knows nothing of such a row, as a fitted line knows nothing of a level that training never saw: it has
no prediction there, and so no error. Moments tell whether there are such rows; to leave them out takes the rows themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from bestline.data.design import Design
from bestline.data.folds import Grouping
from bestline.data.passes import Pass
from bestline.data.tables import Batch
from bestline.inference.scores import Errors
from bestline.numerics import Comoments, Features, Weights
from bestline.training import Plan

_ALL = 1e-12  # shares of levels that add up to 1 but for this leave no room for another


@dataclass(frozen=True, slots=True)
class Unknown:
    """What the other folds do not say.

    Attributes
    ----------
    columns : tuple of int
        Columns of levels that are 0 throughout there.
    references : tuple of tuple of int
        Of each category whose reference level is not there, the columns of the other levels.
    """

    columns: tuple[int, ...] = ()
    references: tuple[tuple[int, ...], ...] = ()

    @classmethod
    def of(cls, rest: Comoments, held: Comoments, design: Design) -> Unknown:
        """What the rows behind `rest` do not say of those behind `held`, as far as levels go."""
        p, kinds = design.p, [f.kind == "category" for f in design.factors]
        new = _zero(rest, p) & ~_zero(held, p)
        columns = [j for j, c in enumerate(design.columns) if bool(new[j]) and any(kinds[i] for i, _ in c.parts)]
        references = []
        for i in (i for i, category in enumerate(kinds) if category):
            others = tuple(j for j, c in enumerate(design.columns) if len(c.parts) == 1 and c.parts[0][0] == i)
            if 0 < len(others) < len(design.factors[i].levels):
                there, here = (float(m.center[list(others)].sum()) for m in (rest, held))
                if there > 1 - _ALL and here <= 1 - _ALL:
                    references.append(others)
        return cls(tuple(columns), tuple(references))

    def __bool__(self) -> bool:
        return bool(self.columns or self.references)

    def rows(self, X: Features) -> Tensor:
        """Which rows (n,) the other folds say nothing of."""
        mask = (X[:, list(self.columns)] != 0).any(1)
        for others in self.references:
            mask = mask | (X[:, list(others)] == 0).all(1)
        return mask


def _zero(moments: Comoments, p: int) -> Tensor:
    """Which columns (p,) are 0 in every row."""
    return (moments.center[:p] == 0) & (moments.spread[:p] == 0)


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
