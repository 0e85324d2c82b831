"""Tables for preflight and sweeps."""

from __future__ import annotations

import numpy as np


def table(seed: int, n: int = 40, p: int = 3, k: int = 1, spread: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Correlated columns of unlike units, off centre."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, p)) @ random.normal(size=(p, p)) * 10 ** (spread * random.normal(size=p)) + random.normal(size=p)
    return X, X @ random.normal(size=(p, k)) + random.normal(size=(n, k))
