"""Tables and loops that several references share."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np

DATA = Path(__file__).parent


def right_digits(got: float, exact: str) -> float:
    """-log10 of the relative error, at most 16."""
    truth = Fraction(exact)
    if truth == 0:
        return 16.0 if got == 0 else -math.log10(abs(got))
    error = abs((Fraction(got) - truth) / truth)
    return 16.0 if error == 0 else min(16.0, -math.log10(error))


def numbers(n: int, p: int, k: int = 1, seed: int = 0, *, offset: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated columns off zero, of different sizes, and k targets."""
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, p)) @ (np.eye(p) + 0.3 * rng.normal(size=(p, p))) + offset) * rng.uniform(0.5, 4, p)
    Y = X @ rng.normal(size=(p, k)) + rng.normal(size=(n, k)) + 5
    return X, Y if k > 1 else Y[:, 0]
