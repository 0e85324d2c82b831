"""Training rows: the rows that a line was fitted to, read once more, and any other data opened as the line needs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bestline.data.split import part_labels, row_count
from bestline.data.tables import Batch, Source, open_source
from bestline.data.unnamed import with_names
from bestline.errors import (
    MissingValuesError,
    OptionError,
    readable,
)
from bestline.inference.fitted import FittedLine
from bestline.numerics.rows import Rows


@dataclass(frozen=True, slots=True, eq=False)
class Numbered:
    """Some of the training rows, and where they stand.

    Attributes
    ----------
    batch : Batch
    rows : Rows
    at : Tensor (n,)
        Their places in the batch.
    """

    batch: Batch
    rows: Rows
    at: Tensor

    @property
    def numbers(self) -> Tensor:
        """Their numbers in the whole table, counted from 0; rows left out keep theirs."""
        return self.batch.start + self.at

    def groups(self, column: str) -> tuple[Tensor, Sequence[str]]:
        """Codes (n,) of a column, and what they stand for; raises MissingValuesError for a row without a value."""
        codes, names = self.batch.text(column)
        codes = codes.cpu()[self.at]
        if bool((codes < 0).any()):
            where = self.batch.where(int(self.at[codes < 0][0]))
            raise MissingValuesError(
                f"Column {readable(column)} has no value at {where}, so that row has no cluster; fill it in, or leave the row out."
            )
        return codes, names


def numbered(line: FittedLine, data: Any = None, *, also: Sequence[str] = ()) -> Iterator[Numbered]:
    """The training rows once more, batch by batch, with their numbers; columns `also` can be read from the batches.

    Raises
    ------
    OptionError
        For a model without its rows (loaded, or made from moments), when `data` is not given.
    """
    source, labels = rows_of(line, data)
    for name in also:
        source.field(name)
    for batch in source.batches(list(dict.fromkeys([*line.design.reads(), *also]))):
        encoded = line.design.rows(batch)
        at = torch.arange(batch.rows) if encoded.index is None else encoded.index.cpu()
        rows = encoded.rows.to("cpu")
        if labels is not None:
            own = labels[batch.start : batch.start + batch.rows][at] == 0
            rows, at = rows[own], at[own]
        if len(rows):
            yield Numbered(batch, rows, at)


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
    split = None if line.recipe is None else line.recipe.arguments.get("split")
    if split is None or row_count(source) != sum(line.sizes.values()) + line.collected.dropped:
        return None
    return part_labels(source, split, line.plan.seed)


def rows(line: FittedLine, part: str = "training", data: Any = None) -> Iterator[Rows]:
    """The rows in the data's units, batch by batch: of `data`, or else of the "training", "validation" or "test" part.

    Raises OptionError for a loaded line, which has no rows, when `data` is not given.
    """
    source = line.source if data is None else opened(line, data)[0]
    if source is None:
        raise OptionError("A loaded model, or one made from moments, has no rows; give the data to this call.")
    wanted = ("training", "validation", "test").index(part)
    for batch in source.batches(line.design.reads()):
        encoded = line.design.rows(batch)
        if data is None and line.labels is not None:
            own = line.labels[batch.start : batch.start + batch.rows]
            yield encoded.rows[(own if encoded.index is None else own[encoded.index]) == wanted]
        elif data is not None or part == "training":
            yield encoded.rows


def opened(line: FittedLine, data: Any) -> tuple[Source, bool]:
    """Data to predict or evaluate, bare numbers included, its columns called as in training; and whether it is one number."""
    if isinstance(data, Source):
        source, single = data, False
    else:
        single = isinstance(data, int | float) or getattr(data, "ndim", None) == 0  # a number of Python, NumPy or torch
        source = open_source(with_names(data, line.design, single=single), text=line.design.texts)
    line.design.check(source, target=False)
    return source, single
