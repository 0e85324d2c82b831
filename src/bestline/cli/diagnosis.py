"""The commands that look a second time: `summary` with robust errors, and `diagnose`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import bestline as bl
from bestline import api
from bestline.cli.options import Cov, Force, ModelFile, examples, grouped, refuse_existing, refuse_unless_picture, saying
from bestline.cli.terminal import Terminal
from bestline.cli.words import model_first, one

SUMMARY_EXAMPLES = examples(
    "bestline summary cars.bestline --level 0.9",
    "bestline summary cars.bestline --cov HC3 cars.csv",
    "bestline summary cars.bestline --cov cluster:maker cars.csv",
)
DIAGNOSE_EXAMPLES = examples(
    "bestline diagnose cars.bestline cars.csv",
    "bestline diagnose cars.bestline cars.csv -o panels.png --theme dark",
)


@grouped(terminal=saying)
def summary(
    model: ModelFile,
    *,
    data: Annotated[
        list[str] | None, typer.Argument(metavar="[DATA]...", help="The training rows; robust standard errors need them.")
    ] = None,
    level: Annotated[float, typer.Option(help="Level of the confidence intervals.")] = 0.95,
    cov: Cov = None,
    digits: Annotated[
        bool, typer.Option("--digits", help="Show how many digits of each weight are right, many or few.")
    ] = False,
    terminal: Terminal,
) -> None:
    """Print what `fit` printed: coefficients with intervals, errors, warnings."""
    model, rows = model_first(model, data)
    if rows and (cov or "classical").casefold() == "classical":  # rows without a use for them are a mistake
        raise typer.BadParameter("DATA is for robust standard errors; say which with --cov, such as --cov HC3")
    with terminal.listening():
        line = bl.load(model)
        kind = None if cov is None else api.parse_cov(cov, line.plan.loss)
        if kind and not kind.by_moments and not rows and (line.robust is None or line.robust.kind != kind):
            raise typer.BadParameter(f"--cov {cov} needs the training rows: bestline summary MODEL --cov {cov} DATA")
        page = line.summary(level, cov=cov, data=one(rows) if rows else None, digits=digits)
    terminal.answer(page.text, page.facts)


@grouped(terminal=saying)
def diagnose(
    model: ModelFile,
    *,
    data: Annotated[list[str], typer.Argument(metavar="DATA...", help="The training rows.")],
    target: Annotated[str | None, typer.Option(help="Which target, of several. [default: the first]")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="PAGE.png", help="Draw the four panels here (.png, .svg or .pdf).")
    ] = None,
    theme: Annotated[str | None, typer.Option(help="Of the picture: light or dark. [default: light]")] = None,
    force: Force = False,
    terminal: Terminal,
) -> None:
    """Look at every row with the line in hand: what matters, tests, the rows that move the line, the four panels."""
    refuse_unless_picture(out)
    if theme is not None and out is None:
        raise typer.BadParameter("--theme is of the picture; say where to draw it with --out PAGE.png")
    if out is not None:
        api.refuse_look(out, theme=theme or "light")
    model, data = model_first(model, data)
    refuse_existing(out, force, model, *data)
    with terminal.listening():
        # Once, for text, JSON and picture: it is a pass over the rows.
        found = bl.load(model).diagnose(one(data), target=0 if target is None else target)

    def draw(path: Path) -> None:
        with api.fresh(path, overwrite=force) as temporary:
            api.save(api.panels(found), temporary, format=path.suffix.lower().lstrip("."), theme=theme or "light")

    with terminal.saving((out, draw)):
        terminal.answer(str(found), terminal.told(found.facts, out))
