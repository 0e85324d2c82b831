"""Pages: self-contained, without markup from names, with a policy of their own."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

import bestline as bl
from bestline.errors import DataError
from bestline.pictures import watch as watching
from bestline.pictures.render.html import Still, sweep_page

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


class Outline(html.parser.HTMLParser):
    """Tags of a page, the text of its scripts and styles, and every address it mentions."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.texts, self.open = [], [], {"script": [], "style": []}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action") and value]
        if tag in self.texts:
            self.open = (tag, dict(attrs))

    def handle_endtag(self, tag):
        self.open = None

    def handle_data(self, data):
        if self.open and self.open[1].get("type") != "application/json":
            self.texts[self.open[0]].append(data)


def test_a_page_is_self_contained_and_its_policy_names_its_own_scripts(walked, tmp_path):
    page = watching.page_of(walked)
    outline = Outline(page.html)
    assert len(page.html.encode()) <= 250_000
    assert all(address.startswith("data:") for address in outline.addresses)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page.html).group(1)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        for text in outline.texts[kind]:
            assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert "style=" not in re.sub(r"<script.*?</script>|<style.*?</style>", "", page.html, flags=re.DOTALL)
    told = re.search(r'<script type="application/json" id="session">(.*?)</script>', page.html, re.DOTALL).group(1)
    assert json.loads(told)["schema"] == 3
    page.save(tmp_path / "run.html")
    with pytest.raises(DataError, match="exists already"):
        page.save(tmp_path / "run.html")
    assert (tmp_path / "run.html").read_text(encoding="utf-8") == page.html


def test_names_of_columns_cannot_become_markup():
    name = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    model = bl.fit({name: [1.0, 2.0, 3.0, 4.0], "y<b>": [1.0, 2.0, 2.5, 4.0]}, target="y<b>", solver="sgd", lr=0.1, steps=5)
    for page in (model.report(), watching.page_of(model)):
        outline = Outline(page.html)
        assert outline.tags.count("script") == 2
        assert "b" not in outline.tags
        assert not any(address == "x" for address in outline.addresses)


def test_a_page_without_an_animation_runs_no_script():
    text = sweep_page("a <b> title", Still(b"png", 'a "picture"'), ["<i>"], [["&"]])
    assert "script-src 'none'" in text
    assert not {"i", "b"} & set(Outline(text).tags)
    assert "<script" not in text
    assert "a &lt;b&gt; title" in text


def test_a_notebook_gets_the_page_in_a_frame(walked):
    shown = watching.watch(walked)._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "allow-same-origin" not in shown


@pytest.mark.parametrize("kind", ["polynomial", "module", "huber"])
def test_pages_of_curves_are_small_too(kind):
    x = np.linspace(-3, 3, 2000)
    rows = {"x": x, "y": np.sin(x) + 0.1 * np.random.default_rng(0).normal(size=2000)}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1)).double()
    formula, how = {
        "polynomial": ("y ~ x + I(x**2) + I(x**3)", {"solver": "sgd", "steps": 500}),
        "module": ("y ~ x", {"forward": net, "solver": "adam", "lr": 0.01, "steps": 400, "split": (0.7, 0.15, 0.15)}),
        "huber": ("y ~ x", {"loss": "huber", "solver": "adam", "lr": 0.05, "steps": 300}),
    }[kind]
    assert len(watching.page_of(bl.fit(rows, formula, **how)).html.encode()) <= 250_000


def paper(page):
    """The picture for paper, and its kind."""
    kind, text = re.search(
        r'<div class="bestline-print"><picture><img src="data:image/(\w+);base64,([^"]*)"', page.html
    ).groups()
    return kind, Image.open(io.BytesIO(base64.b64decode(text)))


@pytest.mark.parametrize(("p", "wide"), [(1, 600), (50, 350)])
def test_the_picture_for_paper_is_sharp_in_the_colours_of_the_screen(p, wide):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, p))
    page = watching.page_of(bl.fit((X, X.sum(1) + rng.normal(size=400)), solver="adam", lr=0.1, steps=100))
    kind, image = paper(page)
    assert kind == "webp"
    assert image.width >= wide
    # The start's yellow is not lost among the blues, as it is where a picture has few colours.
    assert any(r > 220 and g > 200 and b < 100 for _, (r, g, b) in image.convert("RGB").getcolors(1 << 24))


def test_without_webp_the_picture_for_paper_is_png(walked, monkeypatch):
    monkeypatch.setattr("PIL.features.check", lambda what: False)
    assert paper(watching.page_of(walked))[0] == "png"
