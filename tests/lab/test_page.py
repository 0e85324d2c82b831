"""The lab as people meet it, in a browser: drawn with no click, own data in three steps, and nothing asked of anybody else."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from bestline.lab import pages
from bestline.lab.openapi import FORMS
from lab.served import Opened, drawn, give, houses

STATIC = Path(pages.__file__).parent / "static"
MOST_LINES = 350


# -- the files ---------------------------------------------------------------------------------------------------------


def test_the_modules_are_small_and_need_nobody_else():
    texts = {path.name: path.read_text(encoding="utf-8") for path in STATIC.iterdir()}
    assert len(texts) > 10
    for name, text in texts.items():
        assert text.count("\n") <= MOST_LINES, name
        for word in ("eval(", "innerHTML", "new Function", "http://", "https://", "document.write", "style="):
            assert word not in text, f"{word} in {name}"


# -- first view --------------------------------------------------------------------------------------------------------


def test_a_run_is_drawn_with_no_click_and_nobody_else_is_asked(open_lab, lab):
    opened = open_lab()
    assert opened.title() == "y ~ x"
    drawn(opened)
    hosts = {urlsplit(url).netloc for url in opened.asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(lab.url).netloc}
    assert opened.wrong == []


def test_the_token_leaves_the_address_and_a_reload_still_comes_in(open_lab):
    opened = open_lab()
    assert "token" not in opened.page.url
    opened.page.reload()
    opened.ready()
    assert opened.wrong == []


def test_without_a_token_one_sentence_says_what_to_open(open_lab, lab, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(lab.url)
    page.locator(".status.alert").wait_for(timeout=120_000)
    assert "open the address" in page.locator(".status").inner_text()
    context.close()


def turned(opened: Opened, **changes: object) -> None:
    """Turn what the page itself trains with, as its controls do."""
    opened.page.evaluate("changes => globalThis.bestline.set(changes)", changes)


def test_the_page_trains_by_itself_and_asks_nobody(open_lab):
    opened = open_lab()
    before = len(opened.asked)
    turned(opened, lr=0.2, steps=30)
    loss = opened.page.evaluate("() => globalThis.bestline.trace(0).loss.at(-1)")
    assert loss < 0.0078
    assert len(opened.asked) == before
    opened.page.locator("[data-act=play]").click()
    assert len(opened.asked) == before


def test_the_update_of_a_step_stands_there_with_its_numbers(open_lab):
    opened = open_lab("&lesson=crash-course.1")
    opened.tab("Lessons")
    opened.asked_again(opened.page.get_by_role("button", name="Set it up again").click)
    opened.page.locator(".bl-update summary").click()
    line = opened.page.locator(".bl-rule p").first
    line.filter(has_text="= −1.41").wait_for()
    assert "".join(line.inner_text().split()) == "newweightofx=−1.5−0.01×(−9)=−1.41"
    assert all(line.locator("span").evaluate_all("all => all.map(one => one.title)"))
    opened.page.locator("[data-act=forward]").click()
    line.filter(has_text="(−7.38)").wait_for()


def test_what_was_turned_is_in_the_link_and_in_what_is_taken_away(open_lab):
    opened = open_lab()
    turned(opened, lr=0.2, steps=3)
    opened.tab("Take")
    with opened.page.expect_download() as taken:
        opened.page.locator("[data-form=steps]").click()
    rows = Path(taken.value.path()).read_text().splitlines()
    assert len(rows) == 1 + 4
    assert float(rows[-1].split(",")[1]) == pytest.approx(4.1727, rel=1e-3)  # as the lesson has it after three steps at 0.2
    opened.tab("Training")
    again = open_lab("&" + opened.page.url.partition("#")[2])
    assert again.page.evaluate("() => globalThis.bestline.state().runs[0].lr") == 0.2


def test_points_pins_and_switches_are_in_the_link(open_lab):
    opened = open_lab()
    opened.page.evaluate("() => globalThis.bestline.set({ pin: 'as it came' })")
    opened.page.evaluate(
        "() => globalThis.bestline.set({ lr: 0.15, points: { removed: [0], moved: [[3, 1.5, 9]] }, residuals: true })"
    )
    opened.page.evaluate("() => globalThis.bestline.set({ pin: 'without the first' })")
    opened.page.locator("[data-act=copy-link]").click()
    seen = "() => { const { runs, residuals } = globalThis.bestline.state(); return [runs.map(r => r.label), runs[0].points, runs[0].lr, residuals, globalThis.bestline.trace(0).loss] }"
    before = opened.page.evaluate(seen)
    again = open_lab("&" + opened.page.url.partition("#")[2])
    after = again.page.evaluate(seen)
    assert after[1:] == before[1:]
    assert before[1] == {"moved": [[3, 1.5, 9]], "removed": [0], "added": []}
    assert "without the first" in after[0]
    untouched = open_lab()
    untouched.page.locator("[data-act=copy-link]").click()
    assert "page=" not in untouched.page.url


def test_a_run_of_a_file_that_was_sent_stands_in_no_link(open_lab):
    """The file is on this machine alone, and its id is nobody's business."""
    opened = open_lab()
    turned(opened, lr=0.125)
    opened.page.wait_for_url("**run=**")
    opened.asked_again(lambda: give(opened, houses()))
    turned(opened, lr=0.0625)
    opened.tab("Take")
    opened.page.wait_for_url("**tab=take**")
    assert "run=" not in opened.page.url
    assert "upload" not in opened.page.url


