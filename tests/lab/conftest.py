"""One server for all tests that only ask it things."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.served import Served, serving


@pytest.fixture(scope="session")
def lab() -> Iterator[Served]:
    with serving() as served:
        yield served
