"""The commands for levels: their marginal means, differences and slopes, and the effects that were absorbed, of a fitted model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import bestline as bl
from bestline import api
from bestline.cli.options import (
    STILLS,
    TABLES,
    At,
    By,
    Cov,
    Force,
    ModelFile,
    TableOut,
    examples,
    grouped,
    names_of,
    refuse_existing,
    refuse_unless_table,
    resulting,
    values_by_column,
    write_table,
)
from bestline.cli.terminal import Terminal
from bestline.cli.words import model_first, one

if TYPE_CHECKING:
    from bestline.inference.marginal import Marginal

MEANS_EXAMPLES = examples(
    "bestline means penguins.bestline species",
    "bestline means penguins.bestline species --by sex --at flipper_length_mm=190,210 -o means.csv",
    "bestline means penguins.bestline species --contrasts --adjust tukey -o pairs.png",
    "bestline means penguins.bestline flipper_length_mm --slopes --by species",
)
EFFECTS_EXAMPLES = examples(
    "bestline fit sales.csv 'sales ~ price | firm + year' -o sales.bestline",
    "bestline effects sales.bestline",
    "bestline effects sales.bestline -o effects.csv",
)


@grouped(terminal=resulting)
def means(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL TERM [DATA]...",
            help="A .bestline file; a column, or several: species:sex; the training rows, for another --cov or a mean that no column tells.",
        ),
    ],
    *,
    by: By = None,
    at: At = None,
    weights: Annotated[
        str, typer.Option(help="How levels of other categories count in averages: equal, or observed.")
    ] = "equal",
    contrasts: Annotated[bool, typer.Option("--contrasts", help="Differences of the means, with p-values.")] = False,
    method: Annotated[
        str | None, typer.Option(help="Which differences: pairwise, reference, sequential or mean. [default: pairwise]")
    ] = None,
    adjust: Annotated[
        str | None, typer.Option(help="For many comparisons: none, bonferroni, sidak, holm or tukey. [default: none]")
    ] = None,
    slopes: Annotated[bool, typer.Option("--slopes", help="How steep the line is in TERM, a column of numbers.")] = False,
    units: Annotated[
        str | None, typer.Option(help="Of means of log(y), say: own, those of y; or fitted, those of log(y). [default: own]")
    ] = None,
    level: Annotated[float, typer.Option(help="Level of the confidence intervals.")] = 0.95,
    cov: Cov = None,
    target: Annotated[str | None, typer.Option(help="Which target to draw, of several. [default: the first]")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Write here: .csv or .parquet; .png, .svg or .pdf: drawn. [default: stdout]"
        ),
    ] = None,
    force: Force = False,
    terminal: Terminal,
) -> None:
    """Marginal means: what a model says at each level of a term, averaged over the rest; their differences; slopes."""
    path, term, data = _told_apart(words)
    # Whoever says how to compare wants to compare: --adjust alone is enough.
    compared = contrasts or method is not None or adjust is not None
    if compared and slopes:
        raise typer.BadParameter("--slopes and --contrasts are two questions; ask one at a time")
    if units is not None and (compared or slopes):
        raise typer.BadParameter("--units is of means; differences and slopes are in those of the formula's left side")
    if out is not None and not out.name.lower().endswith((*STILLS, *TABLES)):
        raise typer.BadParameter(f"--out writes {', '.join(TABLES)}, or a picture: {', '.join(STILLS)}; got {out.name!r}")
    refuse_existing(out, force, path, *data)
    with terminal.listening():
        line = bl.load(path)
        asked: dict[str, Any] = {
            "by": names_of(by),
            "at": values_by_column(at, line.design.needs),
            "weights": weights,
            "level": level,
            "cov": cov,
        }
        asked |= {"data": one(data) if data else None}
        if units is not None:
            asked |= {"units": units}
        if compared:
            asked |= {"method": method or "pairwise", "adjust": adjust or "none"}
        kind = "contrasts" if compared else "slopes" if slopes else "means"
        found: Marginal = getattr(api, kind)(line, term, **asked)

    def save(file: Path) -> None:
        if file.suffix.lower() in STILLS:
            drawn = getattr(line.plot, kind)(term, target=0 if target is None else target, **asked)
            with api.fresh(file, overwrite=force) as temporary:
                api.write_drawing(drawn, temporary, file.suffix.lower().lstrip("."))
        else:
            write_table(found.frame(), file, force=force)

    with terminal.saving((out, save)):
        facts = terminal.told(found.facts, out)
        terminal.answer(str(found) if out is None else "", facts)


@grouped(terminal=resulting)
def effects(
    model: ModelFile,
    *,
    out: TableOut = None,
    force: Force = False,
    terminal: Terminal,
) -> None:
    """Absorbed effects: what each level of the factors behind the bar, y ~ x | firm + year, adds; and its rows."""
    refuse_unless_table(out, "a table of the effects")
    refuse_existing(out, force, model)
    with terminal.listening():
        found = api.level_effects(bl.load(model))
    with terminal.saving((out, lambda file: write_table(found.frame(), file, force=force))):
        facts = terminal.told(found.facts, out)
        terminal.answer(str(found) if out is None else "", facts, known=found.warnings if out is None else ())


def _told_apart(words: list[str]) -> tuple[Path, str, list[str]]:
    """The model, the term and the data, of words in any order but that the term stands before the data."""
    path, rest = model_first(Path(words[0]), words[1:])
    if not rest:
        raise typer.BadParameter(f"name the column to look at behind the model: bestline means {path} species")
    term = next((word for word in rest if not Path(word).exists()), rest[0])
    rest.remove(term)
    return path, term, rest
