"""Every estimator, and tables to fit."""

from __future__ import annotations

import numpy as np

import bestline.estimators as ours

NAMES = ours.__all__


def table(n: int = 80, p: int = 4, k: int = 0, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, targets and weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 3
    slopes = rng.choice([-1, 1], size=(p, k) if k else p) * rng.uniform(1, 2, size=(p, k) if k else p)
    y = X @ slopes + 0.5 * rng.normal(size=(n, k) if k else n) + 1
    return X, y, rng.integers(0, 4, n).astype(float)


def made(name: str, **parameters: object) -> object:
    """An estimator whose training is long enough to be judged."""
    return getattr(ours, name)(**parameters)
