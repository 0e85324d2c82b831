"""Player: the linked panels that replay how a line was learnt, as one ES module without dependencies and its style sheet.

A saved page inlines both, a notebook widget is handed both; `player.js` says what they do.
"""

from __future__ import annotations

from importlib.resources import files

__all__ = ["script", "style"]


def script() -> str:
    """The ES module; `mount(root, {session})` of it shows a session inside an element."""
    return files(__name__).joinpath("player.js").read_text(encoding="utf-8")


def style() -> str:
    """The style sheet; every rule is for the inside of the player."""
    return files(__name__).joinpath("player.css").read_text(encoding="utf-8")
