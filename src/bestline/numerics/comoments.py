"""Co-moments: everything that squared loss needs to know of a table, in a few kB, from one pass over its rows.

    weight W = sum w_i      mean m = sum w_i z_i / W      scatter S = sum w_i (z_i - m)(z_i - m)'

where z_i holds the q = p + k numbers of row i, features first, then targets. Moments add up over batches, files and machines,
and subtract to take rows away again. Rows of weight zero are not there: they leave no trace, in the count neither.

They merge by the pairwise update of Chan, Golub & LeVeque (1983, The American Statistician 37:242-247),

    S = S_a + S_b + (W_a W_b / W) (m_b - m_a)(m_b - m_a)'        m = m_a + (W_b / W) (m_b - m_a)

in which all terms are sums of squares, so nothing cancels. Two things keep the digits that the data have. Every chunk is centred
before its products are taken (`centred`), so an offset of 1e8 costs nothing; the mean is held as `shift + mean`, the shift rounded
to 24 bits, so that the difference of two shifts is exact. And a column whose squares would leave the range of float64 is held in a
`unit` of its own, a power of two: changing it changes no digit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate
from operator import add
from typing import Protocol, Self, TypeVar

import torch
from torch import Tensor

from bestline.errors import DataError
from bestline.numerics.centred import centred
from bestline.numerics.rows import Columns, Features, Rows, RowVector, Square

MANY_TARGETS = 100  # beyond which each is for itself, and its products with the others are not taken (see `centred`)
_LEAST = 16_384  # rows centred at a time, at least
_MOST = 131_072  # and at most
_NUMBERS = 2**21  # between the two about so many numbers: each chunk costs some calls, and every thread has chunks of its own
_MUCH = 64.0  # times that terms may be larger than their sum: nothing, beside the rounding of sums over rows
_LEFT = 64  # units of rounding of a sum of squares, below which a difference of two is none
TINY, HUGE = 1e-140, 1e140  # beyond these a square, summed over 1e20 rows, leaves float64's range of 1e-308 to 1e308


class Adds(Protocol):
    """What adds up."""

    def __add__(self, other: Self, /) -> Self: ...


AddsT = TypeVar("AddsT", bound=Adds)


@dataclass(frozen=True, slots=True, eq=False)
class Comoments:
    """Count, weight, mean and scatter of the rows of a table; `a + b`, `a - b` and `Comoments.empty(q)` behave as they should.

    Attributes
    ----------
    count : int
        Rows of positive weight; where a row stands for many, all of them.
    weight : float
        Sum of the weights, W.
    log_weight : float
        Sum of the logarithms of the weights; likelihoods of weighted fits need it.
    unit : Tensor (q,)
        Powers of two; shift and mean are in these units, scatter in their products.
    shift, mean : Tensor (q,)
        The weighted mean of column j is (shift[j] + mean[j]) * unit[j].
    scatter : Tensor (q, q)
        Weighted sum of the products of deviations from the mean, float64; NaN for two of very many targets, whose products are not taken.
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
        return cls.of_rows(Rows(Z, Z[:, :0], w))

    @classmethod
    def of_rows(cls, rows: Rows) -> Comoments:
        """Moments of the features and targets of `rows`, q = p + k; of more than MANY_TARGETS targets each is for itself."""
        return by_group(rows, None, 1)[0]

    @property
    def q(self) -> int:
        """Number of columns."""
        return len(self.shift)

    @property
    def center(self) -> Columns:
        """Weighted mean of every column, (q,)."""
        return (self.shift + self.mean) * self.unit

    @property
    def evenly_weighted(self) -> bool:
        """Whether all rows have one weight, to six digits: then the mean of the logarithms is the logarithm of the mean, and only then."""
        if self.count == 0:
            return True
        mean = self.weight / self.count
        # The two logarithms differ by half the squared relative spread of the weights, so 1e-12 of it is a spread of 1e-6.
        return abs(self.log_weight / self.count - math.log(mean)) <= 1e-12 * max(1.0, abs(math.log(mean)))

    @property
    def spread(self) -> Columns:
        """Standard deviation of every column (divisor W), (q,); 0 where the column is constant, and only there."""
        if self.weight == 0:
            return torch.zeros_like(self.shift)
        # Of constant columns the scatter is 0, and no rounding: chunks see to it, and sums keep it so (see `_of_chunk`).
        deviation = (self.scatter.diagonal().clamp(min=0) / self.weight).sqrt()
        if (
            self.cancelled > 1
        ):  # but what rows that were taken away have left of a constant is rounding, and only looks like little
            deviation = torch.where(deviation <= _rounding(self.shift, self.mean), 0.0, deviation)
        return deviation * self.unit

    @property
    def untaken(self) -> Tensor:
        """Which products of two columns are not known (q, q), as those of very many targets with each other."""
        # A sum that has left the range of float64 makes the square of a column NaN, too.
        whole = self.scatter.diagonal().isfinite()
        return self.scatter.isnan() & whole & whole[:, None]

    @property
    def beyond(self) -> tuple[int | None, ...]:
        """Of every column whose squares leave float64, by about which power of ten its numbers are that; None of the others."""
        size = torch.hypot(self.shift + self.mean, self.spread / self.unit)
        power = (torch.log10(torch.where(size > 0, size, 1.0)) + torch.log10(self.unit)).round().tolist()
        return tuple(None if one else int(p) for one, p in zip((self.unit == 1).tolist(), power, strict=True))

    def __add__(self, other: Comoments) -> Comoments:
        if not isinstance(other, Comoments):
            return NotImplemented
        if other.count == 0 or self.count == 0:
            return self if other.count == 0 else other
        a, b = _in_common_units(self, other)
        weight = a.weight + b.weight
        step = (b.shift - a.shift) + (b.mean - a.mean)
        apart = step * (a.weight * (b.weight / weight)) ** 0.5  # the root, so that no product of it leaves float64's range
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
        return self.without(other) if isinstance(other, Comoments) else NotImplemented

    def without(self, other: Comoments, constant: Columns | None = None) -> Comoments:
        """These rows less others that are among them; `constant` (q,) is what columns are known to be in all that is left, else NaN.

        Raises DataError for rows that are not among these.
        """
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
        # The update above, solved for S_a. Here terms do cancel: what is left is small beside what was there, and so are its digits.
        whole, b = _in_common_units(self, other)
        step = (whole.shift - b.shift) + (whole.mean - b.mean)
        apart = step * (b.weight * (whole.weight / weight)) ** 0.5
        scatter = (whole.scatter - b.scatter).addr_(apart, apart, alpha=-1)
        # What is left of a column may be no more than the rounding of all that was there; of a constant nothing is to be left.
        nothing = scatter.diagonal() <= _LEFT * torch.finfo(torch.float64).eps * whole.scatter.diagonal()
        constant = torch.full_like(whole.mean, torch.nan) if constant is None else constant
        known = ~constant.isnan()
        nothing = nothing | known
        scatter[nothing], scatter[:, nothing] = 0, 0
        return replace(
            whole,
            count=count,
            weight=weight,
            log_weight=whole.log_weight - b.log_weight,
            shift=torch.where(known, constant / whole.unit, whole.shift),
            mean=torch.where(known, 0.0, whole.mean + step * (b.weight / weight)),
            scatter=scatter,
            cancelled=_cancelled(whole, b, scatter, whole.weight / weight, known),
        )

    def __getitem__(self, columns: Sequence[int]) -> Comoments:
        """Moments of some of the columns, in the order given."""
        # Choosing columns is choosing rows and columns of the scatter: nothing is computed anew.
        index = torch.as_tensor(list(columns), dtype=torch.long)
        return replace(
            self,
            unit=self.unit[index],
            shift=self.shift[index],
            mean=self.mean[index],
            scatter=self.scatter[index][:, index],
        )

    def among(self, places: Sequence[int], q: int) -> Comoments:
        """The same columns at these places of q, the others of which are 0 in all rows."""
        at = torch.as_tensor(list(places), dtype=torch.long)
        if len(at) == q and torch.equal(at, torch.arange(q)):
            return self
        nothing = Comoments.empty(q)
        put = [
            whole.clone().index_put_((at,), own)
            for whole, own in ((nothing.unit, self.unit), (nothing.shift, self.shift), (nothing.mean, self.mean))
        ]
        scatter = nothing.scatter.index_put_((at[:, None], at[None, :]), self.scatter)
        return replace(self, unit=put[0], shift=put[1], mean=put[2], scatter=scatter)

    def mapped(self, A: Tensor, b: Columns, main: Sequence[int]) -> Comoments:
        """Moments of the columns A'z + b, where A is (m, r), b (r,), and z the first m columns; the others stay as they are.

        `main` says for each new column which of the old ones it is made of first: it keeps that one's unit.
        """
        m, (_, r) = len(A), A.shape
        first = torch.as_tensor(list(main), dtype=torch.long)
        unit = self.unit[:m][first]
        # In the units of both, so that no product leaves the range of float64; units are powers of two, so a column taken as it is stays so.
        A = A * (self.unit[:m, None] / unit)
        b = b / unit
        shift, mean, S = self.shift[:m], self.mean[:m], self.scatter
        taken = A[first, torch.arange(r)] == 1
        center = A.T @ shift + A.T @ mean + b
        base = torch.where(taken, shift[first], center.float().double())
        rest = torch.where(taken, A.T @ mean + ((A.T @ shift - shift[first]) + b), center - base)
        crossed = A.T @ S[:m, m:]
        scatter = torch.cat([torch.cat([A.T @ S[:m, :m] @ A, crossed], 1), torch.cat([crossed.T, S[m:, m:]], 1)])
        # Where large terms have cancelled, their rounding is still there.
        before, after = (A**2).T @ S.diagonal()[:m], scatter.diagonal()[:r]
        times = torch.where(after > 0, before / after, 1.0)
        return replace(
            self,
            unit=torch.cat([unit, self.unit[m:]]),
            shift=torch.cat([base, self.shift[m:]]),
            mean=torch.cat([rest, self.mean[m:]]),
            scatter=scatter,
            cancelled=self.cancelled * max(1.0, float(times.max()) / _MUCH if r else 1.0),
        )

    def like(self, other: Comoments) -> bool:
        """Whether both can be of the same rows, in whatever order they were added up."""
        if self.count != other.count:
            return False
        # Means and spreads to 6 digits of the spread, then correlations to as many: far above rounding, far below any other table.
        size = self.spread + 1e-6 * self.center.abs()  # the mean of a column that was centred is all rounding
        # 1e-300: what is zero in both must count as equal.
        near = bool(((self.center - other.center).abs() <= 1e-6 * size + 1e-300).all())
        blur = 1e-12 * self.center.abs()  # a column that hardly varies is all rounding, too
        # A column that does not vary: what was read and what was computed from levels differ by the root of rounding.
        still = torch.maximum(self.spread, other.spread) <= 3e-8 * self.center.abs()
        same = bool((((self.spread - other.spread).abs() <= 1e-6 * self.spread + blur + 1e-300) | still).all())
        varying = (self.spread > 1e6 * blur) & (other.spread > 0)
        apart = (self._correlation(varying) - other._correlation(varying)).abs()
        unknown = (self.untaken | other.untaken)[varying][:, varying]
        return near and same and bool(((apart <= 1e-6) | unknown).all())

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
    return max(_LEAST, min(_MOST, _NUMBERS // max(q, 1)))


def total(parts: Iterable[Comoments], q: int) -> Comoments:
    """The moments of all parts together."""
    return reduce(add, parts, Comoments.empty(q))


def rests(parts: Sequence[Comoments]) -> list[Comoments]:
    """For each part the moments of all others, added up and not subtracted: nothing cancels, whatever a part holds."""
    return others(parts) if len(parts) > 1 else [Comoments.empty(parts[0].q)]


def others(parts: Sequence[AddsT]) -> list[AddsT]:
    """For each of at least two things that add up the sum of all others."""
    # Sums from the left and from the right, so K parts cost 3 K additions and not K^2.
    before = list(accumulate(parts))
    after = list(accumulate(reversed(parts), lambda later, part: part + later))[::-1]
    between = [a + b for a, b in zip(before[:-2], after[2:], strict=True)]
    return [after[1], *between, before[-2]]


def by_group(rows: Rows, group: Tensor | None, groups: int) -> list[Comoments]:
    """Moments of each group of rows apart; `group` (n,) holds numbers from 0 to groups - 1, or -1 for rows left out; None: all are of one."""
    q = rows.X.shape[1] + rows.y.shape[1]
    collected, size = [Comoments.empty(q)] * groups, chunk_size(q)
    for start in range(0, len(rows), size):
        own = slice(start, start + size)
        parts, _ = of_chunk(rows[own], None if group is None else group[own], groups)
        collected = [a + b for a, b in zip(collected, parts, strict=True)]
    return collected


def apart_of(targets: int) -> int:
    """How many of so many targets are each for itself, without products of any two: all of very many, and of others none."""
    return targets if targets > MANY_TARGETS else 0


def of_chunk(
    rows: Rows, group: Tensor | None, groups: int, also: Sequence[Tensor] = ()
) -> tuple[list[Comoments], tuple[Tensor, ...]]:
    """As `by_group`, of one chunk of rows, at least one; and other float64 tensors, fetched from where the rows are together with these."""
    apart = apart_of(rows.y.shape[1])
    found = centred((rows.X, rows.y), rows.w, group, groups, apart=apart, also=also)
    one, counts = torch.ones_like(found.shift[0]), (found.count, found.weight, found.log_weight)
    if rows.copies:  # a row stands for as many as its weight says, and these have the weight 1
        counts = (found.weight.round().long(), found.weight, torch.zeros_like(found.log_weight))
    held = zip(*(values.tolist() for values in counts), found.shift, found.mean, found.scatter, strict=True)
    moments = [Comoments(n, w, log_w, one, shift, mean, scatter) for n, w, log_w, shift, mean, scatter in held]
    # The usual case costs one look at the squares of q columns, and not one at n q numbers.
    squares = found.scatter.diagonal(dim1=1, dim2=2)
    least = (_rounding(found.shift, found.mean) ** 2 * found.weight[:, None]).clamp(min=TINY**2)
    usual = ((squares > least) & (squares < HUGE**2)).all(1)  # a mean that is not finite leaves squares that are not
    for i in (i for i, well in enumerate(usual.tolist()) if not well and moments[i].count):
        there = torch.ones(len(rows), dtype=torch.bool, device=rows.X.device) if group is None else group == i
        there = there if rows.w is None else there & (rows.w > 0)
        moments[i] = _unusual(rows[there], moments[i], apart)
    return moments, found.also


def _unusual(rows: Rows, moments: Comoments, apart: int) -> Comoments:
    """The same for rows of which some column is constant, or its squares are out of range, or nearly."""
    Z = torch.cat([rows.X, rows.y], 1).detach().to(torch.float64)
    low, high = torch.stack(Z.aminmax(dim=0)).cpu()
    largest = torch.maximum(low.abs(), high.abs())
    extreme = ((largest < TINY) & (largest > 0)) | (largest > HUGE)
    if extreme.any():
        # The power of two below the column's largest number: divided by it, squares are near 1, and no digit changes.
        unit = torch.exp2(torch.log2(torch.where(extreme, largest, 1.0)).floor())
        found = centred([Z / unit.to(Z.device)], rows.w, apart=apart)
        moments = replace(moments, unit=unit, shift=found.shift[0], mean=found.mean[0], scatter=found.scatter[0])
    return with_constants(moments, (low == high) & low.isfinite(), low)


def with_constants(moments: Comoments, constant: Tensor, values: Columns) -> Comoments:
    """The same, columns that are constant left with exactly their value and no scatter at all.

    What is constant is said by the numbers themselves, not by how little they scatter: columns that vary in their last places vary.
    """
    if not constant.any():
        return moments
    scatter = moments.scatter.clone()
    scatter[constant], scatter[:, constant] = 0, 0
    # The shift is the value in 24 bits, so the rest of it is exact; then of two chunks of one value the means are exactly equal.
    return replace(moments, mean=torch.where(constant, values / moments.unit - moments.shift, moments.mean), scatter=scatter)


def _rounding(shift: Tensor, mean: Tensor) -> Tensor:
    """Deviation that rounding of the mean alone may leave, in units: one or two of its last places, and room for merged chunks."""
    return 8 * torch.finfo(torch.float64).eps * (shift.abs() + mean.abs())


def _in_common_units(a: Comoments, b: Comoments) -> tuple[Comoments, Comoments]:
    if a.q != b.q:
        raise DataError(
            f"Moments of {a.q} columns and of {b.q} columns cannot be combined; collect them with the same columns."
        )
    # Nearly always: only columns of extreme numbers have units other than 1.
    if torch.equal(a.unit, b.unit):
        return a, b
    # Where one side holds nothing but zeros, the other's unit serves, be it ever so small.
    unit = torch.where(_all_zero(a), b.unit, torch.where(_all_zero(b), a.unit, torch.maximum(a.unit, b.unit)))
    return _in_units(a, unit), _in_units(b, unit)


def _cancelled(whole: Comoments, part: Comoments, rest: Square, heavier: float, known: Tensor) -> float:
    """By how much what is left is smaller than what was there, in weight and in the scatter of any column that varied."""
    # The rounding of the larger sums stays behind when rows are taken away; beside what is left it has grown.
    before, after = whole.scatter.diagonal(), rest.diagonal()
    # Infinite where nothing is left and it is not known whether it is nothing.
    ratio = torch.where((before > 0) & ~known, before / after, 1.0)
    times = max(float(ratio.nan_to_num(1.0).max()) if len(ratio) else 1.0, heavier, 1.0)
    return min(max(whole.cancelled, part.cancelled) * times, HUGE)


def _all_zero(m: Comoments) -> Tensor:
    return (m.shift == 0) & (m.mean == 0) & (m.scatter.diagonal() == 0)


def _in_units(m: Comoments, unit: Columns) -> Comoments:
    if torch.equal(m.unit, unit):
        return m
    # A power of two: exact, unless it underflows beside numbers that are larger by 1e280. Zeros are zeros in any unit.
    ratio = torch.where(_all_zero(m), 1.0, m.unit / unit)
    # A scatter of two columns is in the product of their units.
    return replace(m, unit=unit, shift=m.shift * ratio, mean=m.mean * ratio, scatter=m.scatter * torch.outer(ratio, ratio))
