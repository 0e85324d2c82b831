"""Make the pictures of README and docs/ again: python docs/pictures/make.py [FOLDER].

The player is photographed in Chromium; where Playwright or /usr/bin/chromium is missing, its picture stays as it is.
"""

from __future__ import annotations

import io
import sys
import warnings
from pathlib import Path

import torch
from matplotlib.figure import Figure
from PIL import Image

import bestline as bl
from bestline.errors import BestlineWarning

CHROMIUM = Path("/usr/bin/chromium")
STEPS_SHOWN = 3

warnings.simplefilter("ignore", BestlineWarning)  # of runs that stop early on purpose
folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent


def keep(png: bytes, name: str) -> None:
    """Write a picture without the transparency that makes it large."""
    Image.open(io.BytesIO(png)).convert("RGB").save(folder / f"{name}.png", optimize=True)


def drawn(figure: Figure, dpi: int = 80) -> bytes:
    """A figure as PNG."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi)
    return file.getvalue()


def photographed(page: str) -> bytes | None:
    """The player after a few updates, as a browser shows it."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if not CHROMIUM.exists():
        return None
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"])
        tab = browser.new_context(viewport={"width": 1200, "height": 860}, reduced_motion="reduce").new_page()
        tab.set_content(page)
        tab.locator(".bestline-player").first.wait_for()
        tab.evaluate("(step) => globalThis.bestline.set({ step })", STEPS_SHOWN)
        tab.wait_for_timeout(500)
        taken = tab.screenshot(full_page=True)
        browser.close()
    return taken


line = bl.synthetic.lesson("slope-and-bias")
start = {"x": -15, "Intercept": -10}


def descended(optimizer: str, lr: float, steps: int) -> bl.Model:
    """The lesson's line, from far away."""
    return bl.fit(line, "y ~ x", solver=bl.Descent(optimizer, lr=lr, steps=steps), standardize=False, start=start)


slow, fast = descended("sgd", 0.1, 15), descended("sgd", 0.2, 15)
keep(drawn(slow.plot.frame(3)), "frame")
keep(drawn(slow.plot.surface()), "surface")
keep(drawn(slow.plot.overview(others={"lr 0.2": fast}, label="lr 0.1", step=3)), "overview")
keep(drawn(slow.plot.loss({"lr 0.2": fast}, label="lr 0.1", log=True)), "rates")
keep(drawn(bl.sweep(line, "y ~ x", standardize=False, starts=[start], steps=100).plot.rates(), 64), "sweep")
descended("momentum", 0.02, 60).animate(folder / "training.gif", {"adam, lr 0.8": descended("adam", 0.8, 60)}, overwrite=True)

penguins = bl.samples.path("penguins")
keep(drawn(bl.fit_groups(penguins, "body_mass_g ~ flipper_length_mm", by="species").plot.lines()), "groups")
formula = "body_mass_g ~ flipper_length_mm + bill_length_mm + bill_depth_mm + species + sex"
walked = bl.fit(penguins, formula, missing="drop", solver="momentum", steps=120)
keep(drawn(walked.plot.main_directions(), 72), "main-directions")
keep(
    drawn(bl.fit(penguins, "body_mass_g ~ flipper_length_mm + species + sex", missing="drop").plot.diagnostics()), "diagnostics"
)


class Wave(torch.nn.Module):
    """y = a sin(b x)."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = (torch.nn.Parameter(torch.tensor(v)) for v in (0.5, 1.5))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Predictions (n, 1) of X (n, 1)."""
        return self.a * torch.sin(self.b * X)


x = torch.linspace(-3, 3, 120)
wave = bl.fit((x, 2 * torch.sin(1.2 * x)), forward=Wave(), solver="adam", lr=0.1, steps=60)
keep(drawn(wave.plot.overview()), "wave")

if (player := photographed(slow.watch().html)) is not None:
    keep(player, "player")
