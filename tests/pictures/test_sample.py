"""Of many rows some are drawn, by seed and weight."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.errors import ShapeError
from bestline.numerics.rows import Rows
from bestline.pictures import figures
from bestline.pictures.sample import Sample, rows_shown
from pictures.examples import made, sampled


def test_large_data_are_sampled_by_seed_whatever_the_batches():
    rows = made(n=5_000)
    at_once = Sample.draw(rows, ["a"], ["b"])
    batches = Sample.draw((rows[i : i + 700] for i in range(0, 5_000, 700)), ["a"], ["b"])
    assert len(at_once.rows) == 2_000
    assert at_once.note == "2,000 of 5,000 rows shown."
    assert torch.equal(at_once.rows.X, batches.rows.X)
    assert not torch.equal(at_once.rows.X, Sample.draw(rows, ["a"], ["b"], seed=1).rows.X)
    assert not sampled(made()).note
    assert "2,000 of 5,000 rows shown." in figures.data(at_once).note


def test_rows_of_no_weight_are_not_drawn():
    rows = made(n=4)
    sample = Sample.draw(Rows(rows.X, rows.y, torch.tensor([1.0, 0.0, 2.0, 0.0], dtype=torch.float64)), ["a"], ["b"])
    assert (len(sample.rows), sample.of) == (2, 2)
    with pytest.raises(ShapeError):
        Sample.draw(Rows(rows.X, rows.y, torch.zeros(4, dtype=torch.float64)), ["a"], ["b"])
    with pytest.raises(ShapeError):
        Sample.draw(rows, ["a", "b"], ["c"])


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
@pytest.mark.parametrize(
    ("formula", "axes"),
    [
        ("y ~ x", ("x",)),
        ("y ~ x + I(x**2)", ("x",)),
        ("y ~ x + I(x**2) + I(x**3)", ("x",)),
        ("y ~ x + z", ("x", "z")),
        ("y ~ x + I(z**2)", ("x", "I(z ** 2)")),
        ("y ~ I(x**2) + I(x**3)", ("x",)),
        ("y ~ bs(x, df=4)", ("x",)),
        ("y ~ I(x**2)", ("I(x ** 2)",)),
    ],
)
def test_columns_of_one_variable_are_a_curve_over_it(formula, axes):
    """Whether or not the variable itself is among them; a single column is its own axis."""
    x = torch.linspace(-1, 2, 30, dtype=torch.float64)
    z = torch.sin(9 * x)
    data = {"x": x.numpy(), "z": z.numpy(), "y": (x**2 + z).numpy()}
    sample = rows_shown(bl.fit(data, formula))
    assert sample.features == axes
    if axes == ("x",):
        assert torch.equal(sample.rows.X[:, 0], x)


def test_rows_beside_absorbed_effects_are_drawn_whatever_the_columns(tmp_path):
    draw = np.random.default_rng(0)
    n = 60
    data = {"x": draw.normal(size=n), "g": [*"abc"] * 20, "firm": [f"f{i % 7}" for i in range(n)]}
    data["y"] = data["x"] + np.arange(n) % 6 + draw.normal(size=n)
    model = bl.fit(data, "y ~ x + g | firm")
    for figure in (model.plot.data(), model.plot.predicted(), model.plot.added("x"), model.plot.component("x")):
        assert figure.axes
    assert bl.fit(data, "y ~ poly(x, 2) | firm").plot.data().axes
    model.report(tmp_path / "report.html")
    assert (tmp_path / "report.html").exists()
    with pytest.raises(bl.errors.OptionError, match=r"Colours by level .* absorbed effects \(`firm`\)"):
        model.plot.data(by="g")
