"""Samples: small real data sets, openly licensed; SOURCES.md beside this file says where each comes from.

A new one is a CSV here, its name in `NAMES`, and its source and licence in SOURCES.md.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from bestline.calls import answering_module, checked
from bestline.data.tables import ArrowTable, read_table
from bestline.errors import OptionError, listed, near_names, readable

__all__ = ["NAMES", "longley", "norris", "path", "penguins"]

NAMES = ("penguins", "longley", "norris")

__getattr__ = answering_module(
    "bestline.samples",
    __all__,
    {
        "iris mtcars diabetes boston california titanic tips load_iris load_diabetes load load_dataset get": (
            "the samples are penguins(), longley() and norris(); pass your own as a path or a frame"
        ),
        "load_penguins": "it is samples.penguins()",
        "names list": "the samples' names are samples.NAMES",
    },
)


@checked
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
        near = near_names(str(name), NAMES)
        said = f"did you mean {listed(near, joined='or')}?" if near else f"the samples are {listed(NAMES)}."
        raise OptionError(f"There is no sample {readable(str(name))}; {said}")
    return Path(str(files(__name__) / f"{name}.csv"))


@checked
def penguins() -> ArrowTable:
    """Palmer penguins, CC0: 342 penguins of three species, their island, bill (mm), flipper (mm), body mass (g), sex and year.

    Nine values of `sex` are missing; nothing else is.
    """
    return read_table(path("penguins"))


@checked
def longley() -> ArrowTable:
    """Longley's data, of NIST: employment in the USA in 16 years, and six nearly collinear columns that are to explain it."""
    return read_table(path("longley"))


@checked
def norris() -> ArrowTable:
    """Norris's data, of NIST: 36 readings `y` of an ozone monitor, and the true concentrations `x`."""
    return read_table(path("norris"))
