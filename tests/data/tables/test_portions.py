"""Portions: a file's rows are decoded in the threads that need them, and are the same rows, numbered and called the same."""

from __future__ import annotations

import threading
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

import bestline as bl
from bestline.data import runner
from bestline.data.passes import Pass
from bestline.data.tables import Batch, columnar, delimited, open_source
from bestline.data.tables.judgement import large_word
from bestline.data.tables.text import stream
from bestline.data.tables.words import Spelling, undressed
from bestline.errors import ColumnError, FileError
from data.tables.examples import all_numbers


@pytest.fixture
def small(monkeypatch):
    """Blocks so small that little files have many."""
    for module in (stream, delimited):
        monkeypatch.setattr(module, "BLOCK", 256)


class Seen(tuple[object, ...]):
    """What a pass meets, in order."""

    def __add__(self, other):
        return Seen((*self, *other))


class Rows(Pass[Batch, Seen]):
    """The number of every row, its cells, and the thread that looked at it."""

    size = 50

    def __init__(self, names):
        self.names = names

    @property
    def columns(self):
        return self.names

    def empty(self):
        return Seen()

    def of(self, batch):
        rows = batch.numbers(self.names).tolist()
        return Seen((batch.start + i, row, batch.where(i), threading.current_thread().name) for i, row in enumerate(rows))


def written(put, rows: int, word: str = '"a, b"', ends: str = "\n") -> str:
    return put("x,word,z\n" + "".join(f"{i},{word},{i / 8}{ends}" for i in range(rows)))


@pytest.mark.parametrize("word", ["plain", '"a, b"', '"a\nb"', 'an 8" pipe'])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_pass_meets_every_row_once_with_its_number_and_line(put, small, word, ends):
    found = open_source(written(put, 300, word, ends)).reduce(Rows(["z", "x"]))
    assert [row[0] for row in found] == list(range(300))
    assert [row[1] for row in found] == [[i / 8, i] for i in range(300)]
    height = 2 if "\n" in word else 1
    assert [row[2] for row in found] == [f"row {i + 1} (line {height * i + 2} of t.csv)" for i in range(300)]


def test_rows_are_decoded_in_the_threads_of_the_pool(put, small):
    path, threads = written(put, 300), set()
    source, read = open_source(path), pa_csv.read_csv

    def watched(*args, **options):
        threads.add(threading.current_thread().name)
        return read(*args, **options)

    with mock.patch.object(pa_csv, "read_csv", watched), mock.patch.object(runner, "thread_count", return_value=2):
        source.reduce(Rows(["x"]))
    assert threads
    assert all(name.startswith("bestline") for name in threads)


