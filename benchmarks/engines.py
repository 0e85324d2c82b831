"""What a cluster costs: the same fit by one process and by one and two workers of Dask, and how many bytes move.

python benchmarks/engines.py [--rows 5000000]
"""

from __future__ import annotations

import argparse
import pickle
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from distributed import Client
from distributed.deploy.subprocess import SubprocessCluster

import bestline as bl
from bestline.data.collected import Collect
from bestline.data.folds import ByHash
from bestline.data.tables import open_source
from bestline.engines.partitioned import found_in

COLUMNS = 10
GROUP = 250_000


def write(path: Path, rows: int) -> None:
    draw = np.random.default_rng(0)
    names = [f"x{j}" for j in range(COLUMNS)]
    writer = None
    for _ in range(0, rows, GROUP):
        X = draw.normal(size=(GROUP, COLUMNS))
        table = pa.table({**dict(zip(names, X.T, strict=True)), "y": X.sum(1) + draw.normal(size=GROUP)})
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=GROUP)
    assert writer is not None  # noqa: S101
    writer.close()


def timed(work: Callable[[], Any], workers: Client | None) -> tuple[Any, float, float]:
    """What it gives, the wall's seconds, and the processors' here and there."""

    def there() -> float:
        return sum(workers.run(time.process_time).values()) if workers is not None else 0.0

    own, far, wall = time.process_time(), there(), time.perf_counter()
    found = work()
    return found, time.perf_counter() - wall, time.process_time() - own + there() - far


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        write(path, rows)
        here, wall, processor = timed(lambda: bl.fit(str(path), target="y"), None)
        print(f"{'here':12} {wall:6.1f} s {processor:6.1f} s of processor time")
        for n in (1, 2):
            with (
                SubprocessCluster(
                    n_workers=n, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50
                ) as cluster,
                Client(cluster, set_as_default=False) as client,
            ):
                client.wait_for_workers(n)
                bl.fit(str(path), target="y", engine=client)  # libraries are loaded once
                there, wall, processor = timed(lambda client=client: bl.fit(str(path), target="y", engine=client), client)
                gap = float(np.abs(there.params - here.params).max())
                print(
                    f"{n} worker{'s' * (n > 1):5} {wall:6.1f} s {processor:6.1f} s of processor time, furthest weight {gap:.0e} off"
                )
        source = open_source(str(path)).split(rows // GROUP)[0]
        over = Collect(here.design, 5, _folds(here.design))
        reply = found_in(over, source, 0, 0)
        print(f"a pass {len(pickle.dumps(over)):,} bytes, what comes back of a partition {len(pickle.dumps(reply)):,}")


def _folds(design: Any) -> Any:
    return ByHash.of(design, 5, 0) if hasattr(ByHash, "of") else ByHash(5, 0)


if __name__ == "__main__":
    main()
