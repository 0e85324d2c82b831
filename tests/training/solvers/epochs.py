"""One row at a time, plainly."""

from __future__ import annotations

import numpy as np


def table(n=400, p=3, k=1, seed=0):
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(n, p)) + 1
    return X, X @ draw.normal(size=(p, k)) + 2 + 0.3 * draw.normal(size=(n, k))
