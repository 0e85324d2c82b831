"""What a room's `__init__.py` says of itself is true: whatever it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "bestline"
ROOMS = sorted(path for path in SRC.rglob("__init__.py") if path.parent != SRC)


def room_of(path: Path) -> str:
    return path.parent.relative_to(SRC).as_posix()


def test_there_are_rooms():
    assert len(ROOMS) > 10


@pytest.mark.parametrize("path", ROOMS, ids=room_of)
def test_a_room_says_what_it_is_and_names_what_is_there(path: Path):
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert said
    assert len(said.splitlines()) >= 3, "its job, its contract and its door"
    sources = [file.read_text(encoding="utf-8") for file in path.parent.rglob("*") if file.suffix in {".py", ".js"}]
    code = "\n".join(sources).replace(said, "")
    for name in re.findall(r"`([\w.]+)[^`]*`", said):
        last = name.split(".")[-1]
        module = any((path.parent / f"{last}{ending}").exists() for ending in (".py", ".js", ""))
        elsewhere = (SRC / name.removeprefix("bestline.").replace(".", "/")).with_suffix(".py").exists()
        assert module or elsewhere or re.search(rf"\b{last}\b", code), f"{name} is not in {room_of(path)}"
