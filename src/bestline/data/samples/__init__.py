"""Samples: small real data sets, openly licensed; SOURCES.md beside this file says where each comes from.

A new one is a CSV here, its name in `NAMES`, and its source and licence in SOURCES.md.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from bestline.data.tables import ArrowTable, read_table
from bestline.errors import OptionError, listed, readable

__all__ = ["NAMES", "path", "penguins"]

NAMES = ("penguins",)


def path(name: str) -> Path:
    """The path of a sample's CSV file.

    Parameters
    ----------
    name : str
        One of `NAMES`.

    Raises
    ------
    OptionError
        When there is no sample of that name.
    """
    if name not in NAMES:
        raise OptionError(f"There is no sample {readable(str(name))}; the samples are {listed(NAMES)}.")
    return Path(str(files(__name__) / f"{name}.csv"))


def penguins() -> ArrowTable:
    """Palmer penguins, CC0: 342 penguins of three species, their island, bill (mm), flipper (mm), body mass (g), sex and year.

    Nine values of `sex` are missing; nothing else is.
    """
    return read_table(path("penguins"))
