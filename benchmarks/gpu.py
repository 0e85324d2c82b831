"""Moments, descent and penalty sweeps on a graphics processor, beside its memory's bandwidth and beside torch on the same device.

    python benchmarks/gpu.py [--device cuda] [--rows 100000000] [--columns 50] [--dtype float32] [--repeats 3]
    python benchmarks/gpu.py --device cpu --rows 200000          the same on a processor, to see that it runs

Without a graphics processor, and without `--device`, the processor is taken and few rows. Moments need each number once: how near a
pass comes to the time in which the device reads its memory once says how much there is left to gain. That time is measured, by a sum.
1e8 x 50 numbers are 20 GB in float32, 40 in float64.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import torch
from plain_loop import plain_loop

import bestline as bl

STEPS, SHORT = 1_000, 5  # steps of descent; those of the plain loop that are timed, for the rest is their multiple
PENALTIES = 100


def seconds(work: Callable[[], object], repeats: int, device: torch.device) -> float:
    """The quickest of some repeats, until the device is done."""
    best = float("inf")
    for turn in range(repeats + 1):  # the first warms up
        wait(device)
        began = time.perf_counter()
        work()
        wait(device)
        best = min(best, time.perf_counter() - began) if turn else best
    return best


def wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.get_device_module(device).synchronize()


def table(rows: int, columns: int, dtype: torch.dtype, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Features, and a target with noise, made on the device."""
    draw = torch.Generator(device).manual_seed(0)
    X = torch.randn(rows, columns, generator=draw, dtype=dtype, device=device)
    return X, X.sum(1, keepdim=True) + torch.randn(rows, 1, generator=draw, dtype=dtype, device=device)


def shrunken(X: torch.Tensor, y: torch.Tensor) -> None:
    """A few of the proximal steps (ISTA) by which a sweep over lasso penalties is written in torch: each penalty reads the rows again."""
    w = X.new_zeros(X.shape[1], 1)
    for _ in range(SHORT):
        w = w - 0.1 / len(X) * (X.T @ (X @ w - y))
        w = w.sign() * (w.abs() - 0.01).clamp(min=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--dtype", default="float32", choices=("float32", "float64"))
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    device, repeats = torch.device(given.device), given.repeats
    rows = given.rows or (100_000_000 if device.type == "cuda" else 200_000)
    X, y = table(rows, given.columns, getattr(torch, given.dtype), device)
    what = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    print(f"{rows:,} x {given.columns} {given.dtype} on {what}, torch {torch.__version__}")

    once = seconds(X.sum, repeats, device)
    print(f"memory read once, by a sum: {once:.4f} s, {X.nbytes / once / 1e9:.0f} GB a second")
    product = seconds(lambda: X.T @ X, repeats, device)
    print(f"the bare product in {given.dtype}: {product:.4f} s, {product / once:.1f} times that")
    for folds in (1, 5):
        pass_ = seconds(lambda folds=folds: bl.Moments.collect((X, y), folds=folds), repeats, device)
        print(f"moments, {folds} fold{'s' * (folds > 1)}: {pass_:.4f} s, {pass_ / once:.1f} times the memory")

    steps = {"solver": "sgd", "lr": 0.1, "steps": STEPS, "standardize": False}
    ours = seconds(lambda: bl.fit((X, y), **steps), repeats, device)
    loop = seconds(lambda: plain_loop(X, y, SHORT), repeats, device) * STEPS / SHORT
    print(f"descent, {STEPS:,} steps: {ours:.4f} s; nn.Linear's loop {loop:.3f} s, {loop / ours:.0f} times")
    ours = seconds(lambda: bl.fit((X, y), cv="lasso", folds=10), repeats, device)
    ista = seconds(lambda: shrunken(X, y), repeats, device) * PENALTIES * 10
    print(
        f"{PENALTIES} lasso penalties x 10 folds, exact: {ours:.4f} s; {SHORT} proximal steps for each {ista:.3f} s, {ista / ours:.0f} times"
    )


if __name__ == "__main__":
    main()
