"""Pages of sweeps and of training in a browser, of a table with thirty long names: legible on any screen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bestline as bl
from bestline.pictures.sweep_file import write_sweep
from bestline.pictures.watch import page_of
from hard import NAMES, TARGET, hard_table
from pictures.player.test_canvas import RECORD
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
    assert {"learning rate", "steps to 1%", "diverged at step"} <= set(heads)
    assert not any("_" in head for head in heads)


@pytest.fixture
def phone(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """The player of the hard table on a phone, on which everything that is drawn is taken down."""
    (tmp_path / "page.html").write_text(watched(tmp_path), encoding="utf-8")
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 390, "height": 844})
    context.add_init_script(RECORD)
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    page.wait_for_selector(".bestline-player[data-k]")
    yield page
    context.close()


def test_names_on_a_phone_are_whole_or_have_one_gap_and_nothing_hides_them(phone: Any) -> None:
    extent = "([panel, font, text]) => { const c = document.querySelector(`[data-panel=${panel}] canvas`), x = c.getContext('2d'); x.save(); x.font = font; const w = x.measureText(text).width; x.restore(); return [w, c.height / devicePixelRatio]; }"
    for panel in ("data", "contour", "loss", "surface"):
        drawn = phone.evaluate("(panel) => recorded(panel)", panel)
        texts = [op for op in drawn if op["kind"] == "text"]
        assert len(texts) > 4
        assert [op["text"] for op in texts if op["text"].count("\u2026") > 1] == []
        upright = [op for op in texts if op["at"][0] < 24 and op["align"] == "center"]  # names of axes that go upwards
        assert bool(upright) == (panel != "surface")
        for op in upright:
            wide, high = phone.evaluate(extent, [panel, op["font"], op["text"]])
            assert wide / 2 <= op["at"][1] <= high - wide / 2, op["text"]
    data = [op["text"] for op in phone.evaluate("() => recorded('data')") if op["kind"] == "text"]
    (name,) = [text for text in data if text.startswith("predicted")]
    assert name.endswith("hours")  # beside the number that its ticks are counted from, which is as long
    space = phone.evaluate("() => recorded('surface')")
    at = [i for i, op in enumerate(space) if op["kind"] == "text" and op["text"].startswith("loss, in units of")]
    assert at
    pieces = [
        i for i, op in enumerate(space) if op["kind"] == "fill" and len(op["path"]) >= 4
    ]  # of the surface, and a few marks
    assert len(pieces) > 300
    assert sum(i > at[-1] for i in pieces) < 10
    names = [op["text"] for op in space if op["kind"] == "text" and op["align"] == "left"]
    assert {"temperature\u2026", "inlet"} <= set(names)  # in two lines, no word of it cut
    words = {word for name in (*NAMES, TARGET) for word in name.split("_")} | {
        "predicted",
        "actual",
        "weight",
        "of",
        "counted",
        "from",
    }
    named = [op["text"] for op in texts_of(phone) if "\u2026" in op["text"]]
    assert len(named) >= 4
    assert [text for text in named if not {*re.split(r"[ _\u2026]+", text)} <= {*words, ""}] == []


def texts_of(phone: Any) -> list[dict[str, Any]]:
    """What is written on all canvases."""
    return [
        op
        for panel in ("data", "contour", "loss", "surface")
        for op in phone.evaluate("(panel) => recorded(panel)", panel)
        if op["kind"] == "text"
    ]
