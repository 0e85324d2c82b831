"""Co-moments: everything that squared loss needs to know of a table, in a few kB, from one pass over its rows.

    weight W = sum w_i      mean m = sum w_i z_i / W      scatter S = sum w_i (z_i - m)(z_i - m)'

where z_i holds the q = p + k numbers of row i, features first, then targets. Moments add up over batches, files and machines,
and subtract to take rows away again. Rows of weight zero are not there: they leave no trace, in the count neither.

Two things keep the digits. Every batch is centred before its products are taken, and moments merge by the pairwise update of
Chan, Golub & LeVeque (1983, The American Statistician 37:242-247), so an offset of 1e8 costs nothing. The mean is held as
`shift + mean`, the shift rounded to 24 bits, so that the difference of two shifts is exact. And a column whose squares would
leave the range of float64 is held in a `unit` of its own, a power of two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from operator import add

import torch
from torch import Tensor

from bestline.errors import DataError
from bestline.numerics.rows import Columns, Features, Rows, RowVector, Square

_CHUNK = 65_536  # rows centred at a time, at least
_CACHED = 2**21  # numbers; of narrow rows more are centred at a time, up to about these, for every chunk costs some calls
_NEARBY = 2**16  # numbers that stay in a core's own cache
_BLOCK = 1_024  # rows multiplied at a time: each core takes blocks of its own
_TILE = 12  # columns that a matrix product's inner loops take at once; widths just short of a multiple run at half the speed
_WIDE = 96  # columns from which on the cores share a product by its columns, and only half of it is computed
_STRIP = 64  # columns at a time, then
_SOME = 512  # rows that say about where all lie
_NEAR = 0.1  # squared distance of that place from the mean, in variances, which costs no digits
_TINY, _HUGE = 1e-140, 1e140  # beyond these a square leaves float64's range


@dataclass(frozen=True, slots=True, eq=False)
class Comoments:
    """Count, weight, mean and scatter of the rows of a table; `a + b`, `a - b` and `Comoments.empty(q)` behave as they should.

    Attributes
    ----------
    count : int
        Rows of positive weight.
    weight : float
        Sum of the weights, W.
    log_weight : float
        Sum of the logarithms of the weights; likelihoods of weighted fits need it.
    unit : Tensor (q,)
        Powers of two; shift and mean are in these units, scatter in their products.
    shift, mean : Tensor (q,)
        The weighted mean of column j is (shift[j] + mean[j]) * unit[j].
    scatter : Tensor (q, q)
        Weighted sum of the products of deviations from the mean, float64.
    cancelled : float
        How many times larger sums have been than they are now: when rows are taken away, the rounding of all of them stays.
    """

    count: int
    weight: float
    log_weight: float
    unit: Columns
    shift: Columns
    mean: Columns
    scatter: Square
    cancelled: float = 1.0

    @classmethod
    def empty(cls, q: int) -> Comoments:
        """The moments of no rows: the identity of addition."""
        zeros = torch.zeros(q, dtype=torch.float64)
        return cls(0, 0.0, 0.0, zeros + 1, zeros, zeros, torch.zeros(q, q, dtype=torch.float64))

    @classmethod
    def of(cls, Z: Features, w: RowVector | None = None) -> Comoments:
        """Moments of the rows of Z (n, q) with weights w (n,); any float dtype and device, computed there in float64."""
        size = chunk_size(Z.shape[1])
        if len(Z) <= size:
            return _of_chunk((Z,), w)
        parts = (_of_chunk((Z[i : i + size],), None if w is None else w[i : i + size]) for i in range(0, len(Z), size))
        return total(parts, Z.shape[1])

    @classmethod
    def of_rows(cls, rows: Rows) -> Comoments:
        """Moments of the features and targets of `rows`, q = p + k."""
        q = rows.X.shape[1] + rows.y.shape[1]
        n, size = len(rows), chunk_size(q)
        if n <= size:
            return _of_chunk((rows.X, rows.y), rows.w)
        parts = (cls.of_rows(rows[i : i + size]) for i in range(0, n, size))
        return total(parts, q)

    @property
    def q(self) -> int:
        """Number of columns."""
        return len(self.shift)

    @property
    def center(self) -> Columns:
        """Weighted mean of every column, (q,)."""
        return (self.shift + self.mean) * self.unit

    @property
    def spread(self) -> Columns:
        """Standard deviation of every column (divisor W), (q,); exactly 0 where the column is constant."""
        if self.weight == 0:
            return torch.zeros_like(self.shift)
        variance = self.scatter.diagonal().clamp(min=0) / self.weight
        # A constant column leaves only the rounding of its mean behind.
        rounding = 8 * torch.finfo(torch.float64).eps * (self.shift.abs() + self.mean.abs())
        deviation = variance.sqrt()
        return torch.where(deviation <= rounding, 0.0, deviation) * self.unit

    def __add__(self, other: Comoments) -> Comoments:
        if not isinstance(other, Comoments):
            return NotImplemented
        if other.count == 0 or self.count == 0:
            return self if other.count == 0 else other
        a, b = _in_common_units(self, other)
        weight = a.weight + b.weight
        step = (b.shift - a.shift) + (b.mean - a.mean)
        apart = step * (a.weight * (b.weight / weight)) ** 0.5
        return Comoments(
            count=a.count + b.count,
            weight=weight,
            log_weight=a.log_weight + b.log_weight,
            unit=a.unit,
            shift=a.shift,
            mean=a.mean + step * (b.weight / weight),
            scatter=(a.scatter + b.scatter).addr_(apart, apart),
            cancelled=max(a.cancelled, b.cancelled),
        )

    def __sub__(self, other: Comoments) -> Comoments:
        if not isinstance(other, Comoments):
            return NotImplemented
        if other.count == 0:
            return self
        count, weight = self.count - other.count, self.weight - other.weight
        if count == 0:
            return Comoments.empty(self.q)
        if count < 0 or weight <= 0:
            raise DataError(
                f"Cannot take {other.count} rows (weight {other.weight:g}) away from {self.count} (weight {self.weight:g}): "
                f"they are not part of these moments."
            )
        whole, b = _in_common_units(self, other)
        step = (whole.shift - b.shift) + (whole.mean - b.mean)
        apart = step * (b.weight * (whole.weight / weight)) ** 0.5
        scatter = (whole.scatter - b.scatter).addr_(apart, apart, alpha=-1)
        scatter.diagonal().clamp_(min=0)
        return replace(
            whole,
            count=count,
            weight=weight,
            log_weight=whole.log_weight - b.log_weight,
            mean=whole.mean + step * (b.weight / weight),
            scatter=scatter,
            cancelled=_cancelled(whole, b, scatter, whole.weight / weight),
        )

    def __getitem__(self, columns: Sequence[int]) -> Comoments:
        """Moments of some of the columns, in the order given."""
        index = torch.as_tensor(list(columns), dtype=torch.long)
        return replace(
            self,
            unit=self.unit[index],
            shift=self.shift[index],
            mean=self.mean[index],
            scatter=self.scatter[index][:, index],
        )

    def like(self, other: Comoments) -> bool:
        """Whether both can be of the same rows, in whatever order they were added up."""
        if self.count != other.count:
            return False
        size = self.spread + 1e-6 * self.center.abs()  # the mean of a column that was centred is all rounding
        near = bool(((self.center - other.center).abs() <= 1e-6 * size + 1e-300).all())
        blur = 1e-12 * self.center.abs()  # a column that hardly varies is all rounding, too
        same = bool(((self.spread - other.spread).abs() <= 1e-6 * self.spread + blur + 1e-300).all())
        varying = (self.spread > 1e6 * blur) & (other.spread > 0)
        return near and same and bool(((self._correlation(varying) - other._correlation(varying)).abs() <= 1e-6).all())

    def _correlation(self, varying: Tensor) -> Square:
        length = self.scatter.diagonal().clamp(min=0).sqrt()[varying]
        return self.scatter[varying][:, varying] / length[:, None] / length

    def cpu(self) -> Comoments:
        """The same moments in main memory, where p x p systems are solved."""
        if self.scatter.device.type == "cpu":
            return self
        return replace(self, unit=self.unit.cpu(), shift=self.shift.cpu(), mean=self.mean.cpu(), scatter=self.scatter.cpu())


def chunk_size(q: int) -> int:
    """How many rows of q columns are centred at a time."""
    return max(_CHUNK, min(2 * _CHUNK, _CACHED // max(q, 1)))


def total(parts: Iterable[Comoments], q: int) -> Comoments:
    """The moments of all parts together."""
    return reduce(add, parts, Comoments.empty(q))


def rests(parts: Sequence[Comoments]) -> list[Comoments]:
    """For each part the moments of all others, added up and not subtracted: nothing cancels, whatever a part holds."""
    before, after = [Comoments.empty(parts[0].q)], [Comoments.empty(parts[0].q)]
    for part in parts[:-1]:
        before.append(before[-1] + part)
    for part in parts[:0:-1]:
        after.append(part + after[-1])
    return [a + b for a, b in zip(before, reversed(after), strict=True)]


def by_group(rows: Rows, group: Tensor, groups: int) -> list[Comoments]:
    """Moments of each group of rows apart; `group` (n,) holds numbers from 0 to groups - 1, or -1 for rows left out."""
    q = rows.X.shape[1] + rows.y.shape[1]
    collected, size = [Comoments.empty(q)] * groups, chunk_size(q)
    for start in range(0, len(rows), size):
        chunk, own = rows[start : start + size], group[start : start + size]
        # Small integers are sorted sooner.
        ordered, order = (own.to(torch.int16) if groups < 2**15 else own).sort(stable=True)
        bounds = torch.searchsorted(ordered, torch.arange(groups + 1, device=own.device).to(ordered.dtype)).tolist()
        blocks, w = [block.detach().to(torch.float64) for block in (chunk.X, chunk.y)], chunk.w
        if len(chunk) <= _BLOCK:  # of few rows one block is less work than two
            blocks = [torch.cat(blocks, 1)]
        for i, (first, end) in enumerate(pairwise(bounds)):
            if first < end:
                index = None if end - first == len(chunk) else order[first:end]
                collected[i] = collected[i] + _of_chunk(blocks, w if w is None or index is None else w[index], index)
    return collected


def _of_chunk(blocks: Sequence[Features], w: RowVector | None, index: Tensor | None = None) -> Comoments:
    """Moments of the rows, or of those that an index names, whose columns stand in one block or several side by side."""
    q = sum(block.shape[1] for block in blocks)
    blocks = [block.detach().to(torch.float64) for block in blocks]
    if w is not None:
        w = w.to(torch.float64)
        if (w <= 0).any():
            there = torch.nonzero(w > 0)[:, 0]
            index, w = there if index is None else index[there], w[there]
    if (len(blocks[0]) if index is None else len(index)) == 0:
        return Comoments.empty(q)
    moments = _centred(blocks, w, torch.ones(q, dtype=torch.float64, device=blocks[0].device), index)
    least, most = moments.scatter.diagonal().aminmax() if q else (1.0, 1.0)
    if float(least) > _TINY**2 and float(most) < _HUGE**2:  # a mean that is not finite leaves squares that are not
        return moments
    Z = torch.cat(blocks if index is None else [block[index] for block in blocks], 1)
    largest = Z.abs().amax(0)
    extreme = ((largest < _TINY) & (largest > 0)) | (largest > _HUGE)
    if not extreme.any():
        return moments
    unit = torch.exp2(torch.log2(torch.where(extreme, largest, 1.0)).floor())
    return _centred([Z / unit], w, unit)


def _centred(blocks: Sequence[Features], w: RowVector | None, unit: Columns, index: Tensor | None = None) -> Comoments:
    n, q = len(blocks[0]) if index is None else len(index), len(unit)
    log_weight = 0.0 if w is None else float(w.log().sum())
    weight = float(n) if w is None else float(w.sum())
    shift = _center(blocks, w, index, step=max(1, n // _SOME))
    frame, F = _shifted(blocks, index, shift)
    root = None if w is None else w.sqrt()[:, None]
    if root is not None:
        F *= root
    P = _products(frame, q + 1)
    mean = P[q, :q] / weight
    about = mean * weight**0.5
    scatter = torch.addr(P[:q, :q], about, about, alpha=-1)
    if not bool((about**2 <= _NEAR * scatter.diagonal()).all()):  # some rows misled, or nothing varies: all of them say where
        shift = _center(blocks, w, index)
        frame, F = _shifted(blocks, index, shift)
        mean = (F.mean(0) if w is None else (w @ F) / weight)[:q]
        F[:, :q] -= mean
        if root is not None:
            F *= root
        scatter = _products(frame, q)
    return Comoments(n, weight, log_weight, unit, shift, mean, scatter)


def _center(blocks: Sequence[Features], w: RowVector | None, index: Tensor | None, step: int = 1) -> Columns:
    """Where the rows lie, (q,), in 24 bits: their mean, or with a step that of one row in so many, from all over."""
    some = blocks if step == 1 and index is None else [b[::step] if index is None else b[index[::step]] for b in blocks]
    own = None if w is None else w[::step]
    means = [block.mean(0) if own is None else (own @ block) / own.sum() for block in some]
    rough = means[0] if len(means) == 1 else torch.cat(means)
    return rough.to(torch.float32).to(torch.float64).nan_to_num(0.0, 0.0, 0.0)


def _shifted(blocks: Sequence[Features], index: Tensor | None, shift: Columns) -> tuple[Tensor, Features]:
    """The columns of all blocks less the shift, and a column of ones, (n, q + 1); and the frame (parts, rows, columns) they stand in.

    The frame is quick to multiply: parts for every core, and no columns that a tile would be cut for. What is not a row is zero.
    """
    n, q = len(blocks[0]) if index is None else len(index), len(shift)
    parts, lacking = max(1, -(-n // _BLOCK)) if q < _WIDE else 1, -(q + 1) % _TILE
    height, width = -(-n // parts), q + 1 + (lacking if lacking <= 4 else 0)
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


def _in_common_units(a: Comoments, b: Comoments) -> tuple[Comoments, Comoments]:
    if a.q != b.q:
        raise DataError(
            f"Moments of {a.q} columns and of {b.q} columns cannot be combined; collect them with the same columns."
        )
    if torch.equal(a.unit, b.unit):
        return a, b
    # Where one side holds nothing but zeros, the other's unit serves, be it ever so small.
    unit = torch.where(_all_zero(a), b.unit, torch.where(_all_zero(b), a.unit, torch.maximum(a.unit, b.unit)))
    return _in_units(a, unit), _in_units(b, unit)


def _cancelled(whole: Comoments, part: Comoments, rest: Square, heavier: float) -> float:
    """By how much what is left is smaller than what was there, in weight and in the scatter of any column that varied."""
    before, after = whole.scatter.diagonal(), rest.diagonal()
    ratio = torch.where(before > 0, before / after, 1.0)  # infinite where nothing is left: whether it is nothing is not known
    times = max(float(ratio.nan_to_num(1.0).max()) if len(ratio) else 1.0, heavier, 1.0)
    return min(max(whole.cancelled, part.cancelled) * times, _HUGE)


def _all_zero(m: Comoments) -> Tensor:
    return (m.shift == 0) & (m.mean == 0) & (m.scatter.diagonal() == 0)


def _in_units(m: Comoments, unit: Columns) -> Comoments:
    if torch.equal(m.unit, unit):
        return m
    # A power of two: exact, unless it underflows beside numbers that are larger by 1e280. Zeros are zeros in any unit.
    ratio = torch.where(_all_zero(m), 1.0, m.unit / unit)
    return replace(m, unit=unit, shift=m.shift * ratio, mean=m.mean * ratio, scatter=m.scatter * torch.outer(ratio, ratio))
