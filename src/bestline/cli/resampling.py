"""The command for errors without a formula: the bootstrap and the jackknife of a model's training rows."""

from __future__ import annotations

from typing import Annotated

import typer

import bestline as bl
from bestline.cli.options import (
    Force,
    ModelFile,
    TableOut,
    examples,
    grouped,
    refuse_existing,
    refuse_unless_table,
    resulting,
    write_table,
)
from bestline.cli.terminal import Terminal
from bestline.cli.words import model_first, one

BOOTSTRAP_EXAMPLES = examples(
    "bestline bootstrap cars.bestline cars.csv",
    "bestline bootstrap cars.bestline cars.csv --samples 10000 --interval bca --level 0.9",
    "bestline bootstrap cars.bestline cars.csv --kind cluster --cluster maker -o errors.csv",
)


@grouped(terminal=resulting)
def bootstrap(
    model: ModelFile,
    *,
    data: Annotated[list[str], typer.Argument(metavar="DATA...", help="The training rows.")],
    kind: Annotated[
        str,
        typer.Option(
            help="pairs (rows are drawn), cluster (whole clusters), wild (signs of residuals), jackknife (each row is left out once)."
        ),
    ] = "pairs",
    samples: Annotated[
        int | None,
        typer.Option(help="How many samples; not of the jackknife, which has as many as there are rows. [default: 2000]"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the draws; not of the jackknife. [default: 0]")] = None,
    level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
    interval: Annotated[
        str | None,
        typer.Option(
            help="percentile, bca, basic or normal; not of the jackknife, whose are by Student's t. [default: percentile]"
        ),
    ] = None,
    cluster: Annotated[str | None, typer.Option(help="Column of clusters, which stay together.")] = None,
    multipliers: Annotated[
        str | None,
        typer.Option(help="Of wild: rademacher (+1 or -1), or webb (six values, for few clusters). [default: rademacher]"),
    ] = None,
    out: TableOut = None,
    force: Force = False,
    terminal: Terminal,
) -> None:
    """Errors and intervals without a formula: fit the line to samples of its own rows, and see how far the weights move."""
    refuse_unless_table(out)
    model, rows = model_first(model, data)
    refuse_existing(out, force, model, *rows)
    with terminal.listening():
        found = bl.load(model).bootstrap(
            one(rows),
            kind=kind,
            samples=samples,
            seed=seed,
            level=level,
            interval=interval,
            cluster=cluster,
            multipliers=multipliers,
        )
    with terminal.saving((out, lambda file: write_table(found.frame(), file, force=force))):
        facts = terminal.told(found.facts, out)
        terminal.answer(str(found) if out is None else "", facts)
