"""Words: how people write numbers as text, and which words say that a value is missing.

    1 234,5   -3.5   (3.5)   1'234   ١٢   1,234          are read, each to the one number that it can mean
    5 kg   12 %   $3   0x10   1_000   1/2                are numbers to people, but say more than one: they are refused

A number with a unit beside it is refused because the next file may hold the same column in another unit.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

Words: TypeAlias = Any  # a pyarrow array of text

# Words that say, alone in a cell, that a value is missing. In a column of text most of them may as well be values ("None", "-"), so only
# those are taken that hardly anybody means as a level.
NO_NUMBER = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "#N/A", "?", "-", ".", "\u2212", "–", "—")
NO_TEXT = ("", "NA", "N/A", "NaN", "null")
TRUE = ("True", "true", "TRUE")
FALSE = ("False", "false", "FALSE")

# What float() takes, but for underscores and other alphabets; then with a decimal comma, and with commas between the thousands.
NUMBER = r"(?i)^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf|infinity|nan)$"
NUMBER_COMMA = NUMBER.replace(r"\.", ",")
THOUSANDS = r"(?a)^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?$"
THOUSANDS_COMMA = r"(?a)^[+-]?\d{1,3}(?:\.\d{3})+(?:,\d*)?$"
_COMMA = re.compile(r"[-+]?(\d+|\d{1,3}(\.\d{3})+),\d+")  # as 1.200,5 is written where a comma separates cells too


@dataclass(frozen=True, slots=True)
class Spelling:
    """How the words of a number column are written.

    Attributes
    ----------
    decimal : {".", ","}
    thousands : bool
        Whether 1,234 is 1234 (1.234, where the comma is the decimal sign).
    truth : bool
        Whether the column is true and false.
    dressed : bool
        Whether some numbers are written in other ways that can be read: see `undressed`.
    """

    decimal: str = "."
    thousands: bool = False
    truth: bool = False
    dressed: bool = False


class NotANumberError(Exception):
    """A word that is no number, and where in the array; it stays inside this package and becomes a ColumnError."""

    def __init__(self, index: int, word: str) -> None:
        super().__init__(word)
        self.index, self.word = index, word

    @property
    def advice(self) -> str:
        """What is wrong with the word, and what to write."""
        beside = unit_of(self.word)
        if beside:
            return f"is not a number alone; write it without `{beside}`, in one unit for all rows"
        word = self.word.strip()
        if _COMMA.fullmatch(word):
            whole, _, part = word.rpartition(",")
            return (
                f"has a decimal comma; write {whole.replace('.', '')}.{part}, or separate the columns of the file by semicolons"
            )
        if re.match(NUMBER, word) and "." in word:  # only where a comma is the decimal sign it is none
            other = f", or {word.replace('.', '')} if it parts thousands" if len(word.partition(".")[2]) == 3 else ""
            return f"has a point, and numbers of this file have a decimal comma; write {word.replace('.', ',')}{other}"
        return "is not a number; correct it"


def wordy(kind: Any) -> bool:
    """Whether a pyarrow type is text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def parsed(words: Words, spelling: Spelling) -> Words:
    """The words as float64, null where missing. Raises NotANumberError at the first word that is none."""
    # First as pyarrow casts them, which is quick and enough for most files; only where that fails, word by word.
    bare = bare_words(words)
    if spelling.decimal == ".":
        try:
            return pc.cast(bare, pa.float64())
        except pa.ArrowInvalid:
            pass
    # true and false beside 0 and 1, in whatever spelling the file has them.
    if spelling.truth:
        flags = pc.if_else(pc.is_in(bare, pa.array(FALSE)), "0", bare)
        bare = pc.if_else(pc.is_in(bare, pa.array(TRUE)), "1", flags)
    good = pc.match_substring_regex(bare, NUMBER if spelling.decimal == "." else NUMBER_COMMA)
    point = pc.replace_substring(bare, ",", ".") if spelling.decimal == "," else bare
    if spelling.thousands or spelling.dressed:
        plain = _each(pc.if_else(good, pa.scalar(None, pa.string()), bare), lambda word: undressed(word, spelling))
        good, point = pc.or_(good, pc.is_valid(plain)), pc.coalesce(plain, point)
    # The first word that is no number, with its place: the message names row and line.
    bad = pc.index(good, value=False).as_py()
    if bad >= 0:
        raise NotANumberError(bad, words[bad].as_py())
    return pc.cast(pc.replace_substring_regex(point, r"^\+", ""), pa.float64())


def _each(words: Words, change: Callable[[str], str | None]) -> Words:
    """Every word changed, each different one once."""
    coded = pc.dictionary_encode(words)
    made = pa.array([change(word) for word in coded.dictionary.to_pylist()], pa.string())
    return pc.take(made, coded.indices)


