"""The model in any place, standard output by its names, outputs onto what is read, and names that do nothing in any file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

Run = Callable[..., SimpleNamespace]


@pytest.mark.parametrize(
    "words",
    [
        ("predict",),
        ("evaluate",),
        ("summary", "--cov", "HC3"),
        ("diagnose",),
        ("export", "--to", "script"),
    ],
)
def test_the_model_may_stand_behind_the_data(run: Run, table: Path, words: tuple[str, ...]) -> None:
    run("fit", "table.csv", "y ~ x1", "-o", "m.bestline")
    command, *options = words
    first, second = (run(command, *files, *options) for files in (("m.bestline", "table.csv"), ("table.csv", "m.bestline")))
    assert second.status == 0, second.err
    assert second.out == first.out != ""


def test_what_is_no_model_or_no_table_is_told_so(run: Run, table: Path) -> None:
    run("fit", "table.csv", "y ~ x1", "-o", "m.bestline")
    assert "give one that `fit` wrote" in run("summary", "table.csv").err
    assert "two models" in run("predict", "m.bestline", "m.bestline").err
    assert "is a fitted line and holds no rows" in run("fit", "m.bestline", "y ~ x1").err
    assert "a file that ends in .bestline" in run("fit", "table.csv", "y ~ x1", "-o", "m.csv").err


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_text_goes_to_standard_output_by_its_names(run: Run, table: Path, name: str) -> None:
    run("fit", "table.csv", "y ~ x1", "-o", "m.bestline")
    for words in (("predict", "m.bestline", "table.csv"), ("export", "m.bestline", "--to", "sql")):
        assert run(*words, "-o", name).out == run(*words).out != ""
    assert run("fit", "table.csv", "y ~ x1", "-o", name).status in (1, 2)
    assert not Path("-").exists()


@pytest.mark.parametrize("given", ["table.csv", "tab*.csv", "./table.csv"])
def test_no_output_is_written_over_what_is_read(run: Run, table: Path, given: str) -> None:
    before = table.read_bytes()
    run("fit", "table.csv", "y ~ x1", "-o", "m.bestline")
    for words in (
        ("fit", given, "y ~ x1", "--trace", "table.csv"),
        ("predict", "m.bestline", given, "-o", "table.csv"),
        ("sweep", given, "y ~ x1", "--steps", "3", "-o", "table.csv"),
    ):
        result = run(*words, "--force")
        assert result.status == 2
        assert "is read by this command" in result.err
    assert table.read_bytes() == before


def test_a_seed_that_draws_nothing_is_refused(run: Run, table: Path) -> None:
    assert run("moments", "collect", "table.csv", "y ~ x1", "-o", "f.moments").status == 0
    result = run("fit", "f.moments", "--seed", "3")
    assert result.status == 2
    assert "--seed" in result.err
    assert run("fit", "f.moments", "--solver", "sgd", "--steps", "3", "--seed", "3").status == 0


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("Preis € ~ x1", "`Preis €`"),
        ("my target ~ x1", "`my target`"),
        ("T (°C) ~ x1", "`T (°C)`"),
        ("y ~ Preis €", "backquotes"),
    ],
)
def test_names_with_signs_are_told_to_be_quoted(run: Run, table: Path, formula: str, said: str) -> None:
    result = run("fit", "table.csv", formula)
    assert result.status == 1
    assert said in result.err
    assert "backquotes" in result.err
    assert "operator" not in result.err


@pytest.mark.parametrize(("cell", "number"), [("1.200,5", "1200.5"), ("3,5", "3.5")])
def test_a_decimal_comma_between_commas_is_told(run: Run, cell: str, number: str) -> None:
    Path("d.csv").write_text(f'a,y\n"{cell}",1\n"{cell}",2\n"{cell}",4\n')
    assert f"has a decimal comma; write {number}" in run("fit", "d.csv", "y ~ a").err


def test_control_characters_of_names_are_in_no_page_and_no_json(run: Run) -> None:
    name = "x\x1b[31m\x9b2J\u202e'\\"
    pd.DataFrame({name: [0.0, 1.0, 2.0, 3.0, 4.0], "y": [0.0, 1.0, 2.5, 3.0, 4.5]}).to_parquet("t.parquet")
    assert run("fit", "t.parquet", "--target", "y", "--features", name, "-o", "m.bestline", "--report", "r.html").status == 0
    assert run("export", "m.bestline", "--to", "json", "-o", "m.json").status == 0
    assert run("watch", "t.parquet", "--target", "y", "--steps", "3", "-o", "w.html").status == 0
    for file in ("r.html", "m.json", "w.html"):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", Path(file).read_text(encoding="utf-8")), file
    assert r"\x1b[31m\u009b2J\u202e" in Path("r.html").read_text(encoding="utf-8")
