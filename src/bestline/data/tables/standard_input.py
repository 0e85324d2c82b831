"""Standard input as a file: what is piped in can be read once only, so it is kept in a temporary file as long as the program runs."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

from bestline.errors import FileError

_MOST = 64 << 30  # bytes; what nobody means to pipe in, such as an endless stream
_CHUNK = 1 << 20


@cache
def standard_input() -> str:
    """The path of a file with all of standard input, read when it is first asked for. Raises FileError."""
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:  # as Python leaves it where it was closed before the program began
        raise FileError("Standard input is closed, so it holds no table; pipe one into it, or give the path of a file.")
    if sys.stdin.isatty():
        raise FileError("Standard input is no table but a terminal; pipe one into it, or give the path of a file.")
    # Never more than half of what is free: others need the disk, too.
    most = min(_MOST, shutil.disk_usage(tempfile.gettempdir()).free // 2)
    with tempfile.NamedTemporaryFile(prefix="bestline-", delete=False) as file:
        path = Path(file.name)
        atexit.register(path.unlink, missing_ok=True)
        length = 0
        while chunk := stream.read(_CHUNK):
            length += len(chunk)
            if length > most:
                path.unlink()
                raise FileError(
                    f"Standard input is longer than the {_said(most)} that may be kept of it in {path.parent}; save it to a file, and give its path."
                )
            try:
                file.write(chunk)
            except OSError as error:
                path.unlink()
                raise FileError(
                    f"Standard input cannot be kept in {file.name} ({error.strerror}); save it to a file."
                ) from error
    return str(path)


def _said(size: int) -> str:
    return f"{size / 1e9:.3g} GB" if size >= 1e9 else f"{size / 1e6:.3f} MB"
