"""Lines under losses with edges beside peers in one run: ratios of time, and whose objective is lower.

    python benchmarks/losses.py [--rows 20000] [--columns 10] [--repeats 3]

Ratios are peer / bestline, medians of interleaved repeats, whole calls. "above" is by how much a peer's objective lies above ours, in
shares of it; what is negative is by how much it lies below.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import statsmodels.api as sm
from sklearn.linear_model import HuberRegressor, QuantileRegressor

import bestline as bl

Line = tuple[np.ndarray, float]


def table(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Correlated columns, and a target whose noise has heavy tails."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p)) @ (np.eye(p) + 0.3 * rng.normal(size=(p, p)))
    return X, X @ rng.normal(size=p) + rng.standard_t(2, size=n)


def ours(X: np.ndarray, y: np.ndarray, loss: str, l1: float = 0.0) -> Line:
    model = bl.fit((X, y), loss=loss, l1=l1, standardize=False)
    return model.coef.to_numpy(), float(model.intercept)


def quantile(X: np.ndarray, y: np.ndarray, level: float, alpha: float) -> Line:
    peer = QuantileRegressor(quantile=level, alpha=alpha, solver="highs").fit(X, y)
    return peer.coef_, float(peer.intercept_)


def weighted(X: np.ndarray, y: np.ndarray, level: float) -> Line:
    params = sm.QuantReg(y, np.c_[X, np.ones(len(y))]).fit(q=level, max_iter=5_000).params
    return params[:-1], float(params[-1])


def pinball(level: float, l1: float, X: np.ndarray, y: np.ndarray, line: Line) -> float:
    r = y - X @ line[0] - line[1]
    return float(np.maximum(level * r, (level - 1) * r).mean() + l1 * np.abs(line[0]).sum())


def huber(delta: float, X: np.ndarray, y: np.ndarray, line: Line) -> float:
    r = np.abs(y - X @ line[0] - line[1])
    return float(np.where(r <= delta, r**2 / 2, delta * (r - delta / 2)).mean())


def compared(
    name: str, mine: Callable[[], Line], peer: Callable[[], Line], objective: Callable[[Line], float], repeats: int
) -> None:
    ratios = []
    for _ in range(repeats):
        began = time.perf_counter()
        line = mine()
        between = time.perf_counter()
        other = peer()
        ratios.append((time.perf_counter() - between) / (between - began))
    above = objective(other) / objective(line) - 1
    print(
        f"{name:48} {statistics.median(ratios):8.1f} ({min(ratios):.1f} to {max(ratios):.1f})   above {above:.0e}", flush=True
    )


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    X, y = table(given.rows, given.columns)
    ours(X[:1_000], y[:1_000], "absolute")  # imports
    print(f"{given.rows:,} rows x {given.columns} columns; ratio = peer / bestline, median of {given.repeats} (range)")
    for level in (0.5, 0.9):
        for l1 in (0.0, 0.05):
            name = f"quantile {level}, l1 {l1}, against QuantileRegressor"
            loss = f"quantile:{level}"
            compared(
                name,
                lambda loss=loss, l1=l1: ours(X, y, loss, l1),
                lambda level=level, l1=l1: quantile(X, y, level, l1),
                lambda line, level=level, l1=l1: pinball(level, l1, X, y, line),
                given.repeats,
            )
    compared(
        "quantile 0.9, against statsmodels' QuantReg",
        lambda: ours(X, y, "quantile:0.9"),
        lambda: weighted(X, y, 0.9),
        lambda line: pinball(0.9, 0.0, X, y, line),
        given.repeats,
    )
    scale = float(HuberRegressor(alpha=0.0, max_iter=1_000).fit(X, y).scale_)

    def robust() -> Line:
        peer = HuberRegressor(alpha=0.0, max_iter=1_000).fit(X, y)
        return peer.coef_, float(peer.intercept_)

    compared(
        "Huber's loss, against HuberRegressor",
        lambda: ours(X, y, f"huber:{1.35 * scale!r}"),
        robust,
        lambda line: huber(1.35 * scale, X, y, line),
        given.repeats,
    )


if __name__ == "__main__":
    main()
