"""Wording: a line in words. The equation, and what one more unit of a feature does, as a person would say it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bestline.errors import readable

VERSION = "0.1.0"  # of this bestline, as the files and pages that it writes say it

_LONGEST = 30
_MOST_TERMS = 8



def rounded(value: float, digits: int = 4) -> str:
    """A number as text says it: a few digits, commas where it is large, a real minus sign."""
    if not math.isfinite(value):
        return "unknown"
    near = float(f"{value:.{digits}g}")
    if near == 0:
        return "0"
    text = f"{near:,.10g}" if 1e-4 <= abs(near) < 1e9 else f"{near:.{digits}g}"
    return text.replace("-", "\N{MINUS SIGN}")


def plain(name: str, longest: int = _LONGEST) -> str:
    """A column's name on one line, shortened in the middle."""
    return readable(name, longest).strip("`")


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
    said = [(rounded(value, digits), "" if name == "Intercept" else f" {plain(name)}") for name, value in pairs]
    more = len(said) - _MOST_TERMS
    text = ""
    for i, (number, name) in enumerate(said[:_MOST_TERMS]):
        negative = number.startswith("\N{MINUS SIGN}")
        sign = ("\N{MINUS SIGN}" if negative else "") if i == 0 else (" \N{MINUS SIGN} " if negative else " + ")
        text += f"{sign}{number.lstrip(chr(0x2212))}{name}"
    return f"{plain(target)} = {text or '0'}{f' + {more} more' if more > 0 else ''}"


def count(number: int, what: str) -> str:
    """A number of things: `1 row`, `342 rows`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
