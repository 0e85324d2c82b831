"""Places: from what the user typed to the files meant, each looked at with care before anything is read."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import partial
from glob import glob, has_magic
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
from pyarrow import fs as filesystems

from bestline.data.tables.folders import Partition, books_beside, is_data, partition_of, refuse_lake
from bestline.data.tables.foreign import HEAD
from bestline.data.tables.remote.systems import system_of
from bestline.data.tables.standard_input import standard_input
from bestline.errors import FileError, listed, readable

STANDARD_INPUT = "standard input"
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+://")
_ERRNO = re.compile(r".*\[errno \d+\] ([\w ]+)", re.IGNORECASE | re.DOTALL)
_PART = re.compile(r"\.(?:csv|tsv|txt|parquet|pq|feather|arrow|ipc)(?:\.\w+)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One file: its path as the user gave it, and the file system it lies on (None: this machine's).

    `member` is the file meant in an archive, `partition` what the names of its folders say of all its rows.
    """

    shown: str
    path: str
    system: Any = None
    member: str = ""
    partition: Partition = ()

    @property
    def label(self) -> str:
        """The file's name alone."""
        if self.shown == STANDARD_INPUT:
            return self.shown
        return PurePosixPath(self.member or self.path).name or self.shown

    @property
    def size(self) -> int:
        """Bytes; 0 when the file system does not say, as of a file that has gone: whoever opens it is told why."""
        try:
            return Path(self.path).stat().st_size if self.system is None else self.system.get_file_info(self.path).size or 0
        except OSError:
            return 0

    def open(self) -> Any:
        """The file as a pyarrow NativeFile."""
        try:
            return pa.OSFile(os.fsencode(self.path)) if self.system is None else self.system.open_input_file(self.path)
        except (OSError, pa.ArrowException) as error:
            raise FileError(f"{readable(self.shown)} cannot be opened: {reason(error)}.") from error

    def start(self, n: int = HEAD) -> bytes:
        """Its first bytes."""
        with self.open() as file:
            try:
                return bytes(file.read(n))
            except (OSError, pa.ArrowException) as error:
                raise FileError(f"{readable(self.shown)} cannot be read: {reason(error)}.") from error


