"""Lines: least squares in every group at once: weights, errors, held-out error and right digits, from the groups' moments.

    covariance of w_g = s_g^2 (X'WX)_g^-1        s_g^2 = residual sum of squares / (n_g - rank_g)

The formulas are those of one line (`classical`, `digits`, `scores`), with one axis more. Groups whose columns are nearly
collinear go through those of one line, and where float64 leaves too few digits their rows are read once more and solved exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from bestline.data.design import Design
from bestline.data.design.weight_kinds import PROBABILITY
from bestline.inference.classical import NAN, infer
from bestline.inference.groups.digits import right_digits, within_columns
from bestline.inference.groups.labels import written
from bestline.numerics import Bowl, Scaling
from bestline.numerics.digits import height_rounding, merged_rounding, square_error, summed
from bestline.numerics.grouped import GroupComoments
from bestline.training.groups import GroupSolutions

_NO_DIGIT = 0.2  # of a square: beyond it the first digit of its root is in doubt


@dataclass(frozen=True, slots=True, eq=False)
class GroupLines:
    """A line for each group.

    Attributes
    ----------
    design : Design
    labels : mapping
        Columns that tell the groups, each (G,): their values, in order.
    whole : GroupComoments (G,)
        Moments of all rows of each group.
    weights : Tensor (G, d, k)
        In the data's units, the intercept last; NaN where the group does not determine them.
    covariance : Tensor (G, k, d, d)
        Of the weights; NaN where there is none.
    std_error : Tensor (G, k, d)
    rank, df : Tensor, int (G,)
        Weights that the group determines, and residual degrees of freedom.
    rss, tss : Tensor (G, k)
        Residual and total sums of squares, the latter about zero without an intercept.
    held_out : Tensor (G, k)
        Root mean squared error out of fold; NaN where there is none.
    digits : Tensor (G, d, k)
        Right digits of each weight, at least so many.
    error_digits : Tensor (G, k)
        Right digits of the standard errors, and of sigma: those of the least certain one.
    exact : Tensor, bool (G,)
        Whether the group was solved exactly.
    remarks : tuple of str (G,)
        What to know of each group; "" for most.
    l2 : float
        The ridge penalty; with one there are no standard errors.
    variance : Tensor (G, k) or None
        Of the residuals, where it is not their sum of squares over the degrees of freedom.
    error_df : Tensor, int (G,), or None
        Degrees of freedom of Student's t, where they are not `df`.
    cov : str
        What the standard errors are, where they are robust.
    """

    design: Design
    labels: Mapping[str, NDArray[Any]]
    whole: GroupComoments
    weights: Tensor
    covariance: Tensor
    std_error: Tensor
    rank: Tensor
    df: Tensor
    rss: Tensor
    tss: Tensor
    held_out: Tensor
    digits: Tensor
    error_digits: Tensor
    exact: Tensor
    remarks: tuple[str, ...]
    l2: float = 0.0
    variance: Tensor | None = None
    error_df: Tensor | None = None
    cov: str = ""

    def __len__(self) -> int:
        return len(self.whole)

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the weights, (d,)."""
        return (*self.design.names, *(("Intercept",) if self.design.intercept else ()))

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets, (k,)."""
        return self.design.targets

    def name(self, g: int) -> tuple[str, ...]:
        """Group g as people write it: its value in each column that tells the groups."""
        return tuple(written(values[g]) for values in self.labels.values())

    @property
    def sigma(self) -> Tensor:
        """Residual standard deviation, (G, k); NaN without degrees of freedom."""
        if self.variance is not None:
            return self.variance.sqrt()
        return (self.rss / torch.where(self.df > 0, self.df, NAN)[:, None]).sqrt()

    @property
    def observation_sd(self) -> Tensor:
        """Standard deviation of an observation about its group's line, (G, k): of weight 1, with probability weights of any."""
        if self.design.weight_kind != PROBABILITY:
            return self.sigma
        return self.sigma * (self.whole.count / self.whole.weight).sqrt()[:, None]

    def copied(self) -> GroupLines:
        """The same with tensors of its own, to be written into while it is made."""
        names = (
            "weights",
            "covariance",
            "std_error",
            "rank",
            "df",
            "rss",
            "tss",
            "held_out",
            "digits",
            "error_digits",
            "exact",
        )
        return replace(self, **{name: getattr(self, name).clone() for name in names})

    @property
    def r2(self) -> Tensor:
        """R2, (G, k): about the mean with an intercept, else about zero; NaN where the target does not vary."""
        # No line of least squares is worse than none, but for rounding.
        return (1 - self.rss / torch.where(self.tss > 0, self.tss, NAN)).clamp(min=0)


