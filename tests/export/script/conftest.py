"""What the tests of this room share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.script.examples import PENGUINS


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tables, in which scripts are run."""
    monkeypatch.chdir(tmp_path)
    PENGUINS.to_csv("penguins.csv", index=False)
    PENGUINS.to_parquet("penguins.parquet")
    PENGUINS.to_csv("semicolons.csv", index=False, sep=";", decimal=",", encoding="cp1252")
    holes = PENGUINS.copy()
    holes.loc[[3, 50, 51], "bill_length_mm"] = np.nan
    holes.loc[[7], "flipper_length_mm"] = np.nan
    holes.to_csv("holes.csv", index=False)
    return tmp_path
