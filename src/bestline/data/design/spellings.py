"""Spellings: when two texts are one level. A number is known by its value, however a table writes it, and so are true and false.

    2 = 2.0 = "2"        1.5 = "1,5"        1e3 = 1000        true = TRUE = True = 1        -0.0 = 0        but "02" is a code, and no number

So a line trained on a table of one kind knows the levels in a table of any other. Where the levels are not all numbers, texts are
first taken as they are written; by value only where that finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from bestline.data.tables.words import FALSE, NUMBER, TRUE

_NUMBER = re.compile(NUMBER)
_COMMA = re.compile(r"[+-]?\d+,(?:\d{1,2}|\d{4,})")  # a decimal comma; `1,234` may be a thousand, and is a text
_PADDED = re.compile(r"[+-]?0\d")  # `01234`: zeros that mean something to whoever wrote them
_LARGE = 1e16  # from here on float64 is not written digit by digit


def value(level: str, *, padded: bool = False) -> int | float | None:
    """The number that a level is, true and false being 1 and 0; None for a text. With `padded` also that of `01234`."""
    word = level.strip()
    if word in TRUE or word in FALSE:
        return int(word in TRUE)
    if _COMMA.fullmatch(word):
        word = word.replace(",", ".")
    if not _NUMBER.match(word) or (_PADDED.match(word) and not padded):
        return None
    try:
        return int(word)  # all digits of whole numbers beyond 2^53
    except ValueError:
        number = float(word)
    return int(number) if number.is_integer() else number if abs(number) < float("inf") else None


def common(levels: Iterable[str]) -> dict[str, str]:
    """For each level the spelling it is known by: of numbers the shortest, of true and false "True" and "False".

    Levels of which one is a text keep theirs: nothing says then that the others are meant as numbers.
    """
    levels = list(levels)
    if all(level.strip() in (*TRUE, *FALSE) for level in levels):
        return {level: "True" if level.strip() in TRUE else "False" for level in levels}
    values = {level: value(level) for level in levels}
    if any(number is None for number in values.values()):
        return {level: level for level in levels}
    chosen: dict[int | float, str] = {}
    for level, number in values.items():
        assert number is not None  # noqa: S101  no text is left
        short = _short(level, number)
        chosen[number] = min(chosen.get(number, short), short)  # the same whatever came first
    return {level: chosen[number] for level, number in values.items() if number is not None}


def _short(level: str, number: int | float) -> str:
    """The way `Batch.text` writes numbers."""
    if isinstance(number, float):
        return repr(number)
    digits = re.fullmatch(r"[+-]?\d+", level.strip()) is not None
    return str(number) if digits or abs(number) < _LARGE or level.strip() in (*TRUE, *FALSE) else repr(float(number))


def places(known: Sequence[str], seen: Sequence[str], *, numeric: bool) -> list[int]:
    """For each level seen its place among those known, -1 where it is none of them.

    `numeric`: the levels seen are cells that hold numbers, which cannot keep the zeros of `01234`.
    """
    at = {level: i for i, level in enumerate(known)}
    if all(level in at for level in seen):
        return [at[level] for level in seen]
    by_value = _by_value(known, padded=numeric)
    return [at[level] if level in at else _place(level, by_value) for level in seen]


def _place(level: str, by_value: Mapping[int | float, int]) -> int:
    number = value(level)
    return -1 if number is None else by_value.get(number, -1)


def _by_value(known: Sequence[str], *, padded: bool) -> dict[int | float, int]:
    found: dict[int | float, int] = {}
    for i, level in enumerate(known):
        number = value(level, padded=padded)
        if number is not None:
            # Two levels of one value, such as `1` and `01`, are told apart by how they are written, and by nothing else.
            found[number] = -1 if number in found else i
    return found
