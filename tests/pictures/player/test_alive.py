"""A page that trains: whatever is dragged, turned or typed makes the run anew, and it is the run that Python makes."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bestline as bl
from bestline.pictures.watch import page_of
from pictures.player.pages import LOOK, Shown

MOST = 250_000  # bytes of a page


def rows() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    x = np.arange(-3, 3, 0.1)
    return {"x": x + 1, "y": 2 * x - 1 + rng.normal(size=60)}


def wide(p: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    data = {f"column_with_a_long_name_{j}" if p < 9 else f"x{j}": rng.normal(size=2000) for j in range(p)}
    return {**data, "y": sum(data.values()) + rng.normal(size=2000)}


START = {"x": -2.0, "Intercept": 4.0}


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Fits by name, and the data of each."""
    path = tmp_path_factory.mktemp("alive") / "line.csv"
    path.write_text("x,y\n" + "".join(f"{x!r},{y!r}\n" for x, y in zip(*(v.tolist() for v in rows().values()), strict=True)))
    how = {"solver": "sgd", "lr": 0.05, "steps": 60}
    return {
        "line": bl.fit(str(path), "y ~ x", start=START, standardize=False, **how),
        "standardised": bl.fit(rows(), "y ~ x", start=START, **how),
        "one weight": bl.fit(rows(), "y ~ x - 1", **how),
        "several": bl.fit(wide(3), target="y", **how),
        "many": bl.fit(wide(50), target="y", **how),
        "ridge": bl.fit(rows(), "y ~ x", l2=0.2, **how),
        "large": bl.fit({"x": np.tile(rows()["x"], 20), "y": np.tile(rows()["y"], 20)}, "y ~ x", **how),
    }


@pytest.fixture(scope="module")
def pages(lines: dict[str, Any]) -> dict[str, str]:
    return {name: page_of(line).html for name, line in lines.items()}


def call(shown: Shown, text: str, *given: Any) -> Any:
    shown.settle()
    return shown.page.evaluate(f"(given) => globalThis.bestline.{text}", list(given))


def run(shown: Shown) -> dict[str, Any]:
    return call(shown, "state()")["runs"][0]


def label(shown: Shown, text: str) -> Any:
    return shown.page.get_by_label(text, exact=True)


def drag(shown: Shown, path: list[tuple[float, float]], *, drop: bool = True) -> None:
    mouse = shown.page.mouse
    mouse.move(*path[0])
    mouse.down()
    for place in path[1:]:
        mouse.move(*place, steps=3)
    if drop:
        mouse.up()


def screen(shown: Shown, panel: str, x: float, y: float) -> tuple[float, float]:
    shown.page.locator(f"[data-panel={panel}]").scroll_into_view_if_needed()
    place = call(shown, "toScreen(...given)", panel, {"x": x, "y": y})
    return place["x"], place["y"]


def by_python(line: Any, state: dict[str, Any], data: Any = None) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bl.errors.BestlineWarning)
        return bl.fit(
            data or rows(),
            "y ~ x",
            solver=state["optimizer"],
            lr=state["lr"],
            steps=state["steps"],
            standardize=state["standardize"],
            start=state["start"],
        ).trace


def agrees(shown: Shown, trace: Any) -> None:
    """The page's run is Python's, to ten digits."""
    told = call(shown, "trace(0)")
    np.testing.assert_allclose(told["loss"], trace.loss.tolist(), rtol=1e-10)
    for j, name in enumerate(trace.names):
        size = float(trace.weights[:, j].abs().max())
        np.testing.assert_allclose(told["weights"][name], trace.weights[:, j, 0].numpy(), rtol=1e-10, atol=1e-10 * size)


# -- the start ---------------------------------------------------------------------------------------------------------


