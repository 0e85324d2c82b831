"""The options of training, which `fit` and `watch` share, and the commands that train."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

import bestline as bl
from bestline import api
from bestline.cli.groups import fit_each
from bestline.cli.options import (
    Asked,
    Cov,
    Engine,
    Force,
    Missing,
    Ridge,
    WeightKind,
    Weights,
    asking,
    files_of,
    folds_of,
    grouped,
    names_of,
    numbers_by_name,
    numbers_of,
    rate_of,
    refuse_existing,
    refuse_unless_html,
    saying,
    start_of,
)
from bestline.cli.terminal import Bars, Terminal
from bestline.wording import as_cell

_OF_STEPS = ("lr", "rate", "power", "average", "steps", "batch_size", "patience", "tol")  # what only training by steps has
# What people name other files, and would take the model for.
_NO_MODEL = {".csv", ".tsv", ".parquet", ".html", ".json", ".moments", ".onnx", ".pdf", ".png", ".py", ".sql", ".svg", ".txt"}
_LONGEST = 10_000  # steps that training until it converges makes at the most


@dataclass(frozen=True, slots=True)
class Training:
    """What the options of training say: the arguments of `bestline.fit`, and whether right digits were asked for."""

    asked: Asked
    arguments: dict[str, Any]
    digits: bool

    def fit(self, bars: Bars, **changed: Any) -> bl.Model:
        """Train, with some of the arguments changed."""
        arguments = {**self.arguments, **changed}
        return bl.fit(
            self.asked.data,
            self.asked.formula,
            **self.asked.columns,
            progress=bars.passes(),
            watch=bars.steps(arguments["steps"] or _LONGEST),
            **arguments,
        )


@grouped(asked=asking)
def training_options(
    asked: Asked,
    *,
    solver: Annotated[
        str | None,
        typer.Option(
            help="exact, proximal, interior-point, stochastic, sgd, momentum, nesterov, adam, adamw, rmsprop, adagrad or lbfgs. [default: exact]"
        ),
    ] = None,
    lr: Annotated[str | None, typer.Option(help="Learning rate, or auto. It acts on the columns as trained.")] = None,
    rate: Annotated[
        str | None,
        typer.Option(help="Learning-rate schedule of stochastic: constant, or invscaling: lr / t^power. [default: constant]"),
    ] = None,
    power: Annotated[float | None, typer.Option(help="Of the inverse-scaling rate. [default: 0.25]")] = None,
    average: Annotated[
        bool | None,
        typer.Option("--average/--no-average", help="Of stochastic: give the mean of the weights. [default: average]"),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Updates to make; of stochastic, epochs. [default: until it converges; 20 epochs]")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Batch size: rows in each update. [default: all of them]")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Early stopping: when the held-out loss has not improved for so many steps.")
    ] = None,
    tol: Annotated[float | None, typer.Option(help="Stop when what is left to correct is below this.")] = None,
    aliased: Annotated[
        str | None,
        typer.Option(
            help="Of exact, where columns are collinear: smallest-norm, or drop the later ones, as R's lm does. [default: smallest-norm]"
        ),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json",
            help="Train as a lesson does: solver, rate, steps, start and scaling from the file beside its data. Options given here win.",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="First weights, in the data's units: --start=-15,-10 (intercept last) or --start x=-15,Intercept=-10."
        ),
    ] = None,
    l1: Annotated[float, typer.Option(help="Lasso penalty: weight of sum |w|, columns and target standardised.")] = 0.0,
    l2: Ridge = 0.0,
    penalty_factors: Annotated[
        str | None,
        typer.Option(help="How much of the penalties columns take: age=0,x3=2. 0 leaves a column free. [default: 1 each]"),
    ] = None,
    bounds: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=LOW:HIGH", help="What a weight may be: price=:0, size=0:1; or 0: for all slopes. Repeatable."
        ),
    ] = None,
    constraints: Annotated[
        list[str] | None,
        typer.Option(metavar="RELATION", help="A linear restriction of the weights: 'a + b = 1', 'a <= 2 * b'. Repeatable."),
    ] = None,
    cv: Annotated[
        str | None, typer.Option(help="Choose the penalty by K-fold cross-validation: ridge, lasso or enet (elastic net).")
    ] = None,
    folds: Annotated[
        str | None, typer.Option(help="Number of folds, or a column whose values are the folds. [default: 5]")
    ] = None,
    loss: Annotated[
        str,
        typer.Option(
            help="squared (least squares), huber or huber:10 (an M-estimator), absolute (least absolute deviations), quantile or quantile:0.9."
        ),
    ] = "squared",
    forward: Annotated[
        str | None,
        typer.Option(
            help="Polynomial regression: polynomial or polynomial:3, powers of every column up to this degree. [default: the line]"
        ),
    ] = None,
    weights: Weights = None,
    weight_kind: WeightKind = "analytic",
    missing: Missing = "raise",
    standardize: Annotated[
        bool | None,
        typer.Option("--standardize/--no-standardize", help="Train on standardised columns. [default: standardize]"),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Shares of training, validation and test rows: 0.7,0.15,0.15; or numbers of rows: 35,7,8."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of split, folds, start and order of rows. [default: 0]")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    digits: Annotated[
        int | None, typer.Option(help="Right digits asked for, and shown: of each weight in the table. [default: 8]")
    ] = None,
    cov: Cov = None,
    engine: Engine = None,
) -> Training:
    """The options of training, read."""
    if folds is not None and split is not None and cv is None:
        raise typer.BadParameter("--folds are for a held-out error without --split, which has its own test rows; leave one out")
    if isinstance(asked.data, str) and asked.data.endswith(".moments"):
        for option, value in (("missing", missing != "raise"), ("folds", folds is not None)):
            if value:
                raise typer.BadParameter(f"--{option} was decided when the moments were collected; leave it out")
        if seed is not None and solver in (None, "exact") and all(value is None for value in (lr, steps, patience, tol)):
            raise typer.BadParameter(
                "--seed drew the folds when the moments were collected, and draws nothing now; leave it out"
            )
    recommended = _run_of(like)
    if solver is not None:  # then the lesson's rate and steps are those of another one
        recommended = {name: value for name, value in recommended.items() if name in ("start", "standardize")}
    if standardize is None:
        standardize = recommended.get("standardize", True)
    arguments = {
        "solver": solver or recommended.get("solver"),
        "lr": recommended.get("lr") if lr is None else rate_of(lr),
        "rate": rate,
        "power": power,
        "average": average,
        "steps": recommended.get("steps") if steps is None else steps,
        "batch_size": batch_size,
        "patience": patience,
        "tol": tol,
        "aliased": aliased,
        "start": recommended.get("start") if start is None else start_of(start),
        "l1": l1,
        "l2": l2,
        "penalty_factors": numbers_by_name(penalty_factors, "--penalty-factors"),
        "bounds": bounds or None,
        "constraints": constraints or None,
        "cv": cv,
        "folds": folds_of(folds or "5"),
        "loss": loss,
        "forward": forward,
        "weights": weights,
        "weight_kind": weight_kind,
        "missing": missing,
        # Not asked against: then own forward functions keep their columns, as in Python.
        "standardize": None if standardize else False,
        "split": numbers_of(split, "--split"),
        "seed": 0 if seed is None else seed,
        "device": device,
        "digits": 8 if digits is None else digits,
        "cov": None if cov is None else api.parse_cov(cov, loss or "squared").text,  # refused before any work is done
        "engine": engine,
    }
    return Training(asked, arguments, digits is not None)


def _run_of(file: Path | None) -> dict[str, Any]:
    """The run that a lesson recommends, as `generate --lesson` wrote it beside the lesson's data; without a file nothing."""
    if file is None:
        return {}
    try:
        run = json.loads(file.read_text(encoding="utf-8"))["run"]
        start = None if run["start"] is None else {str(name): float(value) for name, value in run["start"].items()}
        return {
            "solver": str(run["solver"]),
            "lr": float(run["lr"]),
            "steps": int(run["steps"]),
            "start": start,
            "standardize": bool(run["standardize"]),
        }
    except OSError as error:
        raise typer.BadParameter(f"--like: {file} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise typer.BadParameter(
            f"--like: {file} tells of no run; it is the .json that `bestline generate --lesson NAME -o FILE.csv` writes beside FILE.csv"
        ) from error


