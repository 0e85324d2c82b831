"""Centred: mean and scatter of one chunk of rows, quickly, and whatever the columns' offsets are.

    scatter = sum w (z - c)(z - c)' - W m m'        m = sum w (z - c) / W, for any centre c

With c = 0 the two terms cancel where the mean is large beside the spread, and the digits are lost; with c near the mean the
second term is small and nothing is (the shifted algorithm of Chan, Golub & LeVeque 1983, section 3). Some hundred rows say well
enough where all lie, so one matrix product over the chunk gives everything: a column of ones beside the others brings m along.
Only where those rows have misled, the mean of all of them is taken first, and then the products about it: two passes.

A line asks how its targets go with the features, and never how they go with each other. Of many targets those k^2 products would
be nearly all of the work: they are not taken, and stand as NaN, so that whoever asks for one all the same gets no wrong number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from bestline.numerics.rows import Columns, Features, RowVector, Square, cached_rows

BLOCK = 1_024  # rows multiplied at a time: each core takes blocks of its own
_NEARBY = 2**16  # numbers that stay in a core's own cache
_TILE = 12  # columns that a matrix product's inner loops take at once; widths just short of a multiple run at half the speed
_WIDE = 96  # columns from which on the cores share a product by its columns, and only half of it is computed
_STRIP = 64  # columns at a time, then
_HALF_OF_THE_BITS = 2.0**29 + 1  # leaves 53 - 29 of them
SOME = 512  # rows that say about where all lie
_NEAR = 0.1  # squared distance of that place from the mean, in variances: subtracting it then costs a seventh of a bit


@dataclass(frozen=True, slots=True, eq=False)
class Centred:
    """Count, weight and sum of its logarithms; shift + mean (q,), the weighted mean; and scatter (q, q) about it, NaN: not taken."""

    count: int
    weight: float
    log_weight: float
    shift: Columns
    mean: Columns
    scatter: Square


def centred(blocks: Sequence[Features], w: RowVector | None, index: Tensor | None = None, *, apart: int = 0) -> Centred:
    """Mean and scatter of rows in float64, with weights above zero; at least one row.

    Parameters
    ----------
    blocks : sequence of Tensor (n, .)
        The columns, in one block or several side by side.
    w : Tensor (n,) or None
        Of the rows that are used.
    index : Tensor or None
        Which rows are used; None: all.
    apart : int
        How many of the last columns are each for itself: no product of two of them is taken.
    """
    n = len(blocks[0]) if index is None else len(index)
    log_weight = 0.0 if w is None else float(w.log().sum())
    weight = float(n) if w is None else float(w.sum())
    root = None if w is None else w.sqrt()[:, None]  # on both sides of a product it makes w
    sums = partial(_sums_apart, apart=apart) if apart else _sums
    shift = leading_bits(_mean(blocks, w, index, step=max(1, n // SOME)))
    products, total = sums(blocks, root, index, shift)
    mean = total / weight
    about = mean * weight**0.5
    scatter = torch.addr(products, about, about, alpha=-1)
    # The sum W m_j^2 that was taken off, beside what is left: small in every column, or the digits are not trusted. (NaN is not.)
    if not bool((about**2 <= _NEAR * scatter.diagonal()).all()):  # some rows misled, or nothing varies
        found = _mean(blocks, w, index)
        shift = leading_bits(found)
        rest = found - shift
        products, total = sums(blocks, root, index, shift, rest)
        moved = total / weight  # what rounding has left of the mean
        about = moved * weight**0.5
        mean, scatter = rest + moved, torch.addr(products, about, about, alpha=-1)
    return Centred(n, weight, log_weight, shift, mean, scatter)


def _mean(blocks: Sequence[Features], w: RowVector | None, index: Tensor | None, step: int = 1) -> Columns:
    """Where the rows lie, (q,): their mean, or with a step that of one row in so many, from all over."""
    some = blocks if step == 1 and index is None else [b[::step] if index is None else b[index[::step]] for b in blocks]
    own = None if w is None else w[::step]
    means = [block.mean(0) if own is None else (own @ block) / own.sum() for block in some]
    return means[0] if len(means) == 1 else torch.cat(means)


def leading_bits(values: Columns) -> Columns:
    """The same in 24 bits: so the difference of two shifts is exact in 53, and merging chunks about different centres costs nothing."""
    over = values * _HALF_OF_THE_BITS  # Veltkamp's splitting (1968): the leading bits of a number of any size
    return (over - (over - values)).nan_to_num(0.0, 0.0, 0.0)


def _sums(
    blocks: Sequence[Features], root: Tensor | None, index: Tensor | None, shift: Columns, rest: Columns | None = None
) -> tuple[Square, Columns]:
    """Sums of the products (q, q), and of the columns (q,), of the rows less shift and rest, times a root of their weight each."""
    q = len(shift)
    P = _products(_frame(blocks, root, index, shift, rest)[0], q + 1)
    return P[:q, :q], P[q, :q]


def _sums_apart(
    blocks: Sequence[Features],
    root: Tensor | None,
    index: Tensor | None,
    shift: Columns,
    rest: Columns | None = None,
    *,
    apart: int,
) -> tuple[Square, Columns]:
    """The same, the last columns each for itself: NaN in place of the products of any two of them."""
    n, q = len(blocks[0]) if index is None else len(index), len(shift)
    p = q - apart
    P, squares = shift.new_zeros(p + 1, q), shift.new_zeros(apart)
    size = cached_rows(P)  # each number is used a few times only: it should not be fetched from afar for each
    for start in range(0, n, size):
        own = slice(start, start + size)
        some = blocks if index is not None else [block[own] for block in blocks]
        F = _frame(some, None if root is None else root[own], None if index is None else index[own], shift, rest)[1]
        P.addmm_(torch.cat([F[:, :p], F[:, q:]], 1).T, F[:, :q])
        squares += F[:, p:q].square_().sum(0)
    scatter = shift.new_full((q, q), float("nan"))
    scatter[:p], scatter[p:, :p] = P[:p], P[:p, p:].T
    scatter.diagonal()[p:] = squares
    return scatter, P[p]


def _frame(
    blocks: Sequence[Features], root: Tensor | None, index: Tensor | None, shift: Columns, rest: Columns | None
) -> tuple[Tensor, Features]:
    """As `_shifted`, less the rest and times the roots, too."""
    frame, F = _shifted(blocks, index, shift)
    if rest is not None:
        F[:, :-1] -= rest
    if root is not None:
        F *= root
    return frame, F


def _shifted(blocks: Sequence[Features], index: Tensor | None, shift: Columns) -> tuple[Tensor, Features]:
    """The columns of all blocks less the shift, and a column of ones, (n, q + 1); and the frame (parts, rows, columns) they stand in.

    The frame is quick to multiply: parts for every core, and no columns that a tile would be cut for. What is not a row is zero.
    """
    n, q = len(blocks[0]) if index is None else len(index), len(shift)
    parts, lacking = max(1, -(-n // BLOCK)) if q < _WIDE else 1, -(q + 1) % _TILE
    height, width = -(-n // parts), q + 1 + (lacking if lacking <= 4 else 0)
    # (parts, height, width): bmm takes one part a core. A width of full tiles where that costs few columns more.
    frame = shift.new_empty(parts, height, width)
    flat = frame.view(-1, width)
    flat[n:], flat[:, q + 1 :], flat[:n, q] = 0, 0, 1
    widths = [block.shape[1] for block in blocks]
    for block, own, out in zip(blocks, shift.split(widths), flat[:n, :q].split(widths, 1), strict=True):
        if index is None:
            torch.sub(block, own, out=out)
            continue
        few = max(1, _NEARBY // max(len(own), 1))
        for some, place in zip(index.split(few), out.split(few), strict=True):
            torch.index_select(block, 0, some, out=place)
            place.sub_(own)  # while it is still near the core
    return frame, flat[:n, : q + 1]


def _products(frame: Tensor, q: int) -> Square:
    """F'F of all rows of a frame (parts, rows, columns) together; of its first q columns, (q, q)."""
    if len(frame) > 1:
        return torch.bmm(frame.mT, frame).sum(0)[:q, :q].contiguous()
    F = frame[0]
    if q < _WIDE:
        return (F.T @ F)[:q, :q].contiguous()
    P = F.new_empty(q, q)  # it is symmetric: strip by strip, only what is not known yet
    for i in range(0, q, _STRIP):
        end = min(i + _STRIP, q)
        P[i:end, i:] = F[:, i:end].T @ F[:, i:q]
        P[end:, i:end] = P[i:end, end:].T
    return P
