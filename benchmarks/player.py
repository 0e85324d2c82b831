"""The player in a browser: milliseconds a frame while it plays, and from a moved slider to what it shows. Medians.

python benchmarks/player.py page.html [--browser /usr/bin/chromium]

Any page of `bestline watch` will do; one of several runs is the hardest.
"""

from __future__ import annotations

import argparse
import statistics
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import sync_playwright

FRAMES = """() => new Promise(done => { const times = [];
    const next = t => times.push(t) > 90 ? done(times) : requestAnimationFrame(next); requestAnimationFrame(next) })"""
SLIDER = """async () => { const slider = document.querySelector('input[type=range]'), waited = [];
    for (let i = 0; i < 30; i++) { const from = performance.now(); slider.value = (37 * i) % slider.max; slider.dispatchEvent(new Event('input'));
      await new Promise(done => requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); }));
      waited.push(performance.now() - from); }
    return waited; }"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("page", type=Path)
    parser.add_argument("--browser", default="/usr/bin/chromium")
    options = parser.parse_args()
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=options.browser, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(options.page.resolve().as_uri())
        page.wait_for_selector(".bestline-player[data-k]")
        print(f"a frame                     {statistics.median(b - a for a, b in pairwise(page.evaluate(FRAMES))):6.1f} ms")
        print(f"from slider to picture      {statistics.median(page.evaluate(SLIDER)):6.1f} ms")
        browser.close()


if __name__ == "__main__":
    main()
