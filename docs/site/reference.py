"""The page of all public names: what each is in a sentence, and the page of the reference that it stands on."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import bestline as bl

FOLDER = Path(__file__).parents[1] / "reference"
NAMED = re.compile(r"^::: bestline\.([\w.]+)$", re.MULTILINE)
HEAD = """\
# All names

`import bestline as bl` opens these doors. Each name leads to its parameters with their shapes and units, what it returns, what it
raises, where the method comes from, and an example.

| Name | What it is |
|---|---|
"""


def places() -> dict[str, str]:
    """Public name -> the page that it stands on."""
    return {name: page.name for page in sorted(FOLDER.glob("*.md")) for name in NAMED.findall(page.read_text(encoding="utf-8"))}


def write(pages: Path) -> None:
    """reference/names.md."""
    rows = []
    for name, page in sorted(places().items(), key=lambda one: one[0].lower()):
        thing = bl
        for part in name.split("."):
            thing = getattr(thing, part)
        said = (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        rows.append(f"| [`{name}`]({page}#bestline.{name}) | {said} |")
    (pages / "reference" / "names.md").write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
