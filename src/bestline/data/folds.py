"""Folds: which rows go together. By a hash of the row, by the value of a column, and both within the parts of a split.

By default a seeded hash of what the row holds in the columns of the formula says the fold:

    fold = hash(row, seed) mod folds

So it depends neither on the order of the rows or the files, nor on how they were cut into batches, nor on what has been learnt of
other rows; equal rows share a fold, and formulas of the same columns share their folds, in whatever order they name them. A grouping is a value like
a pass: it can be pickled, and says the same of a row wherever it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from bestline.calls import is_whole
from bestline.data.design import Encoded
from bestline.data.design.profiles import Learnt
from bestline.data.design.spellings import value as number_of
from bestline.data.passes import Adder, CannotAddError, Pass
from bestline.data.progress import Progress
from bestline.data.split import parts_of
from bestline.data.tables import Batch, Source
from bestline.errors import DataError, MissingValuesError, OptionError, readable
from bestline.numerics import Rows
from bestline.numerics.rows import fingerprint, odd_numbers, shared_out

MOST_FOLDS = 1_000
_DIGITS = re.compile("([0-9]+)")


def check_folds(folds: Any, *, more: str = "") -> None:
    """Raise OptionError for what is no number of folds of moments."""
    if type(folds) is not int or not 1 <= folds <= MOST_FOLDS:
        raise OptionError(f"`folds` must be a whole number from 1 to {MOST_FOLDS:,}{more}; got {folds!r}.")


def check_seed(seed: Any) -> int:
    """The seed as a number of Python's; raises OptionError for what no generator takes."""
    if not is_whole(seed) or not 0 <= seed < 2**31:
        raise OptionError(f"`seed` must be a whole number from 0 to 2^31 - 1; got {seed!r}.")
    return int(seed)


class Grouping(Protocol):
    """Tells the group of every row that is used, (m,); -1 is none."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What it reads of a batch, beside the design's columns."""

    @property
    def numbered(self) -> bool:
        """Whether it asks for the numbers of the rows."""

    def __call__(self, batch: Batch, encoded: Encoded) -> Tensor:
        """The groups of a batch's rows."""


class ReadsColumns(Protocol):
    """What says which columns are read, as a design does."""

    def number_columns(self) -> list[str]:
        """Columns that features are made of as numbers."""

    @property
    def target_columns(self) -> list[str]:
        """Columns of the targets."""

    @property
    def texts(self) -> list[str]:
        """Columns of categories."""

    @property
    def verbatim(self) -> bool:
        """Whether X and y are these columns of numbers as they are read, in this order."""


@dataclass(frozen=True)
class ByHash:
    """Folds by a seeded hash of each row: of its numbers as they were read, and of its levels as they are written.

    Attributes
    ----------
    folds, seed : int
    numbers, targets, texts : tuple of str
        The columns that count, each as it is read; their order says nothing.
    """

    folds: int
    seed: int
    numbers: tuple[str, ...]
    targets: tuple[str, ...]
    texts: tuple[str, ...]
    as_encoded: bool = False  # X and y are what was read: they need not be read again
    columns: tuple[str, ...] = ()  # no others than those of the design
    numbered: ClassVar[bool] = False

    @classmethod
    def of(cls, reading: ReadsColumns, folds: int, seed: int) -> ByHash:
        """The folds of rows that are read so."""
        numbers, targets, texts = (reading.number_columns(), reading.target_columns, reading.texts)
        return cls(folds, seed, tuple(numbers), tuple(targets), tuple(texts), reading.verbatim)

    def __call__(self, batch: Batch, encoded: Encoded) -> Tensor:
        """As in Grouping."""
        if self.as_encoded:
            return shared_out(row_hash(encoded.rows, self.seed, order=self._turns), self.folds)
        at = encoded.index
        X, y = (v if at is None else v[at.to(v.device)] for v in map(batch.numbers, (self.numbers, self.targets)))
        # What is missing, and will be filled in, is one NaN of the many that there are.
        X = X if bool(X.sum().isfinite()) else torch.where(X.isnan(), torch.nan, X)
        words = [_words(*batch.text(name), at).to(X.device) for name in self.texts]
        return shared_out(row_hash(Rows(X, y.to(X.device)), self.seed, words, self._turns), self.folds)

    @property
    def _turns(self) -> tuple[int, ...]:
        """The turn of each column: by name among those of its kind, so that `a + b` and `b + a` are the same rows."""
        return _turns(self.numbers, self.targets, self.texts)


