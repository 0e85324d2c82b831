"""Packed text: gzip, bzip2, xz, zstandard and zip unpacked as it is read, in constant memory, whatever it unpacks to."""

from __future__ import annotations

import bz2
import lzma
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from gzip import BadGzipFile, GzipFile
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from bestline.data.tables.foreign import HEAD, RDATA, RDS, foreign, foreign_archive
from bestline.data.tables.places import Place, reason
from bestline.data.tables.remote.web import RemoteError
from bestline.errors import FileError, listed, readable

SUFFIXES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstandard", ".zip": "zip"}
_MEMORY = 1 << 28  # bytes that xz may ask for; its own strongest preset takes a quarter of that
_CHUNK = 1 << 16
# What the libraries raise for data that are damaged, cut off, locked or packed in a way that they do not know.
ERRORS = (
    EOFError,
    OSError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    pa.ArrowException,
    RuntimeError,
    NotImplementedError,
    ValueError,
)


def packing(head: bytes) -> str:
    """How a file that begins so is packed; empty if it is not."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    # The marks of the first block, or of the end: `BZh` alone may begin a header line.
    if head[:3] == b"BZh" and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bzip2"
    if head.startswith(b"\xfd7zXZ\0"):
        return "xz"
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstandard"
    return "zip" if head.startswith((b"PK\x03\x04", b"PK\x05\x06")) else ""


def without_packing(name: str) -> str:
    """A file's name in small letters without the suffix of what it is packed with."""
    low = name.lower()
    suffix = PurePosixPath(low).suffix
    return low.removesuffix(suffix) if suffix in SUFFIXES else low


def unpacked(place: Place, form: str, raw: Any) -> Any:
    """A reader of what is packed in an open file."""
    match form:
        case "gzip":
            return GzipFile(fileobj=raw)
        case "bzip2":
            return _Streams(raw, bz2.BZ2Decompressor)
        case "xz":
            return _Streams(raw, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY))
        case "zstandard":
            return pa.CompressedInputStream(raw, "zstd")
        case "zip":
            return zipfile.ZipFile(raw).open(place.member)
    return raw


class _Streams:
    """Streams one after the other, as bzip2 and xz write them for several threads; never more than asked for at once."""

    def __init__(self, raw: Any, fresh: Callable[[], Any]) -> None:
        self.raw, self.fresh, self.one, self.rest = raw, fresh, fresh(), b""

    def read(self, n: int) -> bytes:
        """So many bytes, fewer only at the end. Raises EOFError where the data end too early."""
        parts, length = [], 0
        while length < n and (part := self._some(n - length)):
            parts.append(part)
            length += len(part)
        return b"".join(parts)

    def _some(self, n: int) -> bytes:
        while True:
            if self.one.eof:
                # Between streams, zeros may fill up to a full block.
                rest = self.one.unused_data.lstrip(b"\0")
                while not rest:
                    if not (more := self.raw.read(_CHUNK)):
                        return b""
                    rest = more.lstrip(b"\0")
                self.rest, self.one = rest, self.fresh()
            packed, self.rest = self.rest, b""
            if not packed and self.one.needs_input and not (packed := self.raw.read(_CHUNK)):
                raise EOFError
            if out := self.one.decompress(packed, n):
                return bytes(out)


def damaged(place: Place, form: str, error: BaseException) -> FileError:
    """What is wrong with a packed file, in one sentence."""
    shown, why = readable(place.shown), str(error)
    if isinstance(error, RemoteError):
        return FileError(f"{shown} cannot be read: {reason(error)}.")
    if isinstance(error, EOFError) or "Truncated" in why or "truncated" in why:
        return FileError(f"{shown} is truncated: its {form} data ends too early; download or pack it again.")
    if isinstance(error, RuntimeError) and "password" in why:
        return FileError(f"{shown} is locked with a password; unpack it first.")
    if isinstance(error, NotImplementedError):
        return FileError(f"{shown} is packed in a way that is not known here ({reason(error)}); unpack it first.")
    if isinstance(error, lzma.LZMAError) and "imit" in why:
        return FileError(f"{shown} needs more than {_MEMORY >> 20} MB of memory to unpack; unpack it first.")
    if "CRC" in why or (isinstance(error, BadGzipFile) and "length" in why):
        return FileError(f"{shown} is damaged: its {form} checksum is wrong; download or pack it again.")
    if form:
        return FileError(
            f"{shown} is damaged: its {form} data cannot be unpacked ({reason(error)}); download or pack it again."
        )
    return FileError(f"{shown} cannot be read: {reason(error)}; download or write it again.")


def chosen(place: Place) -> Place:
    """The place of the one file in a zip archive, or of the one that was named; FileError with their list where there are several."""
    shown = readable(place.shown)
    if place.start(4) == b"PK\x05\x06":  # the directory of an archive comes first only where there is nothing else
        raise FileError(f"{shown} holds no files.")
    try:
        with place.open() as raw, zipfile.ZipFile(raw) as archive:
            names = [one.filename for one in archive.infolist() if not one.is_dir()]
    except ERRORS as error:
        raise FileError(
            f"{shown} is a zip archive or an Excel workbook that is damaged ({reason(error)}); download or write it again."
        ) from error
    if (kind := foreign_archive(names)) is not None and not place.member:
        raise FileError(f"{shown} is {kind.said(place.path)}.")
    # What macOS and others add beside the files.
    files = [n for n in names if not n.startswith("__MACOSX/") and not PurePosixPath(n).name.startswith((".", "_"))]
    if place.member:
        if place.member not in files:
            raise FileError(f"{shown} is not in the archive, which holds {listed(files, most=12)}.")
        return place
    if len(files) != 1:
        what = f"several files: {listed(files, most=12)}" if files else "no files"
        raise FileError(
            f"{shown} holds {what}; name one, as {readable(f'{place.label}/{files[0]}')}."
            if files
            else f"{shown} holds {what}."
        )
    return replace(place, member=files[0])


def refuse_inside(place: Place, head: bytes) -> None:
    """Raise FileError when what is packed is no text but a format of its own."""
    shown = readable(place.shown)
    if head.startswith((b"PAR1", b"ARROW1")):
        what = "Parquet" if head.startswith(b"PAR1") else "Arrow"
        raise FileError(f"{shown} holds a packed {what} file, which must be read in parts; unpack it first.")
    if form := packing(head):
        raise FileError(f"{shown} is packed twice ({form} inside); unpack it once.")
    kind = foreign(head[:HEAD])
    if kind in (RDATA, RDS):  # which R itself packs
        raise FileError(f"{shown} is {kind.said(place.path)}.")
    if kind is not None:
        raise FileError(f"{shown} holds {kind.what}{'; unpack it, then ask again' if kind.convert else ''}.")
