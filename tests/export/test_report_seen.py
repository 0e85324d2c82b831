"""Reports in a browser: legible on a screen and a phone, in light and in dark colours, on paper, and for those who listen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bestline as bl
from hard import NAMES, TARGET, hard_table
from pictures.walks import PENGUINS
from seen import Seen, assert_legible, assert_ordered

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")

HARD = f"{TARGET} ~ {' + '.join(NAMES)}"
LINE = "body_mass_g ~ flipper_length_mm + species + sex"
MODELS: dict[str, Callable[[], Any]] = {
    "hard": lambda: bl.fit(hard_table(2_000), HARD),
    "hard_lasso": lambda: bl.fit(hard_table(2_000), HARD, cv="lasso"),
    "hard_descent": lambda: bl.fit(hard_table(2_000), HARD, solver="sgd", steps=60),
    "several": lambda: bl.fit(PENGUINS, "body_mass_g + bill_depth_mm ~ flipper_length_mm + sex", missing="drop"),
    "quantile": lambda: bl.fit(PENGUINS, LINE, missing="drop", loss="quantile:0.9"),
    "diverged": lambda: bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=3.0, steps=50),
}


@pytest.fixture
def see(browser: Any, tmp_path: Path) -> Iterator[Callable[[str], Seen]]:
    opened: list[Seen] = []

    def one(name: str) -> Seen:
        opened.append(Seen(browser, tmp_path / f"{name}.html", MODELS[name]().report().html))
        return opened[-1]

    yield one
    for seen in opened:
        seen.context.close()


@pytest.mark.parametrize("name", MODELS)
def test_a_report_is_legible_on_any_screen(see: Callable[[str], Seen], name: str) -> None:
    seen = see(name)
    assert_legible(seen)
    assert_ordered(seen)


def test_a_report_is_printed_in_light_colours_whatever_the_screen(see: Callable[[str], Seen]) -> None:
    seen = see("hard").shown(scheme="dark")
    assert all(picture["light"] < 0.5 for picture in seen.pictures())
    seen.shown(scheme="dark", media="print")
    pictures = seen.pictures()
    assert len(pictures) >= 3
    assert all(picture["light"] > 0.5 for picture in pictures)
    assert seen.faint() == []
    assert not any(box["says"] for box in seen.boxes())


def test_a_wide_table_moves_by_key_and_its_first_column_stays(see: Callable[[str], Seen]) -> None:
    page = see("hard").shown(width=390).page
    box = page.locator(".sideways").first
    head = box.locator("tbody th").first
    before = head.bounding_box()
    assert before["width"] < 200  # a name of 70 letters leaves room for numbers
    box.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.sideways').scrollLeft > 20")
    assert head.bounding_box()["x"] == before["x"]
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.fixture
def cards(browser: Any, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    contexts = []

    def one(name: str) -> Any:
        (tmp_path / "card.html").write_text(
            f"<!doctype html><meta charset=utf-8><body>{MODELS[name]()._repr_html_()}", encoding="utf-8"
        )
        contexts.append(browser.new_context(viewport={"width": 600, "height": 800}))
        page = contexts[-1].new_page()
        page.goto((tmp_path / "card.html").as_uri())
        return page

    yield one
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", ["hard", "several"])
def test_a_card_is_no_wider_than_its_cell_and_its_numbers_stand_below_each_other(
    cards: Callable[[str], Any], name: str
) -> None:
    page = cards(name)
    assert page.evaluate("() => document.scrollingElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(
        "() => [...document.querySelectorAll('td')].every((cell) => getComputedStyle(cell).textAlign === 'right')"
    )
    assert len(page.locator("b").first.inner_text()) < 120  # a long formula by the number of its columns


def test_a_level_is_broken_before_its_bracket_and_not_inside(browser: Any, tmp_path: Path) -> None:
    seen = Seen(browser, tmp_path / "page.html", bl.fit(PENGUINS, LINE, missing="drop").report().html).shown(width=390)
    cell = seen.page.locator("tbody th", has_text="Chinstrap").first
    assert cell.locator("wbr").count() == 1
    heights = [
        seen.page.locator("tbody th", has_text=text).first.bounding_box()["height"] for text in ("Chinstrap", "Intercept")
    ]
    seen.context.close()
    assert heights[0] < 2.5 * heights[1]
