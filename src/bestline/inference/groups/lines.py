"""Lines: least squares in every group at once: weights, errors, held-out error and right digits, from the groups' moments.

    covariance of w_g = s_g^2 (X'WX)_g^-1        s_g^2 = residual sum of squares / (n_g - rank_g)

The formulas are those of one line (`classical`, `digits`, `scores`), with one axis more. Groups whose columns are nearly
collinear go through those of one line, and where float64 leaves too few digits their rows are read once more and solved exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bestline.data.design import Design
from bestline.data.design.lost_digits import rows_doubled
from bestline.data.grouped import Grouped, Key, keyed
from bestline.data.passes import Named, Pass
from bestline.data.progress import Progress
from bestline.data.tables import Batch, Kind, Source
from bestline.errors import listed, readable
from bestline.inference.classical import NAN, infer
from bestline.inference.groups.digits import right_digits
from bestline.inference.sharpen import Sums
from bestline.numerics import Bowl, Refined, Scaling
from bestline.numerics.digits import MOST
from bestline.numerics.exact_solve import MOST_COLUMNS, solved
from bestline.numerics.exact_sums import TooWideError
from bestline.numerics.grouped import GroupComoments
from bestline.training.groups import GroupSolutions, solve_groups
from bestline.training.plan import refuse_sizes
from bestline.wording import count

MOST_EXACT = 10_000  # groups whose rows are read again; each takes some milliseconds


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


def lines_of(
    design: Design, by: tuple[str, ...], found: Grouped, source: Source, *, l2: float, digits: int, progress: Progress | None
) -> tuple[GroupLines, tuple[Key, ...]]:
    """The line of each group that has rows, in the order of its key, and those keys."""
    p, folds = design.p, found.folds
    G = len(found.keys)
    whole = found.moments if folds == 1 else GroupComoments.merged([found.moments], torch.arange(G * folds) // folds, G)
    order = torch.tensor(
        [g for g in sorted(range(G), key=lambda g: natural(found.keys[g])) if int(whole.count[g])], dtype=torch.long
    )
    parts = found.moments[(order[:, None] * folds + torch.arange(folds)).flatten()]
    whole, keys = whole[order], tuple(found.keys[g] for g in order.tolist())
    if keys:
        refuse_sizes(design.targets, torch.maximum(-whole.low, whole.high)[:, p:].amax(0))
    solution = solve_groups(whole, p, intercept=design.intercept, l2=l2)
    labels = {name: typed([key[i] for key in keys], source.field(name).kind) for i, name in enumerate(by)}
    lines = of_solution(design, labels, whole, solution, l2)
    lines = replace(lines, held_out=_held_out(parts, folds, p, intercept=design.intercept, l2=l2))
    if not l2:
        lines = one_by_one(lines, solution.firm)
        lines = _exactly(lines, keys, by, source, digits, progress)
    return replace(lines, remarks=remarks(lines, digits)), keys


def natural(key: Key) -> tuple[tuple[int, float, str], ...]:
    """Sorts numbers by their size, and before words."""
    return tuple((0, number, "") if (number := _number(value)) is not None else (1, 0.0, value) for value in key)


def _number(value: str) -> float | None:
    try:
        found = float(value)
    except ValueError:
        return None
    return None if math.isnan(found) else found


def typed(values: Sequence[str], kind: Kind = Kind.TEXT) -> NDArray[Any]:
    """Values as they are written: dates as such, whole numbers and numbers where all of them read back as such, and true and false."""
    if kind is Kind.DATE:
        try:
            return np.array(values, dtype="datetime64[us]")
        except ValueError:  # times of day, or words that are dates to people
            return np.array(values, dtype=object)
    if values and set(values) <= {"True", "False"}:
        return np.array([value == "True" for value in values])
    for number_type in (int, float):
        try:
            found = [number_type(value) for value in values]
        except ValueError:
            continue
        # `01234` is a name and no number: what would not be written the same again stays as it is.
        if all(str(number).removesuffix(".0") == value for number, value in zip(found, values, strict=True)) and (
            number_type is float or all(abs(number) < 2**63 for number in found)
        ):
            return np.array(found)
    return np.array(values, dtype=object)


def written(value: Any) -> str:
    """A value that tells a group, as people write it: of a time no more than it says."""
    if isinstance(value, datetime):
        value = np.datetime64(value)
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[us]")).removesuffix(".000000").removesuffix("T00:00:00").replace("T", " ")
    return str(value)


def of_solution(
    design: Design, labels: Mapping[str, NDArray[Any]], whole: GroupComoments, found: GroupSolutions, l2: float
) -> GroupLines:
    """What least squares says of each solution, without the held-out error."""
    p = design.p
    there = found.size > 0
    rank = there.sum(1) + design.intercept
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
    digits, error_digits = right_digits(whole, found, p, intercept=design.intercept)
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


def _held_out(parts: GroupComoments, folds: int, p: int, *, intercept: bool, l2: float) -> Tensor:
    """Root mean squared error out of fold, (G, k): each fold predicted by the line of the group's other folds."""
    G, k = len(parts) // folds, parts.mean.shape[1] - p
    group, fold = torch.arange(G * folds) // folds, torch.arange(G * folds) % folds
    total, known = torch.zeros(G, k, dtype=torch.float64), torch.zeros(G, dtype=torch.long)
    lacking = torch.zeros(G, dtype=torch.bool)
    for f in range(folds if folds > 1 else 0):
        rest, own = GroupComoments.merged([parts], torch.where(fold == f, -1, group), G), parts[fold == f]
        line = solve_groups(rest, p, intercept=intercept, l2=l2)
        there = own.count > 0
        # A column without a weight in the other folds says nothing wrong only where it is what it was there.
        strange = (line.size == 0) & ((own.low[:, :p] != rest.low[:, :p]) | (own.high[:, :p] != rest.high[:, :p]))
        lacking |= there & (strange.any(1) | ~line.firm | (rest.count <= (line.size > 0).sum(1)))
        total += torch.where(there[:, None], squares(own, line.slopes, line.intercept), 0.0)
        known += there
    weight = parts.weight.view(G, folds).sum(1)
    return torch.where((known > 1) & ~lacking, (total / weight[:, None]).sqrt().mT, NAN).mT


