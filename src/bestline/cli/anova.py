"""The command for the analysis of variance: of the terms of one model, or of nested models beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import bestline as bl
from bestline.cli.options import examples, grouped, resulting
from bestline.cli.terminal import Terminal

ANOVA_EXAMPLES = examples(
    "bestline anova cars.bestline",
    "bestline anova cars.bestline --kind 3",
    "bestline anova small.bestline large.bestline",
)


@grouped(terminal=resulting)
def anova(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL...", readable=False, help="A .bestline file; or several of nested models, the smallest first."
        ),
    ],
    *,
    kind: Annotated[
        str | None,
        typer.Option(
            help="Of one model: each term beside 1, those before it; 2, all but those that contain it; 3, all. [default: 2]"
        ),
    ] = None,
    target: Annotated[str | None, typer.Option(help="Which target, of several. [default: the first]")] = None,
    terminal: Terminal,
) -> None:
    """Test what each term of a model explains, or each of several nested models; by the standard errors that the model keeps."""
    if kind is not None and len(models) > 1:
        raise typer.BadParameter("--kind is of the terms of one model; several are held against each other: leave it out")
    with terminal.listening():
        lines, at = [bl.load(path) for path in models], 0 if target is None else target
        found = lines[0].anova(2 if kind is None else kind, target=at) if len(lines) == 1 else bl.compare(*lines, target=at)
    terminal.answer(str(found), {**found.facts, "warnings": terminal.said})
