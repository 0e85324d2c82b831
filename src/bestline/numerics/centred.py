"""Centred: mean and scatter of one chunk of rows, quickly, and whatever the columns' offsets are.

    scatter = sum w (z - c)(z - c)' - W m m'        m = sum w (z - c) / W, for any centre c

With c = 0 the two terms cancel where the mean is large beside the spread, and the digits are lost; with c near the mean the
second term is small and nothing is (the shifted algorithm of Chan, Golub & LeVeque 1983, section 3). Some hundred rows say well
enough where all lie, so one look at the chunk gives everything: a column of ones beside the others brings m along. Only where
those rows have misled, the mean of all of them is taken first, and then the products about it: two looks.

The rows are gone through block by block. A block is copied, less the centre, into a buffer that stays in a core's cache, and there
its groups are told apart and multiplied: each number comes from afar once, and nothing is made that is as long as the table.

A line asks how its targets go with the features, and never how they go with each other. Of many targets those k^2 products would
be nearly all of the work: they are not taken, and stand as NaN, so that whoever asks for one all the same gets no wrong number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from bestline.numerics.rows import Columns, Features, RowVector

_HELD = 2**18  # numbers of a block: 2 MiB, that stay near the core
_SHORT = 512  # rows of a block, at least: the sums are read and written once for each
_WORTH = 2**18  # products of two numbers that are worth a call: so many, at least, of a group's rows are in a block
_TILE = 12  # columns that a matrix product's inner loops take at once; other widths run at half the speed
_STRIP = 4 * _TILE  # columns whose products with those after them are taken together: of wide rows only half is computed
_HALF_OF_THE_BITS = 2.0**29 + 1  # leaves 53 - 29 of them
_MASKED = 32  # groups that another device tells apart by multiplying with 0 and 1; more are sorted
SOME = 512  # rows that say about where all lie
_NEAR = 1.0  # squared distance of that place from the mean, in variances: subtracting it then costs one bit


@dataclass(frozen=True, slots=True, eq=False)
class Centred:
    """Of each of G groups, in main memory: count, weight and sum of its logarithms (G,); shift + mean (G, q), the weighted mean;
    and scatter (G, q, q) about it, NaN: not taken. A group without rows is all 0. `also` is what was to be fetched besides.
    """

    count: Tensor
    weight: Tensor
    log_weight: Tensor
    shift: Tensor
    mean: Tensor
    scatter: Tensor
    also: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Chunk:
    """Rows whose columns stand in blocks side by side, their weights and their groups: see `centred`."""

    blocks: Sequence[Features]
    w: RowVector | None
    group: Tensor | None  # (n,), -1: not used; None: all rows are one group
    groups: int
    apart: int

    def __len__(self) -> int:
        return len(self.blocks[0])

    @property
    def q(self) -> int:
        """How many columns there are."""
        return sum(block.shape[1] for block in self.blocks)

    @property
    def device(self) -> torch.device:
        """Where the rows are."""
        return self.blocks[0].device

    def of(self, group: int) -> _Chunk:
        """The rows of one group alone."""
        if self.group is None:
            return self
        there = torch.nonzero(self.group == group)[:, 0]
        blocks = [block.index_select(0, there) for block in self.blocks]
        return _Chunk(blocks, None if self.w is None else self.w[there], None, 1, self.apart)

    def mean(self, step: int = 1) -> Columns:
        """Where the rows lie, (q,): the mean of those that are used, or with a step that of one row in so many, from all over."""
        some = slice(None, None, step)
        blocks = [block[some].to(torch.float64) for block in self.blocks]
        if self.group is None and self.w is None:
            return torch.cat([block.mean(0) for block in blocks])
        own = torch.ones(len(blocks[0]), dtype=torch.float64, device=self.device) if self.w is None else self.w[some]
        if self.group is not None:
            used = self.group[some] >= 0
            own, blocks = own.where(used, 0.0), [block.where(used[:, None], 0.0) for block in blocks]
        return torch.cat([own @ block for block in blocks]) / own.sum()


def centred(
    blocks: Sequence[Features],
    w: RowVector | None = None,
    group: Tensor | None = None,
    groups: int = 1,
    *,
    apart: int = 0,
    also: Sequence[Tensor] = (),
) -> Centred:
    """Mean and scatter of the rows of each group, in float64.

    All that is long is done where the rows are, and what comes back is fetched at once: whoever computes elsewhere waits once.

    Parameters
    ----------
    blocks : sequence of Tensor (n, .)
        The columns, in one block or several side by side; at least one row.
    w : Tensor (n,) or None
        Weights; rows of weight 0 or less are not there.
    group : Tensor (n,) or None
        The group of each row, from 0 to groups - 1, or -1 for rows that are not used; None: all are of one.
    groups : int
        How many groups there are.
    apart : int
        How many of the last columns are each for itself: no product of two of them is taken.
    also : sequence of Tensor
        Others that are there, in float64, to be fetched together with these.
    """
    blocks = [block.detach() if block.is_floating_point() else block.to(torch.float64) for block in blocks]
    if w is not None:
        w = w.detach().to(torch.float64)
        there = w > 0
        if w.device.type != "cpu" or not bool(there.all()):  # another device would have to be waited for
            group = torch.where(there, 0 if group is None else group, -1)
    chunk = _Chunk(blocks, w, group, groups, apart)
    shift = leading_bits(chunk.mean(max(1, len(chunk) // SOME)))
    found, misled = _about(chunk, shift, also=also)
    for i in (i for i, far in enumerate(misled.tolist()) if far):  # some rows misled, or nothing varies
        own = chunk.of(i)
        mean = own.mean()
        shift = leading_bits(mean)
        again, _ = _about(own, shift, mean - shift)
        found.shift[i], found.mean[i], found.scatter[i] = again.shift[0], again.mean[0], again.scatter[0]
    return found


def leading_bits(values: Columns) -> Columns:
    """The same in 24 bits: so the difference of two shifts is exact in 53, and merging chunks about different centres costs nothing."""
    over = values * _HALF_OF_THE_BITS  # Veltkamp's splitting (1968): the leading bits of a number of any size
    return (over - (over - values)).nan_to_num(0.0, 0.0, 0.0)


def _about(chunk: _Chunk, shift: Columns, rest: Columns | None = None, also: Sequence[Tensor] = ()) -> tuple[Centred, Tensor]:
    """Mean and scatter of each group, from products about a centre, shift + rest; and which groups lie too far from it (G,)."""
    center = torch.zeros_like(shift) if rest is None else rest
    products, squares, counts, shift, center, *others = _here(*_summed(chunk, shift, rest), shift, center, *also)
    count, weight, log_weight = counts.unbind(1)
    mean = products[:, 0, 1 : chunk.q + 1] / weight.clamp(min=5e-324)[:, None]  # of no rows 0
    about = mean * weight.sqrt()[:, None]
    scatter = _unfolded(products, squares, chunk.q) - about[:, :, None] * about[:, None, :]
    held = (count.long(), weight, log_weight, shift.repeat(chunk.groups, 1), center + mean, scatter)
    found = Centred(*held, tuple(others))
    # The sum W m_j^2 that was taken off, beside what is left: no more in any column, or the digits are not trusted. (NaN is not.)
    return found, ~(about**2 <= _NEAR * scatter.diagonal(dim1=1, dim2=2)).all(1)


def _unfolded(products: Tensor, squares: Tensor, q: int) -> Tensor:
    """The sums of products of q columns, (G, q, q), from what was summed."""
    groups, full, width = products.shape
    taken = products[:, 1 : q + 1, 1 : q + 1]
    if full == width <= _STRIP:
        return taken
    p = taken.shape[1]  # of these all products are known
    sums = torch.full((groups, q, q), torch.nan, dtype=torch.float64)
    sums[:, :p] = taken.triu()  # of wide rows nothing below the diagonal has been computed
    sums[:, p:, :p] = taken[:, :, p:].mT
    sums[:, :p, :p] += taken[:, :, :p].triu(1).mT
    sums.diagonal(dim1=1, dim2=2)[:, p:] = squares[:, : q - p]
    return sums


def _summed(chunk: _Chunk, shift: Columns, rest: Columns | None) -> tuple[Tensor, Tensor, Tensor]:
    """Sums over the rows of each group, less shift and rest, times a root of their weight: of products, of squares, and of weights.

    Products (G, full, width) of a column of ones, then the columns, with all of these and zeros up to a width that is quick to
    multiply; squares (G, width - full) of those that are apart; number of rows, sum of weights and of their logarithms (G, 3).
    """
    width = _padded(chunk.q + 1)
    full = 1 + chunk.q - chunk.apart if chunk.apart else width
    products, squares = shift.new_zeros(chunk.groups, full, width), shift.new_zeros(chunk.groups, width - full)
    counts = shift.new_zeros(chunk.groups, 3)
    height = _height(chunk, width, full)
    spare = shift.new_empty(height if chunk.group is not None else 0, width)
    for F, own in _frames(chunk, shift, rest, shift.new_empty(height, width)):
        group, w = (None if values is None else values[own] for values in (chunk.group, chunk.w))
        for i, rows, v in _parts(F, w, group, chunk.groups, spare):
            _multiply(rows, products[i], squares[i])
            if v is not None:
                counts[i] += torch.stack([(v > 0).to(v.dtype).sum(), v.sum(), v.where(v > 0, 1.0).log().sum()])
    if chunk.w is None:
        counts[:, :2] = products[:, 0, :1]  # ones times ones
    return products, squares, counts


def _padded(columns: int) -> int:
    """A width of full tiles, unless the columns are so few that more than half of it would be nothing."""
    lacking = -columns % _TILE
    return columns + (lacking if lacking < columns else 0)


def _height(chunk: _Chunk, width: int, full: int) -> int:
    """How many rows are a block."""
    if chunk.device.type != "cpu":
        return len(chunk)  # another device is asked once, for much
    share = 0 if chunk.group is None else max(_SHORT // 2, _WORTH // width**2)
    return min(len(chunk), max(_HELD // width, min(_SHORT, 4 * full), share * chunk.groups))


def _frames(chunk: _Chunk, shift: Columns, rest: Columns | None, frame: Tensor) -> Iterator[tuple[Features, slice]]:
    """Block by block, all in the frame: a column of ones, and the columns less shift and rest, times a root of their weight."""
    n, q, height = len(chunk), chunk.q, len(frame)
    frame[:, 0], frame[:, q + 1 :] = 1, 0
    root = None if chunk.w is None else chunk.w.sqrt()[:, None]  # on both sides of a product it makes w
    widths = [block.shape[1] for block in chunk.blocks]
    for start in range(0, n, height):
        own, F = slice(start, start + height), frame[: n - start]
        for block, center, out in zip(chunk.blocks, shift.split(widths), F[:, 1 : q + 1].split(widths, 1), strict=True):
            torch.sub(block[own], center, out=out)
        if rest is not None:
            F[:, 1 : q + 1] -= rest
        if root is not None:
            F[:, 0] = 1
            F *= root[own]
        yield F, own


def _parts(
    F: Features, w: RowVector | None, group: Tensor | None, groups: int, spare: Tensor
) -> Iterator[tuple[int, Features, RowVector | None]]:
    """Each group with its rows and their weights; a row that is not its own may be there as zeros, of weight 0."""
    if group is None:
        yield 0, F, w
        return
    if group.device.type != "cpu" and groups <= _MASKED:  # how many rows each has need not be known here
        for i in range(groups):
            there = group == i
            yield i, F.where(there[:, None], 0.0), None if w is None else w.where(there, 0.0)
        return
    order, bounds = _in_order(group, groups)
    rows = spare[: len(F)]  # rows of one group become neighbours
    if group.device.type == "cpu":  # NumPy does that in half of torch's time
        np.take(F.numpy(), order.numpy(), axis=0, out=rows.numpy(), mode="clip")
    else:
        torch.index_select(F, 0, order, out=rows)
    for i, (first, end) in enumerate(pairwise(bounds)):
        if first < end:
            yield i, rows[first:end], None if w is None else w[order[first:end]]


def _in_order(group: Tensor, groups: int) -> tuple[Tensor, list[int]]:
    """The rows ordered by their group, those of none first or last, and where each group begins there, and the last one ends."""
    if group.device.type != "cpu":
        ordered, order = group.sort(stable=True)
        return order, torch.searchsorted(ordered, torch.arange(groups + 1, device=group.device)).cpu().tolist()
    key = group.numpy().astype(np.min_scalar_type(groups + 1))  # without a sign: -1 becomes the largest of all
    at = np.argsort(key, kind="stable")  # small integers are sorted by their digits: quickly
    return torch.from_numpy(at), np.searchsorted(key[at], np.arange(groups + 1, dtype=key.dtype)).tolist()


def _multiply(F: Features, products: Tensor, squares: Tensor) -> None:
    """Add what the rows (n, width) have to products and squares; of wide rows strip by strip, only what is not known yet."""
    full, width = products.shape
    for i in range(0, full, _STRIP if width > _STRIP else width):
        end = min(i + _STRIP, full)
        products[i:end, i:].addmm_(F[:, i:end].T, F[:, i:])
    if full < width:
        squares += F[:, full:].square().sum(0)


def _here(*values: Tensor) -> list[Tensor]:
    """The same in main memory, fetched all at once."""
    if values[0].device.type == "cpu":
        return list(values)
    fetched = torch.cat([value.flatten() for value in values]).cpu().split([value.numel() for value in values])
    return [some.view(value.shape) for some, value in zip(fetched, values, strict=True)]
