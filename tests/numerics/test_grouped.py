"""Moments of groups: those of each group apart, however the rows were cut, and none of what is not there."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bestline.numerics import Comoments, Rows
from bestline.numerics.grouped import GroupComoments


def drawn(seed: int, n: int, q: int, offset: float = 0.0) -> tuple[Rows, Tensor]:
    """Rows with weights of which some are 0, a constant column, and a group for each, -1 among them."""
    draw = torch.Generator().manual_seed(seed)
    Z = torch.randn(n, q, dtype=torch.float64, generator=draw) + offset
    Z[:, 0] = 0.1
    w = torch.rand(n, dtype=torch.float64, generator=draw) * (torch.rand(n, generator=draw) > 0.2)
    return Rows(Z[:, :-1], Z[:, -1:], w), torch.randint(-1, 5, (n,), generator=draw)


def assert_are(found: GroupComoments, rows: Rows, group: Tensor) -> None:
    """Every group's moments are those of its rows alone, by the class that one line rests on."""
    for g in range(len(found)):
        own, one = Comoments.of_rows(rows[group == g]), found.one(g)
        assert one.count == own.count
        if not own.count:
            continue
        size = own.spread + 1e-9
        assert bool(((one.center - own.center).abs() <= 2e-15 * (own.center.abs() + own.spread)).all())
        assert float(((one.scatter - own.scatter) / own.weight / torch.outer(size, size)).abs().max()) < 1e-12
        assert abs(one.weight / own.weight - 1) < 1e-14
        assert abs(one.log_weight - own.log_weight) <= 1e-12 * (1 + abs(own.log_weight))


@given(st.integers(0, 2**31), st.integers(1, 400), st.integers(1, 5), st.sampled_from([0.0, 1e8]), st.integers(1, 150))
def test_groups_have_the_moments_of_their_rows_however_these_are_cut(
    seed: int, n: int, q: int, offset: float, cut: int
) -> None:
    rows, group = drawn(seed, n, q, offset)
    assert_are(GroupComoments.of_rows(rows, group, 6), rows, group)  # of the sixth there are none
    parts = [GroupComoments.of_rows(rows[i : i + cut], group[i : i + cut], 6) for i in range(0, n, cut)]
    assert_are(GroupComoments.merged(parts, torch.arange(6).repeat(len(parts)), 6), rows, group)


def test_a_long_group_and_short_ones_go_the_same_way() -> None:
    rows, _ = drawn(1, 4_000, 4)
    long, short = torch.zeros(4_000, dtype=torch.long), torch.arange(4_000) // 8
    assert_are(GroupComoments.of_rows(rows, long, 1), rows, long)
    assert_are(GroupComoments.of_rows(rows, short, 500), rows, short)


def test_a_column_that_is_constant_in_a_group_has_no_scatter_there_and_its_value_to_the_bit() -> None:
    rows, group = drawn(3, 300, 3, 1e6)
    parts = [GroupComoments.of_rows(rows[i : i + 70], group[i : i + 70], 5) for i in range(0, 300, 70)]
    found = GroupComoments.merged(parts, torch.arange(5).repeat(len(parts)), 5)
    assert found.scatter[:, 0].eq(0).all()
    assert found.scatter[:, :, 0].eq(0).all()
    assert not found.varies[:, 0].any()
    assert found.varies[:, 1:].all()


def test_whole_numbers_that_differ_in_their_last_place_vary() -> None:
    x = 2.0**52 + torch.arange(2, dtype=torch.float64).repeat(4)
    found = GroupComoments.of_rows(Rows(x[:, None], x[:, None]), torch.zeros(8, dtype=torch.long), 1)
    assert bool(found.varies.all())
    assert float(found.scatter[0, 0, 0]) == 2.0


def test_merging_leaves_out_what_goes_nowhere() -> None:
    rows, group = drawn(4, 200, 3)
    apart = GroupComoments.of_rows(rows, group, 5)
    some = GroupComoments.merged([apart], torch.tensor([0, -1, 0, -1, 1]), 3)
    where = torch.tensor([0, -1, 0, -1, 1])[group.clamp(min=0)]
    assert_are(some, rows, torch.where(group < 0, -1, where))
    assert int(some.count[2]) == 0