def of_solution(
    design: Design, labels: Mapping[str, NDArray[Any]], whole: GroupComoments, found: GroupSolutions, l2: float
) -> GroupLines:
    """What least squares says of each solution, without the held-out error."""
    p = design.p
    there = found.size > 0
    rank = there.sum(1) + design.intercept
    # A size of 0 is how the solver marks a column that the group does not determine.
    weights = torch.where(there[:, :, None], found.slopes, NAN)
    core = torch.where(there[:, :, None] & there[:, None, :], found.core, NAN)
    if design.intercept:
        weights = torch.cat([weights, found.intercept[:, None]], 1)
        center = whole.mean[:, :p]
        # (A + m m', m; m', 1) by its Schur complement: slopes as about the mean, the intercept trades -V m with them.
        cross = -(found.core @ center[:, :, None])[:, :, 0]
        corner = 1 - (cross * center).sum(1)
        cross = torch.where(there, cross, NAN)
        core = torch.cat([core, cross[:, :, None]], 2)
        core = torch.cat([core, torch.cat([cross, corner[:, None]], 1)[:, None]], 1)
    df = whole.count - rank
    rss = found.floor * whole.weight[:, None]
    tss = whole.scatter.diagonal(dim1=1, dim2=2)[:, p:]
    if not design.intercept:
        tss = tss + whole.mean[:, p:] ** 2 * whole.weight[:, None]
    variance = rss / torch.where(df > 0, df, NAN)[:, None] + (NAN if l2 else 0.0)
    unscaled = core / whole.weight[:, None, None]
    covariance = variance[:, :, None, None] * unscaled[:, None]
    error = variance[:, :, None].sqrt() * unscaled.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()[:, None]
    known = right_digits(whole, found, p, intercept=design.intercept)
    within = within_columns(design, whole, found, unscaled, rss)
    digits, error_digits = (torch.minimum(a, b) for a, b in zip(known, within, strict=True))
    nothing = torch.full_like(rss, NAN)
    exact = torch.zeros(len(whole), dtype=torch.bool)
    return GroupLines(
        design,
        labels,
        whole,
        weights,
        covariance,
        error,
        rank,
        df,
        rss,
        tss,
        nothing,
        digits,
        error_digits,
        exact,
        ("",) * len(whole),
        l2,
    )


def squares(rows: GroupComoments, slopes: Tensor, intercept: Tensor) -> Tensor:
    """Weighted sum of the squared errors (G, k) of lines on rows that they need not be of."""
    p, S = slopes.shape[1], rows.scatter
    # y'y - 2 w'X'y + w'X'X w about the means, and the mean error apart: so offsets of the columns cancel before they are squared.
    spread = S.diagonal(dim1=1, dim2=2)[:, p:] + (slopes * (S[:, :p, :p] @ slopes - 2 * S[:, :p, p:])).sum(1)
    off = rows.mean[:, p:] - intercept - (slopes * rows.mean[:, :p, None]).sum(1)
    return spread.clamp(min=0) + rows.weight[:, None] * off**2


