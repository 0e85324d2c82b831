"""Robust: standard errors of the lines of groups that do not rest on equal variances, from one more pass over the rows.

    covariance of w_g = factor (X'WX)^-1 (filling) (X'WX)^-1        filling = sum x x' (w e)^2 / (1 - h)^2a, or of each cluster's sum

The formulas, factors and degrees of freedom are those of one line (`inference.covariance`), with one axis more: a = 0 for HC0 and HC1,
1/2 for HC2, 1 for HC3. Columns are centred within their group and turned into q = L'x with (X'WX)^-1 = L L', so that the filling is well
conditioned however collinear they are; the intercept is moved back at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bestline.data.collected import rows_of
from bestline.data.design import Design, Key
from bestline.data.grouped import keyed
from bestline.data.passes import Pass, Waiting
from bestline.data.progress import Progress
from bestline.data.tables import Batch, Source
from bestline.inference.classical import NAN
from bestline.inference.covariance.base import CovarianceKind
from bestline.inference.covariance.by_row import HC1, ByRow
from bestline.inference.covariance.clustered import Clustered
from bestline.inference.covariance.sandwich import NOTHING
from bestline.inference.groups.lines import GroupLines
from bestline.numerics import eigenvectors, pseudo_inverse
from bestline.numerics.rows import Rows

_NUMBERS = 2**22  # of the products of a batch's rows, at most
_ALONE = 1e-9  # of 1 - leverage, below which a row determines a weight by itself
_DEPENDS = 1e-9  # of a weight's variance, above which it depends on such rows


@dataclass(frozen=True, slots=True, eq=False)
class _Filled(Waiting):
    """Sums by key; parts that met different keys add."""

    keys: tuple[Key, ...]
    sums: Tensor
    waiting: tuple[_Filled, ...] = ()

    @property
    def size(self) -> int:
        """How many keys there are."""
        return len(self.keys)

    def merged(self, parts: Sequence[_Filled]) -> _Filled:
        """The sums of all parts."""
        place: dict[Key, int] = {}
        at = torch.tensor([place.setdefault(key, len(place)) for part in parts for key in part.keys], dtype=torch.long)
        sums = self.sums.new_zeros(len(place), *self.sums.shape[1:]).index_add_(0, at, torch.cat([p.sums for p in parts]))
        return _Filled(tuple(place), sums)


@dataclass(frozen=True, eq=False)
class _Bread:
    """What is needed of each group to see its rows: the centre (G, q), slopes (G, p, k), and L (G, d, d) of the centred columns."""

    center: Tensor
    below: Tensor
    slopes: Tensor
    root: Tensor

    @classmethod
    def of(cls, lines: GroupLines) -> _Bread:
        p, whole, intercept = lines.design.p, lines.whole, lines.design.intercept
        center, below = (whole.mean, whole.below) if intercept else (torch.zeros_like(whole.mean),) * 2
        A = whole.scatter
        if not intercept:
            mean = whole.mean + whole.below
            A = A + whole.weight[:, None, None] * mean[:, :, None] * mean[:, None, :]
        # Where columns repeat each other or do not vary, any solution has the same residuals, and leverages.
        size = A[:, :p, :p].diagonal(dim1=1, dim2=2).sqrt()
        size = torch.where(size > 0, size, 1.0).nan_to_num(1.0, 1.0)
        C = (A[:, :p, :p] / size[:, :, None] / size[:, None, :]).nan_to_num(0.0, 0.0, 0.0)
        inverse = pseudo_inverse(C) / size[:, :, None] / size[:, None, :]
        slopes = inverse @ A[:, :p, p:]
        # The lines themselves have more digits, those above all that were solved exactly.
        known, variance = ~lines.weights[:, :p].isnan().any((1, 2)), lines.sigma**2
        most = variance.nan_to_num(0.0).argmax(1)
        variance = variance.gather(1, most[:, None])[:, 0]
        own = lines.covariance[torch.arange(len(lines)), most, :p, :p] / variance[:, None, None]
        slopes = torch.where(known[:, None, None], lines.weights[:, :p], slopes)
        inverse = torch.where((known & (variance > 0))[:, None, None], own, inverse)
        if intercept:
            inverse = torch.nn.functional.pad(inverse, (0, 1, 0, 1))
            inverse[:, p, p] = 1 / whole.weight
        return cls(center, below, slopes, _root(inverse))


@dataclass(frozen=True, eq=False)
class _Fill(Pass[Batch, _Filled]):
    """The pass that puts every row between the bread of its group."""

    design: Design
    by: tuple[str, ...]
    number: Mapping[Key, int]
    bread: _Bread
    kind: ByRow | Clustered

    what = "reading the rows again, for robust errors"
    numbered = False

    @property
    def columns(self) -> list[str]:
        """What the design reads, the groups' columns, and that of the clusters."""
        return [*self.design.reads(), *self.by, *self.kind.columns]

    @property
    def size(self) -> int:
        """So few rows that their products fit into memory."""
        d, k = self.bread.root.shape[1], self.bread.slopes.shape[2]
        return max(1_024, _NUMBERS // max(k * d * d, 1))

    def empty(self) -> _Filled:
        """Of no rows."""
        d, k = self.bread.root.shape[1], self.bread.slopes.shape[2]
        shape = (k, d) if isinstance(self.kind, Clustered) else (k + 1, d, d)
        return _Filled((), torch.zeros(0, *shape, dtype=torch.float64))

    def of(self, batch: Batch) -> _Filled:
        """Of some rows."""
        encoded = rows_of(self.design, batch)
        rows, group, keys = keyed(self.design, self.by, batch, encoded)
        places = torch.tensor([self.number.get(key, -1) for key in keys], dtype=torch.long)
        used = torch.nonzero((group >= 0) & (torch.ones_like(group) if rows.w is None else rows.w > 0).bool())[:, 0]
        if not len(used):
            return self.empty()
        rows, g = rows[used], places[group[used]]
        scores, blind = self._scores(rows, g)
        if isinstance(self.kind, Clustered):
            _, own, names = keyed(self.design, (*self.by, self.kind.by[0]), batch, encoded)
            return _added(scores, own[used], names)
        both = torch.cat([scores, blind[:, None]], 1)
        return _added(both[:, :, :, None] * both[:, :, None, :], group[used], keys)

    def _scores(self, rows: Rows, g: Tensor) -> tuple[Tensor, Tensor]:
        """What each row pulls at its line, (n, k, d), and the direction of those that determine a weight by themselves, (n, d)."""
        p, bread = self.design.p, self.bread
        x, y = rows.X.double(), rows.y.double()
        # The centre comes in two parts, so that columns far from zero are centred to all their digits.
        x = (x - bread.center[g, :p]) - bread.below[g, :p]
        e = (y - bread.center[g, p:]) - bread.below[g, p:] - (x[:, None, :] @ bread.slopes[g])[:, 0]
        if self.design.intercept:
            x = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
        w = torch.ones(len(x), dtype=x.dtype) if rows.w is None else rows.w.double()
        q = (x[:, None, :] @ bread.root[g])[:, 0]
        scores = (w[:, None] * e)[:, :, None] * q[:, None, :]
        # Clusters take residuals as they are: CR1 has no leverage in it.
        power = getattr(self.kind, "power", 0.0)
        if not power:
            return scores, torch.zeros_like(q)
        left = 1 - w * (q**2).sum(1)
        # The residual of such a row is 0 whatever its error was, so nothing is known of the weights that depend on it.
        alone = left <= _ALONE
        scores = torch.where(alone, 0.0, torch.where(alone, 1.0, left) ** -power)[:, None, None] * scores
        return scores, w.sqrt()[:, None] * q * alone[:, None]


def _root(A: Tensor) -> Tensor:
    """L (G, d, d) with A = L L', for A that are not negative."""
    size = A.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()
    size = torch.where(size > 0, size, 1.0).nan_to_num(1.0, 1.0)
    values, vectors = eigenvectors((A / size[:, :, None] / size[:, None, :]).nan_to_num(0.0, 0.0, 0.0))
    return size[:, :, None] * vectors * values.clamp(min=0).sqrt()[:, None, :]


def _added(values: Tensor, group: Tensor, keys: tuple[Key, ...]) -> _Filled:
    """The sums of the values of each group, of those alone that have rows here."""
    present, at = group.unique(return_inverse=True)
    sums = values.new_zeros(len(present), *values.shape[1:]).index_add_(0, at, values)
    return _Filled(tuple(keys[i] for i in present.tolist()), sums)


def robust(
    lines: GroupLines,
    keys: tuple[Key, ...],
    by: tuple[str, ...],
    source: Source,
    kind: CovarianceKind,
    progress: Progress | None,
) -> GroupLines:
    """The same lines with the standard errors, and degrees of freedom, of a robust covariance; NaN, and a remark, where there are none."""
    assert isinstance(kind, ByRow | Clustered)  # noqa: S101  as `fit_groups` has checked
    bread, number = _Bread.of(lines), {key: g for g, key in enumerate(keys)}
    found = source.reduce(_Fill(lines.design, by, number, bread, kind), progress=progress).settled()
    at = torch.tensor([number[key[: len(by)]] for key in found.keys], dtype=torch.long)
    n, d = lines.whole.count.double(), bread.root.shape[1]
    free = torch.where(lines.df > 0, lines.df.double(), NAN)
    k = len(lines.targets)
    middle, blind = torch.zeros(len(lines), k, d, d, dtype=torch.float64), torch.zeros(len(lines), d, d, dtype=torch.float64)
    if isinstance(kind, Clustered):
        middle.index_add_(0, at, found.sums[:, :, :, None] * found.sums[:, :, None, :])
        clusters = torch.bincount(at, minlength=len(lines))
        df, many = clusters - 1, clusters.double()
        factor = torch.where(clusters > 1, many / (many - 1), NAN) * (n - 1) / free
    else:
        middle.index_add_(0, at, found.sums[:, :k])
        blind.index_add_(0, at, found.sums[:, k])
        df, factor = lines.df, (n if isinstance(kind, HC1) else free) / free
    # From about the means back to zero, where the intercept is.
    T = _back(bread.center + bread.below, lines) @ bread.root
    middle = (
        factor[:, None, None, None] * middle * (lines.rss > 0)[:, :, None, None]
    )  # through every point: but for rounding, no errors
    covariance = T[:, None] @ middle @ T.mT[:, None]
    # The share of a weight that rows determine by themselves; less is rounding.
    depends = (T @ blind @ T.mT).diagonal(dim1=1, dim2=2) > _DEPENDS * (T**2).sum(2)
    unknown = (lines.weights.isnan().any(2) | depends)[:, None]
    # Where each cluster has columns of its own, what is squared is the rounding of zero: see `covariance.sandwich`.
    usual = lines.covariance.diagonal(dim1=2, dim2=3)
    nothing = (covariance.diagonal(dim1=2, dim2=3) <= NOTHING * usual) & (lines.rss > 0)[:, :, None] & ~unknown
    unknown = unknown | nothing
    covariance = torch.where(unknown[:, :, :, None] | unknown[:, :, None, :], NAN, covariance)
    error = covariance.diagonal(dim1=2, dim2=3).clamp(min=0).sqrt()
    lacking = {
        "fewer than two clusters: no standard errors": df < 1 if isinstance(kind, Clustered) else torch.zeros_like(df < 1),
        f"{kind.name} does not hold where one row determines a weight": depends.any(1),
        "residuals add up to 0 in every cluster: no such standard error": nothing.any((1, 2)),
    }
    remarks = [
        "; ".join(filter(None, (said, *(why for why, of in lacking.items() if of[g] and lines.df[g] > 0))))
        for g, said in enumerate(lines.remarks)
    ]
    return replace(lines, covariance=covariance, std_error=error, error_df=df, remarks=tuple(remarks), cov=kind.title)


def _back(center: Tensor, lines: GroupLines) -> Tensor:
    """From slopes and level at the mean to slopes and intercept, (G, d, d)."""
    p = lines.design.p
    T = torch.eye(p + lines.design.intercept, dtype=torch.float64).expand(len(center), -1, -1).clone()
    if lines.design.intercept:
        T[:, p, :p] = -center[:, :p]
    return T
