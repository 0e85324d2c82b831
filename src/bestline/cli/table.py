"""The command that puts several models side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import bestline as bl
from bestline.cli.options import Force, examples, grouped, names_of, refuse_existing, resulting
from bestline.cli.terminal import Terminal

TABLE_EXAMPLES = examples(
    "bestline table small.bestline large.bestline",
    "bestline table small.bestline large.bestline --stars -o models.tex",
    "bestline table small.bestline large.bestline -o coefficients.png",
)


@grouped(terminal=resulting)
def table(
    models: Annotated[
        list[Path], typer.Argument(metavar="MODEL...", readable=False, help="The .bestline files, a column each.")
    ],
    *,
    labels: Annotated[str | None, typer.Option(help="What the columns are called: a,b. [default: the files' names]")] = None,
    stars: Annotated[bool, typer.Option("--stars", help="Mark p-values below 0.05, 0.01 and 0.001.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write here: .md, .html, .tex, .csv or .txt; .png, .svg or .pdf: the coefficients drawn. [default: stdout]",
        ),
    ] = None,
    force: Force = False,
    terminal: Terminal,
) -> None:
    """Put several models side by side: estimates with their errors beneath, and how well each fits."""
    refuse_existing(out, force, *models)
    names = names_of(labels) or _names(models)
    with terminal.listening():
        found = bl.table([bl.load(path) for path in models], labels=names, stars=stars)
    with terminal.saving((out, lambda path: found.save(path, overwrite=force))):
        columns = [
            {
                "label": c.label,
                "target": c.target,
                "coef": {term: own.estimate for term, own in c.coefficients.items()},
                "std_error": {term: own.std_error for term, own in c.coefficients.items()},
                **{name.replace(" ", "_"): value for name, value in c.figures.items()},
            }
            for c in found.columns
        ]
        facts = {
            "models": columns,
            "notes": list(found.notes),
            "out": None if out is None else str(out),
            "warnings": terminal.said,
        }
        terminal.answer(str(found) if out is None else "", facts)


def _names(models: list[Path]) -> list[str] | None:
    """The files' names without their ending, where these tell them apart."""
    stems = [path.stem for path in models]
    return stems if len(set(stems)) == len(stems) else None
