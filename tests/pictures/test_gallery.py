"""The gallery draws every picture of a model, without pyplot."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

import bestline as bl
from bestline.errors import OptionError


def test_the_gallery_draws_them_all(quiet):
    g = torch.Generator().manual_seed(0)
    X = torch.randn(40, 3, generator=g, dtype=torch.float64)
    y = X @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) + 0.1 * torch.randn(40, generator=g, dtype=torch.float64)
    options = {"standardize": False, "split": (0.6, 0.2, 0.2)}
    slow, fast = (bl.fit((X, y), solver=bl.Descent("sgd", lr=lr, steps=20), **options) for lr in (0.05, 0.1))
    plot = slow.plot.dark
    drawings = [
        plot.overview(others={"fast": fast}, label="slow", step=7),
        plot.overview(pair="path", log=True),
        plot.steps(most=8),
        plot.main_directions(),
        plot.loss({"fast": fast}, held_out=True),
        plot.surface("path"),
        plot.contour(("x0", "x1"), step=3),
        plot.frame(3, pair="path"),
    ]
    assert all(figure._repr_png_() for figure in drawings)
    with pytest.raises(OptionError, match="steps 0 to 20"):
        plot.contour(("x0", "x1"), step=21)


def test_pyplot_stays_out_and_recorded_numbers_need_no_torch():
    program = """
import sys
from bestline.pictures.marks import Panel, Path, Picture
assert "matplotlib" not in sys.modules
from bestline.pictures.render.mpl import draw
import io
draw(Picture((Panel("", "w", "b", (Path((0.0, 1.0), (0.0, 1.0)),)),))).savefig(io.BytesIO())
draw(Picture((Panel("", "w", "b", (Path((0.0, 1.0), (0.0, 1.0), z=(0.0, 1.0)),), zlabel="loss"),))).savefig(io.BytesIO())
assert "torch" not in sys.modules
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
