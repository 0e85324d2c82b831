"""Errors are correlated within groups: each group puts in the square of its sum (Liang & Zeger 1986).

    filling = sum over groups of u u'        u = sum of q e over the group's rows

times G / (G - 1) (n - 1) / (n - rank), as Stata and R print it. Intervals use Student's t with G - 1 degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bestline.errors import NumericalError, readable
from bestline.inference.coordinates import Basis, Coordinates
from bestline.inference.covariance.base import Filling, Sandwich
from bestline.inference.numbered_rows import Numbered
from bestline.numerics import Comoments


@dataclass(frozen=True, slots=True, eq=False)
class GroupSums:
    """Sums of q e by cluster; parts that met different clusters add.

    Attributes
    ----------
    place : dict
        Cluster -> its place in `sums`.
    sums : Tensor (G, k, r)
    """

    place: dict[str, int]
    sums: Tensor

    def __add__(self, other: GroupSums) -> GroupSums:
        place = dict(self.place)
        # A cluster keeps the place of its first rows; one that only the other part has met gets a new one at the end.
        at = torch.tensor([place.setdefault(name, len(place)) for name in other.place], dtype=torch.long)
        sums = torch.cat([self.sums, torch.zeros(len(place) - len(self.sums), *self.sums.shape[1:], dtype=torch.float64)])
        return GroupSums(place, sums.index_add_(0, at, other.sums))


@dataclass(frozen=True, slots=True)
class Clustered(Sandwich):
    """By the values of a column."""

    name: ClassVar[str] = "cluster"
    by_column: ClassVar[bool] = True
    holds: ClassVar[str] = "errors are correlated within groups, and not between them"
    column: str

    @property
    def title(self) -> str:
        """With the column."""
        return f"clustered by {readable(self.column)}"

    @property
    def columns(self) -> tuple[str, ...]:
        """That column."""
        return (self.column,)

    def none(self, basis: Basis) -> GroupSums:
        """No cluster."""
        return GroupSums({}, torch.zeros(0, basis.slopes.shape[1], basis.rank, dtype=torch.float64))

    def of(self, basis: Basis, batch: Numbered, seen: Coordinates) -> GroupSums:
        """The sums of the clusters that have rows here."""
        del basis
        codes, names = batch.groups(self.column)
        there = seen.root > 0  # rows of weight 0 are not there, nor is a cluster of such rows alone
        used, codes = codes[there].unique(return_inverse=True)
        # Within a cluster errors may go together, so its scores are added before they are squared.
        scores = seen.e[there, :, None] * seen.q[there, None, :]  # (n, k, r)
        sums = scores.new_zeros(len(used), *scores.shape[1:]).index_add_(0, codes, scores)
        return GroupSums({names[g]: at for at, g in enumerate(used.tolist())}, sums)

    def of_groups(self, basis: Basis, groups: Mapping[str, Comoments]) -> GroupSums:
        """The same from the moments of each cluster: no row is needed."""
        there = {name: moments for name, moments in groups.items() if moments.count}
        sums = [basis.pull(moments) for moments in there.values()]
        return GroupSums({name: at for at, name in enumerate(there)}, torch.stack(sums) if sums else self.none(basis).sums)

    def of_repeated(self, basis: Basis, batch: Numbered, summed: Coordinates, squared: Coordinates) -> GroupSums:
        """The sums of the clusters: rows alike are of one cluster, since its column is among those that they are alike in."""
        del squared
        return self.of(basis, batch, summed)

    def filling(self, basis: Basis, found: GroupSums) -> Filling:
        """The sum of the clusters' squares; NumericalError for fewer than two clusters."""
        # With one cluster the residuals' pull adds up to zero, as it does over all rows: no error would be left.
        clusters = len(found.place)
        if clusters < 2:
            raise NumericalError(
                f"Standard errors clustered by {readable(self.column)} need two clusters or more; there is {clusters}."
            )
        # Stata's and R's correction for few clusters; so few independent sums leave G - 1 degrees of freedom.
        factor = clusters / (clusters - 1) * (basis.count - 1) / basis.df
        return Filling(torch.einsum("gki,gkj->kij", found.sums, found.sums), factor, clusters - 1, clusters)
