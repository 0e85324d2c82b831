"""The site: every page is in the navigation, every public name in the reference; and what `make docs` built is looked at in a browser."""

from __future__ import annotations

import os
import re
import sys
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

import bestline as bl
from docs.test_glossary import SEARCHED
from pictures.player.pages import needs

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TOLD = tomllib.loads((DOCS / "site" / "zensical.toml").read_text(encoding="utf-8"))["project"]
SITE = Path(os.environ.get("BESTLINE_SITE", ROOT / "build" / "site" / "site"))
sys.path.insert(0, str(DOCS / "site"))

import gallery  # noqa: E402
import house  # noqa: E402
import live  # noqa: E402

MADE = {"overview.md", "contributing.md", "changelog.md", "conduct.md", "security.md", "gallery.md", "reference/names.md"}
# A wide window and a phone, each theme once; every other page the other way round.
LOOKS = (((1280, "light"), (390, "dark")), ((1280, "dark"), (390, "light")))


def pages_of(entries: list[Any]) -> Iterator[str]:
    """The pages that the navigation names, in its order."""
    for entry in entries:
        for inside in entry.values() if isinstance(entry, dict) else [entry]:
            yield from [inside] if isinstance(inside, str) else pages_of(inside)


NAVIGATION = list(pages_of(TOLD["nav"]))

# -- what is written ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.relative_to(DOCS).as_posix())
def test_a_page_is_in_the_navigation(page: Path) -> None:
    name = page.relative_to(DOCS).as_posix()
    assert NAVIGATION.count(name) == 1, f"docs/{name} must be named once in `nav` of docs/site/zensical.toml"


def test_the_navigation_names_pages_that_are_there() -> None:
    lessons = {f"lessons/{path.stem}.md" for path in (ROOT / "lessons").glob("[0-9]_*.py")}
    there = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert set(NAVIGATION) == there | lessons | MADE


# How an example reaches what others make.
REACHED = {
    "Fit": r"\.trained\b",
    "Groups": r"bl\.fit_groups\(",
    "Model": r"bl\.fit\(",
    "Step": r"watch=",
    "Trace": r"\.trace\b",
    "Windows": r"bl\.fit_rolling\(",
}


