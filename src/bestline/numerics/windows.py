"""Windows: the co-moments of every window of consecutive rows, at the price of two passes over them and not one a window.

    window = end of one block of rows + beginning of the next

Rows are cut into blocks as long as the window, so every window of that length is the last rows of a block and the first rows of
the block behind it. Sums from each row to the end of its block, and from the beginning of its block to each row, give every
window by one addition (the two-scan method of van Herk 1992 and of Gil & Werman 1993). Nothing is ever taken away again, so nothing
cancels and no error is carried on from one window to the next. Sums are about a centre near the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bestline.numerics.grouped import GroupComoments
from bestline.numerics.rows import Rows

_NUMBERS = 2**22  # gone through at a time
_FAR = 1e4  # squares about a centre over those about the mean, from which a window is summed anew: 4 digits
_BLOCK = 1_024  # rows of a block where the window does not say how many
_HALVINGS = 10  # of the first row's weight beside the last's, in a block


@dataclass(frozen=True, slots=True, eq=False)
class WindowMoments:
    """The moments of windows, and by how much sums about their centre were larger than about the mean, (G,): digits lost by that."""

    moments: GroupComoments
    larger: Tensor


def rolling(rows: Rows, ends: Tensor, window: int) -> WindowMoments:
    """Of the windows of so many rows that end before the rows `ends` (G,), in order, each at least `window`."""
    Z, w = _numbers(rows)
    n, q = Z.shape
    starts, blocks = ends - window, -(-n // window)
    at_once = max(1, _NUMBERS // (window * (2 + q + q * (q + 1) // 2)))
    found = []
    for first in range(0, blocks, at_once):
        own = (starts >= first * window) & (starts < (first + at_once) * window)
        if not bool(own.any()):
            continue
        count = min(at_once, blocks - first)
        part = _padded(Z, w, first * window, (count + 1) * window)
        here = [values.view(count + 1, window, -1) for values in part]
        # A window of the length of a block is the end of one and the beginning of the next: two running sums, and nothing is subtracted.
        both = [torch.stack([values[:-1], values[1:]]) for values in here]  # each block, and the one behind it
        center = _mean(
            both[0].transpose(0, 1).reshape(count, 2 * window, q), both[1].transpose(0, 1).reshape(count, 2 * window, 1)
        )
        behind, ahead = (_sums(values, weights, center) for values, weights in zip(both[0], both[1], strict=True))
        block = (starts[own] // window) - first
        offset = starts[own] % window
        sums = _joined(_from_end(behind, block, offset), _from_begin(ahead, block, offset), center[block])
        found.append(_rebuilt(sums, Z, w, starts[own], ends[own]))
    return _all(found)


def expanding(rows: Rows, ends: Tensor) -> WindowMoments:
    """Of all rows before each of `ends` (G,), in order."""
    return _accumulated(rows, ends, _BLOCK, lambda moments, length: moments, None)


def fading(rows: Rows, ends: Tensor, half_life: float) -> WindowMoments:
    """The same, each row with half the weight of one that stands `half_life` rows behind it; the last before the end has its own."""
    block = max(1, int(min(_BLOCK, half_life * _HALVINGS)))
    return _accumulated(rows, ends, block, _fade(half_life), half_life)


def _fade(half_life: float) -> Callable[[GroupComoments, Tensor], GroupComoments]:
    """Moments of groups as they weigh so many rows later."""

    def faded(moments: GroupComoments, later: Tensor) -> GroupComoments:
        factor = torch.exp2(-later.double() / half_life)
        return replace(moments, weight=moments.weight * factor, scatter=moments.scatter * factor[:, None, None])

    return faded


def _accumulated(
    rows: Rows, ends: Tensor, block: int, fade: Callable[[GroupComoments, Tensor], GroupComoments], half_life: float | None
) -> WindowMoments:
    """What came before the block, merged with the block's rows up to each end."""
    Z, w = _numbers(rows)
    n, q = Z.shape
    before = GroupComoments.empty(1, q)
    found = []
    for first in range(0, n, block):
        length = min(block, n - first)
        own = ends[(ends > first) & (ends <= first + length)] - first
        values, weights = Z[None, first : first + length], w[None, first : first + length, None]
        if half_life is not None:  # as they weigh at the end of the block
            age = torch.arange(length - 1, -1, -1, dtype=torch.float64)[None, :, None]
            weights = weights * torch.exp2(-age / half_life)
        # About the block's own mean: what is far from zero cancels before it is squared.
        center = _mean(values, weights)
        sums = _sums(values, weights, center)
        # The last of these is the whole block, on which the next one builds.
        at = torch.cat([own, torch.tensor([length])])
        here = _joined(None, _from_begin(sums, torch.zeros_like(at), at), center.expand(len(at), q))
        here = _rebuilt(here, values[0], weights[0, :, 0], torch.zeros_like(at), at)
        moments = here.moments
        if half_life is not None:
            moments = replace(fade(moments, -(length - at)), log_weight=moments.log_weight)
        many = len(at)
        carried = fade(before[torch.zeros(many, dtype=torch.long)], at)
        merged = GroupComoments.merged([carried, moments], torch.arange(many).repeat(2), many)
        before = merged[torch.tensor([many - 1])]
        if len(own):
            found.append(WindowMoments(merged[torch.arange(many - 1)], here.larger[:-1]))
    return _all(found)


def _numbers(rows: Rows) -> tuple[Tensor, Tensor]:
    Z = torch.cat([rows.X, rows.y], 1).detach().to("cpu", torch.float64)
    w = Z.new_ones(len(Z)) if rows.w is None else rows.w.to("cpu", torch.float64)
    # What weighs nothing is not there, whatever it holds.
    return torch.where(w[:, None] > 0, Z, 0.0), w


