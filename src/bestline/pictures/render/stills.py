"""Stills: pictures small enough to lie inside a page."""

from __future__ import annotations

import io
from dataclasses import replace

from PIL import Image, features

from bestline.pictures.marks import Picture
from bestline.pictures.render import mpl
from bestline.pictures.render.html import Still

_COLOURS = 96  # most of them for the soft edges of lines and letters
_QUALITY = 30  # of 100: letters and lines are clear, and even areas show no blocks


def still(picture: Picture, *, dpi: float) -> Still:
    """The picture as a page shows it, in light and in dark colours; its title and its note are text of the page."""
    bare = replace(picture, title="", note="")
    light, dark = (compact(bare, dpi=dpi, theme=theme) for theme in ("light", "dark"))
    return Still(light, picture.alt, dark, picture.title, picture.note)


def compact(picture: Picture, *, dpi: float, theme: str = "light") -> bytes:
    """The picture as PNG with few colours, a third of the size at no difference that the eye would see."""
    small = io.BytesIO()
    # No dither: it would spoil even areas, and cost what few colours save.
    image = _drawn(picture, dpi, theme).quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    image.save(small, format="PNG", optimize=True)
    return small.getvalue()


def smaller(picture: Picture, *, dpi: float) -> bytes:
    """The picture in half the bytes of `compact`, as WebP, which every browser since 2020 shows, and mail and text programs may not."""
    if not features.check("webp"):  # a Pillow that was built without it
        return compact(picture, dpi=dpi)
    small = io.BytesIO()
    _drawn(picture, dpi, "light").save(small, format="WEBP", quality=_QUALITY, method=6)
    return small.getvalue()


def _drawn(picture: Picture, dpi: float, theme: str) -> Image.Image:
    file = io.BytesIO()
    mpl.save(picture, file, format="png", dpi=dpi, theme=theme)
    return Image.open(file).convert("RGB")
