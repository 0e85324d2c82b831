"""`bestline means`: the same numbers as in Python, in text, JSON, tables and pictures, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from cli.sessions import Run

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def model(run: Run) -> Any:  # `run` has gone to an empty folder
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"g": np.repeat(["a", "b", "c=d, e"], 20), "x": rng.uniform(1, 5, 60)})
    data["y"] = data["x"] * (1 + (data["g"] == "b")) + rng.normal(0, 1, 60)
    data.to_csv("rows.csv", index=False)
    line = bl.fit(data, "y ~ g * x + log(x)")
    line.save("m.bestline")
    return line


def test_text_json_and_table_have_the_numbers_of_python(model: Any, run: Run):
    expected = model.means("g", at={"x": [2, 3]})

    told = run("means", "m.bestline", "g", "--at", "x=2,3", "--json").facts
    run("means", "g", "m.bestline", "--at", "x=2,3", "-o", "out.csv")
    text = run("means", "m.bestline", "g", "--at", "x=2,3").out

    for found in (pd.DataFrame(told["estimates"]), pd.read_csv("out.csv")):
        pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert told["df_residual"] == 53
    assert text.startswith("Marginal means of `g`: y ~ g + x + log(x) + g:x")
    assert "Standard errors: classical; 53 degrees of freedom." in text
    head, *rows = text.splitlines()[2:9]
    assert head.split()[2:] == ["estimate", "std", "error", "t", "p", "95%", "conf.", "interval"]
    assert [row.split()[-4] for row in rows] == [f"{t:.2f}" for t in expected["statistic"]]
    assert len({len(line) for line in (head, *rows)}) == 1


def test_contrasts_and_slopes_are_asked_for_by_options(model: Any, run: Run):
    pairs = run("means", "m.bestline", "g", "--adjust", "holm", "--at", "x=2", "--json").facts
    steep = run("means", "m.bestline", "x", "--slopes", "--by", "g", "--at", "x=2", "--json").facts
    first = run("means", "m.bestline", "g", "--method", "reference", "--at", "x=2", "--json").facts

    expected = model.contrasts("g", adjust="holm", at={"x": 2})
    pd.testing.assert_frame_equal(pd.DataFrame(pairs["estimates"]), expected)
    pd.testing.assert_frame_equal(pd.DataFrame(steep["estimates"]), model.slopes("x", by="g", at={"x": 2}))
    assert [row["contrast"] for row in first["estimates"]] == ["b - a", "c=d, e - a"]


def test_a_level_with_an_equals_sign_and_a_comma_is_quoted(model: Any, run: Run):
    found = run("means", "m.bestline", "x", "--at", '"g=c=d, e"', "--at", "x=1,2", "--json").facts

    assert [row["x"] for row in found["estimates"]] == [1, 2]
    assert found["notes"] == ["Held: `g` at c=d, e."]


def test_a_picture_is_drawn(model: Any, run: Run):
    run("means", "m.bestline", "g", "--at", "x=2", "--contrasts", "-o", "pairs.svg")

    assert "b − a" in Path("pairs.svg").read_text(encoding="utf-8")


def test_the_training_rows_give_what_the_model_lacks(model: Any, run: Run):
    bl.fit("rows.csv", "y ~ g + log(x)").save("log.bestline")

    refused = run("means", "log.bestline", "g")
    found = run("means", "log.bestline", "g", "rows.csv", "--cov", "HC3", "--json").facts

    assert refused.status == 2
    assert "mean of `x` is not known" in refused.err
    expected = bl.fit("rows.csv", "y ~ g + log(x)", cov="HC3").means("g")
    pd.testing.assert_frame_equal(pd.DataFrame(found["estimates"]), expected)


REFUSED = [
    (("means", "m.bestline"), 2, "name the column"),
    (("means", "m.bestline", "k"), 1, "no column `k`"),
    (("means", "m.bestline", "g", "--at", "2"), 2, "--at x=1,2"),
    (("means", "m.bestline", "g", "--slopes", "--contrasts"), 2, "one at a time"),
    (("means", "m.bestline", "g", "--slopes"), 2, "category"),
    (("means", "m.bestline", "x", "--slopes", "--units", "own"), 2, "--units is of means"),
    (("means", "m.bestline", "g", "--contrasts", "--units", "own"), 2, "--units is of means"),
    (("means", "m.bestline", "g", "--adjust", "scheffe"), 2, "adjustment"),
    (("means", "m.bestline", "g", "-o", "out.docx"), 2, "--out writes"),
    (("means", "m.bestline", "g", "--level", "95"), 2, "0.95"),
]


@pytest.mark.parametrize(("words", "status", "said"), REFUSED)
def test_what_cannot_be_is_refused_in_one_line(words: tuple[str, ...], status: int, said: str, model: Any, run: Run):
    done = run(*words)

    assert done.status == status
    assert said.lower() in done.err.lower()
    assert len(done.err.strip().splitlines()) == 1


def test_a_category_is_named_by_either_spelling(run: Run, table: Path, tmp_path: Path) -> None:
    bl.fit(str(table), "y ~ x1 + g").save(tmp_path / "plain.bestline")
    bl.fit(str(table), "y ~ x1 + C(g)").save(tmp_path / "coded.bestline")
    for model in ("plain.bestline", "coded.bestline"):
        told = [run("means", model, name, "--contrasts", "--json").facts["estimates"] for name in ("g", "C(g)")]
        assert told[0] == told[1]
        drawn = [
            run("plot", model, "--picture", "contrasts", "--show", name, "-o", "p.png", "--force", "--json").facts["alt"]
            for name in ("g", "C(g)")
        ]
        assert drawn[0] == drawn[1]
        assert (
            run("subsets", model, "--keep", "C(g)", "--json").facts["kept"]
            == run("subsets", model, "--keep", "g", "--json").facts["kept"]
        )
