"""Cells: what the values of one column are, and how they become numbers or levels.

A file of text says nothing about types, so the words themselves decide: a column is numbers when nearly all of its words are, and
then the others are mistakes, which are refused where they stand rather than read as text. What a reader should know of the words
(commas in numbers, zeros in front, levels that differ by case) is said in a sentence each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from torch import Tensor

from bestline.errors import listed, readable

Cells: TypeAlias = Any  # a pyarrow array, or a tensor (n,)

# Words that say, alone in a cell, that a value is missing. In a column of text most of them may as well be values ("None", "-"), so only
# those are taken that hardly anybody means as a level.
NO_NUMBER = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "#N/A", "?", "-", ".")
NO_TEXT = ("", "NA", "N/A", "NaN", "null")
TRUE = ("True", "true", "TRUE")
FALSE = ("False", "false", "FALSE")

# Facts about the values, as `Field.note` holds them.
BOOL, PADDED, LARGE, MIXED = "bool", "zero-padded codes", "beyond 2**53", "mixed dates"

# What float() takes, but for underscores and other alphabets; then with a decimal comma, and with commas between the thousands.
NUMBER = r"(?i)^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf|infinity|nan)$"
NUMBER_COMMA = NUMBER.replace(r"\.", ",")
THOUSANDS = r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?$"


class Kind(Enum):
    """What a column holds."""

    NUMBER = "numbers"
    TEXT = "text"
    DATE = "dates"
    OTHER = "values that are neither numbers nor text"
    EMPTY = "no values"


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a source.

    Attributes
    ----------
    name : str
    kind : Kind
    levels : tuple of str or None
        The declared levels of a categorical or enum type, in its order; None when nothing is declared.
    note : str
        A fact about the values: "" (none), "bool" (true and false, read as 1 and 0), "zero-padded codes" (numbers such as
        `000097`, likely identifiers), "beyond 2**53" (integers that float64 rounds), "mixed dates" (several spellings, so that
        01/02 may be either), and for `Kind.OTHER` what it is: "nested", "binary" or the type's name.
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How the words of a text file's number column are written."""

    decimal: str = "."
    thousands: bool = False
    truth: bool = False


class NotANumberError(Exception):
    """A word that is no number, and where in the array; it stays inside this package and becomes a ColumnError."""

    def __init__(self, index: int, word: str) -> None:
        super().__init__(word)
        self.index, self.word = index, word


def typed(kind: Any) -> tuple[Kind, str]:
    """The kind and the note of a pyarrow type."""
    types = pa.types
    if types.is_boolean(kind):
        return Kind.NUMBER, BOOL
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return Kind.NUMBER, ""
    if wordy(kind):
        return Kind.TEXT, ""
    if types.is_dictionary(kind):
        return (Kind.OTHER, "nested") if types.is_nested(kind.value_type) else (Kind.TEXT, "")
    if types.is_temporal(kind):
        return Kind.DATE, ""
    if types.is_null(kind):
        return Kind.EMPTY, ""
    if types.is_nested(kind):
        return Kind.OTHER, "nested"
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return Kind.OTHER, "binary"
    return Kind.OTHER, str(kind)