def reason(error: BaseException) -> str:
    """Why, on one line and without the library's own details."""
    if found := _ERRNO.search(str(error)):  # as pyarrow tells what the system has told it
        return found[1].lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).splitlines()[0].rstrip(". ")[:200] if str(error) else type(error).__name__


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The files that were meant, and what is to be said about those left out."""

    places: list[Place]
    notes: tuple[str, ...] = ()


def found(data: str | os.PathLike[str]) -> Found:
    """The files that a path, a folder, a glob, a URL-like path or `-` (standard input) means, sorted; FileError when there is none."""
    text = os.fspath(data)
    if not text.strip():
        raise FileError("The path is empty; give the path of a file.")
    if "\0" in text:
        raise FileError(f"{readable(text)} has a NUL character, which no path may have.")
    if text == "-":
        return Found([Place(STANDARD_INPUT, standard_input())])
    if _SCHEME.match(text):
        return _remote(text)
    if text.startswith("~"):
        text = os.path.expanduser(text)  # noqa: PTH111  a name like `~old.csv` is of nobody, and stays as it is
    # A file called a[1].csv is that file, although the name is also a pattern.
    if has_magic(text) and not os.path.lexists(text):
        return _matching(text)
    if Path(text).is_dir():
        return _folder(text)
    return Found([_local(text)])


def _matching(pattern: str) -> Found:
    """The files of a glob, and of the folders that it matches."""
    matches = sorted(glob(pattern, recursive=True))  # noqa: PTH207  (Path.glob takes no absolute pattern)
    # What stands before the first sign of a pattern is no part of what the names of folders say.
    fixed = list(takewhile(lambda part: not has_magic(part), PurePosixPath(pattern).parts))
    base = str(PurePosixPath(*fixed)) if fixed else "."
    files = []
    for match in matches:
        if not Path(match).is_dir():
            files.append(match)
        elif "**" not in pattern:  # which has matched what is in the folder, too
            files += _below(match)
    return _data_of(files, base, pattern)


def _folder(folder: str) -> Found:
    return _data_of(_below(folder), folder, "", folder=True)


def _below(folder: str) -> list[str]:
    """All files in a folder and those below it, books of a Delta table and its like included."""

    def refuse(error: OSError) -> None:
        raise FileError(f"{readable(str(error.filename))} cannot be read: {reason(error)}.")

    return sorted(str(Path(here) / name) for here, _, names in os.walk(folder, onerror=refuse) for name in names)


def _data_of(files: list[str], base: str, pattern: str, *, folder: bool = False) -> Found:
    asked = pattern or base
    refuse_lake(files, asked)
    homes = dict.fromkeys(str(Path(file).absolute().parent) for file in files)
    refuse_lake(books_beside(homes, os.path.lexists, lambda path: sorted(os.listdir(path))), asked)  # noqa: PTH208
    relative = {file: os.path.relpath(file, base) for file in files}
    kept = [file for file in files if is_data(relative[file], pattern)]
    if not kept:
        where = "holds no data files" if folder else "matches no data file" if files else "matches no file"
        shown = readable(asked)
        if not pattern:
            raise FileError(f"The folder {shown} {where}; give the folder or the files that hold the table.")
        raise FileError(f"No file matches {shown}; check the folder and the pattern.")
    places = [replace(_local(file), partition=partition_of(relative[file])) for file in dict.fromkeys(kept)]
    return Found(places, _left_out(file for file in files if file not in set(kept)))


def _left_out(files: Iterable[str]) -> tuple[str, ...]:
    # What programs write for themselves needs no word; a table that somebody called _old.csv does.
    names = [PurePosixPath(file).name for file in files if _PART.search(file)]
    return (f"Left out {listed(names)}: files whose names begin with _ or . are not data.",) if names else ()


def _local(text: str) -> Place:
    shown = readable(text)
    try:
        mode = Path(text).stat().st_mode
    except OSError as error:
        if error.errno == errno.ENOTDIR and (inside := _in_archive(text)) is not None:
            return inside
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise FileError(f"{shown} does not exist; {_near(text)}") from None
        if error.errno == errno.ELOOP:
            raise FileError(f"{shown} is a symbolic link that leads back to itself; give the path of the file.") from None
        raise FileError(f"{shown} cannot be opened: {reason(error)}.") from error
    # Learning a design, then collecting: most fits go over the data more than once.
    if stat.S_ISFIFO(mode):
        raise FileError(f"{shown} is a pipe, which cannot be read twice; save its output to a file first, or pipe it into `-`.")
    if not stat.S_ISREG(mode):
        raise FileError(f"{shown} is not a regular file; give the path of a file.")
    if not os.access(text, os.R_OK):
        raise FileError(f"{shown} cannot be read: permission denied; ask for the right to read it.")
    return Place(text, text)


def _in_archive(text: str) -> Place | None:
    """`parts.zip/a.csv` is the file a.csv in the archive parts.zip."""
    for above in PurePosixPath(text).parents:
        if Path(above).is_file():
            return Place(text, str(above), member=str(PurePosixPath(text).relative_to(above)))
    return None


def _near(text: str) -> str:
    path = Path(text)
    folder = path.parent
    if path.is_symlink():
        return f"it is a link to {readable(str(path.readlink()))}, which is not there; correct or remove the link."
    if not folder.is_dir():
        return f"nor does its folder {readable(str(folder))}."
    try:
        here = [entry.name for entry in folder.iterdir()]
    except OSError:
        here = []
    near = get_close_matches(path.name, here, n=3, cutoff=0.6)
    return f"did you mean {listed(near, joined='or')}?" if near else "check its name and folder."


def _remote(text: str) -> Found:
    scheme = text.split("://", 1)[0]
    try:
        system, path = system_of(text)
        folder = False
        if "*" in path:  # not ? and [, which addresses may hold
            fixed = path[: path.index("*")].rsplit("/", 1)[0]
            files = _remote_glob(system, path)
        else:
            kind = system.get_file_info(path).type
            if kind == filesystems.FileType.NotFound:
                raise FileError(f"{readable(text)} does not exist; check its name and folder.")
            if kind != filesystems.FileType.Directory:
                return Found([Place(text, path, system)])
            folder, fixed = True, path
            infos = system.get_file_info(filesystems.FileSelector(path, recursive=True))
            files = sorted(info.path for info in infos if info.type == filesystems.FileType.File)
        refuse_lake(files, text)
        homes = dict.fromkeys(str(PurePosixPath(file).parent) for file in files)
        refuse_lake(books_beside(homes, partial(_there, system), partial(_names, system)), text)
    except (OSError, ImportError, pa.ArrowException) as error:
        raise FileError(f"{readable(text)} cannot be opened: {reason(error)}.") from error
    relative = {file: os.path.relpath(file, fixed) for file in files}
    kept = [file for file in files if is_data(relative[file], "" if folder else path)]
    if not kept:
        if folder:
            raise FileError(
                f"The folder {readable(text)} holds no data files; give the folder or the files that hold the table."
            )
        raise FileError(f"No file matches {readable(text)}; check the folder and the pattern.")
    places = [Place(f"{scheme}://{one.lstrip('/')}", one, system, "", partition_of(relative[one])) for one in kept]
    return Found(places, _left_out(file for file in files if file not in set(kept)))


def _there(system: Any, path: str) -> bool:
    return bool(system.get_file_info(path).type != filesystems.FileType.NotFound)


def _names(system: Any, path: str) -> list[str]:
    infos = system.get_file_info(filesystems.FileSelector(path, allow_not_found=True))
    return [PurePosixPath(info.path).name for info in infos]


def _remote_glob(system: Any, pattern: str) -> list[str]:
    # The deepest folder without a star; below it every file is listed, and those that fit are kept.
    folder = pattern
    while "*" in folder:
        folder = folder.rsplit("/", 1)[0] if "/" in folder else ""
    # Recursive only where a star stands before a slash: listing a whole bucket can take minutes.
    selector = filesystems.FileSelector(folder, allow_not_found=True, recursive="/" in pattern[len(folder) + 1 :])
    files = [info.path for info in system.get_file_info(selector) if info.type == filesystems.FileType.File]
    depth = pattern.strip("/").count("/")
    shape = pattern.strip("/")
    fits = [f for f in files if fnmatchcase(f.strip("/"), shape) and ("**" in pattern or f.strip("/").count("/") == depth)]
    return sorted(fits)
