"""Keys and switches on real pages, and what is drawn when they are used: the arrow is where the next step goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bestline as bl
from bestline.pictures.render.html import page
from bestline.pictures.watch import session_of
from pictures.player.pages import Shown

# Every line and word drawn on a canvas since it was last cleared, those of a canvas that was copied to it too.
LISTEN = """(() => {
  const canvas = CanvasRenderingContext2D.prototype, drawn = new WeakMap(), on = (place) => drawn.get(place) ?? drawn.set(place, { lines: [], words: [] }).get(place);
  const wrap = (name, before) => { const real = canvas[name]; canvas[name] = function (...given) { before(this, given); return real.apply(this, given); }; };
  wrap("setTransform", (ctx) => drawn.delete(ctx.canvas));
  wrap("beginPath", (ctx) => (ctx.going = []));
  for (const name of ["moveTo", "lineTo"]) wrap(name, (ctx, place) => ctx.going?.push(place));
  wrap("stroke", (ctx) => on(ctx.canvas).lines.push({ places: [...(ctx.going ?? [])], colour: ctx.strokeStyle, width: ctx.lineWidth }));
  wrap("fillText", (ctx, [text]) => on(ctx.canvas).words.push(text));
  wrap("drawImage", (ctx, [from]) => { for (const kind of ["lines", "words"]) on(ctx.canvas)[kind].push(...on(from)[kind]); });
  globalThis.drawn = (panel) => on(document.querySelector(`[data-panel=${panel}] canvas`));
})()"""
INK, RED = "#1f2328", "#d55e00"
STEPS = 12


def trained(**how: Any) -> dict[str, Any]:
    x = np.linspace(8, 14, 30)
    model = bl.fit(
        {"x": x, "y": 3 * x - 5 + np.sin(9 * x)},
        "y ~ x",
        **{"solver": "sgd", "lr": 0.07, "steps": STEPS, "start": [-2, 60], **how},
    )
    return session_of(model)


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Any:
    shown: list[Shown] = []

    def one(session: dict[str, Any], **how: Any) -> Shown:
        shown.append(Shown(browser, tmp_path / "page.html", page(session).html, before=LISTEN, **how))
        return shown[-1]

    yield one
    for page_shown in shown:
        page_shown.context.close()


def drawn(shown: Shown) -> tuple[np.ndarray, np.ndarray | None]:
    """Where the followed run is on the contours, in pixels, and which way its arrow points."""
    shown.settle()
    lines = shown.page.evaluate("() => globalThis.drawn('contour').lines")
    path = [line["places"] for line in lines if line["colour"] == RED and line["width"] == 2]
    shafts = [line["places"] for line in lines if line["colour"] == INK and line["width"] == 2 and len(line["places"]) == 2]
    return np.array(path[0][-1]), np.subtract(shafts[0][1], shafts[0][0]) if shafts else None


@pytest.mark.parametrize("key", ["", "u"])
def test_the_dot_goes_along_the_arrow_in_both_views(opened: Any, key: str) -> None:
    shown = opened(trained())
    if key:
        shown.page.keyboard.press(key)
    seen = 0
    at, arrow = drawn(shown)
    for _ in range(STEPS):
        shown.page.keyboard.press("ArrowRight")
        now, following = drawn(shown)
        if arrow is not None and np.hypot(*(now - at)) > 1:
            way = now - at
            np.testing.assert_allclose(arrow / np.hypot(*arrow), way / np.hypot(*way), atol=1e-4)
            seen += 1
        at, arrow = now, following
    assert seen > 3
    assert shown.wrong == []


def test_the_switch_turns_axes_contours_and_words(opened: Any) -> None:
    session = trained()
    shown = opened(session)
    switch, contour = shown.page.locator("[data-act=trained]"), shown.page.locator("[data-panel=contour] canvas")
    data = contour.screenshot()
    assert switch.inner_text() == "as trained"
    switch.click()
    shown.settle()
    assert switch.get_attribute("aria-pressed") == "true"
    shown.page.wait_for_selector("[data-panel=contour] canvas[aria-label*='(as trained)']")  # words come after the picture
    assert contour.screenshot() != data
    for panel in ("contour", "surface"):
        assert "(as trained)" in str(shown.page.locator(f"[data-panel={panel}] h3").get_attribute("title"))
    switch.click()
    shown.settle()
    assert contour.screenshot() == data
    assert session["arrow"] in shown.text("footer")
    assert shown.wrong == []


def test_there_is_no_switch_where_columns_are_trained_as_they_are(opened: Any) -> None:
    shown = opened(trained(standardize=False, lr=0.001))
    assert not shown.page.locator("[data-act=trained]").is_visible()
    shown.page.keyboard.press("u")
    assert not shown.page.evaluate("() => bestline.state().trained")
    assert shown.wrong == []


def test_keys_work_as_soon_as_the_page_is_open(opened: Any) -> None:
    shown = opened(trained())
    for key, k in [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", STEPS), ("Home", 0)]:
        shown.page.keyboard.press(key)
        assert shown.k() == k, key
    shown.page.keyboard.press("Space")
    shown.settle()
    assert shown.page.locator("[data-playing=true]").count() == 1
    shown.page.keyboard.press("Space")
    shown.settle()
    assert shown.page.locator("[data-playing=false]").count() == 1


def test_keys_are_not_taken_from_what_is_typed_into(opened: Any) -> None:
    shown = opened(trained())
    shown.page.evaluate(
        "() => { const field = document.createElement('input'); field.id = 'own'; document.body.append(field); field.focus(); }"
    )
    shown.page.keyboard.type("l u b ")
    shown.page.keyboard.press("ArrowRight")
    shown.page.keyboard.press("Home")
    assert shown.k() == 0
    assert shown.page.locator("#own").input_value() == "l u b "
    shown.page.locator("[data-act=forward]").focus()
    shown.page.keyboard.press("Space")
    assert shown.k() == 1, "Space on a button is the button's"
    shown.page.locator("select[aria-label=Speed]").focus()
    shown.page.keyboard.press("ArrowDown")
    shown.page.keyboard.press("Home")
    assert shown.k() == 1


def test_in_a_frame_keys_are_heard_only_where_it_has_the_focus(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "inner.html").write_text(page(trained()).html, encoding="utf-8")
    outer = tmp_path / "outer.html"
    outer.write_text(
        "<!DOCTYPE html><link rel=icon href='data:,'><p>text</p><iframe src=inner.html width=1200 height=900></iframe>",
        encoding="utf-8",
    )
    context = browser.new_context(viewport={"width": 1280, "height": 950}, reduced_motion="reduce")
    try:
        view = context.new_page()
        view.goto(outer.as_uri())
        inner = view.frame_locator("iframe").locator(".bestline-player")
        inner.wait_for()
        view.keyboard.press("ArrowRight")
        view.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert inner.get_attribute("data-k") == "0"
        assert view.evaluate("() => document.activeElement.tagName") == "BODY", "the page keeps the focus"
        inner.locator("h2").click()
        view.keyboard.press("ArrowRight")
        view.frame_locator("iframe").locator(".bestline-player[data-k='1']").wait_for(timeout=60_000)
    finally:
        context.close()


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_over_one_row_the_origin_is_in_sight(opened: Any) -> None:
    model = bl.fit({"x": [5.0], "y": [10.0]}, "y ~ x - 1", solver="sgd", lr=0.01, steps=9, standardize=False, start=[0.5])
    shown = opened(session_of(model))
    shown.settle()
    zero = [text for text in shown.page.evaluate("() => globalThis.drawn('data').words") if text in ("0", "0.0")]
    assert len(zero) == 2, "on both axes"
    assert shown.page.evaluate("() => globalThis.drawn('loss').words").count("2") == 1, "whole updates"
