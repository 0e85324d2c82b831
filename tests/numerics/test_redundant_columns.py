"""Redundant columns against rational arithmetic: which they are, what the others say, and what nobody can say."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bestline.numerics.exact_solve import Refined
from bestline.numerics.rows import Rows
from numerics.exact import right, right_root, solve, truth


def column(values: np.ndarray) -> list[Fraction]:
    return [Fraction(v) for v in values.tolist()]


def rank(columns: list[list[Fraction]]) -> int:
    """Of some columns, by Gauss's elimination in fractions."""
    rows, found = [list(row) for row in zip(*columns, strict=True)], 0
    for j in range(len(columns)):
        pivot = next((i for i in range(found, len(rows)) if rows[i][j]), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        for i in range(found + 1, len(rows)):
            share = rows[i][j] / rows[found][j]
            rows[i] = [a - share * b for a, b in zip(rows[i], rows[found], strict=True)]
        found += 1
    return found


def first_ones(X: np.ndarray, *, intercept: bool) -> list[int]:
    """The columns that earlier ones, the intercept first of all, do not say already."""
    before = [[Fraction(1)] * len(X)] if intercept else []
    kept = []
    for j, own in enumerate(X.T):
        if rank([*before, column(own)]) > len(before):
            before.append(column(own))
            kept.append(j)
    return kept


def checked(X: np.ndarray, Y: np.ndarray, w: np.ndarray | None, *, intercept: bool) -> Refined:
    """The solution, once all that it says of the columns has been held against fractions."""
    rows = Rows(torch.tensor(X), torch.tensor(Y), None if w is None else torch.tensor(w))
    found, kept = solve(rows, intercept=intercept), first_ones(X, intercept=intercept)
    assert found is not None
    p, d = X.shape[1], X.shape[1] + intercept
    own = [*kept, *range(p, d)]
    assert found.kept.nonzero()[:, 0].tolist() == own
    assert bool(found.proved.all())
    exact = truth(Rows(rows.X[:, kept], rows.y, rows.w), intercept=intercept)
    assert exact is not None
    for at, j in enumerate(own):
        for i in range(Y.shape[1]):
            assert 15 <= found.digits[j, i] <= right(float(found.weights[j, i]), exact.weights[at][i])
            if exact.variances[i][at] >= 0:
                error, square = float(found.std_error[i, j]), exact.variances[i][at]
                assert 15 <= found.std_error_digits[i, j] <= right_root(error, square)
    assert bool((found.weights[~found.kept] == 0).all())
    assert bool(found.digits[~found.kept].isnan().all())
    return found


def combined(X: np.ndarray, alias: np.ndarray, *, intercept: bool) -> list[Fraction]:
    """A combination of the columns, row by row."""
    one = [Fraction(1)] if intercept else []
    return [
        sum((Fraction(c) * v for c, v in zip(alias.tolist(), [*map(Fraction, row), *one], strict=True)), Fraction(0))
        for row in X.tolist()
    ]


def tables(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, bool]:
    """Columns of which some repeat, add up to, or are multiples of others; exactly, for all numbers are short."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 12))
    base = rng.integers(-64, 64, (n, 3)) / 2.0 ** rng.integers(0, 6, 3) + rng.choice([0.0, 1000.0, 2.0**30])
    makers = [
        base[:, 0].copy,
        lambda: 3 * base[:, 1],
        lambda: base[:, 0] + base[:, 2],
        lambda: np.full(n, 0.1),
        lambda: np.zeros(n),
        lambda: 7 - base[:, 1] / 4,
        lambda: base[:, 0] + 2.0**-20 * base[:, 1],
    ]
    more = [makers[i]() for i in rng.choice(len(makers), size=int(rng.integers(1, 4)), replace=False)]
    X = np.column_stack([*base.T, *more])[:, rng.permutation(3 + len(more))]
    Y = np.column_stack([rng.normal(size=n), rng.integers(-5, 6, n)])
    return X, Y, None if seed % 3 else rng.integers(0, 4, n) + np.eye(n)[0], bool(seed % 2)


@pytest.mark.parametrize("seed", range(40))
def test_the_first_columns_are_kept_and_say_what_they_say_alone(seed: int):
    X, Y, w, intercept = tables(seed)
    if w is not None:  # rows of weight 0 say nothing of what is redundant either
        X, Y, w = X[w > 0], Y[w > 0], w[w > 0].astype(float)
    found = checked(X, Y, w, intercept=intercept)
    for alias in found.alias.T.numpy():  # a third, say, is rounded
        sums, sizes = combined(X, alias, intercept=intercept), combined(np.abs(X), np.abs(alias), intercept=intercept)
        assert all(abs(total) <= size * Fraction(1, 2**52) for total, size in zip(sums, sizes, strict=True))


@pytest.mark.parametrize("seed", range(40))
def test_shared_weights_are_the_shortest_of_the_best_and_none_that_could_differ_is_called_determined(seed: int):
    X, Y, w, intercept = tables(seed)
    if w is not None:
        X, Y, w = X[w > 0], Y[w > 0], w[w > 0].astype(float)
    first, p = checked(X, Y, w, intercept=intercept), X.shape[1]
    scale = np.random.default_rng(seed).uniform(0.5, 2, p)
    found = first.shared(torch.tensor(scale))
    # As good a line as that of the first ones, in every row.
    full = np.column_stack([X, np.ones((len(X), int(intercept)))])
    size = np.abs(full) @ (np.abs(found.weights.numpy()) + np.abs(first.weights.numpy()))
    assert (np.abs(full @ (found.weights - first.weights).numpy()) <= 1e-13 * size).all()
    # No step along the combinations that are zero makes the slopes shorter: their lengths are at right angles to the slopes.
    N = found.alias[:p].numpy() * scale[:, None]
    slopes = found.weights[:p].numpy() * scale[:, None]
    lengths = np.linalg.norm(N, axis=0)[:, None] * np.linalg.norm(slopes, axis=0)
    several = (N != 0).sum(0) > 1
    assert (np.abs(N.T @ slopes)[several] <= 1e-12 * lengths[several]).all()
    # A weight is determined when no combination that is zero in all rows has a part in it; a column that never varies has the weight 0.
    constant = [j for j in range(p) if len(set(X[:, j])) == 1 and (intercept or not X[0, j])]
    free = [j for j in range(p) if j not in constant]
    columns = [column(c) for c in full[:, [*free, *range(p, p + intercept)]].T]
    whole = rank(columns)
    told = [rank([c for i, c in enumerate(columns) if i != at]) < whole for at in range(len(columns))]
    assert found.determined[[*free, *range(p, p + intercept)]].tolist() == told
    assert bool((found.weights[constant] == 0).all())
    assert bool(found.std_error[:, ~found.determined].isnan().all())
    kept = found.determined
    assert torch.equal(found.weights[kept], first.weights[kept])
    assert torch.equal(found.digits[kept], first.digits[kept])


@pytest.mark.parametrize("close", [1e-7, 1e-12])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_nearly_collinear_columns_are_not_redundant(close: float, offset: float):
    rng = np.random.default_rng(1)
    a = offset + rng.normal(size=40)
    b, y = a + close * rng.normal(size=40), a + rng.normal(size=40)
    found = checked(np.column_stack([a, b, np.ones(40), np.full(40, 0.1)]), y[:, None], None, intercept=True)
    assert found.kept.tolist() == [True, True, False, False, True]


def test_more_columns_than_rows_leave_the_rank_of_the_rows():
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(6, 9)), rng.normal(size=(6, 1))
    found = checked(X, y, None, intercept=True)
    assert found.rank == 6
    assert found.kept.tolist() == [True] * 5 + [False] * 4 + [True]
    assert bool(found.sigma.isnan().all())
    shared = found.shared(torch.ones(9).double())
    # Through every point: any of the columns could take over from any other.
    assert not bool(shared.determined.any())
    exact = np.linalg.lstsq(X - X.mean(0), y - y.mean(), rcond=None)[0]
    assert shared.weights[:9].numpy() == pytest.approx(exact, rel=1e-11)


def test_a_small_part_in_a_combination_is_a_part():
    rng = np.random.default_rng(3)
    a, b = rng.integers(-9, 9, (2, 30)).astype(float)
    found = solve(
        Rows(torch.tensor(np.column_stack([a, b, a + 2.0**-40 * b])), torch.tensor(rng.normal(size=(30, 1)))), intercept=True
    )
    assert found is not None
    assert found.shared(torch.ones(3).double()).determined.tolist() == [False, False, False, True]


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(-9_999, 9_999)), min_size=2, max_size=6), st.floats(-4, 4))
def test_any_multiple_that_float64_holds_exactly_is_redundant(pairs: list[tuple[float, int]], times: float):
    x = np.array([a for a, _ in pairs], dtype=np.float32).astype(float)
    times = float(np.float16(times))
    y = np.array([[b / 8] for _, b in pairs])
    if not x.any():
        return
    found = checked(np.column_stack([x, times * x]), y, None, intercept=False)
    assert found.alias[0, 0] == times
    assert math.isnan(found.std_error[0, 1])


def test_a_coefficient_that_float64_cannot_hold_is_not_taken_for_none():
    x = np.array([1.0, 2.0, 4.0])
    X = torch.tensor(np.column_stack([x * 2.0**900, x * 2.0**-900]))
    assert solve(Rows(X, torch.tensor([[3.0], [4.0], [5.0]]).double()), intercept=True) is None
    assert solve(Rows(X.flip(1), torch.tensor([[3.0], [4.0], [5.0]]).double()), intercept=True) is None
