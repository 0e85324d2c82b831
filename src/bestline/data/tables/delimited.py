"""Delimited text (CSV, TSV): what a file of words means is decided from its beginning, and then every word is held to it.

pyarrow converts the words, some megabytes at a time; where it meets one that it does not understand, the rows from there on are given
as words, and who asks for numbers hears which word, in which row and line, is none.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

import pyarrow as pa
import pyarrow.csv as pc_csv

from bestline.data.progress import Share
from bestline.data.tables.cells import BOOL, FALSE, LARGE, NO_NUMBER, PADDED, TRUE, ColumnJudgement, Field, Kind, judged
from bestline.data.tables.dialect import dialect_of
from bestline.data.tables.places import Place, reason
from bestline.data.tables.source import Block, TableFile, silent
from bestline.data.tables.text import BLOCK, SMALL, TextStream, native, whole_rows
from bestline.errors import DataError, FileError, readable


class DelimitedFile(TableFile):
    """A CSV or TSV file, perhaps gzipped.

    `like` gives the columns of the file before it in the same source: its kinds then hold for this file too.
    """

    def __init__(
        self, place: Place, *, packed: bool, text: Collection[str] = (), like: Mapping[str, ColumnJudgement] | None = None
    ) -> None:
        self.place, self.dialect = place, dialect_of(place, packed=packed)
        self.text, self.exact, self.seen_odd = frozenset(text), False, False
        self.notes = self.dialect.notes
        self.judgements: dict[str, ColumnJudgement] = dict(like or {})
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
        # Every column as words: the first block says what each of them holds.
        first = next((b for b in self._checked(names, frozenset(names), silent) if b.num_rows), None)
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
        for block in self._checked(tuple(empty), frozenset(empty), silent):
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
        """Quickly, in pyarrow's own conversion; from the first word it does not understand on, as words."""
        raw = frozenset(name for name in names if self._as_words(name))
        done = 0  # rows given away: a second attempt reads them again and leaves them out
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
                # A word and not the file is to blame: from the first row that was not given away on, every column comes as words.
                if "conversion error" not in str(error) or raw == frozenset(names):
                    raise self._diagnosed(error) from error
                raw = frozenset(names)

    def _as_words(self, name: str) -> bool:
        judgement = self.judgements.get(name)
        if judgement is None or judgement.kind is not Kind.NUMBER or not judgement.plain:
            return True
        return self.exact and judgement.note in (PADDED, LARGE)

    def _checked(self, names: tuple[str, ...], raw: frozenset[str], progress: Share) -> Iterator[Block]:
        try:
            yield from self._stream(names, raw, progress)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise self._diagnosed(error) from error

    def _stream(self, names: tuple[str, ...], raw: frozenset[str], progress: Share) -> Iterator[Block]:
        d = self.dialect
        with TextStream(self.place, packed=d.packed, encoding=d.encoding, skip=d.skip) as text:
            # A file that ends here has no rows, which pyarrow would not accept.
            if not (first := text.read(1)):
                return
            text.pending = first + text.pending
            text.lines = d.lines
            conversion = self._conversion(names, raw)
            for rows in whole_rows(text, d.delimiter.encode(), self._too_long):
                table = pc_csv.read_csv(
                    pa.BufferReader(native(rows)),
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
        line = self._line(row)
        return f"row {row + 1} of {self.place.label}" if line is None else f"row {row + 1} (line {line} of {self.place.label})"

    def _line(self, row: int) -> int | None:
        """The line a row begins at: by counting when rows are lines, by reading again when the file is small, else unknown."""
        # As long as every line was a row, counting lines is counting rows.
        if not self.seen_odd:
            return self.dialect.lines + row + 1
        if self.place.size > SMALL:
            return None
        return next((line for i, (line, _) in enumerate(self._records()) if i == row), None)

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """The rows again by Python's own reader: the line each begins at, and its cells."""
        d = self.dialect
        with TextStream(self.place, packed=d.packed, encoding=d.encoding, skip=d.skip) as text:
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
