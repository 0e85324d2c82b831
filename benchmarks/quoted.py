"""Quoted files beside unquoted ones of the same content: processor time of one reading.

    python benchmarks/quoted.py [--rows 300000] [--columns 6] [--repeats 5]

Ratios are quoted / unquoted, medians of interleaved repeats, of opening the file and reading all its numbers. At most 1.3 is promised.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from bestline.data.tables import open_source

WAYS = {"unquoted": csv.QUOTE_MINIMAL, "words quoted": csv.QUOTE_NONNUMERIC, "all quoted": csv.QUOTE_ALL}


def written(path: Path, rows: list[list[object]], quoting: int) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return path


def spent(path: Path) -> float:
    start = time.process_time()
    source = open_source(path)
    numbers = [name for name in source.names if name.startswith("x")]
    for batch in source.batches(numbers):
        batch.numbers(numbers)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(options.rows, options.columns)).tolist()
    words = rng.choice(["alpha", "beta", "gamma delta"], options.rows)
    rows: list[list[object]] = [[*(f"x{j}" for j in range(options.columns)), "g"]]
    rows += [[*row, word] for row, word in zip(numbers, words, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        files = {way: written(Path(folder) / f"{quoting}.csv", rows, quoting) for way, quoting in WAYS.items()}
        times = {way: [] for way in files}
        for _ in range(options.repeats):
            for way, path in files.items():
                times[way].append(spent(path))
    plain = statistics.median(times["unquoted"])
    for way, own in times.items():
        print(f"{way:14} {statistics.median(own):6.2f} s  {statistics.median(own) / plain:5.2f}")


if __name__ == "__main__":
    main()
