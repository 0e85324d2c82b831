"""Rows: the numbers of a table, ready for mathematics. One row is one observation.

    X (n, p) features    y (n, k) targets    w (n,) weights, or None when every row counts once

n, p, k and t (steps of training) are the only axes in the house. The intercept is not a column of X: it is a weight of its
own, kept in the last row of the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from bestline.calls import needed, with_hints
from bestline.errors import ShapeError

Features: TypeAlias = Tensor  # (n, p)
Targets: TypeAlias = Tensor  # (n, k)
RowVector: TypeAlias = Tensor  # (n,)
Weights: TypeAlias = Tensor  # (d, k): d = p, and one more when there is an intercept, which is the last row
Square: TypeAlias = Tensor  # (d, d) or (q, q)
Columns: TypeAlias = Tensor  # (q,): q = p + k, the features and then the targets

_SIDE = 640  # numbers side by side that a reduction goes through at once
_MINUS_ZERO = -(2**63)  # bits of -0.0, as a signed integer
_CACHED = 2**17  # numbers gone through at a time: 1 MiB, which a core's own cache holds


@with_hints
@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The numbers of some rows of a table.

    Attributes
    ----------
    X : Tensor (n, p)
        Features, in the order of the design's columns.
    y : Tensor (n, k)
        Targets; always two-dimensional, so that nothing can broadcast (n,) against (n, 1).
    w : Tensor (n,) or None
        Non-negative weights; None when every row counts once.
    copies : bool
        Whether a weight says how many equal rows a row stands for: then it is whole, and counts as so many.
    """

    X: Features
    y: Targets
    w: RowVector | None = None
    copies: bool = False

    def __post_init__(self) -> None:
        for values in (self.X, self.y, *([] if self.w is None else [self.w])):
            needed(values, Tensor, "`Rows` holds tensors, X (n, p), y (n, k) and w (n,)")
        n = self.X.shape[0] if self.X.ndim else 0
        if self.X.ndim != 2 or self.y.ndim != 2 or self.y.shape[0] != n:
            raise ShapeError(
                f"`Rows` needs X (n, p) and y (n, k) with the same n; got {tuple(self.X.shape)} and {tuple(self.y.shape)}."
            )
        if self.w is not None and self.w.shape != (n,):
            raise ShapeError(f"`Rows` needs one weight a row, ({n},); got {tuple(self.w.shape)}.")

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def __getitem__(self, index: Tensor | slice) -> Rows:
        return Rows(self.X[index], self.y[index], None if self.w is None else self.w[index], self.copies)

    def to(self, device: torch.device | str, dtype: torch.dtype = torch.float64) -> Rows:
        """The same rows on another device or in another precision."""
        w = None if self.w is None else self.w.to(device, dtype)
        return Rows(self.X.to(device, dtype), self.y.to(device, dtype), w, self.copies)


def joined(parts: list[Rows]) -> Rows:
    """Rows of several batches as one; at least one batch."""
    if len(parts) == 1:
        return parts[0]
    weights = [part.w for part in parts if part.w is not None]
    return Rows(
        torch.cat([part.X for part in parts]),
        torch.cat([part.y for part in parts]),
        torch.cat(weights) if weights else None,
        parts[0].copies,
    )


def minibatches(n: int, size: int, seed: int) -> Iterator[Tensor]:
    """Endless row numbers for stochastic descent: every epoch a new seeded order, cut into slices of `size`.

    The last slice of an epoch may be shorter. No row comes twice in an epoch; nothing of the data is copied here.
    """
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(n, generator=generator)
        yield from order.split(size)


