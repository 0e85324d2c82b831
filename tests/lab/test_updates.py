"""The update in numbers of runs that the server trains: what stands on the page adds up, with the digits that one points at."""

from __future__ import annotations

import math
import re

import pytest

from lab.served import until


def exact(line) -> tuple[float, float]:
    """What the arithmetic of a line of an update comes to, and the result that stands there, with all digits of what is hovered."""
    pieces = line.locator("span, i").evaluate_all("all => all.map(one => [one.textContent, one.title])")
    signs = {"−": "-", "×": "*", "²": "**2", "√": "sqrt"}
    words = [title.partition(": ")[0].replace("−", "-") if title else signs.get(text, text) for text, title in pieces[1:]]
    arithmetic, result = " ".join(
        f"({word})" if re.search(r"\d$", word) and "**" not in word else word for word in words[1:]
    ).split(" = ")
    return eval(arithmetic, {"sqrt": math.sqrt}), float(result.strip("()"))  # noqa: S307  what our own page wrote


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("loss", "huber", "mean gradient"),
        ("loss", "absolute", "mean gradient"),
        ("batch", "1", "The gradient is that of one row"),
        ("batch", "16", "The gradient is that of 16 rows"),
    ],
)
def test_the_update_of_a_run_that_the_server_trained_adds_up_to_the_next_weights(open_lab, field, value, said):
    opened = open_lab()
    box = opened.page.locator(f"[name={field}]")
    if field == "batch":
        opened.asked_again(lambda: (box.fill(value), box.press("Tab")))
    else:
        opened.choose(field, value)
    opened.page.locator(".bl-update summary").click()
    opened.page.evaluate("() => globalThis.bestline.set(5)")
    summary = opened.page.locator(".bl-update summary").filter(has_text="The update from step 5 to 6, in numbers")
    summary.wait_for()
    assert said in opened.page.locator(".bl-rule").inner_text()
    lines = opened.page.locator(".bl-rule p:not(.bl-note)").all()
    for line in lines:
        got, result = exact(line)
        assert got == pytest.approx(result, rel=1e-10)
    # As trained the columns are as they are here, so the results are the weights that the page shows next.
    opened.page.evaluate("() => globalThis.bestline.set(6)")
    weights = opened.page.evaluate("() => globalThis.bestline.state().runs[0].weights")
    opened.page.evaluate("() => globalThis.bestline.set(5)")
    summary.wait_for()
    now = [exact(line)[1] for line in lines if line.inner_text().startswith("new")]
    assert now == pytest.approx(weights, rel=1e-10)


def test_a_run_that_waits_shows_the_update_that_led_there(open_lab):
    opened = open_lab()
    page = opened.page
    opened.train_there("huber")
    page.locator(".strip .counter").filter(has_text="of 100,000").wait_for()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Go on").wait_for()
    before = page.locator(".bl-update summary").inner_text()
    page.get_by_role("button", name="Step", exact=True).click()
    until(lambda: page.locator(".bl-update summary").inner_text() != before)
    at = int(page.locator(".bl-counter").inner_text().split()[1].replace(",", ""))
    assert page.locator(".bl-update summary").inner_text() == f"The update from step {at - 1} to {at}, in numbers"
    page.get_by_role("button", name="Cancel").click()
