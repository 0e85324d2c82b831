"""Delimited text (CSV, TSV): what a file of words means is decided from its beginning, and then every word is held to it.

pyarrow converts the words, some megabytes at a time; where it meets one that it does not understand, that column is given as words
there, and who asks for numbers hears which word, in which row and line, is none.

How a file is written is found at its beginning, too: encoding, comment lines, delimiter, header, decimal sign. The delimiter is the
character that cuts the first rows into the most cells, as many in (nearly) every row as in the first. The decimal sign is a comma only
where commas are not the delimiter and numbers have more of them than points. Everything that was guessed and could be wrong is said
in a note.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from bestline.data.progress import Share
from bestline.data.tables.cells import BOOL, LARGE, PADDED, Field, Kind
from bestline.data.tables.judgement import ROUNDED, ColumnJudgement, judged, large_word
from bestline.data.tables.noticed import Noticed
from bestline.data.tables.packed import refuse_inside, without_packing
from bestline.data.tables.places import Place, reason
from bestline.data.tables.table_file import Block, Portion, TableFile, silent, unique_names
from bestline.data.tables.text.row_ends import lines_in
from bestline.data.tables.text.stream import BLOCK, HEAD, SMALL, Span, TextStream, native, spans, whole_rows
from bestline.data.tables.words import FALSE, NO_NUMBER, TRUE, Spelling, bare_words, undressed
from bestline.errors import DataError, FileError, readable
from bestline.wording import GUARDED, of_cell

_CACHED = 1 << 19  # bytes that pyarrow parses at a time
_UNNAMED = "Unnamed: "
_GUARD = re.compile(b"'(?:%b)" % b"|".join(re.escape(sign.encode()) for sign in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20'"))


class DelimitedFile(TableFile):
    """A CSV or TSV file, perhaps packed.

    `like` gives the columns of the file before it in the same source: its kinds then hold for this file too.
    """

    typed = False
    span: Span | None = None  # what it has of the file; None: all

    def __init__(
        self, place: Place, *, packed: str, text: Collection[str] = (), like: Mapping[str, ColumnJudgement] | None = None
    ) -> None:
        self.place, self.dialect = place, _dialect_of(place, packed=packed)
        self.text, self.exact = frozenset(text), False
        self.worded: frozenset[str] = frozenset()  # columns of numbers in which a word was met that pyarrow does not understand
        self.notes, self.noticed = self.dialect.notes, Noticed()
        self.judgements = dict(like or {})
        if like is None:
            self._judge()
        self._settle()

    def _settle(self) -> None:
        names = self.dialect.names
        self.fields = tuple(
            Field(n, j.kind, None, j.note) for n in names if (j := self.judgements.get(n, ColumnJudgement(Kind.EMPTY)))
        )
        self.spelling = {n: j.spelling for n, j in self.judgements.items()}

    def _judge(self) -> None:
        names = self.dialect.names
        # Of no column anything is known yet, so all come as words: the first block says what each of them holds.
        first = next((b for portion in self._portions(names, 2 * BLOCK) for b in portion.blocks() if b.num_rows), None)
        if first is None:
            raise DataError(f"{readable(self.place.shown)} has no rows below its header.")
        for name, words in zip(names, first.columns, strict=True):
            self.judgements[name] = judged(name, words, self.dialect.decimal, as_text=name in self.text)
        self.look_further([name for name in names if self.judgements[name].kind is Kind.EMPTY])

    def remarks(self, name: str) -> tuple[str, ...]:
        """What the user should know of a column, from its name and its first rows."""
        unnamed = (self.dialect.unnamed,) if name.startswith(_UNNAMED) else ()
        return (*unnamed, *super().remarks(name))

    def look_further(self, empty: list[str]) -> None:
        """Settle columns without values so far by the first block of the file that has some."""
        if not empty:
            return
        for block in (b for portion in self._portions(tuple(empty), 2 * BLOCK) for b in portion.blocks()):
            for name in list(empty):
                found = judged(name, block.column(name), self.dialect.decimal, as_text=name in self.text)
                if found.kind is not Kind.EMPTY:
                    self.judgements[name] = found
                    empty.remove(name)
            if not empty:
                break
        self._settle()

    def adopt(self, judgements: Mapping[str, ColumnJudgement]) -> None:
        """Take over what other files of the same source said about columns."""
        self.judgements.update(judgements)
        self._settle()

    def verbatim(self) -> DelimitedFile:
        """The same file with zero-padded and very large numbers as the words they are."""
        # The dialect is found anew, the judgements are not: what the columns are must not change between readings.
        twin = DelimitedFile(self.place, packed=self.dialect.packed, text=self.text, like=self.judgements)
        twin.exact = True
        return twin

    def blocks(self, names: tuple[str, ...], size: int, progress: Share) -> Iterator[Block]:
        """The rows in order, some megabytes of text at a time."""
        for portion in self.portions(names, size, progress):
            yield from portion.blocks()

    def portions(self, names: tuple[str, ...], size: int, progress: Share) -> Iterator[Portion]:
        """The rows in portions of some megabytes of text, each of which becomes columns in the thread that asks for its blocks."""
        del size  # portions are cut by their bytes; the rows of one follow from that
        return self._portions(names, BLOCK, progress)

    def _portions(self, names: tuple[str, ...], length: int, progress: Share = silent) -> Iterator[Portion]:
        d = self.dialect
        span = self.span or Span(d.skip, None, 0)
        lines = d.lines + span.row
        with TextStream(self.place, packed=d.packed, encoding=d.encoding, skip=span.begin, lines=lines, stop=span.end) as text:
            row, line = span.row, lines + 1  # of the portion's first row; the line is 0 where it is not known any more
            for content, rows in whole_rows(text, d.delimiter.encode(), length, self._too_long):
                # Where not every line is a row, how many there are is known once they are read.
                made = None if rows is not None else self._read(content, names, row)
                n = rows if rows is not None else sum(block.num_rows for block in made or ())
                blocks = partial(self._read, content, names, row, lines=n) if made is None else partial(iter, made)
                progress(text.share)
                yield Portion(n, blocks, partial(self._place, row, line if made is None else 0))
                row += n
                # Where \r alone ends lines, it depends on the editor how many lines there are.
                lone = made is not None and content.count(b"\r") > content.count(b"\r\n")
                line = 0 if lone or not line else line + (n if made is None else lines_in(content))
        progress(1.0)

    def split(self, most: int) -> Sequence[TableFile]:
        """Ranges of bytes that end where a row does, as far as every line of the file is a row."""
        d = self.dialect
        if most < 2 or d.packed or d.encoding != "utf-8" or self.place.size < 2 * BLOCK:
            return [self]
        parts: list[TableFile] = []
        for span in spans(self.place, d.delimiter.encode(), Span(d.skip, None, 0), d.lines, BLOCK, most, self._too_long):
            parts.append(part := copy(self))
            part.span, part.count, part.noticed = span, span.rows, Noticed()
        return parts

    def _read(self, content: bytes, names: tuple[str, ...], row: int, lines: int | None = None) -> list[Block]:
        """The columns of some rows, quickly by pyarrow's own conversion; one with a word that it does not understand, as words."""
        raw = frozenset(name for name in names if name in self.worded or self._as_words(name))
        while True:
            try:
                table = self._table(content, names, raw, lined=lines is not None)
                break
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                # A word and not the file is to blame: in such a column there are often more, so it comes as words from now on.
                odd = self._with_odd_words(error, names) - raw
                if not odd:
                    raise self._diagnosed(error) from error
                self.worded |= odd
                raw |= odd
        if lines is not None and table.num_rows != lines:
            raise self._diagnosed(pa.ArrowInvalid(f"{table.num_rows} rows in {lines} lines from row {row + 1} on"))
        # Looked for in the bytes, since hardly any file has such a cell.
        if b"'" in content and _GUARD.search(content):
            table = _unguarded(table)
        self._notice_large(table, content, row)
        return list(table.combine_chunks().to_batches())

    def _with_odd_words(self, error: BaseException, names: tuple[str, ...]) -> frozenset[str]:
        """The columns of an error that is about a word, all of them where it does not say which; none for another error."""
        if "conversion error" not in str(error):
            return frozenset()
        column = re.search(r"column #(\d+)", str(error))
        own = self.dialect.names[int(column[1])] if column and int(column[1]) < len(self.dialect.names) else None
        return frozenset([own] if own in names else names)

    def _as_words(self, name: str) -> bool:
        judgement = self.judgements.get(name)
        if judgement is None or judgement.kind is not Kind.NUMBER or not judgement.plain:
            return True
        return self.exact and judgement.note in (PADDED, LARGE)

    def _table(self, content: bytes, names: Sequence[str], raw: Collection[str], *, lined: bool = False) -> Any:
        """The rows of a text; where every line of it is one (`lined`), quickly, in parts that stay in the cache of a core."""
        d, length = self.dialect, len(content) + 1
        part = min(length, _CACHED) if lined else length
        try:
            return pc_csv.read_csv(
                pa.BufferReader(native(content)),
                read_options=pc_csv.ReadOptions(column_names=list(d.names), block_size=part, use_threads=False),
                parse_options=pc_csv.ParseOptions(delimiter=d.delimiter, newlines_in_values=not lined),
                convert_options=self._conversion(names, raw),
            )
        except pa.ArrowInvalid as error:
            if not lined or "straddl" not in str(error):
                raise
            # A row longer than such a part.
            return self._table(content, names, raw)

    def _notice_large(self, table: Any, content: bytes, row: int) -> None:
        """Note columns of numbers whose whole numbers float64 rounds, where the file's first rows did not show that."""
        known = {
            n: j for n in table.column_names if (j := self.judgements.get(n)) and j.kind is Kind.NUMBER and j.note != LARGE
        }
        known = {n: j for n, j in known.items() if not self.noticed.is_large(n)}
        # Of numbers it is not seen how they are written, but only large ones can be such; so hardly any block is read twice.
        beyond = [n for n in known if pa.types.is_floating(table.column(n).type) and _reaches(table.column(n))]
        words = {n: table.column(n) for n in known if pa.types.is_string(table.column(n).type)}
        if beyond:
            again = self._table(content, beyond, beyond)
            words |= {n: again.column(n) for n in beyond}
        for name, column in words.items():
            if (word := large_word(bare_words(column.combine_chunks()), known[name].spelling)) is not None:
                self.noticed.large(name, row, word)

    def _conversion(self, names: Sequence[str], raw: Collection[str]) -> Any:
        def stored(name: str) -> Any:
            if name in raw:
                return pa.string()
            return pa.bool_() if self.judgements[name].note == BOOL else pa.float64()

        return pc_csv.ConvertOptions(
            column_types={name: stored(name) for name in names},
            # The others are not decoded.
            include_columns=list(names),
            null_values=list(NO_NUMBER),
            true_values=list(TRUE),
            false_values=list(FALSE),
            # In text columns an empty cell stays an empty word here; what is missing is decided by `cells`.
            strings_can_be_null=False,
            decimal_point=self.dialect.decimal,
        )

    # --- where things stand ----------------------------------------------------------------------------------------------

    def where(self, row: int) -> str:
        """Where a row (from 0) stands: its number, and its line when that is cheap to know."""
        return self._place(row if self.span is None else self.span.row + row, 0, 0)

    def _place(self, first: int, line: int, row: int) -> str:
        """Where a row stands, counted from row `first`, from which on lines are rows; line 0: the line of that is not known."""
        found = line + row if line else self._line(first + row)
        number = f"row {first + row + 1}"
        return f"{number} of {self.place.label}" if found is None else f"{number} (line {found} of {self.place.label})"

    def _line(self, row: int) -> int | None:
        """The line a row begins at, by reading again when the file is small, else unknown."""
        if self.place.size > SMALL:
            return None
        return next((line for i, (line, _) in enumerate(self._records()) if i == row), None)

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """The rows again by Python's own reader: the line each begins at, and its cells."""
        d = self.dialect
        with TextStream(self.place, packed=d.packed, encoding=d.encoding, skip=d.skip, lines=d.lines) as text:
            reader = csv.reader(
                io.TextIOWrapper(cast(Any, text), encoding="utf-8", errors="replace", newline=""), delimiter=d.delimiter
            )
            before = 0
            try:
                for cells in reader:
                    if cells:
                        yield d.lines + before + 1, cells
                    before = reader.line_num
            except csv.Error:
                return

    def _too_long(self) -> FileError:
        return FileError(
            f"{readable(self.place.shown)} has a row longer than {BLOCK >> 20} MB: a quotation mark may not be closed; correct or "
            f"shorten it."
        )

    def _diagnosed(self, error: BaseException) -> Exception:
        if isinstance(error, FileError):
            return error
        shown, why = readable(self.place.shown), str(error)
        # pyarrow's own words, for what it found wrong; ours name the line, and what to do.
        if "Expected" in why and "columns" in why:
            width = len(self.dialect.names)
            for line, cells in self._records():
                if len(cells) != width:
                    return FileError(
                        f"{shown} has {len(cells)} cells in line {line} but {width} in its header; correct that line."
                    )
            return FileError(f"{shown} has a row that does not have {width} cells ({reason(error)}); correct that row.")
        if "straddl" in why or "block" in why:
            return self._too_long()
        if "UTF8" in why.upper().replace("-", ""):
            return FileError(f"{shown} is not UTF-8 throughout; save it as UTF-8.")
        return FileError(f"{shown} cannot be read as delimited text ({reason(error)}); write it again.")


