"""The page of all pictures: each with the code that draws it, which is run here."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import bestline as bl
from bestline.errors import BestlineWarning
from bestline.pictures.gallery import Gallery, SweepGallery
from bestline.pictures.groups import GroupGallery, WindowGallery


@dataclass(frozen=True)
class Kind:
    """Pictures of one thing: how it is made, what it is called, whose list of pictures it has, and which of them it shows."""

    title: str
    made: str
    called: str
    owner: type
    shown: tuple[str, ...] | None = None  # None: all that no other kind shows

    def pictures(self) -> list[str]:
        """The pictures to show."""
        taken = {name for kind in KINDS if kind.owner is self.owner for name in kind.shown or ()}
        return list(self.shown or (name for name in pictures(self.owner) if name not in taken))


LINE = """\
points = bl.synthetic.lesson("slope-and-bias")
run = bl.fit(points, "y ~ x", solver="sgd", lr=0.1, steps=15, standardize=False, start={"x": -15, "Intercept": -10})"""
TABLE = """\
penguins = bl.samples.penguins()
model = bl.fit(penguins, "body_mass_g ~ flipper_length_mm + species", missing="drop", split=(0.8, 0.2))"""
CROSSED = """\
crossed = bl.fit(penguins, "body_mass_g ~ flipper_length_mm * species", missing="drop")"""
LASSO = """\
lasso = bl.fit(penguins, "body_mass_g ~ flipper_length_mm + bill_length_mm + bill_depth_mm + species", missing="drop", cv="lasso")"""
SWEEP = """\
sweep = bl.sweep(points, "y ~ x", lrs=[0.01, 0.03, 0.1, 0.2, 0.3, 0.4], steps=200)"""
GROUPS = """\
groups = bl.fit_groups(penguins, "body_mass_g ~ flipper_length_mm", by=["species"], missing="drop")"""
WINDOWS = """\
import numpy as np

day = np.arange(400)
rng = np.random.default_rng(1)
x = rng.normal(size=400)
drifting = {"day": day, "x": x, "y": (1 + day / 200) * x + rng.normal(size=400)}
windows = bl.fit_rolling(drifting, "y ~ x", order="day", window=60)"""

KINDS = (
    Kind(
        "Training",
        LINE,
        "run",
        Gallery,
        ("overview", "frame", "loss", "contour", "surface", "main_directions", "weight", "before_after", "steps"),
    ),
    Kind("A line and its rows", TABLE, "model", Gallery),
    Kind("Slopes that may differ", CROSSED, "crossed", Gallery, ("slopes",)),
    Kind("A choice of penalty", LASSO, "lasso", Gallery, ("cv", "path")),
    Kind("Many rates", SWEEP, "sweep", SweepGallery),
    Kind("Groups", GROUPS, "groups", GroupGallery),
    Kind("Windows of days", WINDOWS, "windows", WindowGallery),
)
# What a picture needs besides its name.
ARGUMENTS = {
    "run.frame": "3",
    "model.means": '"species"',
    "model.contrasts": '"species", adjust="tukey"',
    "model.added": '"flipper_length_mm"',
    "model.component": '"flipper_length_mm"',
    "crossed.slopes": '"flipper_length_mm", by="species"',
}
AROUND = {"dark", "sample"}  # public names of a gallery that are no picture


def pictures(owner: type) -> list[str]:
    """The pictures that a gallery has, in its own order."""
    return [
        name
        for name, what in vars(owner).items()
        if not name.startswith("_") and inspect.isfunction(what) and name not in AROUND
    ]


def write(pages: Path) -> None:
    """gallery.md, and the pictures in both themes."""
    folder = pages / "gallery"
    folder.mkdir()
    names: dict[str, Any] = {"bl": bl}
    parts = [HEAD]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)
        parts += before_any_fit(folder, names)
        for kind in KINDS:
            exec(kind.made, names)  # noqa: S102  our own code, above
            parts.append(f"## {kind.title}\n\n```python\n{kind.made}\n```\n")
            parts += [one(kind, name, folder, names) for name in kind.pictures()]
    (pages / "gallery.md").write_text("\n".join([*parts, TAIL]), encoding="utf-8")


def one(kind: Kind, name: str, folder: Path, names: dict[str, Any]) -> str:
    """A picture: what it shows, the code, and what the code draws."""
    said = inspect.getdoc(getattr(kind.owner, name)) or ""
    call = f"{name}({ARGUMENTS.get(f'{kind.called}.{name}', '')})"
    file = f"{kind.called}-{name}"
    for theme in ("", ".dark"):
        drawn = eval(f"{kind.called}.plot{theme}.{call}", names)  # noqa: S307
        drawn.savefig(folder / f"{file}{theme.replace('.', '-')}.png", dpi=90)
    shown = figure(drawn, f"{file}.png", f"{file}-dark.png")
    return f"### {kind.called}.plot.{name}\n\n{said.split(chr(10) * 2)[0]}\n\n```python\n{kind.called}.plot.{call}\n```\n\n{shown}\n"


def figure(drawn: Any, light: str, dark: str) -> str:
    """A picture in the colours of the page, in a box that scrolls where the screen is narrow, and below it in words what is seen."""
    title, seen = escape(drawn.heading), escape(drawn.alt.replace("\n", " "))
    pictures = "".join(
        f'<img src="gallery/{file}#only-{theme}" alt="{title}">' for file, theme in ((light, "light"), (dark, "dark"))
    )
    return (
        f'<figure class="drawn"><div class="wide" role="group" aria-label="{title}" tabindex="0">{pictures}</div>'
        f"<figcaption>{seen}</figcaption></figure>"
    )


def before_any_fit(folder: Path, names: dict[str, Any]) -> list[str]:
    """The one picture that needs no line."""
    exec('points = bl.synthetic.lesson("slope-and-bias")', names)  # noqa: S102
    for theme in ("light", "dark"):
        drawn = bl.plot_data(names["points"], "y ~ x", theme=theme)
        drawn.savefig(folder / f"data-{theme}.png", dpi=90)
    shown = figure(drawn, "data-light.png", "data-dark.png")
    code = '```python\npoints = bl.synthetic.lesson("slope-and-bias")\nbl.plot_data(points, "y ~ x")\n```'
    return [f"## Before any fit\n\nThe rows as they are.\n\n{code}\n\n{shown}\n"]


HEAD = """\
# Gallery

Every picture that bestline draws, with the code that draws it. Each is a matplotlib figure: `figure.savefig("name.png")` writes
it. `plot.dark` has the same pictures on a dark ground. What stands below a picture is its `figure.alt`, for those who cannot see
it. All of this page begins with

```python
import bestline as bl
```
"""
TAIL = """\
## Pages that move

`run.watch()` is the page on which the training can be touched; `run.animate("run.gif")` is a film of it, and
`model.report("report.html")` a page about a line for others.

```python
run.watch().save("run.html")
```

<iframe class="live" src="live/front.html" title="A page on which training can be touched" loading="lazy"></iframe>
"""
