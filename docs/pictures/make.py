"""Make the README's pictures again: python docs/pictures/make.py [FOLDER]."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

import bestline as bl
from bestline.pictures import Sample, motion

line = bl.synthetic.lesson("slope-and-bias")
start = {"x": -15, "Intercept": -10}
slow, fast = (
    bl.fit(line, "y ~ x", solver=bl.Descent("sgd", lr=lr, steps=15), standardize=False, start=start) for lr in (0.1, 0.2)
)
pictures = {
    "frame": slow.plot.frame(3),
    "surface": slow.plot.surface(),
    "rates": slow.plot.loss({"lr 0.2": fast}, label="lr 0.1", log=True),
}
folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
for name, figure in pictures.items():
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=80)
    Image.open(drawn).convert("RGB").save(folder / f"{name}.png", optimize=True)

momentum, adam = (
    bl.fit(line, "y ~ x", solver=bl.Descent(name, lr=lr, steps=60), standardize=False, start=start)
    for name, lr in (("momentum", 0.02), ("adam", 0.8))
)
rows = Sample.draw(slow.rows("training", None), slow.features, slow.targets)
motion.animate({"momentum": momentum.trained, "adam": adam.trained}, rows, folder / "training.gif", seconds=6)
