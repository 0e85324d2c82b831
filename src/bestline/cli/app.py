"""The commands. Data, formula and options mean the same here as in Python; heavy libraries load inside the commands."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bestline.cli import before, moments
from bestline.cli.diagnosis import DIAGNOSE_EXAMPLES, SUMMARY_EXAMPLES, diagnose, summary
from bestline.cli.options import Force, Json, Quiet, Show, numbers_of, one, refuse_existing, refuse_unless_html
from bestline.cli.sharing import EPILOG as EXPORT_EXAMPLES
from bestline.cli.sharing import export
from bestline.cli.terminal import Terminal
from bestline.cli.training import fit, watch

app = typer.Typer(
    name="bestline",
    help="Fit straight lines and planes to data: watch them learn, trust the numbers, scale to any number of rows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: bestline demo. Every command has --help with examples. Add --debug to see a traceback.",
)


def main() -> None:
    """Run a command: exit with 0 done, 1 the data or the numbers would not allow it, 2 wrong usage."""
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        app(arguments, standalone_mode=True)
    except BrokenPipeError:  # the reader of a pipe has gone, which is no error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        sys.exit(_failed(error))


def _failed(error: Exception) -> int:
    from bestline.errors import BestlineError, OptionError

    known = isinstance(error, BestlineError)
    text = " ".join(str(error).split())
    if not known:
        text = f"{type(error).__name__}: {text} (this is a fault of bestline; run again with --debug and report it)"
    text = text if len(text) < 2_000 else f"{text[:1_500]} ... {text[-400:]}"
    if isinstance(error, MemoryError):
        text = "There is not enough memory; use fewer columns, or data in files rather than in memory."
    print(f"bestline: {text}", file=sys.stderr)
    return 2 if isinstance(error, OptionError) else 1


app.add_typer(moments.app)


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        from bestline import __version__

        print(__version__)
        raise typer.Exit


app.command(
    epilog="Examples:  bestline fit cars.csv 'mpg ~ weight + C(origin)' -o cars.bestline  |  "
    "bestline fit table.csv --target y --missing impute  |  "
    "bestline fit line.csv 'y ~ x' --solver sgd --lr 0.1 --steps 15 --no-standardize --start=-15,-10 --trace steps.csv  |  "
    "bestline fit 'parts/*.parquet' --target price --split 0.7,0.15,0.15 --report price.html"
)(fit)


app.command(epilog=before.PREFLIGHT_EXAMPLES)(before.preflight)
app.command(epilog=before.SWEEP_EXAMPLES)(before.sweep)


app.command(
    epilog="Examples:  bestline watch line.csv 'y ~ x' --lr 0.1 --steps 50 -o run.html  |  "
    "bestline watch line.csv 'y ~ x' --steps 60 --compare lr=0.02 --compare solver=adam,lr=0.1 -o race.gif"
)(watch)


@app.command(
    epilog="Examples:  bestline predict cars.bestline new.csv -o predicted.csv  |  "
    "bestline predict cars.bestline new.csv --interval prediction --level 0.9"
)
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .bestline file.")],
    data: Annotated[list[str], typer.Argument(metavar="DATA...", help="New rows; columns are found by name.")],
    interval: Annotated[str | None, typer.Option(help="confidence (of the line) or prediction (of a new observation).")] = None,
    level: Annotated[float, typer.Option(help="Level of the interval.")] = 0.95,
    on_unseen: Annotated[str, typer.Option(help="A category that training never saw: raise, or nan.")] = "raise",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="OUT", help="Write here (.csv, .tsv, .parquet, .feather). [default: CSV on stdout]"
        ),
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    progress: Show = None,
) -> None:
    """Predict new rows: the input's columns, and `prediction` with the ends of the interval asked for."""
    from bestline.modelfile import load
    from bestline.tables import open_source, write_with

    terminal = Terminal(json, quiet, progress)
    with terminal.listening() as bars:
        line = load(model)
        source = open_source(one(data), text=line.design.texts)
        line.design.check(source, target=False)
        notes = list(source.notes)
        extra = [n for n in source.names if n not in line.design.reads()]
        if extra:
            from bestline.errors import listed

            notes.append(f"{listed(extra)} {'is' if len(extra) == 1 else 'are'} not used by the model.")
        passes = bars.passes()
        tell = None if passes is None else (lambda fraction: passes("predicting", fraction))
        columns: dict[str, list[float | None]] = {}

        def predicted(batch: Any) -> dict[str, Any]:
            values = line.predict_batch(batch, interval, level, on_unseen)
            return (
                {f"prediction:{t}": values["prediction"][:, i] for i, t in enumerate(line.targets)}
                if values["prediction"].ndim == 2
                else values
            )

        if json and out is None:
            for batch in source.batches(line.design.needs, progress=tell):
                for name, values in predicted(batch).items():
                    columns.setdefault(name, []).extend(v if math.isfinite(v) else None for v in values.tolist())
            rows = len(next(iter(columns.values()), []))
        else:
            rows = write_with(source, out, predicted, overwrite=force, progress=tell)
    terminal.said = [*notes, *terminal.said]
    if json:
        terminal.result("", {"rows": rows, "out": None if out is None else str(out), "warnings": terminal.said, **columns})
    terminal.tell_warnings()
    if out is not None:
        terminal.note(f"wrote {rows:,} rows to {out}")


