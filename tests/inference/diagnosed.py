"""Tables to diagnose."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

import bestline as bl
from bestline.api.model import Model
from bestline.inference.diagnostics import second_pass
from bestline.inference.diagnostics.diagnosis import Diagnosis


@cache
def frame(n: int = 240, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x1, x2, g = rng.normal(3, 1, n), rng.normal(-1, 2, n), rng.choice(["a", "b", "c"], n)
    y = 2 + 1.5 * x1 - 0.7 * x2 + (g == "b") + rng.normal(0, 1, n) * np.abs(x1)
    return pd.DataFrame({"x1": x1, "x2": x2, "g": g, "y": y, "y2": y - x2**2, "w": rng.uniform(0.2, 3, n)})


def diagnosed(data: Any, formula: str, **options: Any) -> Diagnosis:
    return second_pass.diagnosis(bl.fit(data, formula, **options))


@cache
def large(n: int = 5_000, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, z = rng.gamma(2, 1, n), rng.normal(size=n)
    return pd.DataFrame({"x": x, "z": z, "y": 1 + 2 * x - z + rng.standard_t(5, n), "w": rng.uniform(0.2, 3, n)})


@cache
def large_model(weights: str | None = None) -> Model:
    return bl.fit(large(), "y ~ x + z", weights=weights)


def noise(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 10, n), rng.normal(size=n)
