"""Judgement: what a column of words holds, decided from its first words.

A text says nothing about types, so the words themselves decide: a column is numbers when nearly all of its words are, and then the
others are mistakes, which are refused where they stand rather than read as text. What a reader should know of the words (commas in
numbers, zeros in front, levels that differ by case) is said in a sentence each.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bestline.data.tables.cells import BOOL, LARGE, MIXED, PADDED, Cells, Field, Kind, as_category
from bestline.data.tables.words import (
    FALSE,
    NO_NUMBER,
    NO_TEXT,
    NUMBER,
    NUMBER_COMMA,
    TRUE,
    Spelling,
    bare_words,
    dressed,
    dressing,
    grouped,
    numbers_to_people,
    text_words,
    undressed,
    wordy,
)
from bestline.errors import listed, readable
from bestline.wording import whole_percent

ROUNDED = 2.0**53  # from which on float64 does not hold every whole number
_ENOUGH = 0.9  # of the words: then the column is meant to be numbers, and the others are mistakes
_MOST = 0.5  # of the words, and then the others are mistakes only where they are no codes
_SOME = 0.2  # of the words: then `<0.5` beside them is a number that was too small to be measured, and no class such as `<20`
_SEEN = 5_000  # different words looked at where every one takes Python's time
JUDGED = 1 << 17  # rows that typed data are judged by
_PARTED = {
    sign: rf"^[+-]?\d*(?:[{sign}]\d*(?:[eE][+-]?\d+)?|[eE][+-]?\d+)$" for sign in ".,"
}  # numbers with a decimal part or a power
_DATE = re.compile(
    r"""^\s*(?: \d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ]\d{1,2}:\d{2}.*)? | \d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?:[T ]\d{1,2}:\d{2}.*)?
    | [A-Za-z]{3,9}\.?\s+\d{1,2},?\s+\d{4} | \d{1,2}\.?[ -][A-Za-z]{3,9}\.?[ -]\d{2,4} | \d{1,2}:\d{2}(?::\d{2}.*)? )\s*$""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class ColumnJudgement:
    """What the first words of a column say about it."""

    kind: Kind
    note: str = ""
    spelling: Spelling = field(default_factory=Spelling)
    plain: bool = False  # pyarrow's own reader understands every word
    remarks: tuple[str, ...] = ()


def judged(name: str, words: Cells, decimal: str, *, as_text: bool, typed: bool = False) -> ColumnJudgement:
    """Decide what a column of words holds from the first of them; `typed`: that they are text is said by the data."""
    bare = pc.drop_null(text_words(words) if as_text else bare_words(words))
    if not len(bare):
        return ColumnJudgement(Kind.EMPTY)
    if as_text:
        return ColumnJudgement(Kind.TEXT, remarks=_text_remarks(name, words))
    if bool(pc.all(pc.is_in(bare, value_set=pa.array(TRUE + FALSE))).as_py()):
        return ColumnJudgement(Kind.NUMBER, BOOL, Spelling(decimal, truth=True), _plain(words, truth=True))
    values = _as_they_stand(bare) if decimal == "." else None
    number = pc.match_substring_regex(bare, NUMBER if decimal == "." else NUMBER_COMMA) if values is None else None
    counts = {} if number is None else _counts(pc.filter(bare, pc.invert(number)))
    share = 1 - sum(counts.values()) / len(bare)
    spelling = _as_written(Spelling(decimal), counts)
    if share < _ENOUGH:
        # Not numbers to arithmetic, but to a reader: such a column is meant to be numbers too, and its words are refused one by one.
        people = numbers_to_people(counts, beside=share >= _SOME)
        if _mostly_dates(bare):
            return ColumnJudgement(Kind.DATE, MIXED if len(_date_spellings(bare)) > 1 else "")
        share_to_people = share + sum(counts[word] for word in people) / len(bare)
        others = [word for word in counts if word not in people]
        if share_to_people <= _MOST or (share_to_people < _ENOUGH and _codes(others)):
            remarks = () if typed else _text_remarks(name, words)
            return ColumnJudgement(Kind.TEXT, remarks=(*_code_remarks(name, share_to_people, others), *remarks))
    plain = share == 1.0 and _plain(words)
    small = values is not None and bool(np.abs(values).max() < ROUNDED)
    note, remarks = _number_remarks(name, words, bare, spelling, counts, small=small)
    return ColumnJudgement(Kind.NUMBER, note, spelling, plain, remarks)


