"""Absorbed effects beside pyfixest: processor time of a warm call, one thread, each library in a process of its own.

    python benchmarks/absorbed.py [--rows 1000000] [--levels 10000 100] [--repeats 5] [--python /path/to/python/with/pyfixest]

Both fit `y ~ x + z` with an effect of each level of every factor to one pandas frame of random levels, errors that vary alike, and agree
to ten digits. The ratio is pyfixest's time over bestline's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

ONE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")


def measured(library: str, rows: int, levels: list[int], repeats: int) -> dict[str, object]:
    """Seconds of the quickest of some calls after a first, and the weights with their errors."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"f{i}": rng.integers(0, many, rows) for i, many in enumerate(levels)})
    effects = sum(rng.normal(size=many)[frame[f"f{i}"]] for i, many in enumerate(levels))
    frame["x"], frame["z"] = rng.normal(size=rows) + effects / 2, rng.normal(size=rows)
    frame["y"] = 2 * frame.x - frame.z + effects + rng.normal(size=rows)
    formula = f"y ~ x + z | {' + '.join(f'f{i}' for i in range(len(levels)))}"
    if library == "pyfixest":
        import pyfixest

        fit, numbers = lambda: pyfixest.feols(formula, frame, vcov="iid"), lambda m: [*m.coef(), *m.se()]
    else:
        import bestline

        fit, numbers = lambda: bestline.fit(frame, formula), lambda m: [*m.params, *m.bse]
    found, times = numbers(fit()), []
    for _ in range(repeats):
        start = time.process_time()
        fit()
        times.append(time.process_time() - start)
    return {"seconds": min(times), "numbers": list(map(float, found))}


def main() -> None:
    """Print one line for each library, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--levels", type=int, nargs="+", default=[10_000, 100])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--only", choices=("bestline", "pyfixest"))
    given = parser.parse_args()
    if given.only:
        print(json.dumps(measured(given.only, given.rows, given.levels, given.repeats)))
        return
    asked = ["--rows", str(given.rows), "--repeats", str(given.repeats), "--levels", *map(str, given.levels)]
    found = {}
    for library, python in (("bestline", sys.executable), ("pyfixest", given.python)):
        quiet = {**os.environ, **dict.fromkeys(ONE, "1")}
        if python != sys.executable:
            quiet.pop("PYTHONPATH", None)
        command = [python, __file__, *asked, "--only", library]
        answer = subprocess.run(command, env=quiet, check=True, capture_output=True, text=True)
        found[library] = json.loads(answer.stdout.splitlines()[-1])
        print(f"{library:>9}  {found[library]['seconds']:.3f} s of one processor")
    apart = max(abs(a / b - 1) for a, b in zip(*(f["numbers"] for f in found.values()), strict=True))
    ratio = found["pyfixest"]["seconds"] / found["bestline"]["seconds"]
    print(f"{given.rows:,} rows, levels {given.levels}: pyfixest / bestline {ratio:.2f}; numbers apart by {apart:.0e}")


if __name__ == "__main__":
    main()
