"""Models to write out, and scripts run to see what they print."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import bestline as bl
from bestline.api.model import Model
from bestline.data import samples
from bestline.data.synthetic import lesson
from bestline.export.script import STYLES

# Two computations of the same steps in float64, one on rows and one on moments.
SAME = 1e-10


PENGUINS = pd.read_csv(samples.path("penguins"))


def printed(text: str) -> list[tuple[str, float]]:
    """What a script prints, run in a namespace of its own: names and numbers."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), torch.random.fork_rng():
        exec(compile(text, "script", "exec"), {"__name__": "__main__"})  # noqa: S102  it was just written by us
    return [(name, float(number)) for name, number in (line.rsplit(" ", 1) for line in out.getvalue().splitlines())]


def expected(model: Model) -> list[float]:
    """All weights and the loss at the step that was kept."""
    at = model.trace.step.tolist().index(model.step)
    return [*model.weights.flatten().tolist(), float(model.trace.loss[at])]


def agrees(model: Model, text: str, tolerance: float = SAME) -> None:
    """The script prints the model's weights, in order, and its loss."""
    got = printed(text)
    want = expected(model)
    size = max(map(abs, want[:-1]))
    assert got[-1][0] == "loss"
    assert [v for _, v in got] == pytest.approx(want, rel=tolerance, abs=tolerance * 1e-3 * size)


def columns() -> dict[str, Any]:
    """Three features of different size, two targets, and weights of which the first is zero; 41 rows."""
    g = np.random.default_rng(0)
    a, b, c = g.normal(size=41), g.normal(size=41) * 5 + 3, g.normal(size=41) * 20 + 100
    y = a - b / 2 + c / 10 + 3 + g.normal(size=41)
    return {"a": a, "b": b, "c": c, "y": y, "z": 2 * y + a**2, "w": np.r_[0.0, g.uniform(0.1, 3, 40)]}


def slope_and_bias() -> dict[str, Any]:
    made = lesson("slope-and-bias")
    return {"x": made["x"], "y": made["y"]}


def fit(formula: str = "y ~ a + b + c", **options: Any) -> Model:
    return bl.fit(columns(), formula, **options)


each_style = pytest.mark.parametrize("style", STYLES)