def squares(rows: GroupComoments, slopes: Tensor, intercept: Tensor) -> Tensor:
    """Weighted sum of the squared errors (G, k) of lines on rows that they need not be of."""
    p, S = slopes.shape[1], rows.scatter
    spread = S.diagonal(dim1=1, dim2=2)[:, p:] + (slopes * (S[:, :p, :p] @ slopes - 2 * S[:, :p, p:])).sum(1)
    off = rows.mean[:, p:] - intercept - (slopes * rows.mean[:, :p, None]).sum(1)
    return spread.clamp(min=0) + rows.weight[:, None] * off**2


def one_by_one(lines: GroupLines, firm: Tensor) -> GroupLines:
    """Groups with nearly collinear columns, as lines of their own; those of fewer rows than weights have no line."""
    design, whole = lines.design, lines.whole
    lines = lines.copied()
    few = lines.df < 0
    lines.weights[few], lines.rss[few], lines.held_out[few] = NAN, NAN, NAN
    for g in torch.nonzero(~firm & ~few & whole.scatter.isfinite().all((1, 2)))[:, 0].tolist():
        one = whole.one(g)
        scaling = Scaling.of(one, design.p, intercept=design.intercept, standardize=True)
        inference, bowl = infer(one, scaling), Bowl.of(one, scaling)
        weights = scaling.to_data(bowl.bottom)
        lines.weights[g] = torch.where(inference.determined[:, None], weights, NAN)
        lines.covariance[g], lines.std_error[g] = inference.covariance, inference.std_error
        lines.rank[g], lines.df[g] = inference.rank, inference.df_resid
        lines.rss[g], lines.tss[g] = inference.rss, inference.tss
    return lines


def _exactly(
    lines: GroupLines, keys: tuple[Key, ...], by: tuple[str, ...], source: Source, digits: int, progress: Progress | None
) -> GroupLines:
    """The same, groups that lack digits solved exactly from their rows: one more pass, over these groups alone."""
    d = len(lines.terms)
    poor = torch.nonzero(doubtful(lines, digits))[:, 0].tolist()
    if not poor or not digits or not 0 < d <= MOST_COLUMNS or len(poor) > MOST_EXACT:
        return lines
    over = _GroupSums(lines.design, by, frozenset(keys[g] for g in poor))
    try:
        sums = source.reduce(over, progress=progress).parts
    except TooWideError:
        return lines
    lines = lines.copied()
    for g in poor:
        own = sums[keys[g]]
        found = solved(own.products, d, intercept=lines.design.intercept, rounding=True)
        if found is not None:
            scale = Scaling.of(lines.whole.one(g), lines.design.p, intercept=lines.design.intercept, standardize=True).scale
            write_exact(lines, g, found.shared(scale[: lines.design.p]).known_to(own.lost))
    return lines


