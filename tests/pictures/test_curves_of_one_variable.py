"""Columns that are made of one variable are drawn as a curve over it, though the variable is no column itself."""

from __future__ import annotations

import numpy as np
import pytest

import bestline as bl
from bestline.pictures.sample import rows_shown


@pytest.mark.parametrize("right", ["bs(x, df=6)", "ns(x, df=4) + offset(z)", "poly(x, 3)", "x + I(x**2)", "log(x) + sqrt(x)"])
def test_the_curve_is_over_the_variable(right: str) -> None:
    draw = np.random.default_rng(2)
    x = draw.uniform(1, 9, 80)
    z = np.linspace(0, 1, 80)
    model = bl.fit({"x": x, "z": z, "y": np.sin(x) + z + draw.normal(size=80) / 9}, f"y ~ {right}")
    sample = rows_shown(model)
    assert sample.features == ("x",)
    assert np.allclose(np.sort(sample.rows.X[:, 0].numpy()), np.sort(x))
    heights = sample.predictions(model.trained, sample.rows.X, model.weights)[:, 0].numpy()
    known = z if "offset" in right else 0.0
    assert np.allclose(heights, model.predict({"x": x, "z": z} if "offset" in right else {"x": x}) - known, atol=1e-9)
    assert sample.targets == (("y less its offset",) if "offset" in right else ("y",))
    model.plot.data()
