"""The command that teaches: the course is listed, and a lesson walked through, cell by cell, its code run on the way."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from shutil import get_terminal_size
from typing import Annotated, Any

import typer

from bestline import api
from bestline.cli.lesson_text import (
    Cell,
    Lesson,
    Shown,
    Walk,
    embedded,
    keep,
    lesson_of,
    lessons,
    markdown,
    notebook,
    seen,
    unfolded,
    without_display,
)
from bestline.cli.options import Force, briefly, examples, grouped, refuse_existing
from bestline.cli.streams import say
from bestline.cli.terminal import Terminal
from bestline.errors import DataError, readable

LESSON_EXAMPLES = examples(
    "bestline lesson",
    "bestline lesson slope-and-bias",
    "bestline lesson 2 -o slope-and-bias.ipynb",
    note="The lessons teach gradient descent and least squares from the start; they need Python, and no machine learning.",
)
_FORMATS = (".ipynb", ".md", ".py")


@grouped(terminal=briefly)
def lesson(
    *,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A lesson's name or number; without one they are listed.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write the lesson here: .ipynb (notebook), .py (script) or .md (text with all results).",
        ),
    ] = None,
    browser: Annotated[
        bool,
        typer.Option(
            "--browser/--no-browser",
            show_default=False,
            help="Open the lesson's live page in the browser. [default: on a terminal]",
        ),
    ] = True,
    force: Force = False,
    terminal: Terminal,
) -> None:
    """List the lessons; walk through one, running its code; or write it as a notebook."""
    if name is None:
        if out is not None:
            raise typer.BadParameter("-o writes one lesson: name it, as in bestline lesson slope-and-bias -o lesson.ipynb")
        _listed(terminal)
        return
    chosen = lesson_of(name)
    if out is not None:
        _written(chosen, out, terminal, force=force)
    elif terminal.json:
        terminal.result("", _facts(chosen) | {"text": chosen.source})
    elif not terminal.quiet:
        (_walked if _is_watched() else _printed)(chosen, terminal, browser=browser)


def _listed(terminal: Terminal) -> None:
    course = lessons()
    rows = [(str(each.number), each.name, each.title, each.minutes) for each in course]
    wide = [max(len(row[i]) for row in rows) for i in range(3)]
    text = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row[:3], wide, strict=True)) + f"  {row[3]}" for row in rows
    )
    text += (
        "\n\nTake one:    bestline lesson predicting\nAs notebook: bestline lesson predicting -o predicting.ipynb\n"
        f"As scripts:  {course[0].path.parent}"
    )
    terminal.result(text, {"lessons": [_facts(each) for each in course]})


def _facts(lesson: Lesson) -> dict[str, Any]:
    return {
        "number": lesson.number,
        "name": lesson.name,
        "title": lesson.title,
        "time": lesson.minutes,
        "script": str(lesson.path),
    }


# --- as a file ---------------------------------------------------------------------------------------------------------------


def _written(lesson: Lesson, out: Path, terminal: Terminal, *, force: bool) -> None:
    form = out.suffix.lower()
    if form not in _FORMATS:
        raise typer.BadParameter(f"-o takes a file ending in .ipynb, .md or .py; got {readable(str(out))}")
    refuse_existing(out, force)
    if form == ".md":
        folder = out.with_name(f"{out.stem}_files")
        if folder.exists() and not (force and folder.is_dir()):
            raise DataError(f"{readable(str(folder))}, where the pictures go, exists; overwrite it with --force.")
        text = _rendered(lesson, folder, terminal)
    else:
        text = notebook(lesson) if form == ".ipynb" else lesson.source
    with api.fresh(out, overwrite=force) as temporary:
        temporary.write_text(text, encoding="utf-8")
    terminal.result("", _facts(lesson) | {"out": str(out)})
    terminal.wrote(out)


def _rendered(lesson: Lesson, folder: Path, terminal: Terminal) -> str:
    """The lesson as Markdown, its pictures in `folder`, which is there only once every cell has run."""
    with tempfile.TemporaryDirectory(prefix="bestline-lesson-") as beside:
        made = Path(beside) / folder.name
        made.mkdir()
        text = "\n".join(markdown(shown, embedded(shown.value, path)) for shown, path in _kept(lesson, made, terminal))
        shutil.copytree(made, folder, dirs_exist_ok=True)
    return text


def _kept(lesson: Lesson, folder: Path, terminal: Terminal) -> Iterator[tuple[Shown, Path | None]]:
    """Every cell once it has been run, with its picture or page in `folder`."""
    for number, shown in enumerate(_cells(lesson, terminal)):
        yield shown, keep(shown.value, folder, number)


def _cells(lesson: Lesson, terminal: Terminal) -> Iterator[Shown]:
    """Every cell once it has been run; what the lesson itself saves is left out."""
    with tempfile.TemporaryDirectory(prefix="bestline-lesson-") as work, chdir(work), terminal.listening():
        yield from _run(lesson)


def _run(lesson: Lesson) -> Iterator[Shown]:
    try:
        yield from Walk(lesson).cells()
    except ModuleNotFoundError as error:
        package = {"sklearn": "scikit-learn"}.get(error.name or "", error.name)
        raise DataError(f"Lesson {lesson.number} needs {package}, which is not installed: pip install {package}.") from error


# --- on a terminal -----------------------------------------------------------------------------------------------------------


def _is_watched() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _printed(lesson: Lesson, terminal: Terminal, *, browser: bool) -> None:
    """All of it, for a file or a pipe, where a picture is told in words."""
    for shown in _cells(lesson, terminal):
        told = seen(shown.value)
        say(markdown(without_display(shown), f"*Shown here: {told.rstrip('.')}.*" if told else ""))
    say(f"With the pictures: bestline lesson {lesson.name} -o {lesson.name}.md")


def _walked(lesson: Lesson, terminal: Terminal, *, browser: bool) -> None:
    """Section by section: Enter goes on."""
    folder = Path(tempfile.mkdtemp(prefix=f"bestline-{lesson.name}-"))
    say(f"Enter goes on, q and Enter ends. Pictures and pages go to {folder}\n")
    first = True
    for shown, path in _kept(lesson, folder, terminal):
        cell = shown.cell
        if not cell.code:
            if not first and cell.text.startswith("## ") and not _goes_on():
                return
            first = False
            if not _told(cell):
                return
            continue
        say(_styled(without_display(shown).cell))
        say(shown.printed.rstrip() + "\n" if shown.printed.strip() else "")
        if path is not None:
            _opened(path, browser=browser)
    say(f"That was lesson {lesson.number}. Its pictures and pages are in {folder}")


def _told(cell: Cell) -> bool:
    """Text as it is; a solution once it is asked for. False: the reader ends the lesson."""
    for summary, text in unfolded(cell.text):
        if summary and not _goes_on(f"{summary}: Enter shows it"):
            return False
        if text:
            say(_styled(Cell(text, code=False)))
    return True


def _opened(path: Path, *, browser: bool) -> None:
    """Say where the picture or page is, and open a page."""
    page = path.suffix == ".html"
    say(f"{'live page' if page else 'picture'}: {path}\n")
    if page and browser:
        webbrowser.open(path.as_uri())


def _goes_on(prompt: str = "Enter") -> bool:
    try:
        return not input(f"[{prompt}] ").strip().lower().startswith("q")
    except EOFError:
        return False


def _styled(cell: Cell) -> str:
    """A cell in the colours and the width of the terminal."""
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.syntax import Syntax

    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=min(get_terminal_size((100, 24)).columns, 110))
    if cell.code:
        console.print(Syntax(cell.text, "python", theme="ansi_dark", background_color="default", word_wrap=True))
    else:
        console.print(Markdown(cell.text))
    return text.getvalue().rstrip("\n") + "\n"
