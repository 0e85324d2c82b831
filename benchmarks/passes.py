"""The pass over rows in memory, and what is made of it, beside the products alone and beside scikit-learn and torch.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/passes.py [--repeats 7] [--share 1.0]
    python benchmarks/passes.py --threads          one thread and two: wall time, on a quiet machine

Processor time, the quickest of repeats that take turns, for others on the machine only ever make one slower. The bare product is
`X.T @ X` of the features in torch, without a mean taken off, a look at what is missing, the target or a range. `--share 0.1` takes a
tenth of the rows.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from plain_loop import SHORT, plain_loop
from sklearn.linear_model import LassoCV, LinearRegression

import bestline as bl
from bestline import estimators
from bestline.numerics import Comoments, Rows

SHAPES = ((1_000_000, 10, torch.float64), (300_000, 100, torch.float64), (1_000_000, 10, torch.float32))
STEPS = 1_000  # of descent


def table(rows: int, columns: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Features, and a target with noise."""
    draw = torch.Generator().manual_seed(0)
    X = torch.randn(rows, columns, generator=draw, dtype=dtype)
    return X, X.sum(1, keepdim=True) + torch.randn(rows, 1, generator=draw, dtype=dtype)


def quickest(
    works: Mapping[str, Callable[[], object]], repeats: int, clock: Callable[[], float] = time.process_time
) -> dict[str, float]:
    """Seconds of each, in turns."""
    best = dict.fromkeys(works, float("inf"))
    for turn in range(repeats + 1):  # the first warms up
        for name, work in works.items():
            began = clock()
            work()
            best[name] = min(best[name], clock() - began) if turn else best[name]
    return best


def shown(what: str, seconds: float, other: float, ratio: float, than: str) -> None:
    print(f"{what:52} {1e3 * seconds:9.1f} ms {1e3 * other:11.1f} ms  {ratio:7.2f} {than}", flush=True)


def moments(share: float, repeats: int) -> None:
    for rows, columns, dtype in SHAPES:
        X, y = table(int(share * rows), columns, dtype)
        best = quickest(
            {
                "bare": lambda X=X: X.T @ X,
                "product": lambda X=X, y=y: Comoments.of_rows(Rows(X, y)),
                "one": lambda X=X, y=y: bl.Moments.collect((X, y), folds=1),
                "five": lambda X=X, y=y: bl.Moments.collect((X, y), folds=5),
            },
            repeats,
        )
        name = f"{len(X):,} x {columns} {str(dtype).removeprefix('torch.')}"
        for what, key in (("centred products of", "product"), ("moments, whole call,", "one")):
            shown(f"{what} {name}", best[key], best["bare"], best[key] / best["bare"], "times the bare product")
        shown(f"five folds of {name}", best["five"], best["one"], best["five"] / best["one"], "times no folds")


def least_squares(share: float, repeats: int) -> None:
    for rows, columns, _ in SHAPES[:2]:
        A, b = (values.numpy() for values in table(int(share * rows), columns, torch.float64))
        best = quickest(
            {
                "fit": lambda A=A, b=b: bl.fit((A, b[:, 0])),
                "class": lambda A=A, b=b: estimators.LinearRegression().fit(A, b[:, 0]),
                "theirs": lambda A=A, b=b: LinearRegression().fit(A, b[:, 0]),
            },
            max(2, repeats // 2),
        )
        for what, key in (("fit", "fit"), ("LinearRegression", "class")):
            name = f"{what}, {len(A):,} x {columns}, scikit-learn"
            shown(name, best[key], best["theirs"], best["theirs"] / best[key], "times quicker")


def descent(share: float, repeats: int) -> None:
    for dtype in (torch.float64, torch.float32):
        X, y = table(int(share * 1_000_000), 10, dtype)
        ours = partial(bl.fit, (X, y), solver="sgd", lr=0.1, steps=STEPS, standardize=False)
        best = quickest({"ours": ours, "loop": lambda X=X, y=y: plain_loop(X, y)}, max(2, repeats // 2))
        whole = best["loop"] * STEPS / SHORT
        name = f"{STEPS:,} steps, {len(X):,} x 10 {str(dtype).removeprefix('torch.')}, nn.Linear"
        shown(name, best["ours"], whole, whole / best["ours"], "times quicker")


def penalties(share: float, repeats: int) -> None:
    A, b = (values.numpy() for values in table(int(share * 300_000), 20, torch.float64))
    best = quickest(
        {
            "class": lambda: estimators.LassoCV(cv=10).fit(A, b[:, 0]),
            "fit": lambda: bl.fit((A, b[:, 0]), cv="lasso", folds=10),
            "theirs": lambda: LassoCV(cv=10).fit(A, b[:, 0]),
        },
        max(2, repeats // 2),
    )
    for what, key in (("LassoCV", "class"), ("fit, cv='lasso'", "fit")):
        name = f"{what}, 10 folds, {len(A):,} x 20, scikit-learn"
        shown(name, best[key], best["theirs"], best["theirs"] / best[key], "times quicker")


def threads(share: float, repeats: int) -> None:
    """Wall time of one thread over that of two. The bits are the same."""
    for rows, columns, dtype in SHAPES:
        X, y = table(int(share * rows), columns, dtype)
        found: dict[int, Any] = {}

        def work(number: int, X: torch.Tensor = X, y: torch.Tensor = y, found: dict[int, Any] = found) -> None:
            torch.set_num_threads(number)
            found[number] = bl.Moments.collect((X, y), folds=1)

        best = quickest({"1": lambda: work(1), "2": lambda: work(2)}, repeats, time.perf_counter)
        if not torch.equal(found[1].total.scatter, found[2].total.scatter):
            raise SystemExit("The numbers differ.")
        name = f"moments, {len(X):,} x {columns} {str(dtype).removeprefix('torch.')}, two threads"
        shown(name, best["2"], best["1"], best["1"] / best["2"], "times one thread")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--threads", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    for part in (threads,) if given.threads else (moments, least_squares, descent, penalties):
        part(given.share, given.repeats)


if __name__ == "__main__":
    main()
