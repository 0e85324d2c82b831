"""Places: from what the user typed to the files meant, each looked at with care before anything is read."""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from glob import glob, has_magic
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
from pyarrow import fs as filesystems

from bestline.errors import FileError, listed, readable

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+://")
# First bytes of files, and the format that `open.OPENERS` opens them as; gzip is what delimited text may be packed in.
_KNOWN = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\x1f\x8b": "gzip"}
# First bytes of files that people take for tables, and what they can do about it.
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel workbook; save the table as CSV or Parquet",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the table as CSV",
    b"\x28\xb5\x2f\xfd": "compressed with zstandard; unpack it first",
    b"BZh": "compressed with bzip2; unpack it first",
    b"\xfd7zXZ": "compressed with xz; unpack it first",
    b"SQLite format 3": "an SQLite database; export the table as CSV",
    b"%PDF": "a PDF; export the table as CSV",
    b"FEA1": "a Feather file of the old version 1; write it again as version 2 or Parquet",
    b"\x89HDF": "an HDF5 file; export the table as CSV or Parquet",
    b"<!DOCTYPE": "a web page; download the file itself",
    b"<!doctype": "a web page; download the file itself",
    b"<html": "a web page; download the file itself",
}
_SUFFIXES = {".parquet": "parquet", ".pq": "parquet", ".feather": "arrow", ".arrow": "arrow", ".ipc": "arrow"}


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One file: its path as the user gave it, and the file system it lies on (None: this machine's)."""

    shown: str
    path: str
    system: Any = None

    @property
    def label(self) -> str:
        """The file's name alone."""
        return PurePosixPath(self.path).name or self.shown

    @property
    def size(self) -> int:
        """Bytes; 0 when the file system does not say."""
        if self.system is None:
            return Path(self.path).stat().st_size
        return int(self.system.get_file_info(self.path).size or 0)

    def open(self) -> Any:
        """The file as a pyarrow NativeFile."""
        try:
            return pa.OSFile(self.path) if self.system is None else self.system.open_input_file(self.path)
        except (OSError, pa.ArrowException) as error:
            raise FileError(f"{readable(self.shown)} cannot be opened: {reason(error)}.") from error

    def start(self, n: int = 16) -> bytes:
        """Its first bytes."""
        with self.open() as file:
            try:
                return bytes(file.read(n))
            except (OSError, pa.ArrowException) as error:
                raise FileError(f"{readable(self.shown)} cannot be read: {reason(error)}.") from error


def reason(error: BaseException) -> str:
    """Why, on one line and without the library's own details."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).splitlines()[0].rstrip(". ")[:200] if str(error) else type(error).__name__


def found(data: str | os.PathLike[str]) -> list[Place]:
    """The files that a path, a glob or a URL-like path means, sorted; FileError when there is none."""
    text = os.fspath(data)
    if not text.strip():
        raise FileError("The path is empty; give the path of a file.")
    if "\0" in text:
        raise FileError(f"{readable(text)} has a NUL character, which no path may have.")
    if _SCHEME.match(text):
        return _remote(text)
    if text.startswith("~"):
        text = str(Path(text).expanduser())
    # A file called a[1].csv is that file, although the name is also a pattern.
    if not has_magic(text) or os.path.lexists(text):
        return [_local(text)]
    matches = sorted(glob(text, recursive=True))  # noqa: PTH207  (Path.glob takes no absolute pattern)
    if not matches:
        raise FileError(f"No file matches {readable(text)}; check the folder and the pattern.")
    return [_local(match) for match in matches]


def _local(text: str) -> Place:
    shown = readable(text)
    try:
        mode = Path(text).stat().st_mode
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise FileError(f"{shown} does not exist; {_near(text)}") from None
        if error.errno == errno.ELOOP:
            raise FileError(f"{shown} is a symbolic link that leads back to itself; give the path of the file.") from None
        raise FileError(f"{shown} cannot be opened: {reason(error)}.") from error
    if stat.S_ISDIR(mode):
        raise FileError(f"{shown} is a directory; give its files, for instance as `{text.rstrip('/')}/*.parquet`.")
    # Learning a design, then collecting: most fits go over the data more than once.
    if stat.S_ISFIFO(mode):
        raise FileError(f"{shown} is a pipe, which cannot be read twice; save its output to a file first.")
    if not stat.S_ISREG(mode):
        raise FileError(f"{shown} is not a regular file; give the path of a file.")
    if not os.access(text, os.R_OK):
        raise FileError(f"{shown} cannot be read: permission denied; ask for the right to read it.")
    return Place(text, text)


def _near(text: str) -> str:
    path = Path(text)
    folder = path.parent
    if not folder.is_dir():
        return f"nor does its folder {readable(str(folder))}."
    try:
        here = [entry.name for entry in folder.iterdir()]
    except OSError:
        here = []
    near = get_close_matches(path.name, here, n=3, cutoff=0.6)
    return f"did you mean {listed(near)}?" if near else "check its name and folder."


def _remote(text: str) -> list[Place]:
    system, path = _system(text)
    scheme = text.split("://", 1)[0]
    try:
        if "*" in path:  # not ? and [, which addresses may hold
            paths = _remote_glob(system, path)
            if not paths:
                raise FileError(f"No file matches {readable(text)}; check the folder and the pattern.")
            return [Place(f"{scheme}://{one.lstrip('/')}", one, system) for one in paths]
        kind = system.get_file_info(path).type
    except (OSError, pa.ArrowException) as error:
        raise FileError(f"{readable(text)} cannot be opened: {reason(error)}.") from error
    if kind == filesystems.FileType.NotFound:
        raise FileError(f"{readable(text)} does not exist; check its name and folder.")
    if kind == filesystems.FileType.Directory:
        raise FileError(f"{readable(text)} is a directory; give its files, for instance as `{text.rstrip('/')}/*.parquet`.")
    return [Place(text, path, system)]


def _system(text: str) -> tuple[Any, str]:
    try:
        return filesystems.FileSystem.from_uri(text)
    except (pa.ArrowException, OSError, ValueError) as error:
        # Not a scheme that Arrow knows; fsspec may.
        cause = error
    try:
        import fsspec
    except ImportError:
        raise FileError(f"{readable(text)} cannot be opened: {reason(cause)}; installing fsspec adds more schemes.") from cause
    try:
        system, path = fsspec.core.url_to_fs(text)
    except (ValueError, ImportError, OSError) as error:
        raise FileError(f"{readable(text)} cannot be opened: {reason(error)}.") from error
    return filesystems.PyFileSystem(filesystems.FSSpecHandler(system)), path


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


def format_of(place: Place) -> str:
    """A format of `_KNOWN`, `stream` or `text`: by the first bytes, then by the suffix."""
    # The bytes know better than the name: a .csv that is a workbook inside is named as one.
    head = place.start()
    for magic, form in _KNOWN.items():
        if head.startswith(magic):
            return form
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise FileError(f"{readable(place.shown)} is {what}.")
    if head.startswith(b"\xff\xff\xff\xff"):
        return "stream"
    # No format that is recognised, but a name that claims one: then the file is damaged.
    suffix = PurePosixPath(place.path).suffix.lower()
    if suffix in _SUFFIXES and head:
        raise FileError(f"{readable(place.shown)} is not a {suffix[1:]} file, or it is damaged; write or download it again.")
    if suffix == ".gz" and head:
        raise FileError(f"{readable(place.shown)} is not a gzip file; give it its true suffix, or pack it again.")
    if suffix in (".json", ".jsonl", ".ndjson"):
        raise FileError(f"{readable(place.shown)} is JSON, which is not read; save the table as CSV or Parquet.")
    return "text"
