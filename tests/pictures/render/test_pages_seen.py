"""Pages of sweeps and of training in a browser, of a table with thirty long names: legible on any screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bestline as bl
from bestline.pictures.sweep_file import write_sweep
from bestline.pictures.watch import page_of
from hard import NAMES, TARGET, hard_table
from seen import Seen, assert_legible, assert_ordered

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")

HARD = f"{TARGET} ~ {' + '.join(NAMES)}"


def swept(folder: Path) -> str:
    write_sweep(folder / "runs.html", bl.sweep(hard_table(2_000), HARD, steps=20))
    return (folder / "runs.html").read_text(encoding="utf-8")


def watched(_: Path) -> str:
    return bl.fit(hard_table(2_000), HARD, solver="sgd", steps=60).watch().html


def compared(_: Path) -> str:
    runs = {
        f"{solver} of a name that goes on and on": bl.fit(hard_table(2_000), HARD, solver=solver, lr=0.05, steps=40)
        for solver in ("sgd", "adam")
    }
    return page_of(runs).html


PAGES = {"swept": swept, "watched": watched, "compared": compared}


@pytest.fixture
def see(browser: Any, tmp_path: Path) -> Iterator[Callable[[str], Seen]]:
    opened: list[Seen] = []

    def one(name: str) -> Seen:
        opened.append(Seen(browser, tmp_path / "page.html", PAGES[name](tmp_path)))
        return opened[-1]

    yield one
    for seen in opened:
        seen.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_thirty_long_names_is_legible_on_any_screen(see: Callable[[str], Seen], name: str) -> None:
    seen = see(name)
    # The tables and the keys as well, where there is a player.
    for act in ("table", "help"):
        for button in seen.page.locator(f"[data-act={act}]").all():
            button.click()
    assert_legible(seen)
    assert_ordered(seen)
    assert any(box["says"] for box in seen.boxes())  # on the phone, on which the page was seen last


def test_the_first_column_of_a_table_of_steps_stays(see: Callable[[str], Seen]) -> None:
    page = see("watched").shown(width=390).page
    page.locator("[data-act=table]").click()
    box = page.locator(".bl-steps .bl-table")
    head = box.locator("tbody th").first
    before = head.bounding_box()["x"]
    box.evaluate("(box) => { box.scrollLeft = 150; }")
    assert box.evaluate("(box) => box.scrollLeft") == 150
    assert head.bounding_box()["x"] == before


def test_a_player_says_how_many_weights_it_shows_and_breaks_its_heading_between_words(see: Callable[[str], Seen]) -> None:
    page = see("watched").page
    page.locator("[data-act=table]").first.click()
    assert "12 of 31 weights are shown" in page.locator("caption").first.inner_text()
    heading = page.locator(".bestline-player h2")
    assert heading.locator("wbr").count() == TARGET.count("_")


def test_a_sweep_page_says_in_words_what_its_columns_are(see: Callable[[str], Seen]) -> None:
    heads = see("swept").page.locator("thead th").all_inner_texts()
    assert {"learning rate", "steps to 1 %", "diverged at step"} <= set(heads)
    assert not any("_" in head for head in heads)
