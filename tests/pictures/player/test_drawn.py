"""What the player draws on its canvases, call by call, is what it drew before.

Of every method of a canvas, since it was last cleared: how often it was called, the size of its numbers, and their sum by places,
which notices two that changed places. To record anew, delete `drawn.json`, run this file once, and read the difference before
you keep it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

RECORDED = Path(__file__).with_name("drawn.json")
# Numbers are pixels; a width of text is 6.25 a letter here, so that fonts do not matter.
SAME = 1e-6

# A picture that does not move is drawn on a canvas nobody sees and copied: what is copied counts as drawn.
LISTEN = """(() => {
  const said = new WeakMap();
  const of = (place) => said.get(place) ?? said.set(place, { calls: {}, texts: [] }).get(place);
  const note = (place, name, numbers) => {
    const one = (of(place).calls[name] ??= [0, 0, 0]);
    for (const [i, v] of numbers.entries()) if (Number.isFinite(v)) { one[1] += Math.abs(v); one[2] += v * (1 + ((7 * one[0] + i) % 101) / 100); }
    one[0] += 1;
  };
  const join = (place, other) => {
    for (const [name, [count, size, places]] of Object.entries(of(other).calls)) {
      const one = (of(place).calls[name] ??= [0, 0, 0]);
      one[0] += count; one[1] += size; one[2] += places;
    }
    of(place).texts.push(...of(other).texts);
  };
  const colour = (style) => (String(style).match(/[0-9a-f]{2}/g) ?? []).map((two) => parseInt(two, 16));
  const canvas = CanvasRenderingContext2D.prototype;
  canvas.measureText = (text) => ({ width: 6.25 * String(text).length, actualBoundingBoxAscent: 9, actualBoundingBoxDescent: 2 });
  const shapes = ["moveTo", "lineTo", "arc", "rect", "roundRect", "closePath"];
  for (const [kind, names] of [[Path2D.prototype, shapes], [canvas, [...shapes, "fillRect", "strokeRect", "translate", "rotate", "fill", "stroke", "fillText", "drawImage", "setTransform"]]])
    for (const name of names) {
      const real = kind[name];
      kind[name] = function (...given) {
        const place = this.canvas ?? this;
        if (name === "setTransform") said.delete(place);
        else {
          const look = name === "fill" ? colour(this.fillStyle) : name === "stroke" ? [...colour(this.strokeStyle), this.lineWidth] : [];
          note(place, name, [...look, ...given.filter((v) => typeof v === "number")]);
          if (name === "fillText") of(place).texts.push(given[0]);
          if (given[0] instanceof Path2D || given[0] instanceof HTMLCanvasElement) join(place, given[0]);
        }
        return real.apply(this, given);
      };
    }
  globalThis.drawn = () => Object.fromEntries([...document.querySelectorAll("[data-panel]")].map((p) => [p.dataset.panel, of(p.querySelector("canvas"))]));
})()"""

KEYS = {"start": None, "a step": "ArrowRight", "logarithms": "l", "the end": "End"}


def told(shown) -> dict[str, dict]:
    found = {}
    for name, key in KEYS.items():
        if key is not None:
            shown.page.locator(".bestline-player").press(key)
        shown.settle()
        found[name] = shown.page.evaluate("() => globalThis.drawn()")
    return found


@pytest.mark.parametrize("name", ["one", "held_out", "several", "one_weight", "diagonal", "huber", "own"])
def test_the_same_is_drawn(show, name):
    now = told(show(name, api=True, before=LISTEN))
    recorded = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    if name not in recorded:
        rounded = {
            state: {
                panel: {
                    "texts": " | ".join(drawn["texts"]),
                    "calls": {
                        call: [n, round(size, 5), round(places, 5)] for call, (n, size, places) in drawn["calls"].items()
                    },
                }
                for panel, drawn in panels.items()
            }
            for state, panels in now.items()
        }
        lines = [
            f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}"
            for key, value in (recorded | {name: rounded}).items()
        ]
        RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        pytest.fail("there was no record; now there is")
    for state, panels in recorded[name].items():
        assert now[state].keys() == panels.keys()
        for panel, was in panels.items():
            here = now[state][panel]
            assert " | ".join(here["texts"]) == was["texts"], (state, panel)
            assert here["calls"].keys() == was["calls"].keys(), (state, panel)
            for call, (count, size, places) in was["calls"].items():
                n, s, p = here["calls"][call]
                assert n == count, (state, panel, call)
                assert abs(s - size) <= SAME * max(size, 100), (state, panel, call)
                assert abs(p - places) <= SAME * max(size, 100), (state, panel, call)