# --- how a file is written -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the file is written, as found at its beginning."""

    packed: str  # how: see `packed.packing`; empty if not
    encoding: str
    delimiter: str
    decimal: str
    skip: int  # bytes of the decoded text before the first row
    lines: int  # lines of text before the first row
    names: tuple[str, ...]
    notes: tuple[str, ...]
    unnamed: str  # what is to be said of columns without a name; empty where all have one


_ROWS = 100  # that are looked at; in three times as many lines, for a quoted cell may hold some
_FITTING = 0.7  # of the rows have as many cells as the first: files have broken lines, and are told so where they stand
_BINARY = 100  # one control character in so many bytes, and it is no text
_WIDE_CHARACTERS = 0.4  # of the bytes are NUL: nearly every other one, as in UTF-16


def _dialect_of(place: Place, *, packed: str) -> Dialect:
    """How the file is written: encoding, comment lines, delimiter, header, decimal sign."""
    encoding, mark, notes = _encoding(place, packed=packed)
    with TextStream(place, packed=packed, encoding=encoding) as text:
        content = text.read(HEAD)[mark:]
    head = content.decode("utf-8", errors="replace")
    if not head.strip("\r\n \ufeff"):
        raise DataError(f"{readable(place.shown)} has no rows: it is empty.")
    lines = list(io.StringIO(head, newline=""))
    blank = next(i for i, line in enumerate(lines) if line.strip("\r\n \ufeff"))
    delimiter, comments = _sniffed(lines[blank:], tab_first=without_packing(place.member or place.path).endswith(".tsv"))
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
    return Dialect(packed, encoding, delimiter, decimal, skip, used, names, notes + said, _unnamed(names, place))


