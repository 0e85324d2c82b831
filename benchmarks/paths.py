"""Cross-validated penalty paths beside other libraries: the same folds, penalties and tolerance, in one run.

    python benchmarks/paths.py [--rows 1000000] [--columns 20] [--folds 10] [--repeats 3] [--clock wall]
    python benchmarks/paths.py --rows 100000 --columns 500

Ours is the whole public call, `bl.fit((X, y), cv="lasso", folds=10)`, on the columns as they stand: the pass over the rows, the
folds drawn, all folds and penalties solved, and the model. Ratios are peer / bestline, medians of repeats that take turns.
celer, skglm, glum and adelie are tried where they are installed; each first works on a few rows, so that nothing is compiled
while the clock runs. scikit-learn's ridge search is timed on some of its penalties and multiplied, for it fits each penalty and
fold anew. On a busy machine use OMP_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1 with --clock cpu: seconds that this process worked.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import bestline as bl
from bestline.data.folds import row_hash
from bestline.numerics.rows import Rows

Array = np.ndarray[Any, Any]
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
FEW = 2_000  # rows of the warm-up


@dataclass(frozen=True)
class Problem:
    """Rows, their folds, and the penalties in scikit-learn's terms."""

    X: Array
    y: Array
    fold: Array
    folds: int
    alphas: Array
    tol: float

    @property
    def cuts(self) -> list[tuple[Array, Array]]:
        """Training and test rows of each fold."""
        return [(np.flatnonzero(self.fold != f), np.flatnonzero(self.fold == f)) for f in range(self.folds)]

    def few(self) -> Problem:
        """The same of the first rows."""
        return Problem(self.X[:FEW].copy(), self.y[:FEW].copy(), self.fold[:FEW], self.folds, self.alphas[:5], self.tol)


def table(n: int, p: int) -> tuple[Array, Array]:
    """Columns that are correlated with their neighbours; a third of them matter."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(n, p, generator=generator, dtype=torch.float64)
    X[:, 1:] += 0.5 * X[:, :-1]
    slopes = torch.where(torch.arange(p) % 3 == 0, 1.0, 0.0).to(torch.float64)
    y = X @ slopes + 3 * torch.randn(n, generator=generator, dtype=torch.float64)
    return X.numpy(), y.numpy()


def by_scikit_learn(problem: Problem) -> Array:
    from sklearn.linear_model import LassoCV

    model = LassoCV(alphas=problem.alphas, cv=problem.cuts, tol=problem.tol, max_iter=100_000)
    return np.asarray(model.fit(problem.X, problem.y).mse_path_.T)


def by_path(problem: Problem, path: Callable[[Array, Array], Array]) -> Array:
    """Errors of a function (X, y) -> coefs (p, m) on centred columns, fold by fold."""
    errors = []
    for train, test in problem.cuts:
        X, y = problem.X[train], problem.y[train]
        x_mean, y_mean = X.mean(0), y.mean()
        coefs = path(np.asfortranarray(X - x_mean), y - y_mean)
        residual = (problem.y[test] - y_mean)[:, None] - (problem.X[test] - x_mean) @ coefs
        errors.append((residual**2).mean(0))
    return np.stack(errors)


def by_celer(problem: Problem) -> Array:
    import celer

    return by_path(problem, lambda X, y: celer.celer_path(X, y, "lasso", alphas=problem.alphas, tol=problem.tol)[1])


def by_skglm(problem: Problem) -> Array:
    import skglm

    model = skglm.Lasso(tol=problem.tol, fit_intercept=False)
    return by_path(problem, lambda X, y: model.path(X, y, problem.alphas)[1])


def by_glum(problem: Problem) -> Array:
    import glum

    model = glum.GeneralizedLinearRegressorCV(
        family="normal", l1_ratio=1.0, alphas=list(problem.alphas), cv=problem.cuts, gradient_tol=problem.tol
    )
    model.fit(problem.X, problem.y)
    return np.asarray(model.deviance_path_).reshape(problem.folds, -1)


def by_adelie(problem: Problem) -> Array:
    import adelie as ad

    errors = []
    for train, test in problem.cuts:
        X, y = np.asfortranarray(problem.X[train]), problem.y[train]
        path = ad.grpnet(
            X, ad.glm.gaussian(y), lmda_path=problem.alphas, tol=problem.tol**2, early_exit=False, progress_bar=False
        )
        residual = problem.y[test] - ad.diagnostic.predict(problem.X[test], path.betas, path.intercepts)
        errors.append((residual**2).mean(1))
    return np.stack(errors)


PEERS: dict[str, tuple[str, Callable[[Problem], Array]]] = {
    "scikit-learn": ("LassoCV", by_scikit_learn),
    "celer": ("celer_path", by_celer),
    "skglm": ("Lasso.path", by_skglm),
    "glum": ("RegressorCV", by_glum),
    "adelie": ("grpnet", by_adelie),
}


def by_search(problem: Problem) -> Array:
    """scikit-learn's ridge search."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV

    grid = GridSearchCV(Ridge(), {"alpha": problem.alphas}, cv=problem.cuts, scoring="neg_mean_squared_error", refit=False)
    found = grid.fit(problem.X, problem.y).cv_results_
    return np.stack([-found[f"split{f}_test_score"] for f in range(problem.folds)])


