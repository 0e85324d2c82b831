"""Pooled: co-moments from sums that others have made, over groups of rows that are alike in some of their columns.

    of group g, about one centre c for all:   W_g = sum w      s_g = sum w (z - c)      P_g = sum w (z - c)(z - c)'

A column x_j of the design is, within a group, a number times one of the variables z: f_gj z_a(j). So the groups give the moments of
all columns by the update of Chan, Golub & LeVeque (1983) for many parts, and no row is needed. Where nothing but the target varies
within a group, the groups are the distinct rows of X, and what is left of P_g is the scatter of the target about its mean there.

Whoever adds up a billion products one after the other loses digits. So each product p is asked for in two pieces (Rump, Ogita & Oishi
2008, SIAM J. Sci. Comput. 31:189-224),

    high = (p + sigma) - sigma      low = p - high

with sigma so large that `high` has a common last place that all of them together still fit: its sum has no rounding at all. What is
left to `low`, and to its rounding, is by a factor of about 2^52 / n smaller.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bestline.numerics.centred import leading_bits
from bestline.numerics.comoments import Comoments, with_constants
from bestline.numerics.rows import Columns

_EPS = torch.finfo(torch.float64).eps
_LUCK = 64.0  # times the root of n, by which the rounding of n random terms may grow; never by more than n
_ENOUGH = 32 * _EPS  # rounding that moments are given anyway
_ROOM = 2**22  # numbers of the groups' products at a time


@dataclass(frozen=True, slots=True, eq=False)
class PooledSums:
    """Sums over the rows of each of G groups, of a variables.

    Attributes
    ----------
    count : Tensor, int (G,)
    weight, log_weight : Tensor (G,)
        Sums of the weights, and of their logarithms.
    center : Tensor (a,)
        What was taken from each variable before it was added up.
    sums : Tensor (G, a)
    products : Tensor (G, a, a)
    low, high : Tensor (G, a)
        Least and largest value of each variable.
    """

    count: Tensor
    weight: Tensor
    log_weight: Tensor
    center: Columns
    sums: Tensor
    products: Tensor
    low: Tensor
    high: Tensor

    def __getitem__(self, groups: Tensor) -> PooledSums:
        """Some of the groups."""
        return PooledSums(
            self.count[groups],
            self.weight[groups],
            self.log_weight[groups],
            self.center,
            self.sums[groups],
            self.products[groups],
            self.low[groups],
            self.high[groups],
        )


def pooled(groups: PooledSums, factor: Tensor, variable: Tensor) -> tuple[Comoments, Columns, Columns]:
    """The moments of the columns factor[:, j] times z_variable[j] over the rows of all groups, and the columns' least and largest values.

    Parameters
    ----------
    groups : PooledSums
    factor : Tensor (G, q)
    variable : Tensor, int (q,)
        Of each column; -1 for one that is the factor alone.

    Returns
    -------
    Comoments of q columns, Tensor (q,), Tensor (q,)
    """
    q = len(variable)
    beyond = torch.full((q,), torch.inf, dtype=torch.float64)
    if not len(groups.count) or not int(groups.count.sum()):
        return Comoments.empty(q), beyond, -beyond
    # A column without a variable is its factor times one: so that no column is a case apart.
    groups, variable = _with_one(groups), torch.where(variable < 0, len(groups.center), variable)
    weight = groups.weight[:, None]
    total = float(weight.sum())
    base, moved = factor * groups.center[variable], factor * (groups.sums / weight)[:, variable]
    # The centre of all in 24 bits, as of a chunk of rows; then about the mean, so that nothing cancels.
    shift = leading_bits((weight * (base + moved)).sum(0) / total)
    away = (base - shift) + moved
    mean = (weight * away).sum(0) / total
    away = away - mean
    rest = (weight * away).sum(0) / total
    scatter = (away * weight).T @ away - total * torch.outer(rest, rest) + _within(groups, factor, variable)
    # A negative factor turns the ends around, so either may be the least.
    ends = torch.stack([factor * groups.low[:, variable], factor * groups.high[:, variable]])
    low, high = ends.amin((0, 1)), ends.amax((0, 1))
    found = Comoments(
        int(groups.count.sum()),
        total,
        float(groups.log_weight.sum()),
        torch.ones(q, dtype=torch.float64),
        shift,
        mean + rest,
        scatter,
    )
    return with_constants(found, low == high, low), low, high


def _with_one(groups: PooledSums) -> PooledSums:
    """The groups with one variable more, which is 1 in every row."""
    one, none = torch.ones(len(groups.count), 1, dtype=torch.float64), torch.zeros(len(groups.count), 1, dtype=torch.float64)
    products = torch.nn.functional.pad(groups.products, (0, 1, 0, 1))
    return replace(
        groups,
        center=torch.cat([groups.center, one[0]]),
        sums=torch.cat([groups.sums, none], 1),
        products=products,
        low=torch.cat([groups.low, one], 1),
        high=torch.cat([groups.high, one], 1),
    )


def _within(groups: PooledSums, factor: Tensor, variable: Tensor) -> Tensor:
    """Scatter of the columns about their means within the groups, (q, q)."""
    q = len(variable)
    found = torch.zeros(q, q, dtype=torch.float64)
    # About each group's own mean, which is what co-moments of many parts add to the scatter of the means (Chan, Golub & LeVeque 1983).
    about = groups.products - groups.sums[:, :, None] * groups.sums[:, None, :] / groups.weight[:, None, None]
    size = max(1, _ROOM // max(q * q, 1))
    for start in range(0, len(factor), size):
        own = factor[start : start + size]
        found += torch.einsum("gi,gij,gj->ij", own, about[start : start + size][:, variable][:, :, variable], own)
    # Added up in either order of columns, which rounds differently; moments are symmetric to the last bit.
    return (found + found.T) / 2


def splitter(largest: float, n: int) -> float:
    """Sigma for n products of at most this size; 0 where all are zero."""
    return 1.5 * math.ldexp(1.0, math.ceil(math.log2(largest * max(n, 2))) + 1) if largest > 0 else 0.0


def is_exact(high: Tensor, largest: float, n: int) -> bool:
    """Whether sums of `high` are what they must be: whole multiples of the last place of sigma."""
    sigma = splitter(largest, n)
    return sigma == 0 or bool((torch.frac(high / math.ulp(sigma)) == 0).all())


def lost(n: int, largest: Tensor, mean_square: Tensor, *, exact: bool) -> float:
    """How many times larger the rounding of sums over n rows may be than that of moments made here; 1 for none.

    Parameters
    ----------
    n : int
    largest : Tensor (a,)
        Size of the largest deviation of each variable.
    mean_square : Tensor (a,)
        Of the deviations.
    exact : bool
        Whether the engine added the high pieces without rounding.
    """
    # Roundings add by chance, as the root of their number, if nobody knows in which order; at worst all go one way.
    grown = min(float(n), _LUCK * n**0.5)
    if not exact:
        return max(1.0, grown * _EPS / _ENOUGH)
    varying = mean_square > 0
    heaviest = float((largest[varying] ** 2 / mean_square[varying]).max()) if bool(varying.any()) else 0.0
    # Low pieces are at most half the last place of sigma, which is about n times the largest product.
    return max(1.0, grown * _EPS * n * heaviest * _EPS / _ENOUGH)
