"""Sweep file: many runs written as their table, as their picture, or as a page with both; the path's ending says which."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from bestline.errors import OptionError
from bestline.files import fresh
from bestline.pictures.render.html import sweep_page
from bestline.pictures.render.mpl import save
from bestline.pictures.render.stills import still
from bestline.pictures.sweep import picture
from bestline.training.foresight.sweep import SweptRuns
from bestline.wording import as_cell, count, entry

__all__ = ["write_sweep", "written_as"]

_KINDS = ("html", "csv", "png", "svg", "pdf")
_DPI = 90  # of the picture in a page
# The columns of a page in words; those of a .csv keep their names.
_HEADS = {
    "lr": "learning rate",
    "gap": "gap to exact",
    "steps_to_99": "steps to 1%",
    "steps_to_99_9": "steps to 0.1%",
    "diverged_at": "diverged at step",
}


def write_sweep(path: str | os.PathLike[str], runs: SweptRuns, *, overwrite: bool = False) -> None:
    """Write a sweep: its table as .csv, one row a run, its picture as .png, .svg or .pdf, or both as one page of .html.

    Raises OptionError for another ending, and DataError where the file exists and may not be overwritten.
    """
    # An ending that nobody knows is refused before a file is begun.
    kind = written_as(path)
    with fresh(path, overwrite=overwrite) as temporary:
        if kind == "csv":
            with temporary.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(map(as_cell, runs.columns))
                writer.writerows(zip(*runs.columns.values(), strict=True))
        elif kind == "html":
            temporary.write_text(_page(runs), encoding="utf-8")
        else:
            save(picture(runs), temporary, format=kind)


def written_as(path: str | os.PathLike[str]) -> str:
    """The kind of file that `write_sweep` writes to this path; raises OptionError when there is none."""
    kind = Path(path).suffix.lower().lstrip(".")
    if kind not in _KINDS:
        raise OptionError(
            f"A sweep is written as .csv (its table), .png, .svg or .pdf (its picture), or .html (both); got {os.fspath(path)!r}."
        )
    return kind


def _page(runs: SweptRuns) -> str:
    shown, columns = picture(runs), runs.columns
    rows = [[entry(value) for value in row] for row in zip(*columns.values(), strict=True)]
    return sweep_page(
        f"Sweep of {count(len(rows), 'run')}", still(shown, dpi=_DPI), [_HEADS.get(name, name) for name in columns], rows
    )
