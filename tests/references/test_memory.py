"""A long file is read in little memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("quiet")


_FIT_AND_MEASURE = """
import re, sys, warnings
from pathlib import Path
import torch
def peak():  # of this process alone, in MB; getrusage would start from the peak of the process that made it
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
before = peak()
import bestline as bl
warnings.simplefilter("ignore")
model = bl.fit(sys.argv[1], "y ~ a + b + c + d", solver="exact")
assert model.training.count == int(sys.argv[2])
print(peak() - before)
"""


@pytest.mark.heavy
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is measured as Linux reports it")
def test_a_long_file_is_read_in_little_memory(tmp_path: Path):
    import pyarrow as pa
    from pyarrow import csv as writer

    n = 2_000_000
    rng = np.random.default_rng(0)
    writer.write_csv(pa.table({name: rng.normal(size=n) for name in "abcdy"}), tmp_path / "long.csv")
    script = [sys.executable, "-c", _FIT_AND_MEASURE, str(tmp_path / "long.csv"), str(n)]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    assert 0 < float(done.stdout) < 600
