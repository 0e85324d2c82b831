"""Lessons: scripts in percent format, read as cells of text and of code, run cell by cell, written as notebook or Markdown.

A cell begins with the line `# %%`, a cell of text with `# %% [markdown]`; a line of text begins with `# `. Jupyter, VS Code,
PyCharm and jupytext read the same format, and Python runs it. What a notebook shows of a cell is the value of its last
expression: a picture, or a page that moves.
"""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import bestline as bl
from bestline.errors import DataError, OptionError, listed, near_names, readable

_BREAK = re.compile(r"^# %%[ \t]*(\[markdown\])?[ \t]*\n", re.MULTILINE)
_SOLUTION = re.compile(r"<details>\s*<summary>(.*?)</summary>\n(.*?)</details>", re.DOTALL)
_INSTALL = """\
import importlib.util

if importlib.util.find_spec("bestline") is None:
    %pip install --quiet bestline

%matplotlib inline"""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a lesson: Markdown, or Python."""

    text: str
    code: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell, and what came of running it: what it printed, and the value of its last expression (None: nothing to show)."""

    cell: Cell
    printed: str = ""
    value: Any = None


@dataclass(frozen=True)
class Lesson:
    """A lesson, as its file says it."""

    path: Path

    @property
    def number(self) -> int:
        """Its place in the course."""
        return int(self.path.stem.split("_")[0])

    @property
    def name(self) -> str:
        """What it is called by: `slope-and-bias`."""
        return self.path.stem.split("_", 1)[1].replace("_", "-")

    @cached_property
    def source(self) -> str:
        """The script."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All of it in order."""
        _, *parts = _BREAK.split(self.source)
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return tuple(Cell(_uncommented(text) if kind else text.strip("\n"), not kind) for kind, text in pairs)

    @property
    def title(self) -> str:
        """Its heading, without the number."""
        return self.cells[0].text.splitlines()[0].lstrip("# ").split(". ", 1)[1]

    @property
    def minutes(self) -> str:
        """How long it takes, as its table of facts says."""
        return re.search(r"^\| Time \| (.*?) \|$", self.cells[0].text, re.MULTILINE)[1]  # type: ignore[index]


def lessons() -> tuple[Lesson, ...]:
    """The course in order: beside this package where it was installed, in `lessons/` of a checkout."""
    package = Path(bl.__file__).parent
    places = (package / "lessons", package.parents[1] / "lessons")
    found = next((files for place in places if (files := sorted(place.glob("[0-9]_*.py")))), None)
    if not found:
        raise DataError(f"The lessons are missing: there are none in {readable(str(places[0]))}; install bestline again.")
    return tuple(Lesson(path) for path in found)


def lesson_of(name: str) -> Lesson:
    """The lesson of that name or number, or the first one that works on the data set of that name."""
    course = lessons()
    said = str(name).strip().casefold().replace("_", "-")
    for lesson in course:
        if said in (lesson.name, str(lesson.number), f"{lesson.number}-{lesson.name}"):
            return lesson
    about = [lesson for lesson in course if f'lesson("{said}")' in lesson.source]
    if about:
        return about[0]
    near = near_names(said, [lesson.name for lesson in course])
    hint = (
        f"did you mean {listed(near, joined='or')}?"
        if near
        else f"the lessons are {listed([each.name for each in course], most=len(course))}."
    )
    raise OptionError(f"There is no lesson {readable(str(name))}; {hint}")


def _uncommented(text: str) -> str:
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.strip("\n").split("\n"))


# --- running -----------------------------------------------------------------------------------------------------------------


@dataclass
class Walk:
    """A lesson being run: its names, which every cell adds to. It runs in the current folder, where its files go."""

    lesson: Lesson
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})

    def cells(self) -> Iterator[Shown]:
        """Every cell, once it has been run."""
        for number, cell in enumerate(self.lesson.cells):
            yield self.of(cell, f"{self.lesson.path.name}, cell {number}") if cell.code else Shown(cell)

    def of(self, cell: Cell, where: str = "a cell") -> Shown:
        """Run one cell, as a notebook does."""
        tree = ast.parse(cell.text)
        last = ast.Expression(tree.body[-1].value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        if last:
            tree.body.pop()
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(tree, where, "exec"), self.names)  # noqa: S102  the lesson's own code, from this package
            value = eval(compile(last, where, "eval"), self.names) if last else None  # noqa: S307
        return Shown(cell, printed.getvalue(), value)


