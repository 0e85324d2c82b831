"""HTML: one self-contained page, made by a template, that plays without a network.

Everything is inside: the player, its style, the numbers, and still pictures. A content-security policy of the page's own
forbids everything else: scripts and styles run only if their hash is the one stated, and nothing can be loaded. Templates
escape whatever they are given; only our own styles, script and policy are marked as trusted, in `page.html.j2` alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template

import bestline.pictures.player as player_files
from bestline.calls import with_hints
from bestline.files import fresh
from bestline.wording import ordered, tame_json

__all__ = ["PARTS", "Page", "Still", "document", "models_page", "page", "style_of", "sweep_page", "templates"]

_ROOM = "bestline.pictures.render"
Row: TypeAlias = tuple[str, list[str]]  # of a table of models: its name, and a cell a model

# The element before a session is where it is shown.
_START = """
const told = document.getElementById("session");
globalThis.bestline = mount(told.previousElementSibling, { session: JSON.parse(told.textContent), keys: document, address: location });
"""


@with_hints
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
        with fresh(path, overwrite=overwrite) as temporary:
            temporary.write_text(self.html, encoding="utf-8")
        return Path(path)

    def _repr_html_(self) -> str:
        return _OWN.get_template("frame.html.j2").render(page=self)

    def __repr__(self) -> str:
        return f"<bestline.Page of {len(self.html.encode()) / 1000:,.0f} kB: a notebook shows it, .save('page.html') writes it>"


@dataclass(frozen=True, slots=True)
class Still:
    """A picture inside a page.

    Attributes
    ----------
    image : bytes
        PNG or WebP.
    alt : str
        What is seen, for those who cannot see it.
    dark : bytes, optional
        The same picture in dark colours, for screens that are set so; paper gets the light one.
    title, note : str
        What stands above and below it as text of the page, which wraps on any screen; empty where they are in the picture.
    """

    image: bytes
    alt: str
    dark: bytes | None = None
    title: str = ""
    note: str = ""


def data_address(image: bytes) -> str:
    """A picture, PNG or WebP, as the address that holds it."""
    kind = "webp" if image.startswith(b"RIFF") else "png"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"  # text that needs no escape


def templates(room: str) -> Environment:
    """The templates of a package, in its folder `templates`; those of every page, `page.html.j2` and `parts.html.j2`, as well."""
    found = Environment(
        loader=ChoiceLoader([PackageLoader(room), PackageLoader(_ROOM)]),
        autoescape=True,
        undefined=StrictUndefined,  # a name misspelt is an error, not an empty place
        trim_blocks=True,
        lstrip_blocks=True,
        # Every text of a page, but what is HTML already: names from right to left turn nothing round but themselves.
        finalize=lambda value: ordered(value) if type(value) is str else value,
    )
    # Sessions keep their order, and NaN, which JSON does not have, never gets into a page.
    found.policies["json.dumps_function"] = lambda value, **how: tame_json(json.dumps(value, **how))
    found.filters["data_address"] = data_address
    found.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "allow_nan": False, "separators": (",", ":")}
    return found


def style_of(room: str, name: str) -> str:
    """A style sheet that lies beside the templates of a package."""
    return files(room).joinpath("templates", name).read_text(encoding="utf-8")


def document(
    template: Template, title: str, *, session: dict[str, Any] | None = None, styles: Sequence[str] = (), **values: object
) -> str:
    """A whole page by a template that extends `page.html.j2`.

    Parameters
    ----------
    template : Template
    title : str
    session : dict, optional
        Of a page with an animation: then the player comes along, as much of it as the session needs.
    styles : sequence of str
        Style sheets of the page's own: `PARTS`, where it has figures or tables, among them.
    values
        What the template shows; all of it is escaped.
    """
    # Every element's text is hashed as it stands in the page, so nothing may be added to it later.
    sheets = [style_of(_ROOM, "page.css"), *styles, *([] if session is None else [player_files.style()])]
    # Nothing runs on a page without an animation, and its policy says so.
    scripts = [] if session is None else [player_files.script(session) + _START]
    return template.render(
        title=title, session=session, policy=_policy(scripts, sheets), styles=sheets, scripts=scripts, **values
    )


def page(session: dict[str, Any], still: bytes | None = None) -> Page:
    """A session as a page of its own.

    Parameters
    ----------
    session : dict
        As `bestline.pictures.player.session.session` makes it.
    still : bytes, optional
        A picture, PNG or WebP, for paper and for browsers that run no scripts.
    """
    shown = None if still is None else Still(still, f"{session['title']}: {session['equation']}")
    # A tab without a title shows the path of the file.
    title = str(session["title"]) or "bestline"
    return Page(document(_OWN.get_template("player.html.j2"), title, session=session, still=shown))


def sweep_page(title: str, still: Still, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A sweep as a page: its picture, and its table."""
    return document(_OWN.get_template("sweep.html.j2"), title, styles=[PARTS], heading=title, still=still, head=head, rows=rows)


def models_page(title: str, heads: Sequence[Row], parts: Sequence[Sequence[Row]], notes: Sequence[str]) -> str:
    """Models side by side as a page: rows above the numbers, parts with a rule between them, and what is to be said; the first is the caption."""
    return document(_OWN.get_template("models.html.j2"), title, styles=[PARTS], heads=heads, parts=parts, notes=notes)


def _policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """What the page may do: run these very scripts and styles, and show pictures that are inside it (W3C, CSP Level 3)."""
    # All is forbidden, then what is needed is allowed by the hash of its very text: injected script or style would not run.
    rules = [
        "default-src 'none'",
        f"script-src {' '.join(map(_hash, scripts)) or chr(39) + 'none' + chr(39)}",
        f"style-src {' '.join(map(_hash, styles))}",
        "img-src data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(rules)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_OWN = templates(_ROOM)
PARTS = style_of(_ROOM, "parts.css")