def test_the_start_lies_where_it_is_dropped_and_the_run_follows(opened: Any, lines: Any) -> None:
    shown = opened()
    drag(shown, [screen(shown, "contour", -2, 4), screen(shown, "contour", 0.5, 1), screen(shown, "contour", 1.0, -2.0)])
    start = run(shown)["start"]
    a, b = screen(shown, "contour", 1.0, -2.0), screen(shown, "contour", start["x"], start["Intercept"])
    assert abs(a[0] - b[0]) <= 1
    assert abs(a[1] - b[1]) <= 1
    assert shown.k() == 60, "the whole run is shown at once"
    agrees(shown, by_python(lines["line"], run(shown)))


def test_a_press_on_the_contour_sets_the_start_and_arrows_move_it(opened: Any) -> None:
    shown = opened()
    shown.page.mouse.click(*screen(shown, "contour", 1.5, 2.0))
    before = run(shown)["start"]
    assert before["x"] == pytest.approx(1.5, abs=0.05)
    canvas = shown.page.locator("[data-panel=contour] canvas")
    for key in ("ArrowLeft", "ArrowUp", "Shift+ArrowUp"):
        canvas.press(key)
    after = run(shown)["start"]
    assert after["x"] < before["x"]
    rise = after["Intercept"] - before["Intercept"]
    assert rise / (before["x"] - after["x"]) > 5, "ten times as far with Shift"


def test_while_it_is_dragged_the_path_follows_the_finger(opened: Any) -> None:
    shown = opened()
    drag(shown, [screen(shown, "contour", -2, 4), screen(shown, "contour", 0.0, 3.0)], drop=False)
    start = run(shown)["start"]
    assert start["x"] == pytest.approx(0, abs=0.05)
    assert start["Intercept"] == pytest.approx(3, abs=0.05)
    assert shown.page.evaluate(LOOK)["contour"]["colours"] > 12
    shown.page.mouse.up()


@pytest.mark.parametrize("name", ["line", "standardised"])
def test_the_start_can_be_dragged_on_the_surface(opened: Any, name: str) -> None:
    shown = opened(name)
    drag(shown, [screen(shown, "surface", -2, 4), screen(shown, "surface", 0.5, 2.0)])
    assert run(shown)["start"] == pytest.approx({"x": 0.5, "Intercept": 2.0}, abs=0.12)
    before = run(shown)["start"]
    shown.page.locator("[data-panel=surface] canvas").press("ArrowLeft")
    assert run(shown)["start"] == before, "arrows turn the surface"


def test_a_finger_that_rests_keeps_the_ground_under_it(opened: Any) -> None:
    shown = opened("standardised")
    drag(shown, [screen(shown, "surface", -2, 4), halfway := screen(shown, "surface", -0.5, 3.0)], drop=False)
    # A legend is written anew when all is drawn that waits for a rest.
    shown.page.evaluate("() => { document.querySelector('.bl-legend li').dataset.before = 'the rest' }")
    shown.page.wait_for_function("() => !document.querySelector('.bl-legend li').dataset.before")
    assert screen(shown, "surface", -0.5, 3.0) == halfway, "heights stay while the start is held"
    shown.page.mouse.move(*screen(shown, "surface", 0.5, 2.0))
    assert run(shown)["start"] == pytest.approx({"x": 0.5, "Intercept": 2.0}, abs=0.12)
    shown.page.mouse.up()
    assert screen(shown, "surface", -0.5, 3.0) != halfway, "and follow the run once it is let go"


def test_over_one_weight_the_start_is_dragged_along_the_curve(opened: Any) -> None:
    shown = opened("one weight")
    x, y = screen(shown, "curve", 1.0, 10.0)
    shown.page.mouse.click(x, y)
    assert run(shown)["start"]["x"] == pytest.approx(1.0, abs=0.02)
    assert [panel for panel in shown.page.evaluate(LOOK) if panel == "curve"]