def test_two_weights_to_look_at_are_chosen_and_stand_in_the_link(open_lab):
    opened = open_lab()
    assert not opened.page.get_by_label("Across").is_visible(), "of a line over one column there is no choice"
    opened.asked_again(lambda: give(opened, houses()))
    opened.asked_again(lambda: opened.page.get_by_role("checkbox", name="age").check())
    axes = "() => globalThis.bestline.trace(0) && document.querySelector('[data-panel=contour] h3').title"
    assert "age" not in opened.page.evaluate(axes)
    opened.page.evaluate("() => globalThis.bestline.set({ lr: 0.125 })")
    opened.asked_again(lambda: opened.page.get_by_label("Upwards").select_option("age"))
    assert opened.page.evaluate(axes) == "weight of area, weight of age"
    assert opened.page.evaluate("() => globalThis.bestline.state().runs[0].lr") == 0.125, "the run is the same"
    drawn(opened)
    opened.asked_again(lambda: opened.page.get_by_label("Across").select_option("age"))
    assert opened.page.locator("[data-panel=curve]").count() == 1, "over one weight the loss is a curve"
    opened.asked_again(lambda: opened.page.get_by_role("checkbox", name="area").uncheck())
    assert not opened.page.get_by_label("Upwards").is_visible()
    assert opened.wrong == []


def test_a_link_says_which_weights_the_surface_lies_over(open_lab):
    run = {
        "data": "sample:penguins",
        "formula": "body_mass_g ~ flipper_length_mm + bill_length_mm",
        "surface": ["bill_length_mm", "Intercept"],
    }
    opened = open_lab("&run=" + quote(json.dumps(run)))
    assert opened.page.locator("[data-panel=contour] h3").get_attribute("title").startswith("weight of bill_length_mm")
    assert opened.page.get_by_label("Across").input_value() == "bill_length_mm"
    assert opened.page.get_by_label("Upwards").input_value() == "Intercept"


def test_the_analyst_chooses_a_partial_plot(open_lab):
    opened = open_lab()
    opened.asked_again(lambda: give(opened, houses()))
    opened.asked_again(lambda: opened.page.get_by_role("checkbox", name="age").check())
    opened.tab("Analyst")
    picture = opened.page.locator(".analyst figure img")
    picture.wait_for()
    assert picture.get_attribute("alt").startswith("Four panels")
    opened.page.get_by_label("Picture").select_option(label="added-variable: age")
    opened.page.get_by_alt_text("The added-variable plot of age").wait_for()
    opened.page.get_by_label("Picture").select_option(label="component plus residual: area")
    opened.page.get_by_alt_text("The component plus residual plot of area").wait_for()
    assert picture.evaluate("image => image.complete && image.naturalWidth") > 300
    assert opened.wrong == []


def test_rows_that_were_changed_by_hand_are_not_taken_for_those_of_the_server(open_lab):
    opened = open_lab()
    opened.page.evaluate("() => globalThis.bestline.set({ points: { removed: [0] } })")
    opened.tab("Take")
    opened.page.locator("[data-form=model]").click()
    opened.page.get_by_text("The points were changed by hand, and the server does not have them.").wait_for()


# -- own data ----------------------------------------------------------------------------------------------------------


