"""Runs that are pinned: kept to be compared, by colour, dash and name, on the same rows alone; a link holds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bestline as bl
from bestline.pictures.watch import page_of
from pictures.player.pages import LOOK, Shown
from pictures.player.test_alive import START, by_python, call, label, rows, screen, wide

HOW: dict[str, Any] = {"solver": "sgd", "lr": 0.05, "steps": 60}
OTHERS: list[dict[str, Any]] = [
    {"lr": 0.2},
    {"optimizer": "momentum", "lr": 0.03, "steps": 30},
    {"optimizer": "adam", "lr": 0.3, "start": {"x": 1, "Intercept": 0}},
    {"optimizer": "nesterov", "lr": 0.02, "momentum": 0.5, "standardize": True},
]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    line = bl.fit(rows(), "y ~ x", start=START, standardize=False, **HOW)
    fast = bl.fit(rows(), "y ~ x", start=START, standardize=False, **{**HOW, "lr": 0.1})
    return {
        "line": page_of(line).html,
        "two": page_of({"slow": line, "fast": fast}).html,
        "ridge": page_of(bl.fit(rows(), "y ~ x", l2=0.2, **HOW)).html,
        "many": page_of(bl.fit(wide(50), target="y", **HOW)).html,
    }


def runs(shown: Shown) -> list[dict[str, Any]]:
    return call(shown, "state()")["runs"]


def pinned(opened: Any, *, many: int = 4, **context: Any) -> Shown:
    """A page with the recorded run pinned, and some others."""
    shown = opened(**context)
    shown.press("pin")
    for other in OTHERS[: many - 1]:
        call(shown, "set(given[0])", other)
        shown.press("pin")
    return shown


def test_four_runs_are_pinned_and_each_stays_what_it_was(opened: Any) -> None:
    shown = pinned(opened, many=5)
    call(shown, "set({optimizer: 'sgd', lr: 0.01, steps: 40, start: {x: 0, Intercept: 0}, standardize: false})")
    now, *kept = runs(shown)
    assert [one["label"] for one in kept] == [
        "sgd, lr 0.05",
        "sgd, lr 0.2",
        "momentum, lr 0.03",
        "adam, lr 0.3",
        kept[4]["label"],
    ]
    assert all(one["pinned"] for one in kept)
    assert now["lr"] == 0.01
    for i, one in enumerate(kept, 1):
        told = call(shown, f"trace({i})")
        if one["momentum"] != 0.5:  # Python's own words know 0.9 alone
            np.testing.assert_allclose(told["loss"], by_python(None, one).loss.tolist(), rtol=1e-10)
        assert len(told["loss"]) == one["steps"] + 1
        assert one["loss"] == told["loss"][-1]
        assert one["steps_to_99"] is None or 0 < one["steps_to_99"] <= one["steps"]
    assert shown.k() == 60, "the longest run is seen to its end"
    assert all(look["colours"] > 12 for look in shown.page.evaluate(LOOK).values())


def test_each_has_a_colour_a_dash_a_name_and_a_row_of_the_table(opened: Any) -> None:
    shown = pinned(opened)
    call(shown, "set({lr: 0.011, optimizer: 'sgd'})")
    looks = shown.page.evaluate(
        "() => [...document.querySelectorAll('.bl-runs button')].map(b => [b.querySelector('path').getAttribute('stroke'), b.querySelector('path').getAttribute('stroke-dasharray'), b.textContent])"
    )
    assert len(looks) == 5
    for part in range(3):
        assert len({look[part] for look in looks}) == 5
    beside = shown.page.locator(".bl-pin path").evaluate_all("all => all.map(one => one.getAttribute('stroke'))")
    assert beside == [look[0] for look in looks[1:]], "beside its name a run has its own colour"
    head, *body = shown.page.locator("[aria-label='Table of runs'] tr").evaluate_all(
        "all => all.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    assert head[:7] == ["run", "optimizer", "rate", "limit", "last loss", "gap to exact", "steps to 1%"]
    assert [row[:3] for row in body] == [[one["label"], one["optimizer"], f"{one['lr']:g}"] for one in runs(shown)]
    assert [row[4] for row in body] == [f"{one['loss']:.4g}" for one in runs(shown)]
    assert [row[6] for row in body] == [str(one["steps_to_99"] or "not reached") for one in runs(shown)]


def test_a_run_is_named_and_unpinned_and_the_others_keep_their_look(opened: Any) -> None:
    shown = pinned(opened)
    label(shown, "name of pinned run 2").fill("bold one")
    label(shown, "name of pinned run 2").press("Enter")
    assert runs(shown)[2]["label"] == "bold one"
    assert "bold one" in shown.text("[data-act=run2]")
    colour = "() => document.querySelector('[data-act=run2] path').getAttribute('stroke')"
    before = shown.page.evaluate(colour)
    shown.page.get_by_role("button", name="unpin sgd, lr 0.05").click()
    assert [one["label"] for one in runs(shown)[1:]] == ["bold one", "momentum, lr 0.03", "adam, lr 0.3"]
    assert shown.page.evaluate(colour.replace("run2", "run1")) == before
    for name in ("bold one", "momentum, lr 0.03", "adam, lr 0.3"):
        shown.page.get_by_role("button", name=f"unpin {name}", exact=True).click()
    assert len(runs(shown)) == 1
    assert not shown.page.locator(".bl-runs").is_visible()
    assert not shown.page.locator("[aria-label='Table of runs']").is_visible()


def test_no_two_runs_have_one_name(opened: Any) -> None:
    shown = opened()
    for _ in range(2):
        shown.press("pin")
    assert [one["label"] for one in runs(shown)] == ["sgd, lr 0.05 (now)", "sgd, lr 0.05", "sgd, lr 0.05 (2)"]


def test_the_address_holds_the_pinned_runs(opened: Any) -> None:
    shown = pinned(opened, many=5)
    call(shown, "set({pin: 'a ~ b & c = <d>', lr: 0.04})")
    shown.page.wait_for_url("**a+~+b*")
    other = shown.context.new_page()
    other.goto(shown.page.url)
    other.wait_for_selector(".bestline-player[data-k]")
    assert other.evaluate("() => bestline.state().runs") == runs(shown)
    assert runs(shown)[6]["label"] == "a ~ b & c = <d>"


@pytest.mark.parametrize(
    "said",
    [
        "pin=sgd~0.1",
        "pin=sgd~NaN~0~60~0~1_2~x",
        "pin=sgd~0.1~0~60~0~1_2_3~x",
        "pin=__proto__~1e300~7~1e12~1~1e308_1e308~<img src=x onerror=alert(1)>",
        "&".join(["pin=sgd~0.1~0~60~0~1_2~x"] * 40),
    ],
)
def test_what_an_address_may_not_say_of_pins_is_passed_over(opened: Any, said: str) -> None:
    shown = opened()
    shown.page.evaluate("hash => { location.hash = hash }", said)
    found = runs(shown)
    assert len(found) <= 7
    for one in found:
        assert one["optimizer"] in ("sgd", "momentum", "nesterov", "adam")
        assert one["steps"] <= 10_000
        assert one["momentum"] < 1
        assert all(abs(v) < 1e13 for v in one["start"].values())
    assert shown.page.locator(".bestline-player img").count() == 0


def test_more_than_six_are_refused_in_words(opened: Any) -> None:
    shown = opened()
    for i in range(7):
        call(shown, "set({lr: given[0], pin: true})", 0.01 + i / 100)
    assert len(runs(shown)) == 7
    assert "unpin one first" in shown.text(".bl-pinned")


@pytest.mark.parametrize("name", ["line", "two"])
def test_runs_of_other_points_are_left_out_and_come_back_with_them(opened: Any, name: str) -> None:
    shown = opened(name)
    call(shown, "set({lr: 0.1, pin: 'mine'})")
    labels = [one["label"] for one in runs(shown)]
    assert labels[1:] == [*(["fast"] if name == "two" else []), "mine"]
    call(shown, "set({points: {removed: [0]}})")
    assert len(runs(shown)) == 1
    assert "it was made on other points" in shown.text(".bl-pinned")
    assert "“mine”" in shown.text(".bl-pinned")
    call(shown, "set({pin: 'on these'})")
    assert [one["label"] for one in runs(shown)[1:]] == ["on these"]
    shown.press("points-reset")
    assert [one["label"] for one in runs(shown)] == labels
    assert "“on these”" in shown.text(".bl-pinned")


def test_with_a_ridge_penalty_another_scaling_is_another_objective(opened: Any) -> None:
    shown = opened("ridge")
    shown.press("pin")
    call(shown, "set({standardize: false})")
    assert len(runs(shown)) == 1
    assert "another objective" in shown.text(".bl-pinned")
    call(shown, "set({standardize: true})")
    assert len(runs(shown)) == 2


def test_as_trained_a_run_of_columns_as_they_are_lies_on_the_same_ground(opened: Any) -> None:
    shown = opened()
    shown.press("pin")
    call(shown, "set({standardize: true, lr: 0.2})")
    assert call(shown, "state()")["trained"]
    for one in runs(shown):
        assert one["ball"]["height"] == pytest.approx(one["ball"]["surface"], rel=1e-9)
        assert one["ball"]["at"] == pytest.approx([0.96, 0], abs=0.05)


def test_the_start_is_dragged_among_pinned_runs(opened: Any) -> None:
    shown = pinned(opened, many=2)
    shown.page.mouse.click(*screen(shown, "contour", 1.0, -2.0))
    now, *kept = runs(shown)
    assert now["start"]["x"] == pytest.approx(1, abs=0.05)
    assert [one["start"] for one in kept] == [START, START]


def test_of_many_weights_runs_are_pinned_too(opened: Any) -> None:
    shown = opened("many")
    shown.press("pin")
    call(shown, "set({lr: 0.01, standardize: false})")
    assert len(runs(shown)) == 2
    assert len(call(shown, "trace(1)")["weights"]) == 51
    assert all(look["colours"] > 12 for look in shown.page.evaluate(LOOK).values())


def test_what_was_turned_back_has_the_name_it_had(opened: Any) -> None:
    shown = opened("two")
    for lr in (0.2, 0.05):
        call(shown, "set({lr: given[0]})", lr)
    assert runs(shown)[0]["label"] == "slow"


@pytest.mark.parametrize("context", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}])
def test_pinned_runs_are_accessible(opened: Any, context: dict[str, Any]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")
    shown = pinned(opened, **context)
    call(shown, "set({points: {removed: [0]}})")
    call(shown, "set({points: null})")
    found = axe.Axe().run(shown.page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []
    assert shown.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
