"""What the pages of promises say checks them is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["docs/reliability.md", ".github/SECURITY.md"])
def test_the_checks_that_are_named_exist(page: str) -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", (ROOT / page).read_text(encoding="utf-8"))
    assert len(named) > 4
    assert [name for name in named if not (ROOT / name).exists()] == []
