"""The tables of what is called what: every name, option, argument and command of bestline in them is there."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import shlex
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer.main
from typer.testing import CliRunner

import bestline as bl
from bestline.cli.app import app
from bestline.errors import BestlineWarning

PAGES = sorted((Path(__file__).parents[2] / "docs").glob("from-*.md"))
SOLVER_SETTINGS = {
    field.name for solver in (bl.Descent, bl.Stochastic, bl.Proximal, bl.InteriorPoint) for field in dataclasses.fields(solver)
}
COMMANDS = typer.main.get_command(app).commands


def cells(page: Path) -> Iterator[str]:
    """What stands in the columns of bestline: all but the first; a bar inside a cell is written `\\|`."""
    for row in re.findall(r"^\| (.*) \|$", page.read_text(encoding="utf-8"), re.MULTILINE):
        columns = re.split(r"(?<!\\) \| ", row)
        if not set(row) <= set("| -"):
            yield from columns[1:]


def spans(page: Path) -> list[str]:
    return [span.replace(r"\|", "|") for cell in cells(page) for span in re.findall(r"`([^`]+)`", cell)]


def all_spans() -> list[str]:
    return sorted({span for page in PAGES for span in spans(page)})


COMMAND_LINES = [span for span in all_spans() if span.startswith("bestline ")]
CODE = [span for span in all_spans() if re.search(r"\b(bl|model)\.", span) and span not in COMMAND_LINES]
ARGUMENTS = [span for span in all_spans() if re.fullmatch(r"\w+=\S.*", span)]


def found(node: ast.AST, line: bl.Model) -> Any:
    """What an expression such as `model.plot.loss` names; None where it is not known before it is called."""
    if isinstance(node, ast.Name):
        return {"bl": bl, "model": line}.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = found(node.value, line)
        return None if owner is None else getattr(owner, node.attr)
    return None


def takes(called: Callable[..., Any], name: str) -> bool:
    parameters = inspect.signature(called).parameters
    rest = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    return name in parameters or (rest and name in SOLVER_SETTINGS)


@pytest.fixture(scope="module")
def chosen() -> bl.Model:
    """A line that has whatever the tables name, a choice of penalty too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)  # of the penalty, which is not the point
        return bl.fit(bl.synthetic.lesson("slope-and-bias"), "y ~ x", cv="lasso")


def test_there_are_tables() -> None:
    assert len(PAGES) == 6
    assert all(len(spans(page)) > 15 for page in PAGES)
    assert len(CODE) > 90
    assert len(COMMAND_LINES) > 20


@pytest.mark.parametrize("code", CODE)
def test_a_name_and_its_arguments_exist(code: str, chosen: bl.Model) -> None:
    assert list(wrong_in(code, chosen)) == []


def wrong_in(code: str, line: bl.Model) -> Iterator[str]:
    """Names that are not there, and arguments that nobody takes."""
    for node in ast.walk(ast.parse(code, mode="eval")):
        try:
            called = found(node.func if isinstance(node, ast.Call) else node, line)
        except AttributeError as error:
            yield str(error)
            continue
        if isinstance(node, ast.Call) and called is not None:
            yield from (
                f"{ast.unparse(node.func)} takes no {key.arg}" for key in node.keywords if not takes(called, key.arg or "")
            )


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_an_argument_is_one_of_fit_or_predict(argument: str) -> None:
    name = argument.partition("=")[0]
    assert takes(bl.fit, name) or takes(bl.Model.predict, name)


@pytest.mark.parametrize("command", COMMAND_LINES)
def test_a_command_and_its_options_exist(command: str) -> None:
    _, name, *words = command.split()
    assert name in COMMANDS
    known = {spelling for option in COMMANDS[name].params for spelling in [*option.opts, *option.secondary_opts]}
    assert {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)} <= known


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the commands name."""
    folder, rng = tmp_path_factory.mktemp("commands"), np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(80, 2)), columns=["x", "z"]).assign(week=range(80), w=rng.integers(1, 4, 80))
    data = data.assign(
        g=rng.choice(["a", "b", "c"], 80), region=rng.choice(["n", "s"], 80), firm=[f"f{i % 10}" for i in range(80)]
    )
    data = data.assign(year=[2000 + i % 8 for i in range(80)], y=np.exp(0.3 * data.x + 0.1 * rng.normal(size=80)))
    data.to_csv(folder / "data.csv", index=False)
    data.drop(columns="y").to_csv(folder / "new.csv", index=False)
    for name, formula in (("model", "y ~ x * g"), ("a", "y ~ x"), ("b", "y ~ x + z"), ("panel", "y ~ x | firm + year")):
        bl.fit(data, formula).save(folder / f"{name}.bestline")
    return folder


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
@pytest.mark.parametrize("command", [line for line in COMMAND_LINES if not line.startswith("bestline lab")])
def test_a_command_runs(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    words = [*shlex.split(command)[1:], *(["--force"] if " -o " in command else [])]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, (done.output, done.exception)


@pytest.mark.parametrize("wrong", ["bl.fit_all(data)", "model.plot.nothing()", "bl.fit(data, covariance='HC3')"])
def test_what_is_wrong_is_found(wrong: str, chosen: bl.Model) -> None:
    assert list(wrong_in(wrong, chosen))
