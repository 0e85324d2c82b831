"""The local runner: a pass over batches of rows, on a pool of threads of this process.

Batches are read one after the other in the thread that asked, for readers need not be safe in several. What the pass finds in
each is computed in the pool, and the parts are added in the order of the batches: so the bits do not depend on the number of
threads.

One thread works in each kernel. Torch's own threads share the work of each kernel and wait for each other at its end, spinning:
beside other busy processes that wait takes longer than the work, and all of it counts as processor time. Threads that take whole
batches need not meet.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial, wraps
from itertools import chain
from typing import NoReturn, ParamSpec, TypeVar

import torch

from bestline.data.passes import PartT

BatchT = TypeVar("BatchT")
_P = ParamSpec("_P")
_R = TypeVar("_R")

_AHEAD = 2  # batches read that wait for a thread: enough that none is idle, and few, so that memory stays constant
_calm = threading.local()  # `own`: how many threads the caller lets torch use, while one works in each kernel
_inheriting = threading.Lock()  # held while new threads would inherit a number of threads that is meant for one of ours only


def summed(batches: Iterable[BatchT], of: Callable[[BatchT], PartT], empty: PartT, *, threads: int | None = None) -> PartT:
    """`empty` + of(first batch) + of(second batch) + ..., added in this order, computed by several threads.

    The first batch in which something fails, reading or computing, stops everything, and its exception is raised here, once; so
    is Ctrl-C. When this returns or raises, no thread of it is left: a child forked later has nothing to wait for. One batch
    alone is not worth a thread and is done at once.

    Parameters
    ----------
    batches : iterable
        Read in the calling thread, a few batches ahead of the work.
    of : callable
        The part of a batch.
    empty
        The part of no rows.
    threads : int, optional
        How many may work; `thread_count()` by default.
    """
    threads = thread_count() if threads is None else threads
    found = empty
    with closing(_tasks(batches, of)) as tasks:
        # The second batch tells whether there is anything to share.
        first = [task for _, task in zip(range(2 if threads > 1 else 0), tasks, strict=False)]
        todo = chain(first, tasks)
        for part in _pooled(todo, threads) if len(first) > 1 else (task() for task in todo):
            found = found + part
    return found


def thread_count() -> int:
    """How many threads may work: as many as the caller lets torch use, and no more than there are cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(getattr(_calm, "own", None) or torch.get_num_threads(), cores))


def calmly(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A function in whose kernels one thread works, as in those of the pool; the caller's number of threads is as before after it.

    Between passes there are many small kernels (steps of descent, paths, folds), each of which would wait for its threads.
    """

    @wraps(function)
    def called(*args: _P.args, **given: _P.kwargs) -> _R:
        own = torch.get_num_threads()
        if own == 1 or getattr(_calm, "own", None) is not None:
            return function(*args, **given)
        others = _set_here(1)
        _calm.own = own  # as many as the pool may still have
        try:
            return function(*args, **given)
        finally:
            _calm.own = None
            _set_here(own, others)

    return called


def _set_here(number: int, others: int | None = None) -> int:
    """Set this thread's number of threads, and leave, or put, the number for all others at `others`, which is returned."""

    def elsewhere(change: int | None) -> int:
        found: list[int] = []

        def look() -> None:
            found.append(torch.get_num_threads())
            if change is not None:
                torch.set_num_threads(change)

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        return found[0]

    with _inheriting:
        others = elsewhere(None) if others is None else others
        torch.set_num_threads(number)
        elsewhere(others)
    return others


def _tasks(batches: Iterable[BatchT], of: Callable[[BatchT], PartT]) -> Generator[Callable[[], PartT]]:
    """What is to be computed, batch by batch. A failure to read is one more task: the batches before it have their say first."""
    try:
        for batch in batches:
            yield partial(of, batch)
    except Exception as error:
        yield partial(_fail, error)
    finally:
        # The traceback of a failure holds the reader, and with it an open file, as long as somebody keeps the exception.
        if isinstance(batches, Generator):
            batches.close()


def _fail(error: Exception) -> NoReturn:
    raise error


def _pooled(tasks: Iterator[Callable[[], PartT]], threads: int) -> Iterator[PartT]:
    """The parts in order, computed by a pool that ends with them."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="bestline", initializer=_one_thread_a_kernel)
    waiting: deque[Future[PartT]] = deque()
    try:
        for task in tasks:
            waiting.append(pool.submit(task))
            # Invariant: `waiting` holds what is not yielded, oldest first; so order is kept, and errors come up in it.
            if len(waiting) >= threads + _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # Waiting for what runs: nobody may touch the caller's arrays after an error or Ctrl-C has reached the caller.
        pool.shutdown(wait=True, cancel_futures=True)


def _one_thread_a_kernel() -> None:
    """Let torch use one thread in this thread, and nobody else notice.

    Torch keeps a number of threads for each thread, and one for all: the last one set anywhere, which a thread takes over when it
    first asks or computes. So this thread asks first, or it would lose its own number again at its first kernel; and a thread of
    a moment's life puts back what is for all.
    """
    with _inheriting:
        inherited = torch.get_num_threads()  # before setting: only then is this thread settled
        torch.set_num_threads(1)
        restorer = threading.Thread(target=torch.set_num_threads, args=(inherited,))
        restorer.start()
        restorer.join()


def _in_forked_child() -> None:
    """A forked child works with one thread in each kernel.

    The threads of GNU's OpenMP, which torch brings along, stay behind in the parent, and a kernel that shares its work would wait
    for them for ever. Torch's own loaders do the same in their workers. The lock may have been held by a thread that is gone.
    """
    global _inheriting  # noqa: PLW0603
    _inheriting = threading.Lock()
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_child)
