"""`bestline lesson`: the course listed, walked through, and written as notebook, Markdown and script."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import nbformat
import pytest

from bestline.cli import lesson as command
from bestline.cli.lesson_text import Lesson
from cli.sessions import Run

SMALL = """\
# %% [markdown]
# # 1. Small
#
# | | |
# |---|---|
# | Time | 1 minute |

# %% [markdown]
# ## 1. A sum
#
# **Predict first.** What is 2 + 3?

# %%
print(2 + 3)

# %% [markdown]
# ## 2. A page
#
# <details><summary>Solution</summary>
#
# It is *five*.
#
# </details>

# %%
import bestline as bl

page = bl.fit([1.0, 2.0, 3.0], [1.0, 2.0, 2.0], solver="sgd", lr=0.1, steps=3).watch()
page.save("small.html", overwrite=True)
page
"""


@pytest.fixture
def small(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Lesson:
    """A course of one lesson."""
    path = tmp_path_factory.mktemp("course") / "1_small.py"
    path.write_text(SMALL, encoding="utf-8")
    monkeypatch.setattr(command, "lesson_of", lambda name: Lesson(path))
    monkeypatch.setattr("tempfile.tempdir", str(path.parent))
    return Lesson(path)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the browser is asked to open."""
    addresses: list[str] = []
    monkeypatch.setattr(command.webbrowser, "open", addresses.append)
    return addresses