def ours(problem: Problem, kind: str) -> Any:
    return bl.fit((problem.X, problem.y), cv=kind, folds=problem.folds, standardize=False).cv


def compared(
    name: str,
    problem: Problem,
    kind: str,
    peer: Callable[[Problem], Array],
    *,
    repeats: int,
    clock: Callable[[], float],
    scale: float,
) -> None:
    """Print the median ratio and its range; `scale` is by what the peer's time is multiplied."""
    try:
        began = clock()
        peer(problem.few())
        warm = clock() - began
    except ImportError:
        print(f"{name:44} not installed")
        return
    except Exception as error:
        print(f"{name:44} failed: {type(error).__name__}: {str(error)[:80]}")
        return
    ratios, mine, theirs = [], [], []
    for _ in range(repeats):
        began = clock()
        chosen = ours(problem, kind)
        mine.append(clock() - began)
        began = clock()
        errors = peer(problem)
        theirs.append(scale * (clock() - began))
        ratios.append(theirs[-1] / mine[-1])
    own = chosen.fold_mse[:, : errors.shape[1], 0].numpy()
    print(
        f"{name:44} {statistics.median(ratios):7.1f} ({min(ratios):.1f} to {max(ratios):.1f})   "
        f"{statistics.median(theirs):8.2f} s and {statistics.median(mine):.3f} s   largest relative difference "
        f"{np.abs(errors / own - 1).max():.0e}   first call on {FEW:,} rows {warm:.1f} s",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    parser.add_argument("--peers", nargs="*", choices=[*PEERS, "ridge"], default=[*PEERS, "ridge"])
    parser.add_argument(
        "--tol", type=float, default=1e-4, help="of the peers; ours has no tolerance to choose, it ends at rounding"
    )
    parser.add_argument("--timed", type=int, default=2, help="penalties on which the peer's ridge search is timed")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    X, y = table(options.rows, options.columns)
    fold = row_hash(Rows(torch.from_numpy(X), torch.from_numpy(y)[:, None]), 0).numpy() % options.folds
    problem = Problem(X, y, fold, options.folds, np.ones(1), options.tol)
    how: dict[str, Any] = {"repeats": options.repeats, "clock": CLOCKS[options.clock]}
    print(
        f"{options.rows:,} rows x {options.columns} columns, {options.folds} folds, {torch.get_num_threads()} threads; "
        f"ratio = peer / bestline, median (range) of {options.repeats}, {options.clock} seconds"
    )
    lasso = Problem(X, y, fold, options.folds, ours(problem, "lasso").l1[:-1].numpy() / 2, options.tol)
    for name, (what, peer) in PEERS.items():
        if name in options.peers:
            compared(f"lasso, {len(lasso.alphas)} penalties: {name} {what}", lasso, "lasso", peer, scale=1.0, **how)
    if "ridge" in options.peers:
        l2 = ours(problem, "ridge").l2[:-1].numpy()
        ridge = Problem(X, y, fold, options.folds, l2[: options.timed] * len(y) * (1 - 1 / options.folds), options.tol)
        title = f"ridge, {len(l2)} penalties: scikit-learn GridSearchCV"
        compared(title, ridge, "ridge", by_search, scale=len(l2) / options.timed, **how)


if __name__ == "__main__":
    main()