def bare_words(words: Words) -> Words:
    """Words of a number column without the blanks around them, null where they say that a number is missing."""
    bare = pc.utf8_trim_whitespace(pc.cast(words, pa.string()))
    return pc.if_else(pc.is_in(bare, value_set=pa.array(NO_NUMBER)), pa.scalar(None, pa.string()), bare)


def text_words(words: Words) -> Words:
    """Words of a text column, null where they say that the value is missing."""
    return pc.if_else(pc.is_in(words, value_set=pa.array(NO_TEXT, words.type)), pa.scalar(None, words.type), words)


# --- numbers to a person -------------------------------------------------------------------------------------------------

# Signs that look like those of ASCII, and what stands between words or turns the direction of writing without being seen.
_BLANKS = dict.fromkeys("\u00a0\u202f\u2009\u2007\u2008\u2002\u2003\u2004\u2005\u2006\u200a\u3000\t", " ")
_UNSEEN = dict.fromkeys("\u200b\u200e\u200f\u061c\u2060\ufeff", "")
_SIGNS = {
    **dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d", "-"),
    "\uff0b": "+",
    **dict.fromkeys("\u2019\u02bc\uff07\u066c", "'"),
}
_POINTS = {
    "\uff0e": ".",
    "\uff0c": ",",
    "\u066b": ".",
    "\uff08": "(",
    "\uff09": ")",
    "\uff05": "%",
    "\u066a": "%",
    "\uff04": "$",
}


class _Plainly(dict[int, str]):
    """Characters to those of ASCII that mean the same; digits of any script to ours."""

    def __missing__(self, code: int) -> str:
        digit = unicodedata.decimal(chr(code), None)
        self[code] = chr(code) if digit is None else str(digit)
        return self[code]


_PLAINLY = _Plainly({ord(sign): plain for sign, plain in (_BLANKS | _UNSEEN | _SIGNS | _POINTS).items()})
# Groups of three with the same sign between them, or no groups; then a decimal part and a power of ten.
_WHOLE = r"(?:\d{{1,3}}(?:(?P<between>[ '{other}])\d{{3}})(?:(?P=between)\d{{3}})*|\d+)"
_WRITTEN = {
    decimal: re.compile(
        rf"(?P<open>\()?\s*(?P<sign>[+-])?\s*(?P<whole>{_WHOLE.format(other=other)})?(?P<part>[{decimal}]\d*)?"
        r"(?P<power>[eE][+-]?\d+)?\s*(?P<after>-)?\s*(?P<close>\))?"
    )
    for decimal, other in ((".", ","), (",", "."))
}


def undressed(word: str, spelling: Spelling) -> str | None:
    """The number that a word can only mean, in plain digits with a point; None if it is none, or may be another.

    Read are blanks (of any width) and apostrophes between thousands, the minus signs of typesetting, a minus behind or parentheses
    around for negative numbers, digits of any script; commas between thousands where the column has them.
    """
    found = _WRITTEN[spelling.decimal].fullmatch(word.translate(_PLAINLY).strip())
    if found is None or bool(found["open"]) is not bool(found["close"]):
        return None
    whole, part, between = found["whole"] or "", found["part"] or "", found["between"]
    if sum(1 for sign in ("open", "sign", "after") if found[sign]) > 1 or not (whole or len(part) > 1):
        return None
    if between in (".", ",") and not spelling.thousands:
        return None
    minus = "-" if found["open"] or found["after"] or found["sign"] == "-" else ""
    digits = re.sub(r"\D", "", whole)
    return f"{minus}{digits or '0'}{part.replace(',', '.')}{found['power'] or ''}"


def grouped(word: str, decimal: str) -> bool:
    """Whether the word has commas between thousands and can mean nothing else; with a decimal comma, points."""
    found = _WRITTEN[decimal].fullmatch(word.translate(_PLAINLY).strip())
    if found is None or found["between"] not in (".", ","):
        return False
    # 1.234 where commas are decimal signs may be a slip; 1.234.567 and 1.234,5 are none.
    return decimal == "." or bool(found["part"]) or found["whole"].count(".") > 1


def dressed(word: str, spelling: Spelling) -> bool:
    """Whether a number is written in another way than with a sign, digits, commas between thousands and a decimal sign."""
    groups = THOUSANDS if spelling.decimal == "." else THOUSANDS_COMMA
    return undressed(word, spelling) is not None and re.match(groups, word) is None


def dressing(word: str) -> str:
    """What is unusual in how a word that `undressed` understands is written."""
    plain = word.translate(_PLAINLY).strip()
    if "(" in plain:
        return "in parentheses"
    if plain.endswith("-"):
        return "with their minus behind"
    if re.search(r"\d[ ']\d", plain):
        return "with blanks or apostrophes between thousands"
    if re.search(r"\d[.,]\d{3}", plain):
        return "with thousands separators"
    return "with signs or digits that are not those of a keyboard"


