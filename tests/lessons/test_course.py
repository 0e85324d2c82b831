"""The course: every lesson runs, prints what is kept in `printed/`, and says no number that it does not print.

python tests/lessons/test_course.py [NUMBER ...]        write what the lessons print now; read it before you keep it
"""

from __future__ import annotations

import ast
import re
import sys
import tempfile
import tomllib
import warnings
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nbclient
import nbformat
import numpy as np
import pytest
import torch
from PIL import Image

from bestline.cli.lesson_text import Cell, Lesson, Shown, Walk, embedded, keep, lesson_of, lessons, notebook, unfolded
from bestline.errors import BestlineWarning, OptionError

ROOT = Path(__file__).parents[2]
PRINTED = ROOT / "tests" / "lessons" / "printed"
SMALL = {"LESSON_ROWS": "50_000"}  # of lesson 7, whose text holds for any number of rows
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])")
FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
# Numbers of exercises, headings, formulas and years: nothing that a run comes to.
NO_RESULT = re.compile(r"\*\*\d+\.\d+\*\*|^#.*$|^Contents: .*\n.*$|^    .*$|`[^`]*`|\b(?:19|20)\d\d\b", re.MULTILINE)
LAST_PLACES = 2  # other processors draw and round otherwise, in float32; what is printed differs by so much in its last place
COURSE = lessons()

# Numbers of a sentence that are worked out in it, in front of the reader.
WORKED_OUT = {
    2: {"800": "one of three guesses", "1,681": "41²"},
    3: {"0.18": "0.01 · 18", "0.82": "1 - 0.18", "-1.16": "1 - 18 · 0.12", "-0.8": "of exercise 10.1: 1 - 18 · 0.1"},
    7: {"0.0005": "1.5 / √10,000,000", "1.5": "3 / 2"},
}


@dataclass(frozen=True)
class Taken:
    """A lesson that was run, with its exercises: what every cell showed, and what the code of its solutions printed."""

    lesson: Lesson
    shown: tuple[Shown, ...]
    solutions: tuple[tuple[str, str, str], ...]  # code, shown, printed
    folder: Path

    @property
    def printed(self) -> str:
        return "".join(f"[{n}]\n{each.printed.rstrip()}\n" for n, each in enumerate(self.shown) if each.printed.strip())


def take(lesson: Lesson, folder: Path) -> Taken:
    with chdir(folder), patch.dict("os.environ", SMALL), torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)
        run = Walk(lesson)
        shown = tuple(run.cells())
        solutions = tuple((code, said, run.of(Cell(code, code=True)).printed) for code, said in _solutions(lesson))
    return Taken(lesson, shown, solutions, folder)


def _solutions(lesson: Lesson) -> Iterator[tuple[str, str]]:
    """Code and shown output of each exercise."""
    for cell in lesson.cells:
        for summary, text in unfolded(cell.text) if not cell.code else ():
            blocks = FENCE.findall(text)
            if summary and blocks:
                assert [language for language, _ in blocks] == ["python", "text"], "a solution is code, and what it prints"
                yield blocks[0][1], blocks[1][1]


@pytest.fixture(scope="module", params=COURSE, ids=lambda lesson: lesson.name)
def taken(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Taken:
    return take(request.param, tmp_path_factory.mktemp(request.param.name))


def differences(shown: str, real: str) -> list[str]:
    """Lines that are not the same words, or whose numbers differ by more than rounding."""
    a, b = ([line.rstrip() for line in text.strip().splitlines()] for text in (shown, real))
    if len(a) != len(b):
        return [f"{len(a)} lines are kept, {len(b)} were printed"]
    return [f"{x!r} is kept, {y!r} was printed" for x, y in zip(a, b, strict=True) if not _same(x, y)]


def _same(a: str, b: str) -> bool:
    words = [NUMBER.sub("#", line).split() for line in (a, b)]
    numbers = [NUMBER.findall(line) for line in (a, b)]
    return words[0] == words[1] and all(
        abs(_value(x) - _value(y)) <= LAST_PLACES * _place(x) for x, y in zip(*numbers, strict=True)
    )


def _value(number: str) -> float:
    return float(number.replace(",", ""))


def _place(number: str) -> float:
    """What one more in the last digit is worth."""
    digits, _, power = number.replace(",", "").partition("e")
    return 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))


def test_it_prints_what_is_kept(taken: Taken):
    kept = (PRINTED / f"{taken.lesson.number}.txt").read_text(encoding="utf-8")
    assert differences(kept, taken.printed) == []


def test_solutions_print_what_they_show(taken: Taken):
    assert taken.solutions
    assert [difference for _, shown, real in taken.solutions for difference in differences(shown, real)] == []


def test_every_number_of_the_text_is_printed(taken: Taken):
    """Printed by a cell above, a solution, or written in code; rounded as the sentence has it."""
    worked_out = WORKED_OUT.get(taken.lesson.number, {})
    written = "".join(c.text for c in taken.lesson.cells if c.code).replace("_", "")
    solved = "".join(code + said for code, said, _ in taken.solutions)
    known = [_value(n) for n in NUMBER.findall(taken.printed + written + solved)]
    unknown = [n for n in _said(taken.lesson) if n not in worked_out and not any(_rounds_to(n, value) for value in known)]
    assert unknown == []


def _said(lesson: Lesson) -> list[str]:
    """Numbers of the sentences that are no counts, years or headings: with a decimal point, or with three digits."""
    text = "\n".join(cell.text for cell in lesson.cells if not cell.code)
    return [n for n in NUMBER.findall(NO_RESULT.sub(" ", FENCE.sub("", text))) if "." in n or len(n.strip("-")) >= 3]


