"""What `fit` takes, in every form in which people hold it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bestline as bl

FRAME = pd.DataFrame({"x": [1.0, 2, 3, 4, 5, 6], "z": [1.0, 0, 1, 0, 0, 1], "y": [1.0, 2, 3, 4, 5.5, 6]})


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Index, pd.Series])
def test_features_are_named_by_any_sequence(kind: Callable[[Sequence[str]], Any], quiet: None) -> None:
    named = bl.fit(FRAME, target="y", features=kind(["x", "z"])).params
    pd.testing.assert_series_equal(named, bl.fit(FRAME, "y ~ x + z").params)
    assert bl.fit(FRAME, target="y", features=kind(["x"])).features == ("x",)
