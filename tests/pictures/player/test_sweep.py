"""Every rate at once: a sweep that the page makes is Python's, and a press in its picture takes the rate there."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bestline as bl
from bestline.pictures.player import script
from bestline.pictures.watch import page_of
from pictures.player.pages import Shown
from pictures.player.test_alive import START, call, label, rows, run, wide

HOW: dict[str, Any] = {"solver": "sgd", "lr": 0.05, "steps": 40}
PICTURE = ".bl-sweep canvas"
# The share of a picture's places, in some columns of it, whose colour is nearer to that of diverging than the paper is.
SHADED = """([from, to]) => {
  const canvas = document.querySelector('.bl-sweep canvas'), { width, height } = canvas, ctx = canvas.getContext('2d');
  const pixels = ctx.getImageData(from * width, 0.2 * height, (to - from) * width, 0.4 * height).data;
  let shaded = 0;
  for (let i = 0; i < pixels.length; i += 4) shaded += pixels[i] - pixels[i + 2] > 8;
  return shaded / (pixels.length / 4);
}"""


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    line = bl.fit(rows(), "y ~ x", start=START, standardize=False, **HOW)
    return {
        "line": page_of(line).html,
        "twelve": page_of(bl.fit(wide(11), target="y", **HOW)).html,
        "thirteen": page_of(bl.fit(wide(12), target="y", **HOW)).html,
    }


def unfolded(shown: Shown) -> dict[str, float]:
    shown.page.locator(".bl-sweep summary").click()
    shown.settle()
    return shown.page.locator(PICTURE).bounding_box()


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam"])
def test_the_sweep_is_pythons(opened: Any, optimizer: str) -> None:
    shown = opened()
    call(shown, "set(given[0])", {"optimizer": optimizer})
    told = call(shown, "sweep()")
    assert len(told) == 121
    some = told[::12]
    settled = []
    for one in some:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", bl.errors.BestlineWarning)
            model = bl.fit(rows(), "y ~ x", solver=optimizer, lr=one["lr"], steps=40, start=START, standardize=False)
        assert one["diverged"] == (model.stop.name == "DIVERGED"), one
        if not one["diverged"]:
            settled.append((one["loss"], model.trace.loss[-1]))
    assert len(settled) > 8
    np.testing.assert_allclose(*zip(*settled, strict=True), rtol=1e-9)
    assert {one["diverged"] for one in told} == ({False} if optimizer == "adam" else {False, True})


def test_rates_go_over_the_slider_and_the_first_that_diverges_is_above_the_limit(opened: Any) -> None:
    shown = opened()
    told = call(shown, "sweep()")
    slider = label(shown, "learning rate")
    assert math.log10(told[0]["lr"]) == pytest.approx(float(slider.get_attribute("min")))
    assert math.log10(told[-1]["lr"]) == pytest.approx(float(slider.get_attribute("max")))
    limit = bl.preflight(rows(), "y ~ x").lr_limit
    assert all(one["diverged"] == (one["lr"] > limit) for one in told)


def test_a_press_takes_the_rate_and_a_drag_follows(opened: Any) -> None:
    shown = opened()
    box = unfolded(shown)
    middle = box["y"] + box["height"] / 2
    shown.page.mouse.click(box["x"] + 0.55 * box["width"], middle)
    pressed = run(shown)["lr"]
    shown.page.mouse.move(box["x"] + 0.55 * box["width"], middle)
    shown.page.mouse.down()
    shown.page.mouse.move(box["x"] + 0.75 * box["width"], middle, steps=3)
    shown.page.mouse.up()
    dragged = run(shown)["lr"]
    told = call(shown, "sweep()")
    width = math.log10(told[-1]["lr"] / told[0]["lr"])
    # Ticks and their labels take a few hundredths of the width.
    assert math.log10(dragged / pressed) == pytest.approx(0.2 * width, rel=0.1)
    said = shown.text(".bl-sweep output")
    assert said.startswith(f"rate {dragged:.3g}: loss"), said
    trace = bl.fit(rows(), "y ~ x", start=START, standardize=False, **{**HOW, "lr": dragged}).trace
    assert call(shown, "trace(0)")["loss"][-1] == pytest.approx(trace.loss[-1], rel=1e-9)


def test_a_press_beyond_the_limit_diverges_and_says_so(opened: Any) -> None:
    shown = opened()
    box = unfolded(shown)
    shown.page.mouse.click(box["x"] + 0.95 * box["width"], box["y"] + 60)
    assert run(shown)["diverged"]
    assert shown.text(".bl-sweep output").endswith("diverges")


def test_what_diverges_is_shaded_and_nothing_else(opened: Any) -> None:
    shown = opened()
    unfolded(shown)
    assert shown.page.evaluate(SHADED, [0.92, 0.98]) > 0.9
    assert shown.page.evaluate(SHADED, [0.1, 0.6]) < 0.1, "the curve alone"
    call(shown, "set({optimizer: 'adam'})")
    shown.settle()
    assert shown.page.evaluate(SHADED, [0.92, 0.98]) < 0.2, "Adam has no limit"


def test_it_follows_the_steps_the_start_and_the_theme(opened: Any) -> None:
    shown = opened()
    unfolded(shown)
    described = shown.page.locator(PICTURE).get_attribute("aria-label")
    assert described.startswith("The loss after 40 updates over the learning rate")
    dots = "() => document.querySelector('.bl-sweep canvas').toDataURL()"
    seen = [shown.page.evaluate(dots)]
    for change in ("set({steps: 12})", "set({start: {x: 0}})", "set({lr: 0.011})", "set({dark: true})"):
        call(shown, change)
        shown.settle()
        seen.append(shown.page.evaluate(dots))
    assert len(set(seen)) == len(seen)
    assert "after 12 updates" in shown.page.locator(PICTURE).get_attribute("aria-label")


def test_many_weights_have_none_and_their_page_carries_none(opened: Any, pages: dict[str, str]) -> None:
    assert opened("twelve").page.locator(".bl-sweep").count() == 1
    shown = opened("thirteen")
    assert shown.page.locator(".bl-sweep").count() == 0
    assert call(shown, "sweep()") is None
    assert "class RateSweep" in pages["twelve"]
    assert "class RateSweep" not in pages["thirteen"]
    assert "class RateSweep" in script()


@pytest.mark.parametrize("hidden", ["sweep", "learning rate", "optimum", "exact loss"])
def test_a_teacher_who_hides_the_rate_or_the_answer_hides_the_sweep(opened: Any, hidden: str) -> None:
    shown = opened()
    assert shown.page.locator(".bl-sweep").is_visible()
    call(shown, "set({hidden: [given[0]]})", hidden)
    assert not shown.page.locator(".bl-sweep").is_visible()
    call(shown, "set({hidden: []})")
    assert shown.page.locator(".bl-sweep").is_visible()


def test_a_start_at_the_bottom_and_rows_on_a_line_are_drawn(browser: Any, tmp_path: Path) -> None:
    """The loss is zero there, which no logarithm has."""
    x = np.arange(60.0) / 10
    exact = bl.fit({"x": x, "y": 2 * x + 1}, "y ~ x", start={"x": 2.0, "Intercept": 1.0}, standardize=False, **HOW)
    shown = Shown(browser, tmp_path / "page.html", page_of(exact).html)
    unfolded(shown)
    assert min(one["loss"] for one in call(shown, "sweep()")) < 1e-25
    call(shown, "set({start: {x: 5}})")
    shown.settle()
    assert shown.page.locator(PICTURE).get_attribute("aria-label").startswith("The loss after")
    assert shown.wrong == []
    shown.context.close()
