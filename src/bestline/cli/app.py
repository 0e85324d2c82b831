"""The commands. Data, formula and options mean the same here as in Python; heavy libraries load inside the commands."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer import _completion_shared as completion  # which writes the scripts, for the shell that it is given

import bestline as bl
from bestline.cli.comparison import (
    ANOVA_EXAMPLES,
    COMPARE_EXAMPLES,
    SUBSETS_EXAMPLES,
    TABLE_EXAMPLES,
    anova,
    compare,
    subsets,
    table,
)
from bestline.cli.diagnosis import DIAGNOSE_EXAMPLES, SUMMARY_EXAMPLES, diagnose, summary
from bestline.cli.doctor import DOCTOR_EXAMPLES, doctor
from bestline.cli.export import EPILOG as EXPORT_EXAMPLES
from bestline.cli.export import export
from bestline.cli.fit import fit
from bestline.cli.foresight import PREFLIGHT_EXAMPLES, SWEEP_EXAMPLES, preflight, sweep
from bestline.cli.generate import GENERATE_EXAMPLES, generate
from bestline.cli.lab import LAB_EXAMPLES, lab
from bestline.cli.lesson import LESSON_EXAMPLES, lesson
from bestline.cli.means import EFFECTS_EXAMPLES, MEANS_EXAMPLES, effects, means
from bestline.cli.moments import app as moments_app
from bestline.cli.options import Force, ModelFile, Quiet, Show, briefly, examples, grouped, refuse_existing, refuse_unless_html
from bestline.cli.plot import PLOT_EXAMPLES, plot
from bestline.cli.predict import EVALUATE_EXAMPLES, PREDICT_EXAMPLES, evaluate, predict
from bestline.cli.resampling import BOOTSTRAP_EXAMPLES, bootstrap
from bestline.cli.streams import Ended, say, say_error, signals_heeded, streams_ready, to_nobody
from bestline.cli.terminal import Terminal
from bestline.cli.tour import tour
from bestline.cli.usage import Commands, UsageError, explained
from bestline.cli.watch import watch
from bestline.cli.words import model_first, one
from bestline.errors import BestlineError, FileError, OptionError, clean, listed, readable

app = typer.Typer(
    name="bestline",
    cls=Commands,
    help="Fit straight lines and planes to data: watch them learn, trust the numbers, scale to any number of rows.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "bestline demo",
        "bestline fit line.csv 'y ~ x'",
        "bestline fit --help",
        note="Every command has --help with examples. --debug, anywhere, shows the traceback of an error.",
    ),
)
_COMPLETE = "_BESTLINE_COMPLETE"  # the shell asks by it, as the script that --install-completion wrote says
_INSTALL, _SHOW = "--install-completion", "--show-completion"
_SHELLS = tuple(shell.value for shell in completion.Shells)


def main() -> None:
    """Run a command: exit with 0 done, 1 the data or the numbers would not allow it, 2 wrong usage, 130 interrupted."""
    # --debug may stand anywhere, and belongs to no command.
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    with streams_ready(), signals_heeded():
        try:
            status = _run(arguments)
        except KeyboardInterrupt:
            say_error("interrupted")
            status = 130  # 128 + SIGINT, as shells have it
        except Ended as ended:
            say_error(f"ended by {ended.args[0].name}")
            status = 128 + ended.args[0]
        except BrokenPipeError:  # the reader of a pipe has gone, which is no error of ours
            to_nobody()
            status = 0
        except Exception as error:
            if debug:
                traceback.print_exc()
            status = _failed(error)
    sys.exit(status)


def _run(arguments: list[str]) -> int:
    if not {"-h", "--help", "-V", "--version"} & {*arguments}:
        _refuse_gone()
    command = typer.main.get_command(app)
    if _COMPLETE in os.environ:
        command(arguments, prog_name="bestline")
    asked, _, given = arguments[0].partition("=") if arguments else ("", "", "")
    if asked in (_INSTALL, _SHOW):
        _complete(asked, [*([given] if given else []), *arguments[1:]])
        return 0
    try:
        # Not by calling the command: it would call a reader that has gone an error, and end without what is still to be saved.
        with command.make_context("bestline", arguments) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()  # type: ignore[attr-defined]
        else:
            say_error(f"bestline: {explained(error)}")
        return 2
    return 0


def _complete(asked: str, words: Sequence[str]) -> None:
    """Show or install completion for the shell that is named, or the one in which this was typed.

    Typer, which writes the scripts, asks the parent process which shell it is, whatever was named; and where there is none, as in a
    container's build, it speaks of a shell called None.
    """
    if len(words) > 1:
        raise OptionError(f"{asked} takes the name of one shell; got {readable(' '.join(words))}.")
    shell = words[0].rsplit("/", 1)[-1].casefold() if words else completion._get_shell_name()
    if shell not in _SHELLS:
        what = (
            "cannot tell the shell from here" if shell is None else f"knows no shell {readable(words[0] if words else shell)}"
        )
        raise OptionError(f"{asked} {what}; name one of {listed(_SHELLS, joined='or')}, as in bestline {asked} bash.")
    if asked == _SHOW:
        say(completion.get_completion_script(prog_name="bestline", complete_var=_COMPLETE, shell=shell))
        return
    try:
        _, path = completion.install(shell=shell, prog_name="bestline", complete_var=_COMPLETE)
    except (OSError, UnicodeDecodeError) as error:  # a start-up file of the user's
        why = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else "a start-up file is no text"
        raise FileError(
            f"Completion cannot be installed, {clean(why)}; print it by bestline {_SHOW} {shell}, and put it where {shell} reads it."
        ) from error
    say(f"Completion for {shell} is in {clean(str(path))}; it works in every {shell} that is started from now on.")


def _refuse_gone() -> None:
    """Raise FileError where the working folder was removed: torch's library of products then ends the process, in words of its own."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise FileError("The working folder is not there any more; go to one that is, as by cd ~, and ask again.") from None


