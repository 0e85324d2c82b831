"""Which columns the lab begins with, of tables of every kind, and what it says of its choice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bestline.lab.tables import table

N = 40
A, NOISE, FAR = np.random.default_rng(8).normal(size=(3, N)) * [[9.0], [1.0], [1.0]] + [[50.0], [0.0], [0.0]]
NEAR = A + NOISE
TRUTH = (A > 50).astype(int)
WORDS = ["red", "blue"] * (N // 2)
COUNT = np.arange(1, N + 1)

TABLES: dict[str, tuple[dict[str, Any], str, list[str], str]] = {
    "named y": ({"y": A, "x": NEAR, "z": FAR}, "y", ["x"], "its name is that of a target"),
    "named target": ({"target": A, "x": FAR, "z": NEAR}, "target", ["z"], "its name is that of a target"),
    "the last word of its name": ({"sale_price": A, "rooms": NEAR, "age": FAR}, "sale_price", ["rooms"], "its name"),
    "in two words": ({"House Price": A, "rooms": NEAR, "age": FAR}, "House Price", ["rooms"], "its name"),
    "a part of a word is no word": ({"enterprice": NEAR, "rooms": A}, "rooms", ["enterprice"], "the last column"),
    "truth last": ({"area": NEAR, "rent": A, "pool": TRUTH}, "rent", ["area"], "the last column of numbers that vary"),
    "truth alone": ({"age": A, "smoker": TRUTH}, "age", ["smoker"], "the last column"),
    "rows numbered under another name": ({"passenger": COUNT, "age": NEAR, "fare": A}, "fare", ["age"], "the last column"),
    "nothing but a count and a target": ({"t": COUNT, "height": A}, "height", ["t"], "the last column"),
    "an id": ({"id": COUNT[::-1], "x": NEAR, "w": A}, "w", ["x"], "the last column"),
    "a constant last": ({"x": NEAR, "w": A, "k": np.ones(N)}, "w", ["x"], "the last column"),
    "one number, and words": ({"colour": WORDS, "weight": A}, "weight", ["colour"], "the last column"),
    "one number": ({"weight": A}, "weight", [], "the last column"),
}


@pytest.mark.parametrize("name", TABLES)
def test_what_it_begins_with_and_why(name: str) -> None:
    data, target, features, why = TABLES[name]
    found = table("own", data)
    assert (found.first["target"], found.first["features"]) == (target, features)
    assert found.about.startswith(f"`{target}` is taken as the target: ")
    assert why in found.about
    assert found.about.endswith("Any other can be chosen.")
    assert ("goes with it most closely" in found.about) == (
        len([c for c in data if c not in ("passenger", "id", "k", target)]) > 1
    )


def test_words_alone_have_no_target() -> None:
    found = table("own", {"colour": WORDS, "kind": WORDS[::-1]})
    assert not found.first
    assert found.about == "No column holds numbers; a line needs a target that does."


def test_what_is_asked_for_is_no_guess() -> None:
    found = table("own", {"x": NEAR, "y": A}, formula="x ~ y")
    assert (dict(found.first), found.about) == ({"formula": "x ~ y"}, "")
