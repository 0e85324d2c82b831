"""Threads, from every solver and estimator: one in each kernel, the caller's number untouched, and a forked child that can fit."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import bestline as bl
from threads import inherited

N = 3_000
RNG_SEED = 0


def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(RNG_SEED)
    X = rng.normal(size=(N, 5))
    return X, X.sum(1) + rng.normal(size=N)


X, Y = rows()
JOBS: dict[str, Callable[[], Any]] = {
    "exact": lambda: bl.fit((X, Y)),
    "sgd": lambda: bl.fit((X, Y), solver="sgd", steps=5),
    "adam": lambda: bl.fit((X, Y), solver="adam", lr=0.1, steps=5),
    "lbfgs": lambda: bl.fit((X, Y), solver="lbfgs", steps=5),
    "mini-batches": lambda: bl.fit((X, Y), solver="sgd", lr=0.01, batch_size=500, steps=5),
    "lasso": lambda: bl.fit((X, Y), l1=0.1),
    "ridge": lambda: bl.fit((X, Y), l2=0.1),
    "huber": lambda: bl.fit((X, Y), loss="huber"),
    "quantile": lambda: bl.fit((X, Y), loss="quantile"),
    "own loss": lambda: bl.fit((X, Y), loss=lambda p, t: ((p - t) ** 2 + 1).sqrt(), solver="adam", lr=0.1, steps=5),
    "cv": lambda: bl.fit((X, Y), cv="lasso"),
    "diagnose": lambda: bl.fit((X, Y)).diagnose(),
    "HC3": lambda: bl.fit((X, Y)).summary(cov="HC3"),
    "evaluate": lambda: bl.fit((X, Y)).evaluate((X, Y)),
    "predict": lambda: bl.fit((X, Y)).predict(X),
    "preflight": lambda: bl.preflight((X, Y)),
    "sweep": lambda: bl.sweep((X, Y), lrs=[0.1, 0.2], steps=5),
    "LinearRegression": lambda: bl.LinearRegression().fit(X, Y),
    "partial_fit": lambda: bl.LinearRegression().partial_fit(X, Y),
    "Ridge": lambda: bl.Ridge().fit(X, Y),
    "RidgeCV": lambda: bl.RidgeCV().fit(X, Y),
    "Lasso": lambda: bl.Lasso(0.1).fit(X, Y),
    "LassoCV": lambda: bl.LassoCV().fit(X, Y),
    "ElasticNetCV": lambda: bl.ElasticNetCV().fit(X, Y),
    "HuberRegressor": lambda: bl.HuberRegressor().fit(X, Y),
    "SGDRegressor": lambda: bl.SGDRegressor(max_iter=2, tol=None).fit(X, Y),
}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


class Kernels(TorchDispatchMode):
    """Hears of every kernel of this thread that may share its work, and how many threads it may have."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.threads.append(torch.get_num_threads())
        return func(*args, **(kwargs or {}))


@pytest.fixture
def three_threads() -> Iterator[None]:
    own = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(own)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("name", JOBS)
def test_one_thread_works_in_each_kernel_and_nobody_notices(name):
    with Kernels() as kernels:
        JOBS[name]()
    assert kernels.threads
    # Only what stands outside the call itself, such as the conversion of arguments, may have more.
    assert kernels.threads.count(1) > 0.9 * len(kernels.threads)
    assert (torch.get_num_threads(), inherited()) == (3, 3)


@pytest.mark.usefixtures("three_threads")
def test_a_call_that_fails_puts_the_number_back():
    with pytest.raises(bl.errors.BestlineError):
        bl.fit((X, Y), "y ~ nothing")
    assert (torch.get_num_threads(), inherited()) == (3, 3)


_FORK = textwrap.dedent(
    """
    import importlib.util, os, signal, sys, warnings
    import torch
    warnings.simplefilter("ignore")
    spec = importlib.util.spec_from_file_location("jobs", sys.argv[1])
    jobs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(jobs)
    torch.set_num_threads(2)
    (torch.ones(2_000_000) * 2).sum()  # torch's own threads are up
    failed = []
    for name, job in jobs.JOBS.items():
        job()
        pid = os.fork()
        if pid == 0:
            signal.alarm(60)  # a child that hangs is ended by it
            try:
                job()
            except BaseException:
                os._exit(1)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
            failed.append(name)
    print(failed)
    """
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_can_fit_from_every_solver_and_estimator():
    # This file is loaded there, and it imports what stands beside the rooms of the tests.
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", _FORK, __file__],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert done.stdout.strip() == "[]"
