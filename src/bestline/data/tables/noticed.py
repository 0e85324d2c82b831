"""Noticed: what later rows say of columns that the first rows, by which columns are judged, did not.

Batches are read by several threads in any order, so of each fact the earliest row is kept, whoever meets it first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bestline.data.tables.judgement import said_large
from bestline.data.tables.words import Spelling, dressing, undressed
from bestline.errors import readable


@dataclass(slots=True, eq=False)
class Noticed:
    """Facts of one table or file; they grow while it is read."""

    # Appending needs no lock, and only an earlier row is appended, so that the lists stay short.
    _written: dict[str, list[tuple[int, str, Spelling, Callable[[], str]]]] = field(default_factory=dict)
    _large: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def written(self, name: str, row: int, word: str, spelling: Spelling, where: Callable[[], str]) -> None:
        """A number that is written in another way than in the first rows, in which `row`, and how messages call that."""
        known = self._written.setdefault(name, [])
        if all(row < earlier for earlier, *_ in known):
            known.append((row, word, spelling, where))

    def large(self, name: str, row: int, word: str = "") -> None:
        """A whole number that float64 rounds, in or after which row."""
        known = self._large.setdefault(name, [])
        if all(row < earlier for earlier, _ in known):
            known.append((row, word))

    def is_large(self, name: str) -> bool:
        """Whether the column has such numbers."""
        return name in self._large

    def after(self, first: int) -> Noticed:
        """The same where `first` rows come before."""
        written = {name: [(first + row, *fact) for row, *fact in facts] for name, facts in self._written.items()}
        large = {name: [(first + row, word) for row, word in facts] for name, facts in self._large.items()}
        return Noticed(written, large)  # type: ignore[arg-type]  # the rest of each fact, as it was

    def __add__(self, other: Noticed) -> Noticed:
        found = Noticed()
        for one in (self, other):
            for name, facts in one._written.items():
                for written in facts:
                    found.written(name, *written)
            for name, words in one._large.items():
                for large in words:
                    found.large(name, *large)
        return found

    def __getstate__(self) -> dict[str, Any]:
        # What says where a row stands may hold a file that is open: it is asked before it leaves.
        written = {
            name: [(row, word, spelling, partial(str, where())) for row, word, spelling, where in facts]
            for name, facts in self._written.items()
        }
        return {"_written": written, "_large": self._large}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._written, self._large = state["_written"], state["_large"]

    def of(self, name: str) -> tuple[str, ...]:
        """What people should know of a column, a sentence each."""
        said = []
        if name in self._large:
            said.append(said_large(name, min(self._large[name])[1]))
        if name in self._written:
            _, word, spelling, where = min(self._written[name], key=lambda fact: fact[0])
            said.append(
                f"Column {readable(name)} writes some numbers {dressing(word)}, and they were read so: the first is {readable(word)} at "
                f"{where()}, read as {undressed(word, spelling)}."
            )
        return tuple(said)
