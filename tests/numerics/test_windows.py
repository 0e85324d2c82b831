"""Moments of windows are those of their rows, whatever came before them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bestline.numerics import Comoments, Rows
from bestline.numerics.windows import WindowMoments, expanding, fading, rolling


def drawn(seed: int, n: int, *, weighted: bool) -> Rows:
    """Three columns: far from zero, constant for a stretch, and huge for a while before all is quiet again."""
    draw = torch.Generator().manual_seed(seed)
    Z = torch.randn(n, 3, dtype=torch.float64, generator=draw)
    Z[:, 0] += 1e7
    Z[n // 4 : n // 2, 1] = 0.1
    Z[: n // 5, 2] *= 1e9
    w = torch.rand(n, dtype=torch.float64, generator=draw) * (torch.rand(n, generator=draw) > 0.2)
    return Rows(Z[:, :2], Z[:, 2:], w if weighted else None)


def assert_are(found: WindowMoments, g: int, rows: Rows) -> None:
    own, one = Comoments.of_rows(rows), found.moments.one(g)
    assert one.count == own.count
    if not own.count:
        return
    assert abs(one.weight / own.weight - 1) < 1e-12
    assert abs(one.log_weight - own.log_weight) < 1e-10 * (1 + abs(own.log_weight))
    size = own.spread
    off = float(found.larger[g]) ** 0.5  # from the centre of the sums to the mean, in spreads
    assert bool(((one.center - own.center).abs() <= 1e-14 * (own.center.abs() + size * off)).all())
    assert bool(((one.scatter != 0) | (own.scatter == 0)).diagonal().all())  # constant only where the numbers are
    unit = torch.where(size > 0, size, 1.0) * off
    assert float(((one.scatter - own.scatter) / own.weight / torch.outer(unit, unit)).abs().max()) < 1e-13
    assert torch.equal(
        found.moments.low[g], torch.cat([rows.X, rows.y], 1)[rows.w > 0 if rows.w is not None else slice(None)].amin(0)
    )


@given(st.integers(0, 2**31), st.integers(1, 90), st.integers(1, 40), st.integers(1, 9), st.booleans())
def test_rolling_windows_have_the_moments_of_their_rows(seed: int, n: int, window: int, step: int, weighted: bool) -> None:
    window = min(window, n)
    rows, ends = drawn(seed, n, weighted=weighted), torch.arange(window, n + 1, step)
    found = rolling(rows, ends, window)
    assert len(found.moments) == len(ends)
    for g, end in enumerate(ends.tolist()):
        assert_are(found, g, rows[end - window : end])


@pytest.mark.parametrize("weighted", [False, True])
def test_expanding_windows_have_the_moments_of_all_rows_so_far(weighted: bool) -> None:
    rows, ends = drawn(2, 3_000, weighted=weighted), torch.arange(5, 3_001, 113)
    found = expanding(rows, ends)
    for g, end in enumerate(ends.tolist()):
        assert_are(found, g, rows[:end])


@pytest.mark.parametrize("half_life", [0.4, 3.0, 200.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_fading_windows_have_the_moments_of_rows_with_those_weights(half_life: float, weighted: bool) -> None:
    rows, ends = drawn(3, 2_500, weighted=weighted), torch.arange(5, 2_501, 113)
    # Else what has long faded is still larger than all the rest, or all that varies.
    rows.y[:600], rows.X[:, 1] = 0, torch.randn(2_500, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = fading(rows, ends, half_life)
    for g, end in enumerate(ends.tolist()):
        age = torch.arange(end - 1, -1, -1, dtype=torch.float64)
        near = age < 900 * half_life  # beyond, float64 has no weight so small
        w = torch.exp2(-age / half_life) * (1.0 if rows.w is None else rows.w[:end])
        own, one = Comoments.of_rows(Rows(rows.X[:end], rows.y[:end], w)[near]), found.moments.one(g)
        assert abs(one.weight / own.weight - 1) < 1e-12
        size = own.spread
        assert bool(((one.center - own.center).abs() <= 1e-13 * (own.center.abs() + size)).all())
        unit = torch.where(size > 0, size, 1.0) * float(found.larger[g]) ** 0.5
        assert float(((one.scatter - own.scatter) / own.weight / torch.outer(unit, unit)).abs().max()) < 1e-12


def test_what_was_huge_before_a_window_leaves_no_trace_in_it() -> None:
    rows = drawn(4, 500, weighted=False)
    found = rolling(rows, torch.tensor([200, 500]), 100)
    own = Comoments.of_rows(rows[400:500])
    assert float((found.moments.scatter[1] / own.scatter - 1).abs().max()) < 1e-11
