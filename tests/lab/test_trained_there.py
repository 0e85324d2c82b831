"""Runs that the lab's server trains: drawn as their steps come, held, stepped, ended and cancelled, and asked for in full."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from lab.served import HUBER, drawn, give, houses


def test_another_loss_is_trained_by_the_server_and_shown_at_its_end(open_lab):
    opened = open_lab()
    opened.choose("loss", "huber")
    last = opened.page.locator(".bl-counter").inner_text()
    assert last == "step 200 of 200"
    drawn(opened)
    assert opened.page.locator(".strip").is_hidden()


# What a stage draws of the losses so far: heights of the curve's places, from the top, of the whole height.
CURVE = """async (losses) => {
  const { Stage } = await import("/stage.js"), stage = new Stage({ status: () => {}, shown: () => {} }), heights = [];
  document.body.prepend(stage.curve);
  Object.assign(stage.curve.style, { position: "fixed", width: "300px", height: "108px" });
  stage.trace = { step: losses.map((_, i) => i + 1), loss: losses, held: [] };
  const canvas = CanvasRenderingContext2D.prototype, { lineTo } = canvas;
  canvas.lineTo = (x, y) => heights.push((y / devicePixelRatio - 4) / 100);
  stage.draw();
  canvas.lineTo = lineTo;
  stage.curve.remove();
  return heights;
}"""


@pytest.mark.parametrize(
    ("losses", "heights"),
    [
        ([5.0, 3.0, 1.0], [0, 0.5, 1]),  # from the top to the bottom, as they are
        ([100.0, 10.0, 1.0], [0, 0.5, 1]),  # a hundredfold: as factors
        ([1.0, 1.0], [1, 1]),
    ],
)
def test_the_loss_so_far_falls_from_the_top(open_lab, losses, heights):
    assert open_lab().page.evaluate(CURVE, losses) == pytest.approx(heights, abs=1e-9)


def test_a_momentum_is_asked_for_where_there_is_one(open_lab):
    run = HUBER | {"optimizer": "momentum", "momentum": 0.5, "steps": 20}
    opened = open_lab("&run=" + quote(json.dumps(run)))
    with opened.page.expect_request("**/api/run") as asked:
        opened.choose("optimizer", "nesterov")
    assert asked.value.post_data_json["momentum"] == 0.5
    with opened.page.expect_request("**/api/run") as asked:
        opened.choose("optimizer", "adam")
    assert asked.value.post_data_json["momentum"] is None
    assert opened.status() == ""


def test_a_run_can_be_held_stepped_and_ended(open_lab):
    opened = open_lab()
    page = opened.page
    opened.train_there("huber")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Go on").wait_for()
    counter = page.locator(".strip .counter")
    page.locator(".bl-counter").filter(has_text="step").wait_for()

    def at() -> int:
        return int(counter.inner_text().split()[1].replace(",", ""))

    held = at()
    page.get_by_role("button", name="Step", exact=True).click()
    counter.filter(has_text=f"step {held + 1:,} of").wait_for()
    page.get_by_role("button", name="Stop here").click()
    page.locator(".busy").wait_for(state="hidden")
    assert page.locator(".bl-counter").inner_text().startswith(f"step {held + 1:,}")


def test_a_run_can_be_cancelled(open_lab):
    opened = open_lab()
    page = opened.page
    opened.train_there("absolute")
    page.locator(".strip").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.locator(".busy").wait_for(state="hidden")
    assert opened.status() == "Cancelled."
    opened.choose("loss", "squared")
    assert opened.title() == "y ~ x"


def test_a_file_on_its_way_can_be_cancelled(open_lab):
    opened = open_lab()
    page = opened.page
    page.route("**/api/data", lambda route: None)  # it never arrives
    give(opened, houses())
    page.locator(".busy").wait_for()
    page.get_by_role("button", name="Cancel").click()
    assert opened.status() == "Cancelled."
    assert opened.title() == "y ~ x"


def test_held_out_rows_have_a_curve_of_their_own(open_lab):
    opened = open_lab()
    opened.asked_again(lambda: give(opened, houses()))
    opened.choose("split", "0.8,0.2")
    assert "held-out" in opened.page.locator(".bestline-player").inner_text()