def wordy(kind: Any) -> bool:
    """Whether a pyarrow type is text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def numbers(cells: Cells, spelling: Spelling | None) -> NDArray[np.float64]:
    """The cells as float64 (n,), NaN where missing. Raises NotANumberError at the first word that is none."""
    if wordy(cells.type):
        cells = _parsed(cells, spelling or Spelling())
    if not pa.types.is_float64(cells.type):
        cells = pc.cast(cells, pa.float64(), safe=False)
    values: NDArray[np.float64] = cells.to_numpy(zero_copy_only=False)
    return values


def _parsed(words: Cells, spelling: Spelling) -> Cells:
    # First as pyarrow casts them, which is quick and enough for most files; only where that fails, word by word.
    bare = bare_words(words)
    point = pc.replace_substring(bare, ",", ".") if spelling.decimal == "," else bare
    try:
        if spelling.decimal == ".":
            return pc.cast(point, pa.float64())
    except pa.ArrowInvalid:
        pass
    # true and false beside 0 and 1, in whatever spelling the file has them.
    if spelling.truth:
        flags = pc.if_else(pc.is_in(bare, pa.array(FALSE)), "0", bare)
        bare = point = pc.if_else(pc.is_in(bare, pa.array(TRUE)), "1", flags)
    good = pc.match_substring_regex(bare, NUMBER if spelling.decimal == "." else NUMBER_COMMA)
    if spelling.thousands:
        grouped = pc.match_substring_regex(bare, THOUSANDS)
        good, point = pc.or_(good, grouped), pc.if_else(grouped, pc.replace_substring(bare, ",", ""), point)
    # The first word that is no number, with its place: the message names row and line.
    bad = pc.index(good, value=False).as_py()
    if bad >= 0:
        raise NotANumberError(bad, words[bad].as_py())
    return pc.cast(pc.replace_substring_regex(point, r"^\+", ""), pa.float64())


def bare_words(words: Cells) -> Cells:
    """Words of a number column without the blanks around them, null where they say that a number is missing."""
    bare = pc.utf8_trim_whitespace(pc.cast(words, pa.string()))
    return pc.if_else(pc.is_in(bare, value_set=pa.array(NO_NUMBER)), pa.scalar(None, pa.string()), bare)


def codes(cells: Cells, *, words_may_be_missing: bool) -> tuple[Tensor, tuple[str, ...]]:
    """The cells as codes (n,) int64, -1 where missing, and the levels that occur."""
    if isinstance(cells, Tensor):
        return _tensor_codes(cells)
    cells = _undeclared(cells)
    if words_may_be_missing and wordy(cells.type):
        cells = text_words(cells)
    if pa.types.is_floating(cells.type):
        # + 0.0 makes one zero of -0.0 and 0.0: one level, and not two that look alike.
        cells = pc.if_else(pc.is_nan(cells), pa.scalar(None, cells.type), pc.add(cells, pa.scalar(0.0, cells.type)))
    # Levels in the order of their first rows; which is why levels are sorted when a design is learnt.
    encoded = pc.dictionary_encode(cells)
    index = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return torch.from_numpy(index), _labels(encoded.dictionary)


def _undeclared(cells: Cells) -> Cells:
    """The cells in a type that can be encoded and labelled: text, whole numbers or floats."""
    kind = cells.type
    if pa.types.is_dictionary(kind):
        cells, kind = pc.cast(cells, kind.value_type), kind.value_type
    if pa.types.is_boolean(kind):
        return pc.if_else(cells, "True", "False")
    if pa.types.is_decimal(kind):
        return pc.cast(cells, pa.float64(), safe=False)
    if pa.types.is_float16(kind):
        return pc.cast(cells, pa.float32())
    if pa.types.is_duration(kind):
        return pc.cast(cells, pa.int64())
    if pa.types.is_string_view(kind) or pa.types.is_temporal(kind) or pa.types.is_null(kind):
        return pc.cast(cells, pa.large_string())
    return cells


def text_words(words: Cells) -> Cells:
    """Words of a text column, null where they say that the value is missing."""
    return pc.if_else(pc.is_in(words, value_set=pa.array(NO_TEXT, words.type)), pa.scalar(None, words.type), words)


def declared(cells: Any) -> tuple[str, ...] | None:
    """The levels that a dictionary column declares, used or not; None for any other column."""
    if not pa.types.is_dictionary(cells.type) or pa.types.is_nested(cells.type.value_type):
        return None
    # Chunks may each declare levels of their own; one dictionary for all says what the column declares.
    array = cells.unify_dictionaries().chunk(0) if isinstance(cells, pa.ChunkedArray) and cells.num_chunks else cells
    if isinstance(array, pa.ChunkedArray):
        return ()
    return _labels(_undeclared(pc.drop_null(array.dictionary)))


def _labels(values: Cells) -> tuple[str, ...]:
    if pa.types.is_floating(values.type):
        return tuple(_label(v) for v in values.to_numpy(zero_copy_only=False))
    return tuple(str(v) for v in values.to_pylist())


def _label(value: Any) -> str:
    return str(value).removesuffix(".0")


def _tensor_codes(cells: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    # NumPy has no bfloat16, and every one of them is a float32.
    if cells.dtype is torch.bfloat16:
        cells = cells.float()
    present = ~torch.isnan(cells) if cells.is_floating_point() else torch.ones_like(cells, dtype=torch.bool)
    values, index = torch.unique(cells[present], return_inverse=True)
    out = torch.full(cells.shape, -1, dtype=torch.int64, device=cells.device)
    out[present] = index
    plain = values + 0 if cells.is_floating_point() else values
    return out, tuple(_label(v) for v in plain.cpu().numpy())


def beyond(integers: Cells) -> bool:
    """Whether there are integers that float64 would round."""
    ends = pc.min_max(integers).as_py()
    return ends["min"] is not None and max(abs(ends["min"]), abs(ends["max"])) > 2**53


def as_category(name: str) -> str:
    """How a formula writes that a column is a category."""
    return f"C({name})" if name.isidentifier() and len(name) <= 40 else "C(...)"


# --- what the words of a text file say ---

_ENOUGH = 0.9  # of the words: then the column is meant to be numbers, and the others are mistakes
_SEEN = 5_000  # words looked at where every one takes Python's time
# Numbers to a reader, not to arithmetic: 0x10, 1_000, $5, 12 %, 3,5.
_ALMOST = r"(?i)^[+-]?(?:0x[0-9a-f]+|\d{1,3}(?:_\d{3})+|[$€£¥]?\s*(?:\d{1,3}(?:[., ]\d{3})*|\d+)(?:[.,]\d*)?\s*[%$€£¥]?)$"
_DATE = re.compile(
    r"""^\s*(?: \d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ]\d{1,2}:\d{2}.*)? | \d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?:[T ]\d{1,2}:\d{2}.*)?
    | [A-Za-z]{3,9}\.?\s+\d{1,2},?\s+\d{4} | \d{1,2}\.?[ -][A-Za-z]{3,9}\.?[ -]\d{2,4} | \d{1,2}:\d{2}(?::\d{2}.*)? )\s*$""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class ColumnJudgement:
    """What the first words of a text file's column say about it."""

    kind: Kind
    note: str = ""
    spelling: Spelling = field(default_factory=Spelling)
    plain: bool = False  # pyarrow's own reader understands every word
    remarks: tuple[str, ...] = ()