@pytest.mark.parametrize("word", ["1 234", "(7)", "1,234"])
def test_an_odd_word_makes_words_of_its_own_column_only(put, small, word):
    cells = [str(i) for i in range(400)]
    cells[300] = f'"{word}"'
    source = open_source(put("x,z\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(cells))))
    kinds = {}
    for batch in source.batches():
        for name in source.names:
            kinds.setdefault(name, set()).add(str(batch.cells(name).type))
    assert kinds == {"x": {"double", "string"}, "z": {"double"}}
    values = all_numbers(source, ["x", "z"])
    assert values[:, 0].sum() == sum(range(400)) - 300 + {"1 234": 1234, "(7)": -7, "1,234": 1234}[word]
    assert any("row 301 (line 302" in note for note in source.notes)


def test_no_number_in_a_late_block_is_refused_with_its_line(put, small):
    cells = [str(i) for i in range(400)]
    cells[333] = "x12"
    source = open_source(put("q,x\n" + "".join(f'"a, b",{cell}\n' for cell in cells)))
    with pytest.raises(ColumnError, match=r"`x12` at row 334 \(line 335 of t.csv\)"):
        source.reduce(Rows(["x"]))


def test_the_line_is_told_in_a_large_quoted_file(put, small, monkeypatch):
    monkeypatch.setattr(delimited, "SMALL", 100)  # larger files are not read again to count
    found = open_source(written(put, 300)).reduce(Rows(["x"]))
    assert [row[2] for row in found] == [f"row {i + 1} (line {i + 2} of t.csv)" for i in range(300)]
    # Behind a cell of two lines the line is still known, in its own block it is not.
    text = "x,word\n" + "".join(f"{i},{'plain' if i else chr(34) + 'a' + chr(10) + 'b' + chr(34)}\n" for i in range(300))
    places = [row[2] for row in open_source(put(text)).reduce(Rows(["x"]))]
    assert places[5] == "row 6 of t.csv"
    assert places[-1] == "row 300 (line 302 of t.csv)"


def test_old_lines_make_later_lines_unknown(put, small, monkeypatch):
    monkeypatch.setattr(delimited, "SMALL", 100)
    found = open_source(put("x,y\n" + "1,2\r" * 100 + "1,2\n" * 300)).reduce(Rows(["x"]))
    assert len(found) == 400
    assert found[-1][2] == "row 400 of t.csv"


def test_a_row_may_be_longer_than_what_is_parsed_at_a_time(put, monkeypatch):
    monkeypatch.setattr(delimited, "_CACHED", 64)
    source = open_source(put("x,word\n" + "".join(f"{i},{'w' * (200 if i == 7 else 3)}\n" for i in range(40))))
    np.testing.assert_array_equal(all_numbers(source, ["x"])[:, 0], range(40))


def test_the_line_of_a_nul_byte_counts_all_lines_before_it(put, small):
    path = put("x,word\n" + '1,"a\nb"\n' * 100 + "2,c\n" * 50)
    source = open_source(path)
    with Path(path).open("ab") as file:
        file.write(b"3,\0\n")
    with pytest.raises(FileError, match="NUL byte in line 252"):
        source.reduce(Rows(["x"]))


def test_the_bits_do_not_depend_on_threads(put, small):
    path = put("x,word,z\n" + "".join(f'{i % 91},"{"ab"[i % 2]}, c",{(i * i) % 97}\n' for i in range(2_000)))
    found = []
    for threads in (1, 2, 5):
        with mock.patch.object(runner, "thread_count", return_value=threads):
            found.append(bl.Moments.collect(path, "z ~ x + word").total)
    assert all(torch.equal(found[0].scatter, other.scatter) and torch.equal(found[0].center, other.center) for other in found)


@given(
    st.lists(
        st.one_of(
            st.from_regex(r"[+-]?[\d ,.']{14,24}(e\d{1,2})?", fullmatch=True), st.from_regex(r"\d{15,18}[.,]?", fullmatch=True)
        )
    ),
    st.sampled_from(".,"),
    st.booleans(),
)
@example(["9007199254740993"], ".", False)
@example(["0.12345678901234567890", "9,007,199,254,740,993"], ".", True)
def test_large_words_are_those_found_one_by_one(words, decimal, thousands):
    spelling = Spelling(decimal, thousands=thousands, dressed=True)

    def large(word):
        plain = undressed(word, spelling)
        digits = sum(c.isdigit() for c in word)
        return plain is not None and plain.lstrip("-").isdigit() and abs(int(plain)) > 2**53 and digits >= 16

    found = large_word(pa.array(words, pa.string()), spelling)
    # A word that is looked over here must be none to people, either.
    assert found == next((word for word in dict.fromkeys(words) if large(word)), None)


@pytest.mark.parametrize("sizes", [[300], [10] * 30, [1, 99, 0, 100, 37, 63], [100, 100, 100]])
def test_row_groups_are_decoded_in_the_threads_of_the_pool(tmp_path, monkeypatch, sizes):
    monkeypatch.setattr(columnar, "_WORTH", 40)
    path, first = tmp_path / "t.parquet", 0
    schema = pa.schema({"x": pa.float64(), "z": pa.int64()})
    with pq.ParquetWriter(path, schema) as writer:
        for n in sizes:
            numbers = np.arange(first, first + n)
            writer.write_table(pa.table({"x": numbers / 8, "z": numbers}, schema=schema))
            first += n
    source = open_source(path)
    with mock.patch.object(runner, "thread_count", return_value=2):
        found = source.reduce(Rows(["z", "x"]))
    assert [row[:3] for row in found] == [(i, [i, i / 8], f"row {i + 1} of t.parquet") for i in range(300)]
    np.testing.assert_array_equal(all_numbers(source, ["x"])[:, 0], np.arange(300) / 8)


def test_row_groups_are_put_together_until_they_are_worth_a_thread(monkeypatch):
    monkeypatch.setattr(columnar, "_WORTH", 40)
    assert columnar._together(range(2, 7), [30, 30, 50, 10, 0]) == [(range(2, 4), 60), (range(4, 5), 50), (range(5, 7), 10)]
    assert columnar._together(range(0), []) == []


def test_a_damaged_row_group_is_a_damaged_file(tmp_path, monkeypatch):
    monkeypatch.setattr(columnar, "_WORTH", 40)
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": np.random.default_rng(0).normal(size=400)}), path, row_group_size=50, compression="none")
    source, content = open_source(path), bytearray(path.read_bytes())
    at = pq.ParquetFile(path).metadata.row_group(5).column(0).data_page_offset
    content[at : at + 40] = b"\xff" * 40
    path.write_bytes(content)
    with pytest.raises(FileError, match="not a readable Parquet file, or it is damaged"):
        source.reduce(Rows(["x"]))