def _encoding(place: Place, *, packed: str) -> tuple[str, int, tuple[str, ...]]:
    """The encoding, the bytes of its mark, and what the user should know about it."""
    with TextStream(place, packed=packed, encoding="utf-8") as text:
        start = text._raw(HEAD)
    if packed:
        refuse_inside(place, start)
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
        raise FileError(
            f"{readable(place.shown)} {_ours(place.shown) or 'is binary, not a table of text; give a CSV, Parquet or Arrow file.'}"
        )
    try:
        sample.decode()
    except UnicodeDecodeError:
        said = f"{place.label} is not UTF-8 and was read as Latin-1 (Windows-1252); save it as UTF-8 to be sure."
        return "cp1252", 0, (said,)
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


def _reaches(numbers: Any) -> bool:
    """Whether there are numbers of 2^53 and more."""
    if not numbers.null_count:  # NumPy is done with some thousands of numbers before pyarrow has begun
        sizes = (np.abs(part.to_numpy()) for part in numbers.chunks if len(part))
        return any(bool(np.fmax.reduce(size) >= ROUNDED) for size in sizes)
    ends = pc.min_max(numbers).as_py()
    return ends["min"] is not None and (ends["min"] <= -ROUNDED or ends["max"] >= ROUNDED)


def _unguarded(table: Any) -> Any:
    """The words as they were before they were written so that no spreadsheet runs them."""
    for i, (name, cells) in enumerate(zip(table.column_names, table.columns, strict=True)):
        if pa.types.is_string(cells.type):
            table = table.set_column(i, name, pc.replace_substring_regex(cells, GUARDED, r"\1"))
    return table


