"""One line for each group, and for each window, beside polars-ols, and statsmodels in a loop: processor time of one thread.

    OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 python benchmarks/groups.py [--groups 10000] [--rows 1000000] [--windows 100000] [--repeats 3]

Groups: each gives weights, standard errors, t and p of every group from one polars frame; statsmodels has its arrays ready, sorted
by group, and does a tenth of the groups. At least twice polars-ols is promised without the held-out error; with five folds bestline
does six times the work. Windows of 250 rows, one feature: polars-ols gives the coefficients alone. polars-ols is left out where it
is not installed.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import Any

import numpy as np
import polars as pl
import statsmodels.api as sm
from timing import spent

import bestline as bl

WINDOW = 250


def theirs(frame: pl.DataFrame, expression: Any, repeats: int, *, by: str | None = None) -> float | None:
    """Seconds of polars-ols, made from the target's `least_squares`; None where it is not installed."""
    if find_spec("polars_ols") is None:
        return None
    import polars_ols  # noqa: F401  it adds `least_squares` to polars

    of = expression()
    return spent(lambda: frame.select(of) if by is None else frame.group_by(by).agg(of), repeats)


def beside(what: str, ours: float, other: float | None) -> None:
    print(f"{what}: {ours:.2f} s" + ("" if other is None else f"; polars-ols {other:.2f} s, {other / ours:.2f} times bestline"))


def groups(count: int, n: int, repeats: int) -> None:
    draw = np.random.default_rng(0)
    X, g = draw.normal(size=(n, 3)), draw.integers(0, count, n)
    y = 1 + X @ [2.0, -1.0, 0.1] + draw.normal(size=n)
    frame = pl.DataFrame({"g": g, "a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": y})

    def ours(folds: int) -> float:
        return spent(lambda: bl.fit_groups(frame, "y ~ a + b + c", by="g", folds=folds).tidy(), repeats)

    def ols() -> Any:
        columns = [pl.col(name) for name in "abc"]
        return pl.col("y").least_squares.ols(*columns, add_intercept=True, mode="statistics")  # type: ignore[attr-defined]

    other = theirs(frame, ols, repeats, by="g")
    beside(f"{count:,} groups, {n:,} rows, five folds", ours(5), other)
    alone = ours(1)
    beside("without a held-out error", alone, other)
    order = np.argsort(g, kind="stable")
    cuts = np.searchsorted(g[order], np.arange(count + 1))
    A, y = sm.add_constant(X)[order], y[order]
    few = [slice(cuts[i], cuts[i + 1]) for i in range(count // 10)]
    loop = spent(lambda: [sm.OLS(y[own], A[own]).fit().pvalues for own in few], 1)
    print(f"statsmodels, a tenth of the groups: {loop:.2f} s, {10 * loop / alone:.1f} times bestline for all")


def windows(count: int, repeats: int) -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=count + WINDOW - 1)
    frame = pl.DataFrame({"x": x, "y": 2 * x + draw.normal(size=len(x))})

    def ols() -> Any:
        own = pl.col("y").least_squares  # type: ignore[attr-defined]
        return own.rolling_ols(pl.col("x"), window_size=WINDOW, add_intercept=True, mode="coefficients")

    ours = spent(lambda: bl.fit_rolling(frame, "y ~ x", window=WINDOW), repeats)
    beside(f"{count:,} windows of {WINDOW} rows", ours, theirs(frame, ols, repeats))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--windows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    groups(options.groups, options.rows, options.repeats)
    windows(options.windows, options.repeats)


if __name__ == "__main__":
    main()
