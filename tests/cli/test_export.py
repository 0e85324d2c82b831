"""The command export."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bestline.cli.export import export
from bestline.errors import DataError
from bestline.export.facts import to_dict
from bestline.export.sql import to_sql
from export.examples import agrees, penguins, runtime

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


app = typer.Typer()


app.command()(export)


def test_the_command(tmp_path: Path) -> None:
    model, table = penguins()
    model.save(tmp_path / "p.bestline")
    run = CliRunner().invoke
    shown = run(app, [str(tmp_path / "p.bestline"), "--to", "sql", "--table", "data"])
    assert shown.exit_code == 0
    assert shown.stdout == to_sql(model, "data") + "\n"
    written = run(app, [str(tmp_path / "p.bestline"), "--to", "sql", "--table", "s.t", "-o", str(tmp_path / "p.sql")])
    assert (tmp_path / "p.sql").read_text() == to_sql(model, ("s", "t")) + "\n"
    assert written.stdout == ""
    run(app, [str(tmp_path / "p.bestline"), "--to", "sql", "--table", '"a.b"', "--force", "-o", str(tmp_path / "p.sql")])
    assert (tmp_path / "p.sql").read_text() == to_sql(model, "a.b") + "\n"
    as_json = json.loads(run(app, [str(tmp_path / "p.bestline"), "--to", "json"]).stdout)
    assert as_json["weights"] == to_dict(model)["weights"]
    pytest.importorskip("onnx")
    assert run(app, [str(tmp_path / "p.bestline"), "--to", "onnx", "-o", str(tmp_path / "p.onnx")]).exit_code == 0
    agrees(runtime(tmp_path / "p.onnx", table), model, table)


def test_the_command_refuses(tmp_path: Path) -> None:
    model, _ = penguins()
    path = str(tmp_path / "p.bestline")
    model.save(path)
    for arguments, words in {
        (path,): "--to needs one of",
        (path, "--to", "pickle"): "--to needs one of",
        (path, "--to", "onnx"): "-o FILE.onnx",
        (path, "--to", "script"): "needs the data",
        (path, "rows.csv", "--to", "sql"): "needs no data",
    }.items():
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == 2
        assert words in " ".join(result.output.replace("│", " ").split())
    (tmp_path / "there.sql").write_text("mine")
    result = CliRunner().invoke(app, [path, "--to", "sql", "-o", str(tmp_path / "there.sql")])
    assert isinstance(result.exception, DataError)
    assert (tmp_path / "there.sql").read_text() == "mine"


def test_nothing_heavy_is_loaded_by_importing() -> None:
    import subprocess

    code = (
        "import sys, bestline.export, bestline.cli.export; print([m for m in ('torch', 'onnx', 'duckdb') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
