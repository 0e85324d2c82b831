"""Points that are dragged, added and taken away: moments, surface, run, limits and foresight are those of the rows as they are."""

from __future__ import annotations

import warnings
from itertools import product
from typing import Any

import numpy as np
import pytest

import bestline as bl
from bestline.pictures.watch import page_of
from pictures.player.pages import LOOK, Shown
from pictures.player.test_alive import START, agrees, by_python, call, drag, label, rows, run, screen


def weights() -> np.ndarray:
    return np.random.default_rng(1).integers(1, 9, 60).astype(float)


HOW: dict[str, Any] = {"solver": "sgd", "lr": 0.05, "steps": 60}


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    data = {**rows(), "w": weights(), "z": rows()["x"] ** 2}
    wide = np.random.default_rng(2).normal(size=(501, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bl.errors.BestlineWarning)  # that three rows are few
        few = bl.fit({"x": [1.0, 2.0, 4.0], "y": [1.0, 3.0, 2.0]}, "y ~ x", **HOW)
    lines = {
        "line": bl.fit(data, "y ~ x", start=START, standardize=False, **HOW),
        "weighted": bl.fit(data, "y ~ x", weights="w", start=START, standardize=False, **HOW),
        "a feature called w": bl.fit({"w": data["x"], "y": data["y"], "k": data["w"]}, "y ~ w", weights="k", **HOW),
        "a target called w": bl.fit({"x": data["x"], "w": data["y"], "k": data["w"]}, "w ~ x", weights="k", **HOW),
        "ridge": bl.fit(data, "y ~ x", l2=0.2, **HOW),
        "one weight": bl.fit(data, "y ~ x - 1", **HOW),
        "two": bl.fit(data, "y ~ x + z", **HOW),
        "large": bl.fit({"x": wide[:, 0], "y": wide[:, 1]}, "y ~ x", **HOW),
        "three rows": few,
        "full": bl.fit({"x": wide[:500, 0], "y": wide[:500, 1]}, "y ~ x", **HOW),
    }
    return {name: page_of(line).html for name, line in lines.items()}


def changes(shown: Shown) -> Any:
    return run(shown)["points"]


def changed(data: dict[str, np.ndarray], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """The rows with what the page says was done to them."""
    x, y = data["x"].copy(), data["y"].copy()
    for i, a, b in told["moved"]:
        x[i], y[i] = a, b
    kept = [i for i in range(len(x)) if i not in told["removed"]]
    return {
        "x": np.append(x[kept], [a for a, _ in told["added"]]),
        "y": np.append(y[kept], [b for _, b in told["added"]]),
    }


def test_a_point_lies_where_it_is_dropped_and_all_follows(opened: Any) -> None:
    shown = opened()
    data = rows()
    drag(
        shown,
        [screen(shown, "data", data["x"][5], data["y"][5]), screen(shown, "data", -1, 2.0), screen(shown, "data", 1.0, 3.0)],
    )
    ((i, x, y),) = changes(shown)["moved"]
    assert i == 5
    a, b = screen(shown, "data", 1.0, 3.0), screen(shown, "data", x, y)
    assert np.hypot(a[0] - b[0], a[1] - b[1]) <= 1.5
    assert shown.k() == 60
    moved = changed(data, changes(shown))
    agrees(shown, by_python(None, run(shown), moved))
    ahead = bl.preflight(moved, "y ~ x", solver="sgd")
    assert shown.text(".bl-limit") == f"limit {ahead.lr_limit:.3g}"
    assert f"99% of the reducible loss gone after {run(shown)['steps_to_99']} updates" in shown.text(".bl-foresight")
    assert "60 rows, changed by hand" in shown.text("header")
    # The ball lies on the new surface, whose lowest place is the new line's.
    ball = run(shown)["ball"]
    assert ball["height"] == pytest.approx(ball["surface"], rel=1e-9)
    exact = np.polyfit(moved["x"], moved["y"], 1)
    call(shown, "set({start: {x: given[0], Intercept: given[1]}, steps: 0})", *exact.tolist())
    best = np.mean((moved["y"] - np.polyval(exact, moved["x"])) ** 2)
    assert run(shown)["loss"] == pytest.approx(best, rel=1e-10)


def test_the_run_follows_while_the_finger_moves(opened: Any) -> None:
    shown = opened()
    data = rows()
    drag(shown, [screen(shown, "data", data["x"][5], data["y"][5]), screen(shown, "data", 0, 4)], drop=False)
    agrees(shown, by_python(None, run(shown), changed(data, changes(shown))))
    assert all(look["colours"] > 12 for look in shown.page.evaluate(LOOK).values())
    shown.page.mouse.up()


def test_a_press_that_does_not_move_changes_nothing(opened: Any) -> None:
    shown = opened()
    x, y = screen(shown, "data", rows()["x"][5], rows()["y"][5])
    drag(shown, [(x + 4, y - 3), (x + 5, y - 3)])
    assert changes(shown) is None
    assert shown.text(".bl-point").startswith("Point 6 of 60")


def test_the_axes_grow_when_a_point_leaves_them(opened: Any) -> None:
    shown = opened()
    data, canvas = rows(), shown.page.locator("[data-panel=data] canvas")
    box = canvas.bounding_box()
    before = [screen(shown, "data", v, 0)[0] for v in (0, 1)]
    a = screen(shown, "data", data["x"][-1], data["y"][-1])
    drag(shown, [a, (box["x"] + box["width"] + 300, box["y"] - 200)])
    ((_, x, y),) = changes(shown)["moved"]
    assert x > data["x"].max()
    assert y > data["y"].max()
    place = screen(shown, "data", x, y)
    box = canvas.bounding_box()
    assert box["x"] < place[0] < box["x"] + box["width"]
    assert box["y"] < place[1] < box["y"] + box["height"]
    after = [screen(shown, "data", v, 0)[0] for v in (0, 1)]
    assert after[1] - after[0] < before[1] - before[0]
    label(shown, "point").fill("60")
    label(shown, "x of the point").fill("500")
    label(shown, "y of the point").fill("-900")
    shown.press("move-point")
    place = screen(shown, "data", 500, -900)
    assert box["x"] < place[0] < box["x"] + box["width"]
    shown.press("points-reset")
    assert [screen(shown, "data", v, 0)[0] for v in (0, 1)] == pytest.approx(before, abs=1)


def test_points_are_added_and_removed_by_the_pointer(opened: Any) -> None:
    shown = opened()
    shown.page.mouse.dblclick(*screen(shown, "data", -1, 3.5))
    told = changes(shown)
    assert told["added"][0] == pytest.approx([-1, 3.5], abs=0.05)
    assert "61 rows" in shown.text("[data-panel=data]")
    agrees(shown, by_python(None, run(shown), changed(rows(), told)))
    shown.page.mouse.click(*screen(shown, "data", rows()["x"][20], rows()["y"][20]))
    shown.press("remove-point")
    assert changes(shown)["removed"] == [20]
    assert "60 rows" in shown.text("[data-panel=data]")
    agrees(shown, by_python(None, run(shown), changed(rows(), changes(shown))))


def test_points_are_moved_added_and_removed_by_keyboard(opened: Any) -> None:
    shown = opened()
    canvas = shown.page.locator("[data-panel=data] canvas")
    canvas.focus()
    for key in ("PageDown", "PageDown", "ArrowRight", "ArrowUp", "Shift+ArrowUp"):
        canvas.press(key)
    ((i, x, y),) = changes(shown)["moved"]
    assert i == 1
    assert x > rows()["x"][1]
    rise, run_of = y - rows()["y"][1], x - rows()["x"][1]
    assert rise / run_of > 11 * 0.5, "ten times as far with Shift"
    assert shown.k() == 60, "the arrows move the point, not the clock"
    canvas.press("PageUp")
    canvas.press("Delete")
    assert changes(shown)["removed"] == [0]
    label(shown, "x of the point").fill("2")
    label(shown, "y of the point").fill("-3.25")
    label(shown, "y of the point").press("Enter")
    assert changes(shown)["added"] == [[2, -3.25]]
    assert "Point 60 of 60: x 2, y −3.25." in shown.text(".bl-point")
    agrees(shown, by_python(None, run(shown), changed(rows(), changes(shown))))


def test_weighted_rows_keep_their_weight(opened: Any) -> None:
    shown = opened("weighted")
    call(shown, "set({points: {moved: [[3, 4, -5], [40, 0, 9]], removed: [7, 12], added: [[3, 3]]}})")
    told = changes(shown)
    data, w = changed(rows(), told), weights()
    kept = [i for i in range(60) if i not in told["removed"]]
    data["w"] = np.append(w[kept], w.mean())
    trace = bl.fit(data, "y ~ x", weights="w", start=START, standardize=False, **HOW).trace
    agrees(shown, trace)
    label(shown, "point").fill("4")
    assert f"weight {w[3]:g}" in shown.text(".bl-point")


@pytest.mark.parametrize(
    ("name", "standardize"),
    [
        *product(["line", "weighted", "ridge", "one weight"], [True, False]),
        ("a feature called w", True),  # what is named w by the page gives way
        ("a target called w", True),
    ],
)
def test_the_python_that_is_copied_makes_the_run_on_these_rows(opened: Any, name: str, standardize: bool) -> None:
    shown = opened(name)
    call(
        shown,
        "set({points: {moved: [[3, 4, -5]], removed: [7], added: [[3, 3]]}, standardize: given[0], optimizer: 'adam'})",
        standardize,
    )
    space: dict[str, Any] = {}
    exec(call(shown, "code('python')"), space)  # noqa: S102  the very thing that is copied
    np.testing.assert_allclose(space["model"].trace.loss.tolist(), call(shown, "trace(0)")["loss"], rtol=1e-10)
    shown.press("copy-command")
    assert "no file has them" in shown.text(".bl-why")


def test_as_they_were_puts_all_back(opened: Any) -> None:
    shown = opened()
    before, place = run(shown), screen(shown, "contour", 0, 0)
    call(shown, "set({points: {moved: [[3, 40, -5]], removed: [7], added: [[3, 3]]}, lr: 0.03})")
    shown.press("points-reset")
    assert changes(shown) is None
    assert run(shown)["lr"] == 0.03, "what was turned stays"
    agrees(shown, by_python(None, run(shown), rows()))
    call(shown, "set({points: {removed: [7]}})")
    shown.press("reset")
    assert run(shown) == before
    assert screen(shown, "contour", 0, 0) == pytest.approx(place, abs=1)
    assert "60 rows" in shown.text("[data-panel=data]")


def test_the_address_opens_the_same_rows(opened: Any) -> None:
    shown = opened()
    call(shown, "set({points: {moved: [[3, 4, -5.5]], removed: [7, 8], added: [[3, 3], [-1e-3, 2]]}})")
    for _ in range(100):
        shown.settle()
        if "removed=7~8" in shown.page.url:
            break
    other = shown.context.new_page()
    other.goto(shown.page.url)
    other.wait_for_selector(".bestline-player[data-k]")
    assert other.evaluate("() => bestline.state().runs[0]") == run(shown)


def test_more_than_an_address_holds_is_said(opened: Any) -> None:
    shown = opened("full")
    call(shown, "set({points: {moved: given.map(i => [i, i / 7, i / 3])}})", *range(500))
    assert "no address holds them" in shown.text(".bl-point")
    shown.page.wait_for_url("**steps=60**")
    assert len(shown.page.url) < 8000
    assert "moved" not in shown.page.url


def test_the_last_point_stays_and_few_points_still_train(opened: Any) -> None:
    shown = opened("three rows")
    canvas = shown.page.locator("[data-panel=data] canvas")
    for left in (2, 1):
        canvas.press("PageDown")
        canvas.press("Delete")
        assert run(shown)["loss"] >= 0
        assert f"{left} rows" in shown.text("[data-panel=data]")
        for optimizer in ("adam", "nesterov"):
            for standardize in (True, False):
                call(shown, "set(given[0])", {"optimizer": optimizer, "standardize": standardize, "lr": 0.05})
                told = call(shown, "trace(0)")
                assert all(np.isfinite(told["loss"]))
                assert all(np.isfinite(told["weights"]["x"]))
    assert all(look["colours"] > 5 for look in shown.page.evaluate(LOOK).values())
    canvas.press("PageDown")
    canvas.press("Delete")
    assert "The last point stays" in shown.text(".bl-point")


def test_points_above_each_other_leave_a_valley_without_a_single_bottom(opened: Any) -> None:
    shown = opened("three rows")
    call(shown, "set({points: {moved: [[0, 0.1, 1], [1, 0.1, 3], [2, 0.1, 2]]}})")
    trace = by_python(None, run(shown), {"x": np.full(3, 0.1), "y": np.array([1.0, 3.0, 2.0])})
    agrees(shown, trace)


@pytest.mark.parametrize(("x", "y"), [("1e300", "1"), ("", "1"), ("1", "-1e99")])
def test_a_point_that_cannot_be_is_refused_in_words(opened: Any, x: str, y: str) -> None:
    shown = opened()
    label(shown, "x of the point").fill(x)
    label(shown, "y of the point").fill(y)
    shown.press("add-point")
    assert changes(shown) is None
    assert "Type a number" in shown.text(".bl-point") or "Too far" in shown.text(".bl-point")


@pytest.mark.parametrize("name", ["two", "large"])
def test_where_not_all_rows_of_one_feature_are_there_none_can_be_moved(opened: Any, name: str) -> None:
    shown = opened(name)
    assert label(shown, "x of the point").count() == 0
    call(shown, "set({points: {removed: [0]}})")
    assert changes(shown) is None


def test_no_more_points_than_a_page_holds(opened: Any) -> None:
    shown = opened("full")
    label(shown, "x of the point").fill("0")
    label(shown, "y of the point").fill("0")
    shown.press("add-point")
    assert "No more than 500" in shown.text(".bl-point")
    assert changes(shown) is None


def test_a_teacher_can_keep_the_points_where_they_are(opened: Any) -> None:
    shown = opened()
    call(shown, "set({hidden: ['points']})")
    assert not label(shown, "x of the point").is_visible()
    drag(shown, [screen(shown, "data", rows()["x"][5], rows()["y"][5]), screen(shown, "data", 1.0, 3.0)])
    assert changes(shown) is None


def test_a_finger_drags_a_point(opened: Any) -> None:
    shown = opened(viewport={"width": 390, "height": 844}, has_touch=True)
    x, y = screen(shown, "data", rows()["x"][5], rows()["y"][5])
    session = shown.context.new_cdp_session(shown.page)
    canvas = shown.page.locator("[data-panel=data] canvas")
    before = canvas.bounding_box()
    for kind, points in (
        ("touchStart", [(x, y)]),
        *(("touchMove", [(x + 2 * i, y - 12 * i)]) for i in range(1, 6)),
        ("touchEnd", []),
    ):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]})
        shown.settle()
    assert changes(shown)["moved"][0][0] == 5
    assert canvas.bounding_box() == pytest.approx(before, abs=1), "the page stays where it is"
