"""Delimited text (CSV, TSV): what a file of words means is decided from its beginning, and then every word is held to it."""

from __future__ import annotations

import codecs
import csv
import io
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from gzip import BadGzipFile, GzipFile
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.csv as pc_csv

from bestline.errors import DataError, FileError, readable
from bestline.tables.cells import BOOL, FALSE, LARGE, NO_NUMBER, PADDED, TRUE, Field, Judgement, Kind, judged
from bestline.tables.parts import Part
from bestline.tables.places import Place, reason
from bestline.tables.source import unique_names

if TYPE_CHECKING:
    from bestline.tables.source import Block, Progress

HEAD = 1 << 20  # enough for any header line
BLOCK = 1 << 22  # one block is decoded at a time; no row may be longer
SMALL = 1 << 26  # up to here a second reading to find a line number is cheap


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


def _whole_rows(text: Text, delimiter: bytes, too_long: Callable[[], Exception]) -> Iterator[bytes]:
    """The text in pieces that end where a row does.

    pyarrow's own streaming reader reads ahead in a thread, through our Python file; where the interpreter ends before that thread
    does, the process aborts. Pieces that are parsed one at a time leave nothing behind.
    """
    rest = b""
    while piece := text.read(2 * BLOCK):
        rest += piece
        if end := _end_of_rows(rest, delimiter):
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > BLOCK:
            raise too_long()
    if rest.strip():
        yield rest


def _end_of_rows(piece: bytes, delimiter: bytes) -> int:
    """Where the last row that is whole ends: at a line's end outside quoted cells, 0 if there is none.

    A quotation mark opens a cell only where the cell begins; 5" in the middle of one is an inch.
    """
    newline = b"\n" if b"\n" in piece else b"\r"
    end = piece.rfind(newline, 0, len(piece) if newline == b"\n" else len(piece) - 1) + 1
    if b'"' not in piece:
        return end
    quoted = re.compile(rb"(?:\A|(?<=[\r\n" + re.escape(delimiter) + rb']))"(?:[^"]|"")*(?:"|\Z)')
    spans = [match.span() for match in quoted.finditer(piece)]
    for start, stop in reversed(spans):
        if stop < end:
            break
        end = min(end, piece.rfind(newline, 0, start) + 1) if start < end else end
    return end


def _native(rows: bytes) -> Any:
    """A copy in pyarrow's own memory, which its threads can free without asking Python."""
    buffer = pa.allocate_buffer(len(rows))
    memoryview(buffer).cast("B")[:] = rows
    return buffer


