"""Progress: how long work tells how far it is.

    progress(what, share)      what is being done, and the share of it that is done, from 0 to 1

Whoever asks for work gives one function; whoever does it calls that function, in the thread that asked. An exception that it
raises stops the work. The terminal draws bars from it, a notebook what it likes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, float], None]  # (what, share)
Share: TypeAlias = Callable[[float], None]  # the same where everybody knows what is being done


def share_of(progress: Progress | None, what: str, *, done: float = 0.0, width: float = 1.0) -> Share | None:
    """Hears of one piece of work, from 0 to 1, which is the part from `done` to `done + width` of `what`."""
    return None if progress is None else (lambda share: progress(what, done + width * share))