def _named(header: list[str], place: Place) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = [of_cell(cell.strip().lstrip("\ufeff")) or f"{_UNNAMED}{i}" for i, cell in enumerate(header)]
    unique_names(names, readable(place.shown))
    notes = []
    if len(names) == 1 and len(names[0].split()) > 1:
        notes.append(
            f"{place.label} has a single column, {readable(names[0])}; if blanks separate its cells, write commas instead."
        )
    if all(_is_number(cell) for cell in header):
        notes.append(
            f"The first line of {place.label} is all numbers and was read as column names; add a header line if it is a row."
        )
    return tuple(names), tuple(notes)


def _unnamed(names: Sequence[str], place: Place) -> str:
    blank = [name for name in names if name.startswith(_UNNAMED)]
    if not blank:
        return ""
    return (
        f"{place.label} has {len(blank)} unnamed column{'s' * (len(blank) > 1)}, called {readable(blank[0])}; an index saved with the "
        f"table is no measurement, so leave it out if it is one."
    )


def _is_number(word: str) -> bool:
    try:
        float(word.replace(",", "."))
    except ValueError:
        return False
    return True


def _ours(name: str) -> str | None:
    """What a file of bestline's own is, in the place of a table; or None."""
    if name.endswith(".bestline"):
        return "is a fitted line and holds no rows; give the file that the rows are in."
    return "holds moments and no rows; give the file that they were collected from." if name.endswith(".moments") else None


def _decimal(lines: list[str], delimiter: str) -> str:
    # There a decimal comma would have to be quoted, and nobody does.
    if delimiter == ",":
        return "."
    try:
        cells = [cell.strip() for row in csv.reader(lines, delimiter=delimiter) for cell in row]
    except csv.Error:
        return "."
    signs = [_decimal_sign(cell) for cell in cells]
    return "," if signs.count(",") > signs.count(".") else "."


def _decimal_sign(cell: str) -> str:
    """The decimal sign that a cell shows: `1.234,5` has one with a comma only; of `1,234` it is the sign that is there."""
    readings = [sign for sign in ",." if undressed(cell, Spelling(sign, thousands=True)) is not None]
    return next((sign for sign in readings if len(readings) == 1 or sign in cell), "") if "," in cell or "." in cell else ""
