"""Build the site: python docs/site/build.py [FOLDER], by default build/site.

The pages of docs/ and those of the root are copied beside pages that are made here: the lessons with their results, the gallery
with its pictures, and the pages that train. Zensical makes the site of them; a warning is an error, and no network is needed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gallery
import house
import live
import reference

from bestline.cli.lesson_text import Lesson, lessons, notebook

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# Where files of the root stand among the pages.
OF_ROOT = {
    "README.md": "overview.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    ".github/SECURITY.md": "security.md",
    ".github/CODE_OF_CONDUCT.md": "conduct.md",
}
LINK = re.compile(r"(\]\()(?!https?:|#|mailto:)([^)#\s]+)((?:#[^)]*)?\))")


def build(folder: Path) -> Path:
    """Make everything anew in a folder; what comes back is where the site lies."""
    pages = folder / "pages"
    shutil.rmtree(folder, ignore_errors=True)
    pages.mkdir(parents=True)
    shutil.copy(HERE / "zensical.toml", folder)
    copy_pages(pages)
    assets = pages / "assets"
    assets.mkdir()
    for name in ("style.css", "page.js", "iframe-worker.js"):
        shutil.copy(HERE / name, assets)
    write_lessons(pages / "lessons")
    gallery.write(pages)
    live.write(pages / "live")
    reference.write(pages)
    house.write(pages)
    subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=folder, check=True, env=calm())
    # A cell of a table's head that is empty heads nothing; who hears the page would be told of a heading without a name.
    for page in (folder / "site").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        text = re.sub(r"<th([^>]*)></th>", r"<td\1></td>", text)
        # In a cell of a table a bar within code is written `\|`, and the slash stays.
        text = re.sub(r"<code>[^<]*</code>", lambda code: code[0].replace("\\|", "|"), text)
        page.write_text(text, encoding="utf-8")
    return folder / "site"


def calm() -> dict[str, str]:
    """The environment of a child: one thread in each kernel, no colours."""
    return os.environ | {"OMP_NUM_THREADS": "1", "NO_COLOR": "1"}


def copy_pages(pages: Path) -> None:
    """The pages of docs/ and of the root, with their links to each other."""
    docs = ROOT / "docs"
    for file in sorted({*docs.rglob("*.md"), *docs.glob("pictures/*.png"), *docs.glob("pictures/*.gif")}):
        put(file, pages / file.relative_to(docs), pages)
    for name, page in OF_ROOT.items():
        put(ROOT / name, pages / page, pages)


def put(file: Path, place: Path, pages: Path) -> None:
    """Copy a file; links of a page lead to where the other pages stand now."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix != ".md":
        shutil.copy(file, place)
        return

    def moved(link: re.Match[str]) -> str:
        target = os.path.relpath((file.parent / link[2]).resolve(), ROOT)
        there = pages / OF_ROOT.get(target, Path(target).relative_to("docs") if target.startswith("docs/") else target)
        return f"{link[1]}{os.path.relpath(there, place.parent)}{link[3]}"

    place.write_text(LINK.sub(moved, file.read_text(encoding="utf-8")), encoding="utf-8")


def write_lessons(folder: Path) -> None:
    """Every lesson as a page with its results, and as the notebook and the script to take away."""
    folder.mkdir()

    def write(lesson: Lesson) -> None:
        script, page = folder / lesson.path.name, folder / f"{lesson.path.stem}.md"
        script.write_text(lesson.source, encoding="utf-8")
        script.with_suffix(".ipynb").write_text(notebook(lesson), encoding="utf-8")
        # In a process of its own: some lessons draw from the global random state of torch, as a reader's notebook does.
        command = [sys.executable, "-m", "bestline", "lesson", str(lesson.number), "-o", page]
        subprocess.run(command, check=True, env=calm(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        heading, rest = page.read_text(encoding="utf-8").split("\n", 1)
        rest = rest.replace("<details>", '<details markdown="1">').replace("<iframe ", '<iframe class="live" ')
        take = f"Take it away: [notebook]({script.stem}.ipynb), [script]({script.name}). In a terminal: `bestline lesson {lesson.number}`."
        page.write_text(f"{heading}\n\n{take}\n{rest}", encoding="utf-8")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(write, lessons()))


if __name__ == "__main__":
    site = build(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "site").resolve())
    print(f"The site lies in {site}; open {site / 'index.html'}.")
