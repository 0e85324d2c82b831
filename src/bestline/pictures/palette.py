"""Palette: which colour, dash and marker a role has, in a light and a dark theme.

The colours are those of Okabe & Ito (2008), which people with any kind of colour vision can tell apart, a brown and an indigo. Whatever
differs in colour differs in dash or marker too, so that a black and white print says the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bestline.calls import one_of
from bestline.errors import OptionError

# Of Okabe & Ito (2008); their yellow is the start's alone, and their orange, too near to it and to vermillion, no run's.
BLUE, SKY, GREEN, YELLOW = "#0072B2", "#56B4E9", "#009E73", "#F0E442"
VERMILLION, PURPLE = "#D55E00", "#CC79A7"
INDIGO, VIOLET = "#3b2ea0", "#9070f5"  # the seventh run's: their sky blue is too faint on white, and their blue on black
_LEGIBLE = 4.5  # contrast of text to what lies behind it (WCAG 2.2, 1.4.3)


@dataclass(frozen=True, slots=True)
class Style:
    """How a role looks: colour, dash, marker, width of its line, size of its marker, opacity."""

    colour: str
    dash: Any = "-"
    marker: str = "o"
    width: float = 2.0
    size: float = 6.0
    alpha: float = 1.0


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme.

    Attributes
    ----------
    paper, ink, quiet, grid : str
        Background, text, lesser text, and lines of the grid.
    bands : tuple of str
        Colours of the lowest and of the highest place of a landscape.
    contour : str
    styles : mapping of role to Style
    """

    paper: str
    ink: str
    quiet: str
    grid: str
    bands: tuple[str, ...]
    contour: str
    styles: Mapping[str, Style]

    def as_text(self, colour: str) -> str:
        """A colour for text on paper: as it is, or with as much ink as makes it legible."""
        shares = (i / 20 for i in range(21))
        return next(
            (mixed for share in shares if _contrast(mixed := _mix(colour, self.ink, share), self.paper) >= _LEGIBLE), self.ink
        )


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _mix(one: str, other: str, share: float) -> str:
    """A colour with a share of another."""
    mixed = (round((1 - share) * a + share * b) for a, b in zip(_channels(one), _channels(other), strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _contrast(one: str, other: str) -> float:
    """Of two colours, from 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (
        (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in (v / 255 for v in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _styles(ink: str, quiet: str, *, blue: str, red: str, brown: str, seventh: str) -> dict[str, Style]:
    # Dashes in widths of the line. Neighbours differ in dash and marker as much as in colour.
    runs = (
        Style(blue, "-", "o"),
        Style(red, (0, (6, 2)), "s"),
        Style(GREEN, (0, (1, 1.2)), "^"),
        Style(PURPLE, (0, (6, 2, 1, 2)), "D"),
        Style(brown, (0, (3, 1.5)), "v"),
        Style(ink, (0, (8, 2, 1, 2, 1, 2)), "P"),
        Style(seventh, (0, (4, 1, 1, 1)), "X"),
    )
    return {
        "data": Style(blue, "-", "o", alpha=0.75),
        "held_out": Style(PURPLE, (0, (5, 2)), "D", size=5, alpha=0.9),
        "true": Style(GREEN, (0, (6, 3)), "", width=2.4),
        "fitted": Style(red, "-", "", width=2.4),
        "earlier": Style(red, "-", "", width=1.0, alpha=0.28),
        # Square, round, cross and diamond: what matters most on a landscape is told apart by shape alone.
        "start": Style(YELLOW, "-", "s", size=11),
        "path": Style(red, "-", "o", width=1.8, size=5),
        # Of another shape than the path's own end, which in a film is at another step.
        "end": Style(red, "-", "D", size=9),
        "kept": Style(GREEN, (0, (6, 2, 1, 2)), "D", width=1.6, size=10),
        "optimum": Style(ink, "-", "X", size=9),
        "floor": Style(quiet, (0, (1.2, 1.4)), "", width=2.0),
        "reference": Style(quiet, (0, (4, 3)), "", width=1.4),
        # No category has the colour of ink but the sixth, whose dash is another.
        "over": Style(ink, "-", "", width=2.4),
        "over_mean": Style(ink, (0, (5, 2)), "", width=2.0),
        "gradient": Style(ink, "-", ">", width=2.2, size=7),
        **{f"run{i}": style for i, style in enumerate(runs)},
        # The same colour as its run, dashed and thin: beside it, not before it.
        **{f"held_out{i}": replace(style, dash=(0, (2.5, 2.5)), marker="", width=1.1) for i, style in enumerate(runs)},
    }


THEMES: Mapping[str, Palette] = {
    "light": Palette(
        paper="#ffffff",
        ink="#1f2328",
        quiet="#57606a",
        grid="#e4e8ec",
        bands=("#f4f8fb", "#d5e5f1", "#a9c8df", "#79a5c6"),
        contour="#5f8cae",
        styles=_styles("#1f2328", "#57606a", blue=BLUE, red=VERMILLION, brown="#66360b", seventh=INDIGO),
    ),
    "dark": Palette(
        paper="#14181d",
        ink="#e8ecf0",
        quiet="#9aa6b2",
        grid="#2a323b",
        bands=("#18222c", "#1f3444", "#2a4c64", "#3a6a8a"),
        contour="#5d8fb3",
        styles=_styles("#e8ecf0", "#9aa6b2", blue=SKY, red="#ff7a1a", brown="#a08040", seventh=VIOLET),
    ),
}


def themed(theme: str) -> Palette:
    """The palette of a theme, by name."""
    if not one_of(theme, THEMES):
        raise OptionError(f"There is no theme {theme!r}; choose 'light' or 'dark'.")
    return THEMES[theme]
