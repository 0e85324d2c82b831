"""Examples of which a few are tried every time, and all by CI."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def long(examples: Iterable[Any], *, quick: Collection[Any]) -> list[Any]:
    """The examples for `parametrize`; all but the quick ones belong to a long search."""
    return [example if example in quick else pytest.param(example, marks=pytest.mark.heavy) for example in examples]
