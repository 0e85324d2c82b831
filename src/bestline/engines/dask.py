"""Dask: passes over a Dask DataFrame, or over files, by the workers of a Dask cluster.

    partition -> part, by a worker where it lies      parts -> their sum, by eights, in a tree      the sum comes here, some kB

A worker that dies takes parts with it; Dask makes these again, so neither the sum nor its bits change.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import reduce
from operator import add
from typing import Any

import torch

from bestline.data.passes import PartT, Pass
from bestline.data.progress import Share
from bestline.data.runner import thread_count
from bestline.data.tables import Batch, Files, Source, open_source
from bestline.data.tables.judgement import JUDGED
from bestline.data.tables.streams import Schema
from bestline.engines.partitioned import Partitioned, Reply, found_in, partition
from bestline.errors import BestlineError, DataError, OptionError, readable

_TOGETHER = 8  # parts that are added by one task
_WAIT = 30.0  # seconds that a cluster may be without workers: one that is started again takes some
_LOOK = 0.5  # seconds between two looks at what is done
_EACH = 3  # partitions of files for each core, so that none waits long for the last


class Cluster:
    """Who computes: a client of a cluster, or None for Dask's own scheduler in this process."""

    def __init__(self, client: Any) -> None:
        self.client = client

    @classmethod
    def there(cls) -> Cluster:
        """The client that is open, if there is one."""
        from dask.base import get_scheduler  # an optional library

        client = getattr(get_scheduler(), "__self__", None)
        return cls(client if hasattr(client, "scheduler_info") else None)

    @property
    def cores(self) -> int:
        """How many tasks may run at once."""
        if self.client is None:
            return thread_count()
        return max(1, sum(worker["nthreads"] for worker in self._workers().values()))

    def result(self, task: Any, parts: Sequence[Any] = (), progress: Share | None = None) -> Any:
        """What a task gives, whose errors are raised here as themselves; progress tells how many of the `parts` are done.

        Raises DataError where there are no workers, or partitions end them.
        """
        if self.client is None:
            from dask.base import compute  # an optional library

            return compute(task)[0]
        self.check()
        future, *others = self.client.compute([task, *(parts if progress is not None else ())])
        alone = 0.0
        try:
            while not future.done():
                alone = 0.0 if self._workers() else alone + _LOOK
                if alone >= _WAIT:
                    raise self._no_worker("has lost all its workers, and none has come back")
                if progress is not None and others:
                    progress(sum(other.done() for other in others) / len(others))
                _pause(future)
            with self._answering():
                return future.result()
        finally:
            self.client.cancel([future, *others])

    def _workers(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.scheduler_info(n_workers=-1)["workers"]
        return found

    def check(self) -> None:
        """Raise DataError where there is no worker, and none comes within half a minute."""
        until = time.monotonic() + _WAIT
        while not self._workers():
            if self.client.status != "running" or time.monotonic() > until:
                raise self._no_worker("has no worker")
            time.sleep(_LOOK)

    def _no_worker(self, what: str) -> DataError:
        at = self.client.scheduler.address if self.client.scheduler is not None else "that was given"
        return DataError(f"The Dask cluster {at} {what}; start some, by `dask worker {at}`, and run this again.")

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Turn what Dask says of its own failure into a DataError; errors of ours are raised as they are."""
        try:
            yield
        except BestlineError:
            raise
        except Exception as error:
            said = " ".join(str(error).split())[:300] or type(error).__name__
            lacking = next((cause for cause in _causes(error) if isinstance(cause, ModuleNotFoundError)), None)
            if type(error).__name__ == "KilledWorker":
                said = "the same partition has ended several workers, most likely for want of memory; use smaller partitions"
            elif lacking is not None:
                said = f"{lacking}; install bestline, in this version, where the scheduler and the workers run"
            raise DataError(f"The Dask cluster could not do the work ({type(error).__name__}): {said.rstrip('.')}.") from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _pause(future: Any) -> None:
    with suppress(TimeoutError):
        future.exception(timeout=_LOOK)


class OnDask(Partitioned):
    """A table whose partitions the tasks `pieces` give, where they are: a frame, or a Source of files."""

    def __init__(
        self, pieces: Sequence[Any], known: Schema | Source, cluster: Cluster, *, label: str, rows: Sequence[int | None] = ()
    ) -> None:
        self.pieces, self.cluster, self.label = pieces, cluster, label
        super().__init__(known, len(pieces), rows)

    def found(self, over: Pass[Batch, PartT], firsts: Sequence[int | None], progress: Share | None) -> Reply[PartT] | None:
        """A task for each partition, and a tree of tasks that add."""
        from dask.delayed import delayed  # an optional library

        # One value that all tasks share, sent to each worker once, and not looked into for tasks.
        schema = self.known if isinstance(self.known, Schema) else None  # files bring what is known of them
        shared = delayed((over, schema), pure=False, traverse=False)
        run = delayed(_found_there, pure=False, traverse=False)
        parts = [
            run(shared, piece, i, first)
            for i, (piece, first) in enumerate(zip(self.selected(over.columns), firsts, strict=True))
        ]
        if not parts:
            return None
        together, level = delayed(_together, pure=False, traverse=False), parts
        while len(level) > 1:
            level = [together(*level[i : i + _TOGETHER]) for i in range(0, len(level), _TOGETHER)]
        found: Reply[PartT] = self.cluster.result(level[0], parts, progress)
        if progress is not None:
            progress(1.0)
        return found

    def selected(self, names: Collection[str]) -> Sequence[Any]:
        """The pieces with the columns that are read."""
        return self.pieces


class DaskFrame(OnDask):
    """A Dask DataFrame."""

    def __init__(self, frame: Any, text: Collection[str], cluster: Cluster) -> None:
        from dask.delayed import delayed  # an optional library

        self.frame = frame
        first = delayed(_first_rows, pure=False)
        pieces = frame.to_delayed()
        known = Schema.of((cluster.result(first(piece)) for piece in pieces), text, "the Dask frame")
        super().__init__(pieces, known, cluster, label="the data")

    def selected(self, names: Collection[str]) -> Sequence[Any]:
        """Dask reads no other columns, where it reads files."""
        wanted = [column for column in self.frame.columns if str(column) in self.stored(list(names))]
        return self.frame[wanted or list(self.frame.columns[:1])].to_delayed()

    def _batches(self, names: tuple[str, ...], size: int, progress: Share, order: torch.Generator | None) -> Iterator[Batch]:
        assert isinstance(self.known, Schema)  # noqa: S101  as it was made
        first = rows = 0
        for number, piece in enumerate(self.selected(names)):
            frame = self.cluster.result(piece)
            for batch in partition([frame], self.known, number, first).batches(names or None, size=size):
                rows = batch.start + batch.rows
                yield batch.after(first)
            first, rows = first + rows, 0
            progress((number + 1) / self.partitions)


class FilesOnDask(OnDask):
    """Files that the workers read: some row groups of a Parquet file each, or a file."""

    def __init__(self, files: Files, cluster: Cluster) -> None:
        from dask.delayed import delayed  # an optional library

        self.files = files
        split = files.split(_EACH * cluster.cores)
        pieces = [delayed(part, pure=False, traverse=False) for part in split]
        super().__init__(pieces, files, cluster, label=files.label, rows=[part.count for part in split])

    def _batches(self, names: tuple[str, ...], size: int, progress: Share, order: torch.Generator | None) -> Iterator[Batch]:
        return self.files.batches(names, size=size, progress=progress, order=order)


def _found_there(shared: tuple[Pass[Batch, PartT], Any], piece: Any, number: int, first: int | None) -> Reply[PartT]:
    """What a worker does with a partition."""
    over, known = shared
    source = piece if isinstance(piece, Source) else partition([piece], known, number, first)
    return found_in(over, source, number, first)


def _together(*found: Reply[PartT]) -> Reply[PartT]:
    return reduce(add, found)


def _first_rows(frame: Any) -> Any:
    return frame.iloc[:JUDGED]


class Dask:
    """The engine of Dask DataFrames; files are read by the cluster of a client, of an address, or by one that is started here."""

    name = "dask"

    def owns(self, data: Any) -> bool:
        """A collection of Dask."""
        return type(data).__module__.partition(".")[0] in ("dask", "dask_expr") and hasattr(data, "__dask_graph__")

    def open(self, data: Any, text: Collection[str] = ()) -> Source:
        """A DataFrame, by the client that is open, or by Dask's own scheduler."""
        return _of_frame(data, text, Cluster.there())

    def serves(self, engine: Any) -> bool:
        """A client, the address of a scheduler, or "dask"."""
        if isinstance(engine, str):
            return engine == self.name or engine.startswith(("tcp://", "tls://", "ucx://", "ws://", "wss://", "inproc://"))
        return type(engine).__module__.partition(".")[0] == "distributed"

    def read(self, data: Any, engine: Any, text: Collection[str] = ()) -> Source:
        """A DataFrame or files, by that cluster."""
        if self.owns(data):
            return _of_frame(data, text, Cluster(_client(engine)))
        source = open_source(data, text=text)
        if not isinstance(source, Files):
            raise OptionError("`engine` reads files and Dask frames; these data are in this process, so leave it out.")
        cluster = Cluster(_client(engine))
        cluster.check()
        return FilesOnDask(source, cluster)


def _of_frame(data: Any, text: Collection[str], cluster: Cluster) -> Source:
    if not hasattr(data, "to_delayed") or getattr(data, "ndim", 0) != 2 or not hasattr(data, "columns"):
        raise DataError(
            f"Data of the type {readable(type(data).__name__)} of Dask is no table; give a Dask DataFrame, such as "
            f"dask.dataframe.from_dask_array(X), or compute it."
        )
    return DaskFrame(data, text, cluster)


_OPEN: dict[str, Any] = {}  # clients that were made here, by address; they end with the process


def _client(engine: Any) -> Any:
    """The client that is meant: itself, or one for an address, or of a cluster of this machine."""
    if not isinstance(engine, str):
        client = engine if hasattr(engine, "scheduler_info") else getattr(engine, "get_client", lambda: None)()
        if client is None:
            raise OptionError(f"`engine` is a Dask client, its address, or 'dask'; got {readable(type(engine).__name__)}.")
        return client
    try:
        import distributed
    except ImportError as error:
        raise OptionError("Dask is not installed here; pip install 'bestline[dask]'.") from error
    client = _OPEN.get(engine)
    if client is None or client.status != "running":
        client = _OPEN[engine] = _local() if engine == Dask.name else _connected(engine, distributed.Client)
        atexit.register(_closed, client)
    return client


def _connected(address: str, client: Callable[..., Any]) -> Any:
    try:
        return client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"There is no Dask scheduler at {readable(address)} that answers; start one, by `dask scheduler`, and workers, by "
            f"`dask worker {address}`."
        ) from error


def _local() -> Any:
    """A cluster of this machine, a process for each core; as programs of their own, which need no `if __name__ == "__main__"`."""
    from distributed import Client  # an optional library
    from distributed.deploy.subprocess import SubprocessCluster

    workers = thread_count()
    cluster = SubprocessCluster(
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        n_workers=workers,
        threads_per_worker=1,
        silence_logs=50,
    )
    client = Client(cluster, set_as_default=False)
    client.wait_for_workers(workers, timeout=120)
    return client


def _closed(client: Any) -> None:
    cluster = client.cluster
    client.close()
    if cluster is not None:
        cluster.close()
