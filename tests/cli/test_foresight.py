"""The commands preflight and sweep."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

import bestline as bl
from bestline.cli.foresight import preflight as preflight_command
from bestline.cli.foresight import sweep as sweep_command
from bestline.errors import DataError, OptionError
from cli.sessions import Run

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.chdir(tmp_path)
    bl.synthetic.lesson("crash-course").save(tmp_path / "crash.csv")
    commands = typer.Typer()
    commands.command("preflight")(preflight_command)
    commands.command("sweep")(sweep_command)
    return commands


def test_the_preflight_command(app: typer.Typer) -> None:
    run = CliRunner().invoke(app, ["preflight", "crash.csv", "y ~ x", "--lr", "0.01", "--json"])
    facts = json.loads(run.stdout)
    assert run.exit_code == 0
    assert {"lr_limit", "lr", "steps", "condition", "standardized", "advice", "given", "limits"} <= set(facts)
    assert {"lr_limit", "lr", "steps", "condition"} <= set(facts["standardized"])
    assert facts["lr_limit"] == pytest.approx(0.0101095, abs=5e-8)
    page = CliRunner().invoke(app, ["preflight", "crash.csv", "y ~ x", "--lr", "0.01"]).stdout
    assert "it crawls" in page
    assert CliRunner().invoke(app, ["preflight", "crash.csv", "y ~ x", "--lr", "0.1,0.2"]).exit_code == 2
    assert isinstance(CliRunner().invoke(app, ["preflight", "crash.csv", "--solver", "adan"]).exception, OptionError)


def test_the_sweep_command(app: typer.Typer) -> None:
    arguments = ["sweep", "crash.csv", "y ~ x", "--lrs", "1e-4:1:20", "--optimizers", "sgd,adam", "--steps", "50", "--json"]
    run = CliRunner().invoke(app, [*arguments, "-o", "sweep.csv", "--start=0,0", "--start", "x=1,Intercept=2"])
    facts = json.loads(run.stdout)
    assert run.exit_code == 0
    assert len(facts["runs"]["lr"]) == 80
    assert facts["out"] == "sweep.csv"
    assert len(Path("sweep.csv").read_text().splitlines()) == 81
    again = CliRunner().invoke(app, [*arguments, "-o", "sweep.csv"])
    assert isinstance(again.exception, DataError)
    assert isinstance(CliRunner().invoke(app, [*arguments, "-o", "sweep.doc"]).exception, OptionError)
    assert not Path("sweep.doc").exists()
    text = CliRunner().invoke(app, ["sweep", "crash.csv", "y ~ x", "--steps", "20"]).stdout
    assert "200 runs of 20 steps" in text


def told(found: object) -> object:
    """As JSON has it, whoever tells it."""
    return json.loads(json.dumps(found, default=str))


@pytest.mark.parametrize(
    ("options", "python"),
    [
        ([], {}),
        (["--l2", "0.5"], {"l2": 0.5}),
        (["--no-standardize", "--lrs", "0.001,0.002"], {"standardize": False, "lrs": [0.001, 0.002]}),
        (["--seed", "3"], {"seed": 3}),
        (["--weights", "w"], {"weights": "w"}),
        (["--missing", "drop"], {"missing": "drop"}),
        (["--optimizers", "adam,sgd", "--lrs", "1e-3:1:4"], {"optimizers": ["adam", "sgd"], "lrs": "1e-3:1:4"}),
        (["--start", "x=1,Intercept=2"], {"starts": [{"x": 1, "Intercept": 2}]}),
        (["--steps", "7"], {"steps": 7}),
    ],
)
def test_a_sweep_is_the_same_in_both_doors_with_nothing_chosen_and_with_each_option(
    run: Run, tmp_path: Path, options: list[str], python: dict[str, object]
) -> None:
    frame = pd.DataFrame({"x": np.arange(20.0) + 3, "w": np.arange(20) % 3 + 1.0})
    frame["y"] = 2 * frame.x + np.sin(frame.x)
    if python.get("missing"):
        frame.loc[4, "x"] = np.nan
    frame.to_csv(tmp_path / "t.csv", index=False)
    if "steps" not in python:
        options, python = [*options, "--steps", "12"], python | {"steps": 12}
    facts = run("sweep", "t.csv", "y ~ x", *options, "--json").facts
    assert facts["runs"] == told(bl.sweep(str(tmp_path / "t.csv"), "y ~ x", **python).facts["runs"])


@pytest.mark.parametrize(
    ("options", "python"),
    [
        ([], {}),
        (["--lr", "0.01"], {"lr": 0.01}),
        (["--solver", "momentum"], {"solver": "momentum"}),
        (["--l2", "0.5"], {"l2": 0.5}),
        (["--weights", "w"], {"weights": "w"}),
        (["--seed", "3"], {"seed": 3}),
        (["--start", "x=1,Intercept=2"], {"start": {"x": 1, "Intercept": 2}}),
    ],
)
def test_a_preflight_is_the_same_in_both_doors(run: Run, tmp_path: Path, options: list[str], python: dict[str, object]) -> None:
    frame = pd.DataFrame({"x": np.arange(20.0) + 3, "w": np.arange(20) % 3 + 1.0})
    frame.assign(y=2 * frame.x + np.sin(frame.x)).to_csv(tmp_path / "t.csv", index=False)
    facts = run("preflight", "t.csv", "y ~ x", *options, "--json").facts
    other = told(bl.preflight(str(tmp_path / "t.csv"), "y ~ x", **python).facts)
    assert {name: facts[name] for name in other} == other


def test_a_file_that_is_there_is_overwritten_only_by_force(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y\n1,2\n2,3\n3,5\n")
    (tmp_path / "s.csv").write_text("mine")
    assert run("sweep", "t.csv", "y ~ x", "--steps", 5, "-o", "s.csv").status != 0
    assert (tmp_path / "s.csv").read_text() == "mine"
    assert run("sweep", "t.csv", "y ~ x", "--steps", 5, "-o", "s.csv", "--force").status == 0
    assert (tmp_path / "s.csv").read_text() != "mine"


def test_a_sweep_that_is_interrupted_tells_what_it_has_and_ends_with_status_130(
    run: Run, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bl.sweep

    def stopped(*args: object, progress: Callable[[str, float], None] | None, **kwargs: object) -> object:
        def tell(what: str, fraction: float) -> None:
            if "runs" in what and fraction > 0.3:
                raise KeyboardInterrupt

        return whole(*args, progress=tell, **kwargs)

    monkeypatch.setattr(bl, "sweep", stopped)
    done = run("sweep", table, "y ~ x1", "--lrs", "0.1,0.2", "--optimizers", "sgd,adam,rmsprop", "--steps", "1000", "--json")
    assert done.status == 130
    assert done.facts["interrupted"] is True
