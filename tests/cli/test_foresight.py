"""The commands preflight and sweep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import bestline as bl
from bestline.cli.foresight import preflight as preflight_command
from bestline.cli.foresight import sweep as sweep_command
from bestline.errors import DataError, OptionError

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
