"""The commands that hold models against each other: analysis of variance of nested ones, held-out errors of any."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import bestline as bl
from bestline.calls import is_formula
from bestline.cli.options import Missing, Weights, examples, folds_of, grouped, resulting, saying
from bestline.cli.terminal import Terminal
from bestline.cli.words import one

ANOVA_EXAMPLES = examples(
    "bestline anova cars.bestline",
    "bestline anova cars.bestline --kind 3",
    "bestline anova small.bestline large.bestline",
)
COMPARE_EXAMPLES = examples(
    "bestline compare cars.csv 'mpg ~ weight' 'mpg ~ weight + C(origin)'",
    "bestline compare cars.csv 'mpg ~ weight' 'mpg ~ horsepower' --folds 10 --missing drop",
)


@grouped(terminal=resulting)
def anova(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL...", readable=False, help="A .bestline file; or several of nested models, the smallest first."
        ),
    ],
    *,
    kind: Annotated[
        str | None,
        typer.Option(
            help="Of one model: each term beside 1, those before it; 2, all but those that contain it; 3, all. [default: 2]"
        ),
    ] = None,
    target: Annotated[str | None, typer.Option(help="Which target, of several. [default: the first]")] = None,
    terminal: Terminal,
) -> None:
    """Test what each term of a model explains, or each of several nested models; by the standard errors that the model keeps."""
    if kind is not None and len(models) > 1:
        raise typer.BadParameter("--kind is of the terms of one model; several are held against each other: leave it out")
    with terminal.listening():
        lines, at = [bl.load(path) for path in models], 0 if target is None else target
        found = lines[0].anova(2 if kind is None else kind, target=at) if len(lines) == 1 else bl.compare(*lines, target=at)
    terminal.answer(str(found), {**found.facts, "warnings": terminal.said})


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
