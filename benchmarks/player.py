"""The player in a browser: milliseconds a frame while it plays, from a moved slider to what it shows, and where the page trains itself,
from a dragged start or a turned rate to the whole run drawn anew. Medians, and the slowest of twenty.

python benchmarks/player.py page.html [--browser /usr/bin/chromium] [--steps 1000]

Any page of `bestline watch` will do; one of several runs is the hardest to play, one of fifty weights to train.
"""

from __future__ import annotations

import argparse
import statistics
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import sync_playwright

FRAMES = """() => new Promise(done => { const times = [];
    const next = t => times.push(t) > 90 ? done(times) : requestAnimationFrame(next); requestAnimationFrame(next) })"""
# Until the picture is there: the frame after the change, and what is left to do when that has been drawn.
PAINTED = "new Promise(done => requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); }))"
SLIDER = f"""async () => {{ const slider = document.querySelector('[aria-label="updates made"]'), waited = [];
    for (let i = 0; i < 30; i++) {{ const from = performance.now(); slider.value = (37 * i) % slider.max; slider.dispatchEvent(new Event('input'));
      await {PAINTED}; waited.push(performance.now() - from); }}
    return waited; }}"""
# What the machine itself works, without the wait for the next frame: `moved` is what a pointer or a slider does.
WORK = """(moved) => { const worked = [], real = requestAnimationFrame;
    for (let i = 0; i < 40; i++) { const asked = []; globalThis.requestAnimationFrame = (f) => asked.push(f);
      const from = performance.now(); moved(i); asked.forEach((f) => f(from)); worked.push(performance.now() - from); }
    globalThis.requestAnimationFrame = real; return worked; }"""
DRAG = f"""() => {{ const canvas = document.querySelector('[data-panel=contour] canvas, [data-panel=curve] canvas'), box = canvas.getBoundingClientRect();
    const send = (type, i) => canvas.dispatchEvent(new PointerEvent(type, {{ bubbles: true, pointerId: 1, pointerType: 'mouse', clientX: box.left + box.width * (0.4 + 0.01 * (i % 20)), clientY: box.top + box.height * (0.3 + 0.01 * (i % 15)) }}));
    Element.prototype.setPointerCapture = () => {{}}; send('pointerdown', 0); const worked = ({WORK})((i) => send('pointermove', i)); send('pointerup', 0); return worked; }}"""
RATE = f"""() => {{ const slider = document.querySelector('[aria-label="learning rate"]'), low = Number(slider.min), wide = Number(slider.max) - low;
    return ({WORK})((i) => {{ slider.value = low + wide * (0.5 + 0.008 * i); slider.dispatchEvent(new Event('input')); }}); }}"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("page", type=Path)
    parser.add_argument("--browser", default="/usr/bin/chromium")
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=options.browser, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        page.goto(options.page.resolve().as_uri())
        page.wait_for_selector(".bestline-player[data-k]")
        told = {
            "a frame": [b - a for a, b in pairwise(page.evaluate(FRAMES))],
            "from slider to picture": page.evaluate(SLIDER),
        }
        if page.locator('[aria-label="learning rate"]').count():
            page.evaluate("steps => bestline.set({ steps })", options.steps)
            told["the start dragged, work"] = page.evaluate(DRAG)
            told["the rate turned, work"] = page.evaluate(RATE)
        for name, times in told.items():
            print(f"{name:26}{statistics.median(times):7.1f} ms   {sorted(times)[int(0.95 * len(times))]:7.1f} ms")
        browser.close()


if __name__ == "__main__":
    main()