def _failed(error: Exception) -> int:
    # Ours say what to do. Any other is a fault of bestline, and says so, for a user cannot mend it.
    known = isinstance(error, BestlineError)
    text = clean(" ".join(str(error).split()))
    if not known:
        text = f"{type(error).__name__}: {text} (this is a fault of bestline; run again with --debug and report it)"
    text = text if len(text) < 2_000 else f"{text[:1_500]} ... {text[-400:]}"
    if isinstance(error, OSError) and error.strerror:  # a full disk, too many open files: nobody's fault here
        to_nobody()
        where = f" ({clean(error.filename)})" if error.filename else ""
        text = f"The system refuses: {error.strerror}{where}."
        if "temporary directory" in error.strerror:  # Python's, where nothing it thinks of can be written
            text = "There is no folder for temporary files that can be written; name one, such as TMPDIR=/path/of/a/folder."
    if isinstance(error, MemoryError):
        text = "There is not enough memory; use fewer columns, or data in files rather than in memory."
    say_error(f"bestline: {text}")
    return 2 if isinstance(error, OptionError) else 1


app.add_typer(moments_app)


def _version(asked: bool) -> None:
    if asked:
        say(f"bestline {bl.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Print the version and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    pass


app.command(
    epilog=examples(
        "bestline fit line.csv 'y ~ x'",
        "bestline fit cars.csv 'mpg ~ weight + C(origin)' -o cars.bestline",
        "bestline fit table.csv --target y --missing impute",
        "bestline fit line.csv 'y ~ x' --solver sgd --lr 0.1 --steps 15 --trace steps.csv",
        "bestline fit 'parts/*.parquet' --target price --split 0.7,0.15,0.15",
    )
)(fit)


app.command(epilog=PREFLIGHT_EXAMPLES)(preflight)
app.command(epilog=SWEEP_EXAMPLES)(sweep)


app.command(
    epilog=examples(
        "bestline watch line.csv 'y ~ x' -o run.html",
        "bestline watch line.csv 'y ~ x' --lr 0.1 --steps 50 -o run.gif",
        "bestline watch line.csv 'y ~ x' --compare lr=0.02 --compare solver=adam,lr=0.1 -o race.html",
    )
)(watch)


app.command(epilog=LAB_EXAMPLES)(lab)
app.command(epilog=PLOT_EXAMPLES)(plot)


app.command(epilog=PREDICT_EXAMPLES)(predict)
app.command(epilog=EVALUATE_EXAMPLES)(evaluate)
app.command(epilog=SUMMARY_EXAMPLES)(summary)
app.command(epilog=DIAGNOSE_EXAMPLES)(diagnose)
app.command(epilog=TABLE_EXAMPLES)(table)
app.command(epilog=ANOVA_EXAMPLES)(anova)
app.command(epilog=MEANS_EXAMPLES)(means)
app.command(epilog=EFFECTS_EXAMPLES)(effects)
app.command(epilog=BOOTSTRAP_EXAMPLES)(bootstrap)
app.command(epilog=COMPARE_EXAMPLES)(compare)
app.command(epilog=SUBSETS_EXAMPLES)(subsets)


@app.command(epilog=examples("bestline report cars.bestline cars.csv -o cars.html"))
@grouped(terminal=briefly)
def report(
    model: ModelFile,
    *,
    data: Annotated[
        list[str] | None, typer.Argument(metavar="[DATA]...", help="The rows it was fitted to, for pictures and diagnostics.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="PAGE.html", help="Where to write the page.")] = Path(
        "report.html"
    ),
    force: Force = False,
    terminal: Terminal,
) -> None:
    """Write a page about a model: what it means, what it is worth, how it was trained, how to do it again."""
    refuse_unless_html(out, "--out")
    model, rows = model_first(model, data)
    refuse_existing(out, force, model, *rows)
    with terminal.listening():
        line = bl.load(model)
        page = line.report(out, one(rows) if rows else None, overwrite=force)
    terminal.answer("", {"out": str(out), "bytes": len(page.html.encode()), "warnings": terminal.said}, known=line.notes)
    terminal.wrote(out)


@app.command(epilog=examples("bestline agree cars.bestline cars.csv"))
@grouped(terminal=briefly)
def agree(
    model: ModelFile,
    *,
    data: Annotated[list[str], typer.Argument(metavar="DATA...", help="The rows it was fitted to.")],
    terminal: Terminal,
) -> None:
    """Fit the same line by scikit-learn and statsmodels, and say to how many digits each weight agrees."""
    model, data = model_first(model, data)
    with terminal.listening():
        found = bl.load(model).agree(one(data))
    facts = found.frame().astype(object).to_dict(orient="records")
    terminal.answer(str(found), {"rows": found.rows, "weights": facts, "absent": list(found.absent), "warnings": terminal.said})


app.command(epilog=EXPORT_EXAMPLES)(export)
app.command(epilog=GENERATE_EXAMPLES)(generate)
app.command(epilog=DOCTOR_EXAMPLES)(doctor)
app.command(epilog=LESSON_EXAMPLES)(lesson)


@app.command(epilog=examples("bestline demo --out tour"))
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the pictures and the model.")] = Path(
        "bestline-demo"
    ),
    force: Force = False,
    quiet: Quiet = False,
    progress: Show = None,
) -> None:
    """The tour, on a real data set: fit exactly and by descent, judge, predict, draw, save."""
    tour(out, Terminal(quiet=quiet, progress=progress), force=force)
