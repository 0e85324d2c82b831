"""Row ends: where the rows of a text end, found for 64 characters at a time.

A row ends at the end of a line, unless the line ends inside a quoted cell: a quotation mark opens a cell only where the cell
begins, and two in a row inside it stand for one (RFC 4180).

    bit i of marks  = character i is a quotation mark          bit i of inside = an odd number of marks stands up to i

Where every mark only opens, closes and doubles, every second one closes a cell, and the one after it opens the next or, right
behind it, doubles it: then a line's end is a row's end where its bit of `inside` is 0. Such numbers of 64 bits cost some operations for
each 64 characters, however many marks there are (Langdale & Lemire 2019, who read JSON so).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_Bits = NDArray[np.uint64]  # bit i of all of them says something of character i
_WORD = np.dtype("<u8")  # so that the bits lie in the order of the characters on every machine
_CACHED = 1 << 18  # characters that are looked at a time: what is said of each then stays in the cache of a core
_ONE, _LAST = np.uint64(1), np.uint64(63)


def end_of_rows(piece: bytes, delimiter: bytes) -> tuple[int, int | None]:
    """Where the last whole row of a text ends that begins with a row, 0 if it has none; and how many rows there are up to there.

    The number is None where not every line is a row: where lines are empty, end inside a cell, or end as on old Macintoshes.
    """
    text = np.frombuffer(piece, np.uint8)
    lines, lone, empty = _lines(text, piece)
    inside = _inside(text, lines | lone, delimiter) if b'"' in piece else np.zeros_like(lines)
    end = _last(lines & ~inside) or _last(lone & ~inside)
    if not end or _any_before(end, empty | (lines & inside) | (lone & ~inside)):
        return end, None
    return end, lines_in(memoryview(piece)[:end])


def lines_in(text: bytes | memoryview) -> int:
    """How many lines end in a text."""
    whole = np.frombuffer(text, np.uint8)
    return sum(int(np.count_nonzero(whole[i : i + _CACHED] == ord("\n"))) for i in range(0, len(whole), _CACHED))


def _lines(text: NDArray[np.uint8], piece: bytes) -> tuple[_Bits, _Bits, _Bits]:
    r"""Where lines end in \n, where in \r alone, and where an empty line ends."""
    lines = _bits(text, b"\n")
    before = _behind(lines, first=True)  # a line begins
    if b"\r" not in piece:
        return lines, np.zeros_like(lines), lines & before
    returns = _bits(text, b"\r")
    # The last character of all may be the first half of \r\n, so it does not count yet.
    lone = returns & ~_ahead(lines)
    word, bit = divmod(len(text) - 1, 64)
    lone[word] &= ~np.uint64(1 << bit)
    return lines, lone, lines & (before | _behind(returns & before))


def _inside(text: NDArray[np.uint8], ends: _Bits, delimiter: bytes) -> _Bits:
    """Which characters stand in a quoted cell, where rows end at some of `ends`; a cell that is not closed has no end."""
    marks = _bits(text, b'"')
    inside = _odd(marks)
    # A mark that opens stands where a cell begins, or behind one that it doubles. Only what is before it need be looked at.
    opening = _places(marks & inside)
    before = text[opening[opening > 0] - 1]
    if bool(np.isin(before, np.frombuffer(delimiter + b'\r\n"', np.uint8)).all()):
        return inside
    starts = _behind(ends | _bits(text, delimiter), first=True)
    return _odd(_of_cells(marks, starts, len(text)))


def _of_cells(marks: _Bits, starts: _Bits, length: int) -> _Bits:
    """Which marks open and close cells, one after the other: 5" in the middle of one is an inch and does neither."""
    places = np.flatnonzero(_unpacked(marks, length))
    begins = _unpacked(starts, length)[places].tolist()
    doubled = [one + 1 == other for one, other in pairwise(places.tolist())] + [False]
    edges, quoted, spent = [], False, False
    for i, (begin, double) in enumerate(zip(begins, doubled, strict=True)):
        if spent:  # the second of two
            spent = False
        elif not quoted:
            if begin:
                edges.append(i)
                quoted = True
        elif double:
            spent = True
        else:
            edges.append(i)
            quoted = False
    found = np.zeros(length, np.uint8)
    found[places[edges]] = 1
    return _bits(found, b"\1")


# --- bits ----------------------------------------------------------------------------------------------------------------


def _bits(text: NDArray[np.uint8], character: bytes) -> _Bits:
    """Where a character stands."""
    found = np.zeros(-(-len(text) // 64) * 8, np.uint8)
    for i in range(0, len(text), _CACHED):
        some = np.packbits(text[i : i + _CACHED] == ord(character), bitorder="little")
        found[i // 8 : i // 8 + len(some)] = some
    return found.view(_WORD)


def _places(bits: _Bits) -> NDArray[np.int64]:
    """The numbers of the characters whose bits are set, in no order: few of them, so that hardly any word has two."""
    words = np.flatnonzero(bits)
    left, found = bits[words], [words[:0]]
    while len(words):
        lowest = left & (~left + _ONE)  # a power of two, whose exponent float64 has without rounding
        found.append(64 * words + np.frexp(lowest.astype(np.float64))[1] - 1)
        left = left ^ lowest
        more = left != 0
        words, left = words[more], left[more]
    return np.concatenate(found)


def _unpacked(bits: _Bits, length: int) -> NDArray[np.bool_]:
    return np.unpackbits(bits.view(np.uint8), count=length, bitorder="little").astype(bool)


def _behind(bits: _Bits, *, first: bool = False) -> _Bits:
    """Bit i + 1 is what bit i was; bit 0 is `first`."""
    moved = bits << _ONE
    moved[1:] |= bits[:-1] >> _LAST
    moved[0] |= np.uint64(first)
    return moved


def _ahead(bits: _Bits) -> _Bits:
    """Bit i - 1 is what bit i was."""
    moved = bits >> _ONE
    moved[:-1] |= bits[1:] << _LAST
    return moved


def _odd(bits: _Bits) -> _Bits:
    """Bit i says whether an odd number of bits is set up to i."""
    for shift in (1, 2, 4, 8, 16, 32):
        bits = bits ^ (bits << np.uint64(shift))
    # The last bit of a word tells of the whole word; those before it turn all of its bits around.
    ends = (bits >> _LAST).astype(np.uint8)
    before = np.bitwise_xor.accumulate(ends) ^ ends
    return bits ^ (np.uint64(0) - before.astype(np.uint64))


def _last(bits: _Bits) -> int:
    """The number of characters up to the last bit that is set; 0 if none is."""
    words = np.flatnonzero(bits)
    return 64 * int(words[-1]) + int(bits[words[-1]]).bit_length() if len(words) else 0


def _any_before(end: int, bits: _Bits) -> bool:
    whole, part = divmod(end, 64)
    return bool(bits[:whole].any()) or bool(part and int(bits[whole]) & ((1 << part) - 1))
