"""The options of training, which `fit` and `watch` share, and the commands that train."""

from __future__ import annotations

import csv
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

import bestline as bl
from bestline.cli import doors
from bestline.cli.options import (
    DataPaths,
    Force,
    Json,
    Quiet,
    Show,
    names_of,
    numbers_by_name,
    numbers_of,
    one_or_names,
    rate_of,
    refuse_existing,
    refuse_unless_html,
    split_formula,
    start_of,
)
from bestline.cli.terminal import Bars, Terminal

_LONGEST = 10_000  # steps that training until it converges makes at the most


@dataclass(frozen=True, slots=True)
class Training:
    """What the options of training say: the data, and the arguments of `bestline.fit`."""

    data: str | list[str]
    formula: str | None
    arguments: dict[str, Any]

    def fit(self, bars: Bars, **changed: Any) -> bl.Model:
        """Train, with some of the arguments changed."""
        arguments = {**self.arguments, **changed}
        return bl.fit(
            self.data,
            self.formula,
            progress=bars.passes(),
            watch=bars.steps(arguments["steps"] or _LONGEST),
            **arguments,
        )


def training_options(
    data: DataPaths,
    target: Annotated[str | None, typer.Option(help="Column to predict (several: a,b), in place of a formula.")] = None,
    features: Annotated[
        str | None, typer.Option(help="Columns to predict from: a,b,c. [default: all others that can serve]")
    ] = None,
    solver: Annotated[
        str | None,
        typer.Option(
            help="exact, proximal, interior-point, stochastic, sgd, momentum, nesterov, adam, adamw, rmsprop, adagrad or lbfgs. [default: exact]"
        ),
    ] = None,
    lr: Annotated[str | None, typer.Option(help="Learning rate, or auto. It acts on the columns as trained.")] = None,
    rate: Annotated[
        str | None, typer.Option(help="Of stochastic: constant, or invscaling: lr / t^power. [default: constant]")
    ] = None,
    power: Annotated[float | None, typer.Option(help="Of the inverse-scaling rate. [default: 0.25]")] = None,
    average: Annotated[
        bool | None,
        typer.Option("--average/--no-average", help="Of stochastic: give the mean of the weights. [default: average]"),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Updates to make; of stochastic, epochs. [default: until it converges; 20 epochs]")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows in each update. [default: all of them]")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Stop when the held-out loss has not improved for so many steps.")
    ] = None,
    tol: Annotated[float | None, typer.Option(help="Stop when what is left to correct is below this.")] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="First weights, in the data's units: --start=-15,-10 (intercept last) or --start x=-15,Intercept=-10."
        ),
    ] = None,
    l1: Annotated[float, typer.Option(help="Weight of sum |w|.")] = 0.0,
    l2: Annotated[float, typer.Option(help="Weight of sum w^2.")] = 0.0,
    penalty_factors: Annotated[
        str | None,
        typer.Option(help="How much of the penalties columns take: age=0,x3=2. 0 leaves a column free. [default: 1 each]"),
    ] = None,
    cv: Annotated[str | None, typer.Option(help="Choose the penalty by K-fold: ridge, lasso or enet.")] = None,
    folds: Annotated[str, typer.Option(help="Number of folds, or a column whose values are the folds.")] = "5",
    loss: Annotated[str, typer.Option(help="squared, huber, huber:10, absolute, quantile or quantile:0.9.")] = "squared",
    forward: Annotated[
        str | None,
        typer.Option(help="polynomial or polynomial:3: powers of every column up to this degree. [default: the line]"),
    ] = None,
    weights: Annotated[str | None, typer.Option(help="Column of weights.")] = None,
    missing: Annotated[str, typer.Option(help="Missing values: raise, drop or impute.")] = "raise",
    standardize: Annotated[bool, typer.Option("--standardize/--no-standardize", help="Train on standardised columns.")] = True,
    split: Annotated[str | None, typer.Option(help="Shares of training, validation and test rows: 0.7,0.15,0.15.")] = None,
    seed: Annotated[int, typer.Option(help="Of split, folds, start and order of rows.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    digits: Annotated[int, typer.Option(help="Right digits asked for.")] = 8,
) -> Training:
    """The options of training, read."""
    files, formula = split_formula(data)
    arguments = {
        "target": one_or_names(target),
        "features": names_of(features),
        "solver": solver,
        "lr": rate_of(lr),
        "rate": rate,
        "power": power,
        "average": average,
        "steps": steps,
        "batch_size": batch_size,
        "patience": patience,
        "tol": tol,
        "start": start_of(start),
        "l1": l1,
        "l2": l2,
        "penalty_factors": numbers_by_name(penalty_factors, "--penalty-factors"),
        "cv": cv,
        "folds": int(folds) if folds.lstrip("-").isdigit() else folds,
        "loss": loss,
        "forward": forward,
        "weights": weights,
        "missing": missing,
        "standardize": None if standardize else False,
        "split": numbers_of(split, "--split"),
        "seed": seed,
        "device": device,
        "digits": digits,
    }
    return Training(files, formula, arguments)


def trains(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes a `Training` first the options of training, before its own."""
    shared = inspect.signature(training_options, eval_str=True).parameters
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

    def run(**given: Any) -> None:
        training = training_options(**{name: given.pop(name) for name in shared})
        command(training, **given)

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*shared.values(), *own)]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run


@trains
def fit(
    training: Training,
    level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
    cov: Annotated[str, typer.Option(help="Standard errors: classical, HC0, HC1, HC2, HC3 or cluster:COLUMN.")] = "classical",
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="MODEL", help="Write the model here (.bestline).")] = None,
    trace: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Write every step of training here.")] = None,
    report: Annotated[Path | None, typer.Option(metavar="PAGE.html", help="Write a page about the fit here.")] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    progress: Show = None,
) -> None:
    """Fit a line, exactly or by descent, and say what it is worth."""
    terminal = Terminal(json, quiet, progress)
    files = {"--out": out, "--trace": trace, "--report": report}
    doors.CovarianceKind.of(cov)  # refused before any work is done
    refuse_unless_html(report, "--report")
    for path in files.values():
        refuse_existing(path, force)
    _refuse_same(files)
    with terminal.listening() as bars:
        model = training.fit(bars)
        if trace is not None:
            _write_trace(model, trace, force)
        if report is not None:
            model.report(report, overwrite=force)
    diverged = model.stop is bl.Stop.DIVERGED
    if out is not None and not diverged:
        model.save(out, overwrite=force)
    summary = model.summary(level, cov=cov)
    terminal.result(summary.text, summary.facts)
    terminal.tell_warnings(model.notes)
    if out is not None and not diverged and doors.CovarianceKind.of(cov).name != "classical":
        terminal.note(f"note: {out} keeps classical errors; for these: bestline summary {out} --cov {cov} DATA")
    for path in (trace, report, None if diverged else out):
        if path is not None:
            terminal.note(f"wrote {path}")
    if model.stop is bl.Stop.INTERRUPTED:
        raise typer.Exit(130)
    if diverged:
        terminal.fail(f"{model.advice}{' No model was written.' if out else ''}")
        raise typer.Exit(1)


def _refuse_same(files: dict[str, Path | None]) -> None:
    seen: dict[Path, str] = {}
    for option, path in files.items():
        if path is None:
            continue
        if path.resolve() in seen:
            raise typer.BadParameter(f"{seen[path.resolve()]} and {option} name the same file")
        seen[path.resolve()] = option


def _write_trace(model: bl.Model, path: Path, force: bool) -> None:
    columns = model.trace.columns
    with doors.fresh(path, overwrite=force) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
