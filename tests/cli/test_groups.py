"""`bestline fit --by`: one line for each group, as Python fits them."""

import json
from pathlib import Path

import pandas as pd
import pytest

import bestline as bl
from cli.sessions import Run


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    """Four stores of ten rows, in a file with words for one that is missing."""
    rows = [f"{'north' if i % 4 else 'south'};{i % 2};{i % 7},5;{(i * i) % 11}" for i in range(40)]
    path = tmp_path / "stores.csv"
    path.write_text("store;open;x;y\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")  # of decimal commas
def test_lines_are_printed_written_and_are_pythons(run: Run, stores: Path, tmp_path: Path) -> None:
    out = tmp_path / "lines.parquet"
    done = run("fit", stores, "y ~ x", "--by", "store,open", "-o", out)
    assert done.status == 0
    groups = bl.fit_groups(str(stores), "y ~ x", by=["store", "open"])
    assert str(groups) in done.out
    pd.testing.assert_frame_equal(pd.read_parquet(out), groups.tidy(), check_dtype=False)
    facts = run("fit", stores, "y ~ x", "--by", "store,open", "--json").facts
    assert any("decimal comma" in warning for warning in facts.pop("warnings"))
    assert facts == json.loads(json.dumps(groups.summary().facts))
    assert facts["groups"] == len(facts["lines"]) == len(groups)
    assert facts["lines"][0]["coef"] == dict(zip(groups.tidy().term[:2], groups.tidy().estimate[:2], strict=True))


def test_json_has_the_warnings_and_dates_and_no_nan(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    path.write_text(
        "day,x,y\n" + "\n".join(f"2024-01-0{1 + i % 3},{i if i % 3 else 7},{i * i}" for i in range(12)) + "\n2024-01-01,,1\n"
    )
    done = run("fit", path, "y ~ x", "--by", "day", "--missing", "drop", "--json")
    assert [line["day"] for line in done.facts["lines"]] == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert done.facts["lines"][0]["coef"]["x"] is None
    assert done.facts["warnings"] == [
        "1 of 13 rows were left out because a value was missing.",
        "1 group of 3 does not determine all weights; the column `note` of glance() says why.",
    ]
    assert "NaN" not in done.out
    assert run("fit", path, "y ~ x", "--by", "day", "--missing", "drop", "--quiet").out == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--solver", "sgd"], "--solver is for one line"),
        (["--lr", "0.1"], "--lr is for one line"),
        (["--l1", "0.1"], "--l1 is for one line"),
        (["--cv", "ridge"], "--cv is for one line"),
        (["--no-standardize"], "--standardize is for one line"),
        (["--cov", "HC3", "--l2", "1"], "Under a penalty there are no standard errors"),
        (["--trace", "t.csv"], "--trace is for one line"),
        (["--report", "r.html"], "--report is for one line"),
        (["--folds", "open"], "folds are within each group"),
        (["-o", "lines.bestline"], "--out writes a table of the lines"),
        (["--by", "shop"], "no column"),
    ],
)
def test_options_of_one_line_are_refused_by_name(run: Run, stores: Path, options: list[str], words: str) -> None:
    done = run("fit", stores, "y ~ x", "--by", "store", *options)
    assert done.status == (1 if "--by" in options else 2)
    assert words in done.err
    assert len(done.err.strip().splitlines()) == 1