def test_as_trained_the_start_is_set_on_the_round_ground(opened: Any, lines: Any) -> None:
    shown = opened("standardised")
    shown.press("trained")
    shown.page.mouse.click(*screen(shown, "contour", 0.0, 0.5))
    scaling = lines["standardised"].trained.scaling
    import torch

    start = torch.tensor([[run(shown)["start"]["x"]], [run(shown)["start"]["Intercept"]]], dtype=torch.float64)
    assert scaling.to_trained(start)[:, 0].tolist() == pytest.approx([0.0, 0.5], abs=0.02)
    agrees(shown, by_python(lines["standardised"], run(shown)))


# -- knobs -------------------------------------------------------------------------------------------------------------

LABELS = ["step", "learning rate", "momentum", "optimizer", "steps", "standardize", "start of x", "start of Intercept"]


@pytest.mark.parametrize("text", [*LABELS, "slope", "intercept", "Play"])
def test_every_control_is_a_form_element_with_a_label(opened: Any, text: str) -> None:
    shown = opened()
    assert label(shown, text).count() == 1
    assert label(shown, text).evaluate("e => e.tagName") in ("BUTTON", "INPUT", "SELECT")
    label(shown, text).focus()
    assert label(shown, text).evaluate("e => e === document.activeElement")


def test_every_knob_turns_by_keyboard_and_the_run_is_pythons(opened: Any, lines: Any) -> None:
    shown = opened()
    label(shown, "optimizer").select_option("nesterov")
    assert run(shown)["momentum"] == 0.9
    label(shown, "steps").fill("25")
    label(shown, "steps").press("Enter")
    before = run(shown)["lr"]
    label(shown, "learning rate").press("ArrowRight")
    assert run(shown)["lr"] != before, "the arrow turns the rate, not the clock"
    label(shown, "start of x").fill("-1.25")
    label(shown, "start of x").press("Tab")
    label(shown, "standardize").press("Space")
    state = run(shown)
    assert (state["optimizer"], state["steps"], state["standardize"], state["start"]["x"]) == ("nesterov", 25, True, -1.25)
    agrees(shown, by_python(lines["line"], state))


def test_momentum_is_a_slider_that_turns_sgd_into_momentum(opened: Any) -> None:
    shown = opened()
    label(shown, "momentum").fill("0.5")
    assert run(shown)["optimizer"] == "momentum"
    assert run(shown)["momentum"] == 0.5
    label(shown, "optimizer").select_option("adam")
    assert label(shown, "momentum").is_disabled()


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
def test_the_limit_and_the_fastest_rate_are_marked_on_the_slider(opened: Any, lines: Any, optimizer: str) -> None:
    shown = opened()
    label(shown, "optimizer").select_option(optimizer)
    ahead = bl.preflight(rows(), "y ~ x", solver=optimizer)
    slider = label(shown, "learning rate")
    low, high = (float(slider.get_attribute(name)) for name in ("min", "max"))
    at = shown.page.locator(".bl-limit").evaluate("e => Number(e.style.getPropertyValue('--at'))")
    assert 10 ** (low + at * (high - low)) == pytest.approx(ahead.lr_limit, rel=1e-6)
    assert shown.text(".bl-fastest").startswith("fastest")
    assert shown.text(".bl-limit") == f"limit {ahead.lr_limit:.3g}"


def test_what_was_foreseen_stands_beside_what_happened(opened: Any) -> None:
    shown = opened()
    call(shown, "set({lr: 0.1, steps: 200})")
    words = shown.text(".bl-foresight")
    first, second = run(shown)["steps_to_99"], len(call(shown, "trace(0)")["loss"])
    assert f"99% of the reducible loss gone after {first} updates" in words
    assert "What happened" in words
    assert second == 201


def test_beyond_the_limit_it_is_said_at_once_and_a_stable_rate_is_offered(opened: Any) -> None:
    shown = opened()
    limit = bl.preflight(rows(), "y ~ x", solver="sgd").lr_limit
    call(shown, "set({lr: given[0], steps: 1})", 1.01 * limit)
    assert run(shown)["diverged"]
    assert "above the largest stable one" in shown.text(".bl-alert")
    shown.press("stable")
    shown.settle()
    assert not run(shown)["diverged"]
    assert shown.page.locator(".bl-alert").count() == 0


