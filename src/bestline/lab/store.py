"""Store: what the server keeps for pages, bounded in number, in bytes and in time; what was used longest ago goes first."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bestline.lab.refused import Refused

T = TypeVar("T")


def new_key() -> str:
    """An id that nobody can guess."""
    return secrets.token_urlsafe(12)


@dataclass(slots=True)
class _Entry(Generic[T]):
    value: T
    size: int
    used: float


class Store(Generic[T]):
    """Things by an id that nobody can guess.

    Parameters
    ----------
    what : str
        What one of them is called in a message.
    most, most_bytes, seconds
        How many, how large together, and how long one is kept that nobody asks for.
    drop : callable, optional
        What is done with one that goes.
    clock : callable
        Seconds; a test has its own.
    """

    def __init__(
        self,
        what: str,
        most: int,
        most_bytes: int,
        seconds: float,
        drop: Callable[[T], None] = lambda value: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.what, self.most, self.most_bytes, self.seconds, self.drop, self.clock = (
            what,
            most,
            most_bytes,
            seconds,
            drop,
            clock,
        )
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, value: T, size: int = 0, key: str | None = None) -> str:
        """Keep it; older ones make room. The new one stays, however large."""
        key = key or new_key()
        with self._lock:
            self._entries[key] = _Entry(value, size, self.clock())
            gone = self._too_many()
        self._dropped(gone)
        return key

    def values(self) -> list[T]:
        """All of them, the one used longest ago first."""
        with self._lock:
            return [entry.value for entry in self._entries.values()]

    def sized(self, key: str, size: int) -> None:
        """Say how large one has become."""
        with self._lock:
            if key in self._entries:
                self._entries[key].size = size
            gone = self._too_many(spare=key)
        self._dropped(gone)

    def get(self, key: str) -> T:
        """The one of this id. Raises Refused when it is gone."""
        with self._lock:
            gone = self._too_many(spare=None)
            entry = self._entries.get(key)
            if entry is not None:
                entry.used = self.clock()
                self._entries.move_to_end(key)
        self._dropped(gone)
        if entry is None:
            raise Refused(
                404, f"This {self.what} is not kept any more; {'send the file' if self.what == 'file' else 'run it'} again."
            )
        return entry.value

    def clear(self) -> None:
        """Let everything go."""
        with self._lock:
            gone = [entry.value for entry in self._entries.values()]
            self._entries.clear()
        self._dropped(gone)

    def _too_many(self, spare: str | None = None) -> list[T]:
        """Take out what has expired and what is too much, the oldest first; the newest, or the one to spare, stays."""
        gone, now = [], self.clock()
        for key in [key for key, entry in self._entries.items() if now - entry.used > self.seconds]:
            gone.append(self._entries.pop(key).value)
        total = sum(entry.size for entry in self._entries.values())
        for key in [key for key in self._entries if key != (spare or next(reversed(self._entries)))]:
            if len(self._entries) <= self.most and total <= self.most_bytes:
                break
            entry = self._entries.pop(key)
            total -= entry.size
            gone.append(entry.value)
        return gone

    def _dropped(self, gone: list[T]) -> None:
        for value in gone:
            self.drop(value)
