"""Centred: mean and scatter of one chunk of rows, quickly, and whatever the columns' offsets are.

    scatter = sum w (z - c)(z - c)' - W m m'        m = sum w (z - c) / W, for any centre c

With c = 0 the two terms cancel where the mean is large beside the spread, and the digits are lost; with c near the mean the
second term is small and nothing is (the shifted algorithm of Chan, Golub & LeVeque 1983, section 3). Some hundred rows say well
enough where all lie, so one matrix product over the chunk gives everything: a column of ones beside the others brings m along.
Only where those rows have misled, the mean of all of them is taken first, and then the products about it: two passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.numerics.rows import Columns, Features, RowVector, Square

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
    """Count, weight and sum of its logarithms; shift + mean (q,), the weighted mean; and scatter (q, q) about it."""

    count: int
    weight: float
    log_weight: float
    shift: Columns
    mean: Columns
    scatter: Square


def centred(blocks: Sequence[Features], w: RowVector | None, index: Tensor | None = None) -> Centred:
    """Mean and scatter of rows in float64, with weights above zero; at least one row.

    Parameters
    ----------
    blocks : sequence of Tensor (n, .)
        The columns, in one block or several side by side.
    w : Tensor (n,) or None
        Of the rows that are used.
    index : Tensor or None
        Which rows are used; None: all.
    """
    n = len(blocks[0]) if index is None else len(index)
    q = sum(block.shape[1] for block in blocks)
    log_weight = 0.0 if w is None else float(w.log().sum())
    weight = float(n) if w is None else float(w.sum())
    shift = _center(blocks, w, index, step=max(1, n // SOME))
    frame, F = _shifted(blocks, index, shift)
    root = None if w is None else w.sqrt()[:, None]  # on both sides of a product it makes w
    if root is not None:
        F *= root
    P = _products(frame, q + 1)  # the last row: sums of w (z - c)
    mean = P[q, :q] / weight
    about = mean * weight**0.5
    scatter = torch.addr(P[:q, :q], about, about, alpha=-1)
    # The sum W m_j^2 that was taken off, beside what is left: small in every column, or the digits are not trusted. (NaN is not.)
    if not bool((about**2 <= _NEAR * scatter.diagonal()).all()):  # some rows misled, or nothing varies
        shift = _center(blocks, w, index)
        frame, F = _shifted(blocks, index, shift)
        mean = (F.mean(0) if w is None else (w @ F) / weight)[:q]
        F[:, :q] -= mean
        if root is not None:
            F *= root
        scatter = _products(frame, q)
    return Centred(n, weight, log_weight, shift, mean, scatter)


def _center(blocks: Sequence[Features], w: RowVector | None, index: Tensor | None, step: int = 1) -> Columns:
    """Where the rows lie, (q,), in 24 bits: their mean, or with a step that of one row in so many, from all over."""
    some = blocks if step == 1 and index is None else [b[::step] if index is None else b[index[::step]] for b in blocks]
    own = None if w is None else w[::step]
    means = [block.mean(0) if own is None else (own @ block) / own.sum() for block in some]
    # 24 bits: so the difference of two shifts is exact in 53, and merging chunks about different centres costs nothing.
    rough = means[0] if len(means) == 1 else torch.cat(means)
    over = rough * _HALF_OF_THE_BITS  # Veltkamp's splitting (1968): the leading bits of a number of any size
    return (over - (over - rough)).nan_to_num(0.0, 0.0, 0.0)


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
