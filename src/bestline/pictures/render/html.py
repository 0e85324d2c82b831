"""Page: a session as one self-contained HTML file that plays without a network, and as a widget in notebooks.

Everything is inside: the player, its style, the numbers, and a still picture for paper. A content-security policy of the
page's own forbids everything else: scripts and styles run only if their hash is the one stated, and nothing can be loaded.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from bestline.pictures import player

__all__ = ["Page", "animation", "document", "page", "picture", "row", "widget"]

_START = """
for (const root of document.querySelectorAll(".bestline-session")) {
  mount(root.previousElementSibling, { session: JSON.parse(root.textContent) });
}
"""

_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 1400px; padding: 12px 16px; box-sizing: border-box; line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; color: #1f2328; background: #fff; }
img { max-width: 100%; height: auto; }
.numbers { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.numbers th, .numbers td { padding: 0.2em 1em 0.2em 0; text-align: right; border-bottom: 1px solid #d0d7de55; white-space: nowrap; }
.numbers th:first-child, .numbers td:first-child { text-align: left; }
.bestline-print { display: none; }
@media print { .bestline-print { display: block; } .bestline { display: none; } body { max-width: none; padding: 0; } }
@media (scripting: none) { .bestline-print { display: block; } .bestline { display: none; } }
@media (prefers-color-scheme: dark) { @media screen { body { color: #e8ecf0; background: #14181d; } } }
@media screen { body:has(> .bestline > .bestline-player[data-theme="dark"]) { color: #e8ecf0; background: #14181d; }
  body:has(> .bestline > .bestline-player[data-theme="light"]) { color: #1f2328; background: #fff; } }
"""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of HTML: notebooks show it, `save` writes it.

    Attributes
    ----------
    html : str
        The whole document.
    height : int
        Pixels a notebook gives it.
    """

    html: str
    height: int = 900

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the page; it appears whole or not at all. Raises DataError when the file exists and `overwrite` is false."""
        from bestline.files import fresh

        with fresh(path, overwrite=overwrite) as temporary:
            temporary.write_text(self.html, encoding="utf-8")
        return Path(path)

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.html)}" title="bestline" sandbox="allow-scripts allow-downloads" '
            f'width="100%" height="{self.height}" frameborder="0"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<bestline.Page of {len(self.html.encode()) / 1000:,.0f} kB: a notebook shows it, .save('page.html') writes it>"


def page(session: dict[str, Any], still: bytes | None = None) -> Page:
    """A session as a page of its own.

    Parameters
    ----------
    session : dict
        As `bestline.pictures.session.session` makes it.
    still : bytes, optional
        A PNG for paper and for browsers that run no scripts.
    """
    alt = f"{session['title']}: {session['equation']}"
    return Page(document(str(session["title"]) or "bestline", [animation(session, still, alt)]))


def animation(session: dict[str, Any], still: bytes | None = None, alt: str = "") -> str:
    """The player for a session as a piece of a page made by `document`."""
    pieces = ['<div class="bestline"></div>', _data(session)]
    if still is not None:
        shown = picture(still, alt)
        pieces.append(f'<div class="bestline-print">{shown}</div>')
    return "\n".join(pieces)


def picture(png: bytes, alt: str) -> str:
    """A PNG as a piece of a page."""
    return f'<img src="data:image/png;base64,{base64.b64encode(png).decode()}" alt="{escape(alt)}">'


def document(title: str, pieces: Sequence[str], *, style: str = "") -> str:
    """A whole page of pieces of HTML, which must have their users' text escaped already.

    The player comes along when a piece has an animation.
    """
    styles = [_STYLE, *([style] if style else [])]
    scripts = []
    if any("bestline-session" in piece for piece in pieces):
        styles.append(player.style())
        scripts.append(player.script() + _START)
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts)) or chr(39) + 'none' + chr(39)}",
            f"style-src {' '.join(map(_hash, styles))}",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="generator" content="bestline">',
            '<link rel="icon" href="data:,">',
            f"<title>{escape(title)}</title>",
            *(f"<style>{text}</style>" for text in styles),
            "</head>",
            "<body>",
            *pieces,
            *(f'<script type="module">{text}</script>' for text in scripts),
            "</body>",
            "</html>",
            "",
        ]
    )


def row(cells: Iterable[object], tag: str) -> str:
    """A row of a table; `tag` is th or td."""
    return f"<tr>{''.join(f'<{tag}>{escape(str(cell))}</{tag}>' for cell in cells)}</tr>"


def widget(session: dict[str, Any]) -> Any:
    """The player as a notebook widget; None where anywidget is not installed, or there is no notebook."""
    try:
        import anywidget
        import traitlets
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    if shell is None or getattr(shell, "kernel", None) is None:
        return None

    class Player(anywidget.AnyWidget):  # type: ignore[misc]
        """The linked panels of a training run."""

        _esm = player.script()
        _css = player.style()
        session = traitlets.Dict().tag(sync=True)

    return Player(session=session)


def _data(session: dict[str, Any]) -> str:
    """The session inside a script element that is no script; nothing in it can end the element."""
    text = json.dumps(session, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f'<script type="application/json" class="bestline-session">{text.replace("<", chr(92) + "u003c")}</script>'


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
