"""Processor time beside two busy processes: with the threads that torch takes by itself, over that with one thread.

    python benchmarks/busy.py [--rows 300000] [--repeats 3]

At most 1.5 is promised. Threads that wait for each other at the end of each kernel would cost several times as much there.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np


def jobs(rows: int) -> dict[str, Callable[[], object]]:
    import bestline as bl

    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 10))
    y = X.sum(1) + rng.normal(size=rows)
    small = X[: rows // 10], y[: rows // 10]
    model = bl.fit((X, y))
    return {
        "fit": lambda: bl.fit((X, y)),
        "descent": lambda: bl.fit((X, y), solver="adam", lr=0.05, steps=300),
        "huber": lambda: bl.fit(small, loss="huber"),
        "own loss": lambda: bl.fit(small, loss=lambda p, t: ((p - t) ** 2 + 1).sqrt(), solver="adam", lr=0.05, steps=200),
        "mini-batches": lambda: bl.fit(small, solver="sgd", lr=0.01, batch_size=512, steps=200),
        "path": lambda: bl.fit((X, y), cv="lasso"),
        "cross-validation": lambda: bl.fit((X, y), cv="ridge"),
        "diagnosis": model.diagnose,
        "HC3": lambda: model.summary(cov="HC3"),
        "LassoCV": lambda: bl.LassoCV().fit(*small),
        "Huber": lambda: bl.HuberRegressor().fit(*small),
        "SGD": lambda: bl.SGDRegressor(max_iter=5, tol=None).fit(*small),
    }


def measure(rows: int, repeats: int) -> None:
    """Print the median processor time of each job; run in a process of its own, whose environment says how many threads there are."""
    warnings.simplefilter("ignore")
    for name, job in jobs(rows).items():
        job()
        times = []
        for _ in range(repeats):
            start = time.process_time()
            job()
            times.append(time.process_time() - start)
        print(f"{name}\t{statistics.median(times)}", flush=True)


def busy() -> None:
    while True:
        pass


def times_of(arguments: list[str], **environment: str) -> dict[str, float]:
    given = {**{k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}, **environment}
    done = subprocess.run(
        [sys.executable, __file__, "--measure", *arguments], env=given, capture_output=True, text=True, check=True
    )
    return {name: float(seconds) for name, seconds in (line.split("\t") for line in done.stdout.splitlines())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", action="store_true")
    options = parser.parse_args()
    if options.measure:
        measure(options.rows, options.repeats)
        return
    others = [multiprocessing.Process(target=busy, daemon=True) for _ in range(2)]
    for other in others:
        other.start()
    arguments = ["--rows", str(options.rows), "--repeats", str(options.repeats)]
    one, many = times_of(arguments, OMP_NUM_THREADS="1"), times_of(arguments)
    for name in one:
        print(f"{name:18} {one[name]:7.3f} s  {many[name]:7.3f} s  {many[name] / one[name]:5.2f}")
    for other in others:
        other.kill()


if __name__ == "__main__":
    main()
