"""Folders of parts: which files in them are data, what their folders' names say, and which are no plain folders.

sales/year=2020/part-0.parquet      a row of it has year 2020
sales/_SUCCESS, sales/.part.crc     written by programs for themselves: no data
sales/_delta_log/                   a Delta table, whose files may hold rows that were removed: refused
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote

from bestline.errors import FileError, readable

Partition = tuple[tuple[str, str | None], ...]  # columns that the names of folders give, and their values

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # Hive's folder of rows without a value
_VERSIONED = re.compile(r"(?:v?\d+.*)\.metadata\.json|version-hint\.text")
# A table of several versions keeps files of all of them side by side, and says elsewhere which count.
_LAKES = {"_delta_log": "a Delta table", ".hoodie": "a Hudi table"}


def is_data(relative: str, pattern: str = "") -> bool:
    """Whether a path below a folder is data: no part of it begins with `_` or `.`, unless the pattern asks for such."""
    asked = tuple({part[0] for part in PurePosixPath(pattern).parts if part[:1] in "_."} - {""})
    hidden = (part for part in PurePosixPath(relative).parts if part.startswith(("_", ".")) and "=" not in part)
    return all(part.startswith(asked) for part in hidden) if asked else not any(True for _ in hidden)


def partition_of(relative: str) -> Partition:
    """The columns that folders named `key=value` give to the files in them."""
    pairs = [part.split("=", 1) for part in PurePosixPath(relative).parts[:-1] if "=" in part[1:]]
    return tuple((unquote(key), None if value == NO_VALUE else unquote(value)) for key, value in pairs)


def refuse_lake(paths: Iterable[str], asked: str) -> None:
    """Raise FileError when one of these paths lies in the books that a Delta, Iceberg or Hudi table keeps."""
    for path in paths:
        parts = PurePosixPath(path).parts
        for i, part in enumerate(parts):
            iceberg = part == "metadata" and i + 2 == len(parts) and _VERSIONED.fullmatch(parts[-1])
            what = "an Iceberg table" if iceberg else _LAKES.get(part)
            if what is not None:
                where = str(PurePosixPath(*parts[:i])) if i else "."
                raise FileError(
                    f"{readable(asked)} is or holds {what} ({readable(where)}), whose folder may hold rows that were removed; "
                    f"save its present rows as Parquet first, with the library that wrote it."
                )


def books_beside(
    folders: Iterable[str], exists: Callable[[str], bool], listing: Callable[[str], Sequence[str]]
) -> Iterator[str]:
    """Paths of such books in some folders and all those above them."""
    seen: set[str] = set()
    for folder in folders:
        for above in (PurePosixPath(folder), *PurePosixPath(folder).parents):
            if str(above) in seen:
                break
            seen.add(str(above))
            yield from (str(above / mark) for mark in _LAKES if exists(str(above / mark)))
            if exists(str(above / "metadata")):
                yield from (str(above / "metadata" / name) for name in listing(str(above / "metadata")))
