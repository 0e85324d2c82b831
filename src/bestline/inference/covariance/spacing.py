"""Spacing: what is said of an order whose steps are not alike, for neighbours are counted in rows."""

from __future__ import annotations

from bestline.errors import readable
from bestline.numerics.steps import Steps
from bestline.wording import count

_IRREGULAR = 0.2  # share of long steps from which on there is no usual one


def said_of(steps: Steps, column: str, of_ties: str = "") -> tuple[str, ...]:
    """What people should know of an order by this column; `of_ties` is what rows of one value mean."""
    notes = []
    if steps.ties and of_ties:
        notes.append(
            f"{count(steps.ties, 'row')} {'has' if steps.ties == 1 else 'have'} the same {readable(column)} as the row before: they stay as they "
            f"stand in the table; {of_ties}."
        )
    if steps.sizes is None or steps.uneven > _IRREGULAR * steps.sizes.total():
        notes.append(
            f"{readable(column)} is unevenly spaced: rows that follow each other count as neighbours, however far apart."
        )
    elif steps.uneven:
        notes.append(
            f"{readable(column)} has {count(steps.uneven, 'gap')}, steps longer than the usual one of {steps.usual:g}: rows on either side of it "
            f"count as neighbours."
        )
    return tuple(notes)
