"""Quoted cells: whatever csv.writer writes is read as csv.reader reads it, wherever the text is cut."""

from __future__ import annotations

import csv
import io
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bestline.data.tables import delimited, open_source
from bestline.data.tables.text import row_ends
from bestline.data.tables.text import stream as text_of_files
from data.tables.examples import all_numbers, all_text

CELL = st.text(alphabet='ab,;\t|"\n\r .5', max_size=8)


class Pieces:
    """A text stream of so many bytes."""

    def __init__(self, content: bytes) -> None:
        self.rest = content

    def read(self, n: int) -> bytes:
        piece, self.rest = self.rest[:n], self.rest[n:]
        return piece


def rows_of(text: str, delimiter: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.lists(CELL, min_size=2, max_size=3), min_size=1, max_size=8),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.integers(1, 40),
)
@example([['"', "\n"], ['""', '"\n"'], ["a\n", ""]], ",", "\n", csv.QUOTE_ALL, 1)
@example([["\n", "b"], ["a", "\n\n"]], ",", "\r", csv.QUOTE_MINIMAL, 2)
def test_pieces_end_where_rows_do(table, delimiter, ends, quoting, size):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=ends, quoting=quoting).writerows(table)
    text = out.getvalue()
    # Some versions of csv.writer leave a lone \r unquoted, which no reader can tell from a row's end.
    assume(rows_of(text, delimiter) == table)
    longest = max(len(row) for row in (delimiter.join(cells) for cells in table)) * 2 + 20
    with mock.patch.object(text_of_files, "BLOCK", max(size, longest)):
        pieces = [
            piece.decode()
            for piece, _ in text_of_files.whole_rows(
                Pieces(text.encode()), delimiter.encode(), 2 * text_of_files.BLOCK, lambda: AssertionError("too long")
            )
        ]
    assert [row for piece in pieces for row in rows_of(piece, delimiter)] == table
    # What is left out at the end can only be blank.
    assert not text[len("".join(pieces)) :].strip()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-99, 99), CELL.filter(lambda c: c.strip())), min_size=1, max_size=12),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.integers(64, 200),
)
def test_a_written_table_is_read_back(tmp_path_factory, table, delimiter, ends, quoting, size):
    path = tmp_path_factory.mktemp("quoted") / "t.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=ends, quoting=quoting)
        writer.writerows([("number", "word"), *table])
    assume(len(rows_of(path.read_bytes().decode(), delimiter)) == len(table) + 1)
    # csv.writer may leave a line's end unquoted that is not its own, which no reader can tell from a row's end.
    assume(not set("\r\n") & set("".join(word for _, word in table)) or quoting != csv.QUOTE_MINIMAL)
    with mock.patch.object(text_of_files, "BLOCK", size), mock.patch.object(delimited, "BLOCK", size):
        source = open_source(path, text=["word"])
        np.testing.assert_array_equal(all_numbers(source, ["number"])[:, 0], [number for number, _ in table])
        assert all_text(source, "word") == [word for _, word in table]


@pytest.mark.parametrize("word", ['5"', 'a"b"', '"a"b', 'x""'])
def test_a_mark_in_the_middle_of_a_cell_is_an_inch(put, word, monkeypatch):
    monkeypatch.setattr(text_of_files, "BLOCK", 64)
    monkeypatch.setattr(delimited, "BLOCK", 64)
    text = "size,n\n" + f'{word},1\n"b\nc",2\n' * 30
    source = open_source(put(text))
    assert all_text(source, "size") == [cells[0] for cells in rows_of(text, ",")[1:]]
    np.testing.assert_array_equal(all_numbers(source, ["n"])[:, 0], [1, 2] * 30)


def test_marks_that_open_and_close_are_counted_and_not_followed(monkeypatch):
    # A regular expression over such text took a hundred times as long as counting does.
    monkeypatch.setattr(row_ends, "_of_cells", None)
    piece = b'"1.5","a ""b""","","2.25"\n' * 1_000
    assert row_ends.end_of_rows(piece + b'"1', b",") == (len(piece), 1_000)
    assert row_ends.end_of_rows(piece + b'"1\n2",3\n"1', b",") == (len(piece) + 8, None)
    assert row_ends.end_of_rows(b'"a\n', b",") == (0, None)


def plainly(piece: str, delimiter: str) -> tuple[int, int | None]:
    """The same, character by character."""
    end = old = rows = 0
    quoted, start, plain, lined = False, True, True, True
    i = 0
    while i < len(piece):
        c, following = piece[i], piece[i + 1 : i + 2]
        if quoted:
            if c == '"' and following == '"':
                i += 1
            elif c == '"':
                quoted = False
            elif c == "\n":
                lined = False
        elif c == '"' and start:
            quoted = True
        elif c == "\n" or (c == "\r" and following not in ("\n", "")):
            if c == "\n":
                end, rows = i + 1, rows + 1
                plain = (
                    plain
                    and lined
                    and not (
                        i == 0 or piece[:i].endswith("\n") or piece[: i + 1].endswith("\n\r\n") or (i == 1 and piece[0] == "\r")
                    )
                )
            else:
                old, lined = i + 1, False
        start = c in ("\n", "\r", delimiter) and not quoted
        i += 1
    return (end, rows if plain else None) if end else (old, None)


@settings(max_examples=1_000, deadline=None)
@given(st.text(alphabet='a,"\n\r', max_size=200), st.integers(0, 130))
@example('a""b",\n"c\n', 0)
@example("\r\n\r\n", 0)
def test_row_ends_are_those_found_one_character_at_a_time(text, before):
    # Numbers of 64 bits: what stands before moves the text over their edges.
    piece = "x" * before + text
    assume(piece)
    assert row_ends.end_of_rows(piece.encode(), b",") == plainly(piece, ",")
