"""The page of lessons: every line that the source lessons owe is there once, and where it points to there is something."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bestline as bl
from bestline.cli.lesson_text import lessons

PAGE = (Path(__file__).parents[2] / "docs" / "lessons.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\w+)\.(\w+) \| (.+?) \| (.+?) \|$", re.MULTILINE)
OWED = {
    "000": "abcdefghij",
    "001": "abcdefghi",
    "002": "abcdefghijklmn",
    "003": "abcdefghijklmnopqrst",
    "004": "abcdefghijklmnopqrstu",
}
HEADINGS = {
    lesson.number: {
        int(n) for cell in lesson.cells if not cell.code for n in re.findall(r"^## (\d+)\.", cell.text, re.MULTILINE)
    }
    for lesson in lessons()
}


def test_every_line_is_there_once_in_order():
    lines = [
        *(f"{source}.{letter}" for source, letters in OWED.items() for letter in letters),
        *(f"X.{n}" for n in range(1, 8)),
    ]
    assert [f"{source}.{line}" for source, line, *_ in ROW.findall(PAGE)] == lines
    assert len(lines) == 81


def test_sections_of_lessons_exist():
    named = [(int(lesson), int(section)) for lesson, section in re.findall(r"\bL(\d)\.(\d+)", PAGE)]
    assert len(named) > 60
    assert [place for place in named if place[1] not in HEADINGS[place[0]]] == []


def test_exercises_exist():
    texts = {lesson.number: lesson.source for lesson in lessons()}
    for lesson, exercise in re.findall(r"L(\d)\.\d+, exercise (\d+\.\d+)", PAGE):
        assert f"**{exercise}**" in texts[int(lesson)]


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`bl\.(\w+)", PAGE))))
def test_names_of_bestline_exist(name: str):
    assert hasattr(bl, name)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(?:model|slow)\.(plot\.\w+|\w+)", PAGE))))
def test_names_of_a_model_exist(name: str, line: bl.Model):
    for part in name.split("."):
        assert hasattr(line, part)
        line = getattr(line, part)


@pytest.fixture(scope="module")
def line() -> bl.Model:
    return bl.fit(bl.synthetic.line(seed=0), "y ~ x", solver="sgd", lr=0.1, steps=3)