@grouped(training=training_options, terminal=saying)
def fit(
    training: Training,
    *,
    level: Annotated[float, typer.Option(help="Level of the confidence intervals.")] = 0.95,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="MODEL", help="Write the model here (.bestline).")] = None,
    trace: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Write every step of training here.")] = None,
    report: Annotated[Path | None, typer.Option(metavar="PAGE.html", help="Write a page about the fit here.")] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Fit one line for each value of this column (several: a,b); -o writes them to .csv or .parquet."),
    ] = None,
    force: Force = False,
    terminal: Terminal,
) -> None:
    """Fit a line, exactly or by descent, and say what it is worth; with --by one line for each group."""
    if by is not None:
        _fit_each(training, by, {"trace": trace, "report": report}, out, level, force, terminal)
        return
    files = {"--out": out, "--trace": trace, "--report": report}
    if out is not None and out.suffix.lower() in _NO_MODEL:
        raise typer.BadParameter(f"--out writes the model, to a file that ends in .bestline; got {out.name!r}")
    refuse_unless_html(report, "--report")
    for path in files.values():
        refuse_existing(path, force, *files_of(training.asked.data))
    _refuse_same(files)
    with terminal.listening() as bars:
        model = training.fit(bars)
    if training.arguments["start"] is not None and model.plan.solver.name == "exact":  # which solver it is, the fit decides
        raise typer.BadParameter(
            "--start is where training begins, and the exact solution has no such place; name a solver, such as --solver sgd"
        )
    # The last finite weights of a run that diverged are worth a look and a trace, but not a file that others take for a line.
    diverged = model.stop is bl.Stop.DIVERGED
    _tell_why(training, model, terminal)
    with terminal.saving(
        (None if diverged else out, lambda path: model.save(path, overwrite=force)),
        (trace, lambda path: _write_trace(model, path, force)),
        (report, lambda path: model.report(path, overwrite=force)),
    ):
        summary = model.summary(level, digits=training.digits)
        terminal.answer(summary.text, summary.facts, known=model.notes)
    # 130 = 128 + SIGINT, as shells have it: what was reached is told and kept, but it was not what was asked for.
    if model.stop is bl.Stop.INTERRUPTED:
        raise typer.Exit(130)
    if diverged:
        terminal.fail(f"{model.advice}{' No model was written.' if out else ''}")
        raise typer.Exit(1)


