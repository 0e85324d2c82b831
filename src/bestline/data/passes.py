"""Pass: one look at every row of a table, as a value that says what to look for and knows nothing of who reads the rows.

    of(all rows) = empty + of(some rows) + of(some more rows) + ...

Parts add, and in any order the printed digits are the same. So it does not matter whether the batches are read by one thread or
by ten, in another process or on another machine: `source.reduce(pass)` runs it where the rows are. A pass can be pickled, and so
can its parts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from torch import Tensor


class Addable(Protocol):
    """What a pass finds in some of the rows: numbers, or a frozen dataclass."""

    def __add__(self, other: Self, /) -> Self: ...


class CannotAddError(Exception):
    """That an engine cannot add something up as it is added up here, and why: half a sentence. The rows are read instead."""


@dataclass(frozen=True, slots=True, eq=False)
class Added:
    """What an engine found in the rows of each group.

    Attributes
    ----------
    keys : Batch
        The groups' values of the columns that tell them; a row each, n in all.
    count : Tensor (n,)
        Rows.
    sums, low, high : dict
        Name -> a number for each group, float64 (n,); NaN where there is none.
    """

    keys: Any
    count: Tensor
    sums: Mapping[str, Tensor]
    low: Mapping[str, Tensor]
    high: Mapping[str, Tensor]


class Adder(Protocol):
    """An engine that adds up. Its expressions are its own, for each row of its table; + - * / ** & ~ and comparisons join them."""

    @property
    def name(self) -> str:
        """As people call it."""

    @property
    def returned(self) -> int:
        """How many bytes its answers had so far."""

    @property
    def functions(self) -> Mapping[str, Callable[[Any], Any]]:
        """The functions of formulas that it has."""

    def number(self, column: str) -> Any:
        """A column as float64, null where the value is missing. Raises CannotAddError for what is none there."""

    def lacks(self, column: str) -> Any:
        """Where the value of a column is missing."""

    def if_else(self, condition: Any, then: Any, other: Any = None) -> Any:
        """One of two expressions or numbers; None is a missing value."""

    def large(self, column: str) -> bool:
        """Whether a column may hold whole numbers that float64 rounds."""

    def repeats(self, columns: Sequence[str]) -> bool:
        """Whether the first rows have few different values in these columns, so that it is worth counting those of all."""

    def distinct(self, columns: Sequence[str], most: int) -> int | None:
        """How many different rows these columns have; None where there are more than `most`."""

    def added(
        self,
        values: Mapping[str, Any],
        sums: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        *,
        where: Any = None,
        keys: Sequence[str] = (),
        ends: Sequence[str] = (),
    ) -> Added:
        """Sums over the rows `where` a condition holds, for each group of rows that are alike in the columns `keys`.

        `values` are computed first, each once for a row; `sums` makes of them what is added up, and `ends` names those of which the
        least and the largest are wanted. Missing values are not added. Raises CannotAddError where the engine fails.
        """

    def say(self, sentence: str) -> None:
        """What people should know of how it was added up."""


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

    def inside(self, engine: Adder) -> PartT | None:
        """The part of all rows of an engine's table, from what it adds up; None: the pass needs the rows. Raises CannotAddError."""
        del engine
        return None


class Waiting(ABC):
    """A part with a number for each of many keys, a dataclass: others wait in `waiting` until they have as many keys as it has itself.

    To merge costs as much as there are keys; so every key is merged a few times only, however many batches there are.
    """

    __slots__ = ()
    waiting: tuple[Self, ...]
    least: ClassVar[int] = 0  # keys that may wait in any case

    @property
    @abstractmethod
    def size(self) -> int:
        """How many keys it has, without those that wait."""

    @abstractmethod
    def merged(self, parts: Sequence[Self]) -> Self:
        """The sum of this part without what waits, which comes first, and others of which none waits."""

    def __add__(self, other: Self) -> Self:
        found: Self = replace(self, waiting=(*self.waiting, other))  # type: ignore[type-var]  # every part is a dataclass
        return found if sum(part.size for part in found.waiting) < max(self.least, self.size) else found.settled()

    def settled(self) -> Self:
        """The same with all parts merged."""
        if not self.waiting:
            return self
        alone: Self = replace(self, waiting=())  # type: ignore[type-var]  # likewise
        return self.merged([alone, *(part.settled() for part in self.waiting)])


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
