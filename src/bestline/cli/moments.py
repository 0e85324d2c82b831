"""The commands about moments: collect them once, add and subtract them, fit from them without the data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import bestline as bl
from bestline.cli.options import (
    Asked,
    Engine,
    Force,
    Missing,
    WeightKind,
    Weights,
    asking,
    briefly,
    examples,
    files_of,
    folds_of,
    grouped,
    refuse_existing,
    saying,
)
from bestline.cli.terminal import Terminal
from bestline.cli.usage import Commands
from bestline.errors import readable, warn
from bestline.wording import aligned, apart, on_columns, significant

app = typer.Typer(
    name="moments",
    cls=Commands,
    help="Moments of a table: a few kB that everything but the rows' own pictures follows from.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Out = Annotated[Path, typer.Option("--out", "-o", metavar="F.moments", help="Where to write them.")]
File = Annotated[Path, typer.Argument(readable=False, help="A .moments file.")]


@app.command(
    epilog=examples(
        "bestline moments collect 'parts/*.parquet' 'price ~ size + C(town)' -o price.moments",
        "bestline fit price.moments",
    )
)
@grouped(asked=asking, terminal=saying)
def collect(
    *,
    out: Out,
    asked: Asked,
    weights: Weights = None,
    weight_kind: WeightKind = "analytic",
    missing: Missing = "raise",
    folds: Annotated[
        str | None,
        typer.Option(help="Number of folds, for out-of-fold errors later, or a column whose values they are. [default: 5]"),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="A column of groups: moments of each of its values, which are the folds then.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
    engine: Engine = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Of files: keep here what has been read; the same command goes on from it, however the last one ended.",
        ),
    ] = None,
    force: Force = False,
    terminal: Terminal,
) -> None:
    """Read a table once and keep its moments."""
    if folds is not None and by is not None:
        raise typer.BadParameter("--by makes each of its values a fold; leave --folds out")
    _refuse(out, force, *files_of(asked.data))
    with terminal.listening() as bars:
        found = bl.Moments.collect(
            asked.data,
            asked.formula,
            **asked.columns,
            weights=weights,
            weight_kind=weight_kind,
            missing=missing,
            folds=None if by is not None else folds_of(folds or "5"),
            by=by,
            seed=seed,
            engine=engine,
            checkpoint=checkpoint,
            progress=bars.passes(),
        )
    with terminal.saving((out, lambda path: found.save(path, overwrite=force))):
        _tell(terminal, found, out)


@app.command(epilog=examples("bestline moments add monday.moments tuesday.moments -o week.moments"))
@grouped(terminal=briefly)
def add(first: File, second: File, *, out: Out, force: Force = False, terminal: Terminal) -> None:
    """The moments of both tables together."""
    _combined("+", first, second, out, force, terminal)


@app.command(epilog=examples("bestline moments subtract week.moments monday.moments -o rest.moments"))
@grouped(terminal=briefly)
def subtract(first: File, second: File, *, out: Out, force: Force = False, terminal: Terminal) -> None:
    """The moments of the first table without the rows of the second."""
    _combined("-", first, second, out, force, terminal)


@app.command(epilog=examples("bestline moments show week.moments --json"))
@grouped(terminal=briefly)
def show(file: File, *, terminal: Terminal) -> None:
    """Say what a .moments file holds."""
    with terminal.listening():
        found = bl.Moments.load(file)
    _tell(terminal, found, None)


def _combined(sign: str, first: Path, second: Path, out: Path, force: bool, terminal: Terminal) -> None:
    _refuse(out, force)
    with terminal.listening():
        if sign == "+" and first.is_file() and second.is_file() and first.read_bytes() == second.read_bytes():
            warn(f"{first.name} and {second.name} hold the same moments, so every row counts twice.")
        # Both are checked to be of the same columns, levels and folds by the sum itself.
        a, b = bl.Moments.load(first), bl.Moments.load(second)
        found = a + b if sign == "+" else a - b
    with terminal.saving((out, lambda path: found.save(path, overwrite=force))):
        _tell(terminal, found, out)


def _refuse(out: Path, force: bool, *read: str) -> None:
    # By its suffix `fit` knows moments from a table.
    if out.suffix != ".moments":
        raise typer.BadParameter(f"moments are written to a .moments file; got {out}")
    refuse_existing(out, force, *read)


def _tell(terminal: Terminal, found: bl.Moments, out: Path | None) -> None:
    facts = _facts(found)
    lines = [
        on_columns(found.design.formula, found.design.p),
        f"{found.rows:,} rows in {len(found.folds)} folds{'' if found.by is None else f', the values of {readable(found.by)}'}"
        + (f", {found.dropped:,} left out because a value was missing" if found.dropped else ""),
    ]
    cells = [[significant(column[k]) for k in ("mean", "sd", "low", "high")] for column in facts["columns"].values()]
    names = apart(list(facts["columns"]), 40)
    head = ["column", "mean", "sd", "least", "largest"]
    lines += aligned([head, *([name, *row] for name, row in zip(names, cells, strict=True))], numbers=True)
    terminal.answer("\n".join(lines), terminal.told(facts, out))


def _facts(found: bl.Moments) -> dict[str, Any]:
    total, design = found.total, found.design
    low, high = found.low.tolist(), found.high.tolist()
    columns = {
        name: {
            "mean": float(total.center[j]),
            "sd": float(total.spread[j]),
            # Moments keep the range of features alone; of targets nobody asks for it.
            "low": _finite(low[j]) if j < design.p else None,
            "high": _finite(high[j]) if j < design.p else None,
        }
        for j, name in enumerate((*design.names, *design.targets))
    }
    return {
        "formula": design.formula,
        "targets": list(design.targets),
        "features": list(design.names),
        "rows": found.rows,
        "rows_dropped": found.dropped,
        "folds": [fold.count for fold in found.folds],
        "by": found.by,
        "values": list(found.values),
        "weight": total.weight,
        "columns": columns,
    }


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None
