"""Windows: the line of each window of rows in order, judged by the rows that come next.

Rows that fade, w = 2^(-age / half-life), have equal variances all the same: their weights say which of them matter, and not how
certain they are. So the covariance is a sandwich,

    s^2 A^-1 B A^-1,    A = X'WX,  B = X'W^2 X,    s^2 = sum w r^2 / (sum w - tr A^-1 B)

with (sum w)^2 / sum w^2 effective rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from bestline.data.design import Design
from bestline.data.ordered import OrderedRows
from bestline.errors import DataError
from bestline.inference.classical import NAN
from bestline.inference.groups.exactly import windows_exactly
from bestline.inference.groups.lines import GroupLines, of_solution, off, one_by_one, squares, told, without_lost
from bestline.inference.groups.remarks import remarks
from bestline.numerics.grouped import GroupComoments
from bestline.numerics.windows import WindowMoments, expanding, fading, rolling
from bestline.training.groups import solve_groups
from bestline.training.plan import refuse_sizes
from bestline.wording import count

_SUMMED = 32  # terms of a running sum, to the square, that the digits allow for besides


@dataclass(frozen=True, slots=True)
class Extent:
    """How far windows reach: so many rows, or all so far, faded or not; and rows from the end of one to that of the next."""

    window: int | None
    half_life: float | None
    expanding: int | None
    step: int = 1

    def ends(self, rows: int, d: int) -> Tensor:
        """Before which rows windows end, (G,). Raises DataError where there is none."""
        first = self.window or self.expanding or d + 1
        if first > rows:
            raise DataError(f"The first window has {count(first, 'row')}, and there {'is' if rows == 1 else 'are'} {rows:,}.")
        return torch.arange(first, rows + 1, self.step)

    def moments(self, ordered: OrderedRows, ends: Tensor) -> WindowMoments:
        """Of each window."""
        if self.window is not None:
            return rolling(ordered.rows, ends, self.window)
        return expanding(ordered.rows, ends) if self.half_life is None else fading(ordered.rows, ends, self.half_life)

    def begins(self, ends: Tensor) -> Tensor:
        """The first row of each window."""
        return torch.zeros_like(ends) if self.window is None else ends - self.window


def lines_of_windows(design: Design, ordered: OrderedRows, extent: Extent, *, digits: int) -> GroupLines:
    """The line of each window. Raises DataError for numbers whose squares leave the range of float64."""
    d = design.p + design.intercept
    # The errors ahead are of sums of squares, those of features as well.
    largest = torch.cat([ordered.rows.X, ordered.rows.y], 1).abs().amax(0)
    refuse_sizes([*design.names, *design.targets], largest)
    ends = extent.ends(len(ordered.rows), d)
    begins = extent.begins(ends)
    windows = extent.moments(ordered, ends)
    solution = solve_groups(windows.moments, design.p, intercept=design.intercept)
    labels: Mapping[str, NDArray[Any]] = {"first": ordered.labels(begins), "last": ordered.labels(ends - 1)}
    lines = one_by_one(of_solution(design, labels, windows.moments, solution, 0.0), solution.firm)
    # Running sums lose some places with their length, and those about a centre off the mean as much as they are larger than about it.
    lost = torch.log10(windows.larger * (1 + windows.moments.count.double().sqrt() / _SUMMED))[:, None, None]
    known = {
        name: (getattr(lines, name) - own).nan_to_num(0.0).clamp(min=0.0)
        for name, own in (("digits", lost), ("error_digits", lost[:, 0]))
    }
    lines = replace(lines, **known)
    if extent.half_life is not None:
        lines = _faded(lines, fading(ordered.rows, ends, extent.half_life / 2).moments)
    else:
        lines = windows_exactly(lines, ordered, begins, ends, digits)
    return without_lost(replace(lines, held_out=_ahead(lines, ordered, ends), remarks=remarks(lines, digits)))


def _ahead(lines: GroupLines, ordered: OrderedRows, ends: Tensor) -> Tensor:
    """Root mean squared error of each line on the rows up to the end of the next window, (G, k); NaN where there are none."""
    p, n = lines.design.p, len(ordered.rows)
    group = torch.bucketize(torch.arange(n), ends, right=True) - 1  # rows before the first end are ahead of none
    ahead = GroupComoments.of_rows(ordered.rows, group, len(ends))
    level = lines.weights[:, p] if lines.design.intercept else torch.zeros_like(lines.weights[:, 0])
    found = squares(ahead, lines.weights[:, :p], level)
    found = told(found, off(ahead, lines.whole, lines.weights[:, :p], intercept=lines.design.intercept))
    return (found / torch.where(ahead.weight > 0, ahead.weight, NAN)[:, None]).sqrt()


def _faded(lines: GroupLines, twice: GroupComoments) -> GroupLines:
    """The same with errors for rows of equal variance: `twice` are the moments under the squares of the weights."""
    p, intercept = lines.design.p, lines.design.intercept
    whole = lines.whole
    known = lines.weights.isfinite().all((1, 2))
    # About the mean of the one: A = (S, 0; 0, W) and B = (S2 + W2 m m', W2 m; W2 m', W2), m the difference of the two means.
    S, W = whole.scatter[:, :p, :p], whole.weight
    m = (twice.mean[:, :p] - whole.mean[:, :p]) + (twice.below[:, :p] - whole.below[:, :p])
    B = twice.scatter[:, :p, :p] + twice.weight[:, None, None] * m[:, :, None] * m[:, None, :]
    if not intercept:
        own, other = whole.mean[:, :p], twice.mean[:, :p]
        S = S + W[:, None, None] * own[:, :, None] * own[:, None, :]
        B = twice.scatter[:, :p, :p] + twice.weight[:, None, None] * other[:, :, None] * other[:, None, :]
    size = S.diagonal(dim1=1, dim2=2).sqrt()
    size = torch.where(size > 0, size, 1.0)
    C = torch.where(known[:, None, None], S / (size[:, :, None] * size[:, None, :]), torch.eye(p, dtype=torch.float64))
    factor, failed = torch.linalg.cholesky_ex(C)
    known &= failed == 0
    inverse = torch.cholesky_inverse(factor) / size[:, :, None] / size[:, None, :]
    meat = inverse @ B @ inverse
    used = (inverse * B).sum((1, 2))
    if intercept:
        used = used + twice.weight / W
        cross = (inverse @ m[:, :, None])[:, :, 0] * (twice.weight / W)[:, None]
        center = whole.mean[:, :p]
        # From about the mean to about zero: b = level - w'center.
        trade = cross - (meat @ center[:, :, None])[:, :, 0]
        corner = twice.weight / W**2 - 2 * (cross * center).sum(1) + (center[:, None] @ meat @ center[:, :, None])[:, 0, 0]
        meat = torch.cat([torch.cat([meat, trade[:, :, None]], 2), torch.cat([trade, corner[:, None]], 1)[:, None]], 1)
    left = torch.where(known & (used < W), W - used, NAN)
    variance = lines.rss / left[:, None]
    covariance = variance[:, :, None, None] * meat[:, None]
    error = covariance.diagonal(dim1=2, dim2=3).clamp(min=0).sqrt()
    effective = (W**2 / torch.where(twice.weight > 0, twice.weight, 1.0)).floor().long()
    return replace(lines, covariance=covariance, std_error=error, df=effective - lines.rank, variance=variance)
