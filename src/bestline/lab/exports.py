"""Exports: a run to take away, as the bytes of a file: picture, film, page, script, table of steps, model, report."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from bestline.api.model import Model
from bestline.data.runner import calmly
from bestline.export.script.dialects import STYLES
from bestline.lab.tables import Dataset
from bestline.pictures.render.mpl import write_drawing
from bestline.pictures.watch import animate, page_of
from bestline.wording import as_cell

__all__ = ["FORMS", "exported"]

_FRAMES = 60
Surface = tuple[str, ...] | None  # the weights that a loss surface lies over; None: the first slope and the intercept


@dataclass(frozen=True, slots=True)
class Parcel:
    """One thing to take away: the ending of its file, its type, and who makes it."""

    ending: str
    type: str
    made: Callable[[Model, Surface], bytes | str]


def _picture(ending: str) -> Callable[[Model, Surface], bytes]:
    def made(model: Model, surface: Surface) -> bytes:
        drawn = io.BytesIO()
        write_drawing(model.plot(pair=surface), drawn, ending)
        return drawn.getvalue()

    return made


def _file(ending: str, write: Callable[[Model, Path, Surface], object]) -> Callable[[Model, Surface], bytes]:
    """What is only written to paths, by way of a folder of our own that is gone afterwards."""

    def made(model: Model, surface: Surface) -> bytes:
        with TemporaryDirectory(prefix="bestline-lab-") as folder:
            path = Path(folder) / f"run{ending}"
            write(model, path, surface)
            return path.read_bytes()

    return made


def _steps(model: Model, _: Surface) -> str:
    """Every step as CSV, as `--trace` writes it."""
    columns = model.trace.columns
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(as_cell, columns))
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def _script(style: str) -> Parcel:
    return Parcel(f"-{style}.py", "text/x-python", lambda model, _: model.script(style))


FORMS: dict[str, Parcel] = {
    "png": Parcel(".png", "image/png", _picture("png")),
    "svg": Parcel(".svg", "image/svg+xml", _picture("svg")),
    "gif": Parcel(
        ".gif", "image/gif", _file(".gif", lambda model, path, surface: animate(model, path, frames=_FRAMES, pair=surface))
    ),
    "page": Parcel(".html", "text/html", lambda model, surface: page_of(model, pair=surface).html),
    "steps": Parcel("-steps.csv", "text/csv", _steps),
    "model": Parcel(".bestline", "application/octet-stream", _file(".bestline", lambda model, path, _: model.save(path))),
    "report": Parcel("-report.html", "text/html", lambda model, _: model.report().html),
    **{style: _script(style) for style in STYLES},
}


@calmly
def exported(model: Model, form: str, table: Dataset, surface: Surface = None) -> bytes:
    """A run in one of `FORMS`, pictures with the loss over the weights `surface`. Raises BestlineError where it cannot be said so."""
    kind = FORMS[form]
    made = kind.made(model, surface)
    if isinstance(made, bytes):
        return made
    # In a page a name is text, whatever somebody has called a file.
    told = replace(table, name=escape(table.name)) if kind.type == "text/html" else table
    return told.told(made).encode()
