"""Wording: how numbers, names and lines are said, so that one number looks the same wherever people read it.

Numbers are rounded here for people. Those that a program reads back, in scripts and SQL, keep every digit: see
`export.script.literals` and `export.sql`.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from html import escape
from textwrap import wrap
from typing import Any
from unicodedata import category, east_asian_width

from bestline.errors import clean

VERSION = "0.1.0"  # of this bestline, as the files and pages that it writes say it

_LONGEST = 30
_MOST_TERMS = 8
_BETWEEN = r"\[T\.|[_ .]+|(?<=[a-z])(?=[A-Z])"  # words of a name
_MINUS = "\N{MINUS SIGN}"
RAISED = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"  # of exponents, the sign first
LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT MARK}"
# Letters that are written from right to left, with their digits, and single spaces and hyphens between their words.
_LEFTWARDS = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_TURNED = re.compile(f"[{_LEFTWARDS}](?:[{_LEFTWARDS}\u0300-\u036f\\d_]|[ -](?=[{_LEFTWARDS}]))*")
_UP, _DOWN = str.maketrans("-0123456789", RAISED), str.maketrans(RAISED, "-0123456789")
# Beyond these a number with commas, or with its zeros written out, is harder to read than one with an exponent.
_SMALL, _LARGE = 1e-4, 1e9
_UNSEEN = 1e-4  # a share of 1 below it cannot be told from nothing in a picture
_NEARLY = 0.999  # a share of 1 above it is not all, though three digits could say so
_MOST_PLACES = 7
_LEAST_P = 1e-4  # of p-values with four places


# -- numbers ---------------------------------------------------------------------------------------------------------------


def said(value: float, digits: int = 4) -> str:
    """A number in pictures, player and sentences: commas where large, powers of ten beyond, a real minus sign, `inf` too."""
    near = float(f"{float(value):.{digits}g}") + 0.0  # a zero has no sign
    if near and math.isfinite(near) and not _SMALL <= abs(near) < _LARGE:
        return scientific(near, digits)
    return f"{near:,.{max(digits, 10)}g}".replace("-", _MINUS)


def scientific(value: float, digits: int = 4) -> str:
    """A number with a power of ten: `2.5×10⁻⁷`."""
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa.replace('-', _MINUS)}×{power_of_ten(int(exponent))}"


def rounded(value: float, digits: int = 4) -> str:
    """A number in the sentences of reports and cards: as `said`, but what is no number is unknown."""
    return said(value, digits) if math.isfinite(value) else "unknown"


def significant(value: float | None, digits: int = 6, *, absent: str = "-") -> str:
    """A number in text, as summary, sweep and preflight have it: as `said`, with the keyboard's minus; or what stands where there is none."""
    return absent if value is None or not math.isfinite(value) else said(value, digits).replace(_MINUS, "-")


def cell(value: float, digits: int = 6) -> str:
    """A number in the tables of pages, of cards and reports: as `said`, and an empty cell where there is none."""
    return said(value, digits) if math.isfinite(value) else ""


def entry(value: object) -> str:
    """What stands in a cell of a frame, in the table of a sweep's page: a number as `said`, nothing for none, text as it is."""
    if value is None or value != value:  # noqa: PLR0124  NaN
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return said(value, 6) if isinstance(value, float) else str(value)


def fixed(value: float, places: int) -> str:
    """A number in the table and the lines of the summary: so many places, so that a column is easily compared."""
    if not math.isfinite(value):
        return "-"
    return f"{value:,.{places}f}" if abs(value) < _LARGE else significant(value, 4)


def places(size: float, digits: int) -> int | None:
    """Decimals that show so many digits of a size; None where they would be too many to read, or where there is no size."""
    if not 0 < size < math.inf:
        return None
    found = digits - 1 - math.floor(math.log10(size))
    return max(found, 0) if found <= _MOST_PLACES else None


def typeset(text: str) -> str:
    """A text with numbers of `fixed` as pages have it: with a real minus sign."""
    return re.sub(r"(?<![\w-])-(?=\d)", _MINUS, text)


