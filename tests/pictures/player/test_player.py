"""The player: its pure parts by node, the rest on real pages in a browser. A page is judged by what can be seen and asked of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.pictures import palette, player
from bestline.pictures.player.session import session
from bestline.pictures.render.html import page
from bestline.pictures.sample import Sample

ROOT = Path(__file__).parents[3]
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BUDGET = 100_000  # bytes of script and style, which every saved page holds

PATH_ON_SURFACE = 1e-9  # relative: both are the same float64 formula
FASTEST = 1000 / 30  # ms a frame, on a machine that does other things too; alone it makes 60 a second


def _needs(present: bool, what: str) -> None:
    """Skip where a tool is absent, but never on the machine that decides."""
    if not present and os.environ.get("CI") != "true":
        pytest.skip(f"{what} is not installed")


# -- sessions ----------------------------------------------------------------------------------------------------------


def _rows() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    x = np.arange(-3, 3, 0.1)
    return {"x": x, "z": x**2 + rng.standard_normal(len(x)), "y": x - 1 + 0.1 * rng.standard_normal(len(x))}


def _session(models: dict[str, Any], title: str = "a <b>title</b>", held_out: bool = False, **how: Any) -> dict[str, Any]:
    first = next(iter(models.values()))
    parts = [Sample.draw(first.rows(part), first.features, first.targets) for part in ("training", "test")[: 1 + held_out]]
    return session({name: m.trained for name, m in models.items()}, *parts, title=title, **how)


def _fit(formula: str = "y ~ x", **how: Any) -> Any:
    return bl.fit(_rows(), formula, **{"solver": "sgd", "lr": 0.02, "steps": 200, "standardize": False, **how})


def _wave(X: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.sin(X @ w) + b


@pytest.fixture(scope="module")
def sessions() -> dict[str, dict[str, Any]]:
    import warnings

    start = [-4.0, 6.0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bl.errors.BestlineWarning)
        several = {
            "sgd": _fit(start=start, steps=120),
            "adam, <i>lr</i> 0.3": _fit(solver="adam", lr=0.3, start=start, steps=200),
            "short": _fit(solver="momentum", start=start, steps=30),
        }
        return {
            "one": _session({"sgd": _fit(start=start)}, truth=(1.0, -1.0)),
            "held_out": _session({"sgd": _fit(start=start, split=(0.7, 0.15, 0.15))}, held_out=True),
            "several": _session(several),
            "diverged": _session({"too fast": _fit(lr=0.36, start=start, steps=100), "slow": _fit(start=start, steps=100)}),
            "one_weight": _session({"sgd": _fit("y ~ x - 1", start=[-3.0], steps=40)}),
            "diagonal": _session({"sgd": _fit("y ~ x + z", standardize=True, lr=0.1, steps=60)}),
            "huber": _session({"adam": _fit(solver="adam", lr=0.2, loss="huber", start=start, steps=60)}),
            "own": _session({"adam": _fit(solver="adam", lr=0.2, forward=_wave, start=[3.0, 2.0], standardize=None, steps=60)}),
            "own_diagonal": _session(
                {"adam": _fit("y ~ x + z", solver="adam", lr=0.2, forward=_wave, standardize=None, steps=60)}
            ),
        }


# -- the browser -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _needs(False, "playwright")
        raise
    _needs(Path(CHROMIUM).exists(), CHROMIUM)
    with sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


class Shown:
    """A page in the browser, and everything it did that it should not."""

    def __init__(self, browser: Any, path: Path, html: str, **context: Any) -> None:
        path.write_text(html, encoding="utf-8")
        how = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **context}
        self.context = browser.new_context(**how)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("request", lambda request: self.wrong.append(f"request: {request.url}"))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector(".bestline-player[data-k]")
        self.wrong = [line for line in self.wrong if line != f"request: {path.as_uri()}" and "request: data:" not in line]

    def ks(self) -> list[int]:
        """The step that every panel says it shows, and the player as a whole."""
        self.settle()
        return self.page.evaluate(
            "() => [...document.querySelectorAll('.bestline-player, [data-panel]')].map(e => Number(e.dataset.k))"
        )

    def k(self) -> int:
        """The one step that all panels show."""
        found = set(self.ks())
        assert len(found) == 1, f"the panels disagree: {found}"
        return found.pop()

    def state(self) -> dict[str, Any]:
        return self.page.evaluate("() => globalThis.player.state()")

    def settle(self) -> None:
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def press(self, act: str) -> None:
        self.page.locator(f"[data-act='{act}']").click()

    def scrub(self, k: int) -> None:
        slider = self.page.locator(".bestline-player input[type=range]")
        slider.evaluate("(e, k) => { e.value = k; e.dispatchEvent(new Event('input', { bubbles: true })) }", k)

    def hover(self, panel: str, x: float, y: float) -> None:
        box = self.page.locator(f"[data-panel={panel}] canvas").bounding_box()
        self.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()


@pytest.fixture
def show(browser: Any, tmp_path: Path, sessions: dict[str, dict[str, Any]]) -> Iterator[Any]:
    """`show(name)`: the saved page of a session. `show(name, api=True)`: a bare host whose `player` can be asked."""
    opened: list[Shown] = []

    def one(name: str, *, api: bool = False, autoplay: bool = False, **context: Any) -> Shown:
        html = page(sessions[name]).html
        if api:
            data = json.dumps(sessions[name]).replace("<", "\\u003c")
            call = f"globalThis.player = mount(document.querySelector('#host'), {{ session: {data}, autoplay: {json.dumps(autoplay)} }})"
            style, script = player.style(), player.script()
            html = f"<!DOCTYPE html><meta charset=utf-8><link rel=icon href='data:,'><style>{style}</style><div id=host></div><script type=module>{script}\n{call}</script>"
        opened.append(Shown(browser, tmp_path / f"{name}.html", html, **context))
        return opened[-1]

    yield one
    for shown in opened:
        shown.context.close()


# -- the module --------------------------------------------------------------------------------------------------------


def test_the_pure_parts_pass_their_own_tests() -> None:
    _needs(shutil.which("node") is not None, "node")
    done = subprocess.run(
        ["node", "--test", str(ROOT / "tests" / "pictures" / "player")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_module_is_small_and_needs_nothing_else() -> None:
    script, style = player.script(), player.style()
    assert len(script.encode()) + len(style.encode()) < BUDGET
    for word in ("import ", "eval(", "innerHTML", "getElementById", ":root", "http://", "https://", "fetch(", "console.", "</"):
        found = [line for line in script.splitlines() if word in line and "http://www.w3.org/2000/svg" not in line]
        assert not found, f"{word!r} in {found[0]!r}"
    for word in ("@import", "url(", ":root"):
        assert word not in style


def test_the_colours_are_those_of_every_picture() -> None:
    _needs(shutil.which("node") is not None, "node")
    where = json.dumps((Path(player.__file__).parent / "theme.js").as_uri())
    ask = f"import({where}).then(m => process.stdout.write(JSON.stringify(m.THEMES)))"
    done = subprocess.run(["node", "-e", ask], capture_output=True, text=True, timeout=60, check=True)
    for name, theme in json.loads(done.stdout).items():
        wanted = palette.themed(name)
        for colour in ("paper", "ink", "quiet", "grid", "contour"):
            assert theme[colour] == getattr(wanted, colour)
        assert tuple(theme["bands"]) == wanted.bands
        for role in ("data", "held_out", "true", "fitted", "path", "start", "kept", "optimum", "floor", "reference"):
            assert theme[role]["colour"] == wanted.styles[role].colour, role
        for i, run in enumerate(theme["runs"]):
            style = wanted.styles[f"run{i}"]
            assert (run["colour"], run["marker"]) == (style.colour, style.marker)
            assert run["dash"] == ([] if style.dash == "-" else list(style.dash[1]))


# -- any page ----------------------------------------------------------------------------------------------------------

PANELS = {
    "one": ["data", "contour", "loss", "surface"],
    "held_out": ["data", "contour", "loss", "surface"],
    "several": ["data", "contour", "loss", "surface"],
    "diverged": ["data", "contour", "loss", "surface"],
    "one_weight": ["data", "loss", "curve"],
    "diagonal": ["data", "contour", "loss", "surface"],
    "huber": ["data", "contour", "loss", "surface"],
    "own": ["data", "contour", "loss", "surface"],
    "own_diagonal": ["data", "contour", "loss", "surface"],
}

# Of every canvas: how many colours there are, and how bright its inside is.
_LOOK = """() => Object.fromEntries([...document.querySelectorAll('[data-panel]')].map(panel => {
  const canvas = panel.querySelector('canvas'), { width, height } = canvas;
  const pixels = canvas.getContext('2d').getImageData(width * 0.2, height * 0.1, width * 0.7, height * 0.6).data, seen = new Set();
  let light = 0;
  for (let i = 0; i < pixels.length; i += 4) { seen.add((pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2]); light += pixels[i + 1]; }
  return [panel.dataset.panel, { colours: seen.size, light: light / (pixels.length / 4) }];
}))"""


@pytest.mark.parametrize(("name", "theme"), [*((name, "light") for name in PANELS), ("one", "dark"), ("diverged", "dark")])
def test_a_saved_page_is_drawn_and_asks_for_nothing(show: Any, name: str, theme: str) -> None:
    shown = show(name, color_scheme=theme)
    for _ in range(3):
        shown.press("forward")
    assert shown.k() == 3
    shown.press("last")
    shown.settle()
    looks = shown.page.evaluate(_LOOK)
    assert list(looks) == PANELS[name]
    for panel, look in looks.items():
        assert look["colours"] > 20, f"{panel} is blank"
        assert (look["light"] > 150) == (theme == "light"), f"{panel} has the wrong brightness"
    assert 25 < looks.get("contour", {"light": 200})["light"] < 250, "the landscape is painted black or not at all"
    assert shown.wrong == []


@pytest.mark.parametrize(
    ("name", "size"), [("several", (360, 740)), ("diagonal", (390, 844)), ("several", (800, 600)), ("diagonal", (1920, 1080))]
)
def test_it_fits_any_width(show: Any, name: str, size: tuple[int, int]) -> None:
    shown = show(name, viewport={"width": size[0], "height": size[1]})
    shown.press("table")
    assert shown.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    boxes = shown.page.evaluate(
        "() => [...document.querySelectorAll('[data-panel]')].map(e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom] })"
    )
    for i, a in enumerate(boxes):
        assert a[0] >= 0
        assert a[2] <= size[0]
        for b in boxes[i + 1 :]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], "two panels overlap"
    columns = len({round(box[0]) for box in boxes})
    assert columns == (1 if size[0] < 700 else 2)


def test_it_follows_its_host_when_that_is_resized(show: Any) -> None:
    shown = show("one")
    shown.page.set_viewport_size({"width": 500, "height": 800})
    shown.settle()
    wide = shown.page.evaluate("() => [...document.querySelectorAll('[data-panel] canvas')].map(c => c.width / c.clientWidth)")
    assert wide == pytest.approx([1.0] * 4, abs=0.01)


def test_text_of_users_stays_text(show: Any) -> None:
    shown = show("several")
    assert shown.text("h2") == "a <b>title</b>"
    assert shown.page.locator(".bestline-player b, .bestline-player i").count() == 0
    assert "adam, <i>lr</i> 0.3" in shown.text("[data-act=run1]")


# -- one clock ---------------------------------------------------------------------------------------------------------


def test_it_plays_by_itself_to_the_last_step_and_stops_there(show: Any) -> None:
    shown = show("one", api=True, autoplay=True, reduced_motion="no-preference")
    state = shown.state()
    assert state["playing"]
    shown.page.locator("select[aria-label=Speed]").select_option("4")
    shown.page.wait_for_selector("[data-playing=false]", timeout=15_000)
    assert shown.k() == shown.state()["last"] == 200
    shown.press("play")
    shown.settle()
    assert shown.state()["k"] < 100, "playing again starts from the beginning"
    assert shown.wrong == []


def test_reduced_motion_stops_it_from_playing_by_itself(show: Any) -> None:
    shown = show("one", api=True, autoplay=True, reduced_motion="reduce")
    shown.page.wait_for_timeout(200)
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
    shown.page.wait_for_timeout(500)
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
    for word in ("sgd", "short", "Made all 30 steps", "steps to 1 %"):
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
    looks = shown.page.evaluate(_LOOK)
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


def test_it_is_fast_enough(show: Any) -> None:
    shown = show("several", api=True)
    shown.press("play")
    frames = shown.page.evaluate(
        "() => new Promise(done => { const times = []; const next = t => times.push(t) > 90 ? done(times) : requestAnimationFrame(next); requestAnimationFrame(next) })"
    )
    assert float(np.median(np.diff(frames))) < FASTEST
    shown.press("play")
    waited = shown.page.evaluate(
        """async () => { const slider = document.querySelector('input[type=range]'), waited = [];
        for (let i = 0; i < 30; i++) { const from = performance.now(); slider.value = (37 * i) % 200; slider.dispatchEvent(new Event('input'));
          await new Promise(done => requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); }));
          waited.push(performance.now() - from); }
        return waited; }"""
    )
    assert float(np.median(waited)) < 50
