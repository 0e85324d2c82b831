"""Batch: some consecutive rows of a table, whose columns are read as numbers or as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from bestline.data.tables.cells import Cells, Field, Kind, NotANumberError, Spelling, as_category, codes, numbers
from bestline.errors import ColumnError, readable

Block: TypeAlias = Any  # neighbouring columns: a tensor (n, k), or a pyarrow table or record batch


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where the columns of all batches of a source lie: made once, so that a batch costs nothing per column."""

    blocks: tuple[tuple[str, ...], ...]
    fields: Mapping[str, Field]
    home: Mapping[str, tuple[int, int]]
    spelling: Mapping[str, Spelling]  # of a text file's columns; empty for typed data

    @classmethod
    def of(
        cls, blocks: Sequence[tuple[str, ...]], fields: Sequence[Field], spelling: Mapping[str, Spelling] | None = None
    ) -> Layout:
        """The layout of blocks whose columns have these names."""
        home = {name: (b, c) for b, names in enumerate(blocks) for c, name in enumerate(names)}
        return cls(tuple(blocks), {f.name: f for f in fields}, home, spelling or {})


class Batch:
    """Some consecutive rows of a source.

    Attributes
    ----------
    start : int
        Number of its first row, counted from 0 over the whole source.
    rows : int
        How many rows it has.
    """

    __slots__ = ("_blocks", "_layout", "_place", "rows", "start")

    def __init__(self, start: int, rows: int, layout: Layout, blocks: Sequence[Block], place: Callable[[int], str]) -> None:
        self.start, self.rows = start, rows
        self._layout, self._blocks, self._place = layout, blocks, place

    def __len__(self) -> int:
        return self.rows

    def after(self, first: int) -> Batch:
        """The same rows where `first` others come before them: a partition's, counted over the whole table."""
        return Batch(first + self.start, self.rows, self._layout, self._blocks, self._place)

    def where(self, i: int) -> str:
        """Where row `i` of this batch stands, for messages: "row 19 (line 20 of cars.csv)"; people count from 1."""
        return self._place(i)

    def cells(self, name: str) -> Cells:
        """The column as it is stored: a pyarrow array or a tensor (rows,)."""
        try:
            block, column = self._layout.home[name]
        except KeyError:
            raise ColumnError.missing(name, self._layout.home) from None
        values = self._blocks[block]
        if isinstance(values, Tensor):
            return values[:, column]
        array = values.column(column)
        return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array

    def numbers(self, names: Sequence[str]) -> Tensor:
        """The named columns as float64 (rows, len(names)); missing is NaN, true and false are 1 and 0.

        All the columns of a float64 matrix in their order are a view of it, without a copy.

        Raises
        ------
        ColumnError
            When there is no such column, or it holds something else than numbers.
        """
        # From the cheapest to the dearest: the block as it stands, some columns of one block, every column on its own.
        names = tuple(names)
        for block, held in zip(self._blocks, self._layout.blocks, strict=True):
            if held == names and isinstance(block, Tensor):
                # A view, where it is float64 already: most passes over arrays copy nothing at all.
                return block.to(torch.float64)
        homes = [self._layout.home.get(name) for name in names]
        first = homes[0][0] if homes and homes[0] else -1
        if first >= 0 and isinstance(self._blocks[first], Tensor) and all(home and home[0] == first for home in homes):
            return self._tensor(first)[:, [home[1] for home in homes if home]].to(torch.float64)
        # Frames and files: each column is an array of its own, and X is put together here.
        columns = [self._number(name) for name in names]
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
        cells, field = self.cells(name), self._layout.fields[name]
        if field.kind is Kind.OTHER:
            raise ColumnError(f"Column {readable(name)} is {field.note} and has no levels; leave it out.")
        # Numbers of a text file are compared as numbers: 1, 1.0 and 01 are one level, unless asked for as text.
        words = self.words(name)
        if field.kind is Kind.NUMBER and words and not isinstance(cells, Tensor) and not pa.types.is_boolean(cells.type):
            cells, words = self._flags(field, pa.array(self._parsed(name, cells), from_pandas=True)), False
        return codes(cells, words_may_be_missing=words)

    def words(self, name: str) -> bool:
        """Whether the column comes from a text file, where words may say that a value is missing."""
        return name in self._layout.spelling

    def _flags(self, field: Field, cells: Cells) -> Cells:
        return cells.cast(pa.bool_()) if field.note == "bool" else cells

    def _tensor(self, block: int) -> Tensor:
        values: Tensor = self._blocks[block]
        return values

    def _number(self, name: str) -> Tensor | np.ndarray[Any, Any]:
        cells = self.cells(name)
        return cells if isinstance(cells, Tensor) else self._parsed(name, cells)

    def _parsed(self, name: str, cells: Cells) -> np.ndarray[Any, np.dtype[np.float64]]:
        field = self._layout.fields[name]
        if field.kind is Kind.EMPTY:
            return np.full(self.rows, np.nan)
        if field.kind is not Kind.NUMBER:
            raise self._no_numbers(field, cells)
        try:
            return numbers(cells, self._layout.spelling.get(name))
        except NotANumberError as odd:
            raise ColumnError(
                f"Column {readable(name)} holds numbers, but {readable(odd.word)} at {self.where(odd.index)} is not a number; "
                f"correct it, or use {as_category(name)} to read the column as text."
            ) from None

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
