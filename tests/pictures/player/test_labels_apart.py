"""No text on a canvas of the player lies over another, nor beyond the edge, whatever the session, the step and the width."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

HAIR = 1.0  # device pixels: letters have room around them

# Of every text, since its canvas was last cleared: what it says, and the box of its letters in pixels of the canvas.
LISTEN = """(() => {
  const said = new WeakMap(), canvas = CanvasRenderingContext2D.prototype;
  const of = (place) => said.get(place) ?? said.set(place, []).get(place);
  const wrap = (name, before) => { const real = canvas[name]; canvas[name] = function (...v) { before.call(this, ...v); return real.apply(this, v); }; };
  wrap("setTransform", function () { said.delete(this.canvas); });
  wrap("drawImage", function (image) { of(this.canvas).push(...(said.get(image) ?? [])); });
  wrap("fillText", function (text, x, y) {
    if (!String(text).trim()) return;
    const m = this.getTransform(), s = this.measureText(text);
    const [l, r, t, b] = [x - s.actualBoundingBoxLeft, x + s.actualBoundingBoxRight, y - s.actualBoundingBoxAscent, y + s.actualBoundingBoxDescent];
    const corners = [[l, t], [r, t], [l, b], [r, b]].map(([u, v]) => [m.a * u + m.c * v + m.e, m.b * u + m.d * v + m.f]);
    const [us, vs] = [0, 1].map((i) => corners.map((p) => p[i]));
    of(this.canvas).push([String(text), Math.min(...us), Math.min(...vs), Math.max(...us), Math.max(...vs)]);
  });
  globalThis.texts = () => Object.fromEntries([...document.querySelectorAll("[data-panel]")].map((p) => {
    const c = p.querySelector("canvas");
    return [p.dataset.panel, { size: [c.width, c.height], texts: of(c) }];
  }));
})()"""


def collisions(panels: dict[str, Any]) -> list[str]:
    """What lies over what, and what lies outside, panel by panel."""
    found = []
    for panel, drawn in panels.items():
        wide, high = drawn["size"]
        for text, *box in drawn["texts"]:
            if min(box[0], box[1], wide - box[2], high - box[3]) < -HAIR:
                found.append(f"{panel}: {text!r} is cut off")
        for (one, *a), (other, *b) in combinations(drawn["texts"], 2):
            apart = a[2] - HAIR <= b[0] or b[2] - HAIR <= a[0] or a[3] - HAIR <= b[1] or b[3] - HAIR <= a[1]
            if not apart:
                found.append(f"{panel}: {one!r} and {other!r} at {[round(v) for v in a]} and {[round(v) for v in b]}")
    return found


NAMES = ("one", "held_out", "several", "diverged", "one_weight", "diagonal", "huber", "own")
CASES = [(name, width) for name in NAMES for width in (1280, 390)]


@pytest.mark.parametrize(("name", "width"), CASES)
def test_no_text_lies_over_another(show: Any, name: str, width: int) -> None:
    shown = show(name, api=True, before=LISTEN, viewport={"width": width, "height": 900})
    for key in (None, "ArrowRight", "l", "End"):
        if key is not None:
            shown.page.locator(".bestline-player").press(key)
        shown.settle()
        panels = shown.page.evaluate("() => globalThis.texts()")
        assert sum(len(drawn["texts"]) for drawn in panels.values()) > 10, "nothing was heard"
        assert not collisions(panels), key


def test_what_lies_over_another_is_told() -> None:
    """The test itself can fail."""
    panels = {"data": {"size": [100, 50], "texts": [["a", 0, 0, 20, 10], ["b", 15, 5, 30, 12], ["c", 90, 40, 120, 48]]}}
    assert collisions(panels) == ["data: 'c' is cut off", "data: 'a' and 'b' at [0, 0, 20, 10] and [15, 5, 30, 12]"]
