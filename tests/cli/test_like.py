"""`fit --like` trains as the file beside a lesson's data tells."""

from __future__ import annotations

import json

import pytest

import bestline as bl


@pytest.mark.parametrize("lesson", ["slope-and-bias", "torch-trends", "made-with-ml"])
def test_the_run_of_a_lesson_in_one_option(run, lesson):
    told = run("generate", "--lesson", lesson, "-o", "line.csv", "--json").facts
    liked = run("fit", "line.csv", "y ~ x", "--like", "line.json", "--json").facts
    spelt = bl.fit(
        "line.csv",
        "y ~ x",
        **{k: v for k, v in told["run"].items() if k != "standardize"},
        standardize=told["run"]["standardize"] or False,
    )
    assert liked["steps"] == told["run"]["steps"]
    assert liked["coef"]["x"] == float(spelt.coef["x"])
    assert liked["loss_start"] == float(spelt.trace.loss[0])


def test_what_is_said_beside_it_wins(run):
    run("generate", "--lesson", "slope-and-bias", "-o", "line.csv")
    found = run("fit", "line.csv", "y ~ x", "--like", "line.json", "--lr", "0.2", "--steps", "3", "--start=0,0", "--json").facts
    expected = bl.fit("line.csv", "y ~ x", solver="sgd", lr=0.2, steps=3, start=[0, 0], standardize=False)
    assert found["coef"]["x"] == float(expected.coef["x"])


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        "{}",
        '{"run": 3}',
        '{"run": {"solver": "sgd"}}',
        json.dumps({"run": {"solver": "sgd", "lr": "fast", "steps": 3, "start": None, "standardize": True}}),
    ],
)
def test_a_file_that_tells_no_run_is_wrong_usage(run, tmp_path, content):
    run("generate", "--lesson", "slope-and-bias", "-o", "line.csv")
    if content is not None:
        (tmp_path / "told.json").write_text(content)
    found = run("fit", "line.csv", "y ~ x", "--like", "told.json")
    assert found.status == 2
    assert ("tells of no run" if content is not None else "cannot be read") in found.err
    assert found.err.count("\n") == 1


def test_a_line_made_without_a_lesson_has_none(run):
    run("generate", "--slope", "2", "-o", "own.csv")
    assert "tells of no run" in run("fit", "own.csv", "y ~ x", "--like", "own.json").err


def test_standardising_and_another_solver_win_too(run):
    run("generate", "--lesson", "slope-and-bias", "-o", "line.csv")
    found = run("fit", "line.csv", "y ~ x", "--like", "line.json", "--standardize", "--json").facts
    start = {"x": -15.0, "Intercept": -10.0}
    assert found["coef"]["x"] == float(bl.fit("line.csv", "y ~ x", solver="sgd", lr=0.1, steps=15, start=start).coef["x"])
    # The rate of the lesson is that of its solver.
    adam = run("fit", "line.csv", "y ~ x", "--like", "line.json", "--solver", "adam", "--steps", "5", "--json").facts
    expected = bl.fit("line.csv", "y ~ x", solver="adam", steps=5, start=start, standardize=False)
    assert adam["coef"]["x"] == float(expected.coef["x"])
