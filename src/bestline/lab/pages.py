"""Pages: the files of the page, held in memory: the lab's own modules and style, and the player's."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from bestline.pictures import player

__all__ = ["Asset", "assets"]

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}


@dataclass(frozen=True, slots=True)
class Asset:
    """What a path of the server gives."""

    text: str
    type: str


def assets() -> dict[str, Asset]:
    """Path -> file. Nothing else can be asked for: no path of a request is ever a path on disk."""
    folder = files("bestline.lab").joinpath("static")
    found = {
        f"/{entry.name}": Asset(entry.read_text(encoding="utf-8"), _TYPES[entry.name.rpartition(".")[2]])
        for entry in folder.iterdir()
        if entry.name.rpartition(".")[2] in _TYPES
    }
    found["/"] = found.pop("/lab.html")
    return found | {"/player.js": Asset(player.script(), _TYPES["js"]), "/player.css": Asset(player.style(), _TYPES["css"])}
