"""Roles: what a mark stands for, and what all marks share: plain numbers, columns of one length, cells of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from bestline.errors import OptionError, ShapeError, listed

Numbers: TypeAlias = tuple[float, ...]
Grid: TypeAlias = tuple[Numbers, ...]  # one tuple a row: grid[i][j] belongs to y[i] and x[j]
Cell: TypeAlias = tuple[str, float | None, float | None, float | None]  # label, x, y, z

RUNS = 7  # looks that can be told apart, in colour and without
ROLES = (
    "data",  # rows the line was trained on
    "held_out",  # rows, or their loss, that training never saw
    "true",  # the line the data were made from
    "fitted",  # the line that was learnt
    "earlier",  # the same line at earlier steps
    "start",  # where training began
    "path",  # the weights passed through
    "end",  # where training ended, where no path leads there
    "kept",  # the step whose weights were kept, when it is not the last
    "optimum",  # where the loss is least
    "floor",  # the least loss there is
    "reference",  # a help for the eye: zero, or the diagonal
    "over",  # the line that was learnt, over rows whose colours say their category
    "over_mean",  # and their local mean
    "gradient",  # which way is down, or how steep it is
    *(f"run{i}" for i in range(RUNS)),  # one of several runs on one plot
    *(f"held_out{i}" for i in range(RUNS)),  # the held-out loss of one of several runs
)


def numbers(values: Iterable[float]) -> Numbers:
    """Plain Python numbers, whatever they were before."""
    return tuple(float(value) for value in values)


def run_role(index: int) -> str:
    """The role of the run of this number; after the seventh they begin anew."""
    return f"run{index % RUNS}"


def held_out_role(index: int) -> str:
    """The role of the held-out loss of the run of this number."""
    return f"held_out{index % RUNS}"


def checked(mark: str, role: str, *columns: Numbers | None) -> None:
    """Raise OptionError for a role that does not exist, and ShapeError for columns of different lengths."""
    if role not in ROLES:
        raise OptionError(f"There is no role {role!r} for `{mark}`; the roles are {listed(ROLES, most=len(ROLES))}.")
    # Checked where a mark is made, not where it is drawn: there nobody knows any more who made it.
    lengths = {len(column) for column in columns if column is not None}
    if len(lengths) > 1:
        raise ShapeError(f"`{mark}` needs columns of one length; got lengths {sorted(lengths)}.")


def cells_of(label: str, x: Numbers, y: Numbers, z: Numbers | None) -> Iterator[Cell]:
    """One cell a place."""
    for i in range(len(x)):
        yield label, x[i], y[i], None if z is None else z[i]
