"""Words: what the first words of a text file's column say about it.

A file of text says nothing about types, so the words themselves decide: a column is numbers when nearly all of its words are, and
then the others are mistakes, which are refused where they stand rather than read as text. What a reader should know of the words
(commas in numbers, zeros in front, levels that differ by case) is said in a sentence each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from bestline.data.tables.cells import (
    BOOL,
    FALSE,
    LARGE,
    MIXED,
    NO_NUMBER,
    NO_TEXT,
    NUMBER,
    NUMBER_COMMA,
    PADDED,
    THOUSANDS,
    TRUE,
    Cells,
    Kind,
    Spelling,
    as_category,
    bare_words,
    text_words,
)
from bestline.errors import listed, readable

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