def _padded(Z: Tensor, w: Tensor, first: int, length: int) -> tuple[Tensor, Tensor]:
    """Rows from `first` on, (length, q), and their weights; what is beyond the last weighs nothing."""
    values, weights = Z[first : first + length], w[first : first + length]
    lacking = length - len(values)
    if lacking:
        values = torch.cat([values, values.new_zeros(lacking, values.shape[1])])
        weights = torch.cat([weights, weights.new_zeros(lacking)])
    return values, weights[:, None]


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of the rows (blocks, rows, q), (blocks, q); 0 where nothing weighs."""
    total = weights.sum(1)
    return (values * weights).sum(1) / torch.where(total > 0, total, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Rows (blocks, rows, .) as what is summed: numbers about the centre, (1, log w, w, wd, wdd') of each, and the numbers as they are."""

    terms: Tensor
    values: Tensor
    there: Tensor


def _sums(values: Tensor, weights: Tensor, center: Tensor) -> _Sums:
    there = weights > 0
    d = torch.where(there, values - center[:, None], 0.0)
    # Weighted once, so that products with d are those of the weighted scatter.
    e = d * weights
    i, j = torch.tril_indices(values.shape[2], values.shape[2])
    logs = torch.where(there, weights, 1.0).log()
    return _Sums(torch.cat([there.double(), logs, weights, e, e[:, :, i] * d[:, :, j]], 2), values, there)


def _from_begin(sums: _Sums, block: Tensor, length: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sums, least and largest of the first rows of blocks, so many of each, (G, .)."""
    at = (length - 1).clamp(min=0)
    none = (length == 0)[:, None]
    low = torch.where(sums.there, sums.values, torch.inf).cummin(1).values[block, at]
    high = torch.where(sums.there, sums.values, -torch.inf).cummax(1).values[block, at]
    total = torch.where(none, 0.0, sums.terms.cumsum(1)[block, at])
    return total, torch.where(none, torch.inf, low), torch.where(none, -torch.inf, high)


def _from_end(sums: _Sums, block: Tensor, offset: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The same of the rows of blocks from an offset on."""
    turned = _Sums(sums.terms.flip(1), sums.values.flip(1), sums.there.flip(1))
    return _from_begin(turned, block, sums.terms.shape[1] - offset)


def _joined(
    behind: tuple[Tensor, Tensor, Tensor] | None, ahead: tuple[Tensor, Tensor, Tensor], center: Tensor
) -> WindowMoments:
    terms, low, high = ahead
    if behind is not None:
        terms, low, high = terms + behind[0], torch.minimum(low, behind[1]), torch.maximum(high, behind[2])
    q = center.shape[1]
    count, logs, W, sums = terms[:, 0].round().long(), terms[:, 1], terms[:, 2], terms[:, 3 : 3 + q]
    i, j = torch.tril_indices(q, q)
    products = terms.new_zeros(len(terms), q, q)
    products[:, i, j], products[:, j, i] = terms[:, 3 + q :], terms[:, 3 + q :]
    # From the block's centre to the window's own mean; the further, the more digits that costs: see `larger`.
    off = sums / torch.where(W > 0, W, 1.0)[:, None]
    scatter = products - (off * W[:, None])[:, :, None] * off[:, None, :]
    varies = low < high
    # A column that stays the same in the window has no scatter, whatever rounding left of one.
    scatter = scatter * (varies[:, :, None] & varies[:, None, :])
    squares, left = products.diagonal(dim1=1, dim2=2), scatter.diagonal(dim1=1, dim2=2)
    larger = (
        torch.where(varies, torch.where(left > 0, squares / left, torch.inf), 1.0).nan_to_num(torch.inf).amax(1) if q else W
    )
    mean = torch.where(varies, center + off, torch.where(low.isfinite(), low, 0.0))
    below = torch.where(varies, (center - mean) + off, 0.0)
    return WindowMoments(GroupComoments(count, W, logs, mean, below, scatter, low, high), larger.clamp(min=1.0))


def _rebuilt(found: WindowMoments, Z: Tensor, w: Tensor, starts: Tensor, ends: Tensor) -> WindowMoments:
    """The same, windows whose centre lies far off, because of other rows, about a centre of their own."""
    poor = torch.nonzero(found.larger > _FAR)[:, 0]
    if not len(poor):
        return found
    parts, p = [], Z.shape[1]
    for some in poor.split(max(1, _NUMBERS // int(p * (ends - starts).max()))):
        lengths = ends[some] - starts[some]
        group = torch.arange(len(some)).repeat_interleave(lengths)
        at = torch.arange(len(group)) + (starts[some] - lengths.cumsum(0) + lengths).repeat_interleave(lengths)
        parts.append(GroupComoments.of_rows(Rows(Z[at], Z[at, :0], w[at]), group, len(some)))
    whole = range(len(found.larger))
    index = torch.full((len(whole),), -1).index_put((poor,), torch.arange(len(poor)))
    both = [found.moments, *parts]
    names = ("count", "weight", "log_weight", "mean", "below", "scatter", "low", "high")
    from_rows = torch.where(index >= 0, index + len(whole), torch.arange(len(whole)))
    held = (torch.cat([getattr(one, name) for one in both])[from_rows] for name in names)
    return WindowMoments(GroupComoments(*held), torch.where(index >= 0, 1.0, found.larger))


def _all(found: list[WindowMoments]) -> WindowMoments:
    if len(found) == 1:
        return found[0]
    moments = [one.moments for one in found]
    names = ("count", "weight", "log_weight", "mean", "below", "scatter", "low", "high")
    held = (torch.cat([getattr(one, name) for one in moments]) for name in names)
    return WindowMoments(GroupComoments(*held), torch.cat([one.larger for one in found]))
