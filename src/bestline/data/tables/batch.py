"""Batch: some consecutive rows of a table, whose columns are read as numbers or as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from bestline.data.tables.cells import BOOL, LARGE, Cells, Field, Kind, as_category, codes, numbers, truths
from bestline.data.tables.derived.days import Days, NoDateError, ZoneError, days_of
from bestline.data.tables.derived.shifts import Numbers
from bestline.data.tables.judgement import ROUNDED, large_word, widened
from bestline.data.tables.noticed import Noticed
from bestline.data.tables.table_file import Block
from bestline.data.tables.words import NotANumberError, Spelling, bare_words, wordy
from bestline.errors import ColumnError, DataError, readable
from bestline.wording import count

_NameT = TypeVar("_NameT", str, tuple[str, ...])


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where the columns of all batches of a source lie: made once, so that a batch costs nothing per column."""

    blocks: tuple[tuple[str, ...], ...]
    fields: Mapping[str, Field]
    home: Mapping[str, tuple[int, int]]
    spelling: Mapping[str, Spelling]  # of a text file's columns; empty for typed data
    noticed: Noticed

    @classmethod
    def of(
        cls,
        blocks: Sequence[tuple[str, ...]],
        fields: Sequence[Field],
        spelling: Mapping[str, Spelling] | None = None,
        noticed: Noticed | None = None,
    ) -> Layout:
        """The layout of blocks whose columns have these names."""
        home = {name: (b, c) for b, names in enumerate(blocks) for c, name in enumerate(names)}
        return cls(tuple(blocks), {f.name: f for f in fields}, home, spelling or {}, noticed or Noticed())


