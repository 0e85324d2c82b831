"""Parts: what some rows of a table add up to when its design is known beforehand, so that the parts of all machines add.

of(all rows) = of(rows here) + of(rows there) + ...        whatever the rows of a part lack
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from bestline.data.collected import Collect, Collected
from bestline.data.design import Design
from bestline.data.folds import Grouping
from bestline.data.progress import Progress
from bestline.data.runner import summed
from bestline.data.tables import Batch, NoRowsError, Source, Stream, open_source
from bestline.data.tables.streams import is_table, joined, quietly, row_of
from bestline.data.unnamed_columns import with_names
from bestline.errors import DataError, readable


def part_collected(
    batches: Any, design: Design, groups: int, grouping: Grouping, progress: Progress | None = None
) -> Collected:
    """What the rows of each group add up to, of one batch, of many, or of none.

    Raises DataError for levels that the design does not know, and what `Collect` raises.
    """
    over = Collect(design, groups, grouping)
    if isinstance(batches, str | os.PathLike | Source | Stream) or is_table(batches) or not isinstance(batches, Iterable):
        source = _opened(batches, design)
        found = over.empty() if source is None else source.reduce(over, progress=progress)
    else:
        found = summed(_rows_of(batches, design), over.of, over.empty())
    for (column, level), rows in found.unseen.parts.items():
        others = [other for name, other in found.unseen.parts if name == column]
        raise DataError(
            f"Column {readable(column)} has the level {readable(level)} in {rows:,} row{'s' * (rows != 1)}, which the design does not know"
            f"{f' (nor {len(others) - 1} more)' if len(others) > 1 else ''}; learn the design with levels={{{column!r}: {others[:5]!r}}}."
        )
    return found


def _rows_of(pieces: Iterable[Any], design: Design) -> Iterator[Batch]:
    """The rows of one piece after the other, counted over all of them."""
    before = 0
    for piece in joined(quietly(lambda: pieces)):
        source, rows = _opened(piece, design), 0
        for batch in () if source is None else source.batches(design.reads()):
            rows = batch.start + batch.rows
            yield batch.after(before, place=None if isinstance(piece, str | os.PathLike) else row_of)
        before += rows


def _opened(piece: Any, design: Design) -> Source | None:
    """A piece as a table that has the columns of the design; None where it has no rows."""
    try:
        source = open_source(with_names(piece, design), text=design.texts)
    except NoRowsError:
        return None
    source.scattered = "the row before may lie in another part; make the column before the parts are collected"
    design.check(source, target=True)
    return source
