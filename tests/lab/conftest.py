"""One server for all tests that only ask it things, and its page in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab.served import Opened, Served, serving


@pytest.fixture(scope="session")
def lab() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture
def open_lab(browser: Any, lab: Served) -> Iterator[Any]:
    """`open_lab()`: the page in a context of its own; `more` stands behind its token, other words are of the context."""
    opened: list[Opened] = []

    def one(more: str = "", *, ready: bool = True, **context: Any) -> Opened:
        opened.append(Opened(browser, lab, more, **context))
        if ready:
            opened[-1].ready()
        return opened[-1]

    yield one
    for page in opened:
        page.context.close()
