"""The contracts of import-linter: every room is fenced, nothing is ignored, and imports for types count."""

from __future__ import annotations

import tomllib

from architecture.house import ROOT, SRC

LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]


def test_nothing_is_ignored_and_imports_for_types_count():
    assert not LINTER.get("exclude_type_checking_imports", False)
    for contract in LINTER["contracts"]:
        assert "ignore_imports" not in contract, contract["name"]
        assert contract["type"] != "layers" or contract.get("exhaustive") is True, contract["name"]


def test_every_room_with_parts_is_fenced():
    """A package of three modules and more has an order of its own."""
    fenced = {container for contract in LINTER["contracts"] for container in contract.get("containers", ())}
    rooms = {
        ".".join(("bestline", *path.parent.relative_to(SRC).parts))
        for path in SRC.rglob("__init__.py")
        if len([p for p in path.parent.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()]) > 3
    }
    assert not rooms - fenced
