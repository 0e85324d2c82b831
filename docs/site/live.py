"""The pages that train, for the front page and the article: each is a run on real data, as `watch` makes it."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path

import bestline as bl
from bestline.errors import BestlineWarning

START = {"x": -15, "Intercept": -10}


def front() -> bl.Model:
    """Sixty points, and a line that descends to them from far away."""
    points = bl.synthetic.lesson("slope-and-bias")
    return bl.fit(points, "y ~ x", solver="sgd", lr=0.1, steps=15, standardize=False, start=START)


def penguins() -> dict[str, list[float]]:
    """Flippers in cm above 19 cm, bills in cm, bodies in kg: numbers of such sizes that the bowl can be seen whole."""
    table = bl.samples.penguins().to_pandas()
    flipper, bill = table["flipper_length_mm"] / 10 - 19, table["bill_length_mm"] / 10
    return {"flipper": flipper.tolist(), "bill": bill.tolist(), "mass": (table["body_mass_g"] / 1000).tolist()}


def bowl() -> bl.Model:
    """Mass over flipper, from a line that falls."""
    start = {"flipper": -2, "Intercept": 2}
    return bl.fit(penguins(), "mass ~ flipper", solver="sgd", lr=0.1, steps=30, standardize=False, start=start)


def early() -> bl.Model:
    """Two columns that say nearly the same, from nothing: each is in units of its standard deviation."""
    return bl.fit(penguins(), "mass ~ flipper + bill", solver="sgd", lr=0.1, steps=60, start=[0, 0, 4.2])


# Anscombe (1973), Graphs in Statistical Analysis, The American Statistician 27:17-21.
ANSCOMBE_X = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
ANSCOMBE = (
    (ANSCOMBE_X, [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]),
    (ANSCOMBE_X, [9.14, 8.14, 8.74, 8.77, 9.26, 8.10, 6.13, 3.10, 9.13, 7.26, 4.74]),
    (ANSCOMBE_X, [7.46, 6.77, 12.74, 7.11, 7.81, 8.84, 6.08, 5.39, 8.15, 6.42, 5.73]),
    ([8] * 7 + [19] + [8] * 3, [6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.50, 5.56, 7.91, 6.89]),
)


def anscombe(number: int) -> bl.Model:
    """One of the four tables that have one line."""
    x, y = ANSCOMBE[number]
    return bl.fit({"x": x, "y": y}, "y ~ x", solver="momentum", lr=0.01, steps=60, standardize=False, start=[2, 0])


RUNS = {
    "front": front,
    "bowl": bowl,
    "early": early,
    **{f"anscombe-{number + 1}": partial(anscombe, number) for number in range(len(ANSCOMBE))},
}


def write(folder: Path) -> None:
    """Every page of `RUNS` into a folder."""
    folder.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)  # of runs that stop early, or diverge, on purpose
        for name, run in RUNS.items():
            run().watch().save(folder / f"{name}.html")