def off(rows: GroupComoments, about: GroupComoments, slopes: Tensor, core: Tensor | None = None, *, intercept: bool) -> Tensor:
    """How far `squares` of these rows may be off by rounding, (G, k), at most: the bounds of `numerics.digits.right_loss_digits`.

    `about` are the moments that the lines are about; with the inverse `core` (G, p, p) of their slopes' second moments the bound holds
    for lines solved for from them, and else for weights as they stand.
    """
    p, W = slopes.shape[1], torch.where(rows.weight > 0, rows.weight, 1.0)
    own = about.scatter.diagonal(dim1=1, dim2=2) / torch.where(about.weight > 0, about.weight, 1.0)[:, None]
    own = own if intercept else own + about.mean**2
    size = torch.where(own > 0, own.sqrt(), 1.0)
    x, y = size[:, :p], size[:, p:]
    weight = (slopes * x[:, :, None] / y[:, None]).abs()
    mean = (rows.mean - about.mean if intercept else rows.mean) / size
    second = rows.scatter / W[:, None, None] / (size[:, :, None] * size[:, None]) + mean[:, :, None] * mean[:, None]
    terms = second.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()
    rounding = merged_rounding(about.count)[:, None]
    height = height_rounding(about.mean / size, weight) * intercept
    if core is not None:
        # As in `numerics.digits`: Cauchy and Schwarz over the rows held out.
        V = core * x[:, :, None] * x[:, None]
        spread = (V.abs().sum((1, 2)) * (V * second[:, :p, :p]).sum((1, 2)).clamp(min=0)).sqrt()
        height = height + rounding * (1 + weight.sum(1)) * (1 + spread)[:, None]
    level = about.mean[:, p:] - (slopes * about.mean[:, :p, None]).sum(1) if intercept else torch.zeros_like(height)
    square = squares(rows, slopes, level) / W[:, None] / y**2
    return square_error(square, rounding * summed(terms, weight) ** 2, height) * y**2 * rows.weight[:, None]


def told(squares: Tensor, off: Tensor) -> Tensor:
    """Squares without those of which rounding leaves no digit, NaN; nothing is off where `off` is 0."""
    return torch.where((off < _NO_DIGIT * squares) | (off == 0), squares, NAN)


def without_lost(lines: GroupLines) -> GroupLines:
    """The same without standard errors and residual spreads of which no digit is right."""
    # A target that does not vary has errors of exactly 0, which are right.
    known = (lines.error_digits >= 1) | (lines.tss == 0)
    return replace(
        lines,
        std_error=torch.where(known[:, :, None], lines.std_error, NAN),
        covariance=torch.where(known[:, :, None, None], lines.covariance, NAN),
        variance=torch.where(known, lines.sigma**2, NAN),
    )


def one_by_one(lines: GroupLines, firm: Tensor) -> GroupLines:
    """Groups with nearly collinear columns, as lines of their own; those of fewer rows than weights have no line."""
    design, whole = lines.design, lines.whole
    lines = lines.copied()
    few = lines.df < 0
    lines.weights[few], lines.rss[few], lines.held_out[few] = NAN, NAN, NAN
    for g in torch.nonzero(~firm & ~few & whole.scatter.isfinite().all((1, 2)))[:, 0].tolist():
        one = whole.one(g)
        scaling = Scaling.of(one, design.p, intercept=design.intercept, standardize=True)
        # Which of nearly collinear columns a line keeps is decided column by column, and not for all groups at once.
        inference, bowl = infer(one, scaling), Bowl.of(one, scaling)
        weights = scaling.to_data(bowl.bottom)
        lines.weights[g] = torch.where(inference.determined[:, None], weights, NAN)
        lines.covariance[g], lines.std_error[g] = inference.covariance, inference.std_error
        lines.rank[g], lines.df[g] = inference.rank, inference.df_resid
        lines.rss[g], lines.tss[g] = inference.rss, inference.tss
    return lines