def p_value(value: float, *, absent: str = "-", below: str = "<") -> str:
    """A p-value in summary, card and report: four places, for nobody needs more, and a bound where they would all be 0."""
    if not math.isfinite(value):
        return absent
    return f"{value:.4f}" if value >= _LEAST_P else f"{below}{_LEAST_P:.4f}"


def percent(share: float) -> str:
    """A share of 1 in pictures and sentences: `12.3%`, two digits of small ones, none of what nobody can see; nearly all is not all."""
    if 0 < share < _UNSEEN:
        return f"under {100 * _UNSEEN:g}%"
    if _NEARLY < share < 1 - 1e-9:
        return f"over {100 * _NEARLY:.1f}%"
    return f"{100 * share:{'.3g' if share > 0.1 else '.2g'}}%"


def whole_percent(share: float) -> str:
    """A share of 1 in titles and reports: `86%`, rounded down, for nearly all is not all."""
    return f"{int(100 * share + 1e-9)}%"  # 0.29 times 100 is a little below 29


def level_of(level: float) -> str:
    """A confidence level: `95%`, `99.9%`; never rounded to 100%."""
    return f"{100 * level:.6g}%"


def power_of_ten(exponent: int) -> str:
    """A power of ten beside an axis of factors, and in `said`: `10⁻⁷`."""
    return f"10{str(exponent).translate(_UP)}"


def in_digits(raised: str) -> str:
    """An exponent as `power_of_ten` has it, in plain digits."""
    return raised.translate(_DOWN)