def test_own_data_in_three_steps(open_lab):
    opened = open_lab()
    opened.asked_again(lambda: give(opened, houses()))  # 1: the file; it is trained at once
    assert opened.title() == "price ~ area"
    assert "1 row was left out" in opened.page.locator(".bestline-player").inner_text()
    opened.asked_again(lambda: opened.page.get_by_role("checkbox", name="age").check())  # 2: the columns
    assert opened.title() == "price ~ area + age"
    opened.asked_again(lambda: opened.page.get_by_role("button", name="Train", exact=True).click())  # 3
    drawn(opened)
    assert opened.wrong == []


def test_a_file_can_be_dropped_anywhere(open_lab):
    opened = open_lab()
    drop = """content => {
      const data = new DataTransfer();
      data.items.add(new File([content], "dropped.csv"));
      for (const type of ["dragenter", "dragover", "drop"]) document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    }"""
    opened.asked_again(lambda: opened.page.evaluate(drop, houses().decode()))
    assert opened.page.locator("[name=dataset] option:checked").inner_text() == "dropped.csv"
    assert opened.page.locator(".drop").is_hidden()


def test_a_wrong_file_gives_one_sentence_and_the_run_stays(open_lab):
    opened = open_lab()
    give(opened, b"PK\x03\x04" + bytes(60), "book.xlsx")
    opened.page.locator(".status.alert").wait_for()
    assert opened.status().startswith("`book.xlsx` is")
    assert opened.title() == "y ~ x"


def test_several_columns_words_and_missing_values(open_lab):
    opened = open_lab()
    opened.asked_again(lambda: give(opened, houses()))
    for name in ("age", "colour"):
        opened.asked_again(lambda name=name: opened.page.get_by_role("checkbox", name=name).check())
    opened.choose("missing", "impute")
    assert opened.title() == "price ~ area + age + colour"
    panels = opened.page.locator("[data-panel]").evaluate_all("all => all.map(one => one.dataset.panel)")
    assert {"data", "contour", "loss", "surface"} <= set(panels)
    assert "Predicted against actual" in opened.page.locator(".bestline-player").inner_text()
    drawn(opened)


def test_a_formula_is_taken_as_it_is(open_lab):
    opened = open_lab()
    opened.asked_again(lambda: give(opened, houses()))
    opened.page.get_by_text("Write a formula instead").click()
    line = opened.page.locator("[name=formula-line]")
    line.fill("price ~ log(area) + C(colour)")
    opened.asked_again(lambda: line.press("Enter"))
    assert opened.title() == "price ~ log(area) + C(colour)"
    line.fill("price ~ lag(area")
    opened.asked_again(lambda: line.press("Enter"))
    opened.page.locator(".status.alert").wait_for()
    assert opened.title() == "price ~ log(area) + C(colour)"


# -- the other tabs ------------------------------------------------------------------------------------------------------


def test_the_analyst_s_view_is_one_tab_away(open_lab):
    opened = open_lab()
    opened.asked_again(lambda: give(opened, houses()))
    opened.tab("Analyst")
    table = opened.page.get_by_role("table").filter(has_text="Coefficients")
    table.wait_for()
    assert "95% interval" in table.inner_text()
    assert "on rows it has not seen (5-fold)" in opened.page.locator(".analyst").inner_text()
    image = opened.page.locator(".analyst img")
    image.wait_for()
    assert image.evaluate("image => image.complete && image.naturalWidth > 400")
    assert image.get_attribute("alt")
    with opened.page.expect_download() as taken:
        opened.page.get_by_role("button", name="Model file").click()
    assert taken.value.suggested_filename == "houses.bestline"
    assert opened.wrong == []


@pytest.mark.parametrize("form", ["png", "page", "linear", "steps", "model"])
def test_a_run_is_taken_away(open_lab, form):
    opened = open_lab()
    opened.tab("Take")
    forms = opened.page.locator("[data-form]").evaluate_all("all => all.map(one => one.dataset.form)")
    assert set(forms) == set(FORMS)
    with opened.page.expect_download() as taken:
        opened.page.locator(f"[data-form={form}]").click()
    assert taken.value.suggested_filename.startswith("slope-and-bias")
    assert Path(taken.value.path()).stat().st_size > 200
    assert opened.page.locator(".code").is_visible() == (form == "linear")