def test_a_run_that_explodes_is_drawn_and_played(opened: Any) -> None:
    shown = opened()
    call(shown, "set({lr: 50, steps: 1000})")
    assert run(shown)["diverged"]
    looks = shown.page.evaluate(LOOK)
    assert all(look["colours"] > 5 for look in looks.values()), looks
    assert all(np.isfinite(call(shown, "trace(0)")["loss"]))
    shown.press("first")
    shown.press("forward")
    assert shown.k() == 1


def test_standardised_the_contours_turn_round(opened: Any) -> None:
    shown = opened()
    call(shown, "set({standardize: true, lr: 0.1})")
    assert call(shown, "state()")["trained"]
    # A unit is as long on either axis, and the loss as high at the same distance from the least.
    x, y = screen(shown, "contour", 1, 0), screen(shown, "contour", 0, 1)
    zero = screen(shown, "contour", 0, 0)
    assert x[0] - zero[0] == pytest.approx(zero[1] - y[1], rel=1e-6)
    label(shown, "standardize").uncheck()
    assert not call(shown, "state()")["trained"]


def test_as_it_was(opened: Any) -> None:
    shown = opened()
    before = run(shown)
    call(shown, "set({lr: 0.2, optimizer: 'adam', start: {x: 1}, standardize: true})")
    shown.press("reset")
    assert run(shown) == before
    assert shown.k() == 0


@pytest.mark.parametrize("name", ["several", "many", "ridge", "large"])
def test_runs_of_other_kinds_follow_too(opened: Any, lines: Any, name: str) -> None:
    shown = opened(name)
    call(shown, "set({lr: 0.02, steps: 30, optimizer: 'adam'})")
    trace = lines[name].trace
    told = call(shown, "trace(0)")
    assert len(told["loss"]) == 31
    assert set(told["weights"]) == set(trace.names)
    shown.press("residuals") if name != "many" else None
    shown.settle()
    assert all(look["colours"] > 12 for look in shown.page.evaluate(LOOK).values())


SPLIT: dict[str, Any] = {"solver": "sgd", "split": (0.6, 0.2, 0.2), "standardize": False}


@pytest.mark.parametrize("formula", ["y ~ x", "y ~ x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8", "y ~ x0 + x1 - 1"])
def test_runs_made_on_the_page_have_held_out_losses_too(browser: Any, tmp_path: Path, formula: str) -> None:
    data = rows() if formula == "y ~ x" else wide(9)
    line = bl.fit(data, formula, lr=0.02, steps=30, **SPLIT)
    shown = Shown(browser, tmp_path / "page.html", page_of(line).html)
    call(shown, "set({lr: 0.04, steps: 25, optimizer: 'momentum'})")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bl.errors.BestlineWarning)
        own = bl.fit(data, formula, **{**SPLIT, "solver": "momentum"}, lr=0.04, steps=25, start=run(shown)["start"]).trace
    for k in (0, 1, 7, 25):
        call(shown, "set(given[0])", k)
        assert run(shown)["held_out"] == pytest.approx(float(own.held_out[k]), rel=1e-9)
    assert "held-out" in shown.text(".bl-numbers, .bestline-player")
    shown.press("reset")
    call(shown, "set(given[0])", 30)
    assert run(shown)["held_out"] == pytest.approx(float(line.trace.held_out[-1]), rel=1e-9)
    assert shown.wrong == []
    shown.context.close()