@pytest.mark.parametrize("name", sorted({*bl.__all__, "nn.MomentLoss"} - {"nn"}))
def test_a_public_name_is_in_the_reference_with_an_example(name: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md")]
    shown = re.compile(rf"^(::: bestline\.{name}|## `bestline\.{name}`)$", re.MULTILINE)
    found = [text for text in texts if shown.search(text)]
    assert len(found) == 1, f"`bestline.{name}` stands in docs/reference once"
    code = "".join(re.findall(r"^```python\n(.*?)^```$", found[0], re.DOTALL | re.MULTILINE))
    assert re.search(REACHED.get(name, rf"\bbl\.{re.escape(name)}\b"), code), f"no example of `bestline.{name}`"


def test_the_gallery_shows_every_picture() -> None:
    shown = {(kind.owner, name) for kind in gallery.KINDS for name in kind.pictures()}
    assert shown == {(kind.owner, name) for kind in gallery.KINDS for name in gallery.pictures(kind.owner)}
    assert len(shown) > 20


def test_a_picture_of_the_gallery_is_in_both_themes_and_its_caption_says_what_is_seen() -> None:
    drawn = bl.plot_data({"x": [1.0, 2.0, 3.0], "a<b": [1.0, 2.0, 4.0]}, target="a<b", features=["x"])
    shown = gallery.figure(drawn, "data.png", "data-dark.png")
    assert 'src="gallery/data.png#only-light"' in shown
    assert 'src="gallery/data-dark.png#only-dark"' in shown
    assert f"<figcaption>{drawn.alt.replace('<', '&lt;')}</figcaption>" in shown
    assert 'role="group"' in shown  # what scrolls on a phone has a name and is reached by keyboard
    assert 'tabindex="0"' in shown


@pytest.mark.usefixtures("quiet")
def test_the_slopes_of_the_gallery_differ() -> None:
    names = {"bl": bl, "penguins": bl.samples.penguins()}
    exec(gallery.CROSSED, names)  # noqa: S102  our own code
    slopes = names["crossed"].slopes("flipper_length_mm", by="species")
    assert slopes["estimate"].round(6).nunique() == 3


def test_the_house_has_every_room_in_its_order() -> None:
    floors = house.floors()
    names = [name for floor in floors for name in floor]
    assert sorted(names) == sorted(
        path.stem
        for path in (ROOT / "src" / "bestline").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
        if not path.stem.startswith("_")
    )
    assert names.index("cli") < names.index("api") < names.index("training") < names.index("numerics")
    drawn = house.picture()
    assert all(f">{name}</text>" in drawn for name in names)
    assert all(house.purposes().get(name) for name in names)


def test_live_pages_are_made_and_shown() -> None:
    texts = "\n".join([*(page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md")), gallery.TAIL])
    assert set(re.findall(r'src="live/([\w-]+)\.html', texts)) == set(live.RUNS)


# -- what is built -----------------------------------------------------------------------------------------------------


@dataclass
class Page(HTMLParser):
    """A page of the site: its anchors, and what it links to or loads."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.anchors |= {told[name] for name in ("id", "name") if name in told}
        if tag == "a" and "href" in told:
            self.links.append(told["href"])
        if tag == "link" and told.get("rel") not in ("canonical", "prev", "next"):
            self.loads.append(told.get("href", ""))
        if tag in ("script", "img", "iframe", "source") and "src" in told:
            self.loads.append(told["src"])


@cache
def read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


@pytest.fixture(scope="module")
def site() -> Path:
    """What `make docs` built."""
    needs((SITE / "index.html").exists(), "the site (make docs)")
    return SITE


@pytest.mark.site
def test_links_and_anchors_are_there(site: Path) -> None:
    broken = []
    for file in sorted(site.rglob("*.html")):
        page = read(file)
        for link in [*page.links, *page.loads]:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "data", "mailto", "javascript"):
                continue
            # The page of what is not there may be shown at any address, so its links begin at the root.
            start = site if parts.path.startswith("/") else file.parent
            target = (start / unquote(parts.path).lstrip("/")).resolve() if parts.path else file
            target = target / "index.html" if target.is_dir() else target
            known = target.suffix != ".html" or "live" in target.parts or target.parent.name.endswith("_files")
            if not target.is_file() or (parts.fragment and not known and unquote(parts.fragment) not in read(target).anchors):
                broken.append(f"{file.relative_to(site)} -> {link}")
    assert broken == []


@pytest.mark.site
def test_the_search_finds_every_word_of_the_field(site: Path) -> None:
    found = re.sub(r"<[^>]+>", "", (site / "search.json").read_text(encoding="utf-8")).lower()
    assert [word for word in SEARCHED if word.lower() not in found] == []


@pytest.mark.site
def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    files = sorted(site.rglob("*.html"))
    assert len(files) > 40
    loaded = {(file.name, link) for file in files for link in read(file).loads if urlsplit(link).netloc}
    assert loaded == set()


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """The site on a server of this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.site
@pytest.mark.parametrize("page", NAVIGATION)
def test_a_page_is_accessible_in_both_themes_and_on_a_phone(page: str, served: str, browser: Any) -> None:
    """By axe-core; and it asks nobody else, makes no error, and does not scroll sideways."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")
    for width, scheme in LOOKS[NAVIGATION.index(page) % 2]:
        context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce")
        shown, wrong = context.new_page(), []
        shown.on("console", lambda message, wrong=wrong: wrong.append(message.text))
        shown.on("pageerror", lambda error, wrong=wrong: wrong.append(str(error)))
        shown.on(
            "request", lambda asked, wrong=wrong: asked.url.startswith((served, "data:", "blob:")) or wrong.append(asked.url)
        )
        shown.goto(served + page.removesuffix(".md") + ".html", wait_until="load")
        found = axe.Axe().run(shown).response["violations"]
        wrong += [f"{one['id']}: {one['nodes'][0]['html']}" for one in found]
        if shown.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            wrong.append("it scrolls sideways")
        context.close()
        assert wrong == [], f"{width} wide, {scheme}"


@pytest.mark.site
@pytest.mark.parametrize("from_disk", [False, True])
def test_the_search_finds_without_network(from_disk: bool, served: str, site: Path, browser: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto((site / "index.html").as_uri() if from_disk else f"{served}index.html")
    page.keyboard.press("Control+K")
    page.keyboard.type("heteroscedasticity")
    page.get_by_role("link", name=re.compile("errors", re.IGNORECASE)).first.wait_for(timeout=120_000)
    context.close()


@pytest.mark.site
def test_the_front_page_trains(served: str, browser: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{served}index.html")
    inside = next(frame for frame in page.frames if "/live/" in frame.url)
    inside.wait_for_selector(".bestline-player[data-k]")
    inside.evaluate("() => globalThis.bestline.set({ lr: 0.4, steps: 40 })")
    assert inside.evaluate("() => globalThis.bestline.state().runs.at(-1).lr") == 0.4
    losses = inside.evaluate("() => globalThis.bestline.trace(0).loss")
    assert losses[-1] > losses[0]  # beyond the limit it diverges
    context.close()