@app.command(epilog="Example:  bestline evaluate cars.bestline held_out.csv --json")
def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .bestline file.")],
    data: Annotated[list[str], typer.Argument(metavar="DATA...", help="Rows with a known target.")],
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a model's errors on rows with a known target."""
    from bestline.modelfile import load
    from bestline.summary import score_facts

    terminal = Terminal(json, quiet)
    with terminal.listening():
        line = load(model)
        scores = line.evaluate(one(data))
    lines = [f"{line.design.formula}   ({scores.of})"]
    for i, target in enumerate(line.targets):
        assert scores.mae is not None  # noqa: S101  the rows were read
        lines.append(
            f"{target}: MSE {scores.mse[i]:.6g}, RMSE {scores.rmse[i]:.6g}, MAE {scores.mae[i]:.6g}, R2 {scores.r2[i]:.4f}"
        )
    terminal.result("\n".join(lines), {**score_facts(scores, line.targets), "warnings": terminal.said})
    terminal.tell_warnings()


app.command(epilog=SUMMARY_EXAMPLES)(summary)
app.command(epilog=DIAGNOSE_EXAMPLES)(diagnose)


@app.command(epilog="Example:  bestline report cars.bestline cars.csv -o cars.html")
def report(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .bestline file.")],
    data: Annotated[
        list[str] | None, typer.Argument(metavar="[DATA]...", help="The rows it was fitted to, for pictures and diagnostics.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="PAGE.html", help="Where to write the page.")] = Path(
        "report.html"
    ),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a page about a model: what it means, what it is worth, how it was trained, how to do it again."""
    from bestline.modelfile import load

    refuse_unless_html(out, "--out")
    refuse_existing(out, force)
    terminal = Terminal(json, quiet)
    with terminal.listening():
        line = load(model)
        page = line.report(out, one(data) if data else None, overwrite=force)
    terminal.result("", {"out": str(out), "bytes": len(page.html.encode()), "warnings": terminal.said})
    terminal.tell_warnings(line.notes)
    terminal.note(f"wrote {out}")


@app.command(epilog="Example:  bestline agree cars.bestline cars.csv")
def agree(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .bestline file.")],
    data: Annotated[list[str], typer.Argument(metavar="DATA...", help="The rows it was fitted to.")],
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fit the same line by scikit-learn and statsmodels, and say to how many digits each weight agrees."""
    from bestline.agreement import agreement, text
    from bestline.modelfile import load

    terminal = Terminal(json, quiet)
    with terminal.listening():
        found = agreement(load(model), one(data))
    facts = found.frame().astype(object).to_dict(orient="records")
    terminal.result(
        text(found), {"rows": found.rows, "weights": facts, "absent": list(found.absent), "warnings": terminal.said}
    )
    terminal.tell_warnings()


app.command(epilog=EXPORT_EXAMPLES)(export)


@app.command(
    epilog="Examples:  bestline generate --slope 1 --intercept -1 --x arange:-3,3,0.1 --noise normal:0.1 --seed 1 -o line.csv  |  "
    "bestline generate --lesson crash-course -o crash.csv"
)
def generate(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE.csv", help="Where to write; the truth goes beside it as .json.")
    ],
    slope: Annotated[str | None, typer.Option(help="Slope, or several: 1,2,-0.5. [default: 1]")] = None,
    intercept: Annotated[float | None, typer.Option(help="Where the line starts. [default: 0]")] = None,
    x: Annotated[
        str | None, typer.Option(help="range:START,STOP,COUNT, arange:START,STOP,STEP, normal:MEAN,SD or uniform:LOW,HIGH.")
    ] = None,
    n: Annotated[int | None, typer.Option(help="Number of rows, for random x.")] = None,
    noise: Annotated[
        str | None, typer.Option(help="none, normal:SD, normal:MEAN,SD or uniform:LOW,HIGH. [default: none]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of x and of the noise. [default: 0]")] = None,
    lesson: Annotated[
        str | None,
        typer.Option(help="A lesson's data: torch-trends, slope-and-bias, slope-and-bias-exact, crash-course or made-with-ml."),
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a line with noise, and record the truth beside it."""
    from bestline import synthetic

    given: dict[str, Any] = {
        "slope": numbers_of(slope, "--slope"),
        "intercept": intercept,
        "x": x,
        "n": n,
        "noise": noise,
        "seed": seed,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if lesson is not None:
        if given:
            raise typer.BadParameter(f"--lesson makes the lesson's own data; leave out --{', --'.join(given)}")
        data = synthetic.lesson(lesson)
    else:
        slopes = given.get("slope")
        if isinstance(slopes, list) and len(slopes) == 1:
            given["slope"] = slopes[0]
        data = synthetic.line(**given)
    data.save(out, overwrite=force)
    truth = out.with_suffix(".json")
    text = f"wrote {len(data.x):,} rows to {out}, and the truth to {truth}"
    if data.truth.get("note"):
        text += f"\n{data.truth['note']}"
    Terminal(json, quiet).result(text, {"out": str(out), "truth": str(truth), "rows": len(data.x), **data.truth})


@app.command(epilog="Example:  bestline demo --out tour")
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the pictures and the model.")] = Path(
        "bestline-demo"
    ),
    force: Force = False,
    quiet: Quiet = False,
    progress: Show = None,
) -> None:
    """The tour, on a real data set: fit exactly and by descent, judge, predict, draw, save."""
    from bestline.cli.demo import tour

    tour(out, Terminal(quiet=quiet, progress=progress), force=force)
