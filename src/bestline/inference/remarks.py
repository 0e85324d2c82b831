"""Remarks: what people should know of rows that a line was asked about: those it can say nothing of, and values filled in."""

from __future__ import annotations

from dataclasses import dataclass, field

from bestline.data.design import NewRows, said_unseen
from bestline.data.passes import Named
from bestline.errors import listed, readable, warn


@dataclass(frozen=True, slots=True, eq=False)
class Remarks:
    """Counts that add up over batches.

    Attributes
    ----------
    gapped : int
        Rows with a value missing.
    gaps, imputed : by column
        How many of these rows lack its value, and how many values were filled in.
    unseen : by column and level
        Rows with a level that training never saw.
    """

    gapped: int = 0
    gaps: Named[str, int] = field(default_factory=lambda: Named({}))
    imputed: Named[str, int] = field(default_factory=lambda: Named({}))
    unseen: Named[tuple[str, str], int] = field(default_factory=lambda: Named({}))

    @classmethod
    def of(cls, asked: NewRows) -> Remarks:
        """Of some rows."""
        return cls(asked.gapped, Named(asked.gaps), Named(asked.imputed), Named(asked.unseen))

    def __add__(self, other: Remarks) -> Remarks:
        return Remarks(
            self.gapped + other.gapped,
            self.gaps + other.gaps,
            self.imputed + other.imputed,
            self.unseen + other.unseen,
        )

    def tell(self, on_unseen: str, *, scored: bool = False) -> None:
        """Warn of rows that have no prediction, or are left out where they are `scored`, and of values filled in."""
        if self.gapped:
            are = ("1 row is" if self.gapped == 1 else f"{self.gapped:,} rows are") + " left out"
            became = are if scored else f"{rows_have(self.gapped)} no prediction"
            counts = ", ".join(f"{readable(name)} {count:,}" for name, count in self.gaps.parts.items())
            warn(f"{became}, because a value is missing ({counts}).")
        if self.unseen.parts:
            became = "counts as every level, each by its share in training" if on_unseen == "average" else "has no prediction"
            warn(f"{said_unseen(self.unseen.parts)}; such a row {became}.")
        if self.imputed.parts:
            many = sum(self.imputed.parts.values())
            warn(f"Missing values were imputed in {listed(self.imputed.parts)} ({many:,} value{'s' if many > 1 else ''}).")


def rows_have(count: int) -> str:
    """How a sentence about so many rows begins."""
    return "1 row has" if count == 1 else f"{count:,} rows have"