class Text(io.RawIOBase):
    """The file as UTF-8 bytes: unpacked, decoded, checked, and with its lines counted as they go by."""

    def __init__(self, place: Place, *, packed: bool, encoding: str, skip: int = 0) -> None:
        self.place, self.raw, self.total = place, place.open(), max(place.size, 1)
        self.source: Any = GzipFile(fileobj=self.raw) if packed else self.raw
        self.decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)()
        self.encoding, self.lines, self.odd, self.last, self.pending = encoding, 0, False, b"\n", b""
        self.pending = b"" if not skip else self._discard(skip)

    def _discard(self, skip: int) -> bytes:
        while chunk := self._next(max(skip, 1 << 16)):
            if len(chunk) >= skip:
                return chunk[skip:]
            skip -= len(chunk)
        return b""

    def readable(self) -> bool:
        """Yes: what pyarrow and io ask before they read."""
        return True

    def read(self, n: int = -1) -> bytes:
        """Up to n bytes; less only at the end. Raises FileError for what is not text."""
        parts, length = [self.pending], len(self.pending)
        while n < 0 or length < n:
            chunk = self._next(BLOCK if n < 0 else n - length)
            if not chunk:
                break
            parts.append(chunk)
            length += len(chunk)
        whole = b"".join(parts)
        out, self.pending = (whole, b"") if n < 0 else (whole[:n], whole[n:])
        self._count(out)
        return out

    def _next(self, n: int) -> bytes:
        chunk = self._raw(n)
        if self.decoder is None:
            return chunk
        while True:
            try:
                text = self.decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                raise FileError(f"{self.shown} is not {self.encoding} text throughout; save it as UTF-8.") from error
            if text or not chunk:
                return text.encode()
            chunk = self._raw(n)

    def _raw(self, n: int) -> bytes:
        try:
            return bytes(self.source.read(n))
        except EOFError as error:
            raise FileError(f"{self.shown} is truncated: its gzip data ends too early; download or pack it again.") from error
        except BadGzipFile as error:
            what = "its gzip checksum is wrong" if "CRC" in str(error) or "length" in str(error) else reason(error)
            raise FileError(f"{self.shown} is damaged: {what}; download or pack it again.") from error
        except (zlib.error, OSError, pa.ArrowException) as error:
            raise FileError(f"{self.shown} cannot be read: {reason(error)}; download or write it again.") from error

    def _count(self, chunk: bytes) -> None:
        if b"\0" in chunk:
            line = self.lines + chunk[: chunk.index(b"\0")].count(b"\n") + 1
            raise FileError(f"{self.shown} has a NUL byte in line {line}; remove it, or write the file again.")
        ends = chunk.count(b"\n")
        self.lines += ends
        self.odd = self.odd or b'"' in chunk or b"\n\n" in chunk or b"\n\r\n" in chunk or (b"\r" in chunk and not ends)

    @property
    def shown(self) -> str:
        """The path, for messages."""
        return readable(self.place.shown)

    @property
    def share(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return float(min(self.raw.tell() / self.total, 1.0))

    def close(self) -> None:
        """Close the file, too."""
        if not self.closed:
            self.raw.close()
        super().close()


# --- the beginning of the file -------------------------------------------------------------------------------------------


def dialect_of(place: Place, *, packed: bool) -> Dialect:
    """How the file is written: encoding, comment lines, delimiter, header, decimal sign."""
    encoding, mark, notes = _encoding(place, packed=packed)
    with Text(place, packed=packed, encoding=encoding) as text:
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
    skip = mark + len("".join(lines[:used]).encode())
    decimal = _decimal(lines[used : used + 200], delimiter)
    if decimal == ",":
        said = (*said, f"{place.label} writes numbers with a decimal comma, and they were read so.")
    return Dialect(packed, encoding, delimiter, decimal, skip, used, names, notes + said)


def _encoding(place: Place, *, packed: bool) -> tuple[str, int, tuple[str, ...]]:
    """The encoding, the bytes of its mark, and what the user should know about it."""
    with Text(place, packed=packed, encoding="utf-8") as text:
        start = text._raw(HEAD)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", 0, ()
    sample = start if len(start) < HEAD else start[: start.rfind(b"\n") + 1] or start
    control = sum(sample.count(bytes([c])) for c in range(32) if c not in b"\t\n\r\f")
    if control > max(2, len(sample) / 100):
        if sample.count(b"\0") * 5 > len(sample) * 2:
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
    best, most = "\t" if tab_first else ",", 1
    for candidate in "\t,;|" if tab_first else ",;\t|":
        widths = _widths(lines, candidate)
        fitting = sum(width == widths[0] for width in widths) if widths else 0
        if widths and widths[0] > most and fitting >= 0.7 * len(widths):
            best, most = candidate, widths[0]
    return best


def _widths(lines: list[str], delimiter: str) -> list[int]:
    """Cells in each of the first rows; the last row may be cut off, so it does not count when there are others."""
    widths = []
    try:
        widths = [len(row) for row in islice(csv.reader(lines[:300], delimiter=delimiter), 100) if row]
    except csv.Error:
        return widths
    return widths


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
    if delimiter == ",":
        return "."
    try:
        cells = [cell.strip() for row in csv.reader(lines, delimiter=delimiter) for cell in row]
    except csv.Error:
        return "."
    numbers = [cell for cell in cells if cell and _is_number(cell)]
    return "," if sum("," in cell for cell in numbers) > sum("." in cell for cell in numbers) else "."


# --- the file ------------------------------------------------------------------------------------------------------------


class Delimited(Part):
    """A CSV or TSV file, perhaps gzipped.

    `like` gives the columns of the file before it in the same source: its kinds then hold for this file too.
    """

    def __init__(
        self, place: Place, *, packed: bool, text: Collection[str] = (), like: Mapping[str, Judgement] | None = None
    ) -> None:
        self.place, self.dialect = place, dialect_of(place, packed=packed)
        self.text, self.exact, self.seen_odd = frozenset(text), False, False
        self.notes = self.dialect.notes
        self.judgements: dict[str, Judgement] = dict(like or {})
        if like is None:
            self._judge()
        self._settle()

    def _settle(self) -> None:
        names = self.dialect.names
        self.fields = tuple(
            Field(n, j.kind, None, j.note) for n in names if (j := self.judgements.get(n, Judgement(Kind.EMPTY)))
        )
        self.spelling = {n: j.spelling for n, j in self.judgements.items()}

    def _judge(self) -> None:
        names = self.dialect.names
        first = next((b for b in self._checked(names, frozenset(names), _ignore) if b.num_rows), None)
        if first is None:
            raise DataError(f"{readable(self.place.shown)} has no rows below its header.")
        for name, words in zip(names, first.columns, strict=True):
            self.judgements[name] = judged(name, words, self.dialect.decimal, as_text=name in self.text)
        self.look_further([name for name in names if self.judgements[name].kind is Kind.EMPTY])
        self.notes += tuple(remark for name in names for remark in self.judgements[name].remarks)

    def look_further(self, empty: list[str]) -> None:
        """Settle columns without values so far by the first block of the file that has some."""
        if not empty:
            return
        for block in self._checked(tuple(empty), frozenset(empty), _ignore):
            for name in list(empty):
                found = judged(name, block.column(name), self.dialect.decimal, as_text=name in self.text)
                if found.kind is not Kind.EMPTY:
                    self.judgements[name] = found
                    empty.remove(name)
            if not empty:
                break
        self._settle()

    def adopt(self, judgements: Mapping[str, Judgement]) -> None:
        """Take over what other files of the same source said about columns."""
        self.judgements.update(judgements)
        self._settle()

    def verbatim(self) -> Delimited:
        """The same file with zero-padded and very large numbers as the words they are."""
        twin = Delimited(self.place, packed=self.dialect.packed, text=self.text, like=self.judgements)
        twin.exact = True
        return twin

    def blocks(self, names: tuple[str, ...], size: int, progress: Progress) -> Iterator[Block]:
        """Quickly, in pyarrow's own conversion; from the first word it does not understand on, as words."""
        raw = frozenset(name for name in names if self._as_words(name))
        done = 0
        while True:
            try:
                passed = 0
                for block in self._stream(names, raw, progress):
                    passed += block.num_rows
                    if passed > done:
                        fresh = min(passed - done, block.num_rows)
                        done = passed
                        yield block.slice(block.num_rows - fresh)
                return
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                if "conversion error" not in str(error) or raw == frozenset(names):
                    raise self._diagnosed(error) from error
                raw = frozenset(names)

    def _as_words(self, name: str) -> bool:
        judgement = self.judgements.get(name)
        if judgement is None or judgement.kind is not Kind.NUMBER or not judgement.plain:
            return True
        return self.exact and judgement.note in (PADDED, LARGE)

    def _checked(self, names: tuple[str, ...], raw: frozenset[str], progress: Progress) -> Iterator[Block]:
        try:
            yield from self._stream(names, raw, progress)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise self._diagnosed(error) from error

    def _stream(self, names: tuple[str, ...], raw: frozenset[str], progress: Progress) -> Iterator[Block]:
        d = self.dialect
        with Text(self.place, packed=d.packed, encoding=d.encoding, skip=d.skip) as text:
            if not (first := text.read(1)):
                return
            text.pending = first + text.pending
            text.lines = d.lines
            conversion = self._conversion(names, raw)
            for rows in _whole_rows(text, d.delimiter.encode(), self._too_long):
                table = pc_csv.read_csv(
                    pa.BufferReader(_native(rows)),
                    read_options=pc_csv.ReadOptions(column_names=list(d.names), block_size=BLOCK),
                    parse_options=pc_csv.ParseOptions(delimiter=d.delimiter, newlines_in_values=b'"' in rows),
                    convert_options=conversion,
                )
                for block in table.combine_chunks().to_batches():
                    self.seen_odd = self.seen_odd or text.odd
                    progress(text.share)
                    yield block
        progress(1.0)

    def _conversion(self, names: tuple[str, ...], raw: frozenset[str]) -> Any:
        def stored(name: str) -> Any:
            if name in raw:
                return pa.string()
            return pa.bool_() if self.judgements[name].note == BOOL else pa.float64()

        return pc_csv.ConvertOptions(
            column_types={name: stored(name) for name in self.dialect.names} if not names else {n: stored(n) for n in names},
            include_columns=list(names),
            null_values=list(NO_NUMBER),
            true_values=list(TRUE),
            false_values=list(FALSE),
            strings_can_be_null=False,
            decimal_point=self.dialect.decimal,
        )

    # --- where things stand ----------------------------------------------------------------------------------------------

    def where(self, row: int) -> str:
        """Where a row (from 0) stands: its number, and its line when that is cheap to know."""
        line = self._line(row)
        return f"row {row + 1} of {self.place.label}" if line is None else f"row {row + 1} (line {line} of {self.place.label})"

    def _line(self, row: int) -> int | None:
        """The line a row begins at: by counting when rows are lines, by reading again when the file is small, else unknown."""
        if not self.seen_odd:
            return self.dialect.lines + row + 1
        if self.place.size > SMALL:
            return None
        return next((line for i, (line, _) in enumerate(self._records()) if i == row), None)

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """The rows again by Python's own reader: the line each begins at, and its cells."""
        d = self.dialect
        with Text(self.place, packed=d.packed, encoding=d.encoding, skip=d.skip) as text:
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


def _ignore(_: float) -> None:
    return None
