"""Sessions shown on real pages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.pictures.player.session import session
from bestline.pictures.sample import Sample

CHROMIUM = "/usr/bin/chromium"


FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def needs(present: bool, what: str) -> None:
    """Skip where a tool is absent, but never on the machine that decides."""
    if not present and os.environ.get("CI") != "true":
        pytest.skip(f"{what} is not installed")


def table() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    x = np.arange(-3, 3, 0.1)
    return {"x": x, "z": x**2 + rng.standard_normal(len(x)), "y": x - 1 + 0.1 * rng.standard_normal(len(x))}


def session_of(models: dict[str, Any], title: str = "a <b>title</b>", held_out: bool = False, **how: Any) -> dict[str, Any]:
    first = next(iter(models.values()))
    parts = [Sample.draw(first.rows(part), first.features, first.targets) for part in ("training", "test")[: 1 + held_out]]
    told = session({name: m.trained for name, m in models.items()}, *parts, title=title, **how)
    # Most tests look at an axis of sums, and turn it themselves; which axis a session begins with is tested with sessions.
    told["loss"]["log"] = any(run["stop"] == "diverged" for run in told["runs"])
    return told


def fitted(formula: str = "y ~ x", **how: Any) -> Any:
    return bl.fit(table(), formula, **{"solver": "sgd", "lr": 0.02, "steps": 200, "standardize": False, **how})


def wave(X: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.sin(X @ w) + b


class Shown:
    """A page in the browser, and everything it did that it should not; `before` is a script that runs before those of the page."""

    def __init__(self, browser: Any, path: Path, html: str, *, before: str = "", **context: Any) -> None:
        path.write_text(html, encoding="utf-8")
        how = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **context}
        self.context = browser.new_context(**how)
        self.context.add_init_script(before)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("request", lambda request: self.wrong.append(f"request: {request.url}"))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector(".bestline-player[data-k]")
        self.wrong = [line for line in self.wrong if line != f"request: {path.as_uri()}" and "request: data:" not in line]

    def ks(self) -> list[int]:
        """The step that every panel says it shows, and the player as a whole."""
        self.settle()
        return self.page.evaluate(
            "() => [...document.querySelectorAll('.bestline-player, [data-panel]')].map(e => Number(e.dataset.k))"
        )

    def k(self) -> int:
        """The one step that all panels show."""
        found = set(self.ks())
        assert len(found) == 1, f"the panels disagree: {found}"
        return found.pop()

    def state(self) -> dict[str, Any]:
        return self.page.evaluate("() => globalThis.player.state()")

    def settle(self) -> None:
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def press(self, act: str) -> None:
        self.page.locator(f"[data-act='{act}']").click()

    def scrub(self, k: int) -> None:
        slider = self.page.locator(".bestline-player input[type=range]")
        slider.evaluate("(e, k) => { e.value = k; e.dispatchEvent(new Event('input', { bubbles: true })) }", k)

    def hover(self, panel: str, x: float, y: float) -> None:
        box = self.page.locator(f"[data-panel={panel}] canvas").bounding_box()
        self.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()


# Of every canvas: how many colours there are, and how bright its inside is.
LOOK = """() => Object.fromEntries([...document.querySelectorAll('[data-panel]')].map(panel => {
  const canvas = panel.querySelector('canvas'), { width, height } = canvas;
  const pixels = canvas.getContext('2d').getImageData(width * 0.2, height * 0.1, width * 0.7, height * 0.6).data, seen = new Set();
  let light = 0;
  for (let i = 0; i < pixels.length; i += 4) { seen.add((pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2]); light += pixels[i + 1]; }
  return [panel.dataset.panel, { colours: seen.size, light: light / (pixels.length / 4) }];
}))"""
