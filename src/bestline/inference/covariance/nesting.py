"""Nesting: which absorbed factors lie within the clusters, so that their levels cost no degrees of freedom there.

Where each firm lies in one state, an effect of each firm is taken out of every cluster by itself, and the correction for few rows does
not count it (Cameron & Miller 2015, III.B; as fixest, pyfixest, Stata's xtreg and reghdfe have it): only the constant is left of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import torch
from torch import Tensor

from bestline.data.design import Absorbed
from bestline.data.passes import Pass
from bestline.inference.numbered_rows import Numbered

_FAR = 2**62


def degrees_taken(absorbed: Absorbed, clusters: Sequence[str], see: Callable[[Pass[Numbered, Owners]], Owners]) -> int:
    """Degrees of freedom that absorbed effects take beside clusters by some columns; `see` runs a pass over the training rows."""
    nested = [any(column in by for column in clusters) for by in absorbed.by]
    if not all(nested):
        asked = [f for f, known in enumerate(nested) if not known]
        owners = see(FindOwners(absorbed, tuple(asked), tuple(clusters)))
        for at, f in enumerate(asked):
            # All rows of every level lie in one cluster: then its effect is taken out of that cluster by itself.
            nested[f] = any(bool((o.low == o.high).all()) for o in owners.pairs[at * len(clusters) : (at + 1) * len(clusters)])
    levels = [len(keys) for keys in absorbed.levels]
    # The levels of the others are known by the clusters' constants, too: what they stand for is never less than their largest number.
    least = max([1, *(n for n, inside in zip(levels, nested, strict=True) if not inside)])
    return max(least, absorbed.weights - sum(n - 1 for n, inside in zip(levels, nested, strict=True) if inside))


@dataclass(frozen=True, slots=True, eq=False)
class Owner:
    """Of each level (G,) the least and the largest cluster that its rows lie in, as numbers."""

    low: Tensor
    high: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Owners:
    """The owners of the levels of each factor by each column; parts add."""

    pairs: tuple[Owner, ...]

    def __add__(self, other: Owners) -> Owners:
        return Owners(
            tuple(
                Owner(torch.minimum(a.low, b.low), torch.maximum(a.high, b.high))
                for a, b in zip(self.pairs, other.pairs, strict=True)
            )
        )


@dataclass(frozen=True, eq=False)
class FindOwners(Pass[Numbered, Owners]):
    """The pass that tells which clusters each level's rows lie in.

    Attributes
    ----------
    absorbed : Absorbed
    factors : tuple of int
        Those that are asked about.
    clusters : tuple of str
    """

    absorbed: Absorbed
    factors: tuple[int, ...]
    clusters: tuple[str, ...]

    @property
    def columns(self) -> Sequence[str]:
        """Those of the clusters."""
        return self.clusters

    def empty(self) -> Owners:
        """No owners."""
        sizes = [len(self.absorbed.levels[f]) for f in self.factors for _ in self.clusters]
        return Owners(tuple(Owner(torch.full((n,), _FAR), torch.full((n,), -_FAR)) for n in sizes))

    def of(self, batch: Numbered) -> Owners:
        """Those of some rows."""
        codes = self.absorbed.placed(batch.batch).codes
        clusters = []
        for column in self.clusters:
            own, names = batch.groups(column)
            clusters.append(torch.tensor([_number(name) for name in names], dtype=torch.long)[own])
        pairs = []
        for empty, (f, cluster) in zip(
            self.empty().pairs, ((f, cluster) for f in self.factors for cluster in clusters), strict=True
        ):
            at = codes[f][batch.at]
            # Least and largest add over parts in any order, and are one number where all rows of a level share a cluster.
            low = empty.low.scatter_reduce(0, at, cluster, "amin")
            pairs.append(Owner(low, empty.high.scatter_reduce(0, at, cluster, "amax")))
        return Owners(tuple(pairs))


def _number(name: str) -> int:
    """A cluster's name as a number that is the same in every process."""
    return int.from_bytes(blake2b(name.encode(), digest_size=7).digest(), "big")
