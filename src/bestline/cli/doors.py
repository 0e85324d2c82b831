"""Doors: what the commands use beside the public names of `bestline`, loaded on first use, so that `--help` loads no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bestline.api import on_first_use

_HOME = {
    "animate": "pictures.watch",
    "fresh": "files",
    "label": "pictures.watch",
    "open_source": "data.tables",
    "page_of": "pictures.watch",
    "panels": "pictures.diagnostics",
    "parse_cov": "inference.covariance.named",
    "read_table": "data.tables",
    "refuse_format": "pictures.watch",
    "refuse_look": "pictures.watch",
    "save": "pictures.render.mpl",
    "score_facts": "inference.summary",
    "watch_runs": "pictures.watch",
    "write_sweep": "pictures.sweep_file",
    "write_with": "data.tables",
    "written_as": "pictures.sweep_file",
}

__all__ = [
    "animate",
    "fresh",
    "label",
    "open_source",
    "page_of",
    "panels",
    "parse_cov",
    "read_table",
    "refuse_format",
    "refuse_look",
    "save",
    "score_facts",
    "watch_runs",
    "write_sweep",
    "write_with",
    "written_as",
]

if TYPE_CHECKING:
    from bestline.data.tables import open_source, read_table, write_with
    from bestline.files import fresh
    from bestline.inference.covariance.named import parse_cov
    from bestline.inference.summary import score_facts
    from bestline.pictures.diagnostics import panels
    from bestline.pictures.render.mpl import save
    from bestline.pictures.sweep_file import write_sweep, written_as
    from bestline.pictures.watch import animate, label, page_of, refuse_format, refuse_look, watch_runs

__getattr__ = on_first_use(globals(), _HOME)
