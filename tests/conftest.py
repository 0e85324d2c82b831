"""What all tests share."""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, settings

import bestline as bl
from bestline.api.model import Model
from bestline.cli import main
from bestline.errors import BestlineWarning
from pictures.player.pages import CHROMIUM, FLAGS, needs

Run = Callable[..., SimpleNamespace]

# A few random examples every time. CI tries more, the same ones in every run: what it says of a change is about the change.
for profile, examples in (("house", 20), ("thorough", 60)):
    settings.register_profile(
        profile,
        deadline=None,
        max_examples=examples,
        derandomize=profile == "thorough",
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile("house")


@pytest.fixture
def quiet() -> Iterator[None]:
    """Where the notes of a fit are not the point."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)
        yield


@pytest.fixture(autouse=True)
def untouched_global_state() -> Iterator[None]:
    """No test, and nothing it calls, may move the global random stream of torch."""
    before = torch.random.get_rng_state()
    yield
    assert torch.equal(before, torch.random.get_rng_state()), "the global random state of torch was moved"


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Press it, here. A shell lets what it starts in the background ignore Ctrl-C, so that the tests of it would wait for ever."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run a command in-process in an empty folder: its exit status, stdout, stderr, and the JSON object if it is one."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["bestline", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as end:
            status = end.code or 0  # type: ignore[assignment]
        out, err = capsys.readouterr()
        facts = json.loads(out) if out.startswith("{") else None
        return SimpleNamespace(status=status, out=out, err=err, facts=facts)

    return command


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x1": rng.normal(size=80), "x2": rng.normal(size=80), "g": rng.choice(list("ab"), 80)})
    frame["y"] = 1 + 2 * frame.x1 - 3 * frame.x2 + (frame.g == "b") + 0.1 * rng.normal(size=80)
    frame.to_csv(tmp_path / "table.csv", index=False)
    return tmp_path / "table.csv"


@pytest.fixture(scope="session")
def walked() -> Model:
    """A line that walked down to the bottom step by step, one feature and a test part: what is watched, written and shown."""
    data, formula = str(bl.samples.path("penguins")), "body_mass_g ~ flipper_length_mm"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)
        return bl.fit(data, formula, missing="drop", solver="sgd", lr=0.2, steps=60, split=(0.8, 0.2), start=(0, 0))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, for the pages that are looked at."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        needs(False, "playwright")
        raise
    needs(Path(CHROMIUM).exists(), CHROMIUM)
    with sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()
