"""Pictures: what to draw, who draws it, and what moves.

A picture is marks first (`marks`: plain numbers with a role, no library): `figures` lists the functions that make them, each
in a file of its own. `render` turns marks into matplotlib figures, films and pages; `player` is what moves, in a browser.
Doors: `gallery` (`model.plot`), `watch` (`model.watch()`), `live` (`fit(watch=True)`).

Each name here is loaded on first use, so that drawing recorded numbers needs neither torch nor, for the marks alone,
matplotlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOME = {
    "Gallery": "gallery",
    "Picture": "marks",
    "Sample": "sample",
    "animate": "render.film",
    "draw": "render.mpl",
    "save": "render.mpl",
}

__all__ = ["Gallery", "Picture", "Sample", "animate", "draw", "save"]

if TYPE_CHECKING:
    from bestline.pictures.gallery import Gallery
    from bestline.pictures.marks import Picture
    from bestline.pictures.render.film import animate
    from bestline.pictures.render.mpl import draw, save
    from bestline.pictures.sample import Sample


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'bestline.pictures' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"bestline.pictures.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
