"""One row at a time: rows a second of an epoch, beside torch's own loop and scikit-learn's.

    python benchmarks/stochastic.py [--rows 200000] [--columns 2 10 30 100]

The loop is nn.Linear, MSELoss, autograd and optim.SGD. "off" is how far an epoch's weights are from the loop's after as many rows.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import sklearn.linear_model as theirs
import torch

from bestline.numerics.rows import Rows
from bestline.training.solvers.row_loop import OneByOne, Progress, epoch

LOOP = 3_000  # rows that the loop is timed on


def fastest(run: Callable[[], object], rows: int, times: int = 3) -> float:
    """Rows a second, at best."""
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    return rows / best


def loop(X: torch.Tensor, y: torch.Tensor, rate: float) -> torch.Tensor:
    """Weights (p,) after torch's own loop."""
    model = torch.nn.Linear(X.shape[1], 1, dtype=torch.float64)
    torch.nn.init.zeros_(model.weight)
    torch.nn.init.zeros_(model.bias)
    optimizer, loss = torch.optim.SGD(model.parameters(), lr=rate), torch.nn.MSELoss()
    for i in range(len(X)):
        optimizer.zero_grad()
        loss(model(X[i : i + 1]), y[i : i + 1]).backward()
        optimizer.step()
    return model.weight.detach()[0]


def main() -> None:
    """Print one line for each number of columns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, nargs="+", default=[2, 10, 30, 100])
    given = parser.parse_args()
    n = given.rows
    print(
        f"{'columns':>7} {'bestline':>10} {'with l2, mean':>14} {'scikit-learn':>13} {'torch loop':>11} {'ratio':>6} {'off':>8}"
    )
    for p in given.columns:
        generator = torch.Generator().manual_seed(0)
        X = torch.randn(n, p, dtype=torch.float64, generator=generator)
        y = X.sum(1, keepdim=True) + torch.randn(n, 1, dtype=torch.float64, generator=generator)
        rate = 0.1 / (p + 3)

        def ours(order: torch.Tensor, how: OneByOne, X: torch.Tensor = X, y: torch.Tensor = y, p: int = p) -> torch.Tensor:
            start = Progress.start(torch.zeros(p, dtype=torch.float64), 0.0, eta=how.eta0)
            owed = torch.zeros(2, p, dtype=torch.float64)
            return epoch(how, Rows(X, y), order, torch.ones(len(order), dtype=torch.float64), start, owed).weights

        order = torch.randperm(n, generator=generator)
        plain = OneByOne(rate="constant", eta0=rate)
        speed = fastest(lambda o=order, h=plain: ours(o, h), n)
        rich = OneByOne(rate="constant", eta0=rate, l2=1e-4, average=1)
        full = fastest(lambda o=order, h=rich: ours(o, h), n)
        other = theirs.SGDRegressor(penalty=None, learning_rate="constant", eta0=rate, max_iter=1, tol=None)
        a, b = X.numpy(), y.numpy().ravel()
        sklearn = fastest(lambda o=other, a=a, b=b: o.fit(a, b), n)
        few = order[:LOOP]
        slow = fastest(lambda X=X[few], y=y[few], r=rate / 2: loop(X, y, r), LOOP)  # its loss is twice ours
        off = float((ours(few, plain) - loop(X[few], y[few], rate / 2)).abs().max())
        print(f"{p:7} {speed:10,.0f} {full:14,.0f} {sklearn:13,.0f} {slow:11,.0f} {speed / slow:6,.0f} {off:8.0e}")


if __name__ == "__main__":
    main()
