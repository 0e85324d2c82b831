"""Names from right to left in the lab: numbers and signs beside them keep their places, measured in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lab.served import Opened, serving
from pictures.reading import LEFT_ENDS

PRICE, AREA, TOWN = "מחיר", "שטח", "עיר"


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    area, town = rng.uniform(20, 90, 60), np.tile(["חיפה", "אילת", "Haifa"], 20)
    return {AREA: area, TOWN: town, PRICE: 3 * area + 20 * (town == "אילת") + rng.normal(size=60)}


@pytest.fixture(scope="module")
def opened(browser: Any, table: dict[str, Any]) -> Iterator[Opened]:
    with serving(table, f"`{PRICE}` ~ `{AREA}` + `{TOWN}`") as lab:
        page = Opened(browser, lab, "")
        page.ready()
        yield page
        page.context.close()


def test_formula_and_coefficients_are_read_from_left_to_right(opened: Opened) -> None:
    left = opened.page.evaluate(LEFT_ENDS, [".bestline-player h2", [PRICE, "~", AREA, "+", TOWN]])
    assert left == sorted(left)
    opened.tab("Analyst's view")
    opened.page.locator("#panel-analyst th", has_text="[T.").first.wait_for()
    left = opened.page.evaluate(LEFT_ENDS, ["#panel-analyst h2, #panel-analyst h3", [PRICE, "~", AREA, "+", TOWN]])
    assert left == sorted(left)
    left = opened.page.evaluate(LEFT_ENDS, ["#panel-analyst table", [TOWN, "[T."]])
    assert left == sorted(left)
