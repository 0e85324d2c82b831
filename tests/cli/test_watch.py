"""The command watch."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

import bestline as bl
from cli.sessions import Run

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


def session_in(path: Path) -> dict:
    return json.loads(re.search(r'id="session">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)[1])


def test_watch_writes_a_page_with_the_runs_asked_for(run: Run, table: Path, tmp_path: Path) -> None:
    arguments = [
        "y ~ x1",
        "--lr",
        "0.1",
        "--steps",
        "20",
        "--compare",
        " lr = 0.5 ",
        "--compare",
        "solver = adam, lr=0.2 ,steps=30",
    ]
    done = run("watch", table, *arguments, "-o", "run.html", "--json")
    assert done.status == 0
    assert [fact["label"] for fact in done.facts["runs"]] == ["sgd, lr 0.1", "sgd, lr 0.5", "adam, lr 0.2 (steps=30)"]
    told = session_in(tmp_path / "run.html")
    assert [r["step"][-1] for r in told["runs"]] == [20, 20, 30]
    assert len(told["runs"][0]["step"]) < 21, "the page makes the steps between by itself"
    for fact, shown in zip(done.facts["runs"], told["runs"], strict=True):
        assert fact["loss"] == shown["loss"][-1]
    alone = bl.fit(str(table), "y ~ x1", solver="adam", lr=0.2, steps=30)
    assert told["runs"][2]["loss"][-1] == float(alone.trace.loss[-1])


@pytest.mark.parametrize("name", ["run.gif", "run.png", "run.svg"])
def test_watch_writes_pictures(run: Run, table: Path, tmp_path: Path, name: str) -> None:
    frames = ("--frames", "9") if name.endswith((".gif", ".mp4")) else ()
    done = run("watch", table, "y ~ x1", "--lr", "0.2", "--steps", "12", *frames, "-o", name)
    assert done.status == 0, done.err
    if name.endswith("svg"):
        assert "<svg" in (tmp_path / name).read_text(encoding="utf-8")
    else:
        with Image.open(tmp_path / name) as image:
            assert image.width > 400
            if name.endswith("gif"):
                assert 2 <= image.n_frames <= 9


def test_runs_that_differ_in_what_their_label_does_not_say_are_told_apart(run: Run, table: Path, tmp_path: Path) -> None:
    done = run("watch", table, "y ~ x1", "--lr", "0.1", "--steps", "5", "--compare", "start=3,4", "-o", "run.html")
    assert done.status == 0
    assert [r["label"] for r in session_in(tmp_path / "run.html")["runs"]] == ["sgd, lr 0.1", "sgd, lr 0.1 (start=3,4)"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "run.txt"], "written as"),
        (["-o", "run.html", "--compare", "rate=3"], "--compare"),
        (["-o", "run.html", "--compare", "lr"], "--compare"),
        (["-o", "run.html", "--compare", "steps=many"], "--compare"),
        (["-o", "run.html", "--compare", "solver=nonsense"], "nonsense"),
        (["-o", "run.html", "--show", "x9,x1"], "x9"),
        (["-o", "run.gif", "--theme", "pink"], "pink"),
    ],
)
def test_watch_refuses_what_makes_no_sense_and_leaves_nothing(
    run: Run, table: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = run("watch", table, "y ~ x1 + x2", "--steps", "5", *arguments)
    assert done.status in (1, 2)
    assert said in done.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["table.csv"]


def test_watch_overwrites_only_when_told_to(run: Run, table: Path, tmp_path: Path) -> None:
    (tmp_path / "run.html").write_text("mine")
    assert run("watch", table, "y ~ x1", "--steps", "5", "-o", "run.html").status == 1
    assert (tmp_path / "run.html").read_text() == "mine"
    assert run("watch", table, "y ~ x1", "--steps", "5", "-o", "run.html", "--force").status == 0
    assert 'id="session"' in (tmp_path / "run.html").read_text(encoding="utf-8")


def test_watch_with_nothing_else_shows_a_descent(run: Run, table: Path, tmp_path: Path) -> None:
    """Not the best rate, which arrives in a step: and it says what it chose."""
    done = run("watch", table, "y ~ x1", "-o", "run.html", "--json")
    assert done.status == 0, done.err
    shown = session_in(tmp_path / "run.html")["runs"][0]
    assert 15 <= shown["step"][-1] <= 200
    assert shown["step"][:2] == [0, 1]
    first, second, *_, last = shown["loss"]  # gradient descent's first step falls furthest
    assert 0 < first - second < 0.5 * (first - last)
    (chosen,) = done.facts["chosen"]
    assert f"{done.facts['runs'][0]['lr']:.4g}" in chosen
    told = run("watch", table, "y ~ x1", "--steps", "9", "-o", "nine.html")
    assert "To be watched" in told.out
    assert "take more" not in told.out
    assert "another rate" not in told.out
    assert len(session_in(tmp_path / "nine.html")["runs"][0]["loss"]) == 10
