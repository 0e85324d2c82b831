"""The options of training, which `fit` and `watch` share, and the commands that train."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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

if TYPE_CHECKING:
    from bestline.model import Model

_LONGEST = 10_000  # steps that training until it converges makes at the most


@dataclass(frozen=True, slots=True)
class Training:
    """What the options of training say: the data, and the arguments of `bestline.fit`."""

    data: str | list[str]
    formula: str | None
    arguments: dict[str, Any]

    def fit(self, bars: Bars, **changed: Any) -> Model:
        """Train, with some of the arguments changed."""
        from bestline.from_table import fit

        arguments = {**self.arguments, **changed}
        return fit(
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
    from bestline.robust import Kind
    from bestline.solvers import Stop

    terminal = Terminal(json, quiet, progress)
    files = {"--out": out, "--trace": trace, "--report": report}
    Kind.of(cov)  # refused before any work is done
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
    diverged = model.stop is Stop.DIVERGED
    if out is not None and not diverged:
        model.save(out, overwrite=force)
    summary = model.summary(level, cov=cov)
    terminal.result(summary.text, summary.facts)
    terminal.tell_warnings(model.notes)
    if out is not None and not diverged and Kind.of(cov).name != "classical":
        terminal.note(f"note: {out} keeps classical errors; for these: bestline summary {out} --cov {cov} DATA")
    for path in (trace, report, None if diverged else out):
        if path is not None:
            terminal.note(f"wrote {path}")
    if model.stop is Stop.INTERRUPTED:
        raise typer.Exit(130)
    if diverged:
        terminal.fail(f"{model.advice}{' No model was written.' if out else ''}")
        raise typer.Exit(1)


@trains
def watch(
    training: Training,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="RUN", help="Write here: .html (plays by itself), .gif, .mp4, .png, .svg or .pdf."),
    ],
    compare: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OPTION=VALUE,...", help="One run more, with these options changed: lr=0.2 or solver=adam,lr=0.1."
        ),
    ] = None,
    weights_shown: Annotated[
        str | None,
        typer.Option(
            "--show",
            metavar="A,B",
            help="The two weights of the loss surface, or: path, for its main directions. [default: the first and the last]",
        ),
    ] = None,
    frames: Annotated[int, typer.Option(help="Frames of a GIF or MP4.")] = 100,
    theme: Annotated[
        str, typer.Option(help="Of a GIF, MP4 or still picture: light or dark. A page follows its reader.")
    ] = "light",
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    progress: Show = None,
) -> None:
    """Train, and show how: data, loss surface and loss curve step by step, of one run or of several."""
    from bestline.solvers import Stop
    from bestline.watching import label, refuse_format, refuse_look, watch_runs

    refuse_format(out)
    refuse_existing(out, force)
    refuse_look(out, theme=theme, frames=frames)
    terminal = Terminal(json, quiet, progress)
    base = {"solver": "sgd"} if training.arguments["solver"] in (None, "exact") and not training.arguments["l1"] else {}
    changes = [base, *({**base, **_changed(text)} for text in compare or [])]
    with terminal.listening() as bars:
        models = []
        for change in changes:
            models.append(training.fit(bars, **change))
            if models[-1].stop is Stop.INTERRUPTED:  # shown as far as it came, and the others not begun
                break
        asked = ["", *(compare or [])][: len(models)]
        labels = [_named(label(model), text) for model, text in zip(models, asked, strict=True)]
        watch_runs(
            dict(zip(labels, models, strict=True)),
            out,
            pair="path" if weights_shown == "path" else names_of(weights_shown),
            frames=frames,
            theme=theme,
            overwrite=force,
        )
    facts = [
        {
            "label": name,
            "solver": model.solver,
            "lr": model.rate,
            "lr_limit": model.rate_limit,
            "steps": int(model.trace.step[-1]),
            "loss": float(model.trace.loss[int((model.trace.step - model.step).abs().argmin())]),
            "stop": model.advice,
        }
        for name, model in zip(labels, models, strict=True)
    ]
    told = [f"{fact['label']}: loss {fact['loss']:.6g} after {fact['steps']:,} updates. {fact['stop']}" for fact in facts]
    terminal.result("\n".join(told), {"out": str(out), "runs": facts, "warnings": terminal.said})
    terminal.tell_warnings(tuple(model.advice for model in models))
    terminal.note(f"wrote {out}")
    if models[-1].stop is Stop.INTERRUPTED:
        raise typer.Exit(130)


def _named(label: str, asked: str) -> str:
    """A run by how it was trained, and by what was asked to be changed where the label does not say it."""
    left = [piece for piece in re.split(_PIECES, asked) if piece and piece.partition("=")[2] not in label]
    return f"{label} ({', '.join(left)})" if left else label


_CHANGES: dict[str, Callable[[str], Any]] = {
    "solver": str,
    "lr": rate_of,
    "steps": int,
    "batch-size": int,
    "patience": int,
    "tol": float,
    "start": start_of,
    "l1": float,
    "l2": float,
    "loss": str,
    "standardize": lambda text: {"true": True, "yes": True, "false": False, "no": False}[text.lower()],
    "seed": int,
}


_PIECES = rf",(?=(?:{'|'.join(_CHANGES)})=)"  # a comma before another option


def _changed(text: str) -> dict[str, Any]:
    """What one --compare changes: `lr=0.2`, `solver=adam,lr=0.1`, `start=-1,2`."""
    changes: dict[str, Any] = {}
    for piece in re.split(_PIECES, text.replace("batch_size", "batch-size")):
        name, equals, value = piece.partition("=")
        name = name.strip()
        if not equals or name not in _CHANGES:
            raise typer.BadParameter(f"--compare changes one of {', '.join(_CHANGES)}, as in lr=0.2; got {text!r}")
        try:
            changes[name.replace("-", "_")] = _CHANGES[name](value.strip())
        except (ValueError, KeyError) as error:
            raise typer.BadParameter(f"--compare cannot read {piece!r}") from error
    return changes


def _refuse_same(files: dict[str, Path | None]) -> None:
    seen: dict[Path, str] = {}
    for option, path in files.items():
        if path is None:
            continue
        if path.resolve() in seen:
            raise typer.BadParameter(f"{seen[path.resolve()]} and {option} name the same file")
        seen[path.resolve()] = option


def _write_trace(model: Model, path: Path, force: bool) -> None:
    import csv

    from bestline.store import fresh

    columns = model.trace.columns
    with fresh(path, overwrite=force) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