def judged(name: str, words: Cells, decimal: str, *, as_text: bool) -> ColumnJudgement:
    """Decide what a text file's column holds from the first of its words."""
    bare = pc.drop_null(text_words(words) if as_text else bare_words(words))
    if not len(bare):
        return ColumnJudgement(Kind.EMPTY)
    if as_text:
        return ColumnJudgement(Kind.TEXT, remarks=_text_remarks(name, words))
    if bool(pc.all(pc.is_in(bare, value_set=pa.array(TRUE + FALSE))).as_py()):
        return ColumnJudgement(Kind.NUMBER, BOOL, Spelling(decimal, truth=True), _plain(words, truth=True))
    number = pc.match_substring_regex(bare, NUMBER if decimal == "." else NUMBER_COMMA)
    share = pc.mean(pc.cast(number, pa.float64())).as_py()
    if share < _ENOUGH:
        # Not numbers to arithmetic, but to a reader: such a column is meant to be numbers too, and its words are refused one by one.
        almost = pc.or_(number, pc.match_substring_regex(bare, _ALMOST))
        if pc.mean(pc.cast(almost, pa.float64())).as_py() < _ENOUGH or _mostly_dates(bare):
            if _mostly_dates(bare):
                return ColumnJudgement(Kind.DATE, MIXED if len(_date_spellings(bare)) > 1 else "")
            return ColumnJudgement(Kind.TEXT, remarks=_text_remarks(name, words))
    # 1,234 with a decimal comma would be 1.234: then commas cannot be thousands.
    thousands = decimal == "." and bool(pc.any(pc.match_substring_regex(bare, THOUSANDS)).as_py())
    spelling = Spelling(decimal, thousands=thousands)
    plain = share == 1.0 and _plain(words)
    note, remarks = _number_remarks(name, words, bare, thousands=thousands)
    return ColumnJudgement(Kind.NUMBER, note, spelling, plain, remarks)


