"""Cross-validation of whole penalty paths beside scikit-learn: the same folds, penalties and answers, in one run.

    python benchmarks/paths.py [--rows 1000000] [--columns 20] [--folds 10] [--penalties 100] [--repeats 3]

Ours is the whole call: the pass over the rows, all folds and penalties, and the line of the best. Ratios are peer / bestline.
scikit-learn's ridge search is timed on some of its penalties and multiplied, for it fits each penalty and fold anew.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from sklearn.linear_model import LassoCV, Ridge
from sklearn.model_selection import GridSearchCV

from bestline.moments import by_group, total
from bestline.rows import Rows
from bestline.scaling import Scaling
from bestline.selection import fold_errors, geometric
from bestline.solvers.path import Normal, solve, top


def table(n: int, p: int) -> Rows:
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(n, p, generator=generator, dtype=torch.float64)
    X[:, 1:] += 0.5 * X[:, :-1]
    slopes = torch.where(torch.arange(p) % 3 == 0, 1.0, 0.0).to(torch.float64)
    y = (X @ slopes)[:, None] + 3 * torch.randn(n, 1, generator=generator, dtype=torch.float64)
    return Rows(X, y)


def ours(rows: Rows, fold: torch.Tensor, folds: int, l1: torch.Tensor, l2: torch.Tensor) -> tuple[torch.Tensor, float, float]:
    """Errors (f, m), and the seconds of the pass and of the rest."""
    began = time.perf_counter()
    p = rows.X.shape[1]
    parts = by_group(rows, fold, folds)
    passed = time.perf_counter()
    errors = fold_errors(parts, p, l1, l2, intercept=True)[:, :, 0]
    best = int(errors.mean(0).argmin())
    whole = total(parts, p + 1)
    normal = Normal.of([whole], [Scaling.of(whole, p, intercept=True, standardize=False)])
    solve(normal, l1[best : best + 1], l2[best : best + 1])
    return errors, passed - began, time.perf_counter() - passed


def compared(
    name: str, mine: Callable[[], tuple[torch.Tensor, float, float]], peer: Callable[[], np.ndarray], scale: float, repeats: int
) -> None:
    ratios, passes, rests = [], [], []
    for _ in range(repeats):
        errors, passing, rest = mine()
        began = time.perf_counter()
        theirs = peer()
        ratios.append(scale * (time.perf_counter() - began) / (passing + rest))
        passes.append(passing)
        rests.append(rest)
    same = np.abs(errors[:, : theirs.shape[1]].numpy() / theirs - 1).max()
    print(
        f"{name:34} {statistics.median(ratios):7.1f} ({min(ratios):.1f} to {max(ratios):.1f})   pass {statistics.median(passes):.3f} s, "
        f"all folds and penalties {statistics.median(rests):.3f} s   largest relative difference {same:.0e}"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--penalties", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--tol", type=float, default=1e-4, help="of LassoCV; ours has no tolerance to choose, it ends at rounding"
    )
    parser.add_argument("--timed", type=int, default=2, help="penalties on which the peer's ridge search is timed")
    options = parser.parse_args()
    rows, folds, m = table(options.rows, options.columns), options.folds, options.penalties
    fold = torch.randperm(options.rows, generator=torch.Generator().manual_seed(1)) % folds
    cuts = [(np.flatnonzero(fold.numpy() != f), np.flatnonzero(fold.numpy() == f)) for f in range(folds)]
    X, y = rows.X.numpy(), rows.y.numpy()[:, 0]
    normal = Normal.of(
        [total(by_group(rows, fold, folds), options.columns + 1)],
        [Scaling(options.columns, True, torch.zeros(options.columns + 1), torch.ones(options.columns + 1))],
    )
    l1 = geometric(float(top(normal)), count=m)
    print(f"{options.rows:,} rows x {options.columns} columns, {folds} folds, {m} penalties; ratio = peer / bestline")
    lasso = LassoCV(alphas=(l1 / 2).numpy(), cv=cuts, tol=options.tol, max_iter=100_000)
    compared(
        "lasso, against LassoCV",
        lambda: ours(rows, fold, folds, l1, 0 * l1),
        lambda: lasso.fit(X, y).mse_path_.T,
        1.0,
        options.repeats,
    )
    l2 = torch.logspace(2, -4, m, dtype=torch.float64)
    some = (l2[: options.timed] * options.rows * (1 - 1 / folds)).numpy()

    def search() -> np.ndarray:
        grid = GridSearchCV(Ridge(), {"alpha": some}, cv=cuts, scoring="neg_mean_squared_error", refit=False).fit(X, y)
        return np.stack([-grid.cv_results_[f"split{f}_test_score"] for f in range(folds)])

    compared(
        "ridge, against GridSearchCV(Ridge)",
        lambda: ours(rows, fold, folds, 0 * l2, l2),
        search,
        m / options.timed,
        options.repeats,
    )


if __name__ == "__main__":
    main()