def count(number: int, what: str) -> str:
    """A number of things in sentences: `1 row`, `342 rows`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


# -- names and lines -------------------------------------------------------------------------------------------------------


def natural(values: Sequence[str]) -> tuple[tuple[int, float, str], ...]:
    """Sorts numbers by their size, and before words."""
    return tuple((0, number, "") if (number := _number(value)) is not None else (1, 0.0, value) for value in values)


def _number(value: str) -> float | None:
    try:
        found = float(value)
    except ValueError:
        return None
    return None if math.isnan(found) else found


def plain(name: str, longest: int = _LONGEST) -> str:
    """A column's name in sentences and tables: on one line, its middle left out where it is long, between words if that can be."""
    line = clean(name)
    if len(line) <= longest:
        return line
    words = re.split(f"({_BETWEEN})", line)
    heads = ["".join(words[: i + 1]) for i in range(0, len(words), 2)]
    tails = ["".join(words[i:]) for i in range(2, len(words), 2)]
    # The end of a name tells as much as its beginning: whole words of both. Of words longer than all the room, letters are cut.
    pairs = [(head, next((t for t in tails if len(head) + len(t) < longest), "")) for head in heads if len(head) < longest]
    head, tail = max(pairs, key=lambda pair: (min(map(len, pair)), len(pair[0])), default=("", ""))
    if not tail or len(head) + len(tail) < longest * 2 // 3:
        head, tail = line[: longest * 3 // 5 - 1], line[-(longest * 2 // 5) :]
    return f"{head}…{tail}"


def shown(name: str, longest: int = 36) -> str:
    """A name that stands by itself in a picture: as `plain`, but longer."""
    return plain(name, longest)


def apart(names: Sequence[str], longest: int = _LONGEST) -> list[str]:
    """The names of one table or picture, each on one line and no two alike: long ones without the words that all of them share.

    `sensor_of_the_inlet_in_celsius` and `sensor_of_the_outlet_in_celsius` are `inlet` and `outlet`; `shared` says what was left out.
    Names that share nothing lose their middle, but never what tells them apart.
    """
    lines = [clean(name) for name in names]
    told = _told_apart(lines, longest)[0]
    short = [told.get(line) or plain(line, longest) for line in lines]
    for again in (lambda alike: _from_where_they_differ(alike, longest), list):
        places: dict[str, list[int]] = {}
        for i, text in enumerate(short):
            places.setdefault(text, []).append(i)
        for each in places.values():
            if len(each) > 1:
                for i, better in zip(each, again([lines[i] for i in each]), strict=True):
                    short[i] = better
    # What is still alike was so from the start, but for letters that do not print.
    alike = Counter(short)
    return [f"{text} ({place})" if alike[text] > 1 else text for place, text in enumerate(short, 1)]


def broken(text: str, width: int) -> list[str]:
    """A text in lines of at most so many letters: broken between words, longer names between theirs, and only then inside of one."""
    lines: list[str] = []
    for piece in _pieces(text, width):
        whole = piece.rstrip()  # the space behind it falls away where the line ends
        if lines and len(lines[-1]) + len(whole) <= width:
            lines[-1] += piece
        else:
            lines += [whole[i : i + width] for i in range(0, len(whole), width)]
            lines[-1] += piece[len(whole) :]
    return [line.rstrip() for line in lines if line.strip()]


def _pieces(text: str, width: int) -> list[str]:
    """What a text may be broken between, each with the space behind it: its words, and where one is too long, the words of names."""
    pieces = re.findall(r"\S+\s*", text)
    if any(len(piece.rstrip()) > width for piece in pieces):
        pieces = [part for piece in pieces for part in re.findall(r"(?:[^_…\[]|\[(?!T\.))*(?:[_…]+|\[T\.|$)", piece) if part]
    return pieces


def evenly(text: str, width: int) -> list[str]:
    """A text in as few lines as `broken` needs, all about as long: no last word alone."""
    lines = broken(text, width)
    # Not so narrow that a word is broken which has room.
    words = [len(piece) for part in _pieces(text, width) if len(piece := part.rstrip()) <= width]
    least = min(max([1, *words, len(text) // max(len(lines), 1)]), width)
    return next(even for narrow in range(least, width + 1) if len(even := broken(text, narrow)) <= len(lines))


def on_columns(formula: str, columns: int, longest: int = 100) -> str:
    """A formula as a heading says it; a long one by its targets and how many columns it has: `y on 30 columns`."""
    line = clean(formula)
    left, tilde, _ = line.partition(" ~ ")
    if len(line) <= longest or not tilde:
        return plain(line, longest)
    return f"{plain(left, longest - 40)} on {count(columns, 'column')}"


def _from_where_they_differ(lines: Sequence[str], longest: int) -> list[str]:
    """Lines without the letters that all begin with, but for the first few."""
    same = next((i for i, letters in enumerate(zip(*lines, strict=False)) if len(set(letters)) > 1), min(map(len, lines)))
    few = min(same, longest // 3)
    return [line[:few] + ("…" if same > few else "") + plain(line[same:], longest - few - 1) for line in lines]


def shared(names: Sequence[str], longest: int = _LONGEST) -> str:
    """What `apart` leaves out of long names: `sensor_of_the_…_in_celsius`; empty where that is nothing."""
    return _told_apart([clean(name) for name in names], longest)[1]


def without(names: Sequence[str], longest: int = _LONGEST) -> str:
    """A sentence for what names are shown without; empty where they are whole."""
    words = shared(names, longest)
    return f"Names are shown without what they share, {words}." if words else ""


def _told_apart(lines: Sequence[str], longest: int) -> tuple[dict[str, str], str]:
    """The long ones of these lines without the words that all long ones share, and these words."""
    long = list(dict.fromkeys(line for line in lines if len(line) > longest))
    told, left_out = _fewer_words(long, longest)
    if not told:  # of several kinds of names each kind may share something
        kinds: dict[str, list[str]] = {}
        for line in long:
            kinds.setdefault(re.split(_BETWEEN, line)[0], []).append(line)
        found = [_fewer_words(kind, longest) for kind in kinds.values()] if len(kinds) > 1 else []
        told = {line: text for short, _ in found for line, text in short.items()}
        left_out = " and ".join(text for _, text in found if text)
    every = {told.get(line, line) for line in lines}
    return (told, left_out) if len(every) == len(set(lines)) else ({}, "")


def _fewer_words(long: Sequence[str], longest: int) -> tuple[dict[str, str], str]:
    """These lines without the words that all of them share, and these words."""
    if len(long) < 2:
        return {}, ""
    pieces = {line: re.split(f"({_BETWEEN})", line) for line in long}  # word, what is between, word, ...
    words = [piece[::2] for piece in pieces.values()]
    most = min(map(len, words)) - 1  # each keeps a word
    head = _alike(words, most)
    tail = _alike([each[::-1] for each in words], most - head)
    middle = {line: piece[2 * head : len(piece) - 2 * tail] for line, piece in pieces.items()}
    short = {line: "".join(piece) for line, piece in middle.items()}
    common: list[str] = []
    if max(map(len, short.values())) > longest and len(long) > 2:  # of two, one may be the other's square
        common = _common([piece[::2] for piece in middle.values()])
        short = {line: _without(piece, common) for line, piece in middle.items()}
    # Of an interaction no half of a column's name.
    if head and any(":" in text.partition("[")[0] for text in short.values()):
        return {}, ""
    if "[T." in pieces[long[0]][1 : 2 * head : 2]:  # the level of a category needs no half of a bracket
        short = {line: text.removesuffix("]") for line, text in short.items()}
    if not (head or tail or common):
        return {}, ""
    first = pieces[long[0]]
    inner = f"…_{'_'.join(common)}_…" if common else "…"
    left_out = "".join(first[: 2 * head]) + inner + "".join(first[len(first) - 2 * tail :])
    return {line: text if len(text) <= longest else plain(text, longest) for line, text in short.items()}, left_out


def _alike(words: Sequence[Sequence[str]], most: int) -> int:
    """How many of the first words are the same in all lists: only of letters and digits, for signs say what a term is."""
    many = 0
    while many < most and words[0][many].isalnum() and all(each[many] == words[0][many] for each in words):
        many += 1
    return many


def _common(words: Sequence[Sequence[str]]) -> list[str]:
    """Words that all lists have in this order, but for those that are all a list has."""
    common = [word for word in words[0] if word.isalnum()]
    for each in words[1:]:
        # The longest common subsequence of two lists (Wagner & Fischer 1974), grown word by word.
        rows: list[list[str]] = [[] for _ in range(len(each) + 1)]
        for word in common:
            before = rows
            rows = [[]]
            for j, other in enumerate(each):
                rows.append(before[j] + [word] if word == other else max(before[j + 1], rows[j], key=len))
        common = rows[-1]
    return common if all(len(each) > len(common) for each in words) else []


def _without(piece: Sequence[str], common: Sequence[str]) -> str:
    """Words and what is between them, with a sign in place of those that are common."""
    text, rest, gap = "", list(common), False
    for i in range(0, len(piece), 2):
        if rest and piece[i] == rest[0]:
            rest.pop(0)
            gap = True
            continue
        text += ("…" if gap and text else piece[i - 1] if text else "") + piece[i]
        gap = False
    return text


def width(text: str) -> int:
    """The columns of a terminal that a text fills: two a letter of East Asia or an emoji, none a mark that joins a letter."""
    if text.isascii():
        return len(text)
    return sum(
        0 if category(c) in ("Mn", "Me") or c == LEFT_TO_RIGHT else 2 if east_asian_width(c) in "WF" else 1 for c in text
    )


def ordered(text: str) -> str:
    """A text in which words from right to left turn nothing round but themselves: each stands between marks of left to right.

    Without them a number or a sign between two Hebrew names, or behind an Arabic one, changes sides with it (Unicode, UAX 9), so that
    a row of a table is read backwards. For people alone: files of data and JSON have names as they are.
    """
    if text.isascii():
        return text
    return _TURNED.sub(lambda word: f"{LEFT_TO_RIGHT}{word[0]}{LEFT_TO_RIGHT}", text.replace(LEFT_TO_RIGHT, ""))


def printed(text: str) -> str:
    """A text as a terminal gets it: nothing that it would obey, and words from right to left in their places."""
    # What turns letters round is escaped in names, and comes back as our own marks alone.
    return ordered(clean(text, f"\n{LEFT_TO_RIGHT}"))


def equation(target: str, names: Sequence[str], weights: Sequence[float], *, digits: int = 4) -> str:
    """The line as an equation, the intercept first: `mpg = 46.22 − 0.007647 weight`.

    Parameters
    ----------
    target : str
    names, weights : sequences of length d
        `Intercept` may be the last name.
    digits : int
        Significant digits.
    """
    pairs = list(zip(apart(names), weights, strict=True))
    if pairs and pairs[-1][0] == "Intercept":
        pairs = [pairs[-1], *pairs[:-1]]
    terms = [(rounded(value, digits), "" if name == "Intercept" else f" {name}") for name, value in pairs]
    most = len(terms) if len(terms) <= _MOST_TERMS + 1 else _MOST_TERMS  # one more is as long as to say that there is one
    text = ""
    for i, (number, name) in enumerate(terms[:most]):
        negative = number.startswith(_MINUS)
        # The first term keeps its sign, the others are joined by theirs.
        sign = (_MINUS if negative else "") if i == 0 else (f" {_MINUS} " if negative else " + ")
        text += f"{sign}{number.lstrip(_MINUS)}{name}"
    return f"{plain(target)} = {text or '0'}{f' + {len(terms) - most} more terms' if len(terms) > most else ''}"


# -- cells of CSV files ----------------------------------------------------------------------------------------------------

# A spreadsheet runs a cell that begins with one of these, a number apart, as a formula, which can send data away and call programs
# (OWASP, CSV injection; the wide signs for keyboards of East Asia). With an apostrophe before it, it is text; one that is there
# already gets one more, so that taking one away gives back what was.
RUN = "^'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
GUARDED = f"^'({RUN[1:]})"
NO_FORMULA = r"^[+-]?(\d[\d,]*\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]+$"


def as_cell(text: str) -> str:
    """A text as a cell of a CSV file that no spreadsheet takes for a formula."""
    return f"'{text}" if re.match(RUN, text) and not re.match(NO_FORMULA, text) else text


def of_cell(cell: str) -> str:
    """The text that `as_cell` made a cell of."""
    return re.sub(GUARDED, r"\1", cell)


# -- facts and tables of text ----------------------------------------------------------------------------------------------


def finite(value: Any) -> Any:
    """A value as JSON has it, which has no NaN and no infinity: they become None, and all else stays as it is."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def bulleted(text: str, width: int) -> list[str]:
    """A text as lines behind a dash, each of at most `width` letters."""
    first, *rest = wrap(text, width) or [""]
    return [f"- {first}", *(f"  {line}" for line in rest)]


def tame_json(text: str) -> str:
    """JSON whose letters do nothing to a terminal or to the page around it: JSON's own escapes read back as the same letters."""
    return re.sub(r"[^ -~\n]", lambda m: m[0] if m[0].isprintable() else json.dumps(m[0])[1:-1], text)


def aligned(rows: Sequence[Sequence[str]], *, numbers: bool = False) -> list[str]:
    """Rows of cells as lines of text, each column as wide as its widest cell; with `numbers`, all but the first to the right."""
    widths = [max(map(width, cells)) for cells in zip(*rows, strict=True)]

    def padded(place: int, text: str) -> str:
        blank = " " * (widths[place] - width(text))
        return blank + text if numbers and place else text + blank

    return [ordered("  ".join(padded(place, text) for place, text in enumerate(row)).rstrip()) for row in rows]


def errors_told(name: str) -> str:
    """Which standard errors these are, as a sentence; empty for classical ones, which are expected, and where there are none."""
    return "" if name in ("", "none", "classical") else f"Standard errors: {name}."


def intervals(ends: Sequence[tuple[float, float]], level: float) -> tuple[str, list[str]]:
    """The column of confidence intervals in a table of text: its heading and its cells, each end to the right of its own half."""
    lows, highs = ([significant(pair[half]) for pair in ends] for half in (0, 1))
    a, b = max(map(len, lows), default=0), max(map(len, highs), default=0)
    return f"{level_of(level)} conf. interval", [f"{low:>{a}} {high:>{b}}" for low, high in zip(lows, highs, strict=True)]


def preformatted(text: str) -> str:
    """A page of text as notebooks show it: every letter of one width, nothing in it read as HTML."""
    return f'<pre style="line-height: 1.3">{escape(ordered(text))}</pre>'
