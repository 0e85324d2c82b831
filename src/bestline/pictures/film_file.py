"""Film file: a film that was written, as a path, which notebooks show playing."""

from __future__ import annotations

import tempfile
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path as _Path
else:
    _Path = type(Path())  # `Path` itself is no base for others before Python 3.12: it makes paths of this system's kind


class Film(_Path):
    """The path of a GIF or MP4; as the last line of a notebook's cell the film plays there."""

    def _repr_html_(self) -> str:
        kind = self.suffix.lower().removeprefix(".")
        data = b64encode(self.read_bytes()).decode("ascii")
        if kind == "gif":
            return f'<img src="data:image/gif;base64,{data}" alt="Training, step by step">'
        return f'<video controls autoplay loop muted src="data:video/{kind};base64,{data}"></video>'


def somewhere() -> Path:
    """A path in the system's folder for temporary files, for a film that only a notebook is to show."""
    return Path(tempfile.mkdtemp(prefix="bestline-")) / "training.gif"
