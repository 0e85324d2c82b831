"""Progress: how long work tells how far it is.

    progress(what, share)          what is being done, and the share of it that is done, from 0 to 1
    progress.rows(what, number)    so many more rows have been read for it, if the listener has this method

Whoever asks for work gives one listener, a function or an object that can be called; whoever does it calls that, in the thread that
asked. An exception that it raises stops the work. The terminal draws bars from it, a notebook what it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

Progress: TypeAlias = Callable[[str, float], None]  # (what, share)
Share: TypeAlias = Callable[[float], None]  # the same where everybody knows what is being done


class _Sized(Protocol):
    @property
    def rows(self) -> int: ...


RowsT = TypeVar("RowsT", bound=_Sized)


@dataclass(frozen=True, slots=True)
class Within:
    """Hears of pieces of work, each from 0 to 1, which are the part from `done` to `done + width` of the whole."""

    progress: Progress
    done: float
    width: float

    def __call__(self, what: str, share: float) -> None:
        """A piece is so far."""
        self.progress(what, self.done + self.width * share)

    def rows(self, what: str, number: int) -> None:
        """Rows of a piece are rows of the whole."""
        _tell_rows(self.progress, what, number)


@dataclass(frozen=True, slots=True)
class _Of:
    """Hears of one piece of work, that everybody knows."""

    progress: Progress
    what: str

    def __call__(self, share: float) -> None:
        self.progress(self.what, share)

    def rows(self, number: int) -> None:
        """So many more."""
        _tell_rows(self.progress, self.what, number)


def share_of(progress: Progress | None, what: str, *, done: float = 0.0, width: float = 1.0) -> Share | None:
    """Hears of one piece of work, from 0 to 1, which is the part from `done` to `done + width` of `what`."""
    if progress is None:
        return None
    return _Of(progress if (done, width) == (0.0, 1.0) else Within(progress, done, width), what)


def counted(pieces: Callable[[Share], Iterator[RowsT]], share: Share) -> Iterator[RowsT]:
    """The pieces of a table, which tell the share that is read; each is told as so many rows to a listener that wants to know."""
    tell: Any = getattr(share, "rows", None)
    if tell is None:
        return pieces(share)

    def alone(part: float) -> None:
        """Whoever reads through another table hands this on, so no row is told twice."""
        share(part)

    return _counted(pieces(alone), tell)


def _counted(pieces: Iterator[RowsT], tell: Callable[[int], None]) -> Generator[RowsT]:
    try:
        for piece in pieces:
            tell(piece.rows)
            yield piece
    finally:
        if isinstance(pieces, Generator):
            pieces.close()  # a failure's traceback would hold it, and with it an open file


def _tell_rows(progress: Progress, what: str, number: int) -> None:
    tell: Any = getattr(progress, "rows", None)
    if tell is not None:
        tell(what, number)
