"""A script reads the file again, or the rows are written out."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from bestline.errors import DataError, OptionError
from bestline.export.script import STYLES, script
from export.script.examples import PENGUINS, agrees, columns, fit

pytestmark = pytest.mark.usefixtures("quiet")


# Two computations of the same steps in float64, one on rows and one on moments.
SAME = 1e-10


# A line search ends where rounding hides the way further down: half of the digits.
SEARCHED = 1e-6


@pytest.mark.parametrize(
    ("path", "formula", "options"),
    [
        ("penguins.csv", "body_mass_g ~ flipper_length_mm", {}),
        ("penguins.csv", "body_mass_g ~ flipper_length_mm + bill_depth_mm", {"solver": "sgd", "steps": 9}),
        ("penguins.csv", "body_mass_g ~ flipper_length_mm * species", {}),
        ("penguins.csv", "body_mass_g ~ flipper_length_mm + C(year)", {}),
        ("penguins.csv", "body_mass_g ~ flipper_length_mm + C(species, Treatment('Gentoo')) - 1", {}),
        ("penguins.csv", "log(body_mass_g) ~ I(body_mass_g ** 2 / year) + sqrt(bill_depth_mm)", {}),
        ("penguins.csv", "body_mass_g ~ center(bill_depth_mm) + scale(flipper_length_mm):island", {}),
        ("penguins.csv", "body_mass_g ~ poly(bill_depth_mm, 3, raw=True)", {}),
        ("penguins.csv", "body_mass_g + bill_depth_mm ~ flipper_length_mm + island", {"solver": "momentum", "steps": 9}),
        ("penguins.csv", "body_mass_g ~ flipper_length_mm", {"weights": "bill_depth_mm", "solver": "sgd", "steps": 9}),
        ("penguins.csv", "body_mass_g ~ flipper_length_mm + sex", {"missing": "drop"}),
        (
            "penguins.csv",
            "body_mass_g ~ bill_depth_mm",
            {"split": (0.7, 0.15, 0.15), "solver": "sgd", "patience": 5, "seed": 3},
        ),
        ("penguins.csv", "body_mass_g ~ bill_depth_mm", {"loss": "huber", "solver": "sgd", "steps": 9}),
        ("penguins.parquet", "body_mass_g ~ flipper_length_mm + species", {}),
        ("semicolons.csv", "body_mass_g ~ flipper_length_mm + species", {}),
        ("holes.csv", "flipper_length_mm ~ bill_length_mm + bill_depth_mm", {"missing": "impute"}),
        ("holes.csv", "flipper_length_mm ~ bill_length_mm + bill_depth_mm", {"missing": "drop", "split": (0.8, 0.2)}),
    ],
)
def test_a_file_is_read_again(here: Path, path: str, formula: str, options: dict[str, Any]) -> None:
    model = bl.fit(path, formula, **options)
    for style in STYLES:
        text = script(model, style)
        assert f'("{path}"' in text or f'    "{path}",' in text
        agrees(model, text)
        agrees(model, script(model, style, rows="inline"))


@pytest.mark.parametrize(
    ("formula", "options"),
    [
        ("body_mass_g ~ poly(flipper_length_mm, 2)", {}),
        ("body_mass_g ~ flipper_length_mm + sex", {"missing": "impute"}),
        ("body_mass_g ~ flipper_length_mm", {"solver": "sgd", "steps": 99, "patience": 5}),
    ],
)
def test_what_pandas_cannot_say_in_a_line_is_written_out(here: Path, formula: str, options: dict[str, Any]) -> None:
    model = bl.fit("penguins.csv", formula, **options)
    text = script(model, "numpy")
    assert "pandas" not in text
    agrees(model, text)
    with pytest.raises(OptionError, match="cannot be read again by one line of pandas"):
        script(model, "numpy", rows="path")


@pytest.mark.parametrize(
    "content",
    [
        "x,g,y\n1,None,2\n2,b,3\n3,None,5\n4,b,4\n5,b,7\n",  # a level that pandas takes for a gap
        "x,g,y\n1,01,2\n2,1,3\n3,01,5\n4,1,4\n5,1,7\n",
        " x , g , y \n1,a,2\n2,b,3\n3,a,5\n4,b,4\n5,b,7\n",  # names with blanks
        "# made by hand\nx,g,y\n1,a,2\n2,b,3\n3,a,5\n4,b,4\n5,b,7\n",
    ],
)
def test_a_file_that_pandas_reads_otherwise_is_written_out_or_read_right(tmp_path: Path, content: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(content)
    model = bl.fit(path, "y ~ x + C(g)")
    with contextlib.suppress(OptionError):
        agrees(model, script(model, "numpy", rows="path"))
    agrees(model, script(model, "numpy"))


def test_few_numbers_are_written_out_and_many_are_read(here: Path) -> None:
    PENGUINS.head(40).to_csv("few.csv", index=False)
    few = bl.fit("few.csv", "body_mass_g ~ flipper_length_mm")
    assert "pandas" not in script(few)
    assert "pandas" in script(few, rows="path")
    assert "pandas" in script(bl.fit("penguins.csv", "body_mass_g ~ flipper_length_mm"))


def test_too_many_rows_in_memory_are_refused_by_name(here: Path) -> None:
    x = np.linspace(0, 1, 20_001)
    model = bl.fit({"x": x, "y": x + np.sin(x)}, "y ~ x")
    with pytest.raises(OptionError, match=r"20,001 rows are too many .* save the columns .* CSV"):
        script(model)
    pd.DataFrame({"x": x, "y": x + np.sin(x)}).to_csv("many.csv", index=False)
    model = bl.fit("many.csv", "y ~ x")
    agrees(model, script(model))
    with pytest.raises(OptionError, match="too many"):
        script(model, rows="inline")


def test_a_loaded_model_needs_its_rows(here: Path) -> None:
    for options in (
        {"solver": "sgd", "steps": 9},
        {},
        {"l1": 0.1},
        {"loss": "huber", "solver": "lbfgs", "steps": 200, "tol": 1e-9},
        {"solver": "adam", "steps": 9},
    ):
        model = bl.fit("penguins.csv", "body_mass_g ~ flipper_length_mm + bill_depth_mm", **options)
        model.save("line.bestline", overwrite=True)
        loaded = bl.load("line.bestline")
        with pytest.raises(OptionError, match="has no rows"):
            script(loaded)
        for data in ("penguins.csv", PENGUINS, here / "penguins.parquet"):
            text = script(loaded, "tensors", data=data)
            agrees(model, text, SEARCHED if "loss" in options else SAME)
            assert ("penguins." in text) == (data is not PENGUINS)
        with pytest.raises(DataError, match="not the rows that the model was trained on"):
            script(loaded, "tensors", data=PENGUINS.head(100))


def test_a_model_of_moments_needs_its_rows() -> None:
    moments = bl.Moments.collect(columns(), "y ~ a + b")
    model = bl.fit(moments)
    with pytest.raises(OptionError, match="made from moments"):
        script(model)
    agrees(model, script(model, data=columns()))


def test_rows_of_no_weight_and_rows_of_other_parts_are_left_out() -> None:
    model = fit("y ~ a", weights="w", split=(0.5, 0.5), solver="sgd", steps=4)
    text = script(model, "numpy")
    agrees(model, text)
    assert f"{model.training.count} rows" in text
    assert model.training.count < 21
