"""Fonts: letters that matplotlib's own font has not, as those of Chinese, Japanese or Korean names, by a font of this machine.

Without one every such letter is an empty box. The numbers and words around them keep matplotlib's own font.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

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
    found = _fonts(lacking) if lacking else ()
    if found:
        for text in texts:
            text.set_fontfamily([_OWN, *found])


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
def _fonts(letters: frozenset[str]) -> tuple[str, ...]:
    """Families that have these letters together, as few as are found one after the other."""
    # Matplotlib's font of last resort has a box for every letter: that is none.
    every = {entry.name: entry.fname for entry in fontManager.ttflist if not entry.name.startswith("Last Resort")}
    ordered = sorted(every, key=lambda name: (not any(part in name.lower() for part in _WIDE), name))
    found, missing = [], letters
    for name in ordered:
        has = missing & _letters_of(every[name]) if missing else frozenset()
        if has:
            found.append(name)
            missing -= has
    return tuple(found)
