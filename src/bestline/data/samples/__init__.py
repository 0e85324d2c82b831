"""Small real data sets, openly licensed; SOURCES.md beside this file says where each comes from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from bestline.errors import OptionError, listed, readable

if TYPE_CHECKING:
    import pyarrow as pa

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


def penguins() -> pa.Table:
    """Palmer penguins, CC0: 342 penguins of three species, their island, bill (mm), flipper (mm), body mass (g), sex and year.

    Nine values of `sex` are missing; nothing else is.
    """
    from bestline.data.tables import read_table

    return read_table(path("penguins"))
