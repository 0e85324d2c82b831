"""TODO docstring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bestline.data.split import part_labels, row_count
from bestline.data.tables import Batch, Source
from bestline.errors import (
    MissingValuesError,
    OptionError,
    readable,
)
from bestline.numerics.rows import Rows

if TYPE_CHECKING:
    from bestline.api.model import Model


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


def numbered(model: Model, data: Any = None, *, also: Sequence[str] = ()) -> Iterator[Numbered]:
    """The training rows once more, batch by batch, with their numbers; columns `also` can be read from the batches.

    Raises
    ------
    OptionError
        For a model without its rows (loaded, or made from moments), when `data` is not given.
    """
    source, labels = rows_of(model, data)
    for name in also:
        source.field(name)
    for batch in source.batches(list(dict.fromkeys([*model.design.reads(), *also]))):
        encoded = model.design.rows(batch)
        at = torch.arange(batch.rows) if encoded.index is None else encoded.index.cpu()
        rows = encoded.rows.to("cpu")
        if labels is not None:
            own = labels[batch.start : batch.start + batch.rows][at] == 0
            rows, at = rows[own], at[own]
        if len(rows):
            yield Numbered(batch, rows, at)


def rows_of(model: Model, data: Any, *, target: bool = True) -> tuple[Source, Tensor | None]:
    """Where the training rows are, and with a split the part of every row; other data may lack the `target`."""
    if data is not None:
        source, _ = model._source(data)
        model.design.check(source, target=target)
        return source, _parts_again(model, source)
    if model.source is None:
        raise OptionError("A loaded model, or one made from moments, has no rows; give the training data to this call.")
    return model.source, model.labels


def _parts_again(model: Model, source: Source) -> Tensor | None:
    """The part of every row of a table that was split when the model was fitted; None for other data, such as one part alone."""
    split = None if model.recipe is None else model.recipe.arguments.get("split")
    if split is None or row_count(source) != sum(model.sizes.values()) + model.collected.dropped:
        return None
    return part_labels(source, split, model.plan.seed)
