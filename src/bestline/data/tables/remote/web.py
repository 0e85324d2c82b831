"""Web: files of web servers, in ranges where the server gives them; otherwise whole, once, into a temporary file."""

from __future__ import annotations

import http.client
import io
import re
import shutil
import tempfile
import urllib.error
import urllib.request
import weakref
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs as filesystems

PATIENCE = 30.0  # seconds for one step: a look at a file, a part of it
_PART = 1 << 22  # bytes asked for at a time, at least


class RemoteError(OSError):
    """A file that is elsewhere cannot be had: what was said, or that nothing was."""


class RefusedError(RemoteError):
    """A server that answers by a refusal."""

    def __init__(self, answer: urllib.error.HTTPError) -> None:
        said = answer.reason or http.client.responses.get(answer.code, "")
        super().__init__(f"the server answered {answer.code} {said}".rstrip())
        self.code = answer.code
        answer.close()


class Web:
    """Files of web servers: in ranges where the server gives them; otherwise whole, once, into a temporary file."""

    def __init__(self) -> None:
        self.whole: dict[str, Path] = {}
        weakref.finalize(self, _removed, self.whole)

    def get_file_info(self, address: Any) -> Any:
        """Whether there is such a file, and its size."""
        if not isinstance(address, str) or "*" in address:
            raise RemoteError("web servers do not list their files; give the address of each file")
        try:
            with _asked(address, 0, 0) as answer:
                size = _total(answer)
        except RefusedError as error:
            if error.code in (http.client.NOT_FOUND, http.client.GONE):
                return filesystems.FileInfo(address, filesystems.FileType.NotFound)
            raise
        return filesystems.FileInfo(address, filesystems.FileType.File, size=size)

    def open_input_file(self, address: str) -> Any:
        """The file to read."""
        with _asked(address, 0, 0) as answer:
            size, ranges = _total(answer), answer.status == http.client.PARTIAL_CONTENT
        if ranges and size is not None:
            return pa.PythonFile(WebFile(address, size), mode="r")
        if address not in self.whole:
            self.whole[address] = _downloaded(address)
        return pa.OSFile(str(self.whole[address]))


class WebFile(io.RawIOBase):
    """A file of a web server that gives ranges: each read asks for the bytes from there on."""

    def __init__(self, address: str, size: int) -> None:
        self.address, self.size, self.at = address, size, 0
        self.first, self.part = 0, b""  # what came last, and where it stands

    def read(self, n: int = -1) -> bytes:
        """Up to n bytes; fewer only at the end."""
        n = self.size - self.at if n < 0 else min(n, self.size - self.at)
        if n <= 0:
            return b""
        if not self.first <= self.at <= self.at + n <= self.first + len(self.part):
            last = min(self.at + max(n, _PART), self.size) - 1
            with _asked(self.address, self.at, last) as answer:
                if answer.status != http.client.PARTIAL_CONTENT or _total(answer) != self.size:
                    raise RemoteError("the file changed while it was read; read it again")
                self.first, self.part = self.at, _all_of(answer, last + 1 - self.at)
        start = self.at - self.first
        self.at += n
        return self.part[start : start + n]

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go there."""
        self.at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        return self.at

    def tell(self) -> int:
        """Where the next read begins."""
        return self.at

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True


def _asked(address: str, first: int, last: int | None) -> Any:
    """The answer to a request for some bytes of a file. Raises RemoteError."""
    headers = {"User-Agent": "bestline", "Accept-Encoding": "identity"}
    if last is not None:
        headers["Range"] = f"bytes={first}-{last}"
    try:
        # Only http:// and https:// come here, and redirections lead to nothing else.
        return urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=PATIENCE)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and first == 0:  # of an empty file no byte can be given
            error.close()
            return _asked(address, 0, None)
        raise RefusedError(error) from None
    except TimeoutError:
        raise _silence() from None
    except urllib.error.URLError as error:
        cause = error.reason
        if isinstance(cause, TimeoutError):
            raise _silence() from None
        raise RemoteError((getattr(cause, "strerror", None) or str(cause)).lower()) from None
    except OSError as error:
        raise RemoteError(f"the connection broke off ({error.strerror or error})") from None
    except (http.client.HTTPException, ValueError) as error:
        raise RemoteError(f"what came is no answer of a web server ({error or type(error).__name__})") from None


def _silence() -> RemoteError:
    return RemoteError(f"the server did not answer within {PATIENCE:g} seconds; check the address and the network")


def _total(answer: Any) -> int | None:
    """How many bytes the whole file has; None where the server does not say."""
    if answer.status == http.client.PARTIAL_CONTENT:
        found = re.fullmatch(r"bytes \d+-\d+/(\d+)", answer.headers.get("Content-Range", "").strip())
        return int(found[1]) if found else None
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _all_of(answer: Any, length: int | None) -> bytes:
    """All bytes of an answer, as many as were promised."""
    try:
        content = bytes(answer.read() if length is None else answer.read(length))
    except TimeoutError:
        raise _silence() from None
    except (http.client.HTTPException, OSError):
        content = b""
    if length is not None and len(content) < length:
        raise RemoteError("the connection was closed before all of the file had come; try again")
    return content


def _downloaded(address: str) -> Path:
    """A temporary file with all of a file."""
    most = shutil.disk_usage(tempfile.gettempdir()).free // 2
    with tempfile.NamedTemporaryFile(prefix="bestline-", delete=False) as kept:
        try:
            with _asked(address, 0, None) as answer:
                left = _total(answer)
                if (left or 0) > most:
                    raise RemoteError(f"its server gives it only whole, and {left:,} bytes do not fit here")
                while content := _all_of(answer, None if left is None else min(left, _PART)):
                    kept.write(content)
                    left = None if left is None else left - len(content)
        except BaseException:
            Path(kept.name).unlink()
            raise
    return Path(kept.name)


def _removed(files: dict[str, Path]) -> None:
    for path in files.values():
        path.unlink(missing_ok=True)
