"""The command plot: single pictures, of the data before any fit and of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import bestline as bl
from bestline.cli.plot import PICTURES
from bestline.pictures.gallery import Gallery
from cli.sessions import Run

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
LATER = {"cv", "path"}  # of the table of penalties, which a saved model does not keep


def test_every_picture_of_the_gallery_is_a_picture_of_the_command() -> None:
    known = {name for name in vars(Gallery) if not name.startswith("_")} - {"dark", "model", "sample", "theme"}
    assert known - LATER == set(PICTURES)


def test_data_before_a_fit(run: Run, table: Path, tmp_path: Path) -> None:
    done = run("plot", table, "y ~ x1", "-o", "data.png", "--json")
    assert done.status == 0, done.err
    assert done.facts["picture"] == "data"
    with Image.open(tmp_path / "data.png") as image:
        assert image.text["Description"] == bl.plot_data(str(table), "y ~ x1").alt == done.facts["alt"]


@pytest.mark.parametrize("name", ["contour.png", "loss.svg", "main-directions.pdf", "steps.png", "weight.svg"])
def test_a_picture_of_a_model_alone(run: Run, table: Path, tmp_path: Path, name: str) -> None:
    bl.fit(str(table), "y ~ x1", solver="sgd", lr=0.1, steps=5).save(tmp_path / "line.bestline")
    done = run("plot", "line.bestline", "--picture", name.partition(".")[0], "--theme", "dark", "-o", name)
    assert done.status == 0, done.err
    assert (tmp_path / name).stat().st_size > 2_000
    assert run("plot", "line.bestline", "-o", name).status == 1  # it exists


def test_options_reach_the_picture(run: Run, table: Path, tmp_path: Path) -> None:
    bl.fit(str(table), "y ~ x1", solver="sgd", lr=0.1, steps=5).save(tmp_path / "line.bestline")
    asked = ("--picture", "contour", "--units", "trained", "--step", "3", "--json")
    assert "trained" in run("plot", "line.bestline", *asked, "-o", "a.svg").facts["alt"] + (tmp_path / "a.svg").read_text()
    assert run("plot", "line.bestline", table, "--json", "-o", "b.png").facts["picture"] == "data"
    assert run("plot", "line.bestline", "--json", "-o", "c.png").facts["picture"] == "overview"


@pytest.mark.parametrize(
    ("words", "named", "asked"),
    [
        (("table.csv", "--picture", "added", "--show", "x1"), "added", {"column": "x1"}),
        (("table.csv", "--picture", "component", "--show", "g[T.b]"), "component", {"column": "g[T.b]"}),
        (("--picture", "means", "--show", "g"), "means", {"term": "g"}),
        (
            ("--picture", "means", "--show", "x1", "--by", "g", "--at", "x1=1,2,3", "--level", "0.5"),
            "means",
            {"term": "x1", "by": "g", "at": {"x1": [1, 2, 3]}, "level": 0.5},
        ),
        (("--picture", "contrasts", "--show", "g"), "contrasts", {"term": "g"}),
        (("--picture", "slopes", "--show", "x1", "--by", "g"), "slopes", {"column": "x1", "by": "g"}),
        (("--picture", "coefficients", "--level", "0.5"), "coefficients", {"level": 0.5}),
        (("table.csv", "--by", "g"), "data", {"by": "g"}),
        (("table.csv", "--picture", "residuals", "--by", "g"), "residuals", {"by": "g"}),
    ],
)
def test_a_picture_of_one_term_is_that_of_python(
    run: Run, table: Path, tmp_path: Path, words: tuple[str, ...], named: str, asked: dict[str, Any]
) -> None:
    model = bl.fit(str(table), "y ~ x1 * g")
    model.save(tmp_path / "line.bestline")
    done = run("plot", "line.bestline", *words, "-o", "p.png", "--json")
    assert done.status == 0, done.err
    rows = {"data": str(table)} if words[0] == "table.csv" else {}
    drawn = getattr(bl.load(tmp_path / "line.bestline").plot, named)(**asked, **rows)
    assert done.facts["alt"] == drawn.alt
    with Image.open(tmp_path / "p.png") as image:
        assert image.text["Description"] == drawn.alt


def test_a_category_of_a_line_is_named_by_one_of_its_columns(run: Run, table: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(table).assign(g=lambda t: np.arange(len(t)) % 3)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    bl.fit(rows, "y ~ x1 + C(g)").save(tmp_path / "line.bestline")
    of = ("plot", "line.bestline", "rows.csv", "-o", "a.png", "--picture", "added", "--show")
    refused = run(*of, "C(g)")
    assert refused.status == 1
    assert "choose `C(g)[T.1]` or `C(g)[T.2]`" in " ".join(refused.err.split())
    assert run(*of, "C(g)[T.1]").status == 0


def test_a_name_with_commas_in_its_brackets_is_one_name(run: Run, table: Path, tmp_path: Path) -> None:
    line = bl.fit(str(table), "y ~ lag(x1, by=g) + poly(x2, 2)", missing="drop")
    line.save(tmp_path / "line.bestline")
    for picture, show in (
        ("slopes", "lag(x1, by=g)"),
        ("weight", "poly(x2, 2)[1]"),
        ("contour", "lag(x1, by=g), poly(x2, 2)[1]"),
    ):
        assert run("plot", "line.bestline", "--picture", picture, "--show", show, "-o", f"{picture}.png").status == 0
    found = run("subsets", table, "y ~ lag(x1, by=g) + poly(x2, 2)", "--missing", "drop", "--keep", "lag(x1, by=g)", "--json")
    assert found.status == 0, found.err
    start = "lag(x1, by=g)=1,poly(x2, 2)[1]=2,poly(x2, 2)[2]=3,Intercept=4"
    begun = run(
        "fit",
        table,
        "y ~ lag(x1, by=g) + poly(x2, 2)",
        "--missing",
        "drop",
        "--solver",
        "sgd",
        "--steps",
        "0",
        "--start",
        start,
        "--json",
    )
    assert begun.status == 0, begun.err
    assert [*begun.facts["coef"].values(), begun.facts["intercept"]] == pytest.approx([1, 2, 3, 4])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--picture", "added", "--show", "x1"), "shows rows"),
        (("table.csv", "--picture", "component"), "name it with --show COLUMN"),
        (("table.csv", "--picture", "added", "--show", "x1,x2"), "one column"),
        (("--picture", "weight", "--show", "x1,Intercept"), "one column"),
        (("--picture", "means"), "name it with --show COLUMN"),
        (("table.csv", "--picture", "means", "--show", "x1"), "from the model alone"),
        (("--picture", "means", "--show", "x1", "--at", "3"), "values by column"),
        (("--picture", "loss", "--at", "x1=3"), "--at is of the pictures means, contrasts, slopes"),
        (("--picture", "loss", "--level", "0.9"), "--level is of the pictures coefficients, means"),
        (("--picture", "contour", "--by", "g"), "--by is of the pictures data"),
        (("--picture", "contuor"), "did you mean `contour`"),
        (("--picture", "scatter"), "choose data, before-after"),
        (("--picture", "data"), "shows rows"),
        (("--picture", "loss", "--step", "3"), "--step is of the pictures frame, overview, contour, weight"),
        (("--weights", "x1"), "--weights is of data before a fit"),
        (("--theme", "drk"), "choose 'light' or 'dark'"),
        (("table.csv", "--picture", "loss"), "from the model alone"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_written(
    run: Run, table: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    bl.fit(str(table), "y ~ x1", solver="sgd", lr=0.1, steps=5).save(tmp_path / "line.bestline")
    done = run("plot", "line.bestline", *arguments, "-o", "p.png")
    assert done.status == 2
    assert said in done.err
    assert not (tmp_path / "p.png").exists()


def test_a_picture_of_a_model_needs_one(run: Run, table: Path, tmp_path: Path) -> None:
    for arguments, said in (
        (("--picture", "contour"), "picture of a model; fit one first"),
        (("--step", "2"), "--step is of a model"),
        (("--by", "g"), "--by is of a model"),
        (("--picture", "added", "--show", "x1"), "picture of a model"),
    ):
        done = run("plot", table, "y ~ x1", *arguments, "-o", "p.png")
        assert (done.status, said in done.err) == (2, True), done.err
    assert run("plot", table, "y ~ x1", "-o", "p.gif").status == 2
    assert not list(tmp_path.glob("p.*"))
