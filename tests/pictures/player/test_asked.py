"""A script that asks a page for what it cannot do is told so in a sentence, and the page does the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bestline as bl
from bestline.pictures.watch import page_of
from pictures.player.pages import Shown

pytestmark = pytest.mark.usefixtures("quiet")
x = np.arange(-3, 3, 0.1)
ROWS = {"x": x, "y": 2 * x - 1 + np.sin(7 * x), "z": np.cos(x)}
HOW = {"solver": "sgd", "lr": 0.1, "steps": 20}


REFUSED = [
    ("{rl: 0.3}", ['There is no setting "rl"; there are', '"lr"', '"log"']),
    ("{lr: -1}", ['"lr" is a number above 0, up to 1e300; got -1.']),
    ("{lr: NaN}", ['"lr" is a number above 0, up to 1e300; got NaN.']),
    ("{lr: '0.3'}", ['"lr" is a number above 0, up to 1e300; got "0.3".']),
    ("{lr: 1e308}", ["got 1e+308."]),
    ("{steps: 1.5}", ['"steps" is a whole number from 0 on; got 1.5.']),
    ("{standardize: 0}", ['"standardize" is true or false; got 0.']),
    ("{points: {moved: 'x'}}", ["Points are lists"]),
    ("{points: {added: [['a']]}}", ["A point is two numbers", 'got ["a"]']),
    ("{points: {added: [[1e300, 1]]}}", ["A point is two numbers"]),
    ("{points: {removed: [999]}}", ["A row is a whole number from 0 to 59; got 999."]),
    ("{points: {removed: 'all'}}", ["Points are lists"]),
    ("{points: {moved: [[1, 2]]}}", ["A row is", "got [[1,2]]"]),
    ("{points: {removed: Array.from({ length: 60 }, (_, i) => i)}}", ["One recorded point at least stays."]),
    ("{points: {dropped: [1]}}", ['got "dropped"']),
    ("{pins: [1]}", ['"pins" is a list of runs', "got [1]"]),
    ("{pin: ''}", ['"pin" is a name, or true; got "".']),
    ("{hidden: ['nothing']}", ['There is nothing called "nothing" to hide; there are "play"', '"learning rate"', '"surface"']),
    ("{slope: 1e308}", ["beyond all measure; got 1e+308."]),
    ("1.5", ["A step is a whole number from 0 on; got 1.5."]),
    ("new Date(0)", ["A page takes a step, or settings"]),
    ("{momentum: 1}", ['"momentum" is a number from 0 to below 1; got 1.']),
    ("{optimizer: 'adamw'}", ["sgd, momentum, nesterov or adam", 'got "adamw"']),
    ("{steps: 1e9}", ["up to", "steps; got 1000000000."]),
    ("{start: {slope: 1}}", ['There is no weight "slope"; there are "x", "Intercept".']),
    ("{start: {x: null}}", ['The start of "x" is a number', "got null"]),
    ("{start: [1, 2]}", ['"start" is an object', "got [1,2]"]),
    ("{step: -1}", ['"step" is a whole number from 0 on; got -1.']),
    ("{log: 1}", ['"log" is true or false; got 1.']),
    ("{hidden: 'optimum'}", ['"hidden" is a list of names; got "optimum".']),
    ("{unpin: 'slow'}", ["No run is pinned."]),
    ("{slope: '1'}", ['"slope" is a number that is not beyond all measure; got "1".']),
    ("'lr'", ["A page takes a step, or settings", 'got "lr"']),
    ("null", ["got null"]),
    ("undefined", ["got undefined"]),
    ("[3]", ["got [3]"]),
    ("NaN", ["A step is a whole number from 0 on; got NaN."]),
    ("{__proto__: null, constructor: 1}", ['There is no setting "constructor"']),
]
DONE = [
    "3",
    "Infinity",
    "{step: 2}",
    "{lr: 0.2, optimizer: 'momentum', momentum: 0.5, steps: 9, standardize: false, start: {x: 1}}",
    "{log: true, hidden: ['optimum'], ask: 'Why?'}",
    "{slope: 1, intercept: 2}",
    "{pin: 'slow'}",
    "{points: null}",
    "{}",
]


@pytest.fixture
def ask(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """`ask(model)`: a page of it, and what `set` answers there to JavaScript, with the state afterwards."""
    opened: list[Shown] = []

    def one(model: bl.Model) -> Any:
        shown = Shown(browser, tmp_path / f"{len(opened)}.html", page_of(model).html)
        opened.append(shown)
        return lambda changes: shown.page.evaluate(f"() => [globalThis.bestline.set({changes}), globalThis.bestline.state()]")

    yield one
    for shown in opened:
        assert shown.wrong == []
        shown.context.close()


def test_what_cannot_be_done_is_said_in_one_sentence(ask: Any) -> None:
    told = ask(bl.fit(ROWS, "y ~ x", **HOW))
    before = [{name: value for name, value in run.items() if name != "label"} for run in told("{}")[1]["runs"]]
    for changes, words in REFUSED:
        said, state = told(changes)
        assert all(word in said for word in words), (changes, said)
        assert said.endswith(".")
        after = [{name: value for name, value in run.items() if name != "label"} for run in state["runs"]]
        assert after == before, f"{changes} was refused, and yet done"


def test_what_is_done_has_no_answer(ask: Any) -> None:
    told = ask(bl.fit(ROWS, "y ~ x", **HOW))
    assert [told(changes)[0] for changes in DONE] == [None] * len(DONE)


def test_the_rest_of_what_was_asked_is_done(ask: Any) -> None:
    said, state = ask(bl.fit(ROWS, "y ~ x", **HOW))("{lr: 0.25, momentums: 0.5}")
    assert "momentums" in said
    assert state["runs"][0]["lr"] == 0.25


def test_an_address_is_a_text(ask: Any) -> None:
    told = ask(bl.fit(ROWS, "y ~ x", **HOW))
    for what in ("5", "null", "undefined", "{}"):
        assert told(f"3) ?? globalThis.bestline.open({what}")[0].startswith('An address is a text, such as "#lr=0.3"; got ')
    assert told("3) ?? globalThis.bestline.open('#lr=0.03&steps=7'")[1]["runs"][0]["lr"] == 0.03


def test_what_this_line_has_not_is_said(ask: Any) -> None:
    wide = ask(bl.fit(ROWS, "y ~ x + z", **HOW))
    assert "Only a line over one feature" in wide("{slope: 1}")[0]
    assert "points of this page cannot be changed" in wide("{points: {removed: [1]}}")[0]
    huber = ask(bl.fit(ROWS, "y ~ x", loss="huber", solver="lbfgs"))
    assert huber("{lr: 1}")[0] == 'This page shows a run as it was recorded and trains none, so "lr" cannot be set.'
    assert huber("{step: 1}")[0] is None
