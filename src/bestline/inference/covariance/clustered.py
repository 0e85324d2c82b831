"""Errors are correlated within groups: each group puts in the square of its sum (Liang & Zeger 1986).

    filling = factor * sum over groups of u u'        u = A sum of q e over the group's rows        C = sum of q q' over them

    CR1  A = 1,               factor G / (G - 1) (n - 1) / (n - rank)    Stata's `vce(cluster)`, R's sandwich and fixest
    CR2  A = (I - C)^(-1/2),  factor 1           Bell & McCaffrey (2002): right on average under equal variances
    CR3  A = (I - C)^(-1),    factor (G - 1) / G     the jackknife over groups; the one to use with few groups

For H = Q Q' of a group's rows Q' (I - H)^a = (I - Q'Q)^a Q': so sums of a group are enough, and no group is ever in memory. Two
columns of groups make errors that are shared in either way (Cameron, Gelbach & Miller 2011):

    filling = of the first + of the second - of their pairs, each with its own factor

as R's sandwich, statsmodels and linearmodels have it; with "factor": "fewest" all three have the factor of the column with the fewest
groups, as in R's fixest, pyfixest, and Stata's ivreg2 and reghdfe. Intervals use Student's t with G - 1 degrees of freedom, G the smaller number of groups.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from bestline.data.design import Absorbed
from bestline.data.passes import Pass
from bestline.errors import NumericalError, OptionError, listed, readable
from bestline.inference.coordinates import Basis, Coordinates
from bestline.inference.covariance.base import Filling, Repeating, ToldByGroups, refuse_repeated
from bestline.inference.covariance.nesting import degrees_taken
from bestline.inference.numbered_rows import Numbered
from bestline.numerics import Comoments, eigenvectors

FEW = 20  # clusters, below which CR1 is too small as a rule (Cameron & Miller 2015, VI: "few" is from less than 20 to less than 50)
_POWERS = {"CR1": 0.0, "CR2": -0.5, "CR3": -1.0}


@dataclass(frozen=True, slots=True, eq=False)
class GroupSums:
    """Sums of q e by cluster; parts that met different clusters add.

    Attributes
    ----------
    place : dict
        Cluster -> its place in `sums`; of pairs of columns a cluster is a pair of names.
    sums : Tensor (G, k, r)
    squares : Tensor (G, r, r) or None
        Sums of q q', where they are needed.
    """

    place: dict[Hashable, int]
    sums: Tensor
    squares: Tensor | None = None

    @classmethod
    def none(cls, basis: Basis, *, squares: bool = False) -> GroupSums:
        """Of no rows."""
        r = basis.rank
        own = torch.zeros(0, r, r, dtype=torch.float64) if squares else None
        return cls({}, torch.zeros(0, basis.slopes.shape[1], r, dtype=torch.float64), own)

    @classmethod
    def of(cls, seen: Coordinates, codes: Tensor, names: Sequence[Hashable], *, squares: bool = False) -> GroupSums:
        """Of rows whose groups are called names[codes]; rows of weight 0 are not there, nor is a group of such rows alone."""
        there = seen.root > 0
        used, codes = codes[there].unique(return_inverse=True)
        q, G = seen.q[there], len(used)
        scores = seen.e[there, :, None] * q[:, None, :]  # (n, k, r)
        sums = scores.new_zeros(G, *scores.shape[1:]).index_add_(0, codes, scores)
        own = q.new_zeros(G, q.shape[1], q.shape[1]).index_add_(0, codes, q[:, :, None] * q[:, None, :]) if squares else None
        return cls({names[g]: at for at, g in enumerate(used.tolist())}, sums, own)

    def __add__(self, other: GroupSums) -> GroupSums:
        place = dict(self.place)
        # A cluster keeps the place of its first rows; one that only the other part has met gets a new one at the end.
        at = torch.tensor([place.setdefault(name, len(place)) for name in other.place], dtype=torch.long)

        def both(own: Tensor, others: Tensor) -> Tensor:
            room = torch.zeros(len(place) - len(own), *own.shape[1:], dtype=torch.float64)
            return torch.cat([own, room]).index_add_(0, at, others)

        squares = None if self.squares is None or other.squares is None else both(self.squares, other.squares)
        return GroupSums(place, both(self.sums, other.sums), squares)


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """The sums of the clusters of each way to form them: by each column, and by several together."""

    parts: tuple[GroupSums, ...]

    def __add__(self, other: Ways) -> Ways:
        return Ways(tuple(a + b for a, b in zip(self.parts, other.parts, strict=True)))


@dataclass(frozen=True, slots=True)
class Clustered(Repeating, ToldByGroups):
    """By the values of one column or two.

    Attributes
    ----------
    by : tuple of str
    type : {"CR1", "CR2", "CR3"}
    factor : {"own", "fewest"}
        With two columns, whose number of groups each of the three terms is corrected by.
    """

    name: ClassVar[str] = "cluster"
    columns_wanted: ClassVar[range] = range(1, 3)
    options: ClassVar[tuple[str, ...]] = ("type", "factor")
    holds: ClassVar[str] = "errors are correlated within groups, and not between them"
    takes: ClassVar[str] = (
        "one column of clusters or two, {'cluster': column} (--cov cluster:COLUMN) or {'cluster': [a, b]} (--cov cluster:A,B)"
    )
    unit: ClassVar[str] = "cluster"
    dependent: ClassVar[bool] = True
    plainest: ClassVar[str] = "CR1"
    by: tuple[str, ...]
    type: str = "CR1"
    factor: str = "own"

    @classmethod
    def asked(cls, columns: Sequence[str], options: Mapping[str, Any]) -> Self:
        """By these columns; raises OptionError for a type that there is not."""
        refuse_repeated(columns, cls.name)
        type_ = options.get("type", "CR1")
        known = {"CRV1": "CR1", "CRV3": "CR3", "JACKKNIFE": "CR3"}
        found = known.get(str(type_).upper(), str(type_).upper())
        if found not in _POWERS:
            raise OptionError(f"The `type` of clustered standard errors is {', '.join(_POWERS)}; got {type_!r}.")
        factor = options.get("factor", "own")
        if factor not in ("own", "fewest"):
            raise OptionError(f"The `factor` of clustered standard errors is 'own' or 'fewest'; got {factor!r}.")
        if len(columns) > 1 and found != "CR1":
            raise OptionError(f"{found} is for one column of clusters; two go with CR1 alone.")
        return cls(tuple(columns), found, factor if len(columns) > 1 else "own")

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of the clusters."""
        return self.by

    @property
    def said_options(self) -> dict[str, Any]:
        """The type, unless it is CR1, and the factor, unless it is each term's own."""
        usual = {"type": "CR1", "factor": "own"}
        return {name: getattr(self, name) for name, value in usual.items() if getattr(self, name) != value}

    @property
    def title(self) -> str:
        """With the columns."""
        return f"clustered by {listed(self.by)}{'' if self.type == 'CR1' else f' ({self.type})'}"

    @property
    def by_leverage(self) -> bool:
        """CR2 and CR3."""
        return self.type != "CR1"

    @property
    def _ways(self) -> list[tuple[int, ...]]:
        """Which columns form the clusters of each way: every one, and every pair."""
        numbers = range(len(self.by))
        return [way for size in range(1, len(self.by) + 1) for way in combinations(numbers, size)]

    def none(self, basis: Basis) -> Ways:
        """No cluster."""
        return Ways(tuple(GroupSums.none(basis, squares=self.type != "CR1") for _ in self._ways))

    def of(self, basis: Basis, batch: Numbered, seen: Coordinates) -> Ways:
        """The sums of the clusters that have rows here."""
        del basis
        single = [batch.groups(column) for column in self.by]
        parts = []
        for way in self._ways:
            (codes, names), *others = [single[i] for i in way]
            called: Sequence[Hashable] = names
            for more, further in others:
                # Only pairs that rows have: of two columns of many groups most pairs have none.
                pairs, codes = (codes * len(further) + more).unique(return_inverse=True)
                called = [(called[c // len(further)], further[c % len(further)]) for c in pairs.tolist()]
            parts.append(GroupSums.of(seen, codes, called, squares=self.type != "CR1"))
        return Ways(tuple(parts))

    def told_by(self, column: str) -> bool:
        """CR1 by the column of the clusters, of which it takes the sums alone."""
        return self.type == "CR1" and self.by == (column,)

    def of_groups(self, basis: Basis, groups: Mapping[str, Comoments]) -> Ways:
        """The sums of each cluster from its moments."""
        there = {name: moments for name, moments in groups.items() if moments.count}
        sums = [basis.pull(moments) for moments in there.values()]
        nothing = GroupSums.none(basis).sums
        return Ways((GroupSums({name: at for at, name in enumerate(there)}, torch.stack(sums) if sums else nothing),))

    def taken(self, absorbed: Absorbed, see: Callable[[Pass[Numbered, Any]], Any]) -> int:
        """Effects that lie within the clusters take none."""
        return degrees_taken(absorbed, self.by, see)

    def of_repeated(self, basis: Basis, batch: Numbered, summed: Coordinates, squared: Coordinates) -> Ways:
        """The sums of the clusters: rows alike are of one cluster, since its column is among those that they are alike in."""
        del squared
        return self.of(basis, batch, summed)

    def filling(self, basis: Basis, found: Ways) -> Filling:
        """The sum of the clusters' squares; NumericalError for fewer than two clusters."""
        counts = tuple(len(part.place) for part in found.parts[: len(self.by)])
        # With one cluster the residuals' pull adds up to zero, as it does over all rows: no error would be left.
        for column, clusters in zip(self.by, counts, strict=True):
            if clusters < 2:
                raise NumericalError(
                    f"Standard errors clustered by {readable(column)} need two clusters or more; there is {clusters}."
                )
        blind = None
        if self.type == "CR1":
            # Rows that share both columns are counted with either: the sums of the pairs are taken off once (inclusion and exclusion).
            signed = zip(self._ways, found.parts, strict=True)
            fewest = min(counts) if self.factor == "fewest" else None
            middle = torch.stack([(-1) ** (len(way) + 1) * _squared(basis, part, fewest) for way, part in signed]).sum(0)
        else:
            middle, blind = self._adjusted(basis, found.parts[0])
        mended = _not_negative(middle) if len(self.by) > 1 else None
        # The column with the fewest groups says least of how groups differ.
        return Filling(middle, min(counts) - 1, self.title, counts, blind, self._few(basis, counts), mended)

    def _adjusted(self, basis: Basis, part: GroupSums) -> tuple[Tensor, Tensor | None]:
        """The sum of squares of CR2 or CR3, and the directions that a cluster determines by itself."""
        assert part.squares is not None  # noqa: S101  these types gather them
        # H of a group's rows and its C have the same eigenvalues but for zeros: so a power of n x n costs that of r x r.
        values, vectors = eigenvectors(part.squares)
        alone = 1 - values <= basis.alone
        # Where a cluster alone determines a weight its residuals say nothing of that: the direction is left out.
        power = torch.where(alone, 0.0, (1 - values).clamp(min=basis.alone) ** _POWERS[self.type])
        scores = torch.einsum("gab,gb,gcb,gkc->gka", vectors, power, vectors, part.sums)
        # The variance of the lines that leave out a group each, as the jackknife has it.
        factor = (len(part.sums) - 1) / len(part.sums) if self.type == "CR3" else 1.0
        own = vectors.transpose(1, 2)[alone]
        return factor * torch.einsum("gki,gkj->kij", scores, scores), own.T @ own if len(own) else None

    def _few(self, basis: Basis, counts: tuple[int, ...]) -> tuple[str, ...]:
        """What is to be said of few clusters (Cameron, Gelbach & Miller 2008)."""
        fewest, by = min(counts), listed(self.by)
        if fewest <= basis.rank:
            return (
                f"{fewest} clusters are no more than the {basis.rank} weights: standard errors clustered by {by} come out too small, "
                f"some near zero; do not rely on them.",
            )
        if fewest >= FEW or self.type != "CR1":
            return ()
        better = (
            ""
            if len(self.by) > 1 or basis.taken
            else f"; cov='cluster:{self.by[0]},type=CR3' (--cov cluster:{self.by[0]},type=CR3) is better then"
        )
        return (f"{fewest} clusters are few: standard errors clustered by {by} come out too small as a rule{better}.",)


def _squared(basis: Basis, part: GroupSums, clusters: int | None) -> Tensor:
    """The sum of the clusters' squares, with Stata's and R's correction for few clusters: so many, by default these."""
    clusters = clusters or len(part.place)
    factor = clusters / (clusters - 1) * (basis.count - 1) / basis.df
    return factor * torch.einsum("gki,gkj->kij", part.sums, part.sums)


def _not_negative(middle: Tensor) -> Tensor | None:
    """The nearest matrix that is a covariance; None where it is one. What is subtracted may leave negative eigenvalues, which count as 0.

    That is Cameron, Gelbach & Miller's (2011, 2.3) remedy, in the coordinates of the basis: so it does not depend on units.
    """
    values, vectors = eigenvectors(middle)
    if bool((values >= -1e-12 * values.abs().amax(1, keepdim=True)).all()):
        return None
    return torch.einsum("kab,kb,kcb->kac", vectors, values.clamp(min=0), vectors)
