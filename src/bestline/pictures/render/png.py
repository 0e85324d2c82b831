"""PNG: a picture small enough to lie inside a page."""

from __future__ import annotations

import io
from dataclasses import replace

from bestline.pictures.marks import Picture
from bestline.pictures.render import mpl
from bestline.pictures.render.html import Still

_COLOURS = 96  # most of them for the soft edges of lines and letters


def still(picture: Picture, *, dpi: float) -> Still:
    """The picture as a page shows it, in light and in dark colours; its title and its note are text of the page."""
    bare = replace(picture, title="", note="")
    light, dark = (compact(bare, dpi=dpi, theme=theme) for theme in ("light", "dark"))
    return Still(light, picture.alt, dark, picture.title, picture.note)


def compact(picture: Picture, *, dpi: float, theme: str = "light") -> bytes:
    """The picture as PNG with few colours, a third of the size at no difference that the eye would see."""
    from PIL import Image

    file = io.BytesIO()
    mpl.save(picture, file, format="png", dpi=dpi, theme=theme)
    # No dither: it would spoil even areas, and cost what few colours save.
    image = Image.open(file).convert("RGB").quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small = io.BytesIO()
    image.save(small, format="PNG", optimize=True)
    return small.getvalue()
