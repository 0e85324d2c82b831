"""Text files longer than what is read at a time, and delimiters in text that has many of the others: against Python's own reader."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

import bestline as bl
from bestline.data.tables import open_source
from bestline.data.tables.text import stream as text
from bestline.data.tables.text.stream import BLOCK

# Cells that a reader which sees only one side of an edge takes for something else.
TRICKY = ['x,""\n""y,1', 'a""b', '""', 'x,""\n""y,1', "\n", '5"" wide', "plain", '"",""', 'end""', ""]


def written(pieces: list[str], number: int) -> str:
    return "".join(f'"{piece}",{number + i}\n' for i, piece in enumerate(pieces))


@pytest.mark.parametrize("shift", [0, 5, 6, 7, 8, 9])
@pytest.mark.parametrize("inches", [False, True])
def test_doubled_quotes_wherever_a_block_ends(tmp_path: Path, shift: int, inches: bool) -> None:
    """With marks that quote nothing before them, and without. The edges of what is read at a time, some megabytes, fall into every place of these cells, one byte further each time."""
    at = (BLOCK, 2 * BLOCK)
    text, number = ("g,y\n" + '5" pipe,0\n' * inches), int(inches)
    for edge in at:
        filler = f'"{"f" * 4000}",{{}}\n'
        while len(text) + 3 * len(filler) < edge:
            text += filler.format(number)
            number += 1
        # A row that ends so that the byte at the edge lies `shift` bytes into the next cell, which begins with doubled quotes.
        room = edge - len(text) - len(f'"",{number}\n') - 1 - shift
        text += f'"{"p" * room}",{number}\n'
        number += 1
        assert len(text) == edge - 1 - shift
        for _ in range(3):
            text += written(TRICKY, number)
            number += len(TRICKY)
    path = tmp_path / "long.csv"
    path.write_text(text, encoding="utf-8", newline="")
    expected = list(csv.reader(io.StringIO(text, newline="")))[1:]
    source = open_source(str(path), text=("g",))
    words, numbers = [], []
    for batch in source.batches(["g", "y"]):
        codes, levels = batch.text("g")
        words += [levels[code] if code >= 0 else "" for code in codes.tolist()]
        numbers += batch.numbers(["y"])[:, 0].tolist()
    assert numbers == [float(row[1]) for row in expected] == list(map(float, range(number)))
    assert words == [row[0] for row in expected]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("header", ["what, when, where{}x{}y", "what{}x{}y"])
def test_sentences_full_of_commas_do_not_make_commas_the_delimiter(tmp_path: Path, delimiter: str, header: str) -> None:
    """Their commas cut the first row, and a few others, into more cells than the delimiter does; the delimiter cuts all alike."""
    said = ["one", "one, two", "one, two, three", "a, b, c, d", ""]
    lines = [header.format(delimiter, delimiter)]
    lines += [f"{said[i % 5]}{delimiter}{i}{delimiter}{2 * i + (i % 3)}" for i in range(40)]
    (tmp_path / "t.txt").write_text("\n".join(lines) + "\n")
    source = open_source(str(tmp_path / "t.txt"))
    assert source.names == [header.split("{}", maxsplit=1)[0], "x", "y"] or tuple(source.names) == (
        header.split("{}", maxsplit=1)[0],
        "x",
        "y",
    )
    (batch,) = source.batches(["x", "y"])
    assert batch.numbers(["x"])[:, 0].tolist() == [float(i) for i in range(40)]


def test_of_equals_the_comma_is_the_delimiter(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a;b,c\n" + "".join(f"{i};{i},{i}\n" for i in range(9)))
    assert list(open_source(str(tmp_path / "t.txt")).names) == ["a;b", "c"]
    (tmp_path / "u.txt").write_text("a;b,c;d\n" + "".join(f"{i};{i},{i};{i}\n" for i in range(9)))
    assert list(open_source(str(tmp_path / "u.txt")).names) == ["a", "b,c", "d"]  # which are more
    (tmp_path / "v.txt").write_text("a;b\tc\n" + "".join(f"{i};{i}\t{i}\n" for i in range(9)))
    assert list(open_source(str(tmp_path / "v.txt")).names) == ["a", "b\tc"]  # then the semicolon


@pytest.mark.parametrize("suffix", [".tsv", ".csv"])
def test_of_equals_the_tab_where_the_name_says_so(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"t{suffix}").write_text("a,x\ty\n" + "".join(f"w{i % 2},{i}\t{3 * i}\n" for i in range(9)))
    names = list(open_source(str(tmp_path / f"t{suffix}")).names)
    assert names == (["a,x", "y"] if suffix == ".tsv" else ["a", "x\ty"])


@pytest.mark.parametrize("row", [1, 2, 40])
def test_a_bad_word_is_told_by_its_row_and_its_line(tmp_path: Path, row: int) -> None:
    """Counted by Python: rows from 1 below the header, lines from 1 of the file."""
    lines = ["# a remark", "# another", "x,y", *(f"{i},{2 * i}" for i in range(50))]
    lines[2 + row] = "3,nonsense"
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(bl.errors.ColumnError) as refused:
        bl.fit(str(path), "y ~ x")
    assert f"row {row} (line {lines.index('3,nonsense') + 1} " in str(refused.value)
    assert "nonsense" in str(refused.value)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("kind", ["csv", "parquet", "frame"])
@pytest.mark.parametrize(("largest", "warned"), [(2**53, False), (2**53 + 1, True), (-(2**53), False), (-(2**53) - 1, True)])
def test_the_first_integers_that_float64_cannot_tell_apart(tmp_path: Path, largest: int, warned: bool, kind: str) -> None:
    frame = pd.DataFrame({"x": [*range(20), largest], "y": [*range(20), 3]})
    path = tmp_path / f"t.{kind}"
    frame.to_parquet(path) if kind == "parquet" else frame.to_csv(path, index=False)
    data = frame if kind == "frame" else str(path)
    source = open_source(data)
    list(source.batches(["x", "y"]))
    assert any("2**53" in note for note in (*source.notes, *bl.fit(data, "y ~ x").notes)) == warned


def test_a_quotation_mark_that_is_not_closed_is_told_before_the_file_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row has a longest length: what is held of a file does not grow with the file."""
    path = tmp_path / "t.csv"
    line = b"a plain text,1\n"
    path.write_bytes(b"g,y\n" + line * 100 + b'"not closed,1\n' + line * (10 * BLOCK // len(line)))
    read, original = [0], text.TextStream.read

    def counted(self: text.TextStream, n: int = -1) -> bytes:
        piece = original(self, n)
        read.append(len(piece))
        return piece

    monkeypatch.setattr(text.TextStream, "read", counted)
    with pytest.raises(bl.errors.FileError, match="quotation mark"):
        bl.fit(str(path), "y ~ g")
    assert 2 * BLOCK <= sum(read) < 8 * BLOCK
