"""One line for each group: what `bestline fit --by` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

import bestline as bl
from bestline.cli.options import refuse_unless_table
from bestline.cli.terminal import Terminal

_SHARED = (
    "l2",
    "folds",
    "weights",
    "weight_kind",
    "missing",
    "seed",
    "digits",
    "cov",
    "engine",
)  # what groups have of the options of training
# What else has a value where nobody has asked for anything.
_DEFAULTS: dict[str, Any] = {"l1": 0.0, "loss": "squared", "device": "auto"}


def fit_each(
    asked: Any, arguments: dict[str, Any], by: list[str], out: Path | None, *, level: float, force: bool, terminal: Terminal
) -> None:
    """Fit one line to each group, say what was found, and write one row a weight."""
    for name, value in arguments.items():
        exactly = name == "solver" and value == "exact"
        if name not in _SHARED and not exactly and value != _DEFAULTS.get(name):
            raise typer.BadParameter(
                f"--{name.replace('_', '-')} is for one line; with --by each group is solved exactly; leave it out"
            )
    if isinstance(arguments["folds"], str):
        raise typer.BadParameter("--folds is a number with --by: folds are within each group")
    refuse_unless_table(out, "a table of the lines with --by")
    if isinstance(asked.data, str) and asked.data.endswith(".moments"):
        raise typer.BadParameter("--by needs the rows; moments hold none")
    with terminal.listening() as bars:
        groups = bl.fit_groups(
            asked.data,
            asked.formula,
            by=by,
            **asked.columns,
            **{name: arguments[name] for name in _SHARED},
            progress=bars.passes(),
        )
    with terminal.saving((out, lambda path: groups.save(path, level=level, overwrite=force))):
        summary = groups.summary(level)
        terminal.answer(summary.text, {**summary.facts, "warnings": terminal.said})
