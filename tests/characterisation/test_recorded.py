"""Every feature says what it said before: all numbers to rounding, all words as they were.

Where something is meant to change, `python tests/characterisation/test_recorded.py NAME...` writes anew what the cases whose
names begin so say; read the difference before you keep it.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import pytest

import characterisation.drawn
import characterisation.learnt
import characterisation.lines
import characterisation.refused
import characterisation.usual
import characterisation.written  # noqa: F401  each adds cases of its own
from bestline.errors import BestlineWarning
from characterisation.cases import CASES
from characterisation.told import apart, told

RECORDED = Path(__file__).with_name("recorded.json")


def now(name: str) -> object:
    """What a case says, with the warnings it gives."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        said = told(CASES[name]())
    return {
        "said": said,
        "warned": [
            str(w.message)
            for w in heard
            if issubclass(w.category, BestlineWarning) and not issubclass(w.category, FutureWarning)
        ],
    }


@pytest.mark.parametrize("name", CASES)
def test_it_says_what_it_said(name, recorded):
    difference = apart(recorded[name], json.loads(json.dumps(now(name))))
    assert not difference, "\n".join(difference[:20])


@pytest.fixture(scope="module")
def recorded():
    return json.loads(RECORDED.read_text(encoding="utf-8"))


def test_nothing_is_recorded_that_is_not_asked(recorded):
    assert recorded.keys() == CASES.keys()


if __name__ == "__main__":
    kept = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    chosen = [name for name in CASES if name.startswith(tuple(sys.argv[1:]) or ("",))]
    kept |= {name: now(name) for name in chosen}
    lines = [f"{json.dumps(name)}: {json.dumps(kept[name], separators=(',', ':'))}" for name in CASES if name in kept]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
