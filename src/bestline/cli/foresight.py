"""The commands for what is known before training: `preflight` and `sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import bestline as bl
from bestline import api
from bestline.cli.options import (
    Asked,
    Engine,
    Force,
    Missing,
    Ridge,
    Weights,
    asking,
    examples,
    files_of,
    grouped,
    names_of,
    rate_of,
    refuse_existing,
    saying,
    start_of,
)
from bestline.cli.terminal import Terminal

PREFLIGHT_EXAMPLES = examples(
    "bestline preflight cars.csv 'mpg ~ weight + horsepower'",
    "bestline preflight line.csv 'y ~ x' --lr 0.01",
    "bestline preflight table.csv --target y --solver nesterov --json",
)
SWEEP_EXAMPLES = examples(
    "bestline sweep cars.csv 'mpg ~ weight' -o sweep.png",
    "bestline sweep line.csv 'y ~ x' --lrs 1e-4:1:200 --optimizers sgd,adam -o sweep.csv",
    "bestline sweep line.csv 'y ~ x' --no-standardize --start=-15,-10 --start=0,0 --steps 100",
)

Seed = Annotated[int, typer.Option(help="Of the small random start.")]


@grouped(asked=asking, terminal=saying)
def preflight(
    asked: Asked,
    *,
    solver: Annotated[str, typer.Option(help="sgd, momentum, nesterov, adam, adamw, rmsprop, adagrad or lbfgs.")] = "sgd",
    optimizer: Annotated[str | None, typer.Option(hidden=True, help="The old name of --solver.")] = None,
    lr: Annotated[str | None, typer.Option(help="A learning rate to judge.")] = None,
    l2: Ridge = 0.0,
    weights: Weights = None,
    missing: Missing = "raise",
    engine: Engine = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="First weights, in the data's units: --start=-15,-10 (intercept last) or --start x=-15,Intercept=-10."
        ),
    ] = None,
    seed: Seed = 0,
    terminal: Terminal,
) -> None:
    """Say before training which learning rates converge, and in how many steps."""
    rate = rate_of(lr)
    if isinstance(rate, str):
        raise typer.BadParameter(f"--lr needs one learning rate to judge; got {lr!r}")
    # Under its old name it is handed on as such, so that the warning is the one that Python gives.
    chosen: dict[str, Any] = {"solver": solver} if optimizer is None else {"optimizer": optimizer}
    with terminal.listening() as bars:
        found = bl.preflight(
            asked.data,
            asked.formula,
            **asked.columns,
            **chosen,
            lr=rate,
            l2=l2,
            weights=weights,
            missing=missing,
            engine=engine,
            start=start_of(start),
            seed=seed,
            progress=bars.passes(),
        )
    terminal.answer(str(found), {**found.facts, "warnings": terminal.said})


@grouped(asked=asking, terminal=saying)
def sweep(
    asked: Asked,
    *,
    lrs: Annotated[
        str,
        typer.Option(
            metavar="LOW:HIGH:COUNT|LIST|auto",
            help="Learning rates: COUNT from LOW to HIGH that grow by one factor, or a,b,c, or auto (around the limit).",
        ),
    ] = "auto",
    optimizers: Annotated[
        str, typer.Option(help="sgd, momentum, nesterov, adam, adamw, rmsprop, adagrad, lbfgs; several: a,b.")
    ] = "sgd",
    steps: Annotated[int, typer.Option(help="Updates of every run.")] = 1_000,
    start: Annotated[
        list[str] | None,
        typer.Option(help="First weights, in the data's units, as for fit; may be repeated for several starts."),
    ] = None,
    l2: Ridge = 0.0,
    weights: Weights = None,
    missing: Missing = "raise",
    engine: Engine = None,
    standardize: Annotated[bool, typer.Option("--standardize/--no-standardize", help="Run on standardised columns.")] = True,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="SWEEP", help="Write the table (.csv), the picture (.png, .svg, .pdf) or both (.html) here."
        ),
    ] = None,
    force: Force = False,
    terminal: Terminal,
) -> None:
    """Run hundreds of learning rates at once: which converge, how fast, and which diverge."""
    if out is not None:
        api.written_as(out)
    refuse_existing(out, force, *files_of(asked.data))
    starts = None if not start else [first for text in start if (first := start_of(text)) is not None]
    with terminal.listening() as bars:
        runs = bl.sweep(
            asked.data,
            asked.formula,
            **asked.columns,
            lrs=lrs,
            optimizers=names_of(optimizers) or [],
            steps=steps,
            starts=starts,
            l2=l2,
            weights=weights,
            missing=missing,
            engine=engine,
            standardize=standardize,
            seed=seed,
            progress=bars.passes(),
        )
    with terminal.saving((out, lambda path: api.write_sweep(path, runs, overwrite=force))):
        terminal.answer(str(runs), terminal.told(runs.facts, out))
    if runs.interrupted:
        raise typer.Exit(130)
