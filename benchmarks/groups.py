"""One line for each group beside polars-ols, and statsmodels in a loop: processor time of one thread.

    OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 python benchmarks/groups.py [--groups 10000] [--rows 1000000] [--repeats 3]

Each gives weights, standard errors, t and p of every group from one polars frame; statsmodels has its arrays ready, sorted by group,
and does a tenth of the groups. polars-ols and statsmodels are left out where they are not installed. At least twice polars-ols is
promised without the held-out error; with five folds bestline does six times the work.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import polars as pl

import bestline as bl


def spent(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    draw, n = np.random.default_rng(0), options.rows
    X, g = draw.normal(size=(n, 3)), draw.integers(0, options.groups, n)
    y = 1 + X @ [2.0, -1.0, 0.1] + draw.normal(size=n)
    frame = pl.DataFrame({"g": g, "a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": y})
    first = 0.0
    for folds in (5, 1):
        first = spent(lambda folds=folds: bl.fit_groups(frame, "y ~ a + b + c", by="g", folds=folds).tidy(), options.repeats)  # type: ignore[misc]
        print(f"bestline, {'no held-out error' if folds == 1 else f'{folds} folds'}: {first:.2f} s")
    try:
        import polars_ols as pls  # noqa: F401
    except ImportError:
        print("polars-ols is not installed")
    else:
        columns = [pl.col(name) for name in "abc"]
        ols = pl.col("y").least_squares.ols(*columns, add_intercept=True, mode="statistics")  # type: ignore[attr-defined]
        theirs = spent(lambda: frame.group_by("g").agg(ols), options.repeats)
        print(f"polars-ols: {theirs:.2f} s, {theirs / first:.1f} times bestline")
    import statsmodels.api as sm

    order = np.argsort(g, kind="stable")
    cuts = np.searchsorted(g[order], np.arange(options.groups + 1))
    A = sm.add_constant(X)[order]
    few = range(options.groups // 10)
    loop = spent(lambda: [sm.OLS(y[order][cuts[i] : cuts[i + 1]], A[cuts[i] : cuts[i + 1]]).fit().pvalues for i in few], 1)
    print(f"statsmodels, a tenth of the groups: {loop:.2f} s, {10 * loop / first:.1f} times bestline for all")


if __name__ == "__main__":
    main()
