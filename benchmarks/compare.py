"""Side by side with peers in one run: medians of interleaved repeats, as ratios (peer's time over bestline's).

    OMP_NUM_THREADS=1 python benchmarks/compare.py [--rows 1000000] [--repeats 5]

Ratios carry over between machines better than seconds do, and these are still noisy: read them as one digit.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from plain_loop import SHORT, plain_loop
from sklearn.linear_model import LinearRegression

import bestline as bl

STEPS = 1_000


def seconds(work: Callable[[], object]) -> float:
    # Processor time, so that others on the machine do not count; it is a time on one thread only.
    began = time.process_time()
    work()
    return time.process_time() - began


def compared(name: str, ours: Callable[[], object], peer: Callable[[], object], repeats: int, factor: float = 1.0) -> None:
    """Print the median ratio of interleaved repeats, and its range; `factor` scales the peer's time."""
    ours(), peer()  # warm up
    ratios = [factor * seconds(peer) / seconds(ours) for _ in range(repeats)]
    print(f"{name:58} {statistics.median(ratios):8.1f}   ({min(ratios):.1f} to {max(ratios):.1f})")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    n, repeats = options.rows, options.repeats
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(n, 10, generator=generator, dtype=torch.float64)
    y = X.sum(1, keepdim=True) + torch.randn(n, 1, generator=generator, dtype=torch.float64)
    A, b = X.numpy(), y.numpy()[:, 0]
    print(f"{n:,} rows x 10 columns; ratio = peer / bestline, median of {repeats} (range)")
    compared(
        f"descent, {STEPS:,} steps, against nn.Linear + MSELoss + SGD",
        lambda: bl.fit((X, y), solver="sgd", lr=0.1, steps=STEPS, standardize=False),
        lambda: plain_loop(X, y),
        repeats,
        STEPS / SHORT,
    )
    compared(
        "least squares, against sklearn.LinearRegression", lambda: bl.fit((A, b)), lambda: LinearRegression().fit(A, b), repeats
    )
    compared(
        "least squares, against numpy.linalg.lstsq", lambda: bl.fit((A, b)), lambda: np.linalg.lstsq(A, b, rcond=None), repeats
    )
    line = bl.synthetic.lesson("slope-and-bias")
    compared(
        "lesson: 60 rows, 15 steps, trace kept, against the loop",
        lambda: bl.fit((line.x, line.y), solver="sgd", lr=0.1, steps=15, standardize=False),
        lambda: plain_loop(line.x, line.y, 15),
        5 * repeats,
    )


if __name__ == "__main__":
    main()
