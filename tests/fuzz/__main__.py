"""Random commands on random files for a set time: every answer is right or refused in one line. `make fuzz SECONDS=3600`.

Each case has a number, and the number alone makes it again: `python -m fuzz --case 123`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz.cases import KINDS, drawn
from fuzz.judge import verdict


def main() -> int:
    """Try cases until the time is up; 1 when one was answered wrongly."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--first", type=int, default=0, help="number of the first case")
    options.add_argument("--case", type=int, help="this case alone, told in full")
    options.add_argument("--most", type=int, default=10, help="failures after which to stop")
    asked = options.parse_args()
    end, number, tried, failed = time.monotonic() + asked.seconds, asked.first, Counter[str](), 0
    if asked.case is not None:
        number, end = asked.case, 0.0
    while True:
        with TemporaryDirectory(prefix="fuzz") as folder:
            case = drawn(number, Path(folder))
            fault = verdict(case, Path(folder), loud=asked.case is not None)
        tried[case.kind] += 1
        if fault:
            failed += 1
            print(f"case {number} ({case.kind}): {fault}\n    {case.shown}", flush=True)
        number += 1
        if time.monotonic() >= end or failed >= asked.most:
            break
    print(f"{sum(tried.values())} cases ({', '.join(f'{n} {kind}' for kind, n in sorted(tried.items()))}), {failed} failed")
    never = set(KINDS) - set(tried)
    if asked.case is None and never:
        print(f"never tried: {', '.join(sorted(never))}; give it more seconds")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
