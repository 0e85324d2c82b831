"""Partitions: what the names of folders say (`year=2020`) as columns of the files in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa

from bestline.data.progress import Share
from bestline.data.tables.cells import Field, Kind
from bestline.data.tables.judgement import ColumnJudgement, judged
from bestline.data.tables.table_file import Block, TableFile
from bestline.errors import ColumnError, listed, readable


def by_folders(parts: Sequence[TableFile], text: Collection[str]) -> Sequence[TableFile]:
    """The files with the columns that their folders give; what a file has itself, its folder need not say."""
    own = {field.name for field in parts[0].fields}
    keys = [tuple(key for key, _ in part.place.partition if key not in own) for part in parts]
    for part, names in zip(parts, keys, strict=True):
        if set(names) != set(keys[0]):
            raise ColumnError(
                f"{readable(part.place.shown)} lies in folders that give {listed(names) if names else 'no columns'}, unlike those of "
                f"{readable(parts[0].place.shown)}; give files from folders with the same columns."
            )
    if not keys[0]:
        return parts
    found = {
        key: judged(
            key, pa.array([dict(p.place.partition)[key] for p in parts], pa.string()), ".", as_text=key in text, typed=True
        )
        for key in keys[0]
    }
    return [InFolder(part, found) for part in parts]


class InFolder(TableFile):
    """A file with columns that are the same in all its rows."""

    def __init__(self, part: TableFile, given: dict[str, ColumnJudgement]) -> None:
        self.part, self.given = part, given
        self.place, self.count, self.notes, self.typed, self.noticed = (
            part.place,
            part.count,
            part.notes,
            part.typed,
            part.noticed,
        )
        self.values = dict(part.place.partition)
        self.fields = (*part.fields, *(Field(name, j.kind, None, j.note) for name, j in given.items()))
        self.judgements = {**part.judgements, **given}
        # Words that are no numbers are levels as they stand: NA may be Namibia.
        self.spelling = {**part.spelling, **{name: j.spelling for name, j in given.items() if j.kind is Kind.NUMBER}}

    def blocks(self, names: tuple[str, ...], size: int, progress: Share) -> Iterator[Block]:
        """The file's rows, with what its folders say beside them."""
        stored = tuple(name for name in names if name not in self.given) or (self.part.fields[0].name,)
        for block in self.part.blocks(stored, size, progress):
            columns = [
                pa.repeat(pa.scalar(self.values[name], pa.string()), block.num_rows)
                if name in self.given
                else block.column(name)
                for name in names
            ]
            yield pa.table(columns, names=list(names))

    def split(self, most: int) -> Sequence[TableFile]:
        """The parts of the file, each with what its folders say."""
        return [InFolder(part, self.given) for part in self.part.split(most)]

    def where(self, row: int) -> str:
        """Where the file says that a row stands."""
        return self.part.where(row)

    def verbatim(self) -> TableFile:
        """The same, read so that every cell keeps its exact value."""
        return InFolder(self.part.verbatim(), self.given)
