"""Source: a table of any size, from anywhere, as a schema and batches of consecutive rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property

import torch

from bestline.data.passes import PartT, Pass
from bestline.data.progress import Progress, Share, share_of
from bestline.data.runner import summed
from bestline.data.tables.batch import Batch
from bestline.data.tables.cells import LARGE, Field
from bestline.errors import ColumnError, OptionError, listed, readable

MANY = 65_536  # rows of a batch: enough that a batch's own cost is nothing, few enough for the cache of a core


class Source(ABC):
    """A table of any size: a schema, and its rows in batches, as often as asked for.

    Attributes
    ----------
    label : str
        What messages call it: "cars.csv", "12 files", "the data".
    fields : tuple of Field
        The columns.
    count : int or None
        Number of rows, when it is known without reading them.
    notes : tuple of str
        What the user should know about how it was opened, a sentence each.
    target : tuple of str or None
        The names of y's columns when the data was a pair (X, y).
    resident : bool
        Whether the rows are in memory, where going through them again costs little.
    on_cpu : bool
        Whether the processor computes with them; another device has its own queue, and several threads only fill the same one.
    """

    label: str
    fields: tuple[Field, ...]
    count: int | None
    notes: tuple[str, ...]
    target: tuple[str, ...] | None = None
    resident: bool = False
    on_cpu: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(field.name for field in self.fields)

    def field(self, name: str) -> Field:
        """The column of that name; ColumnError with the nearest names when there is none."""
        found = self._by_name.get(name)
        if found is None:
            raise ColumnError.missing(name, self.names, self.label)
        return found

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {field.name: field for field in reversed(self.fields)}

    def batches(
        self,
        names: Sequence[str] | None = None,
        *,
        size: int = MANY,
        progress: Share | None = None,
        order: torch.Generator | None = None,
    ) -> Iterator[Batch]:
        """All rows, in order, in batches of `size` (a file's last batch may be smaller); can be called again.

        Parameters
        ----------
        names : sequence of str, optional
            The columns wanted; the others are not decoded. All of them when left out.
        size : int
            Most rows of a batch.
        progress : callable, optional
            Is told the share that has been read, from 0 to 1.
        order : Generator, optional
            Draws another order of the batches, as far as the source can read them in another: data in memory can, and of
            several files those that know how many rows they have are read in another order.
        """
        if size < 1:
            raise OptionError(f"A batch needs at least one row; got size={size}.")
        wanted = self.names if names is None else tuple(dict.fromkeys(names))
        unknown = set(wanted).difference(self.names)
        if unknown:
            raise ColumnError.missing(min(unknown), self.names, self.label)
        return self._batches(wanted, size, progress or _silent, order)

    def reduce(self, over: Pass[Batch, PartT], *, progress: Progress | None = None) -> PartT:
        """Run a pass over all rows, where the rows are: here by `runner.summed`, on a cluster by whatever an engine has.

        Parameters
        ----------
        over : Pass
        progress : callable, optional
            Hears (what, share).
        """
        rows = self.batches(over.columns, size=over.size, progress=share_of(progress, over.what))
        return summed(rows, over.of, over.empty(), threads=None if self.on_cpu else 1)

    @abstractmethod
    def _batches(
        self, names: tuple[str, ...], size: int, progress: Share, order: torch.Generator | None
    ) -> Iterator[Batch]: ...

    def verbatim(self) -> Source:
        """The same table with cells that keep what numbers cannot hold, such as the zeros of `000097`."""
        return self


def _silent(_: float) -> None:
    return None


def remarks(fields: Sequence[Field]) -> tuple[str, ...]:
    """What the names and types of typed data say that the user should know."""
    large = [field.name for field in fields if field.note == LARGE]
    # pandas writes an index without a name as "Unnamed: 0" or "__index_level_0__".
    unnamed = [f.name for f in fields if not f.name.strip() or f.name.startswith(("Unnamed: ", "__index_level_"))]
    said = [
        f"Column {readable(name)} has integers beyond 2**53, which lose precision as float64 numbers; "
        f"leave it out if it is an identifier."
        for name in large[:5]
    ]
    if unnamed:
        said.append(
            f"Column {listed(unnamed)} is unnamed, as an index saved with the table is; leave it out if it is no measurement."
        )
    return tuple(said)


def unique_names(names: Sequence[str], where: str) -> None:
    """Raise ColumnError when a name stands twice."""
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1] if len(set(names)) < len(names) else []
    if twice:
        raise ColumnError(f"{where} has more than one column named {listed(twice)}; give every column its own name.")
