"""Timing: processor time of the quickest of some repeats, which other programs disturb least."""

from __future__ import annotations

import time
from collections.abc import Callable


def spent(work: Callable[[], object], repeats: int) -> float:
    """Seconds."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)
