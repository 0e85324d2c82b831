"""The solution and its claims are those of rational arithmetic, for any numbers, batches, order and threads."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import bestline as bl
from bestline.inference.classical import infer, infer_exactly
from bestline.numerics.comoments import Comoments
from bestline.numerics.exact_solve import Refined, refined
from bestline.numerics.interval import Known, nearest_double
from bestline.numerics.rows import Rows
from bestline.numerics.scaling import Scaling
from numerics.exact import Truth, hostile, right, right_root, solve, tables, truth

pytestmark = pytest.mark.usefixtures("quiet")


# Rounding once leaves 15.95 digits; a last place or two are lost where a test itself divides in float64.
EXACT = 15.0


def holds(found: Refined, exact: Truth, least: float = EXACT) -> None:
    """Every number claims no more than is right of it, and no less than `least` digits."""
    for j, row in enumerate(exact.weights):
        for i, value in enumerate(row):
            assert least <= found.digits[j, i] <= right(float(found.weights[j, i]), value)
    for i, row in enumerate(exact.variances):
        for j, square in enumerate(row):
            if square < 0:
                assert math.isnan(found.std_error[i, j])
            else:
                assert least <= found.std_error_digits[i, j] <= right_root(float(found.std_error[i, j]), square)
        assert math.isinf(found.rss[i]) or right(float(found.rss[i]), exact.rss[i]) >= least


def holds_of_kept(found: Refined, rows: Rows, kept: list[int], *, intercept: bool) -> None:
    """What is said of the columns that are not redundant is what they say alone."""
    exact, own = truth(rows, intercept=intercept), [*kept, *([len(found.weights) - 1] if intercept else [])]
    assert exact is not None
    alone = {"weights": found.weights[own], "digits": found.digits[own]}
    alone |= {"std_error": found.std_error[:, own], "std_error_digits": found.std_error_digits[:, own]}
    holds(replace(found, **alone), exact)


@pytest.mark.parametrize("first", range(0, 160, 20))
def test_the_solution_is_that_of_rational_arithmetic(first: int):
    solved = 0
    for seed in range(first, first + 20):
        rows, intercept = hostile(seed)
        exact, found = truth(rows, intercept=intercept), solve(rows, intercept=intercept)
        assert (found is None) == (exact is None)
        if found is not None and exact is not None:
            solved += 1
            holds(found, exact)
    assert solved


@given(tables(), st.booleans())
def test_claims_hold_for_numbers_of_any_size(rows: Rows, intercept: bool):
    found = solve(rows, intercept=intercept)
    exact = truth(rows, intercept=intercept) if rows.w is None or bool((rows.w > 0).any()) else None
    if found is None:  # singular, or a weight that float64 cannot hold
        largest = max((abs(v) for row in exact.weights for v in row), default=Fraction(0)) if exact else Fraction(0)
        left = None if exact is None else min(CLOSE(rows, intercept=intercept), key=float)
        assert exact is None or largest > Fraction(10) ** 308 or left < Fraction(1, 2**176)
    elif exact is not None:
        holds(found, exact, least=0.0)


def CLOSE(rows: Rows, *, intercept: bool) -> list[Fraction]:  # noqa: N802
    """What the other columns leave of each column, squared and over its square."""
    X = torch.cat([rows.X, torch.ones(len(rows), int(intercept), dtype=torch.float64)], 1)
    found = []
    for j in range(X.shape[1]):
        others = [i for i in range(X.shape[1]) if i != j]
        alone = Rows(X[:, others], X[:, j : j + 1], rows.w)
        w = [Fraction(1)] * len(rows) if rows.w is None else [Fraction(v) for v in rows.w.tolist()]
        square = sum(u * Fraction(v) ** 2 for u, v in zip(w, X[:, j].tolist(), strict=True))
        rest = truth(alone, intercept=False) if others else None
        found.append((rest.rss[0] / square if rest else Fraction(int(not others))) if square else Fraction(0))
    return found


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_sums_of_squares_and_covariance_agree_with_moments(intercept: bool, weighted: bool):
    """On a tame problem, where moments are right to 13 digits."""
    rng = np.random.default_rng(1)
    X, Y = torch.tensor(rng.normal(1, 1, (60, 3))), torch.tensor(rng.normal(2, 1, (60, 2)))
    rows = Rows(X, Y, torch.tensor(rng.uniform(0, 2, 60)) if weighted else None)
    found = solve(rows, intercept=intercept)
    assert found is not None
    ours, moments = infer_exactly(found, 60), Comoments.of_rows(rows)
    theirs = infer(moments, Scaling.of(moments, 3, intercept=intercept, standardize=True))
    assert (ours.df_resid, ours.rank, ours.aliased, ours.kept) == (theirs.df_resid, theirs.rank, theirs.aliased, theirs.kept)
    for name in ("covariance", "std_error", "sigma", "rss", "tss", "core"):
        assert getattr(ours, name).numpy() == pytest.approx(getattr(theirs, name).numpy(), rel=1e-11, abs=1e-14), name


def bits(found: Refined) -> list[list[float]]:
    return [getattr(found, f.name).double().nan_to_num(-1.0).flatten().tolist() for f in fields(found)]


def test_the_same_bits_from_any_batches_order_threads_and_storage():
    rng = np.random.default_rng(2)
    X = torch.tensor(rng.normal(size=(70_000, 3)) * [1, 1e6, 1e-3] + [0, 1e7, 0], dtype=torch.float32)
    y, w = (
        X @ torch.ones(3, 1) + torch.tensor(rng.normal(size=(70_000, 1)), dtype=torch.float32),
        torch.tensor(rng.uniform(size=70_000)),
    )
    for weights in (None, w.float()):
        rows = Rows(X.double(), y.double(), None if weights is None else weights.double())
        whole = solve(rows, intercept=True)
        assert whole is not None
        order = torch.tensor(rng.permutation(len(rows)))
        for size in (1_000, 32_768, 69_999):
            shuffled = rows[order]
            parts = ((shuffled[i : i + size], None) for i in range(0, len(rows), size))
            again = refined(parts, 3, 1, intercept=True)
            assert again is not None
            assert bits(again) == bits(whole)
        single = solve(Rows(X, y, weights), intercept=True)
        threads = torch.get_num_threads()
        try:
            torch.set_num_threads(1 if threads > 1 else 2)
            other = solve(rows, intercept=True)
        finally:
            torch.set_num_threads(threads)
        assert single is not None
        assert other is not None
        assert bits(single) == bits(other) == bits(whole)


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


SINGULAR = {
    "a column of zeros": (torch.tensor([[1.0, 0], [2, 0], [4, 0]]), True),
    "a constant beside the intercept": (torch.tensor([[1.0, 3], [2, 3], [4, 3]]), True),
    "a column twice": (torch.tensor([[1.0, 1], [2, 2], [4, 4]]), False),
    "an exact combination": (torch.tensor([[1.0, 3], [2, 5], [4, 9]]), True),
    "more columns than rows": (torch.tensor([[1.0, 3, 7, 1]]), False),
    "one row and an intercept": (torch.tensor([[1.0]]), True),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_columns_that_are_combinations_of_others_are_taken_out(name: str):
    X, intercept = SINGULAR[name]
    rows = Rows(X.double(), torch.arange(len(X))[:, None].double())
    found = solve(rows, intercept=intercept)
    kept = [j for j in range(X.shape[1]) if found is not None and found.kept[j]]
    assert found is not None
    assert found.rank < X.shape[1] + intercept
    assert bool(found.proved.all())
    holds_of_kept(found, Rows(rows.X[:, kept], rows.y), kept, intercept=intercept)


def test_few_rows():
    found = solve(Rows(column(3.0), column(1.0)), intercept=False)
    assert found is not None
    assert found.weights.item() == 1 / 3
    assert found.std_error.isnan().all()
    found = solve(Rows(column(1.0, 4.0), column(2.0, 3.0)), intercept=True)
    assert found is not None
    assert found.weights[:, 0].tolist() == [1 / 3, 5 / 3]
    assert found.rss.tolist() == [0.0]
    found = solve(Rows(column(1.0, 4.0), column(2.0, 3.0), torch.tensor([2.0, 0.0])), intercept=False)
    assert found is not None
    assert found.weights.item() == 2.0
    assert solve(Rows(column(1.0), column(2.0), torch.zeros(1)), intercept=False) is None


def test_no_columns_but_the_intercept():
    """The mean and its error: NIST's univariate sets have offsets like this."""
    y = column(*[10_000_000.2, *[10_000_000.1, 10_000_000.3] * 500])
    rows = Rows(torch.empty(len(y), 0, dtype=torch.float64), y)
    exact, found = truth(rows, intercept=True), solve(rows, intercept=True)
    assert found is not None
    assert exact is not None
    holds(found, exact)
    model = bl.fit({"y": y[:, 0].numpy()}, "y ~ 1")
    assert right(model.params.item(), exact.weights[0][0]) >= EXACT
    assert right_root(model.inference.sigma.item(), exact.rss[0] / 1_000) >= EXACT