class Reader:
    """Someone at a terminal, who types these answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
        self.answers, self.asked = list(answers), []
        monkeypatch.setattr(command, "_is_watched", lambda: True)
        monkeypatch.setattr("builtins.input", self)

    def __call__(self, prompt: str) -> str:
        self.asked.append(prompt)
        if not self.answers:
            raise EOFError
        return self.answers.pop(0)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_the_course_is_listed(run: Run):
    listed = run("lesson")
    assert listed.status == 0
    lines = listed.out.splitlines()
    assert lines[1].split()[:2] == ["2", "slope-and-bias"]
    assert "bestline lesson predicting" in listed.out
    facts = run("lesson", "--json").facts["lessons"]
    assert [fact["number"] for fact in facts] == [1, 2, 3, 4, 5, 6, 7]
    assert all(Path(fact["script"]).is_file() for fact in facts)


def test_into_a_pipe_all_of_it_is_printed_and_nothing_stays(run: Run, small: Lesson, tmp_path: Path, opened: list[str]):
    printed = run("lesson", "small")
    assert printed.status == 0
    assert (
        printed.out.index("What is 2 + 3?")
        < printed.out.index("```python\nprint(2 + 3)\n```")
        < printed.out.index("```text\n5\n```")
    )
    assert opened == list(tmp_path.iterdir()) == []
    assert "overwrite=True)\n```\n\n*Shown here: The live page of this lesson.*" in printed.out  # and no bare `page`
    assert "bestline lesson small -o small.md" in printed.out


def test_on_a_terminal_enter_goes_on_and_the_page_opens(
    run: Run, small: Lesson, opened: list[str], monkeypatch: pytest.MonkeyPatch
):
    reader = Reader(monkeypatch, "", "", "")
    walked = run("lesson", "small")
    assert reader.asked == ["[Enter] ", "[Enter] ", "[Solution: Enter shows it] "]
    assert "five" in plain(walked.out)
    (address,) = opened
    page = Path(address.removeprefix("file://"))
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert str(page) in walked.out
    assert not re.search(r"^\s*page\s*$", plain(walked.out), re.MULTILINE)


@pytest.mark.parametrize("answers", [("", "q"), ("",)], ids=["q", "end of input"])
def test_a_reader_may_leave(
    run: Run, small: Lesson, opened: list[str], monkeypatch: pytest.MonkeyPatch, answers: tuple[str, ...]
):
    Reader(monkeypatch, *answers)
    walked = run("lesson", "small")
    assert walked.status == 0
    assert "2 + 3" in plain(walked.out)
    assert "five" not in plain(walked.out)
    assert opened == []


def test_no_browser(run: Run, small: Lesson, opened: list[str], monkeypatch: pytest.MonkeyPatch):
    Reader(monkeypatch, "", "", "")
    assert "live page: " in run("lesson", "small", "--no-browser").out
    assert opened == []


def test_written_as_notebook_script_and_markdown(run: Run, small: Lesson, tmp_path: Path):
    for form in ("ipynb", "py", "md"):
        assert run("lesson", "small", "-o", f"small.{form}").err == f"wrote small.{form}\n"
    assert (
        nbformat.reads((tmp_path / "small.ipynb").read_text(encoding="utf-8"), as_version=4)
        .cells[2]
        .source.startswith("## 1. A sum")
    )
    assert (tmp_path / "small.py").read_text(encoding="utf-8") == SMALL
    text = (tmp_path / "small.md").read_text(encoding="utf-8")
    assert "```text\n5\n```" in text
    (linked,) = re.findall(r"\]\((.*?)\)", text)
    assert (tmp_path / linked).is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"small.ipynb", "small.py", "small.md", "small_files"}


@pytest.mark.parametrize("there", ["small.md", "small_files"])
def test_nothing_is_overwritten_unless_asked(run: Run, small: Lesson, tmp_path: Path, there: str):
    (tmp_path / there).mkdir() if there == "small_files" else (tmp_path / there).write_text("mine", encoding="utf-8")
    refused = run("lesson", "small", "-o", "small.md")
    assert refused.status == 1
    assert "--force" in refused.err
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert run("lesson", "small", "-o", "small.md", "--force").status == 0


def test_a_file_where_the_pictures_go_is_never_overwritten(run: Run, small: Lesson, tmp_path: Path):
    (tmp_path / "small_files").write_text("mine", encoding="utf-8")
    refused = run("lesson", "small", "-o", "small.md", "--force")
    assert (refused.status, refused.out) == (1, "")
    assert "`small_files`, where the pictures go, exists" in refused.err
    assert (tmp_path / "small_files").read_text(encoding="utf-8") == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["small_files"]


def test_a_lesson_that_breaks_leaves_nothing_behind(run: Run, small: Lesson, tmp_path: Path):
    small.path.write_text(SMALL.replace("print(2 + 3)", "import no_such_package"), encoding="utf-8")
    broken = run("lesson", "small", "-o", "small.md")
    assert broken.status == 1
    assert broken.err == "bestline: Lesson 1 needs no_such_package, which is not installed: pip install no_such_package.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["slope-and-bais"], "did you mean `slope-and-bias`?"),
        (["9"], "the lessons are `predicting`, `slope-and-bias`"),
        (["2", "-o", "x.docx"], "a file ending in .ipynb, .md or .py"),
        (["-o", "x.ipynb"], "name it"),
    ],
)
def test_wrong_usage_is_answered(run: Run, words: list[str], said: str):
    refused = run("lesson", *words)
    assert refused.status == 2
    assert said in refused.err


@pytest.mark.parametrize("name", ["torch-trends", "slope-and-bias", "slope-and-bias-exact", "crash-course", "made-with-ml"])
def test_generate_names_the_run_that_the_lesson_recommends(run: Run, tmp_path: Path, name: str):
    made = run("generate", "--lesson", name, "-o", "a b.csv")
    program, *words = shlex.split(made.out.splitlines()[-1].removeprefix("next: "))
    assert program == "bestline"
    assert run("generate", "--lesson", name, "-o", "c.csv", "--json").facts["next"].split("csv")[0] == "bestline fit c."
    facts = run(*words, "--json").facts
    recommended = json.loads((tmp_path / "a b.json").read_text(encoding="utf-8"))["run"]
    assert (facts["lr"], facts["steps"]) == (recommended["lr"], recommended["steps"])
    if name == "slope-and-bias-exact":
        assert facts["loss"] == pytest.approx(0.110192872179, rel=1e-9)
        assert facts["loss_start"] == pytest.approx(835.026666667, rel=1e-9)


def test_other_data_have_no_next_command(run: Run):
    assert "next:" not in run("generate", "-o", "line.csv").out
