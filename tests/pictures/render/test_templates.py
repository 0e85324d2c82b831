"""Pages: what a template is given is text, whatever is in it; only what is our own is trusted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

import bestline
from bestline.pictures.render.html import page, templates

ROOMS = ("bestline.pictures.render", "bestline.export.report")
TEMPLATES = sorted(Path(bestline.__file__).parent.rglob("*.j2"))
HOSTILE = "</script><img src=x onerror=alert(1)> & 'quoted' \"twice\""


def test_every_template_lies_in_a_room_that_loads_it() -> None:
    assert len(TEMPLATES) >= 8
    known = {Path(bestline.__file__).parent.joinpath(*room.split(".")[1:], "templates") for room in ROOMS}
    assert {path.parent for path in TEMPLATES} == known


def test_only_the_page_trusts_and_only_styles_scripts_and_policy() -> None:
    trusted = {
        (path.name, name) for path in TEMPLATES for name in re.findall(r"(\w+) *\| *safe", path.read_text(encoding="utf-8"))
    }
    assert trusted == {("page.html.j2", name) for name in ("policy", "style", "script")}
    assert not [path for path in TEMPLATES if "autoescape" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_template_is_given_is_escaped_and_must_be_given(room: str) -> None:
    made = templates(room)
    assert made.from_string("<p>{{ text }}</p>").render(text="<b>&\"'") == "<p>&lt;b&gt;&amp;&#34;&#39;</p>"
    with pytest.raises(UndefinedError):
        made.from_string("{{ misspelt }}").render()


def test_a_session_comes_out_of_its_page_as_it_went_in() -> None:
    session = {"title": HOSTILE, "equation": HOSTILE, "runs": [{"z": 1, "a": [0.1, None]}], HOSTILE: HOSTILE}
    html = page(session, b"png").html
    text = re.search(r'<script type="application/json" id="session">(.*?)</script>', html, re.DOTALL)
    assert text is not None
    told = json.loads(text.group(1))
    assert told == session
    assert list(told["runs"][0]) == ["z", "a"]  # in its own order
    assert "<img src=x" not in html
    with pytest.raises(ValueError, match="not JSON compliant"):
        page({"title": "", "equation": "", "loss": float("nan")})
