"""Parts that wait: however they add up, and in whatever order, what they settle to is the sum; and each is merged a few times only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestline.data.passes import Waiting

MOVED: Counter[str] = Counter()


@dataclass(frozen=True, slots=True)
class Tally(Waiting):
    counts: tuple[tuple[str, int], ...]
    waiting: tuple[Tally, ...] = ()

    @property
    def size(self) -> int:
        return len(self.counts)

    def merged(self, parts: Sequence[Tally]) -> Tally:
        assert not any(part.waiting for part in parts)
        found: Counter[str] = Counter()
        for part in parts:
            MOVED["keys"] += part.size
            found.update(dict(part.counts))
        return Tally(tuple(found.items()))


@dataclass(frozen=True, slots=True)
class Patient(Tally):
    least: ClassVar[int] = 50


@given(st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 9)), max_size=12), st.randoms())
@pytest.mark.parametrize("kind", [Tally, Patient])
def test_what_settles_is_the_sum(kind: type[Tally], batches: list[dict[str, int]], random) -> None:
    parts = [kind(()), *(kind(tuple(batch.items())) for batch in batches)]
    while len(parts) > 1:  # as threads add them: any two
        i = random.randrange(len(parts) - 1)
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    assert dict(parts[0].settled().counts) == reduce(add, map(Counter, batches), Counter())


def test_keys_are_merged_a_few_times_only() -> None:
    MOVED.clear()
    number = 1_000
    parts = [Tally(((str(i), 1),)) for i in range(number)]
    assert reduce(add, parts).settled().size == number
    assert MOVED["keys"] < 4 * number  # one after the other it would be half a million
