"""Robust: standard errors that stay right when the errors' variances differ, or rows of a group share an error.

    covariance of w = (X'WX)^-1 (sum of u u') (X'WX)^-1      u = w_i e_i x_i of a row, or summed over a cluster

The bread follows from the moments; the filling needs a second pass over the rows, since it holds every row's residual, and adds
up over batches. Weights are those of statsmodels' WLS: X, y and residuals count times the root of the weight.

    HC0  u u'                       White (1980)
    HC1  n / (n - rank) of it       Stata's `robust`
    HC2  u u' / (1 - h)             MacKinnon & White (1985); right on average under equal variances
    HC3  u u' / (1 - h)^2           close to the jackknife; the one to use with few rows (Long & Ervin 2000)
    cluster                         Liang & Zeger (1986), times G / (G - 1) (n - 1) / (n - rank), as Stata and R print it

Intervals use Student's t with n - rank degrees of freedom, and with G clusters G - 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from bestline.data.passes import Pass
from bestline.errors import NumericalError, OptionError, readable
from bestline.inference.coordinates import Basis, Seen, Totals
from bestline.inference.numbered import Numbered

Cov: TypeAlias = str | Mapping[str, str]

KINDS = ("classical", "HC0", "HC1", "HC2", "HC3")
_POWER = {"HC0": 0, "HC1": 0, "HC2": 1, "HC3": 2}  # of 1 - h, by which a row's share is divided


@dataclass(frozen=True, slots=True)
class CovarianceKind:
    """Which covariance: its name, and the column of the clusters."""

    name: str
    cluster: str | None = None

    @classmethod
    def of(cls, cov: Cov) -> CovarianceKind:
        """From "HC3", {"cluster": "firm"} or "cluster:firm"; OptionError for anything else."""
        if isinstance(cov, Mapping):
            column = cov.get("cluster")
            if len(cov) != 1 or not isinstance(column, str):
                raise OptionError(f"`cov` as a mapping names one column of clusters, {{'cluster': column}}; got {cov!r}.")
            return cls("cluster", column)
        name, _, column = str(cov).partition(":")
        if name.lower() == "cluster" and column:
            return cls("cluster", column)
        found = next((kind for kind in KINDS if kind.lower() == str(cov).lower()), None)
        if found is None:
            raise OptionError(
                f"`cov` is one of {', '.join(KINDS)}, or {{'cluster': column}} (--cov cluster:COLUMN); got {cov!r}."
            )
        return cls(found)

    @property
    def title(self) -> str:
        """As a table calls it."""
        return f"clustered by {readable(self.cluster)}" if self.cluster is not None else self.name


@dataclass(frozen=True, slots=True, eq=False)
class Covariance:
    """A covariance of the weights that does not rest on equal variances.

    Attributes
    ----------
    kind : CovarianceKind
    covariance : Tensor (k, d, d)
        Of the weights of each target, in the data's units, the intercept last.
    std_error : Tensor (k, d)
        Right even where its square would leave float64's range.
    df : int
        Degrees of freedom of Student's t.
    clusters : int or None
        How many there are.
    """

    kind: CovarianceKind
    covariance: Tensor
    std_error: Tensor
    df: int
    clusters: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Meat:
    """What rows put between two slices of bread; adds up over batches, files and machines.

    Attributes
    ----------
    totals : Totals
        Whether these are the training rows.
    filling : Tensor (k, r, r)
        Sum of q q' e^2, divided as the kind says; stays empty for clusters.
    place : dict
        Cluster -> its place in `sums`.
    sums : Tensor (G, k, r)
        Sum of q e of each cluster.
    """

    totals: Totals
    filling: Tensor
    place: dict[str, int]
    sums: Tensor

    @classmethod
    def empty(cls, basis: Basis) -> Meat:
        """Of no rows."""
        k, r = basis.slopes.shape[1], basis.rank
        filling, sums = torch.zeros(k, r, r, dtype=torch.float64), torch.zeros(0, k, r, dtype=torch.float64)
        return cls(Totals.none(basis), filling, {}, sums)

    @classmethod
    def of(cls, basis: Basis, seen: Seen, kind: CovarianceKind, groups: tuple[Tensor, Sequence[str]] | None = None) -> Meat:
        """Of some rows; with clusters, `groups` are the row's codes (n,) and what they stand for.

        Raises
        ------
        NumericalError
            When HC2 or HC3 would divide by zero, since a row determines a weight by itself.
        """
        h, k = seen.leverage, seen.e.shape[1]
        # q e instead of x e: the bread is then the identity, and what is filled in stays in range and well conditioned.
        scores = seen.e.T[:, :, None] * seen.q  # (k, n, r)
        filling = torch.zeros(k, basis.rank, basis.rank, dtype=torch.float64)
        place: dict[str, int] = {}
        sums = torch.zeros(0, k, basis.rank, dtype=torch.float64)
        if groups is not None:
            codes, names = groups
            place = {name: g for g, name in enumerate(names)}
            sums = torch.zeros(len(names), k, basis.rank, dtype=torch.float64).index_add_(0, codes, scores.transpose(0, 1))
        else:
            power = _POWER[kind.name]
            if power and bool((1 - h <= basis.alone).any()):
                raise NumericalError(
                    f"{kind.name} divides by 1 - leverage, and a row determines a weight by itself (leverage 1); use HC1, or leave "
                    f"out the column or level that only this row has."
                )
            # The root on either side of the product, so that 1 - h divides it to the power that the kind says.
            part = scores / (1 - h)[:, None] ** (power / 2)
            filling = part.transpose(1, 2) @ part
        return cls(Totals.of(seen), filling, place, sums)

    def __add__(self, other: Meat) -> Meat:
        if not isinstance(other, Meat):
            return NotImplemented
        place = dict(self.place)
        # A cluster keeps the place of its first rows; one that only the other part has met gets a new one at the end.
        at = torch.tensor([place.setdefault(name, len(place)) for name in other.place], dtype=torch.long)
        sums = torch.cat([self.sums, torch.zeros(len(place) - len(self.sums), *self.sums.shape[1:], dtype=torch.float64)])
        return Meat(
            self.totals + other.totals,
            self.filling + other.filling,
            place,
            sums.index_add_(0, at, other.sums),
        )


@dataclass(frozen=True, eq=False)
class CollectMeat(Pass[Numbered, Meat]):
    """The pass that puts every row between the bread."""

    basis: Basis
    kind: CovarianceKind

    @property
    def columns(self) -> tuple[str, ...]:
        """The clusters' column, if there is one."""
        return () if self.kind.cluster is None else (self.kind.cluster,)

    def empty(self) -> Meat:
        """Of no rows."""
        return Meat.empty(self.basis)

    def of(self, batch: Numbered) -> Meat:
        """Of some rows."""
        rows, groups = batch.rows, None
        if self.kind.cluster is not None:
            codes, names = batch.groups(self.kind.cluster)
            if rows.w is not None and bool((rows.w == 0).any()):  # such rows are not there
                there = rows.w > 0
                rows, codes = rows[there], codes[there]
            used, codes = codes.unique(return_inverse=True)  # nor is a cluster without rows
            groups = codes, [names[g] for g in used.tolist()]
        return Meat.of(self.basis, self.basis.see(rows), self.kind, groups)


