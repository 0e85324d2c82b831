"""Exactly: groups and windows that lack digits, solved in whole numbers from their rows, read once more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.data.design import Design, Key
from bestline.data.design.lost_digits import rounded_away, rows_doubled
from bestline.data.exact_sums import Sums
from bestline.data.grouped import keyed
from bestline.data.ordered import OrderedRows
from bestline.data.passes import Named, Pass
from bestline.data.progress import Progress
from bestline.data.tables import Batch, Source
from bestline.inference.classical import NAN
from bestline.inference.groups.lines import GroupLines
from bestline.numerics import Refined, Scaling, refined
from bestline.numerics.digits import MOST
from bestline.numerics.exact_solve import MOST_COLUMNS, solved
from bestline.numerics.exact_sums import TooWideError

_MOST_EXACT = 10_000  # groups whose rows are read again; each takes some milliseconds


def groups_exactly(
    lines: GroupLines, keys: tuple[Key, ...], by: tuple[str, ...], source: Source, digits: int, progress: Progress | None
) -> GroupLines:
    """The same, groups that lack digits solved exactly: one more pass, over these groups alone."""
    poor, intercept = _poor(lines, digits), lines.design.intercept
    if not poor:
        return lines
    try:
        sums = source.reduce(_GroupSums(lines.design, by, frozenset(keys[g] for g in poor)), progress=progress).parts
    except TooWideError:
        return lines

    def solve(g: int, scale: Tensor) -> Refined | None:
        if rounded_away(lines.design, lines.whole.scatter[g].diagonal()):  # exact for other columns than those of the data
            return None
        own = sums[keys[g]]
        found = solved(own.products, len(lines.terms), intercept=intercept, rounding=True)
        return None if found is None else found.shared(scale).known_to(own.lost)

    return _each(lines, poor, solve)


def windows_exactly(lines: GroupLines, ordered: OrderedRows, begins: Tensor, ends: Tensor, digits: int) -> GroupLines:
    """The same, windows that lack digits solved exactly, where their columns are as stored."""
    design = lines.design
    if any(factor.kind == "expression" for factor in (*design.factors, *design.trained)) or design.rounded:
        return lines

    def solve(g: int, scale: Tensor) -> Refined | None:
        # Rows of weight 0 are none, and would count in the exact sums.
        own = ordered.rows[slice(int(begins[g]), int(ends[g]))]
        used = own if own.w is None else own[own.w > 0]
        found = refined([(used, None)], design.p, len(design.targets), intercept=design.intercept, rounding=True)
        return None if found is None else found.shared(scale)

    return _each(lines, _poor(lines, digits), solve)


def _poor(lines: GroupLines, digits: int) -> list[int]:
    """Groups to be solved exactly; none where that would take too long."""
    if not digits or not 0 < len(lines.terms) <= MOST_COLUMNS:
        return []
    found: list[int] = torch.nonzero(_doubtful(lines, digits))[:, 0].tolist()
    return found if len(found) <= _MOST_EXACT else []


def _doubtful(lines: GroupLines, digits: int) -> Tensor:
    """Groups whose weights or standard errors have fewer digits, or that moments take for undetermined though their columns vary, (G,)."""
    p = lines.design.p
    # Moments may take columns for collinear that the rows tell apart: those that vary are looked at.
    lost = lines.weights[:, :p].isnan().any(2) & lines.whole.varies[:, :p]
    few = (lines.digits < digits) & ~lines.weights.isnan()
    errors = (lines.error_digits < digits).any(1) & (lines.df > 0)
    return (few.any((1, 2)) | errors | lost.any(1)) & (lines.df >= 0)


def _each(lines: GroupLines, poor: Sequence[int], solve: Callable[[int, Tensor], Refined | None]) -> GroupLines:
    """The same with the solutions of some groups, given their number and the sizes of their columns."""
    if not poor:
        return lines
    design, lines = lines.design, lines.copied()
    for g in poor:
        scale = Scaling.of(lines.whole.one(g), design.p, intercept=design.intercept, standardize=True).scale
        found = solve(g, scale[: design.p])
        if found is not None:
            _write(lines, g, found)
    return lines


def _write(lines: GroupLines, g: int, found: Refined) -> None:
    """Write an exact solution into group g."""
    determined = found.determined
    # Written into the copy that `_each` made: no line is changed that somebody holds.
    lines.weights[g] = torch.where(determined[:, None], found.weights, NAN)
    covariance = found.sigma[:, None, None] ** 2 * found.inverse
    covariance[:, ~determined], covariance[:, :, ~determined] = NAN, NAN
    lines.covariance[g], lines.std_error[g] = covariance, found.std_error
    lines.rank[g], lines.df[g] = found.rank, int(lines.whole.count[g]) - found.rank
    lines.rss[g], lines.tss[g], lines.digits[g], lines.exact[g] = found.rss, found.tss, found.digits, True
    lines.error_digits[g] = found.std_error_digits.nan_to_num(MOST).amin(1)


@dataclass(frozen=True, eq=False)
class _GroupSums(Pass[Batch, Named[Key, Sums]]):
    """The pass that multiplies the columns of some groups with each other, and rounds nothing."""

    design: Design
    by: tuple[str, ...]
    wanted: frozenset[Key]

    what = "reading the rows again, for more digits"
    numbered = False

    @property
    def columns(self) -> list[str]:
        """What the design reads, and the groups' columns."""
        return [*self.design.reads(), *self.by]

    def empty(self) -> Named[Key, Sums]:
        """Of no rows."""
        return Named({})

    def of(self, batch: Batch) -> Named[Key, Sums]:
        """Of those of a batch."""
        encoded, beyond = rows_doubled(self.design, batch)
        rows, group, keys = keyed(self.design, self.by, batch, encoded)
        numbers = {key: number for number, key in enumerate(keys) if key in self.wanted}
        found = {}
        for key, number in numbers.items():
            own = torch.nonzero(group == number)[:, 0]
            found[key] = Sums.of(rows[own], None if beyond is None else beyond[own], intercept=self.design.intercept)
        return Named(found)
