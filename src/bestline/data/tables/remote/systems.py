"""Remote: files behind an address (s3://, gs://, https://), read with a patience that ends.

Those who store files have libraries that try again for minutes when nobody answers, and say nothing meanwhile. So every step runs in a
thread of its own, and one that takes longer than `PATIENCE` is given up. What a library says of a failure is passed on as a
RemoteError.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import pyarrow as pa
from pyarrow import fs as filesystems

from bestline.data.tables.remote.web import PATIENCE, RemoteError, Web

T = TypeVar("T")


def system_of(address: str) -> tuple[Any, str]:
    """What stores the file of an address, and the file's path there. Raises RemoteError."""
    if address.startswith(("http://", "https://")):
        return Web(), address
    try:
        system, path = answered(lambda: filesystems.FileSystem.from_uri(_limited(address)))
    except _NoSchemeError:
        system, path = answered(lambda: _by_fsspec(address))
    return Patient(system), path


class _NoSchemeError(RemoteError):
    """Arrow does not know the scheme of an address."""


def _limited(address: str) -> str:
    """The address, with how long Google's library may try again, so that what it says is heard within our patience."""
    if not address.startswith(("gs://", "gcs://")) or "retry_limit_seconds" in address:
        return address
    return f"{address}{'&' if '?' in address else '?'}retry_limit_seconds={PATIENCE / 2:g}"


def _by_fsspec(address: str) -> tuple[Any, str]:
    import fsspec  # an extra of the user's own

    system, path = fsspec.core.url_to_fs(address)
    return filesystems.PyFileSystem(filesystems.FSSpecHandler(system)), path


def answered(step: Callable[[], T]) -> T:
    """What a step gives. Raises RemoteError where it fails or takes too long."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(step())
        except BaseException as error:
            future.set_exception(error)

    # A thread that never answers must not keep the program from ending.
    threading.Thread(target=run, name="bestline-remote", daemon=True).start()
    try:
        return future.result(PATIENCE)
    except Exception as error:
        if not future.done():
            raise RemoteError(f"nobody answered within {PATIENCE:g} seconds; check the address and the network") from None
        said = str(error) or type(error).__name__
        raise (_NoSchemeError if "Unrecognized filesystem type" in said else RemoteError)(said) from error


class Patient:
    """A file system of pyarrow whose every step has to answer in time."""

    def __init__(self, system: Any) -> None:
        self.system = system

    def get_file_info(self, what: Any) -> Any:
        """Of a path, or of the files of a folder."""
        return answered(lambda: self.system.get_file_info(what))

    def open_input_file(self, path: str) -> Any:
        """The file to read."""
        return pa.PythonFile(_PatientFile(answered(lambda: self.system.open_input_file(path))), mode="r")


class _PatientFile(io.RawIOBase):
    def __init__(self, file: Any) -> None:
        self.file = file

    def read(self, n: int = -1) -> bytes:
        return bytes(answered(lambda: self.file.read(None if n < 0 else n)))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self.file.seek(offset, whence))

    def tell(self) -> int:
        return int(self.file.tell())

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            self.file.close()
        super().close()
