"""Dialect: how a text file is written, found at its beginning: encoding, comment lines, delimiter, header, decimal sign.

The delimiter is the character that cuts the first rows into the most cells, as many in (nearly) every row as in the first. The
decimal sign is a comma only where commas are not the delimiter and numbers have more of them than points. Everything that was
guessed and could be wrong is said in a note.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath

from bestline.data.tables.places import Place, reason
from bestline.data.tables.source import unique_names
from bestline.data.tables.text import HEAD, TextStream
from bestline.errors import DataError, FileError, readable


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the file is written, as found at its beginning."""

    packed: bool  # gzip
    encoding: str
    delimiter: str
    decimal: str
    skip: int  # bytes of the decoded text before the first row
    lines: int  # lines of text before the first row
    names: tuple[str, ...]
    notes: tuple[str, ...]


_ROWS = 100  # that are looked at; in three times as many lines, for a quoted cell may hold some
_FITTING = 0.7  # of the rows have as many cells as the first: files have broken lines, and are told so where they stand
_BINARY = 100  # one control character in so many bytes, and it is no text
_WIDE_CHARACTERS = 0.4  # of the bytes are NUL: nearly every other one, as in UTF-16


def dialect_of(place: Place, *, packed: bool) -> Dialect:
    """How the file is written: encoding, comment lines, delimiter, header, decimal sign."""
    encoding, mark, notes = _encoding(place, packed=packed)
    with TextStream(place, packed=packed, encoding=encoding) as text:
        content = text.read(HEAD)[mark:]
    head = content.decode("utf-8", errors="replace")
    if not head.strip("\r\n \ufeff"):
        raise DataError(f"{readable(place.shown)} has no rows: it is empty.")
    lines = list(io.StringIO(head, newline=""))
    blank = next(i for i, line in enumerate(lines) if line.strip("\r\n \ufeff"))
    delimiter, comments = _sniffed(
        lines[blank:], tab_first=PurePosixPath(place.path).name.lower().endswith((".tsv", ".tsv.gz"))
    )
    before = blank + comments
    if comments:
        lead = "a comment line, which was" if comments == 1 else f"{comments} comment lines, which were"
        notes = (*notes, f"{place.label} begins with {lead} skipped.")
    reader = csv.reader(lines[before:], delimiter=delimiter)
    try:
        header = next(reader)
    except csv.Error as error:
        raise FileError(f"{readable(place.shown)} has no readable header line ({reason(error)}); write it again.") from error
    used = before + reader.line_num
    names, said = _named(header, place)
    # In bytes of UTF-8, as the stream counts: rows begin right after the header.
    skip = mark + len("".join(lines[:used]).encode())
    decimal = _decimal(lines[used : used + 200], delimiter)
    if decimal == ",":
        said = (*said, f"{place.label} writes numbers with a decimal comma, and they were read so.")
    return Dialect(packed, encoding, delimiter, decimal, skip, used, names, notes + said)


def _encoding(place: Place, *, packed: bool) -> tuple[str, int, tuple[str, ...]]:
    """The encoding, the bytes of its mark, and what the user should know about it."""
    with TextStream(place, packed=packed, encoding="utf-8") as text:
        start = text._raw(HEAD)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", 0, ()
    # Up to the last line's end, so that no character is cut in two.
    sample = start if len(start) < HEAD else start[: start.rfind(b"\n") + 1] or start
    control = sum(sample.count(bytes([c])) for c in range(32) if c not in b"\t\n\r\f")
    if control > max(2, len(sample) / _BINARY):
        if sample.count(b"\0") > _WIDE_CHARACTERS * len(sample):
            raise FileError(
                f"{readable(place.shown)} looks like UTF-16 text without its mark (every other byte is NUL); save it as UTF-8."
            )
        raise FileError(f"{readable(place.shown)} is binary, not a table of text; give a CSV, Parquet or Arrow file.")
    try:
        sample.decode()
    except UnicodeDecodeError:
        return (
            "cp1252",
            0,
            (f"{place.label} is not UTF-8 and was read as Latin-1 (Windows-1252); save it as UTF-8 to be sure.",),
        )
    return "utf-8", 3 if start.startswith(b"\xef\xbb\xbf") else 0, ()


def _sniffed(lines: list[str], *, tab_first: bool) -> tuple[str, int]:
    """The delimiter, and how many comment lines stand before the header."""
    comments = 0
    # At least one line must be left to be the header.
    while comments + 1 < len(lines) and lines[comments].startswith("#"):
        comments += 1
    if comments:
        delimiter = _delimiter(lines[comments:], tab_first=tab_first)
        width = _widths(lines[comments:], delimiter)[:1]
        # A header may begin with # itself: then it has as many cells as the row after it.
        while comments and width and width[0] > 1 and _widths(lines[comments - 1 : comments], delimiter) == width:
            comments -= 1
        return delimiter, comments
    return _delimiter(lines, tab_first=tab_first), 0


def _delimiter(lines: list[str], *, tab_first: bool) -> str:
    # Of equals the first wins: a comma, or in a .tsv a tab.
    best, most = "\t" if tab_first else ",", 1
    # A delimiter that cuts every row into one cell cuts nothing.
    for candidate in "\t,;|" if tab_first else ",;\t|":
        widths = _widths(lines, candidate)
        fitting = sum(width == widths[0] for width in widths) if widths else 0
        if widths and widths[0] > most and fitting >= _FITTING * len(widths):
            best, most = candidate, widths[0]
    return best


def _widths(lines: list[str], delimiter: str) -> list[int]:
    """Cells in each of the first rows; the last row may be cut off, so it does not count when there are others."""
    try:
        return [len(row) for row in islice(csv.reader(lines[: 3 * _ROWS], delimiter=delimiter), _ROWS) if row]
    except csv.Error:
        return []


def _named(header: list[str], place: Place) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = [cell.strip().lstrip("\ufeff") or f"Unnamed: {i}" for i, cell in enumerate(header)]
    blank = [name for name in names if name.startswith("Unnamed: ")]
    unique_names(names, readable(place.shown))
    notes = []
    if blank:
        notes.append(
            f"{place.label} has {len(blank)} unnamed column{'s' * (len(blank) > 1)}, called {readable(blank[0])}; "
            f"an index saved with the table is no measurement, so leave it out if it is one."
        )
    if len(names) == 1 and len(names[0].split()) > 1:
        notes.append(
            f"{place.label} has a single column, {readable(names[0])}; if blanks separate its cells, write commas instead."
        )
    if all(_is_number(cell) for cell in header):
        notes.append(
            f"The first line of {place.label} is all numbers and was read as column names; add a header line if it is a row."
        )
    return tuple(names), tuple(notes)


def _is_number(word: str) -> bool:
    try:
        float(word.replace(",", "."))
    except ValueError:
        return False
    return True


def _decimal(lines: list[str], delimiter: str) -> str:
    # There a decimal comma would have to be quoted, and nobody does.
    if delimiter == ",":
        return "."
    try:
        cells = [cell.strip() for row in csv.reader(lines, delimiter=delimiter) for cell in row]
    except csv.Error:
        return "."
    numbers = [cell for cell in cells if cell and _is_number(cell)]
    return "," if sum("," in cell for cell in numbers) > sum("." in cell for cell in numbers) else "."