def test_where_the_held_out_loss_turns_is_marked_in_runs_of_the_page_too(browser: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = {f"x{j}": rng.normal(size=40) for j in range(9)}
    data["y"] = 3 * data["x0"] + 2 * rng.normal(size=40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bl.errors.BestlineWarning)  # few rows are what overfits
        html = page_of(bl.fit(data, target="y", lr=0.01, steps=10, **SPLIT)).html
    shown = Shown(browser, tmp_path / "page.html", html)
    call(shown, "set({lr: 0.02, steps: 400})")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bl.errors.BestlineWarning)
        own = bl.fit(data, target="y", lr=0.02, steps=400, start=run(shown)["start"], **SPLIT).trace.held_out
    turned = int(own.argmin())
    assert 0 < turned < 400
    best = shown.page.evaluate("() => globalThis.bestline.state().runs[0].best")
    assert best == {"step": turned, "l2": None}
    shown.context.close()


# -- the state ---------------------------------------------------------------------------------------------------------


def test_the_address_opens_the_same_view(opened: Any) -> None:
    shown = opened()
    call(
        shown,
        "set({lr: 0.07, optimizer: 'momentum', momentum: 0.6, steps: 33, start: {x: 1.5, Intercept: -2}, step: 12, log: true, hidden: ['momentum']})",
    )
    # The address is written when all has come to rest.
    for _ in range(100):
        shown.settle()
        if "step=12" in shown.page.url:
            break
    address, before = shown.page.url, call(shown, "state()")
    assert "step=12" in address
    other = shown.context.new_page()
    other.goto(address)
    other.wait_for_selector(".bestline-player[data-k]")
    after = other.evaluate("() => bestline.state()")
    for name in ("step", "hidden", "log", "runs"):
        assert after[name] == before[name]


def test_a_switch_stays_in_the_address_when_a_knob_is_turned_after_it(opened: Any) -> None:
    shown = opened()
    assert call(shown, "link()") == "", "nobody has touched it"
    for change in (
        "set({residuals: true})",
        "set({log: true})",
        "set({lr: 0.07})",
        "set({standardize: true})",
        "set({pin: 'one'})",
    ):
        call(shown, change)
    address = call(shown, "link()")
    other = opened()
    call(other, "open(given[0])", "#" + address)
    assert call(other, "link()") == address
    assert {"residuals=1", "log=1", "lr=0.07", "standardize=1"} <= set(address.split("&"))
    assert [call(page, "state()")["residuals"] for page in (shown, other)] == [True, True]


@pytest.mark.parametrize(
    "said",
    [
        "lr=NaN&steps=-5&momentum=7",
        "lr=1e999&steps=1e12&start=1e308~1e308",
        "start=1~2~3&optimizer=__proto__&hidden=%00~<img src=x onerror=alert(1)>",
        "ask=<script>alert(1)</script>&line=1~x",
        "lr=" + "9" * 9000,
        "%E0%A4%A&step=99999999",
        "hidden=" + "~".join(["x"] * 500),
    ],
)
def test_what_an_address_may_not_say_is_passed_over(opened: Any, said: str) -> None:
    shown = opened()
    shown.page.evaluate("hash => { location.hash = hash }", said)
    state = run(shown)
    assert 0 < state["lr"] < 1e300
    assert 0 <= state["steps"] <= 10_000
    assert 0 <= state["momentum"] < 1
    assert all(abs(v) < 1e13 for v in state["start"].values())
    assert state["optimizer"] in ("sgd", "momentum", "nesterov", "adam")
    assert shown.page.locator(".bestline-player script, .bestline-player img").count() == 0


def test_controls_and_the_answer_are_hidden_by_a_teacher(opened: Any) -> None:
    shown = opened()
    call(shown, "set({hidden: ['momentum', 'optimum', 'exact loss', 'learning rate']})")
    for text in ("momentum", "learning rate"):
        assert not label(shown, text).is_visible()
    assert label(shown, "steps").is_visible()
    assert "least" not in shown.page.locator("[data-panel=contour]").inner_text()
    assert "exact" not in shown.page.locator("[data-panel=loss]").inner_text()
    assert call(shown, "state()")["hidden"] == ["momentum", "optimum", "exact loss", "learning rate"]


