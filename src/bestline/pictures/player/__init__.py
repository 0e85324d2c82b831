"""Player: the linked panels that replay how a line was learnt, as ES modules without dependencies and one style sheet.

`mount.js` is the door, and every module says in its first line what it is for. A page must work from a file, where a browser
loads no modules, so the modules are joined here into the one script that a saved page inlines and that a notebook widget is
handed. Joining is dropping lines: there is no build step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

__all__ = ["MODULES", "script", "style"]

# From below to above: a module imports only from those before it, so that joined in this order every name is there in time.
MODULES = (
    "numbers",
    "linear",
    "bowl",
    "descent",
    "scales",
    "steps",
    "ground",
    "camera",
    "theme",
    "draw",
    "labels",
    "axes",
    "paths",
    "panels/runs",
    "panels/data",
    "panels/ground",
    "panels/contour",
    "panels/surface",
    "panels/curve",
    "panels/loss",
    "panels/choose",
    "dom",
    "update",
    "frame",
    "tables",
    "trainer",
    "address",
    "takehome",
    "points",
    "pins",
    "knobs",
    "sweep",
    "alive",
    "controls",
    "roster",
    "asked",
    "player",
    "mount",
)

# Without these a page plays what was recorded: `player` asks for them only where a session says that the page can train.
_TRAINING = frozenset(("linear", "bowl", "descent", "trainer", "takehome", "points", "pins", "knobs", "sweep", "alive"))

# Comments that fill lines of their own: a page has no use for them.
_COMMENTS = re.compile(r"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)[ \t]*\n", re.MULTILINE | re.DOTALL)
_INDENTS = re.compile(r"^[ \t]+", re.MULTILINE)  # no string of ours goes over a line's end
_IMPORTS = re.compile(r'^import \{[^}\n]*\} from "\.[^"\n]*";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:const|let|class|function)\b)", re.MULTILINE)


def script(session: Mapping[str, Any] | None = None) -> str:
    """All modules as one, or those that a session needs; `mount(root, {session})` of it shows a session inside an element.

    Top-level names are unique over all modules, so joined they stay apart. Only the door exports, as before it was joined.
    """
    # In the order of the list, the door last.
    names = [name for name in MODULES if name not in _unneeded(session)]
    *inside, door = (_INDENTS.sub("", _IMPORTS.sub("", _COMMENTS.sub("", _text(f"{name}.js")))) for name in names)
    return _tight("".join(_EXPORT.sub("", module) for module in inside) + door)


def _unneeded(session: Mapping[str, Any] | None) -> frozenset[str]:
    if session is None:
        return frozenset()
    live = session.get("live") or {}
    if "mean" not in live:
        return _TRAINING
    return frozenset() if live["sweeps"] else frozenset(("sweep",))


# Text in quotes, a comment, an expression that matches text (after what a value cannot end with), spaces, or a line's end.
_PIECE = re.compile(
    r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?<=[(,=:\[!&|?{};+])\s*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/|`|[ ]*//[^\n]*|/\*(?:(?!\*/)[^\n])*\*/|[ ]+|\n"""
)


def _tight(code: str) -> str:
    """The same code without the spaces and lines that only people need: a seventh of it."""
    found, at = [], 0
    while piece := _PIECE.search(code, at):
        found.append(code[at : piece.start()])
        at = piece.end()
        if code[piece.start()] == "`":
            at = _after_template(code, at)
            found.append(code[piece.start() : at])
        elif piece[0].lstrip().startswith(("//", "/*")):
            continue
        elif piece[0] == "\n":
            # After what is opened, and before what is closed, no statement ends.
            found.append("" if code[piece.start() - 1] in "{([," or code[at : at + 1] in ("}", ")", "]") else "\n")
        elif piece[0].isspace():
            before, after = code[piece.start() - 1], code[at]
            # Two words stay two, and so do two signs that would be one other.
            together = (_word(before) and _word(after)) or before == after in "+-"
            found.append(" " if together else "")
        else:
            found.append(piece[0])
    return "".join([*found, code[at:]])


def _word(letter: str) -> bool:
    return letter.isalnum() or letter in "_$"


def _after_template(code: str, at: int) -> int:
    """Where a text between backticks ends that begins before `at`; texts within its `${...}` are its own."""
    depth = 0
    while True:
        if code[at] == "\\":
            at += 2
        elif code.startswith("${", at) or (depth and code[at] == "{"):
            depth, at = depth + 1, at + (2 if code[at] == "$" else 1)
        elif depth and code[at] == "}":
            depth, at = depth - 1, at + 1
        elif code[at] == "`":
            if not depth:
                return at + 1
            at = _after_template(code, at + 1)
        else:
            at += 1


def style() -> str:
    """The style sheet; every rule is for the inside of the player."""
    return _text("player.css")


def _text(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
