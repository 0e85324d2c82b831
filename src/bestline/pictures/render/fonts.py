"""Fonts: letters that matplotlib's own font has not, as those of Chinese, Japanese or Korean names, by a font of this machine.

The numbers and words around them keep matplotlib's own font. Where no font of this machine has a letter, its code stands in its
place: boxes cannot be told apart, and levels of a category that are all boxes are one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any
from unicodedata import category

from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

from bestline.errors import listed, warn
from bestline.pictures.marks import Picture
from bestline.wording import ordered

_NO_GLYPH = ("Cc", "Cf", "Me", "Mn")  # what only changes the letter before it
_OWN = "DejaVu Sans"  # comes with matplotlib
# Parts of the names of fonts that have most letters; asked first, for opening each font of a machine takes seconds.
_WIDE = (
    "cjk",
    "source han",
    "wqy",
    "wenquanyi",
    "pingfang",
    "yahei",
    "hiragino",
    "yu gothic",
    "malgun",
    "unicode",
    "noto sans",
)


def spell(figure: Any) -> None:
    """Give every text of a figure the fonts that have its letters, where this machine has some."""
    texts = [text for text in figure.findobj(Text) if not text.get_text().isascii()]
    letters = frozenset(letter for text in texts for letter in text.get_text() if letter.isprintable())
    lacking = letters - _letters_of(_file_of(_OWN))
    if found := _fonts(lacking)[0] if lacking else ():
        for text in texts:
            text.set_fontfamily([_OWN, *found])


def legible(picture: Picture) -> Picture:
    """The picture with texts that can be drawn: what is written from right to left in its place, codes for letters without a font."""
    found: list[str] = []

    def heard(text: str) -> str:
        found.append(text)
        return text

    _changed(picture, heard)
    letters = frozenset(c for c in "".join(found) if not c.isascii() and category(c) not in _NO_GLYPH)
    lacking = letters - _letters_of(_file_of(_OWN)) if letters else letters
    missing = _fonts(lacking)[1] if lacking else lacking
    if missing:
        warn(
            f"No font of this machine has {listed(sorted(missing))}: pictures have their codes. Install one that has them, such as Noto "
            "Sans CJK, and delete matplotlib's list of fonts (matplotlib.get_cachedir() says where it is)."
        )

    def told(text: str) -> str:
        return ordered("".join(f"\\u{ord(c):04x}" if c in missing else c for c in text))

    changed: Picture = _changed(picture, told)
    return changed


def _changed(value: Any, told: Callable[[str], str]) -> Any:
    """The same marks, with what is told of each text; what has none stays the same object."""
    if isinstance(value, str):
        return value if value.isascii() else told(value)
    if isinstance(value, tuple) and not (value and isinstance(value[0], int | float)):
        made = tuple(_changed(part, told) for part in value)
        return value if all(new is old for new, old in zip(made, value, strict=True)) else made
    if is_dataclass(value) and not isinstance(value, type):
        had = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        new = {name: made for name, old in had.items() if (made := _changed(old, told)) is not old}
        return replace(value, **new) if new else value
    return value


def _file_of(family: str) -> str:
    return str(findfont(FontProperties(family=[family])))


@cache
def _letters_of(file: str) -> frozenset[str]:
    """The letters that a font has; none of a file that is no font after all."""
    try:
        return frozenset(map(chr, get_font(file).get_charmap()))
    except (OSError, RuntimeError):
        return frozenset()


@cache
def _fonts(letters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Families that have these letters together, as few as are found one after the other; and the letters that none has."""
    # Matplotlib's font of last resort has a box for every letter: that is none.
    every = {entry.name: entry.fname for entry in fontManager.ttflist if not entry.name.startswith("Last Resort")}
    ordered = sorted(every, key=lambda name: (not any(part in name.lower() for part in _WIDE), name))
    found, missing = [], letters
    for name in ordered:
        has = missing & _letters_of(every[name]) if missing else frozenset()
        if has:
            found.append(name)
            missing -= has
    return tuple(found), missing