def test_a_teacher_asks_to_predict_first(opened: Any) -> None:
    shown = opened()
    call(shown, "set({lr: 0.3, ask: 'Will it settle?'})")
    assert "Will it settle?" in shown.text(".bl-ask")
    assert not shown.page.locator("[data-panel=loss]").is_visible()
    shown.page.get_by_label("what you expect").fill("no")
    shown.page.get_by_role("button", name="now look").click()
    assert shown.page.locator("[data-panel=loss]").is_visible()
    assert "You said: no" in shown.text(".bl-ask")


# -- the line moved by hand --------------------------------------------------------------------------------------------


def test_the_line_is_moved_by_its_ends_and_the_ball_moves_with_it(opened: Any) -> None:
    shown = opened()
    label(shown, "slope").fill("1")
    label(shown, "slope").press("Enter")
    label(shown, "intercept").fill("2")
    label(shown, "intercept").press("Enter")
    x = rows()["x"]
    right = x.max() + 0.02 * np.ptp(x)
    a = screen(shown, "data", right, right + 2)
    drag(shown, [a, (a[0], a[1] - 40)])
    slope, intercept = (float(label(shown, name).input_value()) for name in ("slope", "intercept"))
    left = x.min() - 0.02 * np.ptp(x)
    assert slope * left + intercept == pytest.approx(left + 2, abs=1e-3), "the other end stays"
    assert slope > 1
    loss = np.mean((rows()["y"] - slope * x - intercept) ** 2)
    assert f"loss {loss:.4g}" in shown.text(".bl-hand")
    assert "descent" in shown.text(".bl-hand")


# -- taken home --------------------------------------------------------------------------------------------------------


def test_the_python_that_is_copied_makes_this_run(opened: Any) -> None:
    shown = opened()
    for changes in ({"lr": 0.11, "steps": 17, "optimizer": "adam"}, {"optimizer": "momentum", "momentum": 0.5, "lr": 0.02}):
        call(shown, "set(given[0])", changes)
        space: dict[str, Any] = {}
        exec(call(shown, "code('python')"), space)  # noqa: S102  the very thing that is copied
        wanted = call(shown, "trace(0)")
        assert len(space["model"].trace) == len(wanted["loss"])
        np.testing.assert_allclose(space["model"].trace.loss.tolist(), wanted["loss"], rtol=1e-10)


def test_the_command_that_is_copied_makes_this_run(opened: Any, tmp_path: Path) -> None:
    shown = opened()
    call(shown, "set({lr: 0.11, steps: 17, optimizer: 'nesterov', standardize: true, start: {x: -1, Intercept: 0.5}})")
    words = shlex.split(call(shown, "code('command')"))
    assert words[:2] == ["bestline", "fit"]
    done = subprocess.run([sys.executable, "-m", *words, "--json"], capture_output=True, text=True, timeout=120, check=True)
    told, wanted = json.loads(done.stdout), call(shown, "trace(0)")
    assert told["coef"]["x"] == pytest.approx(wanted["weights"]["x"][-1], rel=1e-10)
    assert told["loss"] == pytest.approx(wanted["loss"][-1], rel=1e-10)


