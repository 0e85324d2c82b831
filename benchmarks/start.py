"""What people wait for before anything is computed: the help, against torch's own import. Processor time, median of several.

python benchmarks/start.py [--repeats 5]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys


def processor_time(*command: str) -> float:
    """Seconds, which other processes do not lengthen."""
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    for command in (("-c", "import torch"), ("-m", "bestline", "--help"), ("-m", "bestline", "fit", "--help")):
        print(f"{' '.join(command):30} {statistics.median(processor_time(*command) for _ in range(repeats)):6.2f} s")


if __name__ == "__main__":
    main()
