"""The store: bounded in number, in bytes and in time, whatever comes in which order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestline.lab.refused import Refused
from bestline.lab.store import Store


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_used_longest_ago_goes_first():
    gone: list[str] = []
    store: Store[str] = Store("run", 2, 100, 10, gone.append)
    a, b = store.put("a"), store.put("b")
    assert store.get(a) == "a"
    store.put("c")
    assert gone == ["b"]
    with pytest.raises(Refused, match="not kept any more") as no:
        store.get(b)
    assert no.value.status == 404


def test_what_nobody_asks_for_expires():
    gone: list[str] = []
    clock = Clock()
    store: Store[str] = Store("run", 9, 100, 10, gone.append, clock)
    a, b = store.put("a"), store.put("b")
    clock.now = 9
    store.get(a)
    clock.now = 15
    assert store.get(a) == "a"
    assert gone == ["b"]
    with pytest.raises(Refused):
        store.get(b)


def test_one_that_grows_pushes_the_others_out():
    gone: list[str] = []
    store: Store[str] = Store("run", 9, 100, 10, gone.append)
    a, _ = store.put("a", 10), store.put("b", 10)
    store.sized(a, 95)
    assert gone == ["b"]
    assert store.get(a) == "a"


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=60))
def test_never_more_than_bearable_and_nothing_is_lost_unsaid(puts):
    gone: list[int] = []
    store: Store[int] = Store("run", 5, 100, 10, gone.append)
    keys: list[str] = []
    for i, (size, again) in enumerate(puts):
        keys.append(store.put(i, size))
        if again and keys[0] in store._entries:
            store.get(keys[0])
        sizes = [entry.size for entry in store._entries.values()]
        assert len(store) <= 5
        assert sum(sizes) <= 100 or len(store) == 1
        assert store.get(keys[-1]) == i
    assert sorted([*gone, *store.values()]) == list(range(len(puts)))
    store.clear()
    assert sorted(gone) == list(range(len(puts)))
