"""Against exact arithmetic: inference of classic data, and digits claimed of hostile columns."""

from __future__ import annotations

import csv
import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import bestline as bl
from references.examples import DATA, right_digits
from searches import long

pytestmark = pytest.mark.usefixtures("quiet")


INFERENCE = json.loads((DATA / "inference.json").read_text(encoding="utf-8"))


# Right digits that float64 moments are seen to reach, less one or two for other orders of summation. The columns of Longley are
# nearly collinear: their condition, 1e2 when centred and scaled, counts twice in moments.
REACHED = {
    "longley": 8.0,
    "engel_wls": 11.0,
    "mtcars_main": 11.5,
    "stackloss": 11.5,
    "cars_nointercept": 13,
    "warpbreaks": 12.5,
}


TAIL_LOSS = 2.0  # digits of p-values: t^2 times the relative error of t


def columns(case: str) -> dict[str, Any]:
    with (DATA / f"inference_{case}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    numbers = {n: [r[n] for r in rows] for n in rows[0]}
    return {n: v if v[0].isalpha() else np.array(v, dtype=float) for n, v in numbers.items()}


@pytest.mark.parametrize("case", INFERENCE)
def test_inference_of_classic_data_against_exact_arithmetic(case: str):
    facts = INFERENCE[case]
    exact, terms, bar = facts["exact"], facts["terms"], REACHED[case]
    model = bl.fit(columns(case), facts["formula"], weights=facts["weights"])
    assert sorted(model.names) == sorted(terms)
    interval = model.conf_int()
    order = [terms.index(n) for n in model.names]
    covariance = model.inference.covariance[0].flatten().tolist()
    row = model.glance().iloc[0]
    assert (row["nobs"], row["df_residual"]) == (facts["n"], facts["df_resid"])
    found = {
        "params": model.params.tolist(),
        "bse": model.bse.tolist(),
        "t": model.tvalues.tolist(),
        "p": model.pvalues.tolist(),
        "ci_lo": interval["low"].tolist(),
        "ci_hi": interval["high"].tolist(),
        "sigma": [row["sigma"]],
        "r2": [row["r_squared"]],
        "adj_r2": [row["adj_r_squared"]],
        "f": [row["statistic"]],
        "f_p": [row["p_value"]],
        "llf": [row["log_lik"]],
        "aic": [row["aic"]],
        "bic": [row["bic"]],
    }
    short = {}
    for name, values in found.items():
        truth = exact[name] if len(values) == 1 else [exact[name][i] for i in order]
        reached = min(right_digits(v, t) for v, t in zip(values, truth, strict=True))
        if reached < bar - TAIL_LOSS * (name in ("p", "f_p")):
            short[name] = round(reached, 1)
    assert not short
    size = max(abs(float(v)) for v in exact["cov"])
    d = len(terms)
    truth = [float(exact["cov"][i * d + j]) for i in order for j in order]
    assert max(abs(a - b) for a, b in zip(covariance, truth, strict=True)) < size * 10**-bar


def solved_exactly(X: np.ndarray, y: np.ndarray) -> list[Fraction]:
    """Least squares with an intercept, last, by rational elimination."""
    rows = [[*map(Fraction, r), Fraction(1)] for r in X.tolist()]
    target = [Fraction(v) for v in y.tolist()]
    d = len(rows[0])
    A = [
        [sum(r[i] * r[j] for r in rows) for j in range(d)] + [sum(r[i] * t for r, t in zip(rows, target, strict=True))]
        for i in range(d)
    ]
    for i in range(d):
        pivot = next(k for k in range(i, d) if A[k][i])
        A[i], A[pivot] = A[pivot], A[i]
        A[i] = [v / A[i][i] for v in A[i]]
        for k in range(d):
            if k != i and A[k][i]:
                A[k] = [a - A[k][i] * b for a, b in zip(A[k], A[i], strict=True)]
    return [row[-1] for row in A]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("offset", [0.0, 1e3, 1e7])
@pytest.mark.parametrize("apart", [1.0, 1e-3, 1e-6])
def test_digits_claimed_are_right_by_rational_arithmetic(seed: int, offset: float, apart: float):
    rng = np.random.default_rng([seed, int(offset), round(1 / apart)])
    X = rng.normal(size=(14, 3))
    X[:, 2] = X[:, 1] + apart * rng.normal(size=14)
    X += offset
    y = X @ rng.normal(size=3) + rng.normal(size=14)
    model = bl.fit((X, y), solver="exact")
    exact = solved_exactly(X, y)
    for value, truth, claimed in zip(model.params.tolist(), exact, model.digits.tolist(), strict=True):
        error = abs((Fraction(value) - truth) / truth)
        assert claimed <= (-math.log10(error) if error else 16)
    # And the claim is of use: within six digits of the best that the worst of the weights has.
    condition = np.linalg.cond((X - X.mean(0)) / X.std(0))
    assert model.digits.min() >= 15 - 6 - 2 * math.log10(condition) - math.log10(1 + offset)


def hostile(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A few rows whose columns are nearly collinear, far from zero for their spread, or of very different sizes."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 16))
    p = int(rng.integers(1, min(4, n - 2) + 1))
    X = rng.normal(size=(n, p))
    if p > 1 and rng.random() < 0.6:
        X[:, -1] = X[:, 0] * rng.choice([1.0, -3.0, 1e4]) + 10.0 ** -rng.integers(0, 8) * rng.normal(size=n)
    X = X * 10.0 ** rng.integers(-4, 5, size=p) + rng.choice([0, 1.0, 1e3, 1e6, 1e8, -1e5])
    y = X @ rng.normal(size=p) * rng.choice([1, 1e-6]) + 10.0 ** -rng.integers(0, 10) * rng.normal(size=n)
    return X, y + rng.choice([0, 0, 1e6])


@pytest.mark.parametrize("first", long(range(0, 480, 40), quick=[0, 40]))
def test_digits_claimed_of_hostile_columns_are_right_too(first: int):
    wrong = []
    for seed in range(first, first + 40):
        X, y = hostile(seed)
        model = bl.fit((X, y), solver="exact")
        for value, truth, claimed in zip(model.params.tolist(), solved_exactly(X, y), model.digits.tolist(), strict=True):
            error = abs((Fraction(value) - truth) / truth)
            true = max(0.0, -math.log10(error)) if error else 16.0
            if claimed > true:
                wrong.append((seed, claimed, round(true, 1)))
    assert not wrong, wrong