def cached_rows(values: Tensor) -> int:
    """How many rows of values (n, k) fit into a core's cache; at least one."""
    return max(1, _CACHED // max(values.shape[1], 1))


def odd_numbers(q: int, generator: torch.Generator) -> Tensor:
    """What the bits of q columns are multiplied by in a fingerprint, (q,)."""
    # Odd, so that multiplying modulo 2^64 loses no bit (it can be undone); random, so that columns cannot trade places unnoticed.
    return torch.randint(-(2**62), 2**62, (q,), generator=generator) * 2 + 1


def fingerprint(rows: Rows, odd: Tensor, words: Tensor | None = None) -> Tensor:
    """A 64-bit integer for each row (n,), from its numbers in float64 alone: equal rows have the same.

        fingerprint = mix(sum_j bits(z_j) a_j + words  mod 2^64)        a: random odd numbers

    where `words` (n,) is such a sum of what else the row holds. It is
    a multilinear hash (Carter & Wegman 1979). Rows that differ in one number have different sums, for odd factors lose nothing; those
    that differ in several agree for few choices of a only. Low bits of the sum depend on low bits alone, so they are mixed.
    """
    p, odd = rows.X.shape[1], odd.to(rows.X.device)
    size = cached_rows(rows.X)
    more = (torch.zeros(len(rows), dtype=torch.int64, device=odd.device) if words is None else words).split(size)
    parts = zip(rows.X.split(size), rows.y.split(size), more, strict=True)  # what is made on the way stays in the cache
    return torch.cat([mixed(_dot(X, odd[:p]) + _dot(y, odd[p : p + rows.y.shape[1]]) + word) for X, y, word in parts])


def _dot(values: Tensor, odd: Tensor) -> Tensor:
    """Bit patterns (n, k) times odd numbers (k,), (n,). Products wrap around, which is what a multiplicative hash wants."""
    values = values.to(torch.float64)
    bits = values.contiguous().view(torch.int64)
    if bits.device.type == "cpu" and bits.numel():
        found = torch.mv(bits, odd)
        # 0.0 and -0.0 are one zero. The bits of the latter are the least of all integers.
        if bits.numpy().min() > _MINUS_ZERO:
            return found
    return ((values + 0.0).contiguous().view(torch.int64) * odd).sum(1)  # + 0.0 makes 0.0 of both


def mixed(bits: Tensor) -> Tensor:
    """64-bit integers whose bits all depend on all bits of those given: the finaliser of splitmix64 (Steele et al. 2014)."""
    # Shifts of signed numbers bring copies of the sign in from the left; the masks take them off. Each step can be undone, so different
    # numbers stay different.
    for multiplier in (-4658895280553007687, -7723592293110705685):
        bits = (bits >> 30).bitwise_and_(0x3FFFFFFFF).bitwise_xor_(bits).mul_(multiplier)
    return (bits >> 31).bitwise_and_(0x1FFFFFFFF).bitwise_xor_(bits)


def shared_out(hashes: Tensor, groups: int) -> Tensor:
    """The remainder (n,) of integers (n,) from 0 to 2^31 - 1, divided by a number of groups below 2^31."""
    # Division by a multiplication and a shift, exact for so few bits (Granlund & Montgomery 1994): processors divide integers slowly.
    shift = 31 + (groups - 1).bit_length()
    return hashes - ((hashes * -(-(2**shift) // groups)) >> shift).mul_(groups)


def range_of(X: Features) -> tuple[Columns, Columns]:
    """The least and the largest of each column (p,) of X (n, p), some rows at a time: what is read once serves both."""
    n, p = X.shape
    if X.device.type != "cpu":
        return X.amin(0), X.amax(0)
    # Rows laid side by side are gone through several numbers at once, which a narrow row is not.
    beside = max(1, _SIDE // p) if X.is_contiguous() else 1
    whole = n // beside * beside
    least, most = [], []
    for some, times in ((X[:whole].view(-1, beside * p) if beside > 1 else X[:whole], beside), (X[whole:], 1)):
        for block in some.split(cached_rows(some)) if len(some) else ():
            # NumPy's reductions take two thirds of the time of torch's.
            least.append(block.numpy().min(0).reshape(times, p).min(0))
            most.append(block.numpy().max(0).reshape(times, p).max(0))
    return torch.from_numpy(np.min(least, 0)), torch.from_numpy(np.max(most, 0))