def test_a_line_through_every_point_leaves_nothing():
    x = torch.arange(21, dtype=torch.float64)
    X = torch.stack([x**d for d in range(1, 6)], 1)
    found = solve(Rows(X, 1 + X.sum(1, keepdim=True)), intercept=True)
    assert found is not None
    assert found.weights[:, 0].tolist() == [1.0] * 6
    assert found.std_error.tolist() == [[0.0] * 6]
    assert found.rss.tolist() == [0.0]


def test_what_would_take_too_long_is_not_begun():
    rng = np.random.default_rng(3)
    many = Rows(torch.tensor(rng.normal(size=(300, 201))), torch.tensor(rng.normal(size=(300, 1))))
    assert solve(many, intercept=False) is None
    apart = Rows(torch.tensor(rng.normal(size=(60, 50)) * 10.0 ** rng.integers(-300, 300, (60, 50))), column(*range(60)))
    assert solve(apart, intercept=False) is None


def test_columns_that_only_rounding_tells_apart_are_not_distinct():
    rng = np.random.default_rng(4)
    a, b = rng.uniform(0, 100, (2, 200))
    z = rng.normal(size=200)

    def distinct(*columns: np.ndarray) -> bool:
        found = solve(Rows(torch.tensor(np.column_stack(columns)), torch.tensor(z[:, None])), intercept=True)
        return found is not None and bool(found.distinct)

    assert distinct(a, b)
    assert distinct(a, a + 1e-10 * z)
    assert not distinct(a, b, a + b)
    assert not distinct(a, b, 0.3 * a + 0.7 * b)
    assert not distinct(np.round(a, 2), np.round(b, 2), 100 - np.round(a, 2) - np.round(b, 2))
    model = bl.fit((np.column_stack([a, b, 0.3 * a + 0.7 * b]), z), solver="exact")
    assert [alias.column for alias in model.inference.aliased] == [2]
    assert not model.inference.aliased[0].proved
    # As stored the line of three columns is another one, of huge weights; so no digit of this one is claimed.
    assert model.digits.max() == 0


def iterated(rows: Rows) -> Iterator[tuple[Rows, None]]:
    yield rows, None


def test_rows_may_come_from_an_iterator_and_be_none():
    assert refined(iter(()), 1, 1, intercept=True) is None
    rows = Rows(column(1.0, 2.0, 4.0), column(1.0, 3.0, 3.0))
    found = refined(iterated(rows), 1, 1, intercept=True)
    again = solve(rows, intercept=True)
    assert found is not None
    assert again is not None
    assert bits(found) == bits(again)


@given(st.fractions(-10, 10), st.fractions(0, 10), st.integers(-40, 40))
def test_of_a_number_whose_sign_is_open_nothing_is_told(value: Fraction, more: Fraction, power: int) -> None:
    bound = abs(value) + more
    told = nearest_double(Known(value, bound), power)
    assert told == ((0.0, 15.0) if bound == 0 else (0.0, 0.0))
    # Half of the bound leaves the sign, and a third of a digit at the least.
    if value:
        number, digits = nearest_double(Known(value, abs(value) / 3), power)
        assert number == float(value * Fraction(2) ** power)
        assert digits == pytest.approx(math.log10(2), abs=1e-9)
