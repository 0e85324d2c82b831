"""Cells that a spreadsheet would run: written so that none does, and read back as they were."""

from __future__ import annotations

import csv
import io
import math
import sys
from pathlib import Path

import pandas as pd
import pyarrow.csv as pc_csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bestline as bl
from bestline.data.tables import open_source, write_with
from bestline.wording import as_cell, of_cell

SIGNS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
WORDS = ["=1+1", "+cmd", "-x", "@SUM(A1)", "'=quoted", "''-twice", "plain", "'apostrophe", "a=b", "-", "+1 555", "\uff1dwide"]


@given(st.text(max_size=12) | st.text(alphabet=f"'{SIGNS}1.e", max_size=6))
def test_a_cell_gives_its_text_back_and_begins_with_no_sign(text: str) -> None:
    assert of_cell(as_cell(text)) == text
    cell = as_cell(text)
    # What begins with a sign all the same is a number, which stays one, or nothing but signs.
    assert cell[:1] not in tuple(SIGNS) or not cell.strip("+-") or math.isfinite(float(cell.replace(",", "")))


@pytest.mark.parametrize("text", ["-1.5", "+3", "-1e-7", "-.5", "-1,234.5", "--"])
def test_numbers_stay_numbers(text: str) -> None:
    assert as_cell(text) == text


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.csv.gz"])
def test_words_names_and_numbers_survive_the_way_out_and_back(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"=name": WORDS, "-n": [-1.5 * i for i in range(len(WORDS))], "y": range(len(WORDS))})
    write_with(open_source(frame), tmp_path / name, lambda batch: {})
    raw = pd.read_csv(tmp_path / name, sep="\t" if "tsv" in name else ",", keep_default_na=False)
    assert list(raw.columns) == ["'=name", "'-n", "y"]
    assert raw["'=name"].tolist() == [as_cell(word) for word in WORDS]
    assert not any(word[0] in SIGNS and word != "-" for word in raw["'=name"])
    assert raw["'-n"].tolist() == frame["-n"].tolist()
    back = open_source(str(tmp_path / name), text=("=name",))
    assert list(back.names) == ["=name", "-n", "y"]
    (batch,) = back.verbatim().batches()
    assert batch.cells("=name").to_pylist() == WORDS
    assert batch.numbers(["-n"])[:, 0].tolist() == frame["-n"].tolist()


@pytest.mark.parametrize(
    ("name", "delimiter"), [("raw.csv", ","), ("raw.tsv", "\t"), ("raw.csv.gz", ","), ("raw.tsv.gz", "\t")]
)
def test_raw_cells_on_request(tmp_path: Path, name: str, delimiter: str) -> None:
    frame = pd.DataFrame({"=name": WORDS, "y": range(len(WORDS))})
    write_with(open_source(frame), tmp_path / name, lambda batch: {}, raw_cells=True)
    table = pc_csv.read_csv(
        tmp_path / name,
        parse_options=pc_csv.ParseOptions(delimiter=delimiter),
        convert_options=pc_csv.ConvertOptions(strings_can_be_null=False),
    )
    assert table.column_names == ["=name", "y"]
    assert table.column("=name").to_pylist() == WORDS
    assert table.column("y").to_pylist() == list(range(len(WORDS)))


def test_a_model_knows_its_levels_again_in_what_it_wrote(tmp_path: Path) -> None:
    levels = ["=a", "+b", "@c"] * 8
    frame = pd.DataFrame({"g": levels, "y": [float(i % 3) for i in range(24)]})
    model = bl.fit(frame, "y ~ g")
    write_with(open_source(frame), tmp_path / "levels.csv", lambda batch: {})
    with (tmp_path / "levels.csv").open(newline="") as file:
        assert {row["g"] for row in csv.DictReader(file)} == {"'=a", "'+b", "'@c"}
    assert model.predict(str(tmp_path / "levels.csv")).tolist() == pytest.approx(frame.y.tolist())


class Screen(io.TextIOWrapper):
    """A terminal that keeps what it was sent."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("raw", [False, True])
def test_what_a_cell_says_moves_no_terminal(monkeypatch: pytest.MonkeyPatch, raw: bool) -> None:
    frame = {"na\x1bme": ["\x1b[31mred", "tür\u202eks\r", "two\nlines"] * 400, "y": [1.0, 2.0, 3.0] * 400}
    sent = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Screen(sent, encoding="utf-8", newline=""))
    write_with(open_source(frame), None, lambda batch: {}, raw_cells=raw)
    sys.stdout.flush()
    text = sent.getvalue().decode()
    assert all(c.isprintable() or c in "\n\t" for c in text)
    assert text.count("tür\\u202eks\\u000d") == 400
    assert text.startswith('"na\\u001bme"')


def test_a_pipe_gets_the_cells_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(sent, encoding="utf-8"))
    write_with(open_source({"a": ["\x1b[31mred"], "y": [1.0]}), None, lambda batch: {})
    sys.stdout.flush()
    assert b"\x1b[31mred" in sent.getvalue()