def sandwich(basis: Basis, meat: Meat, kind: CovarianceKind, determined: Tensor) -> Covariance:
    """The covariance of the weights from the filling of all training rows.

    Parameters
    ----------
    basis, meat, kind
    determined : Tensor (d,)
        Which weights the data determine; the others get NaN.

    Raises
    ------
    NumericalError
        Without residual degrees of freedom, or with fewer than two clusters.
    """
    n, df = basis.count, basis.df
    if df <= 0:
        raise NumericalError("Robust errors need residual degrees of freedom: more rows than weights.")
    filling, factor, clusters = meat.filling, 1.0, None
    if kind.cluster is not None:
        clusters = len(meat.place)
        if clusters < 2:
            raise NumericalError(
                f"Errors clustered by {readable(kind.cluster)} need two clusters or more; there is {clusters}."
            )
        # Within a cluster errors may go together, so its scores are added before they are squared.
        filling = torch.einsum("gki,gkj->kij", meat.sums, meat.sums)
        # Stata's and R's correction for few clusters; so few independent sums leave G - 1 degrees of freedom.
        factor, df = clusters / (clusters - 1) * (n - 1) / df, clusters - 1
    elif kind.name == "HC1":
        factor = n / df
    filling = filling * (basis.rss > 0)[:, None, None]  # a line through every point has no errors, but for rounding
    T = basis.weights()
    size = T.abs().amax(1, keepdim=True) if basis.rank else torch.ones(len(T), 1, dtype=torch.float64)
    # Covariances are squares of weights, which may leave float64's range where standard errors do not: so the sizes come back last.
    rows = T / torch.where(size > 0, size, 1.0)  # of a size that can be squared, whatever the units
    scaled = factor * (rows @ filling @ rows.T)
    scaled[:, ~determined], scaled[:, :, ~determined] = float("nan"), float("nan")
    std_error = scaled.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt() * size[:, 0] * basis.unit[:, None]
    covariance = scaled * (size @ size.T) * (basis.unit**2)[:, None, None]
    return Covariance(kind, covariance, std_error, df, clusters)