def _fit_each(
    training: Training, by: str, others: dict[str, Any], out: Path | None, level: float, force: bool, terminal: Terminal
) -> None:
    for name, value in others.items():
        if value:
            raise typer.BadParameter(f"--{name} is for one line; with --by leave it out")
    refuse_existing(out, force, *files_of(training.asked.data))
    fit_each(training.asked, training.arguments, names_of(by) or [], out, level=level, force=force, terminal=terminal)


def _tell_why(training: Training, model: bl.Model, terminal: Terminal) -> None:
    """Say that the line was not solved exactly because an option asked for steps; nobody need know that it does."""
    given = [name for name in _OF_STEPS if training.arguments[name] is not None]
    if training.arguments["solver"] is None and given and model.plan.squared_line and not model.plan.l1:
        options = " and ".join(f"--{name.replace('_', '-')}" for name in given)
        by = model.plan.solver.title
        terminal.note(f"note: with {options} the line is trained step by step, by {by}; without, it is solved exactly.")


def _refuse_same(files: dict[str, Path | None]) -> None:
    # As resolved: `a.html` and `./a.html` are one file, and the second would overwrite the first.
    seen: dict[Path, str] = {}
    for option, path in files.items():
        if path is None:
            continue
        if path.resolve() in seen:
            raise typer.BadParameter(f"{seen[path.resolve()]} and {option} name the same file")
        seen[path.resolve()] = option


def _write_trace(model: bl.Model, path: Path, force: bool) -> None:
    # Python's csv writes floats by `repr`: the shortest digits that read back to the same number.
    columns = model.trace.columns
    with api.fresh(path, overwrite=force) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(map(as_cell, columns))
        writer.writerows(zip(*columns.values(), strict=True))
