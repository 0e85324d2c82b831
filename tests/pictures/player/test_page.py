"""The player's page: small, in the colours of every picture, of any width, and it asks for nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bestline.pictures import palette, player
from pictures.player.pages import LOOK, needs

ROOT = Path(__file__).parents[3]


BUDGET = 175_000  # bytes of script and style, which every saved page holds


# -- the module --------------------------------------------------------------------------------------------------------


def test_the_pure_parts_pass_their_own_tests() -> None:
    needs(shutil.which("node") is not None, "node")
    done = subprocess.run(
        ["node", "--test", str(ROOT / "tests" / "pictures" / "player")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_module_is_small_and_needs_nothing_else() -> None:
    script, style = player.script(), player.style()
    assert len(script.encode()) + len(style.encode()) < BUDGET
    assert not re.search(r"^import |\bimport\(", script, re.MULTILINE)
    for word in ("eval(", "innerHTML", "getElementById", ":root", "http://", "https://", "fetch(", "console.", "</"):
        found = [line for line in script.splitlines() if word in line and "http://www.w3.org/2000/svg" not in line]
        assert not found, f"{word!r} in {found[0]!r}"
    for word in ("@import", "url(", ":root"):
        assert word not in style


def test_the_colours_are_those_of_every_picture() -> None:
    needs(shutil.which("node") is not None, "node")
    where = json.dumps((Path(player.__file__).parent / "theme.js").as_uri())
    ask = f"import({where}).then(m => process.stdout.write(JSON.stringify(m.THEMES)))"
    done = subprocess.run(["node", "-e", ask], capture_output=True, text=True, timeout=60, check=True)
    for name, theme in json.loads(done.stdout).items():
        wanted = palette.themed(name)
        for colour in ("paper", "ink", "quiet", "grid", "contour"):
            assert theme[colour] == getattr(wanted, colour)
        assert tuple(theme["bands"]) == wanted.bands
        for role in ("data", "held_out", "true", "fitted", "path", "start", "kept", "optimum", "floor", "reference"):
            assert theme[role]["colour"] == wanted.styles[role].colour, role
        for i, run in enumerate(theme["runs"]):
            style = wanted.styles[f"run{i}"]
            assert (run["colour"], run["marker"]) == (style.colour, style.marker)
            assert run["dash"] == ([] if style.dash == "-" else list(style.dash[1]))


# -- any page ----------------------------------------------------------------------------------------------------------

PANELS = {
    "one": ["data", "contour", "loss", "surface"],
    "held_out": ["data", "contour", "loss", "surface"],
    "several": ["data", "contour", "loss", "surface"],
    "diverged": ["data", "contour", "loss", "surface"],
    "one_weight": ["data", "loss", "curve"],
    "diagonal": ["data", "contour", "loss", "surface"],
    "huber": ["data", "contour", "loss", "surface"],
    "own": ["data", "contour", "loss", "surface"],
    "own_diagonal": ["data", "contour", "loss", "surface"],
}


@pytest.mark.parametrize(("name", "theme"), [*((name, "light") for name in PANELS), ("one", "dark"), ("diverged", "dark")])
def test_a_saved_page_is_drawn_and_asks_for_nothing(show: Any, name: str, theme: str) -> None:
    shown = show(name, color_scheme=theme)
    for _ in range(3):
        shown.press("forward")
    assert shown.k() == 3
    shown.press("last")
    shown.settle()
    looks = shown.page.evaluate(LOOK)
    assert list(looks) == PANELS[name]
    for panel, look in looks.items():
        assert look["colours"] > 12, f"{panel} is blank"
        assert (look["light"] > 150) == (theme == "light"), f"{panel} has the wrong brightness"
    assert 25 < looks.get("contour", {"light": 200})["light"] < 250, "the landscape is painted black or not at all"
    assert shown.wrong == []


@pytest.mark.parametrize(
    ("name", "size"), [("several", (360, 740)), ("diagonal", (390, 844)), ("several", (800, 600)), ("diagonal", (1920, 1080))]
)
def test_it_fits_any_width(show: Any, name: str, size: tuple[int, int]) -> None:
    shown = show(name, viewport={"width": size[0], "height": size[1]})
    shown.press("table")
    assert shown.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    boxes = shown.page.evaluate(
        "() => [...document.querySelectorAll('[data-panel]')].map(e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom] })"
    )
    for i, a in enumerate(boxes):
        assert a[0] >= 0
        assert a[2] <= size[0]
        for b in boxes[i + 1 :]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], "two panels overlap"
    columns = len({round(box[0]) for box in boxes})
    assert columns == (1 if size[0] < 700 else 2)


def test_it_follows_its_host_when_that_is_resized(show: Any) -> None:
    shown = show("one")
    shown.page.set_viewport_size({"width": 500, "height": 800})
    shown.settle()
    wide = shown.page.evaluate("() => [...document.querySelectorAll('[data-panel] canvas')].map(c => c.width / c.clientWidth)")
    assert wide == pytest.approx([1.0] * 4, abs=0.01)


def test_text_of_users_stays_text(show: Any) -> None:
    shown = show("several")
    assert shown.text("h2") == "a <b>title</b>"
    assert shown.page.locator(".bestline-player b, .bestline-player i").count() == 0
    assert "adam, <i>lr</i> 0.3" in shown.text("[data-act=run1]")