def _as_they_stand(bare: Cells) -> NDArray[np.float64] | None:
    """The words as numbers, where pyarrow takes all of them for some: many times quicker than to look how they are written."""
    try:
        values: NDArray[np.float64] = pc.cast(bare, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    return None if bool(np.isnan(values).any()) else values


def judged_typed(name: str, words: Cells, *, as_text: bool) -> ColumnJudgement:
    """The judgement of a column that is text by its type: as of a text file's, but what is written like a code is one."""
    if as_text:
        return ColumnJudgement(Kind.TEXT)
    words = words.slice(0, JUDGED)
    words = pc.cast(words.combine_chunks() if isinstance(words, pa.ChunkedArray) else words, pa.string())
    found = judged(name, pc.drop_null(words), ".", as_text=False, typed=True)
    # True and false say the same as two levels.
    if found.kind is Kind.EMPTY or found.note == BOOL:
        return ColumnJudgement(Kind.TEXT)
    if found.kind is not Kind.NUMBER:
        return found
    # 00097 and 20 digits were kept as text by whoever made the table, who knew why.
    if found.note in (PADDED, LARGE) and (code := _code(pc.drop_null(bare_words(words)))) is not None:
        said = f"Column {readable(name)} is text whose digits are written like codes, such as {readable(code)}, and was kept as categories."
        return ColumnJudgement(Kind.TEXT, remarks=(f"{said} Give it as numbers if it holds numbers.",))
    said = f"Column {readable(name)} is text whose cells are numbers, and was read as numbers: use {as_category(name)} for categories."
    return replace(found, plain=False, remarks=(said, *found.remarks))


def _code(bare: Cells) -> str | None:
    """The first word that is written like a code, where it is no exception; None where a few such stand among numbers."""
    codes = pc.filter(bare, pc.match_substring_regex(bare, r"^[+-]?(?:0\d|\d{16,}$)"))
    # Codes are all of one length, which is what zeros in front are for; numbers are as long as they need to be.
    wide = pc.min_max(pc.utf8_length(bare))
    many = len(codes) > (1 - _ENOUGH) * len(bare) or wide["min"].equals(wide["max"])
    return str(codes[0].as_py()) if len(codes) and many else None


def judged_fields(
    fields: Sequence[Field],
    columns: Mapping[str, Cells],
    text: Collection[str],
    like: Mapping[str, ColumnJudgement] | None = None,
) -> tuple[tuple[Field, ...], dict[str, ColumnJudgement]]:
    """The fields of typed data once their columns of words are judged, and those judgements.

    `like` gives the judgements of the file before it in the same source, which then hold here too.
    """
    found: dict[str, ColumnJudgement] = {}
    for one in fields:
        if one.kind is Kind.TEXT and one.name in columns and wordy(columns[one.name].type):
            known = None if like is None else like.get(one.name, ColumnJudgement(Kind.TEXT))
            found[one.name] = known or judged_typed(one.name, columns[one.name], as_text=one.name in text)
    made = tuple(replace(f, kind=j.kind, note=j.note) if (j := found.get(f.name)) else f for f in fields)
    return made, found


def spellings(judgements: Mapping[str, ColumnJudgement]) -> dict[str, Spelling]:
    """How the words of typed data are written that are read as numbers."""
    return {name: found.spelling for name, found in judgements.items() if found.kind is Kind.NUMBER}


def widened(words: Cells, spelling: Spelling) -> Spelling:
    """The spelling of a number column that takes these words of it, too, as far as they are numbers."""
    bare = pc.drop_null(bare_words(words))
    number = pc.match_substring_regex(bare, NUMBER if spelling.decimal == "." else NUMBER_COMMA)
    return _as_written(spelling, pc.unique(pc.filter(bare, pc.invert(number))).to_pylist())


def _as_written(spelling: Spelling, words: Collection[str]) -> Spelling:
    spelling = replace(spelling, thousands=spelling.thousands or any(grouped(word, spelling.decimal) for word in words))
    return replace(spelling, dressed=spelling.dressed or any(dressed(word, spelling) for word in words))


def large_word(bare: Cells, spelling: Spelling) -> str | None:
    """The first word that is a whole number which float64 rounds."""
    # The first whole numbers that float64 cannot tell apart are 2^53 and 2^53 + 1, of 16 digits.
    long = pc.filter(bare, pc.match_substring_regex(bare, r"(?:\p{Nd}[^\p{Nd}.eE]?){16,}"))
    # Nearly all such words have a decimal part or a power, which no whole number here has; the others take Python's time.
    long = pc.filter(long, pc.invert(pc.match_substring_regex(long, _PARTED[spelling.decimal])))
    for word in pc.unique(long).to_pylist():
        plain = undressed(word, spelling)
        if plain is not None and re.fullmatch(r"-?\d+", plain) and abs(int(plain)) > 2**53:
            return str(word)
    return None


def said_large(name: str, word: str = "") -> str:
    """That a column has whole numbers which float64 rounds, such as `word`."""
    such = f" such as {readable(word)}" if word else ""
    return (
        f"Column {readable(name)} has integers beyond 2**53{such}, which lose precision as float64 numbers; leave it out if it is an "
        f"identifier."
    )


def _counts(words: Cells) -> dict[str, int]:
    """How often each different word occurs, of the first of them."""
    found = pc.value_counts(words)
    return (
        dict(zip(found.field(0).to_pylist(), found.field(1).to_pylist(), strict=True)) if len(found) <= _SEEN else _some(words)
    )


def _some(words: Cells) -> dict[str, int]:
    # Nearly every word is another: a part stands for all, each with the weight of the words that it stands for.
    some = pc.unique(words)[:_SEEN].to_pylist()
    return dict.fromkeys(some, len(words) / len(some))  # type: ignore[arg-type]  # counts are used as shares


def _codes(words: list[str]) -> bool:
    """Whether most of the words that are no numbers hold a digit all the same, as codes do: then the numbers among them are codes, too."""
    return sum(1 for word in words if any(c.isdigit() for c in word)) > len(words) / 2


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


def _number_remarks(
    name: str, words: Cells, bare: Cells, spelling: Spelling, counts: Mapping[str, int], *, small: bool
) -> tuple[str, tuple[str, ...]]:
    shown, note, remarks = readable(name), "", []
    # 000097 is a code to people and 97 to arithmetic; read as a number it can still be written back as it was.
    padded = pc.filter(bare, pc.match_substring_regex(bare, r"^[+-]?0\d"))
    if len(padded):
        note = PADDED
        remarks.append(
            f"Column {shown} has zero-padded numbers such as {readable(padded[0].as_py())}, which look like identifiers; "
            f"they are read as numbers: use {as_category(name)} for categories, or leave the column out."
        )
    if not small and (large := large_word(bare, spelling)) is not None:
        note = LARGE  # says more than PADDED: such numbers lose more than their zeros
        remarks.append(said_large(name, large))
    if spelling.thousands:
        sign = "commas" if spelling.decimal == "." else "points"
        remarks.append(f"Column {shown} has {sign} in its numbers, which were read as thousands separators.")
    remarks += _dressed_remarks(shown, len(bare), spelling, counts)
    said = [word for word in _missing_words(words, NO_NUMBER) if word]
    if said:
        remarks.append(f"Column {shown}: {listed(said, most=13)} {'was' if len(said) == 1 else 'were'} read as missing.")
    return note, tuple(remarks)


def _dressed_remarks(shown: str, n: int, spelling: Spelling, counts: Mapping[str, int]) -> list[str]:
    """How numbers are written that are not written plainly, how many they are, and as what the first of them was read."""
    if not spelling.dressed:
        return []
    ways: dict[str, list[str]] = {}
    for word in counts:
        if dressed(word, spelling):
            ways.setdefault(dressing(word), []).append(word)
    said = [
        f"{round(sum(counts[w] for w in own)):,} {way} ({readable(own[0])} as {undressed(own[0], spelling)})"
        for way, own in ways.items()
    ]
    return [f"Column {shown} writes numbers unusually, and they were read all the same: of its first {n:,}, {', '.join(said)}."]


def _missing_words(words: Cells, known: tuple[str, ...]) -> list[str]:
    bare = pc.utf8_trim_whitespace(words)
    return [str(word) for word in pc.unique(pc.filter(bare, pc.is_in(bare, value_set=pa.array(known, bare.type)))).to_pylist()]


def _code_remarks(name: str, numbers: float, others: Sequence[str]) -> tuple[str, ...]:
    if numbers <= _MOST:
        return ()
    said = f"Column {readable(name)} was read as text: {whole_percent(numbers)} of its cells are numbers, but others, such as {listed(others[:2])}, "
    return (f"{said}look like codes; correct them if they are none.",)


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
