"""Again: the rows of a fit, read once more where its moments do not say enough.

What is read again is held against what was found before: a file may have gone, and a frame may have been written to, since the fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.data.design import Design
from bestline.data.exact_sums import SumExactly, Sums, affordable
from bestline.data.folds import ByHash, ByPart, ByValue, Grouping, Together
from bestline.data.gather import collected
from bestline.data.moments import Moments
from bestline.data.passes import Named, Pass
from bestline.data.tables import Batch, Source
from bestline.data.unknown_levels import Unknown
from bestline.errors import DataError
from bestline.inference.scores import Errors
from bestline.numerics import Comoments, Weights
from bestline.numerics.exact_sums import TooWideError
from bestline.training import Plan


@dataclass(frozen=True, slots=True, eq=False)
class GroupedRows:
    """Rows told apart by groups, to be found again.

    Attributes
    ----------
    grouping : Grouping
        Tells the group of each row.
    number : int
        How many groups it tells.
    rows : mapping of int to Comoments
        The groups that are meant, and what was found in them.
    """

    grouping: Grouping
    number: int
    rows: Mapping[int, Comoments]

    @classmethod
    def of_folds(cls, plan: Plan, moments: Moments) -> GroupedRows:
        """The folds that have rows."""
        used = {i: fold for i, fold in enumerate(moments.folds) if fold.count}
        by, folds = moments.by, len(moments.folds)
        grouping = ByHash.of(moments.design, folds, plan.seed) if by is None else ByValue(by, moments.values)
        return cls(grouping, folds, used)

    def met_again(self, found: Mapping[int, Comoments]) -> bool:
        """Whether what was found in these groups now is what was found before."""
        # Moments tell rows apart to six digits, in whatever order and batches they come up (`Comoments.like`).
        return all(number in found and found[number].like(rows) for number, rows in self.rows.items())


@dataclass(frozen=True, slots=True, eq=False)
class JudgedGroups:
    """Errors of the rows that were judged, and the moments of each group that tell whether these are the rows of before."""

    errors: Errors
    rows: Named[int, Comoments]

    def __add__(self, other: JudgedGroups) -> JudgedGroups:
        return JudgedGroups(self.errors + other.errors, self.rows + other.rows)


@dataclass(frozen=True, eq=False)
class JudgeGroups(Pass[Batch, JudgedGroups]):
    """The pass that takes the errors of every row, predicted by the weights (d, k) of its group's number; others are left out.

    Rows of a group of which its line knows nothing, by `unknown`, are not judged, but met like others.
    """

    design: Design
    plan: Plan
    of_rows: GroupedRows
    weights: Mapping[int, Weights]
    unknown: Mapping[int, Unknown]

    what = "predicting the folds"

    @property
    def numbered(self) -> bool:
        """Whether the grouping asks for it."""
        return self.of_rows.grouping.numbered

    @property
    def columns(self) -> list[str]:
        """What the design and the grouping read."""
        return [*self.design.reads(), *self.of_rows.grouping.columns]

    def empty(self) -> JudgedGroups:
        """Of no rows."""
        nothing = Comoments.empty(self.design.p + len(self.design.targets))
        return JudgedGroups(Errors.empty(len(self.design.targets)), Named(dict.fromkeys(self.of_rows.rows, nothing)))

    def of(self, batch: Batch) -> JudgedGroups:
        """Of some rows."""
        encoded = self.design.rows(batch)
        rows, group = encoded.rows.to("cpu"), self.of_rows.grouping(batch, encoded).cpu()
        met = Named({number: Comoments.of_rows(rows[group == number]) for number in self.of_rows.rows})
        errors = self.empty().errors
        with torch.no_grad():
            for number, weights in self.weights.items():
                there = group == number
                if number in self.unknown:
                    # Met for the moments, but not judged: its level has no weight in the line of the others.
                    there = there & ~self.unknown[number].rows(rows.X)
                own = rows[there]
                height = 0.0 if encoded.height is None else encoded.height[there]  # then y is the rest of the target
                errors = errors + Errors.of(
                    self.plan.predictor(weights)(own.X) + height, own.y + height, own.w, copies=own.copies
                )
        return JudgedGroups(errors, met)


@dataclass(frozen=True, slots=True, eq=False)
class Again:
    """The rows of a fit, to be read once more: the source, and with `split` the part of each of its rows."""

    source: Source
    design: Design
    labels: Tensor | None = None

    def sums(self, of: GroupedRows, rows: int) -> dict[int, Sums] | None:
        """Exact sums of each group; None where they would take too long, and where the rows are not those of before."""
        d, k = self.design.p + self.design.intercept, len(self.design.targets)
        # The price is asked for first: to look whether the rows are the same takes a pass over them.
        if not affordable(rows, d, k) or not self._unchanged(of):
            return None
        try:
            return dict(self.source.reduce(SumExactly(self.design, of.grouping)).parts)
        except TooWideError:
            return None

    def errors(
        self, plan: Plan, of: GroupedRows, lines: dict[int, Weights], unknown: Mapping[int, Unknown] | None = None
    ) -> Errors | None:
        """Errors of the rows of each group by the line of its number, summed, without rows of what is `unknown` to that.

        None where the rows have gone, or are not those of before.
        """
        try:
            found = self.source.reduce(JudgeGroups(self.design, plan, of, lines, unknown or {}))
        except DataError:
            return None
        return found.errors if of.met_again(found.rows.parts) else None

    def part(self, number: int, rows: Comoments) -> GroupedRows:
        """The rows of a part: 0 is training, 1 validation, 2 test."""
        if self.labels is None:
            return GroupedRows(Together(), 1, {number: rows})
        return GroupedRows(ByPart(self.labels, 1, Together()), 3, {number: rows})

    def _unchanged(self, of: GroupedRows) -> bool:
        """Whether the rows are still there, and the same: a file may go, and a frame may be written to, after a fit."""
        try:
            found = collected(self.source, self.design, of.number, of.grouping).groups
        except DataError:
            return False
        return of.met_again(dict(enumerate(found)))
