"""The player on real pages in a browser, judged by what can be seen and done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bestline.pictures import player
from pictures.player.pages import LOOK, Shown

PATH_ON_SURFACE = 1e-9  # relative: both are the same float64 formula


# -- one clock ---------------------------------------------------------------------------------------------------------


def test_it_plays_by_itself_to_the_last_step_and_stops_there(show: Any) -> None:
    shown = show("one", api=True, autoplay=True, reduced_motion="no-preference")
    state = shown.state()
    assert state["playing"]
    shown.page.locator("select[aria-label=Speed]").select_option("4")
    shown.page.wait_for_selector("[data-playing=false]", timeout=60_000)
    assert shown.k() == shown.state()["last"] == 200
    shown.press("play")
    shown.settle()
    assert shown.state()["k"] < 100, "playing again starts from the beginning"
    assert shown.wrong == []


def test_reduced_motion_stops_it_from_playing_by_itself(show: Any) -> None:
    shown = show("one", api=True, autoplay=True, reduced_motion="reduce")
    for _ in range(10):  # frames, each of which would have moved it
        shown.settle()
    assert not shown.state()["playing"]
    assert shown.k() == 0


def test_scrubbing_sets_all_panels_alike(show: Any, sessions: dict[str, Any]) -> None:
    shown = show("one", api=True)
    run = sessions["one"]["runs"][0]
    for k in (0, 1, 57, 200):
        shown.scrub(k)
        assert shown.k() == k
        state = shown.state()["runs"][0]
        assert state["loss"] == run["loss"][k]
        assert state["weights"] == [column[k] for column in run["weights"]]
        assert f"step {k} of 200" in shown.text(".bl-counter")


def test_every_key_does_what_the_help_says(show: Any) -> None:
    shown = show("one", api=True)
    press = shown.page.keyboard.press
    press("ArrowRight")
    assert shown.k() == 0, "keys outside the player are not its own"
    shown.page.locator(".bestline-player").focus()
    for key, k in [
        ("ArrowRight", 1),
        ("Shift+ArrowRight", 11),
        ("ArrowLeft", 10),
        ("End", 200),
        ("ArrowRight", 200),
        ("Home", 0),
    ]:
        press(key)
        assert shown.k() == k, key
    for key, name in [("l", "log"), ("r", "residuals"), ("s", "squares"), ("b", "table")]:
        press(key)
        assert shown.state()[name], key
        assert shown.page.locator(f"[data-act={name}]").get_attribute("aria-pressed") == "true"
    press("t")
    assert shown.state()["theme"] == "dark"
    press("?")
    assert shown.page.locator(".bl-help").is_visible()
    press(" ")
    assert shown.state()["playing"]
    press(" ")
    assert not shown.state()["playing"]
    shown.page.locator(".bestline-player input[type=range]").focus()
    k = shown.k()
    press("ArrowRight")
    assert shown.k() == k + 1
    assert shown.wrong == []


def test_the_surface_is_turned_by_keys_and_by_dragging(show: Any) -> None:
    shown = show("one", api=True)
    canvas = shown.page.locator("[data-panel=surface] canvas")
    pictures = [canvas.screenshot()]
    canvas.focus()
    shown.page.keyboard.press("ArrowLeft")
    pictures.append(canvas.screenshot())
    shown.hover("surface", 0.1, 0.8)
    shown.page.mouse.down()
    shown.hover("surface", 0.3, 0.7)
    shown.page.mouse.up()
    shown.settle()
    pictures.append(canvas.screenshot())
    assert len(set(pictures)) == 3
    assert shown.k() == 0


def test_every_control_has_a_name_and_every_canvas_says_what_is_seen(show: Any) -> None:
    shown = show("several")
    shown.scrub(20)
    shown.page.wait_for_function("() => document.querySelector('[role=status]').textContent.includes('20 updates')")
    nameless = "() => [...document.querySelectorAll('button, select, input, canvas')].filter(e => !e.getAttribute('aria-label')).length"
    assert shown.page.evaluate(nameless) == 0
    for canvas in shown.page.locator("canvas").all():
        assert canvas.get_attribute("role") == "img"
        assert "20 updates" in str(canvas.get_attribute("aria-label"))
    assert "20 updates" in shown.text("[role=status]")


# -- what is shown -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["one", "several", "one_weight", "held_out"])
def test_the_ball_lies_on_the_surface(show: Any, sessions: dict[str, Any], name: str) -> None:
    shown = show(name, api=True)
    last = shown.state()["last"]
    for k in (0, 1, 7, last // 2, last):
        shown.page.evaluate("k => globalThis.player.set(k)", k)
        for run, told in zip(shown.state()["runs"], sessions[name]["runs"], strict=True):
            assert run["ball"]["height"] == run["loss"] == told["loss"][run["row"]]
            assert run["ball"]["surface"] == pytest.approx(run["loss"], rel=PATH_ON_SURFACE, abs=1e-12)
            assert run["ball"]["at"] == [column[run["row"]] for column in told["path"]]


def test_runs_of_unequal_length_show_their_own_row(show: Any) -> None:
    shown = show("several", api=True)
    shown.scrub(100)
    assert [run["step"] for run in shown.state()["runs"]] == [100, 100, 30]
    shown.scrub(200)
    assert [run["step"] for run in shown.state()["runs"]][::2] == [120, 30]
    shown.press("run1")
    assert [run["visible"] for run in shown.state()["runs"]] == [True, False, True]
    shown.press("run0")
    assert shown.state()["follow"] == 2
    table = shown.text(".bl-table[aria-label='Table of runs']")
    for word in ("sgd", "short", "Made all 30 steps", "steps to 1%"):
        assert word in table


def test_a_diverged_run_is_a_lesson(show: Any, sessions: dict[str, Any]) -> None:
    shown = show("diverged", api=True)
    assert shown.state()["log"], "the scale is logarithmic when a run diverged"
    assert sessions["diverged"]["runs"][0]["advice"] in shown.text(".bl-alert")
    assert "above the limit" in shown.text(".bl-readout")
    shown.press("play")
    shown.settle()
    shown.press("last")
    assert shown.k() == 100
    looks = shown.page.evaluate(LOOK)
    assert all(look["colours"] > 20 for look in looks.values())
    assert shown.wrong == []


def test_the_read_out_is_the_row_of_the_trace(show: Any, sessions: dict[str, Any]) -> None:
    shown = show("held_out", api=True)
    shown.scrub(12)
    shown.settle()
    run, words = sessions["held_out"]["runs"][0], shown.text(".bl-readout")
    assert f"{run['loss'][12]:.5g}" in words
    assert f"{run['held_out'][12]:.5g}" in words
    slope, intercept = (column[12] for column in run["weights"])
    sign = "\u2212" if slope < 0 else "+"
    assert f"y = {intercept:.3f} {sign} {abs(slope):#.4g} x".replace("-", "\u2212") in words


def test_hovering_the_loss_previews_a_step_everywhere_and_leaving_restores(show: Any) -> None:
    shown = show("one", api=True)
    shown.scrub(150)
    shown.hover("loss", 0.4, 0.5)
    previewed = shown.k()
    assert 20 < previewed < 130
    assert shown.state()["k"] == 150
    assert f"step {previewed}:" in shown.text("[data-panel=loss] .bl-tip")
    shown.page.mouse.move(2, 2)
    assert shown.k() == 150
    shown.hover("loss", 0.4, 0.5)
    shown.page.mouse.down()
    shown.page.mouse.up()
    shown.page.mouse.move(2, 2)
    assert shown.k() == previewed, "a click goes there"


def test_a_finger_does_what_a_click_does(show: Any) -> None:
    shown = show("one", api=True, has_touch=True, viewport={"width": 390, "height": 844})
    canvas = shown.page.locator("[data-panel=loss] canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    shown.page.touchscreen.tap(box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"])
    assert 60 < shown.k() < 140
    assert shown.state()["k"] == shown.state()["shown"]
    assert shown.page.locator("[data-panel=loss] .bl-tip").is_visible()


def test_hovering_a_row_tells_its_residual_and_its_shares(show: Any) -> None:
    shown = show("one", api=True)
    shown.scrub(3)
    for y in np.linspace(0.1, 0.85, 90):
        shown.hover("data", 0.55, float(y))
        shown.settle()
        tip = shown.page.locator("[data-panel=data] .bl-tip")
        if tip.is_visible():
            break
    words = tip.inner_text()
    for word in ("predicted", "residual", "share of the loss", "of the gradient"):
        assert word in words
    inside = "t => { const a = t.getBoundingClientRect(), b = t.parentElement.getBoundingClientRect(); return a.left >= b.left && a.right <= b.right + 1 && a.top >= b.top && a.bottom <= b.bottom + 1 }"
    assert tip.evaluate(inside)


def test_the_table_of_steps_is_small_however_long_the_run(show: Any) -> None:
    shown = show("one")
    shown.scrub(100)
    shown.press("table")
    shown.settle()
    rows = shown.page.locator(".bl-steps tbody tr")
    assert rows.count() <= 30
    assert shown.page.locator(".bl-steps tr[aria-current] th").inner_text() == "100"
    assert shown.page.locator("[data-act=copy]").is_visible()


def test_paper_has_no_controls(show: Any) -> None:
    shown = show("one", api=True)
    shown.page.emulate_media(media="print")
    assert not shown.page.locator(".bl-controls").is_visible()


# -- hosts -------------------------------------------------------------------------------------------------------------


def test_it_lives_in_a_shadow_tree_and_leaves_nothing_behind(browser: Any, tmp_path: Path, sessions: dict[str, Any]) -> None:
    data = json.dumps([sessions["one"], sessions["one_weight"]]).replace("<", "\\u003c")
    call = f"""
    const sessions = {data}, style = document.createElement("style"), el = document.createElement("div");
    style.textContent = {json.dumps(player.style())};
    document.querySelector("#host").attachShadow({{ mode: "open" }}).append(style, el);
    const heard = [], model = {{ session: sessions[0], get() {{ return this.session }}, on(e, f) {{ heard.push(f) }}, off(e, f) {{ heard.splice(heard.indexOf(f), 1) }} }};
    const {{ render }} = await import(URL.createObjectURL(new Blob([{json.dumps(player.script())}], {{ type: "text/javascript" }}))).then(m => m.default);
    const panels = () => [...el.querySelectorAll("[data-panel]")].map(e => e.dataset.panel + e.dataset.k);
    const clean = render({{ model, el }}), first = panels();
    model.session = sessions[1];
    heard.forEach(f => f());
    const second = panels();
    clean();
    globalThis.told = [first, second, panels(), heard.length];
    document.body.append(Object.assign(document.createElement("p"), {{ className: "bestline-player", textContent: "done" }}));
    document.querySelector("p").dataset.k = 0;
    """
    html = f"<!DOCTYPE html><meta charset=utf-8><link rel=icon href='data:,'><div id=host></div><script type=module>{call.replace('</', '<' + chr(92) + '/')}</script>"
    shown = Shown(browser, tmp_path / "shadow.html", html)
    first, second, third, heard = shown.page.evaluate("() => globalThis.told")
    shown.context.close()
    assert first == ["data0", "contour0", "loss0", "surface0"]
    assert second == ["data0", "loss0", "curve0"]
    assert (third, heard) == ([], 0)
    assert [line for line in shown.wrong if "blob:" not in line] == []


def test_the_head_says_what_became_of_the_run(show: Any, sessions: dict[str, Any]) -> None:
    told = sessions["one"]["finding"]
    assert told.startswith("99% of the reducible loss is gone after")
    assert show("one").text(".bl-finding") == f"{told}."
    assert sessions["own"]["finding"] == ""  # of an own function the least loss is not known
    assert show("own").page.locator(".bl-finding").count() == 0


def test_a_page_begins_with_the_axis_of_losses_that_its_session_names(
    show: Any, sessions: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sessions, "by factors", {**sessions["one"], "loss": {**sessions["one"]["loss"], "log": True}})
    assert show("by factors", api=True).state()["log"]
    assert not show("one", api=True).state()["log"]