@pytest.mark.parametrize("name", ["line", "one weight", "several", "ridge", "large", "standardised"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam"])
def test_the_script_that_is_copied_gives_the_same_weights(opened: Any, name: str, optimizer: str, capsys: Any) -> None:
    shown = opened(name)
    for standardize in (True, False):
        call(shown, "set(given[0])", {"lr": 0.02, "steps": 23, "optimizer": optimizer, "standardize": standardize})
        code = call(shown, "code('script')")
        assert "bestline" not in code
        exec(compile(code, "copied", "exec"), {})  # noqa: S102
        said = dict(line.rsplit(" ", 1) for line in capsys.readouterr().out.strip().splitlines())
        weights = call(shown, "trace(0)")["weights"]
        assert {k: float(v) for k, v in said.items()} == pytest.approx({k: v[-1] for k, v in weights.items()}, rel=1e-9)


def test_what_the_command_line_cannot_make_is_said(opened: Any) -> None:
    shown = opened("standardised")
    shown.press("copy-command")
    assert "in memory" in shown.text(".bl-why")


# -- any page ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["line", "standardised", "one weight", "several", "many", "ridge", "large"])
def test_a_page_is_small(pages: dict[str, str], name: str) -> None:
    assert len(pages[name].encode()) <= MOST


@pytest.mark.parametrize("context", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}])
def test_a_page_is_accessible(opened: Any, context: dict[str, Any]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")
    shown = opened("line", **context)
    call(shown, "set({lr: 5, steps: 3, slope: 1})")
    found = axe.Axe().run(shown.page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []
    assert shown.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"


WHY = {
    "huber": ({"loss": "huber", "solver": "adam"}, "squared loss"),
    "mini-batches": ({"solver": "sgd", "batch_size": 8}, "whole data in each step"),
    "adamw": ({"solver": "adamw"}, "whole data in each step"),
    "lasso": ({"solver": "sgd", "l1": 0.1}, "edges"),
    "schedule": ({"solver": "sgd", "lr": 0.1, "schedule": "cosine"}, "whole data in each step"),
}


@pytest.mark.parametrize("name", WHY)
def test_what_a_page_cannot_train_is_said(name: str) -> None:
    from bestline.pictures.watch import session_of

    how, words = WHY[name]
    session = session_of(bl.fit(rows(), "y ~ x", steps=20, **how))
    assert words in session["live"]["why"]


def test_every_panel_is_a_section_that_says_its_step(opened: Any) -> None:
    """What teachers' scripts rely on: `<section data-panel data-k>` with a canvas in it."""
    shown = opened()
    call(shown, "set({step: 7})")
    shown.settle()
    panels = shown.page.locator("section[data-panel]:has(canvas)")
    assert {panels.nth(i).get_attribute("data-panel") for i in range(panels.count())} == {"data", "contour", "surface", "loss"}
    assert {panels.nth(i).get_attribute("data-k") for i in range(panels.count())} == {"7"}


def test_a_link_says_what_is_seen_when_it_is_copied(opened: Any) -> None:
    """Not what was seen a moment ago: the address is written only now and then while the page plays."""
    shown = opened("standardised")
    shown.page.evaluate(
        "() => Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { globalThis.copied = text; } } })"
    )
    shown.page.get_by_role("button", name="Play", exact=True).click()
    shown.page.evaluate("() => globalThis.bestline.set({lr: 0.5})")
    label(shown, "standardize").uncheck()
    shown.page.get_by_role("button", name="copy link").click()
    link = shown.page.evaluate("() => globalThis.copied")
    assert "lr=0.5" in link
    assert "standardize=0" in link


def test_a_switch_and_a_line_by_hand_stand_in_the_address_and_leave_it_again(opened: Any) -> None:
    shown = opened()
    log = call(shown, "state()")["log"]
    call(shown, f"set({{log: {str(not log).lower()}, slope: 1.5, intercept: 0.5}})")
    shown.page.get_by_role("button", name="copy link").click()
    said = shown.page.evaluate("() => location.hash")
    assert f"log={int(not log)}" in said
    assert "line=1.5~0.5" in said
    again = opened()
    again.page.evaluate("hash => { location.hash = hash }", said)
    again.settle()
    assert call(again, "state()")["log"] is not log
    call(shown, f"set({{log: {str(log).lower()}}})")
    shown.page.get_by_role("button", name="move the line by hand").click()
    shown.page.get_by_role("button", name="copy link").click()
    assert shown.page.evaluate("() => location.hash") == ""
