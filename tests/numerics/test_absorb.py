"""Effects of levels: the least squares of their indicators; their rank; the rows that a level of their own explains."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bestline.numerics.absorb import LevelCells, absorb, parts, rank, singletons

# Conjugate gradients stop at 1e-12 of the equations; on graphs of these sizes a rest is then right to this, over the column's size.
REST = 1e-9


@st.composite
def tables(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Codes (F, n) without gaps, weights (n,) and two columns (n, 2)."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, factors = draw(st.integers(2, 60)), draw(st.integers(1, 3))
    codes = [np.unique(rng.integers(0, draw(st.integers(1, 12)), n), return_inverse=True)[1] for _ in range(factors)]
    weight = rng.uniform(0.1, 3, n) if draw(st.booleans()) else np.ones(n)
    return torch.tensor(np.stack(codes)), torch.tensor(weight), torch.tensor(rng.normal(size=(n, 2)) * [1.0, 1e6])


def dummies(codes: torch.Tensor) -> np.ndarray:
    """The indicators of all levels."""
    return np.concatenate([np.eye(int(c.max()) + 1)[c] for c in codes.numpy()], 1)


@settings(max_examples=150, deadline=None)
@given(tables())
def test_the_rests_are_the_residuals_of_the_indicators(table: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    codes, weight, Z = table
    cells = LevelCells(codes, weight, tuple(int(c.max()) + 1 for c in codes))
    sums = [torch.zeros(n, 2).double().index_add_(0, codes[f], Z * weight[:, None]) for f, n in enumerate(cells.levels)]
    found = absorb(cells, sums)
    root = weight.sqrt().numpy()[:, None]
    D = dummies(codes)
    expected = Z.numpy() - D @ np.linalg.lstsq(D * root, Z.numpy() * root, rcond=None)[0]
    rest = Z - torch.stack([values[codes[f]] for f, values in enumerate(found.values)]).sum(0)
    assert (np.abs(rest.numpy() - expected) <= REST * np.abs(Z.numpy()).max(0)).all()
    assert found.converged
    squares = (Z**2 * weight[:, None]).sum(0).numpy()
    within = (expected**2 * root**2).sum(0)
    assert (np.abs(found.explained.numpy() - (squares - within)) <= 1e-11 * squares).all()


@settings(max_examples=150, deadline=None)
@given(tables())
def test_the_rank_is_that_of_the_indicators(table: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    codes, weight, _ = table
    cells = LevelCells(codes, weight, tuple(int(c.max()) + 1 for c in codes))
    assert rank(cells) == (np.linalg.matrix_rank(dummies(codes)), True)


@settings(max_examples=100, deadline=None)
@given(tables())
def test_rows_left_out_are_those_with_a_level_of_their_own(table: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    codes, weight, _ = table
    cells = LevelCells(codes, weight, tuple(int(c.max()) + 1 for c in codes))
    alone = singletons(cells, torch.ones(codes.shape[1], dtype=torch.long))
    kept = np.ones(codes.shape[1], dtype=bool)
    while True:  # as Correia (2015) has it: row by row until nothing changes
        single = np.zeros_like(kept)
        for column in codes.numpy():
            counts = np.bincount(column[kept], minlength=column.max() + 1)
            single |= kept & (counts[column] == 1)
        if not single.any():
            break
        kept &= ~single
    left = torch.stack([levels[codes[f]] for f, levels in enumerate(alone)])
    assert left.any(0).tolist() == (~kept).tolist()


def test_a_long_chain_of_levels_is_one_part_and_two_are_two() -> None:
    n = 50_000
    one, other = torch.arange(n), torch.arange(n)
    chain = torch.stack([torch.cat([one, one[1:]]), torch.cat([other, other[:-1]])])
    assert parts(chain, (n, n)) == 1
    assert parts(torch.cat([chain, chain + n], 1), (2 * n, 2 * n)) == 2


def test_of_many_levels_of_three_factors_the_rank_is_a_bound() -> None:
    rng = np.random.default_rng(0)
    codes = torch.tensor(rng.integers(0, 400, (3, 20_000)))
    cells = LevelCells(codes, torch.ones(20_000).double(), (400, 400, 400))
    assert rank(cells) == (1_198, False)  # 3 * 400 - 2, as all are connected


def test_many_levels_that_those_of_another_factor_are_within_add_no_weight() -> None:
    """Regions beside their towns: what a region says, the sum of its towns says; a third factor connects all towns."""
    rng = np.random.default_rng(1)
    town, year = rng.integers(0, 600, (2, 20_000)) % np.array([[600], [500]])
    for order in ([0, 1, 2], [1, 0, 2], [2, 1, 0]):
        codes = torch.tensor(np.stack([town, year, town // 3])[order])
        levels = tuple(np.array([600, 500, 200])[order].tolist())
        assert rank(LevelCells(codes, torch.ones(20_000).double(), levels)) == (600 + 500 - 1, False)
