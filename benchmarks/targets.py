"""Many targets at once beside NumPy's least squares: processor time of one thread.

    OMP_NUM_THREADS=1 python benchmarks/targets.py [--rows 20000] [--columns 10] [--repeats 5]

Ratios are bestline's time over NumPy's, the least of the repeats of each. At most 2 is promised for 1,000 targets; one target has
all its digits proved where they are lacking, and many have what the moments leave.
"""

from __future__ import annotations

import argparse
import warnings
from functools import partial

import numpy as np
from timing import spent

import bestline as bl
from bestline.estimators import LinearRegression


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore", bl.errors.BestlineWarning)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(options.rows, options.columns))
    for k in (1, 100, 1_000):
        Y = X @ rng.normal(size=(options.columns, k)) + rng.normal(size=(options.rows, k))
        design = np.column_stack([X, np.ones(options.rows)])
        theirs = spent(partial(np.linalg.lstsq, design, Y, rcond=None), options.repeats)
        doors = {"fit": partial(bl.fit, (X, Y)), "LinearRegression": partial(LinearRegression().fit, X, Y)}
        for door, work in doors.items():
            ours = spent(work, options.repeats)
            print(f"{k:5} targets  numpy.linalg.lstsq {theirs:7.4f} s  {door} {ours:7.4f} s  {ours / theirs:5.2f}")


if __name__ == "__main__":
    main()
