"""The commands that hold lines against each other: side by side, nested, by held-out errors, all that leave out terms of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import bestline as bl
from bestline.calls import is_formula
from bestline.cli.options import (
    Force,
    Missing,
    Weights,
    examples,
    folds_of,
    grouped,
    names_of,
    one_or_names,
    refuse_existing,
    refuse_unless_table,
    resulting,
    saying,
    write_table,
)
from bestline.cli.terminal import Terminal
from bestline.cli.words import model_first, one, split_formula
from bestline.errors import readable

TABLE_EXAMPLES = examples(
    "bestline table small.bestline large.bestline",
    "bestline table small.bestline large.bestline --stars -o models.tex",
    "bestline table small.bestline large.bestline -o coefficients.png",
)
ANOVA_EXAMPLES = examples(
    "bestline anova cars.bestline",
    "bestline anova cars.bestline --kind 3",
    "bestline anova small.bestline large.bestline",
)
COMPARE_EXAMPLES = examples(
    "bestline compare cars.csv 'mpg ~ weight' 'mpg ~ weight + C(origin)'",
    "bestline compare cars.csv 'mpg ~ weight' 'mpg ~ horsepower' --folds 10 --missing drop",
)
SUBSETS_EXAMPLES = examples(
    "bestline subsets cars.bestline",
    "bestline subsets cars.csv 'mpg ~ weight + horsepower + C(origin)' --by cv --folds 10",
    "bestline subsets cars.csv --target mpg --missing drop --keep weight --most 4 -o best.csv",
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
        facts = terminal.told({"models": columns, "notes": list(found.notes)}, out)
        terminal.answer(str(found) if out is None else "", facts)


def _names(models: list[Path]) -> list[str] | None:
    """The files' names without their ending, where these tell them apart."""
    stems = [path.stem for path in models]
    return stems if len(set(stems)) == len(stems) else None


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


@grouped(terminal=saying)
def compare(
    words: Annotated[
        list[str], typer.Argument(metavar="DATA... FORMULA FORMULA...", help="Files, and two formulas or more of one target.")
    ],
    *,
    folds: Annotated[str, typer.Option(help="Number of folds, or a column whose values are the folds.")] = "5",
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
    weights: Weights = None,
    missing: Missing = "raise",
    terminal: Terminal,
) -> None:
    """Compare formulas by their errors on rows that they have not seen: the same rows and folds for all."""
    formulas, files = [w for w in words if is_formula(w)], [w for w in words if not is_formula(w)]
    if len(formulas) < 2 or not files:
        raise typer.BadParameter("give the data and two formulas or more: bestline compare line.csv 'y ~ x' 'y ~ x + z'")
    with terminal.listening():
        asked: dict[str, Any] = {"folds": folds_of(folds), "seed": seed, "weights": weights, "missing": missing}
        found = bl.compare(*(bl.fit(one(files), formula, **asked) for formula in formulas), held_out=True)
    terminal.answer(str(found), {**found.facts, "warnings": terminal.said})


@grouped(terminal=resulting)
def subsets(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL | DATA... [FORMULA]", help="A .bestline file of all terms; or data, and a formula of them."
        ),
    ],
    *,
    by: Annotated[
        str, typer.Option(help="Judge lines by bic, aic, cp (Mallows), adj_r_squared, or cv: their errors out of fold.")
    ] = "bic",
    most: Annotated[int | None, typer.Option(help="Most terms of a line. [default: all]")] = None,
    keep: Annotated[str | None, typer.Option(help="Terms that stay in every line: a,b.")] = None,
    target: Annotated[
        str | None,
        typer.Option(help="Which target, of several; without a formula, the column to predict. [default: the first]"),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(help="Columns to choose from, in place of a formula: a,b,c. [default: all others that can serve]"),
    ] = None,
    folds: Annotated[
        str | None, typer.Option(help="Number of folds, or a column whose values are the folds. [default: 5]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the folds. [default: 0]")] = None,
    weights: Weights = None,
    weight_kind: Annotated[str | None, typer.Option(help="What weights are: analytic, frequency or probability.")] = None,
    missing: Annotated[str | None, typer.Option(help="Missing values: raise, drop or impute. [default: raise]")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the ten best here: .csv or .parquet.")
    ] = None,
    force: Force = False,
    terminal: Terminal,
) -> None:
    """Look for the best of all lines that leave out some of up to 20 terms. What is found so flatters itself: judge it on other rows."""
    refuse_unless_table(out)
    refuse_existing(out, force, *(word for word in words if not is_formula(word)))
    asked = {
        "folds": None if folds is None else folds_of(folds),
        "seed": seed,
        "weights": weights,
        "weight_kind": weight_kind,
        "missing": missing,
    }
    settings = {name: value for name, value in asked.items() if value is not None}
    with terminal.listening() as bars:
        line, at = _of_all_terms(words, target, names_of(features), settings, bars.passes())
        found = line.subsets(by, most=most, keep=names_of(keep) or (), target=at)
    with terminal.saving((out, lambda file: write_table(found.frame(), file, force=force))):
        terminal.answer(str(found), terminal.told(found.facts, out))


def _of_all_terms(
    words: list[str], target: str | None, features: list[str] | None, settings: dict[str, Any], progress: Any
) -> tuple[bl.Model, int | str]:
    """The line of all terms, loaded or fitted, and which of its targets is meant."""
    made = next((word for word in words if word.lower().endswith((".bestline", ".moments"))), None)
    if made is not None and settings:
        option = next(iter(settings)).replace("_", "-")
        raise typer.BadParameter(f"--{option} was decided when {readable(made)} was made; leave it out")
    if made is not None and made.lower().endswith(".bestline"):
        path, rest = model_first(Path(words[0]), words[1:])
        if rest or features is not None:
            extra = readable(rest[0]) if rest else "--features"
            raise typer.BadParameter(f"the terms to choose from are those of the model; leave out {extra}")
        return bl.load(path), 0 if target is None else target
    files, formula = split_formula(words)
    # Beside a formula that names several, a target is one of them; else it is what to predict.
    columns: dict[str, Any] = {"features": features, "target": one_or_names(target) if formula is None else None}
    # Not as fit chooses of few rows: under a penalty there is nothing to choose.
    line = bl.fit(files, formula, **columns, **settings, solver="exact", progress=progress)
    return line, 0 if formula is None or target is None else target
