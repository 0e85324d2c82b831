"""A row is far outside where it lies more than a whole range beyond what training saw, on either side."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import bestline as bl


@pytest.mark.parametrize(("x", "far"), [(19.9, False), (20.1, True), (-9.9, False), (-10.1, True), (5.0, False), (10.5, False)])
def test_a_whole_range_beyond(x: float, far: bool) -> None:
    grid = np.linspace(0, 10, 30)
    model = bl.fit({"x": grid, "y": grid + np.sin(grid)}, "y ~ x")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        model.predict({"x": [x, 1.0]})
    assert any("far outside" in str(warning.message) for warning in heard) == far
