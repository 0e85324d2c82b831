"""Pictures: what to draw (marks), how a fit becomes a picture (figures), who draws it (mpl), and how it moves (motion).

Each name is loaded on first use, so that drawing recorded numbers needs neither torch nor, for the marks alone, matplotlib.
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
