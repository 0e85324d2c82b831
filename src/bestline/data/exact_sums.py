"""Exact sums: the products of all columns with each other, added up over rows, group by group, and nothing rounded.

What moments in float64 leave too few digits for is solved from these (`numerics.exact_solve`): a line, the lines of the folds, and
what they leave of rows that they have not seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.data.design import Design
from bestline.data.design.lost_digits import LostDigits, rows_doubled
from bestline.data.folds import Grouping
from bestline.data.passes import Named, Pass
from bestline.data.tables import Batch
from bestline.numerics import Rows
from bestline.numerics.exact_solve import MOST_COLUMNS
from bestline.numerics.exact_sums import CrossProducts

_MOST = 1e11  # rows times the square of columns beyond which the sums would take more than ten minutes


def affordable(rows: int, d: int, k: int) -> bool:
    """Whether exact sums of so many rows, weights and targets are worth their time."""
    return 0 < d <= MOST_COLUMNS and rows * (d + k) ** 2 <= _MOST


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Exact sums of products, and what is not known of the columns.

    Attributes
    ----------
    products : CrossProducts (d + k)
    lost : Tensor (p + k,)
        Length of the errors of every column of X and y: the root of their sum of squares over the rows.
    """

    products: CrossProducts
    lost: Tensor

    @classmethod
    def of(cls, rows: Rows, beyond: LostDigits | None, *, intercept: bool) -> Sums:
        """Of some rows, and of what their columns hold beyond float64."""
        q = rows.X.shape[1] + rows.y.shape[1]
        lost = torch.zeros(q, dtype=torch.float64) if beyond is None else _length(beyond.error, rows.w)
        return cls(CrossProducts.of(rows, None if beyond is None else beyond.below, intercept=intercept), lost)

    def __add__(self, other: Sums) -> Sums:
        # Lengths over disjoint rows add as the sides of a right angle.
        return Sums(self.products + other.products, torch.hypot(self.lost, other.lost))


@dataclass(frozen=True, eq=False)
class SumExactly(Pass[Batch, Named[int, Sums]]):
    """The pass that multiplies all columns with each other, and rounds nothing, in each group of rows; those of group -1 are left out.

    Raises TooWideError where that would take long.
    """

    design: Design
    grouping: Grouping

    @property
    def numbered(self) -> bool:
        """Whether the grouping asks for it."""
        return self.grouping.numbered

    @property
    def what(self) -> str:
        """What people are told."""
        return "reading the rows again, for more digits"

    @property
    def columns(self) -> list[str]:
        """What the design and the grouping read."""
        return [*self.design.reads(), *self.grouping.columns]

    def empty(self) -> Named[int, Sums]:
        """Of no rows."""
        return Named({})

    def of(self, batch: Batch) -> Named[int, Sums]:
        """Of the rows of a batch."""
        encoded, beyond = rows_doubled(self.design, batch)
        rows, group = encoded.rows, self.grouping(batch, encoded).to(encoded.rows.X.device)
        found = {}
        for number in group.unique().tolist():
            own = group == number
            if number >= 0:
                found[number] = Sums.of(rows[own], None if beyond is None else beyond[own], intercept=self.design.intercept)
        return Named(found)


def _length(error: Tensor, w: Tensor | None) -> Tensor:
    """The length of the columns of errors (n, q), (q,); their squares may be too small for float64, so each has a unit."""
    error = (error if w is None else error * w[:, None].sqrt()).cpu()
    if len(error) == 0 or not bool(error.any()):
        return torch.zeros(error.shape[1], dtype=torch.float64)
    most = error.amax(0)
    length = most * (error / torch.where(most > 0, most, 1.0)).square().sum(0).sqrt()
    # An error that nobody knows is infinite, and over its own size no number.
    return length.nan_to_num(math.inf, math.inf)
