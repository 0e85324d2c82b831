"""Systems in whole numbers against exact fractions: the solution lies within the bound, and nothing is told from nothing."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from bestline.numerics.elimination import Redundant, eliminated, factored
from bestline.numerics.exact_sums import CrossProducts
from bestline.numerics.rows import Rows


def solved_by_hand(A: list[list[Fraction]], c: list[Fraction]) -> list[Fraction]:
    """Gauss's elimination in fractions."""
    rows = [[*a, b] for a, b in zip(A, c, strict=True)]
    for j in range(len(rows)):
        pivot = next(i for i in range(j, len(rows)) if rows[i][j])
        rows[j], rows[pivot] = rows[pivot], rows[j]
        rows[j] = [v / rows[j][j] for v in rows[j]]
        for i in range(len(rows)):
            if i != j:
                rows[i] = [v - rows[i][j] * u for v, u in zip(rows[i], rows[j], strict=True)]
    return [row[-1] for row in rows]


@pytest.mark.parametrize("close", [1.0, 1e-7, 1e-12])
def test_the_truth_lies_within_the_bound(close: float):
    X = torch.randn(40, 3, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    X[:, 2] = X[:, 0] + close * X[:, 2]
    y = torch.randn(40, 1, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    found = eliminated(CrossProducts.of(Rows(X, y), intercept=False), 3, intercept=False)
    assert found is not None
    system, solution = found.system, found.solution
    exact = [[Fraction(v) for v in row] for row in torch.cat([X, y], 1).tolist()]
    A = [[sum((r[i] * r[j] for r in exact), Fraction(0)) for j in range(3)] for i in range(3)]
    truth = solved_by_hand(A, [sum((r[i] * r[3] for r in exact), Fraction(0)) for i in range(3)])
    for j, w in enumerate(truth):
        known = solution.weight(j, 0)
        unit = Fraction(2) ** (system.size[3] - system.size[j])
        assert abs(known.value * unit - w) <= known.bound * unit
        assert known.bound < abs(known.value) * Fraction(1, 10**30)


def test_a_column_that_others_say_is_proved_to_be_redundant_and_taken_out():
    X = torch.randn(20, 2, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    y = torch.randn(20, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    more = torch.cat([X[:, :1], X[:, :1] * 2, X[:, 1:]], 1)
    found = eliminated(CrossProducts.of(Rows(more, y), intercept=False), 3, intercept=False)
    alone = eliminated(CrossProducts.of(Rows(X, y), intercept=False), 2, intercept=False)
    assert found is not None
    assert alone is not None
    assert found.kept == (0, 2)
    assert found.redundant == (Redundant(1, {0: Fraction(2)}, exactly=True),)
    assert [found.solution.weight(j, 0) for j in (0, 1)] == [alone.solution.weight(j, 0) for j in (0, 1)]


def test_a_weight_that_is_nothing_is_proved_to_be():
    """The target is the first column: the second weight is 0, and so is what is left over."""
    X = torch.randn(20, 2, generator=torch.Generator().manual_seed(9), dtype=torch.float64).round(decimals=2).float().double()
    found = eliminated(CrossProducts.of(Rows(X, X[:, :1].clone()), intercept=False), 2, intercept=False)
    assert found is not None
    system, solution = found.system, found.solution
    least = Fraction(1, 1 << system.least)
    assert abs(solution.weight(1, 0).value) + solution.weight(1, 0).bound < least
    assert solution.rss[0] + solution.rss_bound[0] < least


def test_a_triangle_times_itself_is_the_matrix():
    bits = 200
    B = torch.randint(-9, 9, (4, 4), generator=torch.Generator().manual_seed(10)).numpy().astype(object)
    V = (B @ B.T + 5 * torch.eye(4, dtype=torch.int64).numpy().astype(object)) << bits
    F = factored(V, bits)
    assert max(abs(int(v)) for v in ((F @ F.T >> bits) - V).ravel()) < 1 << 20
    assert not any(F[i, j] for i in range(4) for j in range(i + 1, 4))