class Batch:
    """Some consecutive rows of a source.

    Attributes
    ----------
    start : int
        Number of its first row, counted from 0 over the whole source.
    rows : int
        How many rows it has.
    """

    __slots__ = ("_blocks", "_layout", "_place", "_read", "_shifted", "rows", "start")

    def __init__(self, start: int, rows: int, layout: Layout, blocks: Sequence[Block], place: Callable[[int], str]) -> None:
        self.start, self.rows = start, rows
        self._layout, self._blocks, self._place = layout, blocks, place
        # What was read of it: what is learnt and what is added up in one pass look at the same columns.
        self._read: dict[tuple[str, str | tuple[str, ...]], Any] = {}
        self._shifted: Mapping[str, Numbers] = {}

    def __len__(self) -> int:
        return self.rows

    def after(self, first: int, place: Callable[[int], str] | None = None) -> Batch:
        """The same rows where `first` others come before them: a partition's, counted over the whole table.

        `place` says where a row of the whole table stands, for messages; left out, rows stand where they stood.
        """
        start = first + self.start
        where = self._place if place is None else lambda i: place(start + i)
        return Batch(start, self.rows, self._layout, self._blocks, where)

    def beside(self, shifted: Mapping[str, Numbers]) -> Batch:
        """The same rows with what other rows of the table hold: columns (n,) of the whole table, by the names of shifts."""
        made, end = Batch(self.start, self.rows, self._layout, self._blocks, self._place), self.start + self.rows
        short = next((name for name, values in shifted.items() if len(values) < end), None)
        if short is not None:
            raise DataError(
                f"The data had {count(len(shifted[short]), 'row')} when {readable(short)} was worked out, and now has more; fit the line again to "
                f"data that stays as it is."
            )
        made._shifted = {name: values[self.start : end] for name, values in shifted.items()}
        return made

    def where(self, i: int) -> str:
        """Where row `i` of this batch stands, for messages: "row 19 (line 20 of cars.csv)"; people count from 1."""
        return self._place(i)

    def cells(self, name: str) -> Cells:
        """The column as it is stored: a pyarrow array or a tensor (rows,)."""
        if name not in self._layout.home and (days := days_of(name)) is not None and days.column in self._layout.home:
            return pa.array(self._in_days(days), from_pandas=True)
        if name in self._shifted:
            return pa.array(self._shifted[name], from_pandas=True)
        try:
            block, column = self._layout.home[name]
        except KeyError:
            raise ColumnError.missing(name, self._layout.home) from None
        values = self._blocks[block]
        if isinstance(values, Tensor):
            return values[:, column]
        array = values.column(column)
        return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array

    def matrix(self, names: Sequence[str]) -> Tensor | None:
        """The named columns (rows, len(names)) as the matrix that they are all columns of, in its own precision; None: of none."""
        held = zip(self._blocks, self._layout.blocks, strict=True)
        wanted = tuple(names)
        return next((block for block, own in held if own == wanted and isinstance(block, Tensor)), None)

    def numbers(self, names: Sequence[str]) -> Tensor:
        """The named columns as float64 (rows, len(names)); missing is NaN, true and false are 1 and 0.

        All the columns of a float64 matrix in their order are a view of it, without a copy.

        Raises
        ------
        ColumnError
            When there is no such column, or it holds something else than numbers.
        """
        found: Tensor = self._once("numbers", tuple(names), self._numbers)
        return found

    def _once(self, what: str, name: _NameT, read: Callable[[_NameT], Any]) -> Any:
        if (what, name) not in self._read:
            self._read[what, name] = read(name)
        return self._read[what, name]

    def _numbers(self, names: tuple[str, ...]) -> Tensor:
        # From the cheapest to the dearest: the block as it stands, some columns of one block, every column on its own.
        whole = self.matrix(names)
        if whole is not None:
            # A view, where it is float64 already: most passes over arrays copy nothing at all.
            return whole.to(torch.float64)
        homes = [self._layout.home.get(name) for name in names]
        first = homes[0][0] if homes and homes[0] else None
        block = None if first is None else self._blocks[first]
        if isinstance(block, Tensor) and all(home and home[0] == first for home in homes):
            return block[:, [home[1] for home in homes if home]].to(torch.float64)
        # Frames and files: each column is an array of its own, and X is put together here.
        columns = [self._once("column", name, self._column) for name in names]
        out = torch.empty((self.rows, len(names)), dtype=torch.float64)
        view = out.numpy()
        for j, column in enumerate(columns):
            view[:, j] = column.cpu().double().numpy() if isinstance(column, Tensor) else column
        # One column on an accelerator draws the others there: the mathematics is done where the data are.
        device = next((c.device for c in columns if isinstance(c, Tensor) and c.device.type != "cpu"), out.device)
        return out.to(device)

    def text(self, name: str) -> tuple[Tensor, tuple[str, ...]]:
        """The column as codes (rows,) int64, -1 where missing, and the levels that occur in this batch.

        Numbers are written the short way: 2007.0 is "2007", 0.1 is "0.1"; true and false are "True" and "False".

        Raises
        ------
        ColumnError
            When there is no such column, or it is nested or binary.
        """
        found: tuple[Tensor, tuple[str, ...]] = self._once("text", name, self._text)
        return found

    def _column(self, name: str) -> Tensor | np.ndarray[Any, np.dtype[np.float64]]:
        cells = self.cells(name)
        return cells if isinstance(cells, Tensor) else self._parsed(name, cells)

    def _text(self, name: str) -> tuple[Tensor, tuple[str, ...]]:
        cells, field = self.cells(name), self._layout.fields.get(name) or Field(name, Kind.NUMBER)
        if field.kind is Kind.OTHER:
            raise ColumnError(f"Column {readable(name)} is {field.note} and has no levels; leave it out.")
        # Numbers of a text file are compared as numbers: 1, 1.0 and 01 are one level, unless asked for as text.
        words = self.words(name)
        if field.kind is Kind.NUMBER and words and not isinstance(cells, Tensor) and not pa.types.is_boolean(cells.type):
            cells, words = pa.array(self._parsed(name, cells), from_pandas=True), False
            cells = cells.cast(pa.bool_()) if field.note == BOOL else cells
        return codes(cells, words_may_be_missing=words)

    def numeric(self, name: str) -> bool:
        """Whether the cells are numbers, and no text: such a column cannot keep the zeros of `01234`."""
        return name in self._shifted or self._layout.fields[name].kind is Kind.NUMBER

    def lacks(self, name: str) -> Tensor:
        """Where the column has no value, (rows,), whatever it holds."""
        field = self._layout.fields.get(name)
        if field is not None and field.kind not in (Kind.NUMBER, Kind.EMPTY):
            return self.text(name)[0] < 0
        column = self._once("column", name, self._column)
        return torch.isnan(column) if isinstance(column, Tensor) else torch.from_numpy(np.isnan(column))

    def words(self, name: str) -> bool:
        """Whether the column comes from a text file, where words may say that a value is missing."""
        return name in self._layout.spelling

    def _in_days(self, days: Days) -> np.ndarray[Any, np.dtype[np.float64]]:
        shown, cells = readable(days.column), self.cells(days.column)
        what = "durations" if days.origin is None else "dates"
        try:
            return days.of(pa.nulls(self.rows) if self._layout.fields[days.column].kind is Kind.EMPTY else cells)
        except ZoneError:
            had, has = ("with", "without") if days.utc else ("without", "with")
            raise ColumnError(
                f"Column {shown} holds times {has} a time zone, and the line was fitted to times {had} one; bring them to one clock."
            ) from None
        except NoDateError as odd:
            if odd.word is None:
                raise ColumnError(f"Column {shown} does not hold {what}; give {what}, as the line was fitted to.") from None
            raise ColumnError(
                f"Column {shown} holds dates, but {readable(odd.word)} at {self.where(odd.index)} is none that can be read; write dates "
                f"as 2024-02-01."
            ) from None

    def _parsed(self, name: str, cells: Cells) -> np.ndarray[Any, np.dtype[np.float64]]:
        if name not in self._layout.fields:  # in days, or shifted
            return numbers(cells, None)
        field = self._layout.fields[name]
        if field.kind is Kind.EMPTY:
            return np.full(self.rows, np.nan)
        if field.kind is not Kind.NUMBER:
            # A frame's words for true and false are what they are in files: numbers, where numbers are asked for.
            flags = truths(cells) if field.kind is Kind.TEXT else None
            if flags is None:
                raise self._no_numbers(field, cells)
            return flags
        spelling = self._layout.spelling.get(name)
        try:
            return self._seen(name, cells, numbers(cells, spelling))
        except NotANumberError as odd:
            # The first rows of a table decide how its numbers are written; others are read all the same where these were not the last.
            wider = None if spelling is None else widened(cells, spelling)
            if wider is not None and wider != spelling:
                return self._written_otherwise(name, cells, wider, odd)
            raise self._no_number(name, odd) from None

    def _seen(
        self, name: str, cells: Cells, values: np.ndarray[Any, np.dtype[np.float64]]
    ) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The values, once whole numbers among words are noted that float64 rounds."""
        if wordy(cells.type) and not self._layout.noticed.is_large(name) and bool((np.abs(values) >= ROUNDED).any()):
            word = large_word(bare_words(cells), self._layout.spelling.get(name) or Spelling())
            if word is not None and self._layout.fields[name].note != LARGE:
                self._layout.noticed.large(name, self.start, word)
        return values

    def _written_otherwise(
        self, name: str, cells: Cells, spelling: Spelling, first: NotANumberError
    ) -> np.ndarray[Any, np.dtype[np.float64]]:
        try:
            values = numbers(cells, spelling)
        except NotANumberError as odd:
            raise self._no_number(name, odd) from None
        where = partial(self._place, first.index)
        self._layout.noticed.written(name, self.start + first.index, first.word, spelling, where)
        return values

    def _no_number(self, name: str, odd: NotANumberError) -> ColumnError:
        return ColumnError(
            f"Column {readable(name)} holds numbers, but {readable(odd.word)} at {self.where(odd.index)} {odd.advice}, "
            f"or use {as_category(name)} to read the column as text."
        )

    def _no_numbers(self, field: Field, cells: Cells) -> ColumnError:
        shown = readable(field.name)
        if field.kind is Kind.OTHER:
            return ColumnError(f"Column {shown} is {field.note}, not numbers; leave it out.")
        first = self._first_word(field, cells)
        example = "" if first is None else f", such as {readable(str(cells[first]))} at {self.where(first)}"
        advice = (
            "turn it into numbers (days, years)" if field.kind is Kind.DATE else f"use {as_category(field.name)} for categories"
        )
        return ColumnError(f"Column {shown} holds {field.kind.value}{example}, not numbers; {advice}, or leave it out.")

    def _first_word(self, field: Field, cells: Cells) -> int | None:
        """The first cell that is no number, or the first at all."""
        try:
            if field.kind is Kind.TEXT:
                numbers(cells, self._layout.spelling.get(field.name))
        except (NotANumberError, pa.ArrowException) as odd:
            if isinstance(odd, NotANumberError):
                return odd.index
        return next((i for i in range(self.rows) if cells[i].is_valid and str(cells[i]) != ""), None)
