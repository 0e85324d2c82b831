"""Names from right to left: what is read stands in its order, in text, on pages and in pictures. A browser says where letters are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bestline as bl
from bestline.wording import preformatted
from pictures.reading import LEFT_ENDS

pytestmark = pytest.mark.usefixtures("quiet")

HEIGHT, AGE, TOWN, MASS = "גובה", "العمر", "עיר", "משקל"


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    found = {HEIGHT: rng.normal(170, 10, 90), AGE: rng.normal(40, 10, 90), TOWN: rng.choice(["חיפה", "القدس", "Haifa"], 90)}
    return {**found, MASS: 2 * found[HEIGHT] + found[AGE] + rng.normal(size=90)}


@pytest.fixture
def seen(browser: Any, tmp_path: Path) -> Any:
    page = browser.new_page()

    def places(html: str, within: str, *texts: str) -> list[float]:
        path = tmp_path / "page.html"
        path.write_text(html if "<html" in html else f'<!doctype html><meta charset="utf-8">{html}', encoding="utf-8")
        page.goto(path.as_uri())
        if "data-panel" in html:
            page.wait_for_selector(".bestline-player[data-k]")
        return page.evaluate(LEFT_ENDS, [within, texts])

    yield places
    page.close()


def test_a_row_of_a_printed_table_is_read_from_left_to_right(table: dict[str, Any], seen: Any) -> None:
    model = bl.fit(table, target=MASS)
    row = next(line for line in str(model.summary()).splitlines() if HEIGHT in line and "~" not in line)
    estimate, error = row.split()[1:3]
    left = seen(preformatted(row), "pre", HEIGHT, estimate, error)
    assert left == sorted(left)
    both = next(line for line in str(bl.table([model, model])).splitlines() if HEIGHT in line)
    assert row.index(estimate) > row.index(HEIGHT)
    left = seen(f"<pre>{both}</pre>", "pre", HEIGHT, both.split()[1])
    assert left == sorted(left)


def test_a_formula_and_a_term_are_read_from_left_to_right(table: dict[str, Any], seen: Any) -> None:
    head = str(bl.fit(table, target=MASS).summary()).splitlines()[0]
    left = seen(f"<pre>{head}</pre>", "pre", MASS, "~", HEIGHT, AGE)
    assert left == sorted(left)
    left = seen(bl.fit(table, target=MASS).report().html, "table", TOWN, "[T.")
    assert left == sorted(left)


def test_the_players_equation_is_read_from_left_to_right(table: dict[str, Any], seen: Any) -> None:
    run = bl.fit(table, target=MASS, features=[HEIGHT, AGE], solver="sgd", steps=5)
    html = run.watch().html
    left = seen(html, ".bl-equation", MASS, " = ", HEIGHT, AGE)
    assert left == sorted(left)
    left = seen(html, "h2", MASS, "~", HEIGHT, "+")
    assert left == sorted(left)


def test_files_of_data_have_names_as_they_are(table: dict[str, Any], tmp_path: Path) -> None:
    model = bl.fit(table, target=MASS)
    for ending in ("csv", "md", "tex"):
        bl.table([model]).save(tmp_path / f"models.{ending}")
        text = (tmp_path / f"models.{ending}").read_text(encoding="utf-8")
        assert HEIGHT in text
        assert "\u200e" not in text
    assert "\u200e" not in json.dumps(model.summary().facts, ensure_ascii=False, default=str)
    assert "\u200e" not in "".join(model.tidy()["term"])


def test_a_picture_has_the_marks_that_keep_its_texts_in_order(table: dict[str, Any]) -> None:
    figure = bl.fit(table, target=MASS).plot.coefficients()
    ticks = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert f"\u200e{TOWN}\u200e[T.\u200eחיפה\u200e]" in ticks
    assert "\u200e" not in figure.alt
