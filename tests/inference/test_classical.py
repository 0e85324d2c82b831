"""The covariance of least squares from moments, against (X'X)^-1 in exact fractions of the rows themselves."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.inference.classical import infer, outside
from bestline.numerics import Comoments, Scaling
from bestline.numerics.rows import Rows


def inverse_of(A: list[list[Fraction]]) -> list[list[Fraction]]:
    """By Gauss and Jordan, without any rounding."""
    n = len(A)
    rows = [[*row, *(Fraction(i == j) for j in range(n))] for i, row in enumerate(A)]
    for i in range(n):
        pivot = next(r for r in range(i, n) if rows[r][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for r in range(n):
            if r != i:
                rows[r] = [a - rows[r][i] * b for a, b in zip(rows[r], rows[i], strict=True)]
    return [row[n:] for row in rows]


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("offset", [0, 5])
def test_the_whole_covariance_is_that_of_exact_arithmetic(
    offset: int, intercept: bool, weighted: bool, standardize: bool
) -> None:
    rng = np.random.default_rng(offset)
    X = rng.integers(-9, 9, (12, 3)) + offset
    y = X @ [1, -2, 3] + rng.integers(-4, 5, 12)
    w = rng.integers(1, 5, 12) if weighted else np.ones(12, dtype=int)
    D = [[*map(int, row), *[1] * intercept] for row in X]
    gram = [
        [sum((Fraction(int(v)) * r[i] * r[j] for v, r in zip(w, D, strict=True)), Fraction(0)) for j in range(len(D[0]))]
        for i in range(len(D[0]))
    ]
    core = np.array([[float(v) for v in row] for row in inverse_of(gram)])
    b = np.linalg.lstsq(np.sqrt(w)[:, None] * np.array(D), np.sqrt(w) * y, rcond=None)[0]
    rss = float((w * (y - np.array(D) @ b) ** 2).sum())
    moments = Comoments.of_rows(
        Rows(
            torch.tensor(X, dtype=torch.float64),
            torch.tensor(y, dtype=torch.float64)[:, None],
            torch.tensor(w, dtype=torch.float64),
        )
    )
    found = infer(moments, Scaling.of(moments, 3, intercept=intercept, standardize=standardize))
    expected = rss / (12 - len(D[0])) * core
    np.testing.assert_allclose(found.covariance[0], expected, rtol=1e-10, atol=1e-13 * abs(expected).max())
    np.testing.assert_allclose(found.std_error[0], np.sqrt(np.diag(expected)), rtol=1e-10)
    assert float(found.rss[0]) == pytest.approx(rss, rel=1e-10)


def test_a_row_is_outside_where_any_of_its_columns_is() -> None:
    low, high = torch.tensor([0.0, -1.0]), torch.tensor([1.0, 1.0])
    rows = torch.tensor([[0.5, 0.0], [0.0, -1.0], [1.0, 1.0], [1.1, 0.0], [-0.1, 0.0], [0.5, 1.5], [0.5, -1.5], [2.0, 2.0]])
    assert outside(rows, low, high).tolist() == [False] * 3 + [True] * 5


def test_a_level_is_never_said_to_be_all():
    x = np.arange(40.0)
    model = bl.fit({"x": x, "y": x + np.sin(x)}, "y ~ x")
    for level, told in ((0.95, "95%"), (0.999, "99.9%"), (0.9999, "99.99%")):
        assert f"{told} conf. interval" in str(model.summary(level))
        assert f"with {told} interval" in model.plot.coefficients(level).alt
