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

from bestline.errors import one_line, readable

VERSION = "0.1.0"  # of this bestline, as the files and pages that it writes say it

_LONGEST = 30
_MOST_TERMS = 8
_MINUS = "\N{MINUS SIGN}"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# Beyond these a number with commas, or with its zeros written out, is harder to read than one with an exponent.
_LARGE = 1e9
_LEAST_P = 1e-4  # of p-values with four places


# -- numbers ---------------------------------------------------------------------------------------------------------------


def said(value: float, digits: int = 4) -> str:
    """A number in the titles, legends and texts of pictures and player: commas where large, a real minus sign, `inf` too."""
    near = float(f"{float(value):.{digits}g}") + 0.0  # a zero has no sign
    text = f"{near:,.10g}" if abs(near) < _LARGE else f"{near:.{digits}g}"
    return text.replace("-", _MINUS)


def rounded(value: float, digits: int = 4) -> str:
    """A number in the sentences of reports and cards: as `said`, but what is no number is unknown."""
    return said(value, digits) if math.isfinite(value) else "unknown"


def significant(value: float | None, digits: int = 6, *, absent: str = "-") -> str:
    """A number in the tables of summary, card, sweep and preflight: so many digits, or what stands where there is none."""
    return absent if value is None or not math.isfinite(value) else f"{value:.{digits}g}"


def cell(value: float, digits: int = 6) -> str:
    """A number in the tables of pages, of cards and reports: the same, and an empty cell where there is none."""
    return significant(value, digits, absent="")


def entry(value: object) -> str:
    """What stands in a cell of a frame, in the table of a sweep's page: a number with commas, nothing for none, text as it is."""
    if value is None or value != value:  # noqa: PLR0124  NaN
        return ""
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def fixed(value: float, places: int) -> str:
    """A number in the table and the lines of the summary: so many places, so that a column is easily compared."""
    if not math.isfinite(value):
        return "-"
    return f"{value:.{places}f}" if abs(value) < _LARGE else f"{value:.4g}"


def p_value(value: float, *, absent: str = "-", below: str = "<") -> str:
    """A p-value in summary, card and report: four places, for nobody needs more, and a bound where they would all be 0."""
    if not math.isfinite(value):
        return absent
    return f"{value:.4f}" if value >= _LEAST_P else f"{below}{_LEAST_P:.4f}"


def percent(share: float) -> str:
    """A share of 1 in the axes of pictures: `12.3%`, and two digits of small ones."""
    return f"{100 * share:{'.3g' if share > 0.1 else '.2g'}}%"


def tick(value: float, digits: int = 6) -> str:
    """A number beside an axis or in a table that is drawn: `−0.25`, `1000000`, `2.5×10⁻⁷`."""
    text = f"{value:.{digits}g}"
    # 1e+05 comes from rounding to few digits, not from the size: an axis shows 100000.
    if "e" in text and 1 <= abs(value) < 1e6:
        text = f"{float(text):.0f}"
    mantissa, exponent = text.split("e") if "e" in text else (text, "")
    return mantissa.replace("-", _MINUS) + (f"×{power_of_ten(int(exponent))}" if exponent else "")


def power_of_ten(exponent: int) -> str:
    """A power of ten beside an axis of factors, and in `tick`: `10⁻⁷`."""
    return f"10{str(exponent).translate(_RAISED)}"


def count(number: int, what: str) -> str:
    """A number of things in sentences: `1 row`, `342 rows`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


# -- names and lines -------------------------------------------------------------------------------------------------------


def plain(name: str, longest: int = _LONGEST) -> str:
    """A column's name in sentences and tables: on one line, shortened in the middle."""
    return readable(name, longest)[1:-1]


def apart(names: Sequence[str], longest: int = _LONGEST) -> list[str]:
    """The names of one table: the same, and those that would look the same carry their places."""
    said = [plain(name, longest) for name in names]
    alike = {name for name, times in Counter(said).items() if times > 1}
    return [f"{name} ({place})" if name in alike else name for place, name in enumerate(said, 1)]


def width(text: str) -> int:
    """The columns of a terminal that a text fills: two a letter of East Asia or an emoji, none a mark that joins a letter."""
    if text.isascii():
        return len(text)
    return sum(0 if category(c) in ("Mn", "Me") else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def shown(name: str, longest: int = 36) -> str:
    """A name in a picture: the same, but for its end, of which a legend keeps a letter more."""
    return one_line(name, longest, head=longest - 10, tail=9)


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
    pairs = list(zip(names, weights, strict=True))
    if pairs and pairs[-1][0] == "Intercept":
        pairs = [pairs[-1], *pairs[:-1]]
    terms = [(rounded(value, digits), "" if name == "Intercept" else f" {plain(name)}") for name, value in pairs]
    more = len(terms) - _MOST_TERMS
    text = ""
    for i, (number, name) in enumerate(terms[:_MOST_TERMS]):
        negative = number.startswith(_MINUS)
        # The first term keeps its sign, the others are joined by theirs.
        sign = (_MINUS if negative else "") if i == 0 else (f" {_MINUS} " if negative else " + ")
        text += f"{sign}{number.lstrip(_MINUS)}{name}"
    return f"{plain(target)} = {text or '0'}{f' + {more} more' if more > 0 else ''}"


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

    return ["  ".join(padded(place, text) for place, text in enumerate(row)).rstrip() for row in rows]


def preformatted(text: str) -> str:
    """A page of text as notebooks show it: every letter of one width, nothing in it read as HTML."""
    return f'<pre style="line-height: 1.3">{escape(text)}</pre>'
