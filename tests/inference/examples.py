"""Tables, and the same fits by statsmodels."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

from bestline.api.model import Model

DATA = Path(__file__).parents[1] / "references"


EXACT = json.loads((DATA / "influence.json").read_text(encoding="utf-8"))


def right_digits(got: Sequence[float], exact: Sequence[str]) -> float:
    """The fewest right digits of any entry, at most 16."""
    least = 16.0
    for value, text in zip(got, exact, strict=True):
        truth = Fraction(text)
        error = abs(Fraction(value) - truth) / (abs(truth) or 1)
        least = min(least, 16.0 if error == 0 else -math.log10(error))
    return least


def columns(case: str) -> dict[str, Any]:
    with (DATA / f"inference_{case}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = {n: [r[n] for r in rows] for n in rows[0]}
    return {n: v if v[0].isalpha() else np.array(v, dtype=float) for n, v in table.items()}


@cache
def frame(n: int = 240, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x1, x2, g = rng.normal(3, 1, n), rng.normal(-1, 2, n), rng.choice(["a", "b", "c"], n)
    y = 2 + 1.5 * x1 - 0.7 * x2 + (g == "b") + rng.normal(0, 1, n) * np.abs(x1)
    firm = rng.integers(0, 17, n)
    return pd.DataFrame({"x1": x1, "x2": x2, "g": g, "y": y, "y2": y - x2**2, "w": rng.uniform(0.2, 3, n), "firm": firm})


def reference(formula: str, data: pd.DataFrame, weights: str | None = None) -> Any:
    return smf.ols(formula, data).fit() if weights is None else smf.wls(formula, data, weights=data[weights]).fit()


def by_name(values: Any, names: Sequence[str], model: Model) -> list[float]:
    found = dict(zip(names, np.asarray(values).tolist(), strict=True))
    return [found[n] for n in model.names]