_SAME = 0.9  # of the quantities have the same word behind them
_MONEY = r"(?:[A-Z]{0,3}[$€£¥₹₩₽₺₫₪₴₦฿¢]|USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|CNY|RMB|INR|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|KRW|Rs\.?|kr\.?)"
_KNOWN = (
    "% ‰ ° °C °F g kg mg µg μg ug lb lbs oz t m km cm mm µm μm nm mi ft in yd inch inches l ml cl dl gal h hr hrs min mins s sec secs ms "
    "µs us ns d day days wk week weeks month months yr yrs year years Hz kHz MHz GHz kW MW kWh MWh kJ kcal cal mV kV mA kPa hPa MPa Pa bar psi "
    "mph km/h kmh m/s m2 m² m³ m3 km2 km² cm2 cm² cm3 cm³ ha acre acres sqft sqm ft² ft2 kB KB MB GB TB mol mmol mmHg mg/l mg/dl dB px pt bpm "
    "rpm ppm ppb cc hp k K M mn mio bn kg/m² kg/m2 g/l x pct percent points pts"
)
_UNITS = frozenset(_KNOWN.split())
_QUANTITY = re.compile(
    rf"(?P<front>{_MONEY})?\s*[+-]?\s*(?P<front2>{_MONEY})?\s*(?P<number>{_WHOLE.format(other='.,')}?(?:[.,]\d*)?(?:[eE][+-]?\d+)?)(?P<gap>\s*)(?P<behind>\D*(?:[23]|\d+/\d+)?)"
)
# Numbers to a reader, and to some programs: 0x10, 1_000, 3,5, ½, 12,34,567, 1.5×10^3, '5', 1.5**; and 1/2, but not 120/80, which are two.
_FRACTION = re.compile(r"[+-]?(?:\d+ )?(?P<part>\d{1,3})/(?P<of>\d{1,3})")
_PROGRAMS = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F]+|\d{1,3}(?:_\d{3})+|\d*\s*[¼-¾⅐-⅞]|\d{1,3}(?:[., ]\d{3})*[.,]\d*|"
    r"\d{1,2}(?:,\d\d)+,\d{3}(?:\.\d*)?|\d+(?:[.,]\d*)?\s*[×x*·]\s*10(?:\^[+-]?\d+|\*\*[+-]?\d+|[⁻⁺]?[⁰¹²³⁴-⁹]+)|"
    r"'[+-]?\d+(?:[.,]\d*)?'|\d+(?:[.,]\d*)?\*{1,3})"
)


def unit_of(word: str) -> str:
    """What stands beside the one number in a word, such as a unit or a currency; empty if there is nothing else, or no number."""
    found = _QUANTITY.fullmatch(re.sub("[()]", "", word.translate(_PLAINLY)).strip())
    if found is None or not re.search(r"\d", found["number"]):
        return ""
    front, behind = found["front"] or found["front2"] or "", found["behind"].strip()
    return front or (behind if re.search(r"[^\W\d_]|[%‰°$€£¥]", behind) else "")


_LIMIT = re.compile(r"(?:[<>]=?|[≤≥~≈±])\s*[+-]?\d+(?:[.,]\d*)?")


def numbers_to_people(counts: dict[str, int], *, beside: bool = False) -> set[str]:
    """Those of some different words, each with how often it occurs, that are no plain numbers but numbers to a person.

    `beside`: whether plain numbers stand in the column as well; then `<0.5` is one too.

    A known unit or currency may differ from cell to cell: the column is one of quantities all the same. Any other word behind the number
    must be the same nearly everywhere and stand apart from it: `3 rooms` is a quantity, `3b` and `12 Main Street` are none.
    """
    found: set[str] = set()
    units: dict[str, str] = {}
    for word in counts:
        plain = word.translate(_PLAINLY).strip()
        fraction = _FRACTION.fullmatch(plain)
        proper = fraction is not None and 0 < int(fraction["part"]) < int(fraction["of"])
        readings = (undressed(word, Spelling(decimal, thousands=True)) for decimal in ".,")
        if proper or _PROGRAMS.fullmatch(plain) or (beside and _LIMIT.fullmatch(plain)) or any(readings):
            found.add(word)
        elif unit := unit_of(word):
            units[word] = unit
    shares = Counter[str]()
    for word, unit in units.items():
        shares[unit] += counts[word]
    # 5g and 5m are quantities where all that stands behind numbers are units; else such letters tell floors and seats apart.
    all_known = all(_known(unit) for unit in shares)
    for word, unit in units.items():
        apart = re.search(rf"(?:^|\s){re.escape(unit)}$", word.translate(_PLAINLY).strip()) is not None
        if (_known(unit) and (all_known or apart or len(unit) > 1)) or (apart and shares[unit] >= _SAME * shares.total()):
            found.add(word)
    return found


def _known(unit: str) -> bool:
    return unit in _UNITS or re.fullmatch(_MONEY, unit) is not None
