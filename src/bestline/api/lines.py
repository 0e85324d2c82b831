"""Lines: what lines of groups and lines of windows have in common, as people use them: tables, a summary, a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bestline.data.design import Design
from bestline.data.tables import open_source, write_with
from bestline.errors import warn
from bestline.files import as_path
from bestline.inference.groups import tables
from bestline.inference.groups.lines import GroupLines
from bestline.inference.groups.summary import summarise
from bestline.inference.summary import Summary
from bestline.wording import count, preformatted

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ManyLines:
    """Many lines of one design.

    Attributes
    ----------
    lines : GroupLines
        All numbers; `lines.labels` tell the lines.
    design : Design
        The columns.
    dropped : int
        Rows left out because a value was missing.
    """

    lines: GroupLines
    design: Design
    dropped: int

    what: ClassVar[str] = "line"  # of which there are many

    def __len__(self) -> int:
        return len(self.lines)

    def __repr__(self) -> str:
        of = f"{type(self).__name__} {self.design.formula!r}"
        return f"<bestline.{of}, {count(len(self), self.what)} by {', '.join(self.lines.labels)}>"

    def __str__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return preformatted(str(self))

    def summary(self, level: float = 0.95) -> Summary:
        """The first of them, how all of them differ, and of groups whether they are one line: `print` it, or take `.facts`."""
        return summarise(self.lines, level, dropped=self.dropped, what=self.what)

    def glance(self) -> DataFrame:
        """One row a line: its labels, n, r2, sigma, held_out_rmse, digits (the fewest of a weight), note.

        Held out are the folds within a group; of a window the rows between its end and that of the next, which it has not seen.
        """
        return tables.glance(self.lines)

    def tidy(self, level: float = 0.95) -> DataFrame:
        """One row a line and weight: its labels, term, estimate, std_error, statistic, p_value, conf_low, conf_high."""
        return tables.tidy(self.lines, level)

    def save(self, path: str | os.PathLike[str], *, level: float = 0.95, overwrite: bool = False) -> None:
        """Write `tidy()` to a .csv, .tsv, .parquet, .feather or .arrow file, which appears whole or not at all."""
        write_with(open_source(self.tidy(level)), as_path(path), lambda batch: {}, overwrite=overwrite)


def told(lines: GroupLines, what: str, notes: tuple[str, ...], dropped: int, read: int) -> None:
    """Warn of what people should know of the rows, and of lines that do not determine all their weights."""
    for note in notes:
        warn(note)
    if dropped:
        warn(f"{dropped:,} of {read:,} rows were left out because a value was missing.")
    lacking = int(lines.weights.isnan().any((1, 2)).sum())
    if lacking:
        words = "does" if lacking == 1 else "do"
        warn(
            f"{count(lacking, what)} of {len(lines):,} {words} not determine all weights; the column `note` of glance() says why."
        )
