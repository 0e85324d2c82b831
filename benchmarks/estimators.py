"""Estimators beside scikit-learn's: seconds to fit, and how far each is from the solution.

    python benchmarks/estimators.py [--rows 100000] [--columns 20]

The solution is that of a method of its own for each line: scikit-learn's own at its tightest tolerance, refined no further. "off" is
the largest error of a slope, in units of the largest slope.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
import sklearn.linear_model as theirs

import bestline.estimators as ours

TIGHT = {"tol": 1e-14, "max_iter": 10**6}


def data(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Correlated columns with offsets, and a target with noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p)) @ (np.eye(p) + 0.3 * rng.normal(size=(p, p))) + 10
    slopes = rng.normal(size=p) * (rng.random(p) < 0.7)
    return X, X @ slopes + rng.normal(size=n)


def timed(estimator: Any, X: np.ndarray, y: np.ndarray, least: float = 0.3) -> tuple[float, Any]:
    """Seconds of the quickest of some fits, and the estimator."""
    best, began = np.inf, time.perf_counter()
    while True:
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.fit(X, y)
        best = min(best, time.perf_counter() - start)
        if time.perf_counter() - began > least:
            return best, estimator


def rows(n: int, p: int) -> list[tuple[str, dict[str, Any], dict[str, Any] | None]]:
    """Class, parameters, and what makes theirs exact; None: there is nothing to compare with."""
    scaled = {"learning_rate": "constant", "eta0": 1e-4, "max_iter": 3, "tol": None, "shuffle": False}
    return [
        ("LinearRegression", {}, {}),
        ("Ridge", {"alpha": 1.0}, {"solver": "svd"}),
        ("Lasso", {"alpha": 0.1}, TIGHT),
        ("ElasticNet", {"alpha": 0.1}, TIGHT),
        ("LassoCV", {}, None),
        ("RidgeCV", {"alphas": np.logspace(-3, 3, 20)}, None),
        ("HuberRegressor", {}, None),
        ("SGDRegressor", scaled, scaled),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=20)
    given = parser.parse_args()
    X, y = data(given.rows, given.columns)
    print(f"{given.rows:,} rows, {given.columns} columns")
    print(f"{'class':18} {'ours':>9} {'theirs':>9} {'ours off':>10} {'theirs off':>10}")
    for name, parameters, tight in rows(*X.shape):
        mine, a = timed(getattr(ours, name)(**parameters), X, y)
        others, b = timed(getattr(theirs, name)(**parameters), X, y)
        off = ["", ""]
        if tight is not None:
            truth = timed(getattr(theirs, name)(**parameters | tight), X, y, least=0)[1].coef_
            off = [f"{abs(e.coef_ - truth).max() / abs(truth).max():.0e}" for e in (a, b)]
        print(f"{name:18} {mine:8.4f}s {others:8.4f}s {off[0]:>10} {off[1]:>10}", flush=True)


if __name__ == "__main__":
    main()