def without_display(shown: Shown) -> Shown:
    """A cell as it reads where no picture appears beneath: without the bare name at its end, which only a notebook draws."""
    last = ast.parse(shown.cell.text).body[-1:] if shown.cell.code and _kind(shown.value) else []
    if not (last and isinstance(last[0], ast.Expr) and isinstance(last[0].value, ast.Name)):
        return shown
    kept = shown.cell.text.splitlines()[: last[0].lineno - 1]
    return replace(shown, cell=Cell("\n".join(kept).rstrip(), code=True))


# --- other formats -------------------------------------------------------------------------------------------------------------


def notebook(lesson: Lesson) -> str:
    """The lesson as a notebook (nbformat 4), not run; its first cell installs bestline where it is missing."""
    cells = (Cell(_INSTALL, code=True), *lesson.cells)
    facts = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    made = [_notebook_cell(number, cell) for number, cell in enumerate(cells)]
    return (
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": facts, "cells": made}, indent=1, ensure_ascii=False) + "\n"
    )


def _notebook_cell(number: int, cell: Cell) -> dict[str, Any]:
    common = {"id": f"cell-{number}", "metadata": {}, "source": cell.text.splitlines(keepends=True)}
    if cell.code:
        return {"cell_type": "code", "execution_count": None, "outputs": []} | common
    return {"cell_type": "markdown"} | common


def markdown(shown: Shown, kept: str = "") -> str:
    """A cell as Markdown: its text, or its code with what it printed; `kept` shows the file of its picture or page."""
    if not shown.cell.code:
        return f"{shown.cell.text}\n"
    parts = [f"```python\n{shown.cell.text}\n```\n"]
    parts += [f"```text\n{shown.printed.rstrip()}\n```\n"] if shown.printed.strip() else []
    return "\n".join([*parts, *([f"{kept}\n"] if kept else [])])


def _kind(value: Any) -> str:
    """What a notebook shows of a value: a picture, a live page, or (empty) neither."""
    return "picture" if hasattr(value, "savefig") else "live page" if hasattr(value, "html") else ""


def keep(value: Any, folder: Path, number: int) -> Path | None:
    """Write a picture or a page into a folder, and say where; None for what is neither."""
    if _kind(value) == "picture":
        value.savefig(folder / f"{number}.png")
        return folder / f"{number}.png"
    if _kind(value) == "live page":
        value.save(folder / f"{number}.html", overwrite=True)
        return folder / f"{number}.html"
    return None


def seen(value: Any) -> str:
    """What is seen on a picture or a page, for those to whom it is not shown; empty for what is neither."""
    if _kind(value) == "live page":
        return "The live page of this lesson"
    if _kind(value) == "picture":
        # Those of bestline say what is seen; of any other figure the titles do.
        alt = getattr(value, "alt", "") or "; ".join(axes.get_title() for axes in value.axes if axes.get_title())
        return alt or "The picture that the code above draws."
    return ""


def embedded(value: Any, path: Path | None) -> str:
    """The Markdown that shows a picture or a page that was kept, seen from beside its folder."""
    if path is None:
        return ""
    place = f"{path.parent.name}/{path.name}"
    if _kind(value) == "picture":
        return f"![{seen(value)}]({place})"
    frame = f'<iframe src="{place}" width="100%" height="{value.height}" title="{seen(value)}"></iframe>'
    return f"{frame}\n\n[The live page on its own]({place})"


# --- folded solutions ----------------------------------------------------------------------------------------------------------


def unfolded(text: str) -> Iterator[tuple[str, str]]:
    """Text in pieces: what is open ("", text), and what is folded (its summary, text)."""
    rest = text
    while found := _SOLUTION.search(rest):
        yield "", rest[: found.start()].strip("\n")
        yield found[1], found[2].strip("\n")
        rest = rest[found.end() :]
    yield "", rest.strip("\n")
