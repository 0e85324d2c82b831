"""Training rows: the rows that a line was fitted to, read once more, and any other data opened as the line needs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bestline.calls import no_such, one_of
from bestline.data.design import Design, said_unseen
from bestline.data.passes import Named, PartT, Pass
from bestline.data.progress import Progress
from bestline.data.split import part_labels, parts_of, weighted_rows
from bestline.data.tables import Source, index_notes, open_source
from bestline.data.unnamed_columns import with_names
from bestline.engines.choose import brought
from bestline.errors import OptionError, listed, warn
from bestline.inference.coordinates import other_rows
from bestline.inference.fitted import FittedLine
from bestline.inference.numbered_rows import Numbered, OverRows, OverTraining
from bestline.numerics import Comoments, Rows

_PARTS = ("training", "validation", "test")  # as a split labels them, 0, 1 and 2


def look(line: FittedLine, over: Pass[Numbered, PartT], data: Any = None, progress: Progress | None = None) -> PartT:
    """Run a pass over the training rows, wherever they are.

    Raises
    ------
    OptionError
        For a model without its rows (loaded, or made from moments), when `data` is not given.
    """
    source, labels = rows_of(line, data)
    for name in over.columns:
        source.field(name)
    return source.reduce(OverTraining(line.design, labels, over), progress=progress)


def numbered(line: FittedLine, data: Any = None, *, also: Sequence[str] = (), once: bool = True) -> Iterator[Numbered]:
    """The training rows one batch after the other, for what has a line of its own for each; columns `also` can be read from them.

    A row that stands for many is there `once`, or so many times.

    Raises OptionError as `look` does.
    """
    source, labels = rows_of(line, data)
    for batch in source.batches([*line.design.reads(), *also]):
        part = Numbered.of(batch, line.design, labels, once=once)
        if len(part.rows):
            yield part


def check_training(line: FittedLine, data: Any) -> None:
    """Raise DataError unless `data` are the rows that the line was fitted to, for whatever speaks of these alone; one pass."""
    found = look(line, _AddUp(line.training.q), data)
    # By their moments, for nothing else of the rows is kept.
    if not found.like(line.training):
        raise other_rows(found.count, line.training.count)


@dataclass(frozen=True, eq=False)
class _AddUp(OverRows[Comoments]):
    """The pass that adds up the moments of rows: any loss and any penalty has them, and other rows have others."""

    q: int

    def empty(self) -> Comoments:
        """Of no rows."""
        return Comoments.empty(self.q)

    def of(self, batch: Numbered) -> Comoments:
        """Of some rows."""
        return Comoments.of_rows(batch.rows)


def rows_of(line: FittedLine, data: Any, *, target: bool = True) -> tuple[Source, Tensor | None]:
    """Where the training rows are, and with a split the part of every row; other data may lack the `target`."""
    if data is not None:
        source, _ = opened(line, data)
        line.design.check(source, target=target)
        return source, _parts_again(line, source)
    if line.source is None:
        raise OptionError("A loaded model, or one made from moments, has no rows; give the training data to this call.")
    return line.source, line.labels


def _parts_again(line: FittedLine, source: Source) -> Tensor | None:
    """The part of every row of a table that was split when the model was fitted; None for other data, such as one part alone."""
    # The seed draws the same parts again from a table of as many rows; of any other table every row is as good as training.
    split = None if line.recipe is None else line.recipe.arguments.get("split")
    if split is None:
        return None
    there = weighted_rows(source, line.design.weights)
    if int(there.sum()) != sum(line.sizes.values()) + line.collected.dropped + line.collected.unseen:
        return None
    return part_labels(there, split, line.plan.seed)


def rows(line: FittedLine, part: str = "training", data: Any = None) -> Iterator[Rows]:
    """The rows in the data's units, batch by batch: of `data`, or else of the "training", "validation" or "test" part.

    Raises OptionError for a loaded line, which has no rows, when `data` is not given.
    """
    source = line.source if data is None else opened(line, data)[0]
    if source is None:
        raise OptionError("A loaded model, or one made from moments, has no rows; give the data to this call.")
    if not one_of(part, _PARTS):
        raise no_such("part of the rows", part, _PARTS)
    wanted = _PARTS.index(part)
    unseen: Named[tuple[str, str], int] = Named({})
    for batch in source.batches(line.design.reads()):
        encoded = line.design.rows(batch)
        unseen = unseen + Named(encoded.unseen)
        if data is None and line.labels is not None:
            yield encoded.rows[parts_of(line.labels, batch, encoded.index) == wanted]
        elif data is not None or part == "training":
            yield encoded.rows
    if data is not None and unseen.parts:
        warn(f"{said_unseen(unseen.parts)}; such a row is left out.")


def counted(line: FittedLine, data: Any = None) -> Iterator[Rows]:
    """The training rows, or those of `data`, batch by batch on the CPU; rows of no weight are not there."""
    return (batch.to("cpu") for batch in rows(line, "training", data))


def opened(line: FittedLine, data: Any) -> tuple[Source, bool]:
    """Data to predict or evaluate, bare numbers included, its columns called as in training; and whether it is one number."""
    data = brought(data, line.design.texts)
    if isinstance(data, Source):
        source, single = data, False
    else:
        for note in index_notes(data):
            warn(note)
        single = isinstance(data, int | float) or getattr(data, "ndim", None) == 0  # a number of Python, NumPy or torch
        source = open_source(with_names(data, line.design), text=line.design.texts)
    line.design.check(source, target=False)
    _tell_of_new_columns(line.design, source)
    return source, single


def _tell_of_new_columns(design: Design, source: Source) -> None:
    """Warn of columns that the training table did not have: a feature may be meant that goes by another name."""
    known = {*design.table, *source.stored(design.needs), *design.target_columns, design.weights}
    new = [name for name in source.names if name not in known]
    if design.table and new:  # files of before do not say
        warn(
            f"{listed(new)} {'is' if len(new) == 1 else 'are'} not used: the table that the line was fitted to had no such column."
        )
