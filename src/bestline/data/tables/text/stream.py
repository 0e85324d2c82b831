"""Text: a file as a stream of UTF-8 bytes, cut where rows end.

What is not text is refused with its line: a NUL byte, a character that the encoding does not have, a damaged or truncated file that
was packed.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pyarrow as pa

from bestline.data.tables.packed import ERRORS, damaged, unpacked
from bestline.data.tables.places import Place
from bestline.data.tables.text.row_ends import end_of_rows, lines_in
from bestline.errors import FileError, readable

HEAD = 1 << 20  # bytes; enough for any header line, and for a hundred rows to judge by
BLOCK = 1 << 22  # one block is decoded at a time; no row may be longer
SMALL = 1 << 26  # up to here a second reading to find a line number is cheap


def whole_rows(
    text: TextStream, delimiter: bytes, size: int, too_long: Callable[[], Exception]
) -> Iterator[tuple[bytes, int | None]]:
    """The text in pieces of some `size` bytes that end where a row does, and of each how many rows it has, where every line is one.

    pyarrow's own streaming reader reads ahead in a thread, through our Python file; where the interpreter ends before that thread
    does, the process aborts. Pieces that are parsed one at a time leave nothing behind.
    """
    rest = b""  # what has been read and not been given away: the beginning of a row whose end has not come
    while piece := text.read(size):
        rest += piece
        # Invariant: what was given away ends where a row does, and `rest` begins where one begins.
        end, rows = end_of_rows(rest, delimiter)
        if end:
            yield rest[:end], rows
            rest = rest[end:]
        elif len(rest) > BLOCK:
            raise too_long()
    if rest.strip(b" \r\n"):
        # The last line of a file may lack its end.
        end, rows = end_of_rows(rest + b"\n", delimiter)
        yield rest, rows if end > len(rest) else None


@dataclass(frozen=True, slots=True)
class Span:
    """Some of the bytes of a file: from where to where, None being its end, with which row they begin, and how many rows they are."""

    begin: int
    end: int | None
    row: int
    rows: int | None = None


def spans(
    place: Place, delimiter: bytes, whole: Span, lines: int, size: int, most: int, too_long: Callable[[], Exception]
) -> list[Span]:
    """A file of UTF-8 in at most so many spans of as many bytes, which end where a row does.

    The last of them takes all from where on not every line is a row: there nobody knows how many rows there are.
    """
    cuts, total = [(whole.begin, whole.row)], place.size
    with TextStream(place, packed="", encoding="utf-8", skip=whole.begin, lines=lines) as text:
        at, row = cuts[0]
        known = True
        for content, rows in whole_rows(text, delimiter, size, too_long):
            if rows is None:
                known = False
                break
            at, row = at + len(content), row + rows
            if at - cuts[-1][0] >= (total - whole.begin) / most and at < total:
                cuts.append((at, row))
    cuts.append((total, row))
    found = [Span(begin, end, first, after - first) for (begin, first), (end, after) in pairwise(cuts)]
    if not known:
        found[-1] = replace(found[-1], rows=None)
    return found


def native(rows: bytes) -> Any:
    """A copy in pyarrow's own memory, which its threads can free without asking Python."""
    buffer = pa.allocate_buffer(len(rows))
    memoryview(buffer).cast("B")[:] = rows
    return buffer


class TextStream(io.RawIOBase):
    """The file as UTF-8 bytes: unpacked, decoded and checked; from `skip` bytes on, before which there are `lines` lines.

    Up to byte `stop`, where one is given: of a file that is UTF-8 and not packed.
    """

    def __init__(
        self, place: Place, *, packed: str, encoding: str, skip: int = 0, lines: int = 0, stop: int | None = None
    ) -> None:
        self.place, self.raw, self.total = place, place.open(), max(place.size, 1)
        # The packed file's own position says how much has been read, whatever it unpacks to.
        self.packed = packed
        try:
            self.source: Any = unpacked(place, packed, self.raw)
        except ERRORS as error:
            raise damaged(place, packed, error) from error
        self.decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)()
        self.encoding, self.skip, self.lines, self.given, self.pending = encoding, skip, lines, 0, b""
        self.left = None if stop is None else stop - skip
        if stop is not None:
            self.source.seek(skip)
        elif skip:
            self.pending = self._discard(skip)

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
        parts, length = [self.pending] if self.pending else [], len(self.pending)
        while n < 0 or length < n:
            chunk = self._next(BLOCK if n < 0 else n - length)
            if not chunk:
                break
            parts.append(chunk)
            length += len(chunk)
        whole = b"".join(parts)
        out, self.pending = (whole, b"") if n < 0 or len(whole) <= n else (whole[:n], whole[n:])
        if b"\0" in out:
            raise self._has_nul(out)
        self.given += len(out)
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
            chunk = bytes(self.source.read(n if self.left is None else min(n, self.left)))
            self.left = None if self.left is None else self.left - len(chunk)
            return chunk
        except ERRORS as error:
            raise damaged(self.place, self.packed, error) from error

    def _has_nul(self, chunk: bytes) -> FileError:
        """That there is a NUL byte, and in which line: all before it is read once more to count them."""
        lines, left = self.lines, self.given
        stop = None if self.left is None else self.skip + self.given + len(chunk) + self.left
        with TextStream(self.place, packed=self.packed, encoding=self.encoding, skip=self.skip, stop=stop) as again:
            while left and (part := again.read(min(left, BLOCK))):
                lines, left = lines + lines_in(part), left - len(part)
        line = lines + lines_in(chunk[: chunk.index(b"\0")]) + 1
        return FileError(f"{self.shown} has a NUL byte in line {line}; remove it, or write the file again.")

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
