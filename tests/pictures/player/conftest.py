"""What the tests of this room share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bestline as bl
from bestline.pictures import player
from bestline.pictures.render.html import page
from pictures.player.pages import Shown, fitted, session_of, wave


def passing() -> Any:
    """A run that passes by the line that predicts best: the least held-out loss is on its way, and not at its end."""
    rng = np.random.default_rng(10)
    X = rng.normal(size=(60, 1))
    data = {"x": X[:, 0], "y": X[:, 0] + 3 * rng.normal(size=60)}
    return bl.fit(data, "y ~ x", solver="sgd", lr=0.02, steps=200, split=(0.5, 0.25, 0.25), start=[9, 9])


@pytest.fixture(scope="session")
def sessions() -> dict[str, dict[str, Any]]:
    import warnings

    start = [-4.0, 6.0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bl.errors.BestlineWarning)
        several = {
            "sgd": fitted(start=start, steps=120),
            "adam, <i>lr</i> 0.3": fitted(solver="adam", lr=0.3, start=start, steps=200),
            "short": fitted(solver="momentum", start=start, steps=30),
        }
        return {
            "one": session_of({"sgd": fitted(start=start)}, truth=(1.0, -1.0)),
            "held_out": session_of({"sgd": fitted(start=start, split=(0.7, 0.15, 0.15))}, held_out=True),
            "kept": session_of({"sgd": passing()}, held_out=True),
            "several": session_of(several),
            "diverged": session_of(
                {"too fast": fitted(lr=0.36, start=start, steps=100), "slow": fitted(start=start, steps=100)}
            ),
            "one_weight": session_of({"sgd": fitted("y ~ x - 1", start=[-3.0], steps=40)}),
            "diagonal": session_of({"sgd": fitted("y ~ x + z", standardize=True, lr=0.1, steps=60)}),
            "huber": session_of({"adam": fitted(solver="adam", lr=0.2, loss="huber", start=start, steps=60)}),
            "own": session_of(
                {"adam": fitted(solver="adam", lr=0.2, forward=wave, start=[3.0, 2.0], standardize=None, steps=60)}
            ),
            "own_diagonal": session_of(
                {"adam": fitted("y ~ x + z", solver="adam", lr=0.2, forward=wave, standardize=None, steps=60)}
            ),
        }


@pytest.fixture
def show(browser: Any, tmp_path: Path, sessions: dict[str, dict[str, Any]]) -> Iterator[Any]:
    """`show(name)`: the saved page of a session. `show(name, api=True)`: a bare host whose `player` can be asked."""
    opened: list[Shown] = []

    def one(name: str, *, api: bool = False, autoplay: bool = False, **context: Any) -> Shown:
        html = page(sessions[name]).html
        if api:
            data = json.dumps(sessions[name]).replace("<", "\\u003c")
            call = f"globalThis.player = mount(document.querySelector('#host'), {{ session: {data}, autoplay: {json.dumps(autoplay)} }})"
            style, script = player.style(), player.script()
            html = f"<!DOCTYPE html><meta charset=utf-8><link rel=icon href='data:,'><style>{style}</style><div id=host></div><script type=module>{script}\n{call}</script>"
        opened.append(Shown(browser, tmp_path / f"{name}.html", html, **context))
        return opened[-1]

    yield one
    for shown in opened:
        shown.context.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path, pages: dict[str, str]) -> Iterator[Any]:
    """`opened(name)`: a page of a module's own `pages` in the browser, which did nothing that it should not."""
    shown: list[Shown] = []

    def one(name: str = "line", **context: Any) -> Shown:
        shown.append(Shown(browser, tmp_path / "page.html", pages[name], **context))
        return shown[-1]

    yield one
    for each in shown:
        # Chromium's advice on canvases that a test reads is no fault of the page.
        assert [line for line in each.wrong if "willReadFrequently" not in line] == []
        each.context.close()
