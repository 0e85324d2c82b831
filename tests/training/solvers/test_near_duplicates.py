"""Lasso of nearly equal columns by `fit`: as many digits as by the estimator, against exact fractions."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

import bestline as bl


def exact(X: np.ndarray, y: np.ndarray, l1: float) -> list[Fraction]:
    """The slopes of least mean squared error + l1 (|a| + |b|) of two columns: the best over all signs, each solved exactly."""
    n, rows, target = len(y), [[Fraction(v) for v in row] for row in X], [Fraction(v) for v in y]
    m, my = [sum(row[j] for row in rows) / n for j in range(2)], sum(target) / n
    S = [[sum((r[i] - m[i]) * (r[j] - m[j]) for r in rows) / n for j in range(2)] for i in range(2)]
    h = [sum((r[j] - m[j]) * (t - my) for r, t in zip(rows, target, strict=True)) / n for j in range(2)]
    found = []
    for signs in product((-1, 0, 1), repeat=2):
        pull = [h[j] - Fraction(l1) / 2 * signs[j] for j in range(2)]
        if all(signs):
            det = S[0][0] * S[1][1] - S[0][1] ** 2
            w = [(S[1][1] * pull[0] - S[0][1] * pull[1]) / det, (S[0][0] * pull[1] - S[0][1] * pull[0]) / det]
        else:
            w = [pull[j] / S[j][j] if signs[j] else Fraction(0) for j in range(2)]
        loss = sum(S[i][j] * w[i] * w[j] for i in range(2) for j in range(2)) - 2 * sum(h[j] * w[j] for j in range(2))
        found.append((loss + Fraction(l1) * sum(map(abs, w)), w))
    return min(found, key=lambda pair: pair[0])[1]


@pytest.mark.parametrize("apart", [1e-4, 1e-6, 1e-7])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("l2", [0.0, 1e-9])
@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_lasso_of_near_duplicates_has_the_digits_of_the_estimator(apart: float, offset: float, l2: float) -> None:
    a, b, noise = np.random.default_rng(3).normal(size=(3, 50))
    X = offset + np.c_[a, a + apart * b]
    y = a + 0.3 * noise
    truth = [float(w) for w in exact(X, y, 0.04)]
    ours = bl.fit((X, y), l1=0.04, l2=l2, standardize=False).coef.tolist()
    # Offsets cost digits of the data themselves: 1000 beside 1 has three fewer. A ridge of 1e-9 moves a slope by about as much.
    assert ours == pytest.approx(truth, rel=1e-13 if not l2 else 1e-8, abs=0)
    if not l2:
        assert bl.Lasso(alpha=0.02).fit(X, y).coef_.tolist() == pytest.approx(ours, rel=1e-13, abs=0)