def write_exact(lines: GroupLines, g: int, found: Refined) -> None:
    """Write an exact solution into group g."""
    determined = found.determined
    lines.weights[g] = torch.where(determined[:, None], found.weights, NAN)
    covariance = found.sigma[:, None, None] ** 2 * found.inverse
    covariance[:, ~determined], covariance[:, :, ~determined] = NAN, NAN
    lines.covariance[g], lines.std_error[g] = covariance, found.std_error
    lines.rank[g], lines.df[g] = found.rank, int(lines.whole.count[g]) - found.rank
    lines.rss[g], lines.tss[g], lines.digits[g], lines.exact[g] = found.rss, found.tss, found.digits, True
    lines.error_digits[g] = found.std_error_digits.nan_to_num(MOST).amin(1)


def doubtful(lines: GroupLines, digits: int) -> Tensor:
    """Groups whose weights or standard errors have fewer digits, or that moments take for undetermined though their columns vary, (G,)."""
    p = lines.design.p
    lost = lines.weights[:, :p].isnan().any(2) & lines.whole.varies[:, :p]
    few = (lines.digits < digits) & ~lines.weights.isnan()
    errors = (lines.error_digits < digits).any(1) & (lines.df > 0)
    return (few.any((1, 2)) | errors | lost.any(1)) & (lines.df >= 0) & bool(digits)


@dataclass(frozen=True, eq=False)
class _GroupSums(Pass[Batch, Named[Key, Sums]]):
    """The pass that multiplies the columns of some groups with each other, and rounds nothing."""

    design: Design
    by: tuple[str, ...]
    wanted: frozenset[Key]

    what = "reading the rows again, for more digits"

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


def remarks(lines: GroupLines, digits: int) -> tuple[str, ...]:
    """What to know of each group, in a few words; for most nothing."""
    remarks = [""] * len(lines)
    d, design = len(lines.terms), lines.design
    constant = ~lines.whole.varies[:, : design.p]
    undetermined = lines.weights.isnan().any(2)
    certain = lines.digits.nan_to_num(MOST).amin((1, 2)) if d else torch.full((len(remarks),), float(MOST))
    uncertain = (lines.error_digits < 1).any(1) & (lines.df > 0)
    few = (certain < digits) | uncertain if not lines.l2 else torch.zeros_like(uncertain)
    odd = undetermined.any(1) | (lines.df <= 0) | few
    for g in torch.nonzero(odd)[:, 0].tolist():
        rows, said = int(lines.whole.count[g]), []
        names = [name for name, flat in zip(design.names, constant[g].tolist(), strict=True) if flat]
        if not bool(lines.whole.scatter[g].isfinite().all()):
            said.append("numbers too large for float64's squares")
        elif int(lines.df[g]) < 0:
            said.append(f"{count(rows, 'row')} for {d} weights")
        elif design.intercept and names:
            said.append(f"{_few(names)} {'does' if len(names) == 1 else 'do'} not vary")
        if int(lines.df[g]) == 0:
            said.append(f"{count(rows, 'row')} for {count(int(lines.rank[g]), 'weight')}: no error can be told")
        lost = [n for n, gone in zip(lines.terms, undetermined[g].tolist(), strict=True) if gone and n not in names]
        if lost and int(lines.df[g]) >= 0 and not said:
            said.append(f"{_few(lost)}: not determined, the columns are collinear")
        if not lines.l2 and not said and float(certain[g]) < digits:
            said.append(f"{int(certain[g])} right digits")
        if not lines.l2 and not said and bool(uncertain[g]):
            said.append("no right digit of the standard errors: the residuals are no larger than rounding")
        remarks[g] = "; ".join(said)
    return tuple(remarks)


def _few(names: Sequence[str]) -> str:
    return listed(names) if len(names) <= 3 else f"{readable(names[0])} and {len(names) - 1:,} more"