@dataclass(frozen=True)
class ByValue:
    """A fold for each value of a column.

    Raises MissingValuesError for a row that is used and has no value.
    """

    column: str
    values: tuple[str, ...]
    numbered: ClassVar[bool] = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    def __call__(self, batch: Batch, encoded: Encoded) -> Tensor:
        """As in Grouping."""
        number = {value: fold for fold, value in enumerate(self.values)}
        codes, seen = batch.text(self.column)
        own = torch.tensor([*(number.get(value, -1) for value in seen), -1])[
            codes.cpu()
        ]  # the last entry serves code -1, missing
        at = torch.arange(batch.rows) if encoded.index is None else encoded.index.cpu()
        own = own[at]
        lacking = own < 0
        if bool(lacking.any()):
            where = batch.where(int(at[lacking][0]))
            raise MissingValuesError(
                f"Column {readable(self.column)} has no value at {where}, so that row is in no fold; fill it in, or leave the row out."
            )
        return own


@dataclass(frozen=True)
class Together:
    """All rows are one group."""

    columns: tuple[str, ...] = ()
    numbered: ClassVar[bool] = False

    def __call__(self, batch: Batch, encoded: Encoded) -> Tensor:
        """As in Grouping."""
        del batch
        return torch.zeros(len(encoded.rows), dtype=torch.long)


@dataclass(frozen=True, eq=False)
class ByPart:
    """Folds within the parts of a split, which `labels` name for each row of the source (n,): group = part * folds + fold."""

    labels: Tensor
    folds: int
    within: Grouping
    numbered: ClassVar[bool] = True

    @property
    def columns(self) -> tuple[str, ...]:
        """What the folds read."""
        return self.within.columns

    def __call__(self, batch: Batch, encoded: Encoded) -> Tensor:
        """As in Grouping."""
        return parts_of(self.labels, batch, encoded.index).long() * self.folds + self.within(batch, encoded).cpu()


def by_value(source: Source, column: str, progress: Progress | None = None, weights: str | None = None) -> ByValue:
    """A fold for each value of a column in rows of positive weight, in the order in which they first come; one pass.

    Raises
    ------
    DataError
        For a column with one value only, or with more than 1,000.
    """
    source.field(column)
    found = source.reduce(FindValues(column, Learnt(weights)), progress=progress)
    if len(found.first) < 2:
        raise DataError(
            f"Column {readable(column)} has the same value in all rows, so there is no fold to leave out; name another."
        )
    return ByValue(column, tuple(sorted(found.first, key=lambda value: found.first[value])))


@dataclass(frozen=True)
class Values:
    """The values of a column, each with where it first stands: (row that its batch begins with, turn within the batch)."""

    column: str
    first: Mapping[str, tuple[int, int]]

    def __add__(self, other: Values) -> Values:
        first = dict(self.first)
        for value, place in other.first.items():
            # The least place is the first, in whatever order the parts come.
            first[value] = min(first.get(value, place), place)
        if len(first) > MOST_FOLDS:
            raise DataError(
                f"Column {readable(self.column)} has more than {MOST_FOLDS:,} values, and each would be a fold; name a column with "
                f"fewer."
            )
        return Values(self.column, first)


