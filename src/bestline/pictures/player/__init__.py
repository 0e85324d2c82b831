"""Player: the linked panels that replay how a line was learnt, as one ES module without dependencies and its style sheet.

A saved page inlines both, a notebook widget is handed both; `player.js` says what they do.
"""

from __future__ import annotations

import re
from importlib.resources import files

__all__ = ["script", "style"]

_COMMENTS = re.compile(r"^[ \t]*(?:/\*\*.*?\*/|//[^\n]*)[ \t]*\n", re.MULTILINE | re.DOTALL)


def script() -> str:
    """The ES module; `mount(root, {session})` of it shows a session inside an element.

    Comments that fill lines of their own are left out: a page has no use for them.
    """
    return _COMMENTS.sub("", files(__name__).joinpath("player.js").read_text(encoding="utf-8"))


def style() -> str:
    """The style sheet; every rule is for the inside of the player."""
    return files(__name__).joinpath("player.css").read_text(encoding="utf-8")