def _plain(words: Cells, *, truth: bool = False) -> bool:
    """Whether pyarrow's CSV reader takes every word as it stands: a missing word with blanks around it, it would not."""
    exact = pc.is_in(words, value_set=pa.array(NO_NUMBER, words.type))
    missing = pc.is_null(bare_words(words))
    padded = truth and pc.any(pc.not_equal(words, pc.utf8_trim_whitespace(words))).as_py()
    return bool(pc.all(pc.equal(exact, missing)).as_py()) and not padded


def _mostly_dates(bare: Cells) -> bool:
    values = pc.unique(bare[:_SEEN]).to_pylist()
    return sum(1 for value in values if _DATE.match(value)) > len(values) / 2


def _date_spellings(bare: Cells) -> set[str]:
    """The ways dates are written: year first, day or month first, with a month's name."""
    values = (value for value in pc.unique(bare[:_SEEN]).to_pylist() if _DATE.match(value))
    return {re.sub(r"\d{1,2}", "0", re.sub(r"[A-Za-z]+", "a", re.sub(r"\d{4}", "Y", value.strip())))[:5] for value in values}


def _number_remarks(name: str, words: Cells, bare: Cells, *, thousands: bool) -> tuple[str, tuple[str, ...]]:
    shown, note, remarks = readable(name), "", []
    # 000097 is a code to people and 97 to arithmetic; read as a number it can still be written back as it was.
    padded = pc.filter(bare, pc.match_substring_regex(bare, r"^[+-]?0\d"))
    if len(padded):
        note = PADDED
        remarks.append(
            f"Column {shown} has zero-padded numbers such as {readable(padded[0].as_py())}, which look like identifiers; "
            f"they are read as numbers: use {as_category(name)} for categories, or leave the column out."
        )
    whole = pc.filter(bare, pc.match_substring_regex(bare, r"^[+-]?\d{16,}$"))
    # The first whole numbers that float64 cannot tell apart are 2^53 and 2^53 + 1.
    large = [word for word in pc.unique(whole).to_pylist() if abs(int(word)) > 2**53]
    if large:
        note = note or LARGE
        remarks.append(
            f"Column {shown} has integers beyond 2**53 such as {readable(large[0])}, which lose precision as float64 "
            f"numbers; leave it out if it is an identifier."
        )
    if thousands:
        remarks.append(f"Column {shown} has commas in its numbers, which were read as thousands separators.")
    said = [word for word in _missing_words(words, NO_NUMBER) if word]
    if said:
        remarks.append(f"Column {shown}: {listed(said, most=13)} {'was' if len(said) == 1 else 'were'} read as missing.")
    return note, tuple(remarks)


def _missing_words(words: Cells, known: tuple[str, ...]) -> list[str]:
    bare = pc.utf8_trim_whitespace(words)
    return [str(word) for word in pc.unique(pc.filter(bare, pc.is_in(bare, value_set=pa.array(known, bare.type)))).to_pylist()]


def _text_remarks(name: str, words: Cells) -> tuple[str, ...]:
    # What text columns keep and number columns do not is said: None may be a brand.
    said = [word for word in _missing_words(words, NO_NUMBER) if len(word) > 1]
    missing, kept = [w for w in said if w in NO_TEXT], [w for w in said if w not in NO_TEXT]
    parts = [f"{listed(missing)} read as missing"] if missing else []
    parts += [f"{listed(kept)} kept as a level" if len(kept) == 1 else f"{listed(kept)} kept as levels"] if kept else []
    remarks = [f"Column {readable(name)}: {' and '.join(parts)}."] if parts else []
    # Levels that differ by case or blanks are mostly one level, typed twice; merging them is not ours to do.
    groups: dict[str, list[str]] = {}
    for level in pc.unique(words).to_pylist()[:_SEEN]:
        groups.setdefault(level.strip().casefold(), []).append(level)
    twins = [twin for group in groups.values() if len(group) > 1 and group[0].strip() for twin in group]
    if twins:
        remarks.append(
            f"Column {readable(name)} has levels that differ only by case or blanks, kept apart: {listed(twins, most=8)}."
        )
    return tuple(remarks)
