"""Pass: one look at every row of a table, as a value that says what to look for and knows nothing of who reads the rows.

    of(all rows) = empty + of(some rows) + of(some more rows) + ...

Parts add, and in any order the printed digits are the same. So it does not matter whether the batches are read by one thread or
by ten, in another process or on another machine: `source.reduce(pass)` runs it where the rows are. A pass can be pickled, and so
can its parts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar


class Addable(Protocol):
    """What a pass finds in some of the rows: numbers, or a frozen dataclass."""

    def __add__(self, other: Self, /) -> Self: ...


BatchT_contra = TypeVar("BatchT_contra", contravariant=True)
PartT = TypeVar("PartT", bound=Addable)


class Pass(ABC, Generic[BatchT_contra, PartT]):
    """A pass over rows; those who write one make it a frozen dataclass.

    Laws: `empty() + a` is a, to rounding; parts add up associatively and commutatively, to rounding. Where the order of rows is
    part of the answer, a part keeps the numbers of its rows.
    """

    @property
    def what(self) -> str:
        """What people are told is being done."""
        return "reading the rows"

    @property
    @abstractmethod
    def columns(self) -> Sequence[str]:
        """The columns of the table that it looks at; no others are decoded."""

    @property
    def size(self) -> int:
        """Most rows of a batch: so many that a batch is worth its calls, so few that many batches fit into memory."""
        return 65_536

    @property
    def numbered(self) -> bool:
        """Whether what it finds depends on the numbers of the rows: then they are counted beforehand, where nobody knows how many there are."""
        return True

    @abstractmethod
    def empty(self) -> PartT:
        """The part of no rows."""

    @abstractmethod
    def of(self, batch: BatchT_contra) -> PartT:
        """The part of some rows; it may be called in several threads at once, and so must not write to anything shared."""


KeyT = TypeVar("KeyT", bound=Hashable)


@dataclass(frozen=True, eq=False)
class Named(Generic[KeyT, PartT]):
    """Parts with names: each is added to its namesake, and one without stays as it is."""

    parts: Mapping[KeyT, PartT]

    def __getitem__(self, name: KeyT) -> PartT:
        return self.parts[name]

    def __add__(self, other: Named[KeyT, PartT]) -> Named[KeyT, PartT]:
        # A level or cluster that only one part has met was nothing in the other: so it is kept as it is, exactly.
        both = {name: own + other.parts[name] for name, own in self.parts.items() if name in other.parts}
        return Named({**self.parts, **other.parts, **both})
