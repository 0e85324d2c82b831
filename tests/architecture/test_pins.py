"""Everything that development installs is pinned by version and hash, and the pins are what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
BY_CONSTRAINT = {"torch", "bestline"}  # torch's builds differ by accelerator: constraints.txt bounds it


def pinned() -> dict[str, list[tuple[str, int]]]:
    """Versions of each package, one for some Pythons and another for others, and how many hashes each has."""
    found: dict[str, list[tuple[str, int]]] = {}
    lists = "\n".join((ROOT / ".ci" / name).read_text(encoding="utf-8").strip() for name in ("development.txt", "engines.txt"))
    for entry in sorted({*re.split(r"\n(?=\S)", lists)}):  # what both name is one
        name, version = re.match(r"([\w.-]+)==([\w.!+]+)", entry).groups()  # type: ignore[union-attr]
        found.setdefault(canonicalize_name(name), []).append((version, entry.count("--hash=sha256:")))
    return found


def asked() -> list[str]:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lists = [
        told["project"]["dependencies"],
        told["build-system"]["requires"],
        *told["project"]["optional-dependencies"].values(),
    ]
    return sorted({text for entries in lists for text in entries})


@pytest.mark.parametrize("text", asked())
def test_what_is_asked_for_is_pinned(text: str) -> None:
    wanted = Requirement(text)
    if wanted.name in BY_CONSTRAINT:
        assert canonicalize_name(wanted.name) not in pinned()
        return
    versions = pinned()[canonicalize_name(wanted.name)]
    assert all(wanted.specifier.contains(version) for version, _ in versions)


def test_every_pin_has_a_hash() -> None:
    assert len(pinned()) > 80
    assert all(hashes > 0 for versions in pinned().values() for _, hashes in versions)
