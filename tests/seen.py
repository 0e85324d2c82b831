"""Pages seen in a browser: what every page must be, at any width and in any colours."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

WIDTHS = (1280, 390)  # a screen, and a phone
SCHEMES = ("light", "dark")
CONTRAST = 4.5  # of text to what lies behind it (WCAG 2.2, 1.4.3)

# The text of every visible element that has some of its own, with its contrast to the nearest colour that lies behind it.
_CONTRASTS = """() => {
  const rgb = (colour) => { const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number); return { channels: [r, g, b], a }; };
  const light = (channels) => { const [r, g, b] = channels.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (element) => { for (let at = element; at; at = at.parentElement) { const colour = rgb(getComputedStyle(at).backgroundColor); if (colour.a === 1) return colour.channels; } return [255, 255, 255]; };
  const own = (element) => [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.textContent.trim()).join(" ").trim();
  return [...document.body.querySelectorAll("*")].filter((e) => own(e) && e.checkVisibility({ visibilityProperty: true }) && !/^(SCRIPT|STYLE|OPTION)$/.test(e.tagName)).map((e) => {
    const [a, b] = [light(rgb(getComputedStyle(e).color).channels), light(behind(e))].sort((x, y) => y - x);
    return [own(e).slice(0, 60), (a + 0.05) / (b + 0.05)];
  });
}"""

# Of every visible picture: how bright it is, 0 to 1, and how large it is shown beside its own size.
_PICTURES = """() => Promise.all([...document.images].filter((image) => image.checkVisibility()).map(async (image) => {
  await image.decode();
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight });
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += data[i] + data[i + 1] + data[i + 2];
  return { light: sum / (data.length / 4) / 765, scale: image.getBoundingClientRect().width / image.naturalWidth, alt: image.alt };
}))"""

# Every box that moves sideways: what there is beyond its edge, whether it says so, and how it is reached.
_BOXES = """() => [...document.querySelectorAll(".sideways, .bl-table")].filter((box) => box.checkVisibility() && box.childElementCount).map((box) => ({
  beyond: box.scrollWidth - box.clientWidth, says: getComputedStyle(box, "::before").display !== "none",
  label: box.getAttribute("aria-label"), role: box.getAttribute("role"), tab: box.tabIndex,
}))"""

_STRUCTURE = """() => ({
  lang: document.documentElement.lang,
  headings: [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((h) => Number(h.tagName[1])),
  wordless: [...document.images].filter((image) => !image.alt.trim()).length,
  tables: [...document.querySelectorAll("table")].map((table) => ({
    caption: table.caption?.textContent.trim(), boxed: Boolean(table.closest("[role=region][aria-label][tabindex]")),
    heads: [...table.querySelectorAll("th")].every((head) => head.scope && (head.textContent.trim() || head.closest("thead") === null)),
  })),
})"""


class Seen:
    """A page in the browser, and what it did that it should not."""

    def __init__(self, browser: Any, path: Path, html: str) -> None:
        path.write_text(html, encoding="utf-8")
        self.context = browser.new_context(reduced_motion="reduce", viewport={"width": WIDTHS[0], "height": 800})
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on(
            "request", lambda request: self.wrong.extend([request.url] if request.url[:5] not in ("file:", "data:") else [])
        )
        self.page.goto(path.as_uri())
        if "data-panel" in html:
            self.page.wait_for_selector(".bestline-player[data-k]")

    def shown(self, *, width: int = WIDTHS[0], scheme: str = "light", media: str = "screen") -> Seen:
        """The same page on another screen, or on paper."""
        self.page.set_viewport_size({"width": width, "height": 800})
        self.page.emulate_media(color_scheme=scheme, media=media)
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return self

    def overflow(self) -> float:
        """Pixels by which the page is wider than the screen."""
        return self.page.evaluate("() => document.scrollingElement.scrollWidth - innerWidth")

    def faint(self) -> list[Any]:
        """Texts that are hard to read."""
        return [found for found in self.page.evaluate(_CONTRASTS) if found[1] < CONTRAST]

    def pictures(self) -> list[dict[str, Any]]:
        """Every visible picture."""
        return self.page.evaluate(_PICTURES)

    def boxes(self) -> list[dict[str, Any]]:
        """Every box that may move sideways."""
        return self.page.evaluate(_BOXES)

    def structure(self) -> dict[str, Any]:
        """Headings, tables, texts for those who cannot see."""
        return self.page.evaluate(_STRUCTURE)


def assert_legible(seen: Seen) -> None:
    """What holds of every page: no overflow, no faint text, pictures in the screen's colours and of a legible size, no request."""
    for scheme in SCHEMES:
        for width in WIDTHS:
            seen.shown(width=width, scheme=scheme)
            assert seen.overflow() <= 0, f"wider than {width} px"
            assert seen.faint() == [], scheme
            for picture in seen.pictures():
                assert (picture["light"] > 0.5) == (scheme == "light"), picture["alt"]
                assert picture["scale"] > 0.7, f"too small to read: {picture['alt']}"
            for box in seen.boxes():
                assert box["says"] == (box["beyond"] > 0), box
                assert box["tab"] == 0
                assert box["role"]
                assert box["label"]
    assert seen.wrong == []


def assert_ordered(seen: Seen) -> None:
    """What those who listen to a page need: a language, headings in order, words for pictures, captions and heads of tables."""
    found = seen.structure()
    assert found["lang"] == "en"
    headings = found["headings"]
    assert headings.count(1) == 1
    assert headings[0] == 1
    assert all(below <= above + 1 for above, below in pairwise(headings))
    assert found["wordless"] == 0
    assert [table for table in found["tables"] if not (table["caption"] and table["boxed"] and table["heads"])] == []