def test_every_lesson_can_be_followed_to_its_end(open_lab):
    opened = open_lab()
    opened.tab("Lessons")
    begin = opened.page.get_by_role("button", name="Begin")
    assert begin.count() == 3
    for lesson in range(3):
        opened.asked_again(begin.nth(lesson).click)
        forth = opened.page.get_by_role("button", name="Next")
        answers = 0
        while True:
            answer = opened.page.locator(".answer")
            assert not answer.get_by_role("paragraph").is_visible()
            answer.get_by_text("Show the answer").click()
            assert answer.get_by_role("paragraph").is_visible()
            answers += 1
            if forth.is_disabled():
                break
            opened.asked_again(forth.click)
        assert answers == 4
        opened.page.get_by_text("All lessons").click()
    assert not [line for line in opened.wrong if "error" in line]


def test_a_teacher_s_link_opens_the_run_without_the_controls_put_away(open_lab):
    opened = open_lab()
    opened.choose("loss", "huber")
    opened.page.get_by_text("For teachers").click()
    opened.page.get_by_role("checkbox", name="analyst's view").check()
    opened.page.get_by_role("checkbox", name="own file").check()
    link = opened.page.url
    assert "token" not in link
    again = open_lab("&" + link.partition("#")[2])
    assert again.page.locator("[name=loss]").input_value() == "huber"
    assert again.page.locator("#tab-analyst").is_hidden()
    assert again.page.locator(".files").is_hidden()
    assert again.page.locator("#tab-take").is_visible()


@pytest.mark.parametrize(
    "run", ["nonsense", "{}", '{"data": 3}', '{"data": "lesson:none"}', '{"data": "sample:penguins", "target": "<img src=x>"}']
)
def test_a_link_that_says_nonsense_is_no_fault(open_lab, run):
    opened = open_lab(f"&run={quote(run)}&hide=<script>&tab=none&lesson=none.9", ready=False)
    opened.page.locator(".status.alert, .bestline-player").first.wait_for()
    assert not [line for line in opened.wrong if line.startswith("error")]


# -- for everybody -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["training", "analyst", "take", "lesson", "huber"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_lab, view, scheme):
    playwright_axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    opened = open_lab("&lesson=crash-course.1" if view == "lesson" else "", color_scheme=scheme)
    if view == "huber":
        opened.choose("loss", "huber")
    elif view in ("analyst", "take"):
        opened.tab({"analyst": "Analyst", "take": "Take"}[view])
        opened.page.locator({"analyst": ".analyst img", "take": ".take button"}[view]).first.wait_for()
    # The page's own policy runs no script of anybody else's; what the tool needs goes past it.
    found = playwright_axe.Axe().run(opened.page).response["violations"]
    serious = {
        one["id"]: [node["html"][:200] for node in one["nodes"]] for one in found if one["impact"] in ("serious", "critical")
    }
    assert serious == {}, json.dumps(serious, indent=1)


def test_every_control_is_reached_by_keyboard_and_has_a_name(open_lab):
    opened = open_lab()
    nameless = opened.page.locator("button, input, select, summary").evaluate_all(
        "all => all.filter(e => e.checkVisibility() && !(e.ariaLabel || e.textContent.trim() || e.labels?.[0]?.textContent.trim() || e.title)).map(e => e.outerHTML)"
    )
    assert nameless == []
    seen = set()
    for _ in range(80):
        opened.page.keyboard.press("Tab")
        seen.add(
            opened.page.evaluate(
                "() => document.activeElement.name || document.activeElement.id || document.activeElement.textContent"
            )
        )
    assert {"dataset", "target", "missing", "loss", "tab-setup", "Train"} <= seen


def test_on_a_phone_nothing_is_wider_than_the_screen(open_lab):
    opened = open_lab(viewport={"width": 390, "height": 844})
    assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= 390
    drawn(opened)


def test_the_player_s_dark_button_is_that_of_the_whole_page(open_lab):
    opened = open_lab()
    opened.page.locator("[data-act=dark]").click()
    assert opened.page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"


@pytest.mark.parametrize("dark", [False, True])
def test_pictures_of_the_analyst_s_view_are_as_dark_as_the_page(open_lab, dark):
    opened = open_lab()
    if dark:
        opened.page.locator("[data-act=dark]").click()
    with opened.page.expect_request("**/api/panels") as asked:
        opened.tab("Analyst")
    assert asked.value.post_data_json["theme"] == ("dark" if dark else "light")
    picture = opened.page.locator(".analyst figure img")
    picture.wait_for()
    paper = """async (image) => {
      await image.decode();
      const canvas = document.createElement("canvas"), brush = canvas.getContext("2d");
      brush.drawImage(image, 0, 0);
      return brush.getImageData(2, 2, 1, 1).data[0];
    }"""
    assert (picture.evaluate(paper) < 60) == dark
