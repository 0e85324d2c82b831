"""Player: the linked panels that replay how a line was learnt, as ES modules without dependencies and one style sheet.

`mount.js` is the door, and every module says in its first line what it is for. A page must work from a file, where a browser
loads no modules, so the modules are joined here into the one script that a saved page inlines and that a notebook widget is
handed. Joining is dropping lines: there is no build step.
"""

from __future__ import annotations

import re
from importlib.resources import files

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
    "frame",
    "tables",
    "trainer",
    "knobs",
    "alive",
    "controls",
    "player",
    "mount",
)

# Comments that fill lines of their own: a page has no use for them.
_COMMENTS = re.compile(r"^[ \t]*(?:/\*\*.*?\*/|//[^\n]*)[ \t]*\n", re.MULTILINE | re.DOTALL)
_INDENTS = re.compile(r"^[ \t]+", re.MULTILINE)  # no string of ours goes over a line's end
_IMPORTS = re.compile(r'^import \{[^}\n]*\} from "\.[^"\n]*";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:const|let|class|function)\b)", re.MULTILINE)


def script() -> str:
    """All modules as one; `mount(root, {session})` of it shows a session inside an element.

    Top-level names are unique over all modules, so joined they stay apart. Only the door exports, as before it was joined.
    """
    # In the order of the list, the door last.
    *inside, door = (_INDENTS.sub("", _IMPORTS.sub("", _COMMENTS.sub("", _text(f"{name}.js")))) for name in MODULES)
    return "".join(_EXPORT.sub("", module) for module in inside) + door


def style() -> str:
    """The style sheet; every rule is for the inside of the player."""
    return _text("player.css")


def _text(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
