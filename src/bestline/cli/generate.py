"""The command that makes data: a line with noise whose truth is known, or the data of a lesson."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

import bestline as bl
from bestline.cli.options import Force, briefly, examples, grouped, numbers_of
from bestline.cli.streams import say
from bestline.cli.terminal import Terminal
from bestline.wording import count

GENERATE_EXAMPLES = examples(
    "bestline generate --slope 1 --intercept -1 --x arange:-3,3,0.1 --noise normal:0.1 -o line.csv",
    "bestline generate --lesson crash-course -o crash.csv",
)


@grouped(terminal=briefly)
def generate(
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE.csv", help="Where to write; the truth goes beside it as .json.")
    ],
    slope: Annotated[str | None, typer.Option(help="Slope, or several: 1,2,-0.5. [default: 1]")] = None,
    intercept: Annotated[float | None, typer.Option(help="Where the line starts. [default: 0]")] = None,
    x: Annotated[
        str | None,
        typer.Option(
            help="range:START,STOP,COUNT, arange:START,STOP,STEP, normal:MEAN,SD or uniform:LOW,HIGH. [default: from -3 to 3]"
        ),
    ] = None,
    n: Annotated[int | None, typer.Option(help="Number of rows, where x is random or left out.")] = None,
    noise: Annotated[
        str | None, typer.Option(help="none, normal:SD, normal:MEAN,SD or uniform:LOW,HIGH. [default: none]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of x and of the noise. [default: 0]")] = None,
    lesson: Annotated[
        str | None,
        typer.Option(help="A lesson's data: torch-trends, slope-and-bias, slope-and-bias-exact, crash-course or made-with-ml."),
    ] = None,
    force: Force = False,
    terminal: Terminal,
) -> None:
    """Make a line with noise, and record the truth beside it; of a lesson, say which run it recommends."""
    given: dict[str, Any] = {
        "slope": numbers_of(slope, "--slope"),
        "intercept": intercept,
        "x": x,
        "n": n,
        "noise": noise,
        "seed": seed,
    }
    # Only what was given: what is left out has the defaults of Python, said once, there.
    given = {name: value for name, value in given.items() if value is not None}
    if lesson is not None:
        # A lesson is a lesson because everybody has the same numbers.
        if given:
            raise typer.BadParameter(f"--lesson makes the lesson's own data; leave out --{', --'.join(given)}")
        data = bl.synthetic.lesson(lesson)
    else:
        slopes = given.get("slope")
        # One slope is a number, and its column is called x; several are x0, x1, ...
        if isinstance(slopes, list) and len(slopes) == 1:
            given["slope"] = slopes[0]
        data = bl.synthetic.line(**given)
    data.save(out, overwrite=force)
    truth = out.with_suffix(".json")
    following = _recommended(out, data.truth["run"]) if lesson is not None else None
    text = f"wrote {count(len(data.x), 'row')} to {out}, and the truth to {truth}"
    if data.truth.get("note"):
        text += f"\n{data.truth['note']}"
    facts = {"out": str(out), "truth": str(truth), "rows": len(data.x), **data.truth}
    terminal.result(text, facts | ({"next": following} if following else {}))
    if following and not (terminal.json or terminal.quiet):
        say(f"next: {following}")  # in one line, however narrow the terminal: it is there to be copied


def _recommended(file: Path, run: dict[str, Any]) -> str:
    """The command that trains as the lesson does, on its file."""
    # repr: every digit of a start, for the same run to come out.
    start = ["--start=" + ",".join(f"{value!r}".removesuffix(".0") for value in run["start"].values())] if run["start"] else []
    raw = [] if run["standardize"] else ["--no-standardize"]
    training = ["--solver", run["solver"], "--lr", str(run["lr"]), "--steps", str(run["steps"]), *raw, *start]
    return shlex.join(["bestline", "fit", str(file), "y ~ x", *training])
