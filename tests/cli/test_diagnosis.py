"""The command diagnose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from matplotlib.image import imread
from typer.testing import CliRunner

import bestline as bl
from bestline.cli.diagnosis import diagnose as diagnose_command
from inference.diagnosed import frame

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def command() -> typer.Typer:
    app = typer.Typer()
    app.command("diagnose")(diagnose_command)
    return app


def test_the_command(tmp_path: Path, command: typer.Typer):
    frame().to_csv(tmp_path / "a.csv", index=False)
    bl.fit(tmp_path / "a.csv", "y ~ x1 + g").save(tmp_path / "m.bestline")
    arguments = [str(tmp_path / "m.bestline"), str(tmp_path / "a.csv")]
    said = CliRunner().invoke(command, arguments)
    assert (said.exit_code, "Breusch-Pagan" in said.stdout) == (0, True)
    page = tmp_path / "panels.png"
    facts = json.loads(CliRunner().invoke(command, [*arguments, "--json", "-o", str(page), "--theme", "dark"]).stdout)
    assert page.read_bytes()[:4] == b"\x89PNG"
    assert (facts["rows"], facts["out"]) == (240, str(page))
    assert 0 < facts["tests"]["White"]["p_value"] < 1
    again = CliRunner().invoke(command, [*arguments, "-o", str(page)])
    assert again.exit_code != 0
    assert CliRunner().invoke(command, [*arguments, "-o", str(tmp_path / "a.txt")]).exit_code == 2
    assert CliRunner().invoke(command, [*arguments, "-o", str(page), "--force", "--quiet"]).exit_code == 0


@pytest.mark.parametrize(("theme", "light"), [(None, True), ("light", True), ("dark", False)])
def test_the_picture_has_the_paper_that_was_asked_for(tmp_path: Path, command: typer.Typer, theme: str | None, light: bool):
    frame().to_csv(tmp_path / "a.csv", index=False)
    bl.fit(tmp_path / "a.csv", "y ~ x1 + g").save(tmp_path / "m.bestline")
    page = tmp_path / "panels.png"
    how = [] if theme is None else ["--theme", theme]
    said = CliRunner().invoke(command, [str(tmp_path / "m.bestline"), str(tmp_path / "a.csv"), "-o", str(page), *how])
    assert said.exit_code == 0, said.output
    corners = imread(page)[[0, 0, -1, -1], [0, -1, 0, -1], :3]
    assert (corners.min() > 0.9, corners.max() < 0.2) == (light, not light)
