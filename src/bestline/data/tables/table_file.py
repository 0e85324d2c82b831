"""Table file: one file of a source, whatever its format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

from bestline.data.progress import Share
from bestline.data.tables.batch import Block
from bestline.data.tables.cells import Field, Spelling
from bestline.data.tables.places import Place


class TableFile(ABC):
    """One file: its schema, and its rows as pyarrow blocks of whatever size the format likes."""

    place: Place
    fields: tuple[Field, ...]
    count: int | None = None
    notes: tuple[str, ...] = ()
    spelling: Mapping[str, Spelling]

    @abstractmethod
    def blocks(self, names: tuple[str, ...], size: int, progress: Share) -> Iterator[Block]:
        """The rows in order, with the named columns in the order asked for; progress from 0 to 1 over this file."""

    def where(self, row: int) -> str:
        """Where a row (from 0) stands, for messages."""
        return f"row {row + 1} of {self.place.label}"

    def verbatim(self) -> TableFile:
        """The same file, read so that every cell keeps its exact value."""
        return self
