"""Text: a file as a stream of UTF-8 bytes, cut where rows end.

A row ends at the end of a line, unless the line ends inside a quoted cell: a quotation mark opens a cell only where the cell
begins, and two in a row inside it stand for one (RFC 4180). What is not text is refused with its line: a NUL byte, a character
that the encoding does not have, a damaged or truncated file that was packed.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bestline.data.tables.packed import ERRORS, damaged, unpacked
from bestline.data.tables.places import Place
from bestline.errors import FileError, readable

HEAD = 1 << 20  # bytes; enough for any header line, and for a hundred rows to judge by
BLOCK = 1 << 22  # one block is decoded at a time; no row may be longer
SMALL = 1 << 26  # up to here a second reading to find a line number is cheap


def whole_rows(text: TextStream, delimiter: bytes, too_long: Callable[[], Exception]) -> Iterator[tuple[bytes, bool]]:
    """The text in pieces that end where a row does, and of each whether a quoted cell in it may hold a line's end.

    pyarrow's own streaming reader reads ahead in a thread, through our Python file; where the interpreter ends before that thread
    does, the process aborts. Pieces that are parsed one at a time leave nothing behind.
    """
    rest = b""  # what has been read and not been given away: the beginning of a row whose end has not come
    while piece := text.read(2 * BLOCK):
        rest += piece
        # Invariant: what was given away ends where a row does, and `rest` begins where one begins.
        end, within = _end_of_rows(rest, delimiter)
        if end:
            yield rest[:end], within
            rest = rest[end:]
        elif len(rest) > BLOCK:
            raise too_long()
    if rest.strip(b" \r\n"):
        yield rest, b'"' in rest


def _end_of_rows(piece: bytes, delimiter: bytes) -> tuple[int, bool]:
    """Where the last row that is whole ends, 0 if there is none, and whether a quoted cell before it holds a line's end."""
    if b'"' not in piece:
        # A file of old Macintosh lines has \r alone. One at the very end may be the first half of \r\n, so it does not count yet.
        return (piece.rfind(b"\n") + 1 if b"\n" in piece else piece.rfind(b"\r", 0, len(piece) - 1) + 1), False
    text = np.frombuffer(piece, np.uint8)
    edges = _quoted(text, piece, delimiter)
    lines, returns = (np.flatnonzero(text[:stop] == end) for end, stop in ((10, len(piece)), (13, len(piece) - 1)))
    # An odd number of edges before it: inside a quoted cell.
    free, held = (_outside(ends, edges) for ends in (lines, returns))
    rows = free if len(free) else held
    if not len(rows):
        return 0, True
    last = int(rows[-1])
    within = len(free) < len(lines) or len(held) < len(returns)
    return last + 1, within


def _outside(places: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    return places[np.searchsorted(edges, places) % 2 == 0]


def _quoted(text: NDArray[np.uint8], piece: bytes, delimiter: bytes) -> NDArray[np.int64]:
    """Where quoted cells begin and end, by turns; a cell that is not closed has no end.

    A quotation mark opens a cell only where the cell begins; 5" in the middle of one is an inch. Where all marks only open, close and
    double, every second one closes a cell, and the one after it opens the next or, right behind it, doubles it: such marks are the
    edges themselves, and counting them is quick.
    """
    marks: NDArray[np.int64] = np.flatnonzero(text == ord('"'))
    opening = marks[::2]
    before = np.where(opening > 0, text[opening - 1], ord("\n"))
    if bool(np.isin(before, np.frombuffer(b'\r\n"' + delimiter, np.uint8)).all()):
        return marks
    quoted = re.compile(rb"(?:\A|(?<=[\r\n" + re.escape(delimiter) + rb']))"(?:[^"]|"")*(?:"|\Z)')
    edges = [edge for match in quoted.finditer(piece) for edge in (match.start(), match.end() - 1)]
    return np.array(edges, dtype=np.int64)


def native(rows: bytes) -> Any:
    """A copy in pyarrow's own memory, which its threads can free without asking Python."""
    buffer = pa.allocate_buffer(len(rows))
    memoryview(buffer).cast("B")[:] = rows
    return buffer


class TextStream(io.RawIOBase):
    """The file as UTF-8 bytes: unpacked, decoded, checked, and with its lines counted as they go by."""

    def __init__(self, place: Place, *, packed: str, encoding: str, skip: int = 0) -> None:
        self.place, self.raw, self.total = place, place.open(), max(place.size, 1)
        # The packed file's own position says how much has been read, whatever it unpacks to.
        self.packed = packed
        try:
            self.source: Any = unpacked(place, packed, self.raw)
        except ERRORS as error:
            raise damaged(place, packed, error) from error
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
        # A piece may end within a character, which the decoder keeps for the next one: an empty text is not the end of the file.
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
        except ERRORS as error:
            raise damaged(self.place, self.packed, error) from error

    def _count(self, chunk: bytes) -> None:
        if b"\0" in chunk:
            line = self.lines + chunk[: chunk.index(b"\0")].count(b"\n") + 1
            raise FileError(f"{self.shown} has a NUL byte in line {line}; remove it, or write the file again.")
        # Where rows are lines, the line of a row is known by counting. Quoted cells, empty lines and lone \r make it odd: not known.
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
