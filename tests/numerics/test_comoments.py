"""The laws of moments: identity, order, difference, weights; and that no offset or unit costs a digit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import bestline as bl
from bestline.errors import DataError
from bestline.numerics import centred
from bestline.numerics.comoments import Comoments, by_group, total
from bestline.numerics.rows import Rows
from numerics.moments import assert_same, table

# Merging and subtracting rounds a few times; scatter entries are sums of a few hundred products.
ROUNDING = 1e-12


numbers = st.integers(0, 60)


seeds = st.integers(0, 1_000)


offsets = st.sampled_from([0.0, 1.0, -1e3, 1e6])


@pytest.mark.parametrize("n", [5, 2_000, 70_001])
@pytest.mark.parametrize("offset", [0.0, 1e6, 1e9])
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_that_say_nothing_of_where_the_others_lie(n: int, offset: float, weighted: bool) -> None:
    """The rough centre comes from some of the rows; here every one of those, and none of the others, lies far away."""
    Z = table(1, n, offset=offset)
    Z[:: max(1, n // centred.SOME)] += 1e3
    Z[:, 1] = offset + 0.1
    w = torch.rand(n, generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 0.1 if weighted else None
    found = Comoments.of(Z, w)
    share = torch.ones(n, dtype=torch.float64) if w is None else w
    mean = np.average(Z.numpy().astype(np.longdouble), axis=0, weights=share.numpy())
    away = Z.numpy().astype(np.longdouble) - mean
    scatter = torch.from_numpy((away.T @ (away * share.numpy()[:, None])).astype(float))
    varying = torch.tensor([0, 2, 3])
    size = scatter.diagonal().sqrt()[varying]
    assert found.center.numpy() == pytest.approx(mean.astype(float), rel=1e-15)
    off = (found.scatter - scatter)[varying][:, varying].abs()
    assert bool((off <= 1e-13 * torch.outer(size, size)).all())
    assert float(found.spread[1]) == 0.0


@pytest.mark.parametrize(("far", "light"), [(1e15, 1e-40), (9.9e9, 1e-24), (1e18, 1e-42)])
@pytest.mark.parametrize("n", [6, 5_000])
def test_rows_of_next_to_no_weight_may_lie_anywhere(far: float, light: float, n: int) -> None:
    Z, w = table(3, n), torch.ones(n, dtype=torch.float64)
    Z[0], w[0] = far, light
    found, without = Comoments.of(Z, w), Comoments.of(Z[1:])
    assert torch.allclose(
        found.scatter, without.scatter + light * (Z[0] - without.center).outer(Z[0] - without.center), rtol=1e-12
    )
    assert torch.allclose(found.center, without.center, rtol=1e-12, atol=1e-13)


@given(seeds, numbers, offsets)
def test_the_empty_moments_are_the_identity(seed: int, n: int, offset: float) -> None:
    m, nothing = Comoments.of(table(seed, n, offset=offset)), Comoments.empty(4)
    assert_same(m + nothing, m, 0.0)
    assert_same(nothing + m, m, 0.0)
    assert_same(m - nothing, m, 0.0)
    assert (nothing + nothing).count == 0
    assert (nothing + nothing).weight == 0


@given(seeds, numbers, numbers, numbers, offsets)
def test_adding_is_associative_commutative_and_equals_the_whole(seed: int, a: int, b: int, c: int, offset: float) -> None:
    Z = table(seed, a + b + c, offset=offset)
    A, B, C = Comoments.of(Z[:a]), Comoments.of(Z[a : a + b]), Comoments.of(Z[a + b :])
    assert_same((A + B) + C, A + (B + C))
    assert_same(A + B, B + A)
    assert_same(A + B + C, Comoments.of(Z))


@given(seeds, st.integers(1, 60), numbers, offsets)
def test_taking_away_what_was_added_gives_back(seed: int, a: int, b: int, offset: float) -> None:
    Z = table(seed, a + b, offset=offset)
    A, B = Comoments.of(Z[:a]), Comoments.of(Z[a:])
    assert_same((A + B) - B, A, 1e-10, of=A + B)
    assert ((A + B) - A - B).count == 0


def test_taking_away_more_than_there_is_is_refused() -> None:
    with pytest.raises(DataError, match="Cannot take 5 rows"):
        Comoments.of(table(0, 3)) - Comoments.of(table(0, 5))
    with pytest.raises(DataError, match="4 columns and of 3"):
        Comoments.of(table(0, 3)) + Comoments.of(table(0, 3, q=3))


@given(seeds, st.integers(1, 40))
def test_a_weight_is_so_many_copies_of_the_row_and_zero_is_none(seed: int, n: int) -> None:
    Z = table(seed, n)
    w = torch.randint(0, 4, (n,), generator=torch.Generator().manual_seed(seed)).double()
    weighted, copied = Comoments.of(Z, w), Comoments.of(Z.repeat_interleave(w.long(), 0))
    assert weighted.count == int((w > 0).sum())
    assert weighted.weight == copied.weight == w.sum()
    # Of no rows all is 0, on both sides.
    assert bool(((weighted.center - copied.center).abs() < ROUNDING * (1 + copied.center.abs())).all())
    assert bool(((weighted.scatter - copied.scatter).abs() < 100 * ROUNDING * (1 + copied.weight)).all())


@pytest.mark.parametrize("chunk", [1, 7, 65_536, 100_000])
def test_batches_of_any_size_give_the_same(chunk: int) -> None:
    Z = table(3, 150_000, offset=1e4)
    parts = total((Comoments.of(Z[i : i + chunk]) for i in range(0, min(len(Z), 3_000 * chunk), chunk)), 4)
    assert_same(parts, Comoments.of(Z[: parts.count]))


@pytest.mark.parametrize("offset", [0, 1e2, 1e4, 1e6, 1e8, 1e12])
def test_an_offset_costs_no_digit_that_the_data_holds(offset: float) -> None:
    Z = (table(0, 50_000) * 2**10).round() / 2**10 + offset  # exactly representable at every offset but the last
    centred = Z - offset  # exact
    expected = np.cov(centred.numpy().T, bias=True)
    got = (Comoments.of(Z).scatter / len(Z)).numpy()
    assert np.abs(got - expected).max() < 1e-12


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_columns_whose_squares_leave_float64_are_held_in_units(scale: float) -> None:
    Z = table(1, 500)
    Z[:, 1] *= scale
    m = Comoments.of(Z[:200]) + Comoments.of(Z[200:])
    assert m.spread[1] == pytest.approx(float(Z[:, 1].div(scale).std(correction=0)) * scale, rel=1e-12)
    assert_same(m, Comoments.of(Z))


def test_float32_rows_are_summed_in_float64() -> None:
    Z = table(0, 100_000, offset=100).float()
    exact = Z.double()
    assert_same(Comoments.of(Z), Comoments.of(exact), 0.0)


def test_constant_columns_have_no_spread_whatever_their_value() -> None:
    for value in (0.0, 0.1, 1e9 + 0.1, -3e-7):
        Z = torch.full((100_000, 2), value, dtype=torch.float64)
        assert Comoments.of(Z).spread.tolist() == [0.0, 0.0]
        halves = Comoments.of(Z[:1]) + Comoments.of(Z[1:])
        assert halves.spread.tolist() == [0.0, 0.0]


values = st.floats(allow_nan=False, allow_infinity=False, width=64).filter(lambda v: abs(v) < 1e300)


@given(values, st.lists(st.integers(1, 700), min_size=1, max_size=4), st.booleans())
def test_a_column_of_one_value_has_no_scatter_whatever_the_value_and_the_parts(
    value: float, sizes: list[int], weighted: bool
) -> None:
    parts = []
    for i, size in enumerate(sizes):
        other = torch.randn(size, generator=torch.Generator().manual_seed(i), dtype=torch.float64)
        Z = torch.stack([torch.full((size,), value, dtype=torch.float64), other], 1)
        parts.append(Comoments.of(Z, other.abs() + 0.1 if weighted else None))
    found = total(parts, 2)
    assert not bool(found.scatter[0].any())
    assert float(found.spread[0]) == 0.0
    assert float(found.center[0]) == value


@given(values, st.integers(1, 3), st.integers(2, 40))
def test_a_column_that_varies_in_its_last_place_varies_in_one_part_and_in_parts(value: float, places: int, n: int) -> None:
    last = value
    for _ in range(places):
        last = float(np.nextafter(last, np.inf))
    Z = torch.full((n, 1), value, dtype=torch.float64)
    Z[n // 2 :] = last
    exact = np.float64(last - value) * ((n // 2) * (n - n // 2)) ** 0.5 / n  # its standard deviation; the difference is exact
    for found in (Comoments.of(Z), Comoments.of(Z[: n // 2]) + Comoments.of(Z[n // 2 :])):
        assert float(found.spread[0]) == pytest.approx(float(exact), rel=1e-9, abs=5e-324)
        assert float(found.scatter[0, 0]) > 0


def test_rows_of_no_weight_do_not_make_a_constant_vary() -> None:
    Z, w = torch.tensor([[0.1], [0.1], [7.0]], dtype=torch.float64), torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64)
    assert float(Comoments.of(Z, w).scatter) == 0.0


def test_a_constant_that_is_left_when_rows_are_taken_away_is_one() -> None:
    Z = torch.cat([table(0, 300)[:, :1], torch.full((300, 1), 1e9 + 0.1, dtype=torch.float64)])
    left = Comoments.of(Z) - Comoments.of(Z[:300])
    assert float(left.spread) == 0.0
    constant = torch.full((300, 1), 1e9 + 0.1, dtype=torch.float64)
    assert float((Comoments.of(constant) - Comoments.of(constant[:100])).scatter) == 0.0


def test_groups_are_what_selecting_their_rows_gives() -> None:
    Z = table(5, 10_000)
    rows = Rows(Z[:, :3], Z[:, 3:])
    group = torch.randint(-1, 4, (10_000,), generator=torch.Generator().manual_seed(0))
    for i, m in enumerate(by_group(rows, group, 4)):
        assert_same(m, Comoments.of(Z[group == i]))


@pytest.mark.parametrize("columns", [1, 8, 20, 21, 95, 130])
@pytest.mark.parametrize("weighted", [False, True])
def test_groups_of_any_width_have_the_covariance_that_numpy_finds(columns: int, weighted: bool) -> None:
    n, groups = 5_000, 3
    Z = table(11, n, columns + 1) * torch.logspace(-3, 3, columns + 1, dtype=torch.float64)
    generator = torch.Generator().manual_seed(2)
    group = torch.randint(-1, groups, (n,), generator=generator)
    w = torch.randint(1, 4, (n,), generator=generator).double() if weighted else None
    for i, m in enumerate(by_group(Rows(Z[:, :columns], Z[:, columns:], w), group, groups)):
        own = None if w is None else w[group == i].numpy().astype(int)
        expected = torch.from_numpy(np.atleast_2d(np.cov(Z[group == i].numpy(), rowvar=False, ddof=0, fweights=own)))
        size = expected.diagonal().sqrt()
        assert m.count == int((group == i).sum())
        assert float(((m.scatter / m.weight - expected) / torch.outer(size, size)).abs().max()) < ROUNDING


def test_groups_that_lie_far_apart_keep_their_digits() -> None:
    group = torch.arange(8_000) % 4
    Z = table(12, 8_000, 2)
    Z[:, 0] += 1e8 * group
    for i, m in enumerate(by_group(Rows(Z[:, :1], Z[:, 1:]), group, 4)):
        own = Z[group == i].numpy().astype(np.longdouble)
        expected = ((own - own.mean(0)) ** 2).sum(0).astype(float)
        assert m.scatter.diagonal().numpy() == pytest.approx(expected, rel=ROUNDING)


@pytest.mark.parametrize(("n", "p"), [(1, 1), (63, 2), (64, 2), (20_001, 5), (3_000, 70)])
def test_the_range_of_every_column_is_seen(n: int, p: int) -> None:
    X = table(15, n, p)
    seen = bl.Moments.collect((X, table(16, n, 1)))
    assert torch.equal(seen.low, X.amin(0))
    assert torch.equal(seen.high, X.amax(0))


def test_of_no_rows_nothing_varies() -> None:
    """Neither where there are none, nor where none has a weight: 0 and no NaN, for what is said of it and added to it."""
    nothing = Rows(
        torch.ones(3, 2, dtype=torch.float64), torch.ones(3, 1, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    )
    for empty in (Comoments.empty(3), Comoments.of_rows(nothing)):
        assert empty.spread.tolist() == [0, 0, 0]
        assert (empty.count, empty.weight) == (0, 0)
