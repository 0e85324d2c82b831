"""The command that compares formulas by their held-out errors, on the same rows and folds."""

from __future__ import annotations

from typing import Annotated, Any

import typer

import bestline as bl
from bestline.calls import is_formula
from bestline.cli.options import Missing, Weights, examples, folds_of, grouped, saying
from bestline.cli.terminal import Terminal
from bestline.cli.words import one

COMPARE_EXAMPLES = examples(
    "bestline compare cars.csv 'mpg ~ weight' 'mpg ~ weight + C(origin)'",
    "bestline compare cars.csv 'mpg ~ weight' 'mpg ~ horsepower' --folds 10 --missing drop",
)


@grouped(terminal=saying)
def compare(
    words: Annotated[
        list[str], typer.Argument(metavar="DATA... FORMULA FORMULA...", help="Files, and two formulas or more of one target.")
    ],
    *,
    folds: Annotated[str, typer.Option(help="Number of folds, or a column whose values are the folds.")] = "5",
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
    weights: Weights = None,
    missing: Missing = "raise",
    terminal: Terminal,
) -> None:
    """Compare formulas by their errors on rows that they have not seen: the same rows and folds for all."""
    formulas, files = [w for w in words if is_formula(w)], [w for w in words if not is_formula(w)]
    if len(formulas) < 2 or not files:
        raise typer.BadParameter("give the data and two formulas or more: bestline compare line.csv 'y ~ x' 'y ~ x + z'")
    with terminal.listening():
        asked: dict[str, Any] = {"folds": folds_of(folds), "seed": seed, "weights": weights, "missing": missing}
        found = bl.compare(*(bl.fit(one(files), formula, **asked) for formula in formulas), held_out=True)
    terminal.answer(str(found), {**found.facts, "warnings": terminal.said})
