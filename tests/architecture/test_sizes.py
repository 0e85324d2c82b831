"""How large things may be: entries at the root, lines of a file, and how much of it is explained."""

from __future__ import annotations

import ast

from architecture.house import SRC, modules

MOST_ENTRIES = 16  # at the root: what one takes in at a glance
MOST_LINES = {".py": 500, ".js": 350}  # a file fits a sitting
FEWEST_COMMENTS = 4  # in a hundred lines


def test_the_root_has_few_entries():
    """What is empty but for compiled files is left over from another version and no entry."""
    entries = [
        entry.name
        for entry in SRC.iterdir()
        if not entry.name.startswith("__")
        and entry.name != "py.typed"
        and (entry.is_file() or any(path.is_file() and path.suffix != ".pyc" for path in entry.rglob("*")))
    ]
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


def test_a_file_fits_a_sitting():
    lengths = {
        path.relative_to(SRC).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in SRC.rglob("*")
        if path.suffix in MOST_LINES
    }
    too_long = {place: n for place, n in lengths.items() if n > MOST_LINES["." + place.rpartition(".")[2]]}
    assert not too_long


def test_what_is_hard_is_explained():
    lines = [line for module in modules().values() for line in module.lines]
    comments = [line for line in lines if line.lstrip().startswith("#") or "  # " in line]
    assert len(comments) >= FEWEST_COMMENTS / 100 * len(lines)


def test_every_module_opens_with_a_sentence():
    for module in modules().values():
        opening = ast.get_docstring(module.tree)
        assert opening or not module.tree.body, f"{module.place} says nothing of itself"
        assert opening is None or not opening.startswith("TODO"), f"{module.place} says nothing of itself yet"