@dataclass(frozen=True)
class FindValues(Pass[Batch, Values]):
    """The pass that finds the values of a column in the rows that count."""

    column: str
    counted: Learnt = field(default_factory=Learnt)

    numbered = False

    @property
    def what(self) -> str:
        """What people are told."""
        return f"the folds by {self.column}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The column, and the weights."""
        return (self.column, *self.counted.columns)

    def empty(self) -> Values:
        """None."""
        return Values(self.column, {})

    def of(self, batch: Batch) -> Values:
        """Those of some rows."""
        codes, seen = batch.text(self.column)
        there = codes.cpu()[self.counted(batch) > 0]
        # Codes are in the order of their first rows only where all rows count.
        turns = {code: turn for turn, code in enumerate(dict.fromkeys(there[there >= 0].tolist()))}
        return Values(self.column, {seen[code]: (batch.start, turn) for code, turn in turns.items()})

    def inside(self, engine: Adder) -> Values:
        """The same of an engine's table, whose rows have no order: the values are in their own. Raises CannotAddError."""
        if engine.distinct([self.column], MOST_FOLDS) is None:
            raise CannotAddError(f"column {readable(self.column)} has more than {MOST_FOLDS:,} values")
        where, _ = self.counted.inside(engine)
        codes, seen = engine.added({}, dict, where=where, keys=[self.column]).keys.text(self.column)
        there = sorted(seen[code] for code in {*codes.tolist()} if code >= 0)
        return Values(self.column, {value: (0, turn) for turn, value in enumerate(there)})


def refuse_target(by: str, read: ReadsColumns) -> None:
    """Raise OptionError when the column whose values are the folds is the target."""
    if by in read.target_columns:
        raise OptionError(f"The folds' column {readable(by)} is the target; name one that says which rows belong together.")


def row_hash(rows: Rows, seed: int, words: Sequence[Tensor] = (), order: tuple[int, ...] | None = None) -> Tensor:
    """A non-negative integer for each row (n,), from its numbers, the integers that stand for its words (n,) each, and the seed alone.

    `order` is the turn of each number and word, in which it takes its factor; as they stand when left out.
    """
    q = rows.X.shape[1] + rows.y.shape[1]
    odd = _odd(q + len(words), seed, order)
    more = [word * factor for word, factor in zip(words, odd[q:].tolist(), strict=True)]
    # The upper bits are the best mixed.
    return fingerprint(rows, odd, sum(more[1:], start=more[0]) if more else None) >> 33 & 0x3FFFFFFF


def _words(codes: Tensor, seen: Sequence[str], at: Tensor | None) -> Tensor:
    """The integers that stand for the levels of some rows."""
    codes = codes if at is None else codes[at.to(codes.device)]
    return torch.tensor([*map(_word_hash, seen), 0]).to(codes.device)[codes]  # the last entry serves code -1, a missing value


@lru_cache(maxsize=100_000)  # the same levels in every batch
def _word_hash(level: str) -> int:
    """A 64-bit integer for a level: of a number for its value, however it is written."""
    number = number_of(level)
    text = level if number is None else repr(number)
    return int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "big", signed=True)


@lru_cache(maxsize=16)  # every batch of a table asks for the same
def _odd(q: int, seed: int, order: tuple[int, ...] | None) -> Tensor:
    odd = odd_numbers(q, torch.Generator().manual_seed(seed))
    return odd if order is None else odd[list(order)]


@lru_cache(maxsize=16)
def _turns(*kinds: tuple[str, ...]) -> tuple[int, ...]:
    turns: list[int] = []
    for names in kinds:
        # Numbers within names count as numbers: so x0, x1, ..., x10 keep the order in which they stand in X.
        ranked = sorted(names, key=_by_name)
        turn = {name: len(turns) + at for at, name in enumerate(ranked)}
        turns += [turn[name] for name in names]
    return tuple(turns)


def _by_name(name: str) -> tuple[list[str], str]:
    parts = _DIGITS.split(name)  # text and digits in turn
    return [part.zfill(20) if at % 2 else part for at, part in enumerate(parts)], name