def _rounds_to(said: str, value: float) -> bool:
    """Whether the value, rounded to the digits that are said, is the number said; a sentence may leave the sign to its words."""
    return abs(abs(_value(said)) - abs(value)) <= 0.5001 * _place(said)


def test_pictures_and_the_live_page(taken: Taken, tmp_path: Path):
    values = [each.value for each in taken.shown if each.value is not None]
    figures = [value for value in values if hasattr(value, "savefig")]
    pages = [value for value in values if hasattr(value, "html")]
    assert figures
    assert len(pages) == 1
    assert (taken.folder / f"{taken.lesson.name}.html").read_text(encoding="utf-8") == pages[0].html
    for number, figure in enumerate(figures):
        shown = embedded(figure, keep(figure, tmp_path, number))
        assert shown.startswith("![")
        assert "code above" not in shown  # whoever cannot see it is told what it shows
        assert np.asarray(Image.open(tmp_path / f"{number}.png").convert("L")).std() > 5  # grey levels: something is drawn


def test_by_hand_and_by_bestline_are_held_against_each_other(taken: Taken):
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(taken.lesson.source)))


@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.name)
class TestForm:
    """What every lesson owes its reader."""

    def test_it_opens_with_objective_time_and_contents(self, lesson: Lesson):
        opening = lesson.cells[0].text
        assert opening.startswith(f"# {lesson.number}. ")
        for part in ("**Objective.** ", "| Time | ", "| You need | ", "| You get | ", "Contents: "):
            assert part in opening
        listed = re.split(r"[.?] (?=\d+ )", " ".join(opening.partition("Contents: ")[2].split()).rstrip("."))
        texts = "\n".join(cell.text for cell in lesson.cells if not cell.code)
        assert re.findall(r"^## (\d+)\. (.*?)\??$", texts, re.MULTILINE) == [tuple(each.split(" ", 1)) for each in listed]

    def test_it_asks_before_it_tells_and_sets_exercises(self, lesson: Lesson):
        text = "\n".join(cell.text for cell in lesson.cells if not cell.code)
        assert text.count("**Predict first.**") >= 2
        assert text.count("<details><summary>Solution</summary>") == text.count("</details>") >= 3
        for part in ("What to remember", "To cite: *bestline, a course on fitting lines. Lesson ", "### The live page"):
            assert part in text

    def test_it_names_the_next_lesson(self, lesson: Lesson):
        following = [lesson_of(name).number for name in re.findall(r"Next: `bestline lesson ([\w-]+)`", lesson.source)]
        assert following == [lesson.number + 1][: len(COURSE) - lesson.number]

    def test_it_uses_public_names_alone(self, lesson: Lesson):
        nodes = list(ast.walk(ast.parse(lesson.source)))
        imported = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        imported += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
        used = [node.attr for node in nodes if isinstance(node, ast.Attribute)]
        assert {name for name in imported if name.startswith("bestline")} == {"bestline"}
        assert [name for name in used if name.startswith("_") and not name.endswith("__")] == []

    def test_the_notebook_is_the_lesson(self, lesson: Lesson):
        made = nbformat.reads(notebook(lesson), as_version=4)
        nbformat.validate(made)
        assert "%pip install --quiet bestline" in made.cells[0].source
        assert [(cell.cell_type == "code", cell.source) for cell in made.cells[1:]] == [(c.code, c.text) for c in lesson.cells]


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.name)
def test_it_runs_as_a_notebook(lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LESSON_ROWS", SMALL["LESSON_ROWS"])
    made = nbformat.reads(notebook(lesson), as_version=4)
    nbclient.NotebookClient(made, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output.data for cell in made.cells if cell.cell_type == "code" for output in cell.outputs if "data" in output]
    assert any("application/vnd.jupyter.widget-view+json" in data for data in shown)
    assert any("image/png" in data for data in shown)
    assert [data for data in shown if "Figure" in data.get("text/plain", "") and "image/png" not in data] == []


def test_wheel_and_sdist_hold_the_lessons_where_they_are_looked_for():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    assert build["wheel"]["force-include"] == {"lessons": "bestline/lessons"}
    assert "lessons" in build["sdist"]["include"]
    assert COURSE[0].path.parent == ROOT / "lessons"


def test_the_course_is_whole():
    assert [lesson.number for lesson in COURSE] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("called", "number"),
    [("slope-and-bias", 2), ("2", 2), ("Slope_and_Bias", 2), ("2-slope-and-bias", 2), ("crash-course", 3), ("torch-trends", 1)],
)
def test_a_lesson_is_found_by_name_number_and_data(called: str, number: int):
    assert lesson_of(called).number == number


def test_a_name_that_is_none_is_answered():
    with pytest.raises(OptionError, match=r"There is no lesson `slope-and-bais`; did you mean `slope-and-bias`\?"):
        lesson_of("slope-and-bais")


def test_installed_lessons_come_before_those_of_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "bestline"
    (package / "lessons").mkdir(parents=True)
    (package / "lessons" / "1_here.py").write_text("# %% [markdown]\n# # 1. Here\n", encoding="utf-8")
    monkeypatch.setattr("bestline.__file__", str(package / "__init__.py"))
    assert [(lesson.name, lesson.title) for lesson in lessons()] == [("here", "Here")]


def main(numbers: list[str]) -> None:
    """Write what the lessons print."""
    PRINTED.mkdir(exist_ok=True)
    for lesson in COURSE:
        if not numbers or str(lesson.number) in numbers:
            with tempfile.TemporaryDirectory() as folder:
                (PRINTED / f"{lesson.number}.txt").write_text(take(lesson, Path(folder)).printed, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
