"""Grouped: the co-moments of thousands of groups at once, from one look at the rows, held as one block of numbers.

    weight W_g      mean m_g      scatter S_g = sum_{i in g} w_i (z_i - m_g)(z_i - m_g)'          for every group g

It is `Comoments` with one axis more, so that ten thousand lines cost a few large operations and not ten thousand small ones. Parts
merge all at once, by the update of Chan, Golub & LeVeque (1983) for many parts,

    m = sum_a W_a m_a / W        S = sum_a (S_a + W_a (m_a - m)(m_a - m)')

in which all terms are sums of squares, so nothing cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bestline.numerics.comoments import Comoments
from bestline.numerics.rows import Rows

_LONG = 64  # rows a group from which its own matrix product is quicker than a sum of products row by row


@dataclass(frozen=True, slots=True, eq=False)
class GroupComoments:
    """Count, weight, mean, scatter and range of the columns in every group.

    Attributes
    ----------
    count : Tensor, int (G,)
        Rows of positive weight.
    weight, log_weight : Tensor (G,)
        Sums of the weights and of their logarithms.
    mean, below : Tensor (G, q)
        The mean, and what rounding has left out of it: the difference of two means then keeps its digits, whatever the offset.
    scatter : Tensor (G, q, q)
    low, high : Tensor (G, q)
        Least and largest value; infinite for groups without rows.
    """

    count: Tensor
    weight: Tensor
    log_weight: Tensor
    mean: Tensor
    below: Tensor
    scatter: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def empty(cls, groups: int, q: int) -> GroupComoments:
        """Groups without rows."""
        zeros, beyond = torch.zeros(groups, dtype=torch.float64), torch.full((groups, q), torch.inf, dtype=torch.float64)
        scatter = torch.zeros(groups, q, q, dtype=torch.float64)
        mean = zeros[:, None].expand(groups, q)
        return cls(zeros.long(), zeros, zeros, mean, mean, scatter, beyond, -beyond)

    @classmethod
    def of_rows(cls, rows: Rows, group: Tensor, groups: int) -> GroupComoments:
        """Of the rows of each group; `group` (n,) holds numbers from 0 to groups - 1, or -1 for rows that are left out."""
        Z, w = torch.cat([rows.X, rows.y], 1).detach().to("cpu", torch.float64), rows.w
        group = group.cpu()
        there = (group >= 0) if w is None else (group >= 0) & (w.cpu() > 0)
        index = torch.nonzero(there)[:, 0]
        if len(index) == 0:
            return cls.empty(groups, Z.shape[1])
        # Rows of one group become neighbours: then every sum is over a slice. Small integers are sorted sooner.
        small = torch.int16 if groups < 2**15 else torch.int32
        ordered, order = group[index].to(small).sort(stable=True)
        index = index[order]
        present, lengths = torch.unique_consecutive(ordered.long(), return_counts=True)
        own = _of_slices(Z[index], None if w is None else w.cpu().to(torch.float64)[index], lengths)
        if rows.copies:  # a row stands for as many as its weight says
            own = replace(own, count=own.weight.round().long(), log_weight=torch.zeros_like(own.log_weight))
        return own if len(own) == groups else cls.merged([own], present, groups)

    @classmethod
    def merged(cls, parts: Sequence[GroupComoments], index: Tensor, groups: int) -> GroupComoments:
        """The groups of all parts, one behind the other, added up: `index` names the group of the result that each goes into; -1 none."""
        # Groups without rows add nothing, and their mean of 0 is near nobody's.
        used = (index >= 0) & (torch.cat([p.count for p in parts]) > 0)
        index = index[used]
        if not len(index):
            return cls.empty(groups, parts[0].mean.shape[1])

        def joined(values: Sequence[Tensor]) -> Tensor:
            whole = values[0] if len(values) == 1 else torch.cat(list(values))
            return whole if bool(used.all()) else whole[used]

        weight, mean, below = (joined(own) for own in zip(*((p.weight, p.mean, p.below) for p in parts), strict=True))
        scatter = joined([p.scatter for p in parts])
        q = scatter.shape[-1]

        def total(values: Tensor) -> Tensor:
            return values.new_zeros(groups, *values.shape[1:]).index_add_(0, index, values)

        W = total(weight)
        # From the mean of the first part, which is near: what has to be added to it is small, and so is its rounding.
        first = _first_of(index, groups)
        about = torch.where(first[:, None] < 0, 0.0, mean[first.clamp(min=0)])
        step = (mean - about[index]) + below
        moved = total(step * weight[:, None]) / torch.where(W > 0, W, 1.0)[:, None]
        center = about + moved
        rest = (about - center) + moved
        step = (mean - center[index]) + (below - rest[index])
        scatter = total(scatter.addcmul(step[:, :, None] * weight[:, None, None], step[:, None, :]))
        bounds = index[:, None].expand(-1, q)
        beyond = scatter.new_full((groups, q), torch.inf)
        low = beyond.scatter_reduce(0, bounds, joined([p.low for p in parts]), "amin")
        high = (-beyond).scatter_reduce(0, bounds, joined([p.high for p in parts]), "amax")
        counts = (total(joined([p.count for p in parts])), W, total(joined([p.log_weight for p in parts])))
        return cls(*counts, center, rest, _without_constants(scatter, low, high), low, high)

    def __len__(self) -> int:
        return len(self.count)

    def __getitem__(self, index: Tensor) -> GroupComoments:
        """Some of the groups, in the order given."""
        held = (self.count, self.weight, self.log_weight, self.mean, self.below, self.scatter, self.low, self.high)
        return GroupComoments(*(values[index] for values in held))

    def one(self, group: int) -> Comoments:
        """The moments of one group."""
        mean = self.mean[group]
        shift = mean.float().double().nan_to_num(0.0, 0.0, 0.0)  # in 24 bits, so that the difference is exact
        counts = (int(self.count[group]), float(self.weight[group]), float(self.log_weight[group]))
        return Comoments(*counts, torch.ones_like(mean), shift, (mean - shift) + self.below[group], self.scatter[group])

    @property
    def varies(self) -> Tensor:
        """Which columns are not constant, (G, q): the numbers themselves say so."""
        return self.low < self.high


def _of_slices(Z: Tensor, w: Tensor | None, lengths: Tensor) -> GroupComoments:
    """Of rows Z (n, q) of which the first `lengths[0]` are the first group, the next `lengths[1]` the second, and so on."""
    ends = lengths.cumsum(0)
    starts = (ends - lengths).numpy()
    weight = lengths.double() if w is None else _sums(w[None], starts)[0]
    log_weight = torch.zeros_like(weight) if w is None else _sums(w.log()[None], starts)[0]
    D = Z.T.contiguous()  # (q, n): every column on its own, as sums and products are quickest
    low, high = (torch.from_numpy(f.reduceat(D.numpy(), starts, axis=1)).T for f in (np.minimum, np.maximum))
    mean = _sums(D if w is None else D * w, starts) / weight
    # A sum of many equal numbers may be rounded; their mean is their value.
    mean = torch.where((low < high).T, mean, low.T)
    D = D - mean.repeat_interleave(lengths, 1)
    # What rounding has left of the mean, (q, G): added to the mean, and its square taken off the scatter.
    left = _sums(D if w is None else D * w, starts) / weight
    scatter = _scatter(D, w, lengths, starts) - (left.T * weight[:, None])[:, :, None] * left.T[:, None, :]
    center = mean + left
    rest = (mean - center) + left
    return GroupComoments(lengths, weight, log_weight, center.T, rest.T, _without_constants(scatter, low, high), low, high)


def _scatter(D: Tensor, w: Tensor | None, lengths: Tensor, starts: np.ndarray) -> Tensor:
    """Sums of w d d' over every slice of D (q, n), (G, q, q)."""
    q, n = D.shape
    E = D if w is None else D * w
    if n >= _LONG * len(lengths):
        cuts = lengths.tolist()
        return torch.stack([e @ d.T for e, d in zip(E.split(cuts, 1), D.split(cuts, 1), strict=True)])
    i, j = torch.tril_indices(q, q)
    # One product of two columns at a time: it stays in the cache until it is summed.
    sums = [_sums(E[a] * D[b], starts) for a, b in zip(i.tolist(), j.tolist(), strict=True)]
    half = torch.stack(sums, 1) if sums else D.new_zeros(len(lengths), 0)
    scatter = D.new_zeros(len(lengths), q, q)
    scatter[:, i, j], scatter[:, j, i] = half, half
    return scatter


def _sums(values: Tensor, starts: np.ndarray) -> Tensor:
    """Sums (..., G) of the slices of values (..., n) that begin at `starts`; infinite where float64 ends, which callers look for."""
    with np.errstate(over="ignore", invalid="ignore"):
        return torch.from_numpy(np.add.reduceat(values.numpy(), starts, axis=-1))


def _first_of(index: Tensor, groups: int) -> Tensor:
    """Where each group comes first in `index`, (G,); -1 where it does not."""
    at = torch.arange(len(index))
    first = torch.full((groups,), len(index)).scatter_reduce(0, index, at, "amin")
    return torch.where(first < len(index), first, -1)


def _without_constants(scatter: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """The same, nothing left of columns that are constant in a group: what there is of those is rounding."""
    varies = low < high
    if bool(varies.all()):
        return scatter
    return scatter * (varies[:, :, None] & varies[:, None, :])
