"""Files beside pyarrow's own reading of them: processor time and peak memory.

    OMP_NUM_THREADS=1 python benchmarks/files.py [--rows 1000000] [--repeats 3]

A CSV file of 12 columns of numbers and a quoted column of text, read and fitted, beside `pyarrow.csv.read_csv`; a Parquet file of 10
columns and y, fitted, beside `ParquetFile.iter_batches`. One thread each, the quickest of some repeats that take turns.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from timing import spent

import bestline as bl
from bestline.data.tables import open_source


def table(rows: int, columns: int) -> pa.Table:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, columns))
    towns = np.array([f"Town, no. {i}" for i in range(20)])
    numbers = {f"x{j}": X[:, j] for j in range(columns)} | {"y": X.sum(1) + rng.normal(size=rows)}
    return pa.table(numbers | {"town": towns[rng.integers(0, 20, rows)]})


def read(path: Path) -> None:
    source = open_source(path)
    numbers = [name for name in source.names if name != "town"]
    for batch in source.batches():
        batch.numbers(numbers)
        batch.text("town")


def beside(works: dict[str, Callable[[], object]], repeats: int) -> None:
    """The first is what the others are compared with."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(repeats):
        for name, work in works.items():
            best[name] = min(best[name], spent(work, 1))
    first = next(iter(best.values()))
    for name, seconds in best.items():
        print(f"{name:28} {seconds:7.2f} s  {seconds / first:5.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as folder:
        text, parquet = Path(folder) / "t.csv", Path(folder) / "t.parquet"
        pa_csv.write_csv(table(options.rows, 11), text)
        numbers = " + ".join(f"x{j}" for j in range(11))
        own = pa_csv.ReadOptions(use_threads=False)
        beside(
            {
                "pyarrow.csv.read_csv": lambda: pa_csv.read_csv(text, read_options=own),
                "one pass, all columns": lambda: read(text),
                "fit of the numbers": lambda: bl.fit(text, f"y ~ {numbers}"),
                "moments of all columns": lambda: bl.Moments.collect(text, f"y ~ {numbers} + town"),
                "fit of all columns": lambda: bl.fit(text, f"y ~ {numbers} + town"),
                "fit of all, not named": lambda: bl.fit(text, "y ~ ."),
            },
            options.repeats,
        )
        pq.write_table(table(options.rows, 10).drop_columns("town"), parquet, row_group_size=options.rows // 10)

        def scan() -> None:
            for _ in pq.ParquetFile(parquet).iter_batches():
                pass

        beside({"iter_batches": scan, "fit": lambda: bl.fit(parquet, "y ~ .")}, options.repeats)


if __name__ == "__main__":
    main()
