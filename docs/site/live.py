"""The pages that train, for the front page and the article: each is a run on real data, as `watch` makes it."""

from __future__ import annotations

import warnings
from pathlib import Path

import bestline as bl
from bestline.errors import BestlineWarning

START = {"x": -15, "Intercept": -10}


def front() -> bl.Model:
    """Sixty points, and a line that descends to them from far away."""
    points = bl.synthetic.lesson("slope-and-bias")
    return bl.fit(points, "y ~ x", solver="sgd", lr=0.1, steps=15, standardize=False, start=START)


RUNS = {"front": front}


def write(folder: Path) -> None:
    """Every page of `RUNS` into a folder."""
    folder.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)  # of runs that stop early, or diverge, on purpose
        for name, run in RUNS.items():
            run().watch().save(folder / f"{name}.html")
