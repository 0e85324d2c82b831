"""The local runner: parts in order from any number of threads, errors and Ctrl-C once, nothing of it left behind."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.data import runner
from bestline.data.runner import summed
from threads import inherited

PATIENCE = 60  # seconds for another thread to do what it will do at once


def mine() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("bestline")]


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Torch may use two threads, and so may the runner, on however small a machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    monkeypatch.setattr(runner, "thread_count", lambda: 2)
    yield
    torch.set_num_threads(before)


def large(n: int = 200_000, p: int = 6) -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(5).normal(size=(n, p))
    return X, X.sum(1) + np.random.default_rng(6).normal(size=n)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_parts_are_added_in_the_order_of_the_batches(threads: int):
    def of(i: int) -> str:
        if threads > 1 and i % 2 == 0:  # later batches are done before earlier ones
            assert done[i + 1].wait(PATIENCE)
        done[i].set()
        return f"{i} "

    done = [threading.Event() for _ in range(20)]
    assert summed(range(20), of, "", threads=threads) == "".join(f"{i} " for i in range(20))
    assert not mine()


@pytest.mark.parametrize("threads", [1, 4])
def test_no_batch_and_one_batch(threads: int):
    assert summed([], str, "none", threads=threads) == "none"
    here = threading.get_ident()
    assert summed([3], lambda i: [i, threading.get_ident() == here], [], threads=threads) == [3, True]


def test_few_batches_are_read_ahead():
    read, done, most, more = 0, 0, 0, threading.Condition()

    def batches() -> Iterator[int]:
        nonlocal read
        for i in range(40):
            with more:
                read += 1
                more.notify_all()
            yield i

    def of(i: int) -> int:
        nonlocal done, most
        with more:
            assert more.wait_for(lambda: read >= min(i + 3, 40), PATIENCE), "the reader waits for the work"
            most = max(most, read - done)
            done += 1
        return i

    assert summed(batches(), of, 0, threads=2) == 780
    assert most <= 2 + 2 + 2  # at work, waiting, and what the counters lag behind


@pytest.mark.parametrize("threads", [1, 3])
def test_the_first_batch_that_fails_stops_everything(threads: int):
    read: list[int] = []

    def batches() -> Iterator[int]:
        for i in range(1000):
            read.append(i)
            yield i

    def of(i: int) -> int:
        if i == 2 and threads > 1:  # those after it fail sooner, and are not what is told
            assert later.wait(PATIENCE)
        if i >= 2:
            later.set()
            raise ValueError(f"batch {i}")
        return i

    later = threading.Event()

    with pytest.raises(ValueError, match="batch 2"):
        summed(batches(), of, 0, threads=threads)
    assert len(read) <= 12
    assert not mine()


@pytest.mark.parametrize("threads", [1, 3])
def test_a_failure_to_read_waits_its_turn(threads: int):
    def batches(last: int) -> Iterator[int]:
        yield from range(last)
        raise OSError(f"cannot read batch {last}")

    def of(i: int) -> int:
        if i == 4:
            raise ValueError("batch 4")
        return i

    with pytest.raises(OSError, match="batch 3"):
        summed(batches(3), of, 0, threads=threads)
    with pytest.raises(ValueError, match="batch 4"):
        summed(batches(5), of, 0, threads=threads)
    with pytest.raises(OSError, match="batch 0"):
        summed(batches(0), of, 0, threads=threads)


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_in_the_middle_is_raised_once_and_leaves_nothing(threads: int, ctrl_c: Callable[[], None]):
    begun: list[int] = []

    def of(i: int) -> int:
        begun.append(i)
        if i == 5:
            ctrl_c()
        return i

    with pytest.raises(KeyboardInterrupt):
        summed(range(10_000), of, 0, threads=threads)
    assert len(begun) < 100
    assert not mine()
    assert summed(range(4), lambda i: i, 0, threads=threads) == 6  # and the next pass is none the worse


@pytest.mark.usefixtures("two_threads")
def test_an_exception_of_whoever_hears_of_progress_stops_a_fit():
    def hear(what: str, share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bl.fit(large(), progress=hear)
    assert not mine()


@pytest.mark.parametrize(("own", "others"), [(2, 2), (3, 2), (2, 3)])
def test_nobody_elses_number_of_threads_changes(own: int, others: int):
    before = torch.get_num_threads()
    inside: set[int] = set()

    def of(i: int) -> float:
        inside.add(torch.get_num_threads())
        a = torch.ones(300, 300, dtype=torch.float64)
        total = float((a @ a).sum())
        inside.add(torch.get_num_threads())  # nor does a kernel bring the number of others back
        return total

    try:
        torch.set_num_threads(own)
        setter = threading.Thread(target=torch.set_num_threads, args=(others,))
        setter.start()
        setter.join()
        assert (torch.get_num_threads(), inherited()) == (own, others)
        assert summed(range(8), of, 0.0, threads=3) == 8 * 300**3
        assert inside == {1}
        assert (torch.get_num_threads(), inherited()) == (own, others)
    finally:
        torch.set_num_threads(before)


def test_the_number_of_threads_is_what_torch_may_use_and_no_more_than_cores():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert runner.thread_count() == 1
        torch.set_num_threads(500)
        assert runner.thread_count() == len(os.sched_getaffinity(0))
    finally:
        torch.set_num_threads(before)


def test_one_batch_starts_no_thread(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a thread for one batch")

    monkeypatch.setattr(runner, "ThreadPoolExecutor", refuse)
    monkeypatch.setattr(runner, "thread_count", lambda: 4)
    assert bl.fit(large(5_000)).coef["x0"] == pytest.approx(1, abs=0.1)


@pytest.mark.usefixtures("two_threads")
def test_a_fit_has_the_same_bits_with_any_number_of_threads(monkeypatch: pytest.MonkeyPatch):
    data = large()
    found = []
    for threads in (2, 3, 8):
        monkeypatch.setattr(runner, "thread_count", lambda threads=threads: threads)
        model = bl.fit(data, folds=3)
        found.append([*model.params, *model.bse, *model.held_out.rmse, *model.covariance("HC3").std_error[0].tolist()])
    assert found[0] == found[1] == found[2]


# --- forks: what a child inherits of OpenMP cannot be used ---------------------------------------------------------------

_FORK = textwrap.dedent(
    """
    import os, signal, sys
    import numpy as np, torch
    import bestline as bl
    from bestline.data import runner

    torch.set_num_threads(2)
    runner.thread_count = lambda: 2
    X = np.random.default_rng(0).normal(size=(150_000, 8)); data = (X, X.sum(1))
    (torch.ones(2_000_000) * 2).sum()  # torch's own threads are up
    own = bl.fit(data).coef.tolist()
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        again = bl.fit(data).coef.tolist()
        small = bl.fit((X[:60_000], X[:60_000].sum(1)))
        pid = os.fork()  # and a child of the child
        if pid == 0:
            signal.alarm(60)
            os._exit(0 if bl.fit(data).coef.tolist() == own else 3)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) or (0 if again == own else 2))
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), torch.get_num_threads(), bl.fit(data).coef.tolist() == own)
    """
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_can_fit_and_so_can_its_own_child():
    done = subprocess.run([sys.executable, "-c", _FORK], capture_output=True, text=True, timeout=240, check=False)
    assert (done.stdout.split(), done.stderr) == (["0", "2", "True"], "")


def _coef(seed: int) -> float:
    X = np.random.default_rng(seed).normal(size=(140_000, 3))
    return float(bl.fit((X, X.sum(1))).coef["x0"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.usefixtures("two_threads")
def test_a_pool_of_forked_workers_can_fit():
    _coef(0)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(_coef, [1, 2]).get(timeout=120) == pytest.approx([1, 1], abs=1e-9)


def test_workers_of_joblib_can_fit():
    joblib = pytest.importorskip("joblib")
    found = joblib.Parallel(n_jobs=2, backend="threading")(joblib.delayed(_coef)(seed) for seed in (1, 2))
    assert found == pytest.approx([1, 1], abs=1e-9)


# --- beside other processes ----------------------------------------------------------------------------------------------

_BESIDE = textwrap.dedent(
    """
    import multiprocessing, time
    import numpy as np, torch
    import bestline as bl

    def busy(until):
        while time.time() < until: pass

    X = np.random.default_rng(0).normal(size=(1_000_000, 20)); data = (X, X.sum(1) + np.random.default_rng(1).normal(size=len(X)))

    def cost():
        begin = time.process_time(); bl.fit(data); return time.process_time() - begin

    torch.set_num_threads(1)
    cost(); alone = min(cost() for _ in range(3))
    torch.set_num_threads(2)
    others = [multiprocessing.get_context("fork").Process(target=busy, args=(time.time() + 3600,), daemon=True) for _ in range(2)]
    for other in others: other.start()
    cost(); beside = min(cost() for _ in range(3))
    for other in others: other.kill()
    print(beside / alone)
    """
)


@pytest.mark.heavy
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_beside_two_busy_processes_a_fit_costs_little_more_than_with_one_thread():
    done = subprocess.run([sys.executable, "-c", _BESIDE], capture_output=True, text=True, timeout=600, check=True)
    assert float(done.stdout) < 2  # 1.1 as a rule; with torch's own threads it was 8.6


@pytest.mark.parametrize("threads", [1, 2])
def test_a_reader_is_closed_before_the_failure_of_a_pass_is_heard(threads: int) -> None:
    closed = []

    def reader() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(True)

    def failing(batch: int) -> int:
        if batch == 7:
            raise KeyError(batch)
        return batch

    batches = reader()  # kept here, as the traceback keeps it
    with pytest.raises(KeyError):
        summed(batches, failing, 0, threads=threads)
    assert closed


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("others", [2, 3])
def test_a_thread_that_starts_meanwhile_has_as_many_as_it_would_have_had(others: int) -> None:
    """New threads of a process take the number that was set last, by whomever: that of a fit is none of theirs."""
    setting = threading.Thread(target=torch.set_num_threads, args=(others,))
    setting.start()
    setting.join()
    assert (torch.get_num_threads(), inherited()) == (2, others)
    seen: list[tuple[int, int]] = []
    runner.calmly(lambda: seen.append((torch.get_num_threads(), inherited())))()
    assert seen == [(1, others)]
    assert (torch.get_num_threads(), inherited()) == (2, others)
