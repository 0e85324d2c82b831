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
